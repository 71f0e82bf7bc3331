"""Shapes that rise and fall: against dense optima, known truths, edges, and what must not matter."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import block_diag
from scipy.optimize import minimize
from scipy.stats import chi2

from ketameta.curves import CurveOptions, durability
from ketameta.curves.decay_shapes import Bateman, Emax, ExponentialDecay, Weibull
from ketameta.curves.inputs import read_rows
from ketameta.curves.model import fit_curve
from ketameta.curves.spec import check_spec
from ketameta.errors import ModelError

HOURS = [2.0, 6.0, 24.0, 72.0, 168.0, 336.0]
TRUTH = {
    "bateman": (Bateman(), (-0.9, math.log(120), math.log(3))),
    "emax": (Emax(), (-1.2, math.log(150), math.log(4))),
    "weibull": (Weibull(), (-1.0, math.log(100), math.log(0.8))),
}


def _table(simulate, curve: str, seed: int = 0, **kwargs) -> pd.DataFrame:
    shape, beta = TRUTH[curve]
    rng = np.random.default_rng(seed)
    settings = {"trials": 14, "hours": HOURS, "tau": 0.2, "omega": 0.1} | kwargs
    return simulate(rng, lambda t: shape.value(np.array(beta), t), **settings)


class Dense:
    """Full likelihood of a table by dense matrices."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.data = read_rows(table)[0]
        self.v = block_diag(*self.data.covariances(rho=0.6, correlation="log-time"))
        self.same = (self.data.trial[:, None] == self.data.trial[None, :]).astype(float)
        self.n = self.data.yi.size

    def covariance(self, tau2: float, omega2: float) -> np.ndarray:
        return self.v + tau2 * self.same + omega2 * np.eye(self.n)

    def loglik(self, mean: np.ndarray, tau2: float, omega2: float) -> float:
        s, r = self.covariance(tau2, omega2), self.data.yi - mean
        return float(
            -0.5 * (self.n * math.log(2 * math.pi) + np.linalg.slogdet(s)[1] + r @ np.linalg.solve(s, r))
        )

    def best(self, mean, start: np.ndarray) -> float:
        def loss(x: np.ndarray) -> float:
            return -self.loglik(mean(x[:-2]), x[-2] ** 2, x[-1] ** 2)

        rng = np.random.default_rng(1)
        starts = [np.r_[start + 0.1 * rng.standard_normal(start.size), 0.2, 0.1] for _ in range(3)]
        found = [minimize(loss, one, method="BFGS", options={"gtol": 1e-7}) for one in starts]
        return -min(one.fun for one in found)


@pytest.mark.parametrize("curve", TRUTH)
def test_ml_is_the_dense_optimum(simulate, curve) -> None:
    table = _table(simulate, curve)
    fit = durability(table, curve=curve, options=CurveOptions(method="ML")).fit
    dense = Dense(table)
    here = dense.loglik(fit.value(dense.data.hours), fit.tau2, fit.omega2)
    assert fit.loglik == pytest.approx(here, abs=1e-9)
    assert here == pytest.approx(
        dense.best(lambda b: fit.shape.value(b, dense.data.hours), fit.beta), abs=1e-6
    )


@pytest.mark.parametrize("seed", [8, 13, 27])
def test_half_lives_that_start_equal_may_part(seed: int) -> None:
    """On these samples a climb from equal half-lives, where the likelihood is even, ends below the maximum."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, float, float, float]] = []
    count, flat = int(rng.integers(5, 9)), rng.random() < 0.5
    for trial in range(count):
        level = rng.normal(0, 0.15)
        for hours in sorted(rng.choice([2, 4, 24, 72, 168, 336], size=rng.integers(3, 6), replace=False)):
            equal = math.e * hours / 40 * math.exp(-hours / 40)
            unequal = math.exp(-hours / 150) - math.exp(-hours / 5)
            effect = -0.9 * (equal if flat else unequal) + level + rng.normal(0, 0.15)
            rows.append((f"t{trial}", float(hours), effect, 0.03))
    table = pd.DataFrame(rows, columns=["cohort_id", "time_hours", "yi", "vi"])
    fit = durability(table, curve="bateman", options=CurveOptions(method="ML")).fit
    dense = Dense(table)
    best = dense.best(lambda b: fit.shape.value(b, dense.data.hours), fit.beta)
    equal_lives = dense.best(lambda b: fit.shape.value(b[[0, 1, 1]], dense.data.hours), fit.beta[[0, 2]])
    assert fit.loglik == pytest.approx(best, abs=1e-6)
    assert fit.loglik > equal_lives + 0.01


@pytest.mark.parametrize("curve", TRUTH)
def test_standard_errors_are_those_of_the_linearised_model(simulate, curve) -> None:
    table = _table(simulate, curve, seed=1)
    dense = Dense(table)
    for method in ("ML", "REML"):
        fit = durability(table, curve=curve, options=CurveOptions(method=method)).fit
        tangent = fit.shape.gradient(fit.beta, dense.data.hours)
        s = dense.covariance(fit.tau2, fit.omega2)
        np.testing.assert_allclose(
            fit.vcov, np.linalg.inv(tangent.T @ np.linalg.solve(s, tangent)), rtol=2e-3, atol=1e-8
        )


@pytest.mark.parametrize("curve", TRUTH)
def test_the_interval_of_the_half_life_ends_where_the_profile_does(simulate, curve) -> None:
    table = _table(simulate, curve, seed=2)
    fit, dense = durability(table, curve=curve).fit, Dense(table)
    life = fit.half_life
    assert 0 < life.low < life.value < life.high < math.inf
    for bound in (life.low, life.high):

        def mean(free: np.ndarray, bound: float = bound) -> np.ndarray:
            return fit.shape.value(np.array([free[0], math.log(bound), free[1]]), dense.data.hours)

        drop = 2 * (fit.loglik - dense.best(mean, fit.beta[[0, 2]]))
        assert drop == pytest.approx(chi2.ppf(0.95, 1), abs=2e-3)


@pytest.mark.parametrize("curve", TRUTH)
def test_parameters_without_noise_come_back(curve) -> None:
    shape, beta = TRUTH[curve]
    times = np.tile(HOURS, 3)
    table = pd.DataFrame(
        {"cohort_id": np.repeat(list("abc"), len(HOURS)), "time_hours": times, "vi": 1e-4}
    ).assign(yi=shape.value(np.array(beta), times))
    np.testing.assert_allclose(durability(table, curve=curve).fit.beta, beta, atol=1e-4)


def test_exponential_is_the_same_on_both_roads(simulate) -> None:
    """With a moderator that explains nothing the general road must give what the plain one gives."""
    table = _table(simulate, "weibull", seed=3)
    plain = durability(table, curve="exponential", options=CurveOptions(method="ML"))
    noise = (np.unique(table["cohort_id"], return_inverse=True)[1] % 2 * 1.0).round()
    dense = Dense(table)
    fit = durability(
        table.assign(x=noise), curve="exponential", moderators="x", options=CurveOptions(method="ML")
    ).fit
    assert isinstance(fit.shape, ExponentialDecay)
    order = np.lexsort((table["time_hours"], table["cohort_id"]))
    x = noise[order] - np.mean(
        [noise[table["cohort_id"] == name][0] for name in sorted(set(table["cohort_id"]))]
    )

    def mean(b: np.ndarray) -> np.ndarray:
        return (b[0] + b[2] * x) * fit.shape.value(np.array([1.0, b[1]]), dense.data.hours)

    start = np.r_[fit.coefficients.values[:2], fit.coefficients.values[2]]
    assert fit.loglik == pytest.approx(dense.best(mean, start), abs=1e-6)
    assert fit.loglik >= plain.loglik - 1e-9


@pytest.mark.parametrize("curve", TRUTH)
@pytest.mark.parametrize("factor", [1e4, 1e-4, -1.0])
def test_units_of_the_effect_do_not_matter(simulate, curve, factor) -> None:
    table = _table(simulate, curve, seed=4)
    one = durability(table, curve=curve).fit
    other = durability(table.assign(yi=table["yi"] * factor, vi=table["vi"] * factor**2), curve=curve).fit
    np.testing.assert_allclose(other.beta[1:], one.beta[1:], atol=1e-4)
    assert other.beta[0] == pytest.approx(factor * one.beta[0], rel=1e-4)
    assert other.tau2 == pytest.approx(factor**2 * one.tau2, rel=1e-3)
    assert other.half_life.high == pytest.approx(one.half_life.high, rel=1e-3)


@pytest.mark.parametrize("curve", TRUTH)
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_units_of_time_do_not_matter(simulate, curve, factor) -> None:
    table = _table(simulate, curve, seed=5)
    one = durability(table, curve=curve).fit
    other = durability(table.assign(time_hours=table["time_hours"] * factor), curve=curve).fit
    assert other.loglik == pytest.approx(one.loglik, abs=1e-7)
    assert other.beta[1] == pytest.approx(one.beta[1] + math.log(factor), abs=1e-4)


@pytest.mark.parametrize("curve", TRUTH)
def test_the_order_of_rows_does_not_matter(simulate, curve) -> None:
    table = _table(simulate, curve, seed=6)
    one, other = (durability(rows, curve=curve).fit for rows in (table, table.sample(frac=1, random_state=1)))
    np.testing.assert_array_equal(one.beta, other.beta)


def test_onset_before_the_first_measurement_is_said_and_counts_as_known() -> None:
    times = np.tile([24.0, 72.0, 168.0, 336.0], 4)
    table = pd.DataFrame(
        {
            "cohort_id": np.repeat(list("abcd"), 4),
            "time_hours": times,
            "yi": -(0.5 ** (times / 100)),
            "vi": 0.01,
        }
    )
    fitted = durability(table, curve="bateman")
    assert "the onset lies before the first measurement and is not identified" in " ".join(fitted.notes)
    assert fitted.fit.vcov[2, 2] == 0
    assert fitted.fit.half_life.value == pytest.approx(100, rel=0.02)
    row = fitted.coefficient_table().iloc[2]
    assert row["term"] == "half-life of onset (h)"
    assert math.isnan(row["ci_low"])
    assert "nan" not in str(fitted)


@pytest.mark.parametrize("curve", [*TRUTH, "exponential"])
def test_no_decay_gives_an_open_half_life(curve) -> None:
    times = np.tile([24.0, 72.0, 168.0, 336.0], 4)
    table = pd.DataFrame({"cohort_id": np.repeat(list("abcd"), 4), "time_hours": times, "vi": 0.02}).assign(
        yi=-0.8 - 0.05 * np.tile([0, 1, -1, 1], 4)
    )
    fitted = durability(table, curve=curve)
    assert "nan" not in str(fitted)
    if curve == "exponential":
        assert fitted.half_life.ci_high == math.inf
    else:
        assert fitted.fit.half_life.high == math.inf


@pytest.mark.parametrize("curve", TRUTH)
def test_flat_zero_and_too_few_times_are_refused(curve) -> None:
    table = pd.DataFrame({"cohort_id": np.repeat(list("abc"), 3), "time_hours": [24, 72, 168] * 3, "vi": 0.1})
    with pytest.raises(ModelError, match="amplitude of zero"):
        durability(table.assign(yi=0.0), curve=curve)
    with pytest.raises(ModelError, match="6 effects at 2 times do not determine the 3 coefficients"):
        durability(table[table["time_hours"] < 100].assign(yi=-0.5), curve=curve)
    with pytest.raises(ModelError, match="all effects were measured at 24 h"):
        durability(table[table["time_hours"] == 24].assign(yi=-0.5), curve=curve)
    with pytest.raises(ModelError, match="yi must be a finite number"):
        durability(table.assign(yi=math.nan), curve=curve)


@pytest.mark.parametrize("trials", [1, 2])
@pytest.mark.parametrize("curve", [*TRUTH, "exponential"])
def test_one_or_two_trials_are_fitted_with_their_notes(curve, trials) -> None:
    times = np.tile([4.0, 24.0, 72.0, 168.0], trials)
    yi = np.tile([-0.5, -0.9, -0.6, -0.2], trials) * np.repeat([1.0, 1.2][:trials], 4)
    table = pd.DataFrame(
        {"cohort_id": np.repeat(list("ab")[:trials], 4), "time_hours": times, "yi": yi, "vi": 0.05}
    )
    fitted = durability(table, curve=curve)
    assert np.isfinite(fitted.at(hours=[4, 100, 168])[["estimate", "se"]]).all(axis=None)
    assert fitted.notes


@pytest.mark.parametrize("curve", [*TRUTH, "exponential", "piecewise", "polynomial"])
def test_far_apart_times_and_effects_of_both_signs(curve) -> None:
    times = np.tile([1e-3, 1.0, 1e3, 1e6], 3)
    yi = np.tile([0.4, -0.9, 0.6, -0.2], 3) + np.repeat([0.0, 0.1, -0.1], 4)
    table = pd.DataFrame({"cohort_id": np.repeat(list("abc"), 4), "time_hours": times, "yi": yi, "vi": 0.05})
    fitted = durability(table, curve=curve, knots=(1e-3, 1e6) if curve == "piecewise" else None)
    assert np.isfinite(fitted.at(hours=[1e-3, 10, 1e6])[["estimate", "se"]]).all(axis=None)


def test_known_half_lives_are_covered(simulate) -> None:
    truth, covered, runs = 120.0, 0, 12
    for seed in range(runs):
        data = read_rows(_table(simulate, "bateman", seed=100 + seed))[0]
        life = fit_curve(data, check_spec("bateman")).half_life
        covered += life.low <= truth <= life.high
    assert covered >= 9


def test_a_fit_is_the_same_whatever_else_the_table_holds(simulate) -> None:
    table = _table(simulate, "emax", seed=7)
    spec = check_spec("emax")
    data = read_rows(table.assign(note="x"))[0]
    one, other = fit_curve(data, spec), fit_curve(dataclasses.replace(data, people=data.people * 2), spec)
    np.testing.assert_array_equal(one.beta, other.beta)
