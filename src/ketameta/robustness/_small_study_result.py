"""A test for small-study effects as a result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value
from ketameta.models.result import RATIO_MEASURES, finite, level_text, shown
from ketameta.provenance import Provenance

__all__ = ["SmallStudyTest", "equals_p"]

_FRAME = (
    *("test", "predictor", "model", "measure", "k", "estimate", "se", "ci_low", "ci_high", "stat", "df", "p"),
    *("limit", "limit_ci_low", "limit_ci_high", "tau2"),
)


def equals_p(p: float) -> str:
    """A P value in a sentence.

    Examples
    --------
    >>> from ketameta.robustness._small_study_result import equals_p
    >>> equals_p(0.02), equals_p(1e-9), equals_p(float("nan"))
    ('P = 0.02', 'P < 0.001', 'no P value')
    """
    if math.isnan(p):
        return "no P value"
    text = p_value(p)
    return f"P < {text[1:]}" if text.startswith("<") else f"P = {text}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SmallStudyTest(Shown):
    """A test of whether effects go with the size of the trials.

    Attributes
    ----------
    test : str
        Name of the test.
    predictor : str
        What the effects were drawn on; it grows as trials get smaller.
    model : str
        ``weighted``, ``mixed`` or ``rank``.
    measure : str
        Effect measure, empty when unknown.
    level : float
        Level of the intervals.
    k : int
        Number of studies.
    estimate, se, ci_low, ci_high : float
        Slope on the predictor, in units of the effect (ratios as natural logs) per unit of the predictor; for
        ``rank`` Kendall's tau, without the rest.
    stat, df, p : float
        Test of the slope, two-sided; ``df`` is infinite for the normal distribution.
    limit, limit_ci_low, limit_ci_high : float
        The line where the predictor is 0, the effect in a trial of endless size, with its interval; NaN for
        ``rank``.
    tau2 : float
        Variance between trials about the line, for ``mixed``; else NaN.
    direction : str
        What the slope says of smaller trials, whatever its P value.
    how : str
        How the line was drawn and tested.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    test: str
    predictor: str
    model: str
    measure: str
    level: float
    k: int
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    stat: float
    df: float
    p: float
    limit: float
    limit_ci_low: float
    limit_ci_high: float
    tau2: float
    direction: str
    how: str
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        return f"{self.test}: {self.how}; two-sided"

    @property
    def _what(self) -> str:
        return "Kendall's tau" if self.model == "rank" else "slope"

    def to_frame(self) -> pd.DataFrame:
        """One row, on the scale of the analysis."""
        return pd.DataFrame([{name: getattr(self, name) for name in _FRAME}])

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        skip = {"notes", "provenance", "how"}
        result = {name: finite(getattr(self, name)) for name in self.__slots__ if name not in skip}
        result["scale"] = "log" if self.ratio else "identity"
        result["method"] = self.method
        result["notes"] = list(self.notes)
        result["provenance"] = self.provenance.to_dict()
        return result

    def sentence(self) -> str:
        """The result as a sentence of a results section; the limit of ratios as a ratio."""
        level = level_text(self.level)
        spread = ""
        if not math.isnan(self.ci_low):
            spread = f" ({level} CI {number(self.ci_low)} to {number(self.ci_high)})"
        text = f"{self.test} on {self.predictor} (k = {self.k}): {self._what} {number(self.estimate)}{spread}, {equals_p(self.p)}"
        if self.direction:
            text += f"; by its sign, {self.direction}"
        if not math.isnan(self.limit):
            limit, low, high = (number(shown(x, self.ratio)) for x in self._limits)
            text += f"; the line ends at {self.measure or 'effect'} {limit} ({level} CI {low} to {high}) for a trial of endless size"
        return f"{text}."

    @property
    def _limits(self) -> tuple[float, float, float]:
        return self.limit, self.limit_ci_low, self.limit_ci_high

    def _card(self) -> Card:
        spread = "" if math.isnan(self.ci_low) else interval(self.ci_low, self.ci_high)
        first = f"{self._what} on {self.predictor}" if self.model != "rank" else self._what
        rows = [(first, number(self.estimate), spread, number(self.stat), p_value(self.p))]
        if not math.isnan(self.limit):
            limit, low, high = (shown(x, self.ratio) for x in self._limits)
            name = f"{self.measure or 'effect'} in a trial of endless size"
            rows.append((name, number(limit), interval(low, high), "", ""))
        statistic = "z" if math.isinf(self.df) else f"t({self.df:g})"
        columns = ("", "Estimate", f"{level_text(self.level)} interval", statistic, "P")
        said = (f"by the sign, {self.direction}",) if self.direction else ()
        footer = (self.method, self.provenance.line())
        return Card(f"{self.test}, k = {self.k}", columns, tuple(rows), (*said, *self.notes), footer)
