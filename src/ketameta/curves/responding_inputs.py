"""From rows with numbers of events to arms of trials over time, with every refusal naming its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import plural
from ketameta._spelling import unknown
from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.effects._naming import describe
from ketameta.effects._sheet import Sheet
from ketameta.effects.correlation import time_correlation
from ketameta.effects.covariance import trial_names
from ketameta.errors import ModelError

__all__ = ["ARMS", "ArmTimes", "read_arms"]

ARMS = ("both", "any", "ketamine")
_COUNTS = {"t": ("events_t", "total_t"), "c": ("events_c", "total_c")}
_SAME_TIME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class ArmTimes:
    """Arms of trials at their times, sorted by trial, arm and time; the ketamine arms of a trial come first.

    Attributes
    ----------
    trials : tuple of str
        Names of the k trials.
    trial, arm : numpy.ndarray of int, shape (n,)
        Trial and arm of each row; arms are numbered over all trials.
    ketamine : numpy.ndarray of bool, shape (n,)
        Whether the arm is one of ketamine.
    hours, events, totals : numpy.ndarray, shape (n,)
        Time after dosing, responders, participants.
    notes : tuple of str
        What a reader must know.
    """

    trials: tuple[str, ...]
    trial: np.ndarray
    arm: np.ndarray
    ketamine: BoolArray
    hours: Array
    events: Array
    totals: Array
    notes: tuple[str, ...]

    @property
    def both(self) -> bool:
        """Whether there are comparator arms."""
        return not bool(self.ketamine.all())

    @property
    def fewest(self) -> int:
        """Number of trials with the arm that fewer of them have."""
        kinds = (self.ketamine, ~self.ketamine) if self.both else (self.ketamine,)
        return min(np.unique(self.trial[kind]).size for kind in kinds)

    def covariances(self, share: Array, *, rho: float, correlation: str) -> list[Array]:
        """Sampling covariance of the logits of each trial, for given true shares.

        Parameters
        ----------
        share : numpy.ndarray, shape (n,)
            Share responding, between 0 and 1.
        rho, correlation
            Phi coefficient of one person's response at 24 hours and 7 days, and how it fades; no larger than two
            shares allow.

        Returns
        -------
        list of numpy.ndarray
            One matrix a trial. Variances are ``1 / (n p q)``; two times of an arm have the correlation
            ``phi sqrt(n_small / n_large)`` (the smaller sample part of the larger); arms are independent.
        """
        sd = 1 / np.sqrt(self.totals * share * (1 - share))
        odds = np.log(share) - np.log1p(-share)
        size = np.log(self.totals)
        found = []
        for rows in np.split(np.arange(self.trial.size), np.flatnonzero(np.diff(self.trial)) + 1):
            person = time_correlation(self.hours[rows], rho=rho, correlation=correlation)
            phi = np.minimum(person, np.exp(-np.abs(np.subtract.outer(odds[rows], odds[rows])) / 2))
            overlap = np.exp(-np.abs(np.subtract.outer(size[rows], size[rows])) / 2)
            r = phi * overlap * np.equal.outer(self.arm[rows], self.arm[rows])
            found.append(r * np.outer(sd[rows], sd[rows]))
        return found


def read_arms(rows: pd.DataFrame | Any, arms: str) -> tuple[ArmTimes, pd.DataFrame, pd.DataFrame]:
    """Check rows with numbers of responders and take them apart into arms.

    Parameters
    ----------
    rows : pandas.DataFrame
        See :func:`ketameta.curves.responding`.
    arms : {"both", "any", "ketamine"}
        Which arms to take.

    Returns
    -------
    data : ArmTimes
        The arms.
    used, left_out : pandas.DataFrame
        Rows used; rows left out, with ``reason``.

    Raises
    ------
    ModelError
        For whatever makes the rows unfit; the message names rows and remedy.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.curves.responding_inputs import read_arms
    >>> rows = pd.DataFrame({"study_id": ["a", "a"], "time_hours": [24, 168], "events_t": [8, 5],
    ...                      "total_t": 10, "events_c": [2, 3], "total_c": 10})
    >>> data, used, left_out = read_arms(rows, "both")
    >>> data.events.tolist(), data.ketamine.tolist()
    ([8.0, 5.0, 2.0, 3.0], [True, True, False, False])
    """
    if arms not in ARMS:
        raise ModelError(unknown("arms", arms, ARMS))
    rows = _table(rows)
    sheet = Sheet(rows)
    why = _left_out(sheet, arms)
    keep = why == ""
    left_out = rows.loc[~keep].assign(reason=why[~keep])
    used = rows.loc[keep]
    if used.empty:
        counts = ", ".join(
            f"{text} ({plural(int((why == text).sum()), 'row')})" for text in dict.fromkeys(why)
        )
        raise ModelError(f"none of the {len(rows)} rows can be used: {counts}.")
    sheet = Sheet(used)
    _require_sound(sheet)
    table = _arm_rows(sheet, arms)
    _require_distinct(table, used)
    table = table.sort_values(
        ["trial", "kind", "arm", "hours"], kind="stable", ascending=[True, False, True, True]
    )
    names, trial = np.unique(table["trial"].to_numpy(dtype=str), return_inverse=True)
    labels = table["trial"] + "\x1f" + table["kind"] + "\x1f" + table["arm"]
    return (
        ArmTimes(
            trials=tuple(str(name) for name in names),
            trial=trial,
            arm=pd.factorize(labels)[0],
            ketamine=np.asarray(table["kind"] == "t", dtype=np.bool_),
            hours=table["hours"].to_numpy(dtype=np.float64),
            events=table["events"].to_numpy(dtype=np.float64),
            totals=table["total"].to_numpy(dtype=np.float64),
            notes=_notes(sheet, table),
        ),
        used,
        left_out,
    )


def _table(given: pd.DataFrame | Any) -> pd.DataFrame:
    """The table, or the rows of a selection."""
    rows = given if isinstance(given, pd.DataFrame) else getattr(given, "rows", None)
    if not isinstance(rows, pd.DataFrame):
        raise ModelError(
            f"responding needs a selection or a DataFrame of numbers of responders, not {type(given).__name__}."
        )
    missing = [name for name in ("time_hours", "events_t", "total_t") if name not in rows.columns]
    if "cohort_id" not in rows.columns and "study_id" not in rows.columns:
        missing.append("cohort_id (or study_id)")
    if missing:
        raise ModelError(f"the table lacks {', '.join(missing)}.")
    twice = sorted({str(name) for name in rows.columns[rows.columns.duplicated()]})
    if twice:
        raise ModelError(f"column {', '.join(twice)} stands more than once in the table.")
    if rows.empty:
        raise ModelError("the table has no rows.")
    return rows


def _left_out(sheet: Sheet, arms: str) -> AnyArray:
    """Why each row has no place here; empty where it has."""
    why = np.full(len(sheet), "", dtype=object)
    single = ~sheet.given(*_COUNTS["c"])
    apart = sheet.text("status") == "apart"
    lone = single & np.array([text.startswith("single-arm") for text in sheet.text("reason")], dtype=np.bool_)
    why[apart & ~(lone & (arms != "both"))] = "status is apart"
    if arms == "both":
        why[(why == "") & single] = "no counts of a comparator arm"
    why[~sheet.given(*_COUNTS["t"])] = "no counts of the ketamine arm"
    why[~sheet.given("time_hours")] = "no time is given"
    return why


def _require_sound(sheet: Sheet) -> None:
    def require(good: BoolArray, rule: str) -> None:
        if not good.all():
            raise ModelError(f"{rule}; not so in {describe(sheet.frame, np.flatnonzero(~good))}.")

    hours = sheet.number("time_hours")
    require(
        np.isfinite(hours) & (hours > 0),
        "time_hours must be a finite number above zero (hours after dosing; a baseline has no place here)",
    )
    for events, total in _COUNTS.values():
        given = sheet.given(events, total)
        count, size = sheet.number(events), sheet.number(total)
        whole = np.isfinite(count) & np.isfinite(size) & (np.rint(count) == count) & (np.rint(size) == size)
        sound = whole & (count >= 0) & (size > 0) & (count <= size)
        require(
            sound | ~given,
            f"{events} and {total} must be whole numbers, 0 <= {events} <= {total}, {total} > 0",
        )
    require(trial_names(sheet) != "", "the trial must be named in cohort_id or study_id")
    for column, remedy in (
        ("dosing", "Single and repeated dosing are separate questions: select one."),
        ("outcome", "Different outcomes do not share a curve: select one."),
    ):
        values = [value for value in sheet.text(column) if value]
        kinds = sorted(set(values))
        if len(kinds) > 1:
            counts = ", ".join(f"{kind} ({plural(values.count(kind), 'row')})" for kind in kinds)
            raise ModelError(f"column {column!r} mixes {counts}. {remedy}")


def _arm_rows(sheet: Sheet, arms: str) -> pd.DataFrame:
    """One row for each arm of each row; an arm that several rows share stands once."""
    trial, study = trial_names(sheet), sheet.text("study_id")
    parts = []
    for kind, label in (
        ("t", study),
        ("c", np.where(sheet.text("comparator_arm_id") == "", study, sheet.text("comparator_arm_id"))),
    ):
        if kind == "c" and arms == "ketamine":
            continue
        events, total = _COUNTS[kind]
        rows = np.flatnonzero(sheet.given(events, total))
        parts.append(
            pd.DataFrame(
                {
                    "trial": trial[rows],
                    "kind": kind,
                    "arm": label[rows],
                    "hours": sheet.number("time_hours")[rows],
                    "events": sheet.number(events)[rows],
                    "total": sheet.number(total)[rows],
                    "row": rows,
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    shared = ["trial", "kind", "arm", "hours", "events", "total"]
    return table.loc[(table["kind"] == "t") | ~table.duplicated(shared)]


def _require_distinct(table: pd.DataFrame, used: pd.DataFrame) -> None:
    ordered = table.sort_values(["trial", "kind", "arm", "hours"], kind="stable")
    same_arm = (
        ordered[["trial", "kind", "arm"]].to_numpy()[1:] == ordered[["trial", "kind", "arm"]].to_numpy()[:-1]
    ).all(axis=1)
    hours = ordered["hours"].to_numpy(dtype=np.float64)
    same = same_arm & (np.diff(hours) <= _SAME_TIME * hours[1:])
    if same.any():
        at = np.flatnonzero(np.append(same, False) | np.append(False, same))
        rows = np.unique(ordered["row"].to_numpy()[at])
        raise ModelError(
            f"an arm counts once at a time, but several rows share trial, arm and time: {describe(used, rows)}. "
            "Keep one instrument and one set of participants for each; name arms in study_id and comparator_arm_id."
        )


def _notes(sheet: Sheet, table: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    paired = {"t", "c"}
    lone = [str(name) for name, part in table.groupby("trial") if not paired <= set(part["kind"])]
    if lone and (table["kind"] == "c").any():
        notes.append(f"without a comparator arm, in the curve of ketamine alone: {', '.join(lone)}")
    crossed = np.unique(trial_names(sheet)[sheet.text("design") == "crossover"])
    if crossed.size:
        notes.append(f"crossover trials counted as if their arms held different people: {', '.join(crossed)}")
    definitions = sorted(set(sheet.text("definition")) - {""})
    if len(definitions) > 1:
        notes.append(f"definitions differ: {'; '.join(definitions)}")
    return tuple(notes)
