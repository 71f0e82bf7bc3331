"""Trials that tests of intervals share: five made-up ones, and those of systolic blood pressure."""

from __future__ import annotations

import numpy as np

YI, VI = np.array([-1.10, -0.35, -0.62, -0.18, -0.80]), np.array([0.09, 0.05, 0.04, 0.07, 0.11])

# Systolic blood pressure in Hartung and Knapp (2001), as in the data of the R package pimeta.
SBP = np.array([0.0, 0.1, -0.4, -0.8, -0.63, 0.22, -0.34, -0.51, 0.03, -0.81])
SBP_SE = np.array(
    [
        *(0.42347717, 0.21939179, 0.02551067, 0.19898325, 0.30102594),
        *(0.30102594, 0.07142988, 0.10204269, 0.12245123, 0.30102594),
    ]
)
