"""Printed worked examples of statistics recovered from others; tests/reference/effects.md says where each was read."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from ketameta import effects
from ketameta.effects.recovery import critical_value

from .publications import printed


def test_metafor_odds_ratios_from_intervals() -> None:
    """Documentation of metafor 5.1, conv.wald: four odds ratios with 95% intervals."""
    effect = effects.from_ci(
        [1.37, 1.89, 0.23, 0.62], [1.03, 1.60, 0.18, 0.39], [1.82, 2.23, 0.31, 1.00], log=True
    )
    assert printed(effect.yi, 4) == [0.3148, 0.6366, -1.4697, -0.4780]
    assert printed(effect.vi, 4) == [0.0211, 0.0072, 0.0192, 0.0577]


def test_metafor_sds_from_five_numbers() -> None:
    """Documentation of metafor 5.1, conv.fivenum (Wan et al. 2014): n = 20, range 2 to 14, quartiles 4 and 10."""
    assert printed(effects.sd_from_range(2, 14, 20), 6) == [3.211576]
    assert printed(effects.sd_from_iqr(4, 10, 20), 6) == [4.787076]


def test_handbook_sd_from_p() -> None:
    """Handbook 5.1, section 7.7.3.3: MD 3.8, P = 0.008, 25 and 22 people: t = 2.78, SE = 1.37."""
    sd = float(effects.sd_from_p(3.8, 0.008, 25, 22))
    se = sd * np.sqrt(1 / 25 + 1 / 22)
    assert round(se, 2) == 1.37
    assert round(3.8 / se, 2) == 2.78


def test_handbook_t_quantile() -> None:
    """Same chapter: the 95% t value of a group of 25 is 2.0639."""
    assert round(float(critical_value(0.95, 24)), 4) == 2.0639
    assert round(float(np.sqrt(25) * 1 / effects.sd_from_ci(0.0, 1.0, 25) / 2), 4) == 2.0639


def test_statpsych_sd_from_the_interval_and_the_standard_error() -> None:
    """Manual of statpsych 1.9.0, ci.mean.ps: difference 6.8 (3.822304 to 9.777696), SE 1.455922, t 4.6706, n = 30."""
    sd = float(np.sqrt(7.43**2 + 8.92**2 - 2 * 0.537 * 7.43 * 8.92))
    assert float(effects.sd_from_ci(3.822304, 9.777696, 30)) == pytest.approx(sd, rel=5e-7)
    assert float(effects.sd_from_se(1.455922, 30)) == pytest.approx(sd, rel=5e-7)
    assert float(effects.sd_from_t(6.8, 4.6706, 30)) == pytest.approx(sd, rel=2e-5)


def test_murrough_2013_change_scores() -> None:
    """Paired t of 10.31 (change 16.5, n = 47) and 4.63 (8.8, n = 25); the trial prints F(1,70) = 9.62."""
    sd_t, sd_c = effects.sd_from_t(16.5, 10.31, 47), effects.sd_from_t(8.8, 4.63, 25)
    assert round(float(sd_t), 2) == 10.97
    assert round(float(sd_c), 2) == 9.50
    difference = effects.md(-16.5, sd_t, 47, -8.8, sd_c, 25)
    assert float(difference.yi**2 / difference.vi) == pytest.approx(9.62, abs=0.05)


def test_wan_2014_table_1() -> None:
    """Expected range of n standard normal values; the closed form that is used stays within 2.5% of it."""
    table = {5: 2.326, 10: 3.078, 15: 3.472, 20: 3.735, 25: 3.931, 30: 4.086, 40: 4.322, 50: 4.498}
    for n, expected in table.items():
        exact = integrate.quad(
            lambda x, n=n: 1 - stats.norm.cdf(x) ** n - stats.norm.sf(x) ** n, -12, 12, epsabs=1e-10
        )[0]
        assert round(exact, 3) == pytest.approx(expected, abs=1.01e-3)
        assert float(1 / effects.sd_from_range(0, 1, n)) == pytest.approx(exact, rel=0.025)
