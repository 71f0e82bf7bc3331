"""Weights of families and the averaged curve, by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ketameta.curves import CurveOptions, compare, durability
from ketameta.errors import ModelError


@pytest.fixture(scope="module")
def table(data_set) -> pd.DataFrame:
    return data_set("simulated")


@pytest.fixture(scope="module")
def families(table):
    return compare(table, curves=["spline", "exponential", "polynomial", "steps"])


def test_weights_are_those_of_aicc(families, table) -> None:
    frame = families.to_frame().set_index("curve")
    aicc = {name: durability(table, curve=name).aicc for name in ("spline", "exponential", "polynomial")}
    best = min(aicc.values())
    relative = {name: math.exp(-(value - best) / 2) for name, value in aicc.items()}
    for name, value in relative.items():
        assert frame.loc[name, "weight"] == pytest.approx(value / sum(relative.values()), rel=1e-12)
        assert frame.loc[name, "delta"] == pytest.approx(aicc[name] - best, abs=1e-12)
    k, n = int(frame.loc["spline", "parameters"]), len(table)
    by_hand = -2 * frame.loc["spline", "loglik"] + 2 * k + 2 * k * (k + 1) / (n - k - 1)
    assert frame.loc["spline", "aicc"] == pytest.approx(by_hand, rel=1e-12)
    assert frame["weight"].sum() == pytest.approx(1)


def test_the_average_has_the_unconditional_standard_error(families) -> None:
    hours = [24, 168]
    tables = [curve.at(hours=hours) for curve in families.curves]
    average = families.at(hours=hours)
    for row in range(2):
        estimates = np.array([one["estimate"].iloc[row] for one in tables])
        ses = np.array([one["se"].iloc[row] for one in tables])
        mean = float(families.weights @ estimates)
        assert average["estimate"].iloc[row] == pytest.approx(mean, rel=1e-12)
        se = sum(
            w * math.sqrt(s**2 + (e - mean) ** 2)
            for w, s, e in zip(families.weights, ses, estimates, strict=True)
        )
        assert average["se"].iloc[row] == pytest.approx(se, rel=1e-12)
        z = norm.ppf(0.975)
        wide = sum(
            w * math.sqrt((c.fit.quantile / z * s) ** 2 + (e - mean) ** 2)
            for w, s, e, c in zip(families.weights, ses, estimates, families.curves, strict=True)
        )
        assert average["ci_high"].iloc[row] == pytest.approx(mean + z * wide, rel=1e-12)


def test_one_family_averages_to_itself(table) -> None:
    alone, curve = compare(table, curves=["spline"], ci="Wald"), durability(table, ci="Wald")
    columns = ["time_hours", "estimate", "se", "ci_low", "ci_high"]
    pd.testing.assert_frame_equal(alone.at(days=[1, 7]), curve.at(days=[1, 7])[columns])


def test_families_that_cannot_be_fitted_are_listed(families) -> None:
    frame = families.to_frame().set_index("curve")
    assert frame.loc["steps", "weight"] == 0
    assert "needs its windows" in frame.loc["steps", "why"]
    assert "steps is not weighed: curve='steps' needs its windows" in str(families)
    json.dumps(families.to_dict(), allow_nan=False)
    assert families.sentence().startswith("Akaike weights of the families: ")
    assert "<table" in families._repr_html_()


def test_too_few_effects_for_aicc_are_said() -> None:
    few = pd.DataFrame(
        {"cohort_id": list("aabb"), "time_hours": [24, 168] * 2, "yi": [-0.8, -0.4, -0.9, -0.3], "vi": 0.1}
    )
    with pytest.raises(ModelError, match="none of the families can be fitted and weighed"):
        compare(few)


def test_windows_go_to_steps_alone(table) -> None:
    both = compare(table, curves=["steps", "spline"], options=CurveOptions(windows=(0, 100, 1000)))
    assert {curve.curve for curve in both.curves} == {"steps", "spline"}


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"curves": "spline"}, "must be a list"),
        ({"curves": []}, "must be a list"),
        ({"curves": ["spline", "cubic"]}, "curve='cubic' is unknown"),
        ({"curves": ["spline", "spline"]}, "names a family twice"),
        ({"options": {}}, "must be a CurveOptions"),
    ],
)
def test_bad_lists_are_refused(table, kwargs, match) -> None:
    with pytest.raises(ModelError, match=match):
        compare(table, **kwargs)
