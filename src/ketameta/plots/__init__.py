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
from ketameta.plots.gosh_plot import gosh_plot
from ketameta.plots.influence_panel import influence_plot
from ketameta.plots.labbe import labbe
from ketameta.plots.missing_plot import missing_plot
from ketameta.plots.prior_posterior import prior_posterior
from ketameta.plots.radial import radial
from ketameta.plots.rob import rob_plot
from ketameta.plots.specification import specification_curve
from ketameta.plots.stepwise import stepwise_plot
from ketameta.plots.style import save
from ketameta.plots.timecourse import TimecourseOptions, timecourse
from ketameta.plots.unblinding_plot import unblinding_plot

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
    "gosh_plot",
    "influence_plot",
    "labbe",
    "missing_plot",
    "prior_posterior",
    "radial",
    "rob_plot",
    "save",
    "specification_curve",
    "stepwise_plot",
    "timecourse",
    "unblinding_plot",
]


def __dir__() -> list[str]:
    return sorted(__all__)
