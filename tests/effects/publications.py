"""Numbers as publications print them and as they follow from printed data."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array


def printed(values: Array, digits: int) -> list[float]:
    """Values as a publication prints them; a negative zero is a zero."""
    return [float(value) + 0.0 for value in np.round(np.atleast_1d(values), digits)]


def moments(values: list[float]) -> tuple[float, float, int]:
    return float(np.mean(values)), float(np.std(values, ddof=1)), len(values)
