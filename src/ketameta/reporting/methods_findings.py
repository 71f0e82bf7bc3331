"""Methods in words: absolute effects and inputs of certainty of a summary of findings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from ketameta._render import plural
from ketameta.reporting.grade_result import SummaryOfFindings
from ketameta.reporting.grade_row import SummaryRow, benefit_of
from ketameta.reporting.phrases import Sentence, said

__all__ = ["summarised"]


def summarised(found: SummaryOfFindings) -> Iterator[Sentence]:
    """What was computed for the table; certainty itself is judged by its user."""
    yield said(
        f"A summary of findings holds {plural(len(found.rows), 'outcome')}; certainty was not computed, and "
        f"{_judged(found)}"
    )
    if _any(found, lambda row: row.absolute is not None and row.absolute.chinn is None):
        yield said(
            "Absolute effects are the relative effect and the limits of its interval at the assumed risk with the comparator",
            "higgins2019",
        )
    if _any(found, lambda row: row.absolute is not None and row.absolute.chinn is not None):
        yield said(
            "Probabilities of a response behind standardised mean differences rest on normal scores with one SD in both arms, at the "
            "assumed response rate with the comparator",
            "furukawa2011",
        )
        yield said("Beside them stand those of logistic scores", "chinn2000")
    if _any(found, lambda row: not math.isnan(benefit_of(row.absolute).value)):
        yield said(
            "Numbers needed to treat, to benefit or to harm, are reciprocals of differences in risk",
            "altman1998",
        )
    if _any(found, lambda row: not math.isnan(row.inputs.information_size)):
        yield said(
            f"Optimal information sizes are those of a trial with two-sided alpha {found.options.alpha:g} and power "
            f"{found.options.power:g}",
            "guyatt2011",
        )
    if _any(found, lambda row: not math.isnan(row.inputs.small_study_p)):
        smd = _any(
            found, lambda row: row.measure.upper() == "SMD" and not math.isnan(row.inputs.small_study_p)
        )
        yield said(
            "Small-study effects were tested, from 10 trials on, by the slope of the effects on the root of 1/n + 1/n of the "
            "arms, or on the standard error where a size is not known",
            *(["pustejovsky2019"] if smd else []),
        )


def _any(found: SummaryOfFindings, true_of: Callable[[SummaryRow], bool]) -> bool:
    return any(map(true_of, found.rows))


def _judged(found: SummaryOfFindings) -> str:
    given = sum(bool(row.judged.certainty) for row in found.rows)
    return f"was judged by the authors for {given} of {len(found.rows)}" if given else "was not judged"
