"""Claims of the methods section that must follow what ran, one setting at a time."""

import math

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.curves import compare, responding
from ketameta.models import LogNormal, permutation, turner2015
from ketameta.reporting import prisma_items
from ketameta.reporting.method_references import references_for

YI, VI = [-1.10, -0.35, -0.62, -0.18, -0.80], [0.09, 0.05, 0.04, 0.07, 0.11]
TABLE = pd.DataFrame({"yi": YI, "vi": VI, "drug": list("kkekk"), "year": [2000, 2006, 2010, 2013, 2018]})
TIMES = pd.DataFrame(
    {"cohort_id": list("aabbccd"), "time_hours": [24, 168, 24, 168, 24, 72, 24], "vi": 0.05}
).assign(yi=[-0.8, -0.4, -0.6, -0.2, -1.0, -0.7, -0.5], measure="SMD")
COUNTS = ([4, 6, 3], [23, 36, 31], [11, 29, 11], [29, 33, 20])
SHARES = pd.DataFrame(
    {
        "study_id": list("aabb"),
        "time_hours": [24, 168, 24, 168],
        **{"events_t": [14, 8, 20, 11], "total_t": [24, 24, 40, 40]},
        **{"events_c": [4, 4, 8, 7], "total_c": [24, 24, 38, 38]},
    }
)
ASKED = {"indication": "MDD", "outcome": "depression", "comparator": ["inactive", "psychoactive"]}


def words(*results):
    return km.methods_text(*results).text


def test_degrees_of_freedom_are_written_out():
    with pytest.warns(km.errors.KetametaWarning, match="one degree of freedom"):
        two = km.pool(TABLE.head(2))
    assert "(1 degree of freedom)" in words(two)
    many = pd.DataFrame({"yi": np.linspace(-1, 1, 1201), "vi": 0.1})
    assert "(1200 degrees of freedom)" in words(km.pool(many))
    fit = km.pool(TABLE, ci="KR")
    assert f"({fit.df:.2f} degrees of freedom)" in words(fit)
    assert "t and F tests with 3 degrees of freedom of the residuals" in words(km.regress(TABLE, "year"))


def test_a_window_without_end_is_said():
    found = km.select(km.load_trials(), hours=(20, math.inf), dosing="single", **ASKED)
    said = words(km.pool(km.effect_sizes(found)))
    assert "nearest to 20 h was taken among those from 20 h on after the first dose" in said


def test_groups_of_one_study_are_not_said_to_be_pooled():
    said = words(km.subgroups(TABLE, "drug"))
    assert "The only study of e has a normal interval and was not pooled" in said
    twos = TABLE.assign(drug=list("kkeek"))
    assert "not pooled" not in words(km.subgroups(twos, "drug", ci="Wald"))
    common = words(km.subgroups(TABLE, "drug", common_tau2=True))
    assert "not pooled" not in common
    assert "by the t distribution with k - p = 3 degrees of freedom" in common
    assert "inverse squared Wald standard error" in common
    assert "prediction intervals were normal" in words(
        km.subgroups(TABLE, "drug", common_tau2=True, ci="Wald")
    )


def test_counts_are_said_to_be_pooled_by_what_pooled_them():
    assert "as risk ratios by the Mantel-Haenszel method" in words(km.counts(*COUNTS, measure="RR"))
    random = words(km.counts(*COUNTS, tau2="DL", ci="t"))
    assert "pooled as odds ratios by a random-effects model with inverse-variance weights" in random
    assert (
        "prediction interval for the effect in a new study was by the t distribution with 2 degrees" in random
    )
    common = words(km.counts(*COUNTS, method="UM.FS", tau2="EE"))
    assert "a fixed level of each study and a common effect, fitted by maximum likelihood" in common
    assert "quadrature" not in common
    assert "a normal random effect, fitted by maximum likelihood with 15-node" in words(
        km.counts(*COUNTS, method="UM.FS")
    )
    alone = words(km.counts([4], [20], [8], [20]))
    assert "one study gave its OR, so that nothing was pooled" in alone
    assert "Heterogeneity" not in alone


def test_each_prior_stands_with_its_own_source():
    prior = turner2015("mental health", "placebo")
    said = words(km.bayes(TABLE.assign(measure="OR"), tau_prior=prior))
    assert "(Turner et al., 2015). The prior of the mean effect was flat." in said
    own = words(km.bayes(TABLE, tau_prior=LogNormal(-2.0, 1.0)))
    assert "Turner" not in own
    assert "The 1 effect entered" in words(km.bayes(TABLE.head(1)))


def test_a_permutation_test_says_what_was_fitted_and_cites_its_own_paper():
    signs = permutation(km.pool(TABLE, tau2="DL", ci="Wald"))
    orders = permutation(km.regress(TABLE, "year"))
    assert references_for(signs) == ("follmann1999",)
    assert references_for(orders) == ("higgins2004",)
    assert (
        "fitted anew by pool(), tau2 by the method of DerSimonian and Laird and the test by Wald's method"
        in words(signs)
    )
    assert "fitted anew by regress(), tau2 by restricted maximum likelihood (REML)" in words(orders)


def test_a_model_without_random_effects_cites_no_paper_on_them():
    table = TABLE.assign(study=list("aabbc"))
    assert "konstantopoulos2011" not in references_for(km.multilevel(table, random=[]))
    assert "konstantopoulos2011" in references_for(km.multilevel(table, random="1 | study"))


def test_a_curve_says_only_the_variances_that_were_estimated():
    usual = words(km.durability(TIMES))
    assert "and so were the times within a trial" in usual
    once = words(km.durability(TIMES.drop_duplicates("cohort_id").assign(time_hours=[24, 72, 168, 24])))
    assert "but not the times within a trial" in once
    alone = words(km.durability(TIMES.head(2)))
    assert "could not be estimated and were set to zero" in alone
    for phrase in ("was random", "likelihood"):
        assert phrase in usual
        assert phrase not in alone


def test_rates_of_decay_are_said_to_come_from_maximum_likelihood():
    phrase = "The parameters of time were estimated by maximum likelihood"
    linearised = ", and the variances for the model linearised at them"
    decay = km.durability(TIMES, curve="exponential")
    assert f"{phrase}{linearised}." in words(decay)
    full = km.durability(TIMES, curve="exponential", options=km.CurveOptions(method="ML"))
    assert f"{phrase}." in words(full)
    assert phrase not in words(km.durability(TIMES))


def test_a_covariance_without_its_numbers_is_said_and_does_not_cite_the_formula():
    lacking = km.durability(TIMES)
    assert "For want of numbers the covariance of 3 trials was taken as if the sizes" in words(lacking)
    assert "gleser2009" not in references_for(lacking)
    full = TIMES.assign(n_t=20, n_c=21, standardiser="pooled SD of endpoint scores")
    assert "gleser2009" in references_for(km.durability(full))
    assert "For want of numbers" not in words(km.durability(full))


def test_a_curve_at_stated_moderators_says_which():
    table = TIMES.assign(route=list("iiiiaaa"))
    fit = km.durability(table, moderators="route", curve="polynomial", options=km.CurveOptions(degree=1))
    assert "The curve was read at route = i" in words(fit.given(route="i"))
    assert "was read at" not in words(fit)


def test_rows_that_a_comparison_left_out_are_said():
    table = pd.concat([TIMES, TIMES.tail(1).assign(cohort_id="z", yi=np.nan, vi=np.nan, reason="no SD")])
    both = words(compare(table.fillna({"reason": ""}), curves=["piecewise", "polynomial"]))
    assert "1 row was left out for want of an effect size, or of a value that the model needs" in both


def test_shares_of_one_trial_are_said_to_have_no_heterogeneity():
    assert "Heterogeneity could not be estimated" in words(responding(SHARES.head(2)))
    two = responding(SHARES)
    assert "Random effects of a trial, the same in both arms," in words(two)
    assert np.ptp(two.fit.spread) == 0
    once = SHARES.iloc[[0, 3]]
    assert "were correlated" not in words(responding(once, knots=(24, 168)))


def test_a_summary_of_findings_cites_what_its_rows_rest_on():
    smd = km.pool(TABLE.assign(measure="SMD", outcome="depression", higher_is_worse=True))
    events = km.counts(*COUNTS)
    bare = km.summary_of_findings({"depression": smd})
    assert set(references_for(bare)) == {"guyatt2011"}
    rated = km.summary_of_findings({"depression": smd}, baseline_risk=0.2)
    assert {"furukawa2011", "chinn2000", "altman1998", "guyatt2011"} == set(references_for(rated))
    both = km.summary_of_findings({"depression": smd, "response": events})
    assert "higgins2019" in references_for(both)
    assert "furukawa2011" not in references_for(both)
    methods = km.methods_text(smd, rated)
    assert "two-sided alpha 0.05 and power 0.8 (Guyatt et al., 2011)" in methods.text
    assert "certainty was not computed, and was not judged" in methods.text
    assert "@article{furukawa2011," in methods.references
    for made in (bare, rated, both):
        assert set(km.methods_text(made).keys) == set(references_for(made))
    judged = pd.DataFrame({"outcome": ["depression"], "certainty": ["low"]})
    said = words(km.summary_of_findings({"depression": smd}, judgements=judged))
    assert "was judged by the authors for 1 of 1" in said
    items = prisma_items(smd, rated).to_frame().set_index("item")
    assert "Chinn, 2000" in items.loc["15", "text"]
    assert "Chinn" not in items.loc["13d", "text"]
    assert "Analysis 2" not in items.loc["20b", "text"]


@pytest.mark.parametrize("level", [0.9, 0.999])
def test_each_result_says_its_level(level):
    percent = f"{100 * level:g}%"
    for result in (
        km.pool(TABLE, level=level),
        km.subgroups(TABLE, "drug", level=level),
        km.regress(TABLE, "year", level=level),
        km.counts(*COUNTS, level=level),
        km.bayes(TABLE, level=level),
        km.durability(TIMES, level=level),
        responding(SHARES, level=level),
    ):
        assert percent in words(result)
        assert "95%" not in words(result)
        assert percent in result.sentence()


def test_columns_and_codes_are_words_in_prose():
    trials = km.load_trials()
    found = km.select(trials, outcome="suicidal_ideation", drug="ketamine", hours=(18, 36), measure="SMD")
    one = km.pool(km.effect_sizes(found).iloc[:1])
    assert "outcome suicidal ideation" in km.methods_text(one).text
    table = pd.concat([TABLE, TABLE]).assign(comparator_class=list("aaaaabbbbb"))
    groups = km.subgroups(table, by="comparator_class")
    assert "Subgroups by comparator class were" in km.methods_text(groups).text
