"""From choices to what is shown: selection, pool, curve, figures and code. Nothing here knows widgets."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar

import pandas as pd

from ketameta.curves import DurabilityCurve, durability
from ketameta.effects import effect_sizes
from ketameta.errors import KetametaError, KetametaWarning, SelectionError
from ketameta.evidence import load_trials, select
from ketameta.evidence.selection import Selection
from ketameta.exploring.choices import Choices, Method, Question
from ketameta.exploring.code import code
from ketameta.exploring.menu import Menu
from ketameta.exploring.picture import picture
from ketameta.models import Pooled, pool
from ketameta.plots import ForestOptions, TimecourseOptions, forest, timecourse
from ketameta.provenance import ATTRS_KEY
from ketameta.reporting.questions import Window

__all__ = ["Answer", "View", "Workbench"]

_KEPT = 512
# Method and provenance stand beside the figures.
_FOREST = ForestOptions(footer=False)
_COURSE = TimecourseOptions(footer=False)
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True, eq=False)
class Answer(Generic[_R]):
    """One result with its figure, or the reason why there is none.

    Attributes
    ----------
    result : Pooled, DurabilityCurve or None
        The result; None where there is a reason.
    selection : Selection or None
        What it rests on; None where nothing was left.
    picture : str
        HTML of its figure; empty where there is none.
    reason : str
        Why there is no result, or no figure of it; empty otherwise.
    said : tuple of str
        Warnings that were given on the way.
    """

    result: _R | None
    selection: Selection | None
    picture: str
    reason: str
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Everything that is shown for one set of choices.

    Attributes
    ----------
    choices : Choices
        What was chosen.
    pooled, course : Answer
        The pool in the window of time; the curve over all times.
    code : str
        Python that gives both again.
    """

    choices: Choices
    pooled: Answer[Pooled]
    course: Answer[DurabilityCurve]
    code: str


class Workbench:
    """Answers to choices from one table of trials; what was computed once is kept.

    Parameters
    ----------
    trials : pandas.DataFrame, optional
        Table of trials, copied; the packaged ones by default.

    Attributes
    ----------
    menu : Menu
        What the table offers.

    Raises
    ------
    DataError, SelectionError
        When the table is none, lacks columns, or holds nothing to pool.

    Examples
    --------
    >>> from ketameta.exploring import Choices, Workbench
    >>> bench = Workbench()
    >>> view = bench.view(Choices(bench.menu.first()))
    >>> view.pooled.result.measure, view.pooled.reason
    ('SMD', '')
    """

    def __init__(self, trials: pd.DataFrame | None = None) -> None:
        table = load_trials() if trials is None else trials
        self.menu = Menu(table)
        self._trials = table.copy()
        self._packaged = trials is None or _is_packaged(trials)
        self._effects = lru_cache(_KEPT)(self._compute_effects)
        self.pooled = lru_cache(_KEPT)(self._pool)
        self.course = lru_cache(_KEPT)(self._follow)

    def view(self, choices: Choices) -> View:
        """Everything that is shown for some choices."""
        question, window = choices.question, choices.window
        return View(
            choices=choices,
            pooled=self.pooled(question, window, choices.method),
            course=self.course(question),
            code=self.code(choices),
        )

    def code(self, choices: Choices) -> str:
        """Python that gives the numbers and figures of some choices again."""
        in_window, at_all_times = (
            self.menu.asked(choices.question, window) for window in (choices.window, None)
        )
        return code(choices, in_window, at_all_times, self._packaged)

    def _compute_effects(self, question: Question, window: Window | None) -> Answer[pd.DataFrame]:
        selection: list[Selection] = []

        def compute() -> pd.DataFrame:
            selection.append(select(self._trials, **self.menu.asked(question, window)))
            return effect_sizes(selection[0].rows, measure=question.measure)

        effects, reason, said = _attempt(compute)
        return Answer(effects, selection[0] if selection else None, "", reason, said)

    def _pool(self, question: Question, window: Window, method: Method) -> Answer[Pooled]:
        def fit(effects: pd.DataFrame) -> Pooled:
            return pool(effects, tau2=method.tau2, ci=method.ci)

        return _answer(self._effects(question, window), fit, partial(forest, options=_FOREST))

    def _follow(self, question: Question) -> Answer[DurabilityCurve]:
        def fit(effects: pd.DataFrame) -> DurabilityCurve:
            timed = effects.dropna(subset="time_hours") if "time_hours" in effects else effects.iloc[:0]
            if timed.empty:
                raise SelectionError("no row says when it measured: there is nothing to follow over time")
            return durability(timed)

        return _answer(self._effects(question, None), fit, partial(timecourse, options=_COURSE))


def _answer(
    effects: Answer[pd.DataFrame], fit: Callable[[pd.DataFrame], _R], draw: Callable[[_R], Any]
) -> Answer[_R]:
    """Result and figure of effects, as far as they go."""
    table = effects.result
    if table is None:
        return Answer(None, effects.selection, "", effects.reason, effects.said)
    result, reason, said = _attempt(lambda: fit(table))
    shown = ""
    if result is not None:
        drawn, reason, more = _attempt(lambda: picture(draw(result)))
        shown, said = drawn or "", (*said, *more)
    return Answer(result, effects.selection, shown, reason, tuple(dict.fromkeys((*effects.said, *said))))


def _attempt(action: Callable[[], _R]) -> tuple[_R | None, str, tuple[str, ...]]:
    """Value of an action or the reason why there is none, and the warnings that it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", KetametaWarning)
        try:
            value, reason = action(), ""
        except KetametaError as error:
            value, reason = None, str(error)
    said = tuple(str(item.message) for item in caught if issubclass(item.category, KetametaWarning))
    return value, reason, said


def _is_packaged(trials: pd.DataFrame) -> bool:
    """Whether a table is the packaged one, cell by cell."""
    if ATTRS_KEY not in trials.attrs:
        return False
    packaged = load_trials()
    same_origin = bool(trials.attrs[ATTRS_KEY] == packaged.attrs[ATTRS_KEY])
    return same_origin and pd.DataFrame(trials).equals(pd.DataFrame(packaged))
