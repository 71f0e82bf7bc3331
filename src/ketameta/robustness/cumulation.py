"""Studies added one by one: when did the conclusion first appear, and did it stay?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, number, plural
from ketameta._typing import Array
from ketameta.effects.people import people
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.models._formula import column_error
from ketameta.models._moderators import moderator
from ketameta.models._studies import name_rows
from ketameta.models.result import level_text
from ketameta.robustness._asked import flag, pool_of
from ketameta.robustness._refits import refits
from ketameta.robustness._stepwise import NUMBERS, Stepwise, Whole, side_of

__all__ = ["Cumulative", "cumulative"]

_NAMES_SHOWN = 6


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Cumulative(Stepwise):
    """Pools of the first study, the first two, and so on.

    Attributes
    ----------
    by : str
        What orders the studies: ``"year"``, ``"precision"``, ``"size"`` or a column.
    reverse : bool
        Whether the order is turned round.
    order : Array of int, shape (k,)
        Positions of the studies in the pool, in the order in which they are added.
    values : Array, shape (k,)
        Year, sampling variance, number of people or value of the column of the study added.
    labels : tuple of str
        The study added.
    k : Array, shape (k,)
        Number of studies pooled: 1, 2, ...
    estimate, se, ci_low, ci_high, p, pi_low, pi_high, tau2, i2, q : Array, shape (k,)
        The pool up to there, on the scale of the analysis (logs for ratios). The first is the study itself with
        a normal interval.
    whole : Whole
        The pool of all studies.
    first : int or None
        Number of studies, two or more, with which the interval first left out no difference; None for never.
    settled : int
        Number of studies from which on every interval lies to no difference as the last one does.
    notes, provenance
        What a reader must know; data set, rows and software.
    """

    by: str
    reverse: bool
    order: Any
    values: Array
    first: int | None
    settled: int

    @property
    def stayed(self) -> bool:
        """Whether the conclusion stayed as it was when the interval first left out no difference."""
        return self.first is not None and self.settled <= self.first

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        return (
            f"Studies added {_order_words(self.by, self.reverse)}, pooled anew with the settings of the whole"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a step: the study added, what orders it, the pool, and whether it leaves out no difference."""
        table = Stepwise.to_frame(self)
        table.insert(1, "value", self.values)
        table["excludes_null"] = self.excludes_null()
        return table

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        return self._record(
            by=self.by,
            reverse=self.reverse,
            method=self.method,
            first=self.first,
            settled=self.settled,
            stayed=self.stayed,
        )

    def sentence(self) -> str:
        """The result as a sentence of a results section."""
        whole = self.whole
        interval = f"the {level_text(whole.level)} CI of the pooled {whole.measure or 'effect'}"
        start = f"With {plural(len(self.labels), 'study', 'studies')} added {_order_words(self.by, self.reverse)}, "
        if self.first is None:
            return f"{start}{interval} never excluded {whole.null}."
        name = self.labels[self.first - 1]
        found = f"{start}{interval} first excluded {whole.null} with {self.first} studies (up to {name})"
        if self.first == len(self.labels):
            return f"{found}, the last of them."
        if self.stayed:
            return f"{found}, and did so at every later step."
        if self.excludes_null()[-1]:
            return f"{found}, and without interruption from {self.settled} studies on."
        return f"{found}, but no longer with all of them."

    def _card(self) -> Card:
        rows = [(f"+ {label}", self._value(i), *self._cells(i)) for i, label in enumerate(self.labels)]
        title = f"Cumulative pooled {self.whole.measure or 'effect'}"
        columns = self._columns("Added")
        columns = (columns[0], _COLUMN.get(self.by, self.by), *columns[1:])
        return Card(title, columns, tuple(rows), self.notes, self._footer(self.method))

    def _value(self, i: int) -> str:
        value = float(self.values[i])
        return f"{value:.0f}" if value == round(value) and abs(value) < 1e9 else number(value, 3)


_COLUMN = {"year": "Year", "precision": "vi", "size": "People"}
_WORDS = {
    "year": ("by year, oldest first", "by year, newest first"),
    "precision": ("by precision, most precise first", "by precision, least precise first"),
    "size": ("by size, largest first", "by size, smallest first"),
}


def _order_words(by: str, reverse: bool) -> str:
    return _WORDS.get(by, (f"by {by}, lowest first", f"by {by}, highest first"))[int(reverse)]


def cumulative(fit: Pooled, *, by: str = "year", reverse: bool = False) -> Cumulative:
    """Pool the first study, the first two, and so on, up to all.

    Parameters
    ----------
    fit : Pooled
        From :func:`ketameta.pool`, of two studies or more.
    by : str
        ``"year"``: oldest first, by the column ``year``. ``"precision"``: most precise first, by ``vi``.
        ``"size"``: largest first, by the number of people in both arms. Otherwise a column of numbers, lowest
        first.
    reverse : bool
        Turn the order round.

    Returns
    -------
    Cumulative

    Raises
    ------
    ModelError
        For another kind of result, a single study, and a column that does not exist, lacks values or holds text.

    Notes
    -----
    Each step has the estimator of tau2 and the intervals of ``fit``; all are one batch of fits, but for profile
    likelihood intervals. Studies of equal rank stay in the order of the rows, and a note names them: with small
    pools that order can decide when a conclusion first appears. Intervals hold at each step alone: who looks after
    every study finds one that leaves out no difference sooner or later, without there being any.

    By year it is history; from the most precise study on, it shows whether small studies pull the effect away.

    References
    ----------
    Lau J, Antman EM, Jimenez-Silva J, Kupelnick B, Mosteller F, Chalmers TC (1992). Cumulative meta-analysis of
    therapeutic trials for myocardial infarction. N Engl J Med 327:248-254. doi:10.1056/NEJM199207233270406

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import cumulative
    >>> pooled = km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.09, 0.05, 0.04, 0.07, 0.11])
    >>> steps = cumulative(pooled, by="precision")
    >>> steps.labels[0], steps.first, steps.stayed
    ('Study 3', 5, True)
    """
    fit = pool_of(fit, "cumulative")
    reverse = flag("reverse", reverse)
    values = _values(fit, by)
    descending = (by == "size") is not reverse
    order = np.argsort(-values if descending else values, kind="stable")
    k = fit.k
    mask = np.zeros((k, k), dtype=np.bool_)
    mask[:, order] = np.tril(np.ones((k, k), dtype=np.bool_))
    found = refits(fit, fit.yi, fit.vi, mask=mask)
    labels = tuple(str(label) for label in fit.rows["label"].iloc[order])
    sides = side_of(found.ci_low, found.ci_high)
    apart = np.flatnonzero(sides[1:] != 0)
    turns = np.flatnonzero(sides != sides[-1])
    return Cumulative(
        labels=labels,
        whole=Whole.of(fit),
        notes=_notes(fit, labels, values[order]),
        provenance=fit.provenance.after(("cumulative", {"by": by, "reverse": reverse})),
        by=by,
        reverse=reverse,
        order=order,
        values=values[order],
        first=int(apart[0]) + 2 if apart.size else None,
        settled=int(turns[-1]) + 2 if turns.size else 1,
        **{name: getattr(found, name) for name in NUMBERS},
    )


def _values(fit: Pooled, by: Any) -> Array:
    """What orders the studies."""
    rows = fit.rows
    if by == "precision":
        return fit.vi
    if by == "size":
        sizes = people(rows)
        _refuse_missing(rows, np.isnan(sizes), "the number of people")
        return sizes
    columns = [name for name in rows.columns if isinstance(name, str)]
    if by not in columns:
        raise column_error(str(by), [*columns, "precision", "size"])
    values, missing = moderator(rows, by)
    _refuse_missing(rows, missing, repr(by))
    if values.dtype == object:
        raise ModelError(f"{by!r} holds text, which has no order; name a column of numbers")
    return np.asarray(values, dtype=np.float64)


def _refuse_missing(rows: pd.DataFrame, missing: Any, what: str) -> None:
    if missing.any():
        raise ModelError(
            f"{what} is missing in {name_rows(rows, np.flatnonzero(missing).tolist())}; fill it in, or order by "
            'another column or by="precision"'
        )


def _notes(fit: Pooled, labels: tuple[str, ...], values: Array) -> tuple[str, ...]:
    found = ["intervals are not corrected for looking again after each study"]
    equal = np.flatnonzero(np.diff(values) == 0)
    if equal.size:
        names = [labels[i] for i in sorted({*equal.tolist(), *(equal + 1).tolist()})]
        more = len(names) - _NAMES_SHOWN
        listed = ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
        found.append(f"studies of equal rank stand in the order of the rows: {listed}")
    found.append("the first step is one study with a normal interval")
    if fit.prediction_method == "bootstrap":
        found.append("prediction intervals by bootstrap are not drawn anew")
    return tuple(found)
