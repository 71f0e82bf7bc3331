"""Trials with equally many rows and one formula, and which of their rows come from the same people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.effects._arms import Arms, Indices
from ketameta.effects._sheet import Sheet

__all__ = ["OUTCOME", "Batch", "batches_of"]

OUTCOME = ("outcome", "instrument", "definition")
_TOGETHER = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Trials with equally many rows and one formula.

    Attributes
    ----------
    formula : str
        Measure whose exact formula applies, "SMD baseline", "SMD stated", ``"sizes"`` (arm sizes only) or
        ``"plain"`` (nothing known).
    trials : numpy.ndarray of int, shape (b,)
        Trials, as positions in ``Samples.trials``.
    rows : numpy.ndarray of int, shape (b, m)
        Their rows.
    same_t, same_c : numpy.ndarray of bool, shape (b, m, m)
        Whether two rows share people in the treatment arm, in the comparator arm.
    same_arms, same_time, same_outcome : numpy.ndarray of bool, shape (b, m, m)
        Whether two rows are about the same treatment arm, or the same several; the same time; the same
        outcome, instrument and definition.
    common : numpy.ndarray, shape (b, m, m) or (1, 1, 1)
        People in both treatment arms over those of the smaller one.
    overlapping : numpy.ndarray of bool, shape (b,)
        Whether that was not known of two combined rows that overlap, and 1 stands there.
    """

    formula: str
    trials: Indices
    rows: Indices
    same_t: BoolArray
    same_c: BoolArray
    same_arms: BoolArray
    same_time: BoolArray
    same_outcome: BoolArray
    common: Array
    overlapping: BoolArray


def batches_of(
    sheet: Sheet, trial: Indices, formula: AnyArray, number: dict[str, Array], arms: Arms, split: BoolArray
) -> tuple[Batch, ...]:
    sizes = np.bincount(trial)
    order = np.argsort(trial, kind="stable")
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    control = pd.factorize(sheet.text("comparator_arm_id").astype(str))[0]
    label = pd.factorize(_folded(sheet, "time_label"))[0]
    outcome = _joint(sheet, OUTCOME)
    named, hours = sheet.given("comparator_arm_id"), number["hours"]
    batches = []
    for m, kind in sorted({(int(size), str(kind)) for size, kind in zip(sizes, formula, strict=True)}):
        every = np.flatnonzero((sizes == m) & (formula == kind))
        step = max(1, _TOGETHER // (m * m))
        for trials in (every[start : start + step] for start in range(0, len(every), step)):
            rows = order[first[trials][:, None] + np.arange(m)]
            same_arms = _equal(arms.whole, rows)
            same_t = _overlapping(arms, rows, same_arms)
            common, overlapping = _common(arms, rows, same_t & ~same_arms, number)
            both_named = named[rows][:, :, None] & named[rows][:, None, :]
            same_c = np.where(both_named, _equal(control, rows), same_t)
            parts = split[rows][:, :, None] | split[rows][:, None, :]
            none = np.isnan(hours[rows])
            untimed = none[:, :, None] & none[:, None, :] & _equal(label, rows)
            batches.append(
                Batch(
                    formula=kind,
                    trials=trials,
                    rows=rows,
                    same_t=same_t,
                    same_c=np.asarray(same_c & (same_arms | ~parts), dtype=np.bool_),
                    same_arms=same_arms,
                    same_time=_equal(hours, rows) | untimed,
                    same_outcome=_equal(outcome, rows),
                    common=common,
                    overlapping=overlapping,
                )
            )
    return tuple(batches)


def _joint(sheet: Sheet, names: tuple[str, ...]) -> Indices:
    """One code for each combination of the columns."""
    code = np.zeros(len(sheet), dtype=np.intp)
    for name in names:
        part, values = pd.factorize(_folded(sheet, name))
        code = pd.factorize(code * (len(values) + 1) + part)[0]
    return code


def _equal(values: NDArray[Any], rows: Indices) -> BoolArray:
    return np.asarray(values[rows][:, :, None] == values[rows][:, None, :], dtype=np.bool_)


def _folded(sheet: Sheet, name: str) -> AnyArray:
    """Column as text in one case."""
    return np.array([str(cell).casefold() for cell in sheet.text(name)], dtype=object)


def _overlapping(arms: Arms, rows: Indices, same_arms: BoolArray) -> BoolArray:
    """Whether two rows share a treatment arm."""
    same = same_arms.copy()
    if not arms.several:
        return same
    for b, i in np.argwhere(np.isin(rows, list(arms.several))):
        mine = arms.of(int(rows[b, i]))
        for j, row in enumerate(rows[b].tolist()):
            if mine & arms.of(row):
                same[b, i, j] = same[b, j, i] = True
    return same


def _common(
    arms: Arms, rows: Indices, partly: BoolArray, number: dict[str, Array]
) -> tuple[Array, BoolArray]:
    """People of two overlapping arms, of which neither holds the other, over those of the smaller one."""
    unknown = np.zeros(len(rows), dtype=np.bool_)
    if not partly.any():
        return np.ones((1, 1, 1)), unknown
    common = np.ones(partly.shape)
    n, hours = number["n_t"], number["hours"]
    for b, i, j in np.argwhere(np.triu(partly, 1)):
        one, other = (int(rows[b, k]) for k in (i, j))
        both = arms.of(one) & arms.of(other)
        if both in (arms.of(one), arms.of(other)):
            continue
        sizes = [_size_of(arms, arm, rows[b].tolist(), n, hours, hours[one]) for arm in both]
        share = sum(sizes) / min(n[one], n[other])
        if np.isnan(share):
            unknown[b] = True
        else:
            common[b, i, j] = common[b, j, i] = min(1.0, share)
    return common, unknown


def _size_of(arms: Arms, arm: int, rows: list[int], n: Array, hours: Array, at: float) -> float:
    """People of one arm, by its rows at that time or else by its largest; not-a-number without any."""
    alone = [row for row in rows if arms.of(row) == {arm} and not np.isnan(n[row])]
    then = [row for row in alone if hours[row] == at]
    return max((float(n[row]) for row in then or alone), default=float("nan"))
