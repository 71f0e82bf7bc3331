"""Rating scales: the range of each instrument."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketameta._typing import Array

__all__ = ["Scales"]


@dataclass(frozen=True, slots=True)
class Scales:
    """Lowest and highest score of each instrument whose range is known.

    Attributes
    ----------
    ranges : dict of str to (float, float)
        By name of the instrument, in points.
    known : frozenset of str
        Instruments that the table of scales lists, with or without a range.
    """

    ranges: dict[str, tuple[float, float]]
    known: frozenset[str]

    @classmethod
    def of(cls, table: pd.DataFrame) -> Scales:
        """Build from a table with the columns ``instrument``, ``min`` and ``max``."""
        names = [str(name) for name in table["instrument"]]
        bounds = zip(names, table["min"].astype(float), table["max"].astype(float), strict=True)
        ranges = {name: (low, high) for name, low, high in bounds if low < high}
        return cls(ranges, frozenset(names))

    def bounds(self, instruments: NDArray[np.object_]) -> tuple[Array, Array]:
        """Lowest and highest score for each instrument; NaN where the range is not known."""
        unknown = (np.nan, np.nan)
        pairs = [self.ranges.get(name, unknown) for name in instruments]
        both = np.array(pairs, dtype=np.float64).reshape(-1, 2)
        return both[:, 0], both[:, 1]
