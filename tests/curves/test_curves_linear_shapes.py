"""Families that are linear in their coefficients: what the coefficients mean, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ketameta.curves import CurveOptions, durability
from ketameta.curves.linear_shapes import Piecewise, Polynomial, Steps
from ketameta.errors import ModelError


@pytest.fixture
def es(data_set) -> pd.DataFrame:
    return data_set("example")


def test_coefficients_of_straight_lines_are_the_effects_at_the_knots() -> None:
    knots = np.array([4.0, 24.0, 168.0])
    shape, beta = Piecewise(tuple(knots)), np.array([-0.4, -1.0, -0.2])
    np.testing.assert_allclose(shape.value(beta, knots), beta, atol=1e-15)
    between = np.geomspace(4, 168, 50)
    np.testing.assert_allclose(shape.value(beta, between), np.interp(np.log(between), np.log(knots), beta))
    beyond = shape.value(beta, np.array([168.0 * 7]))
    assert beyond[0] == pytest.approx(-0.2 + 0.8, abs=1e-12)


def test_two_knots_are_the_same_line_in_all_families(es) -> None:
    hours = np.array([4.0, 24.0, 100.0, 168.0])
    spline = durability(es, knots=(4, 168))
    for other in (
        durability(es, curve="piecewise", knots=(4, 168)),
        durability(es, curve="polynomial", options=CurveOptions(degree=1)),
    ):
        pd.testing.assert_frame_equal(other.at(hours=hours), spline.at(hours=hours), rtol=1e-8)
        assert (other.tau2, other.omega2) == pytest.approx((spline.tau2, spline.omega2), rel=1e-8)
        assert other.aicc == pytest.approx(spline.aicc, rel=1e-10)


def test_polynomial_coefficients_are_effect_and_change_per_doubling() -> None:
    shape, beta = Polynomial(2, 24.0), np.array([-0.8, 0.2, -0.05])
    assert shape.value(beta, np.array([24.0, 48.0, 6.0])).tolist() == pytest.approx([-0.8, -0.65, -1.4])
    assert shape.names()[:2] == ("effect at 24 h", "change per doubling of time")


def test_steps_hold_their_lower_boundary(es) -> None:
    shape = Steps((0.0, 36.0, 240.0, math.inf))
    assert shape.names() == ("effect from 0 h to 36 h", "effect from 36 h to 10 d", "effect from 10 d on")
    levels = np.array([1.0, 2.0, 3.0])
    assert shape.value(levels, np.array([1.0, 35.9, 36.0, 239.0, 240.0, 1e6])).tolist() == [1, 1, 2, 2, 3, 3]


def test_steps_without_repeats_or_heterogeneity_are_inverse_variance_means() -> None:
    table = pd.DataFrame(
        {
            "cohort_id": list("abcdef"),
            "time_hours": [4, 20, 30, 100, 150, 160],
            "yi": [-0.50, -0.52, -0.51, -0.20, -0.21, -0.19],
            "vi": [0.1, 0.2, 0.3, 0.1, 0.2, 0.3],
        }
    )
    fitted = durability(table, curve="steps", options=CurveOptions(windows=(0, 36, 240)))
    assert (fitted.tau2, fitted.omega2) == (0.0, 0.0)
    for coefficient, rows in zip(fitted.coefficients, (slice(0, 3), slice(3, 6)), strict=True):
        weights = 1 / table["vi"][rows]
        assert coefficient == pytest.approx((weights * table["yi"][rows]).sum() / weights.sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("curve", "options", "match"),
    [
        ("steps", {}, "needs its windows"),
        ("steps", {"windows": (0, 36, 48, 240)}, "no effect was measured from 36 h to 48 h; join"),
        ("steps", {"windows": (0, 36, 168)}, "effects at 168 h lie in no window"),
        ("steps", {"windows": (10, 36, 240)}, "effects at 4 h lie in no window"),
        ("spline", {"windows": (0, 36, 240)}, "windows belong to curve='steps'"),
        ("polynomial", {"degree": 4}, "do not determine a polynomial of degree 4"),
    ],
)
def test_shapes_that_the_times_cannot_carry_are_refused(es, curve, options, match) -> None:
    with pytest.raises(ModelError, match=match):
        durability(es, curve=curve, options=CurveOptions(**options))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": "DL"}, "method='DL' is unknown"),
        ({"correlation": "AR"}, "correlation='AR' is unknown"),
        ({"degree": 0}, "degree=0 must be a whole number"),
        ({"degree": 2.5}, "degree=2.5"),
        ({"degree": True}, "degree=True"),
        ({"windows": "day"}, "must be boundaries in hours"),
        ({"windows": 24}, "must be boundaries in hours"),
        ({"windows": (24,)}, "at least two"),
        ({"windows": (-1, 24)}, "none below zero"),
        ({"windows": (0, math.nan)}, "none below zero"),
        ({"windows": (24, 24)}, "must increase"),
        ({"windows": (math.inf, math.inf)}, "none below zero"),
    ],
)
def test_bad_options_are_refused(options, match) -> None:
    with pytest.raises(ModelError, match=match):
        CurveOptions(**options)


def test_options_must_be_options(es) -> None:
    with pytest.raises(ModelError, match="must be a CurveOptions"):
        durability(es, options={"method": "ML"})


@pytest.mark.parametrize(
    ("curve", "options", "words"),
    [
        ("piecewise", {}, "straight lines in log time, knots at"),
        ("polynomial", {"degree": 1}, "polynomial of degree 1 in log time"),
        (
            "steps",
            {"windows": (0, 36, 240)},
            r"one effect for each window \(from 0 h to 36 h, from 36 h to 10 d\)",
        ),
    ],
)
def test_every_read_out_is_given_and_the_shape_named(es, curve, options, words) -> None:
    fitted = durability(es, curve=curve, options=CurveOptions(**options))
    assert pd.Series([fitted.method_line()]).str.contains(words).all()
    for text in (str(fitted), fitted._repr_html_(), fitted.sentence()):
        assert "nan" not in text
    assert fitted.half_life.status in ("reached", "not reached")
    assert np.isfinite(fitted.sensitivity([0.3, 0.6])["estimate_24h"]).all()
