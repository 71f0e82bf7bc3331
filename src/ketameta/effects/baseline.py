"""Standard deviations at baseline, brought to the rows that are to be measured in their units."""

from __future__ import annotations

import pandas as pd

from ketameta.effects._lending import lends
from ketameta.effects._sheet import Sheet
from ketameta.errors import DataError, EffectError

__all__ = ["attach_baseline"]

_SAME = ("cohort_id", "study_id", "instrument")
_BROUGHT = ("baseline_sd_t", "baseline_sd_c")


def attach_baseline(rows: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Add the SDs at baseline of the same trial, arms and instrument to rows of results.

    Parameters
    ----------
    rows : DataFrame
        Rows of results with ``study_id`` and ``instrument`` (and ``cohort_id``), such as the ``rows`` of
        a selection.
    trials : DataFrame
        Table whose rows with ``score_type`` baseline are looked up, such as that of ``load_trials()``.

    Returns
    -------
    DataFrame
        A copy of ``rows`` with the columns ``baseline_sd_t`` and ``baseline_sd_c``; empty where no
        baseline row has an SD, or where two of them disagree. Baseline rows that stand apart or are
        retracted are passed over. ``cohort_id`` counts where both tables have it.

    Raises
    ------
    EffectError
        If an argument is not a DataFrame.
    DataError
        If a column that identifies rows is missing or doubled, or ``rows`` has baseline SDs already.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.effects import attach_baseline
    >>> trials = km.load_trials()
    >>> rows = km.select(trials, outcome="ptsd", indication="PTSD", measure="SMD", hours=(1, 2000)).rows
    >>> [name for name in attach_baseline(rows, trials).columns if name not in rows]
    ['baseline_sd_t', 'baseline_sd_c']
    """
    for name, table in (("rows", rows), ("trials", trials)):
        if not isinstance(table, pd.DataFrame):
            raise EffectError(f"{name} is a {type(table).__name__}: a DataFrame is needed")
        if not table.columns.is_unique:
            raise DataError(f"{name} has columns that stand more than once")
        absent = [column for column in _SAME[1:] if column not in table.columns]
        if name == "trials" and "score_type" not in table.columns:
            absent.append("score_type")
        if absent:
            raise DataError(f"{name} has no column {', '.join(absent)}: baseline rows cannot be matched")
    there = [name for name in _BROUGHT if name in rows.columns]
    if there:
        raise DataError(f"the rows already have {', '.join(there)}; drop them to look them up")
    names = [name for name in _SAME if name in rows.columns and name in trials.columns]
    source = Sheet(trials.reset_index(drop=True))
    found: dict[tuple[str, ...], set[tuple[float, float]]] = {}
    for row, kind in enumerate(source.text("score_type")):
        sds = (float(source.number("sd_t")[row]), float(source.number("sd_c")[row]))
        key = _key(source, row, names)
        if kind == "baseline" and sds[0] > 0 and sds[1] > 0 and all(key[-2:]) and lends(source, row):
            found.setdefault(key, set()).add(sds)
    wanted = Sheet(rows.reset_index(drop=True))
    pairs = [found.get(_key(wanted, row, names), set()) for row in range(len(rows))]
    matched = [next(iter(sds)) if len(sds) == 1 else (None, None) for sds in pairs]
    brought = pd.DataFrame(matched, columns=list(_BROUGHT), index=rows.index, dtype="float64")
    result = pd.concat([rows, brought], axis=1)
    result.attrs = dict(rows.attrs)
    return result


def _key(sheet: Sheet, row: int, names: list[str]) -> tuple[str, ...]:
    return tuple(str(sheet.text(name)[row]) for name in names)
