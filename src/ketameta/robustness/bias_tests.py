"""Every test for small-study effects and every adjusted effect that a pool allows, side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value, plural
from ketameta.models import Pooled
from ketameta.models.result import RATIO_MEASURES, finite, level_text, plain_rows, shown
from ketameta.provenance import Provenance
from ketameta.robustness._asked import pool_of
from ketameta.robustness._cautions import ENOUGH
from ketameta.robustness._small_study_direction import direction
from ketameta.robustness._small_study_methods import ADJUSTED, TEST, Finding, findings

__all__ = ["Bias", "bias"]

_LEAST = 3
_COLUMNS = ("method", "what", "estimate", "se", "ci_low", "ci_high", "stat", "p", "caution")
_WHAT_IT_MEANS = (
    "a small P value says that effects go with the size or significance of trials, not why: unpublished trials are "
    "one reason, other patients, doses, care or chance are others"
)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Bias(Shown):
    """Tests for small-study effects, and effects adjusted for them.

    Attributes
    ----------
    measure : str
        Effect measure, empty when unknown.
    level : float
        Level of the intervals.
    k : int
        Number of studies.
    estimate, ci_low, ci_high : float
        The pooled effect that is tested and adjusted; ratios as natural logs.
    table : DataFrame
        ``method, what, estimate, se, ci_low, ci_high, stat, p, caution``, one row a method. ``what`` is ``test``
        (``estimate`` is a slope, Kendall's tau, or the number of significant trials in excess, and ``p`` its P
        value) or ``adjusted`` (``estimate`` is the adjusted effect, ratios as natural logs, and ``p`` its P value
        against no effect). ``caution`` says when not to rely on it; empty where nothing speaks against it.
    cautions : tuple of tuple of str
        The cautions of each row.
    notes : tuple of str
        Which methods do not apply, and why; what a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    level: float
    k: int
    estimate: float
    ci_low: float
    ci_high: float
    table: pd.DataFrame
    cautions: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        return "Every test and adjustment that the pool allows, each with its standard settings; two-sided but for excess significance"

    def to_frame(self) -> pd.DataFrame:
        """One row a method, on the scale of the analysis."""
        return self.table.copy()

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        names = ("measure", "level", "k", "estimate", "ci_low", "ci_high")
        result = {name: finite(getattr(self, name)) for name in names}
        result["methods"] = plain_rows(self.table)
        result["scale"] = "log" if self.ratio else "identity"
        result["method"] = self.method
        result["notes"] = list(self.notes)
        result["provenance"] = self.provenance.to_dict()
        return result

    def sentence(self) -> str:
        """The tests and adjusted effects in a sentence of a results section; ratios as ratios."""
        tests = [row for row in self._rows if row["what"] == TEST and not math.isnan(row["p"])]
        adjusted = [row["estimate"] for row in self._rows if row["what"] == ADJUSTED]
        if not tests:
            return f"With {plural(self.k, 'study', 'studies')} no test for small-study effects could be made."
        low = sum(row["p"] < 0.1 for row in tests)
        text = f"{low} of {len(tests)} tests for small-study effects had P < 0.1 (k = {self.k})"
        if adjusted:
            ends = (number(shown(end(adjusted), self.ratio)) for end in (min, max))
            became = " to ".join(dict.fromkeys(ends))
            pooled, name = number(shown(self.estimate, self.ratio)), self.measure or "effect"
            text += f"; adjusted for them, the {name} of {pooled} became {became} by {plural(len(adjusted), 'method')}"
        few = f"; {self.k} studies are too few to rely on any of these" if self.k < ENOUGH else ""
        return f"{text}{few}."

    @property
    def _rows(self) -> list[Row]:
        return [
            {str(name): value for name, value in row.items()} for row in self.table.to_dict(orient="records")
        ]

    def _card(self) -> Card:
        name, level = self.measure or "effect", level_text(self.level)
        numbers = {text: i for i, text in enumerate(dict.fromkeys(sum(self.cautions, ())), start=1)}
        marks = [", ".join(str(numbers[text]) for text in texts) for texts in self.cautions]
        listed = tuple(f"caution {i}: {text}" for text, i in numbers.items())
        rows = [
            ("pooled, not adjusted", "", *self._effect(self.estimate, self.ci_low, self.ci_high), "", ""),
        ]
        for row, mark in zip(self._rows, marks, strict=True):
            if row["what"] == ADJUSTED:
                cells = self._effect(row["estimate"], row["ci_low"], row["ci_high"])
            else:
                cells = ("", "")
            rows.append((row["method"], row["what"], *cells, p_value(row["p"]), mark))
        columns = ("", "", name, f"{level} interval", "P", "Caution")
        footer = [self.method, self.provenance.line()]
        if self.ratio:
            footer.insert(1, f"{name} shown as ratio; analysed, and stored in the table, as its natural log")
        return Card(
            f"Small-study effects, k = {self.k}", columns, tuple(rows), (*listed, *self.notes), tuple(footer)
        )

    def _effect(self, estimate: float, low: float, high: float) -> tuple[str, str]:
        return (
            number(shown(estimate, self.ratio)),
            "" if math.isnan(low) else interval(shown(low, self.ratio), shown(high, self.ratio)),
        )


def bias(fit: Pooled) -> Bias:
    """Look for small-study effects in every way that a pool allows, and adjust for them.

    Parameters
    ----------
    fit : Pooled
        From :func:`ketameta.pool`. With fewer than three studies the result says that nothing can be tested.

    Returns
    -------
    Bias

    Raises
    ------
    ModelError
        For anything that does not come from :func:`ketameta.pool`.

    Notes
    -----
    Tests: :func:`egger` in both forms, :func:`peters` for ratios of counts, :func:`pustejovsky_rodgers` for SMDs,
    :func:`begg`, :func:`excess_significance`. Adjusted effects: :func:`pet_peese`, :func:`trim_and_fill`,
    :func:`limit_meta_analysis`, and :func:`selection_model` with one step at a one-sided P of 0.025. None of them
    is right under all conditions, so that a range of answers is more honest than one (Carter et al. 2019). What
    does not apply stands in the notes with its reason. P values are not adjusted for their number.

    References
    ----------
    Sterne JAC, Sutton AJ, Ioannidis JPA, et al. (2011). Recommendations for examining and interpreting funnel plot
    asymmetry in meta-analyses of randomised controlled trials. BMJ 343:d4002. doi:10.1136/bmj.d4002

    Carter EC, Schonbrodt FD, Gervais WM, Hilgard J (2019). Correcting for bias in psychology: a comparison of
    meta-analytic methods. Adv Methods Pract Psychol Sci 2:115-144. doi:10.1177/2515245919847196

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import bias
    >>> found = bias(km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.19, 0.02, 0.04, 0.01, 0.11]))
    >>> found.table.loc[0, ["method", "what"]].tolist()
    ['Egger, weighted', 'test']
    """
    pool_of(fit, "bias", least=1)
    found: list[Finding] = []
    notes: list[str] = []
    if fit.k < _LEAST:
        notes.append(
            f"with {plural(fit.k, 'study', 'studies')} nothing can be tested or adjusted: {_LEAST} are needed"
        )
    else:
        found, notes = findings(fit)
        notes = [*_direction(fit, found), *notes, _WHAT_IT_MEANS]
    rows = [
        {"method": one.method, "what": one.what, **one.numbers, "caution": "; ".join(one.cautions)}
        for one in found
    ]
    return Bias(
        measure=fit.measure,
        level=fit.level,
        k=fit.k,
        estimate=fit.estimate,
        ci_low=fit.ci_low,
        ci_high=fit.ci_high,
        table=pd.DataFrame(rows, columns=list(_COLUMNS)),
        cautions=tuple(one.cautions for one in found),
        notes=tuple(notes),
        provenance=fit.provenance.after(("bias", {})),
    )


def _direction(fit: Pooled, found: list[Finding]) -> list[str]:
    """Which way effects go in smaller trials by the first of Egger's slopes, whatever its P value."""
    slopes = [one.numbers["estimate"] for one in found if one.method.startswith("Egger")]
    said = direction(slopes[0], fit.rows) if slopes else ""
    return [f"by the sign of Egger's slope, {said}"] if said else []
