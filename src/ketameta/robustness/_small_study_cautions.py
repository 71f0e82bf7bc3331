"""When a test for small-study effects should not be leaned on."""

from __future__ import annotations

import numpy as np

from ketameta._render import number
from ketameta.models import Pooled
from ketameta.robustness._cautions import few, heterogeneous, self_correlated

__all__ = ["RATIOS_OF_COUNTS", "on_size", "on_standard_error"]

RATIOS_OF_COUNTS = frozenset({"OR", "RR", "PETO"})
_RATIO_OF_VARIANCES = 4.0
_WHY = "differences between trials may look like an effect of their size, and the other way round"


def on_size(fit: Pooled) -> tuple[str, ...]:
    """For any test: few trials, large heterogeneity, trials of one size (Ioannidis and Trikalinos 2007)."""
    ratio = float(np.exp(np.ptp(np.log(fit.vi))))
    alike = (
        f"the trials hardly differ in precision: the largest variance is {number(ratio, 1)} times the smallest, "
        "and tests for small-study effects want more than 4 times",
    )
    return (
        *few(fit),
        *heterogeneous(fit, _WHY),
        *(alike if ratio <= _RATIO_OF_VARIANCES else ()),
    )


def on_standard_error(fit: Pooled) -> tuple[str, ...]:
    """For tests on standard errors, also that these depend on the effect for some measures."""
    counted = (
        f"the standard error of a log {fit.measure} depends on the {fit.measure} itself, so a slope on it comes "
        "about without any bias (Peters et al. 2006); prefer the test on 1/n",
    )
    return (
        *on_size(fit),
        *self_correlated(fit),
        *(counted if fit.measure.upper() in RATIOS_OF_COUNTS else ()),
    )
