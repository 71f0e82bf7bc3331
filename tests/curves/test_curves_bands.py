from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import f as f_law

from ketameta.curves import durability
from ketameta.curves.bands import simultaneous_quantile
from ketameta.errors import ModelError


@pytest.fixture(scope="module")
def curve(data_set):
    return durability(data_set("simulated"))


def test_pointwise_and_prediction_bands_are_the_columns_of_at(curve) -> None:
    at = curve.at(days=[1, 7, 14])
    for kind, low, high in (("pointwise", "ci_low", "ci_high"), ("prediction", "pi_low", "pi_high")):
        band = curve.bands(days=[1, 7, 14], kind=kind)
        np.testing.assert_allclose(band["low"], at[low])
        np.testing.assert_allclose(band["high"], at[high])
        assert (band["kind"] == kind).all()


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_band_of_a_straight_line_has_the_quantile_of_its_arc(level) -> None:
    es = pd.DataFrame(
        {
            "cohort_id": "a",
            "time_hours": [4.0, 8, 16, 32, 64, 128],
            "yi": [-0.9, -1, -0.7, -0.4, -0.5, -0.1],
            "vi": 0.02,
        }
    )
    curve = durability(es, knots=(4, 128), level=level)
    root = np.linalg.cholesky(curve.fit.vcov)
    ends = curve.fit.shape.gradient(curve.fit.beta, np.array([4.0, 128.0])) @ root
    ends /= np.linalg.norm(ends, axis=1, keepdims=True)
    arc = math.acos(float(ends[0] @ ends[1]))
    assert arc < math.pi
    angles = (np.arange(200_000) + 0.5) / 200_000 * math.pi
    nearest = np.maximum(np.abs(angles - arc / 2) - arc / 2, 0)
    farthest = np.where(nearest < math.pi / 2, np.cos(nearest), 0.0)
    farthest = np.maximum(farthest, np.abs(np.cos(np.minimum(nearest, math.pi - arc - nearest))))
    exact = brentq(lambda c: np.mean(np.exp(-((c / farthest) ** 2) / 2)) - (1 - level), 0.5, 6)
    found = float(curve.bands()["quantile"].iloc[0])
    assert found == pytest.approx(exact, rel=5e-3)


def test_the_band_holds_as_many_curves_as_it_says(curve) -> None:
    band = curve.bands()
    band = band[band["supported"]]
    rng = np.random.default_rng(8)
    noise = rng.standard_normal((20_000, curve.fit.beta.size)) @ np.linalg.cholesky(curve.fit.vcov).T
    noise /= np.sqrt(rng.chisquare(curve.df, (20_000, 1)) / curve.df)
    lines = curve.fit.shape.value(curve.fit.beta + noise, band["time_hours"].to_numpy())
    inside = ((lines >= band["low"].to_numpy()) & (lines <= band["high"].to_numpy())).all(axis=1)
    assert inside.mean() == pytest.approx(0.95, abs=0.007)


def test_the_quantile_lies_between_pointwise_and_scheffe(curve) -> None:
    found = float(curve.bands()["quantile"].iloc[0])
    p = curve.fit.beta.size
    scheffe = math.sqrt(p * f_law.ppf(0.95, p, curve.df))
    assert curve.fit.quantile < found < scheffe


def test_a_curve_known_at_one_point_needs_no_wider_band() -> None:
    es = pd.DataFrame({"cohort_id": "a", "time_hours": [24.0, 25], "yi": [-1, -0.9], "vi": [0.01, 0.01]})
    curve = durability(es, rho=0.999999)
    found = simultaneous_quantile(curve.fit, np.array([24.0, 25.0]), 0.95)
    assert ndtri(0.975) <= found <= math.sqrt(2 * math.log(1 / 0.05)) + 1e-9


def test_bands_of_every_family_and_without_data(curve, data_set) -> None:
    decay = durability(data_set("simulated"), curve="exponential").bands()
    assert np.isfinite(decay[["low", "high"]]).all().all()
    assert len(decay) == 201
    gap = pd.DataFrame({"cohort_id": list("aabb"), "time_hours": [4, 672] * 2, "yi": -0.5, "vi": 0.1})
    assert not durability(gap).bands()["supported"].all()
    with pytest.raises(ModelError, match="choose one of pointwise, simultaneous, prediction"):
        curve.bands(kind="all")
    with pytest.raises(ModelError, match="outside the measured times"):
        curve.bands(days=100)
    assert not curve.bands(days=100, extrapolate=True)["supported"].any()
