"""regress: second roads to its numbers."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

import ketameta as km
from ketameta.errors import KetametaWarning
from ketameta.models import kernel


@pytest.mark.parametrize("ci", ["Wald", "HKSJ", "HKSJ-adhoc"])
@pytest.mark.parametrize("tau2", ["EE", "DL", "REML", "SJ"])
def test_coefficients_by_plain_weighted_least_squares(es, tau2, ci):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        fit = km.regress(es, "year + group", tau2=tau2, ci=ci)
    x = np.column_stack(
        [np.ones(len(es)), es["year"], es["group"] == "inactive", es["group"] == "psychoactive"]
    ).astype(float)
    np.testing.assert_array_equal(fit.design.x, x)
    w = 1 / (es["vi"].to_numpy() + fit.tau2)
    wls = sm.WLS(es["yi"].to_numpy(), x - [0, es["year"].mean(), 0, 0], weights=w).fit()
    scale = {"Wald": 1.0, "HKSJ": wls.scale, "HKSJ-adhoc": max(1.0, wls.scale)}[ci]
    se = wls.bse * np.sqrt(scale / wls.scale)
    np.testing.assert_allclose(fit.beta[1:], wls.params[1:], rtol=1e-9)
    frame = fit.to_frame()
    np.testing.assert_allclose(frame["se"][1:], se[1:], rtol=1e-9)
    t = stats.norm if ci == "Wald" else stats.t(16)
    np.testing.assert_allclose(frame["p"][1:], 2 * t.sf(np.abs(wls.params / se))[1:], rtol=1e-8)
    np.testing.assert_allclose(frame["ci_high"][1:], (wls.params + t.ppf(0.975) * se)[1:], rtol=1e-8)
    f = wls.f_test(np.eye(4)[1:])
    stat = float(f.fvalue) * wls.scale / scale
    if ci == "Wald":
        assert fit.qm == pytest.approx(3 * stat, rel=1e-9)
        assert fit.qm_p == pytest.approx(stats.chi2.sf(3 * stat, 3), rel=1e-8)
    else:
        assert (fit.qm, fit.qm_df1, fit.qm_df2) == (pytest.approx(stat, rel=1e-9), 3, 16.0)
        assert fit.qm_p == pytest.approx(stats.f.sf(stat, 3, 16), rel=1e-8)


def test_cov_gives_the_standard_errors(es):
    fit = km.regress(es, "year + group")
    np.testing.assert_allclose(np.sqrt(np.diag(fit.cov)), fit.coefficients["se"], rtol=1e-10)
    assert not fit.cov.flags.writeable


def test_r2_heterogeneity_and_their_intervals(es):
    fit = km.regress(es, "dose", tau2="DL")
    alone = km.pool(es[["yi", "vi"]], tau2="DL")
    assert fit.tau2_without == alone.tau2
    assert fit.r2 == pytest.approx(100 * max(0, 1 - fit.tau2 / alone.tau2))
    for bound, tail in zip(fit.tau2_ci, (0.025, 0.975), strict=True):
        w = 1 / (fit.vi + bound)
        rss = sm.WLS(fit.yi, fit.design.x, weights=w).fit().ssr * 1.0
        weighted = (w * (fit.yi - sm.WLS(fit.yi, fit.design.x, weights=w).fit().fittedvalues) ** 2).sum()
        assert rss > 0
        if bound > 0:
            assert stats.chi2.sf(weighted, 18) == pytest.approx(tail, rel=1e-6)
    assert fit.qe_p == pytest.approx(stats.chi2.sf(fit.qe, 18))


@pytest.mark.parametrize("ci", ["Wald", "HKSJ", "HKSJ-adhoc"])
@pytest.mark.parametrize("tau2", ["DL", "REML"])
def test_agrees_with_subgroups_of_one_tau2(es, tau2, ci):
    groups = km.subgroups(es, "group", tau2=tau2, ci=ci, common_tau2=True)
    means = km.regress(es, "0 + group", tau2=tau2, ci=ci)
    named = {f"group: {name}": result for name, result in groups.groups}
    assert set(named) == set(means.design.names)
    for row in means.to_frame().itertuples():
        result = named[row.term]
        expected = (result.estimate, result.se, result.ci_low, result.ci_high, result.p)
        assert (row.estimate, row.se, row.ci_low, row.ci_high, row.p) == pytest.approx(expected, rel=1e-9)
        assert means.tau2 == pytest.approx(result.tau2, rel=1e-10)
        at = means.predict(pd.DataFrame({"group": [row.term.removeprefix("group: ")]}))
        assert (at["pi_low"][0], at["pi_high"][0]) == pytest.approx((result.pi_low, result.pi_high), rel=1e-9)
    contrasts = km.regress(es, "group", tau2=tau2, ci="Wald")
    assert (contrasts.qm, contrasts.qm_p) == pytest.approx((groups.q_between, groups.p), rel=1e-9)


def test_shifting_and_scaling_a_moderator_changes_nothing_else(es):
    plain = km.regress(es, "year + dose")
    for shift, scale in ((1e6, 1.0), (-2010.0, 1e-4), (0.0, 1e6)):
        moved = km.regress(es.assign(year=(es["year"] + shift) * scale), "year + dose")
        assert moved.tau2 == pytest.approx(plain.tau2, rel=1e-9)
        assert moved.beta[1] * scale == pytest.approx(plain.beta[1], rel=1e-8)
        assert (moved.qm, moved.r2) == pytest.approx((plain.qm, plain.r2), rel=1e-8)
        columns = ["estimate", "se", "ci_low", "pi_high"]
        np.testing.assert_allclose(moved.predict()[columns], plain.predict()[columns], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("ci", ["Wald", "HKSJ"])
@pytest.mark.parametrize("apart", [1e-4, 1e-7, 1e-9])
def test_moderators_that_nearly_coincide(es, apart, ci):
    """A multiple of a column taken off another changes neither the fit nor the joint test of the two."""
    wave = np.sin(np.arange(20.0))
    near = es["dose"] + apart * wave
    plain = km.regress(es.assign(z=(near - es["dose"]) / apart), "z + dose", ci=ci)
    fit = km.regress(es.assign(z=near), "z + dose", ci=ci)
    assert fit.qm == pytest.approx(plain.qm, rel=1e-14 / apart + 1e-9)
    assert fit.test(["z", "dose"]).stat == pytest.approx(fit.qm, rel=1e-12)
    np.testing.assert_allclose(fit.predict()["estimate"], plain.predict()["estimate"], atol=1e-14 / apart)


def test_effects_in_other_units(es):
    plain = km.regress(es, "year")
    scaled = km.regress(es.assign(yi=es["yi"] * 1e4, vi=es["vi"] * 1e8), "year")
    np.testing.assert_allclose(scaled.beta, plain.beta * 1e4, rtol=1e-9)
    assert scaled.tau2 == pytest.approx(plain.tau2 * 1e8, rel=1e-9)
    assert scaled.qm_p == pytest.approx(plain.qm_p, rel=1e-9)


def test_trials_of_the_package():
    day1 = km.select(
        km.load_trials(), indication="MDD", outcome="depression", dosing="single", hours=(20, 36)
    )
    es = km.effect_sizes(day1, measure="SMD")
    fit = km.regress(es, "comparator_class", reference={"comparator_class": "inactive"})
    assert fit.design.names == ("intercept", "comparator_class: psychoactive vs inactive")
    used = fit.rows
    x = np.column_stack([np.ones(fit.k), used["comparator_class"] == "psychoactive"]).astype(float)
    alone = kernel.fit(used["yi"].to_numpy(), used["vi"].to_numpy(), x)
    assert fit.tau2 == pytest.approx(float(alone.tau2), abs=1e-12)
    np.testing.assert_allclose(fit.beta, alone.beta, rtol=1e-9)
    assert fit.k + len(fit.left_out) == len(es)
    assert fit.provenance.dataset.startswith("ketameta-trials")
