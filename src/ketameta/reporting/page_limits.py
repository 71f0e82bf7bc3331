"""The last sections of the page: doubts, methods, limits, and the reports behind the numbers."""

from __future__ import annotations

import html

import pandas as pd

from ketameta._render import plural
from ketameta.reporting.bias_figure import BIAS, judged
from ketameta.reporting.citing import cite
from ketameta.reporting.contents import Contents
from ketameta.reporting.markup import bullets, figure, heading, link, paragraph, section
from ketameta.reporting.page_questions import SHOWN
from ketameta.reporting.page_words import spaced, with_signs
from ketameta.reporting.references import Reference

__all__ = ["doubt_section", "limits_section", "methods_section", "references_section"]

_HIDDEN = "D3"


def doubt_section(contents: Contents) -> str:
    """Where the evidence is thin, missing, biased or unblinded."""
    trials = contents.trials
    included = trials.loc[(trials["status"] == "include") & (trials["score_type"] != "baseline")]
    cohorts = included.drop_duplicates("cohort_id")
    by_class = included.groupby("comparator_class")["cohort_id"].nunique()
    blinding = cohorts["blinding"].replace("", "not stated").value_counts()
    provisional = included.loc[included["source_kind"] == "secondary-text"]
    apart = trials.loc[trials["status"] == "apart", "reason"].str.split(":").str[0].map(spaced).value_counts()
    single = sum(
        r.fit is not None and not r.is_pool and r.analysis.measure in SHOWN for r in contents.windows
    )
    return section(
        "doubt",
        "Where the evidence is thin, missing, biased or unblinded",
        bullets(
            (
                f"Thin: {single} of the effects above {'rests' if single == 1 else 'rest'} on a single trial.",
                _unknown(contents),
                f"Unblinded: ketamine is felt. Trials by class of comparator: {_counts(by_class)}. Trials by stated "
                f"blinding: {_counts(blinding)}. A saline or nasal placebo does not hide who got the drug; midazolam hides "
                "it better, not fully.",
                f"Provisional: {plural(len(provisional), 'row')} of "
                f"{plural(provisional['cohort_id'].nunique(), 'trial')} read in secondary text only; none enters a pool "
                "above.",
                f"Rows kept apart from all pools, by reason: {_counts(apart)}.",
                _bias(contents),
            )
        ),
        figure(contents.figures, BIAS, "Risk of bias as a Cochrane review judged it"),
    )


def _bias(contents: Contents) -> str:
    table = judged(contents.trials)
    used = contents.trials.loc[contents.trials["status"] == "include", "cohort_id"].nunique()
    if table.empty:
        return "Risk of bias: no published judgement is known for the trials of this table, and none is made here."
    empty = int((table.drop(columns="study") == "").sum().sum())
    hidden = table[next(name for name in table.columns if name.startswith(_HIDDEN))]
    said = hidden.where(hidden != "", "not read").str.removesuffix(" risk").str.lower().value_counts()
    return (
        f"Risk of bias: Cochrane reviews judged {plural(len(table), 'trial')} of these {used} (RoB 1, below); "
        f"{plural(empty, 'judgement')} of theirs could not be read. None is made here. Blinding of participants and "
        f"personnel: {_counts(said)}."
    )


def _counts(found: pd.Series) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.items()) or "none"


def _unknown(contents: Contents) -> str:
    if contents.is_own:
        return "Missing: the table comes without a list of trials whose numbers could not be read."
    null = contents.missing["notes"].str.contains("null", case=False).sum()
    return (
        f"Missing: {plural(len(contents.missing), 'gap')} in the {'' if contents.packaged else 'packaged '}data set; those of a question are listed under it. The notes call "
        f"{null} of them null results; pools without these probably overstate the benefit."
    )


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
            "Random effects, τ² by REML, Hartung-Knapp intervals on k − 1 degrees of freedom, prediction "
            "intervals on k − 1; intervals of τ² by Q-profile. Leave-one-out pools are computed the same way. Curves: "
            "multivariate random-effects models over the times of each trial, sampling errors correlated within a trial."
        ),
        heading(3, "Checks and files"),
        paragraph(
            f"{with_signs(contents.cross_check.sentence())} Software: {versions}. Every number, odds ratios among them, stands with full "
            "precision in results.json and tables/pooled_effects.csv."
        ),
    )


def limits_section(contents: Contents) -> str:
    """What the report cannot say."""
    held = (
        "The table holds what could be read in registries, abstracts, tables and authors' repositories, not every "
        "trial."
        if contents.packaged
        else "The table is its user's own: the report cannot say how its rows were found and read, nor what it leaves out."
    )
    return section(
        "limits",
        "Limits",
        bullets(
            (
                held,
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
