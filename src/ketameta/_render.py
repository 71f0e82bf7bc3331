"""One place that turns the contents of a result into text or HTML.

A result describes itself as a :class:`Card` of strings; this module knows no statistics.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Card", "card_html", "card_text", "interval", "number", "p_value", "table_html"]

MINUS = "\N{MINUS SIGN}"
_LONG = 1e9
_WIDEST = 500
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Card:
    """What a result shows: a title, one table, notes, and a footer with method and provenance."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = field(default=())
    footer: tuple[str, ...] = field(default=())


def number(value: float | None, digits: int = 2) -> str:
    """Fixed-point text with a true minus sign; an en dash for a missing value.

    Examples
    --------
    >>> from ketameta._render import number
    >>> number(0.5), number(None), number(-0.004)
    ('0.50', '–', '0.00')
    """
    if value is None or value != value:
        return "–"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else MINUS + "∞"
    if abs(value) >= _LONG:
        return f"{value:.3g}".replace("e+", "e").replace("-", MINUS)
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        return text.lstrip("-")
    return text.replace("-", MINUS)


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    """Text of an interval, ``[low, high]``."""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def p_value(p: float | None) -> str:
    """P value as journals print it: two digits, three below 0.01, ``<0.001`` under that.

    Examples
    --------
    >>> from ketameta._render import p_value
    >>> p_value(0.0432), p_value(0.0043), p_value(1e-9)
    ('0.04', '0.004', '<0.001')
    """
    if p is None or p != p:
        return "–"
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.01 or 0.045 <= p < 0.055 else f"{p:.2f}"


def plain(text: str, widest: int | None = None) -> str:
    r"""Text with control characters spelled out and, on request, an ellipsis after so many characters.

    Examples
    --------
    >>> from ketameta._render import plain
    >>> plain("a\x1b[31m"), plain("abcdef", widest=4)
    ('a\\x1b[31m', 'abc…')
    """
    cut = text if widest is None or len(text) <= widest else text[: widest - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in _UNSEEN else c for c in cut
    )


def card_text(card: Card) -> str:
    """Render a card as aligned plain text."""
    table = [tuple(plain(cell, _WIDEST) for cell in row) for row in (card.columns, *card.rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(card.columns))]
    lines = [plain(card.title), ""]
    for position, row in enumerate(table):
        cells = [
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        if position == 0:
            lines.append("  ".join("-" * w for w in widths))
    lines += [f"Note: {plain(note)}" for note in card.notes]
    lines += ["", *(plain(line) for line in card.footer)] if card.footer else []
    return "\n".join(lines)


def card_html(card: Card) -> str:
    """Render a card as escaped HTML without scripts, legible on light and dark pages."""
    notes = "".join(f"<p style='margin:.2em 0'>Note: {_markup(note)}</p>" for note in card.notes)
    footer = "<br>".join(_markup(line) for line in card.footer)
    return (
        "<div class='ketameta' style='font-size:90%'>"
        f"<p style='margin:.2em 0'><strong>{_markup(card.title)}</strong></p>"
        f"{table_html(card.columns, card.rows)}{notes}"
        f"<p style='margin:.2em 0;opacity:.7;font-size:85%'>{footer}</p></div>"
    )


def table_html(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a table as escaped HTML; the first column is read as row headers."""
    head = "".join(f"<th scope='col'>{_markup(name, _WIDEST)}</th>" for name in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f"<th scope='row' style='text-align:left;font-weight:normal'>{_markup(cell, _WIDEST)}</th>"
            if i == 0
            else f"<td style='text-align:right'>{_markup(cell, _WIDEST)}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _markup(text: str, widest: int | None = None) -> str:
    return html.escape(plain(text, widest))
