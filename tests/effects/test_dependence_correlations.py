"""Correlations over time and of changes, and covariances of any input: positive definite or refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketameta.effects import (
    change_correlation,
    counts_covariance,
    md_covariance,
    smd_common_sd_covariance,
    smd_covariance,
    time_correlation,
)
from ketameta.effects.correlation import CORRELATIONS
from ketameta.errors import EffectError

from .dependent_effects import COUNTS, pair


def test_correlation_of_changes_by_their_definition() -> None:
    s, r_b, r = np.array([6.0, 7.0, 4.0]), np.array([0.5, 0.3, 0.1]), time_correlation([24, 72, 168], rho=0.6)
    scores = np.block([[np.ones((1, 1)), r_b[None, :]], [r_b[:, None], r]])
    scores = scores * np.outer([5.0, *s], [5.0, *s])
    change = np.hstack([-np.ones((3, 1)), np.eye(3)])
    v = change @ scores @ change.T
    want = v / np.sqrt(np.outer(np.diag(v), np.diag(v)))
    np.testing.assert_allclose(change_correlation(5.0, s, r_b, r), want, rtol=1e-12)


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
    np.testing.assert_array_equal(
        time_correlation([24, 24], rho=0.0, correlation="constant"), np.ones((2, 2))
    )


def test_numbers_of_numpy_are_numbers() -> None:
    for rho in (np.int64(0), np.float32(0.5), np.float64(0.5), 0):
        assert time_correlation([24, 168], rho=rho)[0, 1] == rho


@pytest.mark.parametrize("rho", [-0.1, 1.0, 1.5, math.nan, "0.6", None, True, np.bool_(True)])
def test_rho_outside_its_range_is_refused(rho: object) -> None:
    with pytest.raises(EffectError, match="0 <= rho < 1"):
        time_correlation([24, 168], rho=rho)  # type: ignore[arg-type]


def test_unknown_correlations_and_times_are_refused() -> None:
    with pytest.raises(EffectError, match="'AR' is unknown; choose one of log-time, days, constant"):
        time_correlation([24, 168], rho=0.5, correlation="AR")
    for hours in ([0, 24], [-1, 24], [math.nan, 24], [math.inf, 24], [], ["a"], 24):
        with pytest.raises(EffectError):
            time_correlation(hours, rho=0.5)


def test_trials_of_one_size_go_together() -> None:
    rng = np.random.default_rng(1)
    d, n_t, n_c = rng.normal(0, 1, (5, 3)), rng.integers(5, 50, (5, 3)), rng.integers(5, 50, (5, 3))
    rho = time_correlation(rng.uniform(1, 500, (5, 3)), rho=0.6)
    together = smd_covariance(d, n_t, n_c, rho, rho)
    for i in range(5):
        np.testing.assert_allclose(together[i], smd_covariance(d[i], n_t[i], n_c[i], rho[i], rho[i]))


@given(
    st.lists(st.floats(0.5, 3000), min_size=2, max_size=6, unique_by=lambda t: round(math.log(t), 1)),
    st.floats(0, 0.95),
    st.sampled_from(CORRELATIONS),
    st.integers(0, 2**32 - 1),
)
def test_every_covariance_is_positive_definite(hours, rho, correlation, seed) -> None:
    rng = np.random.default_rng(seed)
    m = len(hours)
    n, k = rng.integers(5, 80, (2, m))
    r = time_correlation(hours, rho=rho, correlation=correlation)
    control = np.where(rng.random() < 0.5, r, np.eye(m))
    p, q = rng.uniform(0.1, 0.9, (2, m))
    sd, other = rng.uniform(1, 9, (2, m))
    every = [
        md_covariance(sd, n, other, k, r, control),
        smd_covariance(rng.normal(0, 2, m), n, k, r, control),
        smd_common_sd_covariance(rng.normal(0, 2, m), sd, n, other, k, r, control, sd=3.0, n_sd=50),
        *(counts_covariance(p * n, n, q * k, k, r, control, measure=measure) for measure in COUNTS),
    ]
    for v in every:
        np.testing.assert_allclose(v, np.swapaxes(v, 0, 1), rtol=1e-12)
        root = np.sqrt(np.diag(v))
        assert np.linalg.eigvalsh(v / np.outer(root, root))[0] > 0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: md_covariance([1, 1], [0, 9], 1, 9, 0, 1), r"n_t\[0\] = 0: a group size"),
        (lambda: md_covariance([1, -1], 9, 1, 9, 0, 1), r"sd_t\[1\] = -1: a standard deviation"),
        (lambda: md_covariance([1, math.nan], 9, 1, 9, 0, 1), "a finite number"),
        (lambda: md_covariance([1, 1], 9, 1, 9, pair(1.2), 1), "rho_t is not a matrix of correlations"),
        (lambda: md_covariance([1, 1], 9, 1, 9, 0, [[1, 0.1], [0.2, 1]]), "rho_c is not a matrix"),
        (lambda: md_covariance([1, 1], 9, 1, 9, 0, 2 * np.eye(2)), "ones on its diagonal"),
        (lambda: md_covariance([1, 1], 9, 1, 9, np.eye(3), 0), "2 effects need 2 rows"),
        (lambda: md_covariance(1, 9, 1, 9, 0, 0), "several effects"),
        (lambda: smd_covariance([], [], [], 0, 0), "empty"),
        (lambda: smd_covariance(["a"], [9], [9], 0, 0), "numbers are needed"),
        (lambda: smd_covariance([1, 2], [9, 9, 9], 9, 0, 0), "shapes do not fit"),
        (lambda: smd_common_sd_covariance([1, 1], 1, 9, 1, 9, 0, 0, sd=0, n_sd=9), "sd = 0"),
        (lambda: smd_common_sd_covariance([1, 1], 1, 9, 1, 9, 0, 0, sd=1, n_sd=1), "n_sd = 1"),
        (lambda: counts_covariance([0, 3], 9, [2, 2], 9, 0, 1), "events_t = 0 of 9 .*add 0.5"),
        (lambda: counts_covariance([2, 3], 9, [2, 9], 9, 0, 1), "events_c = 9 of 9"),
        (lambda: counts_covariance([2, 10], 9, [2, 2], 9, 0, 1, measure="AS"), "events_t = 10 of 9"),
        (lambda: counts_covariance([2, 3], 9, [2, 2], 9, 0, 1, measure="HR"), "'HR' is unknown"),
        (lambda: md_covariance([1e200, 1], 9, 1, 9, 0, 1), "too large or too small"),
        (lambda: smd_covariance([1e200, 1e200], 9, 9, 0, 1), "too large or too small"),
        (
            lambda: md_covariance(np.ones((2, 2)), 9, 1, 9, np.stack([pair(0.5)] * 3), 1),
            "do not fit together",
        ),
        (
            lambda: smd_common_sd_covariance([1, 1], 1, 9, 1, 9, 0, 0, sd=[1, 2, 3], n_sd=9),
            "one number for each",
        ),
        (lambda: change_correlation([1, 2, 3], np.ones((2, 2)), 0.5, 0.5), "one number for each trial"),
        (lambda: change_correlation(1e200, [1, 1], 0.5, 0.5), "too large or too small"),
        (lambda: smd_covariance([1, 2], 9, 9, 0, 1, standardiser="glass"), "'glass' is unknown"),
        (lambda: smd_covariance([1, 2], 9, 9, 0, 1, standardiser="average"), "needs sd_t and sd_c"),
        (
            lambda: smd_covariance([1, 2], 1, 9, 0, 1, standardiser="average", sd_t=1, sd_c=1),
            r"n_t\[0\] = 1: a group size must be greater than 1",
        ),
        (lambda: change_correlation(0, [1, 1], 0.5, 0.5), "sd_baseline = 0"),
        (lambda: change_correlation(1, [1, 1], 1.5, 0.5), "r_baseline = 1.5"),
        (lambda: change_correlation(1, [1, 1], 1.0, 1.0), "variance of a change"),
    ],
)
def test_what_cannot_be_used_is_refused(call, match) -> None:
    with pytest.raises(EffectError, match=match):
        call()
