"""Bayesian random-effects meta-analysis by quadrature."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import Array, ArrayLike
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models import _notes
from ketameta.models._mixture import Mixtures
from ketameta.models._mu_given_tau import Model
from ketameta.models._studies import Studies, read_studies, text_column
from ketameta.models._tau_posterior import TauPosterior, log_evidence, posterior_of_tau
from ketameta.models.marginals import STATISTICS, EffectLaw, Marginal, checked_level
from ketameta.models.posterior import Posterior, shrunken
from ketameta.models.priors import HalfNormal, Normal, TauPrior, Uniform
from ketameta.provenance import trace

__all__ = ["bayes"]

_DEFAULT = HalfNormal(0.5)
_SAME_SCALE = {"OR": ("OR", "PETO")}
_NODE = 1e-17
_CHUNK = 1_000_000


def bayes(
    es: pd.DataFrame | None = None,
    *,
    yi: ArrayLike | None = None,
    vi: ArrayLike | None = None,
    tau_prior: TauPrior = _DEFAULT,
    mu_prior: Normal | None = None,
    level: float = 0.95,
) -> Posterior:
    """Bayesian random-effects meta-analysis of independent studies, without sampling.

    Parameters
    ----------
    es : DataFrame, optional
        Table from :func:`ketameta.effect_sizes`, or any table with columns ``yi`` and ``vi``. Rows without
        an effect but with a ``reason`` are left out and listed in the result.
    yi, vi : array_like, shape (k,), optional
        Effects and sampling variances (squared standard errors), instead of a table; ratios as logs.
    tau_prior : TauPrior
        Prior of the standard deviation tau between studies, in the units of the effects: ``HalfNormal``,
        ``HalfCauchy``, ``HalfT``, ``Exponential``, ``Uniform``, ``LogNormal``, ``LogStudentT`` of
        ``ketameta.models``, or a published one by ``turner2015`` (log odds ratios) or ``rhodes2015`` (SMDs). The default
        is meant for log ratios, is a convention for SMDs, and is not for mean differences on a scale.
    mu_prior : Normal, optional
        Prior of the mean effect; flat when not given.
    level : float
        Level of all credible intervals, between 0 and 1.

    Returns
    -------
    Posterior
        Posterior of the mean effect, of tau, of the effect of a new study and of each study's own effect, with
        Bayes factors. Ratios (OR, RR, HR, ROM) are on the log scale in its fields and shown as ratios.

    Raises
    ------
    ModelError
        When there is nothing to pool; a value is missing without a reason, not finite or not positive where
        it must be; measures differ; a cohort or a control arm is counted twice; a prior is none; an improper
        prior leaves the posterior improper.

    Warns
    -----
    KetametaWarning
        When a published prior speaks of another effect measure, and when single and repeated dosing are pooled.

    Notes
    -----
    ``yi ~ N(theta_i, vi)``, ``theta_i ~ N(mu, tau^2)``. Given tau, mu and theta_i are normal; their posteriors are
    mixtures of these over the posterior of tau, which is integrated by Gauss-Legendre quadrature on panels of
    log tau that are halved until resolved (the model as in Roever 2020, J Stat Softw 93(6), doi:10.18637/jss.v093.i06;
    mixtures as in Roever and Friede 2017, J Comput Graph Stat 26:217-222, here not binned). Bayes factors compare the
    model with a zero against the model itself.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.models import HalfNormal, Normal
    >>> fit = km.bayes(
    ...     yi=[-1.10, -0.35, -0.62, -0.18, -0.80],
    ...     vi=[0.09, 0.05, 0.04, 0.07, 0.11],
    ...     tau_prior=HalfNormal(0.5),
    ...     mu_prior=Normal(0.0, 2.0),
    ... )
    >>> round(fit.mu.median, 2), round(fit.mu.low, 2), round(fit.mu.high, 2)
    (-0.57, -0.95, -0.21)
    >>> round(fit.mu.cdf(-0.3), 2), round(fit.new.cdf(0.0), 2)
    (0.94, 0.95)
    """
    level = checked_level(level)
    _check_priors(tau_prior, mu_prior)
    studies = read_studies(es, yi=yi, vi=vi)
    priors = {"tau_prior": tau_prior, "mu_prior": mu_prior}
    studies.asked = ("bayes", {"yi": yi, "vi": vi, **priors, "level": level})
    alerts = studies.alerts + _other_scale(tau_prior, studies.measure)
    for alert in alerts:
        warnings.warn(alert, KetametaWarning, stacklevel=2)
    return _posterior(studies, tau_prior, mu_prior, level, alerts)


def _check_priors(tau_prior: Any, mu_prior: Any) -> None:
    if isinstance(tau_prior, type) or not isinstance(tau_prior, TauPrior):
        raise ModelError(
            f"tau_prior={tau_prior!r} is no prior of tau; give one such as HalfNormal(0.5) of ketameta.models"
        )
    if mu_prior is not None and not isinstance(mu_prior, Normal):
        raise ModelError(f"mu_prior={mu_prior!r} must be None (flat) or Normal(mean, sd) of ketameta.models")


def _other_scale(prior: TauPrior, measure: str) -> tuple[str, ...]:
    if (
        not prior.measure
        or not measure
        or measure.upper() in _SAME_SCALE.get(prior.measure, (prior.measure,))
    ):
        return ()
    return (
        f"the prior of tau by {prior.source} is for measure {prior.measure}; these effects are {measure}",
    )


def _moments_of_tau(k: int, tau_prior: TauPrior, mu_prior: Normal | None) -> int:
    """Highest moment of tau, at most 2, that the posterior has; -1 where it is improper.

    The likelihood of tau falls off as ``tau^-(k - 1)`` under a flat prior of mu and as ``tau^-k`` under a normal one.
    """
    power = tau_prior.tail + k - (1 if mu_prior is None else 0)
    exists = [power - order > 1.0 or (tau_prior.slow and power - order == 1.0) for order in (0, 1, 2)]
    return sum(exists) - 1


def _posterior(
    studies: Studies, tau_prior: TauPrior, mu_prior: Normal | None, level: float, alerts: tuple[str, ...]
) -> Posterior:
    k = studies.yi.size
    order = _moments_of_tau(k, tau_prior, mu_prior)
    if order < 0:
        needed = 3 if mu_prior is None else 2
        raise ModelError(
            f"{tau_prior} is an improper prior of tau, and with k = {k} the posterior would be improper too: the "
            f"likelihood does not fall off fast enough for large tau; it takes at least {needed} studies, or a proper "
            "prior such as HalfNormal(0.5)"
        )
    origin = float(np.median(studies.yi))
    shifted = None if mu_prior is None else Normal(mu_prior.mean - origin, mu_prior.sd)
    model = Model(studies.yi - origin, studies.vi, shifted)
    law = posterior_of_tau(model, tau_prior, order=order)
    tau, weights = law.nodes()
    _, mean, sd = model.given(tau)
    both = Mixtures(weights, np.stack([mean, mean]), np.stack([sd, np.hypot(sd, tau)]))
    effects = _summary(both, origin, level)
    effects[0, :2] = _existing(effects[0, :2], order if mu_prior is None else 2)
    effects[1, :2] = _existing(effects[1, :2], order)
    proper = tau_prior.tail > 0.0
    zero = np.zeros(1)
    return Posterior(
        measure=studies.measure,
        k=k,
        level=level,
        tau_prior=tau_prior,
        mu_prior=mu_prior,
        mu=_marginal(effects[0], level, Mixtures(weights, both.means[:1], both.sds[:1]), origin),
        tau=_tau(law, tau, weights, level, order),
        new=_marginal(effects[1], level, Mixtures(weights, both.means[1:], both.sds[1:]), origin),
        studies=_studies_frame(studies, model, tau, weights, origin, level),
        log_evidence=law.log_evidence if proper and mu_prior is not None else math.nan,
        log_bf_mu0=math.nan
        if mu_prior is None
        else log_evidence(model, tau_prior, -origin) - law.log_evidence,
        log_bf_tau0=float(model.given(zero)[0][0]) - law.log_evidence if proper else math.nan,
        rows=studies.rows,
        left_out=studies.left_out,
        notes=(
            *_notes.left_out(len(studies.left_out)),
            *alerts,
            *_notes.standardisers([str(name) for name in text_column(studies.rows, "standardiser")]),
            *_posterior_notes(law, k, mu_prior, order),
        ),
        provenance=trace(studies.rows, studies.asked),
        _model=model,
        _law=law,
        _origin=origin,
    )


def _summary(found: Mixtures, origin: float, level: float) -> Array:
    """Statistics of mixtures, shape (r, 8), in the order of ``STATISTICS``."""
    heavy = found.weights > _NODE
    kept = Mixtures(found.weights[heavy], found.means[:, heavy], found.sds[:, heavy])
    q, mode, shortest = kept.summary(level)
    places = np.column_stack([found.mean(), q[:, 1], mode, q[:, 0], q[:, 2], shortest]) + origin
    return np.insert(places, 1, found.sd(), axis=1)


def _existing(moments: Array, order: int) -> Array:
    """Mean and standard deviation, where the posterior has moments up to ``order``."""
    mean = moments[0] if order >= 1 else math.nan
    sd = moments[1] if order >= 2 else (math.inf if order == 1 else math.nan)
    return np.array([mean, sd])


def _marginal(row: Array, level: float, mixture: Mixtures, origin: float) -> Marginal:
    return Marginal(
        **dict(zip(STATISTICS, row.tolist(), strict=True)), level=level, _law=EffectLaw(mixture, origin)
    )


def _tau(law: TauPosterior, tau: Array, weights: Array, level: float, order: int) -> Marginal:
    mean = float(weights @ tau) if order >= 1 else math.inf
    spread = weights @ np.square(tau - mean) if order >= 2 else math.inf
    low, median, high = law.quantile(np.array([0.5 * (1.0 - level), 0.5, 0.5 * (1.0 + level)])).tolist()
    shortest = law.shortest(level)
    return Marginal(
        mean, math.sqrt(spread), median, law.mode(), low, high, shortest[0], shortest[1], level, law
    )


def _studies_frame(
    studies: Studies, model: Model, tau: Array, weights: Array, origin: float, level: float
) -> pd.DataFrame:
    step = max(1, _CHUNK // tau.size)
    parts = [
        _summary(shrunken(model, tau, weights, i, min(i + step, model.y.size)), origin, level)
        for i in range(0, model.y.size, step)
    ]
    head = {"label": text_column(studies.rows, "label"), "yi": studies.yi, "vi": studies.vi}
    return pd.DataFrame(head | dict(zip(STATISTICS, np.concatenate(parts).T, strict=True)))


def _posterior_notes(law: TauPosterior, k: int, mu_prior: Normal | None, order: int) -> tuple[str, ...]:
    prior, found = law.prior, []
    if k == 1:
        told = "is its prior" if mu_prior is None else "is hardly more than its prior"
        found.append(f"one study: the posterior of tau {told}")
    if order < 2:
        whose = (
            "tau and of a new study's effect"
            if mu_prior is not None
            else "tau, of mu and of a new study's effect"
        )
        lacking = "standard deviation" if order == 1 else "mean or standard deviation"
        found.append(
            f"the posterior of {whose} is too heavy-tailed to have a finite {lacking}; medians are given"
        )
    if prior.tail <= 1.0 and prior.slow:
        found.append(
            "this prior's density of tau is not bounded at 0; the mode of tau is its highest point inside"
        )
    if prior.tail > 0.0 and k > 1:
        median = law.quantile(np.array([0.5]))
        if prior.below(median)[0] > 0.99:
            found.append(
                "the data ask for a larger tau than its prior allows for: its median lies beyond 99% of the prior"
            )
        if isinstance(prior, Uniform) and law.pdf(np.array([prior.bound]))[0] * prior.bound > 0.1:
            found.append(
                "the bound of the uniform prior cuts off the posterior of tau; a larger bound widens it"
            )
    return tuple(found)
