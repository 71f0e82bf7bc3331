"""Where along time there are trials, and where a curve would only be a line through nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from ketameta._typing import ArrayLike, BoolArray
from ketameta.curves.inputs import TrialTimes

__all__ = ["FACTOR", "coverage", "gaps", "supported"]

FACTOR = 2.0
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
    sizes = data.n_t + data.n_c
    rows = []
    for time in np.unique(data.hours):
        at = data.hours == time
        names = ", ".join(data.trials[i] for i in data.trial[at])
        rows.append((float(time), int(at.sum()), float(sizes[at].sum()), names))
    return pd.DataFrame(rows, columns=["time_hours", "k", "n", "trials"])
