"""The kernel by other roads: closed forms, dense grids, a second package, batches against single fits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models import _batch
from ketameta.models.intervals import q_profile
from ketameta.models.kernel import METHODS, Fits, fit, solve_tau2

FIELDS = tuple(Fits.__slots__)
quick = settings(deadline=None, max_examples=60, derandomize=True)


@st.composite
def samples(draw: Any, least: int = 2, most: int = 10) -> tuple[Array, Array]:
    """Effects on a grid of 2^-12, so that sums with whole numbers are exact; variances over five decades."""
    k = draw(st.integers(least, most))
    y = draw(arrays(np.int64, k, elements=st.integers(-20000, 20000))) / 4096.0
    v = 10.0 ** draw(arrays(np.float64, k, elements=st.floats(-4.0, 1.0)))
    return y, v


def restricted(y: Array, v: Array, t: Array) -> Array:
    """Restricted log-likelihood (without constants) on a grid of tau2, written out plainly."""
    w = 1.0 / (v + t[:, None])
    total = w.sum(axis=1)
    mean = (w * y).sum(axis=1) / total
    return -0.5 * (
        np.log(v + t[:, None]).sum(axis=1) + np.log(total) + (w * (y - mean[:, None]) ** 2).sum(axis=1)
    )


def unrestricted(y: Array, v: Array, t: Array) -> Array:
    w = 1.0 / (v + t[:, None])
    mean = (w * y).sum(axis=1) / w.sum(axis=1)
    return -0.5 * (np.log(v + t[:, None]).sum(axis=1) + (w * (y - mean[:, None]) ** 2).sum(axis=1))


@quick
@given(samples())
def test_likelihood_is_nowhere_higher_on_a_dense_grid(sample: tuple[Array, Array]) -> None:
    y, v = sample
    top = 10.0 * (np.ptp(y) ** 2 + v.max())
    grid = v.min() * np.expm1(np.linspace(0.0, np.log1p(top / v.min()), 5001))
    for method, loglik in (("REML", restricted), ("ML", unrestricted)):
        tau2 = np.array([float(fit(y, v, tau2=method).tau2)])
        value = loglik(y, v, tau2)[0]
        assert loglik(y, v, grid).max() <= value + 1e-12 * max(1.0, abs(value))


def test_every_mode_of_many_samples_is_seen() -> None:
    """Sign changes of the score on a grid 20 times finer; samples with variances over many decades."""
    rng = np.random.default_rng(20240611)
    v = np.exp(rng.normal(0.0, 2.5, (400, 6)))
    y = rng.normal(0.0, np.sqrt(v) * np.exp(rng.normal(0.0, 1.0, v.shape)))
    for method in ("REML", "ML"):
        found = fit(y, v, tau2=method)
        assert (found.modes > 1).sum() > 20
        for i in range(len(y)):
            top = 10.0 * np.ptp(y[i]) ** 2
            u = np.linspace(0.0, np.log1p(top / v[i].min()), 4001)[1:]
            t = np.concatenate([[0.0], v[i].min() * np.expm1(u)])
            w = 1.0 / (v[i] + t[:, None])
            total = w.sum(axis=1)
            residual = y[i] - ((w * y[i]).sum(axis=1) / total)[:, None]
            expected = total - (w * w).sum(axis=1) / total if method == "REML" else total
            rising = ((w * residual) ** 2).sum(axis=1) > expected
            assert found.modes[i] == (rising[:-1] & ~rising[1:]).sum() + (not rising[0])


@quick
@given(samples(2, 2))
def test_two_studies_closed_form(sample: tuple[Array, Array]) -> None:
    y, v = sample
    expected = max(0.0, ((y[0] - y[1]) ** 2 - v.sum()) / 2.0)
    for method in ("REML", "DL", "HE", "PM", "EB"):
        assert float(fit(y, v, tau2=method).tau2) == pytest.approx(
            expected, rel=1e-11, abs=1e-13 * v.max()
        ), method


@quick
@given(samples(3, 10), st.floats(1e-3, 1e3))
def test_equal_variances_closed_form(sample: tuple[Array, Array], variance: float) -> None:
    y = sample[0]
    v, k = np.full(y.size, variance), y.size
    rss = float(((y - y.mean()) ** 2).sum())
    start = rss / k
    expected = dict.fromkeys(("REML", "DL", "HE", "PM", "EB"), rss / (k - 1) - variance)
    expected |= dict.fromkeys(("ML", "HS"), rss / k - variance)
    expected["SJ"] = start * rss / (start + variance) / (k - 1)
    expected["EE"] = 0.0
    for method, tau2 in expected.items():
        found = fit(y, v, tau2=method)
        assert float(found.tau2) == pytest.approx(max(tau2, 0.0), rel=1e-10, abs=1e-13 * variance), method
        assert found.beta[0] == pytest.approx(y.mean(), rel=1e-12, abs=1e-12)


@quick
@given(samples(), st.sampled_from(METHODS))
def test_order_does_not_matter_at_all(sample: tuple[Array, Array], method: str) -> None:
    y, v = sample
    order = np.random.default_rng(0).permutation(y.size)
    one, two = fit(y, v, tau2=method), fit(y[order], v[order], tau2=method)
    for name in FIELDS:
        first = one.weights[order] if name == "weights" else getattr(one, name)
        assert np.allclose(first, getattr(two, name), rtol=0.0, atol=0.0, equal_nan=True), name


@quick
@given(samples(), st.sampled_from(METHODS), st.integers(-1000000, 1000000))
def test_an_exact_shift_moves_the_estimate_only(sample: tuple[Array, Array], method: str, shift: int) -> None:
    y, v = sample
    one, two = fit(y, v, tau2=method), fit(y + shift, v, tau2=method)
    for name in set(FIELDS) - {"beta"}:
        assert np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True), name
    assert two.beta[0] - shift == pytest.approx(one.beta[0], rel=0, abs=1e-15 * (1 + abs(shift)) + 1e-14)


@quick
@given(samples(), st.sampled_from(METHODS), st.sampled_from([2.0**-40, 2.0**-3, 2.0**13, 1e-4, 1e4]))
def test_units_do_not_matter(sample: tuple[Array, Array], method: str, unit: float) -> None:
    y, v = sample
    one, two = fit(y, v, tau2=method), fit(y * unit, v * unit**2, tau2=method)
    exact = np.log2(unit) == np.round(np.log2(unit))
    tolerance = {"rel": 0 if exact else 1e-9, "abs": 0 if exact else 1e-12}
    assume(one.modes < 2)
    assert float(two.tau2) / unit**2 == pytest.approx(
        float(one.tau2), rel=tolerance["rel"], abs=tolerance["abs"] * v.max()
    )
    assert two.beta[0] / unit == pytest.approx(one.beta[0], **tolerance)
    assert two.cov[0, 0] / unit**2 == pytest.approx(one.cov[0, 0], **tolerance)
    assert float(two.i2) == pytest.approx(float(one.i2), rel=tolerance["rel"], abs=1e-9)


@quick
@given(samples(), st.sampled_from(METHODS))
def test_sign_turns_the_estimate(sample: tuple[Array, Array], method: str) -> None:
    y, v = sample
    one, two = fit(y, v, tau2=method), fit(-y, v, tau2=method)
    assert two.beta[0] == pytest.approx(-one.beta[0], rel=1e-10, abs=1e-12)
    assert float(two.tau2) == pytest.approx(float(one.tau2), rel=1e-9, abs=1e-12 * v.max())


@quick
@given(samples(3, 8), st.sampled_from(("EE", "REML", "ML")))
def test_a_study_without_information_drops_out(sample: tuple[Array, Array], method: str) -> None:
    y, v = sample
    one, two = fit(y[1:], v[1:], tau2=method), fit(y, np.append(1e40, v[1:]), tau2=method)
    assert two.beta[0] == pytest.approx(one.beta[0], rel=1e-9, abs=1e-12)
    assert two.weights[0] < 1e-30
    if method != "EE":
        assert float(two.tau2) == pytest.approx(float(one.tau2), rel=1e-8, abs=1e-12 * v.max())


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("method", ["ML", "REML"])
def test_a_study_without_information_hides_no_maximum(method: str, engine: str) -> None:
    """Beside a variance of 1e40 the widest cell is so long that bounds at its far end cancel to rounding."""
    y, v = np.array([0.0, 2.82910156]), np.array([0.01, 1.0])
    alone = fit(np.tile(y, (40, 1)), np.tile(v, (40, 1)), tau2=method, engine=engine)
    far = 10.0 ** np.linspace(15.0, 45.0, 40)[:, None]
    beside = fit(
        np.tile(np.append(y[1], y), (40, 1)),
        np.hstack([far, np.tile(v, (40, 1))]),
        tau2=method,
        engine=engine,
    )
    np.testing.assert_array_equal(beside.modes, alone.modes)
    np.testing.assert_allclose(beside.tau2, alone.tau2, rtol=1e-8, atol=1e-12)
    if method == "ML":
        assert alone.modes[0] == 2


@quick
@given(samples(2, 8))
def test_a_study_without_error_decides_the_common_effect(sample: tuple[Array, Array]) -> None:
    y, v = sample
    found = fit(y, np.append(1e-30, v[1:]), tau2="EE")
    assert found.beta[0] == pytest.approx(y[0], rel=1e-15, abs=1e-24)
    assert found.cov[0, 0] == pytest.approx(1e-30, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_variances_of_very_different_size(method: str) -> None:
    """Against plain sums in 60-digit arithmetic, at the tau2 that was found."""
    from fractions import Fraction

    y, v = np.array([0.25, 1.5, -0.75, 2.0]), np.array([1e-12, 1.0, 1e6, 1e-9])
    found = fit(y, v, tau2=method)
    weights = [1 / (Fraction(float(x)) + Fraction(float(found.tau2))) for x in v]
    mean = sum(w * Fraction(float(x)) for w, x in zip(weights, y, strict=True)) / sum(weights)
    assert found.beta[0] == pytest.approx(float(mean), rel=1e-14)
    assert found.cov[0, 0] == pytest.approx(float(1 / sum(weights)), rel=1e-14)
    common = [1 / Fraction(float(x)) for x in v]
    centre = sum(w * Fraction(float(x)) for w, x in zip(common, y, strict=True)) / sum(common)
    q = sum(w * (Fraction(float(x)) - centre) ** 2 for w, x in zip(common, y, strict=True))
    trace = sum(common) - sum(w * w for w in common) / sum(common)
    assert float(found.q) == pytest.approx(float(q), rel=1e-13)
    assert float(found.typical_v) == pytest.approx(float(3 / trace), rel=1e-13)
    if method in ("PM", "EB"):
        spread = sum(w * (Fraction(float(x)) - mean) ** 2 for w, x in zip(weights, y, strict=True))
        assert float(spread) == pytest.approx(3.0, rel=1e-12)


@quick
@given(samples(3, 9), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_q_profile_bounds_solve_their_equation(sample: tuple[Array, Array], level: float) -> None:
    from scipy.stats import chi2

    y, v = sample
    low, high = (float(bound) for bound in q_profile(y, v, level=level))

    def q(t: float) -> float:
        w = 1.0 / (v + t)
        return float((w * (y - (w * y).sum() / w.sum()) ** 2).sum())

    for bound, tail in ((low, (1 + level) / 2), (high, (1 - level) / 2)):
        target = chi2.ppf(tail, y.size - 1)
        if bound > 0:
            assert q(bound) == pytest.approx(target, rel=1e-10)
        else:
            assert q(0.0) <= target * (1 + 1e-12)
    assert low <= high


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("with_design", [False, True])
def test_batch_equals_single_bit_for_bit(
    method: str, with_design: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    v = np.exp(rng.normal(-1.0, 1.5, (3, 50, 7)))
    y = rng.normal(0.0, np.sqrt(v + 0.3))
    mask = rng.random(y.shape) < 0.85
    x = np.stack([np.ones(7), np.arange(7.0)], axis=-1) if with_design else None
    monkeypatch.setattr(_batch, "_CHUNK_ELEMENTS", 200)
    batch = fit(y, v, x, mask=mask, tau2=method)
    for i in np.ndindex(3, 50):
        single = fit(y[i], v[i], x, mask=mask[i], tau2=method)
        for name in FIELDS:
            assert np.array_equal(getattr(batch, name)[i], getattr(single, name), equal_nan=True), name


@pytest.mark.parametrize("method", METHODS)
def test_mask_equals_subset(method: str) -> None:
    rng = np.random.default_rng(8)
    y, v = rng.normal(0.0, 1.0, 9), rng.uniform(0.02, 0.9, 9)
    mask = ~np.eye(9, dtype=bool)
    batch = fit(np.where(mask, y, np.nan), v, mask=mask, tau2=method)
    assert batch.k.tolist() == [8.0] * 9
    for i in range(9):
        single = fit(np.delete(y, i), np.delete(v, i), tau2=method)
        for name in set(FIELDS) - {"weights"}:
            assert np.allclose(getattr(batch, name)[i], getattr(single, name), rtol=1e-11, atol=1e-13), name
        assert batch.weights[i, i] == 0
        assert batch.weights[i].sum() == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_an_intercept_column_is_the_intercept(method: str) -> None:
    rng = np.random.default_rng(9)
    v = rng.uniform(0.02, 0.9, (40, 8))
    y = 1e3 + rng.normal(0.0, np.sqrt(v + 0.2))
    one, two = fit(y, v, tau2=method), fit(y, v, np.ones((8, 1)), tau2=method)
    for name in FIELDS:
        assert np.allclose(getattr(one, name), getattr(two, name), rtol=1e-9, atol=1e-12), name


def test_design_against_statsmodels_wls() -> None:
    from statsmodels.regression.linear_model import WLS

    rng = np.random.default_rng(10)
    v, x = rng.uniform(0.05, 0.6, 12), np.column_stack([np.ones(12), rng.normal(size=(12, 2))])
    y = x @ [0.3, -0.5, 0.2] + rng.normal(0.0, np.sqrt(v + 0.1))
    found = fit(y, v, x, tau2="REML")
    other = WLS(y, x, weights=1.0 / (v + float(found.tau2))).fit()
    assert found.beta == pytest.approx(other.params, rel=1e-10)
    assert found.cov * float(found.hksj) == pytest.approx(other.cov_params(), rel=1e-9)


def test_design_likelihood_on_a_dense_grid() -> None:
    rng = np.random.default_rng(12)
    x = np.column_stack([np.ones(9), np.arange(9.0)])
    for _ in range(20):
        v = np.exp(rng.normal(-1.0, 1.5, 9))
        y = x @ [0.3, -0.1] + rng.normal(0.0, np.sqrt(v + 0.2))
        found = fit(y, v, x, tau2="REML")

        def loglik(t: float, y: Array = y, v: Array = v) -> float:
            w = 1.0 / (v + t)
            xwx = x.T @ (w[:, None] * x)
            residual = y - x @ np.linalg.solve(xwx, x.T @ (w * y))
            half = np.log(v + t).sum() + np.linalg.slogdet(xwx)[1] + (w * residual**2).sum()
            constant = 7 * math.log(2 * math.pi) - np.linalg.slogdet(x.T @ x)[1]
            return float(-0.5 * (half + constant))

        best = loglik(float(found.tau2))
        assert float(found.loglik) == pytest.approx(best, rel=1e-12)
        assert max(loglik(t) for t in np.geomspace(1e-6, 1e3, 400)) <= best + 1e-11
        assert loglik(0.0) <= best + 1e-11


def test_saturated_and_deficient_designs() -> None:
    y, v = np.array([0.1, 0.4, -0.2]), np.array([0.1, 0.2, 0.3])
    full = fit(y, v, np.eye(3))
    assert full.beta == pytest.approx(y)
    assert np.diag(full.cov) == pytest.approx(v)
    assert np.isnan([full.tau2, full.q, full.i2, full.h2, full.hksj, full.loglik]).all()
    for x in (np.ones((3, 2)), np.ones((3, 4))):
        assert np.isnan(fit(y, v, x).beta).all()
    nothing = fit(y, v, mask=np.zeros(3, dtype=bool))
    assert nothing.k == 0
    assert np.isnan(nothing.beta).all()


def test_identical_effects() -> None:
    y, v = np.full(5, 0.1 + 0.2), np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    for method in METHODS:
        found = fit(y, v, tau2=method)
        assert (found.tau2, found.q, found.hksj) == (0.0, 0.0, 0.0)
        assert found.beta[0] == y[0]
        assert bool(found.boundary) == (method != "EE")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1, np.nan], [0.1, 0.2]), r"position \(1,\)"),
        (([0.1, np.inf], [0.1, 0.2]), r"position \(1,\)"),
        (([0.1, 0.2], [0.1, 0.0]), r"position \(1,\)"),
        (([0.1, 0.2], [-0.1, 0.2]), r"position \(0,\)"),
        (([0.1, 0.2], [0.1, 0.2, 0.3]), "do not fit"),
        ((0.1, 0.2), "axis of studies"),
        (([0.1, 0.2], [0.1, 0.2], [1.0, 1.0]), "one of coefficients"),
        (([0.1, 0.2], [0.1, 0.2], [[1.0], [np.nan]]), r"position \(1,\)"),
    ],
)
def test_refusals(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        fit(*arguments)


def test_unknown_estimator() -> None:
    with pytest.raises(ModelError, match="choose one of EE, DL"):
        fit([0.1, 0.2], [0.1, 0.2], tau2="XX")


def test_numbers_beyond_double_precision_are_nan_not_wrong() -> None:
    found = fit([0.1, 0.2, 0.3], [1e-300, 1.0, 1e300])
    assert np.isnan(found.beta).all()
    assert np.isnan(solve_tau2([0.1, 0.2, 0.3], [1e-300, 1.0, 1e300], target=2.0))


def test_inputs_stay_as_they_are() -> None:
    y, v = np.array([0.3, -0.1, 0.5]), np.array([0.2, 0.1, 0.3])
    before = y.copy(), v.copy()
    fit(y, v)
    q_profile(y, v)
    assert np.array_equal(y, before[0])
    assert np.array_equal(v, before[1])
