"""Where the score of a likelihood changes sign: proved, cell by cell.

A and B are as in ``_likelihood``: the score has the sign of A - B, and 1 / sqrt(A) and 1 / B are concave and
rise with tau2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.models._weighing import Weighed

__all__ = ["MARGIN", "NARROWEST", "Cells", "Curve", "falls_through_zero"]

MARGIN = 1e-12
"""Share of a bound that rounding might take."""

NARROWEST = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A and B at one tau2 for each fit, and the logarithmic rates at which they fall.

    ``fall_a`` is -(d log A / d tau2) / 2 and ``fall_b`` is -(d log B / d tau2).
    """

    a: Array
    fall_a: Array
    b: Array
    fall_b: Array

    @staticmethod
    def of(found: Weighed, *, restricted: bool) -> Curve:
        b, bb = (found.trace, found.trace_pp) if restricted else (found.total, found.total_ww)
        if found.yppp is None or bb is None:
            raise ValueError("second moments are needed")
        safe = np.where(found.ypp > 0, found.ypp, 1.0)
        return Curve(found.ypp, found.yppp / safe, b, bb / b)

    def at(self, rows: Any) -> Curve:
        return Curve(self.a[rows], self.fall_a[rows], self.b[rows], self.fall_b[rows])

    @staticmethod
    def where(choice: BoolArray, yes: Curve, no: Curve) -> Curve:
        return Curve(
            np.where(choice, yes.a, no.a),
            np.where(choice, yes.fall_a, no.fall_a),
            np.where(choice, yes.b, no.b),
            np.where(choice, yes.fall_b, no.fall_b),
        )

    @staticmethod
    def join(one: Curve, two: Curve) -> Curve:
        """The fits of both, one after the other."""
        return Curve(
            np.concatenate([one.a, two.a]),
            np.concatenate([one.fall_a, two.fall_a]),
            np.concatenate([one.b, two.b]),
            np.concatenate([one.fall_b, two.fall_b]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Ranges of tau2, with A and B at both ends and whether the score is positive just inside them."""

    fit: Any
    low: Array
    high: Array
    at_low: Curve
    at_high: Curve
    up_low: BoolArray
    up_high: BoolArray

    def take(self, rows: Any) -> Cells:
        """Some of the cells."""
        return Cells(
            self.fit[rows],
            self.low[rows],
            self.high[rows],
            self.at_low.at(rows),
            self.at_high.at(rows),
            self.up_low[rows],
            self.up_high[rows],
        )

    def join(self, other: Cells) -> Cells:
        """The cells of both."""
        return Cells(
            np.concatenate([self.fit, other.fit]),
            np.concatenate([self.low, other.low]),
            np.concatenate([self.high, other.high]),
            Curve.join(self.at_low, other.at_low),
            Curve.join(self.at_high, other.at_high),
            np.concatenate([self.up_low, other.up_low]),
            np.concatenate([self.up_high, other.up_high]),
        )

    def settled(self) -> BoolArray:
        """Whether the score is proved to change sign only as its signs at the ends tell."""
        low, high, x = self.at_low, self.at_high, self.high - self.low
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            tangent_low, tangent_high = 1.0 + low.fall_a * x, 1.0 - high.fall_a * x
            above = (tangent_low * tangent_low * high.b <= low.a * (1.0 - MARGIN)) | (
                tangent_high * tangent_high * low.b <= high.a * (1.0 - MARGIN)
            )
            chord_low = (np.sqrt(low.a / high.a) - 1.0) / x
            chord_high = (1.0 - np.sqrt(high.a / low.a)) / x
            ratio_low, ratio_high = np.minimum(low.a / low.b, 1.0), np.minimum(high.a / high.b, 1.0)
            below = _positive(
                1.0 - ratio_low, 2.0 * chord_low - ratio_low * low.fall_b, chord_low * chord_low, x
            ) | _positive(
                1.0 - ratio_high, ratio_high * high.fall_b - 2.0 * chord_high, chord_high * chord_high, x
            )
            mean = np.sqrt(low.a * high.a)
            falls = 2.0 * high.fall_a * low.b >= low.fall_b * mean * (1.0 + MARGIN)
            climbs = 2.0 * low.fall_a * high.b * (1.0 + MARGIN) <= high.fall_b * mean
        same = np.where(self.up_low, above, below)
        result: BoolArray = np.where(self.up_low == self.up_high, same, np.where(self.up_low, falls, climbs))
        return result


def _positive(constant: Array, slope: Array, bend: Array, x: Array) -> BoolArray:
    """Whether constant + slope y + bend y^2 > 0 for 0 < y < x, where constant, at most 1, and bend are not negative.

    At the far end the terms may cancel to rounding, so that more than that has to be left.
    """
    result: BoolArray = (
        (slope >= 0)
        | (slope * slope < 4.0 * (1.0 - MARGIN) * constant * bend)
        | ((-slope >= 2.0 * bend * x) & (constant + x * (slope + x * bend) >= MARGIN))
    )
    return result


def falls_through_zero(cells: Cells, v_min: Array, curve: Callable[[Any, Array], Curve]) -> Cells:
    """The cells, cut as often as needed, in which the score falls through zero once.

    Parameters
    ----------
    cells : Cells
        Ranges to look through.
    v_min : Array, shape (n,)
        Smallest sampling variance of each fit. A cell narrower than 1e-9 (v_min + tau2) is taken to have no
        more changes of sign than its ends tell.
    curve : callable
        From positions of fits and values of tau2 to A and B there.
    """
    found = cells.take(np.zeros(cells.fit.size, dtype=np.bool_))
    while cells.fit.size:
        base = v_min[cells.fit] + cells.low
        width = (cells.high - cells.low) / base
        over = cells.settled() | (width <= NARROWEST)
        found = found.join(cells.take(over & cells.up_low & ~cells.up_high))
        cells = cells.take(~over)
        base, width = base[~over], width[~over]
        if cells.fit.size == 0:
            break
        middle = cells.low + (cells.high - cells.low) / (1.0 + np.sqrt(1.0 + width))
        at = curve(cells.fit, middle)
        up = at.a > at.b
        left = Cells(cells.fit, cells.low, middle, cells.at_low, at, cells.up_low, up)
        right = Cells(cells.fit, middle, cells.high, at, cells.at_high, up, cells.up_high)
        cells = left.join(right)
    return found
