"""Sizes, SDs and counts of rows of effects, as their covariance needs them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ketameta._typing import Array, BoolArray
from ketameta.effects._intervals import levels
from ketameta.effects._naming import describe
from ketameta.effects._needs import COUNTS
from ketameta.effects._sheet import Sheet
from ketameta.effects.percentages import events_from_percent
from ketameta.effects.recovery import sd_from_ci, sd_from_se
from ketameta.errors import EffectError

__all__ = ["correct_zero_cells", "parts_of_control", "read_numbers"]

_SPLIT = re.compile(r"control split in (\d+)")


def parts_of_control(sheet: Sheet, rows: pd.DataFrame) -> Array:
    """In how many parts the comparator arm of each row was split."""
    parts = np.ones(len(sheet))
    for row, text in enumerate(sheet.text("shared")):
        match = _SPLIT.fullmatch(text) if text else None
        if match:
            parts[row] = float(match[1])
            if parts[row] < 2:
                raise EffectError(
                    f"shared = {text!r}: an arm is split in two or more; not so in {describe(rows, np.array([row]))}"
                )
    return parts


def read_numbers(sheet: Sheet, parts: Array) -> dict[str, Array]:
    number = {"yi": sheet.number("yi"), "vi": sheet.number("vi"), "hours": sheet.number("time_hours")}
    for arm in ("t", "c"):
        size, total = _positive(sheet.number(f"n_{arm}")), _positive(sheet.number(f"total_{arm}"))
        number[f"n_{arm}"] = np.where(np.isnan(size), total, size)
        number[f"events_{arm}"], number[f"total_{arm}"] = _events(sheet, arm, total), total
    number |= {f"sd_{arm}": _sd(sheet, arm, number[f"n_{arm}"]) for arm in ("t", "c")}
    number |= {f"baseline_sd_{arm}": _positive(sheet.number(f"baseline_sd_{arm}")) for arm in ("t", "c")}
    for name in ("n_c", "events_c", "total_c"):
        number[name] = number[name] / parts
    return number


def _events(sheet: Sheet, arm: str, total: Array) -> Array:
    """Events of an arm as printed, or from their percentage; not-a-number where neither tells."""
    events, percent = sheet.number(f"events_{arm}").copy(), sheet.text(f"percent_{arm}")
    for row in np.flatnonzero(np.isnan(events) & sheet.given(f"percent_{arm}") & np.isfinite(total)):
        try:
            events[row] = float(events_from_percent(percent[row], total[row]))
        except EffectError:
            continue
    return events


def _sd(sheet: Sheet, arm: str, n: Array) -> Array:
    """SD of an arm as printed, or from the SE or the interval of its mean; not-a-number where there is none."""
    sd, se = (_positive(sheet.number(f"{name}_{arm}")) for name in ("sd", "se"))
    low, high = sheet.number(f"ci_low_{arm}"), sheet.number(f"ci_high_{arm}")
    from_se = np.isnan(sd) & np.isfinite(se) & (n > 1)
    if from_se.any():
        sd[from_se] = sd_from_se(se[from_se], n[from_se])
    level = np.where(sheet.given("ci_level"), levels(sheet, "ci_level"), 0.95)
    finite = np.isfinite(low) & np.isfinite(high) & np.isfinite(level)
    from_ci = np.isnan(sd) & finite & (low < high) & (n > 1)
    if from_ci.any():
        sd[from_ci] = sd_from_ci(low[from_ci], high[from_ci], n[from_ci], level[from_ci])
    return sd


def correct_zero_cells(number: dict[str, Array], measure: str) -> tuple[BoolArray, BoolArray]:
    """Blank impossible counts and correct tables with a zero, as the effects did; tell which rows these are.

    The arcsine difference needs no correction, but the largest correlation between two outcomes does: the
    numbers of the corrected table stand under ``odds_t`` and ``odds_c``.
    """
    a, n, c, k = (number[name] for name in COUNTS)
    known = ~np.isnan(a + n + c + k)
    sound = (a >= 0) & (a <= n) & (c >= 0) & (c <= k)
    zero = (a == 0) | (a == n) | (c == 0) | (c == k)
    added = np.where(zero, 0.5, 0.0)
    with np.errstate(all="ignore"):
        for arm, events, size in (("t", a, n), ("c", c, k)):
            number[f"odds_{arm}"] = np.where(sound, (events + added) / (size - events + added), np.nan)
    for name, many in zip(COUNTS, (1, 2, 1, 2), strict=True):
        more = 0.0 if measure == "AS" else many * added
        number[name] = np.where(sound, number[name] + more, np.nan)
    return np.asarray(known & ~sound, dtype=np.bool_), np.asarray(zero & sound, dtype=np.bool_)


def _positive(values: Array) -> Array:
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)
