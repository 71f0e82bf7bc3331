"""V of a table of effects: who shares people with whom, and metafor's matrices of the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta.effects import combine_arms, covariance, effect_sizes, md, smd_covariance

from .covariance_accounts import expected_correlations, told

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


def test_outcomes_of_the_same_people(arms) -> None:
    two = arms.iloc[[0, 3]].assign(instrument=["MADRS", "QIDS"])
    es = effect_sizes(two)
    r = 0.6 * 0.3
    v = covariance(es, between=0.3)
    np.testing.assert_allclose(v.blocks[0], smd_covariance(es["yi"], es["n_t"], es["n_c"], r, r))
    assert "2 outcomes of the same people: correlation 0.3 (assumed)" in told(v)
    same_time = effect_sizes(two.assign(time_hours=24.0, n_c=40))
    got = covariance(same_time, between=0.3).blocks[0]
    np.testing.assert_allclose(got, smd_covariance(same_time["yi"], same_time["n_t"], 40, 0.3, 0.3))


def test_two_comparators_of_one_treatment_arm(arms) -> None:
    two = arms.iloc[[0, 0]].assign(
        comparator_arm_id=["able2001:placebo", "able2001:midazolam"], n_c=[40, 25], record_id=["a", "b"]
    )
    two.index = [0, 1]
    es = effect_sizes(two, measure="MD")
    v = covariance(es)
    assert v.blocks[0][0, 1] == pytest.approx(49 / 30)
    assert "one treatment arm against several comparators" in told(v)


def test_rows_that_share_no_arm_are_independent_and_the_account_warns_of_subgroups(arms) -> None:
    two = arms.iloc[[0, 1]].assign(comparator_arm_id=["able2001:placebo", "able2001_men:placebo"])
    v = covariance(effect_sizes(two))
    assert v.blocks[0][0, 1] == 0
    assert v.dependent == 0
    assert "1 pair of rows without an arm in common: independent (wrong if one is a subgroup" in told(v)
    assert "no two effects come from the same people" in v.sentence()


def test_combined_arms_and_split_controls(arms) -> None:
    combined = effect_sizes(arms)
    v = covariance(combined)
    assert [len(block) for block in v.blocks] == [2, 1]
    first = combined.iloc[:2]
    np.testing.assert_allclose(v.blocks[0], smd_covariance(first["yi"], first["n_t"], first["n_c"], 0.6, 0.6))
    split = effect_sizes(arms, shared="split")
    v = covariance(split)
    part = split["n_c"][:6] / 3
    r_t, _ = expected_correlations(split["time_hours"][:6], split["study_id"][:6], 0.6)
    np.testing.assert_allclose(v.blocks[0], smd_covariance(split["yi"][:6], split["n_t"][:6], part, r_t, r_t))
    assert "parts of a split comparator count as independent" in told(v)


def test_a_combined_arm_overlaps_with_its_parts(arms) -> None:
    early, late = arms.iloc[:3], arms.iloc[[3]]
    es = pd.concat([effect_sizes(early), effect_sizes(late)], ignore_index=True)
    v = covariance(es)
    want = smd_covariance(es["yi"], es["n_t"], es["n_c"], 0.6, 0.6)
    np.testing.assert_allclose(v.blocks[0], want)
    assert "combined arms and their parts: people in both taken as the smaller size" in told(v)


def gls(y, v) -> tuple[float, float]:
    weight = np.linalg.solve(v, np.ones(len(y)))
    return float(weight @ y / weight.sum()), float(1 / weight.sum())


def test_combine_split_and_keep_agree_as_theory_says(arms) -> None:
    one_sd = arms.iloc[:3].assign(sd_t=8.0)
    kept = effect_sizes(one_sd, measure="MD", shared="keep")
    estimate, variance = gls(kept["yi"].to_numpy(), covariance(kept).matrix)
    combined = effect_sizes(one_sd, measure="MD").iloc[0]
    assert estimate == pytest.approx(combined["yi"], rel=1e-12)
    assert variance == pytest.approx(md(0, 8.0, one_sd["n_t"].sum(), 0, 8.0, 40).vi, rel=1e-12)
    pooled = combine_arms(one_sd["n_t"], one_sd["mean_t"], one_sd["sd_t"]).sd
    assert combined["vi"] == pytest.approx(pooled**2 / 89 + 64 / 40, rel=1e-12)
    split = effect_sizes(one_sd, measure="MD", shared="split")
    _, conservative = gls(split["yi"].to_numpy(), covariance(split).matrix)
    assert conservative > variance
    independent = 1 / (1 / kept["vi"]).sum()
    assert independent < variance


@pytest.mark.parametrize("case", ["log-time", "days"])
def test_times_and_outcomes_agree_with_metafor(case: str) -> None:
    rows = pd.read_csv(REFERENCE / "dependence_rows.csv").query("set == 'times'")
    es = rows.rename(columns={"trial": "cohort_id"}).assign(yi=0.1)
    v = covariance(es, rho=0.6, correlation=case, between=0.5)
    np.testing.assert_allclose(v.matrix, vcalc(case, len(es)), rtol=1e-12)


def test_constant_correlation_agrees_with_metafor() -> None:
    rows = pd.read_csv(REFERENCE / "dependence_rows.csv").query("set == 'times'")
    es = rows.drop_duplicates(["trial", "time_hours"]).rename(columns={"trial": "cohort_id"}).assign(yi=0.1)
    v = covariance(es, rho=0.6, correlation="constant", between=1.0)
    np.testing.assert_allclose(v.matrix, vcalc("constant", len(es)), rtol=1e-12)


def test_shared_controls_at_two_times_agree_with_metafor() -> None:
    rows = pd.read_csv(REFERENCE / "dependence_rows.csv").query("set == 'control'")
    es = rows.assign(
        cohort_id=rows["trial"], study_id=rows["trial"] + "_" + rows["arm"], yi=0.1, measure="HR"
    )
    es["comparator_arm_id"] = es["trial"]
    np.testing.assert_allclose(covariance(es).matrix, vcalc("shared control", len(es)), rtol=1e-12)


def vcalc(case: str, n: int) -> np.ndarray:
    entries = pd.read_csv(REFERENCE / "dependence_vcalc.csv").query("case == @case")
    v = np.zeros((n, n))
    v[entries["i"], entries["j"]] = v[entries["j"], entries["i"]] = entries["value"]
    return v
