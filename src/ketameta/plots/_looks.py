"""Looks of lines that figures share."""

from __future__ import annotations

from typing import Any

from ketameta.plots.style import Palette

__all__ = ["null_look"]


def null_look(palette: Palette) -> dict[str, Any]:
    """The line of no difference: thin and dotted."""
    return {"color": palette.ink, "linewidth": 0.8, "linestyle": (0, (1, 1.5))}
