"""The coefficients of a curve as a reader sees them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtr

from ketameta.curves.decay_shapes import DecayShape
from ketameta.curves.model import CurveFit

__all__ = ["coefficient_table"]


def coefficient_table(fit: CurveFit) -> pd.DataFrame:
    """Coefficients with intervals and tests.

    Log parameters of shapes that rise and fall are shown as what they are the logarithm of, with the interval of
    the logarithm; the half-life of decay has its own interval where it comes from the profile likelihood.

    Parameters
    ----------
    fit : CurveFit
        Fitted curve.

    Returns
    -------
    pandas.DataFrame
        ``term, estimate, se, ci_low, ci_high, p``. No p stands beside a parameter that cannot be zero, and no
        standard error beside one that counts as known.
    """
    found = fit.coefficients
    estimate, se = found.values, np.sqrt(np.diag(found.vcov))
    known = se == 0
    stat = -np.abs(np.divide(estimate, se, out=np.full(se.size, np.nan), where=~known))
    p = 2 * (ndtr(stat) if math.isinf(fit.df) else stdtr(fit.df, stat))
    low, high = estimate - fit.quantile * se, estimate + fit.quantile * se
    table = pd.DataFrame(
        {"term": found.names, "estimate": estimate, "se": se, "ci_low": low, "ci_high": high, "p": p}
    )
    table.loc[known, ["se", "ci_low", "ci_high", "p"]] = math.nan
    if isinstance(fit.shape, DecayShape):
        with np.errstate(over="ignore"):
            for j, name in enumerate(fit.shape.parameters, start=1):
                natural = np.exp(table.loc[j, ["estimate", "ci_low", "ci_high"]].to_numpy(dtype=np.float64))
                table.loc[j, ["estimate", "ci_low", "ci_high"]] = natural
                table.loc[j, "se"] = natural[0] * table.loc[j, "se"]
                table.loc[j, "term"], table.loc[j, "p"] = name, math.nan
        if fit.profile is not None:
            own = fit.profile.half_life
            table.loc[1, ["ci_low", "ci_high"]] = [own.low, own.high]
    return table
