"""The curve of trials that were measured both early and late, beside that of all trials."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from ketameta._render import Card, Shown, number, plural
from ketameta._typing import Array
from ketameta.curves.carriers import smoother, trial_covariances
from ketameta.curves.inputs import TrialTimes, read_rows
from ketameta.curves.pointwise import distribution
from ketameta.curves.readout import records
from ketameta.curves.spec import CurveSpec
from ketameta.curves.support import supported
from ketameta.curves.words import clock, effect_interval, effect_text, level_text
from ketameta.errors import ModelError

if TYPE_CHECKING:
    from ketameta.curves.result import DurabilityCurve

__all__ = ["SameTrials", "compare"]

Window = tuple[float, float]
_FEW = 3


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SameTrials(Shown):
    """A curve of the same trials early and late, beside the curve of all.

    Attributes
    ----------
    all, same : DurabilityCurve
        Curve of all trials, and of those measured in both windows, with the same knots where these allow it.
    early, late : tuple of (float, float)
        The windows in hours, ends included.
    trials, others : tuple of str
        Trials in both windows, and the rest.
    table : pandas.DataFrame
        One row a time that both curves support: ``time_hours``, estimate and interval of each
        (``estimate_all, ci_low_all, ci_high_all, estimate_same, ...``), ``difference`` (same less all) with
        ``difference_low, difference_high, p``, and trials measured within a factor of two of the time
        (``k_all, k_same``).
    notes : tuple of str
        What a reader must know.
    """

    all: DurabilityCurve
    same: DurabilityCurve
    early: Window
    late: Window
    trials: tuple[str, ...]
    others: tuple[str, ...]
    table: pd.DataFrame
    notes: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """The table."""
        return self.table.copy()

    def to_dict(self) -> dict[str, Any]:
        """Both curves' comparison as JSON-ready values."""
        return {
            "early_hours": list(self.early),
            "late_hours": list(self.late),
            "trials": list(self.trials),
            "others": list(self.others),
            "table": records(self.table),
            "half_life_all": self.all.half_life.to_dict(),
            "half_life_same": self.same.half_life.to_dict(),
            "notes": list(self.notes),
        }

    def sentence(self) -> str:
        """The late difference, and both half-lives, in words."""
        measure = self.all.measure
        text = f"{plural(len(self.trials), 'trial')} of {self.all.k_trials} measured both early and late"
        if len(self.table):
            row = self.table.iloc[-1]
            text += (
                f"; at {clock(row['time_hours'])} these gave {effect_text(row['estimate_same'], measure)}, "
                f"all trials {effect_text(row['estimate_all'], measure)}"
            )
        halves = [clock(curve.half_life.value or math.inf) for curve in (self.same, self.all)]
        return f"{text}; half-life {halves[0]} and {halves[1]}."

    def _card(self) -> Card:
        measure = self.all.measure
        rows = tuple(
            (
                clock(row["time_hours"]),
                *(
                    f"{effect_text(row[f'estimate_{who}'], measure)} "
                    f"{effect_interval(row[f'ci_low_{who}'], row[f'ci_high_{who}'], measure)}"
                    for who in ("all", "same")
                ),
                f"{number(row['difference'])} [{number(row['difference_low'])}, {number(row['difference_high'])}]",
                f"{row['k_same']:.0f} of {row['k_all']:.0f}",
            )
            for row in records(self.table)
        )
        level = level_text(self.all.level)
        scale = "difference" if effect_text(0.0, measure) == number(0.0) else "difference of logs"
        return Card(
            title=f"The same trials early and late: {measure}",
            columns=("time since dosing", f"all [{level} CI]", "the same trials", scale, "trials"),
            rows=rows,
            notes=(self.sentence()[:-1], *self.notes),
            footer=(
                f"early {self.early[0]:g} to {self.early[1]:g} h, late {self.late[0]:g} to {self.late[1]:g} h",
                f"measured in both: {', '.join(self.trials)}",
                f"not in both: {', '.join(self.others) or 'none'}",
            ),
        )


def _check_window(name: str, window: object) -> Window:
    """A window of hours, checked.

    Raises
    ------
    ModelError
        If it is not two increasing numbers, the first at least zero.
    """
    try:
        low, high = (float(value) for value in window)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        low = high = math.nan
    if isinstance(window, str) or not 0 <= low < high:
        raise ModelError(f"{name}={window!r} must be two times in hours, first and last, such as (0, 36).")
    return low, high


def _in_both(data: TrialTimes, early: Window, late: Window) -> tuple[str, ...]:
    """Names of the trials that were measured in both windows.

    Raises
    ------
    ModelError
        If there are none; the message names those of each window.
    """
    found = [
        {int(i) for i in data.trial[(data.hours >= low) & (data.hours <= high)]}
        for low, high in (early, late)
    ]
    both = sorted(found[0] & found[1])
    if not both:
        lists = (", ".join(data.trials[i] for i in sorted(some)) or "none" for some in found)
        raise ModelError(
            "no trial was measured in both windows. In {0:g} to {1:g} h: {4}. In {2:g} to {3:g} h: {5}. "
            "Widen the windows.".format(*itertools.chain(early, late), *lists)
        )
    return tuple(data.trials[i] for i in both)


def compare(
    whole: DurabilityCurve, data: TrialTimes, spec: CurveSpec, early: object, late: object
) -> SameTrials:
    """Put the curve of the trials in both windows beside that of all.

    Parameters
    ----------
    whole : DurabilityCurve
        Curve of all trials.
    data : TrialTimes
        Their effects.
    spec : CurveSpec
        What was fitted, with its knots.
    early, late : sequence of two floats
        Windows in hours.

    Returns
    -------
    SameTrials
        The comparison.

    Raises
    ------
    ModelError
        See :meth:`ketameta.curves.DurabilityCurve.same_trials`.

    Notes
    -----
    Both estimates are linear in the effects, ``A y`` and ``B y``, and share trials, so that their difference has
    variance ``(B - A) S (B - A)'``, with ``S`` the covariance of the effects around the curve of all trials.
    Intervals of the difference use the smaller of both degrees of freedom.
    """
    windows = _check_window("early", early), _check_window("late", late)
    names = _in_both(data, *windows)
    rows = whole.rows.loc[np.isin(np.array(data.trials, dtype=object)[data.trial], names)]
    same, notes = _curve_of(rows, spec)
    part = read_rows(same.rows)[0]
    hours = np.array(whole.to_frame()["time_hours"], dtype=np.float64)
    times = hours[supported(hours, part.hours)]
    difference = same.fit.value(times) - whole.fit.value(times)
    se = _difference_se((whole, data, spec), (same, part, same.spec), times)
    df = min(whole.df, same.df)
    upper = (1 + whole.level) / 2
    reach = se * (float(ndtri(upper)) if math.isinf(df) else float(stdtrit(df, upper)))
    stat = np.divide(difference, se, out=np.full(se.size, np.nan), where=se > 0)
    columns: dict[str, Array] = {"time_hours": times}
    for who, curve in (("all", whole), ("same", same)):
        half = curve.fit.quantile * curve.fit.se(times)
        estimate = curve.fit.value(times)
        columns[f"estimate_{who}"] = estimate
        columns[f"ci_low_{who}"], columns[f"ci_high_{who}"] = estimate - half, estimate + half
    columns |= {"difference": difference, "difference_low": difference - reach}
    columns |= {"difference_high": difference + reach, "p": 2 * distribution(-np.abs(stat), df)}
    for who, effects in (("all", data), ("same", part)):
        near = np.abs(np.log(effects.hours[None, :] / times[:, None])) <= math.log(2) + 1e-9
        columns[f"k_{who}"] = np.array([np.unique(effects.trial[row]).size for row in near])
    few = len(part.trials)
    if few < _FEW:
        notes = (*notes, f"only {plural(few, 'trial')} measured both early and late: too few to generalise")
    return SameTrials(
        all=whole,
        same=same,
        early=windows[0],
        late=windows[1],
        trials=part.trials,
        others=tuple(name for name in data.trials if name not in part.trials),
        table=pd.DataFrame(columns),
        notes=notes,
    )


def _curve_of(rows: pd.DataFrame, spec: CurveSpec) -> tuple[DurabilityCurve, tuple[str, ...]]:
    """A curve with the knots of the whole, or with its own where these are not determined."""
    from ketameta.curves.estimate import durability

    def fitted(knots: tuple[float, ...] | None) -> DurabilityCurve:
        return durability(
            rows,
            curve=spec.curve,
            knots=knots,
            rho=spec.rho,
            ci=spec.ci,
            level=spec.level,
            options=spec.options,
        )

    if spec.knots is None:
        return fitted(None), ()
    try:
        return fitted(spec.knots), ()
    except ModelError:
        same = fitted(None)
        knots = ", ".join(clock(knot) for knot in same.knots_hours)
        return same, (
            f"the same trials do not determine all knots of the curve of all; theirs are at {knots}",
        )


_Side = tuple["DurabilityCurve", TrialTimes, CurveSpec]


def _difference_se(everyone: _Side, chosen: _Side, times: Array) -> Array:
    (whole, data, spec), (same, part, own_spec) = everyone, chosen
    lines = smoother(data, spec, whole.fit, times)
    own = dict(zip(part.trials, smoother(part, own_spec, same.fit, times), strict=True))
    variance = np.zeros(times.size)
    for name, line, covariance in zip(
        data.trials, lines, trial_covariances(data, spec, whole.fit), strict=True
    ):
        gap = own.get(name, 0.0) - line
        variance += np.einsum("ij,jk,ik->i", gap, covariance, gap)
    return np.asarray(np.sqrt(variance), dtype=np.float64)
