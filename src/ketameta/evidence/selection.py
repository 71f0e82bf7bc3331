"""Select the rows that answer a question, say what was left out, and count nobody twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, plural
from ketameta._spelling import did_you_mean
from ketameta._table import Table
from ketameta._typing import Measure
from ketameta.errors import DataError, SelectionError
from ketameta.evidence import filters, overlap
from ketameta.evidence.filters import Filter, Wanted
from ketameta.evidence.measurable import MEASURES, gives
from ketameta.evidence.sheet import Sheet, sheet
from ketameta.evidence.sieve import Sieve, Step
from ketameta.provenance import note, trace

__all__ = ["REQUIRED", "Selection", "select"]

REQUIRED = ("record_id", "study_id", "cohort_id", "outcome", "score_type", "status")
_READ = (
    *("reason", "year", "contrast_measure"),
    *(column for columns in filters.COLUMNS.values() for column in columns),
    *REQUIRED,
    *overlap.COLUMNS,
)
_LISTED = 30


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Selection(Shown):
    """Rows that answer a question, and the account of all others.

    Attributes
    ----------
    rows : pandas.DataFrame
        The rows selected, as they stand in the table, with its ``attrs``.
    left_out : pandas.DataFrame
        Every other row, with ``step`` (the step that left it out) and ``why``.
    asked : str
        The question in words.
    steps : tuple of Step
        What each step left out, in order.
    overlaps : tuple of str
        One line for each cohort and outcome of which several rows answered the question.
    """

    rows: pd.DataFrame
    left_out: pd.DataFrame
    asked: str
    steps: tuple[Step, ...]
    overlaps: tuple[str, ...]

    @property
    def n_trials(self) -> int:
        """Distinct cohorts selected."""
        return int(self.rows["cohort_id"].nunique())

    @property
    def account(self) -> str:
        """What was left out and why, step by step, then the overlaps by name."""
        total = len(self.rows) + len(self.left_out)
        lines = [f"{plural(total, 'row')} in the table."]
        lines += [
            f"  - {plural(step.rows, 'row')}{_gone(step)}: {step.words}" for step in self.steps if step.rows
        ]
        lines.append(
            f"  = {plural(len(self.rows), 'row')} of {plural(self.n_trials, 'trial')}: {self.asked}."
        )
        if self.overlaps:
            lines += ["", "Participants reported more than once:", *(f"  {line}" for line in self.overlaps)]
        return "\n".join([*lines, "", trace(self.rows).line()])

    def to_frame(self) -> pd.DataFrame:
        """Return the selected rows as a DataFrame of its own."""
        return self.rows.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return question, counts, identifiers and provenance as plain Python values."""
        return {
            "asked": self.asked,
            "n_rows": len(self.rows),
            "n_trials": self.n_trials,
            "record_ids": [str(value) for value in self.rows["record_id"]],
            "steps": [
                {"name": step.name, "words": step.words, "rows": step.rows, "trials": step.trials}
                for step in self.steps
            ],
            "overlaps": list(self.overlaps),
            "provenance": trace(self.rows).to_dict(),
        }

    def sentence(self) -> str:
        """Say in one sentence what was selected."""
        return (
            f"{plural(len(self.rows), 'row')} of {plural(self.n_trials, 'trial')} selected ({self.asked}); "
            f"{plural(len(self.left_out), 'row')} left out."
        )

    def _card(self) -> Card:
        total = len(self.rows) + len(self.left_out)
        steps = [(step.words, str(step.rows), str(step.trials)) for step in self.steps if step.rows]
        more = len(self.overlaps) - _LISTED
        notes = self.overlaps[:_LISTED] + ((f"and {more} more: see .account",) if more > 0 else ())
        return Card(
            title=self.sentence(),
            columns=("left out because", "rows", "trials"),
            rows=(
                *steps,
                ("selected", str(len(self.rows)), str(self.n_trials)),
                ("in the table", str(total), ""),
            ),
            notes=notes,
            footer=(trace(self.rows).line(),),
        )

    def __str__(self) -> str:
        return self.account


def select(
    trials: pd.DataFrame,
    *,
    indication: Wanted = None,
    outcome: Wanted = None,
    hours: tuple[float, float] | None = None,
    dosing: Wanted = None,
    drug: Wanted = None,
    comparator: Wanted = None,
    population: Wanted = None,
    route: Wanted = None,
    design: Wanted = None,
    instrument: Wanted = None,
    definition: Wanted = None,
    setting: Wanted = "treatment",
    measure: Measure | None = None,
    at: float | None = None,
    provisional: bool = False,
    duplicates: Literal["resolve", "refuse"] = "resolve",
) -> Selection:
    """Select the rows that answer a question, each participant once.

    Rows whose status is not ``include``, and baseline scores, never enter. Of several rows about the same
    participants (one ``cohort_id``, one outcome) the best set stays: arm statistics before contrasts, the
    time nearest to the one asked for, then instrument, kind of score, analysis set and source, in the order
    that :mod:`ketameta.evidence.preference` states. Dose arms that share a comparator arm stay
    together: :func:`ketameta.effect_sizes` knows how to combine them.

    Parameters
    ----------
    trials : pandas.DataFrame
        From :func:`load_trials` or :func:`read_trials`; it is not changed.
    indication, outcome, dosing, drug, population, route, design, instrument, definition : str or list of str, optional
        Values to keep; None keeps all.
    hours : (float, float), optional
        Window of time in hours since the first dose, both ends included. Each cohort then enters with one
        time; without a window it enters with every time, each once.
    comparator : str or list of str, optional
        Class of comparator (``inactive``, ``psychoactive``, ``active treatment``) or comparator by name.
    setting : str or list of str, optional
        ``treatment`` unless asked otherwise; None keeps anaesthesia, ECT and psychotherapy adjuncts too.
    measure : {"SMD", "MD", "ROM", "OR", "RR", "RD", "AS", "PETO", "HR"}, optional
        Leave out rows whose statistics are of another kind before participants are counted once: a trial that
        prints a mean difference and a standardised one then answers with the right one.
    at : float, optional
        The best time inside ``hours``; the middle of the window by default.
    provisional : bool
        Whether rows that rest on secondary text alone may enter.
    duplicates : {"resolve", "refuse"}
        Whether to resolve rows about the same participants, or to stop and name them.

    Returns
    -------
    Selection
        ``rows``, ``left_out`` and ``account``; every row of the table stands in one of the first two.

    Raises
    ------
    SelectionError
        When a value is unknown (with the known ones), nothing is left (with the filter that removed the
        last rows), or rows overlap and ``duplicates="refuse"``.
    DataError
        When the table lacks a column that a selection rests on, or holds cells of the wrong type.

    Examples
    --------
    >>> import ketameta as km
    >>> day1 = km.select(km.load_trials(), indication="MDD", outcome="depression", hours=(20, 36))
    >>> bool(day1.rows["time_hours"].between(20, 36).all())
    True
    """
    if measure is not None and not (isinstance(measure, str) and measure in MEASURES):
        hint = did_you_mean(measure, MEASURES)
        raise SelectionError(f"measure={measure!r}: one of {', '.join(MEASURES)}{hint}")
    if not (isinstance(duplicates, str) and duplicates in ("resolve", "refuse")):
        raise SelectionError(f"duplicates={duplicates!r}: 'resolve' or 'refuse'")
    data = sheet(trials, _READ, REQUIRED)
    if len(data) == 0:
        raise SelectionError("the table has no rows")
    _check_cells(data)
    _check_cohorts(data)
    span = filters.window(hours)
    best_time = filters.time_asked(at, span)
    asked: dict[str, Wanted] = {
        **{"setting": setting, "indication": indication, "outcome": outcome, "drug": drug, "route": route},
        **{"dosing": dosing, "comparator": comparator, "population": population, "design": design},
        **{"instrument": instrument, "definition": definition},
    }
    if "setting" not in trials.columns and setting == "treatment":
        asked["setting"] = None
    header = [str(name) for name in trials.columns]
    chosen = [
        found
        for name in filters.COLUMNS
        if (found := filters.wanted_values(name, asked[name], data, header)) is not None
    ]
    work = Sieve(data)
    for each in chosen:
        work.filter(each)
    work.keep(
        "baseline", ~data.is_one_of("score_type", ["baseline"]), "baseline scores", lambda _: "baseline score"
    )
    if span is not None:
        work.hours(*span)
    work.keep("status", data.included(), "kept apart from pools", lambda row: _apart(data, row))
    if not provisional:
        solid = ~data.is_one_of("source_kind", ["secondary-text"])
        words = "provisional: secondary text only (provisional=True keeps them)"
        work.keep("provisional", solid, words, lambda _: "provisional: secondary text only")
    if measure is not None:
        words = f"statistics that give no {measure}"
        work.keep("measure", gives(data, measure), words, lambda _: words)
    overlaps = work.overlaps(best_time, refuse=duplicates == "refuse")
    selection = _selection(trials, work, _asked_words(chosen, span, best_time), overlaps)
    more = {"hours": hours, "at": at, "measure": measure}
    note(selection.rows, ("select", {**asked, **more, "provisional": provisional, "duplicates": duplicates}))
    return selection


def _check_cells(data: Sheet) -> None:
    if data.bad:
        name, cell = data.bad[0]
        more = f" and {len(data.bad) - 1} more" if len(data.bad) > 1 else ""
        raise DataError(
            f"line {data.lines[cell.row]}, column {name!r}: {cell.value!r}: {cell.hint}{more}. "
            "check_trials lists every problem."
        )


def _check_cohorts(data: Sheet) -> None:
    nameless = np.flatnonzero(data.text("cohort_id") == "")
    if nameless.size:
        lines = ", ".join(str(data.lines[row]) for row in nameless[:_LISTED])
        raise DataError(
            f"cohort_id is empty in {plural(nameless.size, 'row')} (line {lines}): without it nobody can tell which "
            "rows are about the same participants. Give each sample an identifier; study_id will do where a trial "
            "has one report."
        )


def _selection(trials: pd.DataFrame, work: Sieve, asked: str, overlaps: tuple[str, ...]) -> Selection:
    out = np.flatnonzero(~work.left)
    left_out = Table(trials.iloc[out].rename(columns={"step": "table_step", "why": "table_why"}))
    left_out.attrs = dict(trials.attrs)
    left_out["step"] = work.step[out]
    left_out["why"] = work.why[out]
    rows = Table(trials.iloc[np.flatnonzero(work.left)])
    rows.attrs = dict(trials.attrs)
    return Selection(rows, left_out, asked, tuple(work.steps), overlaps)


def _apart(data: Sheet, row: int) -> str:
    status, reason = data.text("status")[row], data.text("reason")[row]
    return f"{status or 'no status'}: {reason}" if reason else status or "no status"


def _asked_words(chosen: list[Filter], span: tuple[float, float] | None, at: float | None) -> str:
    words = [each.words for each in chosen]
    if span is not None:
        words.append(f"{span[0]:g} to {span[1]:g} h, nearest to {at:g} h")
    return ", ".join(words) or "everything"


def _gone(step: Step) -> str:
    return f" ({plural(step.trials, 'trial')} wholly)" if step.trials else ""
