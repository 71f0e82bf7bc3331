"""Harms as far as the table of trials holds them: counts by arm, nothing pooled."""

from __future__ import annotations

import pandas as pd

from ketameta._render import number
from ketameta.reporting.markup import bullets, heading, paragraph, section, table
from ketameta.reporting.page_words import SOURCES, study_name

__all__ = ["harms_rows", "harms_section"]

_HARMS = {
    "dissociation": "Dissociation",
    "dropout": "Leaving the trial early",
    "suicidal_ideation_event": "Suicidal ideation reported as an event",
}
_EVENT, _FREE = "suicidal_ideation_event", "no ideation"
_COLUMNS = (
    *(
        "Trial",
        "Counted as",
        "When",
        "Drug",
        "Comparator",
        "Ketamine arm",
        "Comparator arm",
        "Difference, per 100",
    ),
    "Read in, notes",
)


def harms_rows(trials: pd.DataFrame, outcome: str) -> list[tuple[str, ...]]:
    """Counts of one harm, one row each, as the sources count them.

    Parameters
    ----------
    trials : DataFrame
        Table in the form of ``trials.csv``; rows with status ``include`` and totals of both arms count.
    outcome : str
        A value of the column ``outcome``.

    Returns
    -------
    list of tuple of str
        Cells in the order of the columns of the page; the difference is the plain difference of the two shares.
    """
    numbers = trials[["events_t", "total_t", "events_c", "total_c"]].apply(pd.to_numeric, errors="coerce")
    whole = numbers.notna().all(axis=1) & (numbers["total_t"] > 0) & (numbers["total_c"] > 0)
    used = trials.loc[(trials["status"] == "include") & (trials["outcome"] == outcome) & whole]
    rows: list[tuple[str, ...]] = []
    for place, row in used.iterrows():
        events_t, total_t, events_c, total_c = (float(value) for value in numbers.loc[place])
        rows.append(
            (
                study_name(row),
                str(row["definition"]),
                str(row["time_label"]),
                str(row["drug"]),
                str(row["comparator"]),
                _share(events_t, total_t),
                _share(events_c, total_c),
                number(100 * (events_t / total_t - events_c / total_c), 1),
                ". ".join(
                    filter(
                        None, (SOURCES.get(row["source_kind"], str(row["source_kind"])), str(row["notes"]))
                    )
                ),
            )
        )
    return rows


def _share(events: float, total: float) -> str:
    return f"{events:.0f} of {total:.0f} ({100 * events / total:.0f}%)"


def _counted(title: str, rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return paragraph("No row with counts of both arms.")
    return table(f"{title}, by trial", _COLUMNS, rows)


def harms_section(trials: pd.DataFrame) -> str:
    """The section on harms, with what the data set does not hold."""
    parts = [
        paragraph(
            "Counts are shown trial by trial and not pooled: trials count different things (any report of dissociation, a "
            "score above a threshold, serious events only) over different spans of time. Arms of one trial that share a "
            "comparator repeat its count."
        )
    ]
    for outcome, title in _HARMS.items():
        rows = harms_rows(trials, outcome)
        free = [row for row in rows if outcome == _EVENT and row[1].startswith(_FREE)]
        parts.append(heading(3, title))
        parts.append(_counted(title, [row for row in rows if row not in free]))
        if free:
            parts.append(
                paragraph("The next counts are of people without suicidal ideation: there, more is better.")
            )
            parts.append(_counted("People without suicidal ideation or behaviour", free))
    parts.append(heading(3, "What the data set does not hold"))
    parts.append(
        bullets(
            (
                "Blood pressure, sedation, nausea, headache and other adverse events by arm.",
                "Harms of long or repeated use: bladder, liver, memory, dependence, misuse after the trial.",
                "Deaths and suicide attempts as outcomes of their own.",
                "Serious adverse events by arm, save where a definition above says so.",
            )
        )
    )
    parts.append(paragraph("That a harm is not listed here does not mean that it did not occur.", "thin"))
    return section("harms", "Harms", *parts)
