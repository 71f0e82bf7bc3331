from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import block_diag
from scipy.stats import t

from ketameta.curves import CurveOptions, DurabilityCurve, durability
from ketameta.curves.carriers import trial_covariances
from ketameta.curves.inputs import read_rows
from ketameta.errors import ModelError


@pytest.fixture(scope="module")
def table(data_set) -> pd.DataFrame:
    return data_set("simulated")


@pytest.fixture(scope="module")
def curve(table) -> DurabilityCurve:
    return durability(table)


@pytest.fixture(scope="module")
def example(data_set) -> pd.DataFrame:
    return data_set("example")


def _dense(curve: DurabilityCurve, hours: list[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the hat matrix, the covariance of the effects, and their trials, without any blocks."""
    data = read_rows(curve.rows)[0]
    same = data.trial[:, None] == data.trial[None, :]
    v = block_diag(*data.covariances(rho=curve.rho, correlation=curve.correlation))
    v += same * curve.tau2 + np.eye(len(v)) * curve.omega2
    x = curve.fit.shape.gradient(curve.fit.beta, data.hours)
    inverse = np.linalg.inv(v)
    at = curve.fit.shape.gradient(curve.fit.beta, np.array(hours, dtype=float))
    return at @ np.linalg.inv(x.T @ inverse @ x) @ x.T @ inverse, v, data.trial


def test_weights_are_those_of_the_dense_hat_matrix(curve) -> None:
    hours = [4.0, 24, 168, 672]
    hat, v, trial = _dense(curve, hours)
    np.testing.assert_allclose(hat @ curve.rows["yi"], curve.at(hours=hours)["estimate"], rtol=1e-9)
    found = curve.weights(hours=hours)
    for name in ("weight", "pull"):
        wide = found.pivot(index="trial", columns="time_hours", values=name)
        np.testing.assert_allclose(wide.sum(), 1.0, rtol=1e-9)
        for i, row in enumerate(wide.to_numpy()):
            own = hat * (trial == i)
            expected = (
                own.sum(axis=1) if name == "pull" else np.diag(own @ v @ own.T) / np.diag(hat @ v @ hat.T)
            )
            np.testing.assert_allclose(row, expected, rtol=1e-7, atol=1e-12)
    assert (found["weight"] >= 0).all()


def test_pull_is_what_a_shifted_trial_does(example) -> None:
    curve = durability(example)
    assert curve.tau2 == curve.omega2 == 0
    shifted = example.assign(yi=example["yi"] + 1e-3 * (example["cohort_id"] == "c"))
    other = durability(shifted)
    moved = (other.at(hours=[24, 168])["estimate"] - curve.at(hours=[24, 168])["estimate"]) / 1e-3
    found = curve.weights(hours=[24, 168])
    np.testing.assert_allclose(moved, found.loc[found["trial"] == "c", "pull"], rtol=1e-6)


def test_weights_with_a_random_decay_and_of_an_exponential(table) -> None:
    random = durability(table, options=CurveOptions(random="level+decay"))
    for one in (random, durability(table, curve="exponential")):
        wide = one.weights(days=[1, 7]).pivot(index="trial", columns="time_hours", values="weight")
        np.testing.assert_allclose(wide.sum(), 1.0)
    assert len(random.fit.spread) == 2
    data = read_rows(random.rows)[0]
    covariances = trial_covariances(data, random.spec, random.fit)
    sampling = data.covariances(rho=random.rho, correlation=random.correlation)
    extra = np.concatenate([np.diag(a - b) for a, b in zip(covariances, sampling, strict=True)])
    np.testing.assert_allclose(extra, random.fit.between_variance(data.hours), rtol=1e-10)


def test_weights_are_not_given_with_moderators(table) -> None:
    route = np.where(table["cohort_id"].astype("category").cat.codes % 2, "iv", "nasal")
    curve = durability(table.assign(route=route), moderators="route")
    with pytest.raises(ModelError, match="without moderators"):
        curve.weights(days=7)
    assert len(curve.leave_one_out().trials) == 20


def test_numbers_at_risk_count_who_was_measured_then_or_later(curve, table) -> None:
    people = table["n_t"] + table["n_c"]
    found = curve.at_risk(hours=[4, 30, 168, 672, 2000])
    for row in found.itertuples():
        late = table[table["time_hours"] >= row.time_hours]
        near = table[(np.log(table["time_hours"] / row.time_hours)).abs() <= math.log(2) + 1e-12]
        for rows, k, n, names in (
            (late, row.k, row.n, row.trials),
            (near, row.k_near, row.n_near, row.trials_near),
        ):
            assert k == rows["cohort_id"].nunique()
            assert n == people[rows.index].groupby(rows["cohort_id"]).max().sum()
            assert names == ", ".join(sorted(rows["cohort_id"].unique()))
    assert found["k"].is_monotonic_decreasing
    assert found["supported"].tolist() == [True, True, True, True, False]
    assert curve.at_risk()["time_hours"].tolist() == curve.to_frame()["time_hours"].tolist()
    assert durability(table.drop(columns=["n_t", "n_c", "measure"])).at_risk(hours=24)["n"].isna().all()


def test_without_a_trial_is_the_curve_of_the_others(curve, table) -> None:
    found = curve.leave_one_out(hours=[4, 24, 168])
    assert len(found.trials) == 20
    names = sorted(table["cohort_id"].unique())
    for name in (names[0], names[7]):
        other = durability(table[table["cohort_id"] != name], knots=curve.knots_hours)
        rows = found.estimates[found.estimates["trial"] == name]
        at = other.at(hours=[4, 24, 168])
        for column in ("estimate", "ci_low", "ci_high"):
            np.testing.assert_allclose(rows[column], at[column], rtol=1e-8)
        np.testing.assert_allclose(rows["shift"], at["estimate"] - curve.at(hours=[4, 24, 168])["estimate"])
        row = found.trials[found.trials["trial"] == name].iloc[0]
        assert row["half_life_hours"] == pytest.approx(other.half_life.value)
        assert (row["tau2"], row["k_effects"]) == (pytest.approx(other.tau2, rel=1e-7), other.k_effects)
    trial, time, shift = found.largest
    assert abs(shift) == found.estimates["shift"].abs().max()
    assert trial in str(found)
    assert f"without {trial}" in found.sentence()
    assert time in (4, 24, 168)
    json.dumps(found.to_dict(), allow_nan=False)
    assert list(found.to_frame().columns[-3:]) == ["estimate_4h", "estimate_24h", "estimate_168h"]


def test_what_no_other_trial_measured_is_missing_without_it() -> None:
    es = pd.DataFrame(
        {
            "cohort_id": list("aabbb"),
            "time_hours": [24, 72, 24, 72, 336],
            "yi": [-0.8, -0.6, -0.7, -0.5, -0.1],
            "vi": 0.02,
        }
    )
    found = durability(es, knots=(24, 336)).leave_one_out()
    late = found.estimates[(found.estimates["trial"] == "b") & (found.estimates["time_hours"] == 336)].iloc[0]
    assert math.isnan(late["estimate"])
    assert not late["supported"]
    assert "–" in str(found)
    two = durability(es[es["time_hours"] != 72].iloc[[0, 1, 2]], knots=(24, 336))
    reasons = two.leave_one_out().trials["reason"].tolist()
    assert "there is no curve over time" in reasons[1]
    with pytest.raises(ModelError, match="nothing is left"):
        durability(es[es["cohort_id"] == "b"]).leave_one_out()


def test_the_same_trials_beside_all(curve, table) -> None:
    found = curve.same_trials(early=(20, 30), late=(120, 200))
    times = table.groupby("cohort_id")["time_hours"]
    both = times.apply(lambda at: bool(at.between(20, 30).any() and at.between(120, 200).any()))
    assert found.trials == tuple(both.index[both])
    assert set(found.trials) | set(found.others) == set(both.index)
    assert 3 < len(found.trials) < 20
    alone = durability(table[table["cohort_id"].isin(found.trials)], knots=curve.knots_hours)
    at, whole = alone.at(hours=found.table["time_hours"]), curve.at(hours=found.table["time_hours"])
    np.testing.assert_allclose(found.table["estimate_same"], at["estimate"], rtol=1e-9)
    np.testing.assert_allclose(found.table["ci_low_same"], at["ci_low"], rtol=1e-8)
    np.testing.assert_allclose(found.table["ci_high_all"], whole["ci_high"], rtol=1e-9)
    np.testing.assert_allclose(found.table["difference"], at["estimate"] - whole["estimate"], rtol=1e-7)
    assert found.same.coefficients == alone.coefficients
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.sentence().startswith(f"{len(found.trials)} trials of 20 measured both early and late")
    assert found.to_frame().equals(found.table)


def test_variance_of_the_difference_is_that_of_dense_hat_matrices(curve) -> None:
    found = curve.same_trials(early=(20, 30), late=(120, 200))
    hours = found.table["time_hours"].tolist()
    hat, v, trial = _dense(curve, hours)
    own = np.zeros_like(hat)
    names = read_rows(curve.rows)[0].trials
    inside = np.isin(trial, [names.index(name) for name in found.trials])
    own[:, inside] = _dense(found.same, hours)[0]
    se = np.sqrt(np.diag((own - hat) @ v @ (own - hat).T))
    reach = t.ppf(0.975, min(curve.df, found.same.df)) * se
    np.testing.assert_allclose(found.table["difference_high"] - found.table["difference"], reach, rtol=1e-8)


def test_with_known_variances_the_difference_has_the_difference_of_variances(example) -> None:
    curve = durability(example.assign(vi=3 * example["vi"]), knots=(4, 168), ci="Wald")
    found = curve.same_trials(early=(4, 4.5), late=(168, 169))
    assert found.trials == ("a", "d")
    assert curve.tau2 == curve.omega2 == found.same.tau2 == found.same.omega2 == 0
    at = found.table["time_hours"].to_numpy()
    expected = found.same.fit.se(at) ** 2 - curve.fit.se(at) ** 2
    half = (found.table["difference_high"] - found.table["difference"]) / curve.fit.quantile
    np.testing.assert_allclose(half**2, expected, rtol=1e-8)
    assert any("only 2 trials measured both early and late" in note for note in found.notes)


def test_windows_that_no_trial_or_no_clock_knows(curve, example) -> None:
    late = durability(example)
    with pytest.raises(
        ModelError, match=r"no trial was measured in both windows\. In 4 to 5 h: a, d\. In 200 to 300 h: none"
    ):
        late.same_trials(early=(4, 5), late=(200, 300))
    for early in ((30, 20), "ab", (1,), None, (math.nan, 3), (-5, 3), 7):
        with pytest.raises(ModelError, match=r"early=.*must be two times in hours"):
            curve.same_trials(early=early, late=(120, 200))


def test_knots_that_the_same_trials_do_not_bear_are_said() -> None:
    es = pd.DataFrame(
        {
            "cohort_id": list("aabbccd"),
            "time_hours": [24, 168, 24, 168, 24, 72, 4],
            "yi": [-0.9, -0.3, -0.7, -0.2, -0.8, -0.6, -0.4],
            "vi": 0.03,
        }
    )
    found = durability(es, knots=(4, 24, 168)).same_trials(early=(20, 30), late=(100, 200))
    assert found.same.knots_hours == (24.0, 168.0)
    assert any("do not determine all knots" in note for note in found.notes)
    assert found.table["time_hours"].tolist() == [24.0, 168.0]


def test_the_grid_of_correlations_is_part_of_the_result(curve, table) -> None:
    grid = curve.sensitivity()
    ranges = curve.to_dict()["sensitivity"]
    assert ranges["rho"] == [0.2, 0.95]
    for name in ("estimate_24h", "estimate_7d", "half_life_hours"):
        assert ranges[name] == [grid[name].min(), grid[name].max()]
    assert "over assumed correlations of 0.2 to 0.95: effect at 24 h " in str(curve)
    assert curve.rho_grid() is curve.rho_grid()
    assert durability(table, curve="exponential").to_dict()["sensitivity"] is None
    once = durability(table.drop_duplicates("cohort_id").assign(time_hours=[4, 24, 72, 168] * 5))
    assert once.rho_grid() is None
    assert once.to_dict()["sensitivity"] is None
    assert "over assumed correlations" not in str(once)


def test_hostile_names_are_shown_as_text(example) -> None:
    names = {"a": "<script>alert(1)</script>", "b": "b & <i>", "c": "c\nd", "d": "{0}%s"}
    curve = durability(example.assign(cohort_id=example["cohort_id"].map(names)))
    for shown in (curve.leave_one_out(), curve.same_trials(early=(4, 5), late=(100, 200)), curve):
        assert "<script>" not in shown._repr_html_()
        assert "<i>" not in shown._repr_html_()
        assert str(shown)
        assert repr(shown)
