"""One place that turns the contents of a result into text or HTML.

A result describes itself as a :class:`Card` of strings; this module knows no statistics.
"""

from __future__ import annotations

import html
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

__all__ = [
    "Card",
    "Options",
    "Shown",
    "card_html",
    "card_text",
    "error_html",
    "interval",
    "number",
    "p_value",
    "plain",
    "plural",
    "table_html",
    "wide_html",
]

MINUS = "\N{MINUS SIGN}"
_LONG = 1e9
_WIDEST = 500
_LONGEST = 4_000
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_NUMERIC = frozenset("0123456789.+<>[(~≈·–∞" + MINUS)
_NOTES = 12
_NUMBER_WIDTH = 40
_LONGEST_RULE = 60

_STYLE = """<style>
div.ketameta { font-size: 90%; line-height: 1.45; margin: .4em 0; max-width: 75em; }
div.ketameta > div { margin: .15em 0; }
div.ketameta .wide { overflow-x: auto; }
div.ketameta.ketameta table { border: 0; border-bottom: 1px solid; border-collapse: collapse; color: inherit; font-size: inherit;
  font-variant-numeric: tabular-nums; margin: 0 0 .4em; min-width: min(36em, 100%); }
div.ketameta.ketameta caption { caption-side: top; color: inherit; font-weight: bold; padding: 0 0 .4em; text-align: left; }
div.ketameta.ketameta table thead, div.ketameta.ketameta table tr:nth-child(n) { background: none; }
div.ketameta.ketameta table th, div.ketameta.ketameta table td { border: 0; color: inherit; font-weight: normal; padding: .25em 0 .25em 1.2em;
  text-align: left; vertical-align: top; }
div.ketameta.ketameta table thead th, div.ketameta.ketameta table thead td { border-bottom: 1px solid; border-top: 1px solid; font-weight: bold; }
div.ketameta.ketameta table th:first-child { padding-left: 0; }
div.ketameta.ketameta table .number { text-align: right; white-space: nowrap; }
div.ketameta .foot { font-size: 85%; opacity: .75; }
div.ketameta.error { border-left: 3px solid; padding-left: .8em; }
</style>"""


@dataclass(frozen=True, slots=True)
class Card:
    """What a result shows: a title, one table, notes, and a footer with method and provenance."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = field(default=())
    footer: tuple[str, ...] = field(default=())


class Shown(ABC):
    """A result that shows itself: its sentence in a list, its card as text in print() and as HTML in a notebook."""

    __slots__ = ()

    @abstractmethod
    def sentence(self) -> str:
        """Say in one sentence what was found."""

    @abstractmethod
    def _card(self) -> Card: ...

    def __str__(self) -> str:
        return card_text(self._card())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {plain(self.sentence(), _LONGEST)}>"

    def _repr_html_(self) -> str:
        return card_html(self._card())


class Options:
    """Options of a dataclass, all with defaults, that write themselves by what differs from these."""

    __slots__ = ()

    def __repr__(self) -> str:
        standard = type(self)()
        chosen = (
            f"{part.name}={getattr(self, part.name)!r}"
            for part in fields(self)  # type: ignore[arg-type]
            if getattr(self, part.name) != getattr(standard, part.name)
        )
        return f"{type(self).__name__}({', '.join(chosen)})"


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
        return f"{value:.3g}".replace("e+0", "e").replace("e+", "e").replace("-", MINUS)
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


def plural(count: int, one: str, many: str = "") -> str:
    """A number and its noun.

    Examples
    --------
    >>> from ketameta._render import plural
    >>> plural(1, "trial"), plural(2, "trial"), plural(3, "study", "studies")
    ('1 trial', '2 trials', '3 studies')
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def card_text(card: Card) -> str:
    """Render a card as aligned plain text: numbers to the right, words to the left; no table without columns."""
    lines = [plain(card.title, _LONGEST)]
    lines += ["", *_table_text(card.columns, card.rows)] if card.columns else []
    lines += [f"Note: {plain(note, _LONGEST)}" for note in card.notes]
    lines += ["", *(plain(line, _LONGEST) for line in card.footer)] if card.footer else []
    return "\n".join(lines)


def _table_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of an aligned table: its head, a rule, and its rows."""
    table = [tuple(plain(cell, _WIDEST) for cell in row) for row in (columns, *rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    layout = list(zip(widths, _numeric_columns(columns, rows), strict=True))
    lines = []
    for position, row in enumerate(table):
        cells = [
            cell.rjust(w) if right else cell.ljust(w) for cell, (w, right) in zip(row, layout, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
        if position == 0:
            lines.append("  ".join(("-" * min(w, _LONGEST_RULE)).ljust(w) for w in widths).rstrip())
    return lines


def card_html(card: Card) -> str:
    """Render a card as escaped HTML without scripts or colours of its own, legible on light and dark pages."""
    notes = [f"<div>Note: {_markup(note)}</div>" for note in card.notes]
    rest = "".join(notes[_NOTES:])
    parts = [
        wide_html(card.columns, card.rows, card.title)
        if card.columns
        else f"<div><strong>{_markup(card.title)}</strong></div>",
        *notes[:_NOTES],
        f"<details><summary>Further notes: {len(notes) - _NOTES}</summary>{rest}</details>" if rest else "",
        f"<div class='foot'>{'<br>'.join(map(_markup, card.footer))}</div>" if card.footer else "",
    ]
    return "\n".join((f"<div class='ketameta'>{_STYLE}", *filter(None, parts), "</div>"))


def error_html(kind: str, message: str) -> str:
    """Render an error as escaped HTML: its kind, then what was wrong."""
    lines = "<br>".join(map(_markup, message.split("\n")))
    return (
        f"<div class='ketameta error' role='alert'>{_STYLE}<strong>{_markup(kind)}</strong><br>{lines}</div>"
    )


def _row(cells: Sequence[str], classes: Sequence[str]) -> str:
    first = f"<th scope='row'>{_markup(cells[0], _WIDEST)}</th>"
    others = (
        f"<td{cls}>{_markup(cell, _WIDEST)}</td>" for cell, cls in zip(cells[1:], classes[1:], strict=True)
    )
    return f"<tr>{first}{''.join(others)}</tr>"


def _numeric_columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[bool]:
    """Which columns hold numbers; the first one names the rows."""
    return [False, *(_holds_numbers([row[i] for row in rows]) for i in range(1, len(columns)))]


def _holds_numbers(cells: Sequence[str]) -> bool:
    """Whether most cells of a column are empty, or short and start like a number, an interval or a mark for none."""
    alike = sum(not cell or (cell[0] in _NUMERIC and len(cell) <= _NUMBER_WIDTH) for cell in cells)
    return 2 * alike >= len(cells)


def table_html(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Render a table as escaped HTML; the first column holds row headers, columns of numbers bear a class."""
    classes = [" class='number'" if right else "" for right in _numeric_columns(columns, rows)]
    head = "".join(
        f"<th scope='col'{cls}>{_markup(name, _WIDEST)}</th>" if name else "<td></td>"
        for name, cls in zip(columns, classes, strict=True)
    )
    body = "\n".join(_row(row, classes) for row in rows)
    title = f"<caption>{_markup(caption)}</caption>\n" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def _markup(text: str, widest: int = _LONGEST) -> str:
    return html.escape(plain(text, widest))


def wide_html(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Render a table in a box that scrolls sideways and that a keyboard reaches under the name of the caption."""
    box = f"<div class='wide' tabindex='0' role='group' aria-label='{_markup(caption, _WIDEST)}'>"
    return f"{box}{table_html(columns, rows, caption)}</div>"
