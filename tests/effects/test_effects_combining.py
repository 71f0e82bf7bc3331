"""Contrasts that share an arm, averaged: what happens where variances and sizes disagree."""

from __future__ import annotations

import numpy as np
import pytest

from ketameta.effects import combine_contrasts
from ketameta.effects._shared_part import limit_of_root
from ketameta.effects.combining import shared_correlation
from ketameta.errors import EffectError


def plain(yi, vi, n_t, n_c) -> tuple[float, float]:
    """Generalised least squares with the covariances of the sizes."""
    root = np.sqrt(vi)
    v = shared_correlation(n_t, n_c) * np.outer(root, root)
    weight = np.linalg.solve(v, np.ones(len(yi)))
    return float(weight @ yi / weight.sum()), float(1 / weight.sum())


def test_a_contrast_far_less_precise_than_its_size_gets_no_negative_weight() -> None:
    assert plain([-2.0, -10.0], [1.0, 9.0], [20, 20], 20)[0] == pytest.approx(-1.4285714)
    effect = combine_contrasts([-2.0, -10.0], [1.0, 9.0], [20, 20], 20)
    assert float(effect.yi) == pytest.approx(-2.0, rel=1e-12)
    assert float(effect.vi) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_the_average_lies_between_the_contrasts_and_is_plain_where_plain_weights_are_positive(seed) -> None:
    rng = np.random.default_rng(seed)
    m = int(rng.integers(2, 7))
    n, k = rng.integers(5, 90, m).astype(float), 40.0
    y, v = rng.normal(0, 5, m), np.exp(rng.normal(0, rng.choice([0.1, 1.5]), m))
    effect = combine_contrasts(y, v, n, k)
    assert y.min() - 1e-9 <= float(effect.yi) <= y.max() + 1e-9
    assert float(effect.vi) <= v.min() * (1 + 1e-12)
    root = np.sqrt(v)
    weights = np.linalg.solve(shared_correlation(n, k) * np.outer(root, root), np.ones(m))
    if (weights > 0).all():
        assert (float(effect.yi), float(effect.vi)) == pytest.approx(plain(y, v, n, k), rel=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_the_limit_is_the_largest_that_leaves_no_negative_weight(seed) -> None:
    rng = np.random.default_rng(seed)
    v = np.exp(rng.normal(0, 2, 5))
    part = v * rng.uniform(0.1, 0.8, 5)
    limit = float(limit_of_root(part, v, np.ones((5, 5), dtype=bool))[0])

    def least(bound: float) -> float:
        u = np.minimum(np.sqrt(part), bound)
        matrix = np.outer(u, u)
        np.fill_diagonal(matrix, v)
        return float(np.linalg.solve(matrix, np.ones(5)).min())

    assert least(min(limit, np.sqrt(part.max()))) > -1e-9
    if limit < np.sqrt(part.max()):
        assert least(limit * 1.001) < 0


def test_the_average_moves_smoothly_with_a_variance() -> None:
    found = [
        float(combine_contrasts([-2.0, -10.0], [1.0, v], [20, 20], 20).yi) for v in np.linspace(3.9, 4.1, 41)
    ]
    assert np.abs(np.diff(found)).max() < 0.02


def test_several_sizes_of_one_arm_are_refused() -> None:
    with pytest.raises(EffectError, match="the size of the one shared arm"):
        combine_contrasts([1.0, 2.0], [1.0, 1.0], [10, 10], [10, 11])  # type: ignore[arg-type]
