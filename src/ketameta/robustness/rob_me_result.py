"""Available and missing results by study and outcome, as a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown, plural
from ketameta.models.result import finite, plain_rows
from ketameta.provenance import Provenance

__all__ = ["STATES", "RobMe"]

STATES = ("available", "missing", "apart", "other time or dosing", "no record")
_LISTED = 60


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RobMe(Shown):
    """Which studies have a result for which outcome, as ROB-ME's matrix has it, without its judgements.

    Attributes
    ----------
    indication, outcomes : tuple of str
        The question.
    hours : tuple of float or None
        Earliest and latest hours since the first dose.
    dosing : str or None
        Kind of dosing.
    table : DataFrame
        ``study, n, outcome, state, part_missing, reason``, one row a study and outcome. ``state`` is ``available``
        (a row that may enter a pool answers the question), ``missing`` (named in the list of missing results),
        ``apart`` (the numbers answer another question), ``other time or dosing`` or ``no record``; ``part_missing`` is
        true where a result is available and the list names another part of it. ``n`` is the number randomised, else
        analysed, NaN where unknown.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    indication: tuple[str, ...]
    outcomes: tuple[str, ...]
    hours: tuple[float, float] | None
    dosing: str | None
    table: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def method(self) -> str:
        """One line that says how the table was made."""
        return "Rows of one study joined by study, cohort, registry number and trial name; ROB-ME (Page et al. 2023), facts only"

    def to_frame(self) -> pd.DataFrame:
        """One row a study and outcome."""
        return self.table.copy()

    def matrix(self) -> pd.DataFrame:
        """One row a study, with its size and one column an outcome."""
        first = self.table.drop_duplicates("study").set_index("study")[["n"]]
        wide = self.table.pivot_table(index="study", columns="outcome", values="state", aggfunc="first")
        return first.join(wide[list(self.outcomes)]).reset_index()

    def counts(self) -> pd.DataFrame:
        """``outcome, state, k, n, k_unknown``: studies, participants of those with a known size, studies without."""
        rows = []
        for outcome in self.outcomes:
            for state in STATES:
                part = self.table[(self.table["outcome"] == outcome) & (self.table["state"] == state)]
                unknown = int(part["n"].isna().sum())
                rows.append((outcome, state, len(part), float(part["n"].sum()), unknown))
        return pd.DataFrame(rows, columns=["outcome", "state", "k", "n", "k_unknown"])

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing number."""
        return {
            "indication": list(self.indication),
            "outcomes": list(self.outcomes),
            "hours": finite(self.hours),
            "dosing": self.dosing,
            "studies": plain_rows(self.table),
            "counts": plain_rows(self.counts()),
            "method": self.method,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """The counts as a sentence of a results section."""
        parts = []
        rows = {(row["outcome"], row["state"]): row for row in self.counts().to_dict(orient="records")}
        for outcome in self.outcomes:
            there, gone = rows[outcome, "available"], rows[outcome, "missing"]
            unknown = f"; size unknown for {gone['k_unknown']}" if gone["k_unknown"] else ""
            parts.append(
                f"{_named(outcome)}: results available from {plural(there['k'], 'study', 'studies')} "
                f"({there['n']:,.0f} participants), known to be missing from {gone['k']} "
                f"({gone['n']:,.0f} participants{unknown})"
            )
        return f"{'. '.join(parts)}."

    def _card(self) -> Card:
        shown = self.matrix()
        shown = shown.sort_values("study", key=lambda names: names.str.lower(), kind="stable")
        rows = [
            (
                str(row["study"]),
                "–" if row["n"] != row["n"] else f"{row['n']:,.0f}",
                *(row[o] for o in self.outcomes),
            )
            for row in shown.head(_LISTED).to_dict(orient="records")
        ]
        more = (f"{len(shown) - _LISTED} further studies are in to_frame()",) if len(shown) > _LISTED else ()
        hours = "" if self.hours is None else f", {self.hours[0]:g} to {self.hours[1]:g} h"
        dosing = "" if self.dosing is None else f", {self.dosing} dosing"
        return Card(
            f"Available and missing results: {', '.join(self.indication)}{hours}{dosing}",
            ("study", "n", *map(_named, self.outcomes)),
            tuple(rows),
            (self.sentence().rstrip("."), *more, *self.notes),
            (self.method, self.provenance.line()),
        )


def _named(outcome: str) -> str:
    return outcome.replace("_", " ").capitalize().replace("Ptsd", "PTSD")
