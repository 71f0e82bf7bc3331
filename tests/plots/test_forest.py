"""Forest plots: order of the rows, marks, null line and axis."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import ketameta as km
from ketameta.errors import FigureError
from ketameta.plots import ForestOptions, forest

from .artists import labelled
from .forest_texts import Z, cells, plain, row_of, words


def test_rows_stand_in_the_order_of_the_result(make: SimpleNamespace) -> None:
    rows = make.arms(5)
    ax = forest(make.pooled(rows))
    labels = [plain(label).strip() for label in ax.get_yticklabels()][::-1]
    assert labels[:7] == ["Study", *rows["label"], "Random effects (k = 5)"]
    assert labels[7] == "95% prediction interval"
    heights = ax.get_yticks().tolist()
    assert heights == list(range(len(labels)))


@pytest.mark.parametrize("kind", ["arms", "counts"])
def test_marks_have_the_numbers_of_the_fit(make: SimpleNamespace, kind: str) -> None:
    fit = make.pooled(getattr(make, kind)(8))
    shown = np.exp if kind == "counts" else np.asarray
    ax = forest(fit)
    y = row_of(ax, "Random effects")

    (diamond,) = labelled(ax, "_pooled")
    left, top, right, bottom = diamond.get_xy()[:4]
    np.testing.assert_allclose([left[0], right[0]], shown([fit.ci_low, fit.ci_high]), rtol=1e-12)
    np.testing.assert_allclose([top[0], bottom[0]], shown([fit.estimate] * 2), rtol=1e-12)
    assert left[1] == right[1] == y
    assert top[1] - y == pytest.approx(y - bottom[1])

    (bar,) = labelled(ax, "_prediction")
    np.testing.assert_allclose(bar.get_xdata(), shown([fit.pi_low, fit.pi_high]), rtol=1e-12)
    assert set(bar.get_ydata()) == {row_of(ax, "95% prediction")}

    (lines,) = ax.containers[0].lines[2]
    segments = {seg[0, 1]: seg[:, 0] for seg in lines.get_segments() if seg.size}
    half = Z * np.sqrt(fit.vi)
    for i, label in enumerate(fit.rows["label"]):
        bounds = shown([fit.yi[i] - half[i], fit.yi[i] + half[i]])
        np.testing.assert_allclose(segments[row_of(ax, label)], bounds, rtol=1e-9)


def test_areas_of_squares_are_proportional_to_weights(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(9))
    ax = forest(fit)
    squares = ax.collections[-1]
    places = squares.get_offsets()
    areas = {int(y): area for (x, y), area in zip(places, squares.get_sizes(), strict=True) if np.isfinite(x)}
    in_order = np.array([areas[int(row_of(ax, label))] for label in fit.rows["label"]])
    np.testing.assert_allclose(in_order / in_order.sum(), fit.weights, rtol=1e-12)
    by_place = {int(y): x for x, y in places if np.isfinite(x)}
    np.testing.assert_allclose([by_place[int(row_of(ax, x))] for x in fit.rows["label"]], fit.yi, rtol=1e-12)


@pytest.mark.parametrize(("kind", "null", "scale"), [("arms", 0.0, "linear"), ("counts", 1.0, "log")])
def test_the_null_line_stands_at_no_difference(
    make: SimpleNamespace, kind: str, null: float, scale: str
) -> None:
    ax = forest(make.pooled(getattr(make, kind)(6)))
    (line,) = labelled(ax, "_null")
    assert list(line.get_xdata()) == [null, null]
    assert ax.get_xscale() == scale
    assert max(line.get_ydata()) < row_of(ax, "Study")
    assert any(label.get_text() == f"{null:g}" for label in ax.get_xticklabels())


def test_ratio_ticks_are_ratios_and_have_no_minor_ticks(make: SimpleNamespace) -> None:
    ax = forest(make.pooled(make.counts(6)))
    labels = [float(label.get_text()) for label in ax.get_xticklabels()]
    np.testing.assert_allclose(labels, ax.get_xticks())
    assert len(labels) >= 3
    assert list(ax.get_xticks(minor=True)) == []


def test_one_huge_interval_is_cut_with_arrows_and_leaves_room_for_the_rest(make: SimpleNamespace) -> None:
    rows = make.arms(6)
    rows.loc[3, ["yi", "vi"]] = [-1.0, 90.0]
    fit = make.pooled(rows)
    ax = forest(fit)
    low, high = ax.get_xlim()
    y = row_of(ax, "Author4 ")
    arrows = {
        (arrow.get_marker(), arrow.get_xdata()[0])
        for arrow in labelled(ax, "_cut")
        if arrow.get_ydata()[0] == y
    }
    assert arrows == {("<", low), (">", high)}
    assert high - low < 8
    half = Z * np.sqrt(90)
    assert f"[{-1 - half:.2f}, {-1 + half:.2f}]".replace("-", "−") in cells(ax, y)[-2]


def test_a_point_off_the_axis_has_no_square(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(5))
    far = float(np.sort(fit.yi)[1])
    ax = forest(fit, options=ForestOptions(limits=(far - 0.01, 1.0)))
    assert ax.get_xlim() == (far - 0.01, 1.0)
    squares = ax.collections[-1]
    drawn = [area for area in squares.get_sizes() if area > 0]
    assert len(drawn) == 4
    assert len(labelled(ax, "_estimate")) == 4


def test_limits_of_a_ratio_are_ratios(make: SimpleNamespace) -> None:
    fit = make.pooled(make.counts(5))
    np.testing.assert_allclose(forest(fit, options=ForestOptions(limits=(0.5, 20))).get_xlim(), (0.5, 20))
    with pytest.raises(FigureError, match="above 0"):
        forest(fit, options=ForestOptions(limits=(-1, 20)))


def test_a_ratio_beyond_all_bounds_still_has_an_axis() -> None:
    fit = km.pool(pd.DataFrame({"yi": [3.0], "vi": [1e7], "measure": ["OR"]}))
    ax = forest(fit)
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    assert 0 < low < 1 < high < np.inf
    assert {arrow.get_marker() for arrow in labelled(ax, "_cut")} == {"<", ">"}
    assert "<0.01, ∞]" in words(ax)


def test_one_study_has_no_prediction_interval_and_no_heterogeneity(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(1))
    ax = forest(fit)
    assert labelled(ax, "_prediction") == []
    assert "Heterogeneity" not in words(ax)
    (diamond,) = labelled(ax, "_pooled")
    np.testing.assert_allclose(diamond.get_xy()[[0, 2], 0], [fit.ci_low, fit.ci_high])
    assert diamond.get_xy()[0, 1] == row_of(ax, "One study")


def test_two_studies_show_their_whole_interval(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(2))
    ax = forest(fit)
    low, high = ax.get_xlim()
    assert low < fit.ci_low
    assert fit.ci_high < high


def test_subgroups_stand_in_order_with_a_diamond_each(make: SimpleNamespace) -> None:
    rows = make.arms(6)
    rows["comparator_class"] = ["inactive", "psychoactive", "inactive", "psychoactive", "inactive", "active"]
    result = make.grouped(rows, "comparator_class")
    ax = forest(result)
    labels = [plain(label).strip() for label in ax.get_yticklabels()][::-1]
    inactive, psychoactive, active = (labels.index(x) for x in ("inactive", "psychoactive", "active"))
    assert inactive < psychoactive < active
    assert labels[inactive + 1 : inactive + 5] == [
        "Author1 2000",
        "Author3 2002",
        "Author5 2004",
        "Random effects (k = 3)",
    ]
    assert labels[active + 1 : active + 3] == ["Author6 2005", "One study"]
    diamonds = sorted(labelled(ax, "_pooled"), key=lambda x: -x.get_xy()[0, 1])
    fits = [fit for _, fit in result.groups] + [result.overall]
    for diamond, fit in zip(diamonds, fits, strict=True):
        np.testing.assert_allclose(diamond.get_xy()[[0, 1, 2], 0], [fit.ci_low, fit.estimate, fit.ci_high])
    assert f"Q\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{result.q_between:.2f}" in words(ax)


def test_the_rows_of_the_result_are_not_changed(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(4))
    before = fit.rows.copy(deep=True)
    forest(fit)
    assert fit.rows.equals(before)


def test_what_is_no_result_is_refused(make: SimpleNamespace) -> None:
    with pytest.raises(FigureError, match="DataFrame; pool the effects first"):
        forest(make.arms(3))
    fit = make.pooled(make.arms(3))
    ax = Figure().subplots()
    ax.plot([1, 2])
    with pytest.raises(FigureError, match="already hold data"):
        forest(fit, ax=ax)
    with pytest.raises(FigureError, match="give matplotlib axes, not Figure"):
        forest(fit, ax=Figure())


@pytest.mark.parametrize(
    "wrong",
    [{"width_mm": 10}, {"font_size": 2}, {"columns": "all"}, {"digits": -1}, {"limits": (1, 0)}],
)
def test_options_are_checked(wrong: dict) -> None:
    with pytest.raises(FigureError, match=next(iter(wrong))):
        ForestOptions(**wrong)
