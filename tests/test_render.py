"""Cards as text and HTML: hostile names neither break the page nor fill it."""

import re

from ketameta._render import Card, Shown, card_html, card_text, error_html, number, p_value, plain, table_html

NAMES = (
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "a\x1b[31mred",
    "two\nlines",
    "\u202eback",
    "x" * 1_000_000,
    "\ud800",
)


def card() -> Card:
    return Card(
        title="t\x00itle",
        columns=("name", "n"),
        rows=tuple((name, "1") for name in NAMES),
        notes=("a\nb",),
        footer=("c\rd",),
    )


def test_text_holds_one_line_for_each_row_and_no_control_characters():
    lines = card_text(card()).split("\n")
    assert lines[0] == r"t\x00itle"
    assert len(lines) == 4 + len(NAMES) + 1 + 2
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) < 520
    assert r"Note: a\nb" in lines
    card_text(card()).encode("utf-8")


def test_html_is_escaped_and_short():
    page = card_html(card())
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert len(page) < 4_000
    assert page.replace("\n", "").isprintable()


def test_a_keyboard_reaches_the_box_that_scrolls_under_the_name_of_the_table():
    page = card_html(Card("'><b>\x00", ("name",), (), ()))
    box = "<div class='wide' tabindex='0' role='group' aria-label='&#x27;&gt;&lt;b&gt;\\x00'>"
    assert re.findall("<div class='wide'[^>]*>", page) == [box]
    assert f"{box}<table>" in page


def test_a_long_cell_ends_in_an_ellipsis():
    assert plain("abcdef", widest=4) == "abc…"
    assert plain("abcd", widest=4) == "abcd"
    assert "x…" in table_html(("name",), (("x" * 600,),))


def test_ordinary_text_is_left_alone():
    assert plain("Sjögren 2020 – SMD −0.5 (τ²)") == "Sjögren 2020 – SMD −0.5 (τ²)"


def test_no_line_is_endless():
    long = Card("x" * 10**6, ("name",), (), ("y" * 10**6,), ("z" * 10**6,))
    assert max(map(len, card_text(long).split("\n"))) < 5_000
    assert len(card_html(long)) < 15_000
    assert len(error_html("KetametaError", "x" * 10**6)) < 10_000


def test_in_a_list_a_hostile_result_keeps_to_one_short_line():
    class Result(Shown):
        def sentence(self) -> str:
            return "\x1b[31m\ud800\n" + "x" * 10**6

        def _card(self) -> Card:
            return card()

    line = repr(Result())
    assert line.startswith(r"<Result \x1b[31m\ud800\nx")
    assert line.isprintable()
    assert len(line) < 5_000


def test_infinite_and_missing_numbers_have_signs_of_their_own():
    inf = float("inf")
    assert [number(value) for value in (inf, -inf, float("nan"), None)] == ["∞", "−∞", "–", "–"]
    assert [number(value) for value in (-1.5e9, 2e12)] == ["−1.5e9", "2e12"]


def test_a_p_value_near_the_border_has_three_digits():
    asked = (0.0449, 0.045, 0.0499, 0.0501, 0.0549, 0.055, 0.0099, 0.0101, 0.00099, 0.001, None)
    shown = ["0.04", "0.045", "0.050", "0.050", "0.055", "0.06", "0.010", "0.01", "<0.001", "0.001", "–"]
    assert [p_value(p) for p in asked] == shown


def test_a_column_stands_right_where_at_least_half_its_cells_are_numbers():
    rows = (("a", "1", "1"), ("b", "−2", "word"), ("c", "word", "word"), ("d", "word", "word"))
    page = card_html(Card("t", ("name", "half", "quarter"), rows))
    assert page.count("<td class='number'>") == 4
    assert "<th scope='col' class='number'>half</th><th scope='col'>quarter</th>" in page
