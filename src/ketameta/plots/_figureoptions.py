"""What a reader may choose of a figure."""

from __future__ import annotations

from dataclasses import dataclass

from ketameta.plots._asked import flag, number_in, one_of

__all__ = ["FigureOptions"]


@dataclass(frozen=True, slots=True)
class FigureOptions:
    """How large a figure is, and what stands beside its data.

    Attributes
    ----------
    width_mm : float
        Width of a new figure in millimetres: 180 fills a page, 85 a column, 254 a slide.
    font_size : float, optional
        Size of the type in points; by default it follows the width.
    names : {"auto", "all", "none"}
        Which studies are named beside their marks: those for which there is room (the most notable
        first), all, or none.
    footer : bool
        Show notes, method and provenance.
    """

    width_mm: float = 120.0
    font_size: float | None = None
    names: str = "auto"
    footer: bool = True

    def __post_init__(self) -> None:
        number_in("width_mm", self.width_mm, 60, 1000, "mm")
        if self.font_size is not None:
            number_in("font_size", self.font_size, 5, 40, "points")
        one_of("names", self.names, ("auto", "all", "none"))
        flag("footer", self.footer)
