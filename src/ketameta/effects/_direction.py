"""Which direction of an effect favours ketamine, as the rows say it."""

from __future__ import annotations

import pandas as pd

__all__ = ["lower_is_better", "only_value"]

_OUTCOMES = ((False, ("response", "remission")), (True, ("relapse", "dropout", "dissociation")))
_TRUE, _FALSE = frozenset({"true", "1", "1.0"}), frozenset({"false", "0", "0.0"})


def only_value(rows: pd.DataFrame, column: str) -> object | None:
    """The value that every row has in a column, if there is one such value."""
    if column not in rows.columns:
        return None
    values = rows[column].dropna().unique()
    return values[0] if len(values) == 1 and rows[column].notna().all() else None


def lower_is_better(rows: pd.DataFrame) -> bool | None:
    """Whether a value under the null favours ketamine; None where the rows do not say, or disagree.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.effects._direction import lower_is_better
    >>> lower_is_better(pd.DataFrame({"outcome": ["depression"], "higher_is_worse": [True]}))
    True
    >>> lower_is_better(pd.DataFrame({"outcome": ["response"], "higher_is_worse": [True]})) is None
    True
    """
    outcome = str(only_value(rows, "outcome") or "")
    text = str(only_value(rows, "higher_is_worse")).strip().lower()
    said = {text in _TRUE} if text in _TRUE | _FALSE else set()
    said |= {worse for worse, words in _OUTCOMES for word in words if word in outcome}
    return said.pop() if len(said) == 1 else None
