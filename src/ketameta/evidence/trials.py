"""A table of trials that shows, in a notebook, what there is."""

from __future__ import annotations

import pandas as pd

from ketameta._render import Card, card_html, card_text
from ketameta._table import Table
from ketameta.evidence.grid import BINS, evidence_grid, in_use
from ketameta.provenance import trace

__all__ = ["Trials"]

_NEEDED = ("cohort_id", "outcome", "score_type", "status", "time_hours")


class Trials(Table):
    """A DataFrame of trial rows with a card of its own; what is derived from it is shown as a plain table.

    Slices and copies keep ``attrs``, hence the provenance, and answer a misspelt column with the nearest name.

    Examples
    --------
    >>> import ketameta as km
    >>> trials = km.load_trials()
    >>> type(trials).__name__, type(trials[trials["outcome"] == "ptsd"]).__name__
    ('Trials', 'Table')
    """

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Trials:
        """Trials with the cells, index and ``attrs`` of a DataFrame."""
        trials = cls(frame)
        trials.attrs = dict(frame.attrs)
        return trials

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
