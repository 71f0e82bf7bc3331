"""Printed worked examples of one group under two conditions; tests/reference/effects.md says where each was read."""

from __future__ import annotations

import numpy as np
import pytest

from ketameta import effects
from ketameta.effects._hedges import hedges_correction

from .publications import moments, printed


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
