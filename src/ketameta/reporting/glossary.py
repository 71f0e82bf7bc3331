"""Short definitions of the terms of the report, for clinicians."""

from __future__ import annotations

import html

from ketameta.reporting.markup import section

__all__ = ["TERMS", "glossary_section"]

TERMS = {
    "Ketamine, esketamine, arketamine": "Ketamine is a mixture of two mirror-image molecules in equal parts; esketamine and "
    "arketamine are these two, each on its own.",
    "SMD (standardised mean difference, Hedges' g)": "The difference between the mean scores of two arms, divided by how much "
    "people within the arms differ (their standard deviation), with a correction for small samples. It makes different "
    "scales comparable. Below zero: fewer symptoms under ketamine.",
    "MD (mean difference)": "The difference between the mean scores of two arms in points of one scale.",
    "RR (risk ratio)": "The share of people with an event in the ketamine arm, divided by that in the comparator arm. "
    "1 means no difference; 2 means twice as many.",
    "Response, remission": "Response: symptoms fell by a set part, mostly half or more. Remission: the score fell under a "
    "threshold that counts as well.",
    "95% confidence interval (CI)": "The values of the average effect that agree with the data. If all were done anew many times, "
    "and the assumptions hold, 95 in 100 such intervals would cover the true average.",
    "95% prediction interval": "Where the true effect of a new trial of the same kind would be expected. It is wider than the "
    "confidence interval when trials differ.",
    "p": "How often data at least as far from no difference would arise if there were none. It does not measure how large or how "
    "important an effect is.",
    "Heterogeneity (τ², I², Q)": "True differences between trials, beyond chance. τ² is their variance; I² is the share of the "
    "visible spread that they make up; Q tests whether there are any. With few trials all three are poorly known.",
    "Random effects": "A model in which each trial has a true effect of its own, and the pool is the mean of these.",
    "Hartung-Knapp": "A way to compute the interval of a pool that allows for τ² being estimated from few trials.",
    "Leave-one-out": "The pool is computed again without each trial in turn. A conclusion that changes rests on one trial.",
    "k": "The number of trials (or comparisons) in a pool.",
    "Single, repeated dosing": "Single: at most one dose had been given by the time of the score. Repeated: two or more.",
    "Inactive, psychoactive comparator": "Inactive: saline or another placebo that is not felt. Psychoactive: a drug that is felt, "
    "mostly midazolam, chosen so that people know less surely what they got.",
    "Functional unblinding": "People or raters guess who got the drug, since it is felt; hopes may then move the scores.",
    "Crossover trial": "Each person gets both treatments, one after the other. What remains of the first can blur the second.",
    "Durability curve, half-life of the effect": "A curve through the effects of all trials at all times since the dose; the "
    "half-life is the time until half of the effect is gone.",
    "TRD (treatment-resistant depression)": "Depression that did not get better under antidepressants, mostly two or more.",
    "MADRS, HAM-D": "Scales of depression that an interviewer rates.",
    "CAPS-5, PCL-5, IES-R": "Measures of PTSD symptoms: an interview (CAPS-5) and two questionnaires.",
    "SSI, C-SSRS": "Measures of suicidal ideation: a scale of how strong it is, and an interview of thoughts and acts.",
    "Dissociation (CADSS)": "A passing sense of being detached from body, self or surroundings; the CADSS is a scale of it.",
    "IV, IN, IM, SC, PO": "Ways to give a drug: into a vein, by nose, into a muscle, under the skin, by mouth.",
    "ECT": "Electroconvulsive therapy.",
    "Provisional": "Numbers that were read in secondary text only. They enter no analysis of this report.",
}
"""Term to definition."""


def glossary_section() -> str:
    """The section of definitions."""
    entries = "".join(
        f"<dt>{html.escape(term)}</dt><dd>{html.escape(meaning)}</dd>" for term, meaning in TERMS.items()
    )
    return section("glossary", "Glossary", f"<dl>{entries}</dl>\n")
