"""Moderators beside rows: whose value counts, what two arms give, what is refused."""

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import DataError
from ketameta.evidence import load_missing, load_moderators, moderators, with_moderators


@pytest.fixture
def table(monkeypatch):
    rows = [
        ("a", "", "all", "age_mean", "40"),
        ("a", "", "treatment", "age_mean", "10"),
        ("b", "", "treatment", "age_mean", "30"),
        ("b", "", "comparator", "age_mean", "50"),
        ("c", "c_low", "treatment", "age_mean", "20"),
        ("c", "c_high", "treatment", "age_mean", "60"),
        ("c", "", "comparator", "age_mean", "40"),
        ("a", "", "all", "setting", "inpatient"),
        ("b", "", "treatment", "setting", "outpatient"),
        ("d", "", "all", "age_mean", "41"),
        ("d", "", "all", "age_mean", "43"),
    ]
    frame = pd.DataFrame(rows, columns=["cohort_id", "study_id", "arm", "item", "value"]).assign(
        instrument=""
    )
    scaled = [
        ("a", "", "all", "baseline_mean", "30", "MADRS"),
        ("a", "", "all", "baseline_mean", "20", "HAM-D"),
    ]
    scaled += [("b", "", arm, "age_sd", "9", "") for arm in ("treatment", "comparator")]
    frame = pd.concat([frame, pd.DataFrame(scaled, columns=frame.columns)], ignore_index=True)
    monkeypatch.setattr(moderators, "load_moderators", lambda: frame)
    return frame


def rows(*cohorts, **more):
    studies = more.pop("study_id", cohorts)
    return pd.DataFrame({"cohort_id": cohorts, "study_id": studies, "n_t": 10, "n_c": 30, **more})


@pytest.mark.usefixtures("table")
class TestWhoseValue:
    def test_the_whole_trial_goes_before_its_arms(self):
        assert with_moderators(rows("a"), "age_mean")["age_mean"].tolist() == [40.0]

    def test_two_arms_are_weighted_by_their_people(self):
        assert with_moderators(rows("b"), "age_mean")["age_mean"].tolist() == [45.0]

    def test_totals_weigh_where_there_is_no_n(self):
        table = rows("b").rename(columns={"n_t": "total_t", "n_c": "total_c"})
        assert with_moderators(table, "age_mean")["age_mean"].tolist() == [45.0]

    def test_a_dose_has_its_own_value(self):
        found = with_moderators(rows("c", "c", study_id=("c_low", "c_high")), "age_mean")
        assert found["age_mean"].tolist() == [35.0, 45.0]

    def test_without_people_two_arms_give_nothing(self):
        assert np.isnan(with_moderators(rows("b").drop(columns=["n_t"]), "age_mean")["age_mean"].iloc[0])

    def test_of_two_sources_the_first_counts(self):
        assert with_moderators(rows("d"), "age_mean")["age_mean"].tolist() == [41.0]

    def test_words_are_of_the_whole_trial_only(self):
        assert with_moderators(rows("a", "b", "z"), "setting")["setting"].tolist() == ["inpatient", "", ""]

    def test_a_score_at_baseline_counts_for_its_own_scale(self):
        both = rows("a", "a", "a", instrument=["HAM-D", "MADRS", "BDI"])
        assert with_moderators(both, "baseline_mean")["baseline_mean"].tolist()[:2] == [20.0, 30.0]
        assert with_moderators(both, "baseline_mean")["baseline_mean"].isna().tolist() == [False, False, True]
        with pytest.raises(DataError, match="the rows need the column 'instrument'"):
            with_moderators(rows("a"), "baseline_mean")

    def test_an_sd_of_two_arms_is_not_averaged(self):
        assert with_moderators(rows("b"), "age_sd")["age_sd"].isna().all()

    def test_an_item_twice_is_one_column(self):
        assert list(with_moderators(rows("a"), "age_mean", "age_mean").columns).count("age_mean") == 1

    def test_a_trial_that_is_not_listed_stays_empty(self):
        assert with_moderators(rows("z"), "age_mean")["age_mean"].isna().all()


@pytest.mark.parametrize(
    ("given", "items", "words"),
    [
        ([1], ("age_mean",), "a DataFrame is wanted"),
        (pd.DataFrame({"study_id": ["a"]}), ("age_mean",), "no column 'cohort_id'"),
        (rows("a"), ("age_men",), "did you mean 'age_mean'"),
        (rows("a").assign(age_mean=1.0), ("age_mean",), "already have a column"),
        (rows("a"), (3,), "one by one, not int"),
        (rows("a"), (["age_mean"],), "one by one, not list"),
        (pd.concat([rows("a"), rows("a")], axis=1), ("age_mean",), "more than once"),
    ],
)
def test_what_cannot_be_added_is_refused(given, items, words):
    with pytest.raises(DataError, match=words):
        with_moderators(given, *items)


def test_rows_and_provenance_stay():
    trials = km.load_trials()
    found = with_moderators(trials, "age_mean")
    assert found.drop(columns="age_mean").equals(pd.DataFrame(trials))
    assert "age_mean" not in trials
    assert found.attrs["ketameta"]["steps"][-1]["step"] == "with_moderators"


def test_a_receipt_with_moderators_is_computed_again():
    from ketameta.reporting import receipt

    trials = with_moderators(km.load_trials(), "age_mean")
    chosen = km.select(trials, indication="MDD", outcome="dizziness", dosing="repeated", measure="RR")
    fit = km.pool(km.effect_sizes(chosen, measure="RR"))
    assert km.verify(receipt(fit).to_dict()).agrees


def test_each_line_is_of_a_known_trial_and_says_where_it_was_read():
    table = load_moderators()
    known = set(km.load_trials()["cohort_id"]) | set(load_missing()["study_id"])
    assert set(table["cohort_id"]) <= known
    studies = set(km.load_trials()["study_id"]) | {""}
    assert set(table["study_id"]) <= studies
    assert table["source_url"].str.match(r"https?://[a-z]|github:").all()


def test_a_second_value_for_one_thing_says_that_sources_differ():
    table = load_moderators()
    twice = table[table.duplicated(["cohort_id", "study_id", "arm", "item", "instrument"], keep=False)]
    assert twice["notes"].str.contains("differ").all()
