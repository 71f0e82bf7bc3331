"""The helpers that look for texts which touch or leave the page find them."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .room import assert_apart, assert_inside, texts_of


@pytest.fixture
def ax() -> Axes:
    ax = Figure(figsize=(5, 4)).subplots()
    ax.set_xticks([0, 0.5, 1, 2], labels=["a", "b", "c", "out of view"])
    ax.set(xlim=(0, 1), ylim=(0, 1), yticks=[])
    return ax


def names(drawn: Axes | Figure) -> set[str]:
    return {name for name, _ in texts_of(drawn)}


def test_texts_are_those_that_are_printed(ax: Axes) -> None:
    ax.set(xlabel="axis", title="title")
    ax.plot([0, 1], [0, 1], label="line")
    ax.legend(title="legend")
    ax.annotate("note", (0.2, 0.1), (0.5, 0.8), arrowprops={"arrowstyle": "->"})
    ax.text(0.5, 0.2, " ")
    ax.text(0.5, 0.2, "hidden", visible=False)
    ax.figure.text(0.01, 0.01, "foot")
    own = {"a", "b", "c", "axis", "title", "line", "legend", "note"}
    assert names(ax) == own
    assert names(ax.figure) == own | {"foot"}
    (note,) = [box for name, box in texts_of(ax) if name == "note"]
    assert note.height < 0.1 * ax.bbox.height
    ax.set_axis_off()
    assert "a" not in names(ax)


def test_texts_of_a_subfigure_are_its_own() -> None:
    left, right = Figure(figsize=(6, 3)).subfigures(1, 2)
    ax = left.subplots()
    ax.set_title("left")
    right.subplots().set_title("right")
    assert {"left"} == names(left) - names(right)
    ax.text(1.6, 0.5, "over the border", transform=ax.transAxes)
    assert_inside(right)
    for drawn in (left, ax):
        with pytest.raises(AssertionError, match="over the border"):
            assert_inside(drawn)
    assert_inside(ax, left.figure.bbox)


def test_texts_that_touch_are_found(ax: Axes) -> None:
    assert_apart(ax.figure)
    ax.text(0.5, 0.5, "one")
    ax.text(0.51, 0.51, "two")
    with pytest.raises(AssertionError, match=r"'one', 'two'"):
        assert_apart(ax.figure)


@pytest.mark.parametrize(("x", "y"), [(-0.01, 0.5), (0.99, 0.5), (0.5, -0.01), (0.5, 0.99)])
def test_texts_that_leave_the_page_are_found(ax: Axes, x: float, y: float) -> None:
    assert_inside(ax.figure)
    ax.figure.text(x, y, "gone")
    with pytest.raises(AssertionError, match="gone"):
        assert_inside(ax.figure)
    with pytest.raises(AssertionError, match="gone"):
        assert_inside(ax.figure, slack=1)
    assert_inside(ax.figure, slack=60)
