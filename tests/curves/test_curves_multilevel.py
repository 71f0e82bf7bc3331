"""A curve and the multilevel model of the same data, fitted by two engines, are one model."""

import numpy as np
import pytest

import ketameta as km
from ketameta.curves import CurveOptions
from ketameta.curves.shapes import natural_spline
from ketameta.effects import covariance

pytestmark = pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")


@pytest.fixture(scope="module")
def effects():
    chosen = km.select(
        km.load_trials(),
        indication="MDD",
        outcome="depression",
        dosing="single",
        comparator=["inactive", "psychoactive"],
    )
    table = km.effect_sizes(chosen, measure="SMD")
    return table[table["reason"].fillna("") == ""].sort_values(["cohort_id", "time_hours"])


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_a_spline_with_two_random_effects(effects, method):
    knots = (8.0, 72.0, 240.0)
    curve = km.durability(effects, knots=knots, ci="Wald", options=CurveOptions(method=method))
    basis = natural_spline(np.log(effects["time_hours"].to_numpy(dtype=float)), np.log(knots))
    table = effects.assign(b1=basis[:, 0], b2=basis[:, 1], b3=basis[:, 2])
    fit = km.multilevel(
        table,
        V=covariance(table),
        moderators="0 + b1 + b2 + b3",
        random="1 | cohort_id/record_id",
        method=method,
    )
    assert fit.coefficients["estimate"].to_numpy() == pytest.approx(np.array(curve.coefficients), abs=1e-6)
    assert fit.cov == pytest.approx(curve.vcov, abs=1e-7)
    assert fit.components["estimate"].to_numpy() == pytest.approx([curve.tau2, curve.omega2], abs=1e-6)
    assert fit.loglik == pytest.approx(curve.loglik, abs=1e-7)
