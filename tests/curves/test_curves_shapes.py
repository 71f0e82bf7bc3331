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


@pytest.mark.parametrize("effects", [1, 4])
def test_number_of_default_knots_rests_on_distinct_times_and_on_trials(effects: int) -> None:
    times = [2, 4, 24, 48, 72, 168, 336, 672]
    number = [
        [len(default_knots(times[:n] * effects, k)) for k in (1, 2, 4, 5, 9, 10, 30)] for n in range(2, 9)
    ]
    assert number[:2] == [[2] * 7] * 2
    assert number[2:4] == [[3, 2, 2, 3, 3, 3, 3]] * 2
    assert number[4:] == [[3, 2, 2, 3, 3, 4, 4]] * 3


def test_two_default_knots_stand_at_the_ends() -> None:
    assert default_knots([168, 24], 9) == (24.0, 168.0)
    assert default_knots([4, 24, 168] * 9, 30) == (4.0, 168.0)


def test_three_default_knots_stand_at_quantiles_or_at_those_of_the_distinct_times() -> None:
    hours = np.array([2.0, 4, 24, 24, 72, 168, 336, 672])
    expected = np.exp(np.quantile(np.log(hours), [0.1, 0.5, 0.9]))
    np.testing.assert_allclose(default_knots(hours, 7), expected, rtol=1e-14)
    crowded = np.concatenate([np.full(30, 24.0), [72.0, 168.0, 336.0]])
    distinct = np.exp(np.quantile(np.log([24.0, 72, 168, 336]), [0.1, 0.5, 0.9]))
    np.testing.assert_allclose(default_knots(crowded, 30), distinct, rtol=1e-14)


def test_four_default_knots_stand_between_the_distinct_times_wherever_effects_crowd() -> None:
    hours = np.array([4.0, 24, 72, 168, 336, 672])
    knots = default_knots(hours, 10)
    log = np.log(hours)
    by_hand = [(3 * log[0] + log[1]) / 4, (log[1] + 3 * log[2]) / 4, (3 * log[3] + log[4]) / 4]
    by_hand.append((log[4] + 3 * log[5]) / 4)
    np.testing.assert_allclose(np.log(knots), by_hand, rtol=1e-14)
    assert default_knots(np.concatenate([hours, np.full(50, 24.0)]), 30) == knots


@given(st.lists(st.floats(0.1, 1e4), min_size=2, max_size=12, unique=True), st.integers(1, 40))
def test_default_knots_increase_within_the_times(hours: list[float], k: int) -> None:
    knots = default_knots(hours, k)
    assert 2 <= len(knots) <= len(hours)
    assert np.all(np.diff(knots) > 0)
    assert min(hours) * (1 - 1e-12) <= knots[0]
    assert knots[-1] <= max(hours) * (1 + 1e-12)


def test_times_that_hardly_differ_take_fewer_knots() -> None:
    close = list(24 * (1 + 1e-9 * np.arange(4)))
    assert len(default_knots([1, 2, *close, 672], 10)) == 3
    assert default_knots([1, 2, *close], 10) == (1.0, close[-1])


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
