"""Half-lives of shapes that rise and fall: intervals of the profile likelihood against dense likelihoods."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq, minimize_scalar

from ketameta.curves import CurveOptions, durability
from ketameta.curves.decay_profile import DecayProfile
from ketameta.curves.decay_shapes import Bateman, Emax, ExponentialDecay, Weibull
from ketameta.curves.inputs import read_rows
from ketameta.curves.tracing import crossings

TIMES = np.array([2.0, 6.0, 24.0, 72.0, 120.0, 168.0, 240.0, 336.0])
Q = 1.959963984540054**2 / 2


def one_trial(v: float = 0.004) -> pd.DataFrame:
    wobble = 0.02 * np.array([1, -1, 0.5, -0.5, 1, -1, 0.3, -0.2])
    yi = -0.9 * TIMES / (3 + TIMES) * 2.0 ** (-TIMES / 100) + wobble
    return pd.DataFrame({"cohort_id": "a", "time_hours": TIMES, "yi": yi, "vi": v})


def trials() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for i in range(7):
        t = np.sort(rng.choice(TIMES, 4, replace=False))
        y = -0.9 * 2.0 ** (-t / 150) + 0.1 * rng.standard_normal() + 0.15 * rng.standard_normal(4)
        rows += [(f"trial {i}", *cells) for cells in zip(t, y, strict=True)]
    return pd.DataFrame(rows, columns=["cohort_id", "time_hours", "yi"]).assign(vi=0.03)


def height(curve: str, hours: np.ndarray, life: float, other: float) -> np.ndarray:
    if curve == "weibull":
        return 2.0 ** (-((hours / life) ** other))
    if curve == "emax":
        return hours / (other + hours) * 2.0 ** (-hours / life)
    return 2.0 ** (-hours / life) - 2.0 ** (-hours / other)


def half_time(curve: str, life: float, other: float) -> float:
    grid = np.geomspace(TIMES[0], 1e5, 20001)
    line = height(curve, grid, life, other)
    top = int(line.argmax())
    if line[top] == 0:
        return float(TIMES[0])
    j = top + int(np.argmax(line[top:] < line[top] / 2))
    share = (line[j - 1] - line[top] / 2) / (line[j - 1] - line[j])
    return float(np.exp(np.log(grid[j - 1]) + share * np.log(grid[j] / grid[j - 1])))


def dense_profile(es: pd.DataFrame, curve: str, time: float) -> float:
    """Highest log-likelihood of a single trial at a time of half the peak, by a dense covariance."""
    v = read_rows(es)[0].covariances(rho=0.6, correlation="log-time")[0]
    y = es["yi"].to_numpy()

    def loglik(log_other: float) -> float:
        other = math.exp(log_other)
        low = math.log(other * 1.0001) if curve == "bateman" else math.log(TIMES[0] / 20)
        if (half_time(curve, math.exp(low), other) > time) or half_time(curve, 1e4, other) < time:
            return -1e6
        life = math.exp(
            brentq(lambda x: half_time(curve, math.exp(x), other) - time, low, math.log(1e4), xtol=1e-9)
        )
        x = height(curve, TIMES, life, other)
        beta = (x @ np.linalg.solve(v, y)) / (x @ np.linalg.solve(v, x))
        rest = y - beta * x
        return float(
            -0.5
            * (rest @ np.linalg.solve(v, rest) + np.linalg.slogdet(v)[1] + y.size * math.log(2 * math.pi))
        )

    ends = {
        "weibull": (math.log(0.1), math.log(10)),
        "emax": np.log([0.02, 33600]),
        "bateman": np.log([0.1, 200]),
    }
    grid = np.linspace(*ends[curve], 25)
    best = grid[int(np.argmax([loglik(x) for x in grid]))]
    step = grid[1] - grid[0]
    bounds = (max(best - step, grid[0]), min(best + step, grid[-1]))
    return -float(minimize_scalar(lambda x: -loglik(x), bounds=bounds, method="bounded").fun)


@pytest.mark.parametrize("curve", ["weibull", "emax", "bateman"])
def test_ends_are_where_the_dense_profile_has_dropped(curve):
    es = one_trial()
    found = durability(es, curve=curve)
    out = found.half_life
    assert TIMES[0] < out.ci_low < out.value < out.ci_high < TIMES[-1]
    assert "profile" in out.method
    for end in (out.ci_low, out.ci_high):
        assert found.fit.loglik_ml - dense_profile(es, curve, end) == pytest.approx(Q, abs=0.02)


def test_a_wider_level_gives_a_wider_interval():
    lows, highs = zip(
        *(
            (out.ci_low, out.ci_high)
            for out in (durability(one_trial(), curve="emax", level=x).half_life for x in (0.5, 0.95, 0.999))
        ),
        strict=True,
    )
    assert lows[0] > lows[1] > lows[2]
    assert highs[0] < highs[1] < highs[2]


def test_a_shape_on_its_bound_is_not_taken_as_known():
    """The exponential is a Weibull of shape 1: where it fits nearly as well, its half-life is in the interval."""
    yi = [-0.72, -0.54, -0.28, -0.34, -0.34, -0.11, -0.15, 0.12]
    es = one_trial(v=0.04).assign(yi=yi)
    found, simpler = (durability(es, curve=name) for name in ("weibull", "exponential"))
    assert any("largest that was tried" in note for note in found.notes)
    assert 0 < found.fit.loglik_ml - simpler.fit.loglik_ml < Q
    time = TIMES[0] + simpler.half_life.value
    assert found.half_life.ci_low < time < found.half_life.ci_high
    assert time < found.read_out("half-life", interval="simulation").ci_low


@pytest.mark.parametrize("curve", ["weibull", "emax", "bateman"])
@pytest.mark.parametrize("factor", [-1.0, 1e4, 1e-4])
def test_unit_and_sign_do_not_matter(curve, factor):
    es = trials()
    other = es.assign(yi=es["yi"] * factor, vi=es["vi"] * factor**2)
    first, second = (durability(x, curve=curve).half_life for x in (es, other))
    assert second.value == pytest.approx(first.value, rel=1e-5)
    assert second.ci_low == pytest.approx(first.ci_low, rel=1e-3)
    assert second.ci_high == pytest.approx(first.ci_high, rel=1e-3)


@pytest.mark.parametrize("scale", [1e4, 1e7])
def test_effects_far_above_their_errors_end_without_a_warning(scale):
    yi = [-9, -8, -3, -7, -6, -5, -9.5, -10, -4, -7, -6, -2]
    es = pd.DataFrame(
        {"cohort_id": list("aaabbbcccddd"), "time_hours": [4, 24, 168] * 4, "yi": yi, "vi": 0.05}
    )
    es["yi"] *= scale / 10
    out = durability(es, curve="weibull").half_life
    assert out.value == pytest.approx(142.11, rel=1e-3)


def test_profile_can_be_asked_for_and_goes_into_json():
    for curve in ("weibull", "emax", "bateman", "exponential"):
        found = durability(trials(), curve=curve)
        asked, default = found.read_out("half-life", interval="profile"), found.half_life
        assert (asked.ci_low, asked.ci_high) == (default.ci_low, default.ci_high)
        json.dumps(found.to_dict(), allow_nan=False)


def test_refits_do_not_profile(monkeypatch):
    found = durability(trials(), curve="bateman")

    def refused(*_):
        raise RuntimeError("profiled")

    monkeypatch.setattr(DecayProfile, "_of_decay", refused)
    monkeypatch.setattr(DecayProfile, "half_of_peak", refused)
    assert len(found.sensitivity([0.3, 0.6])) == 2
    assert len(found.leave_one_out().trials) == 7


def test_table_of_stated_moderators_keeps_estimate_and_interval_together():
    es = trials()
    es["route"] = np.where(es["cohort_id"].isin(["trial 0", "trial 1", "trial 2"]), "iv", "nasal")
    found = durability(es, curve="exponential", options=CurveOptions(decay_moderators="route"))
    row = found.given(route="nasal").coefficient_table().iloc[1]
    assert row["ci_low"] < row["estimate"] < row["ci_high"]
    assert math.log(row["estimate"] / row["ci_low"]) == pytest.approx(
        math.log(row["ci_high"] / row["estimate"])
    )


@pytest.mark.parametrize(
    ("shape", "logs"),
    [
        (Bateman(), np.log([[100.0, 5.0], [30.0, 29.9999], [8.0, 8.0], [3.0, 60.0]])),
        (Emax(), np.log([[100.0, 5.0], [30.0, 300.0], [500.0, 0.5], [9.0, 9.0]])),
    ],
)
def test_top_is_the_highest_point(shape, logs):
    grid = np.geomspace(0.1, 1e4, 200001)
    heights = shape.relative(logs[:, None], grid)[0]
    np.testing.assert_allclose(shape.top(logs), grid[heights.argmax(axis=1)], rtol=1e-3)


def test_curves_that_only_fall_are_highest_at_dosing():
    assert Weibull().top(np.zeros((3, 2))).tolist() == [0.0] * 3
    assert ExponentialDecay(1.0).top(np.zeros((2, 1))).tolist() == [0.0] * 2


def test_crossing_of_a_line_that_lies_short_of_its_goal_throughout():
    """The steps of a line near the smallest of floats are no divisors."""
    lines = np.array([[2e-310, 1e-310, 0.0], [1.0, 0.5, 0.0]])
    found = crossings(np.array([1.0, 2.0, 4.0]), lines, np.zeros(2, dtype=np.int64), np.array([0.5, 0.25]))
    np.testing.assert_allclose(found, [1.0, 2.0 * math.sqrt(2)])
