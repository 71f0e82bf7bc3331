"""Printed worked examples; tests/reference/effects.md says where each was read."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from ketameta import effects
from ketameta._typing import Array
from ketameta.effects._hedges import hedges_correction
from ketameta.effects.recovery import critical_value


def printed(values: Array, digits: int) -> list[float]:
    """Values as a publication prints them; a negative zero is a zero."""
    return [float(value) + 0.0 for value in np.round(np.atleast_1d(values), digits)]


def moments(values: list[float]) -> tuple[float, float, int]:
    return float(np.mean(values)), float(np.std(values, ddof=1)), len(values)


# Two groups, continuous -----------------------------------------------------------------------


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


# One group under two conditions ---------------------------------------------------------------


def test_handbook_crossover_example() -> None:
    """Cochrane Handbook 5.1, section 16.4.6.4 (in version 6 section 23.2.7)."""
    args = (7.0, 2.38, 6.5, 2.21, 10, 0.68)
    difference, standardised = effects.paired_md(*args), effects.paired_smd(*args)
    assert float(difference.yi) == 0.5
    assert printed(difference.sei, 3) == [0.583]
    assert printed(standardised.yi, 3) == [0.218]
    assert printed(standardised.sei, 3) == [0.256]


def test_handbook_crossover_example_with_the_sd_of_differences() -> None:
    """Same section: with an SD of differences of 2 the SE is 0.632."""
    r = (2.38**2 + 2.21**2 - 2**2) / (2 * 2.38 * 2.21)
    assert printed(effects.paired_md(7.0, 2.38, 6.5, 2.21, 10, r).sei, 3) == [0.632]


def test_borenstein_2009_matched_groups() -> None:
    """Borenstein et al. 2009, chapter 4, as worked in Zhang's slides: d = 0.4225, SE = 0.1143."""
    within = 5.5 / np.sqrt(2 * (1 - 0.7))
    effect = effects.paired_smd(103, within, 100, within, 50, 0.7)
    assert printed(np.array(within), 4) == [7.1005]
    assert printed(effect.yi, 4) == [0.4225]
    assert printed(effect.sei, 4) == [0.1143]


@pytest.mark.parametrize(
    ("args", "difference", "standard_error", "digits"),
    [
        ((58.2, 7.43, 51.4, 8.92, 30, 0.537), 6.8, 1.455922, 6),
        ((23.9, 1.76, 25.1, 2.01, 25, 0.78), -1.2, 0.2544833, 7),
    ],
)
def test_paired_differences(
    args: tuple[float, ...], difference: float, standard_error: float, digits: int
) -> None:
    """Manuals of statpsych 1.9.0, ci.mean.ps, and of vcmeta 1.4.0, se.mean.ps."""
    effect = effects.paired_md(*args)
    assert printed(effect.yi, 1) == [difference]
    assert printed(effect.sei, digits) == [standard_error]


def test_bonett_average_variance_within_persons() -> None:
    """statpsych 1.9.0, ci.stdmean.ps, and vcmeta 1.4.0, se.stdmean.ps: the estimate before correction."""
    for args, digits, estimate in (
        ((602.4, 33.17, 705.6, 51.08, 8, 0.769), 4, -2.3963),
        ((23.9, 1.76, 25.1, 2.01, 25, 0.78), 7, -0.6352097),
    ):
        df = 2 * (args[4] - 1) / (1 + args[5] ** 2)
        assert printed(effects.paired_smd(*args).yi, digits) == [estimate]
        assert printed(effects.smcrp(*args).yi / hedges_correction(np.array(df)), digits) == [estimate]


def test_student_1908_sleep() -> None:
    """effectsize 1.0.3, article on standardized differences: d_z = -1.17, Becker's d = -0.72 (SD of drug 2)."""
    one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    r = float(np.corrcoef(one, two)[0, 1])
    (m1, sd1, n), (m2, sd2, _) = moments(one), moments(two)
    assert printed(effects.smcc(m1, sd1, m2, sd2, n, r).yi, 2) == [-1.17]
    assert printed(effects.smcr(m2, sd2, m1, sd1, n, r).yi, 2) == [0.72]


def _morris_2008() -> tuple[tuple[list[float], ...], tuple[list[float], ...]]:
    """Morris 2008, Table 1, page 368: posttest and pretest of training and control."""
    r = [0.47, 0.64, 0.77, 0.89, 0.44]
    trained = (
        [38.5, 26.8, 0.7, 75.9, 36.0],
        [11.6, 4.1, 0.1, 4.4, 4.6],
        [30.6, 23.5, 0.5, 53.4, 35.6],
        [15.0, 3.1, 0.1, 14.5, 4.7],
        [20.0, 50.0, 9.0, 10.0, 14.0],
        r,
    )
    control = (
        [19.7, 25.3, 0.6, 60.7, 33.4],
        [14.8, 3.3, 0.2, 17.9, 6.9],
        [23.1, 24.9, 0.6, 55.7, 34.8],
        [13.8, 4.1, 0.2, 17.3, 3.1],
        [20.0, 42.0, 9.0, 11.0, 14.0],
        r,
    )
    return trained, control


def test_morris_2008_changes_in_pretest_sds() -> None:
    """Morris 2008, Table 5, page 382 (training minus control); the variances from metafor's page on it."""
    by_pretest = []
    for post, sd_post, pre, sd_pre, n, r in _morris_2008():
        effect = effects.smcr(pre, sd_pre, post, sd_post, n, r)
        by_pretest.append((-effect.yi, effect.vi))
    (trained, v_t), (control, v_c) = by_pretest
    assert printed(trained - control, 2) == [0.74, 0.95, 1.81, 1.15, 0.51]
    assert printed(trained, 4) == [0.5056, 1.0481, 1.8054, 1.4181, 0.0801]
    assert printed(v_t, 4) == [0.0594, 0.0254, 0.2322, 0.1225, 0.0802]
    assert printed(v_c, 4) == [0.0544, 0.0173, 0.0511, 0.0232, 0.0864]


def test_morris_2008_changes_in_sds_of_change() -> None:
    """The same trials by the SD of the change, as printed on metafor's page on Morris 2008."""
    trained, control = (effects.smcc(*arm) for arm in _morris_2008())
    assert printed(trained.yi, 4) == [0.5417, 1.0198, 2.6619, 1.9088, 0.0765]
    assert printed(trained.vi, 4) == [0.0573, 0.0304, 0.5048, 0.2822, 0.0716]
    assert printed(control.yi, 4) == [-0.2213, 0.1219, 0.0, 0.5575, -0.2126]
    assert printed(control.vi, 4) == [0.0512, 0.0240, 0.1111, 0.1050, 0.0730]


# Counts ---------------------------------------------------------------------------------------

BCG = np.array(
    [
        [4, 119, 11, 128],
        [6, 300, 29, 274],
        [3, 228, 11, 209],
        [62, 13536, 248, 12619],
        [33, 5036, 47, 5761],
        [180, 1361, 372, 1079],
        [8, 2537, 10, 619],
    ]
)


def test_bcg_odds_ratios() -> None:
    """van Houwelingen et al. 2002, first trials, as printed on metafor-project.org."""
    a, b, c, d = BCG.T
    effect = effects.log_or(a, a + b, c, c + d)
    assert printed(effect.yi, 4) == [-0.9387, -1.6662, -1.3863, -1.4564, -0.2191, -0.9581, -1.6338]
    assert printed(effect.vi, 4) == [0.3571, 0.2081, 0.4334, 0.0203, 0.0520, 0.0099, 0.2270]


def test_bcg_risk_ratios() -> None:
    """Documentation of metadat, dat.bcg, first trials."""
    a, b, c, d = BCG.T
    effect = effects.log_rr(a, a + b, c, c + d)
    assert printed(effect.yi, 4) == [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209]
    assert printed(effect.vi, 4) == [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230]


def test_borenstein_2009_risk_ratio() -> None:
    """Borenstein et al. 2009, chapter 5: 5 of 100 against 10 of 100, RR 0.5, variance 0.2800, SE 0.5292."""
    effect = effects.log_rr(5, 100, 10, 100)
    assert printed(np.exp(effect.yi), 4) == [0.5000]
    assert printed(effect.vi, 4) == [0.2800]
    assert printed(effect.sei, 4) == [0.5292]


def test_vcmeta_corrected_counts() -> None:
    """Manual of vcmeta 1.4.0: se.odds adds 1/2, se.prop2 (Agresti & Caffo 2000) 1 to every cell."""
    odds = effects.log_or(36, 50, 21, 50, 0.5, "all")
    assert (printed(odds.yi, 6), printed(odds.sei, 7)) == ([1.239501], [0.4204435])
    risk = effects.rd(31, 40, 16, 40, 1.0, "all")
    assert (printed(risk.yi, 7), printed(risk.sei, 7)) == ([0.3571429], [0.1002777])


def test_lidocaine_risk_differences() -> None:
    """Normand 1999, Table III, page 330 (Hine et al. 1989): percentage points, with 95% limits."""
    effect = effects.rd(
        [2, 4, 6, 7, 7, 11], [39, 44, 107, 103, 110, 154], [1, 4, 4, 5, 3, 4], [43, 44, 110, 100, 106, 146]
    )
    assert printed(100 * effect.yi, 4) == [2.8026, 0.0, 1.9711, 1.7961, 3.5334, 4.4031]
    low, high = 100 * (effect.yi - 1.959964 * effect.sei), 100 * (effect.yi + 1.959964 * effect.sei)
    assert printed(low, 3) == [-5.457, -12.013, -3.618, -4.675, -2.014, -0.450]
    assert printed(high, 3) == [11.062, 12.013, 7.560, 8.267, 9.081, 9.257]


def gleser_olkin(yi: Array, vi: Array, shared: Array) -> tuple[Array, Array]:
    """Regression of six contrasts of three trials on three treatments, one comparator arm in each trial."""
    trial, treatment = np.array([1, 1, 2, 3, 3, 3]), np.array([1, 2, 1, 1, 2, 3])
    covariance = np.where(trial[:, None] == trial, shared, 0.0)
    np.fill_diagonal(covariance, vi)
    design = (treatment[:, None] == [1, 2, 3]).astype(float)
    weighted = np.linalg.solve(covariance, design)
    vcov = np.linalg.inv(design.T @ weighted)
    return vcov @ weighted.T @ yi, vcov


@pytest.mark.parametrize("measure", ["rd", "log_or", "log_rr", "arcsine"])
def test_gleser_olkin_2009_four_measures(measure: str) -> None:
    """Gleser & Olkin 2009, pages 360-365: six contrasts, pooled with their covariances.

    The pooled effects and their covariance matrix hold the printed variances to account. Their
    arcsine measure is twice the one here.
    """
    control, n_c = np.array([40, 40, 10, 150, 150, 150]), np.array([1000, 1000, 200, 2000, 2000, 2000])
    treated, n_t = np.array([100, 150, 15, 40, 80, 50]), np.array([4000, 4000, 400, 1000, 1000, 1000])
    risk = control / n_c
    contrasts, coefficients, matrix, scale, digits, shared = {
        "rd": (
            [0.0150, 0.0025, 0.0125, 0.0350, -0.0050, 0.0250],
            [0.0200, 0.0043, 0.0211],
            [24.612, 19.954, 13.323, 28.538, 13.255, 69.806],
            1e6,
            3,
            risk * (1 - risk) / n_c,
        ),
        "log_or": (
            [0.4855, 0.0671, 0.3008, 0.6657, -0.0700, 0.4321],
            [0.5099, 0.0044, 0.4301],
            [0.01412, 0.00712, 0.00425, 0.01178, 0.00455, 0.02703],
            1,
            5,
            1 / (n_c * risk * (1 - risk)),
        ),
        "log_rr": (
            [0.4700, 0.0645, 0.2877, 0.6286, -0.0645, 0.4055],
            [0.4875, 0.0006, 0.4047],
            None,
            1,
            5,
            (1 - risk) / (n_c * risk),
        ),
        "arcsine": (
            [0.0852, 0.0130, 0.0613, 0.1521, -0.0187, 0.1038],
            [0.1010, 0.0102, 0.0982],
            [0.00058, 0.00040, 0.00024, 0.00061, 0.00025, 0.00137],
            4,
            5,
            1 / (4 * n_c),
        ),
    }[measure]
    factor = 2 if measure == "arcsine" else 1
    effect = getattr(effects, measure)(control, n_c, treated, n_t)
    assert printed(factor * effect.yi, 4) == contrasts
    estimates, vcov = gleser_olkin(effect.yi, effect.vi, shared)
    assert printed(factor * estimates, 4) == coefficients
    if matrix is not None:
        assert printed(scale * vcov[np.triu_indices(3)], digits) == matrix


def test_yusuf_1985_beta_blockers() -> None:
    """Yusuf et al. 1985, Table 6, page 107: odds ratio 0.9332 (0.7385 to 1.1792) over the trials with events."""
    events, n1 = (
        [14, 18, 15, 10, 21, 3, 2, 19, 15, 5, 8, 3, 1, 0, 14, 8, 6, 3],
        [56, 66, 100, 52, 226, 38, 20, 76, 106, 62, 133, 48, 42, 25, 221, 259, 157, 177],
    )
    others, n2 = (
        [15, 19, 12, 12, 24, 6, 3, 15, 9, 4, 11, 3, 1, 3, 15, 7, 4, 2],
        [58, 64, 95, 47, 228, 31, 20, 67, 114, 57, 127, 49, 46, 25, 228, 129, 158, 136],
    )
    effect = effects.peto(events, n1, others, n2)
    weight = 1 / effect.vi
    pooled, se = (weight * effect.yi).sum() / weight.sum(), 1 / np.sqrt(weight.sum())
    limits = np.exp(pooled + se * 1.959964 * np.array([0, -1, 1]))
    assert printed(limits, 4) == [0.9332, 0.7385, 1.1792]


# Recovery -------------------------------------------------------------------------------------


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
