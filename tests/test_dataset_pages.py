"""The generated pages of the data set hold every row, source, note and gap of data/, and hostile cells stay text."""

import csv
import importlib.util
import json
import re
from pathlib import Path

import pandas as pd
import pytest

import ketameta as km

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("dataset_pages", ROOT / "docs" / "dataset_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def written(pages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    pages.write(folder)
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.md")}


def lines(name):
    with (ROOT / "data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def of_trial(written):
    return {name: text for name, text in written.items() if name.startswith("trials/")}


def test_every_row_stands_on_one_page_in_one_table_of_results_and_one_of_sources(written):
    for row in lines("trials.csv"):
        holding = [text for text in of_trial(written).values() if f"`{row['record_id']}`" in text]
        assert len(holding) == 1, row["record_id"]
        assert len(re.findall(rf"^\| `{row['record_id']}` \|", holding[0].split("## Where")[0], re.M)) == 1
        assert f"`{row['record_id']}`" in holding[0].split("## Where each row was read")[1].split("## ")[0]


def test_the_numbers_of_a_row_are_those_of_the_file(pages, written):
    for row in lines("trials.csv"):
        page = next(text for text in of_trial(written).values() if f"| `{row['record_id']}` |" in text)
        line = next(line for line in page.splitlines() if line.startswith(f"| `{row['record_id']}` |"))
        shown = set(re.findall(r"(?<![\w.])-?\d*\.?\d+(?:e-?\d+)?", line))
        for column in (
            "time_hours",
            "mean_t",
            "sd_t",
            "mean_c",
            "sd_c",
            "n_t",
            "n_c",
            "events_t",
            "events_c",
        ):
            if row[column]:
                assert float(row[column]) in {float(value) for value in shown}, (row["record_id"], column)


def test_notes_and_derivations_stand_beside_their_rows(pages, written):
    for row in lines("trials.csv"):
        page = next(text for text in of_trial(written).values() if f"| `{row['record_id']}` |" in text)
        doubts = page.split("## Doubts and notes")[1]
        for column in ("notes", "derivation"):
            assert pages._cell(row[column]) in doubts


def test_every_gap_is_told_on_the_page_of_its_trial_or_on_the_page_of_gaps(pages, written):
    texts = [text for name, text in written.items() if name != "dictionary.md"]
    for gap in lines("missing.csv"):
        told = (
            f"| `{gap['study_id']}` | {pages._cell(gap['outcome'])} | {pages._cell(gap['what_is_missing'])} |"
        )
        assert sum(told in text for text in texts) >= 1, gap


def test_the_list_links_each_page_and_each_page_is_in_the_tree(written):
    linked = set(re.findall(r"\((trials/[\w-]+\.md)\)", written["trials.md"]))
    assert linked == set(of_trial(written))
    tree = written["trials.md"].split("```{toctree}")[1]
    assert {f"trials/{Path(name).stem}" for name in linked} == set(re.findall(r"^trials/\S+$", tree, re.M))


def test_stored_files_are_linked_where_they_stand_on_the_web(pages, written):
    assert not any("github:" in text for text in written.values())
    commit = "0123456789" * 4
    assert pages._link("a b", f"github:owner/name/some file.md@{commit}") == (
        f"[a b](<https://github.com/owner/name/blob/{commit}/some%20file.md>)"
    )


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("a | b", r"a \| b"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("two\nlines\tand more", "two lines and more"),
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        ("$5 and *stars* and `code`", r"\$5 and \*stars\* and \`code\`"),
        (float("nan"), ""),
        (None, ""),
        (12.0, "12"),
        (0.1234567891, "0.1234567891"),
    ],
)
def test_cells_are_text(pages, cell, shown):
    assert pages._cell(cell) == shown


def test_a_trial_of_several_reports_lists_each(pages, written):
    trials = km.load_trials()
    reports = trials.groupby("cohort_id")["report"].unique()
    for cohort, keys in reports.items():
        page = of_trial(written)[f"trials/{pages._slug(str(cohort))}.md"]
        assert page.split("## Reports")[1].split("## ")[0].count("\n- ") == len(keys)


def test_cohorts_have_pages_of_different_names(pages):
    cohorts = pd.unique(km.load_trials()["cohort_id"])
    assert len({pages._slug(str(cohort)) for cohort in cohorts}) == len(cohorts)


def test_the_dictionary_says_which_columns_a_file_needs_and_their_units(written):
    package = json.loads((ROOT / "data" / "datapackage.json").read_text("utf-8"))
    parts = written["dictionary.md"].split("\n## ")[1:]
    for resource, part in zip(package["resources"], parts, strict=True):
        for field in resource["schema"]["fields"]:
            line = next(line for line in part.splitlines() if line.startswith(f"| `{field['name']}` |"))
            needed = field.get("constraints", {}).get("required", False)
            assert line.split(" | ")[2].strip() == ("yes" if needed else ""), line
            assert re.findall(r"Unit: ([^.]+)\.", line) == ([field["unit"]] if "unit" in field else []), line
