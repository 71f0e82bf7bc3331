"""bayes(): units and shifts, many studies, tight priors, and scales that floats hold or do not hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketameta as km
from ketameta.errors import ModelError
from ketameta.models import HalfCauchy, HalfNormal, HalfT, LogStudentT, Normal, Uniform, rhodes2015

from .bayes_cases import IDS, PRIORS, VI, YI


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
