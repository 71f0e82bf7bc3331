"""The last sections of the page: doubts, methods, limits, and the reports behind the numbers."""

from __future__ import annotations

import html

import pandas as pd

from ketameta.reporting.citing import cite
from ketameta.reporting.contents import Contents
from ketameta.reporting.markup import bullets, heading, link, paragraph, section
from ketameta.reporting.references import Reference

__all__ = ["doubt_section", "limits_section", "methods_section", "references_section"]


def doubt_section(contents: Contents) -> str:
    """Where the evidence is thin, missing, biased or unblinded."""
    trials = contents.trials
    included = trials.loc[(trials["status"] == "include") & (trials["score_type"] != "baseline")]
    cohorts = included.drop_duplicates("cohort_id")
    by_class = included.groupby("comparator_class")["cohort_id"].nunique()
    blinding = cohorts["blinding"].replace("", "not stated").value_counts()
    provisional = included.loc[included["source_kind"] == "secondary-text"]
    apart = trials.loc[trials["status"] == "apart", "reason"].str.split(":").str[0].value_counts()
    single = [r for r in contents.windows if r.fit is not None and not r.is_pool]
    return section(
        "doubt",
        "Where the evidence is thin, missing, biased or unblinded",
        bullets(
            (
                f"Thin: {len(single)} of the results above rest on a single trial.",
                f"Missing: {len(contents.missing)} gaps are listed in missing.csv. Several of the trials behind them were "
                "null, so that the pools above probably err upward.",
                f"Unblinded: ketamine is felt. Cohorts by class of comparator: {_counts(by_class)}. Cohorts by stated "
                f"blinding: {_counts(blinding)}. A saline or nasal placebo does not hide who got the drug; midazolam hides "
                "it better, not fully.",
                f"Provisional: {len(provisional)} rows of {provisional['cohort_id'].nunique()} cohorts were read in secondary "
                "text only and enter no pool above.",
                f"Kept apart, with the reason in each row: {_counts(apart)}.",
                "Risk of bias: published judgements are not yet in the data set.",
            )
        ),
    )


def _counts(counted: pd.Series) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.items())


def methods_section(contents: Contents) -> str:
    """How everything was computed."""
    versions = ", ".join(f"{name} {version}" for name, version in contents.versions.items())
    return section(
        "methods",
        "Methods",
        heading(3, "Selection"),
        paragraph(
            "Randomised comparisons against placebo or midazolam; participants named as adolescents, drug given "
            "as an adjunct to ECT or psychotherapy or for surgery in people with depression, subsets, pooled reports, "
            "head-to-head, single-arm and retracted rows, and numbers read in secondary text only are left out (for PTSD a "
            "trial with exposure therapy in both arms stays). "
            "A cohort enters once; arms that share a comparator are combined. Single dosing means that at most one dose had "
            "been given by the time of the score."
        ),
        heading(3, "Effects"),
        paragraph(
            "Hedges' g with the large-sample variance; mean differences from arm statistics, else from reported "
            "differences with their standard error; log risk and odds ratios with 0.5 added where a cell is zero. "
            "Crossovers printed arm by arm are analysed within persons, with a correlation of 0.5 between the periods where "
            "none is printed or can be recovered (the row says so); their counts are treated as those of parallel groups, "
            "which overstates the variance."
        ),
        heading(3, "Pools and curves"),
        paragraph(
            "Random effects, tau2 by REML, Hartung-Knapp intervals on k - 1 degrees of freedom, prediction "
            "intervals on k - 1; tau2 intervals by Q-profile. Leave-one-out pools are computed the same way. Curves: "
            "multivariate random-effects models over the times of each trial, sampling errors correlated within a trial."
        ),
        heading(3, "Checks and files"),
        paragraph(
            f"{contents.cross_check.sentence()} Software: {versions}. Every number, odds ratios among them, stands with full "
            "precision in results.json and tables/pooled_effects.csv."
        ),
    )


def limits_section() -> str:
    """What the report cannot say."""
    return section(
        "limits",
        "Limits",
        bullets(
            (
                "The table holds what could be read in registries, abstracts, tables and authors' repositories, not every "
                "trial.",
                "Change scores and endpoint scores stand in one pool of SMDs.",
                "Esketamine by nose and ketamine by vein, and first and later treatment steps, are pooled unless a row says "
                "otherwise.",
                "With few trials no method estimates heterogeneity well.",
                "Many times and outcomes are looked at; p values and intervals are not adjusted for that.",
                "No certainty of evidence is judged here; that is for a panel.",
            )
        ),
    )


def references_section(contents: Contents) -> str:
    """The reports that the rows of the table were read from, linked where an address is known."""
    cited = cite(contents.trials.loc[contents.trials["status"] == "include"])
    items = "".join(f"<li>{_reference(work)}</li>" for work in cited.references)
    return section(
        "references",
        "Reports behind the numbers",
        paragraph("Reports that the rows which may enter a pool were read from. Links need a network."),
        f"<ol>{items}</ol>" if items else paragraph("No report of these rows is in the bibliography."),
        paragraph(f"Not in the bibliography: {', '.join(cited.unknown)}.") if cited.unknown else "",
    )


def _reference(work: Reference) -> str:
    address = f"https://doi.org/{work.doi}" if work.doi else work.url
    named = work.doi or work.url
    text = html.escape(work.text)
    return f"{text} {link(address, f'Open {named}')}" if named else text
