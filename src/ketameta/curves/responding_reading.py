"""Times at which the share responding has fallen: to a stated share, or to half of its peak."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit, ndtri, stdtrit

from ketameta._typing import Array, Rng
from ketameta.curves.readout import ReadOut
from ketameta.curves.responding_fit import ArmFit
from ketameta.curves.words import clock
from ketameta.errors import ModelError

__all__ = ["SEED", "falling"]

SEED = 20260921
_DRAWS = 2000
_GRID = 801


def falling(
    fit: ArmFit,
    arm: int,
    time_range: tuple[float, float],
    df: float,
    level: float,
    rng: Rng,
    share: float | None,
) -> ReadOut:
    """When the share of an arm has fallen after its peak.

    Parameters
    ----------
    fit : ArmFit
        Fitted logits.
    arm : int
        0 for ketamine, 1 for the comparator.
    time_range : tuple of float
        First and last measured time in hours.
    df, level : float
        Degrees of freedom and level of the interval.
    rng : Generator, int or None
        Source of the simulated curves.
    share : float or None
        The share to fall under; None for half of the peak, counted from the peak.

    Returns
    -------
    ReadOut
        The time and its interval by percentiles of simulated curves: infinite where one does not fall so far, 0
        where one never reaches the share; ``bound_hours`` for the lower bound of the pointwise interval.

    Raises
    ------
    ModelError
        If ``rng`` is no source of randomness.
    """
    try:
        generator = np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ModelError(f"rng={rng!r} must be a seed, a Generator or None.") from None
    hours = np.geomspace(*time_range, _GRID)
    hours[0], hours[-1] = time_range
    p = len(fit.shape.knots_hours)
    part = slice(arm * p, (arm + 1) * p)
    beta, vcov, basis = fit.beta[part], fit.vcov[part, part], fit.shape.basis(hours)
    noise = generator.standard_normal((_DRAWS, p))
    if math.isfinite(df):
        noise /= np.sqrt(generator.chisquare(df, size=(_DRAWS, 1)) / df)
    draws = beta + noise @ np.linalg.cholesky(vcov).T
    found = _fallen(hours, expit(np.vstack([beta, draws]) @ basis.T), share)
    value, simulated = float(found[0]), found[1:]
    tail = (1 - level) / 2
    low = float(np.quantile(simulated, tail, method="lower"))
    high = float(np.quantile(simulated, 1 - tail, method="higher"))
    law = "normal" if math.isinf(df) else f"t({df:g})"
    status = (
        "undefined"
        if value == 0 and share is not None
        else "reached"
        if math.isfinite(value)
        else "not reached"
    )
    if share is None:
        name, note = "half-life", "time from the peak share responding until half of it remains"
        bound = None
    else:
        name, note = "time to share", f"time since dosing at which less than {100 * share:g}% respond"
        quantile = -ndtri(tail) if math.isinf(df) else -stdtrit(df, tail)
        se = np.sqrt(np.einsum("ij,jk,ik->i", basis, vcov, basis))
        lower = float(_fallen(hours, expit(basis @ beta - quantile * se)[None], share)[0])
        bound = lower if lower > 0 else None
        if status == "undefined":
            note = f"the estimate never reaches {100 * share:g}% inside the measured times"
        if bound is None:
            note += "; its interval never lies wholly above it"
    if status == "not reached":
        note += f"; not so by {clock(time_range[1])}, the last measured time"
    return ReadOut(
        name=name,
        value=value if status == "reached" else None,
        unit="hours",
        ci_low=low,
        ci_high=high,
        level=level,
        status=status,
        method=f"percentiles of {_DRAWS} curves simulated from the multivariate {law} distribution of the estimate",
        note=note,
        effect=share,
        bound_hours=bound,
        open_share=float(np.isinf(simulated).mean()),
    )


def _fallen(hours: Array, lines: Array, share: float | None) -> Array:
    """For each line when it falls under the share after its top; for half, since the top.

    Infinite where it does not fall so far, and 0 where it never reaches the share.
    """
    rows = np.arange(len(lines))
    tops = np.argmax(lines, axis=1)
    peak = lines[rows, tops]
    goals = peak / 2 if share is None else np.full(len(lines), share)
    below = (np.arange(hours.size) >= tops[:, None]) & (lines < goals[:, None])
    j = np.argmax(below, axis=1)
    ever = below[rows, j]
    before = np.maximum(j - 1, 0)
    left, right = lines[rows, before], lines[rows, j]
    step = np.divide(left - goals, left - right, out=np.zeros(len(lines)), where=ever & (left > right))
    x = np.log(hours)
    times = np.exp(x[before] + np.clip(step, 0, 1) * (x[j] - x[before]))
    times = np.where(peak < goals, 0.0, times)
    return np.where(ever, times - hours[tops] if share is None else times, np.inf)
