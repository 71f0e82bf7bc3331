"""The methods section: every sentence follows a setting, and nothing is said that was not run."""

import json

import pandas as pd
import pytest

import ketameta as km
from ketameta.curves import compare, relapse, responding
from ketameta.effects import EffectOptions
from ketameta.errors import DataError
from ketameta.evidence.references import parse_bibtex
from ketameta.models import Normal, PermutationTest, permutation, turner2015
from ketameta.reporting.method_references import references_for

YI, VI = [-1.10, -0.35, -0.62, -0.18, -0.80], [0.09, 0.05, 0.04, 0.07, 0.11]
TABLE = pd.DataFrame({"yi": YI, "vi": VI, "drug": list("kkekk"), "year": [2000, 2006, 2010, 2013, 2018]})
TIMES = pd.DataFrame(
    {"cohort_id": list("aabbccd"), "time_hours": [24, 168, 24, 168, 24, 72, 24], "vi": 0.05}
).assign(yi=[-0.8, -0.4, -0.6, -0.2, -1.0, -0.7, -0.5])
COUNTS = ([4, 6, 3], [23, 36, 31], [11, 29, 11], [29, 33, 20])
ASKED = {"indication": "MDD", "outcome": "depression", "comparator": ["inactive", "psychoactive"]}
ARMS = pd.DataFrame(
    {
        "study_id": ["a", "b", "c"],
        "cohort_id": ["a", "b", "c"],
        **{"mean_t": [10.0, 12.0, 9.0], "sd_t": [4.0, 5.0, 6.0], "n_t": [20, 25, 30]},
        **{"mean_c": [14.0, 13.0, 15.0], "sd_c": [5.0, 4.0, 6.0], "n_c": [20, 24, 31]},
    }
)


def words(*results):
    return km.methods_text(*results).text


@pytest.fixture(scope="module")
def trials():
    return km.load_trials()


@pytest.fixture(scope="module")
def day1(trials):
    return km.effect_sizes(km.select(trials, hours=(18, 36), **ASKED))


def results():
    model = km.multilevel(TABLE.assign(study=list("aabbc"), trial=list("vwxyz")), random="1 | study/trial")
    hazards = pd.DataFrame({"yi": [-0.9, -0.7, -0.8], "vi": [0.1, 0.2, 0.1], "measure": "HR"})
    return {
        "pool": km.pool(TABLE),
        "subgroups": km.subgroups(TABLE, "drug", ci="Wald"),
        "regression": km.regress(TABLE, "year"),
        "multilevel": model,
        "robust": model.robust("study"),
        "counts": km.counts(*COUNTS),
        "bayes": km.bayes(TABLE),
        "durability": km.durability(TIMES),
        "comparison": compare(TIMES, curves=["piecewise", "polynomial"]),
        "relapse": relapse(km.pool(hazards), median_hours=1000.0),
        "permutation": permutation(km.pool(TABLE)),
    }


def test_every_kind_of_result_is_described_with_the_papers_of_its_methods():
    for result in results().values():
        methods = km.methods_text(result)
        cited = set(methods.keys) - {"ketameta", "ketameta_data"}
        assert set(references_for(result)) - {"ruppert2003"} == cited
        assert set(methods.keys) <= set(parse_bibtex(methods.references, "written")["key"])
        assert methods.text.count(" (") >= 1
        assert "nan" not in methods.text
        assert ".." not in methods.text
        json.dumps(methods.to_dict())


def test_shares_responding_are_described(trials):
    curve = responding(km.select(trials, outcome="response", dosing="single", indication="MDD"))
    said = words(curve)
    assert "penalised quasi-likelihood, their variances by restricted maximum likelihood (REML)" in said
    assert f"a correlation of {curve.rho:g} was assumed" in said
    assert "given and not computed" not in said


@pytest.mark.parametrize(
    ("setting", "phrase"),
    [
        ({"tau2": "DL"}, "the method of DerSimonian and Laird (DerSimonian and Laird, 1986)"),
        ({"tau2": "PM"}, "the method of Paule and Mandel (Viechtbauer, 2005; Paule and Mandel, 1982)"),
        ({"tau2": "EE", "ci": "Wald"}, "under a common-effect model with inverse-variance weights"),
        ({"ci": "Wald"}, "by Wald's method (normal distribution)"),
        ({"ci": "HKSJ-adhoc"}, "with the variance factor kept at 1 or more"),
        ({"ci": "KR"}, "by the Kenward-Roger method"),
        ({"tau2": "ML", "ci": "profile"}, "were by the profile likelihood"),
        ({"prediction": "t(k-2)"}, "with k - 2 degrees of freedom and the Wald standard error"),
        (
            {"prediction": "bootstrap", "options": km.PoolOptions(draws=1000, rng=7)},
            "a parametric bootstrap with 1000 draws, seed 7 (Nagashima et al., 2019)",
        ),
        ({"level": 0.9}, "The 90% confidence interval"),
        (
            {"options": km.PoolOptions(tau2_interval="GENQ")},
            "The 95% intervals of tau2, I2 and H2 were by the generalised Q statistic with weights 1 / sqrt(vi) (Jackson, 2013)",
        ),
    ],
)
def test_each_setting_of_a_pool_changes_the_words(setting, phrase):
    assert phrase not in words(km.pool(TABLE))
    assert phrase in words(km.pool(TABLE, **setting))


def test_methods_that_were_not_used_are_not_mentioned():
    common = words(km.pool(TABLE, tau2="EE", ci="Wald"))
    for word in ("random-effects", "tau2", "prediction", "Hartung", "Q-profile", "REML"):
        assert word not in common
    single = words(km.pool(TABLE.head(1)))
    assert "One study gave an effect, so that nothing was pooled" in single
    assert "were pooled" not in single
    assert "heterogeneity" not in single.lower()


def test_settings_of_the_other_models_change_their_words(day1):
    assert "one tau2 common to all groups" in words(km.subgroups(TABLE, "drug", common_tau2=True))
    assert "a tau2 of its own for each group" in words(km.subgroups(TABLE, "drug", ci="Wald"))
    assert "tau2" not in words(km.subgroups(TABLE, "drug", tau2="EE", ci="Wald"))
    assert "to year" in words(km.regress(TABLE, "year"))
    assert "normal and chi-square tests" in words(km.regress(TABLE, "year", ci="Wald"))
    assert "Mantel-Haenszel" in words(km.counts(*COUNTS))
    random = words(km.counts(*COUNTS, tau2="DL"))
    assert "pooled as odds ratios by a random-effects model with inverse-variance weights" in random
    assert "Cochran's Q about the estimate by the Mantel-Haenszel method" in random
    assert "0.5 added to the cells of tables with a zero" in random
    assert "0.5 added" not in words(km.counts(*COUNTS, method="Peto", tau2="DL"))
    assert "was the odds ratio (OR) of ketamine" in random
    exact = words(km.counts(*COUNTS, method="CM.EL"))
    assert "conditional on the margins" in exact
    assert "Mantel" not in exact
    prior = turner2015("mental health", "placebo")
    posterior = words(km.bayes(TABLE.assign(measure="OR"), tau_prior=prior, mu_prior=Normal(0, 2)))
    assert (
        "(mental health, placebo) (Turner et al., 2015). The prior of the mean effect was Normal(0, 2)."
        in posterior
    )
    held = km.multilevel(TABLE.assign(study=list("aabbc")), random="1 | study", V=0.5, method="ML")
    assert "maximum likelihood (ML), with sampling errors correlated 0.5 within study" in words(held)
    random_draws = PermutationTest(pd.DataFrame(), 99, False, "sign flips", (), km.pool(TABLE).provenance)
    assert "from 99 random sign flips" in words(random_draws)


def test_settings_of_a_curve_change_its_words():
    usual = words(km.durability(TIMES))
    assert "natural cubic spline in log time, knots at" in usual
    assert "a correlation of 0.6 was assumed, fading with the distance of the logarithms of time" in usual
    other = km.durability(
        TIMES,
        curve="piecewise",
        rho=0.3,
        ci="Wald",
        options=km.CurveOptions(correlation="constant", method="ML"),
    )
    for phrase in (
        "straight lines",
        "of 0.3 was assumed, the same at all",
        "by maximum likelihood (ML)",
        "were normal",
    ):
        assert phrase in words(other)
        assert phrase not in usual
    assert "spline" not in words(other)
    once = TIMES.drop_duplicates("cohort_id").assign(time_hours=[24, 72, 168, 24])
    assert "were correlated" not in words(km.durability(once))
    assert "were correlated" in usual


def test_the_selection_is_said_as_it_was_asked(trials, day1):
    said = words(km.pool(day1))
    version = km.cite().references[1].version
    assert f"the ketameta-trials data set, version {version} (file with SHA-256 " in said
    assert "indication MDD, outcome depression and comparator inactive or psychoactive" in said
    assert "nearest to 27 h was taken among those from 18 to 36 h" in said
    assert "secondary text alone were left out" in said
    more = km.select(trials, hours=(18, 36), at=24, provisional=True, measure="SMD", setting=None, **ASKED)
    said = words(km.pool(km.effect_sizes(more)))
    assert "nearest to 24 h" in said
    assert "secondary text alone were included" in said
    assert "statistics that give the SMD" in said
    assert "setting treatment" not in said
    assert "Rows were selected" not in words(km.pool(TABLE))


def test_effect_sizes_are_said_as_they_were_made():
    usual = words(km.pool(km.effect_sizes(ARMS)))
    assert "standardised mean difference (SMD)" in usual
    assert "correction of Hedges (Hedges, 1981)" in usual
    assert "1/n1 + 1/n2 + g^2" in usual
    unbiased = words(km.pool(km.effect_sizes(ARMS, options=EffectOptions(variance="UB"))))
    assert "the unbiased estimator" in unbiased
    assert "1/n1" not in unbiased
    assert "comparator SD (3)" in words(km.pool(km.effect_sizes(ARMS, standardiser="control")))
    points = words(km.pool(km.effect_sizes(ARMS, measure="MD")))
    assert "mean difference (MD)" in points
    assert "Hedges" not in points
    ratio = words(km.pool(km.effect_sizes(ARMS, measure="ROM")))
    assert (
        "ratio of means (ROM) of ketamine against the comparator, analysed as its natural logarithm" in ratio
    )
    kept = words(km.pool(km.effect_sizes(ARMS, shared="keep")))
    assert "stayed apart" in kept
    period = ARMS.assign(crossover_period=["both paired", "", ""], n_c=[20, 24, 31], design="crossover")
    within = words(km.pool(km.effect_sizes(period)))
    assert "1 row was of a crossover, compared within persons" in within
    assert "a correlation of 0.5 assumed between the periods of a crossover (1)" in within
    parallel = words(km.pool(km.effect_sizes(period, crossover="parallel")))
    assert "1 row counted both periods of a crossover as if they were parallel groups" in parallel
    assert "within persons" not in parallel
    assert "stayed apart" not in usual
    assert "Recovered" not in usual
    given = words(km.pool(TABLE))
    assert "Effects and their sampling variances were given and not computed by ketameta" in given


def test_recovered_numbers_are_counted_from_the_rows(day1):
    fit = km.pool(day1)
    from_se = fit.rows["imputed"].str.contains("se_t * sqrt", regex=False).sum()
    combined = fit.rows["shared"].str.startswith("combined").sum()
    said = words(fit)
    assert from_se > 0
    assert f"SDs of arms from their standard errors ({from_se})" in said
    assert f"combined into one comparison ({combined} comparisons)" in said
    assert f"{len(fit.left_out)} rows were left out" in said
    tables = ARMS.drop(columns=["sd_t", "sd_c"]).assign(se_t=[1.0, 1.1, 1.2], se_c=1.3)
    assert "SDs of arms from their standard errors (3) (Higgins et al., 2019)" in words(
        km.pool(km.effect_sizes(tables))
    )
    counted = pd.DataFrame({"events_t": [0, 5], "total_t": [20, 20], "events_c": [3, 9], "total_c": [20, 21]})
    odds = words(km.pool(km.effect_sizes(counted.assign(study_id=["a", "b"]), measure="OR"), ci="Wald"))
    assert "0.5 was added to each cell of a two-by-two table (because one is zero; 1 row)" in odds


def test_recovered_numbers_of_several_papers_are_introduced_once():
    imputed = ["sd_t = se_t * sqrt(n_t)", "sd_t = x (Wan et al. 2014)", "", "CI taken as 95%", ""]
    said = words(km.pool(TABLE.assign(imputed=imputed)))
    assert said.count("Recovered or assumed were (of 5 rows, how many): SDs of arms from their") == 1
    assert said.count("Recovered or assumed") == 1
    assert "Also recovered or assumed: SDs from quartiles or extremes (1) (Wan et al., 2014)." in said
    assert (
        "Also recovered or assumed: level of the arms' intervals taken as 95% where none was stated (1)."
        in said
    )


def test_a_formula_that_is_not_known_stands_for_itself():
    said = words(km.pool(TABLE.assign(imputed=["yi = magic", "", "", "", ""])))
    assert "by yi = magic (1)" in said


def test_results_that_share_steps_are_described_once(day1):
    both = km.methods_text(km.pool(day1), km.bayes(day1))
    text = both.text
    assert text.startswith("The analyses were (1) a pooled effect and (2) a Bayesian meta-analysis.")
    for phrase in ("Rows were selected", "The effect measure was", "The analysis was made with"):
        assert text.count(phrase) == 1
    assert "Analysis 1: Effects of" in text
    assert "Analysis 2: The 8 effects entered" in text
    three = words(km.pool(TABLE), km.pool(TABLE, tau2="DL"), km.pool(TABLE, tau2="DL", ci="Wald"))
    assert "Analyses 2 and 3: " in three
    assert words(km.pool(TABLE), km.pool(TABLE)).count("were pooled under") == 1


def test_the_three_forms_cite_the_same_works(day1):
    methods = km.methods_text(km.pool(day1), style="latex")
    assert str(methods) == methods.latex
    assert str(km.methods_text(km.pool(day1))) == methods.text
    assert str(km.methods_text(km.pool(day1), style="markdown")) == methods.markdown
    for key in methods.keys:
        assert f"@{key}" in methods.markdown
    assert "\\citep{hartung2001,sidik2002}" in methods.latex
    assert "95\\% confidence" in methods.latex
    assert "(Hartung and Knapp, 2001; Sidik and Jonkman, 2002)" in methods.text
    assert "2026a)" in methods.text
    assert "[" not in methods.text
    assert methods.sentence().startswith("Methods in ")
    assert "<table" in methods._repr_html_()


def test_hostile_names_stay_words():
    table = TABLE.rename(columns={"drug": "a|b"})
    table["a|b"] = ["*x*", "*x*", "[@evil] $y$", "<b>\x07", "<b>\x07"]
    methods = km.methods_text(km.subgroups(table, "a|b", ci="Wald"))
    assert "\\[\\@evil\\] \\$y\\$" in methods.markdown
    assert "a\\|b" in methods.markdown
    assert "\\$y\\$" in methods.latex
    assert "\x07" not in methods.text + methods.markdown + methods.latex
    assert "<b>" not in methods._repr_html_()
    assert "a$|$b" in methods.latex
    assert "$<$b$>$" in methods.latex


@pytest.mark.parametrize("what", [None, "text", 1.0, TABLE])
def test_what_is_no_result_is_refused(what):
    with pytest.raises(DataError, match="no methods are known"):
        km.methods_text(what)


def test_nothing_and_unknown_styles_are_refused():
    with pytest.raises(DataError, match="needs a result"):
        km.methods_text()
    with pytest.raises(DataError, match="did you mean 'text'"):
        km.methods_text(km.pool(TABLE), style="texts")
