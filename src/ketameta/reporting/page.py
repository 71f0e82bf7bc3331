"""The evidence report as one HTML file: no scripts, nothing fetched, every cell escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ketameta._render import interval, number, p_value
from ketameta.reporting.analysis import CurveResult, WindowResult
from ketameta.reporting.comparison import Comparison, comparison_table
from ketameta.reporting.crosscheck import CrossCheck
from ketameta.reporting.curve_section import curve_section
from ketameta.reporting.evidence_tables import evidence_table, missing_table
from ketameta.reporting.markup import figure, frame, on_scale, paragraph, table
from ketameta.reporting.questions import ANALYSES, QUESTIONS, Question

__all__ = ["Contents", "render_page"]

_SHOWN = ("SMD", "MD", "RR")
_OUTCOME_NAMES = {
    "depression": "depressive symptoms",
    "ptsd": "PTSD symptoms",
    "suicidal_ideation": "suicidal ideation",
    "response": "response",
    "remission": "remission",
    "suicidal_ideation_remission": "remission of suicidal ideation",
    "ptsd_response": "response of PTSD",
}

_STYLE = """
:root { color-scheme: light dark; --line: #8888; --quiet: #8882; }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.7rem; line-height: 1.25; } h2 { font-size: 1.35rem; margin-top: 3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; font-size: .85rem; margin: .6rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td, th { overflow-wrap: break-word; } details td { min-width: 4rem; }
thead th { text-align: right; border-bottom: 2px solid var(--line); } thead th:first-child { text-align: left; }
.wide { overflow-x: auto; } .text td, .text thead th { text-align: left !important; }
figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; background: white; }
figcaption, .quiet { font-size: .85rem; opacity: .8; }
details { margin: .4rem 0; } summary { cursor: pointer; } pre { white-space: pre-wrap; font-size: .8rem; background: var(--quiet); padding: .6rem; }
.thin { border-left: 4px solid #b35900; padding-left: .8rem; } nav ul { columns: 2; }
@media print { details > *:not(summary) { display: block; } figure, table { break-inside: avoid; } }
"""


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """Everything that the page shows, computed before it is written."""

    trials: pd.DataFrame
    missing: pd.DataFrame
    windows: tuple[WindowResult, ...]
    curves: tuple[CurveResult, ...]
    comparisons: tuple[Comparison, ...]
    figures: Mapping[str, tuple[Path, str]]
    dataset: str
    dataset_sha256: str
    versions: Mapping[str, str]
    cross_check: CrossCheck


def render_page(contents: Contents) -> str:
    """Return the whole page."""
    navigation = "".join(f"<li><a href='#{q.key}'>{html.escape(q.heading)}</a></li>" for q in QUESTIONS)
    body = "".join(_question(contents, question) for question in QUESTIONS)
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"<title>Ketamine: the state of the evidence</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        "<h1>Ketamine for depression, PTSD and suicidal ideation: the state of the evidence</h1>"
        f"<p>Computed from published trials by ketameta {html.escape(contents.versions['ketameta'])} on "
        f"{html.escape(contents.dataset)} (SHA-256 <code>{contents.dataset_sha256[:16]}</code>). "
        "This report is for research; it gives no advice to patients.</p>"
        f"<nav aria-label='Contents'><ul>{navigation}<li><a href='#published'>Beside published meta-analyses</a></li>"
        "<li><a href='#doubt'>Where the evidence is thin, missing, biased or unblinded</a></li>"
        "<li><a href='#methods'>Methods and limits</a></li></ul></nav>"
        f"{_glance(contents)}{body}{_published(contents)}{_doubt(contents)}{_methods(contents)}"
        "</main>\n</body>\n</html>\n"
    )


def _shown(result: WindowResult, value: float) -> float:
    return on_scale(value, ratio=result.analysis.is_ratio)


def _effect(result: WindowResult) -> str:
    fit = result.fit
    if fit is None:
        return ""
    low, high = _shown(result, fit.ci_low), _shown(result, fit.ci_high)
    return f"{number(_shown(result, fit.estimate))} {interval(low, high)}"


def _prediction(result: WindowResult) -> str:
    fit = result.fit
    if fit is None or math.isnan(fit.pi_low):
        return "–"
    return interval(_shown(result, fit.pi_low), _shown(result, fit.pi_high))


def _glance(contents: Contents) -> str:
    items = []
    for question in QUESTIONS:
        results = [r for r in contents.windows if r.analysis.question == question.key and r.analysis.headline]
        pools = [r for r in results if r.is_pool]
        singles = [r for r in results if r.fit is not None and not r.is_pool]
        sentences = [
            f"{r.window.name} after the first dose, {r.dosing} dosing. {r.fit.sentence()}"
            for r in pools
            if r.fit is not None
        ]
        if not pools:
            sentences.append("No time has two independent trials with usable numbers: nothing can be pooled.")
        if singles:
            where = "; ".join(f"{r.window.name} ({r.dosing}): SMD {_effect(r)}" for r in singles)
            sentences.append(f"One trial only at {where}.")
        body = "".join(f"<li>{html.escape(text)}</li>" for text in sentences)
        items.append(f"<h3>{html.escape(question.heading)}</h3><ul>{body}</ul>")
    return (
        "<h2 id='glance'>At a glance</h2>"
        + paragraph(
            "Standardised mean differences (Hedges' g) of ketamine, esketamine or arketamine against placebo or "
            "midazolam, on top of the same background treatment in both arms. Negative values favour ketamine."
        )
        + "".join(items)
    )


def _question(contents: Contents, question: Question) -> str:
    exists = evidence_table(contents.trials, question)
    parts = [
        f"<h2 id='{question.key}'>{html.escape(question.heading)}</h2>",
        _thinness(contents, question, exists),
    ]
    for analysis in ANALYSES:
        if analysis.question != question.key or analysis.measure not in _SHOWN:
            continue
        results = [r for r in contents.windows if r.analysis is analysis]
        parts.append(_analysis(contents, f"{analysis.title} ({analysis.measure})", results))
    parts.append(f"<h3>{html.escape(question.heading)}: how long does it last?</h3>")
    parts += [
        curve_section(contents.figures, c)
        for c in contents.curves
        if c.question.analysis.question == question.key
    ]
    parts.append(f"<h3>{html.escape(question.heading)}: what exists</h3>")
    parts.append(
        paragraph(
            "S: scores on a symptom scale; R: response; M: remission. Provisional: read in secondary text only.",
            "quiet",
        )
    )
    parts.append(frame(exists) if len(exists) else paragraph("No trial in this table."))
    gone = missing_table(contents.missing, question)
    parts.append(f"<h3>{html.escape(question.heading)}: what is missing</h3>")
    if len(gone):
        parts.append(
            paragraph(
                f"{len(gone)} gaps are known: trials, or parts of trials, whose numbers could not be read. None is imputed."
            )
        )
        columns = [
            "study_id",
            "registry_id",
            "drug",
            "outcome",
            "what_is_missing",
            "why",
            "n_randomised",
            "notes",
        ]
        parts.append(f"<details><summary>List of the gaps</summary>{frame(gone[columns])}</details>")
    else:
        parts.append(paragraph("No gap is listed."))
    return "".join(parts)


def _thinness(contents: Contents, question: Question, exists: pd.DataFrame) -> str:
    pools = [
        r
        for r in contents.windows
        if r.analysis.question == question.key and r.analysis.headline and r.is_pool
    ]
    most = max((r.fit.k for r in pools if r.fit is not None), default=0)
    sizes = (
        pd.to_numeric(exists["n randomised"], errors="coerce").dropna()
        if len(exists)
        else pd.Series(dtype=float)
    )
    size = f", with {sizes.min():.0f} to {sizes.max():.0f} people randomised" if len(sizes) else ""
    text = f"{len(exists)} trials have usable numbers for this question{size}. "
    if most == 0:
        text += "No two of them can be pooled on a symptom scale at the same time and under the same dosing: each is shown alone."
    else:
        text += f"At no time do more than {most} of them meet in one pool of symptom scores."
    return paragraph(text, "thin" if most < 5 else "")


def _analysis(contents: Contents, title: str, results: Sequence[WindowResult]) -> str:
    shown = [r for r in results if r.fit is not None]
    head = f"<h3>{html.escape(title)}</h3>"
    if not shown:
        return head + paragraph("No trial with usable numbers at any standard time.")
    columns = ("Time", "Dosing", "Trials", "People", "Effect [95% CI]", "95% prediction", "p", "τ²", "I²")
    rows = [
        (
            r.window.name,
            r.dosing,
            str(r.fit.k) if r.is_pool else "1 (not pooled)",
            "–" if r.n_participants is None else str(r.n_participants),
            _effect(r),
            _prediction(r),
            p_value(r.fit.p),
            number(r.fit.tau2, 3),
            "–" if math.isnan(r.fit.i2) else f"{r.fit.i2:.0f}%",
        )
        for r in shown
        if r.fit is not None
    ]
    notes = "".join(
        f"<li>{html.escape(f'{r.window.name}, {r.dosing}: {note}')}</li>" for r in shown for note in r.notes
    )
    figures = "".join(figure(contents.figures, r.key) for r in shown)
    groups = "".join(_by_comparator(r) for r in shown)
    accounts = "".join(
        f"<h4>{html.escape(f'{r.window.name}, {r.dosing} dosing')}</h4><pre>{html.escape(r.account)}</pre>"
        for r in shown
    )
    accounts = f"<details><summary>What was selected at each time, and what was left out</summary>{accounts}</details>"
    empty = [f"{r.window.name} ({r.dosing})" for r in results if r.fit is None]
    absent = paragraph(f"No trial at: {', '.join(empty)}.", "quiet") if empty else ""
    listed = f"<details><summary>Notes on these rows</summary><ul>{notes}</ul></details>" if notes else ""
    return head + table(columns, rows) + absent + groups + figures + listed + accounts


def _by_comparator(result: WindowResult) -> str:
    if result.by_comparator is None:
        return ""
    when = f"At {result.window.name}, {result.dosing} dosing, by class of comparator: "
    return paragraph(when + result.by_comparator.sentence())


def _published(contents: Contents) -> str:
    head = "<h2 id='published'>Beside published meta-analyses</h2>"
    compared = comparison_table(contents.comparisons)
    if compared.empty:
        return head + paragraph("No published pooled result matches an analysis of this report.")
    rows = [
        (
            str(row["pub_id"]).rsplit("-", 1)[0],
            f"{_OUTCOME_NAMES.get(str(row['outcome']), str(row['outcome']))}, {row['time']}",
            str(row["comparison"]),
            str(row["measure"]),
            f"{number(row['published'])} {interval(row['published_low'], row['published_high'])}",
            "–" if pd.isna(row["published_k"]) else f"{row['published_k']:.0f}",
            "no trial"
            if row["k"] == 0
            else f"{number(row['estimate'])} {interval(row['ci_low'], row['ci_high'])}",
            "" if row["k"] == 0 else f"{row['k']}, {row['dosing']}",
            str(row["matched"]),
            str(row["checked"]),
        )
        for row in compared.to_dict("records")
    ]
    columns = (
        "Review",
        "Outcome",
        "Comparison",
        "Measure",
        "Published",
        "k",
        "Ours",
        "k, dosing",
        "Matched on",
        "Seen",
    )
    return (
        head
        + paragraph(
            "Each published result stands beside ours for the same outcome and measure, narrowed to its drug and class "
            "of comparator. Differences are turned so that negative favours ketamine. The reviews pool other trials "
            "(older ones whose arm numbers could not be read here) and often crossover trials on a within-person "
            "scale, so the numbers need not agree; where ours rests on one or two trials the difference says little. "
            "Seen: whether the printed number was read again in its source."
        )
        + table(columns, rows, text=True)
    )


def _doubt(contents: Contents) -> str:
    trials = contents.trials
    included = trials.loc[(trials["status"] == "include") & (trials["score_type"] != "baseline")]
    cohorts = included.drop_duplicates("cohort_id")
    by_class = included.groupby("comparator_class")["cohort_id"].nunique()
    blinding = cohorts["blinding"].replace("", "not stated").value_counts()
    provisional = included.loc[included["source_kind"] == "secondary-text"]
    apart = trials.loc[trials["status"] == "apart", "reason"].str.split(":").str[0].value_counts()
    single = [r for r in contents.windows if r.fit is not None and not r.is_pool]
    return (
        "<h2 id='doubt'>Where the evidence is thin, missing, biased or unblinded</h2><ul>"
        f"<li>Thin: {len(single)} of the results above rest on a single trial.</li>"
        f"<li>Missing: {len(contents.missing)} gaps are listed in missing.csv. Several of the trials behind them were null, "
        "so that the pools above probably err upward.</li>"
        "<li>Unblinded: ketamine is felt. Cohorts by class of comparator: "
        + html.escape(", ".join(f"{name} {count}" for name, count in by_class.items()))
        + ". Cohorts by stated blinding: "
        + html.escape(", ".join(f"{name} {count}" for name, count in blinding.items()))
        + ". A saline or nasal placebo does not hide who got the drug; midazolam hides it better, not fully.</li>"
        f"<li>Provisional: {len(provisional)} rows of {provisional['cohort_id'].nunique()} cohorts were read in secondary "
        "text only and enter no analysis above.</li>"
        "<li>Kept apart, with the reason in each row: "
        + html.escape(", ".join(f"{name} {count}" for name, count in apart.items()))
        + ".</li><li>Risk of bias: published judgements are not yet in the data set.</li></ul>"
    )


def _methods(contents: Contents) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in contents.versions.items())
    second = contents.cross_check.sentence()
    return (
        "<h2 id='methods'>Methods and limits</h2>"
        + paragraph(
            "Selection: randomised comparisons against placebo or midazolam; participants named as adolescents, drug given "
            "as an adjunct to ECT or psychotherapy or for surgery in people with depression, subsets, pooled reports, "
            "head-to-head, single-arm and retracted rows, and numbers read in secondary text only are left out (for PTSD a trial "
            "with exposure therapy in both arms stays). "
            "A cohort enters once; arms that share a comparator are combined. Single dosing means that at most one dose had "
            "been given by the time of the score."
        )
        + paragraph(
            "Effects: Hedges' g with the large-sample variance; mean differences from arm statistics, else from reported "
            "differences with their standard error; log risk and odds ratios with 0.5 added where a cell is zero. "
            "Crossovers printed arm by arm are analysed within persons, with a correlation of 0.5 between the periods where "
            "none is printed or can be recovered (the row says so); their counts are treated as those of parallel groups, which "
            "overstates the variance. "
            "Pooling: random effects, tau2 by REML, Hartung-Knapp intervals on k - 1 degrees of freedom, prediction "
            "intervals on k - 1; tau2 intervals by Q-profile. Curves: multivariate random-effects models over the times "
            "of each trial, sampling errors correlated within a trial."
        )
        + paragraph(
            "Limits: the table holds what could be read in registries, abstracts, tables and authors' repositories, not every "
            "trial; change scores and endpoint scores stand in one pool of SMDs; esketamine by nose and ketamine by vein, and "
            "first and later treatment steps, are pooled unless a row says otherwise; with few trials no method "
            "estimates heterogeneity well."
        )
        + paragraph(
            f"{second} Software: {versions}. Every number, odds ratios among them, stands with full "
            "precision in results.json and tables/pooled_effects.csv.",
            "quiet",
        )
    )
