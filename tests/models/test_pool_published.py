"""Printed worked examples, from the numbers or counts that the papers print."""

from __future__ import annotations

import math

import numpy as np
import pytest

import ketameta as km
from ketameta._typing import Array

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
