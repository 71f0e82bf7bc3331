"""Footnotes of a summary of findings: every assumption behind its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ketameta._render import number, plural
from ketameta.reporting.grade_cells import NOT_JUDGED, per_1000
from ketameta.reporting.grade_options import SummaryOptions
from ketameta.reporting.grade_row import SummaryRow

__all__ = ["footnotes"]

_INTERVALS = (
    "Absolute effects: the relative effect and the limits of its interval at the assumed risk with the comparator "
    "(Cochrane Handbook 15.4.4); the uncertainty of that risk is not in the interval."
)
_NNT = (
    "NNTB, NNTH: number needed to treat for one more person to benefit, or to be harmed; 1 / difference in risk, rounded "
    "up. An interval through ∞ includes a difference of 0 (Altman 1998)."
)
_RESPONSE = (
    "Risk: probability of a response behind the SMD by Furukawa and Leucht (2011), normal scores with one SD in both "
    "arms; it is as good as the response rate assumed."
)
_HAZARDS = (
    "Risk with ketamine behind the HR: 1 - (1 - risk with the comparator)^HR, by the time of that risk; hazards are taken "
    "as proportional (GRADE guidelines 27)."
)
_TEST = (
    "Small-study effects: slope of the effects on the root of 1/n + 1/n of the arms (Pustejovsky and Rodgers 2019, for SMDs; "
    "the standard error where a size is not known) in a random-effects meta-regression, from 10 trials on."
)
_INPUTS = "What certainty is judged on is computed; certainty, the words of its domains and their reasons are the user's."


def footnotes(
    rows: Sequence[SummaryRow], options: SummaryOptions
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """The notes, each once, and for each outcome the numbers of its own, from 1.

    Notes of all outcomes stand last and have no marks.
    """
    numbers: dict[str, int] = {}
    marks = tuple(
        tuple(numbers.setdefault(text, len(numbers) + 1) for text in dict.fromkeys(_own(row, options)))
        for row in rows
    )
    return (*numbers, *_general(rows)), marks


def _general(rows: Sequence[SummaryRow]) -> Iterator[str]:
    if any(row.absolute is not None for row in rows):
        yield _INTERVALS
    if any(row.absolute is not None and row.absolute.good is not None for row in rows):
        yield _NNT
    if any(not math.isnan(row.inputs.small_study_p) for row in rows):
        yield _TEST
    yield _INPUTS


def _own(row: SummaryRow, options: SummaryOptions) -> Iterator[str]:
    if row.k == 1:
        yield "One trial: nothing is pooled."
    yield from _of_direction(row)
    if row.unknown:
        yield f"{row.outcome}: {plural(row.unknown, 'trial')} of unknown size."
    yield from _of_risks(row)
    yield from _of_points(row)
    yield from _of_size(row, options)
    if row.inputs.by != "weight":
        yield f"The model gives trials no weights: shares are of {row.inputs.by}."
    for domain, _, reason in row.judged.domains:
        if reason:
            yield f"{row.outcome}, {domain.replace('_', ' ')}: {reason}"
    if row.judged.reasons:
        yield f"{row.outcome}, certainty: {row.judged.reasons}"
    if row.judged.certainty:
        yield "Certainty as judged in the table of the user, not by ketameta."
    else:
        yield f"Certainty {NOT_JUDGED}: the user gave none for this outcome."
    yield from (f"{row.outcome}: {note}" for note in row.notes)


def _of_direction(row: SummaryRow) -> Iterator[str]:
    """Which values favour ketamine, where no risk of an event says it."""
    if row.lower_is_better is None or (row.absolute is not None and row.absolute.chinn is None):
        return
    side = "under" if row.lower_is_better else "over"
    yield f"{row.measure or 'Effect'}: values {side} {1 if row.ratio else 0} favour ketamine."


def _of_risks(row: SummaryRow) -> Iterator[str]:
    found = row.absolute
    if row.why_not:
        yield row.why_not
    if found is None:
        return
    risk = per_1000(found.comparator)
    if found.given:
        yield f"Risk with the comparator of {risk} per 1000: assumed by the user."
    else:
        ends = f"{per_1000(found.lowest)} to {per_1000(found.highest)}"
        yield f"Risk with the comparator of {risk} per 1000: median of {plural(found.trials, 'trial')} (range {ends})."
    if found.clipped:
        yield f"{row.outcome}: the effect, or a limit of it, asks for a risk under 0 or over 1, shown as 0 or 1000 per 1000."
    if found.good is None:
        yield "No NNT: the rows do not say whether the event is a good one (higher_is_worse)."
    if row.measure.upper() == "HR":
        yield _HAZARDS
    if found.chinn is not None:
        value, low, high = map(per_1000, found.chinn)
        yield _RESPONSE
        yield (
            f"{row.outcome}: by the logistic assumption of Chinn (2000), ln OR = SMD pi / sqrt(3), the difference is "
            f"{value} per 1000 ({low} to {high})."
        )


def _of_points(row: SummaryRow) -> Iterator[str]:
    found = row.points
    if row.no_points:
        yield row.no_points
    if found is None:
        return
    if not found.trials:
        whence = "given by the user"
    else:
        kinds = f"; scores: {found.kinds}" if found.kinds else ""
        whence = (
            f"median of {plural(found.trials, 'trial')} (range {number(found.lowest, 1)} to {number(found.highest, 1)}"
            f"{kinds})"
        )
    yield (
        f"Points of {found.scale}: SMD times an SD of {number(found.sd, 1)}, {whence}; assumes that the SMD is in units of "
        "such an SD (Cochrane Handbook 15.5.3)."
    )


def _of_size(row: SummaryRow, options: SummaryOptions) -> Iterator[str]:
    found = row.inputs
    if math.isnan(found.information_size):
        return
    if row.measure.upper() == "SMD":
        wanted = f"an SMD of {number(found.size_found)}, 2 (z + z)^2 / SMD^2 an arm"
    else:
        comparator = 0.0 if row.absolute is None else row.absolute.comparator
        wanted = (
            f"{per_1000(found.size_found)} against {per_1000(comparator)} per 1000, a relative change by "
            f"{number(100 * options.relative, 0)}% (Fleiss 1981)"
        )
    yield (
        f"Optimal information size (GRADE guidelines 6): people in one trial of two equal arms that finds {wanted}; "
        f"two-sided alpha {options.alpha:g}, power {options.power:g}."
    )
