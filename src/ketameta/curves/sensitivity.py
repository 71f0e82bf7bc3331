"""What the curve owes to the assumed correlation between the times of a trial."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ketameta.curves.inputs import TrialTimes
from ketameta.curves.model import CurveFit, fit_curve
from ketameta.curves.readouts import half_life
from ketameta.curves.spec import CurveSpec
from ketameta.effects.correlation import DAY, WEEK

__all__ = ["RHO_GRID", "over_rho"]

RHO_GRID = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def over_rho(data: TrialTimes, spec: CurveSpec, rho: Sequence[float]) -> pd.DataFrame:
    """Refit a curve for each assumed correlation.

    Parameters
    ----------
    data : TrialTimes
        Checked effects.
    spec : CurveSpec
        What to fit; its ``rho`` is replaced.
    rho : sequence of float
        Correlations between 24 h and 7 d, each 0 <= rho < 1.

    Returns
    -------
    pandas.DataFrame
        One row a correlation; see :meth:`ketameta.curves.DurabilityCurve.sensitivity`.
    """
    first, last = float(data.hours.min()), float(data.hours.max())
    records = []
    for value in rho:
        fit = fit_curve(data, dataclasses.replace(spec, rho=value))
        record: dict[str, float] = {"rho": float(value)}
        for name, time in (("24h", DAY), ("7d", WEEK)):
            record |= _reading(fit, name, time, inside=first <= time <= last)
        hours = half_life(fit, first, last, spec.level).value
        record["half_life_hours"] = math.inf if hours is None else hours
        records.append(record | {"tau2": fit.tau2, "omega2": fit.omega2, "loglik": fit.loglik})
    return pd.DataFrame(records)


def _reading(fit: CurveFit, name: str, time: float, *, inside: bool) -> dict[str, float]:
    estimate = low = high = math.nan
    if inside:
        at = np.array([time])
        estimate = float(fit.value(at)[0])
        half = fit.quantile * float(fit.se(at)[0])
        low, high = estimate - half, estimate + half
    return {f"estimate_{name}": estimate, f"ci_low_{name}": low, f"ci_high_{name}": high}
