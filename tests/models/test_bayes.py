"""bayes(): against brute force, its invariances, edges, refusals, and what it says."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

import ketameta as km
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models import (
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfT,
    LogNormal,
    LogStudentT,
    Normal,
    Uniform,
    rhodes2015,
    turner2015,
)

YI = np.array([-1.10, -0.35, -0.62, -0.18, -0.80])
VI = np.array([0.09, 0.05, 0.04, 0.07, 0.11])
PRIORS = (
    HalfNormal(0.5),
    HalfCauchy(0.5),
    HalfT(4.0, 0.5),
    Exponential(0.5),
    Uniform(2.0),
    LogNormal(-2.12, 1.53),
    LogStudentT(-2.99, 2.16, 5.0),
)
IDS = [type(prior).__name__ for prior in PRIORS]


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


@settings(deadline=None, max_examples=12, derandomize=True)
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(1e-3, 3)), min_size=1, max_size=6),
    st.sampled_from(PRIORS[:5]),
    st.sampled_from([1e-4, 1e4]),
)
def test_units_do_not_matter(studies: list[tuple[float, float]], prior: Any, unit: float) -> None:
    yi, vi = np.array(studies).T
    fields = [getattr(prior, name) for name in prior.__slots__]
    fields[-1] *= unit
    one = km.bayes(yi=yi, vi=vi, tau_prior=prior, mu_prior=Normal(0.1, 2.0))
    two = km.bayes(
        yi=yi * unit, vi=vi * unit**2, tau_prior=type(prior)(*fields), mu_prior=Normal(0.1 * unit, 2 * unit)
    )
    for a, b in ((one.mu, two.mu), (one.new, two.new), (one.tau, two.tau)):
        width = a.high - a.low
        for name in ("median", "low", "high"):
            assert getattr(b, name) / unit == pytest.approx(getattr(a, name), abs=1e-9 * width)
    assert two.log_bf_tau0 == pytest.approx(one.log_bf_tau0, abs=1e-9)
    assert two.log_bf_mu0 == pytest.approx(one.log_bf_mu0, abs=1e-9)


@pytest.mark.parametrize("prior", PRIORS, ids=IDS)
def test_shifts_do_not_matter_under_a_flat_mean(prior: Any) -> None:
    yi = np.array([-1.125, -0.25, -0.625, -0.1875, -0.875])
    one, two = (km.bayes(yi=yi + shift, vi=VI, tau_prior=prior) for shift in (0.0, 2.0**20))
    for name in ("mean", "median", "mode", "low", "high", "shortest_low", "shortest_high"):
        assert getattr(two.mu, name) - 2.0**20 == pytest.approx(getattr(one.mu, name), abs=1e-9)
        assert getattr(two.tau, name) == pytest.approx(getattr(one.tau, name), rel=1e-9)
    assert two.studies["low"].to_numpy() - 2.0**20 == pytest.approx(one.studies["low"].to_numpy(), abs=1e-9)


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


def test_many_studies_and_a_narrow_posterior() -> None:
    rng = np.random.default_rng(4)
    yi, vi = rng.normal(-0.5, 0.3, 400), np.full(400, 1e-6)
    fit = km.bayes(yi=yi, vi=vi)
    spread = math.sqrt(np.var(yi, ddof=1) - 1e-6)
    assert fit.tau.median == pytest.approx(spread, rel=3e-3)
    assert fit.tau.sd == pytest.approx(spread / math.sqrt(2 * 400), rel=0.02)
    assert fit.mu.mean == pytest.approx(yi.mean(), abs=1e-6)


def test_a_prior_far_from_the_data_and_a_tight_one() -> None:
    tight = km.bayes(yi=YI, vi=VI, tau_prior=HalfNormal(1e-12))
    common = km.pool(yi=YI, vi=VI, tau2="EE", ci="Wald")
    assert (tight.mu.low, tight.mu.high) == pytest.approx((common.ci_low, common.ci_high), abs=1e-10)
    assert tight.tau.median == pytest.approx(HalfNormal(1e-12).quantile(0.5), rel=1e-6)
    clash = km.bayes(yi=[0.0, 9.0, -9.0], vi=[0.01, 0.01, 0.01], tau_prior=HalfNormal(0.1))
    assert any("larger tau" in note for note in clash.notes)
    cut = km.bayes(yi=[0.0, 9.0, -9.0], vi=[0.01, 0.01, 0.01], tau_prior=Uniform(3.0))
    assert any("cuts off" in note for note in cut.notes)
    assert cut.tau.quantile(1.0) == 3.0
    assert cut.tau.mode == 3.0


def test_published_priors() -> None:
    """Numbers of Turner et al. 2015 and Rhodes et al. 2015; medians of tau2 are exp(location)."""
    assert turner2015("mental health", "placebo") == LogNormal(
        -2.12, 1.53, "Turner et al. 2015 (mental health, placebo)", "OR"
    )
    assert turner2015().quantile(0.5) ** 2 == pytest.approx(math.exp(-2.56))
    assert rhodes2015("mental health", "pharmacological").quantile(0.5) ** 2 == pytest.approx(math.exp(-3.27))
    assert rhodes2015().scale == 2.59
    with pytest.raises(ModelError, match="did you mean 'mental health'"):
        turner2015("mental helth", "placebo")
    with pytest.raises(ModelError, match="comparison"):
        turner2015("mental health")
    with pytest.raises(ModelError, match="comparison"):
        rhodes2015("any", "placebo")


def test_a_prior_for_another_measure_warns() -> None:
    table = pd.DataFrame({"yi": YI, "vi": VI, "measure": "SMD"})
    with pytest.warns(KetametaWarning, match="for measure OR"):
        km.bayes(table, tau_prior=turner2015("mental health", "placebo"))
    fit = km.bayes(table, tau_prior=rhodes2015("mental health", "placebo"))
    assert any("not bounded at 0" in note for note in fit.notes)
    assert "Rhodes et al. 2015" in fit.method


def test_ratios_are_shown_as_ratios() -> None:
    table = pd.DataFrame({"yi": YI, "vi": VI, "measure": "OR", "label": list("abcde")})
    fit = km.bayes(table)
    assert f"{math.exp(fit.mu.median):.2f}" in fit.sentence()
    assert "P(< 1)" in str(fit)
    assert fit.to_frame()["scale"].unique().tolist() == ["log"]
    assert fit.study("c").median == fit.studies["median"][2]


def test_result_is_shown_stored_and_pickled() -> None:
    fit = km.bayes(yi=YI, vi=VI, mu_prior=Normal(0.0, 1.0))
    frame = fit.to_frame()
    assert frame["quantity"].tolist() == ["mu", "tau", "new", *["study"] * 5]
    assert frame["median"][0] == fit.mu.median
    assert json.loads(json.dumps(fit.to_dict()))["tau"]["median"] == fit.tau.median
    assert "<table>" in fit._repr_html_()
    assert "Bayes factor of tau = 0" in str(fit)
    assert "HalfNormal(0.5) prior of tau" in fit.method
    assert fit.provenance.n_rows == 5
    again = pickle.loads(pickle.dumps(fit))
    assert again.mu.cdf(-0.3) == fit.mu.cdf(-0.3)
    assert isinstance(fit.mu.cdf(0.0), float)
    assert fit.mu.cdf([[0.0, 0.1]]).shape == (1, 2)
    assert (fit.mu.quantile(0.0), fit.mu.quantile(1.0)) == (-math.inf, math.inf)
    assert (fit.tau.quantile(0.0), fit.tau.quantile(1.0)) == (0.0, math.inf)
    assert fit.tau.pdf([-1.0]).tolist() == [0.0]
    assert fit.tau.cdf([-1.0, math.inf]) == pytest.approx([0.0, 1.0])


def test_inputs_are_left_alone() -> None:
    yi, vi = YI.copy(), VI.copy()
    km.bayes(yi=yi, vi=vi)
    assert (yi == YI).all()
    assert (vi == VI).all()


@pytest.mark.parametrize(
    "prior",
    [0.5, "half-normal", None, HalfNormal, Normal(0.0, 1.0), lambda tau: 1.0],
)
def test_what_is_no_prior_is_refused(prior: Any) -> None:
    with pytest.raises(ModelError, match="tau_prior"):
        km.bayes(yi=YI, vi=VI, tau_prior=prior)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, True, "1", None, [1.0]])
def test_parameters_of_priors_must_be_positive_numbers(value: Any) -> None:
    for kind in (HalfNormal, HalfCauchy, Exponential):
        with pytest.raises(ModelError, match="positive"):
            kind(value)
    with pytest.raises(ModelError, match="positive"):
        HalfT(4.0, value)
    with pytest.raises(ModelError, match="positive"):
        Normal(0.0, value)
    with pytest.raises(ModelError, match="positive"):
        LogStudentT(0.0, 1.0, value)
    with pytest.raises(ModelError, match="positive"):
        LogNormal(0.0, value)
    if value != math.inf:
        with pytest.raises(ModelError, match="positive"):
            Uniform(value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"yi": [], "vi": []},
        {"yi": [0.1, math.nan], "vi": [0.1, 0.1]},
        {"yi": [0.1, math.inf], "vi": [0.1, 0.1]},
        {"yi": [0.1, 0.2], "vi": [0.1, 0.0]},
        {"yi": [0.1, 0.2], "vi": [0.1]},
        {"yi": YI, "vi": VI, "level": 1.0},
        {"yi": YI, "vi": VI, "level": True},
        {"yi": YI, "vi": VI, "mu_prior": (0.0, 1.0)},
        {"yi": [0.0, 1e200], "vi": [1.0, 1.0]},
    ],
)
def test_bad_input_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ModelError):
        km.bayes(**arguments)


def test_bad_questions_are_refused() -> None:
    fit = km.bayes(yi=YI, vi=VI)
    for bad in ("0", math.nan, [0.1, None], [[1.0], [1.0, 2.0]]):
        with pytest.raises(ModelError):
            fit.mu.cdf(bad)
    for bad in (-0.1, 1.1):
        with pytest.raises(ModelError, match="between 0 and 1"):
            fit.mu.quantile(bad)
    with pytest.raises(ModelError, match="kind"):
        fit.mu.interval(0.9, kind="hpd")
    for bad in (9, "nobody", 1.5, True):
        with pytest.raises(ModelError, match="not one of"):
            fit.study(bad)


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


def test_a_flat_posterior_of_tau_has_its_mode_at_0() -> None:
    for vi in ([1e12], [1e12, 2e12, 3e12], [1e30, 1e30, 1e30]):
        fit = km.bayes(yi=np.zeros(len(vi)), vi=vi, tau_prior=Uniform(2.0))
        assert fit.tau.mode == 0.0
        assert fit.tau.median == pytest.approx(1.0, abs=1e-6)


def test_no_mode_where_the_density_has_underflowed() -> None:
    fit = km.bayes(yi=YI[:3], vi=VI[:3], tau_prior=LogStudentT(0.0, 200.0, 1.0))
    assert fit.tau.mode < 1.0


@pytest.mark.parametrize(
    ("yi", "vi", "tau_prior", "mu_prior", "words"),
    [
        ([0.0, 1e9, 3e8], [0.01] * 3, HalfNormal(0.5), None, "contradict each other"),
        ([0.0, 1e6, 3e5], [0.01] * 3, Uniform(2.0), None, "contradict each other"),
        ([0.3, 0.1], [0.1, 0.1], HalfNormal(0.5), Normal(1e12, 1.0), "contradict each other"),
        ([0.0, 1.0, 0.3], [1e-300, 1.0, 1e300], HalfNormal(0.5), None, "too far apart"),
        ([0.0, 1.0, 0.3], [1e-100, 1.0, 1e100], rhodes2015(), None, "too far apart"),
        ([0.0, 1.0, 0.3], [1e300] * 3, Uniform(math.inf), None, "too far apart"),
        ([0.0, 1e150], [0.1, 0.1], HalfCauchy(0.5), None, "too far apart"),
        ([0.3, 0.1], [0.1, 0.1], HalfCauchy(1e-300), None, "too far apart"),
        ([0.3, 0.1], [0.1, 0.1], HalfT(1e-3, 0.5), None, "too far apart"),
        ([0.3, 0.1], [0.1, 0.1], HalfNormal(0.5), Normal(0.0, 1e-200), "too far apart"),
        ([0.3], [0.1], LogStudentT(0.0, 2.0, 0.1), None, "lighter tail"),
    ],
)
def test_what_floats_cannot_hold_is_refused_in_words(
    yi: Any, vi: Any, tau_prior: Any, mu_prior: Normal | None, words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        km.bayes(yi=yi, vi=vi, tau_prior=tau_prior, mu_prior=mu_prior)


def test_effects_far_more_precise_than_their_distance() -> None:
    fit = km.bayes(yi=[0.0, 1.0, 0.3], vi=[1e-60] * 3)
    same = km.bayes(yi=[0.0, 1.0, 0.3], vi=[1e-20] * 3)
    assert fit.mu.low == pytest.approx(same.mu.low, rel=1e-9)
    assert fit.studies["shortest_high"].tolist() == pytest.approx([0.0, 1.0, 0.3], abs=1e-15)


def test_points_of_a_posterior_may_be_none_and_must_fit() -> None:
    fit = km.bayes(yi=YI, vi=VI)
    assert fit.tau.pdf([]).shape == fit.mu.cdf([]).shape == (0,)
    assert fit.density([], 0.1).shape == (0,)
    with pytest.raises(ModelError, match=r"shape \(2,\).*\(3,\)"):
        fit.density([0.0, 0.1], [0.1, 0.2, 0.3])
    with pytest.raises(ModelError, match="level"):
        fit.mu.interval(1.0 - 1e-16)
    with pytest.raises(ModelError, match="positive"):
        Uniform(np.array([1.0, 2.0]))  # type: ignore[arg-type]


def test_quantiles_of_a_half_t_with_hardly_any_degrees_of_freedom() -> None:
    for df in (0.05, 0.5, 4.0, 1e6):
        prior = HalfT(df, 0.5)
        for mass in (1e-3, 0.3, 0.5, 0.9, 0.999):
            assert prior.quantile(mass) == pytest.approx(
                0.5 * stats.t.isf(0.5 * (1.0 - mass), df), rel=1e-8
            ), (df, mass)
