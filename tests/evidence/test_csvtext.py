from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketameta.errors import DataError
from ketameta.evidence.csvtext import decode, records

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
HOSTILE = st.text(st.sampled_from(list("\",\r\n;\t '=a1é\ufeff")), max_size=12)


@given(
    st.lists(st.lists(CELLS | HOSTILE, min_size=2, max_size=4), min_size=1, max_size=5),
    st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)]),
)
def test_what_pythons_writer_wrote_is_read_back_cell_by_cell(rows, form):
    end, quoting = form
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=end, quoting=quoting).writerows(rows)
    assert [record.cells for record in records(buffer.getvalue(), "x")] == rows


@given(st.text(st.sampled_from(list('a,"\n\r')), max_size=30))
def test_any_text_is_read_as_pythons_strict_reader_reads_it_or_refused(text):
    try:
        expected = [
            row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row not in ([], [""])
        ]
    except csv.Error:
        with pytest.raises(DataError):
            records(text, "x")
        return
    assert [record.cells for record in records(text, "x")] == expected


def test_lines_are_those_of_the_file_even_after_a_cell_of_several_lines():
    text = 'a,b\n1,"x\ny\r\nz"\n\n2,w\n'
    assert [(record.line, record.cells[0]) for record in records(text, "x")] == [(1, "a"), (2, "1"), (6, "2")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_every_line_end_and_none_at_the_end(end):
    text = f"a,b{end or chr(10)}1,2{end}"
    assert [record.cells for record in records(text, "x")] == [["a", "b"], ["1", "2"]]


def test_an_unclosed_quote_names_the_line_on_which_it_opens():
    with pytest.raises(DataError, match=r"mine\.csv, line 3, cell 2: the quote .* never closed"):
        records('a,b\n1,2\n3,"4\n5,6\n', "mine.csv")


def test_text_after_a_closing_quote_is_refused_with_its_place():
    with pytest.raises(DataError, match=r"line 2, cell 1: 'x,2.*follows the closing quote"):
        records('a,b\n"1"x,2\n', "mine.csv")


def test_a_byte_order_mark_is_no_part_of_the_first_name():
    assert decode(b"\xef\xbb\xbfa,b\n", "x") == "a,b\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        ("récord\n".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\xd0\xcf\x11\xe0rest", "old spreadsheet"),
        (b"\x1f\x8brest", "gzip"),
        (b"%PDF-1.7", "PDF"),
        (b"a,b\n1,\x00\n", "line 2: byte 6 is NUL"),
        ("a,b\n1,é\n".encode("latin-1"), "line 2: byte 0xE9 is not UTF-8"),
    ],
)
def test_what_is_not_utf8_text_is_named(data, message):
    with pytest.raises(DataError, match=message):
        decode(data, "mine.csv")
