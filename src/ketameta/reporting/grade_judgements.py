"""What a user judged: certainty of the evidence, and risk of bias of the trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ketameta._spelling import did_you_mean
from ketameta._typing import Array
from ketameta.errors import DataError, FigureError
from ketameta.plots._forestbias import KEY, bias_of

__all__ = ["CERTAINTIES", "DOMAINS", "BiasShares", "Judged", "bias_shares", "read_judged"]

CERTAINTIES = ("high", "moderate", "low", "very low")
DOMAINS = ("risk_of_bias", "inconsistency", "indirectness", "imprecision", "publication_bias")
_WORDS = {
    **dict.fromkeys(DOMAINS, ("not serious", "serious", "very serious", "extremely serious")),
    "publication_bias": ("undetected", "strongly suspected"),
}
_COLUMNS = (
    "outcome",
    "certainty",
    *(name for domain in DOMAINS for name in (domain, f"{domain}_reason")),
    "reasons",
)
_EMPTY = frozenset({"", "nan", "none", "<na>", "na", "n/a"})
_HIGH = frozenset({"high", "serious", "critical"})


@dataclass(frozen=True, slots=True)
class Judged:
    """What the user's table says of one outcome.

    Attributes
    ----------
    certainty : str
        high, moderate, low or very low; empty where not judged.
    domains : tuple of (str, str, str)
        Domain, word and reason, in the order of GRADE; word or reason may be empty, not both.
    reasons : str
        Reasons that are of no single domain.
    """

    certainty: str = ""
    domains: tuple[tuple[str, str, str], ...] = ()
    reasons: str = ""

    def of(self, domain: str) -> str:
        """Word for a domain, empty where not judged."""
        return next((word for name, word, _ in self.domains if name == domain), "")

    def why(self, domain: str) -> str:
        """Reason for it, empty where none is given."""
        return next((reason for name, _, reason in self.domains if name == domain), "")


@dataclass(frozen=True, slots=True)
class BiasShares:
    """Shares of weight by the user's overall judgement of risk of bias.

    Attributes
    ----------
    tool : str
        Name of the tool.
    levels : tuple of (str, float)
        Levels of the tool in order, and the share of weight of trials judged so.
    high : float
        Share at high risk (high, serious or critical).
    unjudged : float
        Share of trials without an overall judgement.
    """

    tool: str
    levels: tuple[tuple[str, float], ...]
    high: float
    unjudged: float


def table_of(given: Any, what: str) -> pd.DataFrame:
    """A table, or the CSV file of that name, its cells as text."""
    if isinstance(given, pd.DataFrame):
        return given
    if not isinstance(given, str | Path):
        raise DataError(
            f"{what}: a DataFrame or the name of a CSV file is wanted, not {type(given).__name__}"
        )
    try:
        return _table_in(Path(given).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{what}: {str(given)!r} could not be read as CSV: {str(error).strip()}. It must be in UTF-8, and cells that "
            "hold a comma in quotes."
        ) from None


def _table_in(text: str) -> pd.DataFrame:
    """Cells of a CSV text, parted as its first line is: by commas, semicolons or tabs."""
    head = text.lstrip().partition("\n")[0]
    cells = pd.read_csv(
        StringIO(text), sep=max(",;\t", key=head.count), header=None, dtype=str, keep_default_na=False
    )
    return cells.iloc[1:].set_axis(cells.iloc[0].tolist(), axis=1).reset_index(drop=True)


def read_judged(given: Any, outcomes: Sequence[str]) -> dict[str, Judged]:
    """Read a table of certainty judgements, a row an outcome.

    Raises
    ------
    DataError
        A column or outcome is unknown or stands twice, or a word is none of GRADE's.
    """
    if given is None:
        return {}
    table = table_of(given, "judgements")
    heads = ["_".join(str(name).split()).casefold() for name in table.columns]
    for i, name in enumerate(heads):
        if name not in _COLUMNS:
            raise DataError(
                f"judgements: no column is called {table.columns[i]!r}{did_you_mean(name, _COLUMNS, '.')} "
                f"The columns are {', '.join(_COLUMNS)}."
            )
        if name in heads[:i]:
            raise DataError(f"judgements: column {name!r} stands twice; keep one of them")
    for name in ("outcome", "certainty"):
        if name not in heads:
            raise DataError(f"judgements: no column {name!r}; the table has {', '.join(heads) or 'none'}")
    found: dict[str, Judged] = {}
    for i, cells in enumerate(table.itertuples(index=False, name=None), 1):
        row = {head: _text(cell) for head, cell in zip(heads, cells, strict=True)}
        outcome = row["outcome"] = _one_line(cells[heads.index("outcome")])
        matched = next((name for name in outcomes if _one_line(name) == outcome), None)
        if matched is None:
            raise DataError(
                f"judgements: row {i} is of {outcome!r}, which is no outcome of the results"
                f"{did_you_mean(outcome, outcomes, '.')} They are {', '.join(map(repr, outcomes))}."
            )
        if matched in found:
            raise DataError(f"judgements: {outcome!r} stands in two rows; give each outcome one row")
        found[matched] = _judged(row, i)
    return found


def _judged(row: Mapping[str, str], place: int) -> Judged:
    domains = []
    for domain in DOMAINS:
        word, reason = _word(row, domain, place, _WORDS[domain]), row.get(f"{domain}_reason", "")
        if word or reason:
            domains.append((domain, word, reason))
    return Judged(_word(row, "certainty", place, CERTAINTIES), tuple(domains), row.get("reasons", ""))


def _word(row: Mapping[str, str], column: str, place: int, words: Sequence[str]) -> str:
    said = row.get(column, "").casefold().replace("_", " ")
    if said and said not in words:
        raise DataError(
            f"judgements: row {place} ({row['outcome']}), column {column!r}: {row[column]!r} is none of GRADE's words; "
            f"write {', '.join(words)}, or leave the cell empty"
        )
    return said


def _one_line(cell: object) -> str:
    return " ".join(str(cell).split())


def _text(cell: object) -> str:
    text = _one_line(cell)
    return "" if text.casefold() in _EMPTY else text


def bias_shares(given: Any, tool: str, rows: pd.DataFrame, weights: Array) -> BiasShares:
    """Shares of weight at each level of the overall judgement.

    Parameters
    ----------
    given : DataFrame or path
        Judgements as ``rob_plot`` reads them, with a column ``overall``.
    tool : str
        Name of the tool.
    rows : DataFrame
        Rows of the outcome; a study is found by label, ``study_id`` or ``cohort_id``.
    weights : Array, shape (k,)
        Weights of the rows, sum 1.

    Raises
    ------
    DataError
        When the table cannot be read, or has no column ``overall``.
    """
    try:
        bias = bias_of(table_of(given, "rob"), tool, rows)
    except FigureError as error:
        raise DataError(f"rob: {str(error).removeprefix('judgements: ')}") from None
    if bias is None or bias.judgements.overall is None:
        raise DataError(
            "rob: a column 'overall' is wanted: shares of weight are those of the overall judgement"
        )
    found = [bias.values(row)[f"{KEY}Overall"] for _, row in rows.iterrows()]
    levels = tuple(
        (level.name, float(np.sum(weights[[each == level for each in found]])))
        for level in bias.judgements.tool.levels
    )
    return BiasShares(
        tool=bias.judgements.tool.name,
        levels=levels,
        high=sum(share for name, share in levels if name in _HIGH),
        unjudged=float(np.sum(weights[[each is None for each in found]])),
    )
