"""Radial plots: coordinates against metafor (reference/radial.R), the arc, words, room."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import ketameta as km
from ketameta.errors import FigureError, KetametaWarning
from ketameta.models import Pooled
from ketameta.plots import FigureOptions, describe
from ketameta.plots._arc import Cloud, Panel, arc_limits, arc_of
from ketameta.plots._scale import scale_of
from ketameta.plots.radial import radial, radial_points
from ketameta.plots.style import DARK

from .room import assert_apart, assert_inside, texts_of

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
RADIAL = pd.read_csv(REFERENCE / "radial.csv")
NAME = "Collaborative group of a multicentre trial with a long name 2019"


def pooled(rows: pd.DataFrame, **options: Any) -> Pooled:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        return km.pool(rows, **options)


def ratios() -> pd.DataFrame:
    yi, vi = [math.log(1e3), math.log(1e-3), 2.0], [4.0, 3.0, 900.0]
    return pd.DataFrame({"yi": yi, "vi": vi, "measure": "OR", "label": [NAME, "b $x$ <b>\x07", "c"]})


def huge(make: SimpleNamespace) -> pd.DataFrame:
    rows = make.arms(7)
    rows.loc[2, ["yi", "vi"]] = [-3.0, 60.0]
    rows.loc[4, "label"] = NAME
    return rows


CASES = {
    "one": lambda make: pooled(make.arms(1)),
    "two": lambda make: pooled(make.arms(2)),
    "three": lambda make: pooled(ratios()),
    "counts": lambda make: pooled(make.counts(9)),
    "sixty": lambda make: pooled(make.arms(60)),
    "huge": lambda make: pooled(huge(make)),
    "equal": lambda make: pooled(huge(make), tau2="EE"),
    "far": lambda make: km.pool(yi=[-10.0, -12.0, -9.5, -14.0], vi=[2.0, 3.0, 1.0, 4.0]),
    "zero": lambda make: km.pool(yi=[0.0, 0.0, 0.0], vi=[0.1, 0.2, 0.3], ci="Wald"),
}


def lines(ax: Axes, label: str) -> list[Any]:
    return [one for one in ax.lines if one.get_label() == label]


@pytest.mark.parametrize("method", ["EE", "DL", "REML"])
@pytest.mark.parametrize("dataset", RADIAL["dataset"].unique())
def test_coordinates_are_those_of_metafor(dataset: str, method: str) -> None:
    rows = INPUTS[INPUTS["dataset"] == dataset][["yi", "vi"]]
    expected = RADIAL[(RADIAL["dataset"] == dataset) & (RADIAL["method"] == method)]
    found = radial_points(pooled(rows, tau2=method, ci="Wald"))
    np.testing.assert_allclose(found.x, expected["x"], rtol=1e-8)
    np.testing.assert_allclose(found.z, expected["z"], rtol=1e-8)
    assert found.slope == pytest.approx(expected["slope"].iloc[0], rel=1e-8)


def test_the_reference_has_every_sample() -> None:
    assert len(RADIAL) == 3 * INPUTS["dataset"].isin(RADIAL["dataset"].unique()).sum() > 300


def test_outside_is_further_from_the_line_than_the_quantile() -> None:
    fit = km.pool(yi=[0.0, 0.0, 1.0], vi=[0.01, 0.01, 0.01], tau2="EE", ci="Wald", level=0.9)
    found = radial_points(fit)
    assert found.band == pytest.approx(1.6448536269514722)
    distance = (np.asarray(fit.yi) - fit.estimate) / np.sqrt(fit.vi)
    np.testing.assert_array_equal(found.outside, np.abs(distance) > found.band)
    assert found.outside.any()


@pytest.mark.parametrize("case", CASES)
def test_line_band_and_marks_stand_at_the_result(make: SimpleNamespace, case: str) -> None:
    fit = CASES[case](make)
    ax = radial(fit)
    points = radial_points(fit)
    offsets = ax.collections[-1].get_offsets()
    np.testing.assert_allclose(offsets, np.column_stack((points.x, points.z)))
    (estimate,) = lines(ax, "_estimate")
    x, z = estimate.get_data()
    assert (x[0], z[0]) == (0, 0)
    assert z[1] / x[1] == pytest.approx(fit.estimate, abs=1e-12)
    for edge, sign in zip(lines(ax, "_edge"), (-1, 1), strict=True):
        across, height = edge.get_data()
        np.testing.assert_allclose(height - fit.estimate * across, sign * points.band)


@pytest.mark.parametrize("case", CASES)
def test_ticks_of_the_arc_stand_where_rays_of_that_slope_meet_it(make: SimpleNamespace, case: str) -> None:
    fit = CASES[case](make)
    ax, scale = radial(fit), scale_of(fit.measure)
    shown = [text for text in ax.texts if text.get_transform() == ax.transData]
    ticks = lines(ax, "_tick")
    assert len(shown) == len(ticks) >= 2
    slopes = []
    for text, tick in zip(shown, ticks, strict=True):
        x, z = tick.get_data()
        slopes.append(z[0] / x[0])
        assert z[1] / x[1] == pytest.approx(slopes[-1], abs=1e-9)
        assert text.get_position()[1] / text.get_position()[0] == pytest.approx(slopes[-1], abs=1e-9)
    values = [float(text.get_text().replace("−", "-").replace(",", "")) for text in shown]
    np.testing.assert_allclose(scale.shown(slopes), values, rtol=1e-9, atol=1e-12)
    assert (np.diff(slopes) > 0).all()


@pytest.mark.parametrize("case", CASES)
def test_the_arc_is_a_circle_outside_all_studies(make: SimpleNamespace, case: str) -> None:
    fit = CASES[case](make)
    ax = radial(fit)
    (arc,) = lines(ax, "_arc")
    origin = ax.transData.transform((0, 0))
    reach = np.hypot(*(ax.transData.transform(np.column_stack(arc.get_data())) - origin).T)
    np.testing.assert_allclose(reach, reach[0], rtol=1e-9)
    studies = np.hypot(*(ax.transData.transform(ax.collections[-1].get_offsets()) - origin).T)
    assert studies.max() < reach[0]


def test_the_thick_part_of_the_arc_is_the_confidence_interval(make: SimpleNamespace) -> None:
    fit = pooled(make.counts(9))
    ax = radial(fit)
    (interval,) = lines(ax, "_ci")
    x, z = interval.get_data()
    np.testing.assert_allclose([z[0] / x[0], z[-1] / x[-1]], [fit.ci_low, fit.ci_high], rtol=1e-9)
    assert not lines(ax, "_beyond")


def test_an_interval_that_leaves_the_arc_ends_in_arrows() -> None:
    fit = pooled(pd.DataFrame({"yi": [-1.0, 1.2], "vi": [0.001, 0.001]}))
    ax = radial(fit)
    (interval,) = lines(ax, "_ci")
    x, z = interval.get_data()
    arrows = lines(ax, "_beyond")
    for end, bound in ((0, fit.ci_low), (-1, fit.ci_high)):
        assert abs(z[end] / x[end]) < abs(bound)
    np.testing.assert_allclose([arrow.get_xdata()[0] for arrow in arrows], [x[0], x[-1]])
    assert [arrow.get_ydata()[0] for arrow in arrows] == pytest.approx([z[0], z[-1]])


def test_every_effect_can_be_read_where_that_costs_at_most_half_the_height() -> None:
    x, effects = np.array([2.0, 3.0, 5.0]), np.array([-1.5, -0.2, -0.6])
    cloud = Cloud(x, effects * x, -6.0, 3.0, np.array([0.0, *effects]), (-0.9, 0.0))
    panel = Panel(200.0, 160.0, 10.0, 7.0)
    found = arc_of(cloud, scale_of("SMD"), arc_limits(cloud, scale_of("SMD"), panel), panel)
    assert found.lowest <= -1.5
    assert found.highest >= 0


def test_names_of_the_axes_say_what_counts_as_error(make: SimpleNamespace) -> None:
    equal = radial(pooled(make.arms(4), tau2="EE"))
    assert (equal.get_xlabel(), equal.get_ylabel()) == ("Precision, 1 / √v", "Standardised effect, y / √v")
    random = radial(pooled(make.arms(4)))
    assert random.get_xlabel() == "Precision, 1 / √(v + τ²)"
    assert "τ²" in " ".join(text.get_text() for text in random.texts)


def test_words_and_legend_give_the_numbers_of_the_result(make: SimpleNamespace) -> None:
    fit = pooled(make.counts(9))
    ax = radial(fit)
    low, estimate, high = (f"{math.exp(x):.2f}" for x in (fit.ci_low, fit.estimate, fit.ci_high))
    legend = [" ".join(text.get_text().split()) for text in ax.get_legend().get_texts()]
    assert f"Pooled estimate {estimate}" in legend
    assert f"95% confidence interval {low} to {high}" in legend
    words = describe(ax)
    assert words.startswith("Radial plot of 9 studies")
    assert f"Pooled estimate OR {estimate}, 95% CI {low} to {high}" in words
    assert f"{int(radial_points(fit).outside.sum())} of 9 outside" in words


def test_names_keep_off_the_arc_and_can_be_left_out(make: SimpleNamespace) -> None:
    fit = pooled(make.arms(30))
    labels = set(fit.rows["label"])
    ax = radial(fit, options=FigureOptions(width_mm=180))
    (arc,) = lines(ax, "_arc")
    ring = ax.transData.transform(np.column_stack(arc.get_data()))
    named = [(name, box) for name, box in texts_of(ax) if name.replace("\n", " ") in labels]
    assert len(named) > 5
    for name, box in named:
        assert not any(box.contains(*point) for point in ring), name
    bare = radial(fit, options=FigureOptions(names="none"))
    assert not labels & {name.replace("\n", " ") for name, _ in texts_of(bare)}


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("case", CASES)
def test_nothing_overlaps_and_nothing_leaves_the_page(make: SimpleNamespace, case: str, width: float) -> None:
    ax = radial(CASES[case](make), title="Effects of trials as rays", options=FigureOptions(width_mm=width))
    assert_inside(ax.figure, slack=1)
    assert_apart(ax.figure)


def test_given_axes_on_dark_paper(make: SimpleNamespace) -> None:
    figure = plt.figure(figsize=(6, 5), facecolor=DARK.paper)
    ax = radial(pooled(make.arms(8)), ax=figure.add_subplot(), favours=("us $x$", "them"))
    assert lines(ax, "_estimate")[0].get_color() == DARK.pooled
    assert "us $x$" in describe(ax)
    assert_inside(figure, slack=1)
    assert_apart(figure)


def test_what_cannot_be_drawn_is_refused(make: SimpleNamespace) -> None:
    for wrong in (None, make.arms(4), make.grouped(make.arms(6), "comparator_class")):
        with pytest.raises(FigureError, match="result of pool"):
            radial(wrong)
    with pytest.raises(FigureError, match="axes"):
        radial(pooled(make.arms(4)), ax=3)
    with pytest.raises(FigureError, match="does not fit"):
        radial(pooled(make.arms(4)), ax=plt.figure(figsize=(1, 1)).add_subplot())


def test_inputs_are_not_changed(make: SimpleNamespace) -> None:
    fit = pooled(make.arms(4))
    before = fit.rows.copy()
    radial(fit)
    pd.testing.assert_frame_equal(fit.rows, before)
