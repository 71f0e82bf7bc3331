"""Selection models: the pooled effect if studies were seen or not according to their P values."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import chi2

from ketameta._render import number, plural
from ketameta.models import Pooled
from ketameta.models.result import shown, small
from ketameta.robustness._asked import choice, pool_of
from ketameta.robustness._cautions import few
from ketameta.robustness._selection_weights import FAMILIES
from ketameta.robustness.selection_fitting import ALTERNATIVES, SelectionFit, fit_selection
from ketameta.robustness.selection_result import SelectionModel

__all__ = ["selection_model"]

_INTERVALS = ("profile", "Wald")
_ENOUGH_IN_INTERVAL = 4


def selection_model(
    fit: Pooled,
    *,
    weights: str = "step",
    steps: Any = (0.025,),
    alternative: str | None = None,
    delta: Any = None,
    intervals: str = "profile",
) -> SelectionModel:
    """Estimate the mean effect where studies are seen with a probability that depends on their P value.

    Parameters
    ----------
    fit : Pooled
        From :func:`ketameta.pool`, of two or more studies. After ``tau2="EE"`` tau2 is held at 0.
    weights : str
        ``"step"``: the weight is the same within each interval of P, and 1 in the first (Vevea and Hedges).
        ``"beta"``: p ** (a - 1) * (1 - p) ** (b - 1) (Citkowicz and Vevea). ``"negexp"``: exp(-delta * p);
        ``"halfnorm"``: exp(-delta * p ** 2) (Preston and others).
    steps : float or sequence of float
        For ``"step"``: where P is cut; a cut belongs to the interval below it. (0.025,) of a one-sided P is the
        three-parameter model: mean, tau2, and the weight of studies that are not significant, or significant in
        the other direction.
    alternative : ``"less"``, ``"greater"``, ``"two-sided"`` or None
        Which test P belongs to. ``"less"``: small P for effects below 0, such as fewer symptoms under ketamine.
        None takes the side on which the pooled effect lies. ``"beta"`` takes one-sided P.
    delta : sequence of float or None
        None estimates the weights. Numbers state them, and mean and tau2 are estimated under that selection
        (Vevea and Woods): for steps one weight for each interval, the first of them 1; (a, b) for ``"beta"``;
        one rate for the others.
    intervals : ``"profile"`` or ``"Wald"``
        Profile likelihood intervals, or estimate plus and minus multiples of the standard error.

    Returns
    -------
    SelectionModel

    Raises
    ------
    ModelError
        For anything but a pooled result, options that do not fit, more parameters than studies, and an interval
        of P that holds no study while its weight is to be estimated: that weight would be 0 whatever the truth,
        and the message says which steps to keep.

    Notes
    -----
    Before selection an effect is normal with mean mu and variance s_i = v_i + tau2. With weight w(p), what is
    seen has the density w(p_i) phi(y_i; mu, s_i) / A_i with A_i = E w(p(Y)). For steps A_i is a sum of
    differences of normal distribution functions; for the other weights it is found by Gauss-Legendre quadrature.
    P for beta weights is kept within 1e-5 and 1 - 1e-5, as these have no finite expectation otherwise where tau2
    is large. The likelihood is maximised, not the restricted one, from several starts, by Newton's steps with
    exact second derivatives, with tau2 at or above 0, step weights between 1e-10 and 1e10, and a, b and rates up
    to 100; a bound that lies beyond the range searched is infinite.
    Where tau2 is 0, standard errors are those with tau2 known.

    Such a model describes selection of studies by P value and nothing else: not selective reporting of outcomes
    within trials, poor quality, or small trials that differ in other ways. Estimates of the weights are vague
    with fewer than some tens of studies, and McShane and others ask to read them as a sensitivity analysis, for
    which ``delta`` is meant. Effects must be independent of each other.

    References
    ----------
    Vevea JL, Hedges LV (1995). A general linear model for estimating effect size in the presence of publication
    bias. Psychometrika 60:419-435. doi:10.1007/BF02294384

    Vevea JL, Woods CM (2005). Publication bias in research synthesis: sensitivity analysis using a priori weight
    functions. Psychological Methods 10:428-443. doi:10.1037/1082-989X.10.4.428

    Citkowicz M, Vevea JL (2017). A parsimonious weight function for modeling publication bias. Psychological
    Methods 22:28-41. doi:10.1037/met0000119

    Preston C, Ashby D, Smyth R (2004). Adjusting for publication bias: modelling the selection process. Journal of
    Evaluation in Clinical Practice 10:313-322. doi:10.1111/j.1365-2753.2003.00457.x

    McShane BB, Bockenholt U, Hansen KT (2016). Adjusting for publication bias in meta-analysis: an evaluation of
    selection methods and some cautionary notes. Perspectives on Psychological Science 11:730-749.
    doi:10.1177/1745691616662243

    Examples
    --------
    >>> import ketameta as km
    >>> fit = km.pool(
    ...     yi=[-0.9, -0.5, -0.62, -0.15, -0.05, -1.2, -0.7, -0.3, -0.8, 0.1],
    ...     vi=[0.09, 0.05, 0.04, 0.02, 0.03, 0.16, 0.1, 0.06, 0.08, 0.04],
    ... )
    >>> found = km.robustness.selection_model(fit)
    >>> found.alternative, round(found.estimate, 2), round(found.unadjusted, 2), round(found.lrt_p, 2)
    ('less', -0.11, -0.43, 0.09)
    >>> print(km.robustness.selection_model(fit, delta=(1, 0.25)).sentence())
    The pooled effect under the stated selection (step weights) was −0.25 (95% CI −0.47 to −0.02; k = 10, tau2 = 0.04), against −0.43 by the same model without selection.
    """
    pool_of(fit, "selection_model")
    choice("weights", weights, FAMILIES)
    choice("intervals", intervals, _INTERVALS)
    side = ("less" if fit.estimate < 0 else "greater") if alternative is None else alternative
    choice("alternative", side, ALTERNATIVES)
    common = fit.tau2_method == "EE"
    found = fit_selection(
        fit.yi, fit.vi, weights=weights, steps=steps, alternative=side, delta=delta, common=common
    )
    profile = intervals == "profile"
    wald_ci = _wald(found.mu, found.mu_se, fit.level)
    low, high = found.mu_interval(fit.level) if profile else wald_ci
    tau2_ci = _tau2_interval(found, fit.level, profile)
    table = _table(found, weights, delta is not None, fit.level, profile)
    stat = _stat(found, profile)
    df = 0 if delta is not None else found.delta.size
    lrt = max(2.0 * (found.loglik - found.loglik_none), 0.0) if df else math.nan
    asked = {
        "weights": weights,
        "steps": steps,
        "alternative": alternative,
        "delta": delta,
        "intervals": intervals,
    }
    return SelectionModel(
        measure=fit.measure,
        weights=weights,
        steps=found.scheme.steps,
        alternative=side,
        assumed=delta is not None,
        common=common,
        intervals=intervals,
        level=fit.level,
        k=fit.k,
        estimate=found.mu,
        se=found.mu_se,
        ci_low=low,
        ci_high=high,
        stat=stat,
        p=2.0 * float(ndtr(-abs(stat))),
        wald_ci=wald_ci,
        tau2=found.tau2,
        tau2_se=found.tau2_se,
        tau2_ci=tau2_ci,
        table=table,
        unadjusted=found.mu_none,
        unadjusted_se=found.mu_none_se,
        unadjusted_ci=_wald(found.mu_none, found.mu_none_se, fit.level),
        unadjusted_tau2=found.tau2_none,
        loglik=found.loglik,
        loglik_none=found.loglik_none,
        lrt=lrt,
        lrt_df=df,
        lrt_p=float(chi2.sf(lrt, df)) if df else math.nan,
        converged=found.converged,
        identified=found.identified,
        yi=fit.yi,
        vi=fit.vi,
        pi=found.p,
        notes=_notes(fit, found, table, weights, assumed=delta is not None, bounds=(low, high)),
        provenance=fit.provenance.after(("selection_model", asked)),
    )


def _wald(estimate: float, se: float, level: float) -> tuple[float, float]:
    z = -float(ndtri((1.0 - level) / 2.0))
    return estimate - z * se, estimate + z * se


def _stat(found: SelectionFit, profile: bool) -> float:
    """Test statistic of the mean against 0, standard normal under that hypothesis."""
    if profile:
        return math.copysign(math.sqrt(found.mean_deviance(0.0)), found.mu)
    return found.mu / found.mu_se


def _tau2_interval(found: SelectionFit, level: float, profile: bool) -> tuple[float, float]:
    if profile:
        return found.tau2_interval(level)
    low, high = _wald(found.tau2, found.tau2_se, level)
    return (max(low, 0.0), high) if math.isfinite(high) else (math.nan, math.nan)


def _table(found: SelectionFit, weights: str, assumed: bool, level: float, profile: bool) -> pd.DataFrame:
    """The weight function, one row an interval of P or a parameter."""
    rows = []
    k = found.p.size
    ends = (0.0, *found.scheme.steps, 1.0)
    if weights == "step":
        terms = [f"weight, P {low:g} to {high:g}" for low, high in itertools.pairwise(ends)]
        rows.append((terms[0], 0.0, ends[1], found.counts[0], 1.0, math.nan, math.nan, math.nan))
        parts = list(zip(terms[1:], ends[1:-1], ends[2:], found.counts[1:], strict=True))
    else:
        parts = [(name, 0.0, 1.0, k) for name in (("a", "b") if weights == "beta" else ("rate",))]
    for j, (term, p_low, p_high, count) in enumerate(parts):
        value, se = float(found.delta[j]), float(found.delta_se[j])
        low, high = math.nan, math.nan
        if not assumed and profile:
            low, high = found.delta_interval(j, level)
        elif not assumed:
            low, high = _wald(value, se, level)
            low = max(low, 0.0) if math.isfinite(low) else low
        rows.append((term, p_low, p_high, count, value, se, low, high))
    return pd.DataFrame(rows, columns=["term", "p_low", "p_high", "k", "delta", "se", "ci_low", "ci_high"])


def _notes(
    fit: Pooled,
    found: SelectionFit,
    table: pd.DataFrame,
    weights: str,
    *,
    assumed: bool,
    bounds: tuple[float, float],
) -> tuple[str, ...]:
    notes = list(few(fit))
    if not found.converged:
        notes.append("the search did not end at a maximum of the likelihood: do not use these numbers")
    if not found.identified:
        notes.append(
            "the data do not identify the model: the likelihood keeps rising towards the edge of what was searched, "
            "or has no curvature there; state the weights with delta= instead"
        )
    if not fit.yi.min() <= found.mu <= fit.yi.max():
        notes.append(
            "the mean lies outside the range of the effects: a degenerate solution, not an estimate to report"
        )
    if not all(map(math.isfinite, bounds)):
        notes.append("the likelihood sets no limit to the mean on one side or both")
    if weights == "step" and not assumed:
        thin = table[table["k"] < _ENOUGH_IN_INTERVAL]
        for row in thin.to_dict(orient="records"):
            notes.append(
                f"only {plural(row['k'], 'study', 'studies')} with P from {row['p_low']:g} to {row['p_high']:g}: "
                "weights relative to that interval are hardly known"
            )
        if (table["delta"] > 1).any():
            notes.append(
                "a weight above 1 says that studies with larger P are seen more often than those with the smallest: "
                "not the pattern that suppression of unwelcome results leaves"
            )
    if weights in ("negexp", "halfnorm") and not assumed:
        notes.append(
            "the rate cannot be negative, so the test of selection is too cautious at its usual level"
        )
    if found.tau2 == 0 and fit.tau2_method != "EE":
        notes.append(
            "tau2 was estimated as 0, the edge of its range; standard errors are those with tau2 known"
        )
    if fit.tau2_method not in ("ML", "EE"):
        pooled, ml = (number(shown(value, fit.ratio)) for value in (fit.estimate, found.mu_none))
        notes.append(
            f"fitted by maximum likelihood, the pool by {fit.tau2_method}: without selection {ml} "
            f"(tau2 {small(found.tau2_none)}) here, {pooled} (tau2 {small(fit.tau2)}) there"
        )
    return tuple(notes)
