"""Which code computes a batch: NumPy, plain numbers for a few small fits, or compiled code."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from ketameta.errors import ModelError
from ketameta.models import _plain
from ketameta.models._batch import Batch
from ketameta.models._sample import NARROW

__all__ = ["ENGINES", "chosen", "small"]

ENGINES = ("auto", "numpy", "numba")

_MANY = 100_000


def small(batch: Batch) -> bool:
    """Whether a batch is a few small fits of a common mean, for which plain numbers are faster."""
    return batch.p is None and batch.k <= NARROW and batch.n * batch.k <= _plain.SMALL


def chosen(engine: str, batch: Batch, method: str) -> Callable[..., Any] | None:
    """What is to compute a batch instead of NumPy, or None.

    Both cover a common mean of up to 64 studies: plain numbers, which give the bits that NumPy gives, most
    estimators, compiled code REML and ML. numba is imported only when it is used: always for ``"numba"``, for 100,000
    fits and more for ``"auto"``, so that small batches do not wait for it.

    Raises
    ------
    ModelError
        For an unknown engine, or for ``"numba"`` where it is not installed.
    """
    if engine not in ENGINES:
        raise ModelError(f"engine={engine!r} is unknown; choose one of {', '.join(ENGINES)}")
    if engine == "numpy" or (engine == "auto" and batch.n < _MANY):
        return _plain.fill if method in _plain.METHODS and small(batch) else None
    if importlib.util.find_spec("numba") is None:
        if engine == "auto":
            return None
        raise ModelError('engine="numba" needs numba: install "ketameta[fast]"')
    if method not in ("ML", "REML") or batch.p is not None or batch.k > NARROW:
        return None
    from ketameta.models._fast import fill

    return fill
