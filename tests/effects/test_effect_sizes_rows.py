"""effect_sizes row by row: which statistic is used, what is recovered, and why a row has no effect."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ketameta as km
from ketameta import effects
from ketameta.effects._hedges import hedges_correction
from ketameta.errors import DataError, EffectError

ARMS = {"n_t": 20, "mean_t": 14.0, "sd_t": 6.0, "n_c": 22, "mean_c": 18.0, "sd_c": 7.0}
SMD = effects.smd(14.0, 6.0, 20, 18.0, 7.0, 22)
MD = effects.md(14.0, 6.0, 20, 18.0, 7.0, 22)
CONTRAST = {"score_type": "contrast", "contrast_measure": "MD", "contrast_value": -4.0}
COUNTS = {"score_type": "counts", "events_t": 12, "total_t": 20, "events_c": 5, "total_c": 22}
HARD: list[dict[str, Any]] = [
    {},
    {"n_t": "twenty"},
    {"sd_t": np.inf},
    {"mean_c": -np.inf},
    {"n_c": -3},
    {"sd_c": 0.0},
    {"sd_t": 1e-320},
    {"mean_t": 1e308, "sd_t": 1e300},
    {"contrast_measure": "LSMD", "contrast_value": 1e300, "contrast_se": 1e200, "score_type": "contrast"},
    {"events_t": 25},
    {"time_hours": "soon"},
]


def one(measure: str = "SMD", policy: str = "exclude", **cells: Any) -> pd.Series:
    """Only row of the effects of one row."""
    full = {**dict.fromkeys([*ARMS, "contrast_measure", "contrast_value"]), **cells}
    if measure in ("OR", "RR", "RD"):
        full = {**dict.fromkeys(["events_t", "total_t", "events_c", "total_c"]), **full}
    table = km.effect_sizes(pd.DataFrame([full]), measure=measure, adjusted=policy)  # type: ignore[arg-type]
    assert len(table) == 1
    row = table.iloc[0]
    assert (row["reason"] == "") == np.isfinite(row["yi"]) == (row["vi"] > 0)
    return row


def test_arm_statistics() -> None:
    row = one(**ARMS, study_id="able2001", score_type="endpoint")
    assert row["yi"] == float(SMD.yi)
    assert row["vi"] == float(SMD.vi)
    assert row["sei"] == np.sqrt(row["vi"])
    assert row["label"] == "Able 2001"
    assert row["measure"] == "SMD"
    assert [row[name] for name in ("imputed", "reason", "shared", "effect_notes")] == ["", "", "", ""]
    row = one("MD", **ARMS)
    assert (row["yi"], row["vi"]) == (float(MD.yi), float(MD.vi))


@pytest.mark.parametrize("measure", ["SMD", "MD"])
def test_sds_from_standard_errors_and_intervals(measure: str) -> None:
    printed = one(measure, **ARMS)
    bare = {**ARMS, "sd_t": None, "sd_c": None}
    from_se = one(measure, **bare, se_t=6 / np.sqrt(20), se_c=7 / np.sqrt(22))
    assert from_se["imputed"] == "sd_t = se_t * sqrt(n_t); sd_c = se_c * sqrt(n_c)"
    half_t, half_c = (stats.t.isf(0.025, n - 1) * sd / np.sqrt(n) for sd, n in ((6, 20), (7, 22)))
    from_ci = one(
        measure,
        **bare,
        ci_low_t=14 - half_t,
        ci_high_t=14 + half_t,
        ci_low_c=18 - half_c,
        ci_high_c=18 + half_c,
    )
    assert "sd_t = sqrt(n_t) * (ci_high_t - ci_low_t) / (2 * t(0.975, n_t - 1))" in from_ci["imputed"]
    for row in (from_se, from_ci):
        assert row["yi"] == pytest.approx(printed["yi"], rel=1e-12)
        assert row["vi"] == pytest.approx(printed["vi"], rel=1e-12)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"n_t": 1}, "n_t = 1: at least 2 people are needed"),
        ({"n_c": -4}, "n_c = -4: at least 2 people are needed"),
        ({"n_t": None}, "n_t is missing"),
        ({"n_t": "many"}, "n_t = many: not a number"),
        ({"mean_t": np.inf}, "mean_t = inf: not finite"),
        ({"mean_c": None}, "mean_c is missing"),
        ({"sd_t": 0}, "sd_t = 0: a standard deviation must be positive"),
        ({"sd_c": -2.5}, "sd_c = -2.5: a standard deviation must be positive"),
        ({"sd_c": None}, "sd_c is missing, with no se_c or CI to give it"),
        ({"sd_c": None, "se_c": 0.0}, "se_c = 0: a standard error must be positive"),
        ({"sd_t": None, "ci_low_t": 16.0, "ci_high_t": 12.0}, "ci_low_t = 16 is not below ci_high_t = 12"),
        ({"sd_t": None, "ci_low_t": 15.0, "ci_high_t": 17.0}, "mean_t = 14 lies outside [15, 17]"),
        ({"score_type": "baseline"}, "baseline row: not an effect"),
        ({"score_type": "counts"}, "score_type = counts: no means, so no SMD"),
        ({"score_type": "endpont"}, "score_type = endpont is not one of"),
        ({"status": "apart", "reason": "retracted: fabricated"}, "retracted report: not to be used"),
    ],
)
def test_reasons_of_arm_statistics(cells: dict[str, Any], said: str) -> None:
    row = one(**{**ARMS, **cells})
    assert row["reason"].startswith(said)
    assert np.isnan(row["yi"])
    assert row["imputed"] == ""


def test_standardised_contrast_with_arm_sds() -> None:
    cells = {**ARMS, **CONTRAST, "mean_t": None, "mean_c": None}
    pooled = np.sqrt((19 * 36 + 21 * 49) / 40)
    j = float(hedges_correction(np.array(40.0)))
    g = j * -4 / pooled
    plain = one(**cells)
    assert plain["yi"] == pytest.approx(float(SMD.yi), rel=1e-13)
    assert plain["vi"] == pytest.approx(float(SMD.vi), rel=1e-13)
    assert "1/n_t + 1/n_c" in plain["imputed"]
    adjusted = one(**cells, contrast_se=1.5, adjusted=True)
    assert adjusted["yi"] == pytest.approx(g, rel=1e-13)
    assert adjusted["vi"] == pytest.approx((j * 1.5 / pooled) ** 2 + g**2 / 84, rel=1e-13)
    assert "J^2 * (se / sd)^2" in adjusted["imputed"]
    assert adjusted["effect_notes"] == "adjusted contrast"


def test_standardised_contrast_without_arm_sds() -> None:
    cells = {**CONTRAST, "n_t": 20, "n_c": 22, "contrast_se": 1.5}
    sd = 1.5 / np.sqrt(1 / 20 + 1 / 22)
    expected = effects.smd(-4, sd, 20, 0, sd, 22)
    unadjusted = one(**cells, adjusted=False)
    assert unadjusted["yi"] == pytest.approx(float(expected.yi), rel=1e-12)
    assert unadjusted["vi"] == pytest.approx(float(expected.vi), rel=1e-12)
    assert unadjusted["imputed"] == "sd = se / sqrt(1/n_t + 1/n_c)"
    assert one(**cells, adjusted=True)["reason"] == "adjusted contrast without arm SDs"
    assert one(**{**cells, "contrast_measure": "LSMD"})["reason"] == "adjusted contrast without arm SDs"
    least_squares = {**cells, "contrast_measure": "LSMD", "adjusted": False}
    assert one(**least_squares)["reason"] == "adjusted contrast without arm SDs"
    assert one(**cells)["reason"] == "contrast without arm SDs, not stated to be unadjusted"
    forced = one(policy="sd_from_se", **{**cells, "contrast_measure": "LSMD"})
    assert forced["yi"] == pytest.approx(float(expected.yi), rel=1e-12)
    assert "the SMD too large" in forced["effect_notes"]
    bare = one(policy="sd_from_se", **{**cells, "contrast_se": None})
    assert bare["reason"].startswith("no arm SDs, and the contrast has no standard error")


def test_a_crossover_difference_gives_no_sd() -> None:
    cells = {**CONTRAST, "n_t": 18, "n_c": 18, "contrast_se": 1.5, "crossover_period": "both paired"}
    assert one(policy="sd_from_se", **cells)["reason"].startswith("within-person contrast without arm SDs")
    with_sd = one(**cells, sd_t=6.0, sd_c=7.0)
    sd, j = np.sqrt((36 + 49) / 2), float(hedges_correction(np.array(17.0)))
    assert with_sd["yi"] == pytest.approx(j * -4 / sd, rel=1e-13)
    assert with_sd["vi"] == pytest.approx((j * 1.5 / sd) ** 2 + (j * 4 / sd) ** 2 / 36, rel=1e-13)


def test_printed_standardised_differences() -> None:
    cells = {**CONTRAST, "contrast_measure": "SMD", "contrast_value": -0.82, "n_t": 18, "n_c": 19}
    row = one(**cells)
    assert row["yi"] == -0.82
    assert row["vi"] == pytest.approx(1 / 18 + 1 / 19 + 0.82**2 / 74, rel=1e-13)
    assert "small-sample correction is not known" in row["effect_notes"]
    bounds = {"contrast_ci_low": -1.5, "contrast_ci_high": -0.14, "contrast_ci_level": 95}
    interval = one(**cells, **bounds)
    assert interval["sei"] == pytest.approx(1.36 / (2 * stats.norm.isf(0.025)), rel=1e-12)
    assert one(**{**cells, "n_t": None})["reason"] == "n_t is missing"
    assert "not a Hedges' g" in one(**cells, crossover_period="both paired")["reason"]
    assert "standardiser is not stated" in one(**{**cells, "contrast_measure": "SMD_d"})["reason"]


BOUNDS = {"contrast_ci_low": -7.5, "contrast_ci_high": -0.5, "contrast_ci_level": 95}


@pytest.mark.parametrize(
    ("cells", "se", "said"),
    [
        ({"contrast_se": 1.7}, 1.7, ""),
        ({"contrast_se": 1.7, **BOUNDS}, 1.7, ""),
        (BOUNDS, 3.5 / stats.norm.isf(0.025), "z(0.975)"),
        ({**BOUNDS, "contrast_ci_level": 0.9}, 3.5 / stats.norm.isf(0.05), "z(0.95)"),
        ({**BOUNDS, "contrast_ci_level": "95"}, 3.5 / stats.norm.isf(0.025), "z(0.975)"),
        ({**BOUNDS, "n_t": 10, "n_c": 12}, 3.5 / stats.t.isf(0.025, 20), "t(0.975, 20)"),
        (
            {**BOUNDS, "n_t": 12, "n_c": 12, "crossover_period": "both paired"},
            3.5 / stats.t.isf(0.025, 11),
            "t(0.975, 11)",
        ),
        ({"contrast_p": ".04"}, 4 / stats.norm.isf(0.02), "z(P = 0.04)"),
        ({"contrast_p": "P = 0.04", "n_t": 10, "n_c": 12}, 4 / stats.t.isf(0.02, 20), "t(P = 0.04, 20)"),
        ({"contrast_p": 0.04}, 4 / stats.norm.isf(0.02), "z(P = 0.04)"),
        (
            {**BOUNDS, "contrast_ci_high": None, "contrast_p": "0.04"},
            4 / stats.norm.isf(0.02),
            "z(P = 0.04)",
        ),
    ],
)
def test_standard_error_of_a_mean_difference(cells: dict[str, Any], se: float, said: str) -> None:
    row = one("MD", **{**CONTRAST, **cells})
    assert row["yi"] == -4.0
    assert row["sei"] == pytest.approx(se, rel=1e-12)
    assert said in row["imputed"]
    assert (row["imputed"] == "") == (said == "")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({}, "the contrast has no standard error, interval, test statistic or exact P value"),
        ({"contrast_value": None}, "contrast_value is missing"),
        ({"contrast_measure": None}, "contrast_measure is missing"),
        ({"contrast_measure": "beta"}, "contrast_measure = beta is not a mean difference"),
        ({"contrast_measure": "SMD"}, "contrast_measure = SMD is not a mean difference"),
        ({"contrast_se": -1.0}, "contrast_se = -1: a standard error must be positive"),
        ({**BOUNDS, "contrast_ci_level": None}, "contrast_ci_level is missing"),
        (
            {**BOUNDS, "contrast_ci_level": "95 (one-sided lower bound)"},
            "contrast_ci_level = 95 (one-sided lower bound): not a two-sided level",
        ),
        ({**BOUNDS, "contrast_ci_high": None}, "contrast_ci_high is missing: a one-sided bound"),
        ({**BOUNDS, "contrast_ci_low": None}, "contrast_ci_low is missing: a one-sided bound"),
        (
            {**BOUNDS, "contrast_value": 4.0, "contrast_p": "0.03"},
            "contrast_value = 4 lies outside [-7.5, -0.5]",
        ),
        ({**BOUNDS, "contrast_ci_low": 3.0}, "contrast_ci_low = 3 is not below contrast_ci_high = -0.5"),
        ({"contrast_p": "<0.001"}, "contrast_p = <0.001 is not an exact P value"),
        ({"contrast_p": "> 0.05"}, "contrast_p = > 0.05 is not an exact P value"),
        ({"contrast_p": "ns"}, "contrast_p = ns is not an exact P value"),
        ({"contrast_p": "0"}, "contrast_p = 0 is not an exact P value"),
        (
            {"contrast_p": "0.9", "contrast_value": 0.0},
            "contrast_value = 0: its P value gives no standard error",
        ),
    ],
)
def test_reasons_of_mean_differences(cells: dict[str, Any], said: str) -> None:
    assert one("MD", **{**CONTRAST, **cells})["reason"].startswith(said)


def test_an_interval_that_is_not_centred_is_noted() -> None:
    row = one("MD", **{**CONTRAST, **BOUNDS, "contrast_value": -3.0})
    assert row["effect_notes"] == "the contrast is not at the middle of its interval"


def test_arm_statistics_go_before_an_adjusted_contrast() -> None:
    cells = {**ARMS, "contrast_measure": "LSMD", "contrast_value": -3.0, "contrast_se": 1.2, "adjusted": True}
    assert one("MD", **cells, score_type="change")["yi"] == -4.0
    assert one("MD", **{**cells, "sd_t": None}, score_type="change")["yi"] == -3.0
    assert one("MD", **cells, score_type="contrast")["yi"] == -3.0


def test_crossover_rows() -> None:
    parallel = one(**ARMS, design="crossover", crossover_period="both as parallel", score_type="endpoint")
    assert parallel["yi"] == float(SMD.yi)
    assert parallel["effect_notes"].startswith("both periods of a crossover as if parallel groups")
    first = one(**ARMS, design="crossover", crossover_period="first", score_type="endpoint")
    assert (first["vi"], first["effect_notes"]) == (float(SMD.vi), "")
    assert "period not stated" in one(**ARMS, design="crossover")["effect_notes"]
    within = {**ARMS, "contrast_measure": "MD", "contrast_value": -4.0, "contrast_se": 1.0}
    assert one("MD", **within, crossover_period="both paired", score_type="endpoint")["sei"] == 1.0
    assert one("MD", **within, crossover_period="first", score_type="endpoint")["vi"] == float(MD.vi)


@pytest.mark.parametrize(
    ("measure", "function"), [("OR", effects.log_or), ("RR", effects.log_rr), ("RD", effects.rd)]
)
def test_counts(measure: str, function: Callable[..., effects.EffectSize]) -> None:
    row, expected = one(measure, **COUNTS), function(12, 20, 5, 22)
    assert (row["yi"], row["vi"]) == (float(expected.yi), float(expected.vi))
    assert row["effect_notes"] == ""
    zero, corrected = one(measure, **{**COUNTS, "events_c": 0}), function(12.5, 21, 0.5, 23)
    assert zero["yi"] == pytest.approx(float(corrected.yi), rel=1e-14)
    assert zero["vi"] == pytest.approx(float(corrected.vi), rel=1e-14)
    assert zero["effect_notes"] == "0.5 added to each cell, because one is zero"


@pytest.mark.parametrize(
    ("measure", "cells", "said"),
    [
        ("OR", {"events_t": 21}, "events_t = 21 exceeds total_t = 20"),
        ("RD", {"events_c": -1}, "events_c = -1: a count cannot be negative"),
        ("RR", {"total_c": 0}, "total_c = 0: a group cannot be empty"),
        ("OR", {"total_t": None}, "total_t is missing"),
        ("RR", {"events_t": "few"}, "events_t = few: not a number"),
        ("OR", {"events_t": 0, "events_c": 0}, "no events in either arm: the OR cannot be estimated"),
        ("RR", {"events_t": 0, "events_c": 0}, "no events in either arm: the RR cannot be estimated"),
        ("OR", {"events_t": 20, "events_c": 22}, "everybody had the event in both arms"),
    ],
)
def test_reasons_of_counts(measure: str, cells: dict[str, Any], said: str) -> None:
    assert one(measure, **{**COUNTS, **cells})["reason"].startswith(said)


@pytest.mark.parametrize("measure", ["OR", "RR", "RD", "AS", "PETO"])
def test_scores_are_said_to_be_no_counts(measure: str) -> None:
    none = dict.fromkeys(("events_t", "total_t", "events_c", "total_c"))
    assert one(measure, **{**ARMS, **none})["reason"] == "the row holds scores and no counts"
    assert one(measure, **{**ARMS, **none, "events_t": 3})["reason"] == "total_t is missing"
    assert one(measure, **none)["reason"] == "total_t is missing"


@pytest.mark.parametrize("measure", ["OR", "RR", "HR"])
def test_ratio_contrasts(measure: str) -> None:
    cells = {"score_type": "contrast", "contrast_measure": measure, "contrast_value": 2.0}
    bounds = {"contrast_ci_low": 1.0, "contrast_ci_high": 4.0}
    row = one(measure, **cells, **bounds, contrast_ci_level=90)
    assert row["yi"] == pytest.approx(np.log(2), rel=1e-14)
    assert row["sei"] == pytest.approx(np.log(4) / (2 * stats.norm.isf(0.05)), rel=1e-12)
    assert "log" in row["imputed"]
    other = "OR" if measure != "OR" else "RR"
    for changed, said in [
        ({}, "contrast_ci_level is missing"),
        ({"contrast_ci_level": "one-sided"}, "contrast_ci_level = one-sided: not a two-sided level"),
        ({"contrast_ci_level": 95, "contrast_ci_low": None}, "contrast_ci_low is missing"),
        ({"contrast_ci_level": 95, "contrast_ci_low": 0.0}, "contrast_ci_low = 0: a ratio must be positive"),
        ({"contrast_ci_level": 95, "contrast_value": 5.0}, "contrast_value = 5 lies outside"),
        (
            {"contrast_ci_level": 95, "contrast_measure": other},
            f"contrast_measure = {other} is not the {measure}",
        ),
    ]:
        reason = one(measure, **{**cells, **bounds, **changed})["reason"]
        assert reason.startswith(said)


def test_risk_differences_in_percentage_points() -> None:
    cells = {"score_type": "contrast", "contrast_measure": "RD", "contrast_value": 15.2}
    row = one("RD", **cells, contrast_ci_low=2.11, contrast_ci_high=28.22, contrast_ci_level=95)
    assert row["yi"] == pytest.approx(0.152, rel=1e-14)
    assert row["sei"] == pytest.approx(0.2611 / (2 * stats.norm.isf(0.025)), rel=1e-12)
    assert row["imputed"].startswith("percentage points / 100; se = ")
    assert one("RD", **cells, contrast_se=5.0)["sei"] == pytest.approx(0.05, rel=1e-14)
    assert "is not a risk difference" in one("RD", **{**cells, "contrast_measure": "OR"})["reason"]


def test_direction_is_never_flipped() -> None:
    for flag in (True, False):
        assert one(**ARMS, higher_is_worse=flag)["yi"] == float(SMD.yi)


@pytest.mark.parametrize("measure", ["SMD", "MD", "OR", "RR", "RD", "HR"])
@pytest.mark.parametrize("shared", ["combine", "split", "keep"])
def test_every_row_survives_whatever_it_holds(measure: str, shared: str) -> None:
    rows = pd.DataFrame(
        [{**ARMS, **COUNTS, **CONTRAST, **{"score_type": "endpoint"}, **hard} for hard in HARD]
    )
    table = km.effect_sizes(rows, measure=measure, shared=shared)  # type: ignore[arg-type]
    assert len(table) == len(rows)
    good = table["reason"] == ""
    assert (np.isfinite(table["yi"]) == good).all()
    assert (np.isfinite(table["vi"]) == good).all()
    assert (table.loc[good, "vi"] > 0).all()


def test_the_table_that_comes_back() -> None:
    rows = pd.DataFrame([ARMS, {**ARMS, "n_t": 0}], index=["x", "y"])
    rows["reason"], rows["status"] = ["", "head-to-head: two doses"], ["include", "apart"]
    rows.attrs["ketameta"] = {"dataset": "mine", "nested": [1]}
    before = rows.copy(deep=True)
    table = km.effect_sizes(rows)
    pd.testing.assert_frame_equal(rows, before)
    assert isinstance(table, pd.DataFrame)
    assert list(table.index) == ["x", "y"]
    steps = table.attrs["ketameta"].pop("steps")
    assert [(step["step"], step["arguments"]["measure"]) for step in steps] == [("effect_sizes", "SMD")]
    assert table.attrs == rows.attrs
    assert table.attrs["ketameta"] is not rows.attrs["ketameta"]
    assert list(table["status_reason"]) == ["", "head-to-head: two doses"]
    assert list(table["effect_notes"]) == ["", "row stands apart: head-to-head: two doses"]
    again = km.effect_sizes(table)
    pd.testing.assert_frame_equal(again, table)


def test_text_cells_are_read_as_numbers() -> None:
    texts = pd.DataFrame([{name: str(value) for name, value in ARMS.items()}])
    assert km.effect_sizes(texts)["yi"].iloc[0] == float(SMD.yi)
    minus = texts.assign(mean_t="\N{MINUS SIGN}14.0", mean_c="-18")
    assert km.effect_sizes(minus)["yi"].iloc[0] == -float(SMD.yi)
    nullable = pd.DataFrame([ARMS]).convert_dtypes()
    assert km.effect_sizes(nullable)["yi"].iloc[0] == float(SMD.yi)


def test_an_object_with_rows_is_a_selection() -> None:
    rows = pd.DataFrame([ARMS])
    pd.testing.assert_frame_equal(km.effect_sizes(SimpleNamespace(rows=rows)), km.effect_sizes(rows))


@pytest.mark.parametrize("bad", [None, 5, "rows", [1, 2], {"n_t": [1]}, SimpleNamespace(rows=[1])])
def test_what_is_no_table(bad: object) -> None:
    with pytest.raises(EffectError, match="needs a DataFrame"):
        km.effect_sizes(bad)


def test_empty_tables() -> None:
    with pytest.raises(EffectError, match="no rows"):
        km.effect_sizes(pd.DataFrame())
    with pytest.raises(EffectError, match="no rows"):
        km.effect_sizes(pd.DataFrame([ARMS]).iloc[:0])


def test_missing_columns_are_named_with_a_suggestion() -> None:
    rows = pd.DataFrame([ARMS]).rename(columns={"mean_t": "Mean_T", "sd_c": "sdc"})
    with pytest.raises(DataError, match=r"mean_t \(did you mean 'Mean_T'\?\), sd_c \(did you mean 'sdc'\?\)"):
        km.effect_sizes(rows)
    with pytest.raises(DataError, match="OR cannot be computed without events_t"):
        km.effect_sizes(rows, measure="OR")
    with pytest.raises(DataError, match="HR cannot be computed without contrast_measure, contrast_value"):
        km.effect_sizes(rows, measure="HR")
    with pytest.raises(DataError, match="n_t stands more than once"):
        km.effect_sizes(pd.DataFrame([[1, 2]], columns=["n_t", "n_t"]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"measure": "smd"}, "measure='smd' is unknown; did you mean 'SMD'"),
        ({"measure": "g"}, "measure='g' is unknown"),
        ({"measure": None}, "measure=None is unknown"),
        ({"shared": "combined"}, "did you mean 'combine'"),
        ({"adjusted": "include"}, "did you mean 'exclude'"),
    ],
)
def test_unknown_arguments(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(EffectError, match=said):
        km.effect_sizes(pd.DataFrame([ARMS]), **arguments)
