"""Bubble plots: points, line and bands against the fit, columns of levels, words, room."""

from __future__ import annotations

import math
import warnings
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import ketameta as km
from ketameta.errors import FigureError, KetametaWarning
from ketameta.models import Regression
from ketameta.plots import FigureOptions, describe
from ketameta.plots.bubble import bubble
from ketameta.plots.style import DARK

from .room import assert_apart, assert_inside, texts_of

LONG = "a_very_long_name_of_a_moderator_that_somebody_measured_once_"
NAME = "Collaborative group of a multicentre trial with a long name 2019"
ROUTES = ["intravenous", "intranasal", "intramuscular", "subcutaneous", "oral", "sublingual, with $ food"]


def regressed(rows: pd.DataFrame, formula: str, **options: Any) -> Regression:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        return km.regress(rows, formula, **options)


def study_rows(make: SimpleNamespace, k: int = 12) -> pd.DataFrame:
    rows = make.arms(k)
    rows["year"] = 2000 + np.arange(k) % 11
    rows["route"] = [ROUTES[i % len(ROUTES)] for i in range(k)]
    rows[LONG] = np.sin(np.arange(k)) * 3
    return rows


def three() -> pd.DataFrame:
    yi, vi = [math.log(1e3), math.log(1e-3), 2.0], [4.0, 3.0, 900.0]
    labels = [NAME, "b $x$ <b>\x07", "c"]
    return pd.DataFrame({"yi": yi, "vi": vi, "measure": "OR", "dose": [0.1, 0.5, 1.0], "label": labels})


def huge(make: SimpleNamespace) -> pd.DataFrame:
    rows = study_rows(make, 7)
    rows.loc[2, ["yi", "vi"]] = [-3.0, 60.0]
    rows.loc[4, "label"] = NAME
    return rows


CASES = {
    "year": lambda make: regressed(study_rows(make), "year"),
    "three": lambda make: regressed(three(), "dose"),
    "sixty": lambda make: regressed(study_rows(make, 60), LONG),
    "huge": lambda make: regressed(huge(make), "year"),
    "equal": lambda make: regressed(huge(make), "year", tau2="EE"),
    "two levels": lambda make: regressed(study_rows(make), "comparator_class"),
    "six levels": lambda make: regressed(study_rows(make, 60), "route"),
    "ratios": lambda make: regressed(make.counts(8).assign(year=range(2001, 2009)), "year"),
}


def lines(ax: Axes, label: str) -> list[Any]:
    return [one for one in ax.lines if one.get_label() == label]


def studies(ax: Axes) -> Any:
    return next(one for one in ax.collections if one.get_label() == "_study")


def test_points_stand_at_moderator_and_effect_with_areas_by_weight(make: SimpleNamespace) -> None:
    fit = CASES["year"](make)
    ax = bubble(fit)
    found = np.column_stack((studies(ax).get_offsets(), studies(ax).get_sizes()))
    expected = np.column_stack((fit.rows["year"], fit.yi, fit.weights / fit.weights.max()))
    found[:, 2] /= found[:, 2].max()
    order = [np.lexsort(part.T) for part in (found, expected)]
    np.testing.assert_allclose(found[order[0]], expected[order[1]])
    assert (np.diff(studies(ax).get_sizes()) <= 0).all()


@pytest.mark.parametrize("case", ["year", "ratios"])
def test_line_and_bands_are_the_predictions_of_the_fit(make: SimpleNamespace, case: str) -> None:
    fit = CASES[case](make)
    ax = bubble(fit)
    shown = np.exp if fit.ratio else np.asarray
    (line,) = lines(ax, "_line")
    at = line.get_xdata()[[0, 50, 100]]
    expected = fit.predict(pd.DataFrame({"year": at}))
    assert at[0] == fit.rows["year"].min()
    np.testing.assert_allclose(line.get_ydata()[[0, 50, 100]], shown(expected["estimate"]))
    for edge, name in zip(lines(ax, "_pi"), ("pi_low", "pi_high"), strict=True):
        np.testing.assert_allclose(edge.get_ydata()[[0, 50, 100]], shown(expected[name]))
    (band,) = [one for one in ax.collections if one.get_label() == "_ci"]
    corners = band.get_paths()[0].vertices
    ends = corners[np.isclose(corners[:, 0], at[0])][:, 1]
    np.testing.assert_allclose(
        [ends.min(), ends.max()], shown(expected[["ci_low", "ci_high"]].iloc[0].to_numpy())
    )
    assert ax.get_yscale() == ("log" if fit.ratio else "linear")


def test_levels_are_columns_with_their_own_prediction(make: SimpleNamespace) -> None:
    fit = CASES["two levels"](make)
    ax = bubble(fit)
    levels = list(fit.design.levels["comparator_class"])
    assert [label.get_text() for label in ax.get_xticklabels()] == levels
    assert list(ax.get_xticks()) == [0, 1]
    expected = fit.predict(pd.DataFrame({"comparator_class": levels}))
    for i, line in enumerate(lines(ax, "_line")):
        x, y = line.get_data()
        assert x.mean() == pytest.approx(i)
        np.testing.assert_allclose(y, expected["estimate"][i])
    assert len(lines(ax, "_pi")) == 4
    at = [levels.index(level) for level in fit.rows["comparator_class"]]
    assert sorted(studies(ax).get_offsets()[:, 0]) == sorted(at)


def test_long_names_of_levels_are_turned_where_columns_are_narrow(make: SimpleNamespace) -> None:
    fit = CASES["six levels"](make)
    for width, turn in ((85, 90), (254, 0)):
        ax = bubble(fit, options=FigureOptions(width_mm=width))
        assert {label.get_rotation() for label in ax.get_xticklabels()} == {turn}


def test_with_several_moderators_one_is_asked_for_and_the_others_are_said(make: SimpleNamespace) -> None:
    fit = regressed(study_rows(make), "year + comparator_class")
    with pytest.raises(FigureError, match=r"moderator=None: give one .*'year', 'comparator_class'"):
        bubble(fit)
    ax = bubble(fit, moderator="year")
    assert any("values of: Kind of comparator." in text.get_text() for text in ax.texts)
    np.testing.assert_allclose(lines(ax, "_line")[0].get_ydata(), fit.bubble("year").line["estimate"])
    alone = bubble(CASES["year"](make))
    assert not any("values of:" in text.get_text() for text in alone.texts)


@pytest.mark.parametrize("case", CASES)
def test_all_points_and_the_null_lie_in_the_panel(make: SimpleNamespace, case: str) -> None:
    fit = CASES[case](make)
    ax = bubble(fit)
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x, y = studies(ax).get_offsets().T
    assert left < x.min() <= x.max() < right
    assert low < y.min() <= y.max() < high
    assert low < (1 if fit.ratio else 0) < high


def test_intervals_that_leave_the_panel_are_told(make: SimpleNamespace) -> None:
    for case, leaves in (("three", True), ("two levels", False)):
        ax = bubble(CASES[case](make))
        assert leaves == any("beyond the edge" in text.get_text() for text in ax.texts)
        low, high = ax.get_ylim()
        drawn = np.concatenate([edge.get_ydata() for edge in lines(ax, "_pi")])
        assert leaves == bool(drawn.min() < low or drawn.max() > high)


def test_axes_are_named_by_the_data_dictionary(make: SimpleNamespace) -> None:
    assert bubble(CASES["year"](make)).get_xlabel() == "Year"
    rows = study_rows(make).assign(time_hours=np.arange(12.0) + 0.5, mine=np.arange(12.0))
    assert bubble(regressed(rows, "time_hours")).get_xlabel() == "Time (h)"
    assert bubble(regressed(rows, "mine")).get_xlabel() == "mine"
    years = bubble(CASES["year"](make), options=FigureOptions(width_mm=254))
    assert all(float(tick).is_integer() for tick in years.get_xticks())


def test_a_common_effect_has_no_prediction_interval(make: SimpleNamespace) -> None:
    ax = bubble(CASES["equal"](make))
    assert not lines(ax, "_pi")
    assert not any("prediction" in text.get_text() for text in ax.get_legend().get_texts())


def test_words_tell_both_ends_and_the_test(make: SimpleNamespace) -> None:
    fit = CASES["ratios"](make)
    words = describe(bubble(fit))
    assert words.startswith("Bubble plot of 8 studies against Year. Axis: Odds ratio; ")
    ends = fit.predict(pd.DataFrame({"year": [2001, 2008]}))
    for year, end in zip((2001, 2008), ends["estimate"], strict=True):
        assert f"Fitted OR at {year}: {math.exp(end):.2f}, 95% CI" in words
    assert fit.sentence() in words
    levels = describe(bubble(CASES["two levels"](make)))
    assert "at inactive:" in levels
    assert "at psychoactive:" in levels


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("case", CASES)
def test_nothing_overlaps_and_nothing_leaves_the_page(make: SimpleNamespace, case: str, width: float) -> None:
    ax = bubble(
        CASES[case](make), title="Effects of trials by what they did", options=FigureOptions(width_mm=width)
    )
    assert_inside(ax.figure, slack=1)
    assert_apart(ax.figure)


def test_names_can_be_left_out(make: SimpleNamespace) -> None:
    fit = CASES["year"](make)
    named = {name for name, _ in texts_of(bubble(fit))}
    bare = {name for name, _ in texts_of(bubble(fit, options=FigureOptions(names="none")))}
    assert named & set(fit.rows["label"])
    assert not bare & set(fit.rows["label"])


@pytest.mark.parametrize("case", ["year", "six levels"])
def test_given_axes_on_dark_paper(make: SimpleNamespace, case: str) -> None:
    figure = plt.figure(figsize=(6, 5.5), facecolor=DARK.paper)
    ax = bubble(CASES[case](make), ax=figure.add_subplot(), favours=("us $x$", "them"))
    assert lines(ax, "_line")[0].get_color() == DARK.pooled
    assert "us $x$" in describe(ax)
    assert_inside(figure, slack=1)
    assert_apart(figure)


def test_what_cannot_be_drawn_is_refused(make: SimpleNamespace) -> None:
    fit = CASES["year"](make)
    for wrong in (None, make.pooled(make.arms(4))):
        with pytest.raises(FigureError, match="result of regress"):
            bubble(wrong)
    for moderator in ("yaer", 3, ["year"]):
        with pytest.raises(FigureError, match="moderators of the model \\('year'\\)"):
            bubble(fit, moderator=moderator)
    with pytest.raises(FigureError, match="axes"):
        bubble(fit, ax=3)


def test_inputs_are_not_changed(make: SimpleNamespace) -> None:
    fit = CASES["two levels"](make)
    before = fit.rows.copy()
    bubble(fit)
    pd.testing.assert_frame_equal(fit.rows, before)
