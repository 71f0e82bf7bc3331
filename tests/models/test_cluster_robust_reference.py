"""Cluster-robust covariance and its tests against clubSandwich and printed pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import formulaic
import numpy as np
import pandas as pd
import pytest

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models.cluster_robust import ClusterRobust, cluster_robust

from .clusters import same

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
