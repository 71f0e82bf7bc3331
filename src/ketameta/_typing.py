"""Names for the array types used in signatures."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["AnyArray", "Array", "ArrayLike", "BoolArray", "Measure", "Rng"]

Array: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
Rng: TypeAlias = np.random.Generator | int | None
AnyArray: TypeAlias = NDArray[Any]
Measure: TypeAlias = Literal["SMD", "MD", "ROM", "OR", "RR", "RD", "AS", "PETO", "HR"]
