"""Printed worked examples of two groups with means; tests/reference/effects.md says where each was read."""

from __future__ import annotations

import numpy as np
import pytest

from ketameta import effects
from ketameta.effects._hedges import hedges_correction

from .publications import moments, printed


def test_normand_1999_stroke_units() -> None:
    """Normand 1999, Table VIII, page 351: mean differences, variances with the pooled SD."""
    n1, m1, sd1 = np.array(
        [
            [155, 31, 75, 18, 8, 57, 34, 110, 60],
            [55, 27, 64, 66, 14, 19, 52, 21, 30],
            [47, 7, 17, 20, 8, 7, 45, 16, 27],
        ]
    )
    n2, m2, sd2 = np.array(
        [
            [156, 32, 71, 18, 13, 52, 33, 183, 52],
            [75, 29, 119, 137, 18, 18, 41, 31, 23],
            [64, 4, 29, 48, 11, 4, 34, 27, 20],
        ]
    )
    pooled = np.sqrt(((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / (n1 + n2 - 2))
    effect = effects.md(m1, pooled, n1, m2, pooled, n2)
    assert effect.yi.tolist() == [-20, -2, -55, -71, -4, 1, 11, -10, 7]
    assert printed(effect.vi, 4) == [
        40.5863,
        2.0468,
        15.2809,
        150.2222,
        20.1923,
        1.2235,
        95.3756,
        8.0321,
        20.6936,
    ]
    # The same trials with the two SDs kept apart: documentation of metadat, dat.normand1999.
    apart = effects.md(m1, sd1, n1, m2, sd2, n2)
    assert printed(apart.vi, 4) == [
        40.508,
        2.0806,
        15.6984,
        150.2222,
        17.3077,
        1.1673,
        94.5891,
        6.3109,
        19.8423,
    ]


def test_vcmeta_two_groups() -> None:
    """Manual of vcmeta 1.4.0, se.mean2 and se.meanratio2 (Bonett 2020): one pair of groups, two measures."""
    groups = (21.9, 3.82, 40, 16.1, 3.21, 40)
    difference, ratio = effects.md(*groups), effects.rom(*groups)
    assert (printed(difference.yi, 1), printed(difference.sei, 7)) == ([5.8], [0.7889312])
    assert (printed(ratio.yi, 7), printed(ratio.sei, 6)) == ([0.3076674], [0.041886])


def test_borenstein_2009_standardised_difference() -> None:
    """Borenstein et al. 2009, chapter 4, as worked in Zhang's slides: d = 0.5970, SE 0.2044, g = 0.5924."""
    effect = effects.smd(103, 5.5, 50, 100, 4.5, 50)
    d = effect.yi / hedges_correction(np.array(98.0))
    assert printed(d, 4) == [0.5970]
    assert printed(np.sqrt(1 / 50 + 1 / 50 + d**2 / 200), 4) == [0.2044]
    assert printed(effect.yi, 4) == [0.5924]


def test_asthma_education_standardised_differences() -> None:
    """Documentation of metadat, dat.gibson2002: Hedges' g with its large-sample variance, 13 trials."""
    table = np.array(
        [
            [50, 2.20, 12.73, 54, 5.20, 12.50, -0.2361, 0.0388],
            [140, 17.60, 24.20, 136, 34.10, 38.80, -0.5105, 0.0150],
            [23, 0.38, 0.56, 19, 0.23, 0.29, 0.3209, 0.0973],
            [97, 2.09, 5.93, 94, 2.66, 4.95, -0.1038, 0.0210],
            [35, 4.92, 6.05, 35, 20.00, 26.34, -0.7804, 0.0615],
            [45, 0.85, 4.75, 55, 2.31, 9.16, -0.1930, 0.0406],
            [56, 2.80, 9.00, 59, 4.80, 7.20, -0.2445, 0.0351],
            [20, 24.10, 11.80, 20, 31.80, 17.90, -0.4978, 0.1031],
            [128, 1.40, 3.30, 143, 2.30, 7.60, -0.1504, 0.0148],
            [119, 6.23, 12.20, 100, 5.71, 8.57, 0.0484, 0.0184],
            [32, 2.10, 8.00, 33, 5.10, 14.00, -0.2589, 0.0621],
            [86, 0.73, 1.48, 100, 0.47, 1.20, 0.1937, 0.0217],
            [25, 8.00, 32.00, 24, 26.00, 70.00, -0.3277, 0.0828],
        ]
    )
    n1, m1, sd1, n2, m2, sd2, yi, vi = table.T
    effect = effects.smd(m1, sd1, n1, m2, sd2, n2)
    assert printed(effect.yi, 4) == yi.tolist()
    assert printed(effect.vi, 4) == vi.tolist()


def test_motor_trend_cars() -> None:
    """effectsize 1.0.3, article on standardized differences: g = -1.44 and Glass's delta = -1.10."""
    automatic = [
        21.4,
        18.7,
        18.1,
        14.3,
        24.4,
        22.8,
        19.2,
        17.8,
        16.4,
        17.3,
        15.2,
        10.4,
        10.4,
        14.7,
        21.5,
        15.5,
    ]
    automatic += [15.2, 13.3, 19.2]
    manual = [21.0, 21.0, 22.8, 32.4, 30.4, 33.9, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4]
    groups = (*moments(automatic), *moments(manual))
    assert printed(effects.smd(*groups).yi, 2) == [-1.44]
    assert printed(effects.glass(*groups).yi, 2) == [-1.10]


@pytest.mark.parametrize(
    ("groups", "estimate", "adjusted", "standard_error", "digits"),
    [
        ((20.9, 3.85, 50, 19.1, 3.19, 50), 0.5091, 0.5052, 0.20539, (4, 5)),
        ((21.9, 3.82, 40, 16.1, 3.21, 40), 1.643894, None, 0.2629049, (6, 7)),
    ],
)
def test_bonett_unequal_variances(
    groups: tuple[float, ...],
    estimate: float,
    adjusted: float | None,
    standard_error: float,
    digits: tuple[int, int],
) -> None:
    """Bonett's own packages: statpsych 1.9.0, ci.stdmean2, and vcmeta 1.4.0, se.stdmean2 (average variance).

    They print the standard error of d, at d; smdh multiplies the variance by J^2 and takes it at g = J d.
    """
    _, sd1, n1, _, sd2, n2 = groups
    effect = effects.smdh(*groups)
    j = hedges_correction(np.array(n1 + n2 - 2.0))
    d = effect.yi / j
    assert printed(d, digits[0]) == [estimate]
    spread = (sd1**4 / (n1 - 1) + sd2**4 / (n2 - 1)) / (2 * (sd1**2 + sd2**2) ** 2)
    variance_of_d = effect.vi / j**2 + spread * (d**2 - effect.yi**2)
    assert printed(np.sqrt(variance_of_d), digits[1]) == [standard_error]
    if adjusted is not None:
        assert printed(effect.yi, 4) == [adjusted]


def test_bonett_control_group_standardiser() -> None:
    """statpsych 1.9.0, ci.stdmean2: 0.5643 by the SD of group 2, 0.5556 when corrected."""
    effect = effects.glass(20.9, 3.85, 50, 19.1, 3.19, 50)
    assert printed(effect.yi / hedges_correction(np.array(49.0)), 4) == [0.5643]
    assert printed(effect.yi, 4) == [0.5556]


def test_carbon_dioxide_ratios_of_means() -> None:
    """Documentation of metadat 1.7, dat.curtis1998 (Hedges, Gurevitch & Curtis 1999), first six rows.

    It was made with metafor 5, which adds half the difference of the two variances to the log ratio.
    """
    m1, m2 = (
        np.array([6.8169, 2.5961, 2.99, 5.91, 4.61, 10.78]),
        np.array([3.945, 2.2512, 1.93, 6.62, 4.1, 6.42]),
    )
    sd1, n1 = np.array([1.769982, 0.6674662, 0.856, 1.742, 1.407, 1.163]), np.array([3, 5, 5, 5, 4, 5])
    sd2, n2 = np.array([1.115797, 0.3275839, 0.552, 1.631, 1.257, 2.026]), np.array([5, 5, 5, 5, 4, 3])
    effect = effects.rom(m1, sd1, n1, m2, sd2, n2)
    shift = (sd1**2 / (n1 * m1**2) - sd2**2 / (n2 * m2**2)) / 2
    assert printed(effect.yi + shift, 4) == [0.5502, 0.1470, 0.4378, -0.1108, 0.1171, 0.5028]
    assert printed(effect.vi, 4) == [0.0385, 0.0175, 0.0328, 0.0295, 0.0468, 0.0355]
