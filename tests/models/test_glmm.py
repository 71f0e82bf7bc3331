"""Binomial-normal models: derivatives, quadrature, profile intervals, and a simulation."""

import math

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from ketameta.errors import ModelError
from ketameta.models._densities import Conditional, Unconditional
from ketameta.models._marginal import Likelihood, Point
from ketameta.models.glmm import fit_glmm
from ketameta.models.quadrature import hermite_rule

CELLS = [
    np.array(x, float)
    for x in ([4, 6, 0, 12, 9], [23, 36, 31, 40, 12], [11, 9, 5, 9, 2], [39, 33, 30, 41, 12])
]
START = {
    "CM.EL": Point(np.array([-0.4, 0.7]), np.empty(0)),
    "UM.FS": Point(np.array([-0.4, 0.7]), np.array([-1.0, -1.1, -2.0, -0.9, 0.1])),
    "UM.RS": Point(np.array([-0.4, 0.7, -1.0, 0.6]), np.empty(0)),
}


def likelihood(model, nodes):
    density = Conditional(*CELLS) if model == "CM.EL" else Unconditional(*CELLS)
    return Likelihood(density, model, nodes)


@pytest.mark.parametrize("model", START)
def test_derivatives_are_those_of_the_value(model):
    found = likelihood(model, 60)
    point = START[model]
    surface, h = found.at(point, 5), 1e-5
    for i in range(len(point.shared)):
        step = np.zeros(len(point.shared))
        step[i] = h
        up, down = (found.at(Point(point.shared + s * step, point.own), 5) for s in (1, -1))
        assert (up.value - down.value) / (2 * h) == pytest.approx(surface.slope[i], abs=2e-7)
        assert (up.slope - down.slope) / (2 * h) == pytest.approx(surface.bend[i], abs=2e-6)
    for i in range(len(point.own)):
        step = np.zeros(len(point.own))
        step[i] = h
        up, down = (found.at(Point(point.shared, point.own + s * step), 5) for s in (1, -1))
        assert (up.value - down.value) / (2 * h) == pytest.approx(surface.own_slope[i], abs=2e-7)
        assert (up.slope - down.slope) / (2 * h) == pytest.approx(surface.cross[i], abs=2e-6)


def test_value_against_adaptive_integration():
    theta, tau = START["CM.EL"].shared
    total = 0.0
    for a, n1, c, n2 in zip(*CELLS, strict=True):

        def integrand(z, a=a, n1=n1, c=c, n2=n2):
            t = theta + tau * z
            return stats.nchypergeom_fisher.pmf(a, n1 + n2, a + c, n1, math.exp(t)) * stats.norm.pdf(z)

        total += math.log(integrate.quad(integrand, -12, 12, epsabs=1e-13, epsrel=1e-12, limit=200)[0])
    assert likelihood("CM.EL", 60).at(START["CM.EL"], 5).value == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("model", START)
def test_more_nodes_change_nothing(model):
    chosen = fit_glmm(*CELLS, model=model)
    finer = fit_glmm(*CELLS, model=model, nodes=2 * chosen.nodes)
    assert chosen.drift <= 1e-9
    for name in ("estimate", "se", "tau2", "loglik"):
        assert getattr(finer, name) == pytest.approx(getattr(chosen, name), rel=1e-8, abs=1e-8), name


def test_too_few_nodes_are_seen():
    assert fit_glmm(*CELLS, model="CM.EL", nodes=5).drift > 1e-7


def test_common_effect_is_logistic_regression():
    fit = fit_glmm(*CELLS, model="UM.FS", common=True)
    a, n1, c, n2 = CELLS

    def loss(p):
        one, two = p[1:] + p[0] / 2, p[1:] - p[0] / 2
        return -np.sum(a * one - n1 * np.logaddexp(0, one) + c * two - n2 * np.logaddexp(0, two))

    best = optimize.minimize(loss, np.r_[0.0, -np.ones(5)], method="BFGS", options={"gtol": 1e-9})
    constant = np.sum(np.log(special.comb(n1, a)) + np.log(special.comb(n2, c)))
    assert fit.estimate == pytest.approx(best.x[0], abs=1e-6)
    assert fit.loglik == pytest.approx(constant - best.fun, abs=1e-9)


def test_profile_bounds_lie_where_the_likelihood_has_fallen_enough():
    fit = fit_glmm(*CELLS, model="CM.EL", profile=True)
    found = likelihood("CM.EL", 120)

    def highest(theta):
        best = optimize.minimize_scalar(
            lambda tau: -found.at(Point(np.array([theta, tau]), np.empty(0)), 5).value,
            bounds=(0, 6),
            method="bounded",
            options={"xatol": 1e-8},
        )
        return -best.fun

    for bound in fit.ci:
        assert 2 * (fit.loglik - highest(bound)) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-5)


def test_laplace_is_one_node():
    assert hermite_rule(1, 1).points.shape == (1, 1)
    one = likelihood("UM.RS", 1).at(START["UM.RS"], 5).value
    many = likelihood("UM.RS", 40).at(START["UM.RS"], 5).value
    assert 1e-4 < abs(one - many) < 0.5


def test_known_truth_is_found_again():
    rng = np.random.default_rng(1)
    k, n = 90, np.full(90, 80.0)
    level, effect = rng.normal(-1.0, 0.7, k), 0.6 + 0.5 * rng.normal(size=k)
    a, c = (rng.binomial(80, special.expit(level + s * effect / 2)).astype(float) for s in (1, -1))
    for model in START:
        fit = fit_glmm(a, n, c, n, model=model)
        assert abs(fit.estimate - 0.6) < 3.5 * fit.se
        assert fit.tau2 == pytest.approx(0.25, abs=0.15)
        assert math.isnan(fit.sigma2) or fit.sigma2 == pytest.approx(0.49, abs=0.2)


def test_conditional_refuses_supports_that_do_not_fit():
    big = np.array([4e6, 4e6])
    with pytest.raises(ModelError, match=r"UM\.FS"):
        fit_glmm(big, 2 * big, big, 2 * big, model="CM.EL")
