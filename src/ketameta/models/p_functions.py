"""P-value functions: the limits of intervals at every level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ketameta._typing import Array
from ketameta.models.intervals import Inference
from ketameta.models.prediction import LimitTrial, NoTrial
from ketameta.models.result import Pooled

__all__ = ["new_trial_limits", "pooled_limits", "study_limits"]


def study_limits(yi: float, vi: float, p: Sequence[float]) -> Array:
    """Effects against which a study has P values, by the normal distribution.

    Parameters
    ----------
    yi, vi : float
        Effect and sampling variance.
    p : sequence of float, length n
        Two-sided P values, over 0 and up to 1.

    Returns
    -------
    Array, shape (2, n)
        One effect under that of the study and one over it: limits of the interval of level 1 - p.

    Examples
    --------
    >>> from ketameta.models.p_functions import study_limits
    >>> study_limits(-0.5, 0.04, [0.05, 1.0]).round(3).tolist()
    [[-0.892, -0.5], [-0.108, -0.5]]
    """
    return _limits(Inference(yi, float(np.sqrt(vi)), np.inf, 0.5), p)


def pooled_limits(fit: Pooled, p: Sequence[float]) -> Array:
    """Effects against which a pooled effect has P values, by the method of its interval.

    Parameters
    ----------
    fit : Pooled
        Result of :func:`ketameta.pool`.
    p : sequence of float, length n
        Two-sided P values, over 0 and up to 1.

    Returns
    -------
    Array, shape (2, n)
        Limits of the confidence interval of level 1 - p, ratios as logs.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.models.p_functions import pooled_limits
    >>> fit = km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08])
    >>> wider = km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08], level=0.99)
    >>> [round(float(limit), 9) for limit in pooled_limits(fit, [0.01])[:, 0]] == [
    ...     round(wider.ci_low, 9), round(wider.ci_high, 9)
    ... ]
    True
    """
    return _limits(fit.inference, p)


def new_trial_limits(fit: Pooled, p: Sequence[float]) -> Array:
    """Limits of prediction intervals for a new trial, by the method of the fit.

    Parameters
    ----------
    fit : Pooled
        Result of :func:`ketameta.pool`.
    p : sequence of float, length n
        1 - level of each interval, over 0 and up to 1.

    Returns
    -------
    Array, shape (2, n)
        Lower and upper limits, ratios as logs; NaN where there is no prediction interval.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.models.p_functions import new_trial_limits
    >>> fit = km.pool(yi=[-0.9, -0.1, -0.6, 0.2], vi=[0.10, 0.05, 0.08, 0.04])
    >>> [round(float(limit), 9) for limit in new_trial_limits(fit, [0.05])[:, 0]] == [
    ...     round(fit.pi_low, 9), round(fit.pi_high, 9)
    ... ]
    True
    """
    trial = fit.new_trial
    if isinstance(trial, NoTrial):
        return np.full((2, len(p)), np.nan)
    if isinstance(trial, LimitTrial):
        inferences = (_at(trial.inference, share) for share in p)
        return np.array([inference.prediction(trial.tau2) for inference in inferences], dtype=float).T
    return _limits(trial, p)


def _limits(source: Any, p: Sequence[float]) -> Array:
    """Limits of the intervals that an object with a level gives."""
    return np.array([_at(source, share).interval() for share in p], dtype=float).T


def _at(source: Any, p: float) -> Any:
    """The same at level 1 - p."""
    return replace(source, level=1.0 - p)
