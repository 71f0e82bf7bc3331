"""Which rows each universe selects: filters as sets of rows, overlaps resolved once for each set."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray, BoolArray
from ketameta.errors import DataError
from ketameta.evidence import load_risk_of_bias, overlap
from ketameta.evidence.measurable import gives
from ketameta.evidence.selection import REQUIRED
from ketameta.evidence.sheet import Sheet, sheet
from ketameta.robustness._universe_choices import Choices
from ketameta.robustness._universe_options import JUDGED, ROW_CHOICES, TEXT_COLUMNS, known, meant

__all__ = ["Picked", "pick_rows"]

_READ = tuple(
    {
        *("status", "year", "contrast_measure", "reason", *REQUIRED, *overlap.COLUMNS),
        *(column for columns in TEXT_COLUMNS.values() for column in columns),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Picked:
    """The rows of every combination of the choices about rows.

    Attributes
    ----------
    units : list of tuple of int
        Sets of rows about the same participants that enter together, as positions in the table.
    selections : AnyArray, shape (selections, samples)
        Distinct selections: the unit with which each sample of participants enters, -1 where it does not.
    which : AnyArray, shape (combinations,)
        The selection of each combination; -1 where no row is left.
    measure : AnyArray, shape (combinations,)
        Position of the measure of each combination.
    """

    units: list[tuple[int, ...]]
    selections: AnyArray
    which: AnyArray
    measure: AnyArray


def pick_rows(trials: pd.DataFrame, choices: Choices) -> Picked:
    """Rows of every combination of the choices about rows, as :func:`ketameta.select` would select them.

    A filter is a set of rows; a combination is what its filters have in common. Overlaps are resolved once
    for each distinct set of candidates and best time.
    """
    data = sheet(trials, _READ, REQUIRED)
    if data.bad:
        name, cell = data.bad[0]
        raise DataError(
            f"line {data.lines[cell.row]}, column {name!r}: {cell.value!r}: {cell.hint}; check_trials lists "
            "every problem"
        )
    if (data.text("cohort_id") == "").any():
        raise DataError("cohort_id is empty in some rows: give each sample of participants an identifier")
    names = [name for name in ROW_CHOICES if name in choices.options]
    masks = [[_mask(trials, data, name, value) for value in choices.options[name]] for name in names]
    solid = data.included() & ~data.is_one_of("score_type", ["baseline"])
    sets = [[_bits(mask) for mask in group] for group in masks]
    times = [None if value is None else value[2] for value in choices.options["window"]]
    at = names.index("window")
    places = [range(len(group)) for group in sets]
    everything = _bits(solid)
    sample = _samples(data)
    kept: dict[tuple[int, float | None], int] = {}
    found: dict[int, int] = {}
    units: dict[tuple[int, ...], int] = {}
    table: list[list[int]] = []
    which = np.empty(int(np.prod([len(group) for group in sets])), dtype=np.int64)
    for position, codes in enumerate(itertools.product(*places)):
        left = everything
        for group, code in zip(sets, codes, strict=True):
            left &= group[code]
        key = (left, times[codes[at]])
        if key not in kept:
            kept[key] = _resolved(data, left, key[1])
        rows = kept[key]
        if rows not in found:
            found[rows] = len(table) if rows else -1
            if rows:
                table.append(_entered(rows, sample, units))
        which[position] = found[rows]
    measures = np.unravel_index(np.arange(which.size), [len(group) for group in sets])[names.index("measure")]
    width = int(sample.max(initial=-1)) + 1
    return Picked(list(units), np.array(table, dtype=np.int64).reshape(-1, width), which, measures)


def _mask(trials: pd.DataFrame, data: Sheet, name: str, value: Any) -> BoolArray:
    """Rows that an option keeps."""
    every = np.ones(len(data), dtype=np.bool_)
    if name == "measure":
        return gives(data, value)
    if name == "risk_of_bias":
        return _judged(data, value)
    if name == "provisional":
        return every if value else ~data.is_one_of("source_kind", ["secondary-text"])
    if value is None:
        return every
    if name == "window":
        time = data.number("time_hours")
        return np.asarray((time >= value[0]) & (time <= value[1]), dtype=np.bool_)
    texts, result = meant(value, known(trials, name)), ~every
    for column in TEXT_COLUMNS[name]:
        result |= data.is_one_of(column, texts)
    return result


def _judged(data: Sheet, value: str) -> BoolArray:
    """Rows of trials without a published judgement of high risk; on request, of trials that were judged at all."""
    if value == JUDGED[0]:
        return np.ones(len(data), dtype=np.bool_)
    table = load_risk_of_bias()
    high = table.loc[table["judgement"].str.lower().str.startswith("high"), "cohort_id"]
    result = ~data.is_one_of("cohort_id", high)
    return result & data.is_one_of("cohort_id", table["cohort_id"]) if value == JUDGED[2] else result


def _bits(mask: BoolArray) -> int:
    return int.from_bytes(np.packbits(mask, bitorder="little").tobytes(), "little")


def _positions(bits: int) -> list[int]:
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found


def _resolved(data: Sheet, bits: int, at: float | None) -> int:
    """The candidates that stay when nobody is counted twice."""
    for each in overlap.resolve(data, _positions(bits), at):
        bits &= ~(1 << each.row)
    return bits


def _samples(data: Sheet) -> AnyArray:
    """A number for each sample of participants: rows of one cohort, or held against one comparator arm."""
    cohort, arm = data.text("cohort_id"), data.text("comparator_arm_id")
    parent: dict[Any, Any] = {}

    def root(name: Any) -> Any:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for one, other in zip(cohort, arm, strict=True):
        if other:
            parent[root(("cohort", one))] = root(("arm", other))
    numbers: dict[Any, int] = {}
    roots = [root(("cohort", one)) for one in cohort]
    return np.array([numbers.setdefault(name, len(numbers)) for name in roots], dtype=np.int64)


def _entered(bits: int, sample: AnyArray, units: dict[tuple[int, ...], int]) -> list[int]:
    """The unit with which each sample enters a selection."""
    groups: dict[int, list[int]] = {}
    for row in _positions(bits):
        groups.setdefault(int(sample[row]), []).append(row)
    result = [-1] * (int(sample.max()) + 1)
    for number, rows in groups.items():
        result[number] = units.setdefault(tuple(rows), len(units))
    return result
