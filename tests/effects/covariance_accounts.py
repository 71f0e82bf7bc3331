"""What the tests of covariance share: what is told of a trial, and the correlations expected of its arms."""

from __future__ import annotations

import numpy as np

from ketameta.effects import SamplingCovariance, time_correlation


def told(v: SamplingCovariance, trial: str = "able2001") -> str:
    return str(v.account.set_index("trial").loc[trial, "account"])


def expected_correlations(hours, doses, rho: float) -> tuple[np.ndarray, np.ndarray]:
    r = time_correlation(hours, rho=rho)
    names = doses.to_numpy(dtype=str)
    return r * (names[:, None] == names), r
