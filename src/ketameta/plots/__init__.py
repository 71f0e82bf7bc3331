"""Figures: functions of a result; Axes in, Axes out."""

from __future__ import annotations

from ketameta.plots.alt import describe
from ketameta.plots.forest import ForestOptions, forest
from ketameta.plots.style import save
from ketameta.plots.timecourse import TimecourseOptions, timecourse

__all__ = ["ForestOptions", "TimecourseOptions", "describe", "forest", "save", "timecourse"]
