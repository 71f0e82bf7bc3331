"""Pool effect sizes: common-effect and random-effects meta-analysis."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import Array, ArrayLike
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models import _notes
from ketameta.models._settings import CI_METHODS, LINEAR_CI_METHODS, PREDICTION_METHODS, Settings
from ketameta.models._source import Source
from ketameta.models._studies import Studies, read_studies
from ketameta.models.intervals import (
    Inference,
    chi2_sf,
    heterogeneity_intervals,
    kenward_roger,
    q_profile,
)
from ketameta.models.kernel import Fits, fit
from ketameta.models.options import PoolOptions
from ketameta.models.prediction import LimitTrial, MeanInference, NewTrial, NoTrial, bootstrap
from ketameta.models.profile import ProfileInference, profile_tau2
from ketameta.models.quadratic_forms import generalised_q
from ketameta.models.result import Pooled

__all__ = [
    "CI_METHODS",
    "LINEAR_CI_METHODS",
    "PREDICTION_METHODS",
    "Settings",
    "Spread",
    "assemble",
    "coefficient",
    "pool",
    "pool_studies",
    "spread",
]

_NAN_PAIR = (math.nan, math.nan)
_BESIDE = {"Wald": "z", "KR": "t(KR)", "profile": "profile"}


def pool(
    es: pd.DataFrame | None = None,
    *,
    yi: ArrayLike | None = None,
    vi: ArrayLike | None = None,
    tau2: str = "REML",
    ci: str = "HKSJ",
    prediction: str = "t(k-1)",
    level: float = 0.95,
    options: PoolOptions | None = None,
) -> Pooled:
    """Pool effect sizes of independent studies.

    Parameters
    ----------
    es : DataFrame, optional
        Table from :func:`ketameta.effect_sizes`, or any table with columns ``yi`` and ``vi``. Rows without
        an effect but with a ``reason`` are left out and listed in the result.
    yi, vi : array_like, shape (k,), optional
        Effects and sampling variances (squared standard errors), instead of a table; ratios as logs.
    tau2 : str
        Estimator of the between-study variance: EE (none: common effect), DL (DerSimonian-Laird), HE
        (Hedges), HS (Hunter-Schmidt), SJ (Sidik-Jonkman), ML, REML, EB (empirical Bayes), PM
        (Paule-Mandel), HSk (HS with its small-sample correction), DL2 and HE2 (in two steps) or GENQ (the
        generalised Q statistic with weights 1 / sqrt(vi)).
    ci : str
        ``"Wald"`` (normal); ``"HKSJ"`` (Hartung-Knapp-Sidik-Jonkman: t with k - 1 degrees of freedom);
        ``"HKSJ-adhoc"`` (the same, with a standard error never below the Wald one); ``"KR"``
        (Kenward-Roger, for REML); ``"profile"`` (profile likelihood and likelihood ratio test, for ML).
    prediction : str
        ``"t(k-1)"``: estimate -+ t sqrt(tau2 + se^2) with the standard error and the distribution of the
        interval, t with k - 1 degrees of freedom beside HKSJ and the normal beside Wald, so that the two
        intervals agree when tau2 = 0. ``"t(k-2)"``: t with k - 2 degrees of freedom and the Wald standard
        error, whatever the interval (Higgins, Thompson and Spiegelhalter 2009). ``"bootstrap"``: from draws
        that allow for the uncertainty of tau2 (Nagashima, Noma and Furukawa 2019).
    level : float
        Level of all intervals, between 0 and 1.
    options : PoolOptions, optional
        The method of the interval of tau2, draws and seed of the bootstrap.

    Returns
    -------
    Pooled
        Ratios (OR, RR, HR, ROM) are on the log scale in its fields and shown as ratios.

    Raises
    ------
    ModelError
        When there is nothing to pool; a value is missing without a reason, not finite or not positive where
        it must be; measures differ; a cohort or a control arm is counted twice; an option is unknown.

    Warns
    -----
    KetametaWarning
        When an HKSJ interval rests on two studies or on identical effects, when it is asked for under a
        common-effect model, and when single and repeated dosing are pooled together.

    Notes
    -----
    tau2 as in Viechtbauer (2005), J Educ Behav Stat 30:261-293. REML and ML take the global maximum of the
    likelihood. HKSJ: Hartung and Knapp (2001), Stat Med 20:3875-3889; Sidik and Jonkman (2002), Stat Med
    21:3153-3159; ad hoc: Jackson et al. (2017), Stat Med 36:3923-3934; KR: Partlett and Riley (2017), Stat
    Med 36:301-317; profile: Hardy and Thompson (1996), Stat Med 15:619-629. Intervals of tau2, I2 and H2 by
    Q-profile: Viechtbauer (2007), Stat Med 26:37-52. Prediction: Higgins et al. (2009), J R Stat Soc A
    172:137-159.

    A prediction interval takes tau2 as if it were known. It covers 95% when heterogeneity is large beside the
    sampling variances, and less when it is moderate and studies are few (Partlett and Riley 2017, Stat Med
    36:301-317; Nagashima et al. 2019, Stat Methods Med Res 28:1689-1702).

    One study is returned as itself with a normal interval; tau2, I2, Q and the prediction interval are NaN.

    Examples
    --------
    >>> import ketameta as km
    >>> fit = km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.09, 0.05, 0.04, 0.07, 0.11])
    >>> fit.k, round(fit.estimate, 3), round(fit.tau2, 4)
    (5, -0.576, 0.0431)
    """
    settings = Settings.checked(
        tau2=tau2, ci=ci, prediction=prediction, level=level, options=options, choices=CI_METHODS
    )
    studies = read_studies(es, yi=yi, vi=vi)
    arrays = {} if es is not None else {"yi": studies.yi, "vi": studies.vi}
    chosen = {"tau2": tau2, "ci": ci, "prediction": prediction, "level": level, "options": settings.options}
    studies.asked = ("pool", {**arrays, **chosen})
    result, alerts = pool_studies(studies, settings)
    for alert in alerts:
        warnings.warn(alert, KetametaWarning, stacklevel=2)
    return result


@dataclass(frozen=True, slots=True)
class Spread:
    """Heterogeneity of a pool: the fields of :class:`Pooled` that speak of it. NaN means unknown."""

    tau2: float = math.nan
    tau2_ci: tuple[float, float] = _NAN_PAIR
    i2: float = math.nan
    i2_ci: tuple[float, float] = _NAN_PAIR
    h2: float = math.nan
    h2_ci: tuple[float, float] = _NAN_PAIR
    boundary: bool = False
    q: float = math.nan


def pool_studies(studies: Studies, settings: Settings) -> tuple[Pooled, tuple[str, ...]]:
    """Pool checked studies; returns the result, and those of its notes that deserve a warning."""
    if studies.yi.size == 1:
        return _single(studies, settings), studies.alerts
    fits = fit(studies.yi, studies.vi, tau2=settings.tau2)
    wald = _inference(studies, fits, replace(settings, ci="Wald"))
    inference = _inference(studies, fits, settings)
    if not (np.isfinite(inference.estimate) and 0 < wald.se < math.inf):
        raise ModelError(
            f"the numbers lie too far apart to be pooled (vi from {studies.vi.min():g} to "
            f"{studies.vi.max():g}, yi from {studies.yi.min():g} to {studies.yi.max():g}); check their units"
        )
    found = spread(fits, _tau2_interval(studies, settings))
    new_trial = _new_trial(studies, inference, wald, fits, settings)
    alerts = studies.alerts + _notes.alerts(fits, inference, tau2=settings.tau2, ci=settings.ci)
    result = assemble(
        studies,
        settings,
        inference,
        found,
        new_trial=new_trial,
        weights=fits.weights,
        loglik=float(fits.loglik),
        notes=(
            *_notes.left_out(studies.n_left_out),
            *alerts,
            *_notes.standardisers(studies.text("standardiser")),
            *_notes.heterogeneity(
                fits,
                found.tau2_ci,
                tau2=settings.tau2,
                ci=settings.ci,
                interval=settings.options.tau2_interval,
            ),
            *_notes.width(inference, wald, ci=settings.ci),
            *_notes.prediction(fits, method=settings.prediction, tau2=settings.tau2),
        ),
    )
    return result, alerts


def _inference(studies: Studies, fits: Fits, settings: Settings) -> MeanInference:
    """Inference on the mean by the chosen interval."""
    if settings.ci == "profile":
        return ProfileInference.of(studies.yi, studies.vi, fits, settings.level)
    if settings.ci == "KR":
        variance, df = kenward_roger(studies.vi, fits.tau2)
        return Inference(float(fits.beta[0]), math.sqrt(float(variance)), float(df), settings.level)
    return coefficient(fits, settings)


def _tau2_interval(studies: Studies, settings: Settings) -> tuple[Any, Any]:
    """Interval of tau2 by the chosen method."""
    if settings.tau2 == "EE":
        return _NAN_PAIR
    if settings.options.tau2_interval == "profile":
        return profile_tau2(studies.yi, studies.vi, method=settings.tau2, level=settings.level)
    method = generalised_q if settings.options.tau2_interval == "GENQ" else q_profile
    return method(studies.yi, studies.vi, level=settings.level)


def _single(studies: Studies, settings: Settings) -> Pooled:
    """One study: itself, with a normal interval."""
    se = math.sqrt(float(studies.vi[0]))
    return assemble(
        studies,
        replace(settings, ci="Wald"),
        Inference(float(studies.yi[0]), se, math.inf, settings.level),
        Spread(),
        new_trial=NoTrial(),
        weights=np.ones(1),
        loglik=math.nan,
        notes=(*_notes.left_out(studies.n_left_out), _notes.ONE_STUDY),
    )


def coefficient(fits: Fits, settings: Settings, index: int = 0) -> Inference:
    """Inference on one coefficient of a single fit by the chosen interval."""
    factor = 1.0 if settings.ci == "Wald" else float(fits.hksj)
    if settings.ci == "HKSJ-adhoc":
        factor = max(1.0, factor)
    se = math.sqrt(float(fits.cov[index, index]) * factor)
    df = math.inf if settings.ci == "Wald" else float(fits.df)
    return Inference(float(fits.beta[index]), se, df, settings.level)


def spread(fits: Fits, interval: tuple[Any, Any]) -> Spread:
    """Heterogeneity of a single fit, with the interval of tau2 carried over to I2 and H2."""
    found = heterogeneity_intervals(interval, fits.typical_v)
    return Spread(
        tau2=float(fits.tau2),
        tau2_ci=_floats(found.tau2),
        i2=float(fits.i2),
        i2_ci=_floats(found.i2),
        h2=float(fits.h2),
        h2_ci=_floats(found.h2),
        boundary=bool(fits.boundary),
        q=float(fits.q),
    )


def _new_trial(
    studies: Studies, inference: MeanInference, wald: MeanInference, fits: Fits, settings: Settings
) -> NewTrial:
    """What is known of a new trial, by the chosen prediction interval."""
    if settings.tau2 == "EE" or (settings.prediction == "t(k-2)" and fits.k < 3):
        return NoTrial()
    tau2 = float(fits.tau2)
    if settings.prediction == "bootstrap":
        return bootstrap(
            studies.yi,
            studies.vi,
            level=settings.level,
            draws=int(settings.options.draws),
            rng=settings.options.rng,
        )
    if settings.prediction == "t(k-2)":
        df = float(fits.k) - 2.0
        return LimitTrial("t(k-2)", Inference(wald.estimate, wald.se, df, settings.level), tau2)
    return LimitTrial(_BESIDE.get(settings.ci, "t(k-1)"), inference, tau2)


def assemble(
    studies: Studies,
    settings: Settings,
    inference: MeanInference,
    found: Spread,
    *,
    new_trial: NewTrial,
    weights: Array,
    loglik: float,
    notes: tuple[str, ...],
) -> Pooled:
    """Put the parts of a result together, as plain floats and arrays that cannot be written to."""
    low, high = _floats(inference.interval())
    pi = new_trial.interval()
    q_df = studies.yi.size - 1
    return Pooled(
        measure=studies.measure,
        tau2_method=settings.tau2,
        ci_method=settings.ci,
        prediction_method=new_trial.method,
        tau2_interval=settings.options.tau2_interval,
        level=settings.level,
        k=studies.yi.size,
        estimate=float(inference.estimate),
        se=float(inference.se),
        ci_low=low,
        ci_high=high,
        stat=float(inference.stat),
        df=float(inference.df),
        p=float(inference.p),
        pi_low=pi[0],
        pi_high=pi[1],
        tau2=found.tau2,
        tau2_ci=found.tau2_ci,
        i2=found.i2,
        i2_ci=found.i2_ci,
        h2=found.h2,
        h2_ci=found.h2_ci,
        boundary=found.boundary,
        q=found.q,
        q_df=q_df,
        q_p=float(chi2_sf(found.q, q_df)),
        loglik=loglik,
        weights=_frozen(weights),
        yi=_frozen(studies.yi),
        vi=_frozen(studies.vi),
        notes=(*notes, *_notes.narrow((low, high), pi)),
        inference=inference,
        new_trial=new_trial,
        source=Source(studies),
    )


def _floats(pair: tuple[Any, Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _frozen(array: Array) -> Array:
    copy = np.array(array, dtype=np.float64)
    copy.flags.writeable = False
    return copy
