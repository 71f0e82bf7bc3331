"""Would the pools of the report stand? Small studies, single trials, unblinding, missing trials, other choices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta.errors import KetametaError
from ketameta.models import Pooled
from ketameta.reporting.analysis import WindowResult
from ketameta.reporting.questions import QUESTIONS, question_of
from ketameta.robustness import (
    Bias,
    Gosh,
    Influence,
    LeaveOneOut,
    MissingEvidence,
    Multiverse,
    Unblinding,
    bias,
    gosh,
    influence,
    leave_one_out,
    missing_evidence,
    multiverse,
    unblinding,
)
from ketameta.robustness.important import minimal_difference

__all__ = [
    "LEAST",
    "MEASURES",
    "Standing",
    "Universes",
    "name_of",
    "run_standings",
    "run_universes",
    "standing",
]

LEAST = 3
"""Trials that a pool must have: with one left out, two must remain to be pooled."""
MEASURES = ("SMD", "MD", "RR")


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """What a doubter asks of one pool; None where it cannot be asked, which ``reasons`` explains.

    Attributes
    ----------
    window : WindowResult
        The pool.
    left_out : LeaveOneOut
    influence : Influence
    bias : Bias
    gosh : Gosh
    unblinding : Unblinding or None
    missing : MissingEvidence or None
    reasons : tuple of str
    """

    window: WindowResult
    left_out: LeaveOneOut
    influence: Influence
    bias: Bias
    gosh: Gosh
    unblinding: Unblinding | None
    missing: MissingEvidence | None
    reasons: tuple[str, ...]

    @property
    def key(self) -> str:
        """Key of the pool in ``results.json``."""
        return self.window.key


@dataclass(frozen=True, slots=True, eq=False)
class Universes:
    """One pool under every combination of choices; None where no universe is possible, which ``reason`` explains."""

    window: WindowResult
    found: Multiverse | None
    reason: str

    @property
    def key(self) -> str:
        """Key in ``results.json`` and in file names."""
        return f"multiverse_{self.window.key}"


def name_of(window: WindowResult) -> str:
    """A pool in words: outcome, measure, time and dosing."""
    return (
        f"{window.analysis.title} ({window.analysis.measure}), {window.window.name}, {window.dosing} dosing"
    )


def standing(window: WindowResult, fit: Pooled, missing: pd.DataFrame) -> Standing:
    """Ask of one pool of three trials or more what a doubter asks."""
    reasons: list[str] = []

    def tried(action: Callable[[], Any]) -> Any:
        try:
            return action()
        except KetametaError as error:
            reasons.append(str(error))
            return None

    threshold = minimal_difference(fit.measure, window.analysis.outcome, window.analysis.instrument)[0]
    within = (threshold < 0) == (fit.estimate < 0) and threshold == threshold
    return Standing(
        window=window,
        left_out=leave_one_out(fit),
        influence=influence(fit),
        bias=bias(fit),
        gosh=gosh(fit, progress=False),
        unblinding=tried(lambda: unblinding(fit, threshold=threshold if within else None)),
        missing=tried(lambda: missing_evidence(fit, missing)) if len(missing) else None,
        reasons=tuple(reasons),
    )


def run_standings(
    windows: tuple[WindowResult, ...], missing: pd.DataFrame, report: Callable[[str], None]
) -> Iterator[Standing]:
    """All pools of three trials or more; ``report`` hears of each question."""
    for question in QUESTIONS:
        report(f"would it stand? {question.heading}")
        for window in windows:
            mine = window.analysis.question == question.key and window.analysis.measure in MEASURES
            if mine and window.fit is not None and window.fit.k >= LEAST:
                yield standing(window, window.fit, missing)


def run_universes(
    trials: pd.DataFrame, windows: tuple[WindowResult, ...], report: Callable[[str], None]
) -> Iterator[Universes]:
    """The largest headline pool of each question and dosing, under every combination of choices."""
    for question in QUESTIONS:
        report(f"every combination of choices: {question.heading}")
        for dosing in ("single", "repeated"):
            pools = [
                window
                for window in windows
                if window.analysis.question == question.key
                and window.analysis.headline
                and window.dosing == dosing
                and window.is_pool
            ]
            if pools:
                yield _universes(trials, max(pools, key=_trials))


def _trials(window: WindowResult) -> int:
    return 0 if window.fit is None else window.fit.k


def _universes(trials: pd.DataFrame, window: WindowResult) -> Universes:
    question, time = question_of(window.analysis), window.window
    asked: dict[str, Any] = {
        "indication": question.indications,
        "outcome": window.analysis.outcome,
        "setting": question.settings,
    }
    if window.dosing == "repeated":
        asked |= {"dosing": "repeated", "hours": (time.low, time.high), "at": time.at}
    try:
        return Universes(window, multiverse(trials, asked, progress=False), "")
    except KetametaError as error:
        return Universes(window, None, str(error))
