from __future__ import annotations

import pytest

import ketameta as km

BARE = {"sd_t": None, "sd_c": None}
CHANGE = {"score_type": "change", "mean_t": -12.0, "mean_c": -6.0}
CONTRAST = {"score_type": "contrast", "contrast_measure": "LSMD", "contrast_value": -5.0, "contrast_se": 2.0}
BARE_CONTRAST = {"score_type": "contrast", "contrast_measure": "LSMD", "contrast_value": -5.0}
COUNTS = {"score_type": "counts", "events_t": 12, "total_t": 30, "events_c": 5, "total_c": 30}
HIGH, LOW = {"dose": "84", "study_id": "alpha2020_84"}, {"dose": "56", "study_id": "alpha2020_56"}


def kept(selection) -> list[str]:
    return selection.rows["record_id"].tolist()


def reasons(selection) -> dict[str, str]:
    left_out = selection.left_out
    return dict(zip(left_out["record_id"], left_out["why"], strict=True))


@pytest.mark.parametrize(
    ("better", "worse", "why"),
    [
        ({}, CONTRAST, "both arms complete preferred to a contrast with its error"),
        (CONTRAST, BARE, "a contrast with its error preferred to arms without a spread"),
        (BARE, BARE_CONTRAST, "arms without a spread preferred to a bare contrast"),
        ({"instrument": "BDI"}, CONTRAST | {"instrument": "MADRS"}, "both arms complete preferred"),
        (
            {"design": "crossover", "crossover_period": "first", "instrument": "BDI"},
            {"design": "crossover", "crossover_period": "both as parallel"},
            "period: first preferred to both as parallel",
        ),
        ({"time_hours": 28.0, "instrument": "BDI"}, {}, "28 h is nearer to 28 h than 24 h"),
        ({"time_hours": 26.0}, {"time_hours": 30.0}, "26 h is nearer to 28 h than 30 h, or earlier"),
        ({}, {"instrument": "HAM-D-17"}, "instrument: MADRS preferred to HAM-D-17"),
        (CHANGE, {"instrument": "HAM-D"}, "instrument: MADRS preferred to HAM-D"),
        ({"instrument": "GDS-15"}, {"instrument": "Unheard-of"}, "instrument: GDS-15 preferred"),
        ({}, CHANGE, "score: endpoint preferred to change"),
        ({"analysis_set": "ITT"}, {"analysis_set": "completers"}, "analysis: ITT preferred to completers"),
        ({}, {"analysis_set": "LOCF"}, "analysis: not stated preferred to LOCF"),
        ({}, {"source_kind": "primary-abstract"}, "source: registry preferred to primary-abstract"),
        ({}, {"confidence": "low"}, "confidence: high preferred to low"),
        ({}, BARE, "both arms complete preferred to arms without a spread"),
        ({}, {"definition": "x"}, "equal in all criteria; the lower record number stays"),
        ({}, {}, "the same arm again; the lower record number stays"),
        (
            {"outcome": "dropout", "definition": "any reason"} | COUNTS,
            {"outcome": "dropout", "definition": "adverse event"} | COUNTS,
            "definition: any reason preferred to adverse event",
        ),
    ],
)
def test_of_two_rows_the_better_stays(table, better, worse, why):
    selection = km.select(table(better, worse), hours=(20, 36))
    assert kept(selection) == ["KM0001"]
    assert reasons(selection)["KM0002"].startswith("same participants as KM0001: ")
    assert why in reasons(selection)["KM0002"]
    if better != worse and "lower record" not in why:
        assert kept(km.select(table(worse, better), hours=(20, 36))) == ["KM0002"]


def test_the_time_asked_for_decides(table):
    frame = table({"time_hours": 20.0}, {"time_hours": 24.0}, {"time_hours": 36.0})
    assert kept(km.select(frame, hours=(20, 36))) == ["KM0002"]
    assert kept(km.select(frame, hours=(20, 36), at=36)) == ["KM0003"]
    assert kept(km.select(frame, hours=(20, float("inf")))) == ["KM0001"]


def test_different_cohorts_and_different_outcomes_do_not_compete(table):
    frame = table({}, {"cohort_id": "other"}, {"outcome": "anxiety"})
    assert len(km.select(frame).rows) == 3


def test_dose_arms_against_one_comparator_stay_together(table):
    selection = km.select(table(HIGH, LOW, HIGH | CONTRAST, LOW | CONTRAST), hours=(20, 36))
    assert kept(selection) == ["KM0001", "KM0002"]
    assert set(reasons(selection)) == {"KM0003", "KM0004"}


def test_a_second_report_of_one_arm_is_no_second_arm(table):
    second = {"study_id": "beta2022", "report": "beta2022", "source_kind": "primary-abstract"}
    selection = km.select(table(second, {}))
    assert kept(selection) == ["KM0002"]
    assert "source: registry preferred to primary-abstract" in reasons(selection)["KM0001"]
    for dose in ("0.50", ""):
        assert kept(km.select(table({}, second | {"dose": dose}))) == ["KM0001"]
    for other in ({"dose": "1.0"}, {"route": "IM"}, {"n_doses": 3}, {"drug": "esketamine"}):
        assert kept(km.select(table({}, second | other))) == ["KM0001", "KM0002"]


def test_the_comparator_arm_with_more_dose_arms_stays(table):
    other = {"comparator_arm_id": "alpha2020:midazolam"}
    selection = km.select(table(HIGH | other, HIGH, LOW))
    assert kept(selection) == ["KM0002", "KM0003"]
    assert "comparator arm alpha2020:saline preferred to alpha2020:midazolam" in reasons(selection)["KM0001"]


def test_arms_come_from_one_series_of_the_cohort(table):
    """One arm has an endpoint, both have a change: the number of arms comes before the kind of score."""
    selection = km.select(table(HIGH | CHANGE, LOW | CHANGE, HIGH), hours=(20, 36))
    assert kept(selection) == ["KM0001", "KM0002"]
    assert "2 dose arms preferred to 1" in reasons(selection)["KM0003"]
    selection = km.select(table(HIGH, HIGH | {"definition": "x"}, LOW | {"definition": "x"}), hours=(20, 36))
    assert kept(selection) == ["KM0002", "KM0003"]


def test_a_time_course_prefers_the_longer_series_and_fills_its_gaps(table):
    scale = {"instrument": "HAM-D-17"}
    frame = table(
        {"time_hours": 24.0},
        {"time_hours": 24.0} | scale,
        {"time_hours": 72.0} | scale,
        {"time_hours": 168.0} | scale,
        {"time_hours": 336.0},
        {"time_hours": None},
    )
    selection = km.select(frame)
    assert kept(selection) == ["KM0002", "KM0003", "KM0004", "KM0005"]
    assert "a series of 3 times preferred to one of 2" in reasons(selection)["KM0001"]
    assert "the other row states its time" in reasons(selection)["KM0006"]


def test_rows_without_a_time_stay_where_there_is_no_other(table):
    frame = table({"time_hours": None}, {"time_hours": None, "instrument": "BDI"})
    assert kept(km.select(frame)) == ["KM0001"]


def test_usable_statistics_come_before_a_longer_series(table):
    frame = table({}, CONTRAST | {"time_hours": 24.0}, CONTRAST | {"time_hours": 168.0})
    assert kept(km.select(frame)) == ["KM0001", "KM0003"]


def test_counts_and_times_to_event_are_two_questions(table):
    survival = {
        "score_type": "survival",
        "contrast_measure": "HR",
        "contrast_value": 0.5,
        "outcome": "relapse",
    }
    frame = table(COUNTS | {"outcome": "relapse"}, survival, survival | {"source_kind": "primary-abstract"})
    assert kept(km.select(frame)) == ["KM0001", "KM0002"]


def test_other_outcomes_are_one_question_for_each_instrument(table):
    frame = table({"outcome": "other", "instrument": "HADS"}, {"outcome": "other", "instrument": "SDS"})
    assert len(km.select(frame).rows) == 2


def test_the_account_names_each_overlap(table):
    frame = table({}, CHANGE, {"instrument": "BDI"}, {"cohort_id": "solo"})
    assert km.select(frame).overlaps == (
        "alpha2020, depression: KM0001 (MADRS endpoint, 24 h), not KM0002 (score: endpoint preferred to "
        "change); not KM0003 (instrument: MADRS preferred to BDI)",
    )
