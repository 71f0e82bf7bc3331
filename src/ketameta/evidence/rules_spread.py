"""Is that standard deviation one? Bounds that hold for any sample, and comparison with its peers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ketameta._typing import Array
from ketameta.evidence.peers import MEANS, expected_sds, largest_sd
from ketameta.evidence.scales import Scales
from ketameta.evidence.sheet import NUMBERS, WARNING, Finding, Sheet

__all__ = ["spread_findings"]

PEER_SHARE = 0.25
"""An SD below this share of what its peers lead one to expect is flagged."""
SCORE_SHARE = 0.08
"""An SD of scores below this share of the largest that the mean and the scale allow is flagged."""
CHANGE_SHARE = 0.04
"""An SD of changes below this share of the width of the scale is flagged."""
MEAN_TO_SD = {"baseline": 15.0, "endpoint": 10.0, "change": 10.0}
"""Without a known scale, a mean more than this many SDs from 0 is flagged; entry criteria narrow a baseline."""
SE_SHARE = 0.4
"""An SD below this share of what its peers lead one to expect is flagged where, as an SE, it fits them."""
SE_FIT = 2.0
"""It fits them when SD x sqrt(n) lies within this factor of the expected SD."""
INFLATED = 3.0
"""An SD above this multiple of the expected one is flagged where SD / sqrt(n) fits."""
ARM_RATIO = 4.0
"""SDs of two arms further apart than this are flagged."""
_ROUNDING = 1.05
_QUESTION = "Was a standard error entered as a standard deviation?"


def spread_findings(data: Sheet, scales: Scales) -> Iterator[Finding]:
    """Standard deviations that cannot be, or look like standard errors."""
    largest = {s: largest_sd(data, scales, s) for s in "tc"}
    expectations = expected_sds(data, scales)
    for s in "tc":
        sd = data.number(f"sd_{s}")
        n = data.number(f"n_{s}")
        with np.errstate(divide="ignore", invalid="ignore"):
            inflation = np.where(n > 1, np.sqrt(n / (n - 1)), 1.0)
        impossible = sd > largest[s] * inflation * _ROUNDING
        if impossible.any():
            hint = "no sample on this scale with this mean has so large an SD"
            yield Finding(np.flatnonzero(impossible), f"sd_{s}", "sd-impossible", NUMBERS, hint)
        for row in np.flatnonzero((sd > 0) & data.is_one_of("score_type", MEANS)):
            expected, arms = (part[row] for part in expectations[s])
            if _inflated(sd[row], n[row], expected):
                hint = (
                    f"{_expectation(expected, arms)}, and SD / sqrt(n) is near it. "
                    "Was an SD taken for a standard error and multiplied by sqrt(n)?"
                )
                yield Finding(np.array([row]), f"sd_{s}", "sd-inflated", WARNING, hint)
        for number, why in _too_small(data, scales, largest[s], expectations[s], s):
            yield Finding(np.array([number]), f"sd_{s}", "sd-looks-like-se", WARNING, f"{why}. {_QUESTION}")
    sd_t, sd_c = data.number("sd_t"), data.number("sd_c")
    with np.errstate(divide="ignore", invalid="ignore"):
        far = (sd_t / sd_c > ARM_RATIO) | (sd_c / sd_t > ARM_RATIO)
    far &= (sd_t > 0) & (sd_c > 0)
    if far.any():
        hint = f"the SDs of the two arms differ more than {ARM_RATIO:g}-fold. {_QUESTION}"
        yield Finding(np.flatnonzero(far), "sd_t", "sd-arms", WARNING, hint)


def _expectation(expected: float, arms: float) -> str:
    return f"{arms:g} arms of other trials on this instrument let one expect an SD near {expected:.3g}"


def _too_small(
    data: Sheet, scales: Scales, largest: Array, expectation: tuple[Array, Array], s: str
) -> Iterator[tuple[int, str]]:
    kind = data.text("score_type")
    low, high = scales.bounds(data.text("instrument"))
    mean, sd, n = data.number(f"mean_{s}"), data.number(f"sd_{s}"), data.number(f"n_{s}")
    for row in np.flatnonzero((sd > 0) & data.is_one_of("score_type", MEANS)):
        reasons = []
        expected, arms = (part[row] for part in expectation)
        if _like_an_se(sd[row], n[row], expected):
            reasons.append(_expectation(expected, arms))
        width = high[row] - low[row]
        if np.isnan(width):
            if abs(mean[row]) > MEAN_TO_SD[kind[row]] * sd[row]:
                reasons.append(f"the mean is {abs(mean[row]) / sd[row]:.0f} SDs away from 0")
        elif kind[row] == "change":
            if sd[row] < CHANGE_SHARE * width:
                reasons.append(f"tiny against the {width:g} points of the scale")
        elif sd[row] < SCORE_SHARE * largest[row]:
            reasons.append(f"tiny against the {width:g} points of the scale and this mean")
        if reasons:
            yield int(row), "; ".join(reasons)


def _like_an_se(sd: float, n: float, expected: float) -> bool:
    """Far below the expected SD; or less far, and as an SE it would belong to such an SD."""
    fits = 1 / SE_FIT <= sd * np.sqrt(n) / expected <= SE_FIT
    return bool(sd < PEER_SHARE * expected or (sd < SE_SHARE * expected and fits))


def _inflated(sd: float, n: float, expected: float) -> bool:
    return bool(sd > INFLATED * expected and 1 / SE_FIT <= sd / np.sqrt(n) / expected <= SE_FIT)
