"""What a reader may choose of a figure of effect over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

from ketameta.errors import FigureError
from ketameta.plots._asked import ends, flag, number_in, one_of, written

__all__ = ["TimecourseOptions", "Words"]


@dataclass(frozen=True, slots=True)
class TimecourseOptions:
    """What a figure of effect over time shows, and how large.

    Attributes
    ----------
    width_mm : float
        Width of a new figure in millimetres: 180 fills a page, 85 a column, 254 a slide.
    font_size : float, optional
        Size of the type in points; by default it follows the width.
    units : {"auto", "hours", "days", "weeks"}
        Units of the time axis; ``"auto"`` takes hours below a day, weeks from eight weeks on, and days
        between; ``"weeks"`` takes weeks from one week on.
    scale : {"log", "linear"}
        Logarithmic time axis, or a linear one.
    time_name : str
        Name of the time axis.
    limits : tuple of float, optional
        Ends of the effect axis as shown (ratios as ratios).
    threshold : float, optional
        Effect to draw a line at, as shown (ratios as ratios) and with its sign; a square marks where a
        curve first falls short of it.
    threshold_name : str
        Name of that line.
    trials : bool
        Show the effects of trials.
    numbers : bool
        Show numbers of trials and participants under the time axis.
    simultaneous : bool
        Show the band that holds the whole curve, not each time alone.
    prediction : bool, optional
        Show the band in which a new trial's true effect is expected; by default in a figure of one curve.
    footer : bool
        Show notes, method and provenance.
    """

    width_mm: float = 180.0
    font_size: float | None = None
    units: str = "auto"
    scale: str = "log"
    time_name: str = "Time since dosing"
    limits: tuple[float, float] | None = None
    threshold: float | None = None
    threshold_name: str = "Minimal important difference"
    trials: bool = True
    numbers: bool = True
    simultaneous: bool = False
    prediction: bool | None = None
    footer: bool = True

    def __post_init__(self) -> None:
        number_in("width_mm", self.width_mm, 60, 1000, "mm")
        if self.font_size is not None:
            number_in("font_size", self.font_size, 5, 40, "points")
        one_of("units", self.units, ("auto", "hours", "days", "weeks"))
        one_of("scale", self.scale, ("log", "linear"))
        for name in ("time_name", "threshold_name"):
            written(name, getattr(self, name))
        for name in ("trials", "numbers", "simultaneous", "footer"):
            flag(name, getattr(self, name))
        if self.prediction is not None:
            flag("prediction", self.prediction)
        if self.limits is not None:
            ends(self.limits)
        value = self.threshold
        if value is not None and not (isinstance(value, Real) and math.isfinite(value)):
            raise FigureError(f"threshold={value!r}: give a finite number, such as -0.24.")


@dataclass(frozen=True, slots=True)
class Words:
    """Title, and who is favoured under and over the null."""

    title: str | None
    sides: tuple[str, str]
