"""Cluster-robust covariance and its tests, held against clubSandwich, printed pages, statsmodels, full matrices and simulation."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import formulaic
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models.cluster_robust import ClusterRobust, cluster_robust

REFERENCE = Path(__file__).parents[1] / "reference"
FITS = pd.read_csv(REFERENCE / "multilevel_fits.csv", keep_default_na=False).set_index("fit")
VALUES = pd.read_csv(REFERENCE / "multilevel_values.csv", dtype={"name": str})
ROBUST = pd.read_csv(REFERENCE / "multilevel_robust.csv")
WALD = pd.read_csv(REFERENCE / "multilevel_wald.csv")
PRINTED = pd.read_csv(REFERENCE / "multilevel_printed.csv", dtype={"printed": str})
COVARIANCES = pd.read_csv(REFERENCE / "multilevel_v.csv")
CLUSTERED = [str(name) for name, row in FITS.iterrows() if row["cluster"]]
ON_ONE_CLUSTER = {
    ("assink_deltype", "zero_all"),
    ("assink_DIAG", "zero_all"),
}
UNWEIGHTED = ["konstantopoulos_unweighted", "raudenbush_unweighted"]


def codes(column: pd.Series) -> Any:
    return np.unique(column.astype(str), return_inverse=True)[1]


def same(column: Any) -> Any:
    return column[:, None] == column[None, :]


def correlation(kind: str, levels: list[Any], rho: list[float]) -> Array:
    steps = np.arange(len(levels)) if kind != "CAR" else np.asarray(levels, dtype=float)
    lag = np.abs(np.subtract.outer(steps, steps))
    if kind in {"CS", "HCS"}:
        return np.where(lag > 0, rho[0], 1.0)
    if kind in {"AR", "HAR", "CAR"}:
        return np.asarray(float(rho[0]) ** lag)
    r = np.eye(len(levels))
    if kind == "UN":
        columns, rows = np.triu_indices(len(levels), 1)
        r[rows, columns] = r[columns, rows] = rho
    return r


def marginal(table: pd.DataFrame, v: Array, row: pd.Series, component: dict[str, float]) -> Array:
    """Marginal covariance of all effects, a full matrix, from the pinned components."""
    m = v.copy()
    intercepts, structures, names_of = 0, row["struct"].split(" ; "), [("tau2", "rho"), ("gamma2", "phi")]
    for term in row["random"].split(" ; ") if row["random"] else []:
        if "|" not in term:
            names = term.split("/")
            for depth in range(1, len(names) + 1):
                intercepts += 1
                joined = table[names[:depth]].astype(str).agg("\r".join, axis=1)
                m = m + component[f"sigma2.{intercepts}"] * same(codes(joined))
            continue
        inner, outer = term.split("|")
        kind, (tau, rho) = structures.pop(0), names_of.pop(0)
        levels = sorted(set(table[inner]))
        code = table[inner].map({level: i for i, level in enumerate(levels)}).to_numpy()
        variances = [value for name, value in component.items() if name.startswith(f"{tau}.")]
        found = [value for name, value in component.items() if name.startswith(f"{rho}.")]
        r = correlation(kind, levels, found or [float(row[rho] or 0.0)])
        scale = np.sqrt(np.broadcast_to(variances, (len(levels),)))
        g = scale[:, None] * r * scale
        m = m + g[np.ix_(code, code)] * same(table[outer].to_numpy())
    return m


@cache
def model(fit: str) -> tuple[pd.DataFrame, Array, Array, Array]:
    """Rows, design, effects and marginal covariance of a pinned fit."""
    row = FITS.loc[fit.replace("unweighted", "plain")]
    table = pd.read_csv(REFERENCE / f"multilevel_{row['data'].removesuffix('ind')}.csv")
    v = np.diag(table["vi"].to_numpy())
    entries = COVARIANCES[COVARIANCES["data"] == row["data"]]
    i, j = entries["row"].to_numpy() - 1, entries["col"].to_numpy() - 1
    v[i, j] = v[j, i] = entries["value"]
    pinned = VALUES[(VALUES["fit"] == fit) & (VALUES["quantity"] == "component")]
    component = dict(zip(pinned["name"], pinned["value"], strict=True))
    m = v + component["tau2"] * np.eye(len(v)) if fit in UNWEIGHTED else marginal(table, v, row, component)
    x = np.asarray(formulaic.Formula(row["mods"]).get_model_matrix(table), dtype=float)
    return table, x, table["yi"].to_numpy(), m


def robust(fit: str, kind: Any, cluster: str) -> tuple[Array, ClusterRobust]:
    """Coefficients and robust covariance, the rows sorted so that blocks are whole clusters."""
    table, x, y, m = model(fit)
    order = np.argsort(table[cluster].to_numpy(), kind="stable")
    label = table[cluster].to_numpy()[order]
    x, y, m = x[order], y[order], m[np.ix_(order, order)]
    weights = None
    if fit in UNWEIGHTED:
        weights = np.ones(len(y))
    elif FITS.loc[fit, "weights"]:
        weights = 1.0 / table["vi"].to_numpy()[order]
    root = np.linalg.cholesky(m if weights is None else np.diag(1.0 / weights))
    beta = np.linalg.lstsq(np.linalg.solve(root, x), np.linalg.solve(root, y), rcond=None)[0]
    blocks = [m[np.ix_(rows, rows)] for rows in (np.flatnonzero(label == one) for one in pd.unique(label))]
    return beta, cluster_robust(x, y - x @ beta, blocks, label, weights=weights, kind=kind)


def test_the_references_cover_what_they_should() -> None:
    assert len(CLUSTERED) >= 60
    assert FITS.loc[CLUSTERED, "data"].str.removesuffix("ind").nunique() >= 12


@pytest.mark.parametrize("kind", ["CR0", "CR1", "CR2"])
@pytest.mark.parametrize("fit", [*CLUSTERED, *UNWEIGHTED])
def test_coefficients_agree_with_clubsandwich(fit: str, kind: str) -> None:
    r = ROBUST[(ROBUST["fit"] == fit) & (ROBUST["type"] == kind)]
    if fit in UNWEIGHTED and kind == "CR1":
        assert r.empty
        return
    table, x, _, _ = model(fit)
    assert len(r) == x.shape[1], "the pinned design has as many terms"
    beta, found = robust(fit, kind, r["cluster"].iloc[0])
    assert found.n_clusters == table[r["cluster"].iloc[0]].nunique()
    assert beta == pytest.approx(r["estimate"].to_numpy(), rel=1e-8, abs=1e-10)
    se, df = np.sqrt(np.maximum(np.diag(found.vcov), 0.0)), found.df()
    known = ~np.isnan(df)
    assert se[~known] == pytest.approx(0.0, abs=1e-8)
    assert r["se"].to_numpy()[~known] == pytest.approx(0.0, abs=1e-8)
    assert known.any()
    assert se[known] == pytest.approx(r["se"].to_numpy()[known], rel=1e-8)
    if kind == "CR2":
        assert df[known] == pytest.approx(r["df"].to_numpy()[known], rel=1e-8)
        assert found.combination(beta).p[known] == pytest.approx(r["p"].to_numpy()[known], rel=1e-7)


@pytest.mark.parametrize("fit", sorted(WALD.loc[WALD["test"] == "HTZ", "fit"].unique()))
def test_joint_tests_agree_with_clubsandwich(fit: str) -> None:
    beta, found = robust(fit, "CR2", FITS.loc[fit, "cluster"])
    p = len(beta)
    rows = {"zero_all": np.eye(p), "differences": np.diff(np.eye(p), axis=0), "last_two": np.eye(p)[-2:]}
    for _, r in WALD[(WALD["fit"] == fit) & (WALD["test"] == "HTZ")].iterrows():
        if (fit, r["constraint"]) in ON_ONE_CLUSTER:
            with pytest.raises(ModelError, match="rests on a single cluster"):
                found.joint(beta, rows[r["constraint"]])
            continue
        test = found.joint(beta, rows[r["constraint"]])
        assert test.df1 == r["q"]
        if r["df"] <= 0:
            assert np.isnan([test.stat, test.df2, test.p]).all()
            continue
        assert [float(test.stat), test.df2] == pytest.approx([r["stat"], r["df"]], rel=1e-8)
        assert float(test.p) == pytest.approx(r["p"], rel=1e-7)


def shown(value: float, text: str) -> bool:
    """Whether a number rounds to what a page prints, to within half a unit of its last digit."""
    digits = len(text.partition(".")[2])
    return abs(value - float(text)) <= 0.5 * 10.0**-digits * (1.0 + 1e-6)


@pytest.mark.parametrize("quantity", ["CR2_se", "CR2_df", "CR2_p", "CR2_low", "CR2_high"])
def test_printed_robust_results(quantity: str) -> None:
    rows = PRINTED[PRINTED["quantity"] == quantity]
    assert not rows.empty
    for fit, name, text in rows[["fit", "name", "printed"]].to_numpy().tolist():
        beta, found = robust(fit, "CR2", FITS.loc[fit, "cluster"])
        terms = ROBUST.loc[(ROBUST["fit"] == fit) & (ROBUST["type"] == "CR2"), "term"].tolist()
        inference = found.combination(beta)
        low, high = inference.interval()
        value = {
            "CR2_se": inference.se,
            "CR2_df": inference.df,
            "CR2_p": inference.p,
            "CR2_low": low,
            "CR2_high": high,
        }
        assert shown(float(np.asarray(value[quantity])[terms.index(name)]), text), (fit, name)


@pytest.mark.parametrize("fit", sorted(PRINTED.loc[PRINTED["quantity"] == "HTZ", "fit"].unique()))
def test_printed_joint_tests(fit: str) -> None:
    beta, found = robust(fit, "CR2", FITS.loc[fit, "cluster"])
    test = found.joint(beta, np.eye(len(beta))[1:])
    rows = PRINTED[(PRINTED["fit"] == fit) & (PRINTED["quantity"] == "HTZ")].set_index("name")["printed"]
    value = {"F": float(test.stat), "df2": test.df2, "p": float(test.p)}
    assert all(shown(value[str(name)], text) for name, text in rows.items())


def example(
    seed: int, *, sizes: tuple[int, ...] = (1, 4, 2, 3, 3, 5), p: int = 2
) -> tuple[Array, Array, list[Array], Any]:
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
    blocks = []
    for size in sizes:
        root = rng.normal(size=(size, size))
        blocks.append(root @ root.T / size + np.diag(rng.uniform(0.2, 2.0, size)))
    return x, rng.normal(size=n), blocks, np.repeat(np.arange(len(sizes)), sizes)


def dense(blocks: list[Array]) -> Array:
    n = sum(map(len, blocks))
    out, at = np.zeros((n, n)), 0
    for block in blocks:
        out[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    return out


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
    phi = dense(blocks)
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
    phi = dense(blocks)
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


def test_forms_of_input_agree() -> None:
    x, y, blocks, clusters = example(2, sizes=(2, 2, 2, 2, 2))
    one = cluster_robust(x, y, blocks, clusters)
    weights = [np.linalg.inv(block) for block in blocks]
    others = [
        cluster_robust(x, y, np.stack(blocks), clusters),
        cluster_robust(
            x.tolist(), list(y), [block.tolist() for block in blocks], ["abcde"[i] for i in clusters]
        ),
        cluster_robust(x, y, blocks, clusters, weights=weights),
        cluster_robust(x, y, blocks, clusters, weights=np.stack(weights)),
    ]
    for other in others:
        assert other.vcov == pytest.approx(one.vcov, rel=1e-10)
        assert other.df() == pytest.approx(one.df(), rel=1e-9)
    variances = np.linspace(0.1, 1.0, 10)
    narrow = cluster_robust(x, y, variances, clusters)
    wide = cluster_robust(x, y, [np.diag(part) for part in variances.reshape(5, 2)], clusters)
    assert narrow.vcov == pytest.approx(wide.vcov, rel=1e-12)
    assert cluster_robust(x, y, variances.tolist(), clusters).vcov == pytest.approx(wide.vcov, rel=1e-12)


def test_clusters_may_hold_several_blocks_in_any_order() -> None:
    x, y, blocks, block = example(4, sizes=(2, 3, 1, 2, 4, 2, 3))
    clusters = np.array(["c", "a", "b", "a", "d", "b", "c"])[block]
    found = cluster_robust(x, y, blocks, clusters)
    phi = dense(blocks)
    order = np.argsort(clusters, kind="stable")
    whole = [phi[np.ix_(rows, rows)] for rows in (np.flatnonzero(clusters == one) for one in "abcd")]
    sorted_rows = cluster_robust(x[order], y[order], whole, clusters[order])
    assert found.n_clusters == 4
    assert found.vcov == pytest.approx(sorted_rows.vcov, rel=1e-10)
    assert found.df() == pytest.approx(sorted_rows.df(), rel=1e-9)


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
    w = np.linalg.inv(dense(blocks))
    beta = np.linalg.solve(x.T @ w @ x, x.T @ w @ y)
    found = cluster_robust(x, y - x @ beta, blocks, clusters)
    together = found.combination(beta, [[1.0, 1.0], [1.0, 0.0]])
    assert np.isnan(
        [together.df[0], together.se[0], together.p[0], *(end[0] for end in together.interval())]
    ).all()
    assert np.isfinite([together.df[1], together.se[1], together.p[1]]).all()
    own = np.linalg.inv(blocks[1]).sum() ** -1
    s = dense(blocks) - x @ np.linalg.solve(x.T @ w @ x, x.T)
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
    w = np.linalg.inv(dense(working))
    hat = np.linalg.solve(x.T @ w @ x, x.T @ w)
    effects = rng.multivariate_normal(np.zeros(27), truth, size=20_000)
    beta = effects @ hat.T
    covered = {}
    for kind in ("CR0", "CR2"):
        to_y, _ = by_full_matrices(x, dense(working), w, clusters, kind)
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


X, Y, BLOCKS, CLUSTERS = example(6, sizes=(2, 2, 2))
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"clusters": ["a"] * 6}, "one cluster"),
    ({"clusters": ["a", "b"]}, "one label for each"),
    ({"clusters": ["a", "a", None, "b", "c", "c"]}, "no label at position 2"),
    ({"clusters": [1.0, 1.0, np.nan, 2.0, 3.0, 3.0]}, "no label at position 2"),
    (
        {"clusters": [1, 1, 2, 3, 3, 3]},
        r"rows 2 to 3 holds rows of the clusters .*2.* and .*3.*: a cluster must contain whole",
    ),
    ({"clusters": []}, "one label for each"),
    ({"clusters": [[1], [1, 2], 3, 4, 5, 6]}, "one label for each"),
    ({"x": X[:, 0]}, "x has shape"),
    ({"x": np.empty((0, 0)), "residuals": []}, "more rows than coefficients"),
    ({"x": np.eye(6)}, "6 rows and 6 columns"),
    ({"x": np.column_stack([X, X[:, 0] + X[:, 1]])}, "columns 0, 1, 2 of x follow from one another"),
    ({"x": np.column_stack([X, np.zeros(6)])}, "column 2 of x is 0"),
    ({"x": np.where(np.arange(12).reshape(6, 2) == 5, np.nan, X)}, r"x is nan at position \(2, 1\)"),
    ({"x": [["a", "b"]] * 6}, "x must be an array of numbers"),
    ({"x": [[1.0], [1.0, 2.0]]}, "x must be an array of numbers"),
    ({"residuals": Y[:5]}, "residuals has shape"),
    ({"residuals": np.where(np.arange(6) == 3, np.inf, Y)}, r"residuals is inf at position \(3,\)"),
    ({"covariance": BLOCKS[:2]}, "covariance has 4 rows in all, and x has 6"),
    ({"covariance": [np.ones((2, 3))] * 3}, "block 0 of covariance has shape"),
    ({"covariance": [*BLOCKS[:2], np.full((2, 2), np.nan)]}, "block 2 of covariance is nan"),
    (
        {"covariance": [*BLOCKS[:2], np.array([[1.0, 2.0], [2.0, 1.0]])]},
        "not positive definite in the block of rows 4 to 5",
    ),
    (
        {"covariance": [*BLOCKS[:2], np.array([[1.0, 0.5], [0.1, 1.0]])]},
        "not symmetric in the block of rows 4 to 5",
    ),
    (
        {"covariance": np.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])},
        "at most 0 in the block of row 2, too close to 0",
    ),
    ({"covariance": np.full(6, 1e-120)}, "too close to 0"),
    ({"covariance": np.full(6, 1e120)}, "too far from 1"),
    ({"x": X * 1e200}, "x has values of up to .* too far from 1"),
    ({"covariance": [1.0, 1.0, -1.0, 1.0, 1.0, 1.0]}, "not positive definite in the block of row 2"),
    ({"covariance": np.eye(6)}, "diagonal or a list of square blocks"),
    ({"covariance": 1.0}, "diagonal or a list of square blocks"),
    ({"covariance": "CR2"}, "diagonal or a list of square blocks"),
    ({"covariance": []}, "covariance has shape"),
    ({"weights": np.ones(5)}, "weights has 5 rows"),
    ({"weights": np.zeros(6)}, "weights has values of at most 0"),
    ({"kind": "CR3"}, "CR0, CR1, CR2"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_wrong_inputs_are_named(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"x": X, "residuals": Y, "covariance": BLOCKS, "clusters": CLUSTERS} | change
    with pytest.raises(ModelError, match=message):
        cluster_robust(**arguments)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[1.0]], "weights has shape"),
        ([1.0, 0.0], "weights has shape"),
        ([[0.0, 0.0]], "row of zeros"),
        (np.empty((0, 2)), "no rows"),
        ([[1.0, np.nan]], "weights is nan"),
        ([[1.0, 0.0], [2.0, 0.0]], "singular"),
    ],
)
def test_wrong_combinations_are_named(weights: Any, message: str) -> None:
    found = cluster_robust(X, Y, BLOCKS, CLUSTERS)
    with pytest.raises(ModelError, match=message):
        found.joint([0.1, 0.2], weights)


def test_wrong_coefficients_are_named() -> None:
    found = cluster_robust(X, Y, BLOCKS, CLUSTERS)
    with pytest.raises(ModelError, match="beta has shape"):
        found.combination([0.1])
    with pytest.raises(ModelError, match="value has shape"):
        found.combination([0.1, 0.2], value=[1.0])
    for level in (95, 0.0, math.nan, "0.95", True, None):
        with pytest.raises(ModelError, match="level="):
            found.combination([0.1, 0.2], level=level)  # type: ignore[arg-type]


def test_inputs_are_left_alone() -> None:
    before = [X.copy(), Y.copy(), *(block.copy() for block in BLOCKS)]
    cluster_robust(X, Y, BLOCKS, CLUSTERS, weights=BLOCKS)
    for kept, now in zip(before, [X, Y, *BLOCKS], strict=True):
        assert (kept == now).all()
