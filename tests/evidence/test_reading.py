from __future__ import annotations

import hashlib
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ketameta as km
from ketameta.errors import DataError
from ketameta.evidence.dictionary import fields, identity
from ketameta.evidence.location import data_file
from ketameta.evidence.reading import read_table

HEADER = [field.name for field in fields("trials")]
HOSTILE = [
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "  space  ",
    "NA",
    "nan",
    "None",
    "\x07\x1b[31m",
    'a "quoted", text;\nwith\r\nlines',
    "é 漢字 \U0001f600 \u202eabc",
    "1,5",
]


def test_columns_types_and_index(write):
    trials = km.read_trials(write({"notes": "a"}, {"year": "", "mean_t": "-1.5e1"}))
    assert list(trials.columns) == HEADER
    assert trials.index.tolist() == [2, 3]
    assert trials.index.name == "line"
    assert trials["notes"].tolist() == ["a", ""]
    assert trials["mean_t"].tolist() == [15.0, -15.0]
    assert trials["year"].dtype == np.float64
    assert trials["n_t"].dtype == np.int64
    assert trials["higher_is_worse"].dtype == bool
    assert trials["dose"].tolist() == ["0.5", "0.5"]
    assert np.isnan(trials["se_t"]).all()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_read_as_written(write, text):
    trials = km.read_trials(write({"notes": text, "dose": text}, end="\r\n"))
    assert trials["notes"].tolist() == [text]
    assert trials["dose"].tolist() == [text]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), min_size=1)
)
def test_any_text_makes_the_round_trip(write, texts):
    trials = km.read_trials(write(*({"notes": text} for text in texts), end="\r\n"))
    assert trials["notes"].tolist() == texts


def test_a_cell_of_ten_megabytes_is_read(write):
    text = 'x"' * 5_000_000
    assert km.read_trials(write({"notes": text}))["notes"].iloc[0] == text


def test_lines_follow_the_file(write):
    trials = km.read_trials(write({"notes": "one\ntwo\nthree"}, {}, {"notes": "a\nb"}, {}))
    assert trials.index.tolist() == [2, 5, 6, 8]


def test_byte_order_mark_and_header_only(write):
    path = write()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    trials = km.read_trials(path)
    assert list(trials.columns) == HEADER
    assert len(trials) == 0


def test_where_the_table_comes_from_is_stamped(write):
    path = write({})
    origin = km.read_trials(path).attrs["ketameta"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert origin == {"dataset": "mine.csv", "version": "", "sha256": digest}
    packaged = data_file("trials.csv")
    origin = km.read_trials(packaged).attrs["ketameta"]
    name, version = identity()
    digest = hashlib.sha256(packaged.read_bytes()).hexdigest()
    assert origin == {"dataset": name, "version": version, "sha256": digest}


def test_unknown_columns_come_last_as_text(write):
    trials = km.read_trials(write({"my_note": "007"}, header=["my_note", *HEADER]))
    assert list(trials.columns) == [*HEADER, "my_note"]
    assert trials["my_note"].tolist() == ["007"]


def test_columns_that_may_be_empty_may_be_left_out(write):
    trials = km.read_trials(write({}, header=[name for name in HEADER if name not in ("notes", "se_t")]))
    assert list(trials.columns) == HEADER
    assert trials["notes"].tolist() == [""]
    assert trials["se_t"].isna().all()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ([name for name in HEADER if name not in ("status", "outcome")], "missing: outcome, status"),
        ([*HEADER, "outcome"], r"'outcome' as 27 and 76"),
        (["sd_T" if name == "sd_t" else name for name in HEADER], "'sd_T'; did you mean 'sd_t'"),
        ([" notes" if name == "notes" else name for name in HEADER], "' notes'; did you mean 'notes'"),
        (["contrast_ci_lo" if n == "contrast_ci_low" else n for n in HEADER], "mean 'contrast_ci_low'"),
        (["Study ID" if name == "study_id" else name for name in HEADER], "mean 'study_id'"),
    ],
)
def test_a_wrong_header_is_named(write, header, message):
    with pytest.raises(DataError, match=f"mine.csv, line 1: .*{message}"):
        km.read_trials(write({}, header=header))


@pytest.mark.parametrize(
    ("mark", "word", "how"),
    [
        (";", "semicolons", {"sep": ";", "decimal": ","}),
        ("\t", "tabs", {"sep": "\t"}),
        ("|", "vertical bars", {"sep": "|"}),
    ],
)
def test_another_separator_is_named_and_the_way_out_works(write, mark, word, how):
    path = write({})
    pd.read_csv(path).to_csv(path, sep=mark, decimal=how.get("decimal", "."), index=False)
    with pytest.raises(DataError, match=f'separated by {word}; save as "CSV UTF-8" with commas') as caught:
        km.read_trials(path)
    said = re.search(r"pandas\.read_csv\(path, (.*?)\) and write it again", str(caught.value))
    assert eval(f"dict({said[1]})") == how
    pd.read_csv(path, **how).to_csv(path, index=False)
    assert len(km.read_trials(path)) == 1


def test_who_lacks_columns_is_told_how_to_get_them_all(write, tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"An empty table with all columns: km\.load") as caught:
        km.read_trials(write({}, header=HEADER[:5]))
    monkeypatch.chdir(tmp_path)
    eval(str(caught.value).rpartition("columns: ")[2])
    assert list(km.read_trials("my.csv").columns) == HEADER


def test_ragged_lines_are_all_named(write):
    path = write({}, {}, {})
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] += ",more"
    lines[3] = lines[3].rsplit(",", 2)[0]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(
        DataError, match=r"header has 75 cells, but line 2 \('KM0001'\) has 76; line 4 .* has 73"
    ):
        km.read_trials(path)


def test_bad_cells_are_all_named_with_line_column_value_and_hint(write):
    path = write({"mean_t": "1,5", "notes": "a\nb"}, {"n_t": "many", "higher_is_worse": "yes"})
    with pytest.raises(DataError, match="3 cells are not what") as caught:
        km.read_trials(path)
    text = str(caught.value)
    assert "line 2, column 'mean_t': '1,5': decimal comma: write 1.5" in text
    assert "line 4, column 'higher_is_worse': 'yes': write true, false" in text
    assert text.index("'higher_is_worse'") < text.index("'n_t': 'many'")


def test_many_bad_cells_are_counted_and_long_ones_cut(write):
    path = write(*[{"mean_t": "x" * 1000}] * 30)
    with pytest.raises(DataError, match="30 cells") as caught:
        km.read_trials(path)
    assert "and 20 more" in str(caught.value)
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n\n\r\n", "blank lines only"),
        (b"a,b\n\x00", "NUL"),
        (b"caf\xe9\n", "Latin-1"),
        (b'record_id,"study_id\n', "never closed"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, content, message):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"mine.csv.*{message}"):
        km.read_trials(path)


@pytest.mark.parametrize("path", [5, None, pd.DataFrame(), b"x"])
def test_what_is_no_path_is_named(path):
    with pytest.raises(DataError, match="a path is wanted"):
        km.read_trials(path)


@pytest.mark.parametrize("path", ["", "nowhere/trials.csv", "a\x00b", "."])
def test_a_file_that_cannot_be_read_is_named(path):
    with pytest.raises(DataError, match="cannot be read"):
        km.read_trials(path)


def test_sibling_tables_are_read_by_their_own_columns(tmp_path):
    path = tmp_path / "scales.csv"
    names = [field.name for field in fields("scales")]
    path.write_text(",".join(names) + "\nMADRS,Full name,depression,0,60,true,,,,\n", encoding="utf-8")
    scales = read_table(path, "scales")
    assert list(scales.columns) == names
    assert scales["max"].tolist() == [60.0]


def test_a_column_without_a_name_is_named_by_its_place(tmp_path):
    path = tmp_path / "nameless.csv"
    path.write_text("record_id,study_id,,outcome\nR1,a,,depression\n", encoding="utf-8")
    with pytest.raises(DataError, match="column 3 has no name"):
        km.read_trials(path)


def test_a_title_above_the_header_is_said_to_be_in_the_way(tmp_path):
    path = tmp_path / "titled.csv"
    path.write_text("My trials,,,\nrecord_id,study_id,outcome,year\nR1,a,depression,2000\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 1: 3 of 4 columns have no name; .*remove titles above it"):
        read_table(path, "trials")
