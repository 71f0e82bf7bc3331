"""Rows entered as docs/papers.md says raise no doubt; rows that lack what they need are still found."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ketameta as km
from ketameta.effects._spread import QUANTILE_COLUMNS
from ketameta.evidence.dictionary import ADDED, fields
from ketameta.evidence.rules_cells import _FORMS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "papers.md").read_text(encoding="utf-8")
NUMBERS = ("n_t", "mean_t", "sd_t", "n_c", "mean_c", "sd_c")
QUARTILES = {"q1_t": 9, "q3_t": 19, "q1_c": 14, "q3_c": 26}
RANGES = {"min_t": 2, "max_t": 28, "min_c": 6, "max_c": 34}
MEDIANS = {"median_t": 14, "median_c": 20}
SIZES = {"n_t": 30, "n_c": 30}
MEANS = {**SIZES, "mean_t": 14, "mean_c": 20}
CHANGES = {**SIZES, "mean_t": -14, "mean_c": -8, "score_type": "change"}
SDS = {"baseline_sd_t": 5, "endpoint_sd_t": 9, "baseline_sd_c": 5, "endpoint_sd_c": 9}
COUNTS = {"score_type": "counts", "outcome": "response", "higher_is_worse": False}
PERCENT = {**COUNTS, "percent_t": "60", "total_t": 30, "percent_c": "21.4", "total_c": 28}
SMD = {"score_type": "contrast", "contrast_measure": "SMD", "contrast_value": -0.5}
TEST = {"contrast_stat": "t(58)=2.50", "adjusted": False}


def on_the_page() -> list[dict[str, Any]]:
    """Cells of every row that docs/papers.md enters and that gets an effect."""
    found: list[dict[str, Any]] = []

    def row(measure: str = "SMD", **cells: Any) -> None:
        found.append(cells)

    names = {"row": row}
    code = "\n\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.M | re.S))
    for example in doctest.DocTestParser().get_examples(code):
        given = re.match(r"row\(|(cells|counts|means|seven) = ", example.source)
        if given and "choices=" not in example.source and "g.yi" not in example.source:
            exec(example.source, names)
            if example.want.startswith("reason"):
                found.pop()
    return found


def entered(table, *rows: dict[str, Any]) -> pd.DataFrame:
    """Sound rows of different trials, without numbers but for these cells."""
    full = []
    for i, cells in enumerate(rows):
        negative = min(cells.get("mean_t") or 0, cells.get("median_t") or 0) < 0
        kind = "counts" if "total_t" in cells else "change" if negative else "endpoint"
        score = {"score_type": kind, "outcome": "response" if kind == "counts" else "depression"}
        period = {"design": "crossover", "washout_days": 14} if "crossover_period" in cells else {}
        trial = {
            **dict.fromkeys(("study_id", "cohort_id"), f"trial{i}"),
            "comparator_arm_id": f"trial{i}:saline",
        }
        full.append({**trial, "n_randomised": None, **dict.fromkeys(NUMBERS), **score, **period, **cells})
    added = sorted({name for cells in rows for name in cells if name in ADDED})
    return table(*full).assign(**{name: [cells.get(name) for cells in rows] for name in added})


def found(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return {(rule, column) for _, rule, column in found_in(frame)}


def found_in(frame: pd.DataFrame) -> set[tuple[int, str, str]]:
    problems = km.check_trials(frame).problems
    return set(zip(problems["line"] - 2, problems["rule"], problems["column"], strict=True))


def test_every_row_of_the_page_with_an_effect_raises_no_doubt(table):
    """An SMD whose variance comes from n alone is entered rightly, and still worth a second look."""
    rows = on_the_page()
    assert len(rows) >= 40
    bare = [
        i
        for i, cells in enumerate(rows)
        if cells.get("contrast_measure") == "SMD" and "contrast_ci_low" not in cells
    ]
    assert len(bare) == 1
    assert found_in(entered(table, *rows)) == {(bare[0], "no-spread", "contrast_se")}


SOUND = [
    {**SIZES, **MEDIANS, **QUARTILES},
    {**SIZES, **MEDIANS, **RANGES},
    {**SIZES, **MEDIANS, **QUARTILES, **RANGES},
    {**MEANS, **QUARTILES},
    {**MEANS, **RANGES},
    {**MEANS, **TEST},
    {**MEANS, "contrast_p": "0.015", "adjusted": False},
    {**CHANGES, **SDS, "correlation": 0.5},
    {**SMD, **SIZES, "contrast_se": 0.26},
    PERCENT,
]


def test_what_gives_an_effect_raises_no_doubt_also_from_a_file(table, tmp_path):
    frame = entered(table, *SOUND)
    frame.to_csv(tmp_path / "mine.csv", index=False)
    read = km.read_trials(tmp_path / "mine.csv")
    assert km.effect_sizes(read.iloc[:-1], measure="SMD")["reason"].tolist() == [""] * (len(SOUND) - 1)
    assert km.effect_sizes(read.iloc[-1:], measure="RR")["reason"].tolist() == [""]
    assert found(read) == found(frame) == set()


LACKING = [
    ({**SIZES, **MEDIANS}, {"mean_t", "sd_t", "mean_c", "sd_c"}),
    ({**SIZES, **QUARTILES}, {"mean_t", "mean_c"}),
    ({**SIZES, **MEDIANS, **QUARTILES, "q1_c": None}, {"mean_c", "sd_c"}),
    ({**SIZES, **MEDIANS, **RANGES, "max_t": " "}, {"mean_t", "sd_t"}),
    (MEANS, {"sd_t", "sd_c"}),
    ({**MEANS, **TEST, "adjusted": True}, {"sd_t", "sd_c"}),
    ({**MEANS, **TEST, "adjusted": None}, {"sd_t", "sd_c"}),
    ({**CHANGES, **SDS}, {"sd_t", "sd_c"}),
    ({**CHANGES, **SDS, "correlation": 0.5, "baseline_sd_t": None}, {"sd_t"}),
    ({**MEANS, **SDS, "correlation": 0.5}, {"sd_t", "sd_c"}),
    ({**SMD, "n_t": 30}, {"contrast_se"}),
    ({**PERCENT, "percent_c": None}, {"events_c"}),
    ({**PERCENT, "total_c": None}, {"total_c"}),
]


def test_what_gives_no_effect_is_found(table):
    frame = entered(table, *(cells for cells, _ in LACKING))
    for measure, rows in (("SMD", frame.iloc[:-2]), ("RR", frame.iloc[-2:])):
        assert (km.effect_sizes(rows, measure=measure)["reason"] != "").all()
    expected = {(i, column) for i, (_, columns) in enumerate(LACKING) for column in columns}
    assert {(row, column) for row, _, column in found_in(frame)} == expected


def test_a_contrast_whose_variance_comes_from_the_arms_is_not_said_to_have_none(table):
    from_n = km.check_trials(entered(table, {**SMD, **SIZES})).problems["hint"].item()
    assert from_n.endswith("the variance can only come from the arms")
    none = km.check_trials(entered(table, SMD)).problems["hint"].item()
    assert none.endswith("no variance can be had from this row")


def test_the_quantiles_that_effect_sizes_reads_may_be_added():
    assert {f"{name}_{arm}" for name in QUANTILE_COLUMNS for arm in "tc"} <= set(ADDED)


class TestColumnNames:
    @pytest.mark.parametrize(
        ("wrong", "right"), [("maen_t", "mean_t"), ("events", "events_t"), ("medain_c", "median_c")]
    )
    def test_a_misspelt_column_is_named(self, table, wrong, right):
        frame = table({}, {}).drop(columns=[right], errors="ignore").assign(**{wrong: 14.0})
        problems = km.check_trials(frame).problems
        named = problems[problems["rule"] == "unknown-column"]
        said = f"column {wrong!r} is not in the dictionary; did you mean {right!r}?"
        assert named[["line", "column", "severity", "hint"]].to_numpy().tolist() == [
            [2, wrong, "warning", said]
        ]

    def test_it_is_named_in_a_table_read_from_a_file(self, table, tmp_path):
        table({}).rename(columns={"mean_t": "maen_t"}).to_csv(tmp_path / "mine.csv", index=False)
        assert found(km.read_trials(tmp_path / "mine.csv")) >= {("unknown-column", "maen_t")}

    def test_it_is_shown_before_the_errors_that_it_explains(self, table):
        frame = table(*[{}] * 30).rename(columns={"mean_t": "maen_t"})
        assert "did you mean 'mean_t'" in str(km.check_trials(frame)).split("\n")[4]

    @pytest.mark.parametrize("own", ["site", "rater", "mean_x", "median_t", "x" * 5000, "<b>$\n"])
    def test_own_columns_stay_silent(self, table, own):
        """``mean_x`` resembles ``mean_t``, which is there and filled."""
        assert found(table({}).assign(**{own: 1})) == set()

    def test_a_table_without_rows_has_none(self, table):
        assert found(table().drop(columns="mean_t").assign(maen_t=[])) == set()


def test_forms_are_said_in_words(table):
    assert set(_FORMS) == {field.name for field in fields("trials") if field.pattern}
    wrong = {"record_id": "R1", "study_id": "Smith 2024", "contrast_p": "p<.05"}
    hints = km.check_trials(table(wrong)).problems.set_index("column")["hint"]
    assert hints["record_id"] == "write KM and four digits, such as KM0001"
    assert hints.to_dict() == _FORMS


def test_a_check_without_findings_shows_no_table(table):
    report = km.check_trials(table({}))
    assert str(report).split("\n") == [report.sentence(), "", report.provenance.line()]
    page = report._repr_html_()
    assert "<table" not in page
    assert report.sentence() in page
