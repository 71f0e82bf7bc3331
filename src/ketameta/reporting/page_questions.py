"""A section of the report for each question: what it rests on, effects, durability, what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

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
    paragraph,
    preformatted,
    section,
)
from ketameta.reporting.page_pools import effects_table, heterogeneity
from ketameta.reporting.page_published import published_table
from ketameta.reporting.questions import ANALYSES, Analysis, Question

__all__ = ["SHOWN", "question_section"]

SHOWN = ("SMD", "MD", "RR")
"""Measures that the page shows; odds ratios stand in the files beside it."""

_MISSING_COLUMNS = {
    "study_id": "study",
    "registry_id": "registry",
    "drug": "drug",
    "outcome": "outcome",
    "what_is_missing": "what is missing",
    "why": "why",
    "n_randomised": "n randomised",
    "notes": "notes",
}


def question_section(contents: Contents, question: Question) -> str:
    """Everything that the page says about one question."""
    exists = evidence_table(contents.trials, question)
    analyses = [a for a in ANALYSES if a.question == question.key and a.measure in SHOWN]
    results = [r for r in contents.windows if r.analysis in analyses]
    outcomes = {a.outcome for a in analyses}
    compared = [c for c in contents.comparisons if c.published["outcome"] in outcomes]
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
            published_table(f"{name}: published pooled results, and ours", compared),
        ),
        ("What exists", _existing(f"{name}: trials by time since the first dose", exists)),
        ("What is missing", _missing(f"{name}: known gaps", missing_table(contents.missing, question))),
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
    size = f", with {sizes.min():.0f} to {sizes.max():.0f} people randomised" if len(sizes) else ""
    text = f"{len(exists)} trials have usable numbers for this question{size}. "
    if most == 0:
        text += (
            "No two of them can be pooled on a symptom scale at the same time and under the same dosing: each is shown "
            "alone."
        )
    else:
        text += f"At no time do more than {most} of them meet in one pool of symptom scores."
    return paragraph(text, "thin" if most < 5 else "")


def _analysis(contents: Contents, analysis: Analysis, results: Sequence[WindowResult]) -> str:
    title = f"{analysis.title} ({analysis.measure})"
    shown = [r for r in results if r.fit is not None]
    if not shown:
        return paragraph("No trial with usable numbers at any standard time.")
    empty = [f"{r.window.name} ({r.dosing})" for r in results if r.fit is None]
    notes = [f"{r.window.name}, {r.dosing}: {note}" for r in shown for note in r.notes]
    accounts = "".join(
        heading(4, f"{r.window.name}, {r.dosing} dosing: rows selected") + preformatted(r.account)
        for r in shown
    )
    return "".join(
        (
            effects_table(f"{title}, by time since the first dose", shown),
            paragraph(f"No trial at: {', '.join(empty)}.", "quiet") if empty else "",
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
    if result.by_comparator is None:
        return ""
    when = f"At {result.window.name}, {result.dosing} dosing, by class of comparator: "
    return paragraph(when + result.by_comparator.sentence())


def _existing(caption: str, exists: pd.DataFrame) -> str:
    if not len(exists):
        return paragraph("No trial in this table.")
    key = "S: scores on a symptom scale; R: response; M: remission. Provisional: read in secondary text only."
    return paragraph(key, "quiet") + frame(caption, exists)


def _missing(caption: str, gone: pd.DataFrame) -> str:
    if not len(gone):
        return paragraph("No gap is listed.")
    text = f"{len(gone)} gaps are known: trials, or parts of trials, whose numbers could not be read. None is imputed."
    listed = gone[list(_MISSING_COLUMNS)].rename(columns=_MISSING_COLUMNS)
    return paragraph(text) + details(f"List of the {len(gone)} gaps", frame(caption, listed))
