from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketameta.errors import FigureError
from ketameta.plots import FigureOptions
from ketameta.plots._frame import Axis, Frame, Words, open_frame
from ketameta.plots._names import place_names
from ketameta.plots._scale import scale_of
from ketameta.plots.style import text_width

from .room import assert_apart, assert_inside


def axis(low: float, high: float, measure: str = "SMD", **extra: object) -> Axis:
    return Axis("A name", scale_of(measure), low, high, **extra)


def frame_of(**extra: object) -> Frame:
    ax, frame, _ = open_frame(None, FigureOptions(**extra), axis(-2, 1), axis(0, 5), Words())
    plt.close(ax.figure)
    return frame


def test_places_on_an_axis() -> None:
    plain, turned, ratio = axis(-2, 2), axis(-2, 2, inverted=True), axis(np.log(0.1), np.log(10), "OR")
    np.testing.assert_allclose(plain.share([-2, 0, 2]), [0, 0.5, 1])
    np.testing.assert_allclose(turned.share([-2, 1, 2]), [1, 0.25, 0])
    np.testing.assert_allclose(ratio.share(np.log([0.1, 1, 10])), [0, 0.5, 1])
    assert plain.limits == (-2, 2)
    assert turned.limits == (2, -2)
    np.testing.assert_allclose(ratio.limits, [0.1, 10])


@pytest.mark.parametrize(
    ("measure", "inverted"), [("SMD", False), ("SMD", True), ("OR", False), ("OR", True)]
)
def test_points_of_the_layout_are_those_that_are_drawn(measure: str, inverted: bool) -> None:
    ax, frame, _ = open_frame(
        None, FigureOptions(), axis(-2, 3, measure, inverted=inverted), axis(-1, 4, measure), Words("A title")
    )
    points = np.array([[-2, -1], [0.3, 2], [2.9, 3.9]])
    shown = scale_of(measure).shown(points)
    drawn = ax.transData.transform(shown) - ax.bbox.p0
    np.testing.assert_allclose(
        frame.places(points[:, 0], points[:, 1]), drawn * 72 / ax.figure.dpi, atol=1e-6
    )


@given(
    low=st.floats(-6, 4),
    span=st.floats(0.01, 8),
    width=st.sampled_from([60.0, 85.0, 180.0, 254.0]),
    measure=st.sampled_from(["SMD", "OR"]),
    title=st.sampled_from([None, "A rather long title of a figure that takes more than one line of print"]),
)
@settings(max_examples=25, deadline=None)
def test_what_stands_around_a_panel_has_room(
    low: float, span: float, width: float, measure: str, title: str | None
) -> None:
    words = Words(title, foot=("A note. " * 20, "Method."))
    sides = ("Favours ketamine", "Favours a comparator")
    across = axis(low, low + span, measure, sides=sides)
    ax, _, _ = open_frame(None, FigureOptions(width_mm=width), across, axis(low, low + span, measure), words)
    assert_apart(ax)
    assert_inside(ax)
    plt.close(ax.figure)


def test_type_shrinks_in_small_axes_and_is_refused_in_tiny_ones() -> None:
    small = plt.figure(figsize=(2.1, 2.1)).add_subplot()
    _, frame, _ = open_frame(small, FigureOptions(), axis(0, 1), axis(0, 1), Words("Title", foot=("x",)))
    assert 5 <= frame.size < 6.5
    tiny = plt.figure(figsize=(1, 1)).add_subplot()
    with pytest.raises(FigureError, match="does not fit in 20 mm x 20 mm"):
        open_frame(tiny, FigureOptions(), axis(0, 1), axis(0, 1), Words("Title", foot=("x",)))


def boxes(frame: Frame, names: tuple, places: np.ndarray) -> list[tuple[float, float, float, float]]:
    found = []
    for name in names:
        x, y = places[name.study] + [name.dx, name.dy]
        lines = name.text.split("\n")
        half = max(text_width(line, frame.small) for line in lines) / 2, 0.6 * frame.small * len(lines)
        found.append((x - half[0], y - half[1], x + half[0], y + half[1]))
    return found


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_names_touch_neither_each_other_nor_marks(seed: int) -> None:
    frame, rng = frame_of(), np.random.default_rng(seed)
    places = rng.uniform(0, 1, (30, 2)) * [frame.panel_width, frame.panel_height]
    texts = ["A trial " * int(rng.integers(1, 6)) for _ in range(30)]
    names = place_names(frame, places, texts, radius=3.0, notable=rng.uniform(size=30))
    found = boxes(frame, names, places)
    for i, (a, b, c, d) in enumerate(found):
        for e, f, g, h in found[:i]:
            assert c <= e or g <= a or d <= f or h <= b
        for x, y in places:
            assert x + 3 <= a + 1e-9 or x - 3 >= c - 1e-9 or y + 3 <= b + 1e-9 or y - 3 >= d - 1e-9


def test_the_most_notable_are_named_first_and_lines_are_avoided() -> None:
    frame = frame_of()
    middle = np.array([[frame.panel_width / 2, frame.panel_height / 2]] * 12)
    (one, *_) = place_names(frame, middle, ["n"] * 12, radius=2.0, notable=np.arange(12.0))
    assert one.study in range(12)
    notable = np.full(12, np.nan)
    notable[7] = 1
    assert [name.study for name in place_names(frame, middle, ["n"] * 12, radius=2, notable=notable)] == [7]
    right = np.column_stack((middle[0, 0] + np.arange(1.0, 30), np.full(29, middle[0, 1])))
    (free,) = place_names(frame, middle[:1], ["n"], radius=2, notable=[1])
    (moved,) = place_names(frame, middle[:1], ["n"], radius=2, notable=[1], lines=right)
    assert free.dx > 0
    assert moved.dx < 0


def test_a_mark_outside_the_panel_has_no_name() -> None:
    frame = frame_of()
    away = np.array([[-5.0, 10.0], [frame.panel_width + 5, 10.0]])
    assert place_names(frame, away, ["a", "b"], radius=2, notable=[1, 1]) == ()
