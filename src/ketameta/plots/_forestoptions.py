"""What a forest plot shows, and how large."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ketameta.errors import FigureError
from ketameta.plots._asked import ends, flag, number_in, one_of, whole_in
from ketameta.plots._forestlayouts import LAYOUTS, ForestLayout
from ketameta.plots._rob import Judgements, read_judgements

__all__ = ["SMALLEST_TYPE", "ForestOptions"]

SMALLEST_TYPE = 5.0
_COLUMNS = ("auto", "full", "n", "none")


@dataclass(frozen=True, slots=True)
class ForestOptions:
    """What a forest plot shows, and how large.

    Attributes
    ----------
    layout : {"plain", "revman", "jama", "bmj", "wide"}
        Which columns stand where, and in which words: the look of this package, of RevMan, of JAMA, of
        the BMJ, or a wide table with dose and time for slides and landscape pages.
    width_mm : float, optional
        Width of a new figure in millimetres: 85 is a column, 180 a page, 254 a slide. By default the layout
        decides: 254 for ``"wide"``, 180 for the others.
    font_size : float, optional
        Size of the type in points; by default it follows the width and the number of rows.
    columns : {"auto", "full", "n", "none"}
        Columns of arm statistics: all, numbers only, none; ``"auto"`` takes what there is room for.
    extra : tuple of str, optional
        More columns, in order: ``"dose"`` (with its unit), ``"time"`` (in hours or days), or any column of the
        rows by its name. By default those of the layout that the rows have and there is room for.
    rob : DataFrame, Judgements or tuple of str, optional
        Judgements of risk of bias: a table as :func:`ketameta.plots.rob_plot` takes it, or the columns of the
        rows that hold them. A study of a table is found by its label, ``study_id`` or ``cohort_id``. A table
        is read at once: what is done to it later does not change the options.
    rob_tool : {"RoB 2", "ROBINS-I", "RoB 1"}
        Whose words the judgements are.
    weight : bool
        Show the column of weights (where there is room for it).
    digits : int
        Decimals of effects.
    limits : tuple of float, optional
        Ends of the effect axis as shown (ratios as ratios).
    prediction : bool
        Show the prediction interval.
    footer : bool
        Show method and provenance.

    Raises
    ------
    FigureError
        A value is none of these.

    Examples
    --------
    >>> from ketameta.plots import ForestOptions
    >>> ForestOptions(layout="wide").width
    254.0
    """

    layout: str = "plain"
    width_mm: float | None = None
    font_size: float | None = None
    columns: Literal["auto", "full", "n", "none"] = "auto"
    extra: tuple[str, ...] | None = None
    rob: pd.DataFrame | Judgements | tuple[str, ...] | None = None
    rob_tool: str = "RoB 2"
    weight: bool = True
    digits: int = 2
    limits: tuple[float, float] | None = None
    prediction: bool = True
    footer: bool = True

    def __post_init__(self) -> None:
        one_of("layout", self.layout, LAYOUTS)
        if self.width_mm is not None:
            number_in("width_mm", self.width_mm, 60, 1000, "mm")
        if self.font_size is not None:
            number_in("font_size", self.font_size, SMALLEST_TYPE, 40, "points")
        one_of("columns", self.columns, _COLUMNS)
        whole_in("digits", self.digits, 0, 6)
        for name in ("weight", "prediction", "footer"):
            flag(name, getattr(self, name))
        if self.limits is not None:
            ends(self.limits)
        if self.extra is not None:
            object.__setattr__(self, "extra", _names("extra", self.extra))
        if isinstance(self.rob, pd.DataFrame):
            object.__setattr__(self, "rob", read_judgements(self.rob, self.rob_tool))
        elif self.rob is not None and not isinstance(self.rob, Judgements):
            object.__setattr__(self, "rob", _names("rob", self.rob))

    @property
    def look(self) -> ForestLayout:
        """The layout."""
        return LAYOUTS[self.layout]

    @property
    def width(self) -> float:
        """Width of a new figure in millimetres."""
        return self.look.width_mm if self.width_mm is None else self.width_mm


def _names(option: str, given: object) -> tuple[str, ...]:
    """Names of columns, each once."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise FigureError(f"{option}={given!r}: give names of columns, such as ({str(given)!r},).")
    names = tuple(given)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise FigureError(f"{option}={names!r}: give names of columns as text, each once.")
    return names
