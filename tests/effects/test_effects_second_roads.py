"""Second roads to the effects: simulated participants, exact arithmetic, and back again."""

from __future__ import annotations

import runpy
from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ketameta import effects
from ketameta.effects._hedges import hedges_correction

REFERENCE = Path(__file__).parents[1] / "reference"
KEYS = ["function", "setting", "n", "r"]


@pytest.fixture(scope="module")
def simulated() -> pd.DataFrame:
    """The simulation of tests/reference anew, from another seed."""
    simulate = runpy.run_path(str(REFERENCE / "effects_simulation.py"))["simulate"]
    return pd.DataFrame(simulate(seed=7))


def select(frame: pd.DataFrame, function: str, **where: object) -> pd.DataFrame:
    rows = frame[frame["function"] == function]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) > 0
    return rows


def test_the_published_figures_come_back_from_another_seed(simulated: pd.DataFrame) -> None:
    """20,000 replications fix a ratio of variances to about 1% (heavy tails: 4%), coverage to 0.2 points."""
    published = pd.read_csv(REFERENCE / "effects_simulation.csv")
    assert published[KEYS].astype(str).equals(simulated[KEYS].astype(str))
    np.testing.assert_allclose(simulated["ratio"], published["ratio"], rtol=0.1)
    np.testing.assert_allclose(simulated["coverage"], published["coverage"], atol=0.01)
    error = np.hypot(simulated["bias_se"], published["bias_se"])
    assert (np.abs(simulated["bias"] - published["bias"]) < 4.5 * error).all()


@pytest.mark.parametrize("function", ["smd", "smd UB", "smcc", "smcr", "glass", "rom", "paired_md"])
def test_unbiased(simulated: pd.DataFrame, function: str) -> None:
    rows = select(simulated, function)
    rows = rows[rows["setting"] != "SDs 2 and 1"]
    slack = 0.003 if function == "rom" else 0.0
    assert (np.abs(rows["bias"]) < 4.5 * rows["bias_se"] + slack).all()


@pytest.mark.parametrize(
    ("function", "at_10", "at_40"),
    [
        ("smd", (0.92, 1.05), (0.95, 1.05)),
        ("smd UB", (0.95, 1.05), (0.95, 1.05)),
        ("smdh", (0.95, 1.05), (0.95, 1.05)),
        ("rom", (0.95, 1.05), (0.95, 1.05)),
        ("paired_md", (0.95, 1.05), (0.95, 1.05)),
        ("smcc", (0.70, 1.05), (0.90, 1.05)),
        ("smcr", (0.70, 1.05), (0.90, 1.05)),
    ],
)
def test_variances_are_true(
    simulated: pd.DataFrame, function: str, at_10: tuple[float, float], at_40: tuple[float, float]
) -> None:
    """Mean of vi over the variance of yi; large-sample variances fall short where n is 10."""
    for n, (low, high) in ((10, at_10), (40, at_40)):
        assert select(simulated, function, n=n)["ratio"].between(low, high).all()


def test_odds_ratios_of_few_events_have_variances_that_are_too_large(simulated: pd.DataFrame) -> None:
    enough = select(simulated, "log_or", setting="risks 0.5 and 0.25")
    assert enough["ratio"].between(0.9, 1.1).all()
    assert select(simulated, "log_or", setting="risks 0.2 and 0.1", n=10)["ratio"].min() > 1.4


def test_glass_needs_equal_population_variances(simulated: pd.DataFrame) -> None:
    """Its unit is the SD of group 2 but its variance takes both populations to have that SD."""
    assert (select(simulated, "glass", setting="SDs 2 and 1")["ratio"] < 0.5).all()
    assert select(simulated, "glass", setting="difference 0.8 SD")["ratio"].between(0.88, 1.05).all()


def test_between_person_unit_needs_its_own_degrees_of_freedom(simulated: pd.DataFrame) -> None:
    """J on 2 (n-1) / (1+r^2) removes the bias, and a d^2 term that stays as r grows the shortfall."""
    for function, low, high in (
        ("smcrp", 0.77, 1.05),
        ("smcrp UB", 0.95, 1.09),
        ("to_between_persons", 0.7, 1.05),
    ):
        rows = select(simulated, function)
        rows = rows[~rows["setting"].str.contains("SDs")]
        assert (np.abs(rows["bias"]) < 4.5 * rows["bias_se"]).all()
        assert rows["ratio"].between(low, high).all()
        assert rows["coverage"].between(0.9, 0.97).all()


def test_within_persons_unequal_sds_need_the_sd_of_the_differences(simulated: pd.DataFrame) -> None:
    """2 (1-r) / n is the variance of the mean difference only where both conditions have one SD."""
    assert select(simulated, "smcrp, SDs apart")["ratio"].between(0.88, 1.05).all()


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
