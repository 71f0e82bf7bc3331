"""Counts that several papers pool, their effects, and how numbers are held against printed ones."""

from __future__ import annotations

import numpy as np
import pytest

from ketameta._typing import Array

# Vaccinated cases and non-cases, unvaccinated cases and non-cases: Colditz et al. (1994), JAMA 271:698-702;
# van Houwelingen et al. (2002), Statistics in Medicine 21:589-624, Table I, p. 594.
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    dtype=float,
)


def log_odds_ratio(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, Array]:
    return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d


def printed(value: float, digits: int) -> object:
    """Equal to a value printed with so many decimals: half a unit of the last one."""
    return pytest.approx(value, rel=0, abs=0.5000001 * 10.0**-digits)
