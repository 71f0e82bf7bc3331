"""Rows, texts and marks of a forest plot that was drawn."""

from __future__ import annotations

from statistics import NormalDist

from matplotlib.axes import Axes
from matplotlib.text import Text

Z = NormalDist().inv_cdf(0.975)


def row_of(ax: Axes, start: str) -> float:
    """Height of the row whose label starts so."""
    found = [
        place
        for place, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
        if plain(label).strip().startswith(start)
    ]
    assert len(found) == 1
    return float(found[0])


def cells(ax: Axes, y: float) -> list[str]:
    """Texts beside the panel in a row, from the left."""
    found = [
        text for text in ax.texts if text.get_position()[1] == y and text.get_transform() is not ax.transData
    ]
    return [text.get_text() for text in sorted(found, key=lambda text: text.get_position()[0])]


def printed(ax: Axes) -> list:
    """Every text that is printed."""
    texts = [*ax.texts, *ax.get_yticklabels(), *ax.get_xticklabels(), ax.xaxis.label]
    return [text for text in texts if text.get_text().strip()]


def plain(text: Text) -> str:
    return text.get_text().replace("\N{NO-BREAK SPACE}", " ")


def words(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in printed(ax))
