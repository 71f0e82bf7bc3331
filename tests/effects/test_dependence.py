"""Covariance formulas: against simulation, the delta method done numerically, and printed examples."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketameta.effects import (
    arcsine,
    change_correlation,
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
    time_correlation,
)
from ketameta.effects._hedges import hedges_correction
from ketameta.effects._standardised import covariance_in_units, unit_of
from ketameta.effects.correlation import CORRELATIONS
from ketameta.errors import EffectError

REFERENCE = pd.read_csv(Path(__file__).resolve().parents[1] / "reference" / "dependence.csv")
COUNTS = ("OR", "RR", "RD", "AS")


def pair(r: float) -> np.ndarray:
    return np.array([[1.0, r], [r, 1.0]])


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


def delta_method(function, at: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Jacobian by central differences, times the covariance of the moments."""
    columns = []
    for k in range(at.size):
        step = np.zeros_like(at)
        step[k] = 1e-5 * max(1.0, abs(at[k]))
        columns.append((function(at + step) - function(at - step)) / (2 * step[k]))
    jacobian = np.column_stack(columns)
    return jacobian @ covariance @ jacobian.T


@pytest.mark.parametrize("seed", range(8))
def test_standardised_differences_by_the_delta_method(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = rng.integers(10, 80, (2, 2)).astype(float)
    sd, means, rho = rng.uniform(1, 9, 2), rng.normal(0, 6, (2, 2)), rng.uniform(-0.3, 0.95, 2)
    rho[rng.integers(0, 3, 2) == 0] = 0.0
    means_v, squares_v = np.zeros((4, 4)), np.zeros((4, 4))
    for arm in (0, 1):
        r = pair(rho[arm])
        people = np.minimum.outer(n[arm], n[arm]) / np.outer(n[arm], n[arm])
        at = np.ix_([2 * arm, 2 * arm + 1], [2 * arm, 2 * arm + 1])
        means_v[at] = r * np.outer(sd, sd) * people
        squares_v[at] = 2 * r**2 * np.outer(sd, sd) ** 2 * people
    zero = np.zeros((4, 4))

    def effects(x: np.ndarray) -> np.ndarray:
        m, s2 = x[:4].reshape(2, 2), x[4:].reshape(2, 2)
        return (m[0] - m[1]) / np.sqrt((n * s2).sum(axis=0) / n.sum(axis=0))

    moments = np.concatenate([means.ravel(), np.tile(sd**2, 2)])
    want = delta_method(effects, moments, np.block([[means_v, zero], [zero, squares_v]]))
    got = smd_covariance((means[0] - means[1]) / sd, n[0], n[1], *map(pair, rho))
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", ["control", "average", "baseline"])
@pytest.mark.parametrize("seed", range(4))
def test_differences_in_other_units_by_the_delta_method(kind: str, seed: int) -> None:
    """Means and variances of both arms at both times, and the units made of them, differentiated numerically."""
    rng = np.random.default_rng(seed)
    n = rng.integers(10, 80, (2, 2)).astype(float)
    sd, rho = rng.uniform(1, 9, (2, 2)), rng.uniform(0.1, 0.95, 2)
    first = rng.uniform(3, 6, 2)[:, None] * np.ones((2, 2))
    if kind == "control":
        sd = np.full((2, 2), 4.0)
    fewer = n - (kind == "average")
    standard = first if kind == "baseline" else sd
    same = np.ones(2) if kind == "baseline" else rho
    means = rng.normal(0, 6, (2, 2))
    means_v, squares_v = np.zeros((4, 4)), np.zeros((4, 4))
    for arm in (0, 1):
        people = 1 / np.maximum.outer(fewer[arm], fewer[arm])
        at = np.ix_([2 * arm, 2 * arm + 1], [2 * arm, 2 * arm + 1])
        means_v[at] = pair(rho[arm]) * np.outer(sd[arm], sd[arm]) * people
        squares_v[at] = 2 * pair(same[arm]) ** 2 * np.outer(standard[arm], standard[arm]) ** 2 * people

    def squared_unit(s2: np.ndarray) -> np.ndarray:
        pooled = ((n - 1) * s2).sum(axis=0) / (n.sum(axis=0) - 2)
        return {"control": s2[1], "average": s2.mean(axis=0), "baseline": pooled}[kind]

    def effects(x: np.ndarray) -> np.ndarray:
        m, s2 = x[:4].reshape(2, 2), x[4:].reshape(2, 2)
        return (m[0] - m[1]) / np.sqrt(squared_unit(s2))

    moments = np.concatenate([means.ravel(), standard.ravel() ** 2])
    zero = np.zeros((4, 4))
    want = delta_method(effects, moments, np.block([[means_v, zero], [zero, squares_v]]))
    d = effects(moments)
    arguments = (n[0], n[1], sd[0], sd[1], first[0], first[1])
    unit = unit_of(np.array([kind] * 2, dtype=object), *arguments)
    j = hedges_correction(n.sum(axis=0) - 2)
    shares = n / n.sum(axis=0) if kind == "baseline" else np.stack([unit.share_t, unit.share_c])
    unit = replace(unit, factor=np.ones(2), share_t=shares[0], share_c=shares[1])
    if kind == "baseline":
        unit = replace(unit, sd_t=unit.sd_t / j, sd_c=unit.sd_c / j)
        exact = (n - 1) * standard**2 / (n.sum(axis=0) - 2) / squared_unit(standard**2)
        unit = replace(unit, share_t=exact[0], share_c=exact[1])
    got = covariance_in_units(d, unit, *map(pair, rho), *map(pair, same))
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-9)


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


@pytest.mark.parametrize("seed", range(4))
def test_a_common_sd_by_the_delta_method(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, sd = rng.integers(10, 80, (2, 2)).astype(float), rng.uniform(1, 9, (2, 2))
    rho, means, base, people = rng.uniform(0, 0.95, 2), rng.normal(0, 6, 2), 5.0, 90.0
    differences = md_covariance(sd[0], n[0], sd[1], n[1], *map(pair, rho))
    moments_v = np.zeros((3, 3))
    moments_v[:2, :2], moments_v[2, 2] = differences, 2 * base**4 / people
    want = delta_method(lambda x: x[:2] / np.sqrt(x[2]), np.array([*means, base**2]), moments_v)
    got = smd_common_sd_covariance(
        means / base, sd[0], n[0], sd[1], n[1], *map(pair, rho), sd=base, n_sd=people
    )
    np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("measure", COUNTS)
@pytest.mark.parametrize("seed", range(3))
def test_counts_by_the_delta_method(measure: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, n, phi = rng.uniform(0.1, 0.9, (2, 2)), rng.integers(20, 90, (2, 2)).astype(float), [0.3, 0.1]
    moments_v = np.zeros((4, 4))
    for arm in (0, 1):
        root = np.sqrt(p[arm] * (1 - p[arm]))
        at = np.ix_([2 * arm, 2 * arm + 1], [2 * arm, 2 * arm + 1])
        moments_v[at] = pair(phi[arm]) * np.outer(root, root) / np.maximum.outer(n[arm], n[arm])
    scale = {
        "OR": lambda q: np.log(q / (1 - q)),
        "RR": np.log,
        "RD": lambda q: q,
        "AS": lambda q: np.arcsin(np.sqrt(q)),
    }[measure]
    want = delta_method(lambda x: scale(x[:2]) - scale(x[2:]), p.ravel(), moments_v)
    got = counts_covariance(p[0] * n[0], n[0], p[1] * n[1], n[1], *map(pair, phi), measure=measure)
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_correlation_of_changes_by_their_definition() -> None:
    s, r_b, r = np.array([6.0, 7.0, 4.0]), np.array([0.5, 0.3, 0.1]), time_correlation([24, 72, 168], rho=0.6)
    scores = np.block([[np.ones((1, 1)), r_b[None, :]], [r_b[:, None], r]])
    scores = scores * np.outer([5.0, *s], [5.0, *s])
    change = np.hstack([-np.ones((3, 1)), np.eye(3)])
    v = change @ scores @ change.T
    want = v / np.sqrt(np.outer(np.diag(v), np.diag(v)))
    np.testing.assert_allclose(change_correlation(5.0, s, r_b, r), want, rtol=1e-12)


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


# Gleser & Olkin 2009, as recomputed in the analyses of the metafor project (gleser2009): events of the
# treatments, one control; estimates and their covariance by generalised least squares are printed.
TREATED = pd.DataFrame(
    {
        "study": [1, 1, 2, 3, 3, 3],
        "treatment": [1, 2, 1, 1, 2, 3],
        "a": [100, 150, 15, 40, 80, 50],
        "n1": [4000, 4000, 400, 1000, 1000, 1000],
        "c": [40, 40, 10, 150, 150, 150],
        "n2": [1000, 1000, 200, 2000, 2000, 2000],
    }
)


def gls(
    y: np.ndarray, blocks: list[np.ndarray], treatment: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    v, at = np.zeros((len(y), len(y))), 0
    for block in blocks:
        v[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    x = (treatment[:, None] == np.unique(treatment)).astype(float)
    weight = np.linalg.inv(v)
    spread = np.linalg.inv(x.T @ weight @ x)
    beta = spread @ x.T @ weight @ y
    residual = y - x @ beta
    return beta, spread, float(residual @ weight @ residual)


@pytest.mark.parametrize(
    ("measure", "function", "factor", "beta", "spread", "digits", "q"),
    [
        (
            *("RD", rd, 1, [0.0200, 0.0043, 0.0211]),
            *([24.612e-6, 19.954e-6, 13.323e-6, 28.538e-6, 13.255e-6, 69.806e-6], 5e-10, 7.1907),
        ),
        (
            *("OR", log_or, 1, [0.5099, 0.0044, 0.4301]),
            *([0.01412, 0.00712, 0.00425, 0.01178, 0.00455, 0.02703], 5e-6, 2.0563),
        ),
        (
            *("RR", log_rr, 1, [0.4875, 0.0006, 0.4047]),
            *([0.01287, 0.00623, 0.00371, 0.01037, 0.00399, 0.02416], 5e-6, 1.8954),
        ),
        (
            *("AS", arcsine, 2, [0.1010, 0.0102, 0.0982]),
            *([0.00058, 0.00040, 0.00024, 0.00061, 0.00025, 0.00137], 5e-6, 4.2634),
        ),
    ],
)
def test_multiple_treatments_of_gleser_and_olkin(measure, function, factor, beta, spread, digits, q) -> None:
    y, blocks = [], []
    for _, rows in TREATED.groupby("study"):
        counts = [rows[name].to_numpy() for name in ("a", "n1", "c", "n2")]
        y.append(function(*counts).yi)
        blocks.append(counts_covariance(*counts, 0, 1, measure=measure))
    got, covariance, heterogeneity = gls(np.concatenate(y), blocks, TREATED["treatment"].to_numpy())
    assert -factor * got == pytest.approx(beta, abs=5.1e-5)  # printed as control minus treatment
    assert factor**2 * covariance[np.triu_indices(3)] == pytest.approx(spread, abs=1.02 * digits)
    assert heterogeneity == pytest.approx(q, abs=5.1e-5)


def test_multiple_treatments_on_the_sd_of_all_arms_of_gleser_and_olkin() -> None:
    table = pd.DataFrame(
        {
            "study": [1, 1, 2, 3, 4, 4],
            "treatment": [1, 2, 1, 1, 1, 2],
            "difference": [7.87 + 1.36, 4.35 + 1.36, 9.32 - 0.98, 8.08 - 1.17, 7.44 - 0.45, 5.34 - 0.45],
            "sd": [4.2593, 4.2593, 2.8831, 3.1764, 2.9344, 2.9344],
            "n_t": [25, 22, 38, 50, 30, 30],
            "n_c": [25, 25, 40, 50, 30, 30],
        }
    )
    y, blocks = [], []
    for _, rows in table.groupby("study"):
        d = (rows["difference"] / rows["sd"]).to_numpy()
        one, people = np.ones(len(rows)), rows["n_t"].sum() + rows["n_c"].iloc[0]
        y.append(d)
        blocks.append(
            smd_common_sd_covariance(d, one, rows["n_t"], one, rows["n_c"], 0, 1, sd=1, n_sd=people)
        )
    got, covariance, heterogeneity = gls(np.concatenate(y), blocks, table["treatment"].to_numpy())
    assert np.concatenate(y) == pytest.approx([2.1670, 1.3406, 2.8927, 2.1754, 2.3821, 1.6664], abs=5.1e-5)
    assert got == pytest.approx([2.3743, 1.5702], abs=5.1e-5)
    assert covariance[np.triu_indices(2)] == pytest.approx([0.02257, 0.01244, 0.03554], abs=5.1e-6)
    assert heterogeneity == pytest.approx(3.9447, abs=5.1e-5)


def test_multiple_endpoints_of_gleser_and_olkin() -> None:
    first = np.array([2.3, 2.5, 2.4, 1.3, 2.5, 2.4, 3.3, 1.7, 1.1, 2.0, 2.8, 2.1, 1.7, 0.6])
    second = np.array([10.3, 6.6, 9.7, 3.1, 8.7, 3.7, 7.5, 8.5, 2.2, 2.1, 3.8, 1.4, 1.8, 3.9])
    sd = np.array([8.2, 7.3, 8.3, 8.9, 8.5, 8.3, 7.7, 9.8, 9.1, 10.4, 9.6, 7.9, 9.2, 10.2])
    r = np.array([0.55, 0.43, 0.57, 0.66, 0.51, 0.59, 0.49])
    n_t = np.array([22, 21, 26, 18, 38, 42, 39])[:, None] * np.ones(2)
    n_c = np.array([24, 21, 23, 18, 36, 42, 38])[:, None] * np.ones(2)
    d = np.round((second - first) / sd, 3).reshape(7, 2)
    rho = np.stack([pair(value) for value in r])
    v = np.round(smd_covariance(d, n_t, n_c, rho, rho), 4)  # the chapter works on with four decimals
    got, covariance, heterogeneity = gls(d.ravel(), list(v), np.tile([1, 2], 7))
    assert got == pytest.approx([0.3617, 0.2051], abs=5.1e-5)
    assert covariance[np.triu_indices(2)] == pytest.approx([0.01008, 0.00537, 0.00989], abs=5.1e-6)
    assert heterogeneity == pytest.approx(19.6264, abs=5.1e-5)


@pytest.mark.parametrize("correlation", CORRELATIONS)
@pytest.mark.parametrize("rho", [0.0, 0.3, 0.95])
def test_rho_is_the_correlation_between_24_hours_and_7_days(correlation: str, rho: float) -> None:
    r = time_correlation([24, 168], rho=rho, correlation=correlation)
    np.testing.assert_allclose(r, [[1, rho], [rho, 1]], rtol=1e-12)


def test_shapes_of_the_correlation() -> None:
    hours = [24, 168, 24 * 49, 24 * 13]
    log_time = time_correlation(hours, rho=0.5)
    assert log_time[0, 2] == pytest.approx(0.25)
    assert log_time[0, 3] == pytest.approx(0.5 ** (math.log(13) / math.log(7)))
    days = time_correlation(hours, rho=0.5, correlation="days")
    assert days[0, 3] == pytest.approx(0.25)
    assert days[1, 3] == pytest.approx(0.5)
    constant = time_correlation(hours, rho=0.5, correlation="constant")
    np.testing.assert_array_equal(constant, np.full((4, 4), 0.5) + np.eye(4) / 2)
    np.testing.assert_array_equal(
        time_correlation([24, 24], rho=0.0, correlation="constant"), np.ones((2, 2))
    )


def test_numbers_of_numpy_are_numbers() -> None:
    for rho in (np.int64(0), np.float32(0.5), np.float64(0.5), 0):
        assert time_correlation([24, 168], rho=rho)[0, 1] == rho


@pytest.mark.parametrize("rho", [-0.1, 1.0, 1.5, math.nan, "0.6", None, True, np.bool_(True)])
def test_rho_outside_its_range_is_refused(rho: object) -> None:
    with pytest.raises(EffectError, match="0 <= rho < 1"):
        time_correlation([24, 168], rho=rho)  # type: ignore[arg-type]


def test_unknown_correlations_and_times_are_refused() -> None:
    with pytest.raises(EffectError, match="'AR' is not one of 'log-time', 'days', 'constant'"):
        time_correlation([24, 168], rho=0.5, correlation="AR")
    for hours in ([0, 24], [-1, 24], [math.nan, 24], [math.inf, 24], [], ["a"], 24):
        with pytest.raises(EffectError):
            time_correlation(hours, rho=0.5)


def test_trials_of_one_size_go_together() -> None:
    rng = np.random.default_rng(1)
    d, n_t, n_c = rng.normal(0, 1, (5, 3)), rng.integers(5, 50, (5, 3)), rng.integers(5, 50, (5, 3))
    rho = time_correlation(rng.uniform(1, 500, (5, 3)), rho=0.6)
    together = smd_covariance(d, n_t, n_c, rho, rho)
    for i in range(5):
        np.testing.assert_allclose(together[i], smd_covariance(d[i], n_t[i], n_c[i], rho[i], rho[i]))


@given(
    st.lists(st.floats(0.5, 3000), min_size=2, max_size=6, unique_by=lambda t: round(math.log(t), 1)),
    st.floats(0, 0.95),
    st.sampled_from(CORRELATIONS),
    st.integers(0, 2**32 - 1),
)
def test_every_covariance_is_positive_definite(hours, rho, correlation, seed) -> None:
    rng = np.random.default_rng(seed)
    m = len(hours)
    n, k = rng.integers(5, 80, (2, m))
    r = time_correlation(hours, rho=rho, correlation=correlation)
    control = np.where(rng.random() < 0.5, r, np.eye(m))
    p, q = rng.uniform(0.1, 0.9, (2, m))
    sd, other = rng.uniform(1, 9, (2, m))
    every = [
        md_covariance(sd, n, other, k, r, control),
        smd_covariance(rng.normal(0, 2, m), n, k, r, control),
        smd_common_sd_covariance(rng.normal(0, 2, m), sd, n, other, k, r, control, sd=3.0, n_sd=50),
        *(counts_covariance(p * n, n, q * k, k, r, control, measure=measure) for measure in COUNTS),
    ]
    for v in every:
        np.testing.assert_allclose(v, np.swapaxes(v, 0, 1), rtol=1e-12)
        root = np.sqrt(np.diag(v))
        assert np.linalg.eigvalsh(v / np.outer(root, root))[0] > 0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: md_covariance([1, 1], [0, 9], 1, 9, 0, 1), r"n_t\[0\] = 0: a group size"),
        (lambda: md_covariance([1, -1], 9, 1, 9, 0, 1), r"sd_t\[1\] = -1: a standard deviation"),
        (lambda: md_covariance([1, math.nan], 9, 1, 9, 0, 1), "a finite number"),
        (lambda: md_covariance([1, 1], 9, 1, 9, pair(1.2), 1), "rho_t is not a matrix of correlations"),
        (lambda: md_covariance([1, 1], 9, 1, 9, 0, [[1, 0.1], [0.2, 1]]), "rho_c is not a matrix"),
        (lambda: md_covariance([1, 1], 9, 1, 9, 0, 2 * np.eye(2)), "ones on its diagonal"),
        (lambda: md_covariance([1, 1], 9, 1, 9, np.eye(3), 0), "2 effects need 2 rows"),
        (lambda: md_covariance(1, 9, 1, 9, 0, 0), "several effects"),
        (lambda: smd_covariance([], [], [], 0, 0), "empty"),
        (lambda: smd_covariance(["a"], [9], [9], 0, 0), "numbers are needed"),
        (lambda: smd_covariance([1, 2], [9, 9, 9], 9, 0, 0), "shapes do not fit"),
        (lambda: smd_common_sd_covariance([1, 1], 1, 9, 1, 9, 0, 0, sd=0, n_sd=9), "sd = 0"),
        (lambda: smd_common_sd_covariance([1, 1], 1, 9, 1, 9, 0, 0, sd=1, n_sd=1), "n_sd = 1"),
        (lambda: counts_covariance([0, 3], 9, [2, 2], 9, 0, 1), "events_t = 0 of 9 .*add 0.5"),
        (lambda: counts_covariance([2, 3], 9, [2, 9], 9, 0, 1), "events_c = 9 of 9"),
        (lambda: counts_covariance([2, 10], 9, [2, 2], 9, 0, 1, measure="AS"), "events_t = 10 of 9"),
        (lambda: counts_covariance([2, 3], 9, [2, 2], 9, 0, 1, measure="HR"), "'HR' is not one of"),
        (lambda: md_covariance([1e200, 1], 9, 1, 9, 0, 1), "too large or too small"),
        (lambda: smd_covariance([1e200, 1e200], 9, 9, 0, 1), "too large or too small"),
        (
            lambda: md_covariance(np.ones((2, 2)), 9, 1, 9, np.stack([pair(0.5)] * 3), 1),
            "do not fit together",
        ),
        (
            lambda: smd_common_sd_covariance([1, 1], 1, 9, 1, 9, 0, 0, sd=[1, 2, 3], n_sd=9),
            "one number for each",
        ),
        (lambda: change_correlation([1, 2, 3], np.ones((2, 2)), 0.5, 0.5), "one number for each trial"),
        (lambda: change_correlation(1e200, [1, 1], 0.5, 0.5), "too large or too small"),
        (lambda: smd_covariance([1, 2], 9, 9, 0, 1, standardiser="glass"), "'glass' is not one of"),
        (lambda: smd_covariance([1, 2], 9, 9, 0, 1, standardiser="average"), "needs sd_t and sd_c"),
        (
            lambda: smd_covariance([1, 2], 1, 9, 0, 1, standardiser="average", sd_t=1, sd_c=1),
            r"n_t\[0\] = 1: a group size must be greater than 1",
        ),
        (lambda: change_correlation(0, [1, 1], 0.5, 0.5), "sd_baseline = 0"),
        (lambda: change_correlation(1, [1, 1], 1.5, 0.5), "r_baseline = 1.5"),
        (lambda: change_correlation(1, [1, 1], 1.0, 1.0), "variance of a change"),
    ],
)
def test_what_cannot_be_used_is_refused(call, match) -> None:
    with pytest.raises(EffectError, match=match):
        call()
