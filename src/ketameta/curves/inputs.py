"""From a table of effect sizes to the arrays of a curve, with every refusal naming its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._render import plural
from ketameta._typing import Array, BoolArray
from ketameta.effects._sheet import Sheet
from ketameta.effects.covariance import Samples, read_samples, sampling_blocks, trial_names
from ketameta.effects.people import people
from ketameta.errors import EffectError, ModelError

__all__ = ["TrialTimes", "read_rows"]

_LISTED = 6
_SAME_TIME = 1e-6
_OFF_DRUG = 336.0


@dataclass(frozen=True, slots=True, eq=False)
class TrialTimes:
    """Effects of trials at their times, sorted by trial and time.

    Attributes
    ----------
    trials : tuple of str
        Names of the k trials.
    trial : numpy.ndarray of int, shape (n,)
        Trial of each effect.
    hours, yi, vi, people : numpy.ndarray, shape (n,)
        Time after dosing in hours, effect, sampling variance, participants (NaN where unknown).
    measure : str
        Effect measure; empty when the table does not say.
    samples : Samples
        The same rows with what their sampling covariance needs.
    rows : pandas.DataFrame
        The same rows as they came.
    """

    trials: tuple[str, ...]
    trial: np.ndarray
    hours: Array
    yi: Array
    vi: Array
    people: Array
    measure: str
    samples: Samples
    rows: pd.DataFrame

    def covariances(self, *, rho: float, correlation: str) -> list[Array]:
        """Sampling covariance of each trial (see :func:`ketameta.effects.covariance`)."""
        try:
            return sampling_blocks(self.samples, rho=rho, correlation=correlation, between=1.0)
        except EffectError as error:
            raise ModelError(str(error)) from error

    def approximate(self) -> tuple[tuple[str, str, str], ...]:
        """Trials with several effects not correlated by the exact formula: what it rests on instead, and why."""
        return tuple(
            (self.trials[trial], batch.formula, self.samples.why[trial])
            for batch in self.samples.batches
            if batch.rows.shape[1] > 1 and batch.formula in ("sizes", "plain")
            for trial in batch.trials.tolist()
        )

    def participants(self) -> int | None:
        """Largest number analysed in each trial, summed; None when a trial does not say."""
        largest = [self.people[self.trial == i] for i in range(len(self.trials))]
        if any(np.isnan(size).all() for size in largest):
            return None
        return int(sum(np.nanmax(size) for size in largest))


def read_rows(es: pd.DataFrame) -> tuple[TrialTimes, pd.DataFrame, pd.DataFrame]:
    """Check a table of effects and sort it by trial and time.

    Parameters
    ----------
    es : pandas.DataFrame
        Columns ``yi``, ``vi``, ``time_hours``, and ``cohort_id`` or ``study_id``; the other columns of
        :func:`ketameta.effects.effect_sizes` are used where present.

    Returns
    -------
    data : TrialTimes
        The arrays.
    used, left_out : pandas.DataFrame
        Rows of ``es`` that are used, in the order of ``data``, and rows left out for their ``reason``.

    Raises
    ------
    ModelError
        For whatever makes the rows unfit for one curve; the message names rows and remedy.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.curves.inputs import read_rows
    >>> es = pd.DataFrame({"cohort_id": ["b", "a", "a"], "time_hours": [24, 168, 24],
    ...                    "yi": [-0.5, -0.2, -0.6], "vi": [0.1, 0.1, 0.1]})
    >>> data, used, left_out = read_rows(es)
    >>> data.trials, data.hours.tolist(), len(left_out)
    (('a', 'b'), [24.0, 168.0, 24.0], 0)
    """
    _require_table(es)
    excluded = _text(es, "reason") != ""
    untimed = ~excluded & np.asarray(es["time_hours"].isna(), dtype=np.bool_)
    left_out, rows = _with_reason(es, untimed).loc[excluded | untimed], es.loc[~(excluded | untimed)]
    if rows.empty:
        why = "every one carries a reason" if excluded.all() else "those without a reason state no time"
        raise ModelError(f"none of the {len(es)} rows has an effect and a time: {why}.")
    numbers = {name: _number(rows, name) for name in ("yi", "vi", "time_hours")}
    _require(rows, np.isfinite(numbers["yi"]), "yi must be a finite number")
    _require(rows, np.isfinite(numbers["vi"]) & (numbers["vi"] > 0), "vi must be a finite number above zero")
    _require(
        rows,
        np.isfinite(numbers["time_hours"]) & (numbers["time_hours"] > 0),
        "time_hours must be a finite number above zero (hours after dosing; a baseline has no place here)",
    )
    trial = _trial_names(rows)
    for column, remedy in (
        ("dosing", "Single and repeated dosing are separate questions: select one."),
        ("measure", "Effects of different measures do not share a scale: select one."),
        ("outcome", "Different outcomes do not share a curve: select one."),
    ):
        _require_one(rows, column, remedy)
    _require_one_phase(rows)
    order = np.lexsort((numbers["time_hours"], trial))
    rows, trial = rows.iloc[order], trial[order]
    hours = numbers["time_hours"][order]
    _require_distinct_times(rows, trial, hours)
    names, code = np.unique(trial, return_inverse=True)
    samples = _samples(rows)
    _require_blocks_in_order(samples, tuple(str(name) for name in names))
    measures = sorted(set(_text(rows, "measure")) - {""})
    data = TrialTimes(
        trials=samples.trials,
        trial=code,
        hours=hours,
        yi=numbers["yi"][order],
        vi=numbers["vi"][order],
        people=people(rows),
        measure=measures[0] if measures else "",
        samples=samples,
        rows=rows,
    )
    return data, rows, left_out


def _samples(rows: pd.DataFrame) -> Samples:
    """What the covariance needs of rows that are sorted by trial."""
    try:
        samples = read_samples(rows)
    except EffectError as error:
        raise ModelError(str(error)) from error
    return samples


def _require_blocks_in_order(samples: Samples, names: tuple[str, ...]) -> None:
    """Trials and their rows stand in the covariance as they stand in the table, or the two would be mixed up."""
    rows = dict(
        pair
        for batch in samples.batches
        for pair in zip(batch.trials.tolist(), batch.rows.tolist(), strict=True)
    )
    positions = [row for trial in sorted(rows) for row in rows[trial]]
    if samples.trials != names or positions != list(range(len(samples.frame))):
        raise ModelError(
            "rows and their covariance are out of step: name the trials in cohort_id by plain text."
        )


def _require_table(es: pd.DataFrame) -> None:
    if not isinstance(es, pd.DataFrame):
        raise ModelError(f"durability needs a DataFrame of effect sizes, not {type(es).__name__}.")
    missing = [name for name in ("yi", "vi", "time_hours") if name not in es.columns]
    if "cohort_id" not in es.columns and "study_id" not in es.columns:
        missing.append("cohort_id (or study_id)")
    if missing:
        raise ModelError(f"the table lacks {', '.join(missing)}; effect_sizes() gives yi and vi.")
    if es.empty:
        raise ModelError("the table has no rows.")


def _text(rows: pd.DataFrame, name: str) -> np.ndarray:
    """A column as stripped text; empty where missing or where there is no such column."""
    return Sheet(rows).text(name)


def _number(rows: pd.DataFrame, name: str) -> Array:
    try:
        return pd.to_numeric(rows[name]).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ModelError(f"column {name!r} must hold numbers: {error}") from error


def _with_reason(es: pd.DataFrame, untimed: BoolArray) -> pd.DataFrame:
    """The table, saying why rows without a time have no place on a curve."""
    reason = np.where(untimed, "no time is given", _text(es, "reason"))
    return es.assign(reason=reason.astype(object))


def _trial_names(rows: pd.DataFrame) -> np.ndarray:
    names = trial_names(Sheet(rows))
    _require(rows, names != "", "the trial must be named in cohort_id or study_id")
    return names


def _require(rows: pd.DataFrame, good: np.ndarray, rule: str) -> None:
    if not good.all():
        raise ModelError(f"{rule}; not so in {_describe(rows, np.flatnonzero(~good))}.")


def _require_one(rows: pd.DataFrame, column: str, remedy: str) -> None:
    values = [value for value in _text(rows, column) if value]
    kinds = sorted(set(values))
    if len(kinds) > 1:
        counts = ", ".join(f"{kind} ({plural(values.count(kind), 'row')})" for kind in kinds)
        raise ModelError(f"column {column!r} mixes {counts}. {remedy}")


def _require_one_phase(rows: pd.DataFrame) -> None:
    """Refuse scores under repeated dosing beside scores of people who no longer take the drug."""
    under_way = set(_text(rows, "dosing")) <= {"repeated", "maintenance"}
    if not under_way or "hours_since_last_dose" not in rows:
        return
    off = _number(rows, "hours_since_last_dose") > _OFF_DRUG
    if off.any() and not off.all():
        raise ModelError(
            "follow-up off the drug (hours_since_last_dose beyond two weeks) does not share a curve with scores "
            f"under repeated dosing: {_describe(rows, np.flatnonzero(off))}. Take either alone."
        )


def _require_distinct_times(rows: pd.DataFrame, trial: np.ndarray, hours: Array) -> None:
    same = (trial[1:] == trial[:-1]) & (np.diff(hours) <= _SAME_TIME * hours[1:])
    if same.any():
        at = np.flatnonzero(np.append(same, False) | np.append(False, same))
        raise ModelError(
            "a trial counts once at a time, but several rows share trial and time: "
            f"{_describe(rows, at)}. Keep one instrument and one comparison for each."
        )


def _describe(rows: pd.DataFrame, positions: Sequence[int] | np.ndarray) -> str:
    """Name rows by index label and what identifies them."""
    shown = []
    for position in list(positions)[:_LISTED]:
        row = rows.iloc[int(position)]
        parts = [
            f"{name} {row[name]}"
            for name in ("record_id", "cohort_id", "study_id", "time_hours", "instrument", "yi", "vi")
            if name in rows.columns and not (row[name] is None or row[name] == "")
        ]
        shown.append(f"row {rows.index[int(position)]} ({', '.join(parts)})")
    more = len(positions) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
