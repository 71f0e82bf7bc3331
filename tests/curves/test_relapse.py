from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

import ketameta as km
from ketameta.curves import RelapseCurves, relapse
from ketameta.curves.relapse_region import difference_range
from ketameta.errors import KetametaWarning, ModelError

REFERENCE = Path(__file__).parents[1] / "reference" / "relapse.csv"
TRIALS = km.load_trials()
ES = km.effect_sizes(TRIALS[TRIALS["record_id"] == "KM0211"], measure="HR")
POINTS = [(2016, 0.7, 0.6, 0.8), (4032, 0.6, 0.48, 0.7)]
CASES = {
    "median": {"median_hours": 6552, "median_ci": (2328, 12000)},
    "shape": {"median_hours": 6552, "median_ci": (2328, 12000), "shape": 0.7},
    "points": {"points": POINTS},
    "rate": {"rate": (20, 40.0), "followup_hours": 8766},
}


def reference(case: str) -> dict[str, float]:
    table = pd.read_csv(REFERENCE)
    rows = table[table["case"] == case]
    return dict(zip(rows["quantity"], rows["value"], strict=True))


def hazard(hr: float = 0.5, vi: float = 0.04, **cells: object) -> pd.DataFrame:
    return pd.DataFrame({"study_id": ["a"], "yi": [math.log(hr)], "vi": [vi], "measure": ["HR"], **cells})


@pytest.mark.parametrize("case", CASES)
def test_curves_and_intervals_agree_with_a_constrained_search_in_r(case):
    curves = relapse(ES, **CASES[case])
    for quantity, value in reference(case).items():
        name, _, hours = quantity.rpartition("_")
        if hours.isdigit():
            found = curves.at(hours=[float(hours)])[name].iloc[0]
            assert found == pytest.approx(value, rel=1e-5 if name.startswith("rd") else 1e-9), quantity


def test_pooled_hazard_ratios_agree_with_metafor():
    both = km.effect_sizes(TRIALS[TRIALS["record_id"].isin(["KM0211", "KM0213"])], measure="HR")
    fit = km.pool(both, ci="Wald")
    for case, pooled in (("hr", relapse(ES).pooled), ("both", fit)):
        for name, value in reference(case).items():
            assert getattr(pooled, name) == pytest.approx(value, rel=1e-9)


def test_shape_medians_and_rates_agree_with_closed_forms():
    expected = reference("points")
    curves = relapse(ES, points=POINTS)
    assert curves.shape == pytest.approx(expected["shape"], rel=1e-12)
    for arm in ("t", "c"):
        name = "ketamine" if arm == "t" else "comparator"
        assert curves.median(name).value == pytest.approx(expected[f"median_{arm}"], rel=1e-6)
    rates = relapse(ES, **CASES["rate"]).rates().set_index("arm").loc["comparator"]
    expected = reference("rate")
    for name, quantity in (("rate", "rate_c"), ("ci_low", "rate_c_low"), ("ci_high", "rate_c_high")):
        assert rates[name] == pytest.approx(expected[quantity], rel=1e-9)


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0])
def test_medians_scale_with_the_hazard_ratio(shape):
    curves = relapse(hazard(0.4), median_hours=1000, median_ci=(500, 3000), shape=shape)
    treated, control = curves.median("ketamine"), curves.median("comparator")
    assert treated.value == pytest.approx(1000 * 0.4 ** (-1 / shape), rel=1e-7)
    assert (control.ci_low, control.ci_high) == pytest.approx((500, 3000), rel=1e-7)
    down = math.hypot(math.log(2), ndtri(0.975) * 0.2 / shape)
    assert treated.ci_low == pytest.approx(treated.value * math.exp(-down), rel=1e-7)


def test_example_of_the_literature_stays_open_above():
    curves = relapse(ES)
    row = curves.at(days=[182]).iloc[0]
    assert row[["relapse_free_t", "relapse_free_c"]].round(3).tolist() == [0.797, 0.63]
    assert row["ci_high_t"] == row["ci_high_c"] == 1
    assert row["rd_ci_low"] == 0
    assert row["nnt_ci_high"] == math.inf
    assert curves.median("ketamine").ci_high == math.inf
    assert curves.sentence() == (
        "With a hazard ratio of relapse of 0.49 (95% CI 0.29 to 0.83; 1 trial), 50% on the comparator and 71% on "
        "ketamine (95% CI 34% to 100%) would be free of relapse at 273 d; NNT 4.7 (95% CI 2.6 to ∞)."
    )
    assert any("no upper limit" in note for note in curves.notes)
    low, high = curves.rates()[["ci_low", "ci_high"]].to_numpy().T
    assert (low == 0).all()
    assert np.isfinite(high).all()


def test_a_median_of_the_table_is_the_same_as_one_that_is_given():
    given = relapse(ES, median_hours=273 * 24, median_ci=(97 * 24, None))
    pd.testing.assert_frame_equal(relapse(ES).to_frame(), given.to_frame())


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(20260921)
    truth_m, truth_b, se_m, se_b, hours = math.log(1000), math.log(0.5), 0.25, 0.2, 800.0
    control = 2 ** (-hours / 1000)
    truth = {"relapse_free_t": control**0.5, "rd": control**0.5 - control}
    inside = dict.fromkeys(truth, 0)
    for _ in range(400):
        m, b = truth_m + se_m * rng.standard_normal(), truth_b + se_b * rng.standard_normal()
        interval = tuple(math.exp(m + sign * ndtri(0.975) * se_m) for sign in (-1, 1))
        curves = relapse(hazard(math.exp(b), se_b**2), median_hours=math.exp(m), median_ci=interval)
        row = curves.at(hours=[hours], extrapolate=True).iloc[0]
        inside["relapse_free_t"] += row["ci_low_t"] <= truth["relapse_free_t"] <= row["ci_high_t"]
        inside["rd"] += row["rd_ci_low"] <= truth["rd"] <= row["rd_ci_high"]
    for count in inside.values():
        assert 0.92 <= count / 400 <= 0.98


def test_a_level_of_the_pool_is_the_level_of_everything():
    narrow = relapse(km.pool(hazard(), level=0.8), median_hours=1000, median_ci=(500, 2000))
    ratio = math.log(narrow.median("comparator").ci_high / 1000) / math.log(2)
    assert ratio == pytest.approx(ndtri(0.9) / ndtri(0.975), rel=1e-6)
    assert "80% CI" in narrow.sentence()


def test_harm_and_no_difference_are_told_from_benefit():
    unsure = relapse(hazard(0.9, 0.1), median_hours=1000).at(hours=[1000]).iloc[0]
    assert unsure["nnt"] > 0 > unsure["nnt_ci_high"]
    assert "to ∞ to harm" in relapse(hazard(0.9, 0.1), median_hours=1000).sentence()
    harm = relapse(hazard(2.0, 0.01), median_hours=1000)
    assert harm.at(hours=[1000])["nnt"].iloc[0] < 0
    assert "harm" in harm.sentence()


def test_huge_uncertainty_opens_every_interval():
    row = relapse(hazard(0.5, 1e4), median_hours=100, median_ci=(50, None)).at(hours=[100]).iloc[0]
    assert (row["ci_low_t"], row["ci_high_t"]) == (0, 1)
    assert row["rd_ci_low"] < 0 < row["rd_ci_high"]


def test_times_after_what_is_printed_are_refused_or_said():
    curves = relapse(ES)
    with pytest.raises(ModelError, match="lies outside what the printed numbers cover"):
        curves.at(days=[300])
    assert curves.at(days=[300], extrapolate=True)["relapse_free_c"].iloc[0] < 0.5
    longer = relapse(ES, followup_hours=92 * 168)
    assert any("of the model alone" in note for note in longer.notes)
    assert longer.to_frame()["time_hours"].tolist()[-1] == 92 * 168


def test_a_weibull_has_no_rate():
    with pytest.raises(ModelError, match="no constant rate"):
        relapse(ES, points=POINTS).rates()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"median_hours": math.inf}, "a median that was not reached fixes no curve"),
        ({"median_hours": -1}, "finite number above zero"),
        ({"median_hours": math.nan}, "finite number above zero"),
        ({"median_hours": "x"}, "finite number above zero"),
        ({"median_hours": 100, "median_ci": (120, 130)}, "must hold the median"),
        ({"median_hours": 100, "median_ci": 5}, "two bounds"),
        ({"median_hours": 100, "median_ci": (None, 200)}, "finite number above zero"),
        ({"median_hours": 100, "shape": 0}, "shape"),
        ({"median_hours": 100, "followup_hours": math.nan}, "followup_hours"),
        ({"points": 3}, "must be two of"),
        ({"points": [(1, 0.5)]}, "must be two of"),
        ({"points": [(1, 0.5), (2, 0.6)]}, "must fall"),
        ({"points": [(1, 1.0), (2, 0.6)]}, "must fall"),
        ({"points": [(1, 0.9, 0.8, 0.95), (2, 0.5, 0.55, 0.6)]}, "must hold its share"),
        ({"points": [(1, 0.9, 0.8, 0.95), (2, 0.5, 0.49, 0.51)]}, "too narrow"),
        ({"points": POINTS, "shape": 2}, "leave shape out"),
        ({"rate": (0, 10), "followup_hours": 10}, "no relapse"),
        ({"rate": (1.5, 10), "followup_hours": 10}, "whole number"),
        ({"rate": (20, 10)}, "pass followup_hours"),
        ({"rate": (20, 10), "followup_hours": 10, "shape": 2}, "exponential"),
        ({"rate": 5, "followup_hours": 10}, "relapses and person-years"),
        ({"rate": (1, 2), "median_hours": 4}, "give one of them"),
        ({"median_hours": 10**400}, "finite number above zero"),
        ({"median_hours": 100, "followup_hours": 10**400}, "finite number above zero"),
        ({"rate": (10**400, 2), "followup_hours": 10}, "finite number above zero"),
        ({"points": [(10**400, 0.5), (3, 0.7)]}, "must be two of"),
        ({"points": [(1000, 0.8), (2000, 0.799999)]}, "shape of .* outside 0.01 to 100"),
        ({"median_hours": 100, "shape": 1000}, "shape of 1e[+]03 lies outside"),
        ({"points": POINTS, "shape": np.array([1, 2])}, "leave shape out"),
        ({"points": POINTS, "median_ci": (1, 2)}, "median_ci belongs to a median"),
        ({"median_ci": (1, 2)}, "median_ci belongs to a median"),
    ],
)
def test_what_fixes_no_curve_is_refused(given, message):
    with pytest.raises(ModelError, match=message):
        relapse(ES, **given)


def test_what_is_no_hazard_ratio_is_refused():
    with pytest.raises(ModelError, match="needs a hazard ratio"):
        relapse(hazard().assign(measure="OR"), median_hours=1)
    with pytest.raises(ModelError, match="not int"):
        relapse(3, median_hours=1)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="No row of the table holds"):
        relapse(hazard())
    with pytest.raises(ModelError, match="nothing fixes"):
        relapse(km.pool(hazard()))
    two = pd.concat([hazard(median_hours_c=[10.0]), hazard(0.6, median_hours_c=[20.0]).assign(study_id="b")])
    message = r"several rows hold a median of the comparator \(a, b\)"
    with pytest.warns(KetametaWarning, match="two studies"), pytest.raises(ModelError, match=message):
        relapse(two.reset_index(drop=True))
    with pytest.raises(ModelError, match="choose ketamine or comparator"):
        relapse(ES).median("placebo")


def test_every_form_of_the_result_can_be_shown():
    curves = relapse(ES)
    assert isinstance(curves, RelapseCurves)
    assert json.loads(json.dumps(curves.to_dict(), allow_nan=False))["k"] == 1
    assert "Median time to relapse, ketamine: 557.1 d (95% CI 174.1 d to not reached)" in str(curves)
    assert "<table" in curves._repr_html_()


def test_stable_response_has_the_medians_of_the_registry():
    es = km.effect_sizes(TRIALS[TRIALS["record_id"] == "KM0213"], measure="HR")
    curves = relapse(es)
    assert curves.median("comparator").value == 88 * 24
    assert curves.median().value == pytest.approx(88 * 24 / 0.30, rel=1e-9)


def test_a_row_without_a_median_says_so():
    row = TRIALS[TRIALS["record_id"] == "KM0213"].assign(
        **{name: np.nan for name in TRIALS.columns if name.startswith("median_hours")}
    )
    with pytest.raises(ModelError, match="nothing fixes the comparator's curve"):
        relapse(km.effect_sizes(row, measure="HR"))


@pytest.mark.parametrize(("hr", "shape"), [(0.01, 0.1), (1e-8, 1.0), (1e8, 1.0), (100, 0.2)])
def test_medians_far_from_the_comparators_are_exact(hr, shape):
    median = relapse(hazard(hr), median_hours=1000, shape=shape).median()
    reach = ndtri(0.975) * 0.2
    assert median.value == pytest.approx(1000 * hr ** (-1 / shape), rel=1e-9)
    assert median.ci_low == pytest.approx(median.value * math.exp(-reach / shape), rel=1e-9)
    assert median.ci_high == pytest.approx(median.value * math.exp(reach / shape), rel=1e-9)


def test_a_median_beyond_all_numbers_is_not_reached():
    median = relapse(hazard(1e-8), median_hours=1000, shape=0.01).median()
    assert (median.value, median.status, median.ci_high) == (None, "not reached", math.inf)


def test_hazard_ratios_of_any_size_give_shares():
    wide = relapse(hazard(0.5, 1e6), median_hours=100)
    assert wide.hr[2] == math.inf
    assert wide.at(hours=[100])[["ci_low_t", "ci_high_t"]].to_numpy().tolist() == [[0, 1]]
    assert json.loads(json.dumps(wide.to_dict(), allow_nan=False))["hr_ci_high"] is None
    assert "∞" in str(wide)


def test_no_harm_is_claimed_of_a_hazard_ratio_that_may_act_on_nothing():
    curves = relapse(hazard(3, 0.01), median_hours=100, median_ci=(50, None))
    row = curves.at(hours=[100]).iloc[0]
    assert (row["rd_ci_high"], row["nnt_ci_low"]) == (0, -math.inf)
    assert curves.sentence().endswith("NNT harm 2.7 (95% CI harm 2.2 to ∞).")


def test_a_lower_bound_of_a_median_alone_missing_is_told():
    rows = hazard(median_hours_c=[100.0], median_hours_high_c=[200.0])
    with pytest.raises(ModelError, match="an upper bound of the comparator's median and no lower one"):
        relapse(rows)


def test_a_rate_at_a_level_next_to_one_has_an_interval():
    level = float(np.nextafter(1.0, 0.0))
    rates = relapse(km.pool(hazard(), level=level), rate=(3, 10.0), followup_hours=1000).rates()
    assert (rates["ci_low"] > 0).all()
    assert np.isfinite(rates["ci_high"]).all()


def test_open_regions_are_searched_to_five_digits():
    z, z_high, b, b_low, b_high = -3.6097732909057583, np.inf, -1.64, -3.24, -1.155
    dz = np.linspace(0, 60, 2_000_001)
    most = np.max(np.exp(-np.exp(z + dz + b_low)) - np.exp(-np.exp(z + dz)))
    high = difference_range(np.array([z]), np.array([z - 0.4]), np.array([z_high]), b, b_low, b_high)[1]
    assert high[0] == pytest.approx(most, rel=1e-6)


def test_a_bound_that_turns_back_keeps_what_it_has_excluded():
    curves = relapse(hazard(), points=[(1000, 0.8, 0.7, 0.87), (1100, 0.78, 0.67, 0.85)])
    median = curves.median("comparator")
    hours = np.array([0.001, 1.0, 0.999, 1.001]) * median.ci_low
    lower = curves.at(hours=hours, extrapolate=True)["ci_low_c"]
    assert lower[1] == pytest.approx(0.5, rel=1e-9)
    assert lower[0] < 0.5 < lower[2]
    assert lower[3] < 0.5
    assert 1100 < median.ci_low < median.value < median.ci_high == math.inf
