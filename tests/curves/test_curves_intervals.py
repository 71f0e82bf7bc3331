from __future__ import annotations

import dataclasses
import json
import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtri
from scipy.stats import norm, t

from ketameta.curves import durability
from ketameta.curves.bootstrap import bootstrap
from ketameta.curves.inputs import read_rows
from ketameta.curves.tracing import falls_below, trace_curve
from ketameta.errors import ModelError


def _trial(hours, yi, vi=0.01) -> pd.DataFrame:
    return pd.DataFrame({"cohort_id": "a", "time_hours": hours, "yi": yi, "vi": vi})


HUMP = _trial([2.0, 24, 72, 168, 672], [-0.4, -1.0, -0.9, -0.4, -0.1])
LINE = _trial([4.0, 672], [-1.0, -0.1])


@pytest.fixture(scope="module")
def curve(data_set):
    return durability(data_set("simulated"))


def _moved(curve, find) -> np.ndarray:
    """Change of a time's logarithm with each coefficient, by moving the coefficients."""
    fit, slopes = curve.fit, []
    for j, unit in enumerate(np.eye(fit.beta.size)):
        step = 1e-5 * math.sqrt(fit.vcov[j, j])
        up, down = (find(partial(fit.shape.value, fit.beta + sign * step * unit)) for sign in (1, -1))
        slopes.append((math.log(up) - math.log(down)) / (2 * step))
    return np.array(slopes)


def _crossing(line, goal: float, low: float, high: float) -> float:
    return math.exp(
        brentq(lambda x: float(line(np.exp([x]))[0]) - goal, math.log(low), math.log(high), xtol=1e-14)
    )


def _bottom(line, low: float, high: float) -> float:
    found = minimize_scalar(
        lambda x: float(line(np.exp([x]))[0]),
        bounds=(math.log(low), math.log(high)),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return math.exp(found.x)


def test_delta_interval_of_a_time_follows_the_coefficients(curve) -> None:
    out = curve.time_to(-0.5, interval="delta")
    slope = _moved(curve, lambda line: _crossing(line, -0.5, curve.peak.value, 672))
    width = curve.fit.quantile * math.sqrt(slope @ curve.fit.vcov @ slope)
    assert out.ci_low == pytest.approx(out.value * math.exp(-width), rel=1e-5)
    high = out.value * math.exp(width)
    assert out.ci_high == (pytest.approx(high, rel=1e-5) if high <= 672 else math.inf)


def test_delta_interval_of_the_half_life_lets_the_peak_move() -> None:
    curve = durability(HUMP, knots=(2, 24, 168, 672))

    def half(line) -> float:
        top = _bottom(line, 6, 100)
        return _crossing(line, float(line(np.array([top]))[0]) / 2, top, 672)

    out = curve.read_out("half-life", interval="delta")
    slope = _moved(curve, half)
    width = ndtri(0.975) * math.sqrt(slope @ curve.fit.vcov @ slope)
    assert out.ci_low == pytest.approx(out.value * math.exp(-width), rel=1e-4)
    assert out.ci_high == pytest.approx(out.value * math.exp(width), rel=1e-4)
    assert out.value == curve.half_life.value


def test_delta_interval_of_the_peak_follows_the_coefficients() -> None:
    curve = durability(HUMP, knots=(2, 24, 168, 672))
    fit, slopes = curve.fit, []
    grid = np.linspace(math.log(10), math.log(60), 20001)

    def top(beta) -> float:
        line = fit.shape.value(beta, np.exp(grid))
        j = int(np.argmin(line))
        a, b, c = line[j - 1 : j + 2]
        return float(grid[j] + 0.5 * (a - c) / (a - 2 * b + c) * (grid[1] - grid[0]))

    for j in range(fit.beta.size):
        step = 0.1 * math.sqrt(fit.vcov[j, j]) * np.eye(fit.beta.size)[j]
        slopes.append((top(fit.beta + step) - top(fit.beta - step)) / (2 * step[j]))
    width = ndtri(0.975) * math.sqrt(np.array(slopes) @ fit.vcov @ np.array(slopes))
    out = curve.read_out("peak", interval="delta")
    assert out.ci_low == pytest.approx(out.value * math.exp(-width), rel=0.01)
    assert out.ci_high == pytest.approx(out.value * math.exp(width), rel=0.01)


def test_at_the_edge_of_the_data_the_delta_method_gives_no_peak_interval() -> None:
    out = durability(LINE).read_out("peak", interval="delta")
    assert (out.ci_low, out.ci_high) == (None, None)
    assert "no interval at the edge" in out.note
    assert str(out)


def test_profile_interval_of_a_half_life_is_that_of_the_constrained_line() -> None:
    curve = durability(LINE.assign(vi=0.03))
    out = curve.read_out("half-life", interval="profile")
    b, v = curve.fit.beta, np.linalg.inv(curve.fit.vcov)
    x = math.log(672 / 4)

    def deviance(hours: float) -> float:
        direction = np.array([1.0, 1 - x / (2 * math.log(hours / 4))])
        best = (direction @ v @ b) / (direction @ v @ direction)
        gap = b - best * direction
        return float(gap @ v @ gap)

    for bound in (out.ci_low, out.ci_high):
        assert 4 < bound < 672
        assert deviance(bound) == pytest.approx(ndtri(0.975) ** 2, rel=2e-3)
    assert deviance(out.value) == pytest.approx(0.0, abs=1e-9)
    assert out.ci_low < out.value < out.ci_high


def test_profile_interval_of_a_crossing_is_where_the_bounds_cross(curve) -> None:
    out = curve.time_to(-0.5, interval="profile")
    assert out.ci_low == pytest.approx(out.bound_hours, rel=1e-4)
    traced = trace_curve(curve.fit, *curve.time_range, sign=-1.0)
    far = falls_below(
        lambda h: curve.fit.value(h) - curve.fit.quantile * curve.fit.se(h),
        traced.line + curve.fit.quantile * curve.fit.se(traced.hours),
        traced,
        -0.5,
    )
    assert out.ci_high == (math.inf if far is None else pytest.approx(far, rel=1e-4))


def test_profile_intervals_stay_open_where_nothing_is_excluded() -> None:
    vague = durability(HUMP.assign(vi=0.5))
    half = vague.read_out("half-life", interval="profile")
    assert (half.ci_low, half.ci_high) == (2.0, math.inf)
    reach = vague.time_to(-0.5, interval="profile")
    assert (reach.ci_low, reach.ci_high) == (0.0, math.inf)
    sure = durability(HUMP.assign(vi=1e-4)).time_to(0.5, interval="profile")
    assert (sure.ci_low, sure.ci_high, sure.status) == (None, None, "undefined")


def test_profile_set_of_the_peak_holds_what_no_other_time_exceeds() -> None:
    curve = durability(HUMP, knots=(2, 24, 168, 672))
    out = curve.read_out("peak", interval="profile")
    hours = np.geomspace(2, 672, 801)
    basis = curve.fit.shape.gradient(curve.fit.beta, hours)
    inside = []
    for row in basis:
        contrast = basis - row
        z = (contrast @ curve.fit.beta) / np.sqrt(
            np.maximum(np.einsum("ij,jk,ik->i", contrast, curve.fit.vcov, contrast), 1e-30)
        )
        inside.append(z.min() >= -ndtri(0.975))
    kept = hours[np.array(inside)]
    assert out.ci_low == pytest.approx(kept[0], rel=0.02)
    assert out.ci_high == pytest.approx(kept[-1], rel=0.02)
    assert out.ci_low < curve.peak.value < out.ci_high


def test_three_roads_to_a_precise_half_life_meet() -> None:
    curve = durability(
        _trial([2.0, 24, 72, 168, 672], [-0.4, -1.0, -0.9, -0.4, -0.1], 2e-4), knots=(2, 24, 168, 672)
    )
    ends = [curve.read_out("half-life", interval=kind) for kind in ("delta", "profile", "simulation")]
    width = math.log(ends[0].ci_high / ends[0].ci_low)
    for one in ends[1:]:
        assert math.log(one.ci_low / ends[0].ci_low) == pytest.approx(0, abs=0.08 * width)
        assert math.log(one.ci_high / ends[0].ci_high) == pytest.approx(0, abs=0.08 * width)
    assert ends[2] == curve.half_life


def test_intervals_of_the_half_life_of_an_exponential(curve, data_set) -> None:
    decay = durability(data_set("simulated"), curve="exponential")
    assert decay.read_out("half-life", interval="profile") == decay.half_life
    delta = decay.read_out("half-life", interval="delta")
    assert delta.value == decay.half_life.value
    rate, se = decay.coefficients[1], math.sqrt(decay.vcov[1, 1])
    assert delta.ci_low == pytest.approx(math.log(2) / rate * math.exp(-decay.fit.quantile * se / rate))
    drawn = decay.read_out("half-life", interval="simulation")
    quantiles = rate + se * t.ppf([0.975, 0.025], decay.df)
    assert drawn.ci_low == pytest.approx(math.log(2) / quantiles[0], rel=0.05)
    assert drawn.ci_high == (
        math.inf if quantiles[1] <= 0 else pytest.approx(math.log(2) / quantiles[1], rel=0.1)
    )
    half = decay.read_out("half of peak")
    assert half.value == pytest.approx(decay.half_life.value + decay.time_range[0], rel=1e-8)
    assert decay.read_out("half-life of decay").value == decay.half_life.value
    with pytest.raises(ModelError, match="linear in their coefficients"):
        decay.read_out("peak", interval="profile")
    with pytest.raises(ModelError, match="no half-life of decay"):
        curve.read_out("half-life of decay")


def test_retention_by_the_delta_method_and_by_simulation(curve) -> None:
    fieller = curve.retention
    assert curve.read_out("retention", interval="profile") == fieller
    delta = curve.read_out("retention", interval="delta")
    assert delta.ci_high - delta.value == pytest.approx(delta.value - delta.ci_low)
    hours, step = np.array([168.0, 24.0]), 1e-6
    basis = curve.fit.shape.gradient(curve.fit.beta, hours)
    slope = [
        np.divide(*(basis @ (curve.fit.beta + step * e))) / step
        - np.divide(*(basis @ (curve.fit.beta - step * e))) / step
        for e in np.eye(curve.fit.beta.size)
    ]
    se = math.sqrt(np.array(slope) @ curve.fit.vcov @ np.array(slope)) / 2
    assert delta.ci_high - delta.value == pytest.approx(curve.fit.quantile * se, rel=1e-6)
    drawn = curve.read_out("retention", interval="simulation")
    assert drawn.ci_low == pytest.approx(fieller.ci_low, abs=0.3 * se)
    assert drawn.ci_high == pytest.approx(fieller.ci_high, abs=0.3 * se)


def test_prediction_bound_crosses_first(curve) -> None:
    out = curve.time_to(-0.2)
    hours = np.geomspace(*curve.time_range, 200_001)
    at = curve.at(hours=np.clip(hours, *curve.time_range))
    for column, found in (("ci_high", out.bound_hours), ("pi_high", out.prediction_hours)):
        bound = at[column].to_numpy()
        top = int(np.argmin(bound))
        late = np.flatnonzero((np.arange(bound.size) > top) & (bound > -0.2))
        if bound[top] > -0.2:
            assert found is None
        else:
            assert found == (pytest.approx(hours[late[0]], rel=1e-3) if late.size else math.inf)
    assert "PI beyond it" in out.sentence()
    assert out.to_dict()["prediction_open"] is (out.prediction_hours == math.inf)


def test_share_of_new_trials_follows_the_prediction_interval(curve) -> None:
    at = curve.at(days=[1, 7])
    for j, days in enumerate((1, 7)):
        row = at.iloc[j]
        low = curve.share_beyond(float(row["pi_low"]), days=days).iloc[0]
        assert low["share"] == pytest.approx(0.025)
        share = curve.share_beyond(-0.24, days=days).iloc[0]
        spread = math.sqrt(row["se"] ** 2 + curve.tau2 + curve.omega2)
        assert share["share"] == pytest.approx(t.cdf((-0.24 - row["estimate"]) / spread, curve.df))
        assert share["mean"] == pytest.approx(t.cdf((-0.24 - row["estimate"]) / row["se"], curve.df))
        assert share["side"] == "below"
        above = curve.share_beyond(0.24, days=days).iloc[0]
        assert above["side"] == "above"
        assert above["share"] < 0.05
        assert curve.share_beyond(0, days=days).iloc[0]["side"] == "below"


def test_share_under_normal_intervals(data_set) -> None:
    curve = durability(data_set("simulated"), ci="Wald")
    row, share = curve.at(days=7).iloc[0], curve.share_beyond(-0.24, days=7).iloc[0]
    spread = math.sqrt(row["se"] ** 2 + curve.tau2 + curve.omega2)
    assert share["share"] == pytest.approx(norm.cdf((-0.24 - row["estimate"]) / spread))


@pytest.mark.parametrize("bad", [math.nan, "x", None, True, math.inf, 1j])
def test_a_share_needs_a_number(curve, bad) -> None:
    with pytest.raises(ModelError, match="finite number"):
        curve.share_beyond(bad, days=7)


def test_unknown_read_outs_and_intervals_are_refused(curve) -> None:
    with pytest.raises(ModelError, match="choose one of peak, half-life"):
        curve.read_out("area")
    with pytest.raises(ModelError, match="choose one of delta"):
        curve.read_out("peak", interval="exact")
    with pytest.raises(ModelError, match="outside the measured times"):
        curve.share_beyond(-0.24, days=100)


def test_bootstrap_intervals_are_percentiles_of_refitted_curves(curve) -> None:
    data, spec = read_rows(curve.rows)[0], dataclasses.replace(curve.spec, knots=curve.knots_hours)
    found = bootstrap(data, spec, curve.fit, rng=1)
    hours = np.geomspace(4, 672, 20_001)
    hours[-1] = 672
    basis = curve.fit.shape.basis(hours)
    halves, areas = [], []
    weights = np.gradient(hours) / 24
    weights[[0, -1]] = np.diff(hours)[[0, -1]] / 48
    for beta in found.beta:
        line = -basis @ beta
        top = int(np.argmax(line))
        below = np.flatnonzero(line[top:] < line[top] / 2)
        halves.append(hours[top + below[0]] if below.size else math.inf)
        areas.append(-float(weights @ line))
    out = curve.read_out("half-life", interval="bootstrap")
    assert "1000 curves refitted" in out.method
    assert out.value == curve.half_life.value
    assert out.ci_low == pytest.approx(np.quantile(halves, 0.025, method="lower"), rel=2e-3)
    high = np.quantile(halves, 0.975, method="higher")
    assert out.ci_high == (math.inf if math.isinf(high) else pytest.approx(high, rel=2e-3))
    area = curve.effect_days(28, interval="bootstrap")
    assert area.ci_low == pytest.approx(np.quantile(areas, 0.025, method="lower"), rel=1e-5)
    assert area.ci_high == pytest.approx(np.quantile(areas, 0.975, method="higher"), rel=1e-5)
    assert curve.time_to(-0.5, interval="bootstrap", rng=5) == curve.time_to(
        -0.5, interval="bootstrap", rng=5
    )


def test_interval_of_a_share_lets_mean_and_heterogeneity_vary(curve) -> None:
    data, spec = read_rows(curve.rows)[0], dataclasses.replace(curve.spec, knots=curve.knots_hours)
    found = bootstrap(data, spec, curve.fit, rng=1)
    at = curve.fit.shape.value(found.beta, np.array([168.0]))[:, 0]
    shares = norm.cdf((-0.24 - at) / np.sqrt(found.tau2 + found.omega2))
    row = curve.share_beyond(-0.24, days=7, interval="bootstrap").iloc[0]
    assert row["share_low"] == pytest.approx(np.quantile(shares, 0.025, method="lower"))
    assert row["share_high"] == pytest.approx(np.quantile(shares, 0.975, method="higher"))
    assert row["share_low"] < row["share"] < row["share_high"]
    with pytest.raises(ModelError, match="'bootstrap' or None"):
        curve.share_beyond(-0.24, days=7, interval="delta")


def test_a_share_without_heterogeneity_is_all_or_none() -> None:
    curve = durability(HUMP)
    row = curve.share_beyond(-0.24, hours=24, interval="bootstrap").iloc[0]
    assert (row["share_low"], row["share_high"]) == (1.0, 1.0)
    assert row["share"] == row["mean"]


@pytest.mark.parametrize("hours", [(4.0, 24.0, 168.0), (1e-3, 24.0, 1e6), (24.0, 24.4, 25.0)])
@pytest.mark.parametrize("unit", [1.0, -1.0, 1e4, 1e-4, 0.0])
@pytest.mark.parametrize("trials", ["aaaaaaaaa", "aaabbbccc"])
def test_whatever_the_units_signs_and_times_read_outs_hold_together(hours, unit, trials) -> None:
    yi = unit * np.array([-0.5, -0.8, 0.3, -0.4, -0.9, -0.2, -0.5, -0.7, 0.4])
    es = pd.DataFrame(
        {"cohort_id": list(trials), "time_hours": hours * 3, "yi": yi, "vi": 0.04 * (unit or 1.0) ** 2}
    )
    curve = durability(es.iloc[:3] if trials[-1] == "a" else es)
    for kind in ("delta", "profile", "simulation"):
        outs = [curve.read_out(name, interval=kind) for name in ("peak", "half-life", "half of peak")]
        outs += [curve.time_to(goal * (unit or 1.0), interval=kind) for goal in (-0.24, 0.24, -50.0)]
        outs += [curve.time_to(0, interval=kind)]
        for out in outs:
            assert out.ci_low is None or 0 <= out.ci_low <= out.ci_high
            assert out.sentence().endswith(".")
            json.dumps(out.to_dict(), allow_nan=False)
    for kind in ("pointwise", "simultaneous", "prediction"):
        assert np.isfinite(curve.bands(kind=kind)[["low", "high"]].to_numpy()).all()
    assert curve.share_beyond(-0.24, hours=hours)["share"].between(0, 1).all()
    json.dumps(curve.to_dict(), allow_nan=False)
