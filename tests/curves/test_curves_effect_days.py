from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import ndtri

from ketameta.curves import CurveOptions, DurabilityCurve, durability
from ketameta.curves.effect_days import nodes
from ketameta.curves.shapes import Spline
from ketameta.errors import ModelError

FAMILIES = {
    "spline": {},
    "piecewise": {"knots": (4, 50, 672)},
    "polynomial": {},
    "steps": {"options": CurveOptions(windows=(0, 36, 200, 1000))},
    "exponential": {},
}


@pytest.fixture(scope="module")
def table(data_set) -> pd.DataFrame:
    return data_set("simulated")


def _integral(curve: DurabilityCurve, function, end: float) -> float:
    bends = [*curve.knots_hours, *(curve.spec.windows or ())]
    points = sorted({b for b in bends if curve.time_range[0] < b < end})
    return quad(function, curve.time_range[0], end, points=points or None, epsabs=1e-12, limit=400)[0] / 24


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("days", [7.0, 28.0])
def test_area_and_its_standard_error_equal_adaptive_quadrature(table, family, days) -> None:
    curve = durability(table, curve=family, **FAMILIES[family])
    out = curve.effect_days(days)

    def at(hours: float) -> float:
        return float(curve.fit.value(np.array([hours]))[0])

    assert out.value == pytest.approx(_integral(curve, at, 24 * days), rel=1e-9)
    slope = np.array(
        [
            _integral(
                curve,
                lambda t, j=j: float(curve.fit.shape.gradient(curve.fit.beta, np.array([t]))[0, j]),
                24 * days,
            )
            for j in range(curve.fit.beta.size)
        ]
    )
    reach = curve.fit.quantile * math.sqrt(slope @ curve.fit.vcov @ slope)
    assert out.ci_high - out.value == pytest.approx(reach, rel=1e-8)
    assert out.value - out.ci_low == pytest.approx(reach, rel=1e-8)
    assert out.effect == pytest.approx(out.value / (days - 4 / 24))


def test_area_under_an_exponential_in_closed_form(table) -> None:
    curve = durability(table, curve="exponential")
    amplitude, rate = curve.coefficients
    expected = amplitude / rate * (1 - math.exp(-rate * (168 - 4))) / 24
    assert curve.effect_days(7).value == pytest.approx(expected, rel=1e-10)


def test_a_constant_effect_lasts_as_long_as_it_is_counted() -> None:
    es = pd.DataFrame({"cohort_id": "a", "time_hours": [4.0, 168], "yi": -0.5, "vi": 0.01})
    curve = durability(es)
    assert curve.effect_days(7).value == pytest.approx(-0.5 * 164 / 24)
    flat = curve.effect_days(7, before="flat")
    assert flat.value == pytest.approx(-3.5)
    assert "is taken to hold from dosing on" in flat.note
    assert "not counted" in curve.effect_days(7).note
    assert flat.effect == pytest.approx(-0.5)


def test_intervals_from_simulated_curves_agree_with_the_delta_method(table) -> None:
    curve = durability(table, ci="Wald")
    delta, drawn = curve.effect_days(14), curve.effect_days(14, interval="simulation", rng=3)
    assert drawn.value == delta.value
    se = (delta.ci_high - delta.value) / ndtri(0.975)
    for one, two in ((drawn.ci_low, delta.ci_low), (drawn.ci_high, delta.ci_high)):
        assert one == pytest.approx(two, abs=0.2 * se)
    assert "simulated" in drawn.method


def test_beyond_the_data_is_refused_or_marked() -> None:
    es = pd.DataFrame({"cohort_id": "a", "time_hours": [24.0, 168], "yi": [-0.8, -0.3], "vi": 0.01})
    curve = durability(es)
    with pytest.raises(ModelError, match=r"336 h lies outside the measured times, 24 to 168 h"):
        curve.effect_days(14)
    assert (
        "beyond 7 d, the last measured time, the curve is extrapolated"
        in curve.effect_days(14, extrapolate=True).note
    )
    assert "no trial measured near 48 h to 3.5 d" in curve.effect_days(7).note
    assert [area["name"] for area in curve.to_dict()["effect_days"]] == ["effect-days to 7 d"]


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"until": 1.0}, "not after the first measured time"),
        ({"until": -1.0}, "not after the first measured time"),
        ({"until": math.nan}, "finite number"),
        ({"until": "week"}, "finite number"),
        ({"until": True}, "finite number"),
        ({"before": "zero"}, "choose one of left out, flat"),
        ({"interval": "profile"}, "delta"),
        ({"interval": "exact"}, "choose one of delta, profile"),
        ({"interval": "simulation", "rng": "x"}, "must be a seed"),
    ],
)
def test_what_cannot_be_is_refused(kwargs, match) -> None:
    es = pd.DataFrame({"cohort_id": "a", "time_hours": [24.0, 168], "yi": [-0.8, -0.3], "vi": 0.01})
    with pytest.raises(ModelError, match=match):
        durability(es).effect_days(**kwargs)


def test_weights_of_the_nodes_add_up_over_nine_decades() -> None:
    hours, weights = nodes(Spline((1e-3, 1.0, 1e6)), 1e-3, 1e6)
    assert float(weights.sum()) == pytest.approx((1e6 - 1e-3) / 24, rel=1e-12)
    assert float(weights @ np.log(hours)) * 24 == pytest.approx(
        1e6 * (math.log(1e6) - 1) - 1e-3 * (math.log(1e-3) - 1), rel=1e-12
    )
