"""Rows that can give a measure, before participants are counted once."""

import numpy as np
import pytest

import ketameta as km
from ketameta.errors import SelectionError
from ketameta.evidence import load_trials, select
from ketameta.evidence.measurable import MEASURES, gives
from ketameta.evidence.sheet import sheet


@pytest.fixture(scope="module")
def trials():
    return load_trials()


def test_a_trial_that_prints_both_differences_answers_with_the_right_one(trials):
    asked = {"outcome": "suicidal_ideation", "hours": (18, 36)}
    standardised = select(trials, **asked, measure="SMD").rows.set_index("study_id")
    points = select(trials, **asked, measure="MD").rows.set_index("study_id")
    assert standardised.loc["grunebaum2018", "contrast_measure"] == "SMD"
    assert points.loc["grunebaum2018", "contrast_measure"] == "MD"


def test_without_a_measure_the_trial_enters_once(trials):
    rows = select(trials, outcome="suicidal_ideation", hours=(18, 36)).rows
    assert (rows["study_id"] == "grunebaum2018").sum() == 1


@pytest.mark.parametrize("measure", MEASURES)
def test_what_is_left_out_gives_no_effect_and_what_counts_most_stays(trials, measure):
    """No row that effect_sizes can use is left out by the measure, on the whole real file."""
    columns = [str(name) for name in trials.columns]
    data = sheet(trials, columns, columns)
    stays = gives(data, measure)
    assert stays.any()
    if (~stays).any():
        rest = km.effect_sizes(trials[~stays], measure=measure, shared="keep")
        assert np.isnan(rest["yi"]).all(), rest.loc[rest["yi"].notna(), "record_id"].tolist()


def test_the_account_says_so(trials):
    selection = select(trials, indication="MDD", outcome="depression", hours=(18, 36), measure="SMD")
    assert "statistics that give no SMD" in selection.account


def test_unknown_measure(trials):
    with pytest.raises(SelectionError, match="'XYZ'"):
        select(trials, measure="XYZ")
