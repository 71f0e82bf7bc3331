"""The page of the report: structure, access without a mouse or a network, and its own tables."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

import ketameta as km
from ketameta.errors import FigureError
from ketameta.evidence import load_missing, load_trials, read_trials
from ketameta.provenance import stamp
from ketameta.reporting.analysis import analyse_window
from ketameta.reporting.contents import Contents, is_own, is_packaged
from ketameta.reporting.crosscheck import CrossCheck
from ketameta.reporting.glossary import TERMS
from ketameta.reporting.inline_svg import inline_svg
from ketameta.reporting.markup import link, table
from ketameta.reporting.page import _header, render_page
from ketameta.reporting.page_harms import harms_rows
from ketameta.reporting.page_limits import doubt_section, limits_section
from ketameta.reporting.page_pools import _verdict, heterogeneity
from ketameta.reporting.page_protocols import protocols_table
from ketameta.reporting.page_questions import _by_comparator
from ketameta.reporting.questions import ANALYSES, WINDOWS
from ketameta.robustness import leave_one_out

HOSTILE = '<script>alert(1)</script>&"\' id="x" javascript:alert(1)'
SECTIONS = (
    *(
        "glance",
        "map",
        "mdd",
        "ptsd",
        "si",
        "protocols",
        "harms",
        "standing",
        "doubt",
        "methods",
        "limits",
        "glossary",
    ),
    "references",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    trials = load_trials()
    rows = trials[
        trials["cohort_id"].isin(["murrough2013", "fava2020", "takahashi2021", "feder2014"])
        & (trials["status"] == "include")
    ].copy()
    rows["population"] = HOSTILE
    rows["schedule"] = HOSTILE
    made = km.report(rows, out=tmp_path_factory.mktemp("page"), progress=False)
    return made.page.read_text(encoding="utf-8")


class _Walker(HTMLParser):
    def __init__(self):
        super().__init__()
        self.elements, self.inside, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def of(self, *tags):
        return [attrs for tag, attrs in self.elements if tag in tags]


@pytest.fixture(scope="module")
def walked(page):
    walker = _Walker()
    walker.feed(page)
    return walker


def test_identifiers_are_unique_and_every_reference_is_met(walked):
    named = [attrs["id"] for _, attrs in walked.elements if "id" in attrs]
    assert len(named) == len(set(named)) > 50
    wanted = set()
    for _, attrs in walked.elements:
        wanted |= {attrs["href"][1:]} if attrs.get("href", "").startswith("#") else set()
        wanted |= set(attrs.get("aria-labelledby", "").split())
        wanted |= set(re.findall(r"url\(#([^)]+)\)", " ".join(filter(None, attrs.values()))))
    assert wanted <= set(named)


def test_headings_go_down_by_one_level_at_a_time(walked):
    levels = [int(tag[1]) for tag, _ in walked.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_nothing_is_fetched(page, walked):
    assert not walked.of("link", "img", "iframe", "object", "embed", "form", "base")
    assert not [attrs for _, attrs in walked.elements if {"src", "srcset", "action", "poster"} & set(attrs)]
    outside = [
        (tag, attrs["href"]) for tag, attrs in walked.elements if not attrs.get("href", "#").startswith("#")
    ]
    drawn = [address for tag, address in outside if tag == "image"]
    assert all(address.startswith("data:image/png;base64,") for address in drawn)
    links = [(tag, address) for tag, address in outside if tag != "image"]
    assert links
    assert all(tag == "a" and address.startswith(("https://", "http://")) for tag, address in links)
    assert "@import" not in page
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|WebSocket|eval\(", page)


def test_landmarks_contents_and_skip_link(walked):
    assert [len(walked.of(tag)) for tag in ("header", "nav", "main", "footer")] == [1, 4, 1, 1]
    links = [attrs["href"] for attrs in walked.of("a")]
    assert links[0] == "#" + walked.of("main")[0]["id"]
    assert links[1 : 1 + len(SECTIONS)] == [f"#{key}" for key in SECTIONS]
    assert [attrs["id"] for attrs in walked.of("section")] == list(SECTIONS)


def test_tables_have_captions_and_scopes(walked):
    assert len(walked.of("table")) == len(walked.of("caption")) > 5
    assert all(attrs.get("scope") in ("col", "row") for attrs in walked.of("th"))


def test_figures_are_drawings_with_a_name_and_a_description(walked):
    drawn = walked.of("svg")
    assert len(drawn) == len(walked.of("figure")) == len(walked.of("desc")) >= 2
    assert all(attrs["role"] == "img" and len(attrs["aria-labelledby"].split()) == 2 for attrs in drawn)
    assert any(attrs["aria-labelledby"].startswith("fig-evidence_map") for attrs in drawn)


def test_a_keyboard_reaches_every_box_that_scrolls_also_without_the_script(walked):
    boxes = [attrs for attrs in walked.of("div") if attrs.get("class") == "wide"]
    assert len(boxes) == len(walked.of("table"))
    assert all(box["tabindex"] == "0" and box["role"] == "group" and box["aria-label"] for box in boxes)
    assert all(attrs["tabindex"] == "0" for attrs in walked.of("figure"))


def test_hostile_cells_stay_text(page, walked):
    assert HOSTILE not in page
    assert len(walked.of("script")) == 1
    assert not [a for _, attrs in walked.elements for a in attrs if a.startswith("on")]


def test_page_is_small_and_says_once_what_it_is_not(page):
    assert len(page.encode()) < 5_000_000
    assert page.count("It is for research. It gives no advice to patients.") == 1


def test_every_term_of_the_glossary_is_defined(walked):
    assert len(walked.of("dt")) == len(walked.of("dd")) == len(TERMS)
    assert all(meaning.endswith(".") for meaning in TERMS.values())


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
def test_two_trials_have_no_pools_without_one():
    rows = load_trials()
    two = rows[rows["cohort_id"].isin(["murrough2013", "fava2020"])]
    found = [analyse_window(two, analysis, "single", WINDOWS[1]) for analysis in ANALYSES[:1]]
    assert [each.fit.k for each in found] == [2]
    assert "two trials: without one of them nothing is left to pool" in heterogeneity("Pools", found)


def test_harms_are_counts_of_the_table():
    trials = load_trials()
    rows = harms_rows(trials, "dissociation")
    wanted = trials[
        (trials["status"] == "include") & (trials["outcome"] == "dissociation") & trials["total_c"].notna()
    ]
    assert len(rows) == len(wanted)
    assert "Takahashi 2021 (28 mg)" in [row[0] for row in rows]
    first = wanted.iloc[0]
    assert rows[0][5].startswith(f"{first['events_t']:.0f} of {first['total_t']:.0f} (")


def test_the_harms_say_what_they_count():
    rows = harms_rows(load_trials(), "suicidal_ideation_event")
    assert not any("no ideation" in row[1] for row in rows)
    assert sum("ideation or behaviour at the visit" in row[1] for row in rows) == 2


def test_what_is_said_of_a_table_is_said_in_words(page):
    text = re.sub(
        r"<svg.*?</svg>|<pre>.*?</pre>|<style>.*?</style>|<script>.*?</script>", "", page, flags=re.S
    )
    for code in ("comparator_class", "score_type", "left_out", "standardiser=", "time(s)", "tau2", "not yet"):
        assert code not in text
    assert not re.search(r"\b[a-z]{3,}(19|20)\d\d\b", re.sub(r"href='[^']*'|Open [^<]*|https?:\S+", "", text))


def test_a_table_without_one_of_the_wanted_values_is_still_pooled():
    trials = load_trials()
    cohorts = trials["cohort_id"].isin(["daly2018", "daly2018_panelB"])
    rows = trials[cohorts & (trials["status"] == "include")]
    assert set(rows["comparator_class"]) == {"inactive"}
    response = next(each for each in ANALYSES if each.key == "mdd_response_rr")
    found = analyse_window(rows, response, "single", WINDOWS[0])
    assert found.fit.k == 2


def test_a_table_read_from_a_file_of_its_user_is_his_own(tmp_path):
    trials = load_trials()
    assert not is_own(trials)
    trials.to_csv(tmp_path / "mine.csv", index=False)
    assert is_own(read_trials(tmp_path / "mine.csv"))


def contents_of(trials):
    return Contents(
        trials=trials,
        packaged=is_packaged(trials),
        missing=load_missing(),
        windows=(),
        curves=(),
        standings=(),
        universes=(),
        available={},
        comparisons=(),
        figures={},
        dataset="data",
        dataset_sha256="",
        versions={"ketameta": "1"},
        cross_check=CrossCheck(0, 0.0),
    )


def test_only_the_packaged_data_set_is_titled_and_described_as_such(monkeypatch):
    trials = load_trials()
    assert is_packaged(trials)
    monkeypatch.setattr("ketameta.reporting.contents.load_trials", lambda: trials)
    few = trials.iloc[:3]
    edited = trials.assign(notes="edited")
    bare = few.copy()
    bare.attrs = {}
    own = few.copy()
    stamp(own, name="<b>\x1b\ud800.csv", version="", sha256="")
    contents = [contents_of(rows) for rows in (trials, few, edited, bare, own)]
    titles = [each.title for each in contents]
    assert "the state of the evidence" in titles[0]
    assert titles[1:] == ["Evidence report on your table"] * 3 + [r"Evidence report on <b>\x1b\ud800.csv"]
    page = render_page(contents[-1])
    for tag in ("title", "h1"):
        assert f"<{tag}>Evidence report on &lt;b&gt;\\x1b\\ud800.csv</{tag}>" in page
    assert "data, 3 rows.</p>" in _header(contents[1])
    assert f"data, {len(trials)} rows of published trials.</p>" in _header(contents[0])


def test_gaps_that_are_listed_beside_a_part_of_the_data_set_are_those_of_the_whole(page):
    assert re.search(r"<p>Of the packaged data set, \d+ gaps are known: trials,", page)
    assert re.search(r"Missing: \d+ gaps in the packaged data set;", page)
    assert "cannot say how its rows were found" in page
    whole = contents_of(load_trials())
    assert "in the data set;" in doubt_section(whole)
    assert "what could be read in registries" in limits_section(whole)


def test_classes_of_comparators_are_compared_in_words():
    found = analyse_window(load_trials(), ANALYSES[0], "single", WINDOWS[1])
    said = _by_comparator(found)
    psychoactive = dict(found.by_comparator.groups)["psychoactive"]
    assert f"in {psychoactive.k} trials against psychoactive comparators" in said
    assert f"χ² = {found.by_comparator.q_between:.2f}, df = 1" in said
    assert "comparator_class" not in said


def test_intervals_name_the_value_of_no_difference():
    yi, vi = [-1.0, -0.4, -0.1, -0.5], [0.04, 0.09, 0.05, 0.06]
    left = leave_one_out(km.pool(yi=yi, vi=vi))
    assert _verdict(True, left, null="1").startswith("excludes 1; includes it without ")
    assert _verdict(True, None, null="0").startswith("two trials")


def test_harms_of_a_row_without_people_are_left_out():
    trials = (
        load_trials()
        .iloc[:1]
        .assign(status="include", outcome="dropout", events_t=1.0, total_t=0.0, events_c=1.0, total_c=4.0)
    )
    assert harms_rows(trials, "dropout") == []


def test_protocols_name_every_study_once():
    trials = load_trials()
    used = trials[(trials["status"] == "include") & (trials["score_type"] != "baseline")]
    rows = protocols_table(trials)
    assert len({row[0] for row in rows}) == len(rows) == used["study_id"].nunique()
    by_name = {row[0]: row for row in rows}
    assert by_name["Takahashi 2021 (28 mg)"][2] == "esketamine 28 mg by nose"
    assert by_name["Popova 2019"][2] == "esketamine 56-84 mg (flexible) by nose"
    assert by_name["Kosikgonzalez 2025 (pooled56 84)"][2] == "esketamine 56 or 84 mg (pooled) by nose"
    assert by_name["Reif 2023"][2] == "esketamine in flexible doses by nose"
    murrough = by_name["Murrough 2013"]
    assert murrough[2] == "ketamine 0.5 mg/kg into a vein"
    assert murrough[3:6] == ("single 40-min infusion", "1", "midazolam")
    assert protocols_table(trials.iloc[:0]) == []


def test_drawing_keeps_text_that_looks_like_an_identifier():
    svg = '<svg viewBox="0 0 1 1"><metadata>m</metadata><g id="a"><text>id="a" url(#a)</text><use xlink:href="#a"/></g></svg>'
    drawn = inline_svg(svg, prefix="p", title="<T>", description="&")
    assert '<text>id="a" url(#a)</text><use href="#p-a"/>' in drawn
    assert '<g id="p-a">' in drawn
    assert "metadata" not in drawn
    assert "&lt;T&gt;" in drawn


@pytest.mark.parametrize("text", ["", "<p>no drawing</p>", "<svg></svg>"])
def test_no_drawing_is_refused(text):
    with pytest.raises(FigureError, match="no SVG drawing"):
        inline_svg(text, prefix="p", title="", description="")


def test_links_lead_to_the_web_or_the_page_only():
    assert link("javascript:alert(1)", "<b>") == "&lt;b&gt;"
    assert link("https://a.b/'", "x") == "<a href='https://a.b/&#x27;'>x</a>"
    assert link("#mdd", "x").startswith("<a href='#mdd'")


def test_tables_of_no_rows_and_hostile_captions():
    made = table("'><b>", ("a", "b"), [])
    assert "<b>" not in made
    assert "<tbody>" in made


def test_a_table_without_a_row_that_counts_still_makes_a_page(tmp_path):
    trials = load_trials()
    baseline = trials[(trials["cohort_id"] == "murrough2013") & (trials["score_type"] == "baseline")].copy()
    baseline.attrs = {}
    made = km.report(baseline, out=tmp_path, progress=False)
    text = made.page.read_text(encoding="utf-8")
    assert "from a table of its user&#x27;s own, " in text
    assert "without a list of trials whose numbers" in text
    assert "null results" not in text
    walker = _Walker()
    walker.feed(text)
    assert [attrs["id"] for attrs in walker.of("section")] == list(SECTIONS)
    assert not walker.of("svg")
