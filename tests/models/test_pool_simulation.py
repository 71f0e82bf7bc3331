"""Small seeded simulations: coverage of intervals, bias of tau2. Bounds are four standard errors wide."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketameta._typing import Array
from ketameta.models.intervals import Inference, q_profile
from ketameta.models.kernel import Fits, fit

MEAN, REPEATS = -0.5, 20000


def draw(k: int, tau2: float, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.05, 0.4, (REPEATS, k))
    return rng.normal(MEAN, np.sqrt(v + tau2)), v


def coverage(fits: Fits, *, hksj: bool) -> float:
    variance = fits.cov[:, 0, 0] * (fits.hksj if hksj else 1.0)
    df = fits.df if hksj else np.full(REPEATS, math.inf)
    low, high = Inference(fits.beta[:, 0], np.sqrt(variance), df, 0.95).interval()
    return float(((low <= MEAN) & (high >= MEAN)).mean())


def error(p: float) -> float:
    return math.sqrt(p * (1 - p) / REPEATS)


@pytest.mark.parametrize("k", [2, 3, 10])
@pytest.mark.parametrize("tau2", [0.0, 0.3])
def test_hksj_interval_is_exact_for_equal_variances(k: int, tau2: float) -> None:
    """It is then the t interval of a mean, whatever the estimate of tau2."""
    rng = np.random.default_rng(40 + k)
    y = rng.normal(MEAN, math.sqrt(0.2 + tau2), (REPEATS, k))
    found = coverage(fit(y, np.full(k, 0.2), tau2="REML"), hksj=True)
    assert abs(found - 0.95) < 4 * error(0.95)


@pytest.mark.parametrize(("k", "tau2"), [(3, 0.1), (5, 0.3), (10, 0.1), (20, 0.3)])
def test_hksj_interval_covers_and_wald_falls_short(k: int, tau2: float) -> None:
    """HKSJ near 95% (a point is allowed for unequal variances); Wald below it when studies are few."""
    fits = fit(*draw(k, tau2, seed=k), tau2="REML")
    assert abs(coverage(fits, hksj=True) - 0.95) < 0.01 + 4 * error(0.95)
    if k <= 5:
        assert coverage(fits, hksj=False) < 0.95 - 4 * error(0.95)


@pytest.mark.parametrize(("k", "tau2"), [(3, 0.1), (8, 0.0), (8, 0.5)])
def test_q_profile_interval_is_exact(k: int, tau2: float) -> None:
    """The pivot is exactly chi-square when the sampling variances are known."""
    low, high = q_profile(*draw(k, tau2, seed=100 + k))
    covered = float(((low <= tau2) & (high >= tau2)).mean())
    expected = 0.95 if tau2 > 0 else 0.975
    assert abs(covered - expected) < 4 * error(expected)


def test_tau2_is_unbiased_where_it_is_far_from_zero() -> None:
    """HE, PM, DL and REML around a large tau2; ML and HS below it by about (k - 1) / k."""
    k, tau2 = 12, 2.0
    y, v = draw(k, tau2, seed=7)
    for method in ("HE", "PM", "DL", "REML", "ML", "HS"):
        found = fit(y, v, tau2=method).tau2
        standard_error = found.std(ddof=1) / math.sqrt(REPEATS)
        if method in ("ML", "HS"):
            assert found.mean() < tau2 - 4 * standard_error
        else:
            assert abs(found.mean() - tau2) < 4 * standard_error + 0.005, method


def predicted(k: int, v: Array, tau2: float, seed: int) -> float:
    """How often the prediction interval holds the true effect of a new study."""
    rng = np.random.default_rng(seed)
    fits = fit(rng.normal(MEAN, np.sqrt(v + tau2), (REPEATS, k)), v, tau2="REML")
    new = rng.normal(MEAN, math.sqrt(tau2), REPEATS)
    se = np.sqrt(fits.cov[:, 0, 0] * fits.hksj)
    low, high = Inference(fits.beta[:, 0], se, fits.df, 0.95).prediction(fits.tau2)
    return float(((low <= new) & (high >= new)).mean())


@pytest.mark.parametrize("k", [3, 10])
def test_prediction_interval_is_exact_where_sampling_error_vanishes(k: int) -> None:
    """It is then the prediction interval of a normal sample: t(k - 1) s sqrt(1 + 1 / k)."""
    assert abs(predicted(k, np.full(k, 1e-9), 0.3, seed=60 + k) - 0.95) < 4 * error(0.95)


def test_prediction_interval_falls_short_where_heterogeneity_is_moderate() -> None:
    """What the docstring of pool() warns of."""
    assert predicted(10, np.linspace(0.05, 0.4, 10), 0.3, seed=22) < 0.95 - 4 * error(0.95)
