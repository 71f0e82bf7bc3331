"""What the trials gave, to whom, against what: the protocols as far as the table of trials holds them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from ketameta.reporting.markup import paragraph, section, table
from ketameta.reporting.page_words import study_name

__all__ = ["protocols_section", "protocols_table"]

_ROUTES = {
    "IV": "into a vein",
    "IN": "by nose",
    "IM": "into a muscle",
    "SC": "under the skin",
    "PO": "by mouth",
}
_COLUMNS = (
    *(
        "Trial",
        "People",
        "Drug, dose, route",
        "Schedule",
        "Doses counted",
        "Comparator",
        "Design",
        "Given as",
    ),
    "Background in both arms",
)


def protocols_table(trials: pd.DataFrame) -> list[tuple[str, ...]]:
    """One row a trial arm and comparator; differing entries of a column stand side by side.

    Parameters
    ----------
    trials : DataFrame
        Table in the form of ``trials.csv``; rows with status ``include`` that are no baseline count.

    Returns
    -------
    list of tuple of str
        Cells in the order of the columns of the page.
    """
    used = trials.loc[(trials["status"] == "include") & (trials["score_type"] != "baseline")]
    return [_row(group) for _, group in used.groupby("study_id", sort=True)]


def protocols_section(trials: pd.DataFrame) -> str:
    """The section on protocols."""
    rows = protocols_table(trials)
    return section(
        "protocols",
        "Protocols that the trials used",
        paragraph(
            "One row for each comparison of a trial, in the words of the data set. The length of an infusion stands in the "
            "schedule where the source prints it. Doses counted: the number given up to the times that were rated. "
            "An empty cell: the source that was read does not say."
        ),
        paragraph(
            "Monitoring during and after a dose (blood pressure, sedation, hours of observation, who was in the room) is not "
            "a column of the data set: this report cannot say how it was done.",
            "thin",
        ),
        table("Protocols by trial", _COLUMNS, rows) if rows else paragraph("No trial in this table."),
    )


def _row(group: pd.DataFrame) -> tuple[str, ...]:
    doses = pd.to_numeric(group["n_doses"], errors="coerce").dropna().astype(int)
    return (
        study_name(group.iloc[0]),
        _each(group["population"]),
        _each(
            " ".join(filter(None, (drug, _amount(dose, unit), _ROUTES.get(route, route))))
            for drug, dose, unit, route in _columns(group, "drug", "dose", "dose_unit", "route")
        ),
        _each(group["schedule"]),
        ", ".join(str(n) for n in sorted(set(doses))),
        _each(group["comparator"]),
        _each(", ".join(filter(None, cells)) for cells in _columns(group, "design", "blinding")),
        _each(group["setting"]),
        _each(group["background"]),
    )


def _amount(dose: str, unit: str) -> str:
    """A dose with its unit behind the number: ``56-84 mg (flexible)``."""
    number, aside = re.fullmatch(r"((?:[\d.,-]|\b or \b|, )*)(.*)", dose, re.DOTALL).groups()  # type: ignore[union-attr]
    aside = aside.strip()
    if not number.strip():
        return "in flexible doses" if aside == "flexible" else f"{aside} {unit}".strip()
    aside = aside if not aside or aside.startswith("(") else f"({aside})"
    return " ".join(filter(None, (number.strip(), unit, aside)))


def _columns(group: pd.DataFrame, *names: str) -> Iterable[tuple[str, ...]]:
    return (
        tuple(str(cell).strip() for cell in row)
        for row in group[list(names)].itertuples(index=False, name=None)
    )


def _each(values: Iterable[object]) -> str:
    return "; ".join(dict.fromkeys(text for value in values if (text := str(value).strip())))
