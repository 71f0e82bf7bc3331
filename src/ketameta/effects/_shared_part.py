"""How much of the variances of effects can come from an arm that they share."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, BoolArray

__all__ = ["limit_of_root"]


def limit_of_root(part: Array, variance: Array, alike: BoolArray) -> Array:
    """Largest root of a shared part that leaves every effect a weight of its own.

    Parameters
    ----------
    part, variance : numpy.ndarray, shape (..., m)
        Part ``c_i < v_i`` of each variance that comes from the shared arm, and the variance ``v_i``.
    alike : numpy.ndarray of bool, shape (..., m, m)
        Whether two effects share the arm.

    Returns
    -------
    numpy.ndarray, shape (..., m)
        Bound on ``u_i = sqrt(c_i)`` by the effects that row i shares the arm with.

    Notes
    -----
    What the arm adds is one number for all effects. Sizes and variances that disagree make ``u_i`` unequal;
    with covariances ``u_i u_j`` the weights of generalised least squares are proportional to
    ``(1 - u_i k) / D_i``, ``D_j = v_j - c_j``, ``k = sum(u_j / D_j) / (1 + sum(u_j^2 / D_j))`` (Sherman & Morrison 1950). With
    every ``u`` cut off at s they are not negative if and only if ``sum(u_j (s - u_j) / D_j) <= 1`` over all
    ``u_j < s``. The sum over any number of the smallest ``u_j`` is at most that one, so the largest such s is the
    least of ``(1 + sum(u_j^2 / D_j)) / sum(u_j / D_j)`` over the smallest 1, 2, ... of them. Then ``u_i u_j`` exceeds
    neither variance.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.effects._shared_part import limit_of_root
    >>> limit_of_root(np.array([0.5, 4.5]), np.array([1.0, 9.0]), np.ones((2, 2), dtype=bool)) ** 2
    array([2., 2.])
    """
    root = np.sqrt(part)
    order = np.argsort(root, axis=-1)
    left = 1 / (variance - part)
    first, second = (np.take_along_axis(values, order, axis=-1) for values in (root * left, part * left))
    among = np.take_along_axis(alike, np.broadcast_to(order[..., None, :], alike.shape), axis=-1)
    below = np.cumsum(among * first[..., None, :], axis=-1)
    above = 1 + np.cumsum(among * second[..., None, :], axis=-1)
    bounds = np.divide(above, below, out=np.full(below.shape, np.inf), where=below > 0)
    return np.asarray(bounds.min(axis=-1), dtype=np.float64)
