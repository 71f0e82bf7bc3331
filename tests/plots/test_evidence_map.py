"""Evidence map: trials and participants by outcome and time."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import ketameta as km
from ketameta.errors import DataError, FigureError
from ketameta.plots import FigureOptions, describe
from ketameta.plots.evidence_map import evidence_map

from .room import assert_apart, assert_inside, texts_of

LAST_HOUR = {"1 d": (12, 36), "7 d": (120, 240), "28 d": (528, 840)}


def rows(*cells: tuple[object, ...], **more: object) -> pd.DataFrame:
    """Trials of (cohort, indication, outcome, hours, n in each arm)."""
    names = ["cohort_id", "indication", "outcome", "time_hours", "n_t"]
    frame = pd.DataFrame(cells, columns=names)
    frame["n_c"] = frame["n_t"]
    return frame.assign(status="include", score_type="endpoint", **more)


def small() -> pd.DataFrame:
    return rows(
        ("a", "MDD", "depression", 24.0, 20.0),
        ("a", "MDD", "depression", 30.0, 18.0),
        ("b", "MDD", "depression", 24.0, 50.0),
        ("b", "MDD", "response", 168.0, 45.0),
        ("c", "PTSD", "ptsd", 24.0, np.nan),
        ("d", "MDD", "depression", 24.0, np.nan),
    )


def cells(ax: Axes) -> dict[tuple[int, str], tuple[str, str]]:
    """Trials and participants by row of the y axis and name of the column."""
    heads = {text.get_text(): text.get_position()[0] for text in ax.texts if text.get_fontweight() == "bold"}
    width = ax.get_xlim()[1]
    ticks = np.asarray(ax.get_yticks())
    found: dict[tuple[int, str], list[str]] = {}
    places = {name: x * width for name, x in heads.items() if 0 < x < 1}
    for text in ax.texts:
        if text.get_transform() is ax.transData:
            x, y = text.get_position()
            row = int(np.abs(ticks - y).argmin())
            name = min(places, key=lambda head: abs(places[head] - x))
            found.setdefault((row, name), []).append(text.get_text())
    return {key: tuple(texts) for key, texts in found.items()}


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return km.load_trials()


def test_a_trial_counts_once_in_a_cell_with_its_largest_number() -> None:
    ax = evidence_map(small())
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [
        "Major depression",
        "Depression",
        "Response",
        "Post-traumatic stress disorder",
        "PTSD",
    ]
    found = cells(ax)
    assert found[1, "1 d"] == ("3", "≥140")
    assert found[1, "All times"] == ("3", "≥140")
    assert found[2, "7 d"] == ("1", "90")
    assert found[4, "1 d"] == ("1", "?")
    assert found[2, "1 d"] == found[1, "28 d"] == found[4, "Later"] == ("–",)
    assert not any(name == "No time" for _, name in found)


def test_printed_numbers_are_those_of_an_independent_count(trials: pd.DataFrame) -> None:
    ax = evidence_map(trials, options=FigureOptions(width_mm=254))
    found, labels = cells(ax), [label.get_text() for label in ax.get_yticklabels()]
    used = pd.DataFrame(trials).query("status == 'include' and score_type != 'baseline'")
    names = {"MDD": "Major depression", "PTSD": "Post-traumatic stress disorder"}
    checked = 0
    for indication, outcome in (("MDD", "depression"), ("MDD", "remission"), ("PTSD", "ptsd")):
        start = labels.index(names[indication])
        row = labels.index("PTSD" if outcome == "ptsd" else outcome.capitalize(), start)
        mine = used[(used["indication"] == indication) & (used["outcome"] == outcome)]
        for name, (over, last) in LAST_HOUR.items():
            there = mine[(mine["time_hours"] > over) & (mine["time_hours"] <= last)]
            arms = [there[f"n_{arm}"].fillna(there[f"total_{arm}"]) for arm in "tc"]
            both = there["crossover_period"].isin(["both paired", "both as parallel"])
            n = np.where(both, np.maximum(*arms), arms[0] + arms[1])
            largest = pd.Series(n, index=there["cohort_id"].to_numpy()).groupby(level=0).max()
            if not len(largest):
                assert found[row, name] == ("–",)
                continue
            bound = "≥" if largest.isna().any() and largest.notna().any() else ""
            people = "?" if largest.isna().all() else f"{bound}{largest.sum():,.0f}"
            assert found[row, name] == (str(len(largest)), people)
            checked += 1
    assert checked >= 7


def test_area_of_a_circle_is_proportional_to_participants() -> None:
    frame = rows(
        ("a", "MDD", "depression", 24.0, 100.0),
        ("a", "MDD", "depression", 168.0, 25.0),
        ("b", "MDD", "response", 24.0, 50.0),
        ("c", "MDD", "response", 168.0, np.nan),
    )
    for width in (85, 180):
        ax = evidence_map(frame, options=FigureOptions(width_mm=width))
        (drawn,) = [each for each in ax.collections if each.get_label() == "_participants"]
        by_place = dict(
            zip(map(tuple, np.asarray(drawn.get_offsets()).round(3)), drawn.get_sizes(), strict=True)
        )
        sizes = [by_place[key] for key in sorted(by_place, key=lambda xy: (xy[1], xy[0]))]
        np.testing.assert_allclose(np.array(sizes) / max(sizes), [0.5, 1, 0.25])


def test_rows_that_stand_apart_and_baselines_do_not_count() -> None:
    frame = small()
    more = pd.concat(
        [
            frame,
            frame.assign(status="apart", cohort_id="x"),
            frame.assign(score_type="baseline", cohort_id="y"),
        ],
        ignore_index=True,
    )
    one, other = evidence_map(frame), evidence_map(more)
    assert cells(one) == cells(other)
    notes = [name for name, _ in texts_of(other)]
    assert "12 rows of 18 not counted: apart from pools, or baseline scores." in notes


def test_rows_without_a_time_have_a_column() -> None:
    frame = pd.concat([small(), rows(("e", "MDD", "relapse", np.nan, 30.0))], ignore_index=True)
    assert ("1", "60") in [
        value for (_, name), value in cells(evidence_map(frame)).items() if name == "No time"
    ]


def test_other_columns_can_be_the_rows(trials: pd.DataFrame) -> None:
    selection = km.select(trials, indication="MDD", outcome="depression", dosing="single")
    ax = evidence_map(selection, rows="comparator_class")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert set(labels) == {
        value.capitalize() if value else "Not stated"
        for value in selection.rows["comparator_class"].fillna("")
    }
    counted = selection.rows.groupby(selection.rows["comparator_class"].fillna(""))["cohort_id"].nunique()
    assert cells(ax)[0, "All times"][0] == str(counted.max())
    by_indication = evidence_map(trials, rows="indication")
    assert by_indication.get_yticklabels()[0].get_text() == "Major depression"
    assert (
        len(by_indication.get_yticks()) == trials.loc[trials["status"] == "include", "indication"].nunique()
    )


def test_a_table_without_indications_has_no_headings() -> None:
    ax = evidence_map(small().drop(columns="indication"))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Depression", "Response", "PTSD"]


@pytest.mark.parametrize("width", [85, 180, 254])
def test_nothing_touches_or_leaves_the_figure(trials: pd.DataFrame, width: float) -> None:
    ax = evidence_map(trials, title="Trials of ketamine", options=FigureOptions(width_mm=width))
    assert_apart(ax.figure)
    assert_inside(ax.figure)


@pytest.mark.parametrize("width", [85, 180])
def test_ugly_names_and_large_numbers_have_room(width: float) -> None:
    frame = rows(
        *(
            (f"t{i}", "$x^2$ <b>" if i % 2 else "MDD", name, hours, 1e4 * (i + 1))
            for i, name in enumerate(("x" * 60, "a name of sixty characters " * 3, "$x$\x07\n<i>&"))
            for hours in (4.0, 24.0, 48.0, 168.0, 336.0, 672.0, 9000.0, np.nan)
        )
    ).rename(columns={"outcome": "population"})
    ax = evidence_map(frame, rows="population", options=FigureOptions(width_mm=width))
    assert_apart(ax.figure)
    assert_inside(ax.figure)


@pytest.mark.parametrize("paper", ["#ffffff", "#101317"])
def test_it_stays_in_axes_that_are_given(paper: str) -> None:
    left, right = plt.figure(figsize=(12, 5), facecolor=paper).subplots(1, 2)
    box = right.get_window_extent().frozen()
    assert evidence_map(small(), ax=right) is right
    assert_apart(right)
    assert_inside(right, box, slack=1.0)
    assert not left.has_data()


def test_words_say_what_was_drawn() -> None:
    words = describe(evidence_map(small()))
    assert "Major depression, Depression: 1 d 3 trials (≥140), all times 3 trials (≥140)." in words
    assert "Post-traumatic stress disorder, PTSD: 1 d 1 trial (?)" in words


def test_the_table_is_not_changed() -> None:
    frame = small()
    kept = frame.copy()
    evidence_map(frame)
    pd.testing.assert_frame_equal(frame, kept)


def test_what_cannot_be_drawn_is_said() -> None:
    frame = small()
    for given, message in (
        ({"rows": "outcom"}, "rows='outcom'"),
        ({"rows": 3}, "rows=3"),
        ({"ax": plt.figure(figsize=(1, 1)).add_subplot()}, "does not fit"),
    ):
        with pytest.raises(FigureError, match=message):
            evidence_map(frame, **given)
    for table, message in (
        ([1], "not list"),
        (frame.assign(status="apart"), "no row counts"),
        (frame.iloc[:0], "no row counts"),
        (frame.assign(cohort_id=None), "line 2: cohort_id is empty"),
        (frame.assign(time_hours="soon"), "column 'time_hours': 'soon'"),
    ):
        with pytest.raises(FigureError, match=message):
            evidence_map(table)
    with pytest.raises(DataError, match="cohort_id"):
        evidence_map(frame.drop(columns="cohort_id"))
