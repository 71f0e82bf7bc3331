"""What trials were like: moderators by trial, and their values beside the rows of a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketameta._spelling import did_you_mean
from ketameta.errors import DataError
from ketameta.evidence.location import data_file
from ketameta.evidence.reading import read_table
from ketameta.provenance import note

__all__ = ["load_moderators", "with_moderators"]

_ARMS = ("treatment", "comparator")
_SIZES = (("n_t", "n_c"), ("total_t", "total_c"))
_AVERAGED = ("_mean", "_percent")


def load_moderators() -> pd.DataFrame:
    """Load what is known of the people, the treatment and the place of each trial, with the source of each value.

    Returns
    -------
    pandas.DataFrame
        Columns as in the dictionary, table ``moderators``: one row for each cohort (or dose of it), arm and
        item; ``value`` is text, its unit stands in ``unit``.

    Raises
    ------
    DataError
        When the file is not found or cannot be read.

    Examples
    --------
    >>> from ketameta.evidence import load_moderators
    >>> "age_mean" in set(load_moderators()["item"])
    True
    """
    return read_table(data_file("moderators.csv"), "moderators")


def with_moderators(rows: pd.DataFrame, *items: str) -> pd.DataFrame:
    """Add moderators of the trials as columns, to regress on, to group or to sort by.

    The value of the whole trial counts. Where only both arms are known, a mean or a percentage is their mean
    weighted by the participants of the row (``n_t`` and ``n_c``, or the totals); other items, such as SDs and
    counts, then stay empty. An item on a rating scale counts for rows on that scale only. What is not known stays
    empty; so do values of single doses in rows that combine doses.

    Parameters
    ----------
    rows : DataFrame
        Rows with ``cohort_id``, ``study_id`` where a value belongs to one dose, and ``instrument`` where an item is
        on a scale: trials, the ``rows`` of a selection, or effects.
    *items : str
        Values of the column ``item`` of :func:`load_moderators`, such as ``"age_mean"``.

    Returns
    -------
    DataFrame
        A copy of ``rows`` with a column for each item: numbers (NaN where not known) if every value of the item
        is a number, else text (``""`` where not known).

    Raises
    ------
    DataError
        When an item is not known, a column of that name is there already, or the rows lack a column that is needed.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.evidence import with_moderators
    >>> trials = with_moderators(km.load_trials(), "age_mean", "women_percent")
    >>> str(trials["age_mean"].dtype)
    'float64'
    """
    _check_rows(rows)
    table = load_moderators()
    known = sorted(set(table["item"]))
    result = rows.copy()
    for item in dict.fromkeys(_names(items)):
        if item not in known:
            hint = did_you_mean(item, known)
            raise DataError(f"no moderator {item!r}{hint} Known: {', '.join(known)}.")
        if item in rows.columns:
            raise DataError(f"the rows already have a column {item!r}; rename or drop it first")
        result[item] = _column(rows, table.loc[table["item"] == item], item)
    result.attrs = dict(rows.attrs)
    note(result, ("with_moderators", {"items": list(items)}))
    return result


def _check_rows(rows: pd.DataFrame) -> None:
    if not isinstance(rows, pd.DataFrame):
        raise DataError(f"rows: a DataFrame is wanted, not {type(rows).__name__}")
    if not rows.columns.is_unique:
        raise DataError("rows: columns stand more than once")
    if "cohort_id" not in rows.columns:
        raise DataError("the rows have no column 'cohort_id', by which moderators are found")


def _names(items: tuple[str, ...]) -> tuple[str, ...]:
    for item in items:
        if not isinstance(item, str):
            raise DataError(f"items: names are wanted, one by one, not {type(item).__name__}")
    return items


def _column(rows: pd.DataFrame, values: pd.DataFrame, item: str) -> pd.Series:
    scaled = bool((values["instrument"] != "").any())
    if scaled and "instrument" not in rows.columns:
        raise DataError(f"{item!r} is on rating scales: the rows need the column 'instrument'")
    numbers = pd.to_numeric(values["value"], errors="coerce")
    whole = values["arm"] == "all"
    if numbers.isna().any():
        return _found(rows, values.loc[whole], values["value"], scaled=scaled).fillna("").astype(object)
    found = _found(rows, values.loc[whole], numbers, scaled=scaled)
    if item.endswith(_AVERAGED):
        arms = [_found(rows, values.loc[values["arm"] == arm], numbers, scaled=scaled) for arm in _ARMS]
        found = found.where(found.notna(), _weighted(rows, *arms))
    return found.astype(np.float64)


def _found(rows: pd.DataFrame, values: pd.DataFrame, cells: pd.Series, *, scaled: bool) -> pd.Series:
    """The value of each row's dose, else of its cohort; the first where sources differ."""
    result = pd.Series(np.nan, index=range(len(rows)), dtype=object)
    of_dose = values["study_id"] != ""
    for name, own in (("study_id", values.loc[of_dose]), ("cohort_id", values.loc[~of_dose])):
        if name not in rows.columns:
            continue
        lookup: dict[tuple[str, str], object] = {}
        for place in own.index:
            key = (str(own.at[place, name]), str(own.at[place, "instrument"]) if scaled else "")
            lookup.setdefault(key, cells[place])
        scales = rows["instrument"].astype(str) if scaled else [""] * len(rows)
        asked = zip(rows[name].astype(str), scales, strict=True)
        matched = pd.Series([lookup.get(key, np.nan) for key in asked], dtype=object)
        result = result.where(result.notna(), matched)
    return result.set_axis(rows.index)


def _weighted(rows: pd.DataFrame, treated: pd.Series, compared: pd.Series) -> pd.Series:
    result = np.full(len(rows), np.nan)
    for names in _SIZES:
        if set(names) <= set(rows.columns):
            n_t, n_c = (
                pd.to_numeric(rows[name], errors="coerce").to_numpy(dtype=np.float64) for name in names
            )
            n_t, n_c = (np.where(n > 0, n, np.nan) for n in (n_t, n_c))
            mean = (n_t * treated.to_numpy(dtype=np.float64) + n_c * compared.to_numpy(dtype=np.float64)) / (
                n_t + n_c
            )
            result = np.where(np.isnan(result), mean, result)
    return pd.Series(result, index=rows.index)
