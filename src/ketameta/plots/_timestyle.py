"""How the curves of one figure are told apart: by colour, by dashes, and by the shape of their dots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ketameta.plots.style import DARK, Palette

__all__ = ["BRIDGED", "Style", "styles"]

BRIDGED: Any = (0, (3, 2))
_LIGHT_HUES = ("#14385c", "#c05208", "#0a7f63", "#93418a", "#3d8fd1", "#5c5c5c")
_DARK_HUES = ("#9cc9f2", "#f0a35e", "#4fcfa8", "#e59ad9", "#5aa6ec", "#bdbdbd")
_DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.6)),
    (0, (1.2, 1.2)),
    (0, (6, 1.4, 1.2, 1.4)),
    (0, (9, 2)),
    (0, (2.5, 2.5)),
)
_MARKERS = ("o", "s", "^", "D", "v", "p")


@dataclass(frozen=True, slots=True)
class Style:
    """Look of one curve.

    Attributes
    ----------
    line, fill : str
        Colours of the curve, and of its bands and dots.
    dash : str or tuple
        Dashes of the curve.
    marker : str
        Shape of its dots.
    """

    line: str
    fill: str
    dash: Any
    marker: str


def styles(count: int, palette: Palette) -> tuple[Style, ...]:
    """Looks of so many curves on that paper; one curve alone is drawn in the colours of all figures."""
    if count == 1:
        return (Style(palette.pooled, palette.study, "-", "o"),)
    hues = _DARK_HUES if palette is DARK else _LIGHT_HUES
    return tuple(
        Style(hue, hue, dash, marker)
        for hue, dash, marker in list(zip(hues, _DASHES, _MARKERS, strict=True))[:count]
    )
