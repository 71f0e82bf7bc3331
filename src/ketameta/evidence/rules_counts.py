"""Percentages against whole people, and counts of one arm against each other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ketameta.evidence.rounding import whole_numbers
from ketameta.evidence.sheet import WARNING, Finding, Sheet

__all__ = ["PERCENTAGES", "count_findings", "percent_texts"]

PERCENTAGES = ("percent_t", "percent_c")
"""Columns that a table may hold beside those of the dictionary: percentages with the event, as printed."""
_PERCENT = re.compile(r"(\d{1,3})(?:\.(\d{1,6}))? ?%?", re.ASCII)
_LONGEST = 20
_LARGEST_TOTAL = 10**9
_CUT_OFF = re.compile(r"^ ?(?:<|\u2264)=? ?\d+[^%]*$")
_PAIRS = (
    ("remission", "response"),
    ("ptsd_remission", "ptsd_response"),
    ("suicidal_ideation_remission", "suicidal_ideation_response"),
    ("sustained_remission", "sustained_response"),
    ("sustained_response", "response"),
    ("sustained_remission", "remission"),
)
_SAME_PEOPLE = (
    "study_id",
    "instrument",
    "time_hours",
    "time_label",
    "comparator_arm_id",
    "analysis_set",
    "crossover_period",
    "source_url",
)
_ARMS = (("t", "ketamine"), ("c", "comparator"))


def percent_texts(table: pd.DataFrame) -> dict[str, list[str]]:
    """Percentages of a table as text; a number loses the zeros at its end, which it may not have had."""
    return {name: [_text(cell) for cell in table[name]] for name in PERCENTAGES if name in set(table.columns)}


def _text(cell: Any) -> str:
    if isinstance(cell, float | np.floating):
        return "" if np.isnan(cell) else np.format_float_positional(cell, trim="-")
    return "" if cell is None or cell is pd.NA else str(cell)


def count_findings(data: Sheet, percentages: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Percentages that no whole number gives, and more remissions than responses."""
    for s, name in _ARMS:
        if f"percent_{s}" in percentages:
            yield from _percentages(data, percentages[f"percent_{s}"], s, name)
    yield from _pairs(data)


def _percentages(data: Sheet, texts: Sequence[str], s: str, name: str) -> Iterator[Finding]:
    events, totals = data.number(f"events_{s}"), data.number(f"total_{s}")
    column = f"percent_{s}"
    for row, text in enumerate(texts):
        short = text.strip() if len(text) <= _LONGEST else "?"
        if not short:
            continue
        match = _PERCENT.fullmatch(short)
        if match is None or float(short.rstrip("% ")) > 100:
            hint = "write a percentage from 0 to 100 as printed, such as 44.4"
            yield Finding(np.array([row]), column, "percent-form", WARNING, hint)
            continue
        if not 1 <= totals[row] <= _LARGEST_TOTAL:
            continue
        decimals = match[2] or ""
        printed = np.array([int(match[1] + decimals), len(decimals), int(totals[row])], dtype=np.int64)
        first, last = whole_numbers(printed[0], printed[1], printed[2])
        if first > last:
            hint = f"no number of people out of {totals[row]:g} is {short.rstrip('% ')}% ({name} arm)"
            yield Finding(np.array([row]), column, "percent-total", WARNING, hint)
        elif not np.isnan(events[row]) and not first <= events[row] <= last:
            hint = (
                f"{events[row]:g} of {totals[row]:g} is {100 * events[row] / totals[row]:.4g}%, "
                f"not {short.rstrip('% ')}% ({name} arm)"
            )
            yield Finding(np.array([row]), column, "percent-events", WARNING, hint)


def _pairs(data: Sheet) -> Iterator[Finding]:
    """More people in the stricter state than in the looser one.

    A remission defined by a cut-off alone can be reached from a low baseline without a response, so such
    rows are not held against a response defined otherwise.
    """
    columns = [[None if value != value else value for value in data.frame[name]] for name in _SAME_PEOPLE]
    keys = list(zip(*columns, strict=True))
    counts = data.is_one_of("score_type", ["counts"]) & (data.text("study_id") != "")
    outcome, record = data.text("outcome"), data.text("record_id")
    cut_off = np.array(
        [_CUT_OFF.search(text[:_LONGEST]) is not None for text in data.text("definition")], dtype=bool
    )
    groups: dict[tuple[Any, ...], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in np.flatnonzero(counts):
        groups[keys[row]][outcome[row]].append(int(row))
    numbers = {s: (data.number(f"events_{s}"), data.number(f"total_{s}")) for s, _ in _ARMS}
    for group in groups.values():
        for stricter, looser in _PAIRS:
            for few in group.get(stricter, []):
                for many in group.get(looser, []):
                    if cut_off[few] and not cut_off[many]:
                        continue
                    for s, name in _ARMS:
                        events, totals = numbers[s]
                        if totals[few] == totals[many] and events[few] > events[many]:
                            hint = (
                                f"more people of the {name} arm with {stricter} than with {looser} "
                                f"({record[many]}): {events[few]:g} against {events[many]:g}"
                            )
                            yield Finding(np.array([few]), f"events_{s}", "more-remissions", WARNING, hint)
