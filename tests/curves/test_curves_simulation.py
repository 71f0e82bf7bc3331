"""Small simulations with fixed seeds; bounds are four binomial standard deviations around the nominal level."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketameta.curves import durability

HOURS = [4.0, 24.0, 72.0, 168.0, 336.0, 672.0]


def _bounds(share: float, runs: int) -> tuple[float, float]:
    sd = math.sqrt(share * (1 - share) / runs)
    return share - 4 * sd, min(share + 4 * sd, 1.0)


def test_a_known_half_life_is_recovered_and_covered(simulate) -> None:
    rng, runs, truth = np.random.default_rng(7), 16, 150.0
    found, covered = [], 0
    for _ in range(runs):
        table = simulate(rng, lambda t: -0.9 * 0.5 ** (t / truth), trials=15, hours=HOURS, tau=0.2, omega=0.1)
        out = durability(table, curve="exponential").half_life
        found.append(out.value)
        covered += out.ci_low <= truth <= out.ci_high
    assert float(np.median(found)) == pytest.approx(truth, rel=0.2)
    low, high = _bounds(0.95, runs)
    assert low <= covered / runs <= high


def test_intervals_of_the_effect_and_of_a_new_trial_cover(simulate) -> None:
    rng, runs, tau, omega = np.random.default_rng(8), 100, 0.25, 0.1
    at, covered, predicted, tau2, omega2 = 24.0, 0, 0, [], []

    def curve(t):
        return -0.8 + 0.15 * np.log(t / 24)

    for _ in range(runs):
        fitted = durability(
            simulate(rng, curve, trials=10, hours=HOURS, tau=tau, omega=omega), knots=(4, 672)
        )
        row = fitted.at(hours=at).iloc[0]
        truth = float(curve(at))
        new = truth + tau * rng.standard_normal() + omega * rng.standard_normal()
        covered += row["ci_low"] <= truth <= row["ci_high"]
        predicted += row["pi_low"] <= new <= row["pi_high"]
        tau2.append(fitted.tau2)
        omega2.append(fitted.omega2)
    low, high = _bounds(0.95, runs)
    assert low <= covered / runs <= high
    assert low <= predicted / runs <= high
    assert np.mean(tau2) == pytest.approx(tau**2, abs=4 * np.std(tau2) / math.sqrt(runs))
    assert np.mean(omega2) == pytest.approx(omega**2, abs=4 * np.std(omega2) / math.sqrt(runs))


def test_a_half_life_read_off_the_spline_is_covered(simulate) -> None:
    rng, runs = np.random.default_rng(9), 60
    knots = np.array([4.0, 72.0, 672.0])
    heights = np.array([-0.9, -0.6, -0.1])
    exact = durability(
        simulate(rng, lambda t: np.interp(t, knots, heights), trials=3, hours=HOURS), knots=knots
    ).fit.shape

    def curve(t):
        return exact.value(heights, np.asarray(t, dtype=float))

    fine = np.geomspace(4, 672, 100_001)
    line = -curve(fine)
    top = int(np.argmax(line))
    truth = fine[top + np.flatnonzero(line[top:] < line[top] / 2)[0]]
    covered = 0
    for _ in range(runs):
        table = simulate(rng, curve, trials=20, hours=HOURS, tau=0.15, omega=0.05)
        out = durability(table, knots=knots).half_life
        covered += out.ci_low <= truth <= out.ci_high
    low, high = _bounds(0.95, runs)
    assert low <= covered / runs <= high
