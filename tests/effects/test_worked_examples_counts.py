"""Printed worked examples of counts; tests/reference/effects.md says where each was read."""

from __future__ import annotations

import numpy as np
import pytest

from ketameta import effects
from ketameta._typing import Array

from .publications import printed

BCG = np.array(
    [
        [4, 119, 11, 128],
        [6, 300, 29, 274],
        [3, 228, 11, 209],
        [62, 13536, 248, 12619],
        [33, 5036, 47, 5761],
        [180, 1361, 372, 1079],
        [8, 2537, 10, 619],
    ]
)


def test_bcg_odds_ratios() -> None:
    """van Houwelingen et al. 2002, first trials, as printed on metafor-project.org."""
    a, b, c, d = BCG.T
    effect = effects.log_or(a, a + b, c, c + d)
    assert printed(effect.yi, 4) == [-0.9387, -1.6662, -1.3863, -1.4564, -0.2191, -0.9581, -1.6338]
    assert printed(effect.vi, 4) == [0.3571, 0.2081, 0.4334, 0.0203, 0.0520, 0.0099, 0.2270]


def test_bcg_risk_ratios() -> None:
    """Documentation of metadat, dat.bcg, first trials."""
    a, b, c, d = BCG.T
    effect = effects.log_rr(a, a + b, c, c + d)
    assert printed(effect.yi, 4) == [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209]
    assert printed(effect.vi, 4) == [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230]


def test_borenstein_2009_risk_ratio() -> None:
    """Borenstein et al. 2009, chapter 5: 5 of 100 against 10 of 100, RR 0.5, variance 0.2800, SE 0.5292."""
    effect = effects.log_rr(5, 100, 10, 100)
    assert printed(np.exp(effect.yi), 4) == [0.5000]
    assert printed(effect.vi, 4) == [0.2800]
    assert printed(effect.sei, 4) == [0.5292]


def test_vcmeta_corrected_counts() -> None:
    """Manual of vcmeta 1.4.0: se.odds adds 1/2, se.prop2 (Agresti & Caffo 2000) 1 to every cell."""
    odds = effects.log_or(36, 50, 21, 50, 0.5, "all")
    assert (printed(odds.yi, 6), printed(odds.sei, 7)) == ([1.239501], [0.4204435])
    risk = effects.rd(31, 40, 16, 40, 1.0, "all")
    assert (printed(risk.yi, 7), printed(risk.sei, 7)) == ([0.3571429], [0.1002777])


def test_lidocaine_risk_differences() -> None:
    """Normand 1999, Table III, page 330 (Hine et al. 1989): percentage points, with 95% limits."""
    effect = effects.rd(
        [2, 4, 6, 7, 7, 11], [39, 44, 107, 103, 110, 154], [1, 4, 4, 5, 3, 4], [43, 44, 110, 100, 106, 146]
    )
    assert printed(100 * effect.yi, 4) == [2.8026, 0.0, 1.9711, 1.7961, 3.5334, 4.4031]
    low, high = 100 * (effect.yi - 1.959964 * effect.sei), 100 * (effect.yi + 1.959964 * effect.sei)
    assert printed(low, 3) == [-5.457, -12.013, -3.618, -4.675, -2.014, -0.450]
    assert printed(high, 3) == [11.062, 12.013, 7.560, 8.267, 9.081, 9.257]


def gleser_olkin(yi: Array, vi: Array, shared: Array) -> tuple[Array, Array]:
    """Regression of six contrasts of three trials on three treatments, one comparator arm in each trial."""
    trial, treatment = np.array([1, 1, 2, 3, 3, 3]), np.array([1, 2, 1, 1, 2, 3])
    covariance = np.where(trial[:, None] == trial, shared, 0.0)
    np.fill_diagonal(covariance, vi)
    design = (treatment[:, None] == [1, 2, 3]).astype(float)
    weighted = np.linalg.solve(covariance, design)
    vcov = np.linalg.inv(design.T @ weighted)
    return vcov @ weighted.T @ yi, vcov


@pytest.mark.parametrize("measure", ["rd", "log_or", "log_rr", "arcsine"])
def test_gleser_olkin_2009_four_measures(measure: str) -> None:
    """Gleser & Olkin 2009, pages 360-365: six contrasts, pooled with their covariances.

    The pooled effects and their covariance matrix hold the printed variances to account. Their
    arcsine measure is twice the one here.
    """
    control, n_c = np.array([40, 40, 10, 150, 150, 150]), np.array([1000, 1000, 200, 2000, 2000, 2000])
    treated, n_t = np.array([100, 150, 15, 40, 80, 50]), np.array([4000, 4000, 400, 1000, 1000, 1000])
    risk = control / n_c
    contrasts, coefficients, matrix, scale, digits, shared = {
        "rd": (
            [0.0150, 0.0025, 0.0125, 0.0350, -0.0050, 0.0250],
            [0.0200, 0.0043, 0.0211],
            [24.612, 19.954, 13.323, 28.538, 13.255, 69.806],
            1e6,
            3,
            risk * (1 - risk) / n_c,
        ),
        "log_or": (
            [0.4855, 0.0671, 0.3008, 0.6657, -0.0700, 0.4321],
            [0.5099, 0.0044, 0.4301],
            [0.01412, 0.00712, 0.00425, 0.01178, 0.00455, 0.02703],
            1,
            5,
            1 / (n_c * risk * (1 - risk)),
        ),
        "log_rr": (
            [0.4700, 0.0645, 0.2877, 0.6286, -0.0645, 0.4055],
            [0.4875, 0.0006, 0.4047],
            None,
            1,
            5,
            (1 - risk) / (n_c * risk),
        ),
        "arcsine": (
            [0.0852, 0.0130, 0.0613, 0.1521, -0.0187, 0.1038],
            [0.1010, 0.0102, 0.0982],
            [0.00058, 0.00040, 0.00024, 0.00061, 0.00025, 0.00137],
            4,
            5,
            1 / (4 * n_c),
        ),
    }[measure]
    factor = 2 if measure == "arcsine" else 1
    effect = getattr(effects, measure)(control, n_c, treated, n_t)
    assert printed(factor * effect.yi, 4) == contrasts
    estimates, vcov = gleser_olkin(effect.yi, effect.vi, shared)
    assert printed(factor * estimates, 4) == coefficients
    if matrix is not None:
        assert printed(scale * vcov[np.triu_indices(3)], digits) == matrix


def test_yusuf_1985_beta_blockers() -> None:
    """Yusuf et al. 1985, Table 6, page 107: odds ratio 0.9332 (0.7385 to 1.1792) over the trials with events."""
    events, n1 = (
        [14, 18, 15, 10, 21, 3, 2, 19, 15, 5, 8, 3, 1, 0, 14, 8, 6, 3],
        [56, 66, 100, 52, 226, 38, 20, 76, 106, 62, 133, 48, 42, 25, 221, 259, 157, 177],
    )
    others, n2 = (
        [15, 19, 12, 12, 24, 6, 3, 15, 9, 4, 11, 3, 1, 3, 15, 7, 4, 2],
        [58, 64, 95, 47, 228, 31, 20, 67, 114, 57, 127, 49, 46, 25, 228, 129, 158, 136],
    )
    effect = effects.peto(events, n1, others, n2)
    weight = 1 / effect.vi
    pooled, se = (weight * effect.yi).sum() / weight.sum(), 1 / np.sqrt(weight.sum())
    limits = np.exp(pooled + se * 1.959964 * np.array([0, -1, 1]))
    assert printed(limits, 4) == [0.9332, 0.7385, 1.1792]
