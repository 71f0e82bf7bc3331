"""A summary of findings as a table: what the user judged, escaping, forms, bad input."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import DataError
from ketameta.reporting import SummaryOptions

HOSTILE = [
    "<script>alert(1)</script>",
    "a | b",
    "50% & $x_1^2$ {y} #z ~",
    "\\input{/etc/passwd}",
    "line\nbreak \x1b[31m\u202e",
    "[link](http://example.org) `code` *star* _under_",
    "<!-- ' \" -->",
    "x" * 60,
    "[first]",
    "NA",
]


def rows(k=3):
    i = np.arange(k)
    return pd.DataFrame(
        {
            "label": [f"Author{j} 2020" for j in i],
            "study_id": [f"author{j}" for j in i],
            "yi": -0.6 - 0.05 * i,
            "vi": 0.05 + 0.01 * i,
            "measure": "SMD",
            "outcome": "depression",
            "instrument": "MADRS",
            "higher_is_worse": True,
            "n_t": 20.0,
            "n_c": 20.0,
            "sd_t": 9.0,
            "sd_c": 9.0,
            "comparator_class": "inactive",
        }
    )


@pytest.fixture(scope="module")
def fit():
    return km.pool(rows())


@pytest.fixture(scope="module")
def judged():
    return pd.DataFrame(
        {
            "Outcome": ["A"],
            "Certainty": ["Very low"],
            "risk of bias": ["very serious"],
            "risk of bias reason": ["unblinding | by <effect>"],
            "Publication bias": ["Undetected"],
            "reasons": ["50% lost"],
        }
    )


def test_certainty_is_never_made_up(fit):
    found = km.summary_of_findings({"A": fit}, baseline_risk=0.2, points="MADRS", mid={"A": 0.2})
    frame = found.to_frame()
    assert frame["certainty"].tolist() == ["not judged"]
    assert (frame[["risk_of_bias", "inconsistency", "imprecision", "reasons"]] == "").all(axis=None)
    told = found.to_markdown()
    for word in ("| low |", "| high |", "| moderate |", "| very low |", "serious"):
        assert word not in told
    assert told.count("not judged") >= 6


def test_judgements_are_shown_with_their_reasons(fit, judged, tmp_path):
    path = tmp_path / "judged.csv"
    judged.to_csv(path, index=False)
    for given in (judged, path, str(path)):
        found = km.summary_of_findings({"A": fit, "B": fit}, judgements=given)
        frame = found.to_frame()
        assert frame["certainty"].tolist() == ["very low", "not judged"]
        assert frame["risk_of_bias"].tolist() == ["very serious", ""]
        assert frame["risk_of_bias_reason"][0] == "unblinding | by <effect>"
        assert frame["publication_bias"][0] == "undetected"
        assert any(note.endswith("A, certainty: 50% lost") for note in found.notes)
        assert "unblinding \\| by &lt;effect&gt;" in found.to_markdown()
        assert "unblinding | by &lt;effect&gt;" in found.to_html()
        assert r"unblinding $|$ by $<$effect$>$" in found.to_latex()
        assert "very low certainty" in found.sentence()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"Certainty": ["lowish"]}, "none of GRADE's words"),
        ({"risk of bias": ["bad"]}, "row 1"),
        ({"Outcome": ["a"]}, "no outcome of the results"),
        ({"Certianty": ["low"]}, "did you mean 'certainty'"),
        ({"certainty ": ["low"]}, "stands twice"),
    ],
)
def test_judgements_that_cannot_be_read(fit, judged, change, why):
    with pytest.raises(DataError, match=why):
        km.summary_of_findings({"A": fit}, judgements=judged.assign(**change))


def test_tables_of_judgements_that_are_no_tables(fit, judged, tmp_path):
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    (tmp_path / "bytes.csv").write_bytes(b"outcome,certainty\n\xff\xfe,low\n")
    for given in (empty, tmp_path / "bytes.csv", tmp_path / "none.csv", tmp_path, 3, [1]):
        with pytest.raises(DataError, match="judgements"):
            km.summary_of_findings({"A": fit}, judgements=given)
    for given in (judged.drop(columns="Outcome"), judged.drop(columns="Certainty"), pd.DataFrame()):
        with pytest.raises(DataError, match="no column"):
            km.summary_of_findings({"A": fit}, judgements=given)
    twice = pd.concat([judged, judged])
    with pytest.raises(DataError, match="two rows"):
        km.summary_of_findings({"A": fit}, judgements=twice)


@pytest.mark.parametrize(
    "text",
    [
        "outcome,certainty,reasons\nA,low,one\n",
        "\ufeffoutcome,certainty,reasons\r\nA,low,one\r\n",
        "outcome;certainty;reasons\nA;low;one\n",
        "outcome\tcertainty\treasons\nA\tlow\tone\n",
        '"outcome","certainty","reasons"\n\n"A","low","one"\n',
    ],
)
def test_files_as_spreadsheets_write_them(fit, tmp_path, text):
    path = tmp_path / "judged.csv"
    path.write_text(text, encoding="utf-8", newline="")
    row = km.summary_of_findings({"A": fit}, judgements=path).to_frame().iloc[0]
    assert (row["certainty"], row["reasons"]) == ("low", "one")


def test_cells_never_slip_into_another_column(fit, tmp_path):
    path = tmp_path / "judged.csv"
    for text, why in (
        ("outcome,certainty,reasons\nB,A,low,high\n", "in quotes"),
        ("outcome,certainty,certainty\nA,low,high\n", "stands twice"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=why):
            km.summary_of_findings({"A": fit}, judgements=path)


@pytest.mark.parametrize("name", ["s3://bucket/judged.csv", "judged.zip", "judged.csv.xz", "judged.csv.zst"])
def test_only_plain_files_are_read(fit, tmp_path, name):
    path = tmp_path / "judged.zip"
    path.write_bytes(b"PK")
    for given in (name, tmp_path / name.rpartition("/")[2]):
        with pytest.raises(DataError, match="judgements"):
            km.summary_of_findings({"A": fit}, judgements=given)


def test_a_domain_that_was_judged_is_not_denied(fit):
    words = pd.DataFrame({"outcome": ["A"], "certainty": [""], "imprecision": ["serious"]})
    notes = km.summary_of_findings({"A": fit}, judgements=words).notes
    assert any(note.endswith("Certainty not judged: the user gave none for this outcome.") for note in notes)
    assert not any("no judgement" in note for note in notes)


def test_names_that_differ_in_spaces_only_are_refused(fit):
    with pytest.raises(DataError, match="in spaces only"):
        km.summary_of_findings({"A b": fit, " A  b": fit})


def test_shares_at_high_risk_of_bias(fit, tmp_path):
    table = pd.DataFrame(
        {"study": ["Author0 2020", "author2"], "D1": ["low", "high"], "overall": ["low", "high"]}
    )
    path = tmp_path / "rob.csv"
    table.to_csv(path, index=False)
    for given in (table, path, {"A": table}):
        row = km.summary_of_findings({"A": fit}, rob=given).to_frame().iloc[0]
        assert row["high_risk_of_bias"] == pytest.approx(fit.weights[2])
        assert row["risk_of_bias_not_judged"] == pytest.approx(fit.weights[1])
    with pytest.raises(DataError, match="overall"):
        km.summary_of_findings({"A": fit}, rob=table.drop(columns="overall"))
    with pytest.raises(DataError, match=r"rob: row 2.*no word of RoB 2"):
        km.summary_of_findings({"A": fit}, rob=table.replace("high", "serious"))
    serious = table.replace("high", "serious")
    other = km.summary_of_findings({"A": fit}, rob=serious, options=SummaryOptions(tool="ROBINS-I"))
    assert other.to_frame()["high_risk_of_bias"][0] == pytest.approx(fit.weights[2])


class Balanced(HTMLParser):
    """Collects the text; unbalanced or unexpected tags are an error."""

    allowed = frozenset(
        ["div", "style", "table", "caption", "thead", "tbody", "tr", "th", "td", "br", "details", "summary"]
    )

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        assert tag in self.allowed
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        raise AssertionError(data)


@pytest.fixture(scope="module")
def hostile():
    table = rows().assign(comparator_class=HOSTILE[:3], population=HOSTILE[3:6], blinding=HOSTILE[6:9])
    fit = km.pool(table)
    words = pd.DataFrame({"outcome": HOSTILE, "certainty": "low", "reasons": HOSTILE})
    return km.summary_of_findings(
        dict.fromkeys(HOSTILE, fit), judgements=words, baseline_risk=0.2, points=("S<c>|$&", 9.0)
    )


def test_hostile_names_in_html(hostile):
    for text in (hostile.to_html(), hostile._repr_html_()):
        page = Balanced()
        page.feed(text)
        page.close()
        assert page.open == []
        assert "<script>alert(1)</script>" in "".join(page.text)
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_no_note_is_folded_away(hostile):
    assert len(hostile.notes) > 12
    assert "<details open>" in hostile.to_html()
    assert "<details>" not in hostile.to_html()


def test_hostile_names_in_markdown(hostile):
    text = hostile.to_markdown()
    tables = [block for block in text.split("\n\n") if block.startswith("| ")]
    assert len(tables) == 2
    for table, columns in zip(tables, (9, 7), strict=True):
        lines = table.split("\n")
        assert len(lines) == len(HOSTILE) + 2
        assert all(len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) == columns + 1 for line in lines)
    assert "<" not in text
    assert re.search(r"(?<!\\)[\[`*_$]", text.replace("**", "")) is None
    assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) == {"\n"}


def test_hostile_names_in_latex(hostile):
    text = hostile.to_latex()
    assert r"\input" not in text
    assert r"\textbackslash{}input\textbraceleft{}" in text
    bodies = re.findall(r"\\midrule\n(.*?)\\bottomrule", text, re.DOTALL)
    for body, columns in zip(bodies, (9, 7), strict=True):
        lines = body.strip().split("\n")
        assert len(lines) == len(HOSTILE)
        for line in lines:
            assert line.startswith("{}")
            assert line.endswith(r" \\")
            assert len(re.findall(r"(?<!\\)&", line)) == columns - 1
    assert re.search(r"(?<!\\)[%#_~^]", text) is None
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0


def test_latex_has_no_letter_that_pdflatex_refuses_and_fills_the_line(fit):
    words = pd.DataFrame({"outcome": ["A"], "certainty": ["low"], "reasons": ["tau² is τ² ≤ 0.1 → Ω ≠ α"]})
    text = km.summary_of_findings({"A": fit}, judgements=words).to_latex()
    assert r"$\tau$² $\leq$ 0.1 $\to$ $\Omega$ $\neq$ $\alpha$" in text
    assert not re.search("[\u0370-\u03ff\u2190-\u22ff]", text)
    assert re.findall(r"\{\\dimexpr\(\\linewidth-(\d+)\\tabcolsep\)/(\d)\\relax\}", text) == [
        ("16", "9"),
        ("12", "7"),
    ]


def test_card_sentence_and_json(hostile):
    assert "\x1b" not in str(hostile)
    assert "\n" not in hostile.sentence()
    assert repr(hostile).startswith("<SummaryOfFindings Summary of findings of 10 outcomes")
    told = json.loads(json.dumps(hostile.to_dict(), allow_nan=False))
    assert [each["outcome"] for each in told["outcomes"]] == HOSTILE
    assert len(told["notes"]) == len(hostile.notes)


def test_every_mark_has_its_note(hostile):
    marks = {int(i) for i in re.findall(r"\d+", " ".join(re.findall(r"\[([\d, ]+)\]", str(hostile))))}
    numbered = {int(found[1]) for note in hostile.notes if (found := re.match(r"\[(\d+)\] ", note))}
    assert marks == numbered == set(range(1, len(numbered) + 1))


def test_levels_that_differ_stand_in_the_cells(fit):
    same = km.summary_of_findings({"A": fit, "B": fit})
    assert "Effect (95% CI)" in str(same)
    other = km.summary_of_findings({"A": fit, "B": km.pool(rows(), level=0.9)})
    assert "Effect (CI)" in str(other)
    assert "(90% CI" in str(other)


@pytest.mark.parametrize("results", [None, {}, [], {"A": 1}, {"": None}, {3: None}])
def test_results_that_are_none(results):
    with pytest.raises(DataError, match="results"):
        km.summary_of_findings(results)


def test_subgroups_are_given_by_their_pool(fit):
    grouped = km.subgroups(rows(6).assign(by=["a", "a", "a", "b", "b", "b"]), "by")
    with pytest.raises(DataError, match=r"give \.overall"):
        km.summary_of_findings({"A": grouped})
    assert km.summary_of_findings({"A": grouped.overall}).rows[0].k == 6


@pytest.mark.parametrize(
    "options",
    [
        {"baseline_risk": 20},
        {"baseline_risk": float("nan")},
        {"baseline_risk": "0.2"},
        {"baseline_risk": True},
        {"baseline_risk": 1.0},
        {"baseline_risk": {"B": 0.2}},
        {"points": 3},
        {"points": ""},
        {"points": ("MADRS", 0)},
        {"points": ("MADRS", float("inf"))},
        {"points": {"B": "MADRS"}},
        {"mid": 0.2},
        {"mid": {"A": 0}},
        {"mid": {"A": float("nan")}},
        {"mid": {"B": 0.2}},
        {"rob": 3},
        {"rob": {"B": pd.DataFrame()}},
        {"rob": pd.DataFrame()},
        {"options": {"alpha": 0.05}},
    ],
)
def test_bad_arguments(fit, options):
    with pytest.raises(DataError, match=next(iter(options))):
        km.summary_of_findings({"A": fit}, **options)


@pytest.mark.parametrize("options", [{"alpha": 0}, {"power": 1.0}, {"relative": "x"}, {"smd": float("nan")}])
def test_bad_options(options):
    with pytest.raises(DataError, match=next(iter(options))):
        SummaryOptions(**options)
