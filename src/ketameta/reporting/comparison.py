"""Our pools beside the pooled results that published meta-analyses print, question matched to question."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ketameta.reporting.analysis import COMPARATORS, WindowResult, analyse_window
from ketameta.reporting.questions import ANALYSES, HARMS, WINDOWS, Analysis, Window, windows_of

__all__ = ["MEASURES", "Comparison", "compare", "comparison_table", "comparisons_of"]

MEASURES = {
    "SMD": "SMD",
    "Hedges g": "SMD",
    "Cohen d": "SMD",
    "WMD (MADRS points)": "MD",
    "MD (MADRS points)": "MD",
    "RR": "RR",
    "OR": "OR",
}
"""Measures of published results that are compared, and ours for each."""

_DRUGS = ("ketamine", "esketamine", "arketamine")
_SAME_HARMS = tuple(harm for harm in HARMS if "adverse event reported" not in harm.definition)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One published pooled result and ours for the same outcome, measure, time, drug and comparator.

    Attributes
    ----------
    published : dict
        The row of ``published.csv``, sign turned so that a negative difference favours ketamine.
    ours : tuple of WindowResult
        Our results, single and repeated dosing apart; those with a fit.
    matched : str
        What of the published question was matched, in words.
    """

    published: dict[str, object]
    ours: tuple[WindowResult, ...]
    matched: str


def compare(trials: pd.DataFrame, published: pd.DataFrame) -> tuple[Comparison, ...]:
    """Set our pools beside published ones.

    A published row takes part when it is a contrast with an interval, in a measure and at a time that
    the report knows. Drug (ketamine, esketamine, both) and comparator class are narrowed as the review
    words its comparison.

    Parameters
    ----------
    trials, published : DataFrame
        Tables in the form of ``trials.csv`` and ``published.csv``.

    Returns
    -------
    tuple of Comparison
        Those published rows that take part, also where we have no trial.
    """
    return tuple(
        comparison
        for row in published.to_dict("records")
        if (comparison := _compare_row(trials, {str(key): value for key, value in row.items()})) is not None
    )


def comparisons_of(question: str, comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Those on outcomes of one question, by its key."""
    outcomes = {each.outcome for each in (*ANALYSES, *HARMS) if each.question == question}
    return tuple(each for each in comparisons if each.published["outcome"] in outcomes)


def _compare_row(trials: pd.DataFrame, row: dict[str, object]) -> Comparison | None:
    analysis = _analysis(row)
    window = None if analysis is None else _window(analysis, row["time_hours"])
    if analysis is None or window is None or _missing(row["ci_low"]) or _missing(row["ci_high"]):
        return None
    text = str(row["comparison"]).lower()
    treatment = text.split(" v ")[0]
    comparators = _comparators(text.split(" v ")[-1])
    drugs = [drug for drug in _DRUGS if drug in treatment.replace(",", " ").split()]
    drug = drugs[0] if len(drugs) == 1 else None
    results = tuple(
        result
        for dosing in ("single", "repeated")
        if (
            result := analyse_window(trials, analysis, dosing, window, comparators=comparators, drug=drug)
        ).fit
    )
    matched = f"{window.name}; {drug or 'any drug'}; comparator {' or '.join(comparators)}"
    return Comparison(_towards_ketamine(row), results, matched)


def _analysis(row: dict[str, object]) -> Analysis | None:
    measure, conditions = MEASURES.get(str(row["measure"])), str(row["indication"])
    comparator = str(row["comparison"]).partition(" v ")[2]
    if conditions == "BD" or re.search(r"\bECT\b", comparator):
        return None
    for analysis in (*ANALYSES, *_SAME_HARMS):
        if analysis.outcome == row["outcome"] and analysis.measure == measure:
            return analysis
    return None


def _window(analysis: Analysis, hours: object) -> Window | None:
    if analysis in HARMS:
        return windows_of(analysis)[0]
    if _missing(hours):
        return None
    value = float(str(hours))
    return next((window for window in WINDOWS if window.low <= value <= window.high), None)


def _comparators(text: str) -> tuple[str, ...]:
    inactive = any(word in text for word in ("placebo", "saline", "passive"))
    psychoactive = any(word in text for word in ("midazolam", "active control", "pseudo"))
    if inactive != psychoactive:
        return ("inactive",) if inactive else ("psychoactive",)
    return COMPARATORS


def _towards_ketamine(row: dict[str, object]) -> dict[str, object]:
    if row["favours"] != "positive favours ketamine":
        return row
    low, high = float(str(row["ci_low"])), float(str(row["ci_high"]))
    return {**row, "estimate": -float(str(row["estimate"])), "ci_low": -high, "ci_high": -low}


def _missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def comparison_table(comparisons: tuple[Comparison, ...]) -> pd.DataFrame:
    """One row for each published result and each of ours beside it.

    Returns
    -------
    DataFrame
        Columns ``pub_id, outcome, measure, time, published, published_low, published_high, published_k,
        dosing, estimate, ci_low, ci_high, k, matched, checked``; ratios as ratios.
    """
    rows = []
    for comparison in comparisons:
        row = comparison.published
        base = {
            "pub_id": row["pub_id"],
            "outcome": row["outcome"],
            "measure": row["measure"],
            "time": row["time_label"],
            "comparison": row["comparison"],
            "published": row["estimate"],
            "published_low": row["ci_low"],
            "published_high": row["ci_high"],
            "published_k": row["k"],
            "matched": comparison.matched,
            "checked": row["checked"],
        }
        if not comparison.ours:
            rows.append(
                {**base, "dosing": "", "estimate": math.nan, "ci_low": math.nan, "ci_high": math.nan, "k": 0}
            )
        for result in comparison.ours:
            fit = result.fit
            if fit is None:
                continue
            scale = math.exp if result.analysis.is_ratio else float
            rows.append(
                {
                    **base,
                    "dosing": result.dosing,
                    "estimate": scale(fit.estimate),
                    "ci_low": scale(fit.ci_low),
                    "ci_high": scale(fit.ci_high),
                    "k": fit.k,
                }
            )
    return pd.DataFrame(rows)
