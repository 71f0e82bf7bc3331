"""The first sections of the page: what was found, and where there is evidence at all."""

from __future__ import annotations

from ketameta.reporting.contents import Contents
from ketameta.reporting.markup import bullets, figure, heading, paragraph, section
from ketameta.reporting.page_pools import effect
from ketameta.reporting.questions import QUESTIONS, Question

__all__ = ["glance_section", "map_section"]


def glance_section(contents: Contents) -> str:
    """The headline result of each question in sentences."""
    return section(
        "glance",
        "At a glance",
        paragraph(
            "Standardised mean differences (Hedges' g) of ketamine, esketamine or arketamine against placebo or "
            "midazolam, on top of the same background treatment in both arms. Negative values favour ketamine."
        ),
        *(heading(3, question.heading) + bullets(_sentences(contents, question)) for question in QUESTIONS),
    )


def _sentences(contents: Contents, question: Question) -> list[str]:
    results = [r for r in contents.windows if r.analysis.question == question.key and r.analysis.headline]
    pools = [r for r in results if r.is_pool]
    singles = [r for r in results if r.fit is not None and not r.is_pool]
    said = [
        f"{r.window.name} after the first dose, {r.dosing} dosing. {r.fit.sentence()}"
        for r in pools
        if r.fit is not None
    ]
    if not pools:
        said.append("No time has two independent trials with usable numbers: nothing can be pooled.")
    if singles:
        where = "; ".join(f"{r.window.name} ({r.dosing}): SMD {effect(r)}" for r in singles)
        said.append(f"One trial only at {where}.")
    return said


def map_section(contents: Contents) -> str:
    """Where the evidence lies: trials and people by outcome and time."""
    drawn = figure(contents.figures, "evidence_map", "Evidence map")
    return section(
        "map",
        "Evidence map",
        paragraph("Trials and participants by condition, outcome and time since the first dose."),
        drawn or paragraph("There is no row to draw a map of."),
    )
