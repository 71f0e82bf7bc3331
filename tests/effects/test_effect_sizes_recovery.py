"""effect_sizes where a paper does not print what is needed: what is recovered, how it is said, and when it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ketameta as km
from ketameta import effects
from ketameta.effects import EffectOptions
from ketameta.errors import DataError, EffectError, KetametaWarning

ARMS = {"n_t": 20, "mean_t": 14.0, "sd_t": 6.0, "n_c": 22, "mean_c": 18.0, "sd_c": 7.0}
NO_SD = {**ARMS, "sd_t": None, "sd_c": None}
ROOT = np.sqrt(1 / 20 + 1 / 22)


def one(measure: str = "SMD", options: EffectOptions | None = None, **cells: Any) -> pd.Series:
    """Only row of the effects of one row."""
    table = km.effect_sizes(pd.DataFrame([cells]), measure=measure, options=options)  # type: ignore[arg-type]
    row = table.iloc[0]
    assert (row["reason"] == "") == np.isfinite(row["yi"])
    return row


def smd(sd_t: float, sd_c: float) -> tuple[float, float]:
    effect = effects.smd(14.0, sd_t, 20, 18.0, sd_c, 22)
    return float(effect.yi), float(effect.vi)


@pytest.mark.parametrize(
    ("level", "share"), [(None, 0.95), (95, 0.95), (0.9, 0.9), (99, 0.99)], ids=["none", "95", "0.9", "99"]
)
def test_interval_of_a_mean_at_any_level(level: float | None, share: float) -> None:
    half = 6.0 / np.sqrt(20) * stats.t.ppf((1 + share) / 2, 19)
    row = one(**{**ARMS, "sd_t": None, "ci_low_t": 14 - half, "ci_high_t": 14 + half, "ci_level": level})
    assert (row["yi"], row["vi"]) == pytest.approx(smd(6.0, 7.0), rel=1e-12)
    assert ("CI taken as 95%" in row["imputed"]) == (level is None)
    assert f"t({(1 + share) / 2:.4g}, n_t - 1)" in row["imputed"]


def test_an_impossible_level_of_an_interval_is_a_reason() -> None:
    row = one(**{**ARMS, "sd_t": None, "ci_low_t": 13, "ci_high_t": 15, "ci_level": 950})
    assert row["reason"] == "ci_level = 950: not a two-sided level"


def evaluated(imputed: str, name: str, values: dict[str, float]) -> float:
    """Value of a formula as it stands in ``imputed``: what is written there is what was computed."""
    formula = next(part for part in imputed.split("; ") if part.startswith(f"{name} = ")).partition(" = ")[2]
    formula, *weights = formula.rpartition(" (")[0].replace("^", "**").split(", ")
    scope: dict[str, Any] = {**values, "z": stats.norm.ppf}
    for weight in weights:
        letter, _, rule = weight.partition(" = ")
        scope[letter] = eval(rule, {}, scope)
    return float(eval(formula, {}, scope))


def test_quartiles_and_extremes() -> None:
    five = {"min_t": 2.0, "q1_t": 9.8, "median_t": 14.1, "q3_t": 18.2, "max_t": 26.0}
    for keys in (("q1_t", "median_t", "q3_t"), ("min_t", "median_t", "max_t"), tuple(five)):
        cells = {key: five[key] for key in keys}
        row = one(**{**ARMS, "mean_t": None, "sd_t": None}, **cells)
        names = {"min_t": "low", "q1_t": "q1", "median_t": "median", "q3_t": "q3", "max_t": "high"}
        found = effects.mean_sd_from_quantiles(20, **{names[key]: value for key, value in cells.items()})
        expected = effects.smd(found.mean, found.sd, 20, 18.0, 7.0, 22)
        assert (row["yi"], row["vi"]) == pytest.approx((float(expected.yi), float(expected.vi)), rel=1e-12)
        assert evaluated(row["imputed"], "mean_t", {**cells, "n": 20}) == pytest.approx(
            float(found.mean), rel=1e-12
        )
        assert evaluated(row["imputed"], "sd_t", {**cells, "n": 20}) == pytest.approx(
            float(found.sd), rel=1e-12
        )


def test_quartiles_beside_a_printed_mean_give_the_sd_alone() -> None:
    row = one(**{**ARMS, "sd_t": None}, q1_t=10.0, q3_t=18.0)
    assert row["yi"] == pytest.approx(smd(float(effects.sd_from_iqr(10, 18, 20)), 7.0)[0], rel=1e-12)
    assert "the shape is unchecked" in row["imputed"]
    row = one(**{**ARMS, "sd_t": None}, min_t=1.0, max_t=30.0)
    assert row["yi"] == pytest.approx(smd(float(effects.sd_from_range(1, 30, 20)), 7.0)[0], rel=1e-12)


def test_a_skewed_median_is_refused_and_box_cox_offered() -> None:
    cells = {**ARMS, "mean_t": None, "sd_t": None, "q1_t": 2.0, "median_t": 3.0, "q3_t": 30.0}
    assert "skew" in one(**cells)["reason"]
    assert "Box-Cox" in one(**cells)["reason"]
    assert one(options=EffectOptions(quantiles="Box-Cox"), **cells)["reason"] == ""
    assert "refuse" in one(options=EffectOptions(quantiles="refuse"), **cells)["reason"]


def test_quartiles_out_of_order_are_a_reason_and_spare_the_other_rows() -> None:
    good = {**ARMS, "mean_t": None, "sd_t": None, "q1_t": 9.8, "median_t": 14.1, "q3_t": 18.2}
    table = km.effect_sizes(pd.DataFrame([good, {**good, "q1_t": 20.0}, good]))
    assert [bool(reason) for reason in table["reason"]] == [False, True, False]
    assert "20" in table["reason"].iloc[1]
    assert "[" not in table["reason"].iloc[1].split("=")[0]


@pytest.mark.parametrize("text", ["t(40) = -2.5", "t = 2.5", "F(1, 40) = 6.25"])
def test_the_test_of_two_means_gives_their_sd(text: str) -> None:
    pooled = 4.0 / 2.5 / ROOT
    row = one(**NO_SD, contrast_stat=text, adjusted="false")
    assert (row["yi"], row["vi"]) == pytest.approx(smd(pooled, pooled), rel=1e-12)
    assert row["imputed"].count("|mean_t - mean_c| / t") == 2
    row = one("MD", **NO_SD, contrast_stat=text, adjusted="false")
    assert row["sei"] == pytest.approx(4.0 / 2.5, rel=1e-12)


def test_the_exact_p_of_two_means_gives_their_sd() -> None:
    p = 2 * stats.t.sf(2.5, 40)
    pooled = 4.0 / 2.5 / ROOT
    row = one(**NO_SD, contrast_p=f"{p:.17g}", adjusted="false")
    assert row["yi"] == pytest.approx(smd(pooled, pooled)[0], rel=1e-9)
    assert "from contrast_p" in row["imputed"]


@pytest.mark.parametrize(
    "cells",
    [
        {"contrast_p": "<0.001", "adjusted": "false"},
        {"contrast_p": "0.03", "adjusted": "true"},
        {"contrast_p": "0.03"},
        {"contrast_stat": "F(2, 40) = 6.25", "adjusted": "false"},
        {"contrast_stat": "chi2 = 6.25", "adjusted": "false"},
        {"contrast_stat": "t = 0", "adjusted": "false"},
    ],
)
def test_no_sd_from_inequalities_adjusted_tests_and_other_statistics(cells: dict[str, str]) -> None:
    assert one(**NO_SD, **cells)["reason"].startswith("sd_t is missing")


def test_a_contrast_with_a_test_statistic() -> None:
    contrast = {"score_type": "contrast", "contrast_measure": "MD", "contrast_value": -4.0}
    for text, t in (("t(40)=2.5", 2.5), ("F(1,40)=6.25", 2.5), ("z = 2.5", 2.5)):
        row = one("MD", **contrast, contrast_stat=text)
        assert row["sei"] == pytest.approx(4.0 / t, rel=1e-12)
        assert row["imputed"] == "se = |contrast_value| / 2.5, from contrast_stat"
    both = one("MD", **contrast, contrast_stat="t=2.5", contrast_se=1.0)
    assert both["sei"] == 1.0


def test_a_hazard_ratio_with_an_exact_p() -> None:
    row = one("HR", score_type="survival", contrast_measure="HR", contrast_value=0.5, contrast_p="0.04")
    assert row["yi"] == pytest.approx(np.log(0.5))
    assert row["sei"] == pytest.approx(np.log(2) / stats.norm.isf(0.02), rel=1e-12)
    refused = one("HR", score_type="survival", contrast_measure="HR", contrast_value=0.5, contrast_p="<0.04")
    assert "not an exact P value" in refused["reason"]


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


def test_percentages_give_counts_where_one_whole_number_does() -> None:
    cells = {"total_t": 79, "total_c": 80, "percent_c": "10.0%", "events_t": 20, "events_c": None}
    row = one("RR", **cells)
    assert row["yi"] == pytest.approx(np.log((20 / 79) / (8 / 80)))
    assert "events_c = 8, the only whole number that is 10.0% of 80" in row["imputed"]
    refused = one("RR", **{**cells, "events_t": None, "percent_t": "9.0"})["reason"]
    assert refused.startswith("percent_t: 9.0% of 79: 7/79")
    assert "7/79" in refused
    assert "8/79" in refused
    table = pd.DataFrame({"percent_t": ["25%"], "total_t": [20], "percent_c": ["50%"], "total_c": [20]})
    assert km.effect_sizes(table, measure="OR")["yi"].iloc[0] == pytest.approx(np.log(5 / 15))


@pytest.mark.parametrize("to", ["only0", "all", "if0all", "none"])
@pytest.mark.parametrize("measure", ["OR", "RR", "RD", "AS", "PETO"])
def test_zero_cells_as_the_array_functions_treat_them(measure: str, to: Any) -> None:
    table = pd.DataFrame(
        {"events_t": [0, 3, 5], "total_t": [10, 12, 30], "events_c": [5, 4, 30], "total_c": [12, 12, 30]}
    )
    functions = {
        "OR": effects.log_or,
        "RR": effects.log_rr,
        "RD": effects.rd,
        "AS": effects.arcsine,
        "PETO": effects.peto,
    }
    for correction in (0.5, 1.0):
        options = EffectOptions(correction=correction, to=to)
        found = km.effect_sizes(table, measure=measure, options=options)  # type: ignore[arg-type]
        for row in range(3):
            a, n, c, m = (float(x) for x in table.iloc[row])
            usable = "all" if to == "if0all" else to
            try:
                expected = functions[measure](a, n, c, m, correction, usable)
            except EffectError:
                assert found["reason"].iloc[row] != ""
                continue
            assert found["yi"].iloc[row] == pytest.approx(float(expected.yi), rel=1e-12, abs=1e-14)
            assert found["vi"].iloc[row] == pytest.approx(float(expected.vi), rel=1e-12)


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


def test_a_rounded_p_says_how_far_the_error_may_be_off() -> None:
    contrast = {"score_type": "contrast", "contrast_measure": "MD", "contrast_value": -4.0}
    row = one("MD", **contrast, contrast_p="0.5")
    z = stats.norm.isf(np.array([0.45, 0.5, 0.55]) / 2)
    said = f"{z[1] / z[0]:.2f} to {z[1] / z[2]:.2f} of what it gives"
    assert row["effect_notes"] == f"contrast_p = 0.5 is rounded: the standard error is {said}"
    assert "rounded" not in one("MD", **contrast, contrast_p="0.0213")["effect_notes"]
    assert "rounded" in one(**NO_SD, contrast_p="0.8", adjusted=False)["effect_notes"]


@pytest.mark.parametrize(
    "text",
    [
        "F(1, 20) = 6.25",
        "group by time interaction, F(1,40)=9.62",
        "Mann-Whitney, z = 2.1",
        "z = 2.1",
        "t(8) = 9.6",
    ],
)
def test_statistics_of_other_tests_give_no_sd(text: str) -> None:
    assert one(**NO_SD, contrast_stat=text, adjusted=False)["reason"].startswith("sd_t is missing")
    assert one(**NO_SD, contrast_stat="t(39) = 2.5", adjusted=False)["reason"] == ""


def test_a_test_gives_no_sd_beside_a_printed_one() -> None:
    """The test gives the pooled SD, which is not that of the other arm."""
    cells = {**ARMS, "sd_c": None, "contrast_stat": "t = 2.5", "adjusted": False}
    assert one(**cells)["reason"].startswith("sd_c is missing")


def test_a_printed_se_is_held_against_its_interval() -> None:
    contrast = {
        "score_type": "contrast",
        "contrast_measure": "MD",
        "contrast_value": -4.0,
        "contrast_ci_level": 95,
    }
    bounds = {"contrast_ci_low": -6.0, "contrast_ci_high": -2.0}
    assert "contradicts the interval" in one("MD", **contrast, **bounds, contrast_se=5.0)["reason"]
    assert "the interval gives 1.02" in one("MD", **contrast, **bounds, contrast_se=1.4)["effect_notes"]
    assert one("MD", **contrast, **bounds, contrast_se=1.0)["effect_notes"] == ""
    turned = one("MD", **{**contrast, "contrast_value": 4.0}, **bounds, contrast_se=1.0)
    assert "lies outside" in turned["reason"]


def test_an_se_of_a_crossover_of_unstated_period_gives_no_sd() -> None:
    contrast = {
        "score_type": "contrast",
        "contrast_measure": "MD",
        "contrast_value": -4.0,
        "contrast_se": 0.7,
    }
    row = one(**contrast, n_t=20, n_c=20, adjusted=False, design="crossover")
    assert "crossover of unstated period" in row["reason"]
    assert one(**contrast, n_t=20, n_c=20, adjusted=False, design="parallel")["reason"] == ""


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


def test_percentages_and_events_that_differ_are_noted() -> None:
    row = one("RR", events_t=5, total_t=20, percent_t="60%", events_c=5, total_c=20, percent_c="25%")
    assert row["effect_notes"] == "percent_t = 60% is not that of events_t, which is 25%"


def test_percentages_as_numbers() -> None:
    table = pd.DataFrame(
        {"percent_t": [9.0, 44.4], "total_t": [79, 27], "events_c": [5, 5], "total_c": [20, 20]}
    )
    found = km.effect_sizes(table, measure="RR")
    assert "lost the zeros at its end" in found["reason"].iloc[0]
    assert "events_t = 12" in found["imputed"].iloc[1]
    single = km.effect_sizes(table.astype({"percent_t": "float32"}), measure="RR")
    assert single["reason"].iloc[1] == ""
    assert "not a whole number" in km.effect_sizes(table.assign(total_c=20.5), measure="RR")["reason"].iloc[1]


@pytest.mark.parametrize(
    "text", ["50" + " " * 200_000 + "x", "5" * 200_000, "0." + "3" * 200_000 + " one-sided"]
)
def test_long_cells_take_no_time_and_give_no_number(text: str) -> None:
    assert one("RR", events_c=5, total_c=20, percent_t=text, total_t=20)["reason"] != ""
    assert one(**NO_SD, contrast_p=text, adjusted=False)["reason"] != ""
    assert one(**ARMS, study_id="a2001" + "_a" * 100_000)["reason"] == ""


def test_a_median_does_not_stand_in_the_way_of_a_reported_difference() -> None:
    cells = {**ARMS, "mean_t": None, "sd_t": None, "q1_t": 2.0, "median_t": 3.0, "q3_t": 30.0}
    row = one("MD", **cells, contrast_measure="MD", contrast_value=-4.0, contrast_se=1.0)
    assert (row["yi"], row["sei"]) == (-4.0, 1.0)


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


def test_the_se_of_an_adjusted_mean_is_noted() -> None:
    cells = {**NO_SD, "se_t": 1.3, "se_c": 1.5}
    assert one(**cells)["effect_notes"] == ""
    for adjusted in (True, "yes", "Adjusted"):
        assert (
            "sd_t comes from the SE of a mean that may be adjusted"
            in one(**cells, adjusted=adjusted)["effect_notes"]
        )


def test_intervals_made_with_the_normal() -> None:
    half = 6.0 / np.sqrt(20) * stats.norm.ppf(0.975)
    cells = {**ARMS, "sd_t": None, "ci_low_t": 14 - half, "ci_high_t": 14 + half}
    row = one(options=EffectOptions(arm_ci="z"), **cells)
    assert (row["yi"], row["vi"]) == pytest.approx(smd(6.0, 7.0), rel=1e-12)
    assert "2 * z(0.975))" in row["imputed"]


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


@pytest.mark.parametrize(
    ("level", "good"), [("95%", True), (95, True), (0.9, True), (5, False), ("ninety", False)]
)
def test_levels_of_intervals(level: Any, good: bool) -> None:
    contrast = {"score_type": "contrast", "contrast_measure": "MD", "contrast_value": -4.0}
    row = one("MD", **contrast, contrast_ci_low=-6.0, contrast_ci_high=-2.0, contrast_ci_level=level)
    assert (row["reason"] == "") == good


def test_columns_that_look_misspelt_are_named() -> None:
    table = pd.DataFrame([{**ARMS, "contrast_pp": "0.04", "my_own_column": 1, "washout_dayz": 4}])
    with pytest.warns(
        KetametaWarning, match=r"'contrast_pp' \(did you mean 'contrast_p'\?\), 'washout_dayz'"
    ) as caught:
        km.effect_sizes(table)
    assert caught[0].filename == __file__
    assert "my_own_column" not in str(caught[0].message)
    km.effect_sizes(km.effect_sizes(table[list(ARMS)]))
