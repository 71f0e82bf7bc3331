"""Shapes of the effect over time: natural cubic spline in log time, exponential decay."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.curves.words import clock
from ketameta.errors import ModelError

__all__ = ["Exponential", "LinearShape", "Shape", "Spline", "default_knots", "natural_spline"]

_QUANTILES = {3: (0.10, 0.50, 0.90), 4: (0.05, 0.35, 0.65, 0.95)}
_APART = 1e-6


class Shape(Protocol):
    """A family of curves: value and gradient at any time."""

    def value(self, beta: Array, hours: Array) -> Array:
        """Effect at m times for coefficients of shape (..., p): shape (..., m)."""

    def gradient(self, beta: Array, hours: Array) -> Array:
        """Derivative of the effect by the p coefficients: shape (m, p)."""

    def names(self) -> tuple[str, ...]:
        """What each coefficient is."""

    def describe(self) -> str:
        """The shape in words."""


class LinearShape(ABC):
    """A shape that is the sum of its coefficients times functions of time."""

    __slots__ = ()

    @abstractmethod
    def basis(self, hours: Array) -> Array:
        """The functions at m times: shape (m, p)."""

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """What each coefficient is."""

    @abstractmethod
    def describe(self) -> str:
        """The shape in words."""

    def constant(self) -> Array:
        """Coefficients of the effect that is 1 at all times: shape (p,)."""
        return np.ones(len(self.names()))

    def line(self, centre_hours: float) -> Array | None:
        """Coefficients of log2(time / centre), shape (p,); None where the shape holds no such line."""
        return None

    def value(self, beta: Array, hours: Array) -> Array:
        """Effect at m times for coefficients of shape (..., p): shape (..., m)."""
        return np.asarray(beta @ self.basis(hours).T, dtype=np.float64)

    def gradient(self, beta: Array, hours: Array) -> Array:
        """Derivative of the effect by the p coefficients: shape (m, p)."""
        return self.basis(hours)


@dataclass(frozen=True, slots=True)
class Spline(LinearShape):
    """Natural cubic spline in log time whose coefficients are the effects at the knots."""

    knots_hours: tuple[float, ...]

    def basis(self, hours: Array) -> Array:
        """Cardinal spline basis at m times: shape (m, p)."""
        return natural_spline(np.log(hours), np.log(np.asarray(self.knots_hours)))

    def line(self, centre_hours: float) -> Array:
        """Coefficients of log2(time / centre): its values at the knots."""
        return np.asarray(np.log2(np.asarray(self.knots_hours) / centre_hours), dtype=np.float64)

    def names(self) -> tuple[str, ...]:
        """What each coefficient is."""
        return tuple(f"effect at {knot:.4g} h" for knot in self.knots_hours)

    def describe(self) -> str:
        """The shape in words."""
        knots = ", ".join(clock(knot) for knot in self.knots_hours)
        return f"natural cubic spline in log time, knots at {knots}"


@dataclass(frozen=True, slots=True)
class Exponential:
    """``A exp(-rate (t - origin))``: coefficients ``A``, the effect at the origin, and ``rate`` per hour.

    Rates below zero, which a normal approximation can draw, count as zero.
    """

    origin_hours: float

    def value(self, beta: Array, hours: Array) -> Array:
        """Effect at m times for coefficients of shape (..., 2): shape (..., m)."""
        rate = np.maximum(beta[..., 1:2], 0.0)
        return np.asarray(beta[..., 0:1] * np.exp(-rate * (hours - self.origin_hours)), dtype=np.float64)

    def gradient(self, beta: Array, hours: Array) -> Array:
        """Derivative of the effect by the two coefficients: shape (m, 2)."""
        since = hours - self.origin_hours
        decay = np.exp(-max(float(beta[1]), 0.0) * since)
        return np.column_stack([decay, -float(beta[0]) * since * decay])

    def names(self) -> tuple[str, ...]:
        """What each coefficient is."""
        return (f"effect at {self.origin_hours:.4g} h", "decay rate per hour")

    def describe(self) -> str:
        """The shape in words."""
        return "exponential decay"


def default_knots(hours: ArrayLike, k_trials: int) -> tuple[float, ...]:
    """Knots for a natural spline, in hours.

    Two (a straight line in log time) below four distinct times or five trials, three below six distinct times
    or ten trials, else four; a single trial from four distinct times on has three. Two knots stand at the first
    and the last time, three at the quantiles 0.10, 0.50, 0.90 of the log times of the effects, or of the
    distinct log times where so many effects share a time that knots coincide, and four at the quantiles 0.05,
    0.35, 0.65, 0.95 of the distinct log times (quantiles of Harrell, *Regression Modeling Strategies*). Of the
    distinct times, since most effects are often measured at one or two of them, and knots that crowd there
    leave a curve too stiff for a peak. Where knots coincide even so, there is one fewer.

    Parameters
    ----------
    hours : array_like, shape (n,)
        Time of each effect in hours.
    k_trials : int
        Number of trials.

    Returns
    -------
    tuple of float
        Knots in hours, increasing.

    Examples
    --------
    >>> from ketameta.curves.shapes import default_knots
    >>> default_knots([24, 24, 168], k_trials=2)
    (24.0, 168.0)
    >>> len(default_knots([4, 24, 72, 168, 336, 24, 168], k_trials=5))
    3
    >>> [round(knot, 1) for knot in default_knots([4, 24, 72, 168, 336, 672] * 2, k_trials=12)]
    [6.3, 54.7, 199.8, 565.1]
    """
    times = np.asarray(hours, dtype=np.float64)
    distinct = np.unique(times)
    count = 2 if distinct.size < 4 else 3 if distinct.size < 6 else 4
    most = 2 if 1 < k_trials < 5 else 3 if k_trials < 10 else 4
    for number, among in ((4, distinct), (3, times), (3, distinct)):
        if number > min(count, most):
            continue
        x = np.quantile(np.log(among), _QUANTILES[number])
        if np.all(np.diff(x) > _APART):
            return tuple(float(knot) for knot in np.exp(x))
    return (float(distinct[0]), float(distinct[-1]))


def natural_spline(x: ArrayLike, knots: ArrayLike) -> Array:
    """Cardinal basis of the natural cubic spline: column j is 1 at knot j and 0 at the other knots.

    A curve is then the weighted sum of its own values at the knots; beyond the outer knots it is straight.
    With two knots the basis is that of the straight line through both.

    Parameters
    ----------
    x : array_like, shape (n,)
        Where to evaluate (log time, here).
    knots : array_like, shape (p,)
        At least two, increasing.

    Returns
    -------
    numpy.ndarray, shape (n, p)
        Basis.

    Raises
    ------
    ModelError
        If there are fewer than two knots, or they do not increase.

    Notes
    -----
    The second derivatives at the knots solve the tridiagonal system of cubic-spline interpolation with zero
    curvature at both ends (de Boor, *A Practical Guide to Splines*, chapter IV).

    Examples
    --------
    >>> from ketameta.curves.shapes import natural_spline
    >>> natural_spline([0.0, 0.5, 2.0], [0.0, 1.0]).tolist()
    [[1.0, 0.0], [0.5, 0.5], [-1.0, 2.0]]
    """
    at = np.asarray(x, dtype=np.float64)
    knot = np.asarray(knots, dtype=np.float64)
    if knot.ndim != 1 or knot.size < 2 or not np.all(np.isfinite(knot)) or np.any(np.diff(knot) <= 0):
        raise ModelError("a natural spline needs at least two knots, finite and increasing.")
    p, h, eye = knot.size, np.diff(knot), np.eye(knot.size)
    slope = np.diff(eye, axis=0) / h[:, None]
    curvature = np.zeros((p, p))
    if p > 2:
        system = np.diag((h[:-1] + h[1:]) / 3) + np.diag(h[1:-1] / 6, 1) + np.diag(h[1:-1] / 6, -1)
        curvature[1:-1] = np.linalg.solve(system, np.diff(slope, axis=0))
    left_slope = slope[0] - h[0] / 6 * curvature[1]
    right_slope = slope[-1] + h[-1] / 6 * curvature[-2]
    inside = np.clip(at, knot[0], knot[-1])
    j = np.clip(np.searchsorted(knot, inside, side="right") - 1, 0, p - 2)
    b = ((inside - knot[j]) / h[j])[:, None]
    a = 1 - b
    bend = ((a**3 - a) * curvature[j] + (b**3 - b) * curvature[j + 1]) * (h[j] ** 2 / 6)[:, None]
    beyond = (at - inside)[:, None]
    tails = np.minimum(beyond, 0) * left_slope + np.maximum(beyond, 0) * right_slope
    return np.asarray(a * eye[j] + b * eye[j + 1] + bend + tails, dtype=np.float64)
