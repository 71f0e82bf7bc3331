"""Numbers of a summary of findings: risks, points, NNT, inputs; each by a second road."""

import dataclasses
import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ketameta as km
from ketameta.effects.risks import implied_risk
from ketameta.errors import DataError, KetametaWarning
from ketameta.reporting import SummaryOptions
from ketameta.reporting.grade_absolute import Limits
from ketameta.reporting.grade_cells import nnt_text

REFERENCE = Path(__file__).parents[1] / "reference"


def scores(k=4, **columns):
    """Effects of k trials with arms, as effect_sizes() gives them."""
    i = np.arange(k)
    table = {
        "label": [f"Author{j} 2020" for j in i],
        "yi": -0.3 - 0.15 * i,
        "vi": 0.04 + 0.01 * i,
        "measure": "SMD",
        "outcome": "depression",
        "instrument": "MADRS",
        "higher_is_worse": True,
        "time_hours": 24.0,
        "score_type": "change",
        "n_t": 20.0 + i,
        "n_c": 18.0 + i,
        "sd_t": 8.0 + i,
        "sd_c": 9.0 + i,
        "comparator_class": ["psychoactive" if j == 0 else "inactive" for j in i],
        "population": "TRD",
        "blinding": "double-blind",
    }
    return pd.DataFrame(table | columns)


def events(k=3, outcome="response", **columns):
    i = np.arange(k)
    table = {
        "label": [f"Author{j} 2020" for j in i],
        "yi": np.log(2.0) + 0.1 * i,
        "vi": 0.1 + 0.02 * i,
        "measure": "RR",
        "outcome": outcome,
        "events_t": 12.0 + i,
        "total_t": 30.0,
        "events_c": 3.0 * (1 + i),
        "total_c": 30.0,
    }
    return pd.DataFrame(table | columns)


def pool(table, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        return km.pool(table, **options)


def only(result, **options):
    """The single row of a summary of one outcome, as a dictionary."""
    return km.summary_of_findings({"A": result}, **options).to_frame().iloc[0].to_dict()


def test_risks_take_the_median_of_the_trials():
    fit = pool(events())
    row = only(fit)
    assert row["risk_comparator"] == pytest.approx(0.2)  # of 3, 6 and 9 in 30
    assert row["risk"] == pytest.approx(0.2 * math.exp(fit.estimate))
    assert row["difference_low"] == pytest.approx(0.2 * math.exp(fit.ci_low) - 0.2)
    assert row["nnt"] == pytest.approx(1 / row["difference"])


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_a_given_risk_goes_before_the_median_for_every_measure(measure):
    table = events(measure=measure, yi=[0.1, 0.15, 0.2])
    fit = pool(table)
    row = only(fit, baseline_risk={"A": 0.3})
    for name, theta in (("risk", fit.estimate), ("risk_low", fit.ci_low), ("risk_high", fit.ci_high)):
        assert row[name] == pytest.approx(float(implied_risk(0.3, theta, measure)))


def test_counts_have_risks_people_and_shares_of_people_where_the_model_has_no_weights():
    table = pd.DataFrame({"a": [12, 9, 15], "n1": [30, 25, 40], "c": [3, 6, 9], "n2": [30, 30, 40]})
    counted = km.counts(table["a"], table["n1"], table["c"], table["n2"], measure="OR", method="CM.EL")
    row = only(counted)
    assert row["risk_comparator"] == pytest.approx(0.2)
    assert row["participants"] == table[["n1", "n2"]].to_numpy().sum()
    assert math.isnan(row["nnt"])  # nothing says whether the event is good
    found = km.summary_of_findings({"A": counted})
    assert any("shares are of participants" in note for note in found.notes)
    assert any("No NNT" in note for note in found.notes)


def test_harms_are_harms():
    row = only(pool(events(outcome="dropout")))
    assert row["difference"] > 0
    assert row["nnt"] == pytest.approx(-1 / row["difference"])
    assert "NNTH" in km.summary_of_findings({"A": pool(events(outcome="dropout"))}).to_markdown()


@pytest.mark.parametrize(
    ("measure", "counted", "given"),
    [("OR", 0.0, None), ("RR", 0.0, None), ("OR", 3.0, 1.0), ("RR", 3.0, 0.0)],
)
def test_ratios_say_nothing_at_a_risk_of_none_or_all(measure, counted, given):
    found = km.summary_of_findings(
        {"A": pool(events(measure=measure, events_c=counted))}, baseline_risk=given
    )
    assert found.rows[0].absolute is None
    assert any("give another baseline_risk" in note for note in found.notes)


def test_response_behind_an_smd_by_normal_and_by_logistic_scores():
    fit = pool(scores())
    row = only(fit, baseline_risk=0.2)
    expected = stats.norm.cdf(stats.norm.ppf(0.2) - np.array([fit.estimate, fit.ci_high, fit.ci_low]))
    assert [row["risk"], row["risk_low"], row["risk_high"]] == pytest.approx(expected.tolist())
    odds = 0.25 * math.exp(-fit.estimate * math.pi / math.sqrt(3))
    assert row["difference_chinn"] == pytest.approx(odds / (1 + odds) - 0.2)
    assert row["nnt"] > 0


def test_scales_where_higher_is_better_turn_the_sign():
    down, up = scores(), scores(higher_is_worse=False)
    up["yi"] = -down["yi"]
    names = ["risk", "risk_low", "risk_high", "nnt", "difference_chinn"]
    expected, found = (only(pool(each), baseline_risk=0.3) for each in (down, up))
    assert [found[name] for name in names] == pytest.approx([expected[name] for name in names])


def test_an_smd_without_a_response_rate_or_a_direction_has_no_response():
    for table, options, why in (
        (scores(), {}, "baseline_risk"),
        (scores().drop(columns="higher_is_worse"), {"baseline_risk": 0.2}, "higher_is_worse"),
    ):
        found = km.summary_of_findings({"A": pool(table)}, **options)
        assert found.rows[0].absolute is None
        assert any(why in note for note in found.notes)


def test_points_by_the_median_of_pooled_sds():
    table = scores(instrument=["MADRS", "MADRS", "madrs", "HAM-D-17"], sd_t=[8, 9, math.nan, 3])
    fit = pool(table)
    pooled = [
        math.sqrt(((20 - 1) * 8**2 + (18 - 1) * 9**2) / 36),
        math.sqrt(((21 - 1) * 9**2 + (19 - 1) * 10**2) / 38),
        11.0,
    ]
    found = km.summary_of_findings({"A": fit}, points="MADRS")
    row = found.to_frame().iloc[0]
    assert row["scale_sd"] == pytest.approx(sorted(pooled)[1])
    assert row["points_low"] == pytest.approx(fit.ci_low * sorted(pooled)[1])
    assert any("median of 3 trials" in note and "3 change" in note for note in found.notes)


def test_points_by_a_given_sd_and_only_of_smds():
    results = {"A": pool(scores()), "B": pool(events())}
    row = km.summary_of_findings(results, points=("MADRS", 9.0)).to_frame()
    assert row["points"][0] == pytest.approx(9.0 * results["A"].estimate)
    assert math.isnan(row["points"][1])
    for asked, why in (({"B": "MADRS"}, "no SMD"), ({"A": "BDI"}, "no trial gives an SD of BDI")):
        with pytest.raises(DataError, match=why):
            km.summary_of_findings(results, points=asked)


@pytest.mark.parametrize(
    ("benefit", "text"),
    [
        (Limits(0.10, -0.05, 0.25), "NNTB 10 (NNTB 4 to ∞ to NNTH 20)"),  # Altman 1998
        (Limits(-0.10, -0.25, 0.05), "NNTH 10 (NNTB 20 to ∞ to NNTH 4)"),
        (Limits(0.10, 0.05, 0.25), "NNTB 10 (4 to 20)"),
        (Limits(-0.10, -0.25, -0.05), "NNTH 10 (4 to 20)"),
        (Limits(0.10, 0.0, 0.25), "NNTB 10 (4 to ∞)"),
        (Limits(0.0, -0.05, 0.05), "∞ (NNTB 20 to ∞ to NNTH 20)"),
        (Limits(0.0, 0.0, 0.0), "∞ (∞ to ∞)"),
        (Limits(0.1, math.nan, math.nan), "NNTB 10"),
        (Limits(math.nan, math.nan, math.nan), "–"),
    ],
)
def test_nnt_through_infinity(benefit, text):
    assert nnt_text(benefit) == text


def test_shares_and_intervals():
    fit = pool(scores())
    row = only(fit, mid={"A": 0.45})
    assert row["psychoactive"] == pytest.approx(fit.weights[0])
    assert row["ci_holds_null"] == (fit.ci_low <= 0 <= fit.ci_high)
    assert row["pi_holds_null"] == (fit.pi_low <= 0 <= fit.pi_high)
    assert row["ci_holds_mid"] == (fit.ci_low <= -0.45 <= fit.ci_high)
    assert row["participants"] == 4 * 38 + 2 * 6
    assert only(fit, mid={"A": 9.0})["ci_holds_mid"] is False


def test_a_mid_of_a_ratio_counts_to_both_sides():
    fit = pool(events())
    inside = math.exp(0.5 * (fit.ci_low + fit.ci_high))
    for mid in (inside, 1 / inside):
        assert only(fit, mid={"A": mid})["ci_holds_mid"] is True


def test_information_sizes():
    """R: power.prop.test(p1 = 0.2, p2 = 0.25), n = 1093.74; means by the formula."""
    assert only(pool(events()))["information_size"] == 2 * 1094
    assert only(pool(scores()))["information_size"] == 786
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.9)
    expected = 2 * math.ceil(2 * z**2 / 0.5**2)
    row = only(pool(scores()), mid={"A": 0.5}, options=SummaryOptions(power=0.9))
    assert row["information_size"] == expected
    assert math.isnan(
        only(pool(events()), baseline_risk=0.9)["information_size"]
    )  # 0.9 and a quarter is above 1


def test_small_study_effects_as_metafor_has_them():
    table = pd.read_csv(REFERENCE / "small_study.csv").assign(measure="SMD")
    assert only(pool(table))["small_study_p"] == pytest.approx(table["p_sizes"][0], rel=1e-6)
    sizeless = pool(table.drop(columns=["n_t", "n_c"]))
    assert only(sizeless)["small_study_p"] == pytest.approx(table["p_se"][0], rel=1e-6)
    assert math.isnan(only(pool(table.head(9)))["small_study_p"])
    assert "small-study effects: P" in km.summary_of_findings({"A": pool(table)}).to_latex()


def test_small_study_effects_of_trials_of_one_size_are_not_tested():
    assert math.isnan(only(pool(scores(11, n_t=20.0, n_c=20.0)))["small_study_p"])


def test_one_trial_and_numbers_without_anything():
    one = km.summary_of_findings({"A": pool(scores(1))}, baseline_risk=0.2, points="MADRS")
    assert "heterogeneity cannot be estimated" in one.to_markdown()
    assert any("One trial: nothing is pooled" in note for note in one.notes)
    bare = km.summary_of_findings({"A": km.pool(yi=[-0.5, -0.2, -0.9], vi=[0.1, 0.05, 0.2])})
    row = bare.to_frame().iloc[0]
    assert row["participants"] == 0
    assert row["trials_of_unknown_size"] == 3
    assert "number not known" in bare.to_markdown()
    assert math.isnan(row["psychoactive"])


@pytest.mark.parametrize("measure", ["ROM", "MD"])
def test_measures_without_risks(measure):
    found = km.summary_of_findings({"A": pool(scores(measure=measure))}, baseline_risk=0.2, points="MADRS")
    assert found.rows[0].absolute is None
    assert found.rows[0].points is None


@pytest.mark.parametrize(("outcome", "sign"), [("relapse", 1.0), ("response", -1.0)])
def test_risks_behind_a_hazard_ratio(outcome, sign):
    """A risk of 0.36 at a hazard ratio of 0.5: (1 - 0.36)^0.5 = 0.8 are without the event."""
    fit = pool(events(1, outcome=outcome, measure="HR", yi=math.log(0.5)))
    found = km.summary_of_findings({"A": fit}, baseline_risk=0.36)
    row = found.to_frame().iloc[0]
    assert row["risk"] == pytest.approx(0.2)
    assert row["risk_low"] == pytest.approx(1 - 0.64 ** math.exp(fit.ci_low))
    assert row["nnt"] == pytest.approx(sign / 0.16)
    assert any("hazards are taken as proportional" in note for note in found.notes)
    assert only(fit)["risk_comparator"] == pytest.approx(0.1)
    for certain in (0.0, 1.0):
        assert "give another baseline_risk" in only(fit, baseline_risk=certain)["why_no_absolute_effect"]


@pytest.mark.parametrize(
    ("measure", "effect", "risk", "cut"),
    [
        ("AS", 0.5, 0.9, True),
        ("AS", -0.5, 0.01, True),
        ("AS", 0.1, 0.5, False),
        ("RD", -0.3, 0.2, True),
        ("RD", -0.2, 0.25, False),
        ("RR", math.log(2.0), 0.6, True),
        ("RR", math.log(1.5), 0.5, False),
        ("OR", 9.0, 0.5, False),
    ],
)
def test_impossible_risks_are_said_of_each_measure(measure, effect, risk, cut):
    fit = pool(events(1, measure=measure, yi=effect, vi=1e-9))
    found = km.summary_of_findings({"A": fit}, baseline_risk=risk)
    assert found.rows[0].absolute.clipped is cut
    assert any("a risk under 0 or over 1" in note for note in found.notes) is cut


def test_people_and_trials_are_of_the_same_tables():
    table = pd.DataFrame(
        {"a": [0, 12, 9, 5], "n1": [50, 30, 25, 20], "c": [0, 3, 6, 0], "n2": [50, 30, 30, 20]}
    )
    cells = [table[name] for name in ("a", "n1", "c", "n2")]
    for measure, method in (("OR", "MH"), ("OR", "Peto"), ("RR", "MH"), ("RD", "MH")):
        row = only(km.counts(*cells, measure=measure, method=method))
        assert (row["k"], row["participants"]) == ((4, 255) if measure == "RD" else (3, 155))


@pytest.mark.parametrize("size", [math.inf, -5.0, "many"])
def test_sizes_and_sds_that_are_none_are_unknown(size):
    found = km.summary_of_findings({"A": pool(scores(n_t=size, sd_t=8.0, sd_c=6.0))}, points="MADRS")
    row = found.to_frame().iloc[0]
    assert (row["participants"], row["trials_of_unknown_size"]) == (0, 4)
    assert row["scale_sd"] == pytest.approx(math.sqrt(50.0))
    endless = km.summary_of_findings({"A": pool(scores(sd_t=math.inf, sd_c=math.nan))}, points="MADRS")
    assert endless.rows[0].points is None
    assert any("no trial gives an SD of it" in note for note in endless.notes)


def test_points_of_a_scale_that_the_trials_did_not_use_are_told_on_demand_only():
    results = {"Mood": pool(scores()), "Dissociation": pool(scores(instrument="CADSS"))}
    found = km.summary_of_findings(results, points=("MADRS", 9.0))
    assert found.to_frame()["scale"].tolist() == ["MADRS", ""]
    assert any("the trials used other scales" in note for note in found.notes)
    asked = km.summary_of_findings(results, points={"Dissociation": ("MADRS", 9.0)})
    assert asked.to_frame()["scale"].tolist() == ["", "MADRS"]


def test_rare_risks_are_not_told_as_none():
    notes = km.summary_of_findings({"A": pool(events())}, baseline_risk=0.0004).notes
    assert any("Risk with the comparator of 0.4 per 1000" in note for note in notes)
    assert any("finds 0.5 against 0.4 per 1000" in note for note in notes)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (scores(), "SMD: values under 0 favour ketamine."),
        (scores(higher_is_worse=False), "SMD: values over 0 favour ketamine."),
        (events(outcome="relapse", measure="HR", events_c=math.nan), "HR: values under 1 favour ketamine."),
    ],
)
def test_the_side_of_ketamine_is_said(table, said):
    assert any(note.endswith(said) for note in km.summary_of_findings({"A": pool(table)}).notes)
    unknown = km.summary_of_findings(
        {"A": pool(table.drop(columns=["higher_is_worse", "outcome"], errors="ignore"))}
    )
    assert not any("favour ketamine" in note for note in unknown.notes)


def test_an_information_size_is_reached_by_the_people_that_are_known():
    some = pool(scores(n_t=[500.0, 500.0, 500.0, math.nan]))
    assert "786 people, reached" in km.summary_of_findings({"A": some}).to_markdown()
    few = pool(scores(n_t=[20.0, 20.0, 20.0, math.nan]))
    assert "786 people." in km.summary_of_findings({"A": few}).to_markdown()


def test_shares_against_a_psychoactive_comparator_in_any_case():
    assert only(pool(scores(comparator_class="Psychoactive")))["psychoactive"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("effect", "text"),
    [
        (-0.05, "50 fewer (0 to 100 fewer)"),
        (0.05, "50 more (0 to 100 more)"),
    ],
)
def test_a_limit_of_no_difference_is_neither_more_nor_fewer(effect, text):
    limits = (0.0, 2 * effect) if effect > 0 else (2 * effect, 0.0)
    fit = dataclasses.replace(pool(events(1, measure="RD", yi=effect)), ci_low=limits[0], ci_high=limits[1])
    assert f"| {text} |" in km.summary_of_findings({"A": fit}, baseline_risk=0.5).to_markdown()


def test_results_are_not_changed():
    table = scores()
    before = table.copy(deep=True)
    fit = pool(table)
    told = fit.to_dict()
    km.summary_of_findings({"A": fit}, baseline_risk=0.2, points="MADRS", mid={"A": 0.3})
    pd.testing.assert_frame_equal(table, before)
    assert fit.to_dict() == told


@pytest.mark.parametrize("size", [1e-9, -50.0, 800.0])
@pytest.mark.parametrize("measure", ["SMD", "OR", "RR"])
def test_extremes_are_told_without_a_warning(size, measure):
    table = events(
        measure=measure, yi=[size, 1.1 * size, 0.9 * size], higher_is_worse=True, outcome="relapse"
    )
    found = km.summary_of_findings({"A": pool(table)}, baseline_risk=0.3, points=("MADRS", 9.0))
    row = found.to_frame().iloc[0]
    assert 0 <= row["risk_low"] <= row["risk"] <= row["risk_high"] <= 1
    assert row["difference"] == pytest.approx(row["risk"] - 0.3)
    for told in (found.to_markdown(), found.to_latex(), found.to_html(), str(found), found.sentence()):
        assert "nan" not in told
        assert "inf " not in told


def test_risks_over_all_are_cut_and_said():
    found = km.summary_of_findings({"A": pool(events())}, baseline_risk=0.8)
    assert found.to_frame()["risk_high"][0] == 1.0
    assert any("a risk under 0 or over 1" in note for note in found.notes)
    mild = km.summary_of_findings({"A": pool(events())}, baseline_risk=0.01)
    assert not any("a risk under 0 or over 1" in note for note in mild.notes)
