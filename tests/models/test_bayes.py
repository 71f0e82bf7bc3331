"""bayes(): posteriors against brute force and dense grids, also at the edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, special, stats

import ketameta as km
from ketameta.models import Exponential, HalfCauchy, LogNormal, LogStudentT, Normal, Uniform, rhodes2015

from .bayes_cases import IDS, PRIORS, VI, YI


@pytest.mark.parametrize("prior", PRIORS[:6], ids=IDS[:6])
def test_tau_and_a_new_trial_against_a_two_dimensional_grid(prior: Any) -> None:
    """The grid knows only the likelihood of the effects given mu and tau, and the priors."""
    fit = km.bayes(yi=YI, vi=VI, tau_prior=prior, mu_prior=Normal(0.0, 1.0))
    mu, cut, x_new = np.linspace(-8.0, 7.0, 801), 0.3, -0.2
    mass, below = [], []
    for low, high in ((1e-9, cut), (cut, min(prior.upper, 1e4))):
        x = np.linspace(math.log(low), math.log(high), 801)
        tau = np.exp(x)[:, None]
        log_joint = prior.log_density(tau) + x[:, None] - 0.5 * mu**2
        for y, v in zip(YI, VI, strict=True):
            log_joint = log_joint - 0.5 * np.log(v + tau**2) - 0.5 * (y - mu) ** 2 / (v + tau**2)
        joint = np.exp(log_joint)
        mass.append(float(integrate.simpson(joint.sum(axis=1), x=x)))
        new = (joint * special.ndtr((x_new - mu) / tau)).sum(axis=1)
        below.append(float(integrate.simpson(new, x=x)))
    assert fit.tau.cdf(cut) == pytest.approx(mass[0] / sum(mass), abs=1e-7)
    assert fit.new.cdf(x_new) == pytest.approx(sum(below) / sum(mass), abs=1e-6)


def by_grid(yi: Any, vi: Any, tau_prior: Any, mu_prior: Normal | None, what: Any) -> float:
    """Posterior expectation of ``what(tau, mean, sd)`` of mu given tau, by Simpson's rule on a dense grid of log tau."""
    x = np.linspace(-32.0, min(math.log(tau_prior.upper), 33.0), 40_001)
    tau = np.exp(x)
    w = [1.0 / (v + tau * tau) for v in vi]
    mean, var = sum(a * y for a, y in zip(w, yi, strict=True)) / sum(w), 1.0 / sum(w)
    like = sum(
        0.5 * np.log(a) - 0.5 * a * (y - mean) ** 2 for a, y in zip(w, yi, strict=True)
    ) + 0.5 * np.log(var)
    if mu_prior is not None:
        like = like - 0.5 * (mean - mu_prior.mean) ** 2 / (var + mu_prior.sd**2)
        like = like - 0.5 * np.log(var + mu_prior.sd**2)
        total = 1.0 / (1.0 / var + 1.0 / mu_prior.sd**2)
        mean, var = total * (mean / var + mu_prior.mean / mu_prior.sd**2), total
    log_f = like + tau_prior.log_density(tau) + x
    f = np.exp(log_f - log_f.max())
    return float(integrate.simpson(f * what(tau, mean, np.sqrt(var)), x=x) / integrate.simpson(f, x=x))


@pytest.mark.parametrize("mu_prior", [None, Normal(0.2, 1.5)], ids=["flat", "normal"])
@pytest.mark.parametrize("prior", PRIORS[:6], ids=IDS[:6])
def test_every_quantity_against_a_dense_grid(prior: Any, mu_prior: Normal | None) -> None:
    fit = km.bayes(yi=YI, vi=VI, tau_prior=prior, mu_prior=mu_prior)

    def expect(what: Any) -> float:
        return by_grid(YI, VI, prior, mu_prior, what)

    assert fit.mu.mean == pytest.approx(expect(lambda t, m, s: m), rel=1e-8)
    assert fit.mu.sd**2 == pytest.approx(expect(lambda t, m, s: s * s + (m - fit.mu.mean) ** 2), rel=1e-8)
    assert fit.tau.mean == pytest.approx(expect(lambda t, m, s: t), rel=1e-8)
    assert fit.tau.sd**2 == pytest.approx(expect(lambda t, m, s: (t - fit.tau.mean) ** 2), rel=1e-7)
    for x in (fit.mu.low, fit.mu.median, fit.mu.shortest_high, 0.0):
        assert fit.mu.cdf(x) == pytest.approx(
            expect(lambda t, m, s, x=x: special.ndtr((x - m) / s)), abs=1e-9
        )
        assert fit.mu.pdf(x) == pytest.approx(expect(lambda t, m, s, x=x: stats.norm.pdf(x, m, s)), rel=1e-8)
    for p, x in ((0.025, fit.new.low), (0.5, fit.new.median), (0.975, fit.new.high)):
        found = expect(lambda t, m, s, x=x: special.ndtr((x - m) / np.hypot(s, t)))
        assert found == pytest.approx(p, abs=1e-9)
    y, v, x = YI[0], VI[0], fit.studies["low"][0]

    def shrunken(t: Any, m: Any, s: Any) -> Any:
        b = v / (v + t * t)
        return special.ndtr((x - b * m - (1 - b) * y) / np.sqrt(v * (1 - b) + b * b * s * s))

    assert expect(shrunken) == pytest.approx(0.025, abs=1e-9)


@pytest.mark.parametrize("k", [2, 5])
def test_a_log_t_prior_against_a_grid_over_its_quantiles(k: int) -> None:
    """Its density is not bounded at 0 and its tails are slow: the grid is even in the log odds of the prior's mass."""
    prior, yi, vi = rhodes2015("mental health", "placebo"), YI[:k], VI[:k]
    fit = km.bayes(yi=yi, vi=vi, tau_prior=prior)
    odds = np.linspace(-34.0, 34.0, 40_001)
    share = special.expit(odds)
    t = np.where(odds < 0.0, special.stdtrit(5.0, share), -special.stdtrit(5.0, special.expit(-odds)))
    tau = np.exp(np.minimum(0.5 * (-2.99 + 2.16 * t), 200.0))
    w = 1.0 / (vi[:, None] + tau**2)
    mean, sd = (w * yi[:, None]).sum(axis=0) / w.sum(axis=0), 1.0 / np.sqrt(w.sum(axis=0))
    log_like = 0.5 * (np.log(w) - w * (yi[:, None] - mean) ** 2).sum(axis=0) + np.log(sd)
    f = np.exp(log_like) * share * special.expit(-odds)

    def expect(what: Any) -> float:
        return float(integrate.simpson(f * what, x=odds) / integrate.simpson(f, x=odds))

    for x in (fit.mu.low, fit.mu.median, 0.0):
        assert fit.mu.cdf(x) == pytest.approx(expect(special.ndtr((x - mean) / sd)), abs=1e-9)
    assert fit.new.cdf(-0.2) == pytest.approx(
        expect(special.ndtr((-0.2 - mean) / np.hypot(sd, tau))), abs=1e-9
    )
    assert fit.mu.mean == pytest.approx(expect(mean), rel=1e-8)
    place = np.searchsorted(tau, fit.tau.median)
    below = integrate.simpson(f[: place + 1], x=odds[: place + 1]) / integrate.simpson(f, x=odds)
    assert fit.tau.cdf(tau[place]) == pytest.approx(below, abs=1e-9)


@pytest.mark.parametrize(
    ("spread", "mu_prior"),
    [(1.0, None), (1.0, Normal(0.0, 1.0)), (3.0, None)],
    ids=["flat", "normal", "spread"],
)
@pytest.mark.parametrize("prior", PRIORS, ids=IDS)
def test_intervals_modes_and_quantiles_hold_together(
    prior: Any, mu_prior: Normal | None, spread: float
) -> None:
    fit = km.bayes(yi=spread * YI, vi=VI, tau_prior=prior, mu_prior=mu_prior, level=0.9)
    for found in (fit.mu, fit.new, fit.tau, fit.study(0), fit.study("Study 3")):
        assert found.cdf([found.low, found.median, found.high]) == pytest.approx([0.05, 0.5, 0.95], abs=1e-10)
        assert found.quantile([0.05, 0.5, 0.95]) == pytest.approx(
            [found.low, found.median, found.high], rel=1e-9
        )
        assert found.cdf(0.3) + found.sf(0.3) == pytest.approx(1.0, abs=1e-12)
        low, high = found.shortest_low, found.shortest_high
        assert found.cdf(high) - found.cdf(low) == pytest.approx(0.9, abs=1e-9)
        assert found.interval(0.9, kind="shortest") == pytest.approx((low, high), rel=1e-9)
        assert found.interval(0.9) == pytest.approx((found.low, found.high), rel=1e-9)
        p = np.linspace(1e-4, 0.0999, 60)
        assert high - low <= (found.quantile(p + 0.9) - found.quantile(p)).min() * (1 + 1e-10)
        if low > 0.0 or found is not fit.tau:
            assert found.pdf(low) == pytest.approx(found.pdf(high), rel=1e-6)
        around = found.mode + 1e-3 * (high - low) * np.array([-1.0, 1.0])
        assert (found.pdf(found.mode) >= found.pdf(around)).all()
        inside = np.linspace(found.low, found.high, 4001)
        assert integrate.simpson(found.pdf(inside), x=inside) == pytest.approx(0.9, abs=1e-6)


def test_the_higher_of_two_modes_of_tau() -> None:
    fit = km.bayes(yi=[-2.31, -0.46], vi=[0.36, 0.31], tau_prior=Exponential(0.5))
    tau = np.linspace(0.0, 2.0, 2001)
    density = fit.tau.pdf(tau)
    assert (np.diff(np.sign(np.diff(density))) < 0).any()
    assert density.argmax() == 0
    assert fit.tau.mode == 0.0


def test_joint_density_has_the_marginals() -> None:
    fit = km.bayes(yi=YI, vi=VI)
    mu = np.linspace(-4.0, 3.0, 4001)
    for tau in (0.05, 0.4):
        assert integrate.simpson(fit.density(mu, tau), x=mu) == pytest.approx(fit.tau.pdf(tau), rel=1e-9)


def test_a_heavy_tailed_mean_is_summed_to_its_end() -> None:
    """The mean of tau under a half-Cauchy prior and two studies: its tail falls off as 1 / tau only."""
    prior = HalfCauchy(0.5)
    fit = km.bayes(yi=YI[:2], vi=VI[:2], tau_prior=prior)
    assert fit.tau.mean == pytest.approx(by_grid(YI[:2], VI[:2], prior, None, lambda t, m, s: t), rel=1e-8)


@pytest.mark.parametrize("prior", PRIORS, ids=IDS)
def test_one_study_leaves_tau_to_its_prior(prior: Any) -> None:
    fit = km.bayes(yi=[-0.4], vi=[0.05], tau_prior=prior)
    p = np.array([1e-6, 0.025, 0.5, 0.975, 0.999])
    assert fit.tau.quantile(p) == pytest.approx(prior.quantile(p), rel=1e-8)
    assert fit.tau.cdf(prior.quantile(p)) == pytest.approx(p, rel=1e-8)
    assert fit.mu.median == pytest.approx(-0.4, abs=1e-12)
    assert fit.bf_tau0 == pytest.approx(1.0, rel=1e-9)
    assert any("one study" in note for note in fit.notes)
    expected = by_grid(
        np.array([-0.4]), [0.05], prior, None, lambda t, m, s: special.ndtr((fit.mu.low - m) / s)
    )
    assert expected == pytest.approx(0.025, abs=1e-5 if isinstance(prior, LogStudentT) else 1e-9)


@pytest.mark.parametrize("prior", PRIORS[:6], ids=IDS[:6])
@pytest.mark.parametrize(
    ("yi", "vi"),
    [
        ([0.3, 0.3, 0.3, 0.3], [0.1, 0.2, 0.05, 0.4]),
        ([0.1, 1.0, -0.5, 0.4], [1e-8, 0.2, 1.0, 0.1]),
        ([0.1, 3.0, -2.0], [0.01, 0.02, 0.01]),
        ([0.1, 0.9], [1e-4, 1e4]),
    ],
    ids=["identical", "ratio 1e8", "prior and data clash", "ratio 1e8, k = 2"],
)
def test_edges_against_a_dense_grid(yi: Any, vi: Any, prior: Any) -> None:
    y = np.array(yi)
    fit = km.bayes(yi=yi, vi=vi, tau_prior=prior, mu_prior=Normal(0.0, 2.0))
    for x in (fit.mu.low, fit.mu.median):
        found = by_grid(y, vi, prior, fit.mu_prior, lambda t, m, s, x=x: special.ndtr((x - m) / s))
        assert fit.mu.cdf(x) == pytest.approx(found, abs=1e-8)
    assert fit.tau.mean == pytest.approx(by_grid(y, vi, prior, fit.mu_prior, lambda t, m, s: t), rel=1e-7)


def test_several_maxima() -> None:
    """One precise study far from many: mu is near the first if tau is 0, near the others if it is not."""
    fit = km.bayes(yi=[0.0, *[1.0] * 6], vi=[1e-4, *[0.3] * 6], tau_prior=LogNormal(-6.0, 4.0))
    x = np.linspace(-1.0, 6.0, 20_001)
    density = fit.mu.pdf(x)
    assert (np.diff(np.sign(np.diff(density))) < 0).sum() >= 2
    assert fit.mu.mode == pytest.approx(x[np.argmax(density)], abs=4e-4)
    p = np.linspace(1e-5, 0.04999, 301)
    widths = fit.mu.quantile(p + 0.95) - fit.mu.quantile(p)
    assert fit.mu.shortest_high - fit.mu.shortest_low <= widths.min() + 1e-9


def test_a_bound_that_cuts_off_a_steep_posterior() -> None:
    """Two trials 5,000 standard errors apart: all mass within 0.0003 of the bound, by a linear grid there."""
    fit = km.bayes(yi=[0.0, 500.0], vi=[0.01, 0.01], tau_prior=Uniform(2.0))
    tau = np.linspace(1.996, 2.0, 400_001)
    total = 0.01 + tau**2
    log_f = -0.5 * np.log(total) - 250.0**2 / total
    f = np.exp(log_f - log_f.max())
    mass = integrate.cumulative_trapezoid(f, tau, initial=0.0)
    for p, found in ((0.025, fit.tau.low), (0.5, fit.tau.median), (0.05, fit.tau.shortest_low)):
        assert np.interp(found, tau, mass / mass[-1]) == pytest.approx(p, abs=1e-6)
    assert fit.tau.mean == pytest.approx(integrate.simpson(tau * f, x=tau) / mass[-1], abs=1e-8)


def test_a_flat_posterior_of_tau_has_its_mode_at_0() -> None:
    for vi in ([1e12], [1e12, 2e12, 3e12], [1e30, 1e30, 1e30]):
        fit = km.bayes(yi=np.zeros(len(vi)), vi=vi, tau_prior=Uniform(2.0))
        assert fit.tau.mode == 0.0
        assert fit.tau.median == pytest.approx(1.0, abs=1e-6)


def test_no_mode_where_the_density_has_underflowed() -> None:
    fit = km.bayes(yi=YI[:3], vi=VI[:3], tau_prior=LogStudentT(0.0, 200.0, 1.0))
    assert fit.tau.mode < 1.0
