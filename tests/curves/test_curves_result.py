from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketameta
from ketameta.curves import CurveOptions, DurabilityCurve, durability
from ketameta.curves.words import effect_text
from ketameta.errors import ModelError
from ketameta.provenance import stamp


@pytest.fixture(scope="module")
def table(data_set) -> pd.DataFrame:
    return data_set("simulated")


@pytest.fixture(scope="module")
def curve(table) -> DurabilityCurve:
    return durability(table)


def test_it_is_a_public_name() -> None:
    assert ketameta.durability is durability


def test_hours_and_days_are_the_same_times(curve) -> None:
    pd.testing.assert_frame_equal(curve.at(days=[1, 7]), curve.at(hours=[24, 168]))
    assert curve.at(days=7)["time_hours"].tolist() == [168.0]
    assert curve.at(hours=[168, 24])["time_hours"].tolist() == [168.0, 24.0]


def test_the_columns_of_at_hang_together(curve) -> None:
    row = curve.at(hours=24).iloc[0]
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * curve.fit.quantile * row["se"])
    spread = math.sqrt(row["se"] ** 2 + curve.tau2 + curve.omega2)
    assert row["pi_high"] - row["pi_low"] == pytest.approx(2 * curve.fit.quantile * spread)
    assert row["p"] < 0.001
    assert curve.df == 20 - 4


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("ci", ["t", "Wald"])
def test_p_value_and_interval_agree(table, level, ci) -> None:
    at = durability(table, level=level, ci=ci).at(hours=np.geomspace(4, 672, 40))
    outside = (at["ci_low"] > 0) | (at["ci_high"] < 0)
    assert ((at["p"] < 1 - level) == outside).all()
    assert outside.any()
    assert not outside.all()


def test_times_outside_the_measured_ones_need_to_be_asked_for(curve) -> None:
    for hours in ([1.0], [24, 1000]):
        with pytest.raises(ModelError, match=r"outside the measured times, 4 to 672 h.*extrapolate=True"):
            curve.at(hours=hours)
    drawn = curve.at(hours=[1, 24, 1000], extrapolate=True)
    assert drawn["supported"].tolist() == [False, True, False]


@pytest.mark.parametrize(
    "kwargs",
    [{}, {"hours": 24, "days": 1}, {"hours": []}, {"hours": [0]}, {"days": [math.nan]}, {"hours": "day"}],
)
def test_bad_times_are_refused(curve, kwargs) -> None:
    with pytest.raises(ModelError, match="times"):
        curve.at(**kwargs)


def test_gaps_are_marked() -> None:
    es = pd.DataFrame(
        {"cohort_id": list("aabbcc"), "time_hours": [4, 24, 4, 672, 24, 672], "yi": -0.5, "vi": 0.1}
    )
    curve = durability(es)
    assert curve.gaps == ((8.0, 12.0), (48.0, 336.0))
    assert curve.at(hours=[8, 10, 12, 48, 100, 336])["supported"].tolist() == [True, False, True] * 2
    assert any("8 h and 12 h, 48 h and 14 d" in note for note in curve.notes)
    assert curve.to_frame()["time_hours"].tolist() == [4, 24, 336, 672]


def test_ends_that_rest_on_one_trial_are_said(curve) -> None:
    es = pd.DataFrame(
        {"cohort_id": list("aaabbc"), "time_hours": [4, 24, 72, 24, 168, 24], "yi": -0.5, "vi": 0.1}
    )
    notes = durability(es).notes
    assert "before 24 h only one trial measured: a" in notes
    assert "after 3 d only one trial measured: b" in notes
    assert not any("only one trial" in note for note in curve.notes)
    tied = es.assign(time_hours=[24, 72, 168, 24, 168, 72])
    assert not any("only one trial" in note for note in durability(tied).notes)


def test_coverage_counts_trials_and_participants(curve, table) -> None:
    for row in curve.coverage.itertuples():
        there = table[table["time_hours"] == row.time_hours]
        assert (row.k, row.n) == (len(there), (there["n_t"] + there["n_c"]).sum())
        assert row.trials == ", ".join(sorted(there["cohort_id"]))
    assert curve.coverage["k"].sum() == curve.k_effects == len(table)
    assert curve.n_participants == int((table["n_t"] + table["n_c"]).groupby(table["cohort_id"]).max().sum())


def test_a_single_trial_is_its_own_curve() -> None:
    es = pd.DataFrame({"cohort_id": "a", "time_hours": [24.0, 168], "yi": [-0.8, -0.3], "vi": [0.04, 0.09]})
    curve = durability(es)
    at = curve.at(days=[1, 7])
    np.testing.assert_allclose(at["estimate"], es["yi"])
    np.testing.assert_allclose(at["se"], np.sqrt(es["vi"]))
    np.testing.assert_allclose(at["ci_low"], es["yi"] - 1.959963984540054 * np.sqrt(es["vi"]))
    assert (curve.tau2, curve.omega2, curve.df, curve.k_trials) == (0.0, 0.0, math.inf, 1)
    assert "single trial (a)" in curve.notes[0]


def test_two_trials_behave(data_set) -> None:
    example = data_set("example")
    curve = durability(example[example["cohort_id"].isin(["a", "d"])])
    assert curve.df == 1
    assert any("1 degree of freedom" in note for note in curve.notes)
    assert math.isinf(durability(example[example["cohort_id"].isin(["a", "d"])], ci="Wald").df)


def test_as_many_coefficients_as_effects() -> None:
    es = pd.DataFrame(
        {"cohort_id": ["a", "b"], "time_hours": [24, 168], "yi": [-0.8, -0.3], "vi": [0.04, 0.09]}
    )
    curve = durability(es)
    np.testing.assert_allclose(curve.coefficients, [-0.8, -0.3])
    assert "as many coefficients as effects (2)" in curve.notes[0]
    assert math.isnan(curve.aicc)


def test_trials_at_one_time_each_leave_one_variance(data_set) -> None:
    example = data_set("example").drop_duplicates("cohort_id")
    example["time_hours"] = [4, 24, 72, 168]
    curve = durability(example, knots=(4, 168))
    assert curve.omega2 == 0
    assert "no trial was measured twice" in curve.notes[0]
    assert not any("assumed, not estimated" in note for note in curve.notes)
    assert len(curve.sensitivity([0.0, 0.9])["loglik"].round(10).unique()) == 1


def test_variances_that_the_data_cannot_tell_apart_are_said() -> None:
    es = pd.DataFrame(
        {
            "cohort_id": list("abcdea"),
            "time_hours": [24] * 5 + [168],
            "yi": [-0.5, -1.4, -0.2, -0.9, -0.1, -0.3],
            "vi": 0.05,
        }
    )
    for shape in ("spline", "exponential"):
        curve = durability(es, curve=shape)
        assert curve.omega2 == 0
        assert curve.tau2 > 0
        assert any("do not tell omega2 from tau2" in note for note in curve.notes)


def test_boundary_is_said(data_set) -> None:
    curve = durability(data_set("example"))
    assert (curve.tau2, curve.omega2) == (0.0, 0.0)
    assert any("tau2 and omega2 estimated as zero, on the boundary" in note for note in curve.notes)


def test_aicc_compares_curves_by_the_full_likelihood(table) -> None:
    ml, reml = durability(table, options=CurveOptions(method="ML")), durability(table)
    n, parameters = len(table), 4 + 2
    expected = -2 * ml.loglik + 2 * parameters + 2 * parameters * (parameters + 1) / (n - parameters - 1)
    assert ml.aicc == pytest.approx(expected)
    assert reml.aicc == ml.aicc
    assert reml.loglik != ml.loglik


def test_amplitude_of_zero_has_no_rate() -> None:
    es = pd.DataFrame({"cohort_id": "a", "time_hours": [24, 168], "yi": 0.0, "vi": 0.1})
    with pytest.raises(ModelError, match="amplitude of zero"):
        durability(es, curve="exponential")
    assert durability(es).half_life.status == "not reached"


def test_sensitivity_refits_over_rho(table, curve) -> None:
    grid = curve.sensitivity()
    assert grid["rho"].tolist() == [0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    own = grid[grid["rho"] == 0.6].iloc[0]
    at = curve.at(hours=[24, 168])
    for j, name in enumerate(("24h", "7d")):
        for column in ("estimate", "ci_low", "ci_high"):
            assert own[f"{column}_{name}"] == pytest.approx(at[column][j], rel=1e-9)
    assert own["half_life_hours"] == pytest.approx(curve.half_life.value)
    assert own["loglik"] == pytest.approx(curve.loglik)
    other = durability(table, rho=0.9, knots=curve.knots_hours)
    assert grid[grid["rho"] == 0.9].iloc[0]["tau2"] == pytest.approx(other.tau2, rel=1e-9)
    assert grid["estimate_7d"].nunique() == len(grid)


def test_sensitivity_outside_the_measured_times_is_missing(data_set) -> None:
    grid = durability(data_set("fine1993"), curve="exponential").sensitivity([0.5])
    assert math.isnan(grid["estimate_24h"][0])
    assert math.isinf(grid["half_life_hours"][0])
    with pytest.raises(ModelError, match="0 <= rho < 1"):
        durability(data_set("example")).sensitivity([1.2])


def test_to_dict_is_json(curve, data_set) -> None:
    for one in (curve, durability(data_set("fine1993"), curve="exponential", ci="Wald")):
        text = json.dumps(one.to_dict(), allow_nan=False)
        back = json.loads(text)
        assert back["k_trials"] == one.k_trials
        assert back["estimates"][0]["estimate"] == one.to_frame()["estimate"][0]
        assert list(back["coefficients"]) == list(one.coefficient_names)


def test_words(curve) -> None:
    text = str(curve)
    assert text.startswith("Effect over time: SMD, 20 trials, 58 effects")
    assert "correlation 0.6 between 24 h and 7 d (log-time) assumed; t(16) intervals" in text
    assert curve.provenance.line() in text
    assert "sensitivity() shows" in text
    at = curve.at(hours=[24, 168])
    sentence = curve.sentence()
    assert sentence.startswith("Across 20 trials with 58 effects over time, the SMD was ")
    for value in at["estimate"]:
        assert f"{value:.2f}".replace("-", "−") in sentence
    assert "Half-life: " in sentence
    for low, high in zip(at["pi_low"], at["pi_high"], strict=True):
        assert f"95% prediction interval {low:.2f} to {high:.2f}".replace("-", "−") in sentence
    assert f"between trials tau2 = {curve.tau2:.4g} and " in sentence
    assert f"between times of a trial omega2 = {curve.omega2:.4g}. " in sentence
    assert "<table>" in curve._repr_html_()
    exponential = durability(curve.rows, curve="exponential")
    assert "exponential decay; random effects" in str(exponential)


def test_ratios_are_kept_as_logs_and_shown_as_ratios(data_set) -> None:
    curve = durability(data_set("fine1993"), options=CurveOptions(correlation="constant"))
    first = curve.to_frame().iloc[0]
    assert f"{math.exp(first['estimate']):.2f}" in str(curve)
    assert f"CI {math.exp(first['ci_low']):.2f} to {math.exp(first['ci_high']):.2f}" in curve.sentence()


def test_a_sentence_says_no_heterogeneity_that_was_not_estimated(curve) -> None:
    alone = durability(curve.rows[curve.rows["cohort_id"] == curve.rows["cohort_id"].iloc[0]])
    for word in ("prediction", "tau2", "omega2", "variance"):
        assert word not in alone.sentence()
    once = durability(curve.rows.drop_duplicates("cohort_id"), curve="polynomial")
    assert "tau2 = " in once.sentence()
    assert "omega2" not in once.sentence()


def test_a_sentence_says_of_which_trials_a_moderated_curve_is(curve) -> None:
    table = curve.rows.assign(dose=curve.rows.groupby("cohort_id").ngroup() % 2)
    moderated = durability(table, moderators="dose")
    assert "the SMD in the average trial was " in moderated.sentence()
    assert "the SMD in trials with dose = 1 was " in moderated.given(dose=1).sentence()
    assert " in " not in curve.sentence().split(" was ")[0]


def test_ratios_beyond_what_a_number_holds_are_infinite() -> None:
    assert effect_text(800.0, "OR") == "∞"


def test_results_cannot_be_changed(curve) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        curve.tau2 = 1.0
    assert not hasattr(curve, "__dict__")


def test_provenance_follows_the_rows(table) -> None:
    marked = table.copy()
    stamp(marked, name="trials", version="1.0.0", sha256="f" * 64)
    curve = durability(marked.sample(frac=1, random_state=1))
    assert curve.provenance.dataset == "trials 1.0.0"
    assert curve.provenance.n_rows == len(table)
    assert curve.provenance.rows_sha256 == durability(marked).provenance.rows_sha256


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000))
def test_order_of_rows_does_not_matter(data_set, seed: int) -> None:
    example = data_set("example")
    base, other = durability(example), durability(example.sample(frac=1, random_state=seed))
    assert other.coefficients == base.coefficients
    assert other.half_life == base.half_life


@settings(max_examples=8, deadline=None)
@given(st.floats(0.01, 100), st.sampled_from(["spline", "exponential"]))
def test_with_correlation_in_log_time_the_unit_of_time_does_not_matter(data_set, unit, shape) -> None:
    table = data_set("example").assign(yi=lambda d: d["yi"] + 0.3 * (d["cohort_id"] == "c"))
    base = durability(table, curve=shape)
    other = durability(table.assign(time_hours=table["time_hours"] * unit), curve=shape)
    times = np.array([4.0, 24, 100])
    pd.testing.assert_frame_equal(
        base.at(hours=times).drop(columns="time_hours"),
        other.at(hours=times * unit).drop(columns="time_hours"),
        rtol=1e-6,
    )
    for name in ("value", "ci_low", "ci_high"):
        one, two = getattr(base.half_life, name), getattr(other.half_life, name)
        assert (one is None and two is None) or two == pytest.approx(one * unit, rel=1e-5)


@pytest.mark.parametrize("shape", ["spline", "exponential"])
def test_sign_and_scale_carry_through(table, shape) -> None:
    raw = table.drop(columns=["measure", "n_t", "n_c"])
    base = durability(raw, curve=shape)
    other = durability(raw.assign(yi=-10 * raw["yi"], vi=100 * raw["vi"]), curve=shape)
    times = [4, 24, 168, 672]
    np.testing.assert_allclose(
        other.at(hours=times)["estimate"], -10 * base.at(hours=times)["estimate"], rtol=1e-6
    )
    np.testing.assert_allclose(other.at(hours=times)["se"], 10 * base.at(hours=times)["se"], rtol=1e-6)
    assert other.tau2 == pytest.approx(100 * base.tau2, rel=1e-6)
    assert other.half_life.value == pytest.approx(base.half_life.value, rel=1e-6)


def test_two_copies_of_every_trial_narrow_the_curve_only(table) -> None:
    twice = pd.concat([table, table.assign(cohort_id=table["cohort_id"] + " again")])
    once = durability(table, ci="Wald", knots=(4, 72, 672), options=CurveOptions(method="ML"))
    double = durability(twice, ci="Wald", knots=(4, 72, 672), options=CurveOptions(method="ML"))
    np.testing.assert_allclose(double.coefficients, once.coefficients, rtol=1e-8)
    np.testing.assert_allclose(double.vcov, once.vcov / 2, rtol=1e-7)
    assert (double.tau2, double.omega2) == (
        pytest.approx(once.tau2, rel=1e-7),
        pytest.approx(once.omega2, rel=1e-7),
    )
