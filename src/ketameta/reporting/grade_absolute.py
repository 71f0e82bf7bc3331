"""Absolute effects behind a pooled effect: risks, numbers needed to treat, points of a scale."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ketameta._typing import Array
from ketameta.effects._sheet import Sheet
from ketameta.effects.absolute import log_or_from_smd, response_from_smd, risk_from_log_hr
from ketameta.effects.risks import RISK_MEASURES, implied_risk
from ketameta.errors import DataError
from ketameta.models import Pooled, PooledCounts

__all__ = [
    "Absolute",
    "Limits",
    "Points",
    "absolute_of",
    "comparator_risks",
    "limits_of",
    "other_scales",
    "points_of",
]


class Limits(NamedTuple):
    """A value and the limits of its interval; not-a-number where there is none."""

    value: float
    low: float
    high: float

    def through(self, rule: Callable[[float], float]) -> Limits:
        """Value and limits through a monotone rule, the lower limit first."""
        value, *ends = (rule(x) if math.isfinite(x) else math.nan for x in self)
        low, high = (math.nan, math.nan) if any(map(math.isnan, ends)) else sorted(ends)
        return Limits(value, low, high)


@dataclass(frozen=True, slots=True)
class Absolute:
    """Risks with and without ketamine.

    Attributes
    ----------
    comparator : float
        Risk with the comparator.
    given : bool
        Whether the user gave it; else it is the median of the trials.
    trials, lowest, highest : int, float, float
        Comparator arms with a known risk, and the lowest and highest of these.
    risk, difference : Limits
        Risk with ketamine, and that less the risk with the comparator.
    chinn : Limits or None
        Behind an SMD, the difference by the logistic assumption of Chinn (2000); `risk` is by Furukawa and Leucht (2011).
    good : bool or None
        Whether the event is a good one; None where the rows do not say.
    clipped : bool
        Whether the effect asks for a risk under 0 or over 1.
    """

    comparator: float
    given: bool
    trials: int
    lowest: float
    highest: float
    risk: Limits
    difference: Limits
    chinn: Limits | None
    good: bool | None
    clipped: bool


@dataclass(frozen=True, slots=True)
class Points:
    """A standardised difference in points of a scale.

    Attributes
    ----------
    scale : str
        Name of the scale.
    sd : float
        SD of the scale that the difference was multiplied by.
    trials, lowest, highest, kinds : int, float, float, str
        Trials whose SDs it is the median of, the smallest and largest of these, and what scores they are of; 0 trials
        where the user gave the SD.
    difference : Limits
        The difference in points.
    """

    scale: str
    sd: float
    trials: int
    lowest: float
    highest: float
    kinds: str
    difference: Limits


def limits_of(result: Pooled | PooledCounts) -> Limits:
    """Pooled effect and interval on the scale of the analysis."""
    return Limits(result.estimate, result.ci_low, result.ci_high)


def comparator_risks(result: Pooled | PooledCounts) -> Array:
    """Risks in the comparator arms whose counts are known."""
    if isinstance(result, PooledCounts):
        events, total = result.c, result.n2
    else:
        sheet = Sheet(result.rows.reset_index(drop=True))
        events, total = sheet.number("events_c"), sheet.number("total_c")
    known = (total > 0) & (events >= 0) & (events <= total)
    return np.asarray(events[known] / total[known], dtype=np.float64)


def absolute_of(
    result: Pooled | PooledCounts, baseline: float | None, lower_is_better: bool | None
) -> tuple[Absolute | None, str]:
    """Risks behind an effect, or None and why there are none."""
    effect, measure = limits_of(result), result.measure.upper()
    if measure == "SMD":
        return _response(effect, baseline, lower_is_better)
    if measure not in (*RISK_MEASURES, "HR"):
        return None, f"No risks stand behind {_named(measure)}." if measure != "MD" else ""
    found = comparator_risks(result)
    if baseline is None and not found.size:
        return None, "The trials' comparator arms have no counts: give baseline_risk for absolute effects."
    risk = float(np.median(found)) if baseline is None else baseline
    if (risk in (0.0, 1.0) and measure in ("OR", "PETO", "HR")) or (risk == 0.0 and measure == "RR"):
        whose = "median of the trials" if baseline is None else "given"
        return None, (
            f"With the comparator risk of {risk:g} ({whose}) a ratio says nothing of absolute effects: give another "
            "baseline_risk."
        )
    with_ketamine = effect.through(lambda theta: _implied(risk, theta, measure))
    return Absolute(
        comparator=risk,
        given=baseline is not None,
        trials=int(found.size),
        lowest=float(found.min()) if found.size else math.nan,
        highest=float(found.max()) if found.size else math.nan,
        risk=with_ketamine,
        difference=with_ketamine.through(lambda p: p - risk),
        chinn=None,
        good=None if lower_is_better is None else not lower_is_better,
        clipped=any(_impossible(risk, theta, measure) for theta in effect),
    ), ""


def _implied(risk: float, theta: float, measure: str) -> float:
    if measure == "HR":
        return float(risk_from_log_hr(theta, risk))
    return float(implied_risk(risk, theta, measure))


def _impossible(risk: float, theta: float, measure: str) -> bool:
    """Whether an effect asks for a risk under 0 or over 1."""
    if measure == "RR":
        return math.log(risk) + theta > 0.0
    if measure == "RD":
        return not 0.0 <= risk + theta <= 1.0
    return measure == "AS" and not 0.0 <= math.asin(math.sqrt(risk)) + theta <= math.pi / 2


def _response(
    smd: Limits, baseline: float | None, lower_is_better: bool | None
) -> tuple[Absolute | None, str]:
    if baseline is None:
        return None, "No response probability: give the response rate with the comparator as baseline_risk."
    if lower_is_better is None:
        return (
            None,
            "No response probability: the rows do not say whether low scores are good (higher_is_worse).",
        )
    if not 0 < baseline < 1:
        raise DataError(
            f"baseline_risk = {baseline:g}: behind an SMD the response rate must lie between 0 and 1, both excluded"
        )

    def responding(d: float) -> float:
        return float(response_from_smd(d, baseline, lower_is_better=lower_is_better))

    def by_chinn(d: float) -> float:
        log_or = log_or_from_smd(d, lower_is_better=lower_is_better)
        return float(implied_risk(baseline, log_or, "OR")) - baseline

    risk = smd.through(responding)
    difference = risk.through(lambda p: p - baseline)
    return Absolute(
        baseline, True, 0, math.nan, math.nan, risk, difference, smd.through(by_chinn), True, False
    ), ""


def other_scales(result: Pooled | PooledCounts, scale: str) -> bool:
    """Whether the rows name scales, and this is none of them."""
    used = {name.casefold() for name in Sheet(result.rows.reset_index(drop=True)).text("instrument") if name}
    return bool(used) and scale.casefold() not in used


def points_of(result: Pooled | PooledCounts, scale: str, sd: float | None) -> Points | None:
    """An SMD times the SD of a scale; None where no trial has an SD of it.

    The SD of a trial pools its two arms, or is that of the one arm that prints it; that of the scale is their median.
    """
    effect = limits_of(result)
    if sd is not None:
        return Points(scale, sd, 0, math.nan, math.nan, "", effect.through(lambda d: d * sd))
    sheet = Sheet(result.rows.reset_index(drop=True))
    sds = _arm_sds(sheet)
    used = (
        np.array([name.casefold() == scale.casefold() for name in sheet.text("instrument")])
        & np.isfinite(sds)
        & (sds > 0)
    )
    if not used.any():
        return None
    found = sds[used]
    middle = float(np.median(found))
    counts = Counter(map(str, sheet.text("score_type")[used]))
    kinds = ", ".join(f"{times} {kind}" for kind, times in sorted(counts.items()) if kind)
    return Points(
        scale,
        middle,
        int(found.size),
        float(found.min()),
        float(found.max()),
        kinds,
        effect.through(lambda d: d * middle),
    )


def _arm_sds(sheet: Sheet) -> Array:
    """SD of each row, both arms pooled (alike where a size is unknown), or that of the one arm that has one."""
    n_t, n_c, sd_t, sd_c = (sheet.number(name) for name in ("n_t", "n_c", "sd_t", "sd_c"))
    sized = np.isfinite(n_t + n_c) & (n_t > 1) & (n_c > 1)
    df_t, df_c = (np.where(sized, n - 1.0, 1.0) for n in (n_t, n_c))
    with np.errstate(over="ignore", invalid="ignore"):
        pooled = np.sqrt((df_t * sd_t**2 + df_c * sd_c**2) / (df_t + df_c))
    one = np.where(np.isnan(sd_c), sd_t, sd_c)
    return np.asarray(np.where(np.isnan(pooled), one, pooled), dtype=np.float64)


def _named(measure: str) -> str:
    return f"the measure {measure}" if measure else "an effect without a measure"
