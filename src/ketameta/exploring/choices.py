"""What a reader may choose in the interactive view."""

from __future__ import annotations

from dataclasses import dataclass

from ketameta._typing import Measure
from ketameta.reporting.questions import WINDOWS, Window

__all__ = ["CI_CHOICES", "DAY_ONE", "TAU2_CHOICES", "Choices", "Method", "Question", "custom_window"]

DAY_ONE = next(window for window in WINDOWS if window.name == "24 h")
TAU2_CHOICES = {
    "REML": "REML",
    "Paule-Mandel": "PM",
    "DerSimonian-Laird": "DL",
    "Sidik-Jonkman": "SJ",
    "Empirical Bayes": "EB",
    "ML": "ML",
    "Hedges": "HE",
    "Hunter-Schmidt": "HS",
    "None (common effect)": "EE",
}
CI_CHOICES = {
    "Hartung-Knapp (HKSJ)": "HKSJ",
    "HKSJ, never narrower than Wald": "HKSJ-adhoc",
    "Wald (normal)": "Wald",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the trials, at whatever time.

    Attributes
    ----------
    topic : str
        Key of a :class:`ketameta.exploring.menu.Topic`.
    outcome : str
        Outcome as the table names it.
    measure : str
        Effect measure.
    instrument : str, optional
        Scale; any by default.
    comparators : tuple of str
        Classes of comparator; empty for all.
    dosing : str, optional
        Kind of dosing; any by default.
    """

    topic: str
    outcome: str
    measure: Measure
    instrument: str | None = None
    comparators: tuple[str, ...] = ()
    dosing: str | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """How effects are pooled: ``tau2`` and ``ci`` as in :func:`ketameta.pool`."""

    tau2: str = "REML"
    ci: str = "HKSJ"


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything that is chosen: the question, the window of time of the pool, and the method of pooling."""

    question: Question
    window: Window = DAY_ONE
    method: Method = Method()


def custom_window(low: float, high: float) -> Window:
    """Window of so many hours, the middle of which is the best time.

    Examples
    --------
    >>> from ketameta.exploring.choices import custom_window
    >>> custom_window(20, 30).at
    25.0
    """
    return Window(f"{low:g} to {high:g} h", (low + high) / 2, low, high)
