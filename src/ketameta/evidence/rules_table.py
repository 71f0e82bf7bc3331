"""Rules between rows: repeats, shared arms, facts of one study, citations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from ketameta.evidence.sheet import ERROR, WARNING, Finding, Sheet

__all__ = ["table_findings"]

_PLACE = (
    "study_id",
    "outcome",
    "instrument",
    "definition",
    "time_hours",
    "score_type",
    "comparator_arm_id",
    "analysis_set",
    "crossover_period",
)
_NUMBERS = (
    *(f"{part}_{s}" for part in ("n", "mean", "sd", "se", "ci_low", "ci_high") for s in "tc"),
    *(f"{part}_{s}" for part in ("events", "total") for s in "tc"),
    *("contrast_value", "contrast_se", "contrast_ci_low", "contrast_ci_high"),
)
_COMPARATOR_NUMBERS = ("n_c", "mean_c", "sd_c", "events_c", "total_c")
_FACTS = ("indication", "setting", "drug", "n_randomised")


def table_findings(data: Sheet, citation_keys: frozenset[str] | None) -> Iterator[Finding]:
    """Every contradiction between rows."""
    if len(data) == 0:
        return
    yield from _repeats(data)
    yield from _shared_comparators(data)
    yield from _cohort_totals(data)
    yield from _study_facts(data)
    if citation_keys is not None:
        unknown = np.array(
            [key != "" and key not in citation_keys for key in data.text("report")], dtype=bool
        )
        if unknown.any():
            hint = "references.bib has no entry with this key"
            yield Finding(np.flatnonzero(unknown), "report", "citation", ERROR, hint)


def _keys(data: Sheet, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """One hashable key a row; a missing number equals a missing number."""
    columns = [[None if value != value else value for value in data.frame[name]] for name in names]
    return list(zip(*columns, strict=True))


def _groups(keys: list[tuple[Any, ...]], rows: Iterator[int] | list[int]) -> dict[tuple[Any, ...], list[int]]:
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row in rows:
        groups[keys[row]].append(row)
    return groups


def _repeats(data: Sheet) -> Iterator[Finding]:
    record = data.text("record_id")
    rows = [int(i) for i in np.flatnonzero(data.included())]
    for group in _groups(_keys(data, (*_PLACE, "contrast_measure", *_NUMBERS)), rows).values():
        for row in group[1:]:
            hint = (
                f"the same numbers for the same study and time as {record[group[0]]}: set one of them apart"
            )
            yield Finding(np.array([row]), "record_id", "duplicate", ERROR, hint)


def _shared_comparators(data: Sheet) -> Iterator[Finding]:
    """One comparator arm at one time has one set of numbers, and its trial has so many participants."""
    record = data.text("record_id")
    study = data.text("study_id")
    arm = data.text("comparator_arm_id")
    included = data.included()
    rows = [int(i) for i in np.flatnonzero(included & (arm != ""))]
    place = tuple(name for name in _PLACE if name != "study_id")
    for group in _groups(_keys(data, (*place, "source_kind")), rows).values():
        studies = {study[row] for row in group}
        if len(studies) < 2:
            continue
        for name in _COMPARATOR_NUMBERS:
            values = data.number(name)[group]
            filled = values[~np.isnan(values)]
            if len(filled) and filled.min() != filled.max():
                records = ", ".join(record[row] for row in group)
                hint = f"the shared comparator arm has other numbers in {records}"
                yield Finding(np.array(group), name, "shared-arm", WARNING, hint)
        yield from _too_many(data, group)


def _too_many(data: Sheet, group: list[int]) -> Iterator[Finding]:
    randomised = data.number("n_randomised")[group]
    for part in ("n", "total"):
        active, control = data.number(f"{part}_t")[group], data.number(f"{part}_c")[group]
        if np.isnan(active).any() or np.isnan(control).any() or np.isnan(randomised).any():
            continue
        if active.sum() + control.max() > randomised.max():
            hint = "the arms held against this comparator exceed the participants randomised: a pooled arm?"
            yield Finding(np.array(group), f"{part}_t", "arms-overlap", WARNING, hint)


def _cohort_totals(data: Sheet) -> Iterator[Finding]:
    """All arms of a trial at one time, each comparator arm once, against the participants randomised."""
    included = data.included() & ~data.is_one_of("design", ["crossover"]) & (data.text("cohort_id") != "")
    comparator, study = data.text("comparator_arm_id"), data.text("study_id")
    randomised = data.number("n_randomised")
    place = tuple(name for name in _PLACE if name not in ("study_id", "comparator_arm_id"))
    rows = [int(i) for i in np.flatnonzero(included)]
    for group in _groups(_keys(data, ("cohort_id", *place, "source_kind")), rows).values():
        if len({comparator[row] for row in group}) < 2:
            continue
        for part in ("n", "total"):
            active, control = data.number(f"{part}_t"), data.number(f"{part}_c")
            arms = {("t", study[row]): active[row] for row in group}
            arms |= {("c", comparator[row]): control[row] for row in group}
            most = np.max(randomised[group])
            if sum(arms.values()) > most:
                hint = "all arms of this cohort together hold more participants than were randomised"
                yield Finding(np.array(group), f"{part}_t", "arms-overlap", WARNING, hint)


def _study_facts(data: Sheet) -> Iterator[Finding]:
    studies = _groups(_keys(data, ("study_id",)), list(range(len(data))))
    for name in _FACTS:
        values = _keys(data, (name,))
        for (study,), rows in studies.items():
            found = sorted({str(values[row][0]) for row in rows if values[row][0] not in (None, "")})
            if study and len(found) > 1:
                hint = f"rows of {study} do not agree: {', '.join(found)}"
                yield Finding(np.array(rows[:1]), name, "study-facts", WARNING, hint)
