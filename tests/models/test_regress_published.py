"""Printed meta-regressions, from printed counts or effects.

The printed numbers are taken from the worked examples in the tests of the R package metafor
(tests/testthat/test_analysis_example_*.r), which name the pages and say where an article differs in its last digit.
"""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km

REFERENCE = Path(__file__).resolve().parents[1] / "reference" / "regress_inputs.csv"

# Colditz et al. (1994), JAMA 271:698-702: cases and non-cases, vaccinated and not, and absolute latitude.
BCG = np.array(
    [
        (4, 119, 11, 128, 44),
        (6, 300, 29, 274, 55),
        (3, 228, 11, 209, 42),
        (62, 13536, 248, 12619, 52),
        (33, 5036, 47, 5761, 13),
        (180, 1361, 372, 1079, 44),
        (8, 2537, 10, 619, 19),
        (505, 87886, 499, 87892, 13),
        (29, 7470, 45, 7232, 27),
        (17, 1699, 65, 1600, 42),
        (186, 50448, 141, 27197, 18),
        (5, 2493, 3, 2338, 33),
        (27, 16886, 29, 17825, 33),
    ],
    dtype=float,
)


@pytest.fixture
def smoothed():
    """Log risk ratios with the smoothed variances of Berkey et al.: a mean of odds, divided by each arm's size."""
    a, b, c, d, latitude = BCG.T
    vi = (b / a).mean() / (a + b) + (d / c).mean() / (c + d)
    return pd.DataFrame({"yi": np.log(a / (a + b) / (c / (c + d))), "vi": vi, "latitude": latitude - 33.46})


def test_berkey_1995_mixed_effects(smoothed):
    """Berkey et al. (1995), Stat Med 14:395-411, page 408: empirical Bayes."""
    fit = km.regress(smoothed, "latitude", tau2="EB", ci="Wald")
    np.testing.assert_allclose(fit.coefficients["estimate"], [-0.6304, -0.0268], atol=1.01e-4)
    np.testing.assert_allclose(fit.coefficients["se"], [0.1591, 0.0110], atol=5e-5)
    assert fit.tau2 == pytest.approx(0.1572, abs=5e-5)
    assert fit.tau2_without == pytest.approx(0.2682, abs=5e-5)
    assert fit.r2 == pytest.approx(100 * (1 - 0.1572 / 0.2682), abs=0.05)
    at = fit.predict(pd.DataFrame({"latitude": [0.0, 42 - 33.46]}))
    np.testing.assert_allclose(np.exp(at["estimate"]), [0.5324, 0.4236], atol=5e-5)


def test_berkey_1995_common_effect(smoothed):
    """The same page: the fixed-effects regression (0.0039 in the article for the second standard error)."""
    fit = km.regress(smoothed, "latitude", tau2="EE", ci="Wald")
    np.testing.assert_allclose(fit.coefficients["estimate"], [-0.5950, -0.0282], atol=1.01e-4)
    np.testing.assert_allclose(fit.coefficients["se"], [0.0696, 0.0039], atol=1.01e-4)
    at = fit.predict(pd.DataFrame({"latitude": [0.0, 42 - 33.46]}))
    np.testing.assert_allclose(np.exp(at["estimate"]), [0.5516, 0.4336], atol=5e-5)


@pytest.fixture
def expectancy():
    """Teacher expectancy: effects, variances, weeks of prior contact (3 stands for more than 2)."""
    with REFERENCE.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] == "raudenbush1985"]
    return pd.DataFrame(
        {
            "yi": [float(r["yi"]) for r in rows],
            "vi": [float(r["vi"]) for r in rows],
            "weeks": [float(r["n1"]) for r in rows],
        }
    )


def test_raudenbush_2009_mixed_effects(expectancy):
    """Raudenbush (2009), in Cooper, Hedges and Valentine, 2nd ed., page 301, Table 16.2: REML.

    Raudenbush and Bryk (1985), J Educ Stat 10:75-98, pages 90 and 92, print the same regression.
    """
    fit = km.regress(expectancy, "weeks", ci="Wald")
    assert fit.tau2 == pytest.approx(0.0, abs=5e-5)
    frame = fit.to_frame()
    np.testing.assert_allclose(frame["estimate"], [0.4072, -0.1572], atol=1e-4)
    np.testing.assert_allclose(frame["stat"], [4.6782, -4.3884], atol=2e-4)
    assert fit.qe == pytest.approx(16.5708, abs=5e-5)
    assert fit.tau2_without == pytest.approx(0.0188, abs=5e-5)


@pytest.fixture
def treatment():
    """Ten trials of Lipsey and Wilson (2001), Practical Meta-Analysis, page 130, Table 7.1."""
    return pd.DataFrame(
        {
            "yi": [-0.33, 0.32, 0.39, 0.31, 0.17, 0.64, -0.33, 0.15, -0.02, 0.00],
            "vi": [0.084, 0.035, 0.017, 0.034, 0.072, 0.117, 0.102, 0.093, 0.012, 0.067],
            "random": [0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
            "intensity": [7, 3, 7, 5, 7, 7, 4, 4, 5, 6],
        }
    )


def test_lipsey_2001_analogue_of_anova(treatment):
    """Page 138, Exhibit 7.4: two groups under a common effect."""
    fit = km.regress(treatment, "C(random)", tau2="EE", ci="Wald")
    assert fit.design.names == ("intercept", "random: 1 vs 0")
    assert (fit.qm, fit.qm_p) == (pytest.approx(7.0738, abs=1.5e-4), pytest.approx(0.0078, abs=5e-5))
    assert (fit.qe, fit.qe_p) == (pytest.approx(7.6902, abs=1.5e-4), pytest.approx(0.4643, abs=5e-5))
    groups = fit.predict(pd.DataFrame({"random": [0, 1]}))
    np.testing.assert_allclose(groups["estimate"], [0.2984, -0.0277], atol=5e-5)
    np.testing.assert_allclose(groups["ci_low"], [0.1390, -0.2075], atol=1e-4)
    np.testing.assert_allclose(groups["ci_high"], [0.4578, 0.1521], atol=1e-4)


def test_lipsey_2001_regressions(treatment):
    """Page 141, Exhibits 7.6 (common effect) and 7.7 (tau2 by moments)."""
    common = km.regress(treatment, "random + intensity", tau2="EE", ci="Wald")
    np.testing.assert_allclose(common.beta, [0.32233263, -0.32978043, -0.00408559], atol=5e-9)
    np.testing.assert_allclose(common.to_frame()["se"], [0.29977632, 0.13041815, 0.04928185], atol=5e-9)
    assert (common.qm, common.qm_p) == (pytest.approx(7.0807, abs=5e-5), pytest.approx(0.0290, abs=5e-5))
    mixed = km.regress(treatment, "random + intensity", tau2="DL", ci="Wald")
    np.testing.assert_allclose(mixed.beta, [0.33106915, -0.32691858, -0.00682302], atol=5e-9)
    np.testing.assert_allclose(mixed.to_frame()["se"], [0.31983925, 0.1439395, 0.0528008], atol=5e-9)
    assert mixed.qm == pytest.approx(5.5709, abs=2.5e-4)
    assert mixed.tau2 == pytest.approx(0.00488, abs=5e-6)
    assert mixed.r2 == pytest.approx(81.2023, abs=5e-5)


def test_viechtbauer_2007_interaction():
    """Viechtbauer (2007), Zeitschrift fuer Psychologie 215:104-121, pages 112-113, Table II.

    St John's wort: centred dosage, centred baseline severity and their interaction, tau2 by moments.
    """
    with REFERENCE.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] == "linde2005"]
    table = pd.DataFrame(
        {
            "yi": [float(row["yi"]) for row in rows],
            "vi": [float(row["vi"]) for row in rows],
            "dosage": [float(row["n1"]) for row in rows],
            "baseline": [float(row["n2"]) for row in rows],
        }
    )
    fit = km.regress(table, "dosage * baseline", tau2="DL", ci="Wald")
    assert fit.tau2 == pytest.approx(0.0475, abs=5e-5)
    assert fit.r2 == pytest.approx(47.3778, abs=5e-5)
    np.testing.assert_allclose(fit.beta, [0.47625885, -0.0058448, -0.06722782, -0.00156996], atol=5e-9)
    at = fit.predict(pd.DataFrame({"dosage": [0.0, 0.0], "baseline": [12.5 - 20, 23.6 - 20]}))
    np.testing.assert_allclose(
        np.exp(at[["estimate", "ci_low", "ci_high"]]),
        [[2.6657, 1.4560, 4.8806], [1.2639, 0.9923, 1.6099]],
        atol=5e-5,
    )
