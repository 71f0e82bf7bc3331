"""Every figure: what a caller can get wrong is refused in words, and a notebook cuts nothing off."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import ketameta as km
from ketameta.curves import DurabilityCurve
from ketameta.errors import FigureError, KetametaError
from ketameta.plots import (
    FigureOptions,
    ForestOptions,
    TimecourseOptions,
    baujat,
    bubble,
    drapery,
    evidence_map,
    forest,
    forest_table,
    funnel,
    labbe,
    prior_posterior,
    radial,
    rob_plot,
    save,
    timecourse,
)

from .room import assert_inside

NAMES = (
    *("forest", "funnel", "radial", "baujat", "labbe", "drapery", "bubble", "prior_posterior", "rob_plot"),
    *("evidence_map", "timecourse"),
)
OPTIONS: dict[str, type] = {"forest": ForestOptions, "timecourse": TimecourseOptions}
SIDED = ("forest", "funnel", "radial", "drapery", "bubble", "prior_posterior", "timecourse")


@pytest.fixture(scope="module")
def figures(make: SimpleNamespace, curve: DurabilityCurve) -> dict[str, tuple[Callable[..., Axes], Any]]:
    """Every figure, with something that it draws."""
    rows = make.arms(6).assign(year=range(2000, 2006))
    fit = make.pooled(rows)
    judged = pd.DataFrame({"study": ["A", "B"], "D1": ["low", "high"]})
    return {
        "forest": (forest, fit),
        "funnel": (funnel, fit),
        "radial": (radial, fit),
        "baujat": (baujat, fit),
        "labbe": (labbe, make.pooled(make.counts(6))),
        "drapery": (drapery, fit),
        "bubble": (bubble, km.regress(rows, "year")),
        "prior_posterior": (prior_posterior, km.bayes(rows)),
        "rob_plot": (rob_plot, judged),
        "evidence_map": (evidence_map, km.load_trials()),
        "timecourse": (timecourse, curve),
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_tight_box_that_notebooks_save_holds_the_legend_and_every_text(figures: dict, name: str) -> None:
    draw, fit = figures[name]
    ax = draw(fit, options=OPTIONS.get(name, FigureOptions)(width_mm=85))
    tight = ax.figure.get_tightbbox().transformed(ax.figure.dpi_scale_trans)
    assert_inside(ax.figure, tight, slack=0.01)
    if (legend := ax.get_legend()) is not None:
        box = legend.get_window_extent()
        assert tight.x0 - 0.01 <= box.x0 <= box.x1 <= tight.x1 + 0.01
        assert tight.y0 - 0.01 <= box.y0 <= box.y1 <= tight.y1 + 0.01


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_result_is_refused(figures: dict, name: str) -> None:
    draw, _ = figures[name]
    for given in (None, "x", 3, [1], {}, np.zeros(3), pd.Series([1.0]), pd.DataFrame(), km.pool):
        with pytest.raises(KetametaError):
            draw(given)


@pytest.mark.parametrize("name", NAMES)
def test_options_of_another_figure_are_refused(figures: dict, name: str) -> None:
    draw, fit = figures[name]
    own = OPTIONS.get(name, FigureOptions)
    others = [kind() for kind in (FigureOptions, ForestOptions, TimecourseOptions) if kind is not own]
    for options in (*others, own, {"width_mm": 85}, "jama", 0, []):
        with pytest.raises(FigureError, match=rf"options: this figure takes {own.__name__}\(\.\.\.\)"):
            draw(fit, options=options)


def test_the_table_of_a_forest_plot_refuses_options_of_other_figures(make: SimpleNamespace) -> None:
    with pytest.raises(FigureError, match="not FigureOptions"):
        forest_table(make.pooled(make.arms(3)), options=FigureOptions())


@pytest.mark.parametrize("name", NAMES)
def test_titles_are_text(figures: dict, name: str) -> None:
    draw, fit = figures[name]
    for title in (5, ["a"], b"x", math.nan, True):
        with pytest.raises(FigureError, match=r"title=.*give text"):
            draw(fit, title=title)


@pytest.mark.parametrize("name", SIDED)
def test_favours_are_two_names(figures: dict, name: str) -> None:
    draw, fit = figures[name]
    for favours in ("a", "ab", ("a",), ("a", "b", "c"), (1, 2), 5, {"a": 1, "b": 2}, ("", ""), (None, "a")):
        with pytest.raises(FigureError, match=r"favours=.*give two names"):
            draw(fit, favours=favours)


@pytest.mark.parametrize("name", NAMES)
def test_axes_that_cannot_hold_a_figure_are_refused(figures: dict, name: str) -> None:
    draw, fit = figures[name]
    removed = plt.figure().add_subplot()
    removed.remove()
    others = [plt.figure().add_subplot(projection=kind) for kind in ("polar", "3d", "mollweide")]
    tiny = plt.figure(figsize=(0.5, 0.5)).add_subplot()
    for ax in ("x", plt.figure(), plt.Axes, 0, plt.subplots(1, 2)[1], removed, tiny, *others):
        with pytest.raises(FigureError):
            draw(fit, ax=ax)


@pytest.mark.parametrize("name", ["forest", "funnel", "rob_plot", "timecourse"])
def test_axes_whose_limits_others_share_are_refused(figures: dict, name: str) -> None:
    draw, fit = figures[name]
    shared = plt.subplots(1, 2, sharey=True)[1][0], plt.figure().add_subplot().twinx()
    for ax in shared:
        with pytest.raises(FigureError, match="share an axis"):
            draw(fit, ax=ax)


@pytest.mark.parametrize(
    ("options", "field", "wrong"),
    [
        *((each, "width_mm", ("x", [1], math.nan, math.inf, True, 0, pd.NA)) for each in (FigureOptions,)),
        (ForestOptions, "width_mm", ("85", (1, 2), -1, 1e9)),
        (TimecourseOptions, "width_mm", (None, {}, object())),
        (FigureOptions, "font_size", ("x", [1], 4, math.nan)),
        (FigureOptions, "names", (1, ["all"], None, "some")),
        (FigureOptions, "footer", ("no", None, 1)),
        (ForestOptions, "layout", ([1], {}, "Jama ")),
        (ForestOptions, "columns", (pd.NA, ["n"], None)),
        (ForestOptions, "digits", ("2", 2.5, True, None, 7)),
        (ForestOptions, "limits", ("x", 1, (1,), (1, 2, 3), ("a", "b"), (2, 1), (0, math.inf), (None, 1))),
        (ForestOptions, "prediction", ("no", 0)),
        (ForestOptions, "extra", ("dose", 1, (1,))),
        (TimecourseOptions, "limits", ({}, (math.nan, 1), [1], np.float64(2))),
        (TimecourseOptions, "units", ([1], None, "years")),
        (TimecourseOptions, "scale", ({}, "sqrt")),
        (TimecourseOptions, "time_name", (None, 1)),
        (TimecourseOptions, "threshold_name", (None, ["MID"])),
        (TimecourseOptions, "trials", ("no", None)),
        (TimecourseOptions, "prediction", ("no", 1)),
    ],
)
def test_options_of_the_wrong_kind_are_refused(options: type, field: str, wrong: tuple) -> None:
    for value in wrong:
        with pytest.raises(FigureError, match=field):
            options(**{field: value})


def test_numbers_of_numpy_are_numbers() -> None:
    assert FigureOptions(width_mm=np.float64(85), font_size=np.int64(7)).width_mm == 85
    assert ForestOptions(digits=np.int64(1), limits=[-1, np.float32(1)]).digits == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": None},
        {"target": [1]},
        {"path": None},
        {"path": b"x"},
        {"path": ""},
        {"path": "."},
        {"formats": None},
        {"formats": "png"},
        {"formats": ()},
        {"formats": ["jpg"]},
        {"formats": [["png"]]},
        {"dpi": None},
        {"dpi": "x"},
        {"dpi": 0},
        {"dpi": math.nan},
        {"dpi": 1e9},
    ],
)
def test_what_cannot_be_saved_is_refused(tmp_path: Path, wrong: dict) -> None:
    asked = {"target": plt.figure(), "path": tmp_path / "figure", **wrong}
    with pytest.raises(FigureError):
        save(asked.pop("target"), asked.pop("path"), **asked)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("draw", [forest, funnel, drapery, radial])
@pytest.mark.parametrize("extreme", [-690.0, 900.0])
def test_ratios_that_no_computer_can_print_are_drawn(
    make: SimpleNamespace, draw: Callable[..., Axes], extreme: float
) -> None:
    rows = make.counts(6).drop(columns=["events_t", "events_c", "total_t", "total_c"])
    fit = make.pooled(rows.assign(yi=[extreme, 0.0, 1.0, 2.0, -3.0, -1.0]))
    options = ForestOptions(width_mm=85) if draw is forest else FigureOptions(width_mm=85)
    ax = draw(fit, options=options)
    ax.figure.canvas.draw()
    assert np.isfinite([ax.get_xlim(), ax.get_ylim()]).all()
    assert ax.get_xscale() != "log" or min(ax.get_xticks()) > 0


def test_effects_that_are_all_zero_are_drawn(make: SimpleNamespace) -> None:
    rows = make.arms(6).assign(yi=0.0, vi=0.1, year=range(2000, 2006))
    for ax in (radial(make.pooled(rows)), bubble(km.regress(rows, "year", ci="Wald"))):
        low, high = ax.get_ylim()
        assert low < 0 < high
        assert 0 in ax.get_yticks()
