"""Names beside marks: where each has room, the most notable first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.errors import FigureError
from ketameta.plots._frame import Frame
from ketameta.plots.style import text_width, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Name", "draw_names", "place_names"]

_LONGEST = 0.38
_MOST = 15
_LINE = 1.2


@dataclass(frozen=True, slots=True)
class Name:
    """A name beside the mark of one study.

    Attributes
    ----------
    study : int
        Position of the study.
    text : str
        The name, broken into lines.
    dx, dy : float
        Distance of its centre from the mark in points.
    """

    study: int
    text: str
    dx: float
    dy: float


def place_names(
    frame: Frame,
    places: Array,
    names: Sequence[str],
    *,
    radius: ArrayLike,
    notable: ArrayLike,
    choice: str = "auto",
    lines: Array | None = None,
) -> tuple[Name, ...]:
    """Find room for names beside marks; a name without room stays away.

    Parameters
    ----------
    frame : Frame
        The panel.
    places : ndarray, shape (k, 2)
        Marks in points from the lower left corner of the panel, as :meth:`Frame.places` gives them.
    names : sequence of str, length k
        Names of the studies.
    radius : array_like, shape (k,) or scalar
        Radius of each mark in points.
    notable : array_like, shape (k,)
        Names are placed in falling order of this; NaN for studies that are not to be named.
    choice : {"auto", "all", "none"}
        Names for which there is room, at most fifteen; all; or none.
    lines : ndarray, shape (m, 2), optional
        Points along lines of the figure, in points; of the free places the one that covers fewest is taken.

    Returns
    -------
    tuple of Name
        Names that have room, in the order of the studies.

    Raises
    ------
    FigureError
        All names are asked for, and one has no room.
    """
    if choice == "none":
        return ()
    size, pad = frame.small, 0.35 * frame.size
    marks, reach = np.asarray(places, dtype=float), np.broadcast_to(np.asarray(radius, float), len(names))
    order = [int(i) for i in np.argsort(-np.asarray(notable, float), kind="stable")]
    dots = np.column_stack((marks - reach[:, None], marks + reach[:, None]))
    taken = [dots]
    drawn = np.zeros((0, 2)) if lines is None else np.asarray(lines, dtype=float)
    found: list[Name] = []
    for i in order:
        x, y = marks[i]
        inside = 0 <= x <= frame.panel_width and 0 <= y <= frame.panel_height
        if np.isnan(np.asarray(notable, float)[i]) or not inside:
            continue
        text = wrap(names[i], _LONGEST * frame.panel_width, size)
        width, height = max(text_width(line, size) for line in text), _LINE * size * len(text)
        free: list[tuple[int, Name, Array]] = []
        for dx, dy in _directions(width, height, reach[i] + pad):
            box = np.array([x + dx - width / 2, y + dy - height / 2, x + dx + width / 2, y + dy + height / 2])
            within = box[0] >= 0 and box[1] >= 0 and box[2] <= frame.panel_width + frame.right
            if within and box[3] <= frame.panel_height and not _touches(box, np.vstack(taken)):
                free.append((_covered(box, drawn), Name(i, "\n".join(text), float(dx), float(dy)), box))
        if free:
            _, name, box = min(free, key=lambda one: one[0])
            found.append(name)
            taken.append(box[None, :])
        elif choice == "all":
            raise FigureError(
                f"names='all': there is no room for the name {names[i]!r}; give a larger width_mm, a smaller "
                "font_size or names='auto'."
            )
        if choice == "auto" and len(found) == _MOST:
            break
    return tuple(sorted(found, key=lambda name: name.study))


def draw_names(ax: Axes, frame: Frame, found: Sequence[Name], x: ArrayLike, y: ArrayLike, ink: str) -> None:
    """Write names beside their marks.

    Parameters
    ----------
    ax : Axes
        The panel.
    frame : Frame
        How it is laid out.
    found : sequence of Name
        Names that have room.
    x, y : array_like, shape (k,)
        Marks of all studies on the shown scales.
    ink : str
        Colour of the names.
    """
    across, along = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    for name in found:
        ax.annotate(
            name.text.replace("$", r"\$"),
            (across[name.study], along[name.study]),
            xytext=(name.dx, name.dy),
            textcoords="offset points",
            ha="center",
            va="center",
            linespacing=_LINE,
            fontsize=frame.small,
            color=ink,
            zorder=5,
        )


def _directions(width: float, height: float, gap: float) -> list[tuple[float, float]]:
    """Centres of a box beside a mark, in the order in which they are tried."""
    x, y = gap + width / 2, gap + height / 2
    near = 0.7 * gap + width / 2, 0.7 * gap + height / 2
    corners = [(near[0], near[1]), (-near[0], near[1]), (near[0], -near[1]), (-near[0], -near[1])]
    return [(x, 0.0), (-x, 0.0), (0.0, y), (0.0, -y), *corners]


def _touches(box: Array, others: Array) -> bool:
    """Whether a box lies over any of others."""
    apart = (
        (others[:, 2] <= box[0])
        | (others[:, 0] >= box[2])
        | (others[:, 3] <= box[1])
        | (others[:, 1] >= box[3])
    )
    return bool(np.any(~apart))


def _covered(box: Array, points: Array) -> int:
    """How many points lie in a box."""
    x, y = points[:, 0], points[:, 1]
    return int(np.sum((x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])))
