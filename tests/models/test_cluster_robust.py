"""Cluster-robust covariance and its tests against statsmodels, full matrices and simulation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models.cluster_robust import cluster_robust

from .clusters import example, same


def by_full_matrices(x: Array, phi: Array, w: Array, clusters: Any, kind: str) -> tuple[Array, Array]:
    """What multiplies y in each cluster's contribution, (m, p, n), and (X'WX)^-1; from the definitions."""
    n = len(phi)
    bread = np.linalg.inv(x.T @ w @ x)
    left = np.eye(n) - x @ bread @ x.T @ w
    s = left @ phi @ left.T
    out = []
    for one in pd.unique(clusters):
        rows = np.flatnonzero(clusters == one)
        part = phi[np.ix_(rows, rows)]
        a = np.eye(len(rows))
        if kind == "CR2":
            value, vector = np.linalg.eigh(part)
            root = vector * np.sqrt(value) @ vector.T
            value, vector = np.linalg.eigh(root @ s[np.ix_(rows, rows)] @ root)
            kept = value > 1e-9 * value.max()
            a = root @ (vector[:, kept] / np.sqrt(value[kept]) @ vector[:, kept].T) @ root
        out.append(bread @ x.T @ w[:, rows] @ a @ left[rows])
    return np.array(out), bread


@pytest.mark.parametrize("kind", ["CR0", "CR2"])
@pytest.mark.parametrize("dummies", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_full_matrices(kind: Any, dummies: bool, weighted: bool) -> None:
    x, y, blocks, clusters = example(3, sizes=(2, 4, 2, 3, 3, 5))
    if dummies:
        x = np.column_stack([np.eye(6)[clusters], x[:, 1]])
    phi = block_diag(*blocks)
    weights = np.random.default_rng(5).uniform(0.5, 3.0, len(y)) if weighted else None
    w = np.linalg.inv(phi) if weights is None else np.diag(weights)
    to_y, bread = by_full_matrices(x, phi, w, clusters, kind)
    beta = bread @ x.T @ w @ y
    found = cluster_robust(x, y - x @ beta, blocks, clusters, weights=weights, kind=kind)
    contributions = to_y @ y
    assert found.vcov == pytest.approx(contributions.T @ contributions, rel=1e-8, abs=1e-12)
    last = to_y[:, -1]
    p = last @ phi @ last.T
    assert found.df()[-1] == pytest.approx(np.trace(p) ** 2 / (p * p).sum(), rel=1e-8)


def test_cr2_is_unbiased_under_the_working_covariance() -> None:
    x, _, blocks, clusters = example(11, p=3)
    phi = block_diag(*blocks)
    w = np.linalg.inv(phi)
    bread = np.linalg.inv(x.T @ w @ x)
    values, vectors = np.linalg.eigh(phi - x @ bread @ x.T)
    expected = {
        kind: sum(
            cluster_robust(x, math.sqrt(max(value, 0.0)) * vector, blocks, clusters, kind=kind).vcov
            for value, vector in zip(values, vectors.T, strict=True)
        )
        for kind in ("CR0", "CR2")
    }
    assert expected["CR2"] == pytest.approx(bread, rel=1e-9, abs=1e-12)
    assert (np.diag(expected["CR0"]) < 0.9 * np.diag(bread)).all()


def test_agrees_with_statsmodels() -> None:
    x, y, _, clusters = example(7, p=3)
    ols = sm.OLS(y, x).fit()
    ones = np.ones(len(y))
    single = cluster_robust(x, ols.resid, ones, np.arange(len(y)))
    assert single.vcov == pytest.approx(ols.get_robustcov_results("HC2").cov_params(), rel=1e-10)
    plain = cluster_robust(x, ols.resid, ones, clusters, kind="CR0")
    theirs = ols.get_robustcov_results("cluster", groups=clusters, use_correction=False)
    assert plain.vcov == pytest.approx(theirs.cov_params(), rel=1e-10)
    corrected = cluster_robust(x, ols.resid, ones, clusters, kind="CR1")
    assert corrected.vcov == pytest.approx(plain.vcov * 6.0 / 5.0, rel=1e-12)
    assert corrected.df() == pytest.approx(plain.df(), rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), power=st.floats(-6.0, 6.0), shift=st.floats(-50.0, 50.0))
def test_units_and_origins_do_not_matter(seed: int, power: float, shift: float) -> None:
    x, y, blocks, clusters = example(seed)
    scale = 10.0**power
    one = cluster_robust(x, y, blocks, clusters)
    two = cluster_robust(x, y * scale, [block * scale**2 for block in blocks], clusters)
    assert two.vcov == pytest.approx(one.vcov * scale**2, rel=1e-9, abs=1e-14 * scale**2)
    assert two.df() == pytest.approx(one.df(), rel=1e-8)
    plain = cluster_robust(x, y, blocks, clusters, weights=np.ones(len(y)))
    small = cluster_robust(
        x, y * scale, [block * scale**2 for block in blocks], clusters, weights=np.ones(len(y))
    )
    assert small.df() == pytest.approx(plain.df(), rel=1e-8)
    turn = np.array([[1.0, shift], [0.0, 1.0]])
    three = cluster_robust(x @ turn, y, blocks, clusters)
    back = turn @ three.vcov @ turn.T
    assert back == pytest.approx(one.vcov, rel=1e-7, abs=1e-12 * (1.0 + shift**2))
    assert three.df([[0.0, 1.0]]) == pytest.approx(one.df([[0.0, 1.0]]), rel=1e-7)


def test_one_combination_is_the_square_of_its_t() -> None:
    x, y, blocks, clusters = example(9, p=3)
    beta = np.array([0.3, -1.0, 0.4])
    found = cluster_robust(x, y, blocks, clusters)
    row = np.array([[0.0, 1.0, -2.0]])
    t, f = found.combination(beta, row, 0.5), found.joint(beta, row, 0.5)
    assert float(f.stat) == pytest.approx(float(t.stat[0]) ** 2, rel=1e-10)
    assert f.df2 == pytest.approx(float(t.df[0]), rel=1e-10)
    assert float(f.p) == pytest.approx(float(t.p[0]), rel=1e-9)
    two = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    plain, mixed = found.joint(beta, two), found.joint(beta, np.array([[2.0, 1.0], [-1.0, 3.0]]) @ two)
    assert [float(mixed.stat), mixed.df2] == pytest.approx([float(plain.stat), plain.df2], rel=1e-9)


def test_a_coefficient_of_one_cluster_has_no_robust_test() -> None:
    _, y, blocks, clusters = example(1)
    x = np.column_stack([np.ones(len(y)), clusters == 1])
    w = np.linalg.inv(block_diag(*blocks))
    beta = np.linalg.solve(x.T @ w @ x, x.T @ w @ y)
    found = cluster_robust(x, y - x @ beta, blocks, clusters)
    together = found.combination(beta, [[1.0, 1.0], [1.0, 0.0]])
    assert np.isnan(
        [together.df[0], together.se[0], together.p[0], *(end[0] for end in together.interval())]
    ).all()
    assert np.isfinite([together.df[1], together.se[1], together.p[1]]).all()
    own = np.linalg.inv(blocks[1]).sum() ** -1
    s = block_diag(*blocks) - x @ np.linalg.solve(x.T @ w @ x, x.T)
    values, vectors = np.linalg.eigh(s)
    draws = vectors.T * np.sqrt(np.maximum(values, 0.0))[:, None]
    expected = sum(cluster_robust(x, e, blocks, clusters).vcov.sum() for e in draws)
    assert expected < 0.5 * own, "CR2 would understate the variance of that cluster's own mean"
    with pytest.raises(ModelError, match="rests on a single cluster"):
        found.joint(beta, np.eye(2))


def test_coverage_with_few_unequal_clusters() -> None:
    rng = np.random.default_rng(20240)
    sizes = (1, 1, 2, 2, 3, 4, 6, 8)
    clusters = np.repeat(np.arange(8), sizes)
    x = np.column_stack([np.ones(27), (clusters >= 6) + 0.0])
    truth = 0.1 * np.eye(27) + 0.3 * same(clusters)
    working = [0.2 * np.eye(size) + 0.1 for size in sizes]
    w = np.linalg.inv(block_diag(*working))
    hat = np.linalg.solve(x.T @ w @ x, x.T @ w)
    effects = rng.multivariate_normal(np.zeros(27), truth, size=20_000)
    beta = effects @ hat.T
    covered = {}
    for kind in ("CR0", "CR2"):
        to_y, _ = by_full_matrices(x, block_diag(*working), w, clusters, kind)
        variance = ((effects @ to_y[:, 1].T) ** 2).sum(axis=1)
        found = cluster_robust(x, effects[0] - x @ beta[0], working, clusters, kind=kind)  # type: ignore[arg-type]
        assert found.vcov[1, 1] == pytest.approx(variance[0], rel=1e-9)
        reach = found.combination(beta[0], [[0.0, 1.0]]).critical[0] if kind == "CR2" else 1.959964
        covered[kind] = np.mean(np.abs(beta[:, 1]) <= reach * np.sqrt(variance))
    assert 0.94 <= covered["CR2"] <= 0.98
    assert covered["CR0"] < 0.80


def test_thousands_of_trials_need_no_matrix_of_all_rows() -> None:
    m = 4000
    x = np.column_stack([np.ones(6 * m), np.tile(np.arange(6.0), m)])
    blocks = np.repeat((np.eye(6) + 1.0)[None], m, axis=0)
    y = np.random.default_rng(1).normal(size=6 * m)
    found = cluster_robust(x, y, blocks, np.repeat(np.arange(m), 6))
    assert found.df() == pytest.approx([m - 1.0, m - 1.0], rel=1e-6)
