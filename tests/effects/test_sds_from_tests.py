"""effect_sizes where a test or its P value stands in for an SD or a standard error: which tests do, and which do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from .single_rows import ARMS, NO_SD, one, smd

ROOT = np.sqrt(1 / 20 + 1 / 22)


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
