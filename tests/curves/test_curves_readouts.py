from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri, stdtrit

from ketameta.curves import DurabilityCurve, ReadOut, durability
from ketameta.curves.blocks import rotate
from ketameta.curves.decay import fit_decay
from ketameta.curves.draws import COUNT, simulate
from ketameta.curves.tracing import companions, crossings, trace_curve
from ketameta.errors import ModelError

GRID = 200_001


def _one_trial(hours: list[float], yi: list[float], vi: float = 1e-4) -> pd.DataFrame:
    return pd.DataFrame({"cohort_id": "a", "time_hours": hours, "yi": yi, "vi": vi})


def _dense(curve: DurabilityCurve) -> tuple[np.ndarray, np.ndarray]:
    hours = np.geomspace(*curve.time_range, GRID)
    hours[[0, -1]] = curve.time_range
    return hours, curve.fit.value(hours)


HUMP = _one_trial([2, 24, 72, 168, 672], [-0.4, -1.0, -0.9, -0.4, -0.1])


def test_peak_half_life_and_threshold_equal_a_dense_grid() -> None:
    curve = durability(HUMP, knots=(2, 24, 72, 168, 672))
    hours, line = _dense(curve)
    top = int(np.argmin(line))
    assert curve.peak.value_hours == pytest.approx(hours[top], rel=1e-3)
    assert curve.peak.effect == pytest.approx(line[top], rel=1e-8)
    after = np.arange(GRID) > top
    half = hours[np.flatnonzero(after & (line > line[top] / 2))[0]]
    assert curve.half_life.value_hours == pytest.approx(half, rel=1e-4)
    lost = hours[np.flatnonzero(after & (line > -0.24))[0]]
    out = curve.time_to(-0.24)
    assert out.value_hours == pytest.approx(lost, rel=1e-4)
    assert out.status == "reached"
    upper = line + ndtri(0.975) * curve.fit.se(hours)
    first = int(np.argmin(upper))
    crossed = hours[np.flatnonzero((np.arange(GRID) > first) & (upper > -0.24))[0]]
    assert out.bound_hours == pytest.approx(crossed, rel=1e-4)
    assert out.bound_hours < out.value_hours


def test_a_benefit_above_zero_mirrors_one_below() -> None:
    down = durability(HUMP, knots=(2, 24, 72, 168, 672))
    up = durability(HUMP.assign(yi=-HUMP["yi"]), knots=(2, 24, 72, 168, 672))
    assert up.peak.value == pytest.approx(down.peak.value, rel=1e-6)
    assert up.peak.effect == pytest.approx(-down.peak.effect)
    assert up.half_life.value == pytest.approx(down.half_life.value)
    assert up.time_to(0.24).value == pytest.approx(down.time_to(-0.24).value)
    assert up.time_to(0.24).bound_hours == pytest.approx(down.time_to(-0.24).bound_hours)


def test_simulated_curves_leave_the_pointwise_intervals_as_often_as_they_should() -> None:
    four_sd = 4 * math.sqrt(0.05 * 0.95 / COUNT)
    for table, one_sided in ((HUMP, ndtri(0.95)), (HUMP.assign(cohort_id=list("abcab")), stdtrit(1, 0.95))):
        fit = durability(table, knots=(2, 672)).fit
        traced = trace_curve(fit, 2.0, 672.0)
        lines = companions(fit, traced, simulate(fit, 3)).lines
        for j in (0, 200, 400):
            at = traced.hours[[j]]
            z = (traced.sign * lines[:, j] - fit.value(at)) / fit.se(at)
            assert float(np.mean(z > one_sided)) == pytest.approx(0.05, abs=four_sd)
            assert float(np.mean(z < -one_sided)) == pytest.approx(0.05, abs=four_sd)


def test_interval_of_the_half_life_is_that_of_simulated_curves_searched_one_by_one() -> None:
    curve = durability(HUMP.assign(vi=0.02), knots=(2, 24, 168, 672))
    rng = np.random.default_rng(11)
    hours = np.geomspace(2, 672, 4001)
    basis = curve.fit.shape.gradient(curve.fit.beta, hours)
    times = []
    for beta in rng.multivariate_normal(curve.coefficients, curve.vcov, 4000):
        line = -basis @ beta
        top = int(np.argmax(line))
        below = np.flatnonzero(line[top:] < line[top] / 2)
        times.append(hours[top + below[0]] if below.size else math.inf)
    low, high = np.quantile(times, [0.025, 0.975], method="lower")
    assert curve.half_life.ci_low == pytest.approx(low, rel=0.05)
    assert curve.half_life.ci_high == pytest.approx(high, rel=0.08)
    assert curve.half_life.open_share == pytest.approx(np.isinf(times).mean(), abs=0.01)


def test_same_seed_same_interval_and_another_seed_another() -> None:
    curve = durability(HUMP.assign(vi=0.02))
    assert curve.time_to(-0.24) == curve.time_to(-0.24)
    assert curve.time_to(-0.24, rng=5) == curve.time_to(-0.24, rng=np.random.default_rng(5))
    assert curve.time_to(-0.24, rng=5).ci_low != curve.time_to(-0.24).ci_low


def test_not_reached_is_said() -> None:
    flat = durability(_one_trial([4, 24, 168], [-0.8, -0.75, -0.7]))
    out = flat.half_life
    assert (out.value, out.value_days, out.status, out.ci_high, out.open_share) == (
        None,
        None,
        "not reached",
        math.inf,
        1.0,
    )
    assert "not reached by 7 d, the last measured time" in out.note
    still = flat.time_to(-0.24)
    assert (still.value, still.status, still.bound_hours) == (None, "not reached", math.inf)
    assert "not reached" in str(out)
    assert "not reached" in out.sentence()


def test_a_threshold_beyond_the_peak_is_undefined() -> None:
    curve = durability(HUMP)
    for threshold in (-3.0, 0.5):
        out = curve.time_to(threshold)
        assert (out.value, out.status, out.ci_low, out.ci_high, out.bound_hours) == (
            None,
            "undefined",
            None,
            None,
            None,
        )
        assert "never" in out.note
    assert curve.time_to(-1.2).status == "undefined"


def test_a_threshold_that_the_interval_never_clears_has_no_bound() -> None:
    out = durability(HUMP.assign(vi=0.3)).time_to(-0.6)
    assert out.status == "reached"
    assert out.bound_hours is None
    assert out.ci_low == 0.0


def test_threshold_zero_is_the_loss_of_all_effect() -> None:
    out = durability(_one_trial([4, 24, 168], [-0.8, -0.3, 0.3])).time_to(0.0)
    assert out.status == "reached"
    assert 24 < out.value_hours < 168


@pytest.mark.parametrize("threshold", [math.nan, math.inf, "x", None])
def test_threshold_must_be_a_number(threshold: object) -> None:
    with pytest.raises(ModelError, match="finite number"):
        durability(HUMP).time_to(threshold)  # type: ignore[arg-type]


def test_an_effect_that_cannot_be_told_from_none_has_an_unbounded_half_life() -> None:
    out = durability(_one_trial([4, 24, 168], [-0.1, 0.05, 0.02], vi=1.0)).half_life
    assert (out.ci_low, out.ci_high) == (4.0, math.inf)
    assert "cannot be told from none" in out.note


def test_peaks_at_the_edge_are_named() -> None:
    assert "may come earlier" in durability(_one_trial([4, 24, 168], [-0.9, -0.5, -0.1])).peak.note
    assert "may come later" in durability(_one_trial([4, 24, 168], [-0.1, -0.5, -0.9])).peak.note
    assert "largest" in durability(HUMP).peak.note


def test_retention_is_fiellers_interval() -> None:
    curve = durability(_one_trial([24, 168], [-1.0, -0.5], vi=0.01), rho=0.6)
    out = curve.retention
    assert (out.value, out.unit, out.value_hours) == (pytest.approx(0.5), "ratio", None)
    z2, v, cov = ndtri(0.975) ** 2, 0.01, 0.006
    for ratio in (out.ci_low, out.ci_high):
        assert (-0.5 + ratio) ** 2 == pytest.approx(z2 * (v - 2 * ratio * cov + ratio**2 * v), rel=1e-9)
    assert out.ci_low < 0.5 < out.ci_high


def test_retention_without_an_effect_at_24_hours_is_unbounded() -> None:
    out = durability(_one_trial([24, 168], [-0.1, -0.5], vi=0.1)).retention
    assert (out.ci_low, out.ci_high) == (-math.inf, math.inf)
    assert "nothing bounds" in out.note


def test_retention_needs_both_times() -> None:
    out = durability(_one_trial([240, 672], [-1.0, -0.5])).retention
    assert (out.value, out.status, out.ci_low) == (None, "undefined", None)
    assert "no trial measured near" in out.note


@pytest.mark.parametrize("half_life", [12.0, 120.0, 2000.0])
def test_exact_decay_is_found(half_life: float) -> None:
    hours = np.array([2.0, 24, 72, 168, 336])
    table = _one_trial(hours.tolist(), (-0.9 * 0.5 ** (hours / half_life)).tolist())
    curve = durability(table, curve="exponential")
    assert curve.half_life.value_hours == pytest.approx(half_life, rel=1e-8)
    assert curve.coefficients[0] == pytest.approx(-0.9 * 0.5 ** (2 / half_life), rel=1e-8)
    assert curve.half_life.ci_low < half_life < curve.half_life.ci_high
    assert ("extrapolation" in curve.half_life.note) == (half_life > 334)


@pytest.mark.parametrize("seed", range(3))
def test_profile_interval_stands_where_a_dense_profile_drops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hours = np.array([4.0, 24, 72, 168, 336])
    v = 0.02 * 0.7 ** np.abs(np.subtract.outer(np.log(hours), np.log(hours)))
    yi = -np.exp(-hours / 200) + rng.multivariate_normal(np.zeros(5), v)
    decay = fit_decay(rotate([v]), yi, hours, free=(False, False))
    w = np.linalg.inv(v)

    def deviance(rate: float) -> float:
        x = np.exp(-rate * (hours - 4))
        return float(yi @ w @ yi - (x @ w @ yi) ** 2 / (x @ w @ x))

    rates = np.geomspace(1e-5, 1, 200_001)
    values = np.array([deviance(rate) for rate in rates[::20]])
    assert deviance(decay.rate) <= values.min() + 1e-9
    for bound in (decay.rate_low, decay.rate_high):
        if 0 < bound < math.inf:
            assert deviance(bound) - deviance(decay.rate) == pytest.approx(ndtri(0.975) ** 2, rel=1e-6)


def test_no_decay_is_said() -> None:
    curve = durability(_one_trial([4, 24, 168], [-0.3, -0.5, -0.6], vi=0.02), curve="exponential")
    assert curve.coefficients[1] == 0
    assert (curve.half_life.value, curve.half_life.ci_high) == (None, math.inf)
    assert curve.half_life.ci_low > 0
    assert "no decay can be told" in curve.half_life.note


def test_decay_faster_than_the_times_can_tell_is_said() -> None:
    curve = durability(_one_trial([4, 24, 168], [-1.0, 0.1, 0.05], vi=0.01), curve="exponential")
    assert "between the first two measured times" in curve.half_life.note
    assert curve.half_life.ci_low == 0.0
    assert 0 < curve.half_life.ci_high < math.inf


def test_crossings_interpolate_in_log_time() -> None:
    hours = np.array([1.0, 10.0, 100.0])
    lines = np.array([[1.0, 0.5, 0.0], [1.0, 0.9, 0.8], [0.2, 1.0, 0.0]])
    times = crossings(hours, lines, np.array([0, 0, 1]), np.array([0.25, 0.25, 0.5]))
    np.testing.assert_allclose(times, [10**1.5, math.inf, 10**1.5])


def test_read_out_speaks_in_every_form() -> None:
    out = durability(HUMP).half_life
    assert isinstance(out, ReadOut)
    assert out.to_frame().loc[0, "value"] == out.value
    flat = durability(_one_trial([4, 24, 168], [-0.8, -0.75, -0.7])).half_life.to_dict()
    assert (flat["ci_high"], flat["ci_high_open"], flat["value"]) == (None, True, None)
    json.dumps(flat, allow_nan=False)
    assert "<table>" in out._repr_html_()
    assert str(out).startswith("Half-life")
    with pytest.raises(AttributeError):
        out.value = 1.0  # type: ignore[misc]
