"""PRISMA 2020, items 12 to 20: what the results fill, and what the authors must write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ketameta._render import plural
from ketameta.curves import CurveComparison, DurabilityCurve
from ketameta.effects._direction import lower_is_better
from ketameta.errors import DataError
from ketameta.models import Multilevel, PermutationTest, Regression, RobustMultilevel, Subgroups
from ketameta.models.result import RATIO_MEASURES
from ketameta.plots._forestbias import bias_of
from ketameta.plots._rob import Judgements, read_judgements
from ketameta.reporting.citing import cite
from ketameta.reporting.grade_result import SummaryOfFindings
from ketameta.reporting.methods_data import (
    arguments_of,
    data_sentences,
    provenance_of,
    software_sentences,
)
from ketameta.reporting.methods_effects import measure_sentences, preparation_sentences, rows_of
from ketameta.reporting.methods_section import merged, synthesis_sentences
from ketameta.reporting.phrases import Sentence, listed, named
from ketameta.reporting.prisma_result import PrismaItem, PrismaItems
from ketameta.reporting.prisma_tables import characteristics, individual_results, left_out_rows

__all__ = ["prisma_items"]

_COMPUTED = ("effect_sizes", "counts", "responding")


def prisma_items(*results: Any, rob: pd.DataFrame | None = None, tool: str = "RoB 2") -> PrismaItems:
    """Items 12 to 20 of PRISMA 2020: what the results fill, and what the authors must write.

    Parameters
    ----------
    *results : result
        The analyses of the review, as for :func:`ketameta.methods_text`.
    rob : DataFrame, optional
        The authors' judgements of the risk of bias, as for :func:`ketameta.rob_plot`.
    tool : str
        Tool of the judgements.

    Returns
    -------
    PrismaItems
        ``to_frame()``, ``to_markdown()``, ``to_html()``; ``tables`` for items 17, 18, 19 and 20a.

    Raises
    ------
    DataError
        When nothing is given, or something is no result of ketameta.
    FigureError
        When the judgements cannot be read.

    Notes
    -----
    Numbers and topics of the items: Page et al. 2021, BMJ 372:n71, doi:10.1136/bmj.n71; what they ask for is said in words
    of our own. Nothing is filled from anything but the fields of the results.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.reporting import prisma_items
    >>> fit = km.pool(yi=[-1.10, -0.35, -0.62, -0.18], vi=[0.09, 0.05, 0.04, 0.07])
    >>> items = prisma_items(fit).to_frame().set_index("item")
    >>> items.loc["20b", "filled"], items.loc["14", "filled"]
    ('in part', 'no')
    """
    if not results:
        raise DataError("prisma_items() needs a result, such as that of pool()")
    for result in results:
        synthesis_sentences(result)
    judged = None if rob is None else read_judgements(rob, tool)
    tables = {
        "17": characteristics(results),
        "18": pd.DataFrame() if rob is None else rob.reset_index(drop=True),
        "19": individual_results(results),
        "20a": left_out_rows(results),
    }
    tables = {item: table for item, table in tables.items() if table.size}
    made = (*_methods(results), *_studies(results, tables, judged), *_syntheses(results, tables, judged))
    return PrismaItems(made, tables)


def _methods(results: Sequence[Any]) -> tuple[PrismaItem, ...]:
    explored = [one for one in results if _explores(one)]
    repeated = [one for one in results if isinstance(one, PermutationTest)]
    certain = [one for one in results if isinstance(one, SummaryOfFindings)]
    model = [one for one in results if one not in repeated and one not in certain]
    measures = _written(results, measure_sentences)
    return (
        PrismaItem(
            "12",
            "Effect measures",
            "the effect measure of each outcome",
            measures,
            ""
            if measures and all(map(_measured, results))
            else "how effects that were given ready-made were computed",
        ),
        PrismaItem(
            "13a",
            "Synthesis methods",
            "how it was decided which studies enter each synthesis",
            _written(results, data_sentences),
            "who compared the studies with the groups planned for each synthesis, and how",
        ),
        PrismaItem(
            "13b",
            "Synthesis methods",
            "how data were prepared: missing statistics, conversions",
            _written(results, preparation_sentences),
            "whatever was computed before the data were entered",
        ),
        PrismaItem(
            "13c",
            "Synthesis methods",
            "how results are tabulated and drawn",
            (),
            "which tables and figures are shown, and how studies are ordered and grouped in them",
        ),
        PrismaItem(
            "13d",
            "Synthesis methods",
            "how results were synthesised and why so; model, heterogeneity, software",
            _written(model, lambda one: (*synthesis_sentences(one), *software_sentences(one))),
            "why this model and these methods were chosen",
        ),
        PrismaItem(
            "13e",
            "Synthesis methods",
            "how causes of heterogeneity were looked for",
            _written(explored, _of_causes),
            "which of these were planned before the results were known"
            if explored
            else "how causes of heterogeneity were looked for, or that they were not",
        ),
        PrismaItem(
            "13f",
            "Synthesis methods",
            "which sensitivity analyses were made",
            _written(repeated, synthesis_sentences),
            "which analyses were meant as sensitivity analyses, and whether they were planned",
        ),
        PrismaItem(
            "14",
            "Reporting bias assessment",
            "how bias from missing results was assessed",
            (),
            "how results that are missing from each synthesis were assessed; a funnel plot alone does not do it",
        ),
        PrismaItem(
            "15",
            "Certainty assessment",
            "how certainty in the evidence was assessed",
            _written(certain, synthesis_sentences),
            "the system (such as GRADE), who judged, and by which rules",
        ),
    )


def _studies(
    results: Sequence[Any], tables: Mapping[str, pd.DataFrame], judged: Judgements | None
) -> tuple[PrismaItem, ...]:
    counted = [f"{plural(len(rows), 'row')} in analysis {i}" for i, rows in _numbered_rows(results)]
    effects = tables.get("19")
    return (
        PrismaItem(
            "16a",
            "Study selection",
            "numbers from search to inclusion, best as a flow diagram",
            (f"There were {listed(counted)}.",) if counted else (),
            "records found, screened and excluded, and reports sought and read, as a flow diagram",
        ),
        PrismaItem(
            "16b",
            "Study selection",
            "studies that nearly qualified, and why they were excluded",
            (),
            "citations of reports that were read and excluded, each with the reason",
        ),
        PrismaItem(
            "17",
            "Study characteristics",
            "a citation and the characteristics of each study",
            _cited(results) if "17" in tables else (),
            "studies that are in no analysis, and characteristics that the rows do not have"
            if "report" in tables.get("17", ())
            else "a citation and the characteristics of each study",
        ),
        PrismaItem(
            "18",
            "Risk of bias in studies",
            "the judgement of each study",
            ()
            if judged is None
            else (f"{judged.tool.name} was judged in {plural(len(judged.studies), 'trial')} (table 18).",),
            "judgements of each study, with reasons" if judged is None else "the reasons of the judgements",
        ),
        PrismaItem(
            "19",
            "Results of individual studies",
            "numbers of each arm, and effect with its precision, for each study",
            ()
            if effects is None
            else (f"{plural(len(effects), 'row')} with the numbers there are (table 19).",),
            "results of each study" if effects is None else "results of outcomes that were not analysed",
        ),
    )


def _syntheses(
    results: Sequence[Any], tables: Mapping[str, pd.DataFrame], judged: Judgements | None
) -> tuple[PrismaItem, ...]:
    explored = [one for one in results if _explores(one)]
    repeated = [one for one in results if isinstance(one, PermutationTest)]
    undirected = [
        str(i)
        for i, result in enumerate(results, 1)
        if (one := _directed(result)) is not None and lower_is_better(one.rows) is None
    ]
    return (
        PrismaItem(
            "20a",
            "Results of syntheses",
            "characteristics and risk of bias of the studies in each synthesis",
            (*_not_synthesised(tables.get("20a")), *(() if judged is None else _judged(results, judged))),
            "what the studies of each synthesis have in common"
            + ("" if judged else ", and their risk of bias"),
        ),
        PrismaItem(
            "20b",
            "Results of syntheses",
            "each synthesis with its precision, heterogeneity and direction",
            tuple(
                _with_direction(i, one)
                for i, one in enumerate(results, 1)
                if not isinstance(one, SummaryOfFindings)
            ),
            f"which direction favours ketamine in analysis {listed(undirected)}" if undirected else "",
        ),
        PrismaItem(
            "20c",
            "Results of syntheses",
            "results on causes of heterogeneity",
            tuple(one.sentence() for one in explored),
            "" if explored else "what was found about causes of heterogeneity, if they were looked for",
        ),
        PrismaItem(
            "20d",
            "Results of syntheses",
            "results of sensitivity analyses",
            tuple(one.sentence() for one in repeated),
            "what the sensitivity analyses changed",
        ),
    )


def _written(results: Sequence[Any], say: Callable[[Any], Iterable[Sentence]]) -> tuple[str, ...]:
    """Sentences of several results in plain text, each once."""
    sentences = merged([tuple(say(result)) for result in results])
    names = named([key for sentence in sentences for key in sentence.keys])
    return tuple(sentence.text(names) for sentence in sentences)


def _judged(results: Sequence[Any], judged: Judgements) -> tuple[str, ...]:
    """How the studies of each analysis were judged."""
    said = []
    for i, rows in _numbered_rows(results):
        if (bias := bias_of(judged, judged.tool.name, rows)) is not None:
            said.append(f"Analysis {i}: {bias.words(rows)}.")
    return tuple(said)


def _not_synthesised(out: pd.DataFrame | None) -> tuple[str, ...]:
    """How many selected rows are in no synthesis."""
    if out is None:
        return ()
    return (
        f"{plural(len(out), 'row')} that had been selected entered no synthesis (table 20a, with the reasons).",
    )


def _of_causes(result: Any) -> tuple[Sentence, ...]:
    """How causes of heterogeneity were looked for, without the pool of all studies."""
    overall = getattr(result, "overall", None)
    known = () if overall is None else synthesis_sentences(overall)
    return tuple(sentence for sentence in synthesis_sentences(result) if sentence not in known)


def _explores(result: Any) -> bool:
    """Whether a result is about causes of heterogeneity."""
    if isinstance(result, Multilevel):
        return bool(result.moderators.strip() != "1")
    if isinstance(result, RobustMultilevel):
        return len(result.design.names) > 1
    if isinstance(result, DurabilityCurve):
        return bool(result.spec.moderators or result.spec.options.decay_moderators)
    return isinstance(result, Subgroups | Regression)


def _measured(result: Any) -> bool:
    """Whether ketameta computed the effects, or the result has none of its own."""
    provenance = provenance_of(result)
    return provenance is None or any(arguments_of(provenance, step) is not None for step in _COMPUTED)


def _numbered_rows(results: Sequence[Any]) -> list[tuple[int, pd.DataFrame]]:
    found = ((i, rows_of(result)) for i, result in enumerate(results, 1))
    return [(i, rows) for i, rows in found if rows is not None]


def _cited(results: Sequence[Any]) -> tuple[str, ...]:
    """How many reports the rows name, and where they stand."""
    works = {work.key: None for _, rows in _numbered_rows(results) for work in cite(rows).references}
    cited = f", with the keys of {plural(len(works), 'report')} that references_bib() has" if works else ""
    return (f"Characteristics of the studies stand in table 17{cited}.",)


def _directed(result: Any) -> Any:
    """The part of a result that is one effect against a comparator; None where there is none."""
    if isinstance(result, Regression) or (isinstance(result, Multilevel) and _explores(result)):
        return None
    parts = (
        getattr(result, "overall", None),
        getattr(result, "pooled", None),
        *getattr(result, "curves", ())[:1],
    )
    return next((one for one in (result, *parts) if hasattr(one, "measure")), None)


def _with_direction(i: int, result: Any) -> str:
    found = (result, result.curves[0]) if isinstance(result, CurveComparison) else (result,)
    said = f"Analysis {i}: {' '.join(part.sentence() for part in found)}"
    one = _directed(result)
    below = None if one is None else lower_is_better(one.rows)
    if below is None:
        return said
    as_ratio = one.measure.upper() in RATIO_MEASURES and not isinstance(one, Multilevel)
    return f"{said} Values {'below' if below else 'above'} {'1' if as_ratio else '0'} favour ketamine."
