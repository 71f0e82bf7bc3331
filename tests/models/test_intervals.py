"""Intervals beyond Wald and HKSJ, held against R and against computations by other roads."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

import ketameta as km
from ketameta._typing import Array
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models._roots import bracketed_root
from ketameta.models.intervals import Inference, kenward_roger
from ketameta.models.kernel import fit
from ketameta.models.prediction import bootstrap
from ketameta.models.profile import profile_mean, profile_tau2
from ketameta.models.quadratic_forms import draw_tau2, generalised_q, generalised_q_cdf

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
KENWARD_ROGER = pd.read_csv(REFERENCE / "kenward_roger.csv").set_index("dataset")
PIMETA = pd.read_csv(REFERENCE / "prediction_bootstrap.csv").set_index("set")
PIMETA_INPUTS = pd.read_csv(REFERENCE / "prediction_bootstrap_inputs.csv")
YI, VI = np.array([-1.10, -0.35, -0.62, -0.18, -0.80]), np.array([0.09, 0.05, 0.04, 0.07, 0.11])
TWO_MODES = (
    np.array([-1.9, -0.1, -3.5, -0.1, -4.9, -0.1]),
    np.array([15.93, 0.04, 20.6, 0.02, 1.08, 0.33]),
)


def sample(dataset: str) -> tuple[Array, Array]:
    rows = INPUTS[INPUTS["dataset"] == dataset]
    return rows["yi"].to_numpy(), rows["vi"].to_numpy()


def test_kenward_roger_agrees_with_matrices_in_r() -> None:
    assert len(KENWARD_ROGER) >= 30
    for dataset, r in KENWARD_ROGER.iterrows():
        y, v = sample(str(dataset))
        variance, df = kenward_roger(v, fit(y, v).tau2)
        assert variance == pytest.approx(r["variance"], rel=1e-8), dataset
        assert df == pytest.approx(r["df"], rel=1e-8), dataset


@pytest.mark.parametrize("k", [2, 3, 10, 100, 5000])
def test_distribution_of_q_is_chi_square_without_heterogeneity(k: int) -> None:
    v = np.random.default_rng(k).uniform(0.1, 1.0, k)
    q = stats.chi2.ppf([1e-6, 0.025, 0.3, 0.5, 0.8, 0.975, 1 - 1e-6], k - 1)
    found = generalised_q_cdf(q, v, 1.0 / v, 0.0)
    assert found == pytest.approx(stats.chi2.cdf(q, k - 1), rel=0.0, abs=2e-12)
    far = generalised_q_cdf([0.0, 50.0 * k + 500.0], v, 1.0 / v, 0.0)
    assert far.tolist() == [0.0, 1.0]


def test_distribution_of_q_agrees_with_imhofs_integral() -> None:
    """Imhof (1961), Biometrika 48:419-426, on the eigenvalues, where many of them let the integral converge."""
    rng = np.random.default_rng(8)
    for _ in range(4):
        v, a, tau2 = rng.uniform(0.02, 1.0, 9), rng.uniform(0.2, 5.0, 9), rng.uniform(0.0, 1.0)
        root = np.sqrt(v + tau2)
        matrix = np.diag(a) - np.outer(a, a) / a.sum()
        weights = np.linalg.eigvalsh(root[:, None] * matrix * root)[1:]
        q = weights.sum() * rng.uniform(0.2, 2.0)

        def integrand(u: float, weights: Array = weights, q: float = q) -> float:
            angle = 0.5 * np.arctan(weights * u).sum() - 0.5 * q * u
            return float(np.sin(angle) / (u * np.prod(1.0 + (weights * u) ** 2) ** 0.25))

        tail = integrate.quad(integrand, 0.0, 400.0 / weights.max(), limit=2000, epsabs=1e-12)[0]
        assert generalised_q_cdf(q, v, a, tau2) == pytest.approx(0.5 - tail / math.pi, abs=1e-8)


def test_one_study_that_outweighs_all_others() -> None:
    """Two studies: Q is then a single chi-square times a1 a2 / (a1 + a2) (s1 + s2)."""
    v, a = np.array([1e-9, 1.0]), np.array([1e9, 1.0])
    scale = a.prod() / a.sum() * v.sum()
    q = scale * stats.chi2.ppf([0.025, 0.5, 0.975], 1)
    assert generalised_q_cdf(q, v, a, 0.0) == pytest.approx([0.025, 0.5, 0.975], abs=1e-10)
    for vi in ([1e-9, 1.0], [1e-12, 1.0, 1e12]):
        yi = [0.25, 1.5, -0.75][: len(vi)]
        low, high = generalised_q(yi, vi)
        assert 0.0 <= low <= high < math.inf
        assert np.isfinite(bootstrap(np.array(yi), np.array(vi), level=0.95, draws=1000, rng=1).draws).all()


def test_masked_batches_are_the_single_fits() -> None:
    rng = np.random.default_rng(5)
    y, v = rng.normal(size=(4, 6)), rng.uniform(0.05, 0.5, (4, 6))
    mask = np.ones((4, 6), dtype=bool)
    mask[1, 3:], mask[2, 1:], mask[3, 2:] = False, False, False
    y[1, 4] = v[1, 4] = np.nan
    for method in (generalised_q, profile_tau2, profile_mean):
        low, high = method(y, v, mask=mask)
        for i in (0, 1, 3):
            one = method(y[i][mask[i]], v[i][mask[i]])
            assert (low[i], high[i]) == (pytest.approx(one[0], rel=1e-10), pytest.approx(one[1], rel=1e-10))
        assert np.isnan([low[2], high[2]]).all()
    variance, df = kenward_roger(v, np.full(4, 0.1), mask=mask)
    assert np.isnan([variance[2], df[2]]).all()
    assert variance[3] == pytest.approx(float(kenward_roger(v[3, :2], 0.1)[0]), rel=1e-13)


def brute_profile(mean: float, y: Array, v: Array) -> float:
    """Highest log-likelihood of a mean, over a fine grid of tau2 and a search around its best point."""

    def height(tau2: float) -> float:
        return float(-0.5 * (np.log(v + tau2) + (y - mean) ** 2 / (v + tau2)).sum())

    grid = np.r_[0.0, np.geomspace(1e-6, 1e6, 1500)] * v.min()
    total = v + grid[:, None]
    best = int(np.argmax(-0.5 * (np.log(total) + (y - mean) ** 2 / total).sum(axis=1)))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    found = optimize.minimize_scalar(
        lambda t: -height(t), bounds=bounds, method="bounded", options={"xatol": 1e-13}
    )
    return max(-float(found.fun), height(grid[best]))


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_profile_of_the_mean_by_brute_force(level: float) -> None:
    drop = stats.chi2.ppf(level, 1) / 2.0
    rng = np.random.default_rng(11)
    for k in (2, 4, 9):
        v = 10.0 ** rng.uniform(-2.0, 1.0, k)
        y = rng.normal(3.0, np.sqrt(v + rng.choice([0.0, 0.3, 3.0])))
        top = brute_profile(float(fit(y, v, tau2="ML").beta[0]), y, v)
        for bound in profile_mean(y, v, level=level):
            assert top - brute_profile(float(bound), y, v) == pytest.approx(drop, abs=1e-9)
        result = km.pool(yi=y, vi=v, tau2="ML", ci="profile")
        ratio = 2.0 * (top - brute_profile(0.0, y, v))
        assert result.p == pytest.approx(stats.chi2.sf(ratio, 1), rel=1e-6, abs=1e-12)


def test_profile_of_the_mean_with_several_maxima_is_not_cut_short() -> None:
    """Every mean outside lies lower than the limit says, also where the profile rises again."""
    y, v = TWO_MODES
    low, high = (float(bound) for bound in profile_mean(y, v))
    top = brute_profile(float(fit(y, v, tau2="ML").beta[0]), y, v)
    outside = np.r_[np.linspace(low - 8.0, low - 1e-3, 60), np.linspace(high + 1e-3, high + 8.0, 60)]
    assert max(brute_profile(mean, y, v) for mean in outside) < top - stats.chi2.ppf(0.95, 1) / 2.0


def test_kenward_roger_by_numerical_derivatives() -> None:
    """Variance from the derivative of the weights, information from that of the expected likelihood."""
    v, tau2 = np.array([0.04, 0.3, 0.05, 0.6, 0.11]), 0.07
    step = 1e-4

    def weights(t: float) -> Array:
        w = 1.0 / (v + t)
        return w / w.sum()

    def restricted(t: float, s: float) -> float:
        """Expected restricted log-likelihood at t where s is true."""
        w = 1.0 / (v + t)
        p = np.diag(w) - np.outer(w, w) / w.sum()
        return float(0.5 * np.log(w).sum() - 0.5 * math.log(w.sum()) - 0.5 * (np.diag(p) * (v + s)).sum())

    curve = [restricted(tau2 + i * step, tau2) for i in (-1, 0, 1)]
    information = -(curve[0] - 2.0 * curve[1] + curve[2]) / step**2
    slope = (weights(tau2 + step) - weights(tau2 - step)) / (2.0 * step)
    plain = 1.0 / (1.0 / (v + tau2)).sum()
    # Estimating the weights adds the variance of slope @ y times that of tau2; the plug-in misses as much again.
    expected = plain + 2.0 * float((slope**2 * (v + tau2)).sum()) / information
    variance, df = kenward_roger(v, tau2)
    assert variance == pytest.approx(expected, rel=1e-5)
    assert df == pytest.approx(2.0 * information / (expected * (1.0 / (v + tau2) ** 2).sum()) ** 2, rel=1e-4)


def general_kenward_roger(
    x: Array, sigma: Array, slopes: list[Array], form: Array
) -> tuple[Array, float, float]:
    """Adjusted covariance, degrees of freedom and scale of F for any linear covariance structure.

    Kenward and Roger (1997), Biometrics 53:983-997, section 2, with the expected information of the restricted
    likelihood; ``slopes`` are the derivatives of ``sigma``, the second derivatives are 0.
    """
    inverse = np.linalg.inv(sigma)
    phi = np.linalg.inv(x.T @ inverse @ x)
    residual = inverse - inverse @ x @ phi @ x.T @ inverse
    information = np.array([[0.5 * np.trace(residual @ a @ residual @ b) for a in slopes] for b in slopes])
    w = np.linalg.inv(information)
    p = [-x.T @ inverse @ a @ inverse @ x for a in slopes]
    q = [[x.T @ inverse @ a @ inverse @ b @ inverse @ x for b in slopes] for a in slopes]
    pairs = [(i, j) for i in range(len(slopes)) for j in range(len(slopes))]
    bias = sum(w[i, j] * (q[i][j] - p[i] @ phi @ p[j]) for i, j in pairs)
    theta = form @ np.linalg.inv(form.T @ phi @ form) @ form.T
    parts = [theta @ phi @ part @ phi for part in p]
    a1 = sum(w[i, j] * np.trace(parts[i]) * np.trace(parts[j]) for i, j in pairs)
    a2 = sum(w[i, j] * np.trace(parts[i] @ parts[j]) for i, j in pairs)
    size = form.shape[1]
    b = (a1 + 6.0 * a2) / (2.0 * size)
    g = ((size + 1) * a1 - (size + 4) * a2) / ((size + 2) * a2)
    c1, c2, c3 = (part / (3.0 * size + 2.0 * (1.0 - g)) for part in (g, size - g, size + 2 - g))
    mean = 1.0 / (1.0 - a2 / size)
    variance = 2.0 / size * (1.0 + c1 * b) / ((1.0 - c2 * b) ** 2 * (1.0 - c3 * b))
    df = 4.0 + (size + 2.0) / (size * variance / (2.0 * mean**2) - 1.0)
    return phi + 2.0 * phi @ bias @ phi, float(df), float(df / (mean * (df - 2.0)))


def test_kenward_roger_from_the_general_formula() -> None:
    """The variance is theirs; the degrees of freedom are theirs once the variance in them is the plain one."""
    checked = 0
    for dataset, r in KENWARD_ROGER.iterrows():
        y, v = sample(str(dataset))
        tau2 = float(fit(y, v).tau2)
        one = np.ones((v.size, 1))
        adjusted, df, scale = general_kenward_roger(one, np.diag(v + tau2), [np.eye(v.size)], np.ones((1, 1)))
        variance, found = kenward_roger(v, tau2)
        plain = 1.0 / (1.0 / (v + tau2)).sum()
        assert variance == pytest.approx(adjusted[0, 0], rel=1e-9), dataset
        if abs(df - 2.0) > 0.1:
            checked += 1
            assert found * (variance / plain) ** 2 == pytest.approx(df, rel=1e-6), dataset
            assert scale == pytest.approx(1.0, rel=1e-6), dataset
        assert found * (variance / plain) ** 2 == pytest.approx(r["df_1997"], rel=1e-6), dataset
    assert checked >= 30


def test_printed_kenward_roger_of_pimeta() -> None:
    """Systolic blood pressure, REML, as pimeta 1.1.3 prints the interval; degrees of freedom at its tau2 of 0.06995.

    Its REML stops a relative 1e-4 before the maximum, which the four digits of the interval do not show.
    """
    result = km.pool(yi=SBP, vi=SBP_SE**2, ci="KR")
    assert result.estimate == pytest.approx(-0.3287, abs=5e-5)
    assert (result.ci_low, result.ci_high) == (
        pytest.approx(-0.5815, abs=5e-5),
        pytest.approx(-0.0759, abs=5e-5),
    )
    df = kenward_roger(SBP_SE**2, 0.0699510154937)[1]
    assert df == pytest.approx(6.9507592419451, rel=1e-11)


def test_kenward_roger_is_students_t_for_equal_variances() -> None:
    one = km.pool(yi=YI, vi=np.full(5, 0.02), ci="KR")
    two = km.pool(yi=YI, vi=np.full(5, 0.02))
    assert (one.df, one.ci_low, one.p) == tuple(pytest.approx(x, rel=1e-9) for x in (4, two.ci_low, two.p))
    assert (one.prediction_method, one.pi_low) == ("t(KR)", pytest.approx(two.pi_low, rel=1e-9))


CHOICES = [("DL", "Wald"), ("REML", "HKSJ"), ("PM", "HKSJ-adhoc"), ("REML", "KR"), ("ML", "profile")]


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    st.lists(
        st.tuples(st.floats(-3, 3), st.floats(1e-3, 3)), min_size=3, max_size=8, unique_by=lambda x: x[0]
    ),
    st.sampled_from(CHOICES),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_one_inference_feeds_interval_test_prediction_and_probability(
    points: list[tuple[float, float]], choice: tuple[str, str], level: float
) -> None:
    yi, vi = (list(part) for part in zip(*points, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        result = km.pool(yi=yi, vi=vi, tau2=choice[0], ci=choice[1], level=level)
    assert result.ci_low <= result.estimate <= result.ci_high
    assert result.pi_low <= result.ci_low
    assert result.ci_high <= result.pi_high
    if abs(result.p - (1.0 - level)) > 1e-9:
        assert (result.p < 1.0 - level) == (not result.ci_low <= 0.0 <= result.ci_high)
    tail = (1.0 - level) / 2.0
    if result.ci_high - result.ci_low > 1e-6 and math.isfinite(result.ci_high):
        at = [
            result.probability(below=x)
            for x in (result.ci_low, result.ci_high, result.pi_low, result.pi_high)
        ]
        found = (at[0].mean, at[1].mean, at[2].new_trial, at[3].new_trial)
        assert found == pytest.approx((tail, 1.0 - tail, tail, 1.0 - tail), abs=1e-7)
        sign = result.probability(below=0.0).mean
        assert 2.0 * min(sign, 1.0 - sign) == pytest.approx(result.p, abs=1e-9)
        assert result.probability(above=0.0).mean == pytest.approx(1.0 - sign, abs=1e-15)


def test_profile_prediction_interval_is_the_interval_when_tau2_is_zero() -> None:
    result = km.pool(yi=[-0.5, -0.52, -0.48, -0.51], vi=[0.1] * 4, tau2="ML", ci="profile")
    assert result.tau2 == 0.0
    assert (result.pi_low, result.pi_high) == (result.ci_low, result.ci_high)
    wald = km.pool(yi=[-0.5, -0.52, -0.48, -0.51], vi=[0.1] * 4, tau2="ML", ci="Wald")
    assert result.ci_low == pytest.approx(wald.ci_low, rel=1e-12)
    spread, plain = (km.pool(yi=YI, vi=VI / 3.0, tau2="ML", ci=ci) for ci in ("profile", "Wald"))
    assert spread.ci_low < plain.ci_low
    assert spread.ci_high > plain.ci_high


def test_units_and_shifts_leave_every_interval_alone() -> None:
    for tau2, ci, interval in (
        ("REML", "KR", "profile"),
        ("ML", "profile", "profile"),
        ("REML", "KR", "GENQ"),
    ):
        options = km.PoolOptions(tau2_interval=interval, draws=1000)
        kind = {"tau2": tau2, "ci": ci, "prediction": "bootstrap", "options": options}
        one = km.pool(yi=YI, vi=VI, **kind)
        for unit, shift in ((1e4, 0.0), (1e-4, 0.0), (1.0, 1e6)):
            two = km.pool(yi=YI * unit + shift, vi=VI * unit**2, **kind)
            for name in ("ci_low", "ci_high", "pi_low", "pi_high"):
                assert (getattr(two, name) - shift) / unit == pytest.approx(getattr(one, name), abs=2e-9)
            assert two.tau2_ci[1] / unit**2 == pytest.approx(one.tau2_ci[1], rel=1e-7)


def test_bootstrap_does_not_depend_on_the_unit() -> None:
    for y, v in ((SBP, SBP_SE**2), (YI, VI), (YI[:2], VI[:2])):
        one = bootstrap(y, v, level=0.95, draws=2000, rng=5).draws
        for unit in (1e4, 1e-4, 7.7, 1e-30):
            two = bootstrap(y * unit, v * unit**2, level=0.95, draws=2000, rng=5).draws
            np.testing.assert_allclose(two / unit, one, rtol=1e-10, atol=1e-11)
        moved = bootstrap(y + 1e6, v, level=0.95, draws=2000, rng=5).draws
        np.testing.assert_allclose(moved - 1e6, one, rtol=0.0, atol=2e-9 * np.abs(one).max())


def test_draws_follow_the_confidence_distribution() -> None:
    u = np.linspace(0.001, 0.999, 99)
    for y, v in ((YI, VI), (np.array([0.0, 5.0, 9.0]), np.array([0.01, 0.02, 0.05])), (YI[:2], VI[:2])):
        tau2 = draw_tau2(y, v, u)
        w = 1.0 / v
        q = float((w * (y - (w * y).sum() / w.sum()) ** 2).sum())
        back = 1.0 - generalised_q_cdf(q, v, w, tau2)
        assert back[tau2 > 0] == pytest.approx(u[tau2 > 0], rel=1e-6)
        assert (back[tau2 == 0] >= u[tau2 == 0]).all()
        assert (np.diff(tau2) >= 0).all()
    assert draw_tau2([0.3, 0.3], [0.1, 0.2], u).max() == 0.0
    with pytest.raises(ModelError, match="two studies"):
        draw_tau2([0.3], [0.1], u)


# Systolic blood pressure in Hartung and Knapp (2001), as in the data of the R package pimeta.
SBP = np.array([0.0, 0.1, -0.4, -0.8, -0.63, 0.22, -0.34, -0.51, 0.03, -0.81])
SBP_SE = np.array(
    [
        *(0.42347717, 0.21939179, 0.02551067, 0.19898325, 0.30102594),
        *(0.30102594, 0.07142988, 0.10204269, 0.12245123, 0.30102594),
    ]
)


def test_bootstrap_agrees_with_what_pimeta_prints() -> None:
    """Its vignette prints [-0.8807, 0.2240], its reference page [-0.8789, 0.2165], 25,000 draws each."""
    low, high = bootstrap(SBP, SBP_SE**2, level=0.95, draws=200_000, rng=3).interval()
    assert low == pytest.approx((-0.8807 - 0.8789) / 2.0, abs=0.01)
    assert high == pytest.approx((0.2240 + 0.2165) / 2.0, abs=0.01)


@pytest.mark.parametrize("name", ["sbp", "setshift", "pain", "hyp", "alike", "three"])
def test_bootstrap_agrees_with_draws_of_pimeta(name: str) -> None:
    """100,000 draws of pimeta (reference/prediction_bootstrap.R) and as many here, to four standard errors.

    For trials that are alike every tau2 drawn is 0 in both, so that the interval is one for the mean.
    """
    rows = PIMETA_INPUTS[PIMETA_INPUTS["set"] == name]
    y, v = rows["yi"].to_numpy(), rows["sei"].to_numpy() ** 2
    r = PIMETA.loc[name]
    draws = 100_000
    trial = bootstrap(y, v, level=0.95, draws=draws, rng=2)
    for found, expected, p in zip(trial.interval(), (r["pi_low"], r["pi_high"]), (0.025, 0.975), strict=True):
        near = np.quantile(trial.draws, [p - 0.005, p + 0.005])
        error = math.sqrt(p * (1.0 - p) / draws) * (near[1] - near[0]) / 0.01
        assert abs(found - expected) < 4.0 * math.sqrt(2.0) * error
    zero = draw_tau2(y, v, (np.arange(draws) + 0.5) / draws) == 0.0
    spread = math.sqrt(max(r["zero"] * (1.0 - r["zero"]), 1e-5) / draws)
    assert zero.mean() == pytest.approx(r["zero"], abs=4.0 * spread)
    w = 1.0 / v
    assert zero.mean() == pytest.approx(
        stats.chi2.sf(float((w * (y - (w @ y) / w.sum()) ** 2).sum()), y.size - 1), abs=1e-5
    )
    if name == "alike":
        assert (r["pi_low"], r["pi_high"], r["zero"]) == (r["ci_low"], r["ci_high"], 1.0)


def test_bootstrap_is_the_same_for_a_seed_and_holds_without_one() -> None:
    one, two = (bootstrap(YI, VI, level=0.95, draws=2000, rng=7) for _ in range(2))
    assert np.array_equal(one.draws, two.draws)
    other = bootstrap(YI, VI, level=0.95, draws=2000, rng=np.random.default_rng(8))
    assert not np.array_equal(one.draws, other.draws)
    low, high = one.interval()
    assert one.below(low) == pytest.approx(0.025, abs=1e-3)
    assert one.below(high) + one.above(high) == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        one.draws[0] = 0.0


def test_probability_speaks_and_refuses() -> None:
    result = km.pool(yi=YI, vi=VI)
    found = result.probability(below=-0.24)
    by_hand = stats.t.cdf((-0.24 - result.estimate) / math.sqrt(result.tau2 + result.se**2), 4)
    assert found.new_trial == pytest.approx(by_hand, rel=1e-12)
    assert found.mean == pytest.approx(stats.t.cdf((-0.24 - result.estimate) / result.se, 4), rel=1e-12)
    assert found.to_dict()["method"] == "t(k-1)"
    assert "below −0.24 with probability" in str(found)
    ratio = km.pool(pd.DataFrame({"yi": YI, "vi": VI, "measure": "OR"})).probability(above=math.log(0.8))
    assert "true OR above 0.80" in ratio.sentence()
    alone = km.pool(yi=[-0.5], vi=[0.04]).probability(below=0.0)
    assert math.isnan(alone.new_trial)
    assert alone.mean == pytest.approx(stats.norm.cdf(2.5), rel=1e-12)
    assert "cannot be estimated" in alone.sentence()
    assert alone.to_dict()["new_trial"] is None
    for bad in ({}, {"below": 0.0, "above": 0.0}, {"below": math.nan}, {"above": "0"}, {"below": True}):
        with pytest.raises(ModelError, match=r"below|above"):
            result.probability(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ci": "KR", "tau2": "DL"}, 'defined for tau2="REML"'),
        ({"ci": "profile"}, 'defined for tau2="ML"'),
        ({"options": {"tau2_interval": "GENQ"}}, "must be a PoolOptions"),
        ({"tau2": "PM", "options": km.PoolOptions(tau2_interval="profile")}, "needs tau2"),
    ],
)
def test_choices_that_do_not_go_together_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        km.pool(yi=YI, vi=VI, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tau2_interval": "PL"}, "choose one of Q-profile, profile, GENQ"),
        ({"draws": 10}, "1000 or more"),
        ({"draws": 1e4}, "whole number"),
        ({"draws": True}, "whole number"),
        ({"rng": "seed"}, "rng='seed'"),
        ({"rng": -1}, "rng=-1"),
    ],
)
def test_refused_options(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        km.PoolOptions(**arguments)  # type: ignore[arg-type]


def test_refused_arrays() -> None:
    for method in (generalised_q, profile_tau2, profile_mean):
        for y, v in (([0.1, np.inf], [0.1, 0.2]), ([0.1, 0.2], [0.1, 0.0]), ([0.1, 0.2, 0.3], [0.1, 0.2])):
            with pytest.raises(ModelError):
                method(y, v)
    with pytest.raises(ModelError, match="needs ML or REML"):
        profile_tau2(YI, VI, method="DL")


def test_method_line_names_the_intervals() -> None:
    options = km.PoolOptions(tau2_interval="profile", draws=1000)
    result = km.pool(yi=YI, vi=VI, tau2="ML", ci="profile", prediction="bootstrap", options=options)
    for part in ("profile likelihood interval", "parametric bootstrap", "I2 and H2 by profile likelihood"):
        assert part in result.method
    assert result.to_dict()["tau2_interval"] == "profile"
    assert result.i2_ci[1] == pytest.approx(100.0 * (1.0 - 1.0 / result.h2_ci[1]), rel=1e-12)


def test_roots_are_found_in_bad_company() -> None:
    """A flat function, one with its root at an end, one that does not change its sign."""
    low, high = np.array([0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0])

    def function(x: Array) -> Array:
        return np.array([(x[0] - 0.3) ** 21, x[1], x[2] + 1.0])

    found = bracketed_root(function, low, high, function(low), function(high))
    assert found[0] == pytest.approx(0.3, abs=0.03)
    assert found[1:].tolist() == [0.0, 0.0]


def test_inference_takes_fractions_of_degrees_of_freedom() -> None:
    found = Inference(-0.5, 0.2, np.array([0.5, 0.0, math.inf]), 0.95)
    assert found.critical[0] == pytest.approx(stats.t.ppf(0.975, 0.5), rel=1e-9)
    assert found.p[0] == pytest.approx(2.0 * stats.t.sf(2.5, 0.5), rel=1e-9)
    assert np.isnan(found.critical[1])
    assert found.below(-0.5).tolist()[::2] == [0.5, 0.5]
