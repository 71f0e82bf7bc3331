"""Room for the texts of a figure: which are printed, whether two touch, whether one leaves its box."""

from __future__ import annotations

from itertools import combinations
from unittest.mock import patch

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.text import Text
from matplotlib.transforms import Bbox, BboxBase


def texts_of(drawn: Axes | Figure | SubFigure) -> list[tuple[str, Bbox]]:
    """Every text that drawing prints, in order of drawing, with its box in pixels.

    These are tick labels in view, labels of axes, titles, legends, annotations (without their arrows) and
    free texts of a figure, of a subfigure or of axes; not what is empty, hidden or out of view.
    """
    printed: list[Text] = []
    draw = Text.draw

    def noted(text: Text, *args: object, **kwargs: object) -> None:
        if text.get_visible() and text.get_text().strip():
            printed.append(text)
        draw(text, *args, **kwargs)

    with patch.object(Text, "draw", noted):
        drawn.figure.canvas.figure.draw_without_rendering()
    own = set(drawn.findobj(Text))
    return [(text.get_text(), Text.get_window_extent(text)) for text in printed if text in own]


def assert_apart(drawn: Axes | Figure | SubFigure) -> None:
    """No two texts touch; boxes of letters may share a hair, as they are wider than their ink."""
    hair = drawn.figure.canvas.figure.dpi / 100
    for (one, a), (two, b) in combinations(texts_of(drawn), 2):
        beside = a.x1 <= b.x0 + hair or b.x1 <= a.x0 + hair
        assert beside or a.y1 <= b.y0 + 1.5 * hair or b.y1 <= a.y0 + 1.5 * hair, (one, two)


def assert_inside(
    drawn: Axes | Figure | SubFigure, box: BboxBase | None = None, *, slack: float = 0.0
) -> None:
    """Every text lies in a box in pixels, which is the (sub)figure unless given; `slack` in pixels."""
    if box is None:
        box = drawn.figure.bbox if isinstance(drawn, Axes) else drawn.bbox
    for name, text in texts_of(drawn):
        assert box.x0 - slack <= text.x0 <= text.x1 <= box.x1 + slack, name
        assert box.y0 - slack <= text.y0 <= text.y1 <= box.y1 + slack, name
