"""Our pools beside published ones: figures and tables of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ketameta.reporting.comparison import comparison_table, comparisons_of
from ketameta.reporting.comparison_figure import SCALES, comparison_key
from ketameta.reporting.contents import Contents
from ketameta.reporting.markup import details, figure, paragraph, table
from ketameta.reporting.page_words import effect_text, outcome_name, review_name

__all__ = ["published_part"]

_READ_AS = (
    "Each published result stands beside ours for the same outcome and measure, narrowed to its drug and class "
    "of comparator, but not to its route, dose or diagnoses. Differences are turned so that negative favours ketamine. The reviews pool other trials "
    "(older ones whose arm numbers could not be read here) and often crossover trials on a within-person "
    "scale, so the numbers need not agree; where ours rests on one or two trials the difference says little. "
    "Checked: whether the printed number was read a second time in its source. A dash: the number of trials is not in the data set."
)
_COLUMNS = (
    *("Review", "Outcome", "Comparison", "Measure", "Published", "Trials, published", "Ours", "Trials, ours"),
    *("Matched on", "Checked"),
)


def published_part(contents: Contents, question: str, name: str) -> str:
    """Published results of one question beside ours: how they are to be read, figures, and every number.

    Parameters
    ----------
    contents : Contents
        With comparisons, and the figures that were written.
    question, name : str
        Key and name of the question.
    """
    compared = comparison_table(comparisons_of(question, contents.comparisons))
    if compared.empty:
        return paragraph("No published pooled result matches an analysis of this question.")
    rows = [_row({str(key): value for key, value in row.items()}) for row in compared.to_dict("records")]
    drawn = (
        figure(contents.figures, comparison_key(question, scale), f"{name}: published and ours. {title}")
        for scale, title in SCALES.items()
    )
    numbers = table(f"{name}: published pooled results, and ours", _COLUMNS, rows)
    return paragraph(_READ_AS) + "".join(drawn) + details(f"As a table: {name}, published and ours", numbers)


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    found, ratio = row["k"] != 0, row["measure"] in ("RR", "OR")
    return (
        review_name(str(row["pub_id"])),
        f"{outcome_name(str(row['outcome']))}, {row['time']}",
        str(row["comparison"]),
        str(row["measure"]),
        effect_text(row["published"], row["published_low"], row["published_high"], ratio=ratio),
        "–" if pd.isna(row["published_k"]) else f"{row['published_k']:.0f}",
        effect_text(row["estimate"], row["ci_low"], row["ci_high"], ratio=ratio) if found else "no trial",
        str(row["k"]),
        f"at {row['matched']}" + (f"; {row['dosing']} dosing" if found else ""),
        str(row["checked"]),
    )
