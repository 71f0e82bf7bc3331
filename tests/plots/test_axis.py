"""Axes of categories and of whole numbers."""

from __future__ import annotations

import pytest

from ketameta.plots._axis import Axis
from ketameta.plots._scale import scale_of
from ketameta.plots.style import text_width

PLAIN = scale_of("effect")
LEVELS = ("inactive", "psychoactive", "another kind of care")


def columns(*levels: str) -> Axis:
    return Axis("Kind", PLAIN, -0.5, len(levels) - 0.5, levels=levels)


def test_every_category_has_its_tick() -> None:
    axis = columns(*LEVELS)
    assert axis.fitting_ticks(10, 5, 8, upright=False) == (0, 1, 2)
    assert axis.share([0, 1, 2]).tolist() == pytest.approx([1 / 6, 1 / 2, 5 / 6])


def test_names_of_categories_are_broken_where_their_words_fit() -> None:
    found = columns(*LEVELS).labels((0, 1, 2), 250, 8)
    assert not found.turned
    assert found.texts[:2] == LEVELS[:2]
    assert found.texts[2].split() == LEVELS[2].split()
    lines = found.texts[2].count("\n")
    assert lines >= 1
    assert found.depth == pytest.approx(1.2 * 8 * lines)
    assert all(text_width(text, 8, screen=True) <= 250 / 3 for text in found.texts)


def test_names_of_categories_are_turned_where_a_word_is_too_long() -> None:
    found = columns(*LEVELS).labels((0, 1, 2), 120, 8)
    assert found.turned
    longest = max(text_width(text, 8, screen=True) for text in found.texts)
    assert found.depth == pytest.approx(longest - 8)
    narrow = columns(*["a name of many words that goes on and on"] * 12).labels(tuple(range(12)), 130, 8)
    assert all(text.count("\n") == 0 for text in narrow.texts)


def test_ticks_of_whole_numbers() -> None:
    def ticks(room: float, *, whole: bool) -> tuple[float, ...]:
        return Axis("Year", PLAIN, 2010.0, 2014.0, whole=whole).fitting_ticks(room, 4, 8, upright=False)

    rooms = range(80, 800, 20)
    assert any(tick != round(tick) for room in rooms for tick in ticks(room, whole=False))
    for room in rooms:
        assert all(tick == round(tick) for tick in ticks(room, whole=True))
        assert len(ticks(room, whole=True)) >= 2


def test_numbers_have_the_labels_of_their_scale() -> None:
    found = Axis("Effect", PLAIN, -1.0, 1.0).labels((-1.0, 0.0, 1.0), 100, 8)
    assert (found.texts, found.turned, found.depth) == (("−1", "0", "1"), False, 0.0)
