"""Printed estimates of tau2 and its intervals; where they were read is said in test_pool_published.py."""

from __future__ import annotations

import math

import numpy as np
import pytest

import ketameta as km
from ketameta.models.intervals import q_profile

from .published_trials import BCG, log_odds_ratio, printed

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
