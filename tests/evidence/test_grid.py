"""Counts of trials and people by outcome and time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketameta as km
from ketameta.effects.people import people
from ketameta.evidence.grid import ANY_TIME, BINS, NO_TIME, evidence_grid, in_use

LABELS = [*(each.name for each in BINS), "no time"]


def by_pandas(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trials and people of a table with row, trial, hours and n, counted by cut, pivot and crosstab."""
    edges = [-np.inf, *(each.last for each in BINS)]
    when = pd.cut(frame["hours"], edges, labels=LABELS[:-1]).astype(object).fillna("no time")
    best = (
        frame.assign(when=when, n=frame["n"].fillna(0)).groupby(["row", "when", "trial"], as_index=False)["n"]
    ).max()
    order = frame["row"].drop_duplicates()
    trials = pd.crosstab(best["row"], best["when"]).reindex(index=order, columns=LABELS, fill_value=0)
    summed = best.pivot_table(index="row", columns="when", values="n", aggfunc="sum")
    return trials, summed.reindex(index=order, columns=LABELS).fillna(0)


entries = st.tuples(
    st.sampled_from(["depression", "ptsd", "response"]),
    st.sampled_from("abcdef"),
    st.sampled_from([0.0, 4.0, 12.0, 12.1, 36.0, 121.0, 240.0, 530.0, 840.0, 9000.0, float("nan")]),
    st.sampled_from([5.0, 20.0, 33.0, float("nan")]),
)


@given(st.lists(entries, min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_counts_are_those_of_pandas(rows: list[tuple[str, str, float, float]]) -> None:
    frame = pd.DataFrame(rows, columns=["row", "trial", "hours", "n"])
    grid = evidence_grid(frame["row"].tolist(), frame["trial"], frame["hours"], frame["n"])
    trials, summed = by_pandas(frame)
    names = list(grid.rows)
    np.testing.assert_array_equal(grid.trials[:, :ANY_TIME], trials.loc[names].to_numpy())
    np.testing.assert_allclose(grid.people[:, :ANY_TIME], summed.loc[names].to_numpy())
    whole = frame.groupby(["row", "trial"])["n"].max().groupby("row").agg(["size", "count", "sum"]).loc[names]
    np.testing.assert_array_equal(grid.trials[:, ANY_TIME], whole["size"])
    np.testing.assert_array_equal(grid.unknown[:, ANY_TIME], whole["size"] - whole["count"])
    np.testing.assert_allclose(grid.people[:, ANY_TIME], whole["sum"])
    assert list(grid.trials[:, ANY_TIME]) == sorted(grid.trials[:, ANY_TIME], reverse=True)


def test_counts_of_the_packaged_trials_are_those_of_pandas() -> None:
    table = pd.DataFrame(km.load_trials())
    used = table[in_use(table)]
    assert set(used["status"]) == {"include"}
    assert "baseline" not in set(used["score_type"])
    frame = pd.DataFrame(
        {"row": used["outcome"], "trial": used["cohort_id"], "hours": used["time_hours"], "n": people(used)}
    )
    grid = evidence_grid(frame["row"].tolist(), frame["trial"], frame["hours"], frame["n"])
    trials, summed = by_pandas(frame)
    assert set(grid.rows) == set(trials.index)
    np.testing.assert_array_equal(grid.trials[:, :ANY_TIME], trials.loc[list(grid.rows)].to_numpy())
    np.testing.assert_allclose(grid.people[:, :ANY_TIME], summed.loc[list(grid.rows)].to_numpy())


@pytest.mark.parametrize(("hours", "column"), [(12, 0), (12.01, 1), (240, 3), (1e6, 6), (np.nan, NO_TIME)])
def test_a_bin_ends_with_its_last_hour(hours: float, column: int) -> None:
    trials = evidence_grid(["x"], ["a"], [hours]).trials[0]
    assert np.flatnonzero(trials).tolist() == [column, ANY_TIME]


def test_without_numbers_of_people_all_are_unknown() -> None:
    grid = evidence_grid(["x", "x"], ["a", "b"], [1, 1])
    assert grid.unknown[0, 0] == grid.trials[0, 0] == 2
    assert grid.people.sum() == 0


def test_nothing_to_count() -> None:
    grid = evidence_grid([], [], [])
    assert grid.rows == ()
    assert grid.trials.shape == (0, ANY_TIME + 1)
