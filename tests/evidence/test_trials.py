from __future__ import annotations

import pickle

import pandas as pd
import pytest

import ketameta as km
from ketameta._table import Table
from ketameta.evidence import Trials
from ketameta.provenance import ATTRS_KEY


@pytest.fixture
def trials(table):
    frame = table(
        {},
        {"time_hours": 36.0, "hours_since_last_dose": 36.0},
        {"time_hours": 168.0, "hours_since_last_dose": 168.0, "cohort_id": "beta2021"},
        {"cohort_id": "beta2021"},
        {"cohort_id": "gamma2022", "status": "apart", "reason": "pooled: x"},
        {"cohort_id": "gamma2022", "score_type": "baseline", "time_hours": 0.0},
        {"outcome": "<script>", "time_hours": None, "cohort_id": "delta2023"},
    )
    frame.attrs[ATTRS_KEY] = {"dataset": "mine.csv", "version": "", "sha256": "ab"}
    return Trials.of(frame)


def test_derived_tables_have_no_card_and_keep_their_origin(trials):
    for derived in (trials[trials["time_hours"] > 30], trials.iloc[:2], trials.copy(), trials.assign(x=1)):
        assert type(derived) is Table
        assert derived.attrs == trials.attrs
    assert type(trials["outcome"]) is pd.Series
    assert isinstance(trials, pd.DataFrame)


def test_the_card_counts_each_cohort_once_for_each_outcome_and_window(trials):
    text = repr(trials)
    assert text.startswith("3 trials for pools")
    lines = {
        line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith(("depr", "<scr"))
    }
    assert lines["depression"] == ["·", "2", "·", "1", "·", "·", "·", "·", "2"]
    assert lines["<script>"] == ["·", "·", "·", "·", "·", "·", "·", "1", "1"]
    assert "7 rows in all; 1 of them stands apart" in text
    assert "mine.csv" in text


def test_html_is_escaped(trials):
    html = trials._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_without_its_columns_it_shows_itself_as_a_table(trials):
    del trials["outcome"]
    assert "KM0001" in repr(trials)
    assert "KM0001" in trials._repr_html_()


def test_an_empty_table_has_a_card(table):
    assert repr(Trials.of(table())).startswith("0 trials")


def test_it_survives_pickling(trials):
    again = pickle.loads(pickle.dumps(trials))
    assert type(again) is Trials
    pd.testing.assert_frame_equal(again, trials)
    assert again.attrs == trials.attrs


def test_the_packaged_trials_hold_and_show_each_outcome():
    trials = km.load_trials()
    assert type(trials) is Trials
    text = repr(trials)
    for outcome in ("depression", "ptsd", "suicidal_ideation"):
        assert f"\n{outcome} " in text
