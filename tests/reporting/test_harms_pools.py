"""Pools of harms: which rows they hold, by hand, and how they stand on the page."""

import numpy as np
import pytest

import ketameta as km
from ketameta.reporting.analysis import analyse_window
from ketameta.reporting.comparison import compare
from ketameta.reporting.page_harms import scores_rows
from ketameta.reporting.questions import ANALYSES, HARMS, WINDOWS, question_of, windows_of


@pytest.fixture(scope="module")
def trials():
    return km.load_trials()


def harm(outcome):
    return next(analysis for analysis in HARMS if analysis.outcome == outcome)


def test_harms_have_one_window_and_efficacy_has_the_standard_ones():
    assert {windows_of(each) for each in ANALYSES} == {WINDOWS}
    assert all(len(windows_of(each)) == 1 for each in HARMS)
    assert {question_of(each).key for each in HARMS} == {"harms"}
    assert len({each.key for each in (*ANALYSES, *HARMS)}) == len(ANALYSES) + len(HARMS)


def test_dissociation_by_hand(trials):
    """Counts of the sources, dose arms added up, log risk ratios by inverse variance; tau2 is 0 here."""
    found = analyse_window(trials, harm("dissociation"), "repeated", windows_of(harm("dissociation"))[0])
    rows = trials[
        (trials["outcome"] == "dissociation")
        & (trials["definition"] == "adverse event reported")
        & (trials["status"] == "include")
        & (trials["dosing"] == "repeated")
        & trials["comparator_class"].isin(["inactive", "psychoactive"])
        & trials["time_hours"].notna()
    ]
    y, w = [], []
    for _, arms in rows.groupby("cohort_id"):
        a, n1 = arms["events_t"].sum(), arms["total_t"].sum()
        c, n2 = arms["events_c"].iloc[0], arms["total_c"].iloc[0]
        y.append(np.log(a / n1 / (c / n2)))
        w.append(1 / (1 / a - 1 / n1 + 1 / c - 1 / n2))
    assert found.fit.k == len(y)
    assert found.fit.tau2 == pytest.approx(0, abs=1e-10)
    assert found.fit.estimate == pytest.approx(np.average(y, weights=w), rel=1e-8)


def test_a_score_over_a_threshold_does_not_enter_the_pool_of_reports(trials):
    found = analyse_window(trials, harm("dissociation"), "repeated", windows_of(harm("dissociation"))[0])
    assert set(found.fit.rows["definition"]) == {"adverse event reported"}


def test_a_table_without_the_definition_has_a_reason(trials):
    alone = trials[trials["definition"] != "adverse event reported"]
    found = analyse_window(alone, harm("nausea"), "repeated", windows_of(harm("nausea"))[0])
    assert found.fit is None
    assert "nausea" in found.reason


def test_definitions_select(trials):
    rows = km.select(trials, outcome="dissociation", definition="adverse event reported", setting=None).rows
    assert set(rows["definition"]) == {"adverse event reported"}
    with pytest.raises(km.errors.SelectionError, match="Did you mean 'adverse event reported'"):
        km.select(trials, outcome="dissociation", definition="adverse event report")


def test_published_harms_stand_beside_ours_when_they_count_the_same(trials):
    from ketameta.evidence import load_published

    published = load_published()
    chosen = published[published["review"].isin(["guo2025", "esketamine_ipd"])]
    matched = {each.published["outcome"] for each in compare(trials, chosen)}
    assert {"dropout_adverse_event", "adverse_event", "serious_adverse_event"} <= matched
    assert not matched & {"dissociation", "sedation", "nausea"}


def test_bipolar_depression_and_ect_are_not_set_beside_major_depression(trials):
    from ketameta.evidence import load_published

    published = load_published()
    other = published[(published["indication"] == "BD") | published["comparison"].str.contains(r" v ECT")]
    assert len(other) >= 6
    assert compare(trials, other) == ()


def test_means_of_harms_are_those_of_the_table(trials):
    rows = scores_rows(trials, "blood_pressure")
    wanted = trials[
        (trials["outcome"] == "blood_pressure") & (trials["status"] == "include") & trials["mean_t"].notna()
    ]
    assert len(rows) == len(wanted)
    assert rows[0][6].startswith(f"{wanted['mean_t'].iloc[0]:.1f}")


def test_every_row_of_a_headline_analysis_was_read_twice(trials):
    for analysis in ANALYSES:
        for dosing in ("single", "repeated"):
            for window in WINDOWS:
                found = analyse_window(trials, analysis, dosing, window)
                if analysis.headline and found.fit is not None:
                    ids = {
                        record
                        for cell in found.fit.rows["record_id"]
                        for record in str(cell).replace("+", " ").replace(",", " ").split()
                    }
                    rows = trials[trials["record_id"].isin(ids)]
                    assert len(rows) >= found.fit.k
                    assert (rows["checked"] != "").all(), found.key


def small_table(**cells):
    trials = km.load_trials()
    few = trials[trials["cohort_id"].isin(["chen2023", "popova2019"])].assign(**cells)
    few.attrs = {}
    return few


def test_an_empty_population_keeps_nobody_out():
    found = analyse_window(
        small_table(population=""), harm("nausea"), "repeated", windows_of(harm("nausea"))[0]
    )
    assert found.fit.k == 2


def test_judgements_are_not_lent_to_tables_of_ones_own(trials):
    from ketameta.reporting.bias_figure import judged

    assert len(judged(trials)) > 10
    own = trials[trials["cohort_id"].isin(["fedgchin2019", "fu2020"])].copy()
    own.attrs = {}
    assert judged(own).empty


def test_two_judged_trials_of_one_name_stand_under_their_ids(trials, monkeypatch):
    from ketameta.reporting import bias_figure

    monkeypatch.setattr(bias_figure, "cohort_names", lambda table: dict.fromkeys(table["cohort_id"], "Pilot"))
    assert bias_figure.judged(trials)["study"].is_unique


def test_a_frame_without_optional_columns_is_reported_on():
    from ketameta.reporting.findings import trials_table

    rows = small_table()
    lean = rows[rows["outcome"] == "adverse_event"].drop(
        columns=["notes", "definition", "washout_days", "adjusted", "contrast_value"]
    )
    table = trials_table(lean)
    assert table["definition"].eq("").all()
    assert table["contrast_value"].isna().all()
    found = analyse_window(table, harm("adverse_event"), "repeated", windows_of(harm("adverse_event"))[0])
    assert found.fit is not None
