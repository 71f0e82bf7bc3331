"""What the tests of the covariance formulas share: two effects and the measures of counts."""

from __future__ import annotations

import numpy as np

COUNTS = ("OR", "RR", "RD", "AS")


def pair(r: float) -> np.ndarray:
    return np.array([[1.0, r], [r, 1.0]])
