"""Boxes of axes in points, and text at a distance from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ketameta.errors import FigureError
from ketameta.plots.style import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MARGIN_MM", "below", "box_size", "new_axes", "require_empty", "shrink"]

MARGIN_MM = 1.0


def new_axes(width_mm: float, height_mm: float) -> Axes:
    """Axes that fill a new figure up to its margin."""
    figure = new_figure(width_mm, height_mm)
    x, y = MARGIN_MM / width_mm, MARGIN_MM / height_mm
    return figure.add_axes((x, y, 1 - 2 * x, 1 - 2 * y))


def require_empty(ax: Axes) -> None:
    """Refuse what is not axes with a plain x and y in a figure, and axes that hold data or are shared."""
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise FigureError(f"ax: give matplotlib axes, not {type(ax).__name__}.")
    if ax.name != "rectilinear":
        raise FigureError(f"ax: give axes with a plain x and y, not {ax.name} ones.")
    if ax.figure is None:
        raise FigureError("ax: the axes were removed from their figure; give others.")
    if any(len(shared.get_siblings(ax)) > 1 for shared in (ax.get_shared_x_axes(), ax.get_shared_y_axes())):
        raise FigureError(
            "ax: the axes share an axis with others, whose limits would change too; leave sharex and sharey out."
        )
    if ax.has_data():
        raise FigureError("ax: the axes already hold data; give empty axes, or none.")


def box_size(ax: Axes) -> tuple[float, float]:
    """Width and height of axes in points, after any layout engine has had its say."""
    figure = ax.figure
    if figure.get_layout_engine() is not None:
        figure.canvas.figure.draw_without_rendering()
    box = ax.get_position().transformed(figure.transSubfigure)
    return box.width * 72 / figure.dpi, box.height * 72 / figure.dpi


def shrink(ax: Axes, *, left: float, top: float, width: float, height: float) -> None:
    """Give axes a smaller box: so far from the left and top edge of their old one, in points."""
    old = ax.get_position()
    full_width, full_height = box_size(ax)
    x, y = old.width / full_width, old.height / full_height
    ax.set_position((old.x0 + left * x, old.y1 - (top + height) * y, width * x, height * y))


def below(ax: Axes, x: float, depth: float, text: str, **look: Any) -> None:
    """Write at a fraction of the axes' width, with the baseline so many points under their lower edge."""
    from matplotlib.transforms import ScaledTranslation

    drop = ScaledTranslation(0, -depth / 72, ax.figure.dpi_scale_trans)
    ax.text(x, 0, text.replace("$", r"\$"), transform=ax.transAxes + drop, **{"va": "baseline", **look})
