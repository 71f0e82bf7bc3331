"""Methods in words: pools, subgroups, meta-regressions, pooled counts, posteriors and permutation tests."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ketameta._render import plural
from ketameta.models import PermutationTest, Pooled, PooledCounts, Posterior, Regression, Subgroups
from ketameta.models.result import level_text
from ketameta.reporting.method_references import keys_of_choice, references_for
from ketameta.reporting.methods_data import arguments_of
from ketameta.reporting.phrases import Sentence, degrees, listed, said

__all__ = ["counts", "own_keys", "permuted", "pooled", "posterior", "regressed", "subgrouped"]

_TAU2 = {
    "DL": "the method of DerSimonian and Laird",
    "HE": "Hedges' method",
    "HS": "the Hunter-Schmidt method",
    "HSk": "the Hunter-Schmidt method with its small-sample correction",
    "SJ": "the method of Sidik and Jonkman",
    "ML": "maximum likelihood (ML)",
    "REML": "restricted maximum likelihood (REML)",
    "EB": "the empirical Bayes method",
    "PM": "the method of Paule and Mandel",
    "DL2": "the two-step method of DerSimonian and Laird",
    "HE2": "Hedges' method in two steps",
    "GENQ": "the generalised Q statistic with weights 1 / sqrt(vi)",
}
_CI = {
    "Wald": "Wald's method (normal distribution)",
    "HKSJ": "the Hartung-Knapp-Sidik-Jonkman method",
    "HKSJ-adhoc": "the Hartung-Knapp-Sidik-Jonkman method with the variance factor kept at 1 or more",
    "KR": "the Kenward-Roger method",
    "profile": "the profile likelihood",
    "t": "Wald's method with the t distribution",
}
_TAU2_INTERVAL = {
    "Q-profile": "the Q-profile method",
    "profile": "the profile likelihood",
    "GENQ": "the generalised Q statistic with weights 1 / sqrt(vi)",
}
_PREDICTION = {
    "t(k-1)": "the t distribution with k - 1 degrees of freedom and the standard error of the confidence interval",
    "t(k-2)": "the t distribution with k - 2 degrees of freedom and the Wald standard error",
    "t(k-p)": "the t distribution with k - p degrees of freedom (p groups) and the standard error of the confidence interval",
    "t(KR)": "the t distribution with the Kenward-Roger degrees of freedom",
    "z": "the normal distribution",
    "profile": "the profile likelihood",
    "bootstrap": "a parametric bootstrap",
}
_WEIGHTED = {
    "MH": "the Mantel-Haenszel method without correction of zero cells",
    "Peto": "Peto's one-step method",
}
_FITTED = {
    "UM.FS": "an unconditional binomial model with a fixed level of each study",
    "UM.RS": "an unconditional binomial model with normal random levels of the studies",
    "CM.EL": "a binomial model conditional on the margins (non-central hypergeometric likelihood)",
}
_RATIOS = {"OR": "odds ratios", "RR": "risk ratios", "RD": "risk differences"}
_COMMON = "a common-effect model with inverse-variance weights"


def own_keys(result: Any, without: Any) -> tuple[str, ...]:
    """Keys of the papers of a model, without those of the rows that went into it."""
    rows = set(references_for(without))
    return tuple(key for key in references_for(result) if key not in rows)


def pooled(fit: Pooled) -> Iterator[Sentence]:
    """Model, tau2, interval, heterogeneity, prediction interval."""
    level = level_text(fit.level)
    if fit.k == 1 and math.isnan(fit.tau2):
        yield said(f"One study gave an effect, so that nothing was pooled; its {level} interval is normal")
        return
    if fit.tau2_method == "EE":
        yield said(f"Effects of {fit.k} studies were pooled under {_COMMON}")
    else:
        yield said(
            f"Effects of {fit.k} studies were pooled under a random-effects model with inverse-variance weights, and the "
            f"between-study variance tau2 was estimated by {_TAU2[fit.tau2_method]}",
            *keys_of_choice("tau2", fit.tau2_method),
        )
    df = "" if math.isinf(fit.df) else f" ({degrees(fit.df)})"
    yield said(
        f"The {level} confidence interval and the test of the mean were by {_CI[fit.ci_method]}{df}",
        *keys_of_choice("ci", fit.ci_method),
    )
    yield from _heterogeneity(fit, "Heterogeneity")
    if fit.prediction_method in _PREDICTION and not math.isnan(fit.pi_low):
        yield said(
            f"The {level} prediction interval for the effect in a new study was by {_PREDICTION[fit.prediction_method]}"
            f"{_draws(fit)}",
            *keys_of_choice("prediction", fit.prediction_method),
        )


def _heterogeneity(fit: Pooled | Regression, what: str) -> Iterator[Sentence]:
    if not math.isnan(fit.i2):
        measures = ["I2 and H2"] if fit.tau2_method == "EE" else ["tau2", "I2", "H2"]
        yield said(f"{what} was described by {listed(measures)} and tested by Cochran's Q", "higgins2002")
    if not math.isnan(fit.tau2_ci[0]):
        keys = keys_of_choice("tau2_interval", fit.tau2_interval)
        if isinstance(fit, Regression):
            keys = tuple("jackson2014" if key == "jackson2013" else key for key in keys)
        yield said(
            f"The {level_text(fit.level)} intervals of tau2, I2 and H2 were by {_TAU2_INTERVAL[fit.tau2_interval]}",
            *keys,
        )


def _draws(fit: Pooled) -> str:
    asked = arguments_of(fit.provenance, "pool")
    if fit.prediction_method != "bootstrap" or asked is None:
        return ""
    options = (asked["options"] or {}).get("PoolOptions", {})
    seed = options.get("rng")
    said_seed = (
        f", seed {seed}" if isinstance(seed, int) else ", without a fixed seed" if seed is None else ""
    )
    return f" with {options['draws']} draws{said_seed}" if options else ""


def subgrouped(fit: Subgroups) -> Iterator[Sentence]:
    """The pool of all, the groups, and the test between them."""
    yield from pooled(fit.overall)
    names = listed([f"{name} (k = {group.k})" for name, group in fit.groups])
    yield said(f"Subgroups by {fit.by.replace('_', ' ')} were {names}; {_groups(fit)}")
    if not fit.common_tau2 and (single := [name for name, group in fit.groups if group.k == 1]):
        yield said(f"The only study of {listed(single)} has a normal interval and was not pooled")
    yield said(
        f"Differences between subgroups were tested by chi-square with {degrees(fit.df)}, each estimate weighted by its "
        "inverse squared Wald standard error",
        "borenstein2009",
    )


def _groups(fit: Subgroups) -> str:
    """How groups were pooled."""
    common = fit.overall.tau2_method == "EE"
    if not fit.common_tau2:
        each = "" if common else ", with a tau2 of its own for each group"
        return f"each was pooled in the same way{each}"
    model = "under a common effect in each" if common else "with one tau2 common to all groups"
    df = next(group.df for _, group in fit.groups)
    law = "normal" if math.isinf(df) else f"by the t distribution with k - p = {degrees(df)}, p groups"
    pi = "" if common else " and prediction intervals"
    return f"one model with a mean for each was fitted to all studies, {model}, and its confidence intervals{pi} were {law}"


def regressed(fit: Regression) -> Iterator[Sentence]:
    """Model, residual tau2, tests, heterogeneity left, R2."""
    kind = "common-effect" if fit.tau2_method == "EE" else "mixed-effects"
    yield said(
        f"A {kind} meta-regression with inverse-variance weights related the effects of {fit.k} studies to {fit.formula}",
        "berkey1995",
    )
    if fit.tau2_method != "EE":
        yield said(
            f"The residual between-study variance tau2 was estimated by {_TAU2[fit.tau2_method]}",
            *keys_of_choice("tau2", fit.tau2_method),
        )
    df = "" if math.isinf(fit.qm_df2) else f" with {degrees(fit.qm_df2)} of the residuals (k - p)"
    tests = f"t and F tests{df}" if df else "normal and chi-square tests"
    keys = {"HKSJ": ("knapp2003",), "HKSJ-adhoc": ("knapp2003", "jackson2017")}.get(fit.ci_method, ())
    yield said(
        f"The {level_text(fit.level)} confidence intervals of the coefficients were by {_CI[fit.ci_method]}, with {tests}",
        *keys,
    )
    yield from _heterogeneity(fit, "Residual heterogeneity")
    if not math.isnan(fit.r2):
        yield said("R2 is the share of tau2 that the moderators account for", "raudenbush2009")


def counts(fit: PooledCounts) -> Iterator[Sentence]:
    """Model of two-by-two tables, tau2, interval, heterogeneity."""
    level = level_text(fit.level)
    others = ("dersimonian1986", "hardy1996", "higgins2002", "higgins2009")
    keys = [key for key in own_keys(fit, fit.rows) if key not in others]
    yield said(_counted(fit), *keys)
    if fit.tau2_method == "DL":
        zeros = "" if fit.pooling == "Peto" else ", 0.5 added to the cells of tables with a zero"
        yield said(
            f"The between-study variance tau2 came from Cochran's Q about the estimate by {_WEIGHTED[fit.pooling]}{zeros}",
            "dersimonian1986",
        )
    df = f" ({degrees(fit.df)})" if fit.ci_method == "t" else ""
    yield said(
        f"The {level} confidence interval was by {_CI[fit.ci_method]}{df}",
        *(["hardy1996"] if fit.ci_method == "profile" else []),
    )
    if fit.tests:
        yield said(f"Heterogeneity was tested by {'; '.join(test.name for test in fit.tests)}")
    if not math.isnan(fit.i2):
        yield said("Heterogeneity was described by I2", "higgins2002")
    if not math.isnan(fit.pi_low):
        law = "normal distribution" if math.isinf(fit.df) else f"t distribution with {degrees(fit.df)}"
        yield said(
            f"The {level} prediction interval for the effect in a new study was by the {law}", "higgins2009"
        )


def _counted(fit: PooledCounts) -> str:
    """How the tables were pooled, or that there was nothing to pool."""
    if fit.k == 1:
        taken = f"Counts of events and people of one study gave its {fit.measure}, so that nothing was pooled; it is that of"
    else:
        taken = f"Counts of events and people in {fit.k} studies were pooled as {_RATIOS[fit.measure]} by"
    if fit.tau2_method == "DL" and fit.k > 1:
        return f"{taken} a random-effects model with inverse-variance weights"
    if fit.pooling in _WEIGHTED:
        common = " under a common-effect model" if fit.k > 1 else ""
        return f"{taken} {_WEIGHTED[fit.pooling]}{common}"
    effect = "a common effect" if fit.tau2_method == "EE" else "a normal random effect"
    integrated = fit.tau2_method == "ML" or fit.pooling == "UM.RS"
    nodes = f" with {fit.nodes}-node adaptive Gauss-Hermite quadrature" if integrated else ""
    return f"{taken} {_FITTED[fit.pooling]} and {effect}, fitted by maximum likelihood{nodes}"


def posterior(fit: Posterior) -> Iterator[Sentence]:
    """Model, priors, quadrature, credible intervals."""
    yield said(
        f"The {plural(fit.k, 'effect')} entered a Bayesian random-effects model, normal within and between studies, whose posterior "
        "was computed by quadrature",
        *(key for key in own_keys(fit, fit.rows) if key.startswith("rover")),
    )
    yield said(
        f"The prior of the between-study standard deviation tau was {fit.tau_prior}",
        *(key for key in own_keys(fit, fit.rows) if not key.startswith("rover")),
    )
    yield said(f"The prior of the mean effect was {'flat' if fit.mu_prior is None else fit.mu_prior}")
    yield said(f"Credible intervals are {level_text(fit.level)} with equal tails")


def permuted(test: PermutationTest) -> Iterator[Sentence]:
    """What was permuted and how often, and what was fitted to each arrangement."""
    which = f"all {test.n}" if test.exact else f"{test.n} random"
    steps = [(step, arguments_of(test.provenance, step)) for step in ("pool", "regress")]
    fitted = "".join(
        f"; each arrangement was fitted anew by {step}(), {_tau2_of(asked['tau2'])} and the test by {_CI[asked['ci']]}"
        for step, asked in steps
        if asked is not None
    )
    yield said(
        f"P values were computed from {which} {test.how}, two-sided on the absolute test statistic{fitted}",
        *references_for(test),
    )


def _tau2_of(method: str) -> str:
    return "a common effect" if method == "EE" else f"tau2 by {_TAU2[method]}"
