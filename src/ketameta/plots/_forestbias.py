"""Columns of a forest plot with judgements of risk of bias."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from ketameta.errors import FigureError
from ketameta.plots._forestcolumns import require_column
from ketameta.plots._forestrows import Column, Line, one_line
from ketameta.plots._rob import Judgements, read_judgements
from ketameta.plots._robtools import Level

__all__ = ["KEY", "Bias", "bias_of"]

KEY = "rob_"
_NAMED_BY = ("label", "study_id", "cohort_id")
_PREFIX = re.compile(r"(?:rob|risk of bias)[\W_]+", re.IGNORECASE)
_MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class Bias:
    """Judgements of the studies of one figure.

    Attributes
    ----------
    judgements : Judgements
        All that were given.
    place : mapping
        Position of each study in the judgements, by its name.
    """

    judgements: Judgements
    place: Mapping[str, int]

    def values(self, row: pd.Series) -> dict[str, object]:
        """Judgements of one row by the key of their column; None for a study that was not judged."""
        at = self._at(row)
        return {
            KEY + domain.short: None if at is None else levels[at]
            for domain, levels in self.judgements.columns
        }

    def columns(self) -> tuple[Column, ...]:
        """A column a domain."""
        return tuple(_column(domain.short) for domain, _ in self.judgements.columns)

    def notes(self, rows: pd.DataFrame) -> list[str]:
        """Key to domains and symbols, and the studies that were not judged or are not in the figure.

        Raises
        ------
        FigureError
            None of the judgements is of a study in the figure.
        """
        found = {i: self._at(row) for i, (_, row) in enumerate(rows.iterrows())}
        shown = {at for at in found.values() if at is not None}
        labels = list(map(one_line, rows["label"]))
        if not shown:
            raise FigureError(
                f"rob: none of the judged studies ({_listed(self.judgements.studies)}) is in the figure; name them "
                f"as there ({_listed(labels)}), or by study_id or cohort_id."
            )
        seen = {levels[at] for _, levels in self.judgements.columns for at in shown}
        domains = "; ".join(
            f"{_head(domain.short)} {one_line(domain.name)}" for domain, _ in self.judgements.columns
        )
        symbols = ", ".join(
            f"{level.symbol or 'open circle'} {level.name}"
            for level in self.judgements.tool.levels
            if level in seen
        )
        notes = [f"Risk of bias ({self.judgements.tool.name}): {domains}. {symbols}."]
        blank = [labels[i] for i, at in found.items() if at is None]
        others = [name for i, name in enumerate(self.judgements.studies) if i not in shown]
        if blank:
            notes.append(f"Risk of bias not judged: {_listed(blank)}.")
        if others:
            notes.append(f"Judged, and not in this figure: {_listed(others)}.")
        return notes

    def words(self, rows: pd.DataFrame) -> str:
        """How many studies of the figure were judged, and their judgements in the last column."""
        domain, levels = self.judgements.columns[-1]
        found = [levels[at] for _, row in rows.iterrows() if (at := self._at(row)) is not None]
        counts = ((level.name, found.count(level)) for level in self.judgements.tool.levels)
        said = ", ".join(f"{name} {count}" for name, count in counts if count)
        whole = f"Risk of bias ({self.judgements.tool.name}) judged in {len(found)} of {len(rows)}"
        return f"{whole}; {one_line(domain.name).lower()}: {said}" if said else whole

    def _at(self, row: pd.Series) -> int | None:
        names = (" ".join(str(row[name]).split()) for name in _NAMED_BY if name in row.index)
        return next((self.place[name] for name in names if name in self.place), None)


def bias_of(
    given: pd.DataFrame | Judgements | tuple[str, ...] | None, tool: str, rows: pd.DataFrame
) -> Bias | None:
    """Judgements as they were given, or from columns of the rows."""
    if given is None:
        return None
    if isinstance(given, tuple):
        for name in given:
            require_column("rob", name, rows)
        own = rows[["label", *given]].rename(columns=lambda name: _PREFIX.sub("", str(name), count=1))
        given = own.drop_duplicates()
    judgements = given if isinstance(given, Judgements) else read_judgements(given, tool)
    return Bias(judgements, {name: i for i, name in enumerate(judgements.studies)})


def _head(short: str) -> str:
    return "O" if short == "Overall" else one_line(short)


def _column(short: str) -> Column:
    def write(line: Line) -> str:
        level = line.values.get(KEY + short)
        return level.symbol if isinstance(level, Level) else ""

    return Column((KEY + short,), _head(short), write, "Risk of bias", align="center", badge=True)


def _listed(names: Iterable[str]) -> str:
    """Names in a row; of many, the first, and how many more."""
    every = list(map(one_line, names))
    more = len(every) - _MOST_NAMES
    return ", ".join(every[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
