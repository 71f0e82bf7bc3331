"""Tests for small-study effects: do smaller trials show other effects than larger ones?"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ketameta._render import plural
from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.models.intervals import Inference
from ketameta.provenance import Asked
from ketameta.robustness._asked import choice, pool_of
from ketameta.robustness._small_study_cautions import RATIOS_OF_COUNTS, on_size, on_standard_error
from ketameta.robustness._small_study_direction import direction
from ketameta.robustness._small_study_line import MODELS, Line, draw_line, model_words
from ketameta.robustness._small_study_rank import EXACT_AT_MOST, kendall
from ketameta.robustness._small_study_result import SmallStudyTest
from ketameta.robustness._small_study_sizes import arm_sizes, crossovers, event_counts

__all__ = ["SmallStudyTest", "begg", "egger", "peters", "pustejovsky_rodgers"]

_LEAST = 3
_SAME = 1e-12


def egger(fit: Pooled, *, model: str = "weighted") -> SmallStudyTest:
    """Test whether effects go with their standard errors.

    Parameters
    ----------
    fit : Pooled
        From :func:`ketameta.pool`, three studies or more.
    model : str
        ``"weighted"``: the classic test, weighted least squares whose residual variance is estimated, so that
        heterogeneity multiplies the variances. ``"mixed"``: meta-regression with the pool's estimator of tau2,
        so that heterogeneity adds to the variances, and with the pool's interval (HKSJ: t; Wald: normal; HKSJ in
        place of a Kenward-Roger or profile likelihood interval).

    Returns
    -------
    SmallStudyTest

    Raises
    ------
    ModelError
        For fewer than three studies, an unknown model, or standard errors that are all the same.

    Notes
    -----
    yi = b0 + b1 sqrt(vi) + error, with error variance phi vi (weighted) or vi + tau2 (mixed); the test is of
    b1 = 0. Dividing by the standard error gives the regression of yi / sei on 1 / sei of Egger et al. (1997),
    BMJ 315:629-634, whose intercept is b1; the mixed form is of Thompson and Sharp (1999), Stat Med
    18:2693-2708. b0 is the effect that the line gives a trial of endless size. Small trials may differ for other
    reasons than unpublished ones: other patients, doses, care, or chance (Sterne et al. 2011, BMJ 343:d4002).

    References
    ----------
    Egger M, Davey Smith G, Schneider M, Minder C (1997). Bias in meta-analysis detected by a simple, graphical
    test. BMJ 315:629-634. doi:10.1136/bmj.315.7109.629

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import egger
    >>> fit = km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.19, 0.02, 0.04, 0.01, 0.11])
    >>> test = egger(fit)
    >>> round(test.estimate, 2), round(test.p, 3)
    (-2.93, 0.006)
    """
    pool_of(fit, "egger", least=_LEAST)
    choice("model", model, MODELS)
    line = draw_line(fit, np.sqrt(fit.vi), "the standard error", model=model)
    words = ("Egger's test", "the standard error", model_words(fit, model, "1 / vi"))
    return _of_line(fit, line, model, words, on_standard_error(fit), ("egger", {"model": model}))


def peters(fit: Pooled, *, model: str = "weighted") -> SmallStudyTest:
    """Test whether log odds or risk ratios go with 1 / n, n the people of a trial.

    Parameters
    ----------
    fit : Pooled
        Pool of OR, RR or Peto OR from rows that hold the events and people of both arms.
    model : str
        ``"weighted"``: the test of Peters et al., weighted least squares. ``"mixed"``: meta-regression on 1 / n
        with the variances, the estimator of tau2 and the interval of the pool.

    Returns
    -------
    SmallStudyTest

    Raises
    ------
    ModelError
        For another measure, fewer than three studies, rows without counts (they are named), trials in which
        nobody or everybody had an event, or trials of one size.

    Notes
    -----
    yi = b0 + b1 / n + error, with weights 1 / (1 / events + 1 / others), events and others counted over both arms:
    neither predictor nor weight depends on the effect, as the standard error of a log odds ratio does. The
    weights are made for log odds ratios. Parts of a split comparator arm count as such.

    References
    ----------
    Peters JL, Sutton AJ, Jones DR, Abrams KR, Rushton L (2006). Comparison of two methods to detect publication
    bias in meta-analysis. JAMA 295:676-680. doi:10.1001/jama.295.6.676

    Examples
    --------
    >>> import pandas as pd
    >>> import ketameta as km
    >>> from ketameta.robustness import peters
    >>> rows = pd.DataFrame({"events_t": [9, 20, 30, 61], "total_t": [12, 35, 60, 140],
    ...                      "events_c": [2, 11, 21, 50], "total_c": [12, 36, 61, 139]})
    >>> test = peters(km.pool(km.effect_sizes(rows, measure="OR")))
    >>> round(test.estimate, 1), round(test.p, 3)
    (64.3, 0.003)
    """
    pool_of(fit, "peters", least=_LEAST)
    choice("model", model, MODELS)
    if fit.measure.upper() not in RATIOS_OF_COUNTS:
        raise ModelError(
            f"peters() is for ratios of counts (OR, RR, PETO), not {fit.measure or 'effects of unknown measure'}; "
            "use egger(), or pustejovsky_rodgers() for an SMD"
        )
    events, others = event_counts(fit, "peters")
    vi = 1 / events + 1 / others if model == "weighted" else fit.vi
    line = draw_line(fit, 1 / (events + others), "1/n", model=model, vi=vi)
    words = ("Peters' test", "1/n", model_words(fit, model, "1 / (1 / events + 1 / non-events)"))
    return _of_line(fit, line, model, words, on_size(fit), ("peters", {"model": model}))


def pustejovsky_rodgers(fit: Pooled, *, model: str = "weighted", weights: str = "sizes") -> SmallStudyTest:
    """Test whether SMDs go with sqrt(1/n_t + 1/n_c), the part of their standard error that is free of the SMD.

    Parameters
    ----------
    fit : Pooled
        Pool of SMDs from rows that hold the sizes of both arms.
    model : str
        ``"weighted"``: weighted least squares whose residual variance is estimated. ``"mixed"``: meta-regression
        with the pool's estimator of tau2 and interval.
    weights : str
        ``"sizes"``: 1/n_t + 1/n_c also takes the place of the variances. ``"variance"``: the variances of the
        pool, which hold what else is known (crossover, adjusted analyses), but for which large SMDs weigh less.

    Returns
    -------
    SmallStudyTest

    Raises
    ------
    ModelError
        For another measure, fewer than three studies, rows without sizes (they are named), or trials of one size.

    Notes
    -----
    The variance of an SMD is 1/n_t + 1/n_c + g^2 / (2 (n_t + n_c)) for two arms; the last part ties it to the SMD
    g, so that Egger's test finds slopes where there are none. The modified formula leaves that part out. With
    ``weights="variance"`` only the predictor is modified.

    References
    ----------
    Pustejovsky JE, Rodgers MA (2019). Testing for funnel plot asymmetry of standardized mean differences. Res
    Synth Methods 10:57-71. doi:10.1002/jrsm.1332

    Examples
    --------
    >>> import pandas as pd
    >>> import ketameta as km
    >>> from ketameta.robustness import pustejovsky_rodgers
    >>> rows = pd.DataFrame({"yi": [-1.1, -0.8, -0.35, -0.2], "vi": [0.2, 0.11, 0.04, 0.02], "measure": "SMD",
    ...                      "n_t": [12, 20, 50, 110], "n_c": [11, 22, 52, 105]})
    >>> test = pustejovsky_rodgers(km.pool(rows))
    >>> round(test.estimate, 2), round(test.p, 3)
    (-3.28, 0.005)
    """
    pool_of(fit, "pustejovsky_rodgers", least=_LEAST)
    choice("model", model, MODELS)
    choice("weights", weights, ("sizes", "variance"))
    if fit.measure.upper() != "SMD":
        raise ModelError(
            f"pustejovsky_rodgers() is for SMDs, not {fit.measure or 'effects of unknown measure'}; use egger(), or "
            "peters() for ratios of counts"
        )
    n_t, n_c = arm_sizes(fit, "pustejovsky_rodgers")
    square = 1 / n_t + 1 / n_c
    vi, of = (square, "1 / (1/n_t + 1/n_c)") if weights == "sizes" else (fit.vi, "1 / vi")
    line = draw_line(fit, np.sqrt(square), "sqrt(1/n_t + 1/n_c)", model=model, vi=vi)
    words = ("Pustejovsky and Rodgers' test", "sqrt(1/n_t + 1/n_c)", model_words(fit, model, of))
    notes = (*on_size(fit), *_same_people(fit, weights))
    asked = ("pustejovsky_rodgers", {"model": model, "weights": weights})
    return _of_line(fit, line, model, words, notes, asked)


def begg(fit: Pooled) -> SmallStudyTest:
    """Test whether effects and variances have the same order.

    Parameters
    ----------
    fit : Pooled
        From :func:`ketameta.pool`, three studies or more.

    Returns
    -------
    SmallStudyTest
        ``estimate`` is Kendall's tau-b, ``stat`` its normal statistic without continuity correction.

    Raises
    ------
    ModelError
        For fewer than three studies, or variances that are all the same.

    Notes
    -----
    Kendall's rank correlation of vi and (yi - m) / sqrt(vi - 1 / sum(1 / vi)), m the common-effect estimate. P is
    exact without ties and up to 200 studies, else normal. The test misses most of what the regressions find
    (Sterne et al. 2011, BMJ 343:d4002).

    References
    ----------
    Begg CB, Mazumdar M (1994). Operating characteristics of a rank correlation test for publication bias.
    Biometrics 50:1088-1101. doi:10.2307/2533446

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import begg
    >>> test = begg(km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.19, 0.02, 0.04, 0.01, 0.11]))
    >>> round(test.estimate, 2), round(test.p, 4)
    (-0.8, 0.0833)
    """
    pool_of(fit, "begg", least=_LEAST)
    if not np.ptp(fit.vi) > 0:
        raise ModelError(f"the variance is the same in all {fit.k} studies, so nothing can be ranked by it")
    found = kendall(_standardised(fit), fit.vi)
    why = "ties" if fit.k <= EXACT_AT_MOST else "many studies"
    by = "P exact" if found.exact else f"P by the normal distribution ({why})"
    notes = on_standard_error(fit)
    if math.isnan(found.tau):
        notes = (*notes, "the effects are all the same, so they have no order")
    nowhere = Inference(math.nan, math.nan, math.inf, fit.level)
    line = Line(Inference(found.tau, math.nan, math.inf, fit.level), nowhere, math.nan, ())
    how = f"Kendall's rank correlation of the standardised effects with it, {by}"
    words = ("Begg and Mazumdar's test", "the variance", how)
    return replace(_of_line(fit, line, "rank", words, notes, ("begg", {})), stat=found.z, p=found.p)


def _of_line(
    fit: Pooled, line: Line, model: str, words: tuple[str, str, str], notes: tuple[str, ...], asked: Asked
) -> SmallStudyTest:
    """A test of the slope of a line; ``words`` name the test, its predictor and how it is made."""
    test, predictor, how = words
    (low, high), (limit_low, limit_high) = line.slope.interval(), line.limit.interval()
    return SmallStudyTest(
        test=test,
        predictor=predictor,
        model=model,
        measure=fit.measure,
        level=fit.level,
        k=fit.k,
        estimate=float(line.slope.estimate),
        se=float(line.slope.se),
        ci_low=float(low),
        ci_high=float(high),
        stat=float(line.slope.stat),
        df=float(line.slope.df),
        p=float(line.slope.p),
        limit=float(line.limit.estimate),
        limit_ci_low=float(limit_low),
        limit_ci_high=float(limit_high),
        tau2=line.tau2,
        direction=direction(float(line.slope.estimate), fit.rows),
        how=f"effects on {predictor}, {how}",
        notes=(*notes, *line.notes),
        provenance=fit.provenance.after(asked),
    )


def _same_people(fit: Pooled, weights: str) -> tuple[str, ...]:
    count = crossovers(fit)
    if weights == "variance" or not count:
        return ()
    return (
        f"{plural(count, 'crossover trial')}, whose arms are the same people: weights by size do not know how "
        'precise such a trial is; see weights="variance"',
    )


def _standardised(fit: Pooled) -> Array:
    """Deviations from the common-effect estimate over their standard errors, 0 where effects are all the same.

    Sums are exact, so that equal studies stay equal: the ranks must see them as tied.
    """
    weight = 1.0 / fit.vi
    share = weight / weight.sum()
    if np.ptp(fit.yi) <= _SAME * np.abs(fit.yi).max():
        return np.zeros(fit.k)
    others = np.array([math.fsum(np.delete(share, i)) for i in range(fit.k)])
    result: Array = (fit.yi - share @ fit.yi) / np.sqrt(fit.vi * others)
    return result
