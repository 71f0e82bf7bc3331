"""The generalised Q statistic with moderators: its distribution and the interval of the residual tau2."""

from __future__ import annotations

import csv
import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import ketameta as km
from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models.kernel import fit
from ketameta.models.quadratic_forms import generalised_q, generalised_q_cdf

REFERENCE = Path(__file__).parents[1] / "reference"
POWERS = {"1/v": -1.0, "1/sqrt(v)": -0.5, "1": 0.0}


def read(name: str) -> list[dict[str, str]]:
    with (REFERENCE / f"regress_{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


ROWS = read("genq")
SETS = list(dict.fromkeys(row["set"] for row in ROWS))


@functools.cache
def regression(name: str) -> km.models.regression_result.Regression:
    rows = [row for row in read("inputs") if row["set"] == name]
    table = pd.DataFrame({"yi": [float(row["yi"]) for row in rows], "vi": [float(row["vi"]) for row in rows]})
    for column in ("n1", "n2", "n3", "n4", "c1", "c2"):
        if rows[0][column]:
            kind = float if column[0] == "n" else str
            table[column] = [kind(row[column]) for row in rows]
    return km.regress(table, rows[0]["formula"], options=km.PoolOptions(tau2_interval="GENQ"))


def eigenvalues(v: Array, a: Array, tau2: float, x: Array) -> Array:
    """Those of S^(1/2) A S^(1/2) that are not 0."""
    root = np.linalg.qr(np.sqrt(a)[:, None] * x)[0]
    matrix = np.sqrt(a)[:, None] * (np.eye(a.size) - root @ root.T) * np.sqrt(a)
    s = np.sqrt(v + tau2)
    found: Array = np.linalg.eigvalsh(s[:, None] * matrix * s)[x.shape[1] :]
    return found


def ruben(q: float, weights: Array) -> float:
    """Sum of weighted chi-squares as a mixture of chi-squares; Ruben (1962), Ann Math Stat 33:542-570."""
    terms, scale = 4000, weights.min()
    powers = np.cumprod(np.tile(1.0 - scale / weights, (terms, 1)), axis=0).sum(axis=1)
    c = np.zeros(terms)
    c[0] = np.sqrt(scale / weights).prod()
    for j in range(1, terms):
        c[j] = 0.5 * (powers[:j][::-1] @ c[:j]) / j
    assert c.sum() == pytest.approx(1.0, abs=1e-13)
    return float(c @ special.gammainc(weights.size / 2.0 + np.arange(terms), q / (2.0 * scale)))


@pytest.mark.parametrize("name", SETS)
def test_bounds_agree_with_farebrothers_series(name: str) -> None:
    """reference/regress_genq.R, which finds the bounds of metafor's confint() more closely than that does."""
    result = regression(name)
    design = result.design.x @ result.design.basis
    for row in (row for row in ROWS if row["set"] == name):
        assert design.shape[1] == int(row["p"])
        low, high = generalised_q(result.yi, result.vi, design, q_weights=result.vi ** POWERS[row["weights"]])
        assert float(low) == pytest.approx(float(row["low"]), rel=1e-9, abs=0.0)
        assert float(high) == pytest.approx(float(row["high"]), rel=1e-9, abs=0.0)
        tolerance = np.finfo(float).eps ** 0.25
        assert float(low) == pytest.approx(float(row["confint_low"]), abs=tolerance)
        assert float(high) == pytest.approx(float(row["confint_high"]), abs=tolerance)
        if row["weights"] == "1/sqrt(v)":
            assert result.tau2_ci == (float(low), float(high))
            assert result.i2_ci[1] == pytest.approx(100.0 * (1.0 - 1.0 / result.h2_ci[1]), rel=1e-12)


def test_bounds_stand_on_two_algorithms() -> None:
    for bound, area in (("low", 0.025), ("high", 0.975)):
        found = np.array([float(row[f"davies_{bound}"]) for row in ROWS if float(row[bound]) > 0])
        assert found.size > 20
        assert np.abs(found - area).max() < 1e-12


JACKSON = {
    "first": (
        [
            *(0.0267, 0.8242, 0.3930, 2.4405, 2.1401, 1.2528, 2.4849, 0.3087),
            *(1.4246, 0.1823, 1.1378, 1.2321, 2.0695, 4.0237, 1.4383, 1.6021),
        ],
        [
            *(0.1285, 0.0315, 0.0931, 2.0967, 1.0539, 0.1602, 1.0235, 0.0218),
            *(0.5277, 0.0556, 0.3304, 0.1721, 0.4901, 2.0200, 0.3399, 0.1830),
        ],
        [0] * 10 + [1] * 6,
        {-1.0: (0.0029, 0.6907), -0.5: (0.0000, 1.1245)},
    ),
    "second": (
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
        {-1.0: (0.0170, 0.1393), -0.5: (0.0180, 0.1375)},
    ),
}


@pytest.mark.parametrize("example", JACKSON)
def test_jackson_2014_generalised_q(example: str) -> None:
    """Jackson et al. (2014), BMC Medical Research Methodology 14:103, both examples, weights 1 / v and 1 / sqrt(v).

    The digits are those that metafor's tests expect for this article, which are its confint() at the default
    tolerance, 1.2e-4.
    """
    yi, vi, x, printed = JACKSON[example]
    for power, bounds in printed.items():
        found = generalised_q(yi, vi, np.c_[np.ones(len(x)), x], q_weights=np.asarray(vi) ** power)
        np.testing.assert_allclose(found, bounds, rtol=0.0, atol=1.2e-4)
    result = km.regress(
        pd.DataFrame({"yi": yi, "vi": vi, "x": x}), "x", options=km.PoolOptions(tau2_interval="GENQ")
    )
    np.testing.assert_allclose(result.tau2_ci, printed[-0.5], rtol=0.0, atol=1.2e-4)


@pytest.mark.parametrize("p", [1, 2, 3, 5])
def test_distribution_by_rubens_series_on_eigenvalues(p: int) -> None:
    rng = np.random.default_rng(p)
    for extra in (1, 2, 7):
        k = p + extra
        x = np.c_[np.ones(k), rng.normal(size=(k, p - 1)) * 10.0 ** rng.uniform(-3.0, 3.0, p - 1)]
        v, a, tau2 = rng.uniform(0.1, 1.0, k), rng.uniform(0.2, 2.0, k), rng.uniform(0.0, 1.0)
        weights = eigenvalues(v, a, tau2, x)
        q = weights.sum() * np.array([1e-3, 0.1, 0.5, 1.0, 2.0, 4.0])
        expected = [ruben(float(value), weights) for value in q]
        np.testing.assert_allclose(generalised_q_cdf(q, v, a, tau2, x), expected, rtol=0.0, atol=2e-13)


@pytest.mark.parametrize("k", [4, 30, 10_000])
def test_distribution_is_chi_square_without_heterogeneity(k: int) -> None:
    rng = np.random.default_rng(k)
    v = 10.0 ** rng.uniform(-3.0, 3.0, k)
    x = np.c_[np.ones(k), 2000.0 + rng.integers(0, 25, k), rng.normal(size=k)]
    q = stats.chi2.ppf([1e-6, 0.025, 0.5, 0.975, 1.0 - 1e-6], k - 3)
    found = generalised_q_cdf(q, v, 1.0 / v, 0.0, x)
    np.testing.assert_allclose(found, stats.chi2.cdf(q, k - 3), rtol=0.0, atol=5e-12)


def test_intercept_alone_is_a_column_of_ones() -> None:
    rng = np.random.default_rng(4)
    y, v = rng.normal(size=(5, 9)), rng.uniform(0.01, 0.5, (5, 9))
    one, two = generalised_q(y, v), generalised_q(y, v, np.ones((9, 1)))
    np.testing.assert_allclose(one, two, rtol=1e-11)
    q = rng.uniform(1.0, 20.0, (3, 5))
    np.testing.assert_allclose(
        generalised_q_cdf(q, v, v**-0.5, 0.1),
        generalised_q_cdf(q, v, v**-0.5, 0.1, np.ones((9, 1))),
        atol=1e-14,
    )


def test_two_groups_add_up() -> None:
    """A factor of two levels: Q is the sum of those of the groups, so one group of one study changes nothing."""
    rng = np.random.default_rng(7)
    y, v = rng.normal(size=8), rng.uniform(0.02, 0.4, 8)
    alone = np.c_[np.ones(9), np.r_[np.zeros(8), 1.0]]
    for value, variance in ((3.0, 0.1), (-1e6, 1e-9), (0.0, 1e9)):
        found = generalised_q(np.r_[y, value], np.r_[v, variance], alone)
        np.testing.assert_allclose(found, generalised_q(y, v), rtol=1e-9)


def test_units_shifts_and_other_designs_of_the_same_space() -> None:
    rng = np.random.default_rng(9)
    year = rng.integers(1995, 2025, 12).astype(float)
    y, v = rng.normal(size=12) + 0.1 * year, rng.uniform(0.02, 0.4, 12)
    x = np.c_[np.ones(12), year]
    expected = np.array(generalised_q(y, v, x))
    for unit, shift in ((1e4, 0.0), (1e-4, 0.0), (1e-30, 0.0), (1.0, 1e6)):
        found = np.array(generalised_q(y * unit + shift, v * unit**2, x))
        np.testing.assert_allclose(found / unit**2, expected, rtol=1e-8 if shift else 1e-11)
    np.testing.assert_allclose(
        generalised_q(y, v, np.c_[np.ones(12), 1e5 * (year - 2010.0)]), expected, rtol=1e-11
    )
    np.testing.assert_allclose(generalised_q(y - 3.0 * (year - 2000.0), v, x), expected, rtol=1e-10)


def test_heavy_studies_do_not_blur_the_others() -> None:
    """Two trials that weigh 1e12 times as much fix the line; Q is that of the others about it."""
    rng = np.random.default_rng(11)
    t = np.r_[0.0, 1.0, rng.uniform(-1.0, 2.0, 6)]
    v = np.r_[1e-12, 1e-12, rng.uniform(0.5, 2.0, 6)]
    x = np.c_[np.ones(8), t]
    q = stats.chi2.ppf([0.01, 0.5, 0.99], 6)
    np.testing.assert_allclose(generalised_q_cdf(q, v, 1.0 / v, 0.0, x), [0.01, 0.5, 0.99], atol=1e-11)
    y = np.r_[0.0, 1.0, t[2:] + rng.normal(size=6) * 3.0]
    low, high = generalised_q(y, v, x)
    assert 0.0 <= low < high < np.inf
    total = float(fit(y, v, x, tau2="EE").q)
    residual = float((np.square(y - t)[2:] / v[2:]).sum())
    assert total == pytest.approx(residual, rel=1e-9)


def test_numbers_far_apart() -> None:
    """Weights and variances far apart tell something or nothing, never a warning."""
    y, x = [0.0, 1.0, -1.0, 2.0, 0.3], np.c_[np.ones(5), [0.0, 1.0, 3.0, 2.0, 7.0]]
    for v in ([1e-70, 1.0, 1e70, 1.0, 1e6], [1e-12, 1.0, 1e-12, 1.0, 1e-12], [1e-30, 1e-30, 1.0, 1.0, 1.0]):
        for design in (None, x):
            low, high = generalised_q(y, v, design)
            assert 0.0 <= low <= high < np.inf
    assert np.isnan(generalised_q(y, [1e-200, 1.0, 1e200, 1.0, 1.0], x)).all()
    assert np.isnan(generalised_q(y, np.full(5, 0.1), x, q_weights=[1e-300, 1.0, 1e300, 1.0, 1.0])).all()
    three, four = (
        generalised_q(y[:4], np.full(4, 0.1), x[:4], q_weights=[1e-12, 1.0, heavy, 1.0])
        for heavy in (1e12, 1e60)
    )
    np.testing.assert_allclose(three, four, rtol=1e-6)


def test_masked_batches_and_what_is_not_estimable() -> None:
    rng = np.random.default_rng(13)
    y, v, x = rng.normal(size=(4, 6)), rng.uniform(0.05, 0.5, (4, 6)), rng.normal(size=(4, 6, 2))
    mask = np.ones((4, 6), dtype=bool)
    mask[1, 4:], mask[2, 2:] = False, False
    y[1, 5] = v[1, 5] = x[1, 5, 0] = np.nan
    x[3, :, 1] = 2.0 * x[3, :, 0]
    low, high = generalised_q(y, v, x, mask=mask)
    for i in (0, 1):
        one = generalised_q(y[i][mask[i]], v[i][mask[i]], x[i][mask[i]])
        np.testing.assert_allclose((low[i], high[i]), one, rtol=1e-10)
    assert np.isnan([low[2:], high[2:]]).all()
    assert np.isnan(generalised_q_cdf(1.0, v, v**-0.5, 0.1, x, mask=mask)[2:]).all()
    exact = generalised_q(x[0] @ [1.0, 2.0], v[0], x[0])
    np.testing.assert_allclose(exact, 0.0, atol=1e-20)


def test_refused() -> None:
    x = np.ones((3, 1))
    for bad in ({"y": [0.1, 0.2, np.inf]}, {"v": [0.1, 0.0, 0.1]}, {"x": x * np.nan}, {"x": np.ones((4, 1))}):
        given = {"y": [0.1, 0.2, 0.3], "v": [0.1, 0.2, 0.3], "x": x} | bad
        with pytest.raises(ModelError):
            generalised_q(**given)
    for y, v, design in (([], [], None), ([0.1, 0.2], [0.1, 0.2], np.ones((2, 0)))):
        with pytest.raises(ModelError, match="a study and a coefficient"):
            generalised_q(y, v, design)
    for q, tau2 in ((np.nan, 0.1), (np.inf, 0.1), (1.0, -0.1), (1.0, np.nan)):
        with pytest.raises(ModelError, match="must be finite"):
            generalised_q_cdf(q, [0.1, 0.2], [1.0, 1.0], tau2)
    table = pd.DataFrame({"yi": [1.0, 2.0, 3.0], "vi": [1.0, 1.0, 1.0], "x": [0.0, 1.0, 3.0]})
    with pytest.raises(ModelError, match="is for pool"):
        km.regress(table, "x", options=km.PoolOptions(tau2_interval="profile"))


def test_regress_says_which_interval() -> None:
    given = {"yi": [-1.1, -0.9, -0.7, -0.2, -0.3, 0.1], "vi": [0.09, 0.05, 0.04, 0.07, 0.11, 0.06]}
    table = pd.DataFrame({**given, "year": [2000, 2006, 2010, 2013, 2018, 2021]})
    options = km.PoolOptions(tau2_interval="GENQ")
    plain, exact = km.regress(table, "year"), km.regress(table, "year", options=options)
    assert "I2 and H2 by Q-profile" in plain.method
    assert "generalised Q statistic with weights 1 / sqrt(vi)" in exact.method
    assert exact.to_dict()["tau2_interval"] == "GENQ"
    assert exact.tau2_ci != plain.tau2_ci
    assert np.isnan(km.regress(table, "year", tau2="EE", ci="Wald", options=options).tau2_ci).all()
