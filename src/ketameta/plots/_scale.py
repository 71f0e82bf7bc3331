"""The effect axis: names of the measures, ratio or difference, window, ticks and text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ketameta._render import MINUS, number
from ketameta._typing import Array, ArrayLike
from ketameta.models.result import RATIO_MEASURES

__all__ = ["Scale", "scale_of", "window"]

_WIDEST_LOG = 600.0

_NAMES = {
    "MD": "Mean difference",
    "PMD": "Mean difference",
    "LSMD": "Least-squares mean difference",
    "SMD": "Standardised mean difference (Hedges' g)",
    "SMDH": "Standardised mean difference (unequal variances)",
    "SMCC": "Standardised mean change",
    "SMCR": "Standardised mean change",
    "GLASS": "Standardised mean difference (Glass's delta)",
    "ROM": "Ratio of means",
    "OR": "Odds ratio",
    "PETO": "Odds ratio (Peto)",
    "RR": "Risk ratio",
    "HR": "Hazard ratio",
    "RD": "Risk difference",
    "AS": "Arcsine difference",
}
_RATIO_STEPS = (
    (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4),
    (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.7, 2.0),
    (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0),
    tuple(float(f"{digit}e{power}") for power in range(-2, 3) for digit in (1, 2, 5)),
    *(
        tuple(10.0**power for power in range(-300, 301, step))
        for step in (1, 2, 3, 5, 10, 20, 50, 100, 150, 200)
    ),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How one measure is shown: ratios are kept as logs and shown as ratios on a log axis."""

    measure: str
    short: str
    title: str
    ratio: bool

    @property
    def null(self) -> float:
        """Value of no difference, as shown."""
        return 1.0 if self.ratio else 0.0

    def shown(self, values: ArrayLike) -> Array:
        """Values as they stand on the axis."""
        array = np.asarray(values, dtype=float)
        with np.errstate(over="ignore"):
            return np.exp(array) if self.ratio else array

    def logs(self, shown: ArrayLike) -> Array:
        """Values of the axis on the model's scale."""
        array = np.asarray(shown, dtype=float)
        return np.log(array) if self.ratio else array

    def text(self, value: float, digits: int = 2) -> str:
        """One value in words a table can carry, on the shown scale."""
        shown = float(self.shown(value))
        if not self.ratio or not math.isfinite(shown):
            return number(shown, digits)
        least = 10.0**-digits
        if shown < least:
            return f"<{least:.{digits}f}"
        if shown < 100:
            return number(shown, digits if shown < 10 else max(digits - 1, 0))
        return f"{shown:,.0f}" if shown < 1e6 else f"{shown:.0e}"

    def interval(self, low: float, high: float, digits: int = 2, form: str = "[{low}, {high}]") -> str:
        """Text of an interval on the shown scale."""
        return form.format(low=self.text(low, digits), high=self.text(high, digits))

    def held(self, low: float, high: float) -> tuple[float, float]:
        """Bounds of the model's scale; logs of ratios end where numbers of a computer do."""
        return (max(low, -_WIDEST_LOG), min(high, _WIDEST_LOG)) if self.ratio else (low, high)

    def ticks(self, low: float, high: float, most: int) -> tuple[float, ...]:
        """Round values on the shown scale between two bounds of the model's scale, at most so many."""
        low, high = self.held(low, high)
        first, last = (float(x) for x in self.shown([low, high]))
        if not first < last:
            return (first,)
        if self.ratio:
            for steps in _RATIO_STEPS:
                covers = steps[0] <= first * 2 and steps[-1] >= last / 2
                inside = tuple(x for x in steps if first * (1 - 1e-9) <= x <= last * (1 + 1e-9))
                if covers and 2 <= len(inside) <= most:
                    return inside
        step = next(
            step
            for power in range(math.floor(math.log10((last - first) / most)) - 1, 400)
            for step in (float(f"{digit}e{power}") for digit in (1, 2, 2.5, 5))
            if math.floor(last / step) - math.ceil(first / step) < most
        )
        even = (i * step for i in range(math.ceil(first / step), math.floor(last / step) + 1))
        return tuple(x for x in even if x > 0 or not self.ratio)

    def tick_text(self, ticks: Sequence[float]) -> tuple[str, ...]:
        """Labels of ticks: as few digits as tell them apart."""
        if self.ratio:
            return tuple(f"{x:,.12g}" if 1e-4 <= x < 1e6 else _power(x) for x in ticks)

        def exact(digits: int) -> bool:
            return all(math.isclose(round(x, digits), x, abs_tol=1e-9 * abs(x) + 1e-12) for x in ticks)

        digits = next(filter(exact, range(7)), 7)
        return tuple(f"{x:.{digits}f}".replace("-", MINUS) if x else "0" for x in ticks)


def _power(value: float) -> str:
    """A power of ten as short as it can be typed."""
    digits, exponent = f"{value:.0e}".split("e")
    return f"{digits}e{int(exponent)}"


def scale_of(measure: str) -> Scale:
    """Scale of a measure; a name that is not known is a plain effect on a linear axis.

    Examples
    --------
    >>> from ketameta.plots._scale import scale_of
    >>> scale_of("OR").text(0.0), scale_of("SMD").text(-0.5)
    ('1.00', '−0.50')
    """
    name = measure.strip().upper()
    plain = measure.strip() if name not in {"", "EFFECT"} else "Effect"
    return Scale(name, plain, _NAMES.get(name, plain), name in RATIO_MEASURES)


def window(
    estimates: ArrayLike, lows: ArrayLike, highs: ArrayLike, *, weights: ArrayLike, others: ArrayLike = ()
) -> tuple[float, float]:
    """Bounds of the axis: everything, unless a few intervals would press the rest together.

    The spread of the bulk is the larger of a low median of the half-widths and a low median of the
    distances from the weighted mean. Bounds further than five spreads from the mean are cut (and
    get an arrow); points and bounds of pooled intervals are kept up to twelve spreads.

    Parameters
    ----------
    estimates, lows, highs, weights : array_like, shape (m,)
        Points and intervals of studies on the model's scale, and weights.
    others : array_like
        Bounds of pooled and prediction intervals.

    Returns
    -------
    tuple of float
        Lower and upper bound, the null included, with a margin.

    Examples
    --------
    >>> from ketameta.plots._scale import window
    >>> low, high = window([-1, -0.5, 0], [-2, -1, -30], [0, 0, 30], weights=[1, 1, 0.01])
    >>> -10 < low < -2 and 0 < high < 10
    True
    """
    y, low, high, w, more = (np.asarray(x, dtype=float) for x in (estimates, lows, highs, weights, others))
    more = more[np.isfinite(more)]
    centre = float(np.sum(w * y) / np.sum(w))
    middle = (y.size - 1) // 2
    spread = max(float(np.sort((high - low) / 2)[middle]), float(np.sort(np.abs(y - centre))[middle]))
    near, far = 5 * spread, 12 * spread
    kept = [
        0.0,
        *y[np.abs(y - centre) <= far],
        *np.clip(more, centre - far, centre + far),
        *np.clip([*low, *high], centre - near, centre + near),
    ]
    first, last = float(min(kept)), float(max(kept))
    margin = 0.05 * (last - first) or 1.0
    return first - margin, last + margin
