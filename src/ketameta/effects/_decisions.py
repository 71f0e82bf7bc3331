"""What had to be decided about the rows of a trial before their covariance, in words."""

from __future__ import annotations

import re

import numpy as np

from ketameta._typing import AnyArray, BoolArray
from ketameta.effects._arms import Arms, Indices
from ketameta.effects._batches import OUTCOME
from ketameta.effects._sheet import Sheet

__all__ = ["decisions", "opposite_roles"]

_WORD = re.compile(r"[0-9a-z.]+")
_NAMED = 3


def decisions(
    sheet: Sheet, trial: Indices, trials: AnyArray, arms: Arms, broken: BoolArray
) -> dict[int, list[str]]:
    """Decisions by trial.

    Parameters
    ----------
    sheet : Sheet
        The rows.
    trial : numpy.ndarray of int, shape (n,)
        Trial of each row.
    trials : numpy.ndarray of str, shape (k,)
        Names of the trials.
    arms : Arms
        Treatment arms of the rows.
    broken : numpy.ndarray of bool, shape (n,)
        Rows whose counts are impossible.
    """
    said = {one: list(notes) for one, notes in arms.notes.items()}
    sizes = np.bincount(trial, minlength=len(trials))
    several = sizes[trial] > 1
    for name in ("study_id", "comparator_arm_id"):
        for one, words in _elsewhere(sheet.text(name).astype(str), name, trial, trials):
            said.setdefault(one, []).append(words)
    for bad, words in (
        (
            several & ~sheet.given("study_id"),
            "without study_id: rows of one drug, dose and route taken as one arm",
        ),
        (
            several & ~sheet.given("comparator_arm_id"),
            "without comparator_arm_id: comparator taken as shared where the treatment arm is",
        ),
        (broken, "with impossible counts"),
        *_nameless(sheet, trial, len(trials)),
    ):
        counts = np.bincount(trial, weights=bad, minlength=len(trials))
        for one in np.flatnonzero(counts).tolist():
            many = int(counts[one])
            said.setdefault(one, []).append(f"{many} {'row' if many == 1 else 'rows'} {words}")
    return said


def _nameless(sheet: Sheet, trial: Indices, count: int) -> list[tuple[BoolArray, str]]:
    """Rows that lack an outcome, instrument or definition that other rows of the trial have."""
    found = []
    for name in OUTCOME:
        given = sheet.given(name)
        some = np.bincount(trial, weights=given, minlength=count) > 0
        found.append(
            (
                np.asarray(~given & some[trial], dtype=np.bool_),
                f"without {name}: taken as another {name} than those named",
            )
        )
    return found


def _elsewhere(names: AnyArray, column: str, trial: Indices, trials: AnyArray) -> list[tuple[int, str]]:
    """Trials in which a name stands that stands in another trial as well."""
    values, code = np.unique(names, return_inverse=True)
    pairs = np.unique(np.stack([code, trial]), axis=1)
    starts = np.searchsorted(pairs[0], np.arange(len(values) + 1))
    found = []
    for one in np.flatnonzero((np.diff(starts) > 1) & (values != "")).tolist():
        within = pairs[1][starts[one] : starts[one + 1]].tolist()
        for k in within:
            others = [str(trials[q]) for q in within[: _NAMED + 1] if q != k][:_NAMED]
            more = len(within) - 1 - len(others)
            where = ", ".join(others) + (f" and {more} more" if more else "")
            found.append((k, f"{column} {values[one]} also stands in trial {where}: taken as other people"))
    return found


def opposite_roles(
    drug: list[str], comparator: list[str], control: list[str], study: list[str]
) -> list[tuple[int, int]]:
    """Pairs of rows of which the comparator of one may be the treatment arm of the other.

    Examples
    --------
    >>> from ketameta.effects._decisions import opposite_roles
    >>> opposite_roles(["ketamine", "esketamine"], ["Esketamine 56 mg", "placebo"], ["", ""], ["a", "b"])
    [(0, 1)]
    """
    found = []
    for i in range(len(drug)):
        words = set(
            _WORD.findall(f"{comparator[i]} {control[i].rpartition(':')[2].replace('_', ' ')}".casefold())
        )
        for j in range(len(drug)):
            named = drug[j] and "without" not in words and drug[j].casefold() in words
            if i != j and (named or (control[i] and control[i] == study[j])):
                found.append((min(i, j), max(i, j)))
    return sorted(set(found))
