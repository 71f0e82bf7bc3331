"""A section of the report for each question: what it rests on, effects, durability, what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ketameta._render import number, p_value, plural
from ketameta.reporting.analysis import WindowResult
from ketameta.reporting.contents import Contents
from ketameta.reporting.curve_section import curve_section
from ketameta.reporting.evidence_tables import evidence_table, missing_table
from ketameta.reporting.markup import (
    bullets,
    details,
    figure,
    frame,
    heading,
    link,
    on_scale,
    paragraph,
    preformatted,
    section,
)
from ketameta.reporting.page_pools import effects_table, heterogeneity
from ketameta.reporting.page_published import published_part
from ketameta.reporting.page_words import (
    account_of,
    cohort_names,
    effect_text,
    plainly,
    spaced,
    study_name,
    with_signs,
)
from ketameta.reporting.questions import ANALYSES, Analysis, Question

__all__ = ["SHOWN", "question_section"]

SHOWN = ("SMD", "MD", "RR")
"""Measures that the page shows; odds ratios stand in the files beside it."""

_MISSING_COLUMNS = {
    "study_id": "Trial",
    "registry_id": "Registry",
    "drug": "Drug",
    "outcome": "Outcome",
    "what_is_missing": "What is missing",
    "why": "Why",
    "n_randomised": "People randomised",
    "notes": "Notes",
}
_EXISTING_COLUMNS = {"cohort": "Trial", "n randomised": "People randomised"}
_MARKS = (
    "S: scores on a symptom scale; R: response; M: remission. Provisional: read in secondary text only. An empty cell "
    "under people randomised: not stated. IV: into a vein; IN: by nose; IM: into a muscle; SC: under the skin; PO: by "
    "mouth."
)
_PEOPLE = "People: a dash where a source does not print how many were analysed."


def question_section(contents: Contents, question: Question) -> str:
    """Everything that the page says about one question."""
    exists = evidence_table(contents.trials, question)
    analyses = [a for a in ANALYSES if a.question == question.key and a.measure in SHOWN]
    results = [r for r in contents.windows if r.analysis in analyses]
    name = question.heading
    effects = [(a, [r for r in results if r.analysis == a]) for a in analyses]
    curves = [c for c in contents.curves if c.question.analysis.question == question.key]
    parts = (
        *((f"{a.title} ({a.measure})", _analysis(contents, a, found)) for a, found in effects),
        (
            "Do the trials agree, and does one of them decide?",
            heterogeneity(f"{name}: heterogeneity, and each pool without each of its trials", results),
        ),
        ("How long does it last?", "".join(curve_section(contents.figures, c) for c in curves)),
        (
            "How does it compare with published meta-analyses?",
            published_part(contents, question.key, name),
        ),
        ("What exists", _existing(contents, f"{name}: trials by time since the first dose", exists)),
        (
            "What is missing",
            _missing(contents, f"{name}: known gaps", missing_table(contents.missing, question)),
        ),
    )
    keys = [f"{question.key}-{place}" for place in range(1, len(parts) + 1)]
    links = " ".join(link(f"#{key}", title) for key, (title, _) in zip(keys, parts, strict=True))
    return section(
        question.key,
        name,
        _thinness(results, exists),
        f"<nav class='within' aria-labelledby='{question.key}-heading'>{links}</nav>\n",
        *(heading(3, title, key) + body for key, (title, body) in zip(keys, parts, strict=True)),
    )


def _thinness(results: Sequence[WindowResult], exists: pd.DataFrame) -> str:
    pools = [r.fit.k for r in results if r.analysis.headline and r.is_pool and r.fit is not None]
    most = max(pools, default=0)
    randomised = exists["n randomised"] if len(exists) else pd.Series(dtype=object)
    sizes = pd.to_numeric(randomised, errors="coerce").dropna()
    size = f", with {_span(sizes.min(), sizes.max())} people randomised" if len(sizes) else ""
    if not len(exists):
        return paragraph("No trial has numbers for this question.", "thin")
    used = {cohort for r in results if r.fit is not None for cohort in r.fit.rows["cohort_id"]}
    text = (
        f"{plural(len(exists), 'trial has', 'trials have')} numbers for this question{size}; {len(used)} of them "
        f"{'gives' if len(used) == 1 else 'give'} an effect at one of the times below. "
    )
    if most == 0:
        text += "No two of them can be pooled on a symptom scale at the same time and under the same dosing."
    else:
        text += f"At no time do more than {most} of them meet in one pool of symptom scores."
    return paragraph(text, "thin" if most < 5 else "")


def _span(low: float, high: float) -> str:
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"


def _analysis(contents: Contents, analysis: Analysis, results: Sequence[WindowResult]) -> str:
    title = f"{analysis.title} ({analysis.measure})"
    shown = [r for r in results if r.fit is not None]
    if not shown:
        return paragraph("No trial with usable numbers at any standard time.")
    empty = [f"{r.window.name} ({r.dosing})" for r in results if r.fit is None]
    notes = [f"{r.window.name}, {r.dosing}: {plainly(note)}" for r in shown for note in r.notes]
    accounts = "".join(
        heading(4, f"{r.window.name}, {r.dosing} dosing: rows selected") + preformatted(account_of(r.account))
        for r in shown
    )
    return "".join(
        (
            effects_table(f"{title}, by time since the first dose", shown),
            paragraph(f"No trial at: {', '.join(empty)}.", "quiet") if empty else "",
            paragraph(_PEOPLE, "quiet") if any(r.n_participants is None for r in shown) else "",
            *(_by_comparator(r) for r in shown),
            *(
                figure(contents.figures, r.key, f"{analysis.title}, {r.window.name}, {r.dosing} dosing")
                for r in shown
            ),
            details(f"Notes on these rows: {analysis.title} ({analysis.measure})", bullets(notes)),
            details(f"What was selected at each time, and what was left out: {title}", accounts, "account"),
        )
    )


def _by_comparator(result: WindowResult) -> str:
    found, ratio = result.by_comparator, result.analysis.is_ratio
    if found is None:
        return ""
    parts = []
    for name, fit in found.groups:
        value, low, high = (on_scale(each, ratio=ratio) for each in (fit.estimate, fit.ci_low, fit.ci_high))
        text = effect_text(value, low, high, ratio=ratio)
        parts.append(f"{text} in {plural(fit.k, 'trial')} against {name} comparators")
    return paragraph(
        with_signs(
            f"At {result.window.name}, {result.dosing} dosing, by class of comparator: {result.analysis.measure} "
            f"{'; '.join(parts)}. Test of the difference between classes: chi2 = {number(found.q_between)}, "
            f"df = {found.df}, p = {p_value(found.p)}.".replace("= <", "< ")
        )
    )


def _existing(contents: Contents, caption: str, exists: pd.DataFrame) -> str:
    if not len(exists):
        return paragraph("No trial in this table.")
    names = cohort_names(contents.trials)
    cohorts = [str(cell).partition(" (provisional)") for cell in exists["cohort"]]
    shown = exists.assign(cohort=[f"{names[cohort]}{aside}" for cohort, aside, _ in cohorts]).rename(
        columns={str(name): f"{str(name)[:1].upper()}{str(name)[1:]}" for name in exists} | _EXISTING_COLUMNS
    )
    return paragraph(_MARKS, "quiet") + frame(caption, shown)


def _missing(contents: Contents, caption: str, gone: pd.DataFrame) -> str:
    if contents.is_own:
        return paragraph(
            "The table comes without a list of trials whose numbers are missing; none is known to this report."
        )
    if not len(gone):
        return paragraph("No gap is listed.")
    text = (
        f"{'' if contents.packaged else 'Of the packaged data set, '}{plural(len(gone), 'gap is', 'gaps are')} known: trials, or parts of trials, whose numbers could not be "
        "read. None is imputed."
    )
    named = gone.assign(
        study_id=[study_name(row) for _, row in gone.iterrows()],
        outcome=[spaced(str(cell)) for cell in gone["outcome"]],
    )
    listed = named[list(_MISSING_COLUMNS)].rename(columns=_MISSING_COLUMNS)
    return paragraph(text) + details(f"List of {plural(len(gone), 'gap')}", frame(caption, listed))
