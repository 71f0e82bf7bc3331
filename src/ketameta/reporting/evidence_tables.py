"""Tables of what exists: trials by time, trials known to be missing, and how thin each answer is."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ketameta.reporting.analysis import WindowResult
from ketameta.reporting.questions import WINDOWS, Question

__all__ = ["evidence_table", "missing_table", "results_table"]

_OUTCOMES = {
    "mdd": ("depression", "response", "remission"),
    "ptsd": ("ptsd", "ptsd_response"),
    "si": ("suicidal_ideation", "suicidal_ideation_remission", "suicidal_ideation_response"),
}
_MARKS = {
    "depression": "S",
    "ptsd": "S",
    "suicidal_ideation": "S",
    "response": "R",
    "ptsd_response": "R",
    "suicidal_ideation_response": "R",
    "remission": "M",
    "suicidal_ideation_remission": "M",
}


def evidence_table(trials: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Trials by standard times: S for a symptom score, R for response, M for remission.

    Returns
    -------
    DataFrame
        One row a cohort: ``cohort`` (provisional where all its rows rest on secondary text), ``population,
        treatment, comparator, n randomised``, one column for each window, and ``other times``.
    """
    mask = (
        (trials["status"] == "include")
        & (trials["score_type"] != "baseline")
        & trials["outcome"].isin(_OUTCOMES[question.key])
        & trials["indication"].isin(question.indications)
    )
    rows = []
    for cohort, group in trials.loc[mask].groupby("cohort_id", sort=True):
        row: dict[str, object] = {
            "cohort": f"{cohort} (provisional)"
            if (group["source_kind"] == "secondary-text").all()
            else cohort,
            "population": _distinct(group["population"]),
            "treatment": _distinct(group["drug"] + " " + group["route"]),
            "comparator": _distinct(group["comparator"]),
            "n randomised": _largest(group["n_randomised"]),
        }
        inside = pd.Series(False, index=group.index)
        for window in WINDOWS:
            here = group["time_hours"].between(window.low, window.high)
            inside |= here
            row[window.name] = _marks(group.loc[here, "outcome"])
        row["other times"] = _marks(group.loc[~inside, "outcome"])
        rows.append(row)
    return pd.DataFrame(rows)


def _distinct(values: pd.Series) -> str:
    return ", ".join(sorted({str(value).strip() for value in values if str(value).strip()}))


def _largest(values: pd.Series) -> str:
    number = pd.to_numeric(values, errors="coerce").max()
    return "" if pd.isna(number) else str(int(number))


def _marks(outcomes: pd.Series) -> str:
    return "".join(mark for mark in ("S", "R", "M") if mark in {_MARKS[name] for name in outcomes})


def missing_table(missing: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Rows of ``missing.csv`` that bear on a question."""
    outcomes = {name.split("_re")[0] for name in _OUTCOMES[question.key]} | set(_OUTCOMES[question.key])
    mask = missing["outcome"].isin(outcomes) & missing["indication"].isin(question.indications)
    if question.key == "mdd":
        mask |= missing["outcome"].isin(["relapse"]) & missing["indication"].isin(question.indications)
    return missing.loc[mask].reset_index(drop=True)


def results_table(results: Iterable[WindowResult]) -> pd.DataFrame:
    """Every analysis with a result, on the scale of its measure (logs for ratios), nothing rounded."""
    rows = []
    for result in results:
        fit = result.fit
        if fit is None:
            continue
        rows.append(
            {
                "key": result.key,
                "question": result.analysis.question,
                "outcome": result.analysis.outcome,
                "instrument": result.analysis.instrument or "any",
                "measure": result.analysis.measure,
                "dosing": result.dosing,
                "time": result.window.name,
                "k": fit.k,
                "n": result.n_participants,
                "estimate": fit.estimate,
                "se": fit.se,
                "ci_low": fit.ci_low,
                "ci_high": fit.ci_high,
                "pi_low": fit.pi_low,
                "pi_high": fit.pi_high,
                "p": fit.p,
                "tau2": fit.tau2,
                "i2": fit.i2,
                "pooled": result.is_pool,
            }
        )
    return pd.DataFrame(rows)
