"""Who carries the curve where: trials and participants along time, and the weight of each trial."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.curves.inputs import TrialTimes
from ketameta.curves.model import CurveFit
from ketameta.curves.shapes import LinearShape
from ketameta.curves.spec import CurveSpec
from ketameta.curves.support import FACTOR, supported
from ketameta.errors import ModelError

__all__ = ["at_risk", "smoother", "trial_covariances", "trial_weights"]

_SLACK = 1e-9


def at_risk(data: TrialTimes, hours: Array) -> pd.DataFrame:
    """Trials and participants still followed at m times, and those measured near them.

    Parameters
    ----------
    data : TrialTimes
        Checked effects.
    hours : numpy.ndarray, shape (m,)
        Times.

    Returns
    -------
    pandas.DataFrame
        See :meth:`ketameta.curves.DurabilityCurve.at_risk`.
    """
    rows = []
    for time in hours.tolist():
        later = data.hours >= time * (1 - _SLACK)
        near = np.abs(np.log(data.hours / time)) <= np.log(FACTOR) + _SLACK
        row: dict[str, object] = {"time_hours": time}
        for suffix, chosen in (("", later), ("_near", near)):
            trials = np.unique(data.trial[chosen])
            row[f"k{suffix}"] = int(trials.size)
            row[f"n{suffix}"] = float(sum(_largest(data.people[chosen & (data.trial == i)]) for i in trials))
            row[f"trials{suffix}"] = ", ".join(data.trials[i] for i in trials)
        rows.append(row)
    table = pd.DataFrame(rows)
    table["supported"] = supported(hours, data.hours)
    return table[["time_hours", "k", "n", "k_near", "n_near", "trials", "trials_near", "supported"]]


def _largest(people: Array) -> float:
    """Largest number analysed; NaN where none is stated."""
    known = people[np.isfinite(people)]
    return float(known.max()) if known.size else float("nan")


def trial_covariances(data: TrialTimes, spec: CurveSpec, fit: CurveFit) -> list[Array]:
    """Covariance of the effects of each trial around the curve: sampling error and heterogeneity."""
    sampling = data.covariances(rho=spec.rho, correlation=spec.options.correlation)
    covariances = []
    for i, v in enumerate(sampling):
        z = _of_trial(fit, data.hours[data.trial == i])
        covariances.append(v + z @ fit.spread @ z.T + fit.omega2 * np.eye(len(v)))
    return covariances


def _of_trial(fit: CurveFit, hours: Array) -> Array:
    """Design of the random effects of a trial: its level, and its decay where that is random, shape (m, q)."""
    level = np.ones(hours.size)
    if len(fit.spread) == 1:
        return level[:, None]
    line = isinstance(fit.shape, LinearShape)
    decay = np.log2(hours / fit.centre_hours) if line else -fit.shape.gradient(fit.beta, hours)[:, 1]
    return np.stack([level, decay], axis=1)


def smoother(data: TrialTimes, spec: CurveSpec, fit: CurveFit, hours: Array) -> list[Array]:
    """What each effect adds to the estimate at m times per unit, trial by trial: shapes (m, n_i).

    Rows of ``b(t)' (X'S^-1 X)^-1 X'S^-1``, the hat matrix of generalised least squares. Shapes that are not linear
    in their coefficients are linearised.

    Raises
    ------
    ModelError
        For a curve with moderators.
    """
    if len(fit.coefficients.names) > len(fit.beta):
        raise ModelError("what each trial adds to a curve is given for curves without moderators only.")
    known = np.diag(fit.vcov) == 0
    at, design = (fit.shape.gradient(fit.beta, times)[:, ~known] for times in (hours, data.hours))
    solved = [
        (np.linalg.solve(block, design[data.trial == i]), design[data.trial == i])
        for i, block in enumerate(trial_covariances(data, spec, fit))
    ]
    size = np.sqrt(sum((part * x).sum(axis=0) for part, x in solved))
    information = sum((x.T @ part for part, x in solved), np.zeros((size.size, size.size)))
    lean = np.linalg.solve(information / np.outer(size, size), (at / size).T).T / size
    return [lean @ part.T for part, _ in solved]


def trial_weights(data: TrialTimes, spec: CurveSpec, fit: CurveFit, hours: Array) -> pd.DataFrame:
    """Share of each trial in the estimate at m times.

    Parameters
    ----------
    data : TrialTimes
        Checked effects.
    spec : CurveSpec
        What was fitted.
    fit : CurveFit
        The fit.
    hours : numpy.ndarray, shape (m,)
        Times.

    Returns
    -------
    pandas.DataFrame
        See :meth:`ketameta.curves.DurabilityCurve.weights`.
    """
    covariances, lines = trial_covariances(data, spec, fit), smoother(data, spec, fit, hours)
    own = np.array([np.einsum("ij,jk,ik->i", a, v, a) for a, v in zip(lines, covariances, strict=True)])
    variance = own.sum(axis=0)
    share = np.divide(own, variance, out=np.full(own.shape, np.nan), where=variance > 0)
    count = len(data.trials)
    return pd.DataFrame(
        {
            "time_hours": np.tile(hours, count),
            "trial": np.repeat(np.array(data.trials, dtype=object), hours.size),
            "weight": share.ravel(),
            "pull": np.concatenate([a.sum(axis=1) for a in lines]),
            "supported": np.tile(supported(hours, data.hours), count),
        }
    )
