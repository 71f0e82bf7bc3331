"""Which effects of a table come from the same people, and the numbers that their covariance needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.effects._arms import Arms, Indices, read_arms
from ketameta.effects._batches import Batch, batches_of
from ketameta.effects._crossovers import both_periods
from ketameta.effects._decisions import decisions
from ketameta.effects._naming import describe
from ketameta.effects._needs import formulas, units
from ketameta.effects._numbers import correct_zero_cells, parts_of_control, read_numbers
from ketameta.effects._sheet import Sheet
from ketameta.errors import EffectError

__all__ = ["Samples", "read_samples", "trial_names"]

_KEPT = ("study_id", "drug", "comparator", "comparator_arm_id")
_LARGEST = 2_000_000_000
_ARRAYS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Rows with an effect, by trial.

    Attributes
    ----------
    frame : pandas.DataFrame
        The rows.
    trials : tuple of str
        Names of the trials, in order of appearance.
    measure : str
        Effect measure; empty when the table does not say.
    number : dict of str to numpy.ndarray, shape (n,)
        ``yi, vi, hours``, sizes, SDs and counts; not-a-number where a row has none.
    unit : numpy.ndarray of str, shape (n,)
        Kind of the SD in whose units an SMD is.
    named : numpy.ndarray of bool, shape (n,)
        Rows that name their standardiser.
    text : dict of str to numpy.ndarray of str, shape (n,)
        What rows say of their arms.
    arms : Arms
        Treatment arms of the rows.
    split : numpy.ndarray of bool, shape (n,)
        Rows that hold a part of a divided comparator arm.
    both_periods : numpy.ndarray of bool, shape (n,)
        Rows of a crossover that count the same people in both arms.
    corrected : numpy.ndarray of bool, shape (n,)
        Tables with a zero cell.
    why : tuple of str
        By trial, why no better formula applies.
    decided : dict of int to list of str
        By trial, what was decided about its rows.
    batches : tuple of Batch
        The trials by number of rows and formula.
    """

    frame: pd.DataFrame
    trials: tuple[str, ...]
    measure: str
    number: dict[str, Array]
    unit: AnyArray
    named: BoolArray
    text: dict[str, AnyArray]
    arms: Arms
    split: BoolArray
    both_periods: BoolArray
    corrected: BoolArray
    why: tuple[str, ...]
    decided: dict[int, list[str]]
    batches: tuple[Batch, ...]


def trial_names(sheet: Sheet) -> AnyArray:
    """Trial of each row: ``cohort_id``, or ``study_id`` where that is empty; empty where both are."""
    cohort, study = (sheet.text(name).astype(str) for name in ("cohort_id", "study_id"))
    return np.where(cohort != "", cohort, study)


def read_samples(rows: pd.DataFrame) -> Samples:
    """Read rows with effects.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows with usable ``yi`` and ``vi``, and the other columns of :func:`ketameta.effects.effect_sizes`.

    Returns
    -------
    Samples
        The rows by trial.

    Raises
    ------
    EffectError
        If a row names no trial, the rows are of several measures, a time is not a number, a comparator is
        split in fewer than two, or a trial has more rows than memory holds.
    """
    sheet = Sheet(rows.reset_index(drop=True))
    name = trial_names(sheet)
    hours = sheet.number("time_hours")
    for bad, rule in (
        (name == "", "the trial must be named in cohort_id or study_id"),
        (sheet.given("time_hours") & ~np.isfinite(hours), "time_hours must be a number of hours, or empty"),
    ):
        if bad.any():
            raise EffectError(f"{rule}; not so in {describe(rows, np.flatnonzero(bad))}")
    measures = sorted({str(text) for text in sheet.text("measure")} - {""})
    if len(measures) > 1:
        raise EffectError(
            f"effects of {', '.join(measures)} have no common covariance; give rows of one measure"
        )
    trial, trials = pd.factorize(name)
    _refuse_large(trial, trials)
    measure = measures[0] if measures else ""
    parts = parts_of_control(sheet, rows)
    number = read_numbers(sheet, parts)
    broken, corrected = correct_zero_cells(number, measure)
    unit = units(sheet, measure)
    formula, why = formulas(number, unit, broken, trial, len(trials), measure)
    arms = read_arms(sheet, trial, len(trials))
    samples = Samples(
        frame=rows,
        trials=tuple(str(one) for one in trials),
        measure=measure,
        number=number,
        unit=unit,
        named=sheet.given("standardiser"),
        text={column: sheet.text(column) for column in _KEPT},
        arms=arms,
        split=np.asarray(parts > 1, dtype=np.bool_),
        both_periods=both_periods(sheet),
        corrected=corrected,
        why=tuple(why.tolist()),
        decided=decisions(sheet, trial, trials, arms, broken),
        batches=batches_of(sheet, trial, formula, number, arms, parts > 1),
    )
    _refuse_same_measurement(samples)
    return samples


def _refuse_large(trial: Indices, trials: AnyArray) -> None:
    sizes = np.bincount(trial)
    largest = int(sizes.max())
    needed = 8 * _ARRAYS * largest * largest
    if needed > _LARGEST:
        raise EffectError(
            f"the {largest} rows of trial {str(trials[np.argmax(sizes)])!r} need {needed / 1e9:.1f} GB for their "
            "covariance; a trial that large is usually many trials with one cohort_id"
        )


def _refuse_same_measurement(samples: Samples) -> None:
    for batch in samples.batches:
        twice = batch.same_arms & batch.same_c & batch.same_time & batch.same_outcome
        pairs = np.argwhere(np.triu(twice, 1))
        if len(pairs):
            at = np.unique([batch.rows[b, k] for b, i, j in pairs for k in (i, j)])
            raise EffectError(
                "rows that are the same measurement twice (one treatment and comparator arm, outcome, instrument, definition and "
                f"time) have no covariance: {describe(samples.frame, at)}. Keep one row of each, as select() does"
            )
