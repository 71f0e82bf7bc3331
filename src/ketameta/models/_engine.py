"""Which code computes a batch: NumPy, plain numbers for a few small fits, or compiled code for many."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from ketameta._spelling import unknown
from ketameta.errors import ModelError
from ketameta.models import _plain
from ketameta.models._batch import Batch
from ketameta.models._sample import NARROW

__all__ = ["ENGINES", "chosen", "few"]

ENGINES = ("auto", "numpy", "numba")

_MANY = 100_000


def _narrow(batch: Batch) -> bool:
    """Whether fits are of a common mean of up to 64 studies, which not only NumPy can compute."""
    return batch.p is None and batch.k <= NARROW


def few(batch: Batch, n: int, method: str) -> bool:
    """Whether ``n`` fits of a batch are so few and small that plain numbers are faster than arrays.

    Plain numbers give the bits that NumPy gives.
    """
    return method in _plain.METHODS and _narrow(batch) and n * batch.k <= _plain.SMALL


def chosen(engine: str, batch: Batch, method: str) -> Callable[..., Any] | None:
    """Compiled code that is to compute a batch, or None.

    It covers ML and REML. numba is imported only when it is used: always for ``"numba"``, for 100,000 fits and
    more for ``"auto"``, so that small batches do not wait for it.

    Raises
    ------
    ModelError
        For an unknown engine, or for ``"numba"`` where it is not installed.
    """
    if engine not in ENGINES:
        raise ModelError(unknown("engine", engine, ENGINES))
    if engine == "numpy" or (engine == "auto" and batch.n < _MANY):
        return None
    if importlib.util.find_spec("numba") is None:
        if engine == "auto":
            return None
        raise ModelError(
            'engine="numba" needs numba: run python -m pip install ".[fast]" in the checkout of ketameta, or take '
            'engine="auto"'
        )
    if method not in ("ML", "REML") or not _narrow(batch):
        return None
    from ketameta.models._fast import fill

    return fill
