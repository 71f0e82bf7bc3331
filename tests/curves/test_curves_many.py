"""Many fits at once equal the same fits one by one; random level and slope equal dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.optimize import minimize

from ketameta.curves.blocks import rotate
from ketameta.curves.fit import fit_many, fit_variances

from .dense_likelihood import loglik


class Trials:
    """Random trials, rotated, with dense matrices beside them."""

    def __init__(self, seed: int, trials: int = 9, p: int = 2) -> None:
        rng = np.random.default_rng(seed)
        sizes = rng.integers(2, 6, trials)
        self.trial, self.n = np.repeat(np.arange(trials), sizes), int(sizes.sum())
        parts = []
        for m in sizes:
            root = rng.standard_normal((m, m + 3))
            parts.append(0.04 * root @ root.T / m)
        self.v = block_diag(*parts)
        self.slope = rng.standard_normal(self.n)
        self.x = np.column_stack([np.ones(self.n), self.slope, rng.standard_normal((self.n, p))])[:, :p]
        self.same = (self.trial[:, None] == self.trial[None, :]).astype(float)
        self.blocks = rotate(parts)
        self.y = self.draw(rng)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        k = int(self.trial.max()) + 1
        level = 0.4 * rng.standard_normal(k)
        slope = 0.5 * level + 0.3 * rng.standard_normal(k)
        noise = np.linalg.cholesky(self.v) @ rng.standard_normal(self.n)
        return level[self.trial] + slope[self.trial] * self.slope + 0.1 * rng.standard_normal(self.n) + noise

    def loglik(self, spread: np.ndarray, omega2: float, reml: bool) -> float:
        z = np.stack([np.ones(self.n), self.slope], axis=1)[:, : len(spread)]
        s = self.v + omega2 * np.eye(self.n) + self.same * (z @ spread @ z.T)
        return loglik(self.y, self.x, s, reml=reml)


@pytest.mark.parametrize("own_design", [False, True])
@pytest.mark.parametrize("slope", [False, True])
@pytest.mark.parametrize("reml", [False, True])
def test_many_fits_equal_single_ones(reml: bool, slope: bool, own_design: bool) -> None:
    case, rng = Trials(1), np.random.default_rng(2)
    y = np.array([case.draw(rng) * scale for scale in (0.05, 0.5, 1.0, 1.0, 3.0, 0.0)])
    ty = case.blocks.turn_many(y[..., None])[..., 0]
    x = np.array([case.x * [1.0, 1.0 + 0.1 * i] for i in range(len(y))]) if own_design else case.x[None]
    tx, tz = case.blocks.turn_many(x), case.blocks.turn(case.slope)
    many = fit_many(case.blocks, ty, tx, reml=reml, slope=tz[None] if slope else None)
    assert many.settled.all()
    for i in range(len(y)):
        one = fit_variances(
            case.blocks, ty[i], tx[i if own_design else 0], reml=reml, slope=tz if slope else None
        )
        np.testing.assert_allclose(many.beta[i], one.beta, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(many.vcov[i], one.vcov, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(many.spread[i], one.spread, rtol=1e-8, atol=1e-10)
        assert many.omega2[i] == pytest.approx(one.omega2, rel=1e-8, abs=1e-10)
        assert many.loglik[i] == pytest.approx(one.loglik, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_level_and_slope_are_at_the_dense_optimum(seed: int, reml: bool) -> None:
    case = Trials(seed)
    blocks = case.blocks
    fit = fit_variances(
        blocks, blocks.turn(case.y), blocks.turn(case.x), reml=reml, slope=blocks.turn(case.slope)
    )
    assert fit.loglik == pytest.approx(case.loglik(fit.spread, fit.omega2, reml), rel=1e-10)

    def loss(phi: np.ndarray) -> float:
        root = np.array([[phi[0], 0.0], [phi[1], phi[2]]])
        return -case.loglik(root @ root.T, phi[3] ** 2, reml)

    found = min(
        (
            minimize(loss, start, method="BFGS", options={"gtol": 1e-8})
            for start in ([0.3, 0.1, 0.2, 0.1], [0.1, 0.3, 0.05, 0.3], [0.5, -0.2, 0.3, 0.01])
        ),
        key=lambda one: one.fun,
    )
    assert fit.loglik >= -found.fun - 1e-7
    assert fit.loglik == pytest.approx(-found.fun, abs=1e-5)


def test_the_covariance_of_level_and_slope_does_not_mind_where_the_slope_is_centred() -> None:
    case = Trials(3)
    blocks, shift = case.blocks, 2.0
    y, x = blocks.turn(case.y), blocks.turn(case.x)
    one = fit_variances(blocks, y, x, reml=True, slope=blocks.turn(case.slope))
    other = fit_variances(blocks, y, x, reml=True, slope=blocks.turn(case.slope + shift))
    assert other.loglik == pytest.approx(one.loglik, rel=1e-9)
    turn = np.array([[1.0, -shift], [0.0, 1.0]])
    np.testing.assert_allclose(other.spread, turn @ one.spread @ turn.T, rtol=1e-4, atol=1e-6)


def test_no_slope_heterogeneity_ends_at_the_fit_without() -> None:
    case = Trials(4)
    rng = np.random.default_rng(0)
    y = case.blocks.turn(0.01 * rng.standard_normal(case.n))
    x, slope = case.blocks.turn(case.x), case.blocks.turn(case.slope)
    without = fit_variances(case.blocks, y, x, reml=True)
    fit = fit_variances(case.blocks, y, x, reml=True, slope=slope)
    assert (without.tau2, without.omega2) == (0.0, 0.0)
    np.testing.assert_allclose(fit.spread, 0.0, atol=1e-12)
    assert fit.loglik == pytest.approx(without.loglik, rel=1e-10)
