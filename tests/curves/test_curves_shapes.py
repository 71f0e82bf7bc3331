from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from ketameta.curves.shapes import Exponential, Spline, default_knots, natural_spline
from ketameta.errors import ModelError


@pytest.mark.parametrize("knots", [[0.0, 1.0], [0.0, 1.0, 5.0], [0.1, 1.0, 2.2, 4.0], [-3, -1, 0, 0.5, 9]])
def test_basis_is_the_natural_interpolating_spline(knots: list[float]) -> None:
    x = np.linspace(knots[0], knots[-1], 57)
    other = CubicSpline(knots, np.eye(len(knots)), bc_type="natural")(x)
    np.testing.assert_allclose(natural_spline(x, knots), other, atol=1e-13)


def test_basis_is_straight_beyond_the_knots_and_smooth_at_them() -> None:
    knots = np.array([0.0, 1.0, 3.0])
    for x in (np.array([-5.0, -3.0, -1.0]), np.array([4.0, 6.0, 8.0])):
        assert np.abs(np.diff(natural_spline(x, knots), n=2, axis=0)).max() < 1e-12
    step = 1e-4
    for knot in knots:
        left, at, right = natural_spline(np.array([knot - step, knot, knot + step]), knots)
        assert np.abs(left - 2 * at + right).max() < 1e-6
        np.testing.assert_allclose(at, np.eye(3)[np.flatnonzero(knots == knot)[0]], atol=1e-15)


@given(st.lists(st.floats(0.1, 5), min_size=1, max_size=5), st.floats(-3, 3), st.floats(-3, 3))
def test_basis_reproduces_every_straight_line(gaps: list[float], a: float, b: float) -> None:
    knots = np.concatenate([[0.0], np.cumsum(gaps)])
    x = np.linspace(-2, knots[-1] + 2, 23)
    np.testing.assert_allclose(natural_spline(x, knots) @ (a + b * knots), a + b * x, atol=1e-9)


@pytest.mark.parametrize("knots", [[1.0], [1.0, 1.0], [2.0, 1.0], [0.0, np.nan], [[0.0, 1.0]]])
def test_basis_refuses_knots_that_make_no_spline(knots: list[float]) -> None:
    with pytest.raises(ModelError, match="at least two knots"):
        natural_spline([0.5], knots)


def test_default_knots_follow_what_there_is_to_bend_a_curve_with() -> None:
    assert default_knots([24, 168], 9) == (24.0, 168.0)
    assert default_knots([4, 24, 168] * 9, 9) == (4.0, 168.0)
    assert len(default_knots([4, 24, 72, 168] * 2, 9)) == 3
    many = [2, 4, 24, 48, 72, 168, 336, 672]
    assert len(default_knots(many * 3, 9)) == 3
    assert len(default_knots(many * 4, 9)) == 4
    assert [len(default_knots(many * 4, k)) for k in (1, 2, 3, 4, 5, 6)] == [4, 2, 2, 2, 3, 4]


def test_default_knots_stand_at_quantiles_or_at_those_of_the_distinct_times() -> None:
    hours = np.array([2.0, 4, 24, 72, 168, 336, 672])
    expected = np.exp(np.quantile(np.log(hours), [0.1, 0.5, 0.9]))
    np.testing.assert_allclose(default_knots(hours, 7), expected, rtol=1e-14)
    crowded = np.concatenate([np.full(30, 24.0), [72.0, 168.0, 336.0]])
    distinct = np.exp(np.quantile(np.log([24.0, 72, 168, 336]), [0.1, 0.5, 0.9]))
    np.testing.assert_allclose(default_knots(crowded, 30), distinct, rtol=1e-14)


@pytest.mark.parametrize(
    ("shape", "beta"),
    [(Spline((4.0, 24.0, 168.0)), [-0.9, -0.7, -0.2]), (Exponential(4.0), [-0.9, 0.01])],
)
def test_gradient_is_the_derivative_of_the_value(shape: Spline | Exponential, beta: list[float]) -> None:
    hours, at = np.array([4.0, 30.0, 100.0]), np.array(beta)
    for j in range(at.size):
        step = np.zeros(at.size)
        step[j] = 1e-6
        slope = (shape.value(at + step, hours) - shape.value(at - step, hours)) / 2e-6
        np.testing.assert_allclose(shape.gradient(at, hours)[:, j], slope, rtol=1e-6, atol=1e-9)
    assert len(shape.names()) == at.size


def test_shapes_take_many_coefficients_at_once() -> None:
    hours = np.array([4.0, 30.0])
    for shape, p in ((Spline((4.0, 24.0, 168.0)), 3), (Exponential(4.0), 2)):
        betas = np.random.default_rng(0).standard_normal((5, p))
        each = np.array([shape.value(beta, hours) for beta in betas])
        np.testing.assert_allclose(shape.value(betas, hours), each)


def test_a_negative_rate_counts_as_none() -> None:
    assert Exponential(4.0).value(np.array([-0.5, -1.0]), np.array([4.0, 400.0])).tolist() == [-0.5, -0.5]
