"""Printed worked examples, and second roads to the same numbers."""

from __future__ import annotations

from decimal import Decimal, getcontext

import numpy as np
import pytest
from scipy import integrate, stats

from ketameta import effects
from ketameta.effects._hedges import hedges_correction
from ketameta.effects.recovery import critical_value


def test_handbook_crossover_example() -> None:
    """Cochrane Handbook 5.1, section 16.4.6.4 (in version 6 section 23.2.7)."""
    args = (7.0, 2.38, 6.5, 2.21, 10, 0.68)
    difference, standardised = effects.paired_md(*args), effects.paired_smd(*args)
    assert float(difference.yi) == 0.5
    assert round(float(difference.sei), 3) == 0.583
    assert round(float(standardised.yi), 3) == 0.218
    assert round(float(standardised.sei), 3) == 0.256


def test_handbook_crossover_example_with_the_sd_of_differences() -> None:
    """Same section: with an SD of differences of 2 the SE is 0.632."""
    r = (2.38**2 + 2.21**2 - 2**2) / (2 * 2.38 * 2.21)
    assert round(float(effects.paired_md(7.0, 2.38, 6.5, 2.21, 10, r).sei), 3) == 0.632


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


def test_murrough_2013_change_scores() -> None:
    """Paired t of 10.31 (change 16.5, n = 47) and 4.63 (8.8, n = 25); the trial prints F(1,70) = 9.62."""
    sd_t, sd_c = effects.sd_from_t(16.5, 10.31, 47), effects.sd_from_t(8.8, 4.63, 25)
    assert round(float(sd_t), 2) == 10.97
    assert round(float(sd_c), 2) == 9.50
    difference = effects.md(-16.5, sd_t, 47, -8.8, sd_c, 25)
    assert float(difference.yi**2 / difference.vi) == pytest.approx(9.62, abs=0.05)


def test_bcg_odds_ratios() -> None:
    """van Houwelingen et al. 2002, first trials, as printed on metafor-project.org."""
    a, n1 = [4, 6, 3, 62, 33, 180, 8], [123, 306, 231, 13598, 5069, 1541, 2545]
    c, n2 = [11, 29, 11, 248, 47, 372, 10], [139, 303, 220, 12867, 5808, 1451, 629]
    effect = effects.log_or(a, n1, c, n2)
    assert effect.yi.round(4).tolist() == [-0.9387, -1.6662, -1.3863, -1.4564, -0.2191, -0.9581, -1.6338]
    assert effect.vi.round(4).tolist() == [0.3571, 0.2081, 0.4334, 0.0203, 0.0520, 0.0099, 0.2270]


def test_lidocaine_risk_differences() -> None:
    """Normand 1999, Table III, page 330 (Hine et al. 1989): percentage points, with 95% limits."""
    effect = effects.rd(
        [2, 4, 6, 7, 7, 11], [39, 44, 107, 103, 110, 154], [1, 4, 4, 5, 3, 4], [43, 44, 110, 100, 106, 146]
    )
    assert (100 * effect.yi).round(4).tolist() == [2.8026, 0.0, 1.9711, 1.7961, 3.5334, 4.4031]
    low, high = 100 * (effect.yi - 1.959964 * effect.sei), 100 * (effect.yi + 1.959964 * effect.sei)
    assert low.round(3).tolist() == [-5.457, -12.013, -3.618, -4.675, -2.014, -0.450]
    assert high.round(3).tolist() == [11.062, 12.013, 7.560, 8.267, 9.081, 9.257]


def test_morris_2008_standardised_changes() -> None:
    """Morris 2008, Table 1, page 368: training minus control, standardised by the pretest SD."""
    r = [0.47, 0.64, 0.77, 0.89, 0.44]
    trained = effects.smcr(
        [38.5, 26.8, 0.7, 75.9, 36.0],
        [15.0, 3.1, 0.1, 14.5, 4.7],
        [30.6, 23.5, 0.5, 53.4, 35.6],
        [11.6, 4.1, 0.1, 4.4, 4.6],
        [20, 50, 9, 10, 14],
        r,
    )
    control = effects.smcr(
        [19.7, 25.3, 0.6, 60.7, 33.4],
        [13.8, 4.1, 0.2, 17.3, 3.1],
        [23.1, 24.9, 0.6, 55.7, 34.8],
        [14.8, 3.3, 0.2, 17.9, 6.9],
        [20, 42, 9, 11, 14],
        r,
    )
    assert (trained.yi - control.yi).round(2).tolist() == [0.74, 0.95, 1.81, 1.15, 0.51]


def test_wan_2014_table_1() -> None:
    """Expected range of n standard normal values; the closed form that is used stays within 2.5% of it."""
    printed = {5: 2.326, 10: 3.078, 15: 3.472, 20: 3.735, 25: 3.931, 30: 4.086, 40: 4.322, 50: 4.498}
    for n, expected in printed.items():
        exact = integrate.quad(
            lambda x, n=n: 1 - stats.norm.cdf(x) ** n - stats.norm.sf(x) ** n, -12, 12, epsabs=1e-10
        )[0]
        assert round(exact, 3) == pytest.approx(expected, abs=1.01e-3)
        assert float(1 / effects.sd_from_range(0, 1, n)) == pytest.approx(exact, rel=0.025)


def test_iqr_and_range_recover_the_sd_of_normal_samples() -> None:
    """Quartiles as Wan et al. take them: order statistics Q+1 and 3Q+1 of n = 4Q+1 values."""
    rng = np.random.default_rng(31)
    for n in (21, 61):
        samples = rng.normal(50, 8, size=(20_000, n))
        q1, q3 = np.quantile(samples, [0.25, 0.75], axis=1)
        from_iqr = effects.sd_from_iqr(q1, q3, n)
        from_range = effects.sd_from_range(samples.min(axis=1), samples.max(axis=1), n)
        for sds in (from_iqr, from_range):
            error = sds.std() / np.sqrt(sds.size)
            assert abs(sds.mean() - 8) < 4 * error + 0.02 * 8


def test_correction_is_exact_to_the_last_digits() -> None:
    """Against the recurrence of the gamma ratio in 50-digit arithmetic, over both branches."""
    getcontext().prec = 50
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
    degrees = np.arange(2, 20_001)
    ratio = 1 / pi.sqrt()
    exact = np.empty(degrees.size)
    for i, m in enumerate(degrees.tolist()):
        exact[i] = float(ratio / (Decimal(m) / 2).sqrt())
        ratio = (Decimal(m - 1) / 2) / ratio
    np.testing.assert_allclose(hedges_correction(degrees.astype(float)), exact, rtol=3e-15, atol=0)


def test_correction_for_fractional_degrees_of_freedom_is_smooth() -> None:
    """Split comparator arms make m fractional; the two branches meet at m = 41."""
    around = np.array([40.999999, 41.0, 41.000001])
    low, middle, high = hedges_correction(around)
    assert low < middle < high
    assert middle - low == pytest.approx(high - middle, rel=1e-4)


def test_hedges_g_is_unbiased_and_its_variance_right() -> None:
    rng = np.random.default_rng(7)
    n1, n2, delta, draws = 6, 9, 0.8, 200_000
    first, second = rng.normal(delta, 1, (draws, n1)), rng.normal(0, 1, (draws, n2))
    moments = [x for g in (first, second) for x in (g.mean(axis=1), g.std(axis=1, ddof=1), g.shape[1])]
    effect = effects.smd(*moments, variance="UB")
    assert effect.yi.mean() == pytest.approx(delta, abs=4 * effect.yi.std() / np.sqrt(draws))
    assert effect.vi.mean() == pytest.approx(effect.yi.var(), rel=0.02)


def test_from_ci_returns_what_made_the_interval() -> None:
    value, se = np.array([0.5, -2.0]), np.array([0.2, 1.5])
    for level in (0.8, 0.9, 0.95, 0.99):
        z = stats.norm.isf((1 - level) / 2)
        plain = effects.from_ci(value, value - z * se, value + z * se, level)
        np.testing.assert_allclose(plain.sei, se, rtol=1e-12)
        ratio = effects.from_ci(
            np.exp(value), np.exp(value - z * se), np.exp(value + z * se), level, log=True
        )
        np.testing.assert_allclose(ratio.yi, value, rtol=1e-12)
        np.testing.assert_allclose(ratio.sei, se, rtol=1e-12)
    t = stats.t.isf(0.025, 12)
    np.testing.assert_allclose(
        effects.from_ci(value, value - t * se, value + t * se, df=12).sei, se, rtol=1e-12
    )


def test_recovery_returns_the_sd_of_simulated_participants() -> None:
    rng = np.random.default_rng(5)
    one, two = rng.normal(20, 6, 14), rng.normal(14, 6, 19)
    sd, n = one.std(ddof=1), one.size
    interval = stats.t.interval(0.95, n - 1, one.mean(), stats.sem(one))
    assert float(effects.sd_from_se(stats.sem(one), n)) == pytest.approx(sd, rel=1e-12)
    assert float(effects.sd_from_ci(*interval, n)) == pytest.approx(sd, rel=1e-12)
    paired = stats.ttest_1samp(one, 0)
    assert float(effects.sd_from_t(one.mean(), paired.statistic, n)) == pytest.approx(sd, rel=1e-12)
    assert float(effects.sd_from_p(one.mean(), paired.pvalue, n)) == pytest.approx(sd, rel=1e-8)
    test = stats.ttest_ind(one, two)
    pooled = np.sqrt((13 * sd**2 + 18 * two.var(ddof=1)) / 31)
    difference = one.mean() - two.mean()
    assert float(effects.sd_from_t(difference, test.statistic, 14, 19)) == pytest.approx(pooled, rel=1e-12)
    assert float(effects.sd_from_p(difference, test.pvalue, 14, 19)) == pytest.approx(pooled, rel=1e-10)
