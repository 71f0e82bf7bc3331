"""Shapes of the effect over time that are linear in their coefficients, beside the natural spline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array
from ketameta.curves.shapes import LinearShape
from ketameta.curves.words import clock
from ketameta.errors import ModelError

__all__ = ["Piecewise", "Polynomial", "Steps", "step_shape"]


@dataclass(frozen=True, slots=True)
class Piecewise(LinearShape):
    """Straight lines in log time from knot to knot; the coefficients are the effects at the knots.

    Beyond the outer knots the first and the last line go on.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.linear_shapes import Piecewise
    >>> Piecewise((1.0, 10.0, 100.0)).value(np.array([-1.0, 0.0, 4.0]), np.array([1.0, 10.0, 1000.0])).round(6).tolist()
    [-1.0, 0.0, 8.0]
    """

    knots_hours: tuple[float, ...]

    def basis(self, hours: Array) -> Array:
        """Hat functions at m times: shape (m, p)."""
        x, knot = np.log(hours), np.log(np.asarray(self.knots_hours))
        j = np.clip(np.searchsorted(knot, x, side="right") - 1, 0, knot.size - 2)
        share = ((x - knot[j]) / (knot[j + 1] - knot[j]))[:, None]
        eye = np.eye(knot.size)
        return np.asarray((1 - share) * eye[j] + share * eye[j + 1], dtype=np.float64)

    def line(self, centre_hours: float) -> Array:
        """Coefficients of log2(time / centre): its values at the knots."""
        return np.asarray(np.log2(np.asarray(self.knots_hours) / centre_hours), dtype=np.float64)

    def names(self) -> tuple[str, ...]:
        """What each coefficient is."""
        return tuple(f"effect at {knot:.4g} h" for knot in self.knots_hours)

    def describe(self) -> str:
        """The shape in words."""
        return f"straight lines in log time, knots at {', '.join(clock(knot) for knot in self.knots_hours)}"


@dataclass(frozen=True, slots=True)
class Polynomial(LinearShape):
    """Polynomial in the doublings of time since ``centre_hours``.

    Coefficients are the effect at the centre, the change per doubling of time there, and the factors of the
    higher powers.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.linear_shapes import Polynomial
    >>> Polynomial(1, 24.0).value(np.array([-0.8, 0.1]), np.array([24.0, 96.0])).round(6).tolist()
    [-0.8, -0.6]
    """

    degree: int
    centre_hours: float

    def basis(self, hours: Array) -> Array:
        """Powers of log2(time / centre) at m times: shape (m, degree + 1)."""
        doublings = np.log2(np.asarray(hours, dtype=np.float64) / self.centre_hours)
        return np.asarray(doublings[:, None] ** np.arange(self.degree + 1), dtype=np.float64)

    def constant(self) -> Array:
        """Coefficients of the effect that is 1 at all times."""
        return np.asarray(np.eye(self.degree + 1)[0], dtype=np.float64)

    def line(self, centre_hours: float) -> Array:
        """Coefficients of log2(time / centre)."""
        eye = np.eye(self.degree + 1)
        return np.asarray(eye[1] + np.log2(self.centre_hours / centre_hours) * eye[0], dtype=np.float64)

    def names(self) -> tuple[str, ...]:
        """What each coefficient is."""
        powers = tuple(f"doublings of time to the power {power}" for power in range(2, self.degree + 1))
        return (f"effect at {self.centre_hours:.4g} h", "change per doubling of time", *powers)

    def describe(self) -> str:
        """The shape in words."""
        return f"polynomial of degree {self.degree} in log time"


@dataclass(frozen=True, slots=True)
class Steps(LinearShape):
    """One effect for each window of time; a window holds its lower boundary and not its upper one.

    Before the first and after the last window the nearest one holds.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.linear_shapes import Steps
    >>> steps = Steps((0.0, 36.0, 240.0))
    >>> steps.names()
    ('effect from 0 h to 36 h', 'effect from 36 h to 10 d')
    >>> steps.value(np.array([-0.8, -0.3]), np.array([24.0, 36.0])).tolist()
    [-0.8, -0.3]
    """

    boundaries: tuple[float, ...]

    def basis(self, hours: Array) -> Array:
        """One column a window, 1 inside and 0 outside: shape (m, p)."""
        count = len(self.boundaries) - 1
        window = np.searchsorted(np.asarray(self.boundaries), hours, side="right") - 1
        return np.asarray(np.eye(count)[np.clip(window, 0, count - 1)], dtype=np.float64)

    def names(self) -> tuple[str, ...]:
        """What each coefficient is."""
        return tuple(f"effect {window}" for window in self.windows())

    def windows(self) -> tuple[str, ...]:
        """Each window in words."""
        ends = [f"to {clock(end)}" if np.isfinite(end) else "on" for end in self.boundaries[1:]]
        return tuple(
            f"from {clock(start)} {end}" for start, end in zip(self.boundaries[:-1], ends, strict=True)
        )

    def describe(self) -> str:
        """The shape in words."""
        return f"one effect for each window ({', '.join(self.windows())})"


def step_shape(boundaries: tuple[float, ...] | None, hours: Array) -> Steps:
    """Steps whose windows hold all times, and none of which is empty.

    Raises
    ------
    ModelError
        If no boundaries are given, a time lies outside all windows, or a window holds no effect.
    """
    if boundaries is None:
        raise ModelError(
            "curve='steps' needs its windows: options=CurveOptions(windows=(0, 36, 240)) has two, before and "
            "from 36 h on."
        )
    outside = np.unique(hours[(hours < boundaries[0]) | (hours >= boundaries[-1])])
    if outside.size:
        raise ModelError(
            f"effects at {', '.join(f'{time:g}' for time in outside)} h lie in no window; the windows go from "
            f"{boundaries[0]:g} h up to, but not including, {boundaries[-1]:g} h."
        )
    shape = Steps(boundaries)
    empty = [
        name for name, count in zip(shape.windows(), shape.basis(hours).sum(axis=0), strict=True) if not count
    ]
    if empty:
        raise ModelError(f"no effect was measured {' nor '.join(empty)}; join the window with a neighbour.")
    return shape
