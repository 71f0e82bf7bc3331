"""effect_sizes where quartiles or extremes stand in for a mean and its SD."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from scipy import stats

import ketameta as km
from ketameta import effects
from ketameta.effects import EffectOptions

from .single_rows import ARMS, one, smd


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


def test_a_median_does_not_stand_in_the_way_of_a_reported_difference() -> None:
    cells = {**ARMS, "mean_t": None, "sd_t": None, "q1_t": 2.0, "median_t": 3.0, "q3_t": 30.0}
    row = one("MD", **cells, contrast_measure="MD", contrast_value=-4.0, contrast_se=1.0)
    assert (row["yi"], row["sei"]) == (-4.0, 1.0)
