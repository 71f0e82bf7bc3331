from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketameta.curves.covariance import CORRELATIONS, sampling_covariance, time_correlation
from ketameta.errors import ModelError


@pytest.mark.parametrize("correlation", CORRELATIONS)
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.95])
def test_rho_is_the_correlation_between_24_hours_and_7_days(correlation: str, rho: float) -> None:
    r = time_correlation([24, 168], rho=rho, correlation=correlation)
    np.testing.assert_allclose(r, [[1, rho], [rho, 1]], rtol=1e-12)


def test_shapes_of_the_correlation() -> None:
    hours = [24, 168, 24 * 49, 24 * 13]
    log_time = time_correlation(hours, rho=0.5)
    assert log_time[0, 2] == pytest.approx(0.25)
    assert log_time[0, 3] == pytest.approx(0.5 ** (math.log(13) / math.log(7)))
    days = time_correlation(hours, rho=0.5, correlation="days")
    assert days[0, 3] == pytest.approx(0.25)
    assert days[1, 3] == pytest.approx(0.5)
    constant = time_correlation(hours, rho=0.5, correlation="constant")
    np.testing.assert_array_equal(constant, np.full((4, 4), 0.5) + np.eye(4) / 2)


@pytest.mark.parametrize("rho", [-0.1, 1.0, 1.5, math.nan, "0.6", None])
def test_rho_outside_its_range_is_refused(rho: object) -> None:
    with pytest.raises(ModelError, match="0 <= rho < 1"):
        time_correlation([24, 168], rho=rho)  # type: ignore[arg-type]


def test_unknown_correlation_is_refused() -> None:
    with pytest.raises(ModelError, match="choose one of log-time, days, constant"):
        time_correlation([24, 168], rho=0.5, correlation="AR")


def test_differences_and_log_ratios_scale_the_correlation() -> None:
    v = sampling_covariance([0.04, 0.09, 0.01], [4, 24, 168], rho=0.6)
    r = time_correlation([4, 24, 168], rho=0.6)
    np.testing.assert_allclose(v / np.sqrt(np.outer([0.04, 0.09, 0.01], [0.04, 0.09, 0.01])), r, rtol=1e-12)


def test_standardised_differences_have_the_covariance_of_gleser_and_olkin() -> None:
    g, n_t, n_c, rho = np.array([-0.8, -0.3]), 20.0, 25.0, 0.6
    v = 1 / n_t + 1 / n_c + g**2 / (2 * (n_t + n_c))
    sizes = (np.full(2, n_t), np.full(2, n_c))
    got = sampling_covariance(v, [24, 168], rho=rho, smd=(g, *sizes))
    expected = rho * (1 / n_t + 1 / n_c) + rho**2 * g[0] * g[1] / (2 * (n_t + n_c))
    np.testing.assert_allclose(got, [[v[0], expected], [expected, v[1]]], rtol=1e-12)


def test_covariance_of_standardised_differences_by_simulation() -> None:
    rng = np.random.default_rng(4)
    n, rho, delta, draws = 40, 0.6, np.array([1.5, 1.0]), 20_000
    root = np.linalg.cholesky(np.array([[1, rho], [rho, 1]]))
    t = rng.standard_normal((draws, n, 2)) @ root.T + delta
    c = rng.standard_normal((draws, n, 2)) @ root.T
    d = (t.mean(axis=1) - c.mean(axis=1)) / np.sqrt((t.var(axis=1, ddof=1) + c.var(axis=1, ddof=1)) / 2)
    simulated = float(np.cov(d.T)[0, 1])
    v = 2 / n + delta**2 / (4 * n)
    got = sampling_covariance(v, [24, 168], rho=rho, smd=(delta, np.full(2, n), np.full(2, n)))[0, 1]
    naive = rho * math.sqrt(v[0] * v[1])
    assert abs(simulated - got) < 0.03 * got
    assert abs(simulated - got) < abs(simulated - naive)


def test_covariance_under_nested_drop_out_by_simulation() -> None:
    rng = np.random.default_rng(5)
    n, stay, rho, draws = 30, 20, 0.7, 40_000
    root = np.linalg.cholesky(np.array([[1, rho], [rho, 1]]))
    t, c = (rng.standard_normal((draws, n, 2)) @ root.T for _ in range(2))
    early = t[..., 0].mean(axis=1) - c[..., 0].mean(axis=1)
    late = t[:, :stay, 1].mean(axis=1) - c[:, :stay, 1].mean(axis=1)
    zero, sizes = np.zeros(2), np.array([n, stay])
    v = 2 / sizes
    got = sampling_covariance(v, [24, 168], rho=rho, smd=(zero, sizes, sizes))[0, 1]
    assert got == pytest.approx(rho * 2 / n)
    assert float(np.cov(early, late)[0, 1]) == pytest.approx(got, rel=0.04)


@given(
    st.lists(st.floats(0.5, 3000), min_size=2, max_size=7, unique_by=lambda t: round(math.log(t), 2)),
    st.floats(0, 0.99),
    st.sampled_from(CORRELATIONS),
    st.integers(0, 2**32 - 1),
)
def test_every_covariance_is_positive_definite(hours, rho, correlation, seed) -> None:
    rng = np.random.default_rng(seed)
    m = len(hours)
    smd = (rng.normal(0, 2, m), rng.integers(5, 80, m), rng.integers(5, 80, m))
    for extra in (None, smd):
        v = sampling_covariance(rng.uniform(0.01, 2, m), hours, rho=rho, correlation=correlation, smd=extra)
        np.testing.assert_allclose(v, v.T)
        assert np.linalg.eigvalsh(v)[0] > 0


def test_a_covariance_that_is_not_positive_definite_is_refused() -> None:
    with pytest.raises(ModelError, match="not positive definite"):
        sampling_covariance([0.1, 0.1], [24, 168], rho=1 - 1e-13, correlation="constant")
