"""Citations: forms, escaping, order, and what is not known."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ketameta as km
from ketameta.errors import DataError
from ketameta.evidence import load_references
from ketameta.evidence.references import parse_bibtex
from ketameta.reporting._latex import from_latex, to_latex
from ketameta.reporting.references import Reference, references_of

TEXTS = {
    "title",
    "container-title",
    "volume",
    "issue",
    "page",
    "publisher",
    "version",
    "DOI",
    "PMID",
    "URL",
    "note",
}
TYPES = {
    "article-journal",
    "book",
    "chapter",
    "paper-conference",
    "report",
    "software",
    "dataset",
    "document",
}


def check_csl(items):
    """The rules of the CSL-JSON schema (csl-data.json of Citation Style Language 1.0.2) for the fields in use."""
    assert isinstance(items, list)
    for item in items:
        assert set(item) <= {"id", "type", "author", "issued"} | TEXTS
        assert isinstance(item["id"], str)
        assert item["type"] in TYPES
        assert all(isinstance(item[name], str) and item[name] for name in TEXTS & set(item))
        for name in item.get("author", []):
            assert set(name) in ({"family"}, {"family", "given"}, {"literal"})
        if "issued" in item:
            assert set(item["issued"]) == {"date-parts"}
            (parts,) = item["issued"]["date-parts"]
            assert 1 <= len(parts) <= 3
            assert all(isinstance(part, int) for part in parts)


@pytest.fixture(scope="module")
def everything():
    return km.cite(km.load_trials())


def test_every_report_of_the_trials_is_cited_once_in_order_of_appearance(everything):
    trials = km.load_trials()
    assert [work.key for work in everything.references] == list(dict.fromkeys(trials["report"]))
    assert everything.unknown == ()
    assert (everything.n_rows, everything.n_without) == (len(trials), 0)
    assert everything.text.count("\n") == len(everything.references) - 1


def test_csl_json_follows_its_schema(everything):
    check_csl(json.loads(everything.csl_json))
    check_csl(json.loads(km.cite().csl_json))
    check_csl([work.csl for work in references_of(load_references()).values()])


def test_bibtex_reads_back_as_what_was_written(everything):
    back = references_of(parse_bibtex(everything.bibtex, "written"))
    assert list(back.values()) == list(everything.references)
    assert everything.bibtex.isascii()
    assert everything.bibtex.count("{") == everything.bibtex.count("}")


def test_all_authors_that_the_bibliography_knows_come_through():
    works = references_of(load_references())
    kryst = next(work for work in works.values() if work.authors and work.authors[0][0] == "Kryst")
    assert ("Kawalec", "Paweł") in kryst.authors
    assert ("Lasoń", "Władysław") in kryst.authors
    assert r"Kawalec, Pawe{\l}" in kryst.bibtex
    kishimoto = next(work for work in works.values() if work.authors and work.authors[0][0] == "Kishimoto")
    assert kishimoto.text.startswith(
        "Kishimoto T, Chawla JM, Hagi K, Zarate Jr CA, Kane JM, Bauer M, et al. Single-dose"
    )


def test_a_report_of_which_only_the_first_author_is_known_says_et_al():
    work = references_of(load_references())["berman2000"]
    assert work.text.startswith("Berman, et al. Antidepressant effects of ketamine in depressed patients.")
    assert "author = {{Berman} and others}" in work.bibtex
    assert work.csl["author"] == [{"family": "Berman"}, {"literal": "others"}]


def test_a_report_without_title_is_named_by_its_key():
    work = references_of(load_references())["pmc10810879"]
    assert work.text.startswith("Title not printed in the source that was read [pmc10810879]. https://")
    assert work.text.endswith("table/Tab1")
    assert "author" not in work.csl
    assert "issued" not in work.csl


def test_results_cite_the_reports_of_their_rows():
    trials = km.load_trials()
    found = km.select(trials, indication="MDD", outcome="depression", hours=(20, 36), comparator="inactive")
    es = km.effect_sizes(found, measure="SMD")
    fit = km.pool(es)
    wanted = list(dict.fromkeys(fit.rows["report"]))
    assert [work.key for work in km.cite(fit).references] == wanted
    assert [work.key for work in km.cite(found).references] == list(dict.fromkeys(found.rows["report"]))
    groups = km.subgroups(es, "drug") if fit.rows["drug"].nunique() > 1 else km.subgroups(es, "instrument")
    assert [work.key for work in km.cite(groups).references] == wanted


def test_rows_without_a_report_and_unknown_keys_are_counted():
    rows = pd.DataFrame(
        {"report": ["berman2000", None, "nobody1999", "", float("nan"), "berman2000", "nobody1999"]}
    )
    found = km.cite(rows)
    assert [work.key for work in found.references] == ["berman2000"]
    assert found.unknown == ("nobody1999",)
    assert (found.n_rows, found.n_without) == (7, 3)
    expected = (
        "1 work to cite behind 7 rows; not in the bibliography: nobody1999; 3 of 7 rows without a report."
    )
    assert found.sentence() == expected
    assert "not in the bibliography: nobody1999" in str(found)


def test_keys_that_are_no_text_or_hold_line_ends_are_named_in_one_line():
    found = km.cite(pd.DataFrame({"report": [np.array([1, 2]), pd.NA, pd.NaT, "a\n b", ["x"]]}))
    assert found.unknown == ("[1 2]", "a b", "['x']")
    assert found.n_without == 2


def test_arrays_have_no_reports():
    found = km.cite(km.pool(yi=[-1.0, -0.4], vi=[0.1, 0.1], ci="Wald"))
    assert (found.references, found.n_rows, found.n_without) == ((), 2, 2)
    assert found.text == found.bibtex == ""
    assert json.loads(found.csl_json) == []
    assert found.to_frame().empty


@pytest.mark.parametrize("what", ["berman2000", 3, [1, 2], {"report": ["a"]}])
def test_what_holds_no_rows_is_refused(what):
    with pytest.raises(DataError, match="holds no rows"):
        km.cite(what)


def test_two_columns_of_reports_are_refused():
    with pytest.raises(DataError, match="more than one column"):
        km.cite(pd.DataFrame([["a", "b"]], columns=["report", "report"]))


def test_frame_and_dictionary_hold_the_same_works(everything):
    assert everything.to_frame()["key"].tolist() == [
        item["id"] for item in everything.to_dict()["references"]
    ]
    json.dumps(everything.to_dict())
    assert everything._repr_html_().count("<tr>") == len(everything.references) + 1


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Mn", "Cf"]),
        max_size=30,
    )
)
def test_any_title_survives_bibtex(title):
    work = Reference("k", "article", title.strip())
    (back,) = references_of(parse_bibtex(work.bibtex, "written")).values()
    assert back.title == work.title
    assert work.bibtex.count("{") == work.bibtex.count("}")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("R&D 50% $5 #1 a_b", r"R\&D 50\% \$5 \#1 a\_b"),
        (
            "a{b}c\\d~e^f",
            r"a\textbraceleft{}b\textbraceright{}c\textbackslash{}d\textasciitilde{}e\textasciicircum{}f",
        ),
        ("Röver, Šidák, Çelik", r"R{\"o}ver, {\v S}id{\'a}k, {\c C}elik"),
        ("line\nbreak\ttab", "line break tab"),
    ],
)
def test_characters_that_latex_would_read_as_commands(text, latex):
    assert to_latex(text) == latex
    assert from_latex(re.sub(r"(?<!\\)[{}]", "", latex)) == " ".join(text.split())


def test_addresses_cannot_end_a_bibtex_value():
    work = Reference("k", "article", "T", doi="10.1/a}b{c", url="https://x.org/a b\\c?d=e%20f&g_h")
    assert "doi = {10.1/a%7Db%7Bc}" in work.bibtex
    assert "url = {https://x.org/a%20b%5Cc?d=e%20f&g_h}" in work.bibtex
