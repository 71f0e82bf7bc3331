"""Forest plots: room on the page, given axes, settings of the reader, and what drawing leaves behind."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

import ketameta as km
from ketameta.errors import FigureError
from ketameta.plots import ForestOptions, forest

from .forest_texts import printed
from .room import assert_apart, assert_inside, texts_of


def huge(make: SimpleNamespace) -> object:
    rows = make.arms(7)
    rows.loc[2, ["yi", "vi"]] = [-3.0, 60.0]
    rows.loc[4, "label"] = "Collaborative group of a multicentre trial with a long name 2019"
    return make.pooled(rows)


def small_groups(make: SimpleNamespace) -> object:
    rows = make.arms(5)
    rows["comparator_class"] = ["an inactive comparator of any kind", "active", "third", "third", "third"]
    return make.grouped(rows, "comparator_class")


CASES = {
    "one": lambda make: make.pooled(make.arms(1)),
    "two": lambda make: make.pooled(make.arms(2)),
    "sixty": lambda make: make.pooled(make.arms(60)),
    "huge": huge,
    "groups": small_groups,
    "counts": lambda make: make.pooled(make.counts(6)),
    "bare": lambda make: km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.1, 0.05, 0.08]),
}


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("case", CASES)
def test_nothing_overlaps_and_nothing_leaves_the_page(make: SimpleNamespace, case: str, width: float) -> None:
    fit = CASES[case](make)
    ax = forest(
        fit, title="A title that says what the figure is about", options=ForestOptions(width_mm=width)
    )
    figure = ax.figure
    assert figure.get_size_inches()[0] == pytest.approx(width / 25.4)
    assert_inside(figure, slack=1)
    assert_apart(figure)
    panel = ax.get_window_extent()
    for name, box in texts_of(ax):
        inside_rows = box.y0 > panel.y0 and box.y1 < panel.y1
        if inside_rows:
            assert box.x1 <= panel.x0 or box.x0 >= panel.x1, name
    assert panel.width >= 0.2 * figure.bbox.width


def test_height_follows_the_rows(make: SimpleNamespace) -> None:
    options = ForestOptions(columns="none", footer=False, font_size=7)
    heights = [
        forest(make.pooled(make.arms(k)), options=options).figure.get_size_inches()[1] for k in (20, 25, 30)
    ]
    assert heights[2] - heights[1] == pytest.approx(heights[1] - heights[0])
    assert heights[1] - heights[0] == pytest.approx(5 * 1.55 * 7 / 72)


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_given_axes_keep_to_their_box(make: SimpleNamespace, layout: str | None) -> None:
    figure = Figure(figsize=(9, 10), layout=layout)
    above, under = figure.subplots(2, 1)
    figure.draw_without_rendering()
    box = above.get_window_extent().frozen()
    before = plt.get_fignums()
    ax = forest(make.pooled(make.arms(6)), ax=above, title="Above")
    assert ax is above
    assert forest(make.pooled(make.counts(4)), ax=under) is under
    assert plt.get_fignums() == before
    assert_inside(above, box, slack=2)


def test_axes_of_a_subfigure_stay_inside_it(make: SimpleNamespace) -> None:
    figure = Figure(figsize=(16, 5))
    left, right = figure.subfigures(1, 2)
    ax = forest(make.pooled(make.arms(4)), ax=right.subplots())
    assert_inside(ax, right.bbox)
    assert left.axes == []


def test_a_new_figure_is_one_figure_and_is_not_shown(
    make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("plt.show was called"))
    ax = forest(make.pooled(make.arms(3)))
    assert plt.get_fignums() == [ax.figure.number]
    assert ax.figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)


def test_text_is_legible_on_dark_paper(make: SimpleNamespace) -> None:
    figure = Figure(figsize=(9, 5), facecolor="black")
    ax = forest(make.pooled(make.arms(4)), ax=figure.subplots())
    for text in printed(ax):
        assert min(matplotlib.colors.to_rgb(text.get_color())) > 0.6
    assert forest(make.pooled(make.arms(4))).texts[0].get_color() == "#1a1a1a"


def test_settings_of_the_reader_do_not_break_the_figure(make: SimpleNamespace) -> None:
    with matplotlib.rc_context(
        {
            "axes.grid": True,
            "errorbar.capsize": 8,
            "savefig.bbox": "tight",
            "text.usetex": True,
            "font.family": "serif",
        }
    ):
        ax = forest(make.pooled(make.arms(3)))
        assert ax.get_yticklabels()[0].get_fontfamily() == ["serif"]
    assert not any(line.get_visible() for line in ax.get_xgridlines() + ax.get_ygridlines())
    assert ax.containers[0].lines[1] == ()
    assert not any(text.get_usetex() for text in printed(ax))


def test_forestplot_draws_the_intervals(make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    import forestplot

    calls = []
    original = forestplot.forestplot
    monkeypatch.setattr(
        forestplot, "forestplot", lambda *args, **kw: calls.append(kw["ax"]) or original(*args, **kw)
    )
    assert forest(make.pooled(make.arms(3))) is calls[0]


def test_importing_forestplot_leaves_no_trace() -> None:
    script = """
import warnings, numpy, matplotlib
matplotlib.use("Agg")
import ketameta as km
fit = km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.1, 0.05, 0.08])
import matplotlib.pyplot as plt, pandas
from ketameta.plots import forest
before = numpy.geterr(), list(warnings.filters), dict(matplotlib.rcParams)
forest(fit)
import sys
assert "forestplot" in sys.modules
assert before == (numpy.geterr(), list(warnings.filters), dict(matplotlib.rcParams))
assert plt.get_fignums() == [1]
from forestplot import graph_utils
assert graph_utils.plt is plt
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_too_little_room_is_an_error_that_says_so(make: SimpleNamespace) -> None:
    with pytest.raises(FigureError, match=r"does not fit in \d+ mm wide and \d+ mm high"):
        forest(make.pooled(make.arms(8)), ax=Figure(figsize=(3, 1)).subplots())
    with pytest.raises(FigureError, match="does not fit in 58 mm wide"):
        forest(make.pooled(make.arms(3)), options=ForestOptions(width_mm=60, font_size=12))
