"""Forest plots in the looks of journals: what stands where, in which words, and room for all of it."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from ketameta.errors import FigureError
from ketameta.plots import ForestOptions, forest

from .artists import labelled
from .forest_texts import cells, plain, row_of, words
from .room import assert_apart, assert_inside, texts_of

LOOKS = ("revman", "jama", "bmj", "wide")


def drawn(fit: object, layout: str, **more: object) -> object:
    return forest(fit, options=ForestOptions(layout=layout, **more))


def named(ax: object, text: str) -> object:
    """The free text of the axes that reads so."""
    (found,) = (each for each in ax.texts if plain(each) == text)
    return found.get_window_extent()


def long_names(make: SimpleNamespace) -> object:
    rows = make.arms(7)
    rows["label"] = [
        f"Collaborative group {i} of a multicentre trial with a long name {2000 + i}" for i in range(7)
    ]
    rows.loc[2, ["yi", "vi"]] = [-3.0, 60.0]
    return make.pooled(rows)


def far_ratios(make: SimpleNamespace) -> object:
    rows = make.counts(6)
    rows["yi"] = np.log([1e-3, 0.05, 0.4, 2, 30, 1e3])
    return make.pooled(rows)


def small_groups(make: SimpleNamespace) -> object:
    rows = make.arms(5)
    rows["comparator_class"] = ["an inactive comparator of any kind", "active", "third", "third", "third"]
    return make.grouped(rows, "comparator_class")


CASES = {
    "one": lambda make: make.pooled(make.arms(1)),
    "eighty": lambda make: make.pooled(make.arms(80)),
    "names": long_names,
    "ratios": far_ratios,
    "groups": small_groups,
}


PAGES = [
    *product(["groups"], LOOKS, [85, 180, 254]),
    *product(["names", "ratios"], LOOKS, [85, 180]),
    *product(["one"], LOOKS, [85]),
    *[("eighty", "bmj", 85), ("eighty", "jama", 180), ("eighty", "wide", 254)],
]


@pytest.mark.parametrize(("case", "layout", "width"), PAGES)
def test_every_layout_has_room_for_its_texts(
    make: SimpleNamespace, case: str, layout: str, width: float
) -> None:
    ax = drawn(CASES[case](make), layout, width_mm=width)
    assert_inside(ax.figure, slack=1)
    assert_apart(ax.figure)
    panel = ax.get_window_extent()
    first_row = ax.transData.transform((1, ax.get_yticks()[-1] - 0.5))[1]
    for name, box in texts_of(ax):
        if panel.y0 < box.y0 and box.y1 < first_row:
            assert box.x1 <= panel.x0 or box.x0 >= panel.x1, name
    assert panel.width >= 0.2 * ax.figure.bbox.width


def test_revman_has_all_columns_left_of_the_panel(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    ax = drawn(make.pooled(rows), "revman", font_size=6.5)
    top = row_of(ax, "Study or subgroup")
    assert cells(ax, top) == [
        *["Mean", "SD", "Total"] * 2,
        "Weight",
        "IV, random, 95% CI",
        "IV, random, 95% CI",
    ]
    assert cells(ax, top + 1) == ["Ketamine", "Midazolam", "SMD", "Standardised mean difference"]
    row = cells(ax, row_of(ax, "Author1 "))
    assert row[0] == f"{rows['mean_t'][0]:.1f}"
    assert row[2] == str(rows["n_t"][0])
    assert row[6].endswith("%")
    assert row[7].endswith("]")
    panel = ax.get_window_extent()
    assert all(text.get_window_extent().x1 < panel.x0 for text in ax.texts if plain(text) in row)
    assert cells(ax, row_of(ax, "Total (95% CI)"))[0] == str(rows["n_t"].sum())
    low, high = ax.get_xlim()
    assert -low == pytest.approx(high)
    assert labelled(ax, "_reference") == []
    assert labelled(ax, "_pooled")[0].get_facecolor()[:3] == pytest.approx([0x1A / 255] * 3)


def test_revman_counts_stand_in_columns_of_their_own(make: SimpleNamespace) -> None:
    rows = make.counts(3)
    ax = drawn(make.pooled(rows), "revman")
    assert cells(ax, row_of(ax, "Study or subgroup"))[:4] == ["Events", "Total"] * 2
    first = [str(rows[key][0]) for key in ("events_t", "total_t", "events_c", "total_c")]
    assert cells(ax, row_of(ax, "Author1 "))[:4] == first
    assert cells(ax, row_of(ax, "Total"))[0] == str(rows["events_t"].sum())
    low, high = np.log(ax.get_xlim())
    assert -low == pytest.approx(high)
    assert ax.get_xlabel() == ""
    assert words(ax).count("Odds ratio") == 1


def test_jama_favors_stand_over_the_panel_on_both_sides_of_the_null(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    options = ForestOptions(layout="jama", font_size=6)
    ax = forest(make.pooled(rows), favours=("drug", "pill"), options=options)
    top = row_of(ax, "Source")
    heads = cells(ax, top)
    assert [head for head in heads if not head.startswith("Favors")] == [
        *["No.", "Mean (SD)"] * 2,
        "SMD (95% CI)",
        "Weight, %",
    ]
    null = ax.transData.transform((0, 0))[0]
    left, right = named(ax, "Favors drug"), named(ax, "Favors pill")
    first_row = ax.transData.transform((0, top - 0.5))[1]
    assert left.x1 <= null <= right.x0
    assert min(left.y0, right.y0) >= first_row
    (line,) = labelled(ax, "_null")
    assert ax.transData.transform((0, line.get_ydata()[1]))[1] > max(left.y0, right.y0)
    row = cells(ax, row_of(ax, "Author1 "))
    assert row[1] == f"{rows['mean_t'][0]:.1f} ({rows['sd_t'][0]:.1f})"
    assert " to " in row[-2]
    assert row[-1].replace(".", "").isdigit()
    panel = ax.get_window_extent()
    assert named(ax, row[-2]).x1 < panel.x0
    assert named(ax, "Weight, %").x0 > panel.x1
    assert "Favours" not in words(ax)


def test_bmj_has_weights_and_then_effects_right_of_the_panel(make: SimpleNamespace) -> None:
    ax = drawn(make.pooled(make.counts(4)), "bmj")
    panel = ax.get_window_extent()
    assert named(ax, "Weight (%)").x0 > panel.x1
    assert named(ax, "OR (95% CI)").x0 > named(ax, "Weight (%)").x1
    head = named(ax, "Odds ratio")
    assert (head.x0 + head.x1) / 2 == pytest.approx((panel.x0 + panel.x1) / 2, abs=1)
    assert "Favours ketamine" in words(ax).replace("\N{NO-BREAK SPACE}", " ")


def test_wide_shows_dose_and_time_where_the_rows_have_them(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    assert "Dose" not in cells(drawn(make.pooled(rows), "wide"), 4)
    rows = rows.assign(dose="0.5", dose_unit="mg/kg", time_hours=[24.0, 168.0, 2 / 3, np.nan])
    ax = drawn(make.pooled(rows), "wide")
    assert ax.figure.get_size_inches()[0] == pytest.approx(254 / 25.4)
    top = row_of(ax, "Study")
    assert cells(ax, top)[:3] == ["Dose", "Time", "n"]
    assert cells(ax, row_of(ax, "Author2 "))[:2] == ["0.5 mg/kg", "7 d"]
    assert cells(ax, row_of(ax, "Author3 "))[1] == "40 min"
    narrow = drawn(make.pooled(rows), "wide", width_mm=85)
    assert "Dose" not in words(narrow)
    assert "SMD [95% CI]" in words(narrow)


@pytest.mark.parametrize("layout", ["plain", *LOOKS])
def test_subgroups_have_their_totals_in_every_layout(make: SimpleNamespace, layout: str) -> None:
    result = make.grouped(make.arms(6), "comparator_class")
    ax = drawn(result, layout)
    diamonds = sorted(labelled(ax, "_pooled"), key=lambda x: -x.get_xy()[0, 1])
    for diamond, fit in zip(diamonds, [fit for _, fit in result.groups] + [result.overall], strict=True):
        np.testing.assert_allclose(diamond.get_xy()[[0, 1, 2], 0], [fit.ci_low, fit.estimate, fit.ci_high])
    assert words(ax).count("Heterogeneity") == 3


def test_an_unknown_layout_says_which_was_meant() -> None:
    with pytest.raises(FigureError, match="did you mean 'revman'"):
        ForestOptions(layout="RevMan5")
    assert len({ForestOptions(), ForestOptions(), ForestOptions(layout="jama")}) == 2


@pytest.mark.parametrize("k", [3, 6])
def test_the_name_of_the_axis_stays_on_a_slide(make: SimpleNamespace, k: int) -> None:
    ax = forest(make.pooled(make.arms(k)), options=ForestOptions(layout="revman", width_mm=254))
    assert_inside(ax.figure)


def test_bold_words_on_the_sides_stay_inside(make: SimpleNamespace) -> None:
    rows = make.arms(6).assign(label=list("abcdef"), group=["$a$", "$b"] * 3)
    ax = forest(make.grouped(rows, "group"), options=ForestOptions(layout="jama"))
    assert_inside(ax.figure)
    assert_apart(ax.figure)
