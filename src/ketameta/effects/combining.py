"""Several treatment arms against one comparator arm: the arithmetic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, more_than
from ketameta.effects._result import EffectSize, make_effect
from ketameta.effects._shared_part import limit_of_root
from ketameta.errors import EffectError

__all__ = ["CombinedArm", "combine_arms", "combine_contrasts", "shared_correlation"]


class CombinedArm(NamedTuple):
    """Size, mean and standard deviation of arms taken together."""

    n: float
    mean: float
    sd: float


def combine_arms(n: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> CombinedArm:
    """Take several groups as one.

    Parameters
    ----------
    n, mean, sd : array_like, shape (arms,)
        Sizes, means and standard deviations.

    Returns
    -------
    CombinedArm
        What the participants of all groups together have, exactly: the mean weighted by size, and
        the SD of the sums of squares within and between (Cochrane Handbook 6.5.2.10).

    Raises
    ------
    EffectError
        If a value is not finite, an SD is not positive, a size is not above 1, or the arguments
        are not one-dimensional.

    Examples
    --------
    >>> from ketameta.effects import combine_arms
    >>> arm = combine_arms([111, 98], [-19.0, -18.8], [13.86, 14.12])
    >>> arm.n, round(arm.mean, 3), round(arm.sd, 3)
    (209.0, -18.906, 13.949)
    """
    sizes, means, sds = arrays(n=n, mean=mean, sd=sd)
    _one_dimension("n, mean and sd", sizes)
    more_than(1, "a group size", n=sizes)
    more_than(0, "a standard deviation", sd=sds)
    total = sizes.sum()
    middle = (sizes * means).sum() / total
    squares = ((sizes - 1) * sds**2 + sizes * (means - middle) ** 2).sum()
    return CombinedArm(float(total), float(middle), float(np.sqrt(squares / (total - 1))))


def shared_correlation(n_t: ArrayLike, n_c: float) -> Array:
    """Correlation of contrasts that share a comparator arm.

    Parameters
    ----------
    n_t : array_like, shape (arms,)
        Sizes of the treatment arms.
    n_c : float
        Size of the shared arm.

    Returns
    -------
    Array, shape (arms, arms)
        ``(1/n_c) / sqrt((1/n_i + 1/n_c) (1/n_j + 1/n_c))`` off the diagonal: exact for mean
        differences with one within-group variance (Cochrane Handbook 23.3.4;
        Gleser & Olkin 2009).

    Examples
    --------
    >>> from ketameta.effects.combining import shared_correlation
    >>> shared_correlation([20, 20], 20).round(3).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    sizes, control = arrays(n_t=n_t, n_c=n_c)
    _one_dimension("n_t", sizes)
    more_than(0, "a group size", n_t=sizes, n_c=control)
    root = np.sqrt(1 / sizes + 1 / control)
    matrix = (1 / control[0]) / np.outer(root, root)
    np.fill_diagonal(matrix, 1.0)
    return np.asarray(matrix, dtype=np.float64)


def combine_contrasts(yi: ArrayLike, vi: ArrayLike, n_t: ArrayLike, n_c: float) -> EffectSize:
    """Average contrasts that share a comparator arm, by generalised least squares.

    Parameters
    ----------
    yi, vi : array_like, shape (arms,)
        Contrasts and their variances.
    n_t : array_like, shape (arms,)
        Sizes of the treatment arms.
    n_c : float
        Size of the shared arm, which gives the covariances (:func:`shared_correlation`).

    Returns
    -------
    EffectSize
        One scalar effect. The comparator arm is counted once.

    Raises
    ------
    EffectError
        If a value is not finite, or a variance or a size is not positive.

    Notes
    -----
    ``c_i = v_i (1/n_c) / (1/n_i + 1/n_c)`` of variance ``v_i`` comes from the shared arm, and ``sqrt(c_i c_j)`` is the
    covariance. That part is one number for all contrasts; where variances and sizes disagree about it so
    far that a contrast would get a negative weight, the larger ``c_i`` are lowered until its weight is 0.

    Examples
    --------
    >>> from ketameta.effects import combine_contrasts
    >>> effect = combine_contrasts([-4.1, -3.2], [3.3, 3.5], [111, 98], 108)
    >>> round(float(effect.yi), 3), round(float(effect.vi), 3)
    (-3.676, 2.532)
    """
    effects, variances, sizes = arrays(yi=yi, vi=vi, n_t=n_t)
    _one_dimension("yi, vi and n_t", effects)
    more_than(0, "a variance", vi=variances)
    (control,) = arrays(n_c=n_c)
    more_than(0, "a group size", n_t=sizes, n_c=control)
    if control.ndim:
        raise EffectError(f"n_c has shape {control.shape}; give the size of the one shared arm")
    with np.errstate(all="ignore"):
        part = variances / control / (1 / sizes + 1 / control)
        limit = limit_of_root(part, variances, np.ones((len(sizes), len(sizes)), dtype=np.bool_))
        shared = np.minimum(np.sqrt(part), limit)
        own = variances - shared**2
        if not (own > 0).all():
            raise EffectError("the covariance matrix is singular: the arm sizes are too unequal")
        reduction = (shared / own).sum() / (1 + (shared**2 / own).sum())
        weights = np.maximum(1 - shared * reduction, 0.0) / own
        total = weights.sum()
        estimate = weights @ effects / total
        variance = ((weights**2 * own).sum() + (weights @ shared) ** 2) / total**2
    return make_effect(np.asarray(estimate), np.asarray(variance), "the arm sizes are too unequal")


def _one_dimension(names: str, values: Array) -> None:
    if values.ndim != 1:
        raise EffectError(f"{names} have shape {values.shape}; give one value for each arm")
