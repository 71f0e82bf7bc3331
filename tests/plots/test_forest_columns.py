"""Forest plots: columns that are asked for, and judgements of risk of bias."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from ketameta.errors import FigureError
from ketameta.plots import ForestOptions, describe, forest
from ketameta.plots._rob import read_judgements

from .forest_texts import cells, plain, row_of, words
from .room import assert_apart, assert_inside

LEVELS = ("Low", "Some concerns", "High", "No information")


def judged(labels: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"study": labels})
    for position in range(1, 6):
        frame[f"D{position}"] = [LEVELS[(i + position) % 4] for i in range(len(labels))]
    frame["Overall"] = [LEVELS[i % 4] for i in range(len(labels))]
    return frame


def circles(ax: Axes, level: str) -> set[tuple[float, float]]:
    """Centres of the circles of a judgement: millimetres from the left, and row."""
    found = [each for each in ax.collections if each.get_label() == f"_{level}"]
    scale = ax.get_window_extent().width
    return {(round(x * scale), float(y)) for each in found for x, y in each.get_offsets()}


def test_extra_columns_stand_in_the_order_that_was_asked_for(make: SimpleNamespace) -> None:
    rows = make.arms(3).assign(instrument="MADRS", n_doses=[1.0, 6.0, np.nan], my_own=["a", None, "c"])
    options = ForestOptions(extra=("my_own", "n_doses", "instrument"), columns="none")
    ax = forest(make.pooled(rows), options=options)
    assert cells(ax, row_of(ax, "Study")) == [
        "My own",
        "Doses so far",
        "Instrument",
        "SMD [95% CI]",
        "Weight",
    ]
    assert cells(ax, row_of(ax, "Author1 "))[:3] == ["a", "1", "MADRS"]
    assert cells(ax, row_of(ax, "Author2 "))[:2] == ["6", "MADRS"]
    assert cells(ax, row_of(ax, "Author3 "))[:2] == ["c", "MADRS"]


def test_long_texts_go_on_in_the_next_row(make: SimpleNamespace) -> None:
    text = "a comparator with a name of sixty characters or thereabouts"
    rows = make.arms(3).assign(background=[text, "x", "y"])
    ax = forest(make.pooled(rows), options=ForestOptions(extra=("background",), columns="none"))
    first, second = row_of(ax, "Author1 "), row_of(ax, "Author2 ")
    lines = [cells(ax, y)[0] for y in np.arange(first, second, -1.0)]
    assert len(lines) > 1
    assert " ".join(lines) == text
    assert_apart(ax.figure)


def test_hostile_texts_are_printed_as_they_are(make: SimpleNamespace) -> None:
    rows = make.arms(3)
    rows["label"] = ["A\n2000", r"$\frac<b>", "bell\x07"]
    rows["odd"] = ["$5 & <i>", "two\nlines", [1, 2]]
    ax = forest(make.pooled(rows), options=ForestOptions(extra=("odd",), columns="none"))
    labels = [plain(label).strip() for label in ax.get_yticklabels()][::-1]
    assert labels[1:4] == ["A 2000", r"\$\frac<b>", r"bell\x07"]
    assert [cells(ax, y)[0] for y in ax.get_yticks()[-2:-5:-1]] == [r"\$5 & <i>", "two lines", "[1, 2]"]
    assert_inside(ax.figure, slack=1)


def test_a_misspelt_column_is_named_with_the_one_that_was_meant(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(3))
    with pytest.raises(FigureError, match=r"no column 'comparater'; did you mean 'comparator'\?"):
        forest(fit, options=ForestOptions(extra=("comparater",)))
    with pytest.raises(FigureError, match="no column 'time'"):
        forest(fit, options=ForestOptions(extra=("time",)))
    with pytest.raises(FigureError, match="no column 'rob_1'"):
        forest(fit, options=ForestOptions(rob=("rob_1",)))
    for wrong in ("dose", 3, ("a", "a"), (1,)):
        with pytest.raises(FigureError, match="give names of columns"):
            ForestOptions(extra=wrong)


@pytest.mark.parametrize("layout", ["plain", "revman", "jama", "bmj", "wide"])
def test_judgements_stand_in_the_row_of_their_study(make: SimpleNamespace, layout: str) -> None:
    rows = make.arms(4)
    table = judged(list(rows["label"]))
    ax = forest(
        make.pooled(rows), options=ForestOptions(layout=layout, rob=table.sample(frac=1, random_state=1))
    )
    every = [circles(ax, level.lower()) for level in LEVELS]
    places = sorted({x for found in every for x, _ in found})
    assert len(places) == 6
    for level, found in zip(LEVELS, every, strict=True):
        expected = {
            (places[j], row_of(ax, f"{table['study'][i]}"))
            for i in range(4)
            for j, name in enumerate(["D1", "D2", "D3", "D4", "D5", "Overall"])
            if table[name][i] == level
        }
        assert found == expected
    heads = cells(ax, ax.get_yticks()[-1])
    assert [head for head in heads if head in {"D1", "D2", "D3", "D4", "D5", "O"}] == heads[-6:]
    assert "Risk of bias (RoB 2) judged in 4 of 4; overall: low 1, some concerns 1, high 1" in describe(ax)
    text = " ".join(words(ax).split())
    assert "D1 Randomisation process; D2" in text
    assert "+ low, ! some concerns, − high, open circle no information." in text
    assert_inside(ax.figure, slack=1)
    assert_apart(ax.figure)


def test_overall_judgements_fit_in_a_column_of_a_journal(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    table = judged(list(rows["label"]))
    ax = forest(make.pooled(rows), options=ForestOptions(width_mm=85, rob=table[["study", "D1", "Overall"]]))
    assert_inside(ax.figure, slack=1)
    assert_apart(ax.figure)
    assert {y for _, y in circles(ax, "low")} == {row_of(ax, "Author1 "), row_of(ax, "Author4 ")}
    with pytest.raises(FigureError, match="fewer columns"):
        forest(make.pooled(rows), options=ForestOptions(width_mm=85, rob=table))


def test_studies_without_judgements_and_judgements_without_studies_are_named(make: SimpleNamespace) -> None:
    rows = make.arms(3)
    table = judged(["Author1 2000", "Author3 2002", "Elsewhere 1999"])
    ax = forest(make.pooled(rows), options=ForestOptions(rob=table))
    assert "Risk of bias not judged: Author2 2001." in words(ax)
    assert "Judged, and not in this figure: Elsewhere 1999." in words(ax)
    marked = {y for level in LEVELS for _, y in circles(ax, level.lower())}
    assert marked == {row_of(ax, "Author1 "), row_of(ax, "Author3 ")}
    with pytest.raises(FigureError, match="none of the judged studies"):
        forest(make.pooled(rows), options=ForestOptions(rob=judged(["Elsewhere 1999"])))


def test_studies_are_found_by_their_ids_and_judgements_in_the_rows(make: SimpleNamespace) -> None:
    rows = make.arms(3).assign(study_id=["a_1", "b_1", "c_1"], cohort_id=["a", "b", "c"])
    table = judged(["a_1", "b", "Author3 2002"])
    by_table = forest(make.pooled(rows), options=ForestOptions(rob=table))
    own = rows.assign(**{f"rob_{name}": table[name] for name in table.columns[1:]})
    names = tuple(f"rob_{name}" for name in table.columns[1:])
    by_rows = forest(make.pooled(own), options=ForestOptions(rob=names))
    for level in LEVELS:
        assert circles(by_table, level.lower()) == circles(by_rows, level.lower())
    assert "not judged" not in words(by_table)


def test_options_with_judgements_can_be_compared_and_do_not_follow_the_table() -> None:
    table = judged(["A", "B"])
    options = ForestOptions(rob=table)
    same = ForestOptions(rob=table.copy())
    assert options == same
    assert hash(options) == hash(same)
    assert options == ForestOptions(rob=read_judgements(table))
    table.loc[0, "D1"] = "High"
    assert options != ForestOptions(rob=table)
    assert (
        ForestOptions(rob=judged(["A"]).replace("Some concerns", "Unclear"), rob_tool="RoB 1").rob.tool.name
        == "RoB 1"
    )
