from __future__ import annotations

import pytest

from ketameta.errors import DataError
from ketameta.evidence import load_references
from ketameta.evidence.references import parse_bibtex

TEXT = """% a comment with an @ sign
@comment{ignored, title = {No}}
@article{alpha2020,
  author = {Alpha, A. and Beta, B.},
  title  = {{Ketamine}: a {N}-methyl
            thing},
  year = 2020,
  doi = "10.1000/a{b}c",
  note = {escaped \\} brace},
}
@misc{gamma, title = {T}}
"""


def test_entries_become_rows():
    table = parse_bibtex(TEXT, "x.bib")
    assert table["key"].tolist() == ["alpha2020", "gamma"]
    first = table.iloc[0]
    assert first["type"] == "article"
    assert first["author"] == "Alpha, A. and Beta, B."
    assert first["title"] == "Ketamine: a N-methyl thing"
    assert first["year"] == "2020"
    assert first["doi"] == "10.1000/abc"
    assert table.iloc[1]["doi"] == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@article{a, title = {open", "entry 'a': a value opened with { is not closed"),
        ("@article{a, title = {x} year", "entry 'a': the entry is not closed"),
        ("@article{a, title = {x}", "entry 'a': the entry is not closed"),
        ("@a{k, year = 1}\n@b{k, year = 2}", "keys stand twice: k"),
    ],
)
def test_broken_entries_are_named(text, message):
    with pytest.raises(DataError, match=message):
        parse_bibtex(text, "x.bib")


def test_text_without_entries_is_an_empty_table():
    table = parse_bibtex("nothing here", "x.bib")
    assert len(table) == 0
    assert "doi" in table


def test_every_packaged_reference_has_a_title_and_a_year():
    table = load_references()
    assert len(table) > 50
    assert (table["title"] != "").all()
