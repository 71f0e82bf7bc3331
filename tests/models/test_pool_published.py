"""Printed worked examples, from the numbers or counts that the papers print.

Where a paper was not at hand, its numbers are those that the tests and the pages of the R package metafor, or the
reference pages of the R package pimeta, print beside its page numbers; they have more digits than the papers, and the
places where a paper differs in its last digit are named.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta._typing import Array
from ketameta.effects import smd
from ketameta.models.intervals import q_profile

# Vaccinated cases and non-cases, unvaccinated cases and non-cases: Colditz et al. (1994), JAMA 271:698-702;
# van Houwelingen et al. (2002), Statistics in Medicine 21:589-624, Table I, p. 594.
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    dtype=float,
)
# Cases of pre-eclampsia and women, diuretics and control: Collins et al. (1985), BMJ 290:17-23.
DIURETICS = np.array(
    [
        (14, 131, 14, 136),
        (21, 385, 17, 134),
        (14, 57, 24, 48),
        (6, 38, 18, 40),
        (12, 1011, 35, 760),
        (138, 1370, 175, 1336),
        (15, 506, 20, 524),
        (6, 108, 2, 103),
        (65, 153, 40, 102),
    ],
    dtype=float,
)


def log_odds_ratio(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, Array]:
    return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d


def log_risk_ratio(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, Array]:
    n1, n2 = a + b, c + d
    return np.log(a / n1 / (c / n2)), 1 / a - 1 / n1 + 1 / c - 1 / n2


def printed(value: float, digits: int) -> object:
    """Equal to a value printed with so many decimals: half a unit of the last one."""
    return pytest.approx(value, rel=0, abs=0.5000001 * 10.0**-digits)


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


@pytest.mark.parametrize(
    ("yi", "vi", "expected"),
    [
        (
            [-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232],
            [0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040],
            {
                "HS": 0.2282,
                "HE": 0.1484,
                "DL": 0.2768,
                "ML": 0.1967,
                "REML": 0.2232,
                "EB": 0.1920,
                "SJ": 0.1992,
            },
        ),
        (
            [
                *(0.100, -0.162, -0.090, -0.049, -0.046, -0.010, -0.431, -0.261, 0.134),
                *(0.019, 0.175, 0.056, 0.045, 0.103, 0.121, -0.482, 0.290, 0.342),
            ],
            [
                *(0.016, 0.015, 0.050, 0.050, 0.032, 0.052, 0.036, 0.024, 0.034),
                *(0.033, 0.031, 0.034, 0.039, 0.167, 0.134, 0.096, 0.016, 0.035),
            ],
            {"HS": 0.0099, "HE": 0.0, "DL": 0.0126, "ML": 0.0132, "REML": 0.0157, "EB": 0.0104, "SJ": 0.0248},
        ),
    ],
    ids=["page 271", "page 272"],
)
def test_viechtbauer_2005(yi: list[float], vi: list[float], expected: dict[str, float]) -> None:
    """Viechtbauer (2005), Journal of Educational and Behavioral Statistics 30:261-293, pp. 271-272."""
    for method, tau2 in expected.items():
        assert km.pool(yi=yi, vi=vi, tau2=method).tau2 == printed(tau2, 4), method


def test_viechtbauer_2007() -> None:
    """Viechtbauer (2007), Statistics in Medicine 26:37-52, Table II, p. 44: tau2 and its interval."""
    a, n1, c, n2 = DIURETICS.T
    yi, vi = log_odds_ratio(a, n1 - a, c, n2 - c)
    expected = {"DL": 0.2297, "ML": 0.2386, "REML": 0.3008, "SJ": 0.4563}
    for method, tau2 in expected.items():
        fit = km.pool(yi=yi, vi=vi, tau2=method)
        assert fit.tau2 == printed(tau2, 4), method
        assert fit.tau2_ci == (printed(0.0723, 4), printed(2.2027, 4))


def test_berkey_1995() -> None:
    """Berkey et al. (1995), Statistics in Medicine 14:395-411, p. 408: empirical Bayes, smoothed variances."""
    a, b, c, d = BCG.T
    yi = np.log(a / (a + b) / (c / (c + d)))
    vi = (b / a).mean() / (a + b) + (d / c).mean() / (c + d)
    fit = km.pool(yi=yi, vi=vi, tau2="EB", ci="Wald")
    assert fit.estimate == printed(-0.5429, 4)
    assert fit.se == printed(0.1842, 4)
    assert fit.tau2 == printed(0.2682, 4)


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


# Pre-eclampsia and women, aspirin and control: the CLASP example.
CLASP = np.array(
    [
        *((5, 156, 8, 74), (5, 303, 17, 303), (12, 565, 9, 477)),
        *((69, 1570, 94, 1565), (9, 103, 11, 105), (313, 4659, 352, 4650)),
    ],
    dtype=float,
)


@pytest.mark.parametrize(
    ("method", "tau", "estimate", "se"),
    [
        ("PM", 0.3681, -0.3811, 0.2060),
        ("EB", 0.3681, -0.3811, 0.2060),
        ("HE", 0.4410, -0.4035, 0.2327),
        ("DL", 0.2323, -0.3240, 0.1540),
        ("HE2", 0.3831, -0.3861, 0.2115),
        ("DL2", 0.3254, -0.3655, 0.1901),
        ("REML", 0.1843, -0.2980, 0.1343),
        ("HS", 0.1330, -0.2666, 0.1125),
        ("SJ", 0.4572, -0.4079, 0.2386),
        ("HSk", 0.1644, -0.2863, 0.1259),
    ],
)
def test_dersimonian_kacker_2007(method: str, tau: float, estimate: float, se: float) -> None:
    """DerSimonian and Kacker (2007), Contemporary Clinical Trials 28:105-114, Tables 3-4, pp. 111-112.

    HE and HE2 are their CA and CA2; HSk is not in the paper.
    """
    a, n1, c, n2 = CLASP.T
    yi, vi = log_odds_ratio(a, n1 - a, c, n2 - c)
    fit = km.pool(yi=yi, vi=vi, tau2=method, ci="Wald")
    assert math.sqrt(fit.tau2) == printed(tau, 4)
    assert fit.estimate == printed(estimate, 4)
    assert fit.se == printed(se, 4)


def test_dersimonian_kacker_2007_maximum_likelihood() -> None:
    """The page that repeats it prints tau = 0.0023, where scoring stops; the likelihood is highest at 0."""
    a, n1, c, n2 = CLASP.T
    yi, vi = log_odds_ratio(a, n1 - a, c, n2 - c)
    fit = km.pool(yi=yi, vi=vi, tau2="ML", ci="Wald")
    assert fit.boundary
    assert fit.estimate == printed(-0.197, 3)
    assert fit.se == printed(0.0694, 4)
    # Log-likelihoods by metafor at tau2 = 0 and at 5e-6.
    assert -3.268176257029 < fit.loglik == pytest.approx(-3.268071210900, rel=1e-11)


@pytest.mark.parametrize(
    ("yi", "vi", "x", "interval"),
    [
        (
            [
                *(0.0267, 0.8242, 0.3930, 2.4405, 2.1401, 1.2528, 2.4849, 0.3087),
                *(1.4246, 0.1823, 1.1378, 1.2321, 2.0695, 4.0237, 1.4383, 1.6021),
            ],
            [
                *(0.1285, 0.0315, 0.0931, 2.0967, 1.0539, 0.1602, 1.0235, 0.0218),
                *(0.5277, 0.0556, 0.3304, 0.1721, 0.4901, 2.0200, 0.3399, 0.1830),
            ],
            [0] * 10 + [1] * 6,
            (0.0023, 1.4871),
        ),
        (
            [
                *(0.54, 0.4, 0.64, 0.365, 0.835, 0.02, 0.12, 0.085, 1.18, 0.08),
                *(0.18, 0.325, 0.06, 0.715, 0.065, 0.245, 0.24, 0.06, 0.19),
            ],
            [
                *(0.0176, 0.019, 0.0906, 0.0861, 0.0063, 0.0126, 0.0126, 0.0041, 0.0759, 0.0126),
                *(0.0104, 0.0242, 0.0026, 0.2629, 0.0169, 0.0156, 0.0481, 0.0084, 0.0044),
            ],
            [
                *(1986, 1987, 1988, 1988, 1998, 1999, 2000, 2000, 2000, 2001),
                *(2001, 2001, 2002, 2002, 2002, 2002, 2003, 2003, 2003),
            ],
            (0.0178, 0.1564),
        ),
    ],
    ids=["first example", "second example"],
)
def test_jackson_2014(yi: list[float], vi: list[float], x: list[int], interval: tuple[float, float]) -> None:
    """Jackson et al. (2014), BMC Medical Research Methodology 14:103: residual tau2 of a regression, Q-profile."""
    design = np.column_stack([np.ones(len(x)), x])
    bounds = q_profile(yi, vi, design, level=0.95)
    assert tuple(map(float, bounds)) == tuple(printed(bound, 4) for bound in interval)


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


ROOT = Path(__file__).resolve().parents[2]
IMPOSSIBLE = ["Domany", "Fedgchin", "Singh"]
LIKE_SE = ["Dong", "Kheirabadi", "Zhang", "Zhong"]
CHOICES = {"DL": ("DL", "Wald"), "REML": ("REML", "HKSJ")}


def marchi(rows: str, how: str) -> km.models.Pooled:
    """The pooled rows of Marchi et al. (2022): all, without the doubted, or with small SDs taken as SEs."""
    table = pd.read_csv(ROOT / "tests" / "evidence" / "data" / "marchi2022_depression.csv")
    first = table["Author"].str.split().str[0]
    if rows == "taken":
        for arm in "tc":
            root = np.sqrt(table[f"N{arm}"].where(first.isin(LIKE_SE), 1))
            table[f"SD{arm}"] = table[f"SD{arm}"] * root
    out = {"all": [], "without": IMPOSSIBLE + LIKE_SE, "taken": IMPOSSIBLE}[rows]
    table = table[~first.isin(out)]
    arms = (table[f"{part}{arm}"] for arm in "tc" for part in ("M", "SD", "N"))
    effect = smd(*arms, variance="UB")
    tau2, ci = CHOICES[how]
    return km.pool(yi=effect.yi, vi=effect.vi, tau2=tau2, ci=ci)


def test_marchi_2022() -> None:
    """Marchi et al. (2022), Frontiers in Neuroscience 16:1011103: SMD -0.61 [-1.06, -0.16], k = 17."""
    fit = marchi("all", "DL")
    assert fit.k == 17
    assert fit.estimate == printed(-0.61, 2)
    assert (fit.ci_low, fit.ci_high) == (printed(-1.06, 2), printed(-0.16, 2))


REPRODUCTIONS = pd.read_csv(ROOT / "tests" / "reference" / "reproductions.csv").set_index(["rows", "method"])


@pytest.mark.parametrize(("rows", "how"), REPRODUCTIONS.index)
def test_marchi_2022_by_metafor(rows: str, how: str) -> None:
    fit = marchi(rows, how)
    for name, expected in REPRODUCTIONS.loc[(rows, how)].items():
        assert getattr(fit, str(name)) == pytest.approx(expected, rel=1e-8, abs=1e-12), name


def test_marchi_2022_on_the_page() -> None:
    """docs/reproductions.md prints the numbers of reference/reproductions.csv."""
    page = (ROOT / "docs" / "reproductions.md").read_text(encoding="utf-8").replace("\N{MINUS SIGN}", "-")
    lines = [line for line in page.splitlines() if "DL, Wald |" in line or "REML, HKSJ |" in line]
    found = [[cell.strip() for cell in line.split("|")[3:9]] for line in lines]
    assert found == [
        [
            f"{r.k:.0f}",
            f"{r.estimate:.2f}",
            f"{r.ci_low:.2f} to {r.ci_high:.2f}",
            f"{r.pi_low:.2f} to {r.pi_high:.2f}",
            f"{r.tau2:.2f}",
            f"{r.i2:.0f}%",
        ]
        for r in REPRODUCTIONS.itertuples()
    ]
