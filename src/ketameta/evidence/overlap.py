"""One cohort once: of several rows about the same participants, keep the set that answers best.

For each cohort and outcome (and each time, where no window is asked for) the rows fall into sets of one
instrument, kind of statistic, analysis set, crossover period and time. The best set by the order of
:mod:`ketameta.evidence.preference` stays, with all its dose arms that are held against one comparator arm.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ketameta.evidence.preference import Merit, merits, statistic_name
from ketameta.evidence.sheet import Sheet

__all__ = ["COLUMNS", "Overlap", "hours_text", "resolve"]

_SERIES = (
    *(
        "instrument",
        "definition",
        "score_type",
        "analysis_set",
        "crossover_period",
        "contrast_measure",
        "dosing",
    ),
)
_DOSE = ("drug", "dose", "dose_unit", "route", "n_doses")
COLUMNS = (
    *("record_id", "study_id", "cohort_id", "comparator_arm_id", "outcome", "time_hours", "source_kind"),
    *("confidence", "higher_is_worse", *_SERIES, *_DOSE),
    *(
        f"{part}_{s}"
        for part in ("n", "mean", "sd", "se", "ci_low", "ci_high", "events", "total")
        for s in "tc"
    ),
    *("contrast_value", "contrast_se", "contrast_ci_low", "contrast_ci_high"),
)
"""Columns that the resolution reads."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """A row that gave way to another about the same participants.

    Attributes
    ----------
    row, kept : int
        Positions of the row and of the one that stands for the same participants.
    why : str
        The criterion that decided.
    """

    row: int
    kept: int
    why: str


@dataclass(frozen=True, slots=True)
class _Set:
    """Rows of one series at one time, the best first, with the merit of that one."""

    rows: tuple[int, ...]
    time: float
    series: tuple[Any, ...]
    merit: Merit
    arms: int
    times: int

    def criteria(self, at: float | None) -> tuple[tuple[str, Any], ...]:
        """Named ranks, smaller the better, in order of preference."""
        merit = self.merit
        when = ("times", -self.times) if at is None else ("time", (abs(self.time - at), self.time))
        return (
            ("statistic", merit.statistic),
            ("period", merit.period),
            when,
            ("instrument", merit.instrument),
            ("arms", -self.arms),
            ("score", merit.score),
            ("analysis", merit.analysis),
            ("definition", merit.definition),
            ("source", merit.source),
            ("confidence", merit.confidence),
            ("record", merit.record),
        )


def resolve(data: Sheet, rows: Iterable[int], at: float | None) -> list[Overlap]:
    """Rows that give way, each with the row that stays and the reason.

    Parameters
    ----------
    data : Sheet
        The table, with ``COLUMNS``.
    rows : iterable of int
        Positions of the candidates.
    at : float or None
        Time asked for, in hours: one time of each cohort stays. None: every time stays.

    Returns
    -------
    list of Overlap
    """
    facts = {name: data.frame[name].tolist() for name in COLUMNS}
    ranks = merits(data)
    given_way: list[Overlap] = []
    for block in _grouped(rows, lambda row: _question(facts, row)).values():
        if len(block) > 1:
            given_way += _resolve_block(facts, ranks, block, at)
    return given_way


def hours_text(hours: float) -> str:
    """``"24 h"``; ``"no time"`` when missing."""
    return "no time" if math.isnan(hours) else f"{hours:g} h"


def _question(facts: Mapping[str, list[Any]], row: int) -> tuple[Any, ...]:
    """Rows with the same key answer the same question about the same people.

    ``other`` is as many questions as instruments. Times to event and counts are two questions: no measure
    can be had from both.
    """
    outcome = facts["outcome"][row]
    detail = (facts["instrument"][row], facts["definition"][row]) if outcome == "other" else ()
    return (facts["cohort_id"][row], outcome, facts["score_type"][row] == "survival", *detail)


def _resolve_block(
    facts: Mapping[str, list[Any]], ranks: list[Merit], block: list[int], at: float | None
) -> list[Overlap]:
    sets = _sets(facts, ranks, block)
    slots: dict[Any, list[_Set]] = defaultdict(list)
    for each in sets:
        slots[None if at is not None else _slot(each.time)].append(each)
    timed = [slot for slot in slots if slot != "no time"]
    if timed and "no time" in slots:
        slots[timed[0]] += slots.pop("no time")
    given_way: list[Overlap] = []
    for candidates in slots.values():
        best = min(
            candidates, key=lambda each: (math.isnan(each.time), *(rank for _, rank in each.criteria(at)))
        )
        kept, inner = _one_comparator(facts, ranks, best.rows)
        given_way += inner
        for other in candidates:
            if other is best:
                continue
            why = _decided(facts, best, other, at, kept[0])
            given_way += [Overlap(row, kept[0], why) for row in other.rows]
    return given_way


def _slot(time: float) -> float | str:
    return "no time" if math.isnan(time) else time


def _sets(facts: Mapping[str, list[Any]], ranks: list[Merit], block: list[int]) -> list[_Set]:
    grouped = _grouped(
        block, lambda row: (tuple(facts[name][row] for name in _SERIES), _slot(facts["time_hours"][row]))
    )
    best = {key: min(ranks[row] for row in rows) for key, rows in grouped.items()}
    times: dict[Any, int] = defaultdict(int)
    for (series, time), merit in best.items():
        times[series, merit.statistic] += time != "no time"
    return [
        _Set(
            rows=tuple(sorted(rows, key=lambda row: ranks[row])),
            time=facts["time_hours"][rows[0]],
            series=series,
            merit=best[series, time],
            arms=len({facts["study_id"][row] for row in rows}),
            times=times[series, best[series, time].statistic],
        )
        for (series, time), rows in grouped.items()
    ]


def _one_comparator(
    facts: Mapping[str, list[Any]], ranks: list[Merit], rows: tuple[int, ...]
) -> tuple[list[int], list[Overlap]]:
    """Keep the dose arms held against one comparator arm, each once."""
    by_arm = _grouped(rows, lambda row: facts["comparator_arm_id"][row])
    studies = {arm: len({facts["study_id"][row] for row in group}) for arm, group in by_arm.items()}
    chosen = min(by_arm, key=lambda arm: (-studies[arm], min(ranks[row] for row in by_arm[arm])))
    kept: list[int] = []
    given_way: list[Overlap] = []
    for row in by_arm[chosen]:
        twin = next((other for other in kept if _same_arm(facts, row, other)), None)
        if twin is None:
            kept.append(row)
        else:
            given_way.append(Overlap(row, twin, _twin_reason(facts, ranks, row, twin)))
    for arm, others in by_arm.items():
        if arm != chosen:
            why = f"comparator arm {chosen or 'not named'} preferred to {arm or 'not named'}"
            given_way += [Overlap(row, kept[0], why) for row in others]
    return kept, given_way


def _same_arm(facts: Mapping[str, list[Any]], row: int, other: int) -> bool:
    """Whether two rows are one active arm: the same study, or doses that nothing tells apart."""
    if facts["study_id"][row] == facts["study_id"][other]:
        return True
    pairs = [(_amount(facts[name][row]), _amount(facts[name][other])) for name in _DOSE]
    return all(one is None or two is None or one == two for one, two in pairs)


def _amount(value: Any) -> Any:
    """Value to compare: a number where it reads as one (``"0.5"`` is ``"0.50"``), None where missing."""
    try:
        number = float(value)
    except ValueError:
        return value or None
    return None if math.isnan(number) else number


def _twin_reason(facts: Mapping[str, list[Any]], ranks: list[Merit], row: int, twin: int) -> str:
    for name, column in (("statistic", None), ("source", "source_kind"), ("confidence", "confidence")):
        ours, theirs = getattr(ranks[twin], name), getattr(ranks[row], name)
        if ours != theirs:
            if column is None:
                return f"{statistic_name(ours)} preferred to {statistic_name(theirs)}"
            return f"{name}: {facts[column][twin]} preferred to {facts[column][row]}"
    return "the same arm again; the lower record number stays"


def _decided(facts: Mapping[str, list[Any]], best: _Set, other: _Set, at: float | None, kept: int) -> str:
    """Words for the first criterion in which two sets differ."""
    if math.isnan(other.time) and not math.isnan(best.time):
        return "the other row states its time"
    columns = {
        "period": "crossover_period",
        "analysis": "analysis_set",
        "source": "source_kind",
        "score": "score_type",
    }
    for (name, ours), (_, theirs) in zip(best.criteria(at), other.criteria(at), strict=True):
        if ours == theirs:
            continue
        if name == "statistic":
            return f"{statistic_name(ours)} preferred to {statistic_name(theirs)}"
        if name == "time":
            return f"{hours_text(best.time)} is nearer to {at:g} h than {hours_text(other.time)}, or earlier"
        if name == "times":
            return f"a series of {best.times} times preferred to one of {other.times}"
        if name == "arms":
            return f"{best.arms} dose arms preferred to {other.arms}"
        if name != "record":
            column = columns.get(name, name)
            one, two = (facts[column][row] or "not stated" for row in (kept, other.rows[0]))
            return f"{name}: {one} preferred to {two}"
    return "equal in all criteria; the lower record number stays"


def _grouped(rows: Iterable[int], key: Callable[[int], Any]) -> dict[Any, list[int]]:
    groups: dict[Any, list[int]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups
