from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketameta.evidence.dictionary import fields
from ketameta.evidence.typed import typed_column

BY_NAME = {field.name: field for field in fields("trials")}
TEXT, NUMBER, INTEGER, BOOLEAN = (BY_NAME[name] for name in ("notes", "mean_t", "n_t", "adjusted"))


@pytest.mark.parametrize("cell", ["NA", "nan", "None", " x ", "1,5", "=1+1", "<b>", "\x07", "null", "-"])
def test_text_stays_as_written(cell):
    column, bad = typed_column(TEXT, [cell, ""])
    assert column.tolist() == [cell, ""]
    assert column.dtype == object
    assert bad == []


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, np.nan, ""])
def test_missing_text_is_empty_and_missing_numbers_are_nan(missing):
    assert typed_column(TEXT, [missing])[0].tolist() == [""]
    assert math.isnan(typed_column(NUMBER, [missing])[0][0])
    assert math.isnan(typed_column(INTEGER, [missing])[0][0])
    assert typed_column(BOOLEAN, [missing])[0].tolist() == [None]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_exactly(value):
    column, bad = typed_column(NUMBER, [repr(value), f" {value!r} ", value])
    assert bad == []
    assert column.tolist() == [value] * 3


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("1,5", "write 1.5"),
        ("-12,25", "write -12.25"),
        ("\N{MINUS SIGN}3", "hyphen"),
        ("NA", "empty"),
        ("nan", "empty"),
        ("inf", "empty"),
        ("1e999", "too large"),
        ("1_000", "decimal point"),
        ("٣", "decimal point"),
        ("3 mg", "decimal point"),
        ("0x1F", "decimal point"),
        ("1.2.3", "decimal point"),
        (float("inf"), "finite"),
        (True, "number"),
    ],
)
def test_what_is_no_number_is_reported_and_counts_as_missing(cell, hint):
    column, bad = typed_column(NUMBER, ["1", cell])
    assert [(item.row, item.value) for item in bad] == [(1, str(cell))]
    assert hint in bad[0].hint
    assert column[0] == 1
    assert math.isnan(column[1])


@pytest.mark.parametrize(
    ("cell", "hint"),
    [("7.5", "whole"), (7.5, "whole"), ("9007199254740993", "too large"), ("seven", "decimal")],
)
def test_what_is_no_integer_is_reported(cell, hint):
    _, bad = typed_column(INTEGER, [cell])
    assert hint in bad[0].hint


def test_integers_are_int64_when_all_are_filled_and_float_otherwise():
    assert typed_column(INTEGER, ["7", "8.0", 9])[0].dtype == np.int64
    assert typed_column(INTEGER, ["7", ""])[0].dtype == np.float64
    assert typed_column(INTEGER, [])[0].dtype == np.float64


def test_booleans_are_written_as_the_dictionary_says():
    column, bad = typed_column(BOOLEAN, ["true", "FALSE", True, np.False_])
    assert column.tolist() == [True, False, True, False]
    assert column.dtype == bool
    assert bad == []
    column, bad = typed_column(BOOLEAN, ["true", "", "yes", "1"])
    assert column.tolist() == [True, None, None, None]
    assert [item.row for item in bad] == [2, 3]


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([1.0, math.inf]),
        pd.Series([1, 2], dtype="Int64"),
        pd.Series([1.5, None], dtype="Float64"),
        pd.Series([True, False]),
    ],
)
def test_a_column_of_a_dataframe_goes_the_same_way_as_its_cells(series):
    for field in (NUMBER, dataclasses.replace(NUMBER, type="integer")):
        fast, bad_fast = typed_column(field, series)
        slow, bad_slow = typed_column(field, series.tolist())
        pd.testing.assert_series_equal(fast, slow)
        assert bad_fast == bad_slow


def test_a_broken_integer_in_a_float_column_is_found():
    assert [item.row for item in typed_column(INTEGER, pd.Series([1.0, 2.5, math.nan]))[1]] == [1]
