"""Pools of every universe: each distinct set of effects is fitted once by each estimator, in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.models.intervals import Inference
from ketameta.models.kernel import fit
from ketameta.robustness._refits import mean_variance
from ketameta.robustness._universe_effects import UnitEffects
from ketameta.robustness._universe_rows import Picked

__all__ = ["NUMBERS", "REASONS", "Fitted", "Samples", "fit_samples", "gather"]

NUMBERS = ("estimate", "se", "ci_low", "ci_high", "p", "tau2", "i2")
REASONS = (
    "",
    "no row answers the question",
    "no row gives an effect",
    "a single trial: nothing is pooled",
    "the same participants would be counted more than once",
    "mean differences on several instruments cannot be pooled",
    "the effects cannot be computed",
    "a Kenward-Roger interval goes with tau2 by REML",
    "all effects are identical: a Hartung-Knapp interval has no width",
    "the numbers lie too far apart to be pooled",
)
_EMPTY, _NO_EFFECT, _SINGLE, _TWICE, _SCALES, _ERROR, _KR, _NO_WIDTH, _APART = range(1, 10)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Distinct sets of effects, and which of them each combination of choices has.

    Attributes
    ----------
    yi, vi : Array, shape (samples, studies)
        Effects and variances; 0 and 1 where there is none.
    mask : BoolArray, shape (samples, studies)
        Which studies a sample has.
    k, n : Array, shape (samples,)
        Studies and participants; NaN where the size of a study is unknown.
    which : AnyArray, shape (row combinations, effect combinations, imputed)
        The sample of each combination; -1 where there is none.
    reason : AnyArray, of the shape of ``which``
        Why it has none, as a position in ``REASONS``; 0 where it has one.
    """

    yi: Array
    vi: Array
    mask: BoolArray
    k: Array
    n: Array
    which: AnyArray
    reason: AnyArray


def gather(picked: Picked, effects: Sequence[UnitEffects], imputed: Sequence[bool]) -> Samples:
    """Put the effects of the selected units side by side, and keep each distinct set once."""
    n_measures = int(picked.measure.max(initial=0)) + 1
    per_measure = len(effects) // n_measures
    width = max(each.yi.shape[1] for each in effects)
    shape = (picked.which.size, per_measure, len(imputed))
    which, reason = np.full(shape, -1, dtype=np.int64), np.full(shape, _EMPTY, dtype=np.int8)
    known: dict[bytes, int] = {}
    kept: list[tuple[Array, Array, BoolArray, Array]] = []
    for number, each in enumerate(effects):
        measure, place = divmod(number, per_measure)
        combos = np.flatnonzero((picked.measure == measure) & (picked.which >= 0))
        asked = np.unique(picked.which[combos])
        for column, allowed in enumerate(imputed):
            found, why = (
                np.full(len(picked.selections), -1, dtype=np.int64),
                np.zeros(len(picked.selections), dtype=np.int8),
            )
            for selection in asked.tolist():
                found[selection], why[selection] = _sample(
                    each, picked.selections[selection], allowed, width, known, kept
                )
            which[combos, place, column] = found[picked.which[combos]]
            reason[combos, place, column] = why[picked.which[combos]]
    columns = len(picked.selections[0]) * width if len(picked.selections) else width
    yi, vi = np.zeros((len(kept), columns)), np.ones((len(kept), columns))
    mask, n = np.zeros((len(kept), columns), dtype=np.bool_), np.zeros(len(kept))
    for row, (one, two, used, people) in enumerate(kept):
        yi[row, used], vi[row, used], mask[row] = one, two, used
        n[row] = people.sum()
    return Samples(yi, vi, mask, mask.sum(axis=1), n, which, reason)


def _sample(
    each: UnitEffects,
    units: AnyArray,
    allowed: bool,
    width: int,
    known: dict[bytes, int],
    kept: list[tuple[Array, Array, BoolArray, Array]],
) -> tuple[int, int]:
    """Position of the effects of one selection, new or known, and why there is none."""
    if each.error:
        return -1, _ERROR
    used = np.isfinite(each.yi[units])
    if not allowed:
        used &= ~each.imputed[units]
    total = int(used.sum())
    if total < 2:
        return -1, _SINGLE if total else _NO_EFFECT
    if (each.twice[units] & (used.sum(axis=1) > 1)).any():
        return -1, _TWICE
    instruments = each.instrument[units][used]
    if instruments.min() != instruments.max():
        return -1, _SCALES
    wide = np.zeros((units.size, width), dtype=np.bool_)
    wide[:, : used.shape[1]] = used
    mask, yi, vi = wide.ravel(), each.yi[units][used], each.vi[units][used]
    people = each.n[units][used]
    key = b"".join(values.tobytes() for values in (np.packbits(mask), yi, vi, people))
    if key not in known:
        known[key] = len(kept)
        kept.append((yi, vi, mask, people))
    return known[key], 0


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Fits of all samples; axes: samples, estimators of tau2, intervals.

    Attributes
    ----------
    numbers : dict of str to Array
        Those of ``NUMBERS``, NaN where there is no fit.
    reason : AnyArray
        Why there is none, as a position in ``REASONS``.
    """

    numbers: dict[str, Array]
    reason: AnyArray


def fit_samples(samples: Samples, tau2: Sequence[str], ci: Sequence[str], level: float) -> Fitted:
    """Fit every sample by every estimator of tau2, with every interval."""
    shape = (len(samples.yi), len(tau2), len(ci))
    numbers = {name: np.full(shape, np.nan) for name in NUMBERS}
    reason = np.zeros(shape, dtype=np.int8)
    for row, estimator in enumerate(tau2):
        fits = fit(samples.yi, samples.vi, mask=samples.mask, tau2=estimator, weights=False)
        for column, interval in enumerate(ci):
            here = (slice(None), row, column)
            if interval == "KR" and estimator != "REML":
                reason[here] = _KR
                continue
            variance, df = mean_variance(fits, samples.vi, ci=interval, mask=samples.mask)
            found = Inference(fits.beta[:, 0], np.sqrt(variance), df, level)
            low, high = found.interval()
            values = (found.estimate, found.se, low, high, found.p, fits.tau2, fits.i2)
            wald = fits.cov[:, 0, 0]
            apart = ~(np.isfinite(found.estimate) & (wald > 0) & np.isfinite(wald))
            reason[here] = np.where(apart, _APART, np.where(np.asarray(found.se) > 0, 0, _NO_WIDTH))
            for name, value in zip(NUMBERS, values, strict=True):
                numbers[name][here] = np.where(reason[here] == 0, value, np.nan)
    return Fitted(numbers, reason)
