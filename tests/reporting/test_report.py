"""The report as a whole: what it writes, that it opens offline, that nothing in a cell becomes markup."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import DataError
from ketameta.evidence import load_trials
from ketameta.reporting.questions import ANALYSES, CURVES, HARMS, WINDOWS

HOSTILE = "<script>alert(1)</script>&\"'"


@pytest.fixture(scope="module")
def small():
    """Two cohorts with scores at two times: enough for a pool, a curve and every section of the page."""
    trials = load_trials()
    rows = trials[
        trials["cohort_id"].isin(["lii2023", "murrough2013", "chen2023"])
        & (trials["outcome"] == "depression")
        & (trials["status"] == "include")
    ].copy()
    rows["population"] = HOSTILE
    return rows


@pytest.fixture(scope="module")
def made(small, tmp_path_factory):
    return km.report(small, out=tmp_path_factory.mktemp("small"), progress=False)


@pytest.fixture(scope="module")
def page(made):
    return made.page.read_text(encoding="utf-8")


class _Walker(HTMLParser):
    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"closing {tag} without opening"
        assert self.open.pop() == tag


def test_page_is_well_formed(page):
    walker = _Walker()
    walker.feed(page)
    assert not walker.open


def test_cells_are_escaped(page):
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_page_says_once_that_it_gives_no_advice(page):
    assert page.count("no advice to patients") == 1


def test_every_figure_has_its_description(page):
    descriptions = re.findall(r"<desc [^>]*>([^<]*)</desc>", page)
    assert len(descriptions) == page.count("<svg ") > 0
    assert all(len(words) >= 40 for words in descriptions)


def test_figures_come_in_three_formats(made):
    stems = {path.stem for path in (made.folder / "figures").iterdir()}
    assert stems
    for stem in stems:
        for suffix in (".png", ".svg", ".pdf"):
            assert (made.folder / "figures" / f"{stem}{suffix}").stat().st_size > 1000


def test_results_json_holds_every_number_and_its_origin(made, small):
    record = json.loads((made.folder / "results.json").read_text(encoding="utf-8"))
    assert record["format"] == "ketameta-results/3"
    assert record["dataset"]["rows"] == len(small)
    assert len(record["dataset"]["rows_sha256"]) == 64
    assert set(record["software"]) >= {"ketameta", "numpy", "scipy", "pandas", "statsmodels", "forestplot"}
    assert len(record["windows"]) == len(ANALYSES) * 2 * len(WINDOWS) + 2 * len(HARMS)
    assert len(record["curves"]) == len(CURVES)
    by_key = {entry["key"]: entry for entry in record["windows"]}
    for result in made.windows:
        entry = by_key[result.key]
        if result.fit is None:
            assert entry["result"] is None
            assert entry["reason"]
        else:
            assert entry["result"]["estimate"] == result.fit.estimate
            assert entry["result"]["k"] == result.fit.k


def test_tables_are_csv_with_full_precision(made):
    table = pd.read_csv(made.folder / "tables" / "pooled_effects.csv")
    by_key = {result.key: result for result in made.windows}
    assert len(table) > 0
    for row in table.itertuples():
        assert row.estimate == pytest.approx(by_key[row.key].fit.estimate, rel=1e-14)


def test_same_input_gives_the_same_numbers(made, small, tmp_path):
    again = km.report(small, out=tmp_path, progress=False)
    first = (made.folder / "results.json").read_text(encoding="utf-8")
    assert (again.folder / "results.json").read_text(encoding="utf-8") == first


def test_progress_goes_to_standard_error(small, tmp_path, capsys):
    km.report(small, out=tmp_path, progress=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert "forest plot" in said.err


def test_a_table_with_errors_is_refused(small, tmp_path):
    broken = small.copy()
    broken.loc[broken.index[0], "sd_t"] = -1.0
    with pytest.raises(DataError, match="sd_t"):
        km.report(broken, out=tmp_path, progress=False)
