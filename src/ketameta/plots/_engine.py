"""One guarded call of the package forestplot: its drawing, without its side effects.

forestplot 0.4.1 switches off NumPy's error state, resets ``font.monospace`` and adds a global
"ignore" to the warning filters when it is imported; it measures text with pyplot's current figure,
which may be another one or open a window, and pandas and matplotlib warn about some of its calls.
All of this is kept inside :func:`draw`.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ketameta._typing import ArrayLike
from ketameta.plots.style import Palette, font

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Intervals", "draw", "unique"]

_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Rows of a forest plot, from the top, on the shown scale; NaN where a row has no interval.

    Attributes
    ----------
    labels : sequence of str, length n
    estimate, low, high : array_like, shape (n,)
    area : array_like, shape (n,)
        Area of each square in square points.
    """

    labels: Sequence[str]
    estimate: ArrayLike
    low: ArrayLike
    high: ArrayLike
    area: ArrayLike


def unique(labels: Sequence[str]) -> list[str]:
    """Labels made distinct by spaces at their end, since forestplot joins rows of one name.

    Examples
    --------
    >>> from ketameta.plots._engine import unique
    >>> unique(["A", "B", "A"])
    ['A', 'B', 'A ']
    """
    names: list[str] = []
    taken: set[str] = set()
    for label in labels:
        text = label.rstrip() or " "
        while text in taken:
            text += " "
        taken.add(text)
        names.append(text)
    return names


def draw(
    ax: Axes,
    rows: Intervals,
    *,
    heading: str,
    ratio: bool,
    limits: tuple[float, float],
    ticks: Sequence[float],
    tick_labels: Sequence[str],
    size: float,
    palette: Palette,
) -> None:
    """Draw row labels, interval lines, squares and the effect axis with forestplot.

    The rows stand at ``n - 1, ..., 0`` of the y axis, the heading at ``n``.
    """
    names = unique([heading, *rows.labels])
    frame = pd.DataFrame(
        {
            "label": [name.replace("$", r"\$") for name in names[1:]],
            "estimate": np.asarray(rows.estimate, dtype=float),
            "low": np.asarray(rows.low, dtype=float),
            "high": np.asarray(rows.high, dtype=float),
        }
    )
    area = [*np.asarray(rows.area, dtype=float)[::-1].tolist(), 0.0]
    with _guard(ax) as package:
        package.forestplot(
            frame,
            estimate="estimate",
            varlabel="label",
            ll="low",
            hl="high",
            form_ci_report=False,
            ci_report=False,
            logscale=ratio,
            flush=True,
            xticks=list(ticks),
            ax=ax,
            variable_header=names[0],
            xticklabels=list(tick_labels),
            xlim=limits,
            xline=None,
            markersize=area,
            markercolor=palette.study,
            markeralpha=1.0,
            linecolor=palette.ink,
            lw=0.8,
            fontfamily=list(font()),
            fontsize=size,
            xtick_size=size,
        )


@contextmanager
def _guard(ax: Axes) -> Iterator[Any]:
    """The package forestplot, measuring text for these axes and leaving no trace."""
    import matplotlib
    from matplotlib.backends.backend_agg import RendererAgg

    renderer = RendererAgg(1, 1, ax.figure.dpi)  # type: ignore[no-untyped-call]
    canvas = SimpleNamespace(get_renderer=lambda: renderer)
    stand_in = SimpleNamespace(gcf=lambda: SimpleNamespace(canvas=canvas))
    with _LOCK, np.errstate(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with matplotlib.rc_context():
            import forestplot
            from forestplot import graph_utils
        pyplot = graph_utils.plt
        graph_utils.plt = stand_in
        try:
            yield forestplot
        finally:
            graph_utils.plt = pyplot
