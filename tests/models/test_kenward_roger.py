"""Kenward and Roger's interval, held against R, the general formula and numerical derivatives."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta._typing import Array
from ketameta.models.intervals import kenward_roger
from ketameta.models.kernel import fit

from .interval_trials import SBP, SBP_SE, YI

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
KENWARD_ROGER = pd.read_csv(REFERENCE / "kenward_roger.csv").set_index("dataset")


def sample(dataset: str) -> tuple[Array, Array]:
    rows = INPUTS[INPUTS["dataset"] == dataset]
    return rows["yi"].to_numpy(), rows["vi"].to_numpy()


def test_kenward_roger_agrees_with_matrices_in_r() -> None:
    assert len(KENWARD_ROGER) >= 30
    for dataset, r in KENWARD_ROGER.iterrows():
        y, v = sample(str(dataset))
        variance, df = kenward_roger(v, fit(y, v).tau2)
        assert variance == pytest.approx(r["variance"], rel=1e-8), dataset
        assert df == pytest.approx(r["df"], rel=1e-8), dataset


def test_kenward_roger_by_numerical_derivatives() -> None:
    """Variance from the derivative of the weights, information from that of the expected likelihood."""
    v, tau2 = np.array([0.04, 0.3, 0.05, 0.6, 0.11]), 0.07
    step = 1e-4

    def weights(t: float) -> Array:
        w = 1.0 / (v + t)
        return w / w.sum()

    def restricted(t: float, s: float) -> float:
        """Expected restricted log-likelihood at t where s is true."""
        w = 1.0 / (v + t)
        p = np.diag(w) - np.outer(w, w) / w.sum()
        return float(0.5 * np.log(w).sum() - 0.5 * math.log(w.sum()) - 0.5 * (np.diag(p) * (v + s)).sum())

    curve = [restricted(tau2 + i * step, tau2) for i in (-1, 0, 1)]
    information = -(curve[0] - 2.0 * curve[1] + curve[2]) / step**2
    slope = (weights(tau2 + step) - weights(tau2 - step)) / (2.0 * step)
    plain = 1.0 / (1.0 / (v + tau2)).sum()
    # Estimating the weights adds the variance of slope @ y times that of tau2; the plug-in misses as much again.
    expected = plain + 2.0 * float((slope**2 * (v + tau2)).sum()) / information
    variance, df = kenward_roger(v, tau2)
    assert variance == pytest.approx(expected, rel=1e-5)
    assert df == pytest.approx(2.0 * information / (expected * (1.0 / (v + tau2) ** 2).sum()) ** 2, rel=1e-4)


def general_kenward_roger(
    x: Array, sigma: Array, slopes: list[Array], form: Array
) -> tuple[Array, float, float]:
    """Adjusted covariance, degrees of freedom and scale of F for any linear covariance structure.

    Kenward and Roger (1997), Biometrics 53:983-997, section 2, with the expected information of the restricted
    likelihood; ``slopes`` are the derivatives of ``sigma``, the second derivatives are 0.
    """
    inverse = np.linalg.inv(sigma)
    phi = np.linalg.inv(x.T @ inverse @ x)
    residual = inverse - inverse @ x @ phi @ x.T @ inverse
    information = np.array([[0.5 * np.trace(residual @ a @ residual @ b) for a in slopes] for b in slopes])
    w = np.linalg.inv(information)
    p = [-x.T @ inverse @ a @ inverse @ x for a in slopes]
    q = [[x.T @ inverse @ a @ inverse @ b @ inverse @ x for b in slopes] for a in slopes]
    pairs = [(i, j) for i in range(len(slopes)) for j in range(len(slopes))]
    bias = sum(w[i, j] * (q[i][j] - p[i] @ phi @ p[j]) for i, j in pairs)
    theta = form @ np.linalg.inv(form.T @ phi @ form) @ form.T
    parts = [theta @ phi @ part @ phi for part in p]
    a1 = sum(w[i, j] * np.trace(parts[i]) * np.trace(parts[j]) for i, j in pairs)
    a2 = sum(w[i, j] * np.trace(parts[i] @ parts[j]) for i, j in pairs)
    size = form.shape[1]
    b = (a1 + 6.0 * a2) / (2.0 * size)
    g = ((size + 1) * a1 - (size + 4) * a2) / ((size + 2) * a2)
    c1, c2, c3 = (part / (3.0 * size + 2.0 * (1.0 - g)) for part in (g, size - g, size + 2 - g))
    mean = 1.0 / (1.0 - a2 / size)
    variance = 2.0 / size * (1.0 + c1 * b) / ((1.0 - c2 * b) ** 2 * (1.0 - c3 * b))
    df = 4.0 + (size + 2.0) / (size * variance / (2.0 * mean**2) - 1.0)
    return phi + 2.0 * phi @ bias @ phi, float(df), float(df / (mean * (df - 2.0)))


def test_kenward_roger_from_the_general_formula() -> None:
    """The variance is theirs; the degrees of freedom are theirs once the variance in them is the plain one."""
    checked = 0
    for dataset, r in KENWARD_ROGER.iterrows():
        y, v = sample(str(dataset))
        tau2 = float(fit(y, v).tau2)
        one = np.ones((v.size, 1))
        adjusted, df, scale = general_kenward_roger(one, np.diag(v + tau2), [np.eye(v.size)], np.ones((1, 1)))
        variance, found = kenward_roger(v, tau2)
        plain = 1.0 / (1.0 / (v + tau2)).sum()
        assert variance == pytest.approx(adjusted[0, 0], rel=1e-9), dataset
        if abs(df - 2.0) > 0.1:
            checked += 1
            assert found * (variance / plain) ** 2 == pytest.approx(df, rel=1e-6), dataset
            assert scale == pytest.approx(1.0, rel=1e-6), dataset
        assert found * (variance / plain) ** 2 == pytest.approx(r["df_1997"], rel=1e-6), dataset
    assert checked >= 30


def test_printed_kenward_roger_of_pimeta() -> None:
    """Systolic blood pressure, REML, as pimeta 1.1.3 prints the interval; degrees of freedom at its tau2 of 0.06995.

    Its REML stops a relative 1e-4 before the maximum, which the four digits of the interval do not show.
    """
    result = km.pool(yi=SBP, vi=SBP_SE**2, ci="KR")
    assert result.estimate == pytest.approx(-0.3287, abs=5e-5)
    assert (result.ci_low, result.ci_high) == (
        pytest.approx(-0.5815, abs=5e-5),
        pytest.approx(-0.0759, abs=5e-5),
    )
    df = kenward_roger(SBP_SE**2, 0.0699510154937)[1]
    assert df == pytest.approx(6.9507592419451, rel=1e-11)


def test_kenward_roger_is_students_t_for_equal_variances() -> None:
    one = km.pool(yi=YI, vi=np.full(5, 0.02), ci="KR")
    two = km.pool(yi=YI, vi=np.full(5, 0.02))
    assert (one.df, one.ci_low, one.p) == tuple(pytest.approx(x, rel=1e-9) for x in (4, two.ci_low, two.p))
    assert (one.prediction_method, one.pi_low) == ("t(KR)", pytest.approx(two.pi_low, rel=1e-9))
