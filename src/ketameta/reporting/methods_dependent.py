"""Methods in words: models of dependent effects, curves over time, relapse."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ketameta._render import plural
from ketameta.curves import CurveComparison, DurabilityCurve, RelapseCurves, RespondingCurve
from ketameta.curves.inputs import read_rows
from ketameta.curves.spec import LINEAR
from ketameta.models import Multilevel, RobustMultilevel
from ketameta.models.result import level_text
from ketameta.reporting.method_references import references_for
from ketameta.reporting.methods_models import own_keys, pooled
from ketameta.reporting.phrases import Sentence, degrees, listed, said

__all__ = ["compared", "curved", "multilevel", "relapsed", "responded", "robust"]

_LIKELIHOODS = {"REML": "restricted maximum likelihood (REML)", "ML": "maximum likelihood (ML)"}
_STRUCTURES = {
    "ID": "one variance",
    "DIAG": "a variance for each level",
    "CS": "one variance and one correlation",
    "HCS": "a variance for each level and one correlation",
    "UN": "an unstructured covariance",
    "AR": "a first-order autoregressive correlation",
    "HAR": "a variance for each level and a first-order autoregressive correlation",
    "CAR": "a continuous-time autoregressive correlation",
}
_FADING = {
    "log-time": "fading with the distance of the logarithms of time",
    "days": "fading with distance in days",
    "constant": "the same at all distances in time",
}
_RESTS_ON = {
    "sizes": "rested on the sizes of the arms alone",
    "plain": "was taken as if the sizes of the arms did not change",
}
_ARMS = {
    "both": "both arms",
    "any": "both arms, or the ketamine arm alone,",
    "ketamine": "the ketamine arms",
}
_RANDOM = {1: "the level of the curve", 2: "the level of the curve and its change over time"}
_SEEN = {
    (True, True): " and so were the times within a trial",
    (True, False): " but not the times within a trial, which the data cannot tell apart from it",
}


def multilevel(fit: Multilevel) -> Iterator[Sentence]:
    """Sampling errors, random effects, tests."""
    yield said(
        f"A multilevel model of {plural(fit.k, 'effect')} was fitted by {_LIKELIHOODS[fit.method]}, with {fit.sampling}",
        *(key for key in own_keys(fit, fit.rows) if key == "pustejovsky2022"),
    )
    terms = [f"{term} ({_STRUCTURES[kind]})" if kind else term for term, kind in fit.random]
    effects = f"Random effects were those of {listed(terms)}" if terms else "There were no random effects"
    yield said(
        effects,
        *(key for key in own_keys(fit, fit.rows) if key != "pustejovsky2022"),
    )
    if fit.moderators.strip() != "1":
        yield said(f"Its moderators were {fit.moderators}")
    held = fit.components[fit.components["fixed"].astype(bool)]
    if len(held):
        values = zip(held["component"], held["estimate"], strict=True)
        yield said(f"Held instead of estimated: {listed([f'{name} at {value:g}' for name, value in values])}")
    df = {"containment": "by containment", "residual": "of the residuals (k - p)"}[fit.df_method]
    tests = (
        f"t and F tests with degrees of freedom {df}"
        if fit.test_method == "t"
        else "normal and chi-square tests"
    )
    yield said(f"Its {level_text(fit.level)} confidence intervals went with {tests}")


def robust(fit: RobustMultilevel) -> Iterator[Sentence]:
    """Kind, clusters, degrees of freedom; the model itself is another result."""
    by = f" by {fit.cluster}" if fit.cluster else ""
    yield said(
        f"Cluster-robust standard errors ({fit.kind}) of a multilevel model rested on {fit.n_clusters} clusters{by}, with "
        f"Satterthwaite degrees of freedom and {level_text(fit.level)} confidence intervals",
        *references_for(fit),
    )


def curved(curve: DurabilityCurve) -> Iterator[Sentence]:
    """Family, knots, random effects, correlation, intervals."""
    yield from _family(curve)
    for side, formula in (
        ("level", curve.spec.moderators),
        ("change over time", curve.spec.options.decay_moderators),
    ):
        if formula:
            yield said(f"Moderators of the {side} of the curve were {formula}")
    if curve.spec.values:
        stated = listed([f"{name} = {value}" for name, value in curve.spec.values])
        yield said(f"The curve was read at {stated}")
    yield from _random(curve)
    if curve.k_effects > curve.k_trials:
        yield from _sampling(curve)
    yield said(f"{level_text(curve.level)} intervals of the curve were {_law(curve.df)}")


def _family(curve: DurabilityCurve) -> Iterator[Sentence]:
    among = f"{plural(curve.k_effects, 'effect')} of {plural(curve.k_trials, 'trial')}"
    yield said(
        f"The effect as a function of time since dosing had this shape: {curve.fit.shape.describe()}; it was fitted to {among}"
    )


def _random(curve: DurabilityCurve) -> Iterator[Sentence]:
    """Random effects and likelihood."""
    free = curve.fit.free
    if not any(free):
        yield said("Variances between and within trials could not be estimated and were set to zero")
    else:
        random = _RANDOM[len(curve.fit.spread)]
        yield said(
            f"Between trials {random} {'were' if ' and ' in random else 'was'} random,{_SEEN[free]}; variances were estimated by "
            f"{_LIKELIHOODS[curve.method]}"
        )
    if curve.curve not in LINEAR:
        rest = (
            ""
            if not any(free) or curve.method == "ML"
            else ", and the variances for the model linearised at them"
        )
        yield said(f"The parameters of time were estimated by maximum likelihood{rest}")


def _sampling(curve: DurabilityCurve) -> Iterator[Sentence]:
    """Correlation of the sampling errors of a trial, and what it rests on where the exact formula has no numbers."""
    keys = [key for key in own_keys(curve, curve.rows) if key != "ruppert2003"]
    yield said(_correlated("outcomes", curve.rho, curve.correlation), *keys)
    lacking: dict[str, int] = {}
    for _, formula, _ in read_rows(curve.rows)[0].approximate():
        lacking[formula] = lacking.get(formula, 0) + 1
    for formula, n in lacking.items():
        yield said(f"For want of numbers the covariance of {plural(n, 'trial')} {_RESTS_ON[formula]}")


def compared(found: CurveComparison) -> Iterator[Sentence]:
    """The best family, and how families were weighed."""
    yield from curved(found.curves[0])
    names = listed(
        [f"{curve.curve} ({weight:.2f})" for curve, weight in zip(found.curves, found.weights, strict=True)]
    )
    yield said(
        f"Families of curves were compared by Akaike weights from the corrected criterion: {names}",
        "burnham2002",
    )


def responded(curve: RespondingCurve) -> Iterator[Sentence]:
    """Likelihood, curve, correlation, intervals."""
    yield said(
        f"Counts of people responding in {_ARMS[curve.arms]} of {plural(curve.k_trials, 'trial')} ({plural(curve.n_shares, 'share')}) were "
        f"taken as binomial, with {curve.fit.shape.describe()} for the logit in each arm"
    )
    if any(curve.fit.estimated):
        alike = curve.fit.arms == 2 and float(np.ptp(curve.fit.spread)) == 0
        shifts = f"a trial{', the same in both arms,' if alike else ' and arm'}"
        times = " and of time" if curve.fit.estimated[1] else ""
        yield said(
            f"Random effects of {shifts}{times} were fitted by penalised quasi-likelihood, their variances by "
            f"{_LIKELIHOODS[curve.method]}",
            "breslow1993",
        )
    else:
        yield said("Heterogeneity could not be estimated and was set to zero", "breslow1993")
    series = np.column_stack([curve.data.trial, curve.data.arm])
    if len(np.unique(series, axis=0)) < len(series):
        yield said(_correlated("responses (phi)", curve.rho, curve.correlation), "trikalinos2012")
    yield said(
        f"{level_text(curve.level)} intervals were {_law(curve.df)}; the share is that of a typical trial"
    )


def relapsed(curves: RelapseCurves) -> Iterator[Sentence]:
    """The pooled hazard ratio, the comparator's curve, and what both imply."""
    yield from pooled(curves.pooled)
    what = "the hazard ratio" if any("alone" in note for note in curves.comparator.notes()) else "both"
    yield said(
        f"Relapse-free curves were implied by that hazard ratio under proportional hazards and by this curve of the comparator: "
        f"{curves.comparator.describe()}; {level_text(curves.level)} intervals hold the uncertainty of {what}",
        "zou2008",
    )


def _correlated(what: str, rho: float, fading: str) -> str:
    return (
        f"Effects of one trial at several times were correlated: between a person's {what} at 24 h and 7 d a correlation of "
        f"{rho:g} was assumed, {_FADING[fading]}"
    )


def _law(df: float) -> str:
    return "normal" if math.isinf(df) else f"by the t distribution with {degrees(df)}"
