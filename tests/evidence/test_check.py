from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import DataError
from ketameta.evidence.location import data_file

COUNTS = {"score_type": "counts", "outcome": "response", "higher_is_worse": False}
COUNTS |= {"events_t": 12, "total_t": 30, "events_c": 5, "total_c": 30}
CONTRAST = {"score_type": "contrast", "contrast_measure": "MD", "contrast_value": -5.0, "contrast_se": 2.0}
INTERVAL = {"contrast_ci_low": -9.0, "contrast_ci_high": -1.0, "contrast_ci_level": 95}
CHANGE = {"score_type": "change", "mean_t": -12.0, "mean_c": -6.0}
BASELINE = {"score_type": "baseline", "time_hours": 0, "hours_since_last_dose": None, "n_doses": 0}
APART = {"status": "apart", "reason": "doubtful: as printed"}


def found(report) -> set[tuple[str, str, str]]:
    problems = report.problems
    return set(zip(problems["rule"], problems["column"], problems["severity"], strict=True))


@pytest.mark.parametrize(
    "row",
    [
        {},
        COUNTS,
        CONTRAST,
        CONTRAST | INTERVAL,
        CHANGE,
        BASELINE,
        {**COUNTS, "score_type": "survival", "contrast_measure": "HR", "contrast_value": 0.5},
        {"design": "crossover", "crossover_period": "both paired", "n_randomised": 30, "washout_days": 14},
        {"instrument": "SI composite", "mean_t": -2.2, "mean_c": -0.9, "sd_t": 1.6, "sd_c": 2.5},
        {"instrument": "BSS", "mean_t": 0.4, "sd_t": 1.1, "mean_c": 2.0, "sd_c": 3.0},
        {"notes": "-14.5", "dose": "+5", "background": "12 weeks"},
        {"se_t": 1.6, "ci_low_t": 11.8, "ci_high_t": 18.2},
    ],
)
def test_a_sound_row_has_no_problem(table, row):
    report = km.check_trials(table(row))
    assert found(report) == set()
    assert report.ok
    report.raise_if_any()


@pytest.mark.parametrize(
    ("row", "rule", "column", "severity"),
    [
        ({"record_id": ""}, "required", "record_id", "error"),
        ({"cohort_id": "  "}, "required", "cohort_id", "error"),
        ({"record_id": "X1"}, "pattern", "record_id", "error"),
        ({"contrast_p": "p=.03?"}, "pattern", "contrast_p", "error"),
        ({"indication": "TRD"}, "enum", "indication", "error"),
        ({"comparator_class": "placebo"}, "enum", "comparator_class", "error"),
        ({"time_hours": -1.0, "hours_since_last_dose": None}, "range", "time_hours", "error"),
        ({"n_t": 0}, "range", "n_t", "error"),
        ({"n_t": 12.5}, "type", "n_t", "error"),
        ({"mean_t": np.inf}, "type", "mean_t", "error"),
        ({"mean_t": "1,5"}, "type", "mean_t", "error"),
        ({"higher_is_worse": "maybe"}, "type", "higher_is_worse", "error"),
        ({"sd_t": 0.0}, "positive", "sd_t", "error"),
        ({"sd_t": -1.0}, "range", "sd_t", "error"),
        ({"se_c": 0.0}, "positive", "se_c", "error"),
        ({"se_t": 3.0}, "sd-se", "se_t", "warning"),
        ({"ci_low_t": 18.0, "ci_high_t": 12.0}, "interval", "ci_low_t", "error"),
        ({"ci_low_c": 10.0, "ci_high_c": 12.0}, "interval", "mean_c", "error"),
        ({"comparator_arm_id": ""}, "required-in-pools", "comparator_arm_id", "error"),
        ({"comparator_class": ""}, "required-in-pools", "comparator_class", "error"),
        ({"dosing": ""}, "required-in-pools", "dosing", "error"),
        ({"design": ""}, "required-in-pools", "design", "error"),
        ({"status": "apart"}, "reason", "reason", "error"),
        ({"design": "crossover"}, "crossover-period", "crossover_period", "warning"),
        ({"crossover_period": "first"}, "crossover-period", "crossover_period", "warning"),
        ({"n_randomised": 50}, "n-randomised", "n_t", "warning"),
        ({"mean_t": 61.0}, "scale-range", "mean_t", "error"),
        ({"mean_c": None}, "score-type", "mean_c", "error"),
        ({"n_c": None}, "score-type", "n_c", "warning"),
        ({"sd_c": None}, "no-spread", "sd_c", "warning"),
        ({"events_t": 3}, "score-type", "events_t", "error"),
        ({"instrument": "MADR"}, "unknown-scale", "instrument", "warning"),
        ({"time_hours": None, "hours_since_last_dose": None}, "no-time", "time_hours", "warning"),
        ({"time_hours": 0.0, "hours_since_last_dose": None}, "baseline-time", "time_hours", "warning"),
        ({"hours_since_last_dose": 25.0}, "dose-time", "hours_since_last_dose", "error"),
        ({"n_doses": 2}, "doses", "n_doses", "error"),
        ({"notes": "=SUM(A1)"}, "formula", "notes", "warning"),
        ({"notes": "@x"}, "formula", "notes", "warning"),
        ({"notes": "+cmd"}, "formula", "notes", "warning"),
        ({"notes": "-5+cmd|' /C calc'!A0"}, "formula", "notes", "warning"),
        ({"notes": "a\x07b"}, "control-character", "notes", "warning"),
        ({"notes": "a\nb"}, "control-character", "notes", "warning"),
        ({"notes": "a\u202eb"}, "control-character", "notes", "warning"),
        ({"notes": "caf\ufffd"}, "control-character", "notes", "warning"),
        ({"study_id": "alpha2020", "trial_name": " X"}, "space", "trial_name", "warning"),
        (CHANGE | {"mean_t": 12.0}, "change-sign", "mean_t", "warning"),
        (CHANGE | {"higher_is_worse": False, "mean_t": 12.0}, "change-sign", "mean_c", "warning"),
        (CHANGE | {"mean_t": -61.0}, "scale-range", "mean_t", "error"),
        (BASELINE | {"time_hours": 2.0}, "baseline-time", "time_hours", "error"),
        (BASELINE | {"n_doses": 1}, "doses", "n_doses", "warning"),
        (BASELINE | {"mean_t": None}, "score-type", "mean_t", "warning"),
        (COUNTS | {"events_t": 31}, "events", "events_t", "error"),
        (COUNTS | {"total_c": None}, "score-type", "total_c", "error"),
        (COUNTS | {"mean_t": 3.0}, "score-type", "mean_t", "error"),
        (COUNTS | {"n_randomised": 59}, "n-randomised", "total_t", "warning"),
        (CONTRAST | {"contrast_value": None}, "score-type", "contrast_value", "error"),
        (CONTRAST | {"contrast_measure": ""}, "score-type", "contrast_measure", "error"),
        (CONTRAST | {"contrast_se": None}, "no-spread", "contrast_se", "warning"),
        (CONTRAST | {"contrast_se": 0.0}, "positive", "contrast_se", "error"),
        (CONTRAST | {"contrast_value": -70.0}, "scale-range", "contrast_value", "error"),
        (CONTRAST | INTERVAL | {"contrast_value": 5.0}, "interval", "contrast_value", "error"),
        (
            CONTRAST | {"contrast_ci_low": -4.0, "contrast_ci_level": 95},
            "interval",
            "contrast_value",
            "error",
        ),
        (CONTRAST | INTERVAL | {"contrast_ci_low": 1.0}, "interval", "contrast_ci_low", "error"),
        (CONTRAST | INTERVAL | {"contrast_ci_level": None}, "level", "contrast_ci_level", "warning"),
        (CONTRAST | INTERVAL | {"contrast_ci_level": 0.95}, "range", "contrast_ci_level", "error"),
        (CONTRAST | {"contrast_measure": "OR"}, "ratio", "contrast_value", "error"),
        (CONTRAST | {"contrast_measure": "RD", "contrast_value": 130.0}, "range", "contrast_value", "error"),
        ({"score_type": "survival"}, "score-type", "contrast_value", "error"),
    ],
)
def test_one_fault_gives_one_problem_where_it_is(table, row, rule, column, severity):
    assert found(km.check_trials(table(row))) == {(rule, column, severity)}


@pytest.mark.parametrize(
    "row",
    [
        CONTRAST | INTERVAL | {"contrast_value": 5.0},
        COUNTS | {"events_t": 31},
        {"mean_t": 61.0},
        {"n_t": 0},
        {"hours_since_last_dose": 25.0},
    ],
)
def test_contradictions_in_a_row_kept_apart_as_printed_are_warnings(table, row):
    report = km.check_trials(table(row | APART))
    assert report.ok
    assert report.n_warnings == 1
    assert not km.check_trials(table(row | APART), strict=True).ok


def test_all_problems_come_at_once_by_line_and_column(table):
    frame = table(
        {"status": "maybe", "sd_t": 0.0}, {}, {"events_c": 2, "indication": "", "record_id": "KM0001"}
    )
    problems = km.check_trials(frame).problems
    assert list(zip(problems["line"], problems["column"], strict=True)) == [
        (2, "record_id"),
        (2, "sd_t"),
        (2, "status"),
        (4, "record_id"),
        (4, "indication"),
        (4, "events_c"),
    ]
    assert problems["value"].tolist() == ["KM0001", "0", "maybe", "KM0001", "", "2"]
    assert problems["rule"].tolist()[0] == "unique"


def test_lines_are_those_of_the_file(write):
    report = km.check_trials(km.read_trials(write({"notes": "a\nb"}, {"sd_t": "0"})))
    assert set(zip(report.problems["line"], report.problems["rule"], strict=True)) == {
        (2, "control-character"),
        (4, "positive"),
    }


def test_values_that_could_not_be_read_are_shown(table):
    problems = km.check_trials(table({"mean_t": "1,5", "year": "MMXX"}, {"year": ""})).problems
    assert problems["value"].tolist() == ["MMXX", "1,5"]
    assert "write 1.5" in problems["hint"][1]


def test_a_standard_error_entered_as_sd_is_asked_about(table):
    """Zhong 2016 as a published pool entered it: HAM-D 14.8 (0.256) against 16.814 (0.256)."""
    row = {"instrument": "HAM-D", "mean_t": 14.8, "sd_t": 0.256, "mean_c": 16.814, "sd_c": 0.256}
    report = km.check_trials(table(row))
    assert found(report) == {
        ("sd-looks-like-se", "sd_t", "warning"),
        ("sd-looks-like-se", "sd_c", "warning"),
    }
    assert report.problems["hint"].str.contains("Was a standard error entered").all()
    row["instrument"] = "HAM-D-17"
    assert found(km.check_trials(table(row))) == found(report)


def test_an_sd_is_compared_with_its_peers_in_other_trials(table):
    def trial(name, sd_t, sd_c):
        return CHANGE | {
            "cohort_id": name,
            "study_id": name,
            "comparator_arm_id": name,
            "sd_t": sd_t,
            "sd_c": sd_c,
            "n_randomised": 300,
        }

    peers = [trial("one", 11.0, 10.0), trial("two", 12.0, 10.0)]
    odd = trial("odd", 2.5, 9.0)
    report = km.check_trials(table(*peers, odd))
    assert found(report) == {("sd-looks-like-se", "sd_t", "warning")}
    hint = "4 arms of other trials on this instrument let one expect an SD near 10.5"
    assert hint in report.problems["hint"][0]
    unlisted = {"instrument": "SI composite"}
    elsewhere = [peer | unlisted for peer in peers]
    assert found(km.check_trials(table(*elsewhere, odd | unlisted))) == found(report)
    same_cohort = [peer | {"cohort_id": "odd"} for peer in elsewhere]
    assert found(km.check_trials(table(*same_cohort, odd | unlisted))) == set()


def test_a_table_with_too_few_peers_is_compared_with_the_packaged_trials(table):
    """Singh 2015 as a published pool entered it: change of -13.4, SE 3.03 as SD, n = 11."""
    row = CHANGE | {"n_t": 11, "mean_t": -13.4, "sd_t": 3.03, "n_c": 10, "mean_c": -2.3, "sd_c": 3.38}
    report = km.check_trials(table(row))
    assert found(report) == {
        ("sd-looks-like-se", "sd_t", "warning"),
        ("sd-looks-like-se", "sd_c", "warning"),
    }
    trials = km.load_trials()
    peers = trials[(trials["instrument"] == "MADRS") & (trials["score_type"] == "change")]
    peers = peers[peers["status"] == "include"]
    sds = np.concatenate([peers["sd_t"], peers["sd_c"]])
    sds = sds[sds > 0]
    hint = (
        f"{len(sds)} arms of other trials on this instrument let one expect an SD near {np.median(sds):.3g}"
    )
    assert report.problems["hint"].str.startswith(hint).all()


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"sd_t": 29.0}, "sd-impossible"),
        (CHANGE | {"sd_t": 63.0, "sd_c": 30.0}, "sd-impossible"),
        (CHANGE | {"sd_t": 2.3, "sd_c": 9.0}, "sd-looks-like-se"),
        ({"sd_t": 2.4, "sd_c": 10.0}, "sd-arms"),
    ],
)
def test_sds_that_cannot_be_or_do_not_match(table, row, rule):
    assert rule in {name for name, _, _ in found(km.check_trials(table(row)))}


def test_the_largest_sd_of_a_bounded_scale_is_not_refused(table):
    """Half at 0 and half at 60 is the most that a sample on 0 to 60 can spread."""
    scores = np.repeat([0.0, 60.0], 15)
    row = {"mean_t": scores.mean(), "sd_t": scores.std(ddof=1)}
    assert "sd-impossible" not in {name for name, _, _ in found(km.check_trials(table(row)))}


def test_repeats_shared_arms_and_study_facts(table):
    arm = {"study_id": "alpha2020_1", "dose": "1.0"}
    assert found(km.check_trials(table({}, {}))) == {("duplicate", "record_id", "error")}
    assert found(km.check_trials(table({}, {} | APART))) == set()
    assert found(km.check_trials(table({}, {"time_hours": 48.0}))) == set()
    assert found(km.check_trials(table({}, {"mean_t": 14.0}))) == set()
    assert found(km.check_trials(table({"n_randomised": 90}, arm | {"n_randomised": 90}))) == set()
    assert found(km.check_trials(table({}, arm))) == {("arms-overlap", "n_t", "warning")}
    report = km.check_trials(table({"n_randomised": 90}, arm | {"n_randomised": 90, "mean_c": 21.0}))
    assert found(report) == {("shared-arm", "mean_c", "warning")}
    report = km.check_trials(table({}, {"time_hours": 48.0, "drug": "esketamine"}))
    assert found(report) == {("study-facts", "drug", "warning")}
    assert "esketamine, ketamine" in report.problems["hint"][0]


def test_citations_of_the_packaged_table_must_stand_in_the_references(tmp_path):
    trials = km.read_trials(data_file("trials.csv"))
    before = trials.copy()
    assert "citation" not in set(km.check_trials(trials).problems["rule"])
    trials.loc[trials.index[0], "report"] = "nobody1900"
    report = km.check_trials(trials)
    assert ("citation", "report", "error") in found(report)
    pd.testing.assert_frame_equal(trials.iloc[1:], before.iloc[1:])
    path = tmp_path / "mine.csv"
    trials.to_csv(path, index=False)
    assert "citation" not in set(km.check_trials(km.read_trials(path)).problems["rule"])


def test_extra_columns_are_looked_at_too(table):
    frame = table({}).assign(mine="=1+1")
    assert found(km.check_trials(frame)) == {("formula", "mine", "warning")}


def test_the_input_is_not_changed_and_any_pandas_dtype_will_do(table):
    frame = table({}, COUNTS)
    before = frame.copy(deep=True)
    assert found(km.check_trials(frame)) == set()
    pd.testing.assert_frame_equal(frame, before)
    assert found(km.check_trials(frame.convert_dtypes())) == set()
    assert found(km.check_trials(frame.astype(object))) == set()
    assert found(km.check_trials(frame.set_axis(["a", "a"]))) == set()


def test_a_table_without_rows_has_no_problem(table):
    report = km.check_trials(table())
    assert report.ok
    assert report.sentence() == "0 rows were checked: no errors and no warnings."


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([1, 2], "a DataFrame of trials is wanted, not list"),
        (pd.DataFrame(), "no column of the table is one of the dictionary"),
        (pd.DataFrame({"mean": [1.0]}), "no column of the table is one of the dictionary"),
        (pd.DataFrame(columns=["notes", "notes"]), "columns stand twice: 'notes' as 1 and 2"),
        (pd.DataFrame(columns=["recordid"]), "did you mean 'record_id'"),
    ],
)
def test_what_is_no_table_of_trials_is_refused(bad, message):
    with pytest.raises(DataError, match=message):
        km.check_trials(bad)


class TestReport:
    @pytest.fixture
    def report(self, table):
        return km.check_trials(table(*[{"sd_t": 0.0, "notes": "<b>=" * 30}] * 30, {"notes": "=<b>"}))

    def test_counts_and_sentence(self, report):
        assert not report.ok
        assert report.n_errors == 30 + 29
        assert report.sentence() == "31 rows were checked: 59 errors and 1 warning."

    def test_raise_names_the_first_and_counts_the_rest(self, report):
        with pytest.raises(DataError, match="59 errors") as caught:
            report.raise_if_any()
        assert "line 2 (KM0001), sd_t: '0': must be greater than 0" in str(caught.value)
        assert "and 34 more" in str(caught.value)

    def test_text_and_html(self, report):
        text = str(report)
        assert text.splitlines()[0] == report.sentence()
        assert "Note: 35 more stand in .problems." in text
        assert "user data; 31 rows" in text
        assert "<b>" not in report._repr_html_()

    def test_frame_and_dict_are_copies_in_plain_values(self, report):
        frame = report.to_frame()
        frame.loc[0, "rule"] = "mine"
        assert report.problems["rule"][0] != "mine"
        content = report.to_dict()
        assert content["n_rows"] == 31
        assert content["problems"][0]["line"] == 2
        assert content["provenance"]["n_rows"] == 31

    def test_it_is_frozen(self, report):
        with pytest.raises(FrozenInstanceError):
            report.n_rows = 0
