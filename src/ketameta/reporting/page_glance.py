"""The first sections of the page: what was found, and where there is evidence at all."""

from __future__ import annotations

from ketameta.reporting.contents import Contents
from ketameta.reporting.map_figure import MAP
from ketameta.reporting.markup import bullets, figure, heading, paragraph, section
from ketameta.reporting.page_pools import effect
from ketameta.reporting.page_words import with_signs
from ketameta.reporting.questions import QUESTIONS, Question

__all__ = ["glance_section", "map_section"]


def glance_section(contents: Contents) -> str:
    """The headline result of each question in sentences."""
    return section(
        "glance",
        "At a glance",
        paragraph(
            "Standardised mean differences (Hedges' g) of ketamine, esketamine or arketamine against placebo or "
            "midazolam, with the same background treatment, or none, in both arms. Negative values favour ketamine. At "
            "each time k says how many trials were pooled: with two, the interval says almost nothing."
        ),
        *(heading(3, question.heading) + bullets(_sentences(contents, question)) for question in QUESTIONS),
    )


def _sentences(contents: Contents, question: Question) -> list[str]:
    results = [r for r in contents.windows if r.analysis.question == question.key and r.analysis.headline]
    pools = [r for r in results if r.is_pool]
    singles = [r for r in results if r.fit is not None and not r.is_pool]
    said = [
        f"{r.window.name} after the first dose, {r.dosing} dosing. {with_signs(r.fit.sentence())}"
        for r in pools
        if r.fit is not None
    ]
    if not pools:
        said.append(
            "No time has two independent trials with usable scores on a symptom scale: no SMD can be pooled."
        )
    if singles:
        where = "; ".join(f"{r.window.name} ({r.dosing}): SMD {effect(r)}" for r in singles)
        said.append(f"Only one trial each at {where}." if len(singles) > 1 else f"Only one trial at {where}.")
    return said


def map_section(contents: Contents) -> str:
    """Where the evidence lies: trials and people by outcome and time."""
    drawn = figure(contents.figures, MAP, "Evidence map")
    return section(
        "map",
        "Evidence map",
        paragraph("Trials and participants by condition, outcome and time since the first dose."),
        drawn or paragraph("There is no row to draw a map of."),
    )
