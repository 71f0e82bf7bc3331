"""A drawn figure as files of the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["write_figure"]


def write_figure(folder: Path, key: str, axes: Axes) -> dict[str, tuple[Path, str]]:
    """Write one figure as PNG, SVG and PDF, and close it.

    Parameters
    ----------
    folder : Path
        Folder of figures; it exists.
    key : str
        Name of the figure and of its files.
    axes : Axes
        Axes that a function of :mod:`ketameta.plots` has drawn.

    Returns
    -------
    dict
        ``key`` to the SVG file and its description.
    """
    from matplotlib.pyplot import close

    from ketameta.plots import describe, save

    words = describe(axes)
    save(axes, folder / key)
    close(axes.figure.canvas.figure)
    return {key: (folder / f"{key}.svg", words)}
