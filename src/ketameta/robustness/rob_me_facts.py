"""Which studies have a result for which outcome: the facts that a ROB-ME assessment starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.effects.people import people
from ketameta.errors import ModelError
from ketameta.models._studies import text_column
from ketameta.provenance import trace
from ketameta.robustness._asked import choice, number_between
from ketameta.robustness._missing_rows import as_table, columns_of, refuse_twins
from ketameta.robustness._same_trials import NAMING, grouped, keys_of
from ketameta.robustness.rob_me_result import STATES, RobMe

__all__ = ["rob_me"]

_NEEDED = ("study_id", "indication", "outcome")
_LISTED = (*NAMING, "indication", "outcome", "drug", "what_is_missing", "why", "n_randomised")
_DOSING = ("single", "repeated", "maintenance")
_UNCONTROLLED = ("open-label-single-arm", "open-label-extension")
_AVAILABLE, _MISSING, _APART, _ELSEWHERE, _NONE = STATES


def rob_me(
    trials: pd.DataFrame,
    missing: pd.DataFrame | Mapping[str, Sequence[Any]],
    *,
    indication: str | Sequence[str],
    outcomes: str | Sequence[str],
    hours: tuple[float, float] | None = None,
    dosing: str | None = None,
    drug: str | Sequence[str] | None = None,
) -> RobMe:
    """List for each study whether its result for each outcome is available, known to be missing, or not on record.

    Parameters
    ----------
    trials : DataFrame
        Such as :func:`ketameta.load_trials`; not a selection, which no longer holds the other results of its studies.
    missing : DataFrame or mapping of its columns
        Such as :func:`ketameta.evidence.load_missing`.
    indication, outcomes, drug : str or sequence of str
        The question, in the words of the tables; any drug by default.
    hours : tuple of float, optional
        Earliest and latest hours since the first dose; any time after the baseline by default.
    dosing : str, optional
        ``"single"``, ``"repeated"`` or ``"maintenance"``; any by default.

    Returns
    -------
    RobMe

    Raises
    ------
    ModelError
        When a column is absent, a word of the question occurs in neither table, or the hours are no pair.

    Notes
    -----
    ROB-ME asks which eligible studies and results are missing from a synthesis, and whether because of what they
    showed. The first is a fact, and stands here; the second is a judgement, which no software makes. Rows of one trial,
    in whatever report or arm, make one study. Studies without a comparator are not eligible. The list of missing
    results has no times and no kind of dosing, so a result that it names counts as missing at any of them, unless the
    trials table has one that answers the question.

    References
    ----------
    Page MJ, Sterne JAC, Boutron I, et al. (2023). ROB-ME: a tool for assessing risk of bias due to missing evidence in
    systematic reviews with meta-analysis. BMJ 383:e076754. doi:10.1136/bmj-2023-076754

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.evidence import load_missing
    >>> from ketameta.robustness import rob_me
    >>> found = rob_me(km.load_trials(), load_missing(), indication="PTSD", outcomes="ptsd")
    >>> found.to_frame().columns.tolist()
    ['study', 'n', 'outcome', 'state', 'part_missing', 'reason']
    """
    listing = as_table(missing)
    for name, table in (("trials", trials), ("missing", listing)):
        _check(name, table)
    question = {"indication": _words(indication), "outcomes": _words(outcomes), "drug": _words(drug)}
    _check_words(trials, listing, question)
    window = _window(hours)
    _check_asked(trials, hours=window, dosing=dosing)
    rows = _about(trials, question)
    listed = _about(listing, question)
    rows = rows[~rows["design"].isin(_UNCONTROLLED)] if "design" in rows.columns else rows
    listed = listed[listed["outcome"].isin(question["outcomes"])]
    rows, listed = rows.reset_index(drop=True), listed.reset_index(drop=True)
    if rows.empty and listed.empty:
        raise ModelError(f"no study of {', '.join(question['indication'])} stands in either table")
    groups = grouped([*keys_of(rows), *keys_of(listed)])
    answers = _answers(rows, window, dosing)
    sizes = _sizes(rows, listed)
    records = [
        record
        for group in groups
        for record in _study(group, rows, listed, answers, sizes, question["outcomes"])
    ]
    asked: dict[str, Any] = {
        "missing": columns_of(listing, _LISTED),
        "indication": question["indication"],
        "outcomes": question["outcomes"],
        "hours": window,
        "dosing": dosing,
        "drug": question["drug"] or None,
    }
    return RobMe(
        indication=tuple(question["indication"]),
        outcomes=tuple(question["outcomes"]),
        hours=window,
        dosing=dosing,
        table=pd.DataFrame(records).sort_values("study", kind="stable", ignore_index=True),
        notes=(
            "facts only: whether a result is missing because of what it showed (the signalling questions of ROB-ME) is "
            "for a person to judge",
            "missing: no usable number in the sources read; the result may be published elsewhere",
            "no record: the study stands in the tables for another outcome; whether it measured this one is not known",
        ),
        provenance=trace(rows, ("rob_me", asked)),
    )


def _check(name: str, table: Any) -> None:
    if not isinstance(table, pd.DataFrame):
        raise ModelError(f"{name} must be a table, not {type(table).__name__}")
    absent = [column for column in _NEEDED if column not in table.columns]
    if absent:
        raise ModelError(f"{name} has no column {', '.join(absent)}")
    refuse_twins(table)


def _words(value: str | Sequence[str] | None) -> list[str]:
    words = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) and word for word in words):
        raise ModelError(f"{value!r} must be a word of the tables or a sequence of them")
    return list(dict.fromkeys(words))


def _check_words(trials: pd.DataFrame, missing: pd.DataFrame, question: dict[str, list[str]]) -> None:
    """Refuse words that no table knows."""
    for name, words in question.items():
        column = name.removesuffix("s")
        known = {word for table in (trials, missing) for word in text_column(table, column)} - {""}
        for word in words:
            if word not in known:
                raise ModelError(
                    f"{name}: {word!r} occurs in neither table; there are {', '.join(sorted(known))}"
                )


def _check_asked(trials: pd.DataFrame, *, hours: tuple[float, float] | None, dosing: str | None) -> None:
    """Refuse what the table of trials cannot tell."""
    for name, value, column in (("hours", hours, "time_hours"), ("dosing", dosing, "dosing")):
        if value is not None and column not in trials.columns:
            raise ModelError(f"trials has no column {column}, so {name} cannot be asked for")
    if dosing is not None:
        choice("dosing", dosing, _DOSING)


def _window(hours: Any) -> tuple[float, float] | None:
    if hours is None:
        return None
    if not isinstance(hours, tuple | list) or len(hours) != 2:
        raise ModelError(f"hours={hours!r} must be a pair such as (18, 36)")
    first, last = (number_between("hours", value, -np.inf, np.inf) for value in hours)
    if first > last:
        raise ModelError(f"hours={hours!r}: the earliest hour must come first")
    return first, last


def _about(table: pd.DataFrame, question: dict[str, list[str]]) -> pd.DataFrame:
    """Rows of the indication and the drug."""
    if not question["indication"] or not question["outcomes"]:
        raise ModelError("give an indication and outcomes, in the words of the tables")
    rows = table[table["indication"].isin(question["indication"])]
    return rows[rows["drug"].isin(question["drug"])] if question["drug"] and "drug" in rows.columns else rows


def _answers(rows: pd.DataFrame, window: tuple[float, float] | None, dosing: str | None) -> Array:
    """For each row: 2 an effect that may enter a pool, 1 one that stands apart, 0 another time or dosing, -1 a baseline."""
    inside = np.ones(len(rows), dtype=np.bool_)
    if window is not None:
        inside &= pd.to_numeric(rows["time_hours"], errors="coerce").between(*window).to_numpy()
    if dosing is not None:
        inside &= np.array([kind == dosing for kind in text_column(rows, "dosing")], dtype=np.bool_)
    include = np.array([status in ("include", "") for status in text_column(rows, "status")], dtype=np.bool_)
    baseline = np.array([kind == "baseline" for kind in text_column(rows, "score_type")], dtype=np.bool_)
    return np.where(baseline, -1, np.where(~inside, 0, np.where(include, 2, 1)))


def _sizes(rows: pd.DataFrame, listed: pd.DataFrame) -> Array:
    """Participants named in each row of both tables: randomised, else in the arms."""
    parts = []
    for table in (rows, listed):
        unknown = np.full(len(table), np.nan)
        named = (
            pd.to_numeric(table["n_randomised"], errors="coerce").to_numpy(dtype=float)
            if "n_randomised" in table.columns
            else unknown
        )
        parts.append(np.where(np.isnan(named), people(table) if table is rows else unknown, named))
    return np.concatenate(parts)


def _study(
    group: list[int],
    rows: pd.DataFrame,
    listed: pd.DataFrame,
    answers: Array,
    sizes: Array,
    outcomes: list[str],
) -> list[dict[str, Any]]:
    """One record an outcome."""
    own, named = [i for i in group if i < len(rows)], [i - len(rows) for i in group if i >= len(rows)]
    study = text_column(rows, "cohort_id")[own[0]] if own else ""
    study = study or str((rows["study_id"][own[0]]) if own else listed["study_id"][named[0]])
    known = sizes[group][~np.isnan(sizes[group])]
    records = []
    for outcome in outcomes:
        best = max((int(answers[i]) for i in own if rows["outcome"][i] == outcome), default=-1)
        gaps = [i for i in named if listed["outcome"][i] == outcome]
        state = _AVAILABLE if best == 2 else _MISSING if gaps else {1: _APART, 0: _ELSEWHERE}.get(best, _NONE)
        whats, whys = text_column(listed, "what_is_missing"), text_column(listed, "why")
        records.append(
            {
                "study": study,
                "n": float(known.max()) if known.size else np.nan,
                "outcome": outcome,
                "state": state,
                "part_missing": state == _AVAILABLE and bool(gaps),
                "reason": "; ".join(dict.fromkeys(f"{whats[i]}: {whys[i]}" for i in gaps)),
            }
        )
    return records
