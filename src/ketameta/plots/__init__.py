"""Figures: functions of a result; Axes in, Axes out."""

from __future__ import annotations

from ketameta.plots.alt import alt_text
from ketameta.plots.forest import ForestOptions, forest
from ketameta.plots.style import save
from ketameta.plots.timecourse import TimecourseOptions, timecourse

__all__ = ["ForestOptions", "TimecourseOptions", "alt_text", "forest", "save", "timecourse"]
