"""Words over and under the panel of a forest plot: its heading, and who is favoured on its two sides."""

from __future__ import annotations

from ketameta.plots._layout import Layout
from ketameta.plots._table import Table
from ketameta.plots._words import sides
from ketameta.plots.style import text_width, wrap

__all__ = ["panel_head", "place_sides", "side_words", "sides_at"]

_ARROW_LEFT, _ARROW_RIGHT = "←\N{NO-BREAK SPACE}", "\N{NO-BREAK SPACE}→"
_BRITISH = "Favours"


def side_words(table: Table, favours: tuple[str, str] | None) -> tuple[str, str]:
    """Who is favoured on the left and on the right of the null, as the layout spells it."""
    left, right = sides(table.overall.rows, favours)
    spelt = table.layout.favours
    if left.startswith(_BRITISH):
        left, right = spelt + left.removeprefix(_BRITISH), spelt + right.removeprefix(_BRITISH)
    return left, right


def sides_at(layout: Layout, words: tuple[str, str], null: float) -> float:
    """Where the words on the two sides meet: at the null, unless a word has no room beside it there."""
    left, right = (
        max(text_width(word, layout.size, weight=_weight(layout)) for word in text.split(" "))
        + 1.2 * layout.size
        for text in (_ARROW_LEFT + words[0], words[1] + _ARROW_RIGHT)
    )
    return min(max(null, left), layout.width - right)


def place_sides(
    layout: Layout, words: tuple[str, str], at: float
) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], int | None]:
    """Words on the two sides of the null in lines, and the row of headings on which they end.

    Over the panel they stand among the headings where the panel has room for them, else over the
    headings, where they may reach over the columns beside. Under the axis there is no such row.
    """
    size, weight, (left, right) = layout.size, _weight(layout), words
    space = 0.5 * size
    if not layout.table.layout.above:
        under = (
            wrap(_ARROW_LEFT + left, at - space, size),
            wrap(right + _ARROW_RIGHT, layout.width - at - space, size),
        )
        return (tuple(under[0]), tuple(under[1])), None
    low, high = layout.panel
    widths = [text_width(text, size, weight=weight, screen=True) for text in words]
    if widths[0] <= at - space - low and widths[1] <= high - at - space:
        return ((left,), (right,)), 0
    edges = [(placed.left, placed.right) for placed in layout.columns if len(placed.head) > 1]
    edges += [(span.left, span.right) for span in layout.spans]
    low = max((end for _, end in edges if end <= low), default=-size)
    high = min((start for start, _ in edges if start >= high), default=layout.width + size)
    rooms = at - space - low - size, high - size - at - space
    over = [
        wrap(text, room, size, weight=weight, screen=True) for text, room in zip(words, rooms, strict=True)
    ]
    return (tuple(over[0]), tuple(over[1])), 1


def _weight(layout: Layout) -> str:
    """Weight of the words on the two sides: bold among headings."""
    return "bold" if layout.table.layout.above else "normal"


def panel_head(layout: Layout) -> tuple[str, ...]:
    """Headings over the panel: with the long name of the measure where there is room, else the short one."""
    table, size, (low, high) = layout.table, layout.size, layout.panel
    room = min(high - low + 2.4 * size, 2 * layout.width - low - high)
    for name in (table.words["title"], table.words["measure"]):
        lines = [text.format(**{**table.words, "title": name}) for text in table.layout.panel]
        if all(text_width(line, size, weight="bold", screen=True) <= room for line in lines):
            return tuple(lines)
    return ()
