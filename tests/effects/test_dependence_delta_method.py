"""Covariance formulas against the delta method done numerically."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ketameta.effects import counts_covariance, md_covariance, smd_common_sd_covariance, smd_covariance
from ketameta.effects._hedges import hedges_correction
from ketameta.effects._standardised import covariance_in_units, unit_of

from .dependent_effects import COUNTS, pair


def delta_method(function, at: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Jacobian by central differences, times the covariance of the moments."""
    columns = []
    for k in range(at.size):
        step = np.zeros_like(at)
        step[k] = 1e-5 * max(1.0, abs(at[k]))
        columns.append((function(at + step) - function(at - step)) / (2 * step[k]))
    jacobian = np.column_stack(columns)
    return jacobian @ covariance @ jacobian.T


@pytest.mark.parametrize("seed", range(8))
def test_standardised_differences_by_the_delta_method(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = rng.integers(10, 80, (2, 2)).astype(float)
    sd, means, rho = rng.uniform(1, 9, 2), rng.normal(0, 6, (2, 2)), rng.uniform(-0.3, 0.95, 2)
    rho[rng.integers(0, 3, 2) == 0] = 0.0
    means_v, squares_v = np.zeros((4, 4)), np.zeros((4, 4))
    for arm in (0, 1):
        r = pair(rho[arm])
        people = np.minimum.outer(n[arm], n[arm]) / np.outer(n[arm], n[arm])
        at = np.ix_([2 * arm, 2 * arm + 1], [2 * arm, 2 * arm + 1])
        means_v[at] = r * np.outer(sd, sd) * people
        squares_v[at] = 2 * r**2 * np.outer(sd, sd) ** 2 * people
    zero = np.zeros((4, 4))

    def effects(x: np.ndarray) -> np.ndarray:
        m, s2 = x[:4].reshape(2, 2), x[4:].reshape(2, 2)
        return (m[0] - m[1]) / np.sqrt((n * s2).sum(axis=0) / n.sum(axis=0))

    moments = np.concatenate([means.ravel(), np.tile(sd**2, 2)])
    want = delta_method(effects, moments, np.block([[means_v, zero], [zero, squares_v]]))
    got = smd_covariance((means[0] - means[1]) / sd, n[0], n[1], *map(pair, rho))
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", ["control", "average", "baseline"])
@pytest.mark.parametrize("seed", range(4))
def test_differences_in_other_units_by_the_delta_method(kind: str, seed: int) -> None:
    """Means and variances of both arms at both times, and the units made of them, differentiated numerically."""
    rng = np.random.default_rng(seed)
    n = rng.integers(10, 80, (2, 2)).astype(float)
    sd, rho = rng.uniform(1, 9, (2, 2)), rng.uniform(0.1, 0.95, 2)
    first = rng.uniform(3, 6, 2)[:, None] * np.ones((2, 2))
    if kind == "control":
        sd = np.full((2, 2), 4.0)
    fewer = n - (kind == "average")
    standard = first if kind == "baseline" else sd
    same = np.ones(2) if kind == "baseline" else rho
    means = rng.normal(0, 6, (2, 2))
    means_v, squares_v = np.zeros((4, 4)), np.zeros((4, 4))
    for arm in (0, 1):
        people = 1 / np.maximum.outer(fewer[arm], fewer[arm])
        at = np.ix_([2 * arm, 2 * arm + 1], [2 * arm, 2 * arm + 1])
        means_v[at] = pair(rho[arm]) * np.outer(sd[arm], sd[arm]) * people
        squares_v[at] = 2 * pair(same[arm]) ** 2 * np.outer(standard[arm], standard[arm]) ** 2 * people

    def squared_unit(s2: np.ndarray) -> np.ndarray:
        pooled = ((n - 1) * s2).sum(axis=0) / (n.sum(axis=0) - 2)
        return {"control": s2[1], "average": s2.mean(axis=0), "baseline": pooled}[kind]

    def effects(x: np.ndarray) -> np.ndarray:
        m, s2 = x[:4].reshape(2, 2), x[4:].reshape(2, 2)
        return (m[0] - m[1]) / np.sqrt(squared_unit(s2))

    moments = np.concatenate([means.ravel(), standard.ravel() ** 2])
    zero = np.zeros((4, 4))
    want = delta_method(effects, moments, np.block([[means_v, zero], [zero, squares_v]]))
    d = effects(moments)
    arguments = (n[0], n[1], sd[0], sd[1], first[0], first[1])
    unit = unit_of(np.array([kind] * 2, dtype=object), *arguments)
    j = hedges_correction(n.sum(axis=0) - 2)
    shares = n / n.sum(axis=0) if kind == "baseline" else np.stack([unit.share_t, unit.share_c])
    unit = replace(unit, factor=np.ones(2), share_t=shares[0], share_c=shares[1])
    if kind == "baseline":
        unit = replace(unit, sd_t=unit.sd_t / j, sd_c=unit.sd_c / j)
        exact = (n - 1) * standard**2 / (n.sum(axis=0) - 2) / squared_unit(standard**2)
        unit = replace(unit, share_t=exact[0], share_c=exact[1])
    got = covariance_in_units(d, unit, *map(pair, rho), *map(pair, same))
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_common_sd_by_the_delta_method(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, sd = rng.integers(10, 80, (2, 2)).astype(float), rng.uniform(1, 9, (2, 2))
    rho, means, base, people = rng.uniform(0, 0.95, 2), rng.normal(0, 6, 2), 5.0, 90.0
    differences = md_covariance(sd[0], n[0], sd[1], n[1], *map(pair, rho))
    moments_v = np.zeros((3, 3))
    moments_v[:2, :2], moments_v[2, 2] = differences, 2 * base**4 / people
    want = delta_method(lambda x: x[:2] / np.sqrt(x[2]), np.array([*means, base**2]), moments_v)
    got = smd_common_sd_covariance(
        means / base, sd[0], n[0], sd[1], n[1], *map(pair, rho), sd=base, n_sd=people
    )
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("measure", COUNTS)
@pytest.mark.parametrize("seed", range(3))
def test_counts_by_the_delta_method(measure: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, n, phi = rng.uniform(0.1, 0.9, (2, 2)), rng.integers(20, 90, (2, 2)).astype(float), [0.3, 0.1]
    moments_v = np.zeros((4, 4))
    for arm in (0, 1):
        root = np.sqrt(p[arm] * (1 - p[arm]))
        at = np.ix_([2 * arm, 2 * arm + 1], [2 * arm, 2 * arm + 1])
        moments_v[at] = pair(phi[arm]) * np.outer(root, root) / np.maximum.outer(n[arm], n[arm])
    scale = {
        "OR": lambda q: np.log(q / (1 - q)),
        "RR": np.log,
        "RD": lambda q: q,
        "AS": lambda q: np.arcsin(np.sqrt(q)),
    }[measure]
    want = delta_method(lambda x: scale(x[:2]) - scale(x[2:]), p.ravel(), moments_v)
    got = counts_covariance(p[0] * n[0], n[0], p[1] * n[1], n[1], *map(pair, phi), measure=measure)
    np.testing.assert_allclose(got, want, rtol=1e-6)
