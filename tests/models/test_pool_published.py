"""Printed worked examples, from the numbers or counts that the papers print.

Where a paper was not at hand, its numbers are those that the tests and the pages of the R package metafor, or the
reference pages of the R package pimeta, print beside its page numbers; they have more digits than the papers, and the
places where a paper differs in its last digit are named.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import ketameta as km
from ketameta._typing import Array

from .published_trials import BCG, log_odds_ratio, printed


def log_risk_ratio(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, Array]:
    n1, n2 = a + b, c + d
    return np.log(a / n1 / (c / n2)), 1 / a - 1 / n1 + 1 / c - 1 / n2


def test_bcg_risk_ratios_reml() -> None:
    """metafor reference manual, rma.uni, first example (dat.bcg, measure RR, REML)."""
    yi, vi = log_risk_ratio(*BCG.T)
    fit = km.pool(yi=yi, vi=vi, ci="Wald")
    assert fit.estimate == printed(-0.7145, 4)
    assert fit.se == printed(0.1798, 4)
    assert fit.stat == printed(-3.9744, 4)
    assert (fit.ci_low, fit.ci_high) == (printed(-1.0669, 4), printed(-0.3622, 4))
    assert fit.tau2 == printed(0.3132, 4)
    assert fit.i2 == printed(92.22, 2)
    assert fit.h2 == printed(12.86, 2)
    assert (fit.q, fit.q_df) == (printed(152.2330, 4), 12)


def test_van_houwelingen_2002() -> None:
    """Van Houwelingen et al. (2002), pp. 596-597; more digits at metafor-project.org, vanhouwelingen2002."""
    yi, vi = log_odds_ratio(*BCG.T)
    common = km.pool(yi=yi, vi=vi, tau2="EE", ci="Wald")
    assert math.exp(common.estimate) == printed(0.6465, 4)
    assert math.exp(common.ci_low) == printed(0.5951, 4)
    assert math.exp(common.ci_high) == printed(0.7024, 4)
    ml = km.pool(yi=yi, vi=vi, tau2="ML", ci="Wald")
    assert ml.tau2 == printed(0.3025, 4)
    assert math.exp(ml.estimate) == printed(0.4762, 4)
    assert math.exp(ml.ci_low) == printed(0.3360, 4)
    assert math.exp(ml.ci_high) == printed(0.6749, 4)
    # The page prints 0.1302 for the lower bound, confint() at its default tolerance; see tests/reference.
    assert ml.tau2_ci == (pytest.approx(0.1302, rel=0, abs=1e-4), printed(1.1812, 4))


def test_van_houwelingen_2002_range_of_effects() -> None:
    """Van Houwelingen et al. (2002), p. 599: where 95% of the true effects lie, the mean taken as known."""
    yi, vi = log_odds_ratio(*BCG.T)
    fit = km.pool(yi=yi, vi=vi, tau2="ML", ci="Wald")
    half = 1.959963984540054 * math.sqrt(fit.tau2)
    assert (fit.estimate - half, fit.estimate + half) == (printed(-1.8199, 4), printed(0.3359, 4))
    assert (fit.pi_low, fit.pi_high) == (printed(-1.875, 3), printed(0.391, 3))
    hksj = km.pool(yi=yi, vi=vi, tau2="ML", ci="HKSJ")
    assert (math.exp(hksj.ci_low), math.exp(hksj.ci_high)) == (printed(0.3175, 4), printed(0.7141, 4))


# Effects of teachers' expectancy on pupils' IQ: Raudenbush and Bryk (1985), Table 1.
EXPECTANCY = np.array(
    [
        *((0.03, 0.0156), (0.12, 0.0216), (-0.14, 0.0279), (1.18, 0.1391), (0.26, 0.1362), (-0.06, 0.0106)),
        *((-0.02, 0.0106), (-0.32, 0.0484), (0.27, 0.0269), (0.80, 0.0630), (0.54, 0.0912), (0.18, 0.0497)),
        *((-0.02, 0.0835), (0.23, 0.0841), (-0.18, 0.0253), (-0.06, 0.0279), (0.30, 0.0193), (0.07, 0.0088)),
        (-0.07, 0.0303),
    ]
)


def test_raudenbush_1985() -> None:
    """Raudenbush and Bryk (1985), Journal of Educational Statistics 10:75-98, pp. 83-86 (Q is 35.85 there)."""
    yi, vi = EXPECTANCY.T
    fit = km.pool(yi=yi, vi=vi, ci="Wald")
    assert fit.tau2 == printed(0.0188, 4)
    assert fit.estimate == printed(0.0837, 4)
    assert fit.stat == printed(1.6208, 4)
    assert fit.q == printed(35.8295, 4)


@pytest.mark.parametrize(
    ("ci", "rows"),
    [
        (
            "Wald",
            {
                "EE": (0, 0.0604, 0.0365, 1.6553, -0.0111, 0.1318),
                "ML": (0.0126, 0.0777, 0.0475, 1.6368, -0.0153, 0.1708),
                "REML": (0.0188, 0.0837, 0.0516, 1.6208, -0.0175, 0.1849),
                "DL": (0.0259, 0.0893, 0.0558, 1.6009, -0.0200, 0.1987),
                "HE": (0.0804, 0.1143, 0.0792, 1.4432, -0.0409, 0.2696),
            },
        ),
        (
            "HKSJ",
            {
                "ML": (0.0126, 0.0777, 0.0593, 1.3110, -0.0468, 0.2023),
                "REML": (0.0188, 0.0837, 0.0616, 1.3593, -0.0457, 0.2131),
                "DL": (0.0259, 0.0893, 0.0636, 1.4050, -0.0442, 0.2229),
                "HE": (0.0804, 0.1143, 0.0711, 1.6078, -0.0351, 0.2637),
            },
        ),
    ],
)
def test_raudenbush_2009(ci: str, rows: dict[str, tuple[float, ...]]) -> None:
    """Raudenbush (2009), in Cooper, Hedges and Valentine, 2nd ed., Table 16.3, p. 309.

    The fourth digits of ML and REML are those of rma() at its default threshold (tests/reference/README.md).
    """
    yi, vi = EXPECTANCY.T
    for method, row in rows.items():
        digits = 3 if method in ("ML", "REML") else 4
        fit = km.pool(yi=yi, vi=vi, tau2=method, ci=ci)
        found = (fit.tau2, fit.estimate, fit.se, fit.stat, fit.ci_low, fit.ci_high)
        assert found == tuple(printed(value, digits) for value in row), method


def test_raudenbush_2009_prediction() -> None:
    """The same, Table 16.2, p. 301: -0.19 to 0.35 there, by the mean taken as known; with its error, by metafor."""
    yi, vi = EXPECTANCY.T
    fit = km.pool(yi=yi, vi=vi, ci="Wald")
    assert (fit.pi_low, fit.pi_high) == (printed(-0.2036, 3), printed(0.3711, 3))
    half = 1.96 * math.sqrt(fit.tau2)
    assert (fit.estimate - half, fit.estimate + half) == (printed(-0.19, 2), printed(0.35, 2))


def test_normand_1999_lidocaine() -> None:
    """Normand (1999), Statistics in Medicine 18:321-359, Table VII, p. 349: deaths in percent, lidocaine."""
    a, n1, c, n2 = np.array(
        [
            *((2, 39, 1, 43), (4, 44, 4, 44), (6, 107, 4, 110)),
            *((7, 103, 5, 100), (7, 110, 3, 106), (11, 154, 4, 146)),
        ],
        dtype=float,
    ).T
    yi = 100 * (a / n1 - c / n2)
    vi = 1e4 * (a * (n1 - a) / n1**3 + c * (n2 - c) / n2**3)
    for method in ("EE", "DL", "REML"):
        fit = km.pool(yi=yi, vi=vi, tau2=method, ci="Wald")
        assert fit.tau2 == 0
        assert fit.estimate == printed(2.9444, 4)
        assert (fit.ci_low, fit.ci_high) == (printed(0.3831, 4), printed(5.5058, 4))


@pytest.mark.parametrize(
    ("method", "estimate", "interval", "tau2"),
    [
        ("EE", -3.4939, (-5.0265, -1.9613), 0),
        ("DL", -14.0972, (-24.4454, -3.7490), 218.7216),
        ("REML", -15.1217, (-32.6716, 2.4282), 685.1965),
    ],
)
def test_normand_1999_stay(method: str, estimate: float, interval: tuple[float, float], tau2: float) -> None:
    """The same, Table IX, p. 352: days in hospital after a stroke, specialist against routine care."""
    n1, m1, sd1, n2, m2, sd2 = np.array(
        [
            *((155, 55, 47, 156, 75, 64), (31, 27, 7, 32, 29, 4), (75, 64, 17, 71, 119, 29)),
            *((18, 66, 20, 18, 137, 48), (8, 14, 8, 13, 18, 11), (57, 19, 7, 52, 18, 4)),
            *((34, 52, 45, 33, 41, 34), (110, 21, 16, 183, 31, 27), (60, 30, 27, 52, 23, 20)),
        ],
        dtype=float,
    ).T
    pooled = ((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / (n1 + n2 - 2)
    fit = km.pool(yi=m1 - m2, vi=pooled * (1 / n1 + 1 / n2), tau2=method, ci="Wald")
    assert fit.estimate == printed(estimate, 4)
    assert (fit.ci_low, fit.ci_high) == tuple(printed(bound, 4) for bound in interval)
    assert fit.tau2 == printed(tau2, 4)


def test_henmi_copas_2010() -> None:
    """Henmi and Copas (2010), Statistics in Medicine 29:2969-2983, p. 2978: acupuncture against nausea, DL."""
    a, n1, c, n2 = np.array(
        [
            *((18, 100, 20, 100), (5, 50, 18, 50), (9, 20, 7, 20), (32, 135, 31, 139), (9, 23, 10, 23)),
            *((11, 18, 12, 18), (69, 122, 80, 122), (3, 25, 12, 25), (1, 30, 1, 30), (11, 30, 19, 30)),
            *((7, 44, 16, 39), (4, 47, 6, 47), (1, 30, 13, 30), (24, 40, 71, 80), (16, 50, 53, 88)),
            (28, 110, 25, 111),
        ],
        dtype=float,
    ).T
    yi, vi = log_odds_ratio(a, n1 - a, c, n2 - c)
    fit = km.pool(yi=yi, vi=vi, tau2="DL", ci="Wald")
    assert fit.tau2 == printed(0.3325, 4)
    assert fit.estimate == printed(-0.6787, 4)
    assert (fit.ci_low, fit.ci_high) == (printed(-1.0664, 4), printed(-0.2911, 4))


def test_viechtbauer_2007_st_johns_wort() -> None:
    """Viechtbauer (2007), Zeitschrift fuer Psychologie 215:104-121, pp. 107-109: response, St. John's wort.

    The article prints 1.39 (common effect), Q = 55.54, 1.90 (upper bound) and tau2 0.091, and a prediction interval
    of 0.87 to 2.83 that takes the mean as known.
    """
    a, n1, c, n2 = np.array(
        [
            *((20, 25, 11, 25), (14, 20, 9, 20), (4, 25, 2, 25), (20, 32, 6, 33), (28, 50, 13, 55)),
            *((34, 48, 25, 49), (35, 53, 12, 54), (24, 49, 16, 49), (45, 80, 12, 79), (67, 106, 22, 47)),
            *((34, 60, 17, 59), (46, 70, 34, 70), (55, 123, 57, 124), (23, 37, 15, 35)),
            *((26, 98, 19, 102), (46, 113, 56, 116), (98, 186, 80, 189)),
        ],
        dtype=float,
    ).T
    yi, vi = log_risk_ratio(a, n1 - a, c, n2 - c)
    common = km.pool(yi=yi, vi=vi, tau2="EE", ci="Wald")
    assert math.exp(common.estimate) == printed(1.3840, 4)
    assert (math.exp(common.ci_low), math.exp(common.ci_high)) == (printed(1.2599, 4), printed(1.5204, 4))
    assert common.q == printed(51.5454, 4)
    fit = km.pool(yi=yi, vi=vi, tau2="DL", ci="Wald")
    assert fit.tau2 == printed(0.0903, 4)
    assert math.exp(fit.estimate) == printed(1.5722, 4)
    assert (math.exp(fit.ci_low), math.exp(fit.ci_high)) == (printed(1.3103, 4), printed(1.8864, 4))
    assert (math.exp(fit.pi_low), math.exp(fit.pi_high)) == (printed(0.8488, 4), printed(2.9120, 4))
    half = 1.96 * math.sqrt(fit.tau2)
    assert (math.exp(fit.estimate - half), math.exp(fit.estimate + half)) == (
        printed(0.87, 2),
        printed(2.83, 2),
    )


# Ten made-up trials of a drug against high blood pressure: Riley, Higgins and Deeks (2011), BMJ 342:d549.
BLOOD_PRESSURE = (
    [0, 0.1, -0.4, -0.8, -0.63, 0.22, -0.34, -0.51, 0.03, -0.81],
    [
        *(0.42347717, 0.21939179, 0.02551067, 0.19898325, 0.30102594),
        *(0.30102594, 0.07142988, 0.10204269, 0.12245123, 0.30102594),
    ],
)


def test_riley_2011() -> None:
    """Riley et al. (2011) as the reference pages of pimeta (`pima`, `cima`) print it: prediction, HKSJ."""
    yi, se = BLOOD_PRESSURE
    vi = np.square(se)
    higgins = km.pool(yi=yi, vi=vi, tau2="DL", ci="Wald", prediction="t(k-2)")
    assert higgins.tau2 == printed(0.0282, 4)
    assert higgins.estimate == printed(-0.3341, 4)
    assert (higgins.pi_low, higgins.pi_high) == (printed(-0.7598, 4), printed(0.0917, 4))
    hksj = km.pool(yi=yi, vi=vi, tau2="REML", ci="HKSJ", prediction="t(k-2)")
    assert hksj.tau2 == printed(0.0700, 4)
    assert hksj.i2 == printed(85.5, 1)
    assert hksj.estimate == printed(-0.3287, 4)
    assert (hksj.ci_low, hksj.ci_high) == (printed(-0.5761, 4), printed(-0.0814, 4))
    # pimeta prints 0.3268; metafor with a tight threshold gives 0.326870 (tests/reference/README.md).
    assert (hksj.pi_low, hksj.pi_high) == (printed(-0.9843, 4), printed(0.3268, 3))
    assert km.pool(yi=yi, vi=vi, tau2="ML").tau2 == printed(0.0547, 4)


def test_harrer_2021() -> None:
    """Harrer et al. (2021), Doing Meta-Analysis with R, sections 4.2.1 and 5.3: third-wave psychotherapies."""
    yi = [
        *(0.709136234756933, 0.354864109077645, 1.79117003272488, 0.182455216323761, 0.42185093084487, 0.63),
        *(0.724883808783712, 0.528663812357321, 0.284, 1.27506817139631, 0.10360817637506, 0.388390560376566),
        *(0.540739823331358, 0.426159311552595, 0.515396915332498, 1.47972601084922, 0.612578239930467, 0.6),
    ]
    se = [
        *(
            0.260820178547769,
            0.196362410818884,
            0.345569205699001,
            0.117787401662918,
            0.144812762024237,
            0.196,
        ),
        *(
            0.224664137749212,
            0.210460918848162,
            0.168,
            0.337199688565405,
            0.194727463484504,
            0.230768893346391,
        ),
        *(
            0.244313267301974,
            0.257937944593587,
            0.351273746997289,
            0.315281680355345,
            0.226683364977455,
            0.249,
        ),
    ]
    fit = km.pool(yi=yi, vi=np.square(se), tau2="REML", ci="HKSJ", prediction="t(k-2)")
    assert fit.estimate == printed(0.5771, 4)
    assert (fit.ci_low, fit.ci_high) == (printed(0.3782, 4), printed(0.7760, 4))
    assert fit.stat == printed(6.12, 2)
    assert fit.tau2 == printed(0.0820, 4)
    assert fit.tau2_ci == (printed(0.0295, 4), printed(0.3533, 4))
    assert (fit.q, fit.q_df, fit.q_p) == (printed(45.50, 2), 17, printed(0.0002, 4))
    assert (fit.pi_low, fit.pi_high) == (printed(-0.0572, 4), printed(1.2115, 4))
