"""The packaged tables, and tables of one's own."""

from __future__ import annotations

import os

import pandas as pd

from ketameta.evidence.check import check_trials
from ketameta.evidence.location import data_file
from ketameta.evidence.reading import read_table
from ketameta.evidence.trials import Trials

__all__ = ["load_missing", "load_published", "load_scales", "load_trials", "read_trials"]


def load_trials() -> Trials:
    """Load the packaged trials, checked.

    Returns
    -------
    Trials
        One row for each two-arm comparison, outcome, instrument, time and kind of statistic.
        Times are hours since the first dose. In a notebook it shows how many trials there are for
        each outcome and time; in every other respect it is a DataFrame.

    Raises
    ------
    DataError
        When the data folder is not found, or the table breaks a rule of the dictionary.

    Examples
    --------
    >>> import ketameta as km
    >>> trials = km.load_trials()
    >>> bool(trials["record_id"].is_unique)
    True
    """
    trials = read_trials(data_file("trials.csv"))
    check_trials(trials).raise_if_any()
    return trials


def read_trials(path: str | os.PathLike[str]) -> Trials:
    """Read a trials table of your own, in the columns of the dictionary.

    Parameters
    ----------
    path : str or path
        A CSV file in UTF-8, with or without byte order mark, comma-separated. The columns that the
        dictionary requires must be there; others that it knows may be left out and come as empty;
        columns that it does not know come last, as text.

    Returns
    -------
    Trials
        Text cells exactly as written, ``""`` where empty; numbers with NaN where empty. The index is the line
        of the file. Nothing is judged here: see :func:`check_trials`.

    Raises
    ------
    DataError
        When the file is not UTF-8 CSV, columns are missing, doubled or misspelt, lines are ragged, or a
        cell is not of the column's type. The message gives file, line, column and value.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.evidence.location import data_file
    >>> trials = km.read_trials(data_file("trials.csv"))
    >>> str(trials["time_hours"].dtype)
    'float64'
    """
    return Trials.of(read_table(path, "trials"))


def load_missing() -> pd.DataFrame:
    """Load the list of trials that are known and have no usable number, with the reason.

    Returns
    -------
    pandas.DataFrame
        Columns as in the dictionary, table ``missing``.

    Raises
    ------
    DataError
        When the file is not found or cannot be read.

    Examples
    --------
    >>> from ketameta.evidence import load_missing
    >>> "why" in load_missing()
    True
    """
    return read_table(data_file("missing.csv"), "missing")


def load_published() -> pd.DataFrame:
    """Load the pooled results that published meta-analyses print, with their sources.

    Returns
    -------
    pandas.DataFrame
        Columns as in the dictionary, table ``published``; ratios are as printed, not logs.

    Raises
    ------
    DataError
        When the file is not found or cannot be read.

    Examples
    --------
    >>> from ketameta.evidence import load_published
    >>> "estimate" in load_published()
    True
    """
    return read_table(data_file("published.csv"), "published")


def load_scales() -> pd.DataFrame:
    """Load the rating scales: range, direction, minimal important difference, with their sources.

    Returns
    -------
    pandas.DataFrame
        Columns as in the dictionary, table ``scales``; scores in points.

    Raises
    ------
    DataError
        When the file is not found or cannot be read.

    Examples
    --------
    >>> from ketameta.evidence import load_scales
    >>> "MADRS" in set(load_scales()["instrument"])
    True
    """
    return read_table(data_file("scales.csv"), "scales")
