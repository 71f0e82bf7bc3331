"""Selection models: the likelihood by another road, recovery of a known selection, invariances, edges, result."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, stats

import ketameta as km
from ketameta.errors import ModelError
from ketameta.robustness._selection_likelihood import Likelihood
from ketameta.robustness._selection_weights import P_MIN, scheme
from ketameta.robustness.selection import selection_model
from ketameta.robustness.selection_fitting import fit_selection

Y = np.array([-0.9, -0.5, -0.62, -0.15, -0.05, -1.2, -0.7, -0.3, -0.8, 0.1, -0.45, -0.02])
V = np.array([0.09, 0.05, 0.04, 0.02, 0.03, 0.16, 0.1, 0.06, 0.08, 0.04, 0.02, 0.09])
FAMILIES: list[tuple[str, tuple[float, ...], bool, list[float]]] = [
    ("step", (0.025,), False, [-0.7]),
    ("step", (0.025, 0.5), False, [-0.5, 0.3]),
    ("step", (0.05, 0.5), True, [-0.5, -1.3]),
    ("beta", (), False, [-0.4, 0.7]),
    ("beta", (), False, [0.8, 30.0]),
    ("negexp", (), False, [1.5]),
    ("negexp", (), True, [4.0]),
    ("halfnorm", (), False, [2.0]),
    ("halfnorm", (), True, [20.0]),
]


def _weight(family: str, steps: tuple[float, ...], theta: list[float], p: float) -> float:
    """The weight functions as their papers print them."""
    if family == "step":
        return [1.0, *np.exp(theta)][int(np.searchsorted(steps, p))]
    if family == "beta":
        inside = min(max(p, P_MIN), 1.0 - P_MIN)
        return inside ** theta[0] * (1.0 - inside) ** theta[1]
    return math.exp(-theta[0] * (p if family == "negexp" else p * p))


def _by_quadrature(
    family: str, steps: tuple[float, ...], two_sided: bool, theta: list[float], mu: float, tau2: float
) -> float:
    """The log-likelihood from its definition, its normalising constants integrated numerically."""

    def p_of(y: float, v: float) -> float:
        z = y / math.sqrt(v)
        return 2.0 * stats.norm.sf(abs(z)) if two_sided else stats.norm.sf(z)

    total = 0.0
    for y, v in zip(-Y[:5], V[:5], strict=True):
        s = v + tau2
        cuts = [
            z * math.sqrt(v)
            for z in (stats.norm.isf([P_MIN, 1.0 - P_MIN, 1e-30, *steps, *(np.array(steps) / 2)]))
        ]
        cuts = sorted({0.0, *cuts, *(-cut for cut in cuts), mu - 12 * math.sqrt(s), mu + 12 * math.sqrt(s)})

        def seen(x: float, v: float = v, s: float = s) -> float:
            return _weight(family, steps, theta, p_of(x, v)) * stats.norm.pdf(x, mu, math.sqrt(s))

        constant = sum(
            integrate.quad(seen, a, b, epsabs=1e-13, epsrel=1e-11, limit=200)[0]
            for a, b in itertools.pairwise(cuts)
        )
        total += math.log(seen(y) / constant)
    return total


@pytest.mark.parametrize(("family", "steps", "two_sided", "theta"), FAMILIES)
@pytest.mark.parametrize(("mu", "tau2"), [(0.4, 0.05), (-0.3, 0.6)])
def test_likelihood_is_that_of_its_definition(
    family: str, steps: tuple[float, ...], two_sided: bool, theta: list[float], mu: float, tau2: float
) -> None:
    likelihood = Likelihood.of(-Y[:5], V[:5], scheme(family, steps, two_sided=two_sided))
    value = likelihood.at(np.array([mu, math.log1p(tau2), *theta]))[0]
    assert value == pytest.approx(_by_quadrature(family, steps, two_sided, theta, mu, tau2), abs=1e-9)


@pytest.mark.parametrize(("family", "steps", "two_sided", "theta"), FAMILIES)
def test_derivatives_are_those_of_the_likelihood(
    family: str, steps: tuple[float, ...], two_sided: bool, theta: list[float]
) -> None:
    likelihood = Likelihood.of(-Y, V, scheme(family, steps, two_sided=two_sided))
    x, h = np.array([0.4, 0.1, *theta]), 1e-5
    _, gradient, hessian = likelihood.at(x)
    around = [(likelihood.at(x + h * e), likelihood.at(x - h * e)) for e in np.eye(x.size)]
    np.testing.assert_allclose(gradient, [(a[0] - b[0]) / (2 * h) for a, b in around], rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(hessian, [(a[1] - b[1]) / (2 * h) for a, b in around], rtol=1e-6, atol=1e-6)


def test_no_point_of_a_grid_is_higher_and_the_profile_is_that_of_the_grid() -> None:
    found = fit_selection(Y, V, alternative="less")

    def loglik(mu: float, tau2: float, delta: float) -> Any:
        s = V + tau2
        seen = stats.norm.cdf((-1.959963984540054 * np.sqrt(V) - mu) / np.sqrt(s))
        weight = np.where(Y / np.sqrt(V) < -1.959963984540054, 1.0, delta)
        return (
            np.log(weight) + stats.norm.logpdf(Y, mu, np.sqrt(s)) - np.log(seen + delta * (1 - seen))
        ).sum()

    assert loglik(found.mu, found.tau2, float(found.delta[0])) == pytest.approx(found.loglik, abs=1e-10)
    grid = [
        loglik(mu, tau2, delta)
        for mu in np.linspace(-1.0, 0.4, 29)
        for tau2 in (0.0, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4)
        for delta in np.geomspace(0.005, 5.0, 25)
    ]
    assert found.loglik - 0.05 < max(grid) <= found.loglik + 1e-10
    drop = stats.chi2.ppf(0.95, 1) / 2
    for bound in found.mu_interval():
        height = max(
            -optimize.minimize(
                lambda x, mu=bound: -loglik(mu, x[0] ** 2, math.exp(x[1])),
                start,
                method="Nelder-Mead",
                options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 4000},
            ).fun
            for start in ([0.1, -1.0], [0.3, -3.0], [0.01, 0.0])
        )
        assert found.loglik - height == pytest.approx(drop, abs=1e-7)


def _drawn(rng: np.random.Generator, k: int, mu: float, tau: float, delta: float) -> tuple[Any, Any]:
    """Studies of which those without a significant effect above 0 are seen with probability ``delta``."""
    v = rng.uniform(0.02, 0.25, 20 * k)
    y = rng.normal(mu, np.sqrt(tau**2 + v))
    seen = (y / np.sqrt(v) > 1.959963984540054) | (rng.random(y.size) < delta)
    return y[seen][:k], v[seen][:k]


def test_recovers_a_known_selection() -> None:
    """Of 4,000 studies the estimates lie within four standard errors of the truth; without selection they do not."""
    y, v = _drawn(np.random.default_rng(20260722), 4000, 0.2, 0.2, 0.25)
    found = fit_selection(y, v)
    assert y.size == 4000
    assert abs(found.mu - 0.2) < 4 * found.mu_se < 0.1
    assert abs(found.tau2 - 0.04) < 4 * found.tau2_se
    assert abs(found.delta[0] - 0.25) < 4 * found.delta_se[0] < 0.25
    assert found.mu_none - 0.2 > 8 * found.mu_none_se


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Of 60 samples of 80 studies at least 51 intervals hold the mean: P < 0.003 for fewer at 95%."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(60):
        found = fit_selection(*_drawn(rng, 80, 0.2, 0.2, 0.25))
        held += found.mean_deviance(0.2) < stats.chi2.ppf(0.95, 1)
    assert held >= 51


@pytest.mark.parametrize("family", ["step", "beta", "negexp", "halfnorm"])
def test_sign_scale_and_order(family: str) -> None:
    found = fit_selection(Y, V, weights=family, alternative="less")
    order = np.random.default_rng(3).permutation(Y.size)
    other = fit_selection(-300.0 * Y[order], 9e4 * V[order], weights=family, alternative="greater")
    assert other.mu == pytest.approx(-300.0 * found.mu, rel=1e-7)
    assert other.tau2 == pytest.approx(9e4 * found.tau2, rel=1e-6, abs=1e-6)
    assert other.delta == pytest.approx(found.delta, rel=1e-6)
    assert other.loglik == pytest.approx(found.loglik - Y.size * math.log(300.0), abs=1e-9)
    low, high = found.tau2_interval()
    assert other.tau2_interval() == pytest.approx((9e4 * low, 9e4 * high), rel=1e-6)


def test_beta_mirrors_itself() -> None:
    less, greater = (fit_selection(Y, V, weights="beta", alternative=side) for side in ("less", "greater"))
    assert less.mu == pytest.approx(greater.mu, rel=1e-7)
    assert less.delta == pytest.approx(greater.delta[::-1], rel=1e-6)


@pytest.mark.parametrize(("family", "delta"), [("step", (1, 1)), ("beta", (1, 1)), ("negexp", 1e-300)])
def test_weights_of_one_are_no_selection(family: str, delta: Any) -> None:
    found = fit_selection(Y, V, weights=family, alternative="less", delta=delta)
    fit = km.pool(yi=Y, vi=V, tau2="ML", ci="Wald")
    assert found.mu == pytest.approx(fit.estimate, rel=1e-9)
    assert found.tau2 == pytest.approx(fit.tau2, rel=1e-7)
    assert found.loglik == pytest.approx(fit.loglik, abs=1e-10)
    assert found.mu_none == pytest.approx(fit.estimate, rel=1e-12)


def test_stated_weights_equal_to_the_estimates_give_the_estimates() -> None:
    free = fit_selection(Y, V, steps=(0.025, 0.2), alternative="less")
    held = fit_selection(Y, V, steps=(0.025, 0.2), alternative="less", delta=(1.0, *free.delta))
    assert held.mu == pytest.approx(free.mu, rel=1e-8)
    assert held.loglik == pytest.approx(free.loglik, abs=1e-10)


def test_stronger_stated_selection_pulls_the_mean_to_zero() -> None:
    fit = km.pool(yi=Y, vi=V)
    means = [selection_model(fit, delta=(1, weight)).estimate for weight in (1, 0.5, 0.25, 0.1)]
    assert means == sorted(means)
    assert means[-1] > means[0] + 0.1


def test_a_cut_belongs_to_the_interval_below_it() -> None:
    y = np.array([0.0, 0.5, 0.9, -0.2])
    assert fit_selection(y, np.full(4, 0.04), steps=(0.5,)).counts == (3, 1)


def test_common_effect_holds_tau2_at_zero() -> None:
    fit = km.pool(yi=Y, vi=V, tau2="EE", ci="Wald")
    found = selection_model(fit)
    assert found.common
    assert found.tau2 == 0
    assert math.isnan(found.tau2_ci[0])
    assert found.unadjusted == pytest.approx(fit.estimate, rel=1e-12)
    assert "Common-effect" in found.method


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"weights": "stepp"}, "did you mean 'step'"),
        ({"alternative": "lower"}, "alternative"),
        ({"intervals": "bootstrap"}, "intervals"),
        ({"steps": (0.5, 0.025)}, "rising order"),
        ({"steps": ()}, "rising order"),
        ({"steps": "0.025"}, "rising order"),
        ({"steps": (0.025, float("nan"))}, "rising order"),
        ({"steps": (1e-9, 0.025)}, r"steps=\(0.025,\)"),
        ({"steps": (0.99,)}, "all studies lie in one interval"),
        ({"delta": (1, 0)}, "above 0"),
        ({"delta": (0.5, 1)}, "must be 1"),
        ({"delta": (1, 1, 1)}, "2 in all"),
        ({"delta": "strong"}, "delta"),
        ({"weights": "beta", "alternative": "two-sided"}, "one-sided"),
        ({"weights": "negexp", "delta": 1e6}, "beyond"),
    ],
)
def test_refuses_in_words(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        selection_model(km.pool(yi=Y, vi=V), **arguments)


def test_refuses_what_is_no_pool_or_too_small() -> None:
    with pytest.raises(ModelError, match="takes the result of pool"):
        selection_model([0.1, 0.2])  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="2 studies or more"):
        selection_model(km.pool(yi=[0.1], vi=[0.1]))
    with pytest.raises(ModelError, match="3 parameters needs 3 studies"):
        selection_model(km.pool(yi=[-0.1, -0.9], vi=[0.1, 0.1], ci="Wald"))


@pytest.mark.parametrize(
    ("y", "v"),
    [
        ([0.1, math.nan, 1.0], [0.1] * 3),
        ([0.1, 0.2, 1.0], [0.1, 0.0, 0.1]),
        ([0.1, 0.2], [0.1]),
        (["a"], [0.1]),
    ],
)
def test_array_function_refuses_bad_numbers(y: list[Any], v: list[float]) -> None:
    with pytest.raises(ModelError):
        fit_selection(y, v)


def test_extremes_are_numbers_or_a_named_error() -> None:
    for y, v in (
        (Y * 1e150, V * 1e300),
        (Y * 1e-150, V * 1e-300),
        (np.append(Y, -1e-3), np.append(V, 1e-12)),
        (np.append(Y, -50.0), np.append(V, 1e6)),
        (np.append(Y[:4], 0.2), np.full(5, 0.04)),
        (np.array([-0.5] * 4 + [-0.1]), np.array([0.01] * 4 + [0.2])),
    ):
        found = fit_selection(y, v, alternative="less")
        assert math.isfinite(found.mu)
        assert found.tau2 >= 0
        assert found.loglik >= found.loglik_none - 1e-9
    with pytest.raises(ModelError, match="too far apart"):
        fit_selection([-1e200, 0.1, 0.2], [1.0, 1.0, 1.0], alternative="less")


def test_two_studies_under_stated_weights() -> None:
    found = selection_model(km.pool(yi=[-0.6, -0.2], vi=[0.04, 0.05], ci="Wald"), delta=(1, 0.5))
    assert math.isfinite(found.estimate)
    assert any("2 studies" in note for note in found.notes)


def test_side_is_that_of_the_pool() -> None:
    for sign, side in ((1.0, "less"), (-1.0, "greater")):
        found = selection_model(km.pool(yi=sign * Y, vi=V))
        assert found.alternative == side
        assert found.ci_low <= found.estimate <= found.ci_high


def test_result_says_everything() -> None:
    fit = km.pool(pd.DataFrame({"yi": Y[:9], "vi": V[:9], "measure": "RR"}))
    found = selection_model(fit)
    stored = found.to_dict()
    json.dumps(stored, allow_nan=False)
    assert stored["weight_function"][1]["k"] == found.table["k"][1] == found.k - found.table["k"][0]
    assert found.provenance.steps[-1] == {
        "step": "selection_model",
        "arguments": {
            "weights": "step",
            "steps": [0.025],
            "alternative": None,
            "delta": None,
            "intervals": "profile",
        },
    }
    assert found.lrt_p == pytest.approx(stats.chi2.sf(2 * (found.loglik - found.loglik_none), 1), rel=1e-12)
    assert f"{math.exp(found.estimate):.2f}" in found.sentence()
    assert f"{math.exp(found.estimate):.2f}" in str(found)
    assert "shown as ratio" in str(found)
    assert any("9 studies" in note for note in found.notes)
    assert any("maximum likelihood" in note for note in found.notes)
    assert found.to_frame()["estimate"].tolist() == [found.unadjusted, found.estimate]
    assert found.weight_at([0.0, 0.025, 0.03]).tolist() == [1.0, 1.0, pytest.approx(found.table["delta"][1])]
    with pytest.raises(ModelError, match="between 0 and 1"):
        found.weight_at(1.2)


def test_profile_and_wald_intervals() -> None:
    fit = km.pool(yi=Y, vi=V)
    profile, wald = selection_model(fit), selection_model(fit, intervals="Wald")
    assert (wald.ci_low, wald.ci_high) == profile.wald_ci
    assert wald.ci_high - wald.estimate == pytest.approx(stats.norm.ppf(0.975) * wald.se, rel=1e-12)
    assert (profile.p < 0.05) == (not profile.ci_low <= 0 <= profile.ci_high)
    held = fit_selection(Y, V, alternative="less")
    assert held.mean_deviance(profile.ci_high) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-6)
    assert selection_model(fit, weights="beta", intervals="Wald").table["term"].tolist() == ["a", "b"]


def test_bounds_are_those_of_the_highest_of_several_maxima() -> None:
    """Beyond 2 the profile has a second maximum, with a large tau2, above the one that is reached from the estimate."""
    rng = np.random.default_rng(12)
    k, mu, tau = int(rng.choice([6, 12, 30])), rng.choice([0, 0.4]), rng.choice([0, 0.3])
    v = rng.uniform(0.01, 0.4, k)
    found = fit_selection(rng.normal(mu, np.sqrt(v + tau**2)), v, weights="beta", alternative="less")
    best, cut = found.maximum, stats.chi2.ppf(0.95, 1)
    at = found.sign * -1.15 / found.unit
    held = best.profile(0, at, [np.array([at, 2.2, 0.75, 0.45])])
    assert 2 * (best.value - held.value) < 2.3 < cut
    assert found.mean_deviance(-1.15) == pytest.approx(2 * (best.value - held.value), abs=1e-6)
    assert found.mu_interval()[0] == -math.inf


def test_weights_that_rise_are_remarked_on() -> None:
    y = np.array([-0.1, -0.2, -0.15, -0.25, -0.3, -0.2, -0.1, -0.28, -0.31, -0.22, -0.5])
    found = selection_model(km.pool(yi=y, vi=np.full(y.size, 0.03)))
    assert found.table["delta"][1] > 1
    assert any("not the pattern" in note for note in found.notes)
    assert any("only 1 study" in note for note in found.notes)


def test_what_is_not_identified_says_so() -> None:
    """Six nearly equal effects: the parameters of beta weights run to the end of their range."""
    fit = km.pool(yi=[0.3, 0.31, 0.32, 0.30, 0.33, 0.29], vi=[0.04] * 6)
    found = selection_model(fit, weights="beta")
    assert not found.identified
    assert any("do not identify" in note for note in found.notes)
    assert math.isinf(found.ci_high - found.ci_low)
    assert None in found.to_dict()["weight_function"][1].values()
    far = selection_model(fit, weights="negexp")
    assert any("outside the range" in note for note in far.notes)
