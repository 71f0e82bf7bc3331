"""One axis of a panel: its ends, its ticks and their labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.plots._scale import Scale
from ketameta.plots.style import text_width, wrap

__all__ = ["Axis", "Labels"]

_LINE = 1.2
_TURNED = 14.0

_MOST_TICKS = 9


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of the ticks of a horizontal axis.

    Attributes
    ----------
    texts : tuple of str
        The labels, broken into lines.
    turned : bool
        Whether they are read from below.
    depth : float
        How much deeper they reach than one line, in points.
    """

    texts: tuple[str, ...]
    turned: bool = False
    depth: float = 0.0


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its name, how its values are shown, and its ends.

    Attributes
    ----------
    name : str
        Name of the axis.
    scale : Scale
        How values are shown; the ratio scales make the axis logarithmic.
    low, high : float
        Ends on the model's scale (logs of ratios, which end where numbers of a computer do); one unit to either
        side where both are the same.
    sides : tuple of str
        Who is favoured under and over the null; empty for none. Read on the horizontal axis only.
    inverted : bool
        Whether values grow to the left, or downwards.
    marks : tuple of (float, str)
        Values that are named right of the panel. Read on the vertical axis only.
    """

    name: str
    scale: Scale
    low: float
    high: float
    sides: tuple[str, str] = ("", "")
    inverted: bool = False
    whole: bool = False
    levels: tuple[str, ...] = ()
    marks: tuple[tuple[float, str], ...] = ()

    def __post_init__(self) -> None:
        low, high = (self.low, self.high) if self.low < self.high else (self.low - 1, self.high + 1)
        low, high = self.scale.held(low, high)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    def share(self, values: ArrayLike) -> Array:
        """Place of values of the model's scale on the axis: 0 at its left or lower end, 1 at the other."""
        along = (np.asarray(values, dtype=float) - self.low) / (self.high - self.low)
        return 1 - along if self.inverted else along

    @property
    def limits(self) -> tuple[float, float]:
        """Ends as they stand on the axis, from the left or from below."""
        low, high = self.scale.shown([self.low, self.high]).tolist()
        return (high, low) if self.inverted else (low, high)

    def fitting_ticks(self, room: float, gap: float, size: float, *, upright: bool) -> tuple[float, ...]:
        """As many ticks, on the shown scale, as have room along so many points."""
        if self.levels:
            return tuple(float(i) for i in range(len(self.levels)))
        ticks: tuple[float, ...] = ()
        for most in range(min(max(2, int(room / (2 * size))), _MOST_TICKS), 1, -1):
            ticks = self.scale.ticks(self.low, self.high, most)
            places = np.sort(self.share(self.scale.logs(ticks))) * room
            half = np.array(
                [size if upright else text_width(label, size) for label in self.scale.tick_text(ticks)]
            )
            half = (half[::-1] if self.inverted else half) / 2
            if self.whole and any(tick != round(tick) for tick in ticks):
                continue
            if np.all(np.diff(places) >= half[1:] + half[:-1] + gap):
                return ticks
        return ticks[:1]

    def labels(self, ticks: tuple[float, ...], room: float, size: float) -> Labels:
        """Labels of ticks of a horizontal axis of so many points.

        Names of categories are broken into lines under their column, and turned where a word is too long for it.
        """
        if not self.levels:
            return Labels(self.scale.tick_text(ticks))
        column = room / (self.high - self.low)
        words = [word for level in self.levels for word in level.split(" ")]
        turned = max(text_width(word, size, screen=True) for word in words) > column - 0.6 * size
        length = _TURNED * size if turned else column - 0.6 * size
        lines = [wrap(level, length, size, screen=True) for level in self.levels]
        while turned and max(map(len, lines)) > max(column / (_LINE * size), 1):
            length *= 1.2
            lines = [wrap(level, length, size, screen=True) for level in self.levels]
        texts = tuple(map("\n".join, lines))
        longest = max(text_width(text, size, screen=True) for text in texts)
        depth = longest - size if turned else _LINE * size * (max(map(len, lines)) - 1)
        return Labels(texts, turned, max(depth, 0.0))
