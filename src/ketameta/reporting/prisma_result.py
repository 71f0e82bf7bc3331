"""Items of PRISMA 2020 as a result: frame, Markdown, HTML, card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown
from ketameta.reporting.phrases import markdown_of

__all__ = ["PrismaItem", "PrismaItems"]

_AUTHORS = "Not by ketameta: "
_COLUMNS = ("item", "topic", "asks", "filled", "text")


@dataclass(frozen=True, slots=True)
class PrismaItem:
    """One item of the checklist.

    Attributes
    ----------
    item, topic, asks : str
        Number, heading, and what is asked, in words of our own.
    by_results : tuple of str
        Sentences of the results on it; empty where they say nothing.
    by_authors : str
        What the authors must write; empty where nothing is left to them.
    """

    item: str
    topic: str
    asks: str
    by_results: tuple[str, ...]
    by_authors: str

    @property
    def filled(self) -> str:
        """``"yes"``, ``"in part"`` or ``"no"``."""
        if not self.by_results:
            return "no"
        return "in part" if self.by_authors else "yes"

    @property
    def text(self) -> str:
        """What the results say, then what the authors must write."""
        return " ".join(self.sentences)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The text, sentence by sentence."""
        left = (f"{_AUTHORS}{self.by_authors}.",) if self.by_authors else ()
        return (*self.by_results, *left)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PrismaItems(Shown):
    """Items 12 to 20 of PRISMA 2020. Made by :func:`ketameta.reporting.prisma_items`.

    Attributes
    ----------
    items : tuple of PrismaItem
        The items in order.
    tables : dict of str to DataFrame
        Tables by number of the item: characteristics (17), judgements (18), results of each study (19), rows that are in
        no synthesis (20a); without those that are empty.
    """

    items: tuple[PrismaItem, ...]
    tables: Mapping[str, pd.DataFrame]

    def to_frame(self) -> pd.DataFrame:
        """One row an item: ``item, topic, asks, filled, text``."""
        rows = [[getattr(one, name) for name in _COLUMNS] for one in self.items]
        return pd.DataFrame(rows, columns=list(_COLUMNS), dtype=object)

    def to_markdown(self) -> str:
        """The items as a pipe table, every text escaped."""
        lines = [_COLUMNS, *([getattr(one, name) for name in _COLUMNS] for one in self.items)]
        told = [f"| {' | '.join(map(markdown_of, cells))} |" for cells in lines]
        told.insert(1, "|" + " --- |" * len(_COLUMNS))
        return "\n".join(told) + "\n"

    def to_html(self) -> str:
        """The items as HTML without scripts, every text escaped."""
        return self._repr_html_()

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold, without the tables."""
        return {"items": [{name: getattr(one, name) for name in _COLUMNS} for one in self.items]}

    def sentence(self) -> str:
        """Say how many items are filled."""
        filled = [one.filled for one in self.items]
        return (
            f"Of {len(filled)} items 12 to 20 of PRISMA 2020 the results fill {filled.count('yes')}, "
            f"{filled.count('in part')} in part, and leave {filled.count('no')} to the authors."
        )

    def _card(self) -> Card:
        rows = []
        for one in self.items:
            first, *others = one.sentences
            rows += [
                (f"{one.item} {one.topic}", one.filled, first),
                *((one.item, one.filled, more) for more in others),
            ]
        footer = ("Items after Page et al. 2021, BMJ 372:n71, in words of our own", *self._named_tables())
        return Card("PRISMA 2020, items 12 to 20", ("item", "filled", "text"), tuple(rows), (), footer)

    def _named_tables(self) -> tuple[str, ...]:
        return (f"Tables in .tables: {', '.join(self.tables)}",) if self.tables else ()
