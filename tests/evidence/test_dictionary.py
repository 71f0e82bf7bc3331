from __future__ import annotations

import csv
import json

import frictionless
import pytest
from frictionless import system

from ketameta.errors import DataError
from ketameta.evidence import dictionary
from ketameta.evidence.dictionary import fields, identity
from ketameta.evidence.location import data_file

TABLES = ("trials", "missing", "published", "scales", "moderators", "risk_of_bias")


@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_every_file_is_described_in_order(name):
    with data_file(f"{name}.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert header == [field.name for field in fields(name)]
    assert all(field.title and field.description.endswith(".") for field in fields(name))


def test_the_data_package_is_valid():
    """Every cell of every table against the descriptor, by an implementation that is not ours."""
    with system.use_context(trusted=True):
        report = frictionless.validate(str(data_file("datapackage.json")))
    assert [task.name for task in report.tasks] == list(TABLES)
    assert report.valid, report.flatten(["name", "rowNumber", "fieldName", "note"])


def test_the_data_package_finds_a_planted_error(tmp_path):
    for path in data_file("datapackage.json").parent.iterdir():
        if path.suffix in {".json", ".csv"}:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    trials = tmp_path / "trials.csv"
    text = trials.read_text(encoding="utf-8")
    assert ",double-blind," in text
    trials.write_text(text.replace(",double-blind,", ",doubly-blind,", 1), encoding="utf-8")
    with system.use_context(trusted=True):
        report = frictionless.validate(str(tmp_path / "datapackage.json"))
    assert report.flatten(["fieldName"]) == [["blinding"]]


def test_the_descriptor_carries_licence_and_version():
    descriptor = json.loads(data_file("datapackage.json").read_text(encoding="utf-8"))
    assert descriptor["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert [licence["name"] for licence in descriptor["licenses"]] == ["CC-BY-4.0"]
    assert identity() == (descriptor["name"], descriptor["version"])


def test_rules_of_a_field_are_read():
    by_name = {field.name: field for field in fields("trials")}
    assert by_name["record_id"].unique
    assert by_name["record_id"].required
    assert by_name["n_t"].type == "integer"
    assert by_name["n_t"].minimum == 1
    assert by_name["n_t"].unit == "participants"
    assert by_name["status"].enum == ("include", "apart")
    assert by_name["trial_name"].enum == ()


def test_a_broken_descriptor_is_named(monkeypatch, tmp_path):
    (tmp_path / "datapackage.json").write_text("{", encoding="utf-8")
    monkeypatch.setattr(dictionary, "data_file", lambda name: tmp_path / name)
    dictionary._descriptor.cache_clear()
    with pytest.raises(DataError, match="not valid JSON"):
        identity()


def test_an_unknown_table_is_refused():
    with pytest.raises(DataError, match="'pills'"):
        fields("pills")
