"""Change scores against the baseline and endpoint rows of the same arm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._typing import Array
from ketameta.evidence.rounding import half_unit
from ketameta.evidence.scales import Scales
from ketameta.evidence.sheet import WARNING, Finding, Sheet

__all__ = ["change_findings"]

_SAME_PEOPLE = ("study_id", "outcome", "instrument", "comparator_arm_id", "crossover_period")
_ARMS = (("t", "ketamine"), ("c", "comparator"))


@dataclass(frozen=True, slots=True, eq=False)
class _Arm:
    """Numbers of one arm in all rows, and half of the last printed decimal of its means."""

    n: Array
    mean: Array
    sd: Array
    half: Array


def change_findings(data: Sheet, scales: Scales) -> Iterator[Finding]:
    """Changes that are not endpoint minus baseline, or would carry the baseline off the scale.

    Rows with different n hold different people. When k of n people are left, their mean can differ from
    that of all by no more than SD x sqrt((n - k) / k) (Samuelson's inequality for a subset), so a
    discrepancy within that bound, and rounding, is not flagged. Least-squares means, which carry no SD, are
    passed over.
    """
    arms = {s: _arm(data, s) for s, _ in _ARMS}
    low, high = scales.bounds(data.text("instrument"))
    for base, ends, changes in _triples(data):
        for s, name in _ARMS:
            arm = arms[s]
            for change in changes:
                if np.isnan(arm.mean[base] + arm.mean[change] + arm.sd[change]):
                    continue
                for end in ends.get(data.number("time_hours")[change], []):
                    yield from _difference(arm, base, end, change, s, name)
                yield from _off_scale(arm, base, change, (low[change], high[change]), s, name)


def _arm(data: Sheet, s: str) -> _Arm:
    mean = data.number(f"mean_{s}")
    return _Arm(
        data.number(f"n_{s}"),
        mean,
        data.number(f"sd_{s}"),
        half_unit(data.number("mean_t"), data.number("mean_c")),
    )


def _triples(data: Sheet) -> Iterator[tuple[int, dict[float, list[int]], list[int]]]:
    """Baseline row, endpoint rows by time, and change rows of the same arms; one baseline row at most."""
    keys = list(zip(*(data.text(name) for name in _SAME_PEOPLE), strict=True))
    kinds, sets, times = data.text("score_type"), data.text("analysis_set"), data.number("time_hours")
    groups: dict[tuple[Any, ...], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, key in enumerate(keys):
        if key[0] == "":
            continue
        groups[key][kinds[row]].append(row)
    for group in groups.values():
        for change_set in dict.fromkeys(sets[row] for row in group["change"]):
            bases = [row for row in group["baseline"] if sets[row] in ("", change_set) or change_set == ""]
            if len(bases) != 1:
                continue
            ends: dict[float, list[int]] = defaultdict(list)
            for row in group["endpoint"]:
                if sets[row] == change_set:
                    ends[times[row]].append(row)
            yield bases[0], ends, [row for row in group["change"] if sets[row] == change_set]


def _shift(sd: float, n: float, other: float) -> float:
    """How far the mean of some of the people can lie from the mean of all; infinite where n is not known."""
    if n == other:
        return 0.0
    few, many = min(n, other), max(n, other)
    return float(sd * np.sqrt((many - few) / few)) if few > 0 and sd > 0 else np.inf


def _difference(arm: _Arm, base: int, end: int, change: int, s: str, name: str) -> Iterator[Finding]:
    expected = arm.mean[end] - arm.mean[base]
    slack = arm.half[base] + arm.half[end] + arm.half[change]
    slack += _shift(arm.sd[base], arm.n[base], arm.n[change]) + _shift(arm.sd[end], arm.n[end], arm.n[change])
    if abs(arm.mean[change] - expected) > slack + 1e-9:
        hint = f"endpoint minus baseline is {expected:.3g} in the {name} arm"
        yield Finding(np.array([change]), f"mean_{s}", "change-arithmetic", WARNING, hint)


def _off_scale(
    arm: _Arm, base: int, change: int, scale: tuple[float, float], s: str, name: str
) -> Iterator[Finding]:
    end = arm.mean[base] + arm.mean[change]
    slack = arm.half[base] + arm.half[change] + _shift(arm.sd[base], arm.n[base], arm.n[change])
    if end + slack < scale[0] or end - slack > scale[1]:
        hint = (
            f"baseline {arm.mean[base]:g} and this change would carry the {name} arm to {end:.3g}, "
            f"off the scale of {scale[0]:g} to {scale[1]:g}"
        )
        yield Finding(np.array([change]), f"mean_{s}", "change-range", WARNING, hint)
