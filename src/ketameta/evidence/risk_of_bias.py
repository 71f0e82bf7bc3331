"""Risk of bias as published reviews judged it: judgements with their sources, and a row a trial to draw."""

from __future__ import annotations

import pandas as pd

from ketameta._spelling import did_you_mean
from ketameta.errors import DataError
from ketameta.evidence.location import data_file
from ketameta.evidence.reading import read_table

__all__ = ["judgements", "load_risk_of_bias"]


def load_risk_of_bias() -> pd.DataFrame:
    """Load the judgements of risk of bias that published reviews print, with the source of each.

    Returns
    -------
    pandas.DataFrame
        Columns as in the dictionary, table ``risk_of_bias``: one row for each trial, review and domain.
        None of them is this project's own.

    Raises
    ------
    DataError
        When the file is not found or cannot be read.

    Examples
    --------
    >>> from ketameta.evidence import load_risk_of_bias
    >>> bool((load_risk_of_bias()["review"] != "").all())
    True
    """
    return read_table(data_file("risk_of_bias.csv"), "risk_of_bias")


def judgements(tool: str = "RoB 1", *, review: str | None = None) -> pd.DataFrame:
    """Published judgements as a table of trials and domains, for ``rob_plot`` and ``forest``.

    Parameters
    ----------
    tool : str
        Tool of the judgements, as in ``load_risk_of_bias()["tool"]``.
    review : str, optional
        Key of the review that judged. Needed only where two reviews judged the same domain of a trial.

    Returns
    -------
    DataFrame
        ``study`` (the cohort), then one column a domain, headed by its number and name; ``""`` where a
        review's judgement could not be read.

    Raises
    ------
    DataError
        When there is no such tool or review, or reviews overlap and none is named.

    Examples
    --------
    >>> from ketameta.evidence import judgements
    >>> list(judgements("RoB 1").columns)[:2]
    ['study', 'D1: Random sequence generation']
    """
    table = load_risk_of_bias()
    asked = {"tool": tool} | ({} if review is None else {"review": review})
    for name, value in asked.items():
        known = sorted(set(table[name]))
        if value not in known:
            hint = did_you_mean(str(value), known)
            raise DataError(f"no judgement with {name}={value!r}{hint} Known: {', '.join(known)}.")
        table = table.loc[table[name] == value]
    twice = table.loc[table.duplicated(["cohort_id", "domain"], keep=False)]
    if len(twice):
        reviews = ", ".join(sorted(set(twice["review"])))
        raise DataError(
            f"{twice['cohort_id'].iloc[0]}, {twice['domain'].iloc[0]}: judged more than once ({reviews}): "
            "name the review."
        )
    heads = table["domain"] + table["domain_name"].radd(": ").where(table["domain_name"] != "", "")
    wide = table.assign(head=heads).pivot(index="cohort_id", columns="head", values="judgement")
    return wide.fillna("").rename_axis(columns=None).rename_axis("study").reset_index()
