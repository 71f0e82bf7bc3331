"""A table of trials that shows, in a notebook, what there is."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from ketameta._render import Card, card_html, card_text
from ketameta.provenance import trace

__all__ = ["Trials"]

_WINDOWS: tuple[tuple[float, str], ...] = (
    (12.0, "to 12 h"),
    (36.0, "to 36 h"),
    (120.0, "to day 5"),
    (240.0, "to day 10"),
    (528.0, "to day 22"),
    (840.0, "to day 35"),
    (math.inf, "later"),
)
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

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def _has_card(self) -> bool:
        return all(name in self.columns for name in _NEEDED)

    def _card(self) -> Card:
        scored = self[(self["status"] == "include") & (self["score_type"] != "baseline")]
        hours = scored["time_hours"].to_numpy(dtype=float)
        edges = np.array([edge for edge, _ in _WINDOWS])
        window = np.where(np.isnan(hours), len(_WINDOWS), np.searchsorted(edges, hours))
        rows = []
        for outcome, block in scored.groupby("outcome", sort=False):
            cohorts = block["cohort_id"].to_numpy()
            where = window[scored["outcome"].to_numpy() == outcome]
            counts = [len(set(cohorts[where == column])) for column in range(len(_WINDOWS) + 1)]
            rows.append((len(set(cohorts)), str(outcome), counts))
        rows.sort(key=lambda row: -row[0])
        apart = self[self["status"] == "apart"]
        return Card(
            title=f"{scored['cohort_id'].nunique()} trials for pools, by outcome and time since first dose",
            columns=("outcome", *(label for _, label in _WINDOWS), "no time", "any time"),
            rows=tuple(
                (outcome, *(str(count) if count else "·" for count in counts), str(total))
                for total, outcome, counts in rows
            ),
            notes=(
                f"{len(self)} rows in all; {len(apart)} of them stand apart from pools, each with a reason.",
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
