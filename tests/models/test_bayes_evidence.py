"""bayes(): evidence and Bayes factors, and what an improper or a heavy-tailed posterior does not give."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

import ketameta as km
from ketameta.errors import ModelError
from ketameta.models import Exponential, HalfCauchy, HalfNormal, HalfT, LogStudentT, Normal, Uniform

from .bayes_cases import VI, YI


def test_evidence_and_bayes_factors_by_other_roads() -> None:
    prior, mu_prior = HalfNormal(0.5), Normal(0.1, 0.8)
    fit = km.bayes(yi=YI, vi=VI, tau_prior=prior, mu_prior=mu_prior)

    def given(tau: float, sd: float) -> float:
        cov = np.diag(VI + tau * tau) + sd * sd
        return float(stats.multivariate_normal.pdf(YI, np.full(5, 0.1 if sd else 0.0), cov))

    def over(sd: float) -> float:
        return float(
            integrate.quad(lambda t: given(t, sd) * stats.halfnorm.pdf(t, scale=0.5), 0, 8, epsrel=1e-12)[0]
        )

    assert fit.log_evidence == pytest.approx(math.log(over(0.8)), abs=1e-9)
    assert fit.bf_mu0 == pytest.approx(over(0.0) / over(0.8), rel=1e-8)
    assert fit.bf_tau0 == pytest.approx(given(0.0, 0.8) / over(0.8), rel=1e-8)
    savage_dickey = fit.mu.pdf(0.0) / stats.norm.pdf(0.0, 0.1, 0.8)
    assert fit.bf_mu0 == pytest.approx(savage_dickey, rel=1e-9)
    assert fit.bf_tau0 == pytest.approx(fit.tau.pdf(0.0) / stats.halfnorm.pdf(0.0, scale=0.5), rel=1e-9)


def test_improper_priors_have_no_evidence() -> None:
    flat = km.bayes(yi=YI, vi=VI)
    assert math.isnan(flat.log_evidence)
    assert math.isnan(flat.bf_mu0)
    assert flat.bf_tau0 == pytest.approx(flat.tau.pdf(0.0) / stats.halfnorm.pdf(0.0, scale=0.5), rel=1e-9)
    uniform = km.bayes(yi=YI, vi=VI, tau_prior=Uniform(math.inf))
    assert math.isnan(uniform.bf_tau0)
    wide = km.bayes(yi=YI, vi=VI, tau_prior=Uniform(1e7))
    assert uniform.mu.low == pytest.approx(wide.mu.low, rel=1e-9)
    assert "tau = 0" not in str(uniform)


@pytest.mark.parametrize(("k", "mu_prior"), [(1, None), (2, None), (1, Normal(0.0, 1.0))])
def test_improper_posteriors_are_refused(k: int, mu_prior: Normal | None) -> None:
    with pytest.raises(ModelError, match=r"improper.*HalfNormal"):
        km.bayes(yi=YI[:k], vi=VI[:k], tau_prior=Uniform(math.inf), mu_prior=mu_prior)


def test_two_studies_with_a_proper_mean_carry_an_improper_uniform() -> None:
    fit = km.bayes(yi=YI[:2], vi=VI[:2], tau_prior=Uniform(math.inf), mu_prior=Normal(0.0, 1.0))
    assert math.isinf(fit.tau.mean)
    assert math.isfinite(fit.mu.sd)
    assert math.isnan(fit.new.mean)
    assert any("heavy-tailed" in note for note in fit.notes)


@pytest.mark.parametrize(
    ("k", "prior", "mean", "sd"),
    [
        (1, HalfCauchy(0.5), False, False),
        (2, HalfCauchy(0.5), True, False),
        (3, HalfCauchy(0.5), True, True),
        (2, HalfT(1.5, 0.5), True, True),
        (1, HalfNormal(0.5), True, True),
        (1, LogStudentT(-3.0, 2.0, 5.0), False, False),
        (2, LogStudentT(-3.0, 2.0, 5.0), True, False),
        (3, Uniform(math.inf), False, False),
        (4, Uniform(math.inf), True, False),
        (5, Uniform(math.inf), True, True),
    ],
)
def test_moments_that_do_not_exist_are_not_given(k: int, prior: Any, mean: bool, sd: bool) -> None:
    fit = km.bayes(yi=YI[:k], vi=VI[:k], tau_prior=prior)
    assert math.isfinite(fit.tau.mean) == mean == math.isfinite(fit.mu.mean) == math.isfinite(fit.new.mean)
    assert math.isfinite(fit.tau.sd) == sd == math.isfinite(fit.mu.sd) == math.isfinite(fit.new.sd)
    assert np.isfinite(fit.studies[["mean", "sd"]]).all(axis=None)
    assert any("heavy-tailed" in note for note in fit.notes) == (not sd)


@pytest.mark.parametrize(
    "prior", [Uniform(2.0), HalfNormal(0.5), Exponential(0.5)], ids=lambda prior: str(prior)
)
def test_a_mean_of_zero_far_off_costs_neither_memory_nor_an_error(prior: Any) -> None:
    """One trial: the marginal likelihood at mu = 0 is an integral over tau alone, here by its largest term."""
    shift = 1e5
    fit = km.bayes(yi=[shift], vi=[0.05], tau_prior=prior, mu_prior=Normal(shift, 1.5))
    tau = np.geomspace(1e-3, min(prior.upper, 1e4), 400_001)
    total = 0.05 + tau**2
    top = (prior.log_density(tau) - 0.5 * np.log(2.0 * math.pi * total) - 0.5 * shift**2 / total).max()
    assert fit.log_bf_mu0 == pytest.approx(top - fit.log_evidence, rel=1e-3, abs=20.0)
    assert fit.bf_mu0 == 0.0
