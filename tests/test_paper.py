"""examples/paper: every number and statement of the manuscript is what the analyses say today."""

import html
import importlib
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

import ketameta as km
from ketameta.evidence import load_scales

PAPER = Path(__file__).resolve().parents[1] / "examples" / "paper"
TEMPLATE = (PAPER / "manuscript.md").read_text(encoding="utf-8")
COUNTS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|once|twice|half|third|dozen"
INTENDED = (
    *(
        "one day",
        "one dose",
        "one infusion",
        "one comparison",
        "one by one",
        "one pool",
        "one answer",
        "larger one",
    ),
    *(
        "above one",
        "one, three, seven and fourteen days",
        "that rests on one",
        "any one trial",
        "those of one trial",
    ),
    *(
        "half-life",
        "half of their peak",
        "once in a cell",
        "entered once",
        "third, functional",
        "one in which",
    ),
    *("three difficulties", "two classes of comparator"),
)


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """The scripts of the folder, the results, the sources of the text, and the page, rendered once."""
    out = tmp_path_factory.mktemp("paper")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "Agg")
        patch.syspath_prepend(PAPER)
        names = ("analyses", "browser", "exhibits", "render", "typesetting", "wording")
        scripts = {name: importlib.import_module(name) for name in names}
        patch.setattr(scripts["exhibits"], "FORMATS", ("svg",))
        results = scripts["analyses"].analyse(km.load_trials())
        given = []
        sources = scripts["render"].sources
        patch.setattr(scripts["render"], "sources", lambda *asked: given.append(sources(*asked)) or given[-1])
        page = scripts["render"].render(out, results)
    return {
        **scripts,
        "results": results,
        "given": given[0],
        "out": out,
        "page": page.read_text(encoding="utf-8"),
    }


def read(page):
    """The text of a page as a reader sees it."""
    page = re.sub(r"<(style|desc|title|svg)\b.*?</\1>", " ", page, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())


def prose(template, *, statements=True):
    """What stands literally in the template: no placeholder, no citation; the words of statements on request."""
    kept = r"\1" if statements else " "
    words = re.sub(r"\{\{if [\w.]+:(.+?)\}\}", kept, template, flags=re.S)
    return re.sub(r"\{\{.+?\}\}|\[@[^\]]+\]", " ", words, flags=re.S)


def told(value, digits=2):
    return f"{value:.{digits}f}".replace("-", "−")


def told_fit(fit):
    numbers = (fit.estimate, fit.ci_low, fit.ci_high)
    value, low, high = (told(math.exp(x) if fit.ratio else x) for x in numbers)
    return f"{value} (95% CI {low} to {high})"


def test_no_digit_of_a_result_stands_in_the_template():
    scales = [name for name in load_scales()["instrument"] if re.search(r"\d", name)]
    left = re.sub("|".join(map(re.escape, [*scales, "PRISMA 2020"])), " ", prose(TEMPLATE))
    assert re.findall(r".{0,30}\d.{0,10}", re.sub(r"^#+ ", "", left, flags=re.M)) == []


def test_no_count_of_a_result_stands_in_the_template_as_a_word():
    left = re.sub("|".join(map(re.escape, INTENDED)), " ", prose(TEMPLATE, statements=False), flags=re.I)
    assert re.findall(rf".{{0,30}}\b(?:{COUNTS})\b.{{0,20}}", left, flags=re.I) == []


@pytest.mark.parametrize("template", ["There were 7 trials.", "{{if a: k = 3}}", "n 1,062"])
def test_digits_are_found(template):
    assert re.search(r"\d", prose(template))


def test_the_text_holds_numbers_computed_here(paper):
    text = read(paper["page"])
    adults = ["MDD", "TRD", "MDD with suicidal ideation"]
    placebo = ["inactive", "psychoactive"]
    chosen = {"indication": "MDD", "dosing": "single", "comparator": placebo, "population": adults}

    def pooled(measure, **asked):
        rows = km.select(km.load_trials(), hours=(18, 36), at=24, measure=measure, **asked)
        return km.pool(km.effect_sizes(rows, measure=measure))

    day = pooled("SMD", outcome="depression", **chosen)
    assert f"Across seven trials with 1,062 people the SMD was {told_fit(day)}" in text
    assert day.k == 7
    assert f"with a 95% prediction interval of {told(day.pi_low)} to {told(day.pi_high)}" in text
    assert f"risk ratio of response was {told_fit(pooled('RR', outcome='response', **chosen))}" in text
    madrs = pooled("MD", outcome="depression", instrument="MADRS", **chosen)
    assert f"nine trials gave a difference of {told_fit(madrs)} points" in text
    assert madrs.k == 9


@pytest.mark.parametrize(
    "name",
    ["madrs", "response", "response_counts", "remission", "ideation", "ssi", "ptsd_day", "ptsd_course"],
)
def test_every_result_stands_in_the_text(paper, name):
    assert told_fit(getattr(paper["results"], name)) in read(paper["page"])


def test_it_agrees_with_the_evidence_report(paper):
    from ketameta.reporting.analysis import analyse_window
    from ketameta.reporting.questions import ANALYSES, WINDOWS

    headline = next(each for each in ANALYSES if each.question == "mdd" and each.headline)
    day = next(window for window in WINDOWS if window.name == "24 h")
    fit = analyse_window(km.load_trials(), headline, "single", day).fit
    assert told_fit(fit) == told_fit(paper["results"].depression)
    assert list(fit.rows["record_id"]) == list(paper["results"].depression.rows["record_id"])


def test_every_value_is_in_the_text_and_in_the_file_of_numbers(paper):
    text, given = read(paper["page"]), paper["given"]
    for name, value in given.values.items():
        if not name.startswith("methods.") and not value.startswith("[@"):
            assert value in text, name
    written = json.loads((paper["out"] / "numbers.json").read_text(encoding="utf-8"))
    assert written["values"] == given.values
    assert all(written["claims"].values())


def test_another_result_is_another_text_or_none(paper):
    results, render = paper["results"], paper["render"]
    fit = replace(results.depression, estimate=-0.61, ci_low=-0.75, ci_high=-0.46)
    other = replace(results, depression=fit)
    values = {**paper["given"].values, **paper["wording"]._depression(other)}
    text = read(render.page(TEMPLATE, replace(paper["given"], values=values)))
    assert "the SMD was −0.61 (95% CI −0.75 to −0.46)" in text
    assert told_fit(results.depression) not in re.split(r"\bResults\b", text)[1]
    null = replace(results, depression=replace(fit, ci_high=0.1))
    with pytest.raises(paper["typesetting"].PaperError, match=r"depression\.sure_of_sign no longer holds"):
        render.page(TEMPLATE, replace(paper["given"], claims=paper["wording"].claims(null)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{{depression.effect}}", "{{depression.efect}}", "no such value"),
        ("{{madrs.prediction}}", "", r"not used in the text: madrs\.prediction"),
        ("{{if ideation.midazolam:", "{{if ideation.saline:", "no such claim"),
        (
            "{{if ptsd.midazolam: each against midazolam}}",
            "",
            r"not used in the text: if ptsd\.midazolam",
        ),
        ("{{ssi.k}}", "{{ssi k}}", "a placeholder is written wrongly"),
        ("[@lii2023]", "[@lii1923]", r"\[@lii1923\]: there is no such reference"),
        ("[@lii2023]", "[@lii2023, see there]", "a citation is written wrongly"),
        ("({{figure.course}})", "", r"not used in the text: figure\.course"),
        ("({{figure.course}})", "({{figure.curse}})", "no such value"),
        ("::: figure course", "::: figure curse", "placed without being made"),
        ("::: table findings", "::: table trials", "placed twice"),
        ("{{figure.map}} shows", "{{figure.forest}} shows", r"not used in the text: figure\.map"),
        ("{{figure.map}} shows", "{{figure.forest}} and {{figure.map}} show", "in another order"),
    ],
)
def test_what_does_not_fit_is_an_error(paper, old, new, message):
    if message is None:
        old, new, message = (
            "{{figure.map}} shows",
            "{{figure.forest}} and {{figure.map}} show",
            "another order",
        )
    assert old in TEMPLATE
    with pytest.raises(paper["typesetting"].PaperError, match=message):
        paper["render"].page(TEMPLATE.replace(old, new), paper["given"])


def test_the_page_is_one_file_with_its_figures(paper):
    page = paper["page"]
    assert not re.search(r"(?:src|href)=['\"](?!#|https://doi\.org/)", page)
    assert not re.search(r"url\((?!#)|@import|<script|<link", page)
    assert page.count("<svg ") == 3
    targets = set(re.findall(r"id=['\"]([^'\"]+)", page))
    assert set(re.findall(r"href=['\"]#([^'\"]+)", page)) <= targets
    assert {path.name for path in (paper["out"] / "figures").iterdir()} == {
        "map.svg",
        "forest.svg",
        "course.svg",
    }


def test_it_says_what_it_is_and_what_not(paper):
    text = read(paper["page"])
    assert "it gives no advice to patients" in text
    assert "The data set is not the product of a systematic search." in text
    assert "Certainty of the evidence was not judged." in text


def test_references_are_numbered_as_they_appear(paper):
    cited = [int(number) for number in re.findall(r"href='#reference-(\d+)'", paper["page"])]
    first = list(dict.fromkeys(cited))
    listed = len(re.findall(r"<li id='reference-\d+'>", paper["page"]))
    assert first[0] == 1
    assert max(first) == listed
    for key in paper["results"].depression.rows["report"]:
        assert f"{{{key}," in (paper["out"] / "references.bib").read_text(encoding="utf-8")


def test_runs_of_citations(paper):
    told_runs = re.sub(r"<[^>]+>", "", paper["typesetting"]._runs([2, 4, 5, 7, 8, 9]))
    assert told_runs == "2,4,5,7–9"


def test_markdown(paper):
    made = paper["typesetting"]._paragraphs("## A & B\n\n**s** *e* `c*` g\\^2 a < b")
    assert (
        made
        == "<h2 id='a-&-b'>A &amp; B</h2>\n<p><strong>s</strong> <em>e</em> <code>c*</code> g^2 a &lt; b</p>"
    )


def test_pdf_where_there_is_a_browser(paper, tmp_path):
    browser = paper["browser"].find_browser()
    if browser is None:
        pytest.skip("no browser")
    pdf = tmp_path / "paper.pdf"
    if not paper["browser"].print_pdf(paper["out"] / "paper.html", pdf, browser):
        pytest.skip(f"{browser} prints no PDF here")
    assert pdf.read_bytes().startswith(b"%PDF")


def test_without_a_browser_it_says_so_and_goes_on(paper, tmp_path, monkeypatch, capsys):
    render = paper["render"]
    monkeypatch.setattr(render, "find_browser", lambda: None)
    monkeypatch.setattr(render, "analyse", lambda trials: paper["results"])
    monkeypatch.setattr(render, "render", lambda out, of: out / "paper.html")
    render.main(["--out", str(tmp_path)])
    assert "No PDF: none of chromium" in capsys.readouterr().out
    assert not paper["browser"].print_pdf(tmp_path / "a.html", tmp_path / "a.pdf", str(tmp_path / "none"))
