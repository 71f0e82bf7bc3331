"""The figure of published pooled results and ours says what its table says."""

from __future__ import annotations

import math
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.evidence import load_published
from ketameta.plots import describe
from ketameta.reporting.comparison import compare, comparison_table
from ketameta.reporting.comparison_figure import SCALES, draw_comparisons, write_comparisons

QUESTIONS = ("mdd", "ptsd", "si", "harms")


@pytest.fixture(scope="module")
def compared():
    return compare(km.load_trials(), load_published())


@pytest.fixture(scope="module")
def figures(compared):
    drawn = {(q, s): draw_comparisons(compared, q, s) for q in QUESTIONS for s in SCALES}
    yield {key: ax for key, ax in drawn.items() if ax is not None}
    plt.close("all")


def labels(ax):
    return [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def shown(table):
    """Without the one outcome of which we have no result."""
    return table[table["outcome"] != "suicidal_ideation_remission"]


def spoken(value):
    return f"{value:.2f}".replace("-", "−") if value >= 0.01 or value < 0 else "<0.01"


def test_every_row_of_the_table_is_drawn_once(figures, compared):
    table = shown(comparison_table(compared))
    estimates = [line for ax in figures.values() for line in ax.lines if line.get_label() == "_estimate"]
    assert len(estimates) == table["pub_id"].nunique() + int((table["k"] > 0).sum())
    missing = sum("no trial" in label for ax in figures.values() for label in labels(ax))
    assert missing == int((table["k"] == 0).sum()) > 0


def test_numbers_beside_the_panel_are_those_of_the_table(figures, compared):
    table = shown(comparison_table(compared))
    words = " | ".join(text for ax in figures.values() for text in texts(ax))
    for row in table.to_dict("records"):
        for value in (row["published"], row["published_low"], row["published_high"]):
            assert spoken(value) in words
        if row["k"] and row["ci_high"] < 1000:
            assert f"{spoken(row['estimate'])} [{spoken(row['ci_low'])}, {spoken(row['ci_high'])}]" in words


def test_marks_stand_where_their_numbers_are(figures):
    ax = figures["mdd", "smd"]
    ticks = {tick.get_text(): x for tick, x in zip(ax.get_xticklabels(), ax.get_xticks(), strict=True)}
    per_unit = ticks["0"] - ticks["−1"]
    marks = [line for line in ax.lines if line.get_label() == "_estimate"]
    found = {round(float(line.get_ydata()[0]), 3): float(line.get_xdata()[0]) for line in marks}
    numbers = {
        round(float(text.get_position()[1]), 3): float(match[0].replace("−", "-"))
        for text in ax.texts
        if (match := re.match(r"−?\d+\.\d\d(?= \[)", text.get_text()))
    }
    assert len(found) == len(numbers) == 28
    for y, x in found.items():
        assert (x - ticks["0"]) / per_unit == pytest.approx(numbers[y], abs=0.0051)


def test_single_trials_are_marked_open_and_long_intervals_end_in_arrows(figures):
    ax = figures["mdd", "ratio"]
    kinds = [line.get_marker() for line in ax.lines if line.get_label() == "_estimate"]
    assert set(kinds) == {"s", "D"}
    open_marks = [
        line
        for line in ax.lines
        if line.get_marker() == "D"
        and line.get_markerfacecolor() == "#ffffff"
        and line.get_label() == "_estimate"
    ]
    counts = [text.get_text() for text in ax.texts]
    assert 0 < len(open_marks) <= counts.count("1")
    assert sum(line.get_label() == "_cut" for line in ax.lines) >= 4
    panel = max(ax.get_xticks())
    for line in ax.lines:
        if line.get_label() == "_interval":
            assert np.all(np.diff(line.get_xdata()) >= 0)
            assert line.get_xdata()[1] <= ax.get_xlim()[1]
    assert panel < ax.get_xlim()[1]


def test_words_count_what_is_drawn(figures):
    assert "14 published pooled results" in describe(figures["mdd", "smd"])
    assert describe(figures["mdd", "smd"]).endswith("nearer to no difference in 8 of 14 pairs.")


def test_a_scale_without_a_result_of_ours_is_not_drawn(figures, compared):
    assert ("si", "ratio") not in figures
    assert any(each.published["outcome"] == "suicidal_ideation_remission" for each in compared)


def test_nothing_compared_gives_no_figure(tmp_path, compared):
    assert write_comparisons(tmp_path, ()) == {}
    harms = [each for each in compared if each.published["outcome"] == "dropout"]
    assert list(write_comparisons(tmp_path, harms)) == ["published_harms_ratio"]
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".svg", ".pdf"}


def test_a_published_count_that_is_missing_is_a_dash(compared):
    row = next(each for each in compared if math.isnan(each.published["k"]))
    ax = draw_comparisons([row], "mdd", "smd")
    assert "–" in texts(ax)
    assert pd.isna(row.published["k"])
    plt.close("all")
