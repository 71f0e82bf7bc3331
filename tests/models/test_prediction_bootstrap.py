"""Prediction by bootstrap, and the distribution of Q that tau2 is drawn from."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models.prediction import bootstrap
from ketameta.models.quadratic_forms import draw_tau2, generalised_q, generalised_q_cdf

from .interval_trials import SBP, SBP_SE, VI, YI

REFERENCE = Path(__file__).parents[1] / "reference"
PIMETA = pd.read_csv(REFERENCE / "prediction_bootstrap.csv").set_index("set")
PIMETA_INPUTS = pd.read_csv(REFERENCE / "prediction_bootstrap_inputs.csv")


@pytest.mark.parametrize("k", [2, 3, 10, 100, 5000])
def test_distribution_of_q_is_chi_square_without_heterogeneity(k: int) -> None:
    v = np.random.default_rng(k).uniform(0.1, 1.0, k)
    q = stats.chi2.ppf([1e-6, 0.025, 0.3, 0.5, 0.8, 0.975, 1 - 1e-6], k - 1)
    found = generalised_q_cdf(q, v, 1.0 / v, 0.0)
    assert found == pytest.approx(stats.chi2.cdf(q, k - 1), rel=0.0, abs=2e-12)
    far = generalised_q_cdf([0.0, 50.0 * k + 500.0], v, 1.0 / v, 0.0)
    assert far.tolist() == [0.0, 1.0]


def test_distribution_of_q_agrees_with_imhofs_integral() -> None:
    """Imhof (1961), Biometrika 48:419-426, on the eigenvalues, where many of them let the integral converge."""
    rng = np.random.default_rng(8)
    for _ in range(4):
        v, a, tau2 = rng.uniform(0.02, 1.0, 9), rng.uniform(0.2, 5.0, 9), rng.uniform(0.0, 1.0)
        root = np.sqrt(v + tau2)
        matrix = np.diag(a) - np.outer(a, a) / a.sum()
        weights = np.linalg.eigvalsh(root[:, None] * matrix * root)[1:]
        q = weights.sum() * rng.uniform(0.2, 2.0)

        def integrand(u: float, weights: Array = weights, q: float = q) -> float:
            angle = 0.5 * np.arctan(weights * u).sum() - 0.5 * q * u
            return float(np.sin(angle) / (u * np.prod(1.0 + (weights * u) ** 2) ** 0.25))

        tail = integrate.quad(integrand, 0.0, 400.0 / weights.max(), limit=2000, epsabs=1e-12)[0]
        assert generalised_q_cdf(q, v, a, tau2) == pytest.approx(0.5 - tail / math.pi, abs=1e-8)


def test_one_study_that_outweighs_all_others() -> None:
    """Two studies: Q is then a single chi-square times a1 a2 / (a1 + a2) (s1 + s2)."""
    v, a = np.array([1e-9, 1.0]), np.array([1e9, 1.0])
    scale = a.prod() / a.sum() * v.sum()
    q = scale * stats.chi2.ppf([0.025, 0.5, 0.975], 1)
    assert generalised_q_cdf(q, v, a, 0.0) == pytest.approx([0.025, 0.5, 0.975], abs=1e-10)
    for vi in ([1e-9, 1.0], [1e-12, 1.0, 1e12]):
        yi = [0.25, 1.5, -0.75][: len(vi)]
        low, high = generalised_q(yi, vi)
        assert 0.0 <= low <= high < math.inf
        assert np.isfinite(bootstrap(np.array(yi), np.array(vi), level=0.95, draws=1000, rng=1).draws).all()


def test_bootstrap_does_not_depend_on_the_unit() -> None:
    for y, v in ((SBP, SBP_SE**2), (YI, VI), (YI[:2], VI[:2])):
        one = bootstrap(y, v, level=0.95, draws=2000, rng=5).draws
        for unit in (1e4, 1e-4, 7.7, 1e-30):
            two = bootstrap(y * unit, v * unit**2, level=0.95, draws=2000, rng=5).draws
            np.testing.assert_allclose(two / unit, one, rtol=1e-10, atol=1e-11)
        moved = bootstrap(y + 1e6, v, level=0.95, draws=2000, rng=5).draws
        np.testing.assert_allclose(moved - 1e6, one, rtol=0.0, atol=2e-9 * np.abs(one).max())


def test_draws_follow_the_confidence_distribution() -> None:
    u = np.linspace(0.001, 0.999, 99)
    for y, v in ((YI, VI), (np.array([0.0, 5.0, 9.0]), np.array([0.01, 0.02, 0.05])), (YI[:2], VI[:2])):
        tau2 = draw_tau2(y, v, u)
        w = 1.0 / v
        q = float((w * (y - (w * y).sum() / w.sum()) ** 2).sum())
        back = 1.0 - generalised_q_cdf(q, v, w, tau2)
        assert back[tau2 > 0] == pytest.approx(u[tau2 > 0], rel=1e-6)
        assert (back[tau2 == 0] >= u[tau2 == 0]).all()
        assert (np.diff(tau2) >= 0).all()
    assert draw_tau2([0.3, 0.3], [0.1, 0.2], u).max() == 0.0
    with pytest.raises(ModelError, match="two studies"):
        draw_tau2([0.3], [0.1], u)


def test_bootstrap_agrees_with_what_pimeta_prints() -> None:
    """Its vignette prints [-0.8807, 0.2240], its reference page [-0.8789, 0.2165], 25,000 draws each."""
    low, high = bootstrap(SBP, SBP_SE**2, level=0.95, draws=200_000, rng=3).interval()
    assert low == pytest.approx((-0.8807 - 0.8789) / 2.0, abs=0.01)
    assert high == pytest.approx((0.2240 + 0.2165) / 2.0, abs=0.01)


@pytest.mark.parametrize("name", ["sbp", "setshift", "pain", "hyp", "alike", "three"])
def test_bootstrap_agrees_with_draws_of_pimeta(name: str) -> None:
    """100,000 draws of pimeta (reference/prediction_bootstrap.R) and as many here, to four standard errors.

    For trials that are alike every tau2 drawn is 0 in both, so that the interval is one for the mean.
    """
    rows = PIMETA_INPUTS[PIMETA_INPUTS["set"] == name]
    y, v = rows["yi"].to_numpy(), rows["sei"].to_numpy() ** 2
    r = PIMETA.loc[name]
    draws = 100_000
    trial = bootstrap(y, v, level=0.95, draws=draws, rng=2)
    for found, expected, p in zip(trial.interval(), (r["pi_low"], r["pi_high"]), (0.025, 0.975), strict=True):
        near = np.quantile(trial.draws, [p - 0.005, p + 0.005])
        error = math.sqrt(p * (1.0 - p) / draws) * (near[1] - near[0]) / 0.01
        assert abs(found - expected) < 4.0 * math.sqrt(2.0) * error
    zero = draw_tau2(y, v, (np.arange(draws) + 0.5) / draws) == 0.0
    spread = math.sqrt(max(r["zero"] * (1.0 - r["zero"]), 1e-5) / draws)
    assert zero.mean() == pytest.approx(r["zero"], abs=4.0 * spread)
    w = 1.0 / v
    assert zero.mean() == pytest.approx(
        stats.chi2.sf(float((w * (y - (w @ y) / w.sum()) ** 2).sum()), y.size - 1), abs=1e-5
    )
    if name == "alike":
        assert (r["pi_low"], r["pi_high"], r["zero"]) == (r["ci_low"], r["ci_high"], 1.0)


def test_bootstrap_is_the_same_for_a_seed_and_holds_without_one() -> None:
    one, two = (bootstrap(YI, VI, level=0.95, draws=2000, rng=7) for _ in range(2))
    assert np.array_equal(one.draws, two.draws)
    other = bootstrap(YI, VI, level=0.95, draws=2000, rng=np.random.default_rng(8))
    assert not np.array_equal(one.draws, other.draws)
    low, high = one.interval()
    assert one.below(low) == pytest.approx(0.025, abs=1e-3)
    assert one.below(high) + one.above(high) == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        one.draws[0] = 0.0
