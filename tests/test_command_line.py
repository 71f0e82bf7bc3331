"""The commands: exit status, what is printed where."""

import io
import subprocess
import sys

import pytest

from ketameta.__main__ import main
from ketameta.evidence import load_trials
from ketameta.reporting import cite


@pytest.fixture
def table(tmp_path):
    rows = load_trials()
    rows = rows[(rows["cohort_id"] == "lii2023") & (rows["outcome"] == "depression")].copy()
    path = tmp_path / "mine.csv"
    rows.to_csv(path, index=False)
    return path, rows


def test_check_of_a_sound_table(table, capsys):
    path, _ = table
    assert main(["check", str(path)]) == 0
    assert "no errors and no warnings" in capsys.readouterr().out


def test_check_prints_every_problem_and_exits_with_one(table, capsys):
    path, rows = table
    rows.loc[rows.index[0], "sd_t"] = 0.256
    rows.loc[rows.index[1], "n_t"] = -3
    rows.to_csv(path, index=False)
    assert main(["check", str(path)]) == 1
    said = capsys.readouterr().out
    assert "sd_t" in said
    assert "n_t" in said
    assert "standard error" in said


def test_check_of_a_file_that_cannot_be_read(tmp_path, capsys):
    path = tmp_path / "binary.csv"
    path.write_bytes(b"\x00\x01\x02")
    assert main(["check", str(path)]) == 1
    assert "binary.csv" in capsys.readouterr().err


def test_check_of_a_missing_file(tmp_path, capsys):
    assert main(["check", str(tmp_path / "nowhere.csv")]) == 1
    assert "nowhere.csv" in capsys.readouterr().err


def test_report_on_a_table_with_errors(table, tmp_path, capsys):
    path, rows = table
    rows.loc[rows.index[0], "sd_t"] = -1.0
    rows.to_csv(path, index=False)
    assert main(["report", "--quiet", "--trials", str(path), "--out", str(tmp_path / "out")]) == 1
    assert "sd_t" in capsys.readouterr().err


def test_wrong_words():
    with pytest.raises(SystemExit) as stop:
        main(["bake"])
    assert stop.value.code == 2


def test_module_runs_as_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "ketameta", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("ketameta ")


def test_a_header_without_rows_is_no_table(table, tmp_path, capsys):
    path, rows = table
    rows.iloc[:0].to_csv(path, index=False)
    assert main(["check", str(path)]) == 1
    assert "no rows" in capsys.readouterr().err
    assert main(["report", "--quiet", "--trials", str(path), "--out", str(tmp_path / "out")]) == 1


def test_a_folder_that_cannot_be_made(table, tmp_path, capsys):
    path, _ = table
    (tmp_path / "file").touch()
    assert main(["report", "--quiet", "--trials", str(path), "--out", str(tmp_path / "file")]) == 1
    assert "cannot be made" in capsys.readouterr().err


@pytest.mark.parametrize(("form", "name"), [("text", "text"), ("bibtex", "bibtex"), ("csl-json", "csl_json")])
def test_cite_prints_each_form(table, capsys, form, name):
    path, rows = table
    assert main(["cite", "--format", form]) == 0
    assert capsys.readouterr() == (getattr(cite(), name).rstrip("\n") + "\n", "")
    assert main(["cite", str(path), "--format", form]) == 0
    assert capsys.readouterr() == (getattr(cite(rows), name).rstrip("\n") + "\n", "")


def test_cite_prints_what_a_narrow_encoding_can_hold(table, monkeypatch):
    path, _ = table
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    monkeypatch.setattr("ketameta.reporting.references.Reference.text", "Łoś")
    assert main(["cite", str(path)]) == 0
    narrow.flush()
    assert b"1. ?o?" in narrow.buffer.getvalue()


def test_cite_prints_text_unless_told_otherwise(capsys):
    assert main(["cite"]) == 0
    assert capsys.readouterr().out == cite().text + "\n"


def test_cite_says_beside_the_output_what_the_bibliography_lacks(table, capsys):
    path, rows = table
    rows.loc[rows.index[0], "report"] = "nobody1999"
    rows.to_csv(path, index=False)
    assert main(["cite", str(path), "--format", "bibtex"]) == 0
    said = capsys.readouterr()
    assert "nobody1999" in said.err
    assert "nobody1999" not in said.out


def test_cite_of_what_is_no_table(table, tmp_path, capsys):
    path, rows = table
    rows.iloc[:0].to_csv(path, index=False)
    (tmp_path / "results.json").write_text('{"format": "ketameta-results/1"}', encoding="utf-8")
    for wrong in (path, tmp_path / "results.json", tmp_path / "nowhere.csv"):
        assert main(["cite", str(wrong)]) == 1
        assert wrong.name in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["cite", "--format", "ris"])


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(f"    {command} " in said for command in ("report", "verify", "check", "cite"))
    with pytest.raises(SystemExit):
        main(["cite", "--help"])
    assert "--format {text,bibtex,csl-json}" in capsys.readouterr().out
