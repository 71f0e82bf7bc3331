"""Trials with an inactive and with a psychoactive comparator: a mean for each, one tau2, and their difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from ketameta._typing import Array
from ketameta.effects.people import people
from ketameta.models import Pooled
from ketameta.models.kernel import fit as fit_kernel
from ketameta.models.linear import Linear

__all__ = ["ACTIVE", "INACTIVE", "Classwise", "compare"]

INACTIVE, ACTIVE = "inactive", "psychoactive"
_POWER = 0.8
_LINEAR = ("Wald", "HKSJ", "HKSJ-adhoc")


@dataclass(frozen=True, slots=True, eq=False)
class Classwise:
    """Effects by class of comparator.

    Attributes
    ----------
    table : DataFrame
        ``class, k, n, estimate, se, ci_low, ci_high, p``, a row for each class that has trials.
    difference, se, ci, p : float
        Psychoactive minus inactive; NaN where one class is empty.
    detectable : float
        The true difference that the test would find with a power of 80%.
    tau2 : float
        Residual between-study variance; NaN where there are not more studies than classes.
    ci_method : str
        How intervals and test were made.
    """

    table: pd.DataFrame
    difference: float
    se: float
    ci: tuple[float, float]
    p: float
    detectable: float
    tau2: float
    ci_method: str


def compare(fit: Pooled, names: Array, yi: Array, vi: Array, rows: pd.DataFrame) -> Classwise:
    """One mean a class and a common tau2, by the methods of a fit.

    Parameters
    ----------
    fit : Pooled
        Its methods and level.
    names : Array of str, shape (k,)
        Class of each study.
    yi, vi : Array, shape (k,)
        Effects and sampling variances.
    rows : DataFrame
        The rows behind them, for the number of participants.

    Notes
    -----
    The power of a test of a difference d with standard error se (of the model) is that of a normal statistic with
    mean d / se (Hedges and Pigott 2004, Psychol Methods 9:426-445); the difference found with 80% power is
    (critical value + 0.84) se.
    """
    present = [name for name in (INACTIVE, ACTIVE) if (names == name).any()]
    design = np.column_stack([(names == name).astype(float) for name in present])
    fits = fit_kernel(yi, vi, design, tau2=fit.tau2_method)
    method = fit.ci_method if fit.ci_method in _LINEAR else "HKSJ"
    if not fits.df > 0:
        method = "Wald"
    linear = Linear.of(fits, method, fit.level)
    if method == "Wald":
        linear = Linear(fits.beta, fits.cov, np.array(1.0), math.inf, fit.level)
    means = linear.combination(np.eye(len(present)))
    low, high = means.interval()
    sizes = people(rows)
    table = pd.DataFrame(
        {
            "class": present,
            "k": [int((names == name).sum()) for name in present],
            "n": [float(sizes[names == name].sum()) for name in present],
            "estimate": means.estimate,
            "se": means.se,
            "ci_low": low,
            "ci_high": high,
            "p": means.p,
        }
    )
    nan = math.nan
    if len(present) < 2:
        return Classwise(table, nan, nan, (nan, nan), nan, nan, float(fits.tau2), method)
    apart = linear.combination(np.array([[-1.0, 1.0]]))
    ends = [float(end[0]) for end in apart.interval()]
    model_se = math.sqrt(float(np.trace(fits.cov)))
    return Classwise(
        table=table,
        difference=float(np.ravel(apart.estimate)[0]),
        se=float(np.ravel(apart.se)[0]),
        ci=(ends[0], ends[1]),
        p=float(apart.p[0]),
        detectable=(float(apart.critical) + float(special.ndtri(_POWER))) * model_se,
        tau2=float(fits.tau2),
        ci_method=method,
    )
