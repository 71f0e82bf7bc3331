from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import ketameta as km
from ketameta.curves import DurabilityCurve
from ketameta.errors import FigureError
from ketameta.plots import TimecourseOptions, describe, timecourse
from ketameta.plots._legend import plan_legend
from ketameta.plots._timestyle import styles
from ketameta.plots.style import DARK, LIGHT

from .artists import labelled
from .room import assert_apart, assert_inside


def words(ax: Axes) -> str:
    texts = [*ax.texts, *ax.get_legend().get_texts()]
    return " ".join(text.get_text().replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ") for text in texts)


@pytest.fixture(scope="module")
def pair(make: SimpleNamespace) -> dict[str, DurabilityCurve]:
    early, late = make.over_time((4, 24, 72)), make.over_time((336, 672, 1344), k=8)
    return {"Single dose": km.durability(early), "Repeated": km.durability(late)}


def test_every_curve_is_drawn_over_its_own_times(pair: dict[str, DurabilityCurve]) -> None:
    ax = timecourse(pair)
    lines = labelled(ax, "_curve")
    assert len(lines) == 2
    for line, curve in zip(lines, pair.values(), strict=True):
        hours, values = (np.asarray(x, dtype=float) for x in line.get_data())
        assert (hours[0], hours[-1]) == curve.time_range
        seen = np.isfinite(values)
        np.testing.assert_allclose(values[seen], curve.at(hours=hours[seen])["estimate"], rtol=1e-12)


def test_curves_differ_in_dashes_and_dots_as_well_as_in_colour(pair: dict[str, DurabilityCurve]) -> None:
    ax = timecourse(pair)
    one, two = labelled(ax, "_curve")
    assert one.get_color() != two.get_color()
    assert one.get_linestyle() != two.get_linestyle()
    shapes = [dots.get_paths()[0].vertices.shape for dots in labelled(ax, "_dots")]
    assert shapes[0] != shapes[1]
    for look in (LIGHT, DARK):
        six = styles(6, look)
        for part in ("line", "marker"):
            assert len({getattr(style, part) for style in six}) == 6
        assert len({str(style.dash) for style in six}) == 6
        for style in six:
            assert contrast(style.line, look.paper) >= 3


def contrast(one: str, two: str) -> float:
    """Contrast of two colours after WCAG 2.1."""

    def luminance(colour: str) -> float:
        parts = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in to_rgb(colour)]
        return float(np.dot(parts, [0.2126, 0.7152, 0.0722]))

    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def test_the_legend_begins_with_the_curves(pair: dict[str, DurabilityCurve]) -> None:
    ax = timecourse(pair)
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()][:2] == list(pair)
    for handle, line in zip(legend.legend_handles[:2], labelled(ax, "_curve"), strict=True):
        assert handle.get_color() == line.get_color()
        assert handle.get_linestyle() == line.get_linestyle()


def test_grey_is_where_no_curve_has_trials(pair: dict[str, DurabilityCurve]) -> None:
    ax = timecourse(pair)
    spans = sorted((span.get_x(), span.get_x() + span.get_width()) for span in labelled(ax, "_gap"))
    first, second = pair.values()
    assert first.gaps == ((8.0, 12.0),)
    np.testing.assert_allclose(spans, [(8.0, 12.0), (first.time_range[1], second.time_range[0])])


def test_a_gap_of_one_curve_that_another_fills_is_not_grey_but_thin(make: SimpleNamespace) -> None:
    gappy, full = km.durability(make.over_time((4, 24, 72))), km.durability(make.over_time((4, 8, 16, 24)))
    ax = timecourse([gappy, full], labels=["a", "b"])
    assert labelled(ax, "_gap") == []
    (thin,) = labelled(ax, "_dashed")
    assert thin.get_linewidth() < labelled(ax, "_curve")[0].get_linewidth()
    assert "Thin curve: none of its trials near" in words(ax)
    assert "No trial near" not in words(ax).split("Thin curve")[0]


def test_numbers_stand_under_the_name_of_their_curve(
    make: SimpleNamespace, pair: dict[str, DurabilityCurve]
) -> None:
    ax = timecourse(pair)
    ax.figure.draw_without_rendering()
    at = [(text.get_text(), text.get_window_extent().y0) for text in ax.texts]
    names = {name: next(y for text, y in at if text == name) for name in pair}
    rows = [y for text, y in at if text == "Trials"]
    assert len(rows) == 2
    assert names["Single dose"] > rows[0] > names["Repeated"] > rows[1]
    assert len(labelled(ax, "_key")) == 2
    counted = [int(text) for text, y in at if abs(y - rows[1]) < 3 and text.isdigit()]
    table = pair["Repeated"].coverage
    assert sum(counted) >= table["k"].max()
    assert max(counted) >= table["k"].max()


def test_bands_of_several_curves(pair: dict[str, DurabilityCurve]) -> None:
    plain = timecourse(pair)
    assert len(labelled(plain, "_ci")) == 2
    assert labelled(plain, "_pi") == []
    assert "prediction" not in words(plain)
    ax = timecourse(pair, options=TimecourseOptions(prediction=True))
    assert len(labelled(ax, "_pi_edge")) == 4
    assert all(edge.get_linestyle() == "-" for edge in labelled(ax, "_ci_edge"))
    assert all(edge.get_linestyle() != "-" for edge in labelled(ax, "_pi_edge"))


def test_the_simultaneous_band_is_dashed_edges_around_the_whole_curve(
    pair: dict[str, DurabilityCurve],
) -> None:
    curve = pair["Single dose"]
    ax = timecourse(curve, options=TimecourseOptions(simultaneous=True))
    low, high = labelled(ax, "_sim_edge")
    hours = np.asarray(low.get_xdata(), dtype=float)
    seen = np.isfinite(np.asarray(low.get_ydata(), dtype=float))
    band = curve.bands(hours=hours[seen], kind="simultaneous")
    np.testing.assert_allclose(np.asarray(low.get_ydata())[seen], band["low"], rtol=1e-12)
    np.testing.assert_allclose(np.asarray(high.get_ydata())[seen], band["high"], rtol=1e-12)
    assert low.get_linestyle() == "--"
    assert low.get_linestyle() != labelled(ax, "_curve")[0].get_linestyle()
    assert "95% simultaneous band" in words(ax)
    bottom, top = ax.get_ylim()
    assert bottom < band["low"].min()
    assert top > band["high"].max()
    both = timecourse(pair, options=TimecourseOptions(simultaneous=True, prediction=True))
    assert len(labelled(both, "_sim_edge")) == len(labelled(both, "_pi_edge")) == 4


def test_all_trials_beside_the_same_trials(make: SimpleNamespace) -> None:
    rows = make.over_time((24, 72, 168, 336), k=9)
    same = km.durability(rows).same_trials(early=(20, 80), late=(150, 400))
    ax = timecourse(same)
    assert [text.get_text().replace("\n", " ") for text in ax.get_legend().get_texts()][:2] == [
        "All trials",
        "The same trials early and late",
    ]
    for line, curve in zip(labelled(ax, "_curve"), (same.all, same.same), strict=True):
        hours = np.asarray(line.get_xdata(), dtype=float)
        assert (hours[0], hours[-1]) == curve.time_range
    assert words(timecourse(same, labels=["a", "b"])) == words(timecourse({"a": same.all, "b": same.same}))
    assert describe(timecourse(same)).startswith(
        "2 curves of the effect over time since dosing: All trials, from 9 trials"
    )


def test_area_of_dots_is_on_one_scale_over_all_curves(pair: dict[str, DurabilityCurve]) -> None:
    ax = timecourse(pair)
    products = []
    for dots, curve in zip(labelled(ax, "_dots"), pair.values(), strict=True):
        area, vi = dots.get_sizes(), np.sort(curve.rows["vi"].to_numpy())
        products += (area * vi)[area > area.min()].tolist()
    np.testing.assert_allclose(products, products[0])


def test_names_given_in_either_way_are_the_same_figure(pair: dict[str, DurabilityCurve]) -> None:
    by_name, by_list = timecourse(pair), timecourse(list(pair.values()), labels=list(pair))
    assert words(by_name) == words(by_list)
    assert words(timecourse([pair["Repeated"]])) == words(timecourse(pair["Repeated"]))


def test_what_holds_of_one_curve_is_said_of_it(pair: dict[str, DurabilityCurve]) -> None:
    said = words(timecourse(pair, options=TimecourseOptions(threshold=-0.3)))
    for name, curve in pair.items():
        assert f"{name}: {curve.half_life.sentence()[:-1]}" in said
        assert curve.provenance.rows_sha256[:12] in said
    assert "Each curve: " in said


def test_sides_are_those_on_which_the_rows_of_all_curves_agree(make: SimpleNamespace) -> None:
    worse = make.over_time()
    better = worse.assign(higher_is_worse=False)
    same = words(timecourse({"a": km.durability(worse), "b": km.durability(worse)}))
    assert "Favours ketamine" in same
    mixed = words(timecourse({"a": km.durability(worse), "b": km.durability(better)}))
    assert "Lower with ketamine" in mixed


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("scale", ["log", "linear"])
def test_nothing_overlaps_with_long_names(pair: dict[str, DurabilityCurve], width: float, scale: str) -> None:
    long = "Esketamine 84 mg intranasally or ketamine 0.5 mg/kg i.v., "
    named = {f"{long}{name}": curve for name, curve in pair.items()}
    options = TimecourseOptions(width_mm=width, scale=scale, threshold=-0.24, prediction=True)
    ax = timecourse(named, title=f"{long}{long}", options=options)
    assert_inside(ax)
    assert_apart(ax)


def test_dark_paper(pair: dict[str, DurabilityCurve]) -> None:
    ax = timecourse(pair, ax=Figure(figsize=(9, 9), facecolor="black").subplots())
    for line in labelled(ax, "_curve"):
        assert contrast(line.get_color(), "black") >= 3
    for text in [*ax.texts, *ax.get_legend().get_texts()]:
        assert max(to_rgb(text.get_color())) > 0.6


def test_several_curves_in_words(pair: dict[str, DurabilityCurve]) -> None:
    text = describe(timecourse(pair))
    assert text.startswith("2 curves of the effect over time since dosing: Single dose, from 6 trials")
    for name, curve in pair.items():
        assert f"{name}: {curve.sentence()}" in text
    assert "Single dose: Grey, since no trial measured there: 8 h to 12 h." in text


def test_what_cannot_be_laid_over_is_refused(make: SimpleNamespace, curve: DurabilityCurve) -> None:
    with pytest.raises(FigureError, match="no labels"):
        timecourse([curve, curve])
    for labels in (["a"], "ab", ["a", "b", "c"]):
        with pytest.raises(FigureError, match="one name for each"):
            timecourse([curve, curve], labels=labels)
    for labels in (["a", "a"], ["a", " "], ["a", 1]):
        with pytest.raises(FigureError, match="a name of its own"):
            timecourse([curve, curve], labels=labels)
    with pytest.raises(FigureError, match="leave labels out"):
        timecourse({"a": curve}, labels=["a"])
    with pytest.raises(FigureError, match="not str"):
        timecourse("curve")
    with pytest.raises(FigureError, match="not float"):
        timecourse([curve, 1.0], labels=["a", "b"])
    for many in ({}, dict.fromkeys("abcdefg", curve)):
        with pytest.raises(FigureError, match=r"1 to 6 curves"):
            timecourse(many)
    with pytest.raises(FigureError, match="different measures"):
        timecourse({"a": curve, "b": km.durability(make.over_time(measure="OR"))})


def test_a_legend_takes_the_columns_that_make_it_lowest() -> None:
    short = ["a", "b", "c", "d"]
    wide = plan_legend(short, 400, 8)
    assert wide.columns == 4
    assert plan_legend(short, 80, 8).columns == 2
    long = ["a curve with a rather long name that goes on", *short]
    broken = plan_legend(long, 200, 8)
    assert broken.columns > 1
    assert "\n" in broken.texts[0]
    assert [text.replace("\n", " ") for text in broken.texts] == long
