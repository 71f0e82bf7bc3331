"""Take rows out of a table step by step, keeping the reason for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ketameta._render import plural
from ketameta._typing import BoolArray
from ketameta.errors import SelectionError
from ketameta.evidence import filters, overlap
from ketameta.evidence.filters import Filter
from ketameta.evidence.sheet import Sheet

__all__ = ["Sieve", "Step"]

_LISTED = 12
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a selection: what it asks, and how many rows and whole trials it left out."""

    name: str
    words: str
    rows: int
    trials: int


class Sieve:
    """Rows that are still in, and for each of the others the step and the reason.

    Attributes
    ----------
    left : ndarray of bool
        Rows that are still in.
    step, why : ndarray of str
        Step and reason of the rows that are not; empty for those that are.
    steps : list of Step
        Steps taken so far.
    """

    def __init__(self, data: Sheet) -> None:
        self.data = data
        self.cohort = data.text("cohort_id")
        self.left = np.ones(len(data), dtype=bool)
        self.step = np.full(len(data), "", dtype=object)
        self.why = np.full(len(data), "", dtype=object)
        self.steps: list[Step] = []

    def filter(self, asked: Filter) -> None:
        """Keep the rows that hold one of the values asked for."""
        columns = [self.data.text(name) for name in filters.COLUMNS[asked.name]]

        def why(row: int) -> str:
            held = next((value for column in columns if (value := column[row])), "not stated")
            return f"{asked.name}: {held}"

        words = f"{asked.name} is not {' or '.join(asked.values)}"
        self.keep(asked.name, asked.keeps(self.data), words, why)

    def hours(self, low: float, high: float) -> None:
        """Keep the rows whose time lies in the window, both ends included."""
        time = self.data.number("time_hours")

        def why(row: int) -> str:
            return f"hours: {overlap.hours_text(time[row])}"

        words = f"time is not within {low:g} to {high:g} h"
        self.keep("hours", (time >= low) & (time <= high), words, why)

    def keep(self, name: str, kept: BoolArray, words: str, why: Callable[[int], str]) -> None:
        """Leave out the rows that are not kept; stop when nothing remains."""
        out = self.left & ~kept
        reasons = {int(row): why(int(row)) for row in np.flatnonzero(out)}
        before = set(self.cohort[self.left])
        if out.any() and not (self.left & kept).any():
            found = Counter(_short(reason) for reason in reasons.values()).most_common(_LISTED)
            what = "; ".join(f"{reason} ({plural(times, 'row')})" for reason, times in found)
            removed = "; ".join(
                f"{step.words}: {plural(step.rows, 'row')}" for step in self.steps if step.rows
            )
            earlier = f" Left out before: {removed}." if removed else ""
            raise SelectionError(
                f"nothing is left: the last {plural(int(out.sum()), 'row')} went because {words}. "
                f"There is: {what}.{earlier}"
            )
        self.left &= kept
        for row, reason in reasons.items():
            self.step[row], self.why[row] = name, reason
        gone = before - set(self.cohort[self.left])
        self.steps.append(Step(name, words, int(out.sum()), len(gone)))

    def overlaps(self, at: float | None, *, refuse: bool) -> tuple[str, ...]:
        """Leave out rows about participants that another row stands for; one line for each cohort."""
        found = overlap.resolve(self.data, (int(row) for row in np.flatnonzero(self.left)), at)
        lines = self._overlap_lines(found)
        if refuse and found:
            raise SelectionError(
                "several rows are about the same participants:\n  "
                + "\n  ".join(lines)
                + "\nNarrow the selection, or let duplicates='resolve' choose."
            )
        record = self.data.text("record_id")
        reasons = {each.row: f"same participants as {record[each.kept]}: {each.why}" for each in found}
        kept = np.ones(len(self.data), dtype=bool)
        kept[list(reasons)] = False
        self.keep("overlap", kept, "same participants as a row that stays", lambda row: reasons[row])
        return lines

    def _overlap_lines(self, found: list[overlap.Overlap]) -> tuple[str, ...]:
        record, outcome = self.data.text("record_id"), self.data.text("outcome")
        grouped: dict[tuple[str, str], dict[int, list[overlap.Overlap]]] = {}
        for each in found:
            key = (self.cohort[each.kept], outcome[each.kept])
            grouped.setdefault(key, {}).setdefault(each.kept, []).append(each)
        lines = []
        for (cohort, name), by_kept in grouped.items():
            parts = []
            for kept, gone in by_kept.items():
                reasons: dict[str, list[str]] = {}
                for each in gone:
                    reasons.setdefault(each.why, []).append(record[each.row])
                words = "; ".join(f"not {', '.join(ids)} ({why})" for why, ids in reasons.items())
                parts.append(f"{record[kept]} ({self._describe(kept)}), {words}")
            lines.append(f"{cohort}, {name}: {'. '.join(parts)}")
        return tuple(lines)

    def _describe(self, row: int) -> str:
        words = (self.data.text("instrument")[row], self.data.text("score_type")[row])
        time = overlap.hours_text(self.data.number("time_hours")[row])
        return ", ".join([" ".join(word for word in words if word), time])


def _short(reason: str) -> str:
    return reason if len(reason) <= _SHOWN_CHARACTERS else reason[:_SHOWN_CHARACTERS] + "…"
