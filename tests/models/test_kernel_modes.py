"""The global maximum and the number of maxima, against dense grids of the likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ketameta._typing import Array
from ketameta.models import _cells, _likelihood
from ketameta.models.kernel import fit

GRID = 1000


def variances(rng: np.random.Generator, kind: int, shape: tuple[int, int]) -> Array:
    """Sampling variances: over eight decades, log-normal of any width, in two clusters, or alike."""
    if kind == 0:
        return np.exp(rng.uniform(0.0, np.log(1e8), shape))
    if kind == 1:
        return np.exp(rng.normal(0.0, rng.uniform(0.1, 5.0), shape))
    if kind == 2:
        far = np.where(rng.random(shape) < 0.5, 1.0, 10.0 ** rng.uniform(0.0, 8.0))
        return far * np.exp(rng.normal(0.0, 0.2, shape))
    return rng.uniform(0.02, 0.5, shape)


def on_grid(y: Array, v: Array, tau2: Array, *, restricted: bool) -> tuple[Array, Array]:
    """Log-likelihood on a grid and, last, at tau2; and the number of maxima that the grid shows."""
    smallest = v.min(axis=1)
    y = y - np.take_along_axis(y, v.argmin(axis=1)[:, None], axis=1)
    top = 30.0 * np.ptp(y, axis=1) ** 2 + smallest
    t = smallest[:, None] * np.expm1(np.log1p(top / smallest)[:, None] * np.linspace(0.0, 1.0, GRID))
    t = np.concatenate([t, tau2[:, None]], axis=1)
    w = 1.0 / (v[:, :, None] + t[:, None])
    total = w.sum(axis=1)
    residual = y[:, :, None] - ((w * y[:, :, None]).sum(axis=1) / total)[:, None]
    value = -0.5 * ((w * residual**2 - np.log(w)).sum(axis=1) + (np.log(total) if restricted else 0.0))
    expected = total - (w * w).sum(axis=1) / total if restricted else total
    rising = (((w * residual) ** 2).sum(axis=1) > expected)[:, :-1]
    return value, (rising[:, :-1] & ~rising[:, 1:]).sum(axis=1) + ~rising[:, 0]


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("kind", range(4))
def test_brute_force(method: str, kind: int) -> None:
    rng = np.random.default_rng(100 + kind)
    several = 0
    for k in (2, 3, 4, 6, 10, 20, 30):
        v = variances(rng, kind, (150, k))
        y = rng.normal(0.0, np.sqrt(v) * np.exp(rng.normal(0.0, 1.2, v.shape)))
        found = fit(y, v, tau2=method)
        assert found.converged.all()
        value, modes = on_grid(y, v, found.tau2, restricted=method == "REML")
        own = value[:, -1]
        assert (value[:, :-1].max(axis=1) <= own + 1e-10 * np.maximum(1.0, np.abs(own))).all()
        assert (found.modes >= modes).all()
        assert (found.modes == modes).mean() > 0.99
        several += int((found.modes > 1).sum())
    assert several > 10 or kind == 3


def test_two_clusters_have_two_maxima() -> None:
    """Precise studies that agree and imprecise ones that do not: maxima at 0 and far from it."""
    y = np.array([-1.9, -0.1, -3.5, -0.1, -4.9, -0.1])
    v = np.array([15.93, 0.04, 20.6, 0.02, 1.08, 0.33])
    found = fit(y, v)
    assert found.modes == 2
    assert found.tau2 > 0
    value, modes = on_grid(y[None], v[None], np.atleast_1d(found.tau2), restricted=True)
    assert modes == 2
    assert value[0, :-1].max() <= value[0, -1] + 1e-12


@pytest.mark.parametrize("restricted", [False, True])
def test_what_the_proof_rests_on(restricted: bool) -> None:
    """1 / sqrt(A) and 1 / B are concave and rise; the first ends up rising by 1 / sqrt(RSS)."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        k = int(rng.integers(2, 12))
        v = np.exp(rng.normal(0.0, 3.0, k))
        y = rng.normal(0.0, np.sqrt(v))
        t = np.concatenate([[0.0], np.geomspace(1e-3 * v.min(), 1e3 * v.max(), 400)])
        w = 1.0 / (v[:, None] + t)
        residual = y[:, None] - (w * y[:, None]).sum(axis=0) / w.sum(axis=0)
        a = ((w * residual) ** 2).sum(axis=0)
        b = w.sum(axis=0) - ((w * w).sum(axis=0) / w.sum(axis=0) if restricted else 0.0)
        rss = ((y - y.mean()) ** 2).sum()
        for curve, least in ((1.0 / np.sqrt(a), 1.0 / np.sqrt(rss)), (1.0 / b, 0.0)):
            slope = np.diff(curve) / np.diff(t)
            assert (np.diff(slope) <= 1e-6 * slope[:-1]).all()
            assert (slope >= least * (1.0 - 1e-6)).all()


def test_most_fits_are_proved_without_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    v = rng.uniform(0.02, 0.5, (5000, 15))
    y = rng.normal(-0.5, np.sqrt(v + 0.1))
    seen: list[int] = []
    original = _likelihood._all_maxima

    def counted(sample: Any, *arguments: Any, **options: Any) -> Any:
        seen.append(sample.size)
        return original(sample, *arguments, **options)

    monkeypatch.setattr(_likelihood, "_all_maxima", counted)
    found = fit(y, v)
    assert 0 < sum(seen) < 0.12 * len(y)
    monkeypatch.setattr(
        _likelihood, "_alone", lambda zero, at, tau2, rss: np.zeros(tau2.size, dtype=np.bool_)
    )
    again = fit(y, v)
    assert np.array_equal(found.tau2, again.tau2)
    assert np.array_equal(found.modes, again.modes)


def test_cells_settle_nothing_that_they_cannot_prove(monkeypatch: pytest.MonkeyPatch) -> None:
    """With cells that are never settled but by their width, the same maxima are found."""
    rng = np.random.default_rng(5)
    v = np.exp(rng.normal(0.0, 3.0, (30, 4)))
    y = rng.normal(0.0, np.sqrt(v) * np.exp(rng.normal(0.0, 1.0, v.shape)))
    found = fit(y, v)
    monkeypatch.setattr(
        _likelihood, "_alone", lambda zero, at, tau2, rss: np.zeros(tau2.size, dtype=np.bool_)
    )
    monkeypatch.setattr(
        _cells.Cells, "settled", lambda cells: cells.high - cells.low < 1e-3 * (1 + cells.low)
    )
    again = fit(y, v)
    np.testing.assert_allclose(found.tau2, again.tau2, rtol=1e-12)
    assert np.array_equal(found.modes, again.modes)
