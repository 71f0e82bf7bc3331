"""Which rows are about the same people, and what the account says of it."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from ketameta.effects import covariance, effect_sizes, smd_covariance
from ketameta.errors import DataError, EffectError
from ketameta.evidence import load_trials


@pytest.fixture
def es() -> pd.DataFrame:
    """One arm, two instruments, reported under two study ids."""
    table = pd.DataFrame(
        {
            "record_id": ["r1", "r2"],
            "study_id": ["able2001", "baker2002"],
            "cohort_id": "able2001",
            "comparator_arm_id": "able2001:midazolam",
            "drug": "ketamine",
            "dose": ["0.5", "0.50"],
            "dose_unit": "mg/kg",
            "route": "IV",
            "comparator": "midazolam",
            "outcome": ["depression", "anxiety"],
            "instrument": ["MADRS", "STAI"],
            "time_hours": 24.0,
            "n_t": [47, 36],
            "mean_t": [14.0, 40.0],
            "sd_t": [9.0, 12.0],
            "n_c": [25, 21],
            "mean_c": [22.0, 45.0],
            "sd_c": [10.0, 12.0],
        }
    )
    return effect_sizes(table, shared="keep")


def told(v, trial: str = "able2001") -> str:
    return str(v.account.set_index("trial").loc[trial, "account"])


def both_arms(es: pd.DataFrame, r: float) -> np.ndarray:
    return smd_covariance(es["yi"], es["n_t"], es["n_c"], r, r)


def control_alone(es: pd.DataFrame, r: float) -> np.ndarray:
    return smd_covariance(es["yi"], es["n_t"], es["n_c"], 0, r)


def test_two_reports_of_one_arm_are_the_same_people(es) -> None:
    v = covariance(es, between=0.4)
    np.testing.assert_allclose(v.matrix, both_arms(es, 0.4), rtol=1e-12)
    assert "able2001 and baker2002 taken as reports of one treatment arm" in told(v)
    assert "treatment arms share" not in told(v)


@pytest.mark.parametrize(
    "change", [{"dose": ["0.5", "1"]}, {"route": ["IV", "IM"]}, {"drug": ["ketamine", "esketamine"]}]
)
def test_another_treatment_is_another_arm(es, change) -> None:
    v = covariance(es.assign(**change), between=0.4)
    np.testing.assert_allclose(v.matrix, control_alone(es, 0.4), rtol=1e-12)
    assert "2 treatment arms share a comparator" in told(v)
    assert "taken as" not in told(v)


@pytest.mark.parametrize(
    "change",
    [{"dose": ["0.5", ""]}, {"dose": ""}, {"study_id": ["able2001", "able2001_women"]}],
)
def test_where_the_table_does_not_tell_the_account_names_who_counts_as_different(es, change) -> None:
    v = covariance(es.assign(**change), between=0.4)
    np.testing.assert_allclose(v.matrix, control_alone(es, 0.4), rtol=1e-12)
    assert "taken as different people: the table does not tell" in told(v)


def test_one_study_id_with_two_doses_is_two_arms(es) -> None:
    two = es.assign(study_id="able2001", dose=["0.5", "1"])
    v = covariance(two, between=0.4)
    np.testing.assert_allclose(v.matrix, control_alone(two, 0.4), rtol=1e-12)
    assert "able2001: rows of different drug, dose or route taken as different arms" in told(v)
    unsaid = covariance(two.assign(dose=["0.5", ""]), between=0.4)
    np.testing.assert_allclose(unsaid.matrix, both_arms(two, 0.4), rtol=1e-12)


def test_a_pooled_arm_holds_the_arms_of_its_report(es) -> None:
    two = es.assign(study_id=["able2001_pooled56_84", "able2001_56mg"], dose=["56 or 84", "56"])
    v = covariance(two, between=0.4)
    np.testing.assert_allclose(v.matrix, both_arms(two, 0.4), rtol=1e-12)
    assert "combined arms and their parts" in told(v)


def test_cohorts_of_the_packaged_data_with_several_ids_of_one_comparator() -> None:
    """Read one by one: two reports of one arm, two pooled arms with their parts, genotypes of two trials; all others are dose arms."""
    table = pd.DataFrame(load_trials())
    table = table[table["comparator_arm_id"] != ""].drop_duplicates(
        ["cohort_id", "study_id", "comparator_arm_id"]
    )
    rows = table.assign(
        reason="", measure="HR", yi=0.0, vi=1.0, outcome=[f"o{i}" for i in range(len(table))], time_hours=24.0
    )
    v = covariance(rows, rho=0.0, between=0.0)
    words = dict(zip(v.trials, v.account["account"], strict=True))
    assert [name for name, said in words.items() if "taken as reports" in said] == ["murrough2013"]
    pooled = {name for name, said in words.items() if "combined arms and their parts" in said}
    assert pooled == {"price2022", "kosikgonzalez2025"}
    assert not any("taken as different people" in said for said in words.values())
    assert "3 treatment arms share a comparator" in words["takahashi2021"]


def combined(es: pd.DataFrame, ids: list[str], n_t: list[int]) -> pd.DataFrame:
    """Rows of one trial with these ids, at times of their own."""
    m = len(ids)
    return pd.DataFrame(
        {
            "study_id": ids,
            "cohort_id": "able2001",
            "comparator_arm_id": "able2001:placebo",
            "time_hours": [24.0 * 3**i for i in range(m)],
            "measure": "SMD",
            "standardiser": "pooled SD",
            "yi": -0.5,
            "vi": [1 / n + 1 / 40 + 0.25 / (2 * (n + 40)) for n in n_t],
            "n_t": n_t,
            "n_c": 40,
        }
    )


def test_overlapping_combined_arms_share_the_common_part(es) -> None:
    rows = combined(es, ["A + B", "B + C", "B"], [50, 60, 20])
    v = covariance(rows, rho=0.6, correlation="constant")
    both = 0.6 / 40 + 0.36 * 0.25 * 40 / (2 * 90 * 100)
    part = 0.6 * 20 / (50 * 60) + 0.36 * 0.25 * 20 / (2 * 90 * 100)
    assert v.matrix[0, 1] == pytest.approx(both + part, rel=1e-12)
    assert "people in both from the rows of the common part" in told(v)
    unknown = covariance(rows.iloc[:2], rho=0.6, correlation="constant")
    whole = 0.6 / 60 + 0.36 * 0.25 * 50 / (2 * 90 * 100)
    assert unknown.matrix[0, 1] == pytest.approx(both + whole, rel=1e-12)
    assert "the size of the common part is not known" in told(unknown)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]])
def test_the_account_does_not_depend_on_the_order_of_rows(es, order) -> None:
    rows = combined(es, ["A", "B", "A + B"], [30, 25, 55]).assign(time_hours=[24.0, 24.0, 72.0])
    said = told(covariance(rows.iloc[order]))
    assert "2 times of the same people" in said
    assert "2 treatment arms share a comparator" in said


def test_the_account_counts_rows_that_share_people_alone(es) -> None:
    lone = es.iloc[[0]].assign(
        comparator_arm_id="able2001_men:c", study_id="able2001_men", outcome="sleep", time_hours=72.0
    )
    said = told(covariance(pd.concat([es, lone], ignore_index=True)))
    assert "2 outcomes of the same people" in said
    assert "times of the same people" not in said
    assert "2 pairs of rows without an arm in common" in said


def test_parts_of_a_split_comparator_are_not_said_to_have_no_arm_in_common(es) -> None:
    split = es.assign(
        dose=["0.5", "1"], shared="control split in 2", outcome="depression", instrument="MADRS"
    )
    said = told(covariance(split))
    assert "parts of a split comparator count as independent" in said
    assert "without an arm in common" not in said


def test_arms_in_opposite_roles_are_said(es) -> None:
    two = es.assign(
        study_id=["able2001_ket", "able2001_esk"],
        drug=["ketamine", "esketamine"],
        comparator=["placebo", "ketamine"],
        comparator_arm_id=["able2001:placebo", "able2001:ketamine"],
    )
    said = told(covariance(two))
    assert "1 pair of rows in which the comparator of one may be the treatment arm of the other" in said
    assert "without an arm in common" not in said


def test_sds_come_from_intervals_of_their_own_level(es) -> None:
    rows = es.assign(measure="MD", outcome="depression", instrument="MADRS", time_hours=[24.0, 72.0])
    sd = rows["sd_t"].to_numpy()
    half = t.ppf(0.95, rows["n_t"] - 1) * sd / np.sqrt(rows["n_t"])
    given = rows.drop(columns="sd_t").assign(
        ci_low_t=rows["mean_t"] - half, ci_high_t=rows["mean_t"] + half, ci_level=90
    )
    given["vi"] = rows["vi"] = sd**2 / rows["n_t"] + rows["sd_c"] ** 2 / rows["n_c"]
    v = covariance(given)
    np.testing.assert_allclose(v.matrix, covariance(rows).matrix, rtol=1e-9)
    assert "is not that of the formula" not in told(v)


def test_impossible_counts_are_called_that(es) -> None:
    rows = es.assign(measure="RR", events_t=[50, 3], total_t=[47, 36], events_c=[5, 4], total_c=[25, 21])
    said = told(covariance(rows))
    assert "counts are impossible" in said
    assert "1 row with impossible counts" in said
    assert "not every row has counts" not in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"cohort_id": ["able2001", "baker2002"]},
            "comparator_arm_id able2001:midazolam also stands in trial baker2002",
        ),
        (
            {"cohort_id": ["able2001", "b"], "study_id": "s"},
            "study_id s also stands in trial b: taken as other people",
        ),
        (
            {"comparator_arm_id": ["able2001:midazolam", ""]},
            "1 row without comparator_arm_id: comparator taken as shared",
        ),
        ({"study_id": ["able2001", ""]}, "1 row without study_id: rows of one drug, dose and route"),
        ({"instrument": ["MADRS", None]}, "1 row without instrument: taken as another instrument"),
        (
            {"time_hours": np.nan, "time_label": "Day 1"},
            "without time_hours and with one time_label taken as one time",
        ),
    ],
)
def test_what_was_decided_is_said(es, change, words) -> None:
    assert words in told(covariance(es.assign(**change)))


def test_ordinary_trials_have_no_decisions_to_report(es) -> None:
    one = es.assign(study_id="able2001")
    assert (
        told(covariance(one))
        == "2 outcomes of the same people: correlation 0.6 (assumed); exact formula of the SMD"
    )


def test_case_makes_no_other_outcome(es) -> None:
    one = es.assign(
        study_id="able2001", outcome="depression", instrument=["MADRS", "madrs"], time_hours=[24.0, 72.0]
    )
    assert "outcomes of the same people" not in told(covariance(one))
    with pytest.raises(EffectError, match="same measurement twice"):
        covariance(one.assign(time_hours=24.0))


def test_unreadable_times_are_refused(es) -> None:
    for bad in ("24 h", np.inf):
        with pytest.raises(
            EffectError,
            match=r"time_hours must be a number of hours, or empty; not so in row 1 \(record_id r2",
        ):
            covariance(es.assign(time_hours=pd.Series([24.0, bad], dtype=object)))


def test_names_are_read_one_way(es) -> None:
    rows = pd.concat([es.iloc[[0]]] * 4, ignore_index=True).assign(
        cohort_id=pd.Series([1.0, 2, "1", "2.0"], dtype=object), study_id="s", time_hours=[1.0, 2.0, 3.0, 4.0]
    )
    v = covariance(rows)
    assert v.trials == ("1", "2", "2.0")
    assert [at.tolist() for at in v.positions] == [[0, 2], [1], [3]]


def test_a_trial_too_large_for_memory_is_refused_before_it_is_tried(es) -> None:
    rows = pd.DataFrame({"cohort_id": "a", "yi": 0.1, "vi": 0.1, "time_hours": np.arange(1, 60_001)})
    with pytest.raises(EffectError, match=r"the 60000 rows of trial 'a' need 460\.8 GB"):
        covariance(rows)


def test_rows_without_a_time_are_named_as_a_possible_cause(es) -> None:
    rows = pd.concat([es.iloc[[0]]] * 3, ignore_index=True).assign(
        time_hours=[24.0, 25.0, np.nan], time_label=["a", "b", "c"]
    )
    with pytest.raises(EffectError, match="rows without a time count as rho from every other"):
        covariance(rows.assign(time_hours=[24.0, 24.0000001, np.nan], n_t=np.nan), rho=0.99999999999)


@pytest.mark.parametrize(
    "change",
    [
        {"yi": [1 + 2j, 1j]},
        {"yi": [True, False]},
        {"yi": pd.to_datetime(["2020-01-01", "2020-01-02"])},
        {"yi": ["a", "b"]},
    ],
)
def test_effects_that_are_no_numbers_are_refused(es, change) -> None:
    with pytest.raises(EffectError, match="yi must be a finite number"):
        covariance(es.assign(**change))


def test_odd_tables_are_read_or_refused(es) -> None:
    want = covariance(es).matrix
    for reason in (pd.Categorical(["", ""]), [np.nan, np.nan], pd.array([None, None], dtype="string")):
        np.testing.assert_array_equal(covariance(es.assign(reason=reason)).matrix, want)
    assert covariance(es.assign(reason=[np.nan, 3.0])).left_out.index.tolist() == [1]
    with pytest.raises(EffectError, match="split in two or more; not so in row 0"):
        covariance(es.assign(shared="control split in 0"))
    wide = es.copy()
    wide.columns = pd.MultiIndex.from_product([["a"], es.columns])
    with pytest.raises(DataError, match="2 levels"):
        covariance(wide)
    np.testing.assert_array_equal(covariance(es, rho=np.int64(0), between=np.int64(1)).matrix.shape, (2, 2))


@pytest.mark.parametrize("measure", ["SMD", "HR"])
@pytest.mark.parametrize("change", [{"vi": [1e300, 1e-300]}, {"vi": 1e-320}, {"n_t": 1e300}])
def test_extreme_numbers_give_a_matrix(es, measure, change) -> None:
    v = covariance(es.assign(measure=measure, **change)).matrix
    assert np.isfinite(v).all()
    assert (np.diag(v) > 0).all()


@pytest.mark.parametrize("change", [{"yi": 1e200}, {"yi": -1e300}])
def test_extreme_effects_are_refused_by_name(es, change) -> None:
    with pytest.raises(
        EffectError, match=r"trial 'able2001' are too large or too small.*row 0 \(record_id r1"
    ):
        covariance(es.assign(**change))


def test_pairs_of_many_trials_are_listed_in_order_and_quickly(es) -> None:
    k = 20_000
    rows = pd.DataFrame(
        {
            "cohort_id": np.repeat(np.arange(k), 2),
            "time_hours": np.tile([24.0, 72.0], k),
            "yi": 0.1,
            "vi": 0.1,
        }
    ).sample(frac=1, random_state=1)
    v = covariance(rows)
    start = time.perf_counter()
    frame = v.to_frame()
    assert time.perf_counter() - start < 3
    assert len(frame) == 3 * k
    assert frame["trial"].tolist()[::3] == list(v.trials)
    first = frame.iloc[:3]
    at = v.positions[0]
    assert first["i"].tolist() == [rows.index[at[0]], rows.index[at[0]], rows.index[at[1]]]
    np.testing.assert_array_equal(first["covariance"], v.blocks[0][np.triu_indices(2)])
