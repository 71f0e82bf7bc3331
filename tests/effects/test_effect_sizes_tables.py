"""effect_sizes of tables as users write them: options, measures, reasons in words, misspelt columns, long cells, many rows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import ketameta as km
from ketameta import effects
from ketameta.effects import EffectOptions
from ketameta.errors import DataError, EffectError, KetametaWarning

from .single_rows import ARMS, NO_SD, one


def test_new_measures() -> None:
    table = pd.DataFrame([ARMS])
    rom = effects.rom(14.0, 6.0, 20, 18.0, 7.0, 22)
    assert km.effect_sizes(table, measure="ROM")["yi"].iloc[0] == float(rom.yi)
    negative = km.effect_sizes(pd.DataFrame([{**ARMS, "mean_t": -1.0}]), measure="ROM")
    assert "two means of one sign" in negative["reason"].iloc[0]
    contrast = {"score_type": "contrast", "contrast_measure": "MD", "contrast_value": -4.0}
    both = km.effect_sizes(pd.DataFrame([ARMS, contrast]), measure="ROM")
    assert both["reason"].iloc[1] == "contrast: the difference of two means gives no ratio of them"
    with pytest.raises(DataError, match="AS cannot be computed without events_t"):
        km.effect_sizes(table, measure="AS")


@pytest.mark.parametrize(
    "bad",
    [
        {"variance": "ls"},
        {"to": "zero"},
        {"correction": -1},
        {"correction": float("nan")},
        {"quantiles": "Wan"},
        {"r_change": 1.0},
        {"r_crossover": float("nan")},
        {"r_crossover": "high"},
        {"r_range": (0.1,)},
        {"r_range": (0.1, 2.0)},
        {"r_range": [0.1, 0.2]},
        {"borrow_sd": True},
        {"borrow_from": [1]},
        {"reference_sd": {"MADRS": 0.0}},
        {"reference_sd": 8.0},
        {"half_life_days": 0},
        {"correction": [0.5, 0.5]},
    ],
)
def test_options_are_checked(bad: dict[str, Any]) -> None:
    with pytest.raises(EffectError):
        EffectOptions(**bad)


def test_options_must_be_options() -> None:
    with pytest.raises(EffectError, match=r"EffectOptions\(\.\.\.\)"):
        km.effect_sizes(pd.DataFrame([ARMS]), options={"to": "all"})  # type: ignore[arg-type]


def test_unbiased_variance() -> None:
    row = km.effect_sizes(pd.DataFrame([ARMS]), options=EffectOptions(variance="UB")).iloc[0]
    assert row["vi"] == float(effects.smd(14.0, 6.0, 20, 18.0, 7.0, 22, "UB").vi)


@pytest.mark.parametrize(
    "text", ["50" + " " * 200_000 + "x", "5" * 200_000, "0." + "3" * 200_000 + " one-sided"]
)
def test_long_cells_take_no_time_and_give_no_number(text: str) -> None:
    assert one("RR", events_c=5, total_c=20, percent_t=text, total_t=20)["reason"] != ""
    assert one(**NO_SD, contrast_p=text, adjusted=False)["reason"] != ""
    assert one(**ARMS, study_id="a2001" + "_a" * 100_000)["reason"] == ""


def test_many_rows_take_time_in_proportion() -> None:
    import time

    row = {**ARMS, "percent_t": "25%", "percent_c": "10%", "total_t": 20, "total_c": 20}
    row |= {"comparator_arm_id": "", "study_id": "s"}
    spent = []
    for count in (2_000, 16_000):
        table = pd.DataFrame([row] * count)
        table["comparator_arm_id"] = [f"c{i // 2}" for i in range(count)]
        table["study_id"] = [f"s{i // 2}_{i % 2 + 1}mg" for i in range(count)]
        table.loc[7, "sd_t"] = -1.0
        start = time.perf_counter()
        km.effect_sizes(table)
        km.effect_sizes(table, measure="OR", shared="split")
        spent.append(time.perf_counter() - start)
    assert spent[1] < 24 * spent[0]


def test_reasons_name_what_stands_in_the_row() -> None:
    assert one(**NO_SD, contrast_stat="chi2 = 4", adjusted=False)["reason"].endswith(
        "contrast_stat = chi2 = 4 is no t or F(1, df) alone"
    )
    assert one(**NO_SD, contrast_p="ns")["reason"].endswith("contrast_p = ns is not an exact P value")
    assert one(**NO_SD, contrast_p="0.03")["reason"].endswith(
        "a test gives it only where adjusted = false is stated"
    )
    assert "did you mean 'endpoint'" in one(**ARMS, score_type="Endpoint")["reason"]
    assert "leave the cell empty" in one(**{**ARMS, "sd_t": "NR"})["reason"]
    assert one(**{**ARMS, "n_t": 46.5})["reason"] == "n_t = 46.5: not a whole number of people"
    median = one(**{**ARMS, "mean_t": None}, median_t=14.0)["reason"]
    assert median == "mean_t is missing, and median_t gives it only with quartiles or extremes"
    assert "Enter 55% as 55" in one("RR", events_c=3, total_c=10, percent_t="0.55", total_t=10)["reason"]


def test_columns_that_look_misspelt_are_named() -> None:
    table = pd.DataFrame([{**ARMS, "contrast_pp": "0.04", "my_own_column": 1, "washout_dayz": 4}])
    with pytest.warns(
        KetametaWarning, match=r"'contrast_pp' \(did you mean 'contrast_p'\?\), 'washout_dayz'"
    ) as caught:
        km.effect_sizes(table)
    assert caught[0].filename == __file__
    assert "my_own_column" not in str(caught[0].message)
    km.effect_sizes(km.effect_sizes(table[list(ARMS)]))
