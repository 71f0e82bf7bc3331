"""Covariance formulas against the printed examples of Gleser and Olkin (2009)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ketameta.effects import (
    arcsine,
    counts_covariance,
    log_or,
    log_rr,
    rd,
    smd_common_sd_covariance,
    smd_covariance,
)

from .dependent_effects import pair

# Gleser & Olkin 2009, as recomputed in the analyses of the metafor project (gleser2009): events of the
# treatments, one control; estimates and their covariance by generalised least squares are printed.
TREATED = pd.DataFrame(
    {
        "study": [1, 1, 2, 3, 3, 3],
        "treatment": [1, 2, 1, 1, 2, 3],
        "a": [100, 150, 15, 40, 80, 50],
        "n1": [4000, 4000, 400, 1000, 1000, 1000],
        "c": [40, 40, 10, 150, 150, 150],
        "n2": [1000, 1000, 200, 2000, 2000, 2000],
    }
)


def gls(
    y: np.ndarray, blocks: list[np.ndarray], treatment: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    v, at = np.zeros((len(y), len(y))), 0
    for block in blocks:
        v[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    x = (treatment[:, None] == np.unique(treatment)).astype(float)
    weight = np.linalg.inv(v)
    spread = np.linalg.inv(x.T @ weight @ x)
    beta = spread @ x.T @ weight @ y
    residual = y - x @ beta
    return beta, spread, float(residual @ weight @ residual)


@pytest.mark.parametrize(
    ("measure", "function", "factor", "beta", "spread", "digits", "q"),
    [
        (
            *("RD", rd, 1, [0.0200, 0.0043, 0.0211]),
            *([24.612e-6, 19.954e-6, 13.323e-6, 28.538e-6, 13.255e-6, 69.806e-6], 5e-10, 7.1907),
        ),
        (
            *("OR", log_or, 1, [0.5099, 0.0044, 0.4301]),
            *([0.01412, 0.00712, 0.00425, 0.01178, 0.00455, 0.02703], 5e-6, 2.0563),
        ),
        (
            *("RR", log_rr, 1, [0.4875, 0.0006, 0.4047]),
            *([0.01287, 0.00623, 0.00371, 0.01037, 0.00399, 0.02416], 5e-6, 1.8954),
        ),
        (
            *("AS", arcsine, 2, [0.1010, 0.0102, 0.0982]),
            *([0.00058, 0.00040, 0.00024, 0.00061, 0.00025, 0.00137], 5e-6, 4.2634),
        ),
    ],
)
def test_multiple_treatments_of_gleser_and_olkin(measure, function, factor, beta, spread, digits, q) -> None:
    y, blocks = [], []
    for _, rows in TREATED.groupby("study"):
        counts = [rows[name].to_numpy() for name in ("a", "n1", "c", "n2")]
        y.append(function(*counts).yi)
        blocks.append(counts_covariance(*counts, 0, 1, measure=measure))
    got, covariance, heterogeneity = gls(np.concatenate(y), blocks, TREATED["treatment"].to_numpy())
    assert -factor * got == pytest.approx(beta, abs=5.1e-5)  # printed as control minus treatment
    assert factor**2 * covariance[np.triu_indices(3)] == pytest.approx(spread, abs=1.02 * digits)
    assert heterogeneity == pytest.approx(q, abs=5.1e-5)


def test_multiple_treatments_on_the_sd_of_all_arms_of_gleser_and_olkin() -> None:
    table = pd.DataFrame(
        {
            "study": [1, 1, 2, 3, 4, 4],
            "treatment": [1, 2, 1, 1, 1, 2],
            "difference": [7.87 + 1.36, 4.35 + 1.36, 9.32 - 0.98, 8.08 - 1.17, 7.44 - 0.45, 5.34 - 0.45],
            "sd": [4.2593, 4.2593, 2.8831, 3.1764, 2.9344, 2.9344],
            "n_t": [25, 22, 38, 50, 30, 30],
            "n_c": [25, 25, 40, 50, 30, 30],
        }
    )
    y, blocks = [], []
    for _, rows in table.groupby("study"):
        d = (rows["difference"] / rows["sd"]).to_numpy()
        one, people = np.ones(len(rows)), rows["n_t"].sum() + rows["n_c"].iloc[0]
        y.append(d)
        blocks.append(
            smd_common_sd_covariance(d, one, rows["n_t"], one, rows["n_c"], 0, 1, sd=1, n_sd=people)
        )
    got, covariance, heterogeneity = gls(np.concatenate(y), blocks, table["treatment"].to_numpy())
    assert np.concatenate(y) == pytest.approx([2.1670, 1.3406, 2.8927, 2.1754, 2.3821, 1.6664], abs=5.1e-5)
    assert got == pytest.approx([2.3743, 1.5702], abs=5.1e-5)
    assert covariance[np.triu_indices(2)] == pytest.approx([0.02257, 0.01244, 0.03554], abs=5.1e-6)
    assert heterogeneity == pytest.approx(3.9447, abs=5.1e-5)


def test_multiple_endpoints_of_gleser_and_olkin() -> None:
    first = np.array([2.3, 2.5, 2.4, 1.3, 2.5, 2.4, 3.3, 1.7, 1.1, 2.0, 2.8, 2.1, 1.7, 0.6])
    second = np.array([10.3, 6.6, 9.7, 3.1, 8.7, 3.7, 7.5, 8.5, 2.2, 2.1, 3.8, 1.4, 1.8, 3.9])
    sd = np.array([8.2, 7.3, 8.3, 8.9, 8.5, 8.3, 7.7, 9.8, 9.1, 10.4, 9.6, 7.9, 9.2, 10.2])
    r = np.array([0.55, 0.43, 0.57, 0.66, 0.51, 0.59, 0.49])
    n_t = np.array([22, 21, 26, 18, 38, 42, 39])[:, None] * np.ones(2)
    n_c = np.array([24, 21, 23, 18, 36, 42, 38])[:, None] * np.ones(2)
    d = np.round((second - first) / sd, 3).reshape(7, 2)
    rho = np.stack([pair(value) for value in r])
    v = np.round(smd_covariance(d, n_t, n_c, rho, rho), 4)  # the chapter works on with four decimals
    got, covariance, heterogeneity = gls(d.ravel(), list(v), np.tile([1, 2], 7))
    assert got == pytest.approx([0.3617, 0.2051], abs=5.1e-5)
    assert covariance[np.triu_indices(2)] == pytest.approx([0.01008, 0.00537, 0.00989], abs=5.1e-6)
    assert heterogeneity == pytest.approx(19.6264, abs=5.1e-5)
