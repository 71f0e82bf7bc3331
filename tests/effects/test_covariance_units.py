"""V of standardised differences in units of other SDs than the pooled one, and of rows that say too little."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ketameta.effects import (
    EffectOptions,
    covariance,
    effect_sizes,
    md_covariance,
    smd_common_sd_covariance,
    smd_covariance,
)


@pytest.fixture
def doses() -> pd.DataFrame:
    """Two doses against one comparator arm."""
    return pd.DataFrame(
        {
            "study_id": ["able2001_56mg", "able2001_84mg"],
            "cohort_id": "able2001",
            "comparator_arm_id": "able2001:placebo",
            "outcome": "depression",
            "instrument": "MADRS",
            "time_hours": 24.0,
            "n_t": [120, 200],
            "mean_t": [8.0, 6.0],
            "sd_t": [7.0, 9.0],
            "baseline_sd_t": [5.0, 6.0],
            "n_c": 160,
            "mean_c": 20.0,
            "sd_c": 8.0,
            "baseline_sd_c": 5.5,
        }
    )


@pytest.fixture
def times(doses) -> pd.DataFrame:
    """One arm at two times."""
    return doses.assign(
        study_id="able2001", time_hours=[24.0, 168.0], n_t=[120, 110], n_c=[130, 100], baseline_sd_t=5.0
    )


def told(v) -> str:
    return str(v.account["account"].iloc[0])


@pytest.mark.parametrize("kind", ["control", "average", "pooled"])
@pytest.mark.parametrize("table", ["doses", "times"])
def test_each_standardiser_has_its_own_formula_and_variance(kind, table, request) -> None:
    rows = request.getfixturevalue(table)
    es = effect_sizes(rows, standardiser=kind, shared="keep")
    v = covariance(es, rho=0.6)
    r = (0, 1) if table == "doses" else (0.6, 0.6)
    want = smd_covariance(
        es["yi"], es["n_t"], es["n_c"], *r, standardiser=kind, sd_t=es["sd_t"], sd_c=es["sd_c"]
    )
    np.testing.assert_allclose(v.matrix, want, rtol=1e-12)
    np.testing.assert_allclose(np.diag(want), es["vi"], rtol=1e-12)
    words = {"control": "comparator SD", "average": "root mean square", "pooled": "exact formula of the SMD"}
    assert words[kind] in told(v)
    assert "is not that of the formula" not in told(v)


def test_doses_in_units_of_one_comparator_sd_are_more_alike_than_the_pooled_formula_says(doses) -> None:
    es = effect_sizes(doses.assign(n_t=20, n_c=20, sd_t=8.0), standardiser="control", shared="keep")
    d = es["yi"].to_numpy()
    v = covariance(es).matrix
    assert v[0, 1] == pytest.approx(1 / 20 + d.prod() / 40, rel=1e-12)
    assert v[0, 1] > smd_covariance(d, 20, 20, 0, 1)[0, 1]


def test_the_sd_at_baseline_is_shared_whole_by_the_times_of_one_arm(times) -> None:
    rows = times.assign(n_t=120, n_c=130)
    es = effect_sizes(rows, standardiser="baseline")
    v = covariance(es, rho=0.6)
    unit = np.sqrt((119 * 25 + 129 * 5.5**2) / 248)
    want = smd_common_sd_covariance(es["yi"], [7, 9], 120, 8, 130, 0.6, 0.6, sd=unit, n_sd=250)
    np.testing.assert_allclose(v.matrix, want, rtol=5e-3)  # without the small-sample correction
    np.testing.assert_allclose(np.diag(v.matrix), es["vi"], rtol=1e-12)
    assert v.account["formula"].tolist() == ["SMD baseline"]
    assert "pooled SD at baseline" in told(v)
    assert "is not that of the formula" not in told(v)
    pooled = covariance(es.drop(columns="standardiser"), rho=0.6)
    assert v.matrix[0, 1] > pooled.matrix[0, 1]


def test_doses_share_the_part_of_the_baseline_sd_that_is_the_comparators(doses) -> None:
    es = effect_sizes(doses, standardiser="baseline", shared="keep")
    v = covariance(es).matrix
    d, n = es["yi"].to_numpy(), es["n_t"].to_numpy() + 160
    unit = [np.sqrt(((k - 1) * b**2 + 159 * 5.5**2) / (k + 158)) for k, b in ((120, 5), (200, 6))]
    want = 64 / 160 / np.prod(unit) + d.prod() * 160 / (2 * n.prod())
    assert v[0, 1] == pytest.approx(want, rel=5e-3)
    lost = covariance(es.drop(columns="baseline_sd_c"))
    assert lost.account["formula"].tolist() == ["sizes"]
    assert "one SD for all: not every row has its SDs, at baseline and after" in told(lost)


def test_another_instrument_shares_its_baseline_sd_by_the_correlation_between_outcomes(times) -> None:
    rows = times.assign(time_hours=24.0, instrument=["MADRS", "HAM-D"], n_t=120, n_c=130, sd_t=6.0)
    es = effect_sizes(rows, standardiser="baseline")
    low, high = (covariance(es, between=b).matrix for b in (0.3, 0.6))
    numerators = low[0, 0] - es["yi"].iloc[0] ** 2 / 500
    want = 0.3 * numerators + 0.09 * es["yi"].prod() / 500
    assert low[0, 1] == pytest.approx(want, rel=1e-9)
    assert high[0, 1] > low[0, 1]


def test_a_stated_sd_leaves_the_numerators(times) -> None:
    rows = times.drop(columns=["mean_t", "sd_t", "mean_c", "sd_c"]).assign(
        contrast_measure="MD", contrast_value=[-4.0, -3.0], contrast_se=[1.1, 1.2], adjusted="no"
    )
    es = effect_sizes(rows, options=EffectOptions(reference_sd={"MADRS": 9.0}))
    assert es["standardiser"].tolist() == ["stated SD"] * 2
    v = covariance(es, rho=0.6)
    one = np.ones(2)
    plain = md_covariance(one, es["n_t"], one, es["n_c"], 0.6, 0.6)
    r = plain[0, 1] / np.sqrt(plain[0, 0] * plain[1, 1])
    assert v.matrix[0, 1] == pytest.approx(r * np.sqrt(es["vi"].prod()), rel=1e-12)
    assert "from the arm sizes alone, one SD for all: the SD that standardises is stated" in told(v)
    both = covariance(es.assign(sd_t=[7.0, 9.0], sd_c=8.0), rho=0.6)
    assert both.account["formula"].tolist() == ["SMD stated"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"standardiser": "as printed, not stated"}, "the SD that standardises is not known"),
        ({"standardiser": "some other SD"}, "the SD that standardises is not known"),
        (
            {"standardiser": ["pooled SD", "pooled SD at baseline"]},
            "SDs of different kinds standardise its rows",
        ),
        ({"crossover_period": "both paired"}, "the same people stand in both arms"),
        ({"standardiser": "root mean square of both SDs", "sd_c": np.nan}, "not every row has arm SDs"),
    ],
)
def test_what_the_table_does_not_tell_is_said_and_sizes_stand_in(times, change, words) -> None:
    v = covariance(effect_sizes(times).assign(**change))
    assert v.account["formula"].tolist() == ["sizes"]
    assert f"one SD for all: {words}" in told(v)


def test_comparator_and_pooled_sds_of_one_time_may_stand_side_by_side(times) -> None:
    es = effect_sizes(times).assign(standardiser=["pooled SD", "comparator SD"])
    v = covariance(es, rho=0.6)
    d, n_t, n_c = (es[name].to_numpy() for name in ("yi", "n_t", "n_c"))
    want = 0.6 / 120 + 0.6 / 130 + 0.36 * d.prod() * n_c[0] / (n_t[0] + n_c[0]) / (2 * 130)
    variance = 1 / n_t + 1 / n_c + d**2 / (2 * np.array([n_t[0] + n_c[0], n_c[1]]))
    assert v.matrix[0, 1] == pytest.approx(
        want / np.sqrt(variance.prod()) * np.sqrt(es["vi"].prod()), rel=1e-12
    )


def test_an_unnamed_standardiser_is_taken_as_pooled_and_that_is_said(times) -> None:
    es = effect_sizes(times)
    named, unnamed = covariance(es), covariance(es.drop(columns="standardiser"))
    np.testing.assert_array_equal(named.matrix, unnamed.matrix)
    assert "pooled SD where no standardiser is named" in told(unnamed)
    assert "no standardiser" not in told(named)


def gls(y: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.linalg.solve(v, np.ones(len(y)))


@pytest.mark.parametrize("sized", [True, False])
def test_variances_that_disagree_with_the_sizes_give_no_negative_weight(doses, sized) -> None:
    es = effect_sizes(doses.assign(n_t=20, n_c=20), measure="MD", shared="keep").drop(
        columns=["sd_t", "sd_c"]
    )
    es = es if sized else es.drop(columns=["n_t", "n_c"])
    es["vi"] = [1.0, 9.0]
    v = covariance(es)
    assert v.matrix[0, 1] == pytest.approx(1.0, rel=1e-9)
    assert "no covariance exceeds a variance" in told(v)
    assert (gls(es["yi"].to_numpy(), v.matrix) > -1e-9).all()
    es["vi"] = [1.0, 2.0]
    mild = covariance(es)
    assert mild.matrix[0, 1] == pytest.approx(np.sqrt(2) / 2, rel=1e-12)
    assert "no covariance exceeds" not in told(mild)


@pytest.mark.parametrize("seed", range(6))
def test_many_doses_with_any_variances_stay_positive_definite(doses, seed) -> None:
    rng = np.random.default_rng(seed)
    m = 6
    es = pd.DataFrame(
        {
            "study_id": [f"able2001_{i}mg" for i in range(m)],
            "cohort_id": "able2001",
            "comparator_arm_id": "able2001:placebo",
            "measure": "HR",
            "time_hours": 24.0,
            "yi": rng.normal(size=m),
            "vi": np.exp(rng.normal(0, 2, m)),
            "n_t": rng.integers(5, 90, m),
            "n_c": 40,
        }
    )
    v = covariance(es).matrix
    assert np.linalg.eigvalsh(v)[0] > 0
    smaller = np.minimum.outer(np.diag(v), np.diag(v))
    assert (v <= smaller * (1 + 1e-12))[~np.eye(m, dtype=bool)].all()
    assert (gls(es["yi"].to_numpy(), v) > -1e-9).all()


@pytest.mark.parametrize("events", [([0, 0], [0, 0]), ([0, 1], [0, 0]), ([0, 0], [0, 1]), ([0, 5], [40, 3])])
def test_arcsine_differences_with_empty_cells_have_finite_covariance(times, events) -> None:
    rows = times.assign(total_t=40, total_c=40, events_t=events[0], events_c=events[1])
    es = effect_sizes(rows.drop(columns=["n_t", "n_c"]), measure="AS")
    v = covariance(es, rho=0.9)
    half = [(np.array(e) + 0.5 * ((np.array(events) % 40 == 0).any(axis=0))) for e in events]
    more = [40 + 1.0 * ((np.array(events) % 40 == 0).any(axis=0))] * 2
    odds = [a / (n - a) for a, n in zip(half, more, strict=True)]
    phi = [min(0.9, float(np.sqrt(o.min() / o.max()))) for o in odds]
    assert v.matrix[0, 1] == pytest.approx(sum(phi) / 160, rel=1e-12)
    lowered = min(phi) < 0.9
    assert ("0.5 added to the cells of tables with a zero" in told(v)) == lowered
