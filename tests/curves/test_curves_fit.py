"""The blocked likelihood against dense matrices, grids and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag

from ketameta.curves.blocks import Blocks, rotate
from ketameta.curves.fit import fit_variances, gls

from .dense_likelihood import loglik


class Problem:
    """Random trials with the dense matrices of the model beside the blocks."""

    def __init__(self, seed: int, *, trials: int = 8, p: int = 3, spread: float = 0.5) -> None:
        rng = np.random.default_rng(seed)
        sizes = rng.integers(1, 5, trials)
        sizes[0] = 4
        self.n, self.trial = int(sizes.sum()), np.repeat(np.arange(trials), sizes)
        parts = []
        for m in sizes:
            root = rng.standard_normal((m, m + 3))
            parts.append(0.05 * root @ root.T / m)
        self.v = block_diag(*parts)
        self.x = np.column_stack([np.ones(self.n), rng.standard_normal((self.n, p - 1))])
        self.y = (
            rng.standard_normal(self.n) * 0.3 * spread + rng.standard_normal(trials)[self.trial] * spread + 5
        )
        self.same = (self.trial[:, None] == self.trial[None, :]).astype(float)
        self.blocks: Blocks = rotate(parts)
        self.ty, self.tx = self.blocks.turn(self.y), self.blocks.turn(self.x)

    def loglik(self, tau2: float, omega2: float, reml: bool) -> float:
        s = self.v + tau2 * self.same + omega2 * np.eye(self.n)
        return loglik(self.y, self.x, s, reml=reml)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_likelihood_and_estimates_equal_dense_algebra(seed: int, reml: bool) -> None:
    case = Problem(seed)
    fit = fit_variances(case.blocks, case.ty, case.tx, reml=reml)
    assert fit.loglik == pytest.approx(case.loglik(fit.tau2, fit.omega2, reml), rel=1e-10)
    s = case.v + fit.tau2 * case.same + fit.omega2 * np.eye(case.n)
    vcov = np.linalg.inv(case.x.T @ np.linalg.solve(s, case.x))
    np.testing.assert_allclose(fit.vcov, vcov, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fit.beta, vcov @ case.x.T @ np.linalg.solve(s, case.y), rtol=1e-9)
    fixed = gls(case.blocks, case.ty, case.tx, spread=fit.spread, omega2=fit.omega2)
    assert fixed.loglik == pytest.approx(case.loglik(fit.tau2, fit.omega2, False), rel=1e-10)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_no_point_of_a_dense_grid_is_higher(seed: int, reml: bool) -> None:
    case = Problem(seed, trials=5, p=2, spread=[0.05, 0.3, 1.0][seed % 3])
    fit = fit_variances(case.blocks, case.ty, case.tx, reml=reml)
    axis = np.concatenate([[0.0], np.geomspace(1e-5, 10, 24)])
    around = [(fit.tau2 * a, fit.omega2 * b) for a in (0.99, 1, 1.01) for b in (0.99, 1, 1.01)]
    for tau2, omega2 in [*((a, b) for a in axis for b in axis), *around]:
        assert case.loglik(tau2, omega2, reml) <= fit.loglik + 1e-9


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1e-6, 1e-3, 1.0, 1e4]), st.floats(-50, 50), st.booleans())
def test_scale_shift_and_sign(seed: int, scale: float, shift: float, reml: bool) -> None:
    case = Problem(seed, trials=6, p=2)
    fit = fit_variances(case.blocks, case.ty, case.tx, reml=reml)
    scaled = rotate([scale**2 * q @ np.diag(d) @ q.T for q, d in _pieces(case.blocks)])
    moved = fit_variances(scaled, scaled.turn(-scale * (case.y + shift)), scaled.turn(case.x), reml=reml)
    size = fit.tau2 + fit.omega2 + 0.01
    assert moved.tau2 / scale**2 == pytest.approx(fit.tau2, abs=1e-6 * size)
    assert moved.omega2 / scale**2 == pytest.approx(fit.omega2, abs=1e-6 * size)
    expected = -scale * (fit.beta + np.array([shift, 0.0]))
    np.testing.assert_allclose(moved.beta, expected, rtol=1e-5, atol=1e-5 * scale)


def _pieces(blocks: Blocks) -> list[tuple[np.ndarray, np.ndarray]]:
    ends = [*blocks.starts[1:], blocks.spectrum.size]
    return [(q, blocks.spectrum[a:b]) for q, a, b in zip(blocks.vectors, blocks.starts, ends, strict=True)]


def test_variances_that_are_not_free_stay_at_zero() -> None:
    case = Problem(1)
    assert fit_variances(case.blocks, case.ty, case.tx, reml=True, free=(True, False)).omega2 == 0
    assert fit_variances(case.blocks, case.ty, case.tx, reml=True, free=(False, True)).tau2 == 0
    neither = fit_variances(case.blocks, case.ty, case.tx, reml=True, free=(False, False))
    assert (neither.tau2, neither.omega2) == (0.0, 0.0)


def test_identical_effects_give_zero_exactly() -> None:
    blocks = rotate([np.array([[0.1, 0.05], [0.05, 0.1]])] * 4)
    fit = fit_variances(blocks, blocks.turn(np.ones(8)), blocks.turn(np.ones((8, 1))), reml=True)
    assert (fit.tau2, fit.omega2) == (0.0, 0.0)
    assert float(fit.beta[0]) == pytest.approx(1.0)


def test_balanced_one_way_layout_has_the_closed_form_of_anova() -> None:
    rng = np.random.default_rng(3)
    trials, m, v = 12, 4, 0.02
    y = rng.standard_normal((trials, 1)) + 0.5 * rng.standard_normal((trials, m))
    blocks = rotate([v * np.eye(m)] * trials)
    fit = fit_variances(blocks, blocks.turn(y.ravel()), blocks.turn(np.ones((y.size, 1))), reml=True)
    within = float(((y - y.mean(axis=1, keepdims=True)) ** 2).sum() / (trials * (m - 1)))
    between = float(m * y.mean(axis=1).var(ddof=1))
    assert fit.omega2 == pytest.approx(within - v, rel=1e-9)
    assert fit.tau2 == pytest.approx((between - within) / m, rel=1e-9)


def test_trials_by_the_thousand_need_no_full_matrix() -> None:
    rng = np.random.default_rng(0)
    trials, m = 20_000, 3
    base = 0.05 * (0.4 * np.eye(m) + 0.6)
    blocks = rotate([base] * trials)
    y = 0.3 * np.repeat(rng.standard_normal(trials), m) + 0.2 * rng.standard_normal(trials * m)
    x = np.ones((y.size, 1))
    fit = gls(blocks, blocks.turn(y), blocks.turn(x), spread=np.array([[0.1]]), omega2=0.01)
    assert fit.vcov[0, 0] == pytest.approx((0.1 + (0.05 * (0.4 + 1.8) + 0.01) / m) / trials, rel=1e-9)
