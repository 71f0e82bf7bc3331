"""Profile likelihood intervals by brute force, and what holds of every interval: invariance, probabilities, refusals."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

import ketameta as km
from ketameta._typing import Array
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models._roots import bracketed_root
from ketameta.models.intervals import Inference, kenward_roger
from ketameta.models.kernel import fit
from ketameta.models.profile import profile_mean, profile_p, profile_tau2
from ketameta.models.quadratic_forms import generalised_q

from .interval_trials import VI, YI

TWO_MODES = (
    np.array([-1.9, -0.1, -3.5, -0.1, -4.9, -0.1]),
    np.array([15.93, 0.04, 20.6, 0.02, 1.08, 0.33]),
)


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
        mask = np.r_[[np.ones(k, dtype=bool)], [np.arange(k) < 1]]
        both = profile_p(y, v, mask=mask)
        assert both[0] == pytest.approx(result.p, rel=1e-9, abs=1e-15)
        assert np.isnan(both[1])


def test_profile_of_the_mean_with_several_maxima_is_not_cut_short() -> None:
    """Every mean outside lies lower than the limit says, also where the profile rises again."""
    y, v = TWO_MODES
    low, high = (float(bound) for bound in profile_mean(y, v))
    top = brute_profile(float(fit(y, v, tau2="ML").beta[0]), y, v)
    outside = np.r_[np.linspace(low - 8.0, low - 1e-3, 60), np.linspace(high + 1e-3, high + 8.0, 60)]
    assert max(brute_profile(mean, y, v) for mean in outside) < top - stats.chi2.ppf(0.95, 1) / 2.0


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
