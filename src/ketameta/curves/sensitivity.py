"""What the curve owes to the assumed correlation between the times of a trial."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ketameta.curves.inputs import TrialTimes
from ketameta.curves.model import CurveFit, fit_curve
from ketameta.curves.readout import plain
from ketameta.curves.readouts import half_life_value
from ketameta.curves.spec import CurveSpec
from ketameta.curves.words import clock, effect_text
from ketameta.effects.correlation import DAY, WEEK

__all__ = ["RHO_GRID", "over_rho", "ranges", "ranges_text"]

RHO_GRID = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_SHOWN = {"estimate_24h": "effect at 24 h", "estimate_7d": "effect at 7 d", "half_life_hours": "half-life"}


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
        record["half_life_hours"] = half_life_value(fit, first, last)
        records.append(record | {"tau2": fit.tau2, "omega2": fit.omega2, "loglik": fit.loglik})
    return pd.DataFrame(records)


def ranges(grid: pd.DataFrame) -> dict[str, Any]:
    """Smallest and largest reading over a grid of correlations, as JSON-ready values.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.curves.sensitivity import ranges
    >>> ranges(pd.DataFrame({"rho": [0.2, 0.9], "estimate_24h": [-0.5, -0.4], "estimate_7d": [-0.3, -0.3],
    ...                      "half_life_hours": [90.0, float("inf")]}))["half_life_hours"]
    [90.0, None]
    """
    return {
        name: [plain(float(grid[name].min())), plain(float(grid[name].max()))] for name in ("rho", *_SHOWN)
    }


def ranges_text(grid: pd.DataFrame, measure: str) -> str:
    """The same in words."""
    parts = []
    for name, label in _SHOWN.items():
        low, high = float(grid[name].min()), float(grid[name].max())
        if not math.isnan(low):
            show = clock if name == "half_life_hours" else lambda value: effect_text(value, measure)
            ends = [show(low), show(high)]
            parts.append(f"{label} {ends[0] if ends[0] == ends[1] else ' to '.join(ends)}")
    rho = f"{grid['rho'].min():g} to {grid['rho'].max():g}"
    return f"over assumed correlations of {rho}: {', '.join(parts)}"


def _reading(fit: CurveFit, name: str, time: float, *, inside: bool) -> dict[str, float]:
    estimate = low = high = math.nan
    if inside:
        at = np.array([time])
        estimate = float(fit.value(at)[0])
        half = fit.quantile * float(fit.se(at)[0])
        low, high = estimate - half, estimate + half
    return {f"estimate_{name}": estimate, f"ci_low_{name}": low, f"ci_high_{name}": high}
