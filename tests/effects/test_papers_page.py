"""docs/papers.md: each thing that papers print is entered as the page says, and gives what it shows."""

from __future__ import annotations

import doctest
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ketameta import effects

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "papers.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| \[(?P<printed>[^\]]+)\]\(#(?P<id>[\w-]+)\) \| (?P<enter>.*?) \| (?P<does>.*?) \| (?P<call>.*?) ?\|$"
)
ROWS = [match for match in map(ROW.match, PAGE.splitlines()) if match]
PARTS = re.split(r"^\(([\w-]+)\)=$", PAGE.split("\n## Every row, run\n")[1].split("\n## ")[0], flags=re.M)
SECTIONS = dict(zip(PARTS[1::2], PARTS[2::2], strict=True))
EFFECT = re.compile(r"-?\d+\.\d{3} \(SE \d+\.\d{3}\)")


@dataclass(frozen=True)
class Ran:
    """Examples of a section, and what went otherwise than the page shows."""

    examples: list[doctest.Example]
    report: str


@pytest.fixture(scope="module")
def page() -> dict[str, Ran]:
    """Every section of the page, run in order with shared names."""
    names: dict[str, Any] = {}
    parser, flags = doctest.DocTestParser(), doctest.NORMALIZE_WHITESPACE
    found = {}
    for name, text in {"helpers": PARTS[0], **SECTIONS}.items():
        code = "\n\n".join(re.findall(r"^```python\n(.*?)^```$", text, flags=re.M | re.S))
        test = parser.get_doctest(code, names, name, "papers.md", 0)
        out = io.StringIO()
        doctest.DocTestRunner(optionflags=flags).run(test, out=out.write, clear_globs=False)
        names = test.globs
        found[name] = Ran(test.examples, out.getvalue())
    return found


def test_the_table_and_the_examples_name_the_same_things():
    ids = [row["id"] for row in ROWS]
    assert len(ids) >= 25
    assert len(set(ids)) == len(ids)
    assert list(SECTIONS) == ids
    table_lines = [line for line in PAGE.split("\n## ")[0].splitlines() if line.startswith("| ")]
    headings = sum("The paper prints" in line or set(line) <= set("| -") for line in table_lines)
    assert len(table_lines) - headings == len(ROWS)


def test_the_helpers_run(page):
    assert page["helpers"].report == ""


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_row(row, page):
    ran = page[row["id"]]
    assert ran.report == ""
    shown = [example.want.splitlines()[0] for example in ran.examples if example.want]
    assert any(EFFECT.fullmatch(line) or line.startswith(("reason: ", "[[")) for line in shown)


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_columns_and_functions_of_a_row_stand_in_its_example(row):
    code = "".join(re.findall(r"^```python\n(.*?)^```$", SECTIONS[row["id"]], flags=re.M | re.S))
    columns = re.findall(r"`([^`]+)`", row["enter"])
    assert columns
    for column in columns:
        assert re.search(rf"\b{column}\b", code), column
    for name in re.findall(r"`([^`]+)`", row["call"]):
        assert name in effects.__all__
        assert f"effects.{name}(" in code, name


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_array_functions_give_the_effect_of_the_table(row, page):
    examples = page[row["id"]].examples
    called = [example.want.strip() for example in examples if example.source.startswith("call(")]
    others = [
        example.want.splitlines()[0]
        for example in examples
        if example.want and not example.source.startswith("call(")
    ]
    assert all(EFFECT.fullmatch(line) for line in called)
    assert set(called) <= set(others)
