"""The parametric bootstrap refits what a single fit would, and spreads as the delta method says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ketameta.curves.blocks import rotate
from ketameta.curves.bootstrap import Bootstrap, bootstrap
from ketameta.curves.decay_shapes import Bateman
from ketameta.curves.inputs import read_rows
from ketameta.curves.model import fit_curve
from ketameta.curves.options import CurveOptions
from ketameta.curves.refitting import refitting
from ketameta.curves.spec import check_spec
from ketameta.errors import ModelError

HOURS = [2.0, 6.0, 24.0, 72.0, 168.0, 336.0]
CASES = {
    "spline": check_spec("spline"),
    "ML": check_spec("piecewise", options=CurveOptions(method="ML")),
    "moderators": check_spec("spline", moderators="x", options=CurveOptions(decay_moderators="x")),
    "random": check_spec("spline", knots=(2, 336), options=CurveOptions(random="level+decay")),
    "exponential": check_spec("exponential"),
    "bateman": check_spec("bateman"),
    "bateman ML": check_spec("bateman", moderators="x", options=CurveOptions(method="ML")),
    "weibull": check_spec("weibull"),
}


@pytest.fixture(scope="module")
def table(simulate) -> pd.DataFrame:
    at = np.array([-0.9, np.log(120), np.log(3)])
    rng = np.random.default_rng(3)
    rows = simulate(rng, lambda t: Bateman().value(at, t), trials=16, hours=HOURS, tau=0.25, omega=0.1)
    slopes = dict(zip(sorted(set(rows["cohort_id"])), 0.12 * rng.standard_normal(16), strict=True))
    code = np.unique(rows["cohort_id"], return_inverse=True)[1]
    return rows.assign(
        yi=rows["yi"] + rows["cohort_id"].map(slopes) * np.log2(rows["time_hours"] / 30),
        x=(code % 3 == 0) * 1.0,
    )


@pytest.mark.parametrize("case", CASES)
def test_each_refit_is_the_fit_of_its_own_effects(table, case) -> None:
    spec, data = CASES[case], read_rows(table)[0]
    fit = fit_curve(data, spec)
    blocks = rotate(data.covariances(rho=0.6, correlation="log-time"))
    refit, rng = refitting(data, spec, fit, blocks), np.random.default_rng(1)
    y = refit.centre + 0.25 * rng.standard_normal((3, len(blocks.starts)))[:, blocks.trial] * blocks.ones
    y = y + np.sqrt(blocks.spectrum + 0.01) * rng.standard_normal(y.shape)
    if case == "random":
        y = y + 0.15 * rng.standard_normal((3, len(blocks.starts)))[:, blocks.trial] * refit.random[:, 1]
    beta, spread, omega2, settled = refit.fitted(y)
    assert settled.all()
    for i, effects in enumerate(blocks.turn_back(y)):
        one = fit_curve(dataclasses.replace(data, yi=effects), spec)
        np.testing.assert_allclose(beta[i], one.beta, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(spread[i], one.spread, rtol=1e-4, atol=1e-6)
        assert omega2[i] == pytest.approx(one.omega2, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("case", ["spline", "moderators", "bateman"])
def test_the_spread_of_the_draws_is_the_standard_error(table, case) -> None:
    spec, data = CASES[case], read_rows(table)[0]
    fit = fit_curve(data, spec)
    found = bootstrap(data, spec, fit, draws=300, rng=5)
    assert (found.failed, found.note()) == (0, "")
    assert found.beta.shape == (300, fit.beta.size)
    np.testing.assert_allclose(found.beta.std(axis=0), np.sqrt(np.diag(fit.vcov)), rtol=0.25)
    assert found.tau2.mean() == pytest.approx(fit.tau2, rel=0.15)


def test_a_seed_gives_the_same_draws_again_and_progress_is_told(table) -> None:
    data, spec = read_rows(table)[0], CASES["spline"]
    fit, told = fit_curve(data, spec), []
    one = bootstrap(data, spec, fit, draws=150, rng=7, progress=lambda done, all_: told.append((done, all_)))
    other = bootstrap(data, spec, fit, draws=150, rng=7)
    np.testing.assert_array_equal(one.beta, other.beta)
    np.testing.assert_array_equal(one.spread, other.spread)
    assert told[-1] == (150, 150)
    assert not np.array_equal(one.beta, bootstrap(data, spec, fit, draws=150, rng=8).beta)


def test_stated_values_of_moderators_are_kept(table) -> None:
    data, spec = read_rows(table)[0], dataclasses.replace(CASES["moderators"], values=(("x", 1.0),))
    fit = fit_curve(data, spec)
    found = bootstrap(data, spec, fit, draws=200, rng=1)
    np.testing.assert_allclose(
        found.beta.mean(axis=0), fit.beta, atol=4 * np.sqrt(np.diag(fit.vcov) / 200).max()
    )


def test_a_single_trial_varies_by_its_sampling_error() -> None:
    table = pd.DataFrame({"cohort_id": "a", "time_hours": [24.0, 168.0], "yi": [-0.8, -0.4], "vi": 0.04})
    data, spec = read_rows(table)[0], check_spec("spline")
    found = bootstrap(data, spec, fit_curve(data, spec), draws=2000)
    np.testing.assert_allclose(found.beta.std(axis=0), 0.2, rtol=0.1)
    assert not found.tau2.any()


def test_what_cannot_be_drawn_is_refused(table) -> None:
    data, spec = read_rows(table)[0], CASES["spline"]
    fit = fit_curve(data, spec)
    for draws in (0, 2.5, True, "many"):
        with pytest.raises(ModelError, match="draws="):
            bootstrap(data, spec, fit, draws=draws)
    with pytest.raises(ModelError, match="rng="):
        bootstrap(data, spec, fit, rng="x")


def test_failed_draws_are_told() -> None:
    zeros = np.zeros((8, 1))
    found = Bootstrap(zeros, zeros[:, 0], zeros[:, 0], np.zeros((8, 1, 1)), draws=10, failed=2)
    assert found.note() == "2 of 10 bootstrap draws gave no fit and are left out"


@pytest.mark.parametrize("curve", ["exponential", "bateman", "emax", "weibull"])
@pytest.mark.parametrize("kind", ["rising", "tiny variances", "once each", "one trial"])
def test_data_that_say_little_of_a_shape_still_give_draws(curve, kind) -> None:
    rng, times = np.random.default_rng(0), np.array([4.0, 24.0, 168.0])
    yi = np.tile([-0.9, -0.7, -0.3], 6) + 0.3 * rng.standard_normal(18)
    table = pd.DataFrame(
        {"cohort_id": np.repeat(list("abcdef"), 3), "time_hours": np.tile(times, 6), "yi": yi, "vi": 0.05}
    )
    if kind == "rising":
        table = table.assign(yi=np.tile([-0.1, -0.5, -0.9], 6) + 0.05 * rng.standard_normal(18))
    elif kind == "tiny variances":
        table = table.assign(vi=1e-10)
    elif kind == "once each":
        table = table.assign(cohort_id=[f"t{i}" for i in range(18)], time_hours=np.geomspace(4, 300, 18))
    else:
        table = table.head(3)
    data, spec = read_rows(table)[0], check_spec(curve)
    found = bootstrap(data, spec, fit_curve(data, spec), draws=12)
    assert len(found.beta) + found.failed == 12
    assert found.failed < 8
    assert np.isfinite(found.beta).all()
