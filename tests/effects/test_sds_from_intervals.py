"""effect_sizes where intervals or standard errors stand in for an SD: what they give, at which level, and when nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from ketameta.effects import EffectOptions

from .single_rows import ARMS, NO_SD, one, smd


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


@pytest.mark.parametrize(
    ("level", "good"), [("95%", True), (95, True), (0.9, True), (5, False), ("ninety", False)]
)
def test_levels_of_intervals(level: Any, good: bool) -> None:
    contrast = {"score_type": "contrast", "contrast_measure": "MD", "contrast_value": -4.0}
    row = one("MD", **contrast, contrast_ci_low=-6.0, contrast_ci_high=-2.0, contrast_ci_level=level)
    assert (row["reason"] == "") == good
