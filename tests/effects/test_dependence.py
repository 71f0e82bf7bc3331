"""Covariance formulas against simulated people, against the variances on their diagonal, and in special cases."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta.effects import (
    counts_covariance,
    glass,
    log_or,
    log_rr,
    md,
    md_covariance,
    rd,
    smd,
    smd_common_sd_covariance,
    smd_covariance,
    smd_stated,
    smdh,
)
from ketameta.effects._hedges import hedges_correction
from ketameta.effects._standardised import covariance_in_units, unit_of

from .dependent_effects import COUNTS, pair

REFERENCE = pd.read_csv(Path(__file__).resolve().parents[1] / "reference" / "dependence.csv")


def formula(c: pd.Series) -> np.ndarray:
    """Our covariance of the two effects of a simulated case."""

    def of(*stems: str) -> list[np.ndarray]:
        return [c[[f"{stem}_i", f"{stem}_j"]].to_numpy(dtype=float) for stem in stems]

    rho = [pair(0.0 if math.isnan(c[name]) else c[name]) for name in ("rho_t", "rho_c")]
    n_t, n_c = of("n_t", "n_c")
    if c["measure"] in COUNTS:
        p_t, p_c = of("p_t", "p_c")
        return counts_covariance(p_t * n_t, n_t, p_c * n_c, n_c, *rho, measure=c["measure"])
    sd_t, sd_c, y = of("sd_t", "sd_c", "y")
    if c["measure"] == "MD":
        return md_covariance(sd_t, n_t, sd_c, n_c, *rho)
    if c["measure"] == "SMD":
        return smd_covariance(y, n_t, n_c, *rho)
    if c["measure"] in ("SMD control", "SMD average"):
        kind = c["measure"].removeprefix("SMD ")
        return smd_covariance(y, n_t, n_c, *rho, standardiser=kind, sd_t=sd_t, sd_c=sd_c)
    if c["measure"] == "SMD baseline":
        unit = unit_of(np.array(["baseline"] * 2, dtype=object), n_t, n_c, sd_t, sd_c, *np.ones((2, 2)))
        return covariance_in_units(y, unit, *rho, *(pair(float(r[0, 1] != 0)) for r in rho))
    return smd_common_sd_covariance(y, sd_t, n_t, sd_c, n_c, *rho, sd=c["sd"], n_sd=c["n_sd"])


@pytest.mark.parametrize("line", range(len(REFERENCE)))
def test_formulas_agree_with_simulated_people(line: int) -> None:
    c = REFERENCE.iloc[line]
    got = formula(c)[0, 1]
    assert got == pytest.approx(c["formula"], rel=1e-12)
    if c["large"]:
        assert abs(got - c["simulated"]) < 4 * c["mc_error"]
    else:
        assert got == pytest.approx(c["simulated"], rel=0.15)


def test_the_reference_covers_every_formula_and_refutes_the_plain_correlation() -> None:
    units = {"SMD control", "SMD average", "SMD baseline"}
    assert set(REFERENCE["measure"]) == {"MD", "SMD", "SMD common", "SMD all", *units, *COUNTS}
    assert {"shared control", "two times, drop-out"} <= set(REFERENCE["case"])
    assert (REFERENCE["mc_error"] < 0.03 * REFERENCE["simulated"]).all()
    plain = (REFERENCE["naive"] - REFERENCE["simulated"]).abs() > 4 * REFERENCE["mc_error"]
    assert plain.sum() > len(REFERENCE) / 2


def test_standardised_differences_by_a_simulation_of_its_own() -> None:
    rng = np.random.default_rng(4)
    n, stay, rho, delta, draws = 60, 40, 0.7, np.array([1.5, 1.0]), 20_000
    root = np.linalg.cholesky(pair(rho))
    t, c = rng.standard_normal((draws, n, 2)) @ root.T + delta, rng.standard_normal((draws, n, 2)) @ root.T
    g = [
        smd(*(f(part[:, :m, o]) for part in (t, c) for f in (_mean, _sd, _size))).yi
        for o, m in ((0, n), (1, stay))
    ]
    product = (g[0] - g[0].mean()) * (g[1] - g[1].mean())
    got = smd_covariance(delta, [n, stay], [n, stay], rho, rho)[0, 1]
    assert abs(product.mean() - got) < 4 * product.std() / math.sqrt(draws)


def _mean(x: np.ndarray) -> np.ndarray:
    return x.mean(axis=1)


def _sd(x: np.ndarray) -> np.ndarray:
    return x.std(axis=1, ddof=1)


def _size(x: np.ndarray) -> np.ndarray:
    return np.full(len(x), float(x.shape[1]))


def test_the_diagonal_in_other_units_is_the_variance_of_the_effect() -> None:
    n_t, n_c, m = np.array([20, 30, 25]), np.array([22, 28, 31]), np.array([3.0, 4.0, 5.0])
    sd_t, sd_c, base = m, m + 1, m + 2
    for kind, effect in (
        ("control", glass(m, sd_t, n_t, 0.5, sd_c, n_c)),
        ("average", smdh(m, sd_t, n_t, 0.5, sd_c, n_c)),
    ):
        v = smd_covariance(effect.yi, n_t, n_c, 0.3, 0.3, standardiser=kind, sd_t=sd_t, sd_c=sd_c)
        np.testing.assert_allclose(np.diag(v), effect.vi, rtol=1e-12)
    effect = smd_stated(m, sd_t, n_t, 0.5, sd_c, n_c, base, n_t + n_c - 2)
    sizes = (n_t.astype(float), n_c.astype(float))
    unit = unit_of(np.array(["baseline"] * 3, dtype=object), *sizes, sd_t, sd_c, base, base)
    r = np.full((3, 3), 0.3) + 0.7 * np.eye(3)
    v = covariance_in_units(effect.yi, unit, r, r, np.ones((3, 3)), np.ones((3, 3)))
    np.testing.assert_allclose(np.diag(v), effect.vi, rtol=1e-12)


def test_one_baseline_sd_is_the_common_sd_but_for_the_small_sample_correction() -> None:
    d, sd_t, sd_c = np.array([-1.5, -1.0]), np.array([1.2, 1.5]), np.array([1.1, 1.4])
    n_t, n_c, one = np.array([90.0, 90.0]), np.array([60.0, 60.0]), np.ones(2)
    unit = unit_of(np.array(["baseline"] * 2, dtype=object), n_t, n_c, sd_t, sd_c, one, one)
    j = hedges_correction(np.array([148.0]))
    unit = replace(unit, sd_t=unit.sd_t / j, sd_c=unit.sd_c / j)
    got = covariance_in_units(d, unit, pair(0.6), pair(0.6), pair(1), pair(1))
    want = smd_common_sd_covariance(d, sd_t, n_t, sd_c, n_c, 0.6, 0.6, sd=1, n_sd=150)
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_the_diagonal_is_the_variance_of_the_effect() -> None:
    n_t, n_c, m = np.array([20, 30, 25]), np.array([22, 28, 31]), np.array([3.0, 4.0, 5.0])
    effect = smd(m, 4.0, n_t, 0.5, 4.0, n_c)
    np.testing.assert_allclose(np.diag(smd_covariance(effect.yi, n_t, n_c, 0.3, 0.3)), effect.vi, rtol=1e-12)
    np.testing.assert_allclose(
        np.diag(md_covariance(m, n_t, m + 1, n_c, 0.3, 0.3)), md(m, m, n_t, 0, m + 1, n_c).vi
    )
    a, c = np.array([5, 9, 12]), np.array([7, 3, 20])
    for measure, function in (("OR", log_or), ("RR", log_rr), ("RD", rd)):
        v = counts_covariance(a, n_t, c, n_c, 0.3, 0.3, measure=measure)
        np.testing.assert_allclose(np.diag(v), function(a, n_t, c, n_c).vi, rtol=1e-12)


def test_special_cases_as_they_are_printed() -> None:
    g, n_t, n_c, rho = np.array([-0.8, -0.3]), 20.0, 25.0, 0.6
    both = smd_covariance(g, [n_t] * 2, [n_c] * 2, rho, rho)[0, 1]
    assert both == pytest.approx(rho * (1 / n_t + 1 / n_c) + rho**2 * g.prod() / (2 * (n_t + n_c)), rel=1e-12)
    control = smd_covariance(g, [20, 30], [n_c] * 2, 0, 1)[0, 1]
    assert control == pytest.approx(1 / n_c + g.prod() * n_c / (2 * 45 * 55), rel=1e-12)
    for measure, want in (
        ("OR", 1 / 8 + 1 / 17),
        ("RR", 1 / 8 - 1 / 25),
        ("RD", 8 * 17 / 25**3),
        ("AS", 1 / 100),
    ):
        got = counts_covariance([4, 9], [20, 30], [8, 8], [25, 25], 0, 1, measure=measure)[0, 1]
        assert got == pytest.approx(want, rel=1e-12)
