"""The cells of a summary of findings in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from ketameta._render import number, p_value, plural
from ketameta.curves.words import clock
from ketameta.effects.absolute import whole_nnt
from ketameta.models.result import level_text, shown, small
from ketameta.reporting.grade_absolute import Limits
from ketameta.reporting.grade_inputs import Share
from ketameta.reporting.grade_row import SummaryRow, benefit_of

__all__ = ["INPUTS", "NOT_JUDGED", "finding_cells", "finding_heads", "input_cells", "nnt_text", "per_1000"]

INPUTS = (
    "Outcome",
    "Risk of bias",
    "Inconsistency",
    "Indirectness",
    "Imprecision",
    "Publication bias",
    "Blinding",
)
NOT_JUDGED = "not judged"
_NONE = "–"
_NULL = "the value of no effect"
_SHOWN = 4


def finding_heads(rows: Sequence[SummaryRow]) -> tuple[str, ...]:
    """Heads of the findings; the level stands in them where all intervals have one."""
    levels = {row.level for row in rows}
    interval = f"({level_text(levels.pop())} CI)" if len(levels) == 1 else "(CI)"
    return (
        "Outcome (follow-up)",
        "Participants (trials)",
        f"Effect {interval}",
        "Risk with comparator per 1000",
        f"Risk with ketamine per 1000 {interval}",
        f"Difference per 1000 {interval}",
        f"NNT {interval}",
        f"Difference in points {interval}",
        "Certainty",
    )


def finding_cells(row: SummaryRow, *, one_level: bool) -> tuple[str, ...]:
    """Cells of one outcome; the effect states the level of its interval where the heads do not."""
    absolute, points = row.absolute, row.points
    level = "" if one_level else f"{level_text(row.level)} CI "
    event = "response " if absolute is not None and absolute.chinn is not None else ""
    return (
        row.outcome + (f" ({_time(row.hours)})" if not math.isnan(row.hours[0]) else ""),
        f"{'at least ' if row.unknown and row.participants else ''}{row.participants or 'number not known'} "
        f"({plural(row.k, 'trial')})",
        f"{row.measure or 'effect'} {_limits(row.effect, number, level)}",
        _NONE if absolute is None else f"{event}{per_1000(absolute.comparator)}",
        _NONE if absolute is None else f"{event}{_limits(absolute.risk, per_1000)}",
        _NONE if absolute is None else _difference(absolute.difference),
        nnt_text(benefit_of(absolute)),
        _NONE if points is None else f"{points.scale} {_limits(points.difference, lambda x: number(x, 1))}",
        row.judged.certainty or NOT_JUDGED,
    )


def input_cells(row: SummaryRow) -> tuple[str, ...]:
    """Cells of one outcome under the heads of INPUTS: what was judged, then what can be judged on."""
    judged = row.judged
    cells = {
        "risk_of_bias": _bias(row),
        "inconsistency": _inconsistency(row),
        "indirectness": _indirectness(row),
        "imprecision": _imprecision(row),
        "publication_bias": _publication(row),
    }
    told = (f"{judged.of(name) or NOT_JUDGED}. {text}" for name, text in cells.items())
    return (row.outcome, *told, _blinding(row))


def nnt_text(benefit: Limits) -> str:
    """Number needed to treat with its interval, as Altman (1998) writes it.

    Parameters
    ----------
    benefit : Limits
        Difference in risk with its limits, above 0 where ketamine is the better.

    Returns
    -------
    str
        NNTB to benefit, NNTH to harm, rounded up; through infinity where the limits differ in sign.

    Examples
    --------
    >>> from ketameta.reporting.grade_absolute import Limits
    >>> from ketameta.reporting.grade_cells import nnt_text
    >>> nnt_text(Limits(0.10, 0.05, 0.25)), nnt_text(Limits(0.10, -0.05, 0.25))
    ('NNTB 10 (4 to 20)', 'NNTB 10 (NNTB 4 to ∞ to NNTH 20)')
    """
    value, low, high = benefit
    if math.isnan(value):
        return _NONE
    said = _one_nnt(value)
    if math.isnan(low):
        return said
    if low < 0 < high:
        return f"{said} ({_one_nnt(high)} to ∞ to {_one_nnt(low)})"
    near, far = (high, low) if low >= 0 else (low, high)
    return f"{said} ({_whole(near)} to {_whole(far)})"


def _one_nnt(benefit: float) -> str:
    return "∞" if benefit == 0 else f"NNT{'B' if benefit > 0 else 'H'} {_whole(benefit)}"


def _whole(benefit: float) -> str:
    return number(float(whole_nnt(benefit)), 0)


def _time(hours: tuple[float, float]) -> str:
    low, high = hours
    return clock(low) if low == high else f"{clock(low)} to {clock(high)}"


def _limits(of: Limits, text: Callable[[float], str], level: str = "") -> str:
    value, low, high = map(text, of)
    return f"{value} ({level}{low} to {high})"


def per_1000(risk: float) -> str:
    """A risk per 1000, with a decimal below 10."""
    per = 1000.0 * risk
    return number(per, 1 if 0 < abs(per) < 9.95 else 0)


def _difference(of: Limits) -> str:
    """Fewer and more per 1000, the limits each with its own word where they differ."""
    value, low, high = of
    if math.isnan(value):
        return _NONE
    said = _more_or_fewer(value)
    if math.isnan(low):
        return said
    if low < 0 < high:
        return f"{said} ({_more_or_fewer(low)} to {_more_or_fewer(high)})"
    near, far = sorted((low, high), key=abs)
    return f"{said} ({per_1000(abs(near))} to {_more_or_fewer(far)})"


def _more_or_fewer(difference: float) -> str:
    return f"{per_1000(abs(difference))} {'fewer' if difference < 0 else 'more'}"


def _shares(parts: Sequence[Share]) -> str:
    told = ", ".join(f"{name} {_percent(share)}" for name, share in parts[:_SHOWN])
    rest = parts[_SHOWN:]
    return told + (f", {len(rest)} others {_percent(sum(s for _, s in rest))}" if rest else "")


def _percent(share: float) -> str:
    return f"{number(100.0 * share, 0)}%"


def _bias(row: SummaryRow) -> str:
    if row.bias is None:
        return "No table of risk of bias of the trials was given."
    parts = [*row.bias.levels, ("not judged", row.bias.unjudged)]
    told = ", ".join(f"{name} {_percent(share)}" for name, share in parts if share > 0)
    return f"{_percent(row.bias.high)} of {row.inputs.by} at high risk ({row.bias.tool}, overall: {told})."


def _inconsistency(row: SummaryRow) -> str:
    if row.k == 1:
        return "One trial: heterogeneity cannot be estimated."
    found = row.inputs
    parts = [] if math.isnan(found.i2) else [f"I2 {number(found.i2, 0)}%"]
    parts += ["tau2 not estimated"] if math.isnan(found.tau2) else [f"tau2 {small(found.tau2)}"]
    if found.pi_holds_null is None:
        parts.append("no prediction interval")
    else:
        ends = " to ".join(number(shown(x, row.ratio)) for x in (found.pi_low, found.pi_high))
        parts.append(f"prediction interval {ends}, {_holding(found.pi_holds_null)} {_NULL}")
    return _sentence(parts)


def _indirectness(row: SummaryRow) -> str:
    named = (("comparators", row.inputs.comparators), ("populations", row.inputs.populations))
    parts = [f"{name}: {_shares(found)}" for name, found in named if found]
    return f"Share of {row.inputs.by} by {'; '.join(parts)}." if parts else "The rows do not say."


def _imprecision(row: SummaryRow) -> str:
    found = row.inputs
    parts = []
    if found.ci_holds_null is not None:
        parts.append(f"interval {_holding(found.ci_holds_null)} {_NULL}")
    if found.ci_holds_mid is not None and found.mid is not None:
        parts.append(f"{_holding(found.ci_holds_mid)} the minimal important difference {number(found.mid)}")
    size = found.information_size
    if math.isnan(size):
        parts.append("no optimal information size")
    else:
        short = "" if row.unknown else ", not reached"
        verdict = ", reached" if row.participants >= size else short
        parts.append(f"optimal information size {number(size, 0)} people{verdict}")
    return _sentence(parts)


def _publication(row: SummaryRow) -> str:
    if row.k < 10:
        return f"k = {row.k}: too few for a test for small-study effects (10)."
    p = row.inputs.small_study_p
    return f"k = {row.k}; small-study effects: {'no test' if math.isnan(p) else f'P {p_value(p)}'}."


def _blinding(row: SummaryRow) -> str:
    found = row.inputs
    parts = []
    if found.blinding:
        parts.append(_shares(found.blinding))
    if not math.isnan(found.psychoactive):
        parts.append(f"psychoactive comparator {_percent(found.psychoactive)} of {found.by}")
    return _sentence(parts) if parts else "The rows do not say."


def _holding(holds: bool) -> str:
    return "includes" if holds else "excludes"


def _sentence(parts: Iterable[str]) -> str:
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."
