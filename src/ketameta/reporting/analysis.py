"""Every analysis of the evidence report: selection, effects, pool or curve, and why one is missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ketameta.curves import DurabilityCurve, durability
from ketameta.effects import effect_sizes
from ketameta.effects.people import people
from ketameta.errors import KetametaError, KetametaWarning, ModelError, SelectionError
from ketameta.evidence import select
from ketameta.models import Pooled, Subgroups, pool, subgroups
from ketameta.reporting.questions import (
    ANALYSES,
    CURVES,
    HARMS,
    Analysis,
    CurveQuestion,
    Window,
    question_of,
    windows_of,
)

__all__ = [
    "COMPARATORS",
    "CurveResult",
    "WindowResult",
    "adult_populations",
    "analyse_curve",
    "analyse_window",
    "participants",
    "run_curves",
    "run_windows",
]

COMPARATORS = ("inactive", "psychoactive")
"""Comparator classes of the main analyses; active treatments such as ECT answer another question."""

_CURVE_SHAPES = {"SMD": ("spline", "exponential"), "RR": ("spline",)}
_FEW_TRIALS = 5


@dataclass(frozen=True, slots=True, eq=False)
class WindowResult:
    """One analysis at one time under one kind of dosing.

    Attributes
    ----------
    fit : Pooled or None
        The pool; with a single trial, that trial; None when nothing can be computed.
    by_comparator : Subgroups or None
        The same rows by class of comparator, where two classes have trials.
    n_participants : int or None
        Participants in the rows used.
    reason : str
        Why there is no fit; empty otherwise.
    account : str
        The account of the selection.
    notes : tuple of str
        What a reader must know: single trial, few trials, warnings of the model, rows without an effect.
    """

    analysis: Analysis
    window: Window
    dosing: str
    fit: Pooled | None
    by_comparator: Subgroups | None
    n_participants: int | None
    reason: str
    account: str
    notes: tuple[str, ...]

    @property
    def key(self) -> str:
        """Identifier in ``results.json`` and in file names."""
        return f"{self.analysis.key}_{self.dosing}_{self.window.name.replace(' ', '')}"

    @property
    def is_pool(self) -> bool:
        """Whether two or more independent trials were pooled."""
        return self.fit is not None and self.fit.k >= 2


@dataclass(frozen=True, slots=True, eq=False)
class CurveResult:
    """A durability question, the curves fitted to it, the first over a grid of correlations, and why one is missing."""

    question: CurveQuestion
    curves: tuple[DurabilityCurve, ...]
    sensitivity: pd.DataFrame | None
    reason: str
    account: str
    notes: tuple[str, ...]

    @property
    def key(self) -> str:
        """Identifier in ``results.json`` and in file names."""
        return f"curve_{self.question.analysis.key}_{self.question.dosing}"


def adult_populations(trials: pd.DataFrame) -> list[str]:
    """Populations of a table without those that are named as adolescents; empty cells name none."""
    names = sorted({str(value) for value in trials["population"]} - {""})
    return [name for name in names if "adolescent" not in name.lower()]


def _adults(trials: pd.DataFrame) -> list[str] | None:
    """Populations to select, or None for any where no adolescents are named."""
    names, adults = set(map(str, trials["population"])) - {""}, adult_populations(trials)
    return adults if len(adults) < len(names) else None


def participants(rows: pd.DataFrame) -> int | None:
    """Participants behind rows of effects; None when a row has neither arm sizes nor totals.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.reporting.analysis import participants
    >>> participants(pd.DataFrame({"n_t": [20, 10], "n_c": [19, 10]}))
    59
    """
    total = people(rows)
    return None if np.isnan(total).any() else round(float(total.sum()))


def _present(trials: pd.DataFrame, column: str, wanted: Sequence[str]) -> list[str]:
    """Those of the wanted values that a table has; all where it has none, so that the selection says so."""
    return [value for value in wanted if (trials[column] == value).any()] or list(wanted)


def _selection(
    trials: pd.DataFrame,
    analysis: Analysis,
    dosing: str,
    window: Window | None,
    comparators: tuple[str, ...] = COMPARATORS,
    drug: str | None = None,
) -> Any:
    return select(
        trials,
        indication=_present(trials, "indication", question_of(analysis).indications),
        outcome=analysis.outcome,
        hours=None if window is None else (window.low, window.high),
        at=None if window is None else window.at,
        dosing=dosing,
        comparator=_present(trials, "comparator_class", comparators),
        drug=drug,
        population=_adults(trials),
        instrument=analysis.instrument,
        definition=analysis.definition or None,
        setting=_present(trials, "setting", question_of(analysis).settings),
        measure=analysis.measure,
    )


def _quietly(action: Callable[[], Any]) -> tuple[Any, tuple[str, ...]]:
    """Run an action; return its result and the texts of the ketameta warnings that it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", KetametaWarning)
        value = action()
    return value, tuple(str(item.message) for item in caught if issubclass(item.category, KetametaWarning))


def analyse_window(
    trials: pd.DataFrame,
    analysis: Analysis,
    dosing: str,
    window: Window,
    *,
    comparators: tuple[str, ...] = COMPARATORS,
    drug: str | None = None,
) -> WindowResult:
    """Select, compute effects and pool for one analysis, dosing and time.

    Never raises for want of data: the reason stands in the result. ``comparators`` and ``drug``
    narrow the selection, to match the question of a published review.
    """

    def nothing(reason: str, account: str) -> WindowResult:
        return WindowResult(analysis, window, dosing, None, None, None, reason, account, ())

    try:
        selection = _selection(trials, analysis, dosing, window, comparators, drug)
    except SelectionError as error:
        return nothing(str(error), "")
    effects, said = _quietly(lambda: effect_sizes(selection.rows, measure=analysis.measure))
    usable = effects.loc[effects["yi"].notna()]
    without = effects.loc[effects["yi"].isna()]
    notes = [f"{row.label}: {row.reason}." for row in without.itertuples()] + list(said)
    if usable.empty:
        return nothing("No row gives an effect. " + " ".join(notes), selection.account)
    try:
        fit, messages = _quietly(lambda: pool(effects))
    except ModelError as error:
        return nothing(str(error), selection.account)
    if fit.k == 1:
        notes.insert(0, "A single trial, shown as such: nothing is pooled.")
    elif fit.k < _FEW_TRIALS:
        notes.insert(
            0, f"Only {fit.k} trials: the interval rests on very little, heterogeneity is hardly estimable."
        )
    by_comparator = None
    if fit.k > _FEW_TRIALS and usable["comparator_class"].nunique() > 1:
        by_comparator, more = _quietly(lambda: subgroups(effects, "comparator_class"))
        notes += [text for text in more if text not in messages]
    return WindowResult(
        analysis=analysis,
        window=window,
        dosing=dosing,
        fit=fit,
        by_comparator=by_comparator,
        n_participants=participants(usable),
        reason="",
        account=selection.account,
        notes=tuple(notes),
    )


def analyse_curve(trials: pd.DataFrame, question: CurveQuestion) -> CurveResult:
    """Fit the durability curves of one question; the reason stands in the result when it can't be done."""
    try:
        selection = _selection(trials, question.analysis, question.dosing, None)
    except SelectionError as error:
        return CurveResult(
            question, (), None, "No trial with usable numbers under this dosing.", str(error), ()
        )
    effects, said = _quietly(lambda: effect_sizes(selection.rows, measure=question.analysis.measure))
    timed = effects.loc[effects["yi"].isna() | effects["time_hours"].notna()]
    notes = [f"{row.label}: no time is given." for row in effects.drop(timed.index).itertuples()]
    notes += said
    usable = timed.loc[timed["yi"].notna()]
    if usable["cohort_id"].nunique() < 2 or usable["time_hours"].nunique() < 2:
        trials_word = (
            "one trial" if usable["cohort_id"].nunique() == 1 else f"{usable['cohort_id'].nunique()} trials"
        )
        reason = (
            f"Not fitted: {trials_word} with usable numbers at {usable['time_hours'].nunique()} time(s). "
            "A curve needs two trials and two times."
        )
        return CurveResult(question, (), None, reason, selection.account, tuple(notes))
    curves: list[DurabilityCurve] = []
    for shape in _CURVE_SHAPES[question.analysis.measure]:
        try:
            curve, messages = _quietly(partial(durability, effects, curve=shape))
        except KetametaError as error:
            notes.append(f"{shape}: {error}")
            continue
        curves.append(curve)
        notes += [text for text in messages if text not in notes]
    return CurveResult(
        question=question,
        curves=tuple(curves),
        sensitivity=curves[0].sensitivity() if curves else None,
        reason="" if curves else " ".join(notes),
        account=selection.account,
        notes=tuple(notes),
    )


def run_windows(trials: pd.DataFrame, report: Callable[[str], None]) -> Iterator[WindowResult]:
    """All analyses at all windows, single and repeated dosing apart; ``report`` hears of each analysis."""
    for analysis in (*ANALYSES, *HARMS):
        report(f"{analysis.title} ({analysis.measure})")
        for dosing in ("single", "repeated"):
            for window in windows_of(analysis):
                yield analyse_window(trials, analysis, dosing, window)


def run_curves(trials: pd.DataFrame, report: Callable[[str], None]) -> Iterator[CurveResult]:
    """All durability curves; ``report`` hears of each."""
    for question in CURVES:
        report(f"{question.analysis.title}, {question.dosing} dosing, over time")
        yield analyse_curve(trials, question)
