"""A user's table of risk-of-bias judgements."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._spelling import nearest
from ketameta._typing import Array
from ketameta.errors import FigureError
from ketameta.plots._robtools import TOOLS, Level, Tool

__all__ = ["Domain", "Judgements", "read_judgements"]

_NAMES = ("study", "label", "study_id")
_OVERALL = ("overall", "overall risk of bias", "overall bias", "overall rob")
_WEIGHTS = ("weight", "weights")
_EMPTY = frozenset({"", "na", "n/a", "nan", "none", "<na>"})
_NUMBERED = re.compile(r"(?:d|domain ?)(\d+[a-z]?|s)(?:\s*[:.]\s*(\S.*))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain: short heading such as ``"D1"``, and its name."""

    short: str
    name: str


@dataclass(frozen=True, slots=True)
class Judgements:
    """Judgements of every study in every domain; None where a cell of the table is empty.

    Attributes
    ----------
    tool : Tool
        The tool, with its levels in order.
    studies : tuple of str, length k
        Names of the studies, all different.
    domains : tuple of Domain, length d
        The domains in order of the table.
    levels : tuple of tuple of Level or None, k times d
        The judgements, a tuple a study.
    overall : tuple of Level or None, length k, optional
        Overall judgements; None where the table has no such column.
    weights : tuple of float, length k, optional
        Weights, none negative and at least one above 0; None where the table has no such column.
    """

    tool: Tool
    studies: tuple[str, ...]
    domains: tuple[Domain, ...]
    levels: tuple[tuple[Level | None, ...], ...]
    overall: tuple[Level | None, ...] | None
    weights: tuple[float, ...] | None

    @property
    def columns(self) -> tuple[tuple[Domain, tuple[Level | None, ...]], ...]:
        """Every domain with the judgements of all studies, then the overall ones if there are any."""
        found = tuple((domain, tuple(row[i] for row in self.levels)) for i, domain in enumerate(self.domains))
        return found if self.overall is None else (*found, (Domain("Overall", "Overall"), self.overall))

    @property
    def n_missing(self) -> int:
        """How many judgements are missing, overall ones included."""
        return sum(level is None for _, column in self.columns for level in column)

    def shares(self) -> Array:
        """Share of each level in each column, shape (columns, levels + 1), its last part what is not judged.

        Shares of the studies' weights where there are weights, else of their number.
        """
        weights = np.ones(len(self.studies)) if self.weights is None else np.array(self.weights)
        weights = weights / weights.max()
        parts = [
            [weights[[level == kind for level in column]].sum() for kind in (*self.tool.levels, None)]
            for _, column in self.columns
        ]
        return np.asarray(np.array(parts) / weights.sum(), dtype=np.float64)


def read_judgements(table: pd.DataFrame, tool: str = "RoB 2") -> Judgements:
    """Read a table of judgements with a row a study and a column a domain.

    Parameters
    ----------
    table : DataFrame
        Columns, upper or lower case: ``study`` (or ``label``, ``study_id``); one column a domain, in
        order, headed ``D1``, ``D2``, ... or by name, or both (``D1: Randomisation``); and, if wished,
        ``overall`` and ``weight``. Cells hold words of the tool, such as ``Low``, ``low risk``, ``L`` or
        ``+``; an empty cell stays empty.
    tool : {"RoB 2", "ROBINS-I", "RoB 1"}
        Whose words the cells hold, and whose names the headings ``D1``, ``D2``, ... stand for.

    Returns
    -------
    Judgements
        The judgements in order of the table.

    Raises
    ------
    FigureError
        A column is missing or stands twice, a study has no name or stands twice, a word is none of the
        tool's, or a weight is no number from 0.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.plots._rob import read_judgements
    >>> found = read_judgements(pd.DataFrame({"Study": ["A", "B"], "D1": ["Low", "high risk"], "D2": ["+", None]}))
    >>> found.domains[0].name, [level and level.name for level in found.levels[1]], found.n_missing
    ('Randomisation process', ['high', None], 1)
    """
    if not isinstance(table, pd.DataFrame):
        raise FigureError(
            f"judgements: a DataFrame with a row a study is wanted, not {type(table).__name__}."
        )
    known = next((each for name, each in TOOLS.items() if _key(name) == _key(tool)), None)
    if known is None:
        raise FigureError(f"tool={tool!r}: one of {', '.join(map(repr, TOOLS))}.")
    if len(table) == 0:
        raise FigureError("judgements: the table has no rows.")
    heads = [" ".join(str(name).split()) for name in table.columns]
    twice = [name for i, name in enumerate(heads) if _key(name) in map(_key, heads[:i])]
    if twice:
        raise FigureError(f"judgements: column {twice[0]!r} stands twice; keep one of them.")
    place = {name.casefold(): i for i, name in enumerate(heads)}
    labels = [name for name in _NAMES if name in place]
    if not labels:
        raise FigureError(
            f"judgements: no column 'study'{_near('study', heads)}; the table has {', '.join(heads)}."
        )
    overall = next((place[name] for name in _OVERALL if name in place), None)
    weight = next((place[name] for name in _WEIGHTS if name in place), None)
    others = {place[name] for name in labels} | {overall, weight}
    spots = [i for i in range(len(heads)) if i not in others]
    if not spots:
        raise FigureError("judgements: the table has no column of a domain, such as 'D1'.")
    studies = _studies(table.iloc[:, place[labels[0]]], heads[place[labels[0]]])
    domains = _domains([heads[i] for i in spots], known)
    read = {
        i: _levels(table.iloc[:, i], heads[i], studies, known) for i in (*spots, overall) if i is not None
    }
    return Judgements(
        tool=known,
        studies=studies,
        domains=domains,
        levels=tuple(zip(*(read[i] for i in spots), strict=True)),
        overall=None if overall is None else read[overall],
        weights=None if weight is None else _weights(table.iloc[:, weight], heads[weight], studies),
    )


def _key(name: object) -> str:
    return re.sub(r"[\W_]+", "", str(name)).casefold()


def _near(wanted: str, heads: Sequence[str]) -> str:
    near = nearest(wanted, [head.casefold() for head in heads])
    return f"; did you mean that by {near!r}" if near else ""


def _text(value: object) -> str:
    """A cell as text on one line, empty where it is missing."""
    text = " ".join(str(value).split())
    return "" if text.casefold() in _EMPTY else text


def _studies(cells: pd.Series, head: str) -> tuple[str, ...]:
    names = tuple(map(_text, cells))
    for i, name in enumerate(names):
        if not name:
            raise FigureError(f"judgements: row {i + 1} has no name in column {head!r}.")
        if name in names[:i]:
            raise FigureError(
                f"judgements: {name!r} stands in row {names.index(name) + 1} and in row {i + 1}; "
                "give each study one row."
            )
    return names


def _domains(heads: Sequence[str], tool: Tool) -> tuple[Domain, ...]:
    """Headings as domains; those without a number take the first one that is free."""
    parts = [_NUMBERED.fullmatch(head) for head in heads]
    used = {f"D{part[1]}".casefold() for part in parts if part}
    free = (f"D{i}" for i in range(1, 2 * len(heads) + 1) if f"d{i}" not in used)
    names = {short.casefold(): (short, name) for short, name in tool.domains}
    found = []
    for head, part in zip(heads, parts, strict=True):
        if part is None:
            found.append(Domain(next(free), head))
            continue
        short, name = names.get(f"D{part[1]}".casefold(), (f"D{part[1].lower()}", ""))
        found.append(Domain(short, part[2] or name or head))
    shorts = [domain.short for domain in found]
    twice = next((short for i, short in enumerate(shorts) if short in shorts[:i]), None)
    if twice:
        raise FigureError(f"judgements: two columns stand for domain {twice!r}; keep one of them.")
    return tuple(found)


def _levels(cells: pd.Series, head: str, studies: Sequence[str], tool: Tool) -> tuple[Level | None, ...]:
    texts = [_text(value) for value in cells]
    found = tuple(tool.level(text) if text else None for text in texts)
    for i, (text, level) in enumerate(zip(texts, found, strict=True)):
        if text and level is None:
            raise FigureError(
                f"judgements: row {i + 1} ({studies[i]}), column {head!r}: {text!r} is no word of {tool.name}; "
                f"write {', '.join(each.name for each in tool.levels)}, or leave the cell empty.{_advice(text, tool)}"
            )
    return found


def _advice(text: str, tool: Tool) -> str:
    """Where an unknown word may come from."""
    if text in {"-", "−", "–"}:
        return " (A dash means high in some figures and some concerns in others.)"
    others = [each.name for each in TOOLS.values() if each != tool and len(text) > 1 and each.level(text)]
    return f" It is a word of {others[0]}: tool={others[0]!r}." if others else ""


def _weights(cells: pd.Series, head: str, studies: Sequence[str]) -> tuple[float, ...]:
    found = []
    for i, value in enumerate(cells):
        try:
            weight = float(value)
        except (TypeError, ValueError):
            weight = float("nan")
        if not 0 <= weight < float("inf"):
            raise FigureError(
                f"judgements: row {i + 1} ({studies[i]}), column {head!r}: {value!r} is no weight; "
                "give a number from 0."
            )
        found.append(weight)
    if max(found) == 0:
        raise FigureError(f"judgements: all weights in column {head!r} are 0.")
    return tuple(found)
