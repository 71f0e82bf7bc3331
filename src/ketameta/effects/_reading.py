"""From reported arm statistics to usable numbers: sizes, means, SDs, and counts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketameta._typing import BoolArray
from ketameta.effects._crossovers import note_both_periods
from ketameta.effects._sheet import Sheet, parsed
from ketameta.effects._spread import ARMS, ArmSpread
from ketameta.effects.percentages import events_from_percent

__all__ = [
    "has_counts",
    "read_arms",
    "read_counts",
    "read_differences_as_arms",
    "refuse_uninformative_tables",
]

_SCORES = ("mean", "median")
_COUNTS = ("events", "total", "percent")


def read_arms(sheet: Sheet, rows: BoolArray, spread: ArmSpread) -> None:
    """Read size, mean and SD of both arms; recover what is not printed."""
    for arm in ARMS:
        sheet.require(rows, [f"n_{arm}"], "n")
        sheet.require(rows, [f"n_{arm}"], "whole")
    spread.keep_means(rows & sheet.alive)
    spread.keep(rows & sheet.alive)
    good = rows & sheet.alive
    for arm in ARMS:
        sheet.keep(f"n_{arm}", good, sheet.number(f"n_{arm}"))


def read_differences_as_arms(sheet: Sheet, rows: BoolArray, spread: ArmSpread) -> None:
    """Read differences within persons that print both SDs and no error: the means stand as the difference and 0."""
    sheet.require(rows, ["contrast_value"])
    for arm in ARMS:
        sheet.require(rows, [f"n_{arm}"], "n")
        sheet.require(rows, [f"n_{arm}"], "whole")
    spread.keep(rows & sheet.alive)
    good = rows & sheet.alive
    for arm in ARMS:
        sheet.keep(f"n_{arm}", good, sheet.number(f"n_{arm}"))
    sheet.keep("mean_t", good, sheet.number("contrast_value"))
    sheet.keep("mean_c", good, np.zeros(len(sheet)))
    sheet.flag(good, "mean_t - mean_c = contrast_value")


def has_counts(sheet: Sheet) -> BoolArray:
    """Rows in which both arms have a total, and events or a percentage."""
    counts = np.ones(len(sheet), dtype=np.bool_)
    for arm in ARMS:
        counts &= sheet.given(f"total_{arm}") & (sheet.given(f"events_{arm}") | sheet.given(f"percent_{arm}"))
    return counts


def read_counts(sheet: Sheet, rows: BoolArray) -> None:
    """Read events and totals of both arms; a percentage gives the events where one whole number does."""
    sheet.refuse(
        rows & _has_any(sheet, _SCORES) & ~_has_any(sheet, _COUNTS), "the row holds scores and no counts"
    )
    for arm in ARMS:
        events, total = f"events_{arm}", f"total_{arm}"
        sheet.require(rows, [total], "total")
        sheet.require(rows, [total], "whole")
        as_percent = rows & ~sheet.given(events) & sheet.given(f"percent_{arm}")
        counted = rows & ~as_percent
        sheet.require(counted, [events], "count")
        _refuse_odd_counts(sheet, counted, events, total)
        sheet.keep(events, counted & sheet.alive, sheet.number(events))
        _note_other_percentage(sheet, counted & sheet.alive, arm)
        _from_percentages(sheet, as_percent & sheet.alive, arm)
    good = rows & sheet.alive
    for arm in ARMS:
        sheet.keep(f"total_{arm}", good, sheet.number(f"total_{arm}"))
    note_both_periods(sheet, good)


def _has_any(sheet: Sheet, parts: tuple[str, ...]) -> BoolArray:
    """Rows in which a column of these parts is filled in, for either arm."""
    filled = [sheet.given(f"{part}_{arm}") for part in parts for arm in ARMS]
    return np.asarray(np.any(filled, axis=0), dtype=np.bool_)


def _refuse_odd_counts(sheet: Sheet, rows: BoolArray, events: str, total: str) -> None:
    number, size = sheet.number(events), sheet.number(total)
    sheet.refuse(rows & (number > size), lambda i: f"{sheet.show(events, i)} exceeds {sheet.show(total, i)}")
    sheet.refuse(
        rows & (number % 1 != 0), lambda i: f"{sheet.show(events, i)} is not a whole number of people"
    )


def _from_percentages(sheet: Sheet, rows: BoolArray, arm: str) -> None:
    column = f"percent_{arm}"
    percent, size = sheet.text(column), sheet.number(f"total_{arm}")
    if column in sheet.frame.columns and pd.api.types.is_float_dtype(sheet.frame[column].dtype):
        sheet.refuse(
            rows & (sheet.number(column) % 1 == 0),
            lambda i: (
                f"{sheet.show(column, i)} stands as a number, which has lost the zeros at its end (9.0 reads as 9): "
                "read the column as text"
            ),
        )
    sheet.attempt(
        rows,
        lambda i: {f"events_{arm}": events_from_percent(percent[i], size[i])},
        lambda why, row: _percent_reason(why, percent[row], arm),
    )
    sheet.flag(
        rows & sheet.alive,
        lambda i: (
            f"events_{arm} = {sheet.stat[f'events_{arm}'][i]:g}, the only whole number that is "
            f"{percent[i].rstrip('%').strip()}% of {size[i]:g}"
        ),
    )


def _note_other_percentage(sheet: Sheet, rows: BoolArray, arm: str) -> None:
    """Say of rows with events and a percentage that the two do not fit, by more than a whole point."""
    percent = np.array([parsed(text.rstrip("% ")) for text in sheet.text(f"percent_{arm}")], dtype=np.float64)
    share = 100 * sheet.number(f"events_{arm}") / sheet.number(f"total_{arm}")
    sheet.note(
        rows & (np.abs(percent - share) > 1),
        lambda i: f"{sheet.show(f'percent_{arm}', i)} is not that of events_{arm}, which is {share[i]:.3g}%",
    )


def _percent_reason(why: str, percent: str, arm: str) -> str:
    column = f"percent_{arm}"
    said = column + why.removeprefix("percent") if why.startswith("percent") else f"{column}: {why}"
    proportion = 0 < parsed(percent.rstrip("% ")) < 1
    return f"{said}. Enter 55% as 55, not as 0.55" if proportion else said


def refuse_uninformative_tables(sheet: Sheet, rows: BoolArray, measure: str) -> None:
    """Refuse ratios of tables in which nobody, or for odds everybody, had the event."""
    a, n1, c, n2 = (sheet.usable(name) for name in ("events_t", "total_t", "events_c", "total_c"))
    if measure in ("OR", "RR", "PETO"):
        nobody = (a == 0) & (c == 0)
        sheet.refuse(rows & nobody, f"no events in either arm: the {measure} cannot be estimated")
    if measure in ("OR", "PETO"):
        everybody = (a == n1) & (c == n2)
        sheet.refuse(
            rows & everybody, f"everybody had the event in both arms: the {measure} cannot be estimated"
        )
