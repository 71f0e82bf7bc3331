"""How many trials without any effect it takes to bring a pooled effect to a threshold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ketameta._typing import Array
from ketameta.models import Pooled
from ketameta.robustness._refits import refits

__all__ = ["MOST", "null_trials"]

MOST = 4096
_BATCH = 128


def null_trials(fit: Pooled, variance: float, threshold: float, *, ci: str) -> tuple[int | None, int | None]:
    """Fewest trials with effect 0 and this variance that take the estimate, and its interval, to a threshold.

    Parameters
    ----------
    fit : Pooled
        The pool, and the methods by which it is pooled anew.
    variance : float
        Sampling variance of each added trial.
    threshold : float
        On the scale of the analysis.
    ci : str
        Method of the interval once trials are added; that of no added trial is the fit's own.

    Returns
    -------
    tuple of (int or None, int or None)
        For the estimate, and for the end of the interval that faces the threshold; 0 where it lies there already,
        None where 4,096 do not suffice, as for an estimate that can only come nearer and nearer to 0.

    Notes
    -----
    Numbers up to 128 are all tried; above, the number is doubled and the gap halved, as if more trials always took the
    estimate further.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness._null_trials import null_trials
    >>> null_trials(km.pool(yi=[-1.0, -0.6, -0.8], vi=[0.1, 0.1, 0.1]), 0.1, -0.5, ci="Wald")
    (2, 0)
    """
    sign = 1.0 if fit.estimate > threshold else -1.0

    def distances(counts: list[int]) -> Array:
        most = max(counts)
        yi = np.concatenate((fit.yi, np.zeros(most)))
        vi = np.concatenate((fit.vi, np.full(most, variance)))
        mask = np.arange(fit.k + most) < fit.k + np.array(counts)[:, None]
        found = refits(fit, yi, vi, mask=mask, ci=ci, test=False)
        return np.asarray(
            sign * (np.stack((found.estimate, found.ci_low if sign > 0 else found.ci_high)) - threshold)
        )

    own = sign * (np.array([fit.estimate, fit.ci_low if sign > 0 else fit.ci_high]) - threshold)
    first = np.column_stack((own, distances(list(range(1, _BATCH + 1)))))
    return (
        _fewest(first[0], lambda n: float(distances([n])[0, 0])),
        _fewest(first[1], lambda n: float(distances([n])[1, 0])),
    )


def _fewest(first: Array, distance: Callable[[int], float]) -> int | None:
    """The first count at which the distance is no longer positive."""
    short = np.flatnonzero(first <= 0)
    if short.size:
        return int(short[0])
    low, high = _BATCH, 2 * _BATCH
    while not distance(high) <= 0:
        low, high = high, 2 * high
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if distance(middle) <= 0 else (middle, high)
    return high
