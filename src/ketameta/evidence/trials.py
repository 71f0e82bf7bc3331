"""A table of trials that shows, in a notebook, what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from ketameta._render import Card, card_html, card_text
from ketameta._spelling import did_you_mean
from ketameta.errors import ColumnError
from ketameta.evidence.grid import BINS, evidence_grid, in_use
from ketameta.provenance import trace

__all__ = ["Trials"]

_NEEDED = ("cohort_id", "outcome", "score_type", "status", "time_hours")


class Trials(pd.DataFrame):
    """A DataFrame of trial rows with a card of its own; what is derived from it is a plain DataFrame.

    Slices, copies and merges are plain pandas and keep ``attrs``, hence the provenance.

    Examples
    --------
    >>> import ketameta as km
    >>> trials = km.load_trials()
    >>> type(trials).__name__, type(trials[trials["outcome"] == "ptsd"]).__name__
    ('Trials', 'DataFrame')
    """

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Trials:
        """Trials with the cells, index and ``attrs`` of a DataFrame."""
        trials = cls(frame)
        trials.attrs = dict(frame.attrs)
        return trials

    def __getitem__(self, key: Any) -> Any:
        """Column or rows, as in pandas; a column that does not exist is answered with the nearest name."""
        try:
            return super().__getitem__(key)
        except KeyError:
            absent = [name for name in _names(key) if name not in self.columns]
            if not absent:
                raise
            raise self._no_column(absent[0], self.columns) from None

    def __getattr__(self, name: str) -> Any:  # type: ignore[misc]
        """Column, as in pandas; a misspelt column or method is answered with the nearest name."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_"):
                raise
            raise self._no_column(name, [*self.columns, *dir(pd.DataFrame)]) from None

    def _no_column(self, name: str, known: Iterable[Any]) -> ColumnError:
        hint = did_you_mean(name, known, "; .columns lists those that there are")
        error = ColumnError(f"no column {name!r}{hint}")
        error.name, error.obj = name, None  # Python then adds no suggestion of its own
        return error

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def _has_card(self) -> bool:
        return all(name in self.columns for name in _NEEDED)

    def _card(self) -> Card:
        scored = self[in_use(self)]
        grid = evidence_grid(scored["outcome"].tolist(), scored["cohort_id"], scored["time_hours"])
        apart = self[self["status"] == "apart"]
        return Card(
            title=f"{scored['cohort_id'].nunique()} trials for pools, by outcome and time since first dose",
            columns=("outcome", *(each.end for each in BINS), "no time", "any time"),
            rows=tuple(
                (str(outcome), *(str(count) if count else "·" for count in counts))
                for outcome, counts in zip(grid.rows, grid.trials.tolist(), strict=True)
            ),
            notes=(
                f"{len(self)} rows in all; {len(apart)} of them stand{'s' if len(apart) == 1 else ''} apart from pools, with a reason for each.",
                "A trial counts once for each outcome and window, whatever its reports, doses and scales.",
            ),
            footer=(trace(self).line(),),
        )

    def __repr__(self) -> str:
        """Card as text; a plain table where the columns of the card are not there."""
        if not self._has_card():
            return super().__repr__()
        return (
            card_text(self._card()) + "\n\nThe rows: trials.head(), trials[trials['outcome'] == 'ptsd'], ..."
        )

    def _repr_html_(self) -> str:
        if not self._has_card():
            return str(pd.DataFrame(self).to_html(max_rows=20, notebook=True))
        return card_html(self._card())


def _names(key: Any) -> list[str]:
    """Texts by which columns are asked for."""
    return [name for name in (key if isinstance(key, list) else [key]) if isinstance(name, str)]
