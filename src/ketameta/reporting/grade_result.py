"""A summary of findings as a result: frame, card, Markdown, LaTeX, HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown, card_html, number, plain, plural
from ketameta.models.result import level_text
from ketameta.reporting._latex import to_prose
from ketameta.reporting.grade_cells import INPUTS, NOT_JUDGED, finding_cells, finding_heads, input_cells
from ketameta.reporting.grade_notes import footnotes
from ketameta.reporting.grade_options import SummaryOptions
from ketameta.reporting.grade_row import SummaryRow

__all__ = ["SummaryOfFindings"]

_TITLE = "Summary of findings"
_SECOND = "What the certainty is judged on"
_WRAPPED = (
    "<style>div.summary-of-findings div.ketameta.ketameta { max-width: none; } "
    "div.summary-of-findings div.ketameta.ketameta table .number { text-align: left; white-space: normal; } "
    "div.summary-of-findings tbody th { min-width: 7em; overflow-wrap: anywhere; }</style>"
)
_MARKDOWN = re.compile(r"([\\`*_\[\]|~$^])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SummaryOfFindings(Shown):
    """A GRADE summary of findings: effects, absolute effects, and what certainty is judged on.

    Certainty is the user's judgement or "not judged"; nothing here judges.

    Attributes
    ----------
    rows : tuple of SummaryRow
        The outcomes, in the order given.
    options : SummaryOptions
        What the optimal information size is for, and the tool of the risk of bias.
    """

    rows: tuple[SummaryRow, ...]
    options: SummaryOptions

    @property
    def notes(self) -> tuple[str, ...]:
        """The footnotes: first those with a number in the table, then those of all outcomes."""
        texts, marks = footnotes(self.rows, self.options)
        marked = {i for each in marks for i in each}
        return tuple(f"[{i}] {text}" if i in marked else text for i, text in enumerate(texts, 1))

    def to_frame(self) -> pd.DataFrame:
        """One row an outcome, numbers unrounded.

        Ratios stand as ratios, risks and shares as parts of 1, differences as ketamine less comparator; ``nnt`` is above
        0 to benefit and below 0 to harm, ``nnt_low`` and ``nnt_high`` those of the limits of the benefit.
        """
        return pd.DataFrame([row.record() for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        return {"outcomes": [row.plain() for row in self.rows], "notes": list(self.notes)}

    def to_markdown(self) -> str:
        """Both tables and the footnotes as Markdown (pipe tables), every text escaped."""
        parts = []
        for card in self._cards():
            lines = [card.columns, *card.rows]
            told = [f"| {' | '.join(map(_markdown, cells))} |" for cells in lines]
            told.insert(1, "|" + " --- |" * len(card.columns))
            parts.append("\n".join((f"**{_markdown(card.title)}**", "", *told)))
        return "\n\n".join((*parts, *map(_markdown, self._foot()))) + "\n"

    def to_latex(self) -> str:
        r"""Both tables and the footnotes as LaTeX for the packages booktabs and array, every text escaped.

        Letters that are neither Latin nor Greek need XeLaTeX or LuaLaTeX.
        """
        return "\n".join((*map(_latex_table, self._cards()), *_latex_foot(self._foot()), ""))

    def to_html(self) -> str:
        """Both tables and the footnotes as HTML without scripts, every text escaped and every note open, to print."""
        cards = [card_html(card).replace("<details>", "<details open>") for card in self._cards()]
        return "\n".join(("<div class='summary-of-findings'>", _WRAPPED, *cards, "</div>"))

    def _repr_html_(self) -> str:
        return self.to_html()

    def sentence(self) -> str:
        """Say of each outcome the effect and the certainty."""
        return f"{_TITLE} of {plural(len(self.rows), 'outcome')}: {'; '.join(map(_said, self.rows))}."

    def _foot(self) -> tuple[str, ...]:
        return (*self.notes, *dict.fromkeys(row.provenance for row in self.rows))

    def _cards(self) -> tuple[Card, Card]:
        """The table of findings without its notes, and that of the inputs with all of them."""
        whole = self._card()
        rows = tuple(map(input_cells, self.rows))
        return Card(whole.title, whole.columns, whole.rows), Card(
            _SECOND, INPUTS, rows, whole.notes, whole.footer
        )

    def _card(self) -> Card:
        _, marks = footnotes(self.rows, self.options)
        one_level = len({row.level for row in self.rows}) == 1
        rows = tuple(
            _marked(finding_cells(row, one_level=one_level), own)
            for row, own in zip(self.rows, marks, strict=True)
        )
        footer = tuple(dict.fromkeys(row.provenance for row in self.rows))
        return Card(_TITLE, finding_heads(self.rows), rows, self.notes, footer)


def _marked(cells: tuple[str, ...], own: Sequence[int]) -> tuple[str, ...]:
    """Cells of an outcome, the first with the numbers of its footnotes."""
    return (f"{cells[0]} [{', '.join(map(str, own))}]", *cells[1:])


def _said(row: SummaryRow) -> str:
    value, low, high = map(number, row.effect)
    certainty = f"{row.judged.certainty} certainty" if row.judged.certainty else f"certainty {NOT_JUDGED}"
    return (
        f"{plain(row.outcome)}, {row.measure or 'effect'} {value} ({level_text(row.level)} CI {low} to {high}; "
        f"{plural(row.k, 'trial')}; {certainty})"
    )


def _markdown(text: str) -> str:
    return "".join(_ENTITIES.get(c, c) for c in _MARKDOWN.sub(r"\\\1", plain(text)))


def _latex_table(card: Card) -> str:
    many = len(card.columns)
    width = rf"\dimexpr(\linewidth-{2 * (many - 1)}\tabcolsep)/{many}\relax"
    columns = rf"@{{}}*{{{many}}}{{>{{\raggedright\arraybackslash\hspace{{0pt}}}}p{{{width}}}}}@{{}}"
    head, *body = (" & ".join(map(to_prose, cells)) for cells in (card.columns, *card.rows))
    return "\n".join(
        (
            r"\begin{table}[htbp]",
            rf"\caption{{{to_prose(card.title)}}}",
            r"\scriptsize\setlength{\tabcolsep}{2pt}\renewcommand{\arraystretch}{1.3}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            rf"{head} \\",
            r"\midrule",
            *(rf"{{}}{line} \\" for line in body),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        )
    )


def _latex_foot(lines: Iterable[str]) -> tuple[str, ...]:
    return (
        r"\begingroup\footnotesize",
        *(rf"\par\noindent {to_prose(line)}" for line in lines),
        r"\par\endgroup",
    )
