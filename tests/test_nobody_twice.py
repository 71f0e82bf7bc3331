"""No path from a table to a pool counts a cohort or a control arm twice, and no typo opens one."""

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import DataError, EffectError, ModelError, SelectionError
from ketameta.evidence import load_trials


def _arms(times):
    base = {
        "outcome": "depression",
        "instrument": "MADRS",
        "score_type": "endpoint",
        "status": "include",
        "comparator_arm_id": "x:placebo",
        "cohort_id": "x",
        "n_c": 20,
        "mean_c": 20.0,
        "sd_c": 8.0,
        "n_t": 20,
        "mean_t": 15.0,
        "sd_t": 8.0,
    }
    return pd.DataFrame(
        [
            {**base, "record_id": f"R{i}", "study_id": f"x_{arm}", "dose": arm, "time_hours": time}
            for i, (arm, time) in enumerate(times)
        ]
    )


@pytest.mark.parametrize("shared", ["combine", "split"])
def test_other_arms_at_other_times_are_still_the_same_people(shared):
    rows = _arms([("A", 24), ("B", 24), ("C", 24), ("A", 168), ("B", 168)])
    effects = km.effect_sizes(km.select(rows), shared=shared)
    with pytest.raises(ModelError, match="counted more than once"):
        km.pool(effects)


def test_split_parts_of_one_control_at_one_time_are_pooled():
    rows = _arms([("A", 24), ("B", 24), ("C", 24)])
    rows["mean_t"] = [15.0, 14.0, 16.0]
    assert km.pool(km.effect_sizes(rows, shared="split")).k == 3


@pytest.mark.parametrize("text", ["no", "False", "nan", "combined 2 arms", "split in 1", "split in 0"])
def test_only_a_split_opens_the_guard(text):
    es = pd.DataFrame(
        {
            "yi": [1.0, 2.0, 3.0],
            "vi": 0.1,
            "cohort_id": ["a", "a", "b"],
            "study_id": ["a1", "a2", "b"],
            "comparator_arm_id": ["c", "c", "d"],
            "shared": text,
        }
    )
    with pytest.raises(ModelError, match="counted more than once"):
        km.pool(es)


def test_more_rows_than_parts():
    es = pd.DataFrame(
        {"yi": [1.0, 2.0, 3.0], "vi": 0.1, "cohort_id": "a", "study_id": list("xyz"), "shared": "split in 2"}
    )
    with pytest.raises(ModelError, match="counted more than once"):
        km.pool(es)


@pytest.mark.parametrize("typo", ["cohort", "Cohort_ID", "cohortid", "comparator_armid"])
def test_a_misspelt_identifier_is_named(typo):
    with pytest.raises(ModelError, match="looks like"):
        km.pool(pd.DataFrame({"yi": [1.0, 2.0], "vi": [1.0, 2.0], typo: ["a", "a"]}))


def test_misspelt_yi_is_named():
    with pytest.raises(ModelError, match="did you mean 'Yi'"):
        km.pool(pd.DataFrame({"Yi": [1.0, 2.0], "vi": [1.0, 2.0]}))


def test_rows_without_a_cohort_stop_a_selection():
    trials = load_trials()
    with pytest.raises(DataError, match=r"cohort_id is empty in 1095 rows"):
        km.select(trials.assign(cohort_id=""), outcome="depression")


def test_columns_of_the_user_survive_in_what_was_left_out():
    trials = load_trials().assign(step="mine", why="mine too")
    left_out = km.select(trials, outcome="ptsd").left_out
    assert set(left_out["table_step"]) == {"mine"}
    assert set(left_out["table_why"]) == {"mine too"}


def test_masked_ragged_and_huge_values():
    masked = np.ma.array([-1.0, -99.0, -1.2], mask=[0, 1, 0])
    with pytest.raises(ModelError, match="masked"):
        km.pool(yi=masked, vi=np.full(3, 0.1))
    with pytest.raises(ModelError, match="ragged"):
        km.pool(yi=[[1], [2, 3]], vi=[1, 2])
    with pytest.raises(ModelError, match="too large"):
        km.pool(pd.DataFrame({"yi": [10**400, 1], "vi": [1.0, 1.0]}, dtype=object))
    from ketameta.effects import md

    with pytest.raises(EffectError, match="masked"):
        md(masked, 1.0, 5, 1.0, 1.0, 5)
    with pytest.raises(EffectError, match="ragged"):
        md([[1], [2, 3]], 1.0, 5, 2.0, 1.0, 5)
    with pytest.raises(EffectError, match="too large"):
        md(10**400, 1.0, 5, 2.0, 1.0, 5)


def test_a_fraction_of_a_person_had_no_event():
    rows = pd.DataFrame({"events_t": [1.5], "total_t": [10], "events_c": [1], "total_c": [10]})
    effects = km.effect_sizes(rows, measure="OR")
    assert "not a whole number of people" in effects["reason"].iloc[0]


@pytest.mark.parametrize("value", [["SMD"], np.array(["SMD"]), None, 1, pd.NA])
def test_choices_of_the_wrong_type(value):
    rows = _arms([("A", 24), ("B", 24)])
    with pytest.raises(EffectError):
        km.effect_sizes(rows, measure=value)
    with pytest.raises(EffectError):
        km.effect_sizes(rows, shared=value)
    with pytest.raises(SelectionError):
        km.select(rows, duplicates=value)
    if value is not None:
        with pytest.raises(SelectionError):
            km.select(rows, measure=value)
    with pytest.raises(ModelError):
        km.durability(
            pd.DataFrame({"cohort_id": ["a"], "time_hours": [1], "yi": [1], "vi": [1]}), curve=value
        )


@pytest.mark.parametrize("by", [["dose", "study_id"], {"dose"}, 1, None])
def test_subgroups_by_what_is_no_column(by):
    effects = km.effect_sizes(_arms([("A", 24)]))
    with pytest.raises(ModelError, match="one column"):
        km.subgroups(effects, by)


def test_curve_arguments_of_the_wrong_type():
    es = pd.DataFrame(
        {
            "cohort_id": list("aabbc"),
            "time_hours": [24, 168, 24, 72, 168],
            "yi": [-1, -0.4, -0.8, -0.6, -0.2],
            "vi": 0.1,
        }
    )
    curve = km.durability(es)
    for bad in (1.5, None, True, "0.5"):
        with pytest.raises(ModelError, match="list of correlations"):
            curve.sensitivity(bad)
    for bad in (1.5, "x", {}, [None]):
        with pytest.raises(ModelError, match="seed"):
            curve.time_to(-0.2, rng=bad)
