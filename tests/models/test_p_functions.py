from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.models.p_functions import new_trial_limits, pooled_limits, study_limits

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
CURVES = pd.read_csv(REFERENCE / "drapery.csv")
CASES = [*dict.fromkeys(zip(CURVES["dataset"], CURVES["test"], strict=True))]
LEVELS = (0.5, 0.2, 0.05, 0.01)
Y, V = [-1.10, -0.35, -0.62, -0.18, -0.80], [0.09, 0.05, 0.04, 0.07, 0.11]


@pytest.mark.parametrize(("dataset", "test"), CASES)
def test_equals_metafor(dataset: str, test: str) -> None:
    rows = INPUTS[INPUTS["dataset"] == dataset]
    fit = km.pool(rows, ci={"z": "Wald", "knha": "HKSJ"}[test])
    wanted = CURVES[(CURVES["dataset"] == dataset) & (CURVES["test"] == test)]
    found = pooled_limits(fit, wanted["p"].tolist())
    np.testing.assert_allclose(found, wanted[["ci_low", "ci_high"]].T, rtol=1e-10)
    side = (wanted["steps"] > 0).astype(int)
    np.testing.assert_allclose(found[side, np.arange(len(side))], wanted["against"], rtol=1e-10)
    np.testing.assert_allclose(
        new_trial_limits(fit, wanted["p"].tolist()), wanted[["pi_low", "pi_high"]].T, rtol=1e-10
    )


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"ci": "Wald"},
        {"ci": "KR"},
        {"tau2": "ML", "ci": "profile"},
        {"prediction": "t(k-2)"},
        {"prediction": "bootstrap"},
    ],
)
def test_limits_are_those_of_pool_at_every_level(how: Any) -> None:
    fit = km.pool(yi=Y, vi=V, **how)
    pools = [km.pool(yi=Y, vi=V, level=1 - p, **how) for p in LEVELS]
    wanted = [[pool.ci_low for pool in pools], [pool.ci_high for pool in pools]]
    np.testing.assert_allclose(pooled_limits(fit, LEVELS), wanted, rtol=1e-9)
    wanted = [[pool.pi_low for pool in pools], [pool.pi_high for pool in pools]]
    np.testing.assert_allclose(new_trial_limits(fit, LEVELS), wanted, rtol=1e-9)


@pytest.mark.parametrize("how", [{}, {"ci": "Wald"}, {"tau2": "ML", "ci": "profile"}])
def test_p_of_pool_lies_on_the_curve(how: Any) -> None:
    for shift in (-0.9, -0.4, 0.1):
        against = km.pool(yi=np.subtract(Y, shift), vi=V, **how)
        limits = pooled_limits(km.pool(yi=Y, vi=V, **how), [against.p])[:, 0]
        assert np.abs(limits - shift).min() < 1e-6


def test_the_curve_peaks_at_the_estimate() -> None:
    for how in ({}, {"tau2": "ML", "ci": "profile"}):
        fit = km.pool(yi=Y, vi=V, **how)
        assert pooled_limits(fit, [1.0])[:, 0].tolist() == pytest.approx([fit.estimate] * 2, abs=1e-7)


def test_no_prediction_no_limits() -> None:
    assert np.isnan(new_trial_limits(km.pool(yi=Y, vi=V, tau2="EE", ci="Wald"), LEVELS)).all()


def test_studies_by_the_normal_distribution() -> None:
    found = study_limits(0.4, 0.25, [0.05, 0.5, 1.0])
    np.testing.assert_allclose(found[1] - 0.4, [0.5 * 1.959963984540054, 0.5 * 0.6744897501960817, 0.0])
    np.testing.assert_allclose(found.sum(axis=0), 0.8)
