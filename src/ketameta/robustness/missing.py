"""What the missing trials would have to show to change the conclusion of a pool."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.effects.people import arm_sizes, people
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.robustness._asked import number_within, pool_of
from ketameta.robustness._missing_rows import MissingTrials, read_missing
from ketameta.robustness._null_trials import null_trials
from ketameta.robustness._refits import Refits, refits
from ketameta.robustness._tipping import LARGEST, assumed_values, first_crossing, longest
from ketameta.robustness.missing_result import MissingEvidence

__all__ = ["missing_evidence"]

_POINTS = 61
_BEYOND = 0.25


def missing_evidence(
    fit: Pooled,
    missing: pd.DataFrame | Mapping[str, Sequence[Any]] | Sequence[float | None],
    *,
    threshold: float = 0.0,
    assumed: float | Sequence[float] | None = None,
) -> MissingEvidence:
    """Find the effect that missing trials would have to show to take a pooled effect to a threshold.

    Parameters
    ----------
    fit : Pooled
        From :func:`ketameta.pool`, of two studies or more.
    missing : DataFrame, mapping of its columns, or sequence of float or None
        Rows of :func:`ketameta.evidence.load_missing`, all or filtered: those of the pool's indications, outcomes and
        drugs that are not in the pool are taken, each trial once. Or the sizes of the missing trials, all arms
        together, None for an unknown one.
    threshold : float
        On the scale of the analysis (ratios as logs).
    assumed : float or sequence of float, optional
        Effects to assume in the missing trials; by default 61 values from the pooled effect to beyond the tipping
        points.

    Returns
    -------
    MissingEvidence

    Raises
    ------
    ModelError
        When no missing trial belongs to the question, a size or a value is not a number, or sizes are given and the
        variances of the pool cannot be tied to sizes.

    Notes
    -----
    Each missing trial is given the same effect d, two arms of N / 2 and, for an SMD, the variance
    4 / N + d^2 / (2 N) (Hedges and Olkin 1985, Statistical Methods for Meta-Analysis, 86); for another measure
    4 c / N, with c the median over the pooled trials of vi n1 n2 / (n1 + n2). An unknown N is set to the median of
    the pooled trials; where their sizes are unknown too, the median of ``vi`` is taken. All are pooled anew, tau2
    included, by the methods of ``fit``. The tipping effects are the first d, from the pooled effect on in the
    direction of the threshold, at which the estimate, or the end of its interval that faces the threshold, reaches
    it.

    The numbers of null trials are the smallest numbers of trials of median size with an effect of exactly 0 that do
    the same: Orwin's (1983) and Rosenberg's (2005) fail-safe numbers with tau2 estimated anew. They say nothing about
    how many there are.

    Trials that all show the same effect add nothing to heterogeneity among themselves. They would make a HKSJ variance
    smaller than any real trials could (with enough of them the t statistic no longer changes with their number), so
    beside HKSJ intervals its factor is kept at 1 or more (HKSJ-adhoc) once they are added.

    References
    ----------
    Orwin RG (1983). A fail-safe N for effect size in meta-analysis. J Educ Stat 8:157-159. doi:10.3102/10769986008002157

    Rosenberg MS (2005). The file-drawer problem revisited: a general weighted method for calculating fail-safe numbers
    in meta-analysis. Evolution 59:464-468. doi:10.1111/j.0014-3820.2005.tb01004.x

    Page MJ, Sterne JAC, Boutron I, et al. (2023). ROB-ME: a tool for assessing risk of bias due to missing evidence in
    systematic reviews with meta-analysis. BMJ 383:e076754. doi:10.1136/bmj-2023-076754

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import missing_evidence
    >>> fit = km.pool(yi=[-1.0, -0.6, -0.8, -0.4, -0.5], vi=[0.09, 0.05, 0.04, 0.07, 0.06])
    >>> found = missing_evidence(fit, [None, None])
    >>> round(found.effect_interval, 2), found.null_trials_interval
    (0.18, 44)
    """
    pool_of(fit, "missing_evidence")
    limit = number_within("threshold", threshold, -LARGEST, LARGEST)
    ci = "HKSJ-adhoc" if fit.ci_method == "HKSJ" else fit.ci_method
    trials = read_missing(missing, fit)
    pooled_sizes = people(fit.rows)
    middle = float(np.nanmedian(pooled_sizes)) if np.isfinite(pooled_sizes).any() else math.nan
    sizes = np.where(np.isnan(trials.sizes), middle, trials.sizes)
    unit = _unit_variance(fit, trials, middle)
    variances = partial(_variances, fit, sizes, unit)
    add = partial(_added, fit, ci, variances)
    sign = 1.0 if fit.estimate > limit else -1.0
    reach = longest(
        abs(fit.estimate - limit), 0.5 * (fit.ci_high - fit.ci_low), math.sqrt(float(np.median(fit.vi)))
    )
    tips = {}
    for name in ("estimate", "ci_low" if sign > 0 else "ci_high"):

        def over(effects: Array, name: str = name) -> Array:
            return np.asarray(sign * (getattr(add(effects), name) - limit))

        already = sign * (getattr(fit, name) - limit) <= 0
        tips[name == "estimate"] = math.nan if already else first_crossing(over, fit.estimate, -sign * reach)
    effects = _effects(assumed, fit, limit, tips, reach)
    null_variance = float(_variances(fit, np.array([middle]), unit, np.zeros(1))[0, 0])
    nulls = null_trials(fit, null_variance, limit, ci=ci)
    asked = {
        "missing": trials.asked,
        "threshold": limit,
        "assumed": None if assumed is None else effects.tolist(),
    }
    return MissingEvidence(
        measure=fit.measure,
        level=fit.level,
        tau2_method=fit.tau2_method,
        ci_method=ci,
        threshold=limit,
        k=fit.k,
        estimate=fit.estimate,
        ci_low=fit.ci_low,
        ci_high=fit.ci_high,
        m=trials.sizes.size,
        n_included=float(pooled_sizes.sum()),
        n_missing=float(sizes.sum()),
        n_missing_known=float(np.nansum(trials.sizes)),
        median_size=middle,
        effect_estimate=tips[True],
        effect_interval=tips[False],
        null_trials_estimate=nulls[0],
        null_trials_interval=nulls[1],
        studies=pd.DataFrame(
            {
                "study": trials.names,
                "n": sizes,
                "imputed": np.isnan(trials.sizes),
                "vi": variances(np.zeros(1))[0],
            }
        ),
        added=add(effects).table("effect", effects),
        notes=_notes(fit, trials, middle, ci),
        provenance=fit.provenance.after(("missing_evidence", asked)),
    )


def _unit_variance(fit: Pooled, trials: MissingTrials, middle: float) -> float:
    """The variance of a trial of one participant: 4 for an SMD of 0, else from the pooled trials; NaN if unknown."""
    if math.isnan(middle):
        if fit.measure != "SMD" and np.isfinite(trials.sizes).any():
            raise ModelError(
                "the sizes of the pooled trials are unknown, so a variance cannot be read off the size of a missing one; "
                "give None for its size (the median variance is taken), or pool rows with n_t and n_c"
            )
        return math.nan if fit.measure != "SMD" else 4.0
    if fit.measure == "SMD":
        return 4.0
    treated, compared = arm_sizes(fit.rows)
    return float(np.nanmedian(4.0 * fit.vi * treated * compared / (treated + compared)))


def _variances(fit: Pooled, sizes: Array, unit: float, effects: Array) -> Array:
    """Sampling variances (e, m) of missing trials at each effect (e,)."""
    usual = float(np.median(fit.vi))
    own = np.square(effects)[:, None] / (2.0 * sizes) if fit.measure == "SMD" else np.zeros((effects.size, 1))
    return np.where(np.isnan(sizes), usual, unit / sizes + own)


def _added(fit: Pooled, ci: str, variances: Any, effects: Array) -> Refits:
    """Pooled effects (e,) with the missing trials at each effect (e,)."""
    v = variances(effects)
    y = np.broadcast_to(effects[:, None], v.shape)
    both = [np.broadcast_to(part, (effects.size, fit.k)) for part in (fit.yi, fit.vi)]
    return refits(
        fit, np.concatenate((both[0], y), axis=1), np.concatenate((both[1], v), axis=1), ci=ci, test=False
    )


def _effects(assumed: Any, fit: Pooled, limit: float, tips: dict[bool, float], reach: float) -> Array:
    """The effects of the curve: those given, or from the pooled effect to beyond the tipping points."""
    if assumed is None:
        ends = [fit.estimate, limit, *(tip for tip in tips.values() if math.isfinite(tip))]
        low, high = min(ends), max(ends)
        room = _BEYOND * (high - low or reach)
        first, last = (low, high + room) if fit.estimate <= limit else (high, low - room)
        return np.asarray(np.linspace(first, last, _POINTS))
    return assumed_values(assumed)


def _notes(fit: Pooled, trials: MissingTrials, middle: float, ci: str) -> tuple[str, ...]:
    unknown = int(np.isnan(trials.sizes).sum())
    notes = list(trials.notes)
    if unknown and math.isnan(middle):
        notes.insert(
            0,
            f"size unknown for {unknown} of {trials.sizes.size} missing trials: the median variance is taken",
        )
    elif unknown:
        notes.insert(
            0,
            f"size unknown for {unknown} of {trials.sizes.size} missing trials: the median of the pooled trials, "
            f"{middle:g} participants, is taken",
        )
    if trials.sizes.size > fit.k:
        notes.append(
            f"more trials are missing ({trials.sizes.size}) than pooled ({fit.k}): what is assumed weighs more than what is known"
        )
    if ci != fit.ci_method:
        notes.append(
            "with trials of one common effect added, the HKSJ factor is kept at 1 or more (HKSJ-adhoc): equal results would "
            "make the interval too narrow"
        )
    notes.append(
        "every missing trial is given the same effect, so heterogeneity among them is not counted; the number of null "
        "trials does not say that so many exist"
    )
    return tuple(notes)
