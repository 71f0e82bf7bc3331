"""Is that standard deviation one? Bounds that hold for any sample, and comparison with its peers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ketameta._typing import Array
from ketameta.evidence.scales import Scales
from ketameta.evidence.sheet import NUMBERS, WARNING, Finding, Sheet

__all__ = ["spread_findings"]

PEER_SHARE = 0.25
"""An SD below this share of the median SD of its peers is flagged."""
PEERS = 3
"""SDs from other trials that a comparison needs."""
SCORE_SHARE = 0.08
"""An SD of scores below this share of the largest that the mean and the scale allow is flagged."""
CHANGE_SHARE = 0.04
"""An SD of changes below this share of the width of the scale is flagged."""
MEAN_TO_SD = 15.0
"""Without a known scale, a mean more than this many SDs from 0 is flagged."""
ARM_RATIO = 4.0
"""SDs of two arms further apart than this are flagged."""
_ROUNDING = 1.05
_QUESTION = "Was a standard error entered as a standard deviation?"
_MEANS = ("baseline", "endpoint", "change")


def spread_findings(data: Sheet, scales: Scales) -> Iterator[Finding]:
    """Standard deviations that cannot be, or look like standard errors."""
    largest = {s: _largest_sd(data, scales, s) for s in "tc"}
    for s in "tc":
        sd = data.number(f"sd_{s}")
        n = data.number(f"n_{s}")
        with np.errstate(divide="ignore", invalid="ignore"):
            inflation = np.where(n > 1, np.sqrt(n / (n - 1)), 1.0)
        impossible = sd > largest[s] * inflation * _ROUNDING
        if impossible.any():
            hint = "no sample on this scale with this mean has so large an SD"
            yield Finding(np.flatnonzero(impossible), f"sd_{s}", "sd-impossible", NUMBERS, hint)
        for row, why in _too_small(data, scales, largest[s], s):
            yield Finding(np.array([row]), f"sd_{s}", "sd-looks-like-se", WARNING, f"{why}. {_QUESTION}")
    sd_t, sd_c = data.number("sd_t"), data.number("sd_c")
    with np.errstate(divide="ignore", invalid="ignore"):
        far = (sd_t / sd_c > ARM_RATIO) | (sd_c / sd_t > ARM_RATIO)
    far &= (sd_t > 0) & (sd_c > 0)
    if far.any():
        hint = f"the SDs of the two arms differ more than {ARM_RATIO:g}-fold. {_QUESTION}"
        yield Finding(np.flatnonzero(far), "sd_t", "sd-arms", WARNING, hint)


def _largest_sd(data: Sheet, scales: Scales, s: str) -> Array:
    """Largest population SD that a bounded scale allows; NaN where the scale is not known.

    For scores between a and b with mean m the variance is at most (m - a)(b - m) (Bhatia and Davis 2000,
    Amer. Math. Monthly 107:353-357); for changes between -w and w it is at most (w + m)(w - m).
    """
    low, high = scales.bounds(data.text("instrument"))
    mean = data.number(f"mean_{s}")
    change = data.is_one_of("score_type", ["change"])
    bottom = np.where(change, low - high, low)
    top = np.where(change, high - low, high)
    product = (mean - bottom) * (top - mean)
    product[~data.is_one_of("score_type", _MEANS) | (product < 0)] = np.nan
    return np.sqrt(product)


def _too_small(data: Sheet, scales: Scales, largest: Array, s: str) -> Iterator[tuple[int, str]]:
    instrument, kind = data.text("instrument"), data.text("score_type")
    low, high = scales.bounds(instrument)
    mean, sd = data.number(f"mean_{s}"), data.number(f"sd_{s}")
    for row in np.flatnonzero((sd > 0) & data.is_one_of("score_type", _MEANS)):
        reasons = []
        peers = _peer_sds(data, int(row))
        if len(peers) >= PEERS and sd[row] < PEER_SHARE * np.median(peers):
            reasons.append(
                f"the median SD of {instrument[row]} {kind[row]} scores in {len(peers)} arms "
                f"of other trials is {np.median(peers):.3g}"
            )
        width = high[row] - low[row]
        if np.isnan(width):
            if abs(mean[row]) > MEAN_TO_SD * sd[row]:
                reasons.append(f"the mean is {abs(mean[row]) / sd[row]:.0f} SDs away from 0")
        elif kind[row] == "change":
            if sd[row] < CHANGE_SHARE * width:
                reasons.append(f"tiny against the {width:g} points of the scale")
        elif sd[row] < SCORE_SHARE * largest[row]:
            reasons.append(f"tiny against the {width:g} points of the scale and this mean")
        if reasons:
            yield int(row), "; ".join(reasons)


def _peer_sds(data: Sheet, row: int) -> Array:
    """SDs of both arms on the same instrument and kind of score, from other cohorts."""
    instrument, kind, cohort = data.text("instrument"), data.text("score_type"), data.text("cohort_id")
    same = (instrument == instrument[row]) & (kind == kind[row]) & (cohort != cohort[row])
    sds = np.concatenate([data.number("sd_t")[same], data.number("sd_c")[same]])
    return np.asarray(sds[sds > 0], dtype=np.float64)
