"""effect_sizes where an SD is assumed on request: from baseline and end, from other trials, or stated by the user."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.effects import EffectOptions

from .single_rows import ARMS, one, smd


def test_change_sd_from_baseline_and_end() -> None:
    cells = {**ARMS, "score_type": "change", "sd_t": None, "baseline_sd_t": 5.0, "endpoint_sd_t": 8.0}
    assert one(**cells)["reason"].startswith("sd_t is missing")
    sd = np.sqrt(25 + 64 - 2 * 0.4 * 40)
    row = one(options=EffectOptions(r_change=0.4), **cells)
    assert row["yi"] == pytest.approx(smd(sd, 7.0)[0], rel=1e-12)
    assert "r = 0.4 assumed (r_change)" in row["imputed"]
    row = one(options=EffectOptions(r_change=0.9), **cells, correlation=0.4)
    assert row["yi"] == pytest.approx(smd(sd, 7.0)[0], rel=1e-12)
    assert "r = 0.4 of the row" in row["imputed"]
    assert "correlation" in one(**cells, correlation=1.2)["reason"]
    assert one(options=EffectOptions(r_change=0.4), **{**cells, "score_type": "endpoint"})["reason"] != ""


def lending_table() -> pd.DataFrame:
    base = {"score_type": "endpoint", "instrument": "MADRS", **ARMS}
    rows = [
        {**base, "record_id": "A1", "cohort_id": "a", "study_id": "a", "time_hours": 24.0},
        {
            **base,
            "record_id": "A2",
            "cohort_id": "a",
            "study_id": "a",
            "time_hours": 168.0,
            "sd_t": 9.0,
            "sd_c": 8.0,
        },
        {
            **base,
            "record_id": "A3",
            "cohort_id": "a",
            "study_id": "a",
            "time_hours": 200.0,
            "sd_t": None,
            "sd_c": None,
        },
        {
            **base,
            "record_id": "B1",
            "cohort_id": "b",
            "study_id": "b",
            "time_hours": 24.0,
            "sd_t": 10.0,
            "sd_c": 12.0,
        },
        {
            **base,
            "record_id": "C1",
            "cohort_id": "c",
            "study_id": "c",
            "time_hours": 24.0,
            "sd_t": None,
            "sd_c": None,
        },
    ]
    return pd.DataFrame(rows)


def test_borrowing_only_on_request() -> None:
    table = lending_table()
    assert list(km.effect_sizes(table)["yi"].isna()) == [False, False, True, False, True]
    trial = km.effect_sizes(table, options=EffectOptions(borrow_sd="trial"))
    assert list(trial["yi"].isna()) == [False, False, False, False, True]
    assert trial["yi"].iloc[2] == pytest.approx(smd(9.0, 8.0)[0], rel=1e-12)
    assert "sd_t = 9 borrowed: same trial, arm and instrument, A2" in trial["imputed"].iloc[2]
    assert "; no SD to borrow" in trial["reason"].iloc[4]
    scale = km.effect_sizes(table, options=EffectOptions(borrow_sd="scale"))
    # Trial a has SDs 6, 9 (t) and 7, 8 (c), mean 7.5; trial b has 10 and 12, mean 11; their median is 9.25.
    assert scale["yi"].iloc[4] == pytest.approx(smd(9.25, 9.25)[0], rel=1e-12)
    assert "median SD of MADRS endpoint scores in 2 trials (a, b)" in scale["imputed"].iloc[4]


def test_borrowing_from_another_table() -> None:
    table = lending_table()
    options = EffectOptions(borrow_sd="scale", borrow_from=table.iloc[:4])
    row = km.effect_sizes(table.iloc[4:], options=options).iloc[0]
    assert row["yi"] == pytest.approx(smd(9.25, 9.25)[0], rel=1e-12)
    other = table.assign(instrument=["MADRS"] * 4 + ["HAM-D-17"])
    assert km.effect_sizes(other, options=EffectOptions(borrow_sd="scale"))["yi"].isna().iloc[4]
    kind = table.assign(score_type=["change"] * 4 + ["endpoint"])
    assert km.effect_sizes(kind, options=EffectOptions(borrow_sd="scale"))["yi"].isna().iloc[4]


def test_a_reported_difference_in_units_of_a_stated_sd() -> None:
    contrast = {
        "score_type": "contrast",
        "contrast_measure": "LSMD",
        "contrast_value": -4.0,
        "contrast_se": 1.5,
        "instrument": "MADRS",
    }
    assert one(**contrast)["reason"] == "adjusted contrast without arm SDs"
    row = one(options=EffectOptions(reference_sd={"MADRS": 8.0}), **contrast)
    assert (row["yi"], row["sei"]) == pytest.approx((-0.5, 1.5 / 8), rel=1e-14)
    assert row["standardiser"] == "stated SD"
    assert "sd = 8, stated for MADRS (reference_sd)" in row["imputed"]
    assert one(options=EffectOptions(reference_sd={"BDI": 8.0}), **contrast)["reason"] != ""


def test_retracted_and_apart_rows_lend_nothing_and_nameless_rows_borrow_nothing() -> None:
    table = lending_table()
    for mark in ({"status": "apart"}, {"reason": "retracted: 2021"}):
        marked = table.assign(status="include", reason="")
        for column, value in mark.items():
            marked.loc[1, column] = value
        with_loan = km.effect_sizes(marked, options=EffectOptions(borrow_sd="trial"))
        assert "same trial, arm and instrument, A1" in with_loan["imputed"].iloc[2]
    nameless = table.drop(columns=["study_id", "cohort_id"])
    found = km.effect_sizes(nameless, options=EffectOptions(borrow_sd="scale"))
    assert found["yi"].isna().tolist() == [False, False, True, False, True]
    controls = table.assign(comparator_arm_id=["a:p", "a:m", "a:p", "b:p", "c:p"])
    row = km.effect_sizes(controls, options=EffectOptions(borrow_sd="trial")).iloc[2]
    assert "sd_c = 7 borrowed: same trial, arm and instrument, A1" in row["imputed"]
