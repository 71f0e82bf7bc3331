"""No headline result counts people twice, uses a row that stands apart, or mixes kinds of dosing: on the real file."""

import pandas as pd
import pytest

from ketameta.evidence import load_trials
from ketameta.reporting.analysis import adult_populations, analyse_curve, analyse_window
from ketameta.reporting.questions import ANALYSES, CURVES, WINDOWS


@pytest.fixture(scope="module")
def trials():
    return load_trials()


@pytest.fixture(scope="module")
def results(trials):
    return [
        analyse_window(trials, analysis, dosing, window)
        for analysis in ANALYSES
        for dosing in ("single", "repeated")
        for window in WINDOWS
    ]


@pytest.fixture(scope="module")
def fits(results):
    with_fit = [result for result in results if result.fit is not None]
    assert len(with_fit) >= 20, "the packaged data carry at least twenty results"
    return with_fit


def _records(rows: pd.DataFrame) -> list[str]:
    return [record for cell in rows["record_id"] for record in str(cell).split("+")]


def test_a_cohort_enters_once(fits):
    for result in fits:
        assert not result.fit.rows["cohort_id"].duplicated().any(), result.key


def test_a_control_arm_enters_once(fits):
    for result in fits:
        assert not result.fit.rows["comparator_arm_id"].duplicated().any(), result.key


def test_every_row_used_is_included_and_primary(trials, fits):
    by_record = trials.set_index("record_id")
    for result in fits:
        used = by_record.loc[_records(result.fit.rows)]
        assert (used["status"] == "include").all(), result.key
        assert (used["source_kind"] != "secondary-text").all(), result.key
        assert (used["score_type"] != "baseline").all(), result.key
        assert not used["study_id"].str.contains("larkin").any(), result.key


def test_dosing_is_never_mixed(trials, fits):
    by_record = trials.set_index("record_id")
    for result in fits:
        assert set(by_record.loc[_records(result.fit.rows), "dosing"]) == {result.dosing}, result.key


def test_rows_lie_in_the_window(trials, fits):
    by_record = trials.set_index("record_id")
    for result in fits:
        hours = by_record.loc[_records(result.fit.rows), "time_hours"]
        assert hours.between(result.window.low, result.window.high).all(), result.key


def test_no_active_treatment_adjunct_or_adolescent(trials, fits):
    by_record = trials.set_index("record_id")
    for result in fits:
        used = by_record.loc[_records(result.fit.rows)]
        assert set(used["comparator_class"]) <= {"inactive", "psychoactive"}, result.key
        allowed = (
            {"treatment", "psychotherapy adjunct"} if result.analysis.question == "ptsd" else {"treatment"}
        )
        assert set(used["setting"]) <= allowed, result.key
        assert not used["population"].str.contains("adolescent").any(), result.key


def test_one_instrument_in_one_pool_of_points(trials, fits):
    by_record = trials.set_index("record_id")
    for result in fits:
        if result.analysis.measure == "MD":
            assert by_record.loc[_records(result.fit.rows), "instrument"].nunique() == 1, result.key


def test_single_trials_are_not_called_pools(fits):
    for result in fits:
        assert result.is_pool == (result.fit.k >= 2)
        if result.fit.k == 1:
            assert result.notes[0].startswith("A single trial")


def test_what_has_no_result_says_why(results):
    for result in results:
        assert (result.fit is None) == bool(result.reason), result.key


def test_curves_keep_dosing_apart_and_count_a_trial_once_at_a_time(trials):
    fitted = 0
    for question in CURVES:
        result = analyse_curve(trials, question)
        assert bool(result.curves) != bool(result.reason)
        for curve in result.curves:
            fitted += 1
            assert set(curve.rows["dosing"]) == {question.dosing}
            assert not curve.rows.duplicated(["cohort_id", "time_hours"]).any()
    assert fitted >= 2


def test_adolescents_are_named_as_such(trials):
    kept = adult_populations(trials)
    assert "MDD adolescents" in set(trials["population"])
    assert not any("adolescent" in name for name in kept)


def test_retracted_trial_is_in_the_file_and_apart(trials):
    retracted = trials[trials["reason"].str.startswith("retracted")]
    assert len(retracted) > 0
    assert (retracted["status"] == "apart").all()
