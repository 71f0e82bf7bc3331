"""NumPy and compiled code: the same numbers, and one of them chosen as documented."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models import _engine, _plain
from ketameta.models.kernel import Fits, fit, solve_tau2

FIELDS = tuple(Fits.__slots__)
needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="numba is optional (extra fast)"
)


def data(k: int, n: int, width: float, seed: int = 1) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    v = np.exp(rng.normal(-2.0, width, (n, k)))
    return rng.normal(-0.5, np.sqrt(v + rng.choice([0.0, 0.1, 3.0], (n, 1)))), v


def same(one: Fits, two: Fits) -> None:
    for name in FIELDS:
        first, second = getattr(one, name), getattr(two, name)
        size = np.abs(one.k * 10.0) if name == "loglik" else 0.0
        np.testing.assert_allclose(
            first, second, rtol=1e-12, atol=1e-12 * np.max(size, initial=0.0), err_msg=name
        )


@needs_numba
@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("k", [1, 2, 3, 7, 15, 40])
@pytest.mark.parametrize("width", [0.0, 0.8, 4.0])
def test_compiled_code_gives_the_same_numbers(method: str, k: int, width: float) -> None:
    y, v = data(k, 1000, width)
    same(fit(y, v, tau2=method, engine="numba"), fit(y, v, tau2=method, engine="numpy"))


@needs_numba
def test_compiled_code_with_masks_shared_inputs_and_odd_fits() -> None:
    y, v = data(12, 1, 1.0)
    v[0, 3:6] = v[0, 2]
    y[0, 4] = y[0, 3]
    mask = np.random.default_rng(2).random((40, 25, 12)) < 0.4
    mask[0, :13] = np.arange(13)[:, None] > np.arange(12)
    v[0, 11] = 1e300
    y[0, 10] = 1e160
    same(fit(y[0], v[0], mask=mask, engine="numba"), fit(y[0], v[0], mask=mask, engine="numpy"))
    bare = fit(y[0], v[0], mask=mask, engine="numba", weights=False)
    assert bare.weights.shape == (40, 25, 0)
    assert np.array_equal(bare.beta, fit(y[0], v[0], mask=mask, engine="numba").beta, equal_nan=True)


@needs_numba
def test_compiled_code_refuses_the_same_input() -> None:
    y, v = data(5, 3, 1.0)
    v[1, 2] = -1.0
    for engine in ("numpy", "numba"):
        with pytest.raises(ModelError, match=r"position \(1, 2\)"):
            fit(y, v, engine=engine)


@needs_numba
@pytest.mark.parametrize("options", [{"tau2": "DL"}, {"x": np.column_stack([np.ones(5), np.arange(5.0)])}])
def test_other_fits_are_computed_by_numpy(options: dict[str, object]) -> None:
    y, v = data(5, 50, 1.0)
    one, two = fit(y, v, engine="numba", **options), fit(y, v, engine="numpy", **options)  # type: ignore[arg-type]
    for name in FIELDS:
        assert np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True)


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    y, v = data(4, 30, 0.5)
    monkeypatch.setattr(_engine.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(_engine, "_MANY", 10)
    same(fit(y, v), fit(y, v, engine="numpy"))
    with pytest.raises(ModelError, match=r'python -m pip install "\.\[fast\]" in the checkout'):
        fit(y, v, engine="numba")


@needs_numba
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_several_maxima_are_found_and_counted_by_compiled_code_and_plain_numbers(method: str) -> None:
    rng = np.random.default_rng(9)
    v = np.exp(rng.uniform(0.0, np.log(1e8), (3000, 6)))
    y = rng.normal(0.0, np.sqrt(v) * np.exp(rng.normal(0.0, 1.2, v.shape)))
    found = fit(y, v, tau2=method, engine="numpy")
    several = np.flatnonzero(found.modes > 1)
    assert several.size > 100
    same(fit(y, v, tau2=method, engine="numba"), found)
    for i in several[:60]:
        one = fit(y[i], v[i], tau2=method)
        for name in FIELDS:
            assert np.array_equal(getattr(one, name), getattr(found, name)[i], equal_nan=True), name


@pytest.mark.parametrize("k", [10, 200])
def test_several_targets_at_once(k: int) -> None:
    y, v = data(k, 4, 1.0)
    targets = np.array([[1.0], [0.5 * k], [k - 1.0]]) * np.ones(4)
    together = solve_tau2(y, v, target=targets)
    assert together.shape == (3, 4)
    for row, target in zip(together, targets, strict=True):
        assert np.array_equal(row, solve_tau2(y, v, target=target))


@needs_numba
def test_automatic_choice() -> None:
    from ketameta.models._batch import Batch

    few, many = Batch.read(np.ones(3), np.ones(3)), Batch.read(np.ones((100_000, 1)), np.ones(3))
    assert _engine.chosen("auto", few, "REML") is None
    assert _engine.chosen("auto", many, "REML") is _engine.chosen("numba", few, "REML")
    assert _engine.chosen("numpy", many, "REML") is None
    assert _engine.chosen("auto", many, "DL") is None


def test_unknown_engine() -> None:
    with pytest.raises(ModelError, match="choose one of auto, numpy, numba"):
        fit([0.1, 0.2], [0.1, 0.2], engine="c")


def test_numba_is_not_imported_unasked() -> None:
    code = (
        "import sys, ketameta as km; km.pool(yi=[0.1, 0.4, 0.2], vi=[0.1, 0.1, 0.2]); "
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_memory_is_that_of_a_chunk() -> None:
    """Twenty times the fits with shared inputs: beyond the results, no more memory."""
    y, v = data(15, 1, 1.0)
    beyond = []
    for n in (10_000, 200_000):
        mask = np.ones((n, 15), dtype=bool)
        mask[np.arange(n), np.arange(n) % 15] = False
        tracemalloc.start()
        found = fit(y[0], v[0], mask=mask, weights=False, engine="numpy")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        beyond.append(peak - sum(getattr(found, name).nbytes for name in FIELDS))
    assert beyond[1] < beyond[0] + 20 * 200_000


@pytest.mark.parametrize("method", _plain.METHODS)
@pytest.mark.parametrize("width", [0.0, 1.0, 4.0])
def test_plain_numbers_give_the_bits_of_numpy(
    method: str, width: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    y, v = data(9, 150, width)
    mask = np.random.default_rng(3).random(y.shape) < 0.7
    monkeypatch.setattr(_plain, "SMALL", 0)
    whole, bound = fit(y, v, mask=mask, tau2=method), solve_tau2(y, v, mask=mask, target=3.0)
    monkeypatch.setattr(_plain, "SMALL", 10)
    for i in range(len(y)):
        one = fit(y[i], v[i], mask=mask[i], tau2=method)
        for name in FIELDS:
            assert np.array_equal(getattr(one, name), getattr(whole, name)[i], equal_nan=True), name
        assert np.array_equal(solve_tau2(y[i], v[i], mask=mask[i], target=3.0), bound[i], equal_nan=True)
