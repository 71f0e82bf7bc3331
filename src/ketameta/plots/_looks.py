"""Looks of lines that figures share."""

from __future__ import annotations

from typing import Any

from ketameta.plots.style import Palette

__all__ = ["edge_look", "estimate_look", "null_look"]


def null_look(palette: Palette) -> dict[str, Any]:
    """The line of no difference: thin and dotted."""
    return {"color": palette.ink, "linewidth": 0.8, "linestyle": (0, (1, 1.5))}


def estimate_look(palette: Palette) -> dict[str, Any]:
    """The line of a pooled estimate."""
    return {"color": palette.pooled, "linewidth": 1.2}


def edge_look(palette: Palette) -> dict[str, Any]:
    """The edges of a region in which studies are expected."""
    return {"color": palette.muted, "linewidth": 0.8, "linestyle": (0, (3, 2))}
