"""Meta-regression: do characteristics of trials go with larger or smaller effects?"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import Array, ArrayLike
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models import _notes
from ketameta.models._rank import check_rank
from ketameta.models._regression_input import read_input
from ketameta.models._studies import Studies, text_column
from ketameta.models.design import Design
from ketameta.models.intervals import chi2_sf, q_profile
from ketameta.models.kernel import Fits, fit
from ketameta.models.linear import Linear
from ketameta.models.options import PoolOptions
from ketameta.models.pooling import Settings, spread
from ketameta.models.quadratic_forms import generalised_q
from ketameta.models.regression_result import Regression
from ketameta.provenance import trace

__all__ = ["regress"]

_STUDIES_A_MODERATOR = 10
_ROUNDING = 1e-13
_WIDEST = 1e24


def regress(
    es: pd.DataFrame | None = None,
    moderators: str | pd.DataFrame | pd.Series | Mapping[str, ArrayLike] | None = None,
    *,
    reference: Mapping[str, Any] | None = None,
    yi: ArrayLike | None = None,
    vi: ArrayLike | None = None,
    tau2: str = "REML",
    ci: str = "HKSJ",
    level: float = 0.95,
    options: PoolOptions | None = None,
) -> Regression:
    """Regress effect sizes of independent studies on characteristics of the studies.

    Parameters
    ----------
    es : DataFrame, optional
        Table from :func:`ketameta.effect_sizes`, or any table with columns ``yi`` and ``vi``.
    moderators : str, DataFrame, Series or mapping
        A formula, as in ``"year + comparator_class"``: columns of the table, joined by ``+``, ``:``
        (interaction) and ``*`` (both and their interaction); ``0 +`` leaves the intercept out. Text, truth
        values and categories become contrasts with a reference level, and so do numbers in ``C(column)``.
        ``I(year**2)``, ``log()``, ``log2()``, ``log10()``, ``exp()``, ``sqrt()``, ``center()``, ``scale()``,
        ``poly(year, 2)`` and ``bs(year, df=4)`` compute with columns; nothing else is run. Or a matrix: named
        columns of numbers, row by row as the effects, as in ``{"year": [2010, 2014, 2019]}``; an intercept
        is added.
    reference : mapping of str, optional
        Reference levels, as in ``{"comparator_class": "inactive"}``. Otherwise the first category of a
        categorical column, or the first level in alphabetical order.
    yi, vi : array_like, shape (k,), optional
        Effects and sampling variances to go with a matrix, instead of a table; ratios as logs.
    tau2 : str
        Estimator of the residual between-study variance, as in :func:`ketameta.pool`.
    ci : str
        ``"Wald"`` (normal, chi-square), ``"HKSJ"`` (t and F with k - p degrees of freedom, p coefficients) or
        ``"HKSJ-adhoc"`` (the same, with standard errors never below the Wald ones).
    level : float
        Level of all intervals, between 0 and 1.
    options : PoolOptions, optional
        The interval of the residual tau2, which those of I2 and H2 follow: ``tau2_interval="Q-profile"``
        (Viechtbauer 2007) or ``"GENQ"`` (exact distribution of the generalised Q statistic with weights
        1 / sqrt(vi), Jackson et al. 2014, BMC Med Res Methodol 14:103).

    Returns
    -------
    Regression
        ``coefficients``, ``qm``, ``qm_p``, ``tau2``, ``r2``; ``test()``, ``predict()``, ``bubble()``.

    Raises
    ------
    ModelError
        As :func:`ketameta.pool`; and when the formula holds anything but what is listed above, a column does
        not exist, a moderator is not finite or does not vary, moderators cannot be told apart, or there are
        not more studies than coefficients.

    Warns
    -----
    KetametaWarning
        When one residual degree of freedom is left, the studies lie exactly on the fitted values, HKSJ is
        asked for under a common-effect model, or single and repeated dosing stand in one regression without
        ``dosing`` as a moderator.

    Notes
    -----
    Weighted least squares with weights 1 / (vi + tau2), tau2 estimated from the residuals: Berkey et al.
    (1995), Stat Med 14:395-411; Viechtbauer (2005), J Educ Behav Stat 30:261-293. HKSJ with moderators: Knapp
    and Hartung (2003), Stat Med 22:2693-2710. R2: Raudenbush (2009), in Cooper, Hedges and Valentine (eds),
    Handbook of Research Synthesis and Meta-Analysis, 2nd ed., 295-315; it varies much from sample to sample
    when studies are few (Lopez-Lopez et al. 2014, Br J Math Stat Psychol 67:30-48). Rows without a value of a
    moderator are left out, with the reason in ``left_out`` and a note.

    Differences between trials were not randomised: a coefficient shows an association, which may be owed to
    other things that the trials differ in.

    Examples
    --------
    Single infusions in major depression: is the effect after a day smaller against a psychoactive comparator?

    >>> import ketameta as km
    >>> day1 = km.select(km.load_trials(), indication="MDD", outcome="depression", dosing="single", hours=(20, 36))
    >>> es = km.effect_sizes(day1, measure="SMD")
    >>> fit = km.regress(es, "comparator_class", reference={"comparator_class": "inactive"})
    >>> fit.coefficients.columns.tolist()
    ['term', 'estimate', 'se', 'ci_low', 'ci_high', 'p']
    """
    settings = Settings.checked(tau2=tau2, ci=ci, prediction="t(k-1)", level=level, options=options)
    if settings.options.tau2_interval == "profile":
        raise ModelError('tau2_interval="profile" is for pool(); regress() takes "Q-profile" or "GENQ"')
    studies, left_out, design = read_input(es, moderators, reference, yi, vi)
    check_rank(design)
    asked = {"moderators": moderators, "reference": reference, "yi": yi, "vi": vi, "tau2": tau2, "ci": ci}
    studies.asked = ("regress", {**asked, "level": level, "options": settings.options})
    result, alerts = _fit(studies, left_out, design, settings)
    for alert in alerts:
        warnings.warn(alert, KetametaWarning, stacklevel=2)
    return result


def _fit(
    studies: Studies, left_out: pd.DataFrame, design: Design, settings: Settings
) -> tuple[Regression, tuple[str, ...]]:
    """Fit checked studies; returns the result, and those of its notes that deserve a warning."""
    basis = design.basis
    centred = design.x @ basis
    if studies.vi.max() > _WIDEST * studies.vi.min():
        raise _too_far_apart(studies)
    fits = _exact_as_zero(studies, fit(studies.yi, studies.vi, centred, tau2=settings.tau2))
    if not np.isfinite(fits.beta).all():
        raise _too_far_apart(studies)
    k, p = design.x.shape
    linear = Linear.of(fits, settings.ci, settings.level, basis)
    tested = np.eye(p)[1 if design.intercept else 0 :]
    omnibus = linear.joint(tested)
    common = settings.tau2 == "EE"
    interval: tuple[Any, Any] = (math.nan, math.nan)
    if not common:
        method = generalised_q if settings.options.tau2_interval == "GENQ" else q_profile
        interval = method(studies.yi, studies.vi, centred, level=settings.level)
    found = spread(fits, interval)
    without = math.nan if common else float(fit(studies.yi, studies.vi, tau2=settings.tau2).tau2)
    nested = design.intercept or _spans_constant(design.x)
    r2 = 100.0 * max(0.0, 1.0 - found.tau2 / without) if without > 0 and nested else math.nan
    alerts = _alerts(studies, design, fits, linear, settings)
    notes = (
        *_left_out_notes(left_out),
        *alerts,
        *_notes.standardisers([str(name) for name in text_column(studies.rows, "standardiser")]),
        *_design_notes(design, fits),
        *_notes.heterogeneity(
            fits,
            found.tau2_ci,
            tau2=settings.tau2,
            ci=settings.ci,
            interval=settings.options.tau2_interval,
        ),
    )
    if settings.ci == "HKSJ" and 0 < float(fits.hksj) < 1:
        notes += (
            f'the HKSJ variance is {float(fits.hksj):.2g} times the Wald variance; ci="HKSJ-adhoc" keeps it from falling below',
        )
    if without == 0 and nested:
        notes += ("R2 is not defined: tau2 without moderators is estimated as 0",)
    beta, cov = linear.coefficients()
    result = Regression(
        measure=studies.measure,
        formula=design.formula,
        tau2_method=settings.tau2,
        ci_method=settings.ci,
        tau2_interval=settings.options.tau2_interval,
        level=settings.level,
        k=k,
        qm=float(omnibus.stat),
        qm_df1=omnibus.df1,
        qm_df2=omnibus.df2,
        qm_p=float(omnibus.p),
        qe=found.q,
        qe_df=k - p,
        qe_p=float(chi2_sf(found.q, k - p)),
        tau2=found.tau2,
        tau2_ci=found.tau2_ci,
        i2=found.i2,
        i2_ci=found.i2_ci,
        h2=found.h2,
        h2_ci=found.h2_ci,
        r2=r2,
        tau2_without=without,
        boundary=found.boundary,
        loglik=float(fits.loglik),
        beta=_frozen(beta),
        cov=_frozen(cov),
        weights=_frozen(fits.weights),
        yi=_frozen(studies.yi),
        vi=_frozen(studies.vi),
        design=design,
        rows=studies.rows,
        left_out=left_out,
        notes=notes,
        provenance=trace(studies.rows, studies.asked),
        _linear=linear,
    )
    return result, alerts


def _too_far_apart(studies: Studies) -> ModelError:
    return ModelError(
        f"the numbers lie too far apart to be fitted (vi from {studies.vi.min():g} to {studies.vi.max():g}, "
        f"yi from {studies.yi.min():g} to {studies.yi.max():g}); check their units and those of the moderators"
    )


def _exact_as_zero(studies: Studies, fits: Fits) -> Fits:
    """The fits with an HKSJ factor of 0 where the residuals are no more than rounding."""
    w = 1.0 / (studies.vi + fits.tau2)
    total = (w * (studies.yi - (w @ studies.yi) / w.sum()) ** 2).sum()
    return replace(fits, hksj=np.where(fits.hksj * fits.df <= _ROUNDING**2 * total, 0.0, fits.hksj))


def _spans_constant(x: Array) -> bool:
    """Whether the columns add up to a constant, as those of all levels of a category do."""
    fitted = x @ np.linalg.lstsq(x, np.ones(len(x)), rcond=None)[0]
    return bool(np.allclose(fitted, 1.0, rtol=0.0, atol=1e-9))


def _alerts(
    studies: Studies, design: Design, fits: Fits, linear: Linear, settings: Settings
) -> tuple[str, ...]:
    found = [] if "dosing" in design.columns else list(studies.alerts)
    if settings.ci == "Wald":
        return tuple(found)
    if settings.tau2 == "EE":
        found.append(
            'HKSJ intervals are meant for mixed-effects models; tau2="EE" usually goes with ci="Wald"'
        )
    if fits.df == 1:
        found.append("one residual degree of freedom is left: HKSJ intervals and tests say almost nothing")
    if not np.all(linear.factor > 0):
        found.append(
            "the effects lie exactly on the fitted values, so the HKSJ standard errors are 0; "
            'use ci="HKSJ-adhoc" or ci="Wald"'
        )
    return tuple(found)


def _left_out_notes(left_out: pd.DataFrame) -> tuple[str, ...]:
    reasons = text_column(left_out, "reason")
    without = [reason for reason in reasons if reason.startswith("no value of ")]
    notes = list(_notes.left_out(len(reasons) - len(without)))
    for reason in dict.fromkeys(without):
        count = without.count(reason)
        notes.append(
            f"{count} {'row has' if count == 1 else 'rows have'} {reason} and {'is' if count == 1 else 'are'} left out"
        )
    return tuple(notes)


def _design_notes(design: Design, fits: Fits) -> tuple[str, ...]:
    k, p = design.x.shape
    notes = [
        f"reference level of {name}: {known[0]}"
        for name, known in design.levels.items()
        if any(f"{name}: {known[1]} vs {known[0]}" in coefficient for coefficient in design.names)
    ]
    if not design.intercept:
        notes.append("the model has no intercept: the test of moderators asks whether every coefficient is 0")
    tested = p - design.intercept
    if k < _STUDIES_A_MODERATOR * tested:
        notes.append(
            f"{k} studies for {tested} coefficient{'s' if tested > 1 else ''} beside the intercept; at least "
            f"{_STUDIES_A_MODERATOR} studies for each are advised (Cochrane Handbook, 10.11.5.1)"
            if design.intercept
            else f"{k} studies for {tested} coefficients; at least {_STUDIES_A_MODERATOR} studies for each are advised"
            " (Cochrane Handbook, 10.11.5.1)"
        )
    root = np.sqrt(fits.weights)[:, None]
    hat = (np.linalg.qr(root * (design.x @ design.basis))[0] ** 2).sum(axis=1)
    alone = int((hat > 1 - 1e-8).sum())
    if alone:
        notes.append(
            f"{alone} {'study determines' if alone == 1 else 'studies determine'} a coefficient alone (the only "
            "one of its level, or the like) and "
            f"{'says' if alone == 1 else 'say'} nothing about heterogeneity"
        )
    return tuple(notes)


def _frozen(array: Array) -> Array:
    copy = np.array(array, dtype=np.float64)
    copy.flags.writeable = False
    return copy
