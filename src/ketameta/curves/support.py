"""Where along time there are trials, and where a curve would only be a line through nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from ketameta._typing import Array, ArrayLike, BoolArray
from ketameta.curves.inputs import TrialTimes

__all__ = ["FACTOR", "coverage", "gaps", "lone_ends", "standard_times", "supported"]

FACTOR = 2.0
_STANDARD_HOURS = (4.0, 24.0, 72.0, 168.0, 336.0, 672.0)
_SLACK = 1e-9


def supported(hours: ArrayLike, observed: ArrayLike) -> BoolArray:
    """Whether a time lies inside the observed range and some trial measured within a factor of two of it.

    Parameters
    ----------
    hours : array_like, shape (m,)
        Times to judge.
    observed : array_like, shape (n,)
        Measured times.

    Returns
    -------
    numpy.ndarray of bool, shape (m,)
        True where supported.

    Examples
    --------
    >>> from ketameta.curves.support import supported
    >>> supported([2, 40, 100, 168, 200], [4, 24, 168]).tolist()
    [False, True, True, True, False]
    """
    x = np.log(np.asarray(hours, dtype=np.float64))
    times = np.log(np.unique(np.asarray(observed, dtype=np.float64)))
    nearest = np.abs(x[:, None] - times[None, :]).min(axis=1)
    inside = (x >= times[0] - _SLACK) & (x <= times[-1] + _SLACK)
    return np.asarray(inside & (nearest <= np.log(FACTOR) + _SLACK), dtype=np.bool_)


def standard_times(observed: ArrayLike, time_range: tuple[float, float]) -> Array:
    """4 h, 24 h, 72 h, 7, 14 and 28 d where supported, else the first and the last time.

    Examples
    --------
    >>> from ketameta.curves.support import standard_times
    >>> standard_times([24, 168], (24, 168)).tolist()
    [24.0, 168.0]
    """
    standard = np.array(_STANDARD_HOURS)
    times = standard[supported(standard, observed)]
    return times if times.size else np.array(time_range, dtype=np.float64)


def gaps(observed: ArrayLike) -> tuple[tuple[float, float], ...]:
    """Ranges inside the observed times that are not supported: farther than a factor of two from any trial.

    Examples
    --------
    >>> from ketameta.curves.support import gaps
    >>> gaps([4, 24, 48])
    ((8.0, 12.0),)
    """
    times = np.unique(np.asarray(observed, dtype=np.float64))
    return tuple(
        (float(a * FACTOR), float(b / FACTOR))
        for a, b in itertools.pairwise(times.tolist())
        if b / FACTOR > a * FACTOR * (1 + _SLACK)
    )


def coverage(data: TrialTimes) -> pd.DataFrame:
    """Trials and participants at each measured time.

    Parameters
    ----------
    data : TrialTimes
        Checked effects.

    Returns
    -------
    pandas.DataFrame
        ``time_hours``, ``k`` (trials), ``n`` (participants; missing where a trial does not say), ``trials``.
    """
    rows = []
    for time in np.unique(data.hours):
        at = data.hours == time
        names = ", ".join(data.trials[i] for i in data.trial[at])
        rows.append((float(time), int(at.sum()), float(data.people[at].sum()), names))
    return pd.DataFrame(rows, columns=["time_hours", "k", "n", "trials"])


def lone_ends(data: TrialTimes) -> tuple[tuple[float, str, str], ...]:
    """Ends of the observed times that rest on one trial.

    Parameters
    ----------
    data : TrialTimes
        Checked effects.

    Returns
    -------
    tuple of (float, str, str)
        Time in hours, ``"before"`` or ``"after"``, and the one trial that measured on that side of it. Empty
        for a single trial.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.curves.inputs import read_rows
    >>> from ketameta.curves.support import lone_ends
    >>> es = pd.DataFrame({"cohort_id": list("aaabb"), "time_hours": [4, 24, 72, 24, 168], "yi": -0.5,
    ...                    "vi": 0.1})
    >>> lone_ends(read_rows(es)[0])
    ((24.0, 'before', 'a'), (72.0, 'after', 'b'))
    """
    if len(data.trials) == 1:
        return ()
    ends = []
    for side, order in (("before", np.argsort(data.hours)), ("after", np.argsort(-data.hours))):
        trial, hours = data.trial[order], data.hours[order]
        limit = hours[np.flatnonzero(trial != trial[0])[0]]
        lone = hours < limit if side == "before" else hours > limit
        if lone.any():
            ends.append((float(limit), side, data.trials[trial[0]]))
    return tuple(ends)
