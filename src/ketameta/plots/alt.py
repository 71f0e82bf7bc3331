"""Figures in words, for readers who do not see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ketameta._render import plain
from ketameta.errors import FigureError
from ketameta.plots._scale import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["axis_words", "describe", "remember", "sentences", "words_of"]

_WORDS: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()


def remember(ax: Axes, words: str) -> None:
    """Keep the words of what was drawn in axes, for :func:`describe`, on one line that any file can hold."""
    _WORDS[ax] = plain(words.replace("\n", " "))


def describe(figure: Figure | SubFigure | Axes) -> str:
    """Describe a figure in words: what is drawn, and what it shows.

    :func:`save` writes the same words into the files.

    Parameters
    ----------
    figure : Figure, SubFigure or Axes
        What a function of this package drew in; of a figure with several axes all are described.

    Returns
    -------
    str
        A few sentences for each of its axes, numbers as in the figure.

    Raises
    ------
    FigureError
        No function of this package drew in it.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots import describe
    >>> ax = km.forest(km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08]))
    >>> print(describe(ax).split(". ")[0])
    Forest plot of 3 studies
    >>> plt.close(ax.figure)
    """
    if not hasattr(figure, "get_children"):
        raise FigureError(f"describe() takes a figure or axes, not {type(figure).__name__}.")
    words = words_of(figure)
    if not words:
        raise FigureError("describe(): no function of ketameta drew in this figure; it has no words for it.")
    return words


def words_of(figure: Figure | SubFigure | Axes) -> str:
    """Words of what was drawn in a figure or axes, empty where there are none."""
    every: Sequence[Axes] = figure.axes if isinstance(figure.axes, list) else [figure]
    return " ".join(_WORDS[ax] for ax in every if ax in _WORDS)


def axis_words(scale: Scale, under: str, over: str) -> str:
    """What the effect axis shows, and who is favoured on its two halves."""
    return f"Axis: {scale.title}; under {scale.null:g} {under.lower()}, over {scale.null:g} {over.lower()}"


def sentences(parts: list[str]) -> str:
    """Parts of a description, each ended by a full stop."""
    return " ".join(f"{part}." for part in parts)
