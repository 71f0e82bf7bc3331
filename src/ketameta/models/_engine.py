"""Which code computes a batch: NumPy, or compiled code where numba is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

from ketameta.errors import ModelError
from ketameta.models._batch import Batch
from ketameta.models._sample import NARROW

__all__ = ["ENGINES", "compiled"]

ENGINES = ("auto", "numpy", "numba")

_MANY = 100_000


def compiled(engine: str, batch: Batch, method: str) -> Callable[..., Any] | None:
    """The compiled code that is to compute a batch, or None for NumPy.

    It covers ML and REML of a common mean of up to 64 studies. numba is imported only when it is used:
    always for ``"numba"``, for 100,000 fits and more for ``"auto"``, so that small batches do not wait
    for it.

    Raises
    ------
    ModelError
        For an unknown engine, or for ``"numba"`` where it is not installed.
    """
    if engine not in ENGINES:
        raise ModelError(f"engine={engine!r} is unknown; choose one of {', '.join(ENGINES)}")
    if engine == "numpy" or (engine == "auto" and batch.n < _MANY):
        return None
    if importlib.util.find_spec("numba") is None:
        if engine == "auto":
            return None
        raise ModelError('engine="numba" needs numba: install "ketameta[fast]"')
    if method not in ("ML", "REML") or batch.p is not None or batch.k > NARROW:
        return None
    from ketameta.models._fast import fill

    return fill
