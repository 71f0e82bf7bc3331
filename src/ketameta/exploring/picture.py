"""A figure as HTML that a notebook shows on light and on dark pages."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

from ketameta.plots import describe
from ketameta.plots.style import quiet_rc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["picture"]

_LOOK = (
    "width:100%;max-width:860px;box-sizing:border-box;padding:12px;border-radius:6px;"
    "background:#fff;border:1px solid rgba(127,127,127,.35)"
)


def picture(ax: Axes) -> str:
    """Figure of some axes as an image with its description, on white paper of its own; the figure is closed."""
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    figure = ax.figure.canvas.figure
    buffer = io.BytesIO()
    try:
        with quiet_rc():
            FigureCanvasSVG(figure).print_svg(  # type: ignore[no-untyped-call]
                buffer, metadata={"Date": None}
            )
        words = describe(figure)
    finally:
        plt.close(figure)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f"<img src='data:image/svg+xml;base64,{data}' alt='{html.escape(words, quote=True)}' style='{_LOOK}'>"
    )
