"""Intervals by profile likelihood and generalised Q, by metafor 5.1 and CompQuadForm (reference/pooling_more.R)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta.models.profile import profile_mean, profile_tau2
from ketameta.models.quadratic_forms import generalised_q

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
DATASETS = list(dict.fromkeys(INPUTS["dataset"]))
PROFILE = pd.read_csv(REFERENCE / "pooling_tau2_types.csv").set_index(["dataset", "method"])
GENERALISED = pd.read_csv(REFERENCE / "pooling_genq.csv").set_index(["dataset", "weights"])
POWERS = {"1/v": -1.0, "1/sqrt(v)": -0.5, "1": 0.0}


def same(found: float, expected: float) -> bool:
    return found == pytest.approx(expected, rel=1e-8, abs=0.0)


@pytest.mark.parametrize("dataset", DATASETS)
def test_intervals_by_profile_likelihood(dataset: str) -> None:
    """tau2 by confint(type="PL") of metafor 5.1; the mean from its definition (pooling_more.R)."""
    yi, vi = INPUTS.loc[INPUTS["dataset"] == dataset, ["yi", "vi"]].to_numpy().T
    for method in ("ML", "REML"):
        r = PROFILE.loc[(dataset, method)]
        low, high = profile_tau2(yi, vi, method=method)
        assert same(float(low), r["tau2_low"])
        assert same(float(high), r["tau2_high"])
    low, high = profile_mean(yi, vi)
    assert same(float(low), PROFILE.loc[(dataset, "ML"), "mu_low"])
    assert same(float(high), PROFILE.loc[(dataset, "ML"), "mu_high"])


@pytest.mark.parametrize("dataset", DATASETS)
def test_intervals_by_the_generalised_q(dataset: str) -> None:
    """Bounds by Farebrother's series (pooling_more.R); with Davies' integral there the areas are the same."""
    yi, vi = INPUTS.loc[INPUTS["dataset"] == dataset, ["yi", "vi"]].to_numpy().T
    for weights, power in POWERS.items():
        r = GENERALISED.loc[(dataset, weights)]
        low, high = generalised_q(yi, vi, q_weights=vi**power)
        assert same(float(low), r["tau2_low"])
        assert same(float(high), r["tau2_high"])


def test_generalised_q_bounds_stand_on_two_algorithms() -> None:
    for bound, area in (("low", 0.025), ("high", 0.975)):
        found = GENERALISED[GENERALISED[f"tau2_{bound}"] > 0]
        davies = found[f"davies_{bound}"].dropna()
        assert len(davies) > 50
        assert np.abs(davies - area).max() < 1e-12


def test_printed_profile_likelihood_of_tau2() -> None:
    """Viechtbauer (2007), Statistics in Medicine 26:37-52, Table II, p. 44; van Houwelingen et al. (2002), BCG.

    The fourth decimals of the first are those of confint() at its default tolerance (tests/reference/README.md).
    """
    printed = {
        ("collins1985b", "ML"): (0.0266, 1.1308, 5e-4),
        ("collins1985b", "REML"): (0.0427, 1.4747, 5e-4),
        ("bcg_or", "ML"): (0.1151, 0.8937, 5e-5),
    }
    for (dataset, method), (low, high, half) in printed.items():
        yi, vi = INPUTS.loc[INPUTS["dataset"] == dataset, ["yi", "vi"]].to_numpy().T
        found = np.array(profile_tau2(yi, vi, method=method))
        np.testing.assert_allclose(found, [low, high], rtol=0, atol=half)


def test_printed_profile_likelihood_of_the_mean() -> None:
    """Riley et al. (2011), BMJ 342:d549, made-up trials, as the reference page of pimeta (`cima`) prints it."""
    yi = [0, 0.1, -0.4, -0.8, -0.63, 0.22, -0.34, -0.51, 0.03, -0.81]
    se = [
        *(0.42347717, 0.21939179, 0.02551067, 0.19898325, 0.30102594),
        *(0.30102594, 0.07142988, 0.10204269, 0.12245123, 0.30102594),
    ]
    found = np.array(profile_mean(yi, np.square(se)))
    np.testing.assert_allclose(found, [-0.5435, -0.1089], rtol=0, atol=5e-5)
