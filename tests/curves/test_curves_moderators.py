"""Moderators of level and decay, random decay: what a coefficient means, read at stated values, and refusals."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta.curves import CurveOptions, durability
from ketameta.curves.decay_shapes import Bateman
from ketameta.errors import ModelError

FAMILIES = Path(__file__).parent / "data" / "families.csv"


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_csv(FAMILIES)


@pytest.fixture(scope="module")
def both(rows):
    return durability(
        rows, knots=(4, 72, 672), moderators="route", options=CurveOptions(decay_moderators="route")
    )


def test_a_curve_at_stated_values_is_the_design_times_the_coefficients(both) -> None:
    hours = np.array([4.0, 24.0, 168.0, 500.0])
    values = dict(zip(both.coefficient_names, both.coefficients, strict=True))
    iv, im = (both.given(route=route).fit for route in ("iv", "im"))
    doublings = np.log2(hours / both.fit.centre_hours)
    gap = values["route: iv vs im"] + values["route: iv vs im, per doubling of time"] * doublings
    np.testing.assert_allclose(iv.value(hours) - im.value(hours), gap, rtol=1e-9)


def test_the_curve_without_values_is_that_of_the_average_trial(both, rows) -> None:
    shares = rows.groupby("cohort_id")["route"].first().value_counts(normalize=True)
    hours = np.array([4.0, 24.0, 168.0])
    mixed = sum(share * both.given(route=route).fit.value(hours) for route, share in shares.items())
    np.testing.assert_allclose(both.fit.value(hours), mixed, rtol=1e-9)


def test_standard_errors_at_stated_values_do_not_depend_on_the_reference(rows) -> None:
    hours = [4, 24, 168]
    tables = [
        durability(rows, moderators="route", options=CurveOptions(reference={"route": level}))
        .given(route="iv")
        .at(hours=hours)
        for level in ("im", "iv", "oral")
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], rtol=1e-6)


def test_every_read_out_follows_the_stated_values(both) -> None:
    iv = both.given(route="iv")
    assert iv.notes[0] == "the curve of trials with route = iv"
    assert iv.peak.effect != both.peak.effect
    again = iv.sensitivity([0.6]).iloc[0]
    assert again["estimate_24h"] == pytest.approx(iv.at(hours=24)["estimate"].iloc[0], rel=1e-9)
    assert "moderators of level: route; moderators of decay: route" in both.method_line()
    assert "nan" not in str(iv)


def test_moderators_of_a_shape_that_falls_move_amplitude_and_rate(simulate) -> None:
    shape, frames = Bateman(), []
    for drug, seed, beta in (("a", 1, (-0.8, 200.0, 3.0)), ("b", 2, (-1.2, 60.0, 3.0))):
        at = np.array([beta[0], *np.log(beta[1:])])
        one = simulate(
            np.random.default_rng(seed),
            lambda t, at=at: shape.value(at, t),
            trials=12,
            hours=[2, 6, 24, 72, 168, 336],
            tau=0.05,
            omega=0.02,
            n=400,
        )
        frames.append(one.assign(cohort_id=drug + one["cohort_id"], drug=drug))
    fitted = durability(
        pd.concat(frames), curve="bateman", moderators="drug", options=CurveOptions(decay_moderators="drug")
    )
    values = dict(zip(fitted.coefficient_names, fitted.coefficients, strict=True))
    se = dict(zip(fitted.coefficient_names, np.sqrt(np.diag(fitted.vcov)), strict=True))
    for name, truth in (
        ("drug: b vs a", -0.4),
        ("drug: b vs a, on the log rate of decay", math.log(200 / 60)),
    ):
        assert abs(values[name] - truth) < 4 * se[name] < 1
    b = fitted.given(drug="b").fit
    assert b.half_life.method == "delta method on the log scale"
    assert abs(math.log(b.half_life.value / 60)) < 4 * math.sqrt(b.vcov[1, 1]) < 0.5
    table = fitted.coefficient_table().set_index("term")
    assert table.loc["half-life of decay (h)", "estimate"] == pytest.approx(math.exp(fitted.coefficients[1]))
    assert table.loc["drug: b vs a", "p"] < 0.01
    assert math.isnan(table.loc["half-life of decay (h)", "p"])


def test_rows_without_a_moderator_are_left_out_and_listed(rows) -> None:
    missing = rows.assign(route=rows["route"].where(rows["cohort_id"] != "trial 03"))
    fitted = durability(missing, moderators="route")
    assert fitted.k_trials == rows["cohort_id"].nunique() - 1
    assert set(fitted.left_out["reason"]) == {"no value of 'route'"}
    pd.testing.assert_frame_equal(
        fitted.at(hours=[4, 24]),
        durability(rows[rows["cohort_id"] != "trial 03"], moderators="route").at(hours=[4, 24]),
    )


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"moderators": "rout"}, "did you mean 'route'"),
        ({"moderators": "route + 0"}, "leaves out the intercept"),
        ({"moderators": "one"}, "one level only|the same in every"),
        ({"moderators": "route + copy"}, "do not determine"),
        ({"moderators": 3}, "must be text"),
        ({"moderators": "nothing"}, "no row has a value of each moderator"),
        (
            {"options": CurveOptions(random="level+decay", windows=(0, 36, 999)), "curve": "steps"},
            "no slope over time",
        ),
        (
            {"options": CurveOptions(decay_moderators="route", windows=(0, 36, 999)), "curve": "steps"},
            "no slope",
        ),
    ],
)
def test_moderators_that_cannot_be_used_are_refused(rows, kwargs, match) -> None:
    table = rows.assign(one="x", copy=rows["route"].str.upper(), nothing=np.nan)
    with pytest.raises(ModelError, match=match):
        durability(table, **kwargs)


def test_values_that_are_not_possible_are_refused(both, rows) -> None:
    with pytest.raises(ModelError, match="state a value of each moderator; 'route' has none"):
        both.given()
    with pytest.raises(ModelError, match="'rectal' is no level of 'route'"):
        both.given(route="rectal")
    with pytest.raises(ModelError, match="'dose' is no moderator of the curve; it has route"):
        both.given(route="iv", dose=1)
    with pytest.raises(ModelError, match="has no moderators"):
        durability(rows).given(route="iv")


@pytest.mark.parametrize("options", [{"random": "slope"}, {"reference": "iv"}, {"decay_moderators": 2}])
def test_bad_choices_are_refused(rows, options) -> None:
    with pytest.raises(ModelError):
        durability(rows, options=CurveOptions(**options))


def test_the_prediction_band_widens_with_a_random_decay(rows) -> None:
    fitted = durability(rows, knots=(4, 672), options=CurveOptions(random="level+decay"))
    hours = np.array([4.0, 70.0, 672.0])
    z = np.stack([np.ones(3), np.log2(hours / fitted.fit.centre_hours)], axis=1)
    want = [row @ fitted.fit.spread @ row + fitted.omega2 for row in z]
    np.testing.assert_allclose(fitted.fit.between_variance(hours), want, rtol=1e-12)
    table = fitted.at(hours=hours)
    np.testing.assert_allclose(
        table["pi_high"] - table["estimate"],
        fitted.fit.quantile * np.sqrt(table["se"] ** 2 + want),
        rtol=1e-12,
    )
    assert "level and decay of trial" in fitted.method_line()
    plain = durability(rows, knots=(4, 672))
    np.testing.assert_allclose(plain.fit.between_variance(hours), plain.tau2 + plain.omega2)


def test_a_random_decay_that_cannot_be_told_is_said(rows) -> None:
    options = CurveOptions(random="level+decay")
    few = rows[rows["cohort_id"].isin(["trial 01", "trial 02"])]
    fitted = durability(few, knots=(4, 672), options=options)
    assert (
        "2 trials were measured more than once, and 3 are the least: the level alone is random"
        in " ".join(fitted.notes)
    )
    same = pd.DataFrame(
        {"cohort_id": np.repeat(list("abcd"), 3), "time_hours": [4, 24, 168] * 4, "vi": 0.1}
    ).assign(yi=np.tile([-0.9, -0.8, -0.3], 4))
    for curve in ("spline", "exponential", "weibull"):
        fitted = durability(same, curve=curve, options=options)
        assert "the level alone is random" in " ".join(fitted.notes)
        assert len(fitted.fit.spread) == 1


def test_a_random_rate_of_decay_is_found(simulate) -> None:
    rng, frames = np.random.default_rng(4), []
    for i in range(25):
        rate = math.log(2) / 100 * math.exp(0.6 * rng.standard_normal())
        one = simulate(
            rng,
            lambda t, rate=rate: -1.2 * np.exp(-rate * (t - 2)),
            trials=1,
            hours=[2, 24, 72, 168, 336],
            n=400,
        )
        frames.append(one.assign(cohort_id=f"t{i}"))
    for curve in ("exponential", "weibull"):
        fit = durability(pd.concat(frames), curve=curve, options=CurveOptions(random="level+decay")).fit
        assert len(fit.spread) == 2
        assert 0.2 < math.sqrt(fit.spread[1, 1]) < 1.2
        assert fit.half_life.method == "delta method on the log scale"
        middle, late = fit.between_variance(np.array([72.0, 2000.0]))
        assert middle > late
