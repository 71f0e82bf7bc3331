"""How many trials, and how many people, there are for each outcome and time."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketameta._typing import Array, ArrayLike, BoolArray

__all__ = ["ANY_TIME", "BINS", "NO_TIME", "EvidenceGrid", "TimeBin", "evidence_grid", "in_use"]


@dataclass(frozen=True, slots=True)
class TimeBin:
    """Times since the first dose that are counted together: their last hour, name and end in words."""

    last: float
    name: str
    end: str


BINS = (
    TimeBin(12.0, "Hours", "to 12 h"),
    TimeBin(36.0, "1 d", "to 36 h"),
    TimeBin(120.0, "2–5 d", "to day 5"),
    TimeBin(240.0, "7 d", "to day 10"),
    TimeBin(528.0, "14–21 d", "to day 22"),
    TimeBin(840.0, "28 d", "to day 35"),
    TimeBin(math.inf, "Later", "later"),
)
"""Bins of time, each from the end of the one before."""
NO_TIME = len(BINS)
"""Column of what states no time."""
ANY_TIME = len(BINS) + 1
"""Column of all times together."""


@dataclass(frozen=True, slots=True, eq=False)
class EvidenceGrid:
    """Trials and people in each row and column; columns are ``BINS``, then no time, then any time.

    Attributes
    ----------
    rows : tuple, length r
        What the rows are about: those with most trials first, else in order of the table.
    trials : ndarray of int, shape (r, len(BINS) + 2)
        Number of distinct trials.
    people : ndarray, shape (r, len(BINS) + 2)
        Sum of the trials' largest numbers of people; a trial without one adds 0.
    unknown : ndarray of int, shape (r, len(BINS) + 2)
        Trials of which no number of people is known.
    """

    rows: tuple[Hashable, ...]
    trials: NDArray[np.int64]
    people: Array
    unknown: NDArray[np.int64]


def in_use(table: pd.DataFrame) -> BoolArray:
    """Rows that may enter pools and are no baseline scores, by ``status`` and ``score_type``."""
    used = table["status"].isin(["include"]) & ~table["score_type"].isin(["baseline"])
    return used.to_numpy(dtype=np.bool_)


def evidence_grid(
    rows: Sequence[Hashable], trial: ArrayLike, hours: ArrayLike, people: ArrayLike | None = None
) -> EvidenceGrid:
    """Count trials and people by row and time; a trial counts once in each cell, with its largest number.

    Parameters
    ----------
    rows : sequence, length n
        What each entry is about, such as its outcome.
    trial : array_like, shape (n,)
        Whose participants each entry is about.
    hours : array_like, shape (n,)
        Hours since the first dose; NaN where no time is stated.
    people : array_like, shape (n,), optional
        Number of people behind each entry; NaN where it is not known.

    Returns
    -------
    EvidenceGrid
        The counts.

    Examples
    --------
    >>> from ketameta.evidence.grid import evidence_grid
    >>> grid = evidence_grid(["ptsd"] * 3, ["a", "a", "b"], [24, 24, 168], [20, 18, 30])
    >>> grid.rows, grid.trials[0, [1, 3, -1]].tolist(), grid.people[0, [1, 3, -1]].tolist()
    (('ptsd',), [1, 1, 2], [20.0, 30.0, 50.0])
    """
    names = list(dict.fromkeys(rows))
    place = {name: i for i, name in enumerate(names)}
    times = np.asarray(hours, dtype=np.float64)
    edges = np.array([each.last for each in BINS])
    column = np.where(np.isnan(times), NO_TIME, np.searchsorted(edges, times))
    row = np.array([place[name] for name in rows], dtype=np.int64)
    who = np.asarray(pd.factorize(np.asarray(trial, dtype=object))[0], dtype=np.int64)
    n = np.full(times.shape, np.nan) if people is None else np.asarray(people, dtype=np.float64)
    entries = np.concatenate(
        [np.column_stack((row, where, who)) for where in (column, np.full_like(column, ANY_TIME))]
    )
    cells, entry = np.unique(entries, axis=0, return_inverse=True)
    largest = np.full(len(cells), np.nan)
    np.fmax.at(largest, entry.reshape(-1), np.tile(n, 2))
    shape, at = (len(names), ANY_TIME + 1), (cells[:, 0], cells[:, 1])
    trials, unknown, total = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape)
    np.add.at(trials, at, 1)
    np.add.at(unknown, at, np.isnan(largest))
    np.add.at(total, at, np.nan_to_num(largest))
    order = np.argsort(-trials[:, ANY_TIME], kind="stable")
    return EvidenceGrid(tuple(names[i] for i in order), trials[order], total[order], unknown[order])
