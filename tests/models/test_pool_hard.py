"""Inputs that have broken the engine: wrong types, and numbers far apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.models.kernel import METHODS, fit, solve_tau2
from ketameta.models.quadratic_forms import draw_tau2, generalised_q_cdf

Y, V = [1.0, 2.0, 4.0], [1.0, 1.0, 1.0]
LINE = np.column_stack([np.ones(4), np.arange(4.0)])


@pytest.mark.parametrize(
    "bad", ["abc", ["1", "2", "3"], [1, [2, 3]], [True, False, True], [1j, 1, 1], [None, 1, 1]], ids=repr
)
@pytest.mark.parametrize("name", ["y", "v"])
def test_effects_and_variances_are_numbers(name: str, bad: Any) -> None:
    given = {"y": Y, "v": V, name: bad}
    with pytest.raises(ModelError, match=rf"^{name} (must be an array of numbers|is ragged)"):
        fit(given["y"], given["v"])


@pytest.mark.parametrize("bad", ["abc", [0, 2, 1], [1.0, 0.0, 1.0], [None, True, True]], ids=repr)
def test_a_mask_is_true_or_false(bad: Any) -> None:
    with pytest.raises(ModelError, match="mask must be an array of true or false"):
        fit(Y, V, mask=bad)


def test_a_design_has_columns_of_numbers_and_weights_are_numbers() -> None:
    with pytest.raises(ModelError, match="x has no columns"):
        fit(Y, V, np.ones((3, 0)))
    with pytest.raises(ModelError, match="x must be an array of numbers"):
        fit(Y, V, [["a"], ["b"], ["c"]])
    with pytest.raises(ModelError, match="q_weights must be an array of numbers"):
        fit(Y, V, tau2="GENQ", q_weights=["a", "b", "c"])


@pytest.mark.parametrize("scale", [1e-300, 1e-140, 1e-20, 1e20, 1e140, 1e300])
def test_weights_of_the_generalised_q_count_only_against_each_other(scale: float) -> None:
    weights = np.array([1.0, 2.0, 5.0])
    one, other = (fit(Y, V, tau2="GENQ", q_weights=w) for w in (weights, scale * weights))
    assert one.tau2 > 0
    assert other.tau2 == pytest.approx(float(one.tau2), rel=1e-14)


@pytest.mark.parametrize("weights", [[1e-300, 1.0, 1e300], [1e-160, 1.0, 1.0]])
def test_weights_too_far_apart_are_told(weights: list[float]) -> None:
    found = fit(Y, V, tau2="GENQ", q_weights=weights)
    assert np.isnan(found.tau2)
    assert not found.converged


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_a_moderator_too_large_or_small_is_told_and_spoils_no_other_fit(method: str, scale: float) -> None:
    y, v = [1.0, 2.0, 4.0, 1.0], [1.0, 0.5, 0.7, 0.1]
    found = fit(y, v, np.stack([LINE, LINE * [1.0, scale]]), tau2=method)
    assert found.converged.tolist() == [True, False]
    assert np.isnan(found.beta[1]).all()
    assert np.array_equal(found.beta[0], fit(y, v, LINE, tau2=method).beta)


@pytest.mark.parametrize("target", [0.0, -1.0, [1.0, 0.0]])
def test_a_target_of_q_is_positive(target: Any) -> None:
    with pytest.raises(ModelError, match="target must be positive"):
        solve_tau2(Y, V, target=target)


@pytest.mark.parametrize("ratio", [1.0, 1e8, 1e16, 1e20])
def test_draws_of_tau2_have_their_probability_however_far_the_variances_lie_apart(ratio: float) -> None:
    y, v = np.array([4.0, -0.8]) * np.sqrt(ratio), np.array([ratio, 1.0])
    probability = np.linspace(0.001, 0.999, 99)
    tau2 = draw_tau2(y, v, probability)
    inside = tau2 > 0
    assert inside.sum() > 50
    q = (y[0] - y[1]) ** 2 / v.sum()
    below = [generalised_q_cdf(q, v, 1.0 / v, t) for t in tau2[inside]]
    assert 1.0 - np.array(below) == pytest.approx(probability[inside], abs=1e-6)


def test_a_bootstrap_of_variances_far_apart_has_an_interval() -> None:
    found = km.pool(
        yi=[3.958153507157868, -0.7560905006401973],
        vi=[27186512.366212714, 1.982426655000683e-09],
        tau2="PM",
        ci="Wald",
        prediction="bootstrap",
    )
    assert found.pi_low <= found.estimate <= found.pi_high


def test_a_prediction_interval_beside_a_profile_holds_it_to_the_last_bit() -> None:
    rng = np.random.default_rng(4)
    at_zero = 0
    for _ in range(150):
        v = rng.uniform(0.05, 2.0, 6)
        found = km.pool(yi=rng.normal(0.3, np.sqrt(v)), vi=v, tau2="ML", ci="profile")
        at_zero += found.tau2 == 0
        assert found.pi_low <= found.ci_low
        assert found.ci_high <= found.pi_high
        assert not [note for note in found.notes if "does not hold" in note]
    assert at_zero > 20
