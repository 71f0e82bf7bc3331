"""The curve without each trial in turn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, number, plural
from ketameta._typing import Array, BoolArray
from ketameta.curves.inputs import TrialTimes
from ketameta.curves.model import CurveFit, fit_curve
from ketameta.curves.pointwise import effects_at
from ketameta.curves.readout import records
from ketameta.curves.readouts import half_life_value
from ketameta.curves.spec import CurveSpec
from ketameta.curves.words import clock, effect_text
from ketameta.errors import ModelError

__all__ = ["LeftOut", "leave_one_out"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LeftOut(Shown):
    """The curve refitted without each trial in turn.

    Attributes
    ----------
    estimates : pandas.DataFrame
        One row a trial that is left out and a time: ``trial, time_hours, estimate, ci_low, ci_high, shift,
        supported``. ``shift`` is the estimate less that of all trials; missing where the other trials do not
        measure so early or so late.
    trials : pandas.DataFrame
        One row a trial that is left out: ``trial, k_effects, half_life_hours`` (infinite where not reached),
        ``tau2, omega2, reason`` (why there is no curve without it; empty where there is one).
    half_life_hours : float
        Of all trials; infinite where not reached.
    largest : tuple of (str, float, float) or None
        Trial, time in hours, and shift of the largest absolute shift at a supported time; None where there is none.
    measure : str
        Effect measure.
    """

    estimates: pd.DataFrame
    trials: pd.DataFrame
    half_life_hours: float
    largest: tuple[str, float, float] | None
    measure: str

    def to_frame(self) -> pd.DataFrame:
        """One row a trial left out, one column a time (hours), and the half-life."""
        wide = self.estimates.pivot(index="trial", columns="time_hours", values="estimate")
        wide.columns = pd.Index([f"estimate_{time:g}h" for time in wide.columns])
        return self.trials.merge(wide.reset_index(), on="trial")

    def to_dict(self) -> dict[str, Any]:
        """Both tables as JSON-ready values."""
        return {
            "measure": self.measure,
            "estimates": records(self.estimates),
            "trials": records(self.trials),
            "half_life_hours": None if math.isinf(self.half_life_hours) else self.half_life_hours,
            "largest": None if self.largest is None else list(self.largest),
        }

    def sentence(self) -> str:
        """Which trial moves the curve most."""
        if self.largest is None:
            return "No curve is left without any one trial."
        trial, time, shift = self.largest
        rows = self.estimates
        at = rows[(rows["trial"] == trial) & (rows["time_hours"] == time)].iloc[0]
        without = float(at["estimate"])
        return (
            f"The curve moves most without {trial}: at {clock(time)} from "
            f"{effect_text(without - shift, self.measure)} to {effect_text(without, self.measure)}."
        )

    def _card(self) -> Card:
        times = sorted(self.estimates["time_hours"].unique())
        rows = []
        for trial, half in zip(self.trials["trial"], self.trials["half_life_hours"], strict=True):
            own = self.estimates[self.estimates["trial"] == trial].set_index("time_hours")["estimate"]
            cells = [number(None) if math.isnan(own[t]) else effect_text(own[t], self.measure) for t in times]
            rows.append((str(trial), *cells, number(None) if math.isnan(half) else clock(half)))
        reasons = self.trials[self.trials["reason"] != ""]
        notes = tuple(
            f"{trial}: {reason}" for trial, reason in zip(reasons["trial"], reasons["reason"], strict=True)
        )
        return Card(
            title=f"Curve without each of {plural(len(rows), 'trial')}: {self.measure}",
            columns=("without", *(clock(time) for time in times), "half-life"),
            rows=tuple(rows),
            notes=(self.sentence()[:-1], *notes),
            footer=(f"half-life of all trials: {clock(self.half_life_hours)}",),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Part(TrialTimes):
    """Some of the trials, with the sampling covariance that they had."""

    blocks: tuple[Array, ...]

    def covariances(self, *, rho: float, correlation: str) -> list[Array]:
        """Sampling covariance of each trial."""
        return list(self.blocks)

    def approximate(self) -> tuple[tuple[str, str, str], ...]:
        """Nothing: the whole says it."""
        return ()


def leave_one_out(data: TrialTimes, spec: CurveSpec, fit: CurveFit, hours: Array) -> LeftOut:
    """Refit the curve without each trial.

    Parameters
    ----------
    data : TrialTimes
        Checked effects.
    spec : CurveSpec
        What was fitted, with its knots.
    fit : CurveFit
        The curve of all trials.
    hours : numpy.ndarray, shape (m,)
        Times to compare at.

    Returns
    -------
    LeftOut
        The curves.

    Raises
    ------
    ModelError
        If there is one trial only.
    """
    if len(data.trials) == 1:
        raise ModelError(f"there is one trial ({data.trials[0]}): nothing is left without it.")
    blocks = data.covariances(rho=spec.rho, correlation=spec.options.correlation)
    whole = fit.value(hours)
    tables, rows = [], []
    for i, name in enumerate(data.trials):
        part = _without(data, i, blocks)
        estimate = low = high = np.full(hours.size, np.nan)
        known = np.zeros(hours.size, dtype=np.bool_)
        half = tau2 = omega2 = math.nan
        reason = ""
        try:
            other = fit_curve(part, spec)
        except ModelError as error:
            reason = str(error)
        else:
            first, last = float(part.hours.min()), float(part.hours.max())
            at = effects_at(other, hours, part.hours)
            inside = (hours >= first) & (hours <= last)
            estimate, low, high = (at[c].where(inside).to_numpy() for c in ("estimate", "ci_low", "ci_high"))
            known = at["supported"].to_numpy()
            half = half_life_value(other, first, last)
            tau2, omega2 = other.tau2, other.omega2
        tables.append(
            pd.DataFrame(
                {
                    "trial": name,
                    "time_hours": hours,
                    "estimate": estimate,
                    "ci_low": low,
                    "ci_high": high,
                    "shift": estimate - whole,
                    "supported": known,
                }
            )
        )
        rows.append((name, part.yi.size, half, tau2, omega2, reason))
    estimates = pd.concat(tables, ignore_index=True)
    columns = ["trial", "k_effects", "half_life_hours", "tau2", "omega2", "reason"]
    return LeftOut(
        estimates=estimates,
        trials=pd.DataFrame(rows, columns=columns),
        half_life_hours=half_life_value(fit, float(data.hours.min()), float(data.hours.max())),
        largest=_largest(estimates),
        measure=data.measure or "effect",
    )


def _largest(estimates: pd.DataFrame) -> tuple[str, float, float] | None:
    size = estimates["shift"].abs().where(estimates["supported"])
    if size.isna().all():
        return None
    row = estimates.iloc[int(np.nanargmax(size))]
    return str(row["trial"]), float(row["time_hours"]), float(row["shift"])


def _without(data: TrialTimes, left: int, blocks: list[Array]) -> _Part:
    """The data without one trial."""
    keep: BoolArray = data.trial != left
    return _Part(
        trials=data.trials[:left] + data.trials[left + 1 :],
        trial=data.trial[keep] - (data.trial[keep] > left),
        hours=data.hours[keep],
        yi=data.yi[keep],
        vi=data.vi[keep],
        people=data.people[keep],
        measure=data.measure,
        samples=data.samples,
        rows=data.rows.loc[keep],
        blocks=(*blocks[:left], *blocks[left + 1 :]),
    )
