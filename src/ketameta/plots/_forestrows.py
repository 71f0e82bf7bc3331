"""Rows and columns of a forest plot: what the table behind the figure is made of."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ketameta._render import plain

__all__ = ["Column", "Kind", "Line", "one_line"]

Kind = Literal["study", "group", "pooled", "prediction", "note", "gap"]
_BREAKS = re.compile(r"\s*[\t-\r\x85\u2028\u2029]+\s*")


def one_line(text: object) -> str:
    r"""A text on one line, control characters spelled out.

    Examples
    --------
    >>> from ketameta.plots._forestrows import one_line
    >>> one_line("Smith\n2020\x07")
    'Smith 2020\\x07'
    """
    return plain(_BREAKS.sub(" ", str(text)).strip())


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the figure; estimate and bounds on the model's scale, NaN where there are none.

    Attributes
    ----------
    kind : str
        What the row is.
    label : str
        Its words, without marks of footnotes.
    estimate, low, high, weight : float
        Its numbers.
    group : str
        Subgroup it belongs to; empty for the whole.
    values : mapping
        What its columns say: numbers of arms, texts of other columns, judgements.
    remarks : tuple of str
        Notes on this row.
    marks : str
        Marks of these notes.
    """

    kind: Kind
    label: str
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    weight: float = math.nan
    group: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    marks: str = ""

    @property
    def name(self) -> str:
        """Words with their marks, as printed."""
        return self.label + self.marks

    @property
    def level(self) -> int:
        """1 inside a subgroup, else 0."""
        return int(bool(self.group) and self.kind != "group")


@dataclass(frozen=True, slots=True)
class Column:
    """One column beside the panel.

    Attributes
    ----------
    keys : tuple of str
        Values of a row that it shows.
    head, over : str
        Its heading, and the heading that it shares with its neighbours.
    write : callable
        Text of its cell in a row.
    align : {"left", "right", "center"}
        Where texts stand in it.
    wraps : bool
        Whether long texts go on in the next row.
    badge : bool
        Whether its texts are symbols of judgements, drawn as badges.
    """

    keys: tuple[str, ...]
    head: str
    write: Callable[[Line], str]
    over: str = ""
    align: Literal["left", "right", "center"] = "right"
    wraps: bool = False
    badge: bool = False
