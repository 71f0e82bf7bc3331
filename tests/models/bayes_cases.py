"""Five trials, and every kind of prior of tau."""

from __future__ import annotations

import numpy as np

from ketameta.models import Exponential, HalfCauchy, HalfNormal, HalfT, LogNormal, LogStudentT, Uniform

YI = np.array([-1.10, -0.35, -0.62, -0.18, -0.80])
VI = np.array([0.09, 0.05, 0.04, 0.07, 0.11])
PRIORS = (
    HalfNormal(0.5),
    HalfCauchy(0.5),
    HalfT(4.0, 0.5),
    Exponential(0.5),
    Uniform(2.0),
    LogNormal(-2.12, 1.53),
    LogStudentT(-2.99, 2.16, 5.0),
)
IDS = [type(prior).__name__ for prior in PRIORS]
