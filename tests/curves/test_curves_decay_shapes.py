"""Shapes that rise and fall: formulas, derivatives by finite differences, and their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketameta.curves.decay_shapes import Bateman, DecayShape, Emax, ExponentialDecay, Weibull

HOURS = np.geomspace(1e-3, 1e6, 60)
SHAPES = [ExponentialDecay(1e-3), Bateman(), Emax(), Weibull()]


def _beta(shape: DecayShape, *parameters: float) -> np.ndarray:
    return np.array([-0.8, *np.log(parameters[: len(shape.parameters)])])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("parameters", [(100.0, 5.0), (2.0, 1.5), (1e4, 0.2), (0.3, 8.0), (50.0, 50.0000001)])
def test_derivatives_equal_finite_differences(shape, parameters) -> None:
    beta, step = _beta(shape, *parameters), 1e-5
    gradient = shape.gradient(beta, HOURS)
    for j in range(beta.size):
        move = step * np.eye(beta.size)[j]
        numeric = (shape.value(beta + move, HOURS) - shape.value(beta - move, HOURS)) / (2 * step)
        np.testing.assert_allclose(gradient[:, j], numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_values_of_many_coefficients_are_those_of_each(shape) -> None:
    rng = np.random.default_rng(0)
    many = np.array([_beta(shape, 100.0, 5.0)]) + 0.5 * rng.standard_normal((7, len(shape.names())))
    together = shape.value(many, HOURS)
    assert together.shape == (7, HOURS.size)
    for row, beta in zip(together, many, strict=True):
        np.testing.assert_allclose(row, shape.value(beta, HOURS), rtol=1e-14)


def test_bateman_is_the_difference_of_exponentials_over_its_peak() -> None:
    ke, ka = math.log(2) / 100, math.log(2) / 5
    top = math.log(ka / ke) / (ka - ke)
    plain = np.exp(-ke * HOURS) - np.exp(-ka * HOURS)
    scale = math.exp(-ke * top) - math.exp(-ka * top)
    np.testing.assert_allclose(
        Bateman().value(_beta(Bateman(), 100, 5), HOURS), -0.8 * plain / scale, rtol=1e-9, atol=1e-15
    )
    assert Bateman().value(_beta(Bateman(), 100, 5), np.array([top]))[0] == pytest.approx(-0.8, rel=1e-14)


def test_bateman_does_not_mind_which_half_life_comes_first() -> None:
    one, other = _beta(Bateman(), 100, 5), _beta(Bateman(), 5, 100)
    np.testing.assert_array_equal(Bateman().value(one, HOURS), Bateman().value(other, HOURS))
    np.testing.assert_array_equal(
        Bateman().gradient(one, HOURS), Bateman().gradient(other, HOURS)[:, [0, 2, 1]]
    )


def test_bateman_with_equal_half_lives_is_its_limit() -> None:
    k = math.log(2) / 20
    limit = -0.8 * k * HOURS * np.exp(1 - k * HOURS)
    for ratio in (1.0, 1 + 1e-9, 1 + 1e-5):
        np.testing.assert_allclose(
            Bateman().value(_beta(Bateman(), 20, 20 * ratio), HOURS), limit, rtol=1e-2 * ratio, atol=1e-12
        )
    np.testing.assert_allclose(
        Bateman().value(_beta(Bateman(), 20, 20), HOURS), limit, rtol=1e-12, atol=1e-300
    )


def test_fast_onset_is_exponential_decay_and_weibull_of_shape_one_too() -> None:
    hours = np.geomspace(10, 1000, 20)
    want = -0.8 * 0.5 ** (hours / 100)
    np.testing.assert_allclose(Weibull().value(_beta(Weibull(), 100, 1), hours), want, rtol=1e-14)
    np.testing.assert_allclose(Emax().value(_beta(Emax(), 100, 1e-12), hours), want, rtol=1e-12)
    np.testing.assert_allclose(
        ExponentialDecay(0.0).value(_beta(ExponentialDecay(0.0), 100), hours), want, rtol=1e-14
    )


def test_weibull_is_written_by_scale_and_shape_as_well() -> None:
    scale, shape = 80.0, 0.6
    half = scale * math.log(2) ** (1 / shape)
    np.testing.assert_allclose(
        Weibull().value(_beta(Weibull(), half, shape), HOURS),
        -0.8 * np.exp(-((HOURS / scale) ** shape)),
        rtol=1e-12,
    )
