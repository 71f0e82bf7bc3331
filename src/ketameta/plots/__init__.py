"""Figures: functions of a result; Axes in, Axes out."""

from __future__ import annotations

from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots.alt import describe
from ketameta.plots.baujat import baujat
from ketameta.plots.bubble import bubble
from ketameta.plots.drapery import drapery
from ketameta.plots.evidence_map import evidence_map
from ketameta.plots.forest import ForestOptions, forest
from ketameta.plots.foresttable import forest_table
from ketameta.plots.funnel import funnel
from ketameta.plots.labbe import labbe
from ketameta.plots.prior_posterior import prior_posterior
from ketameta.plots.radial import radial
from ketameta.plots.rob import rob_plot
from ketameta.plots.style import save
from ketameta.plots.timecourse import TimecourseOptions, timecourse

__all__ = [
    "FigureOptions",
    "ForestOptions",
    "TimecourseOptions",
    "baujat",
    "bubble",
    "describe",
    "drapery",
    "evidence_map",
    "forest",
    "forest_table",
    "funnel",
    "labbe",
    "prior_posterior",
    "radial",
    "rob_plot",
    "save",
    "timecourse",
]


def __dir__() -> list[str]:
    return sorted(__all__)
