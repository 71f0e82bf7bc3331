"""Coefficients of a model as a table, as plain values and as rows of a card."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import interval, number
from ketameta._typing import Array
from ketameta.models.design import Design
from ketameta.models.hypotheses import decimals
from ketameta.models.linear import Linear
from ketameta.models.result import level_text

__all__ = [
    "CoefficientTable",
    "coefficient_row",
    "in_words",
    "predicted",
]

_SHORT = ["term", "estimate", "se", "ci_low", "ci_high", "p"]


class CoefficientTable:
    """A result that has coefficients: their table, short and whole."""

    __slots__ = ()

    design: Design
    _linear: Linear

    @property
    def coefficients(self) -> pd.DataFrame:
        """One row a coefficient: ``term, estimate, se, ci_low, ci_high, p``."""
        return self.to_frame()[_SHORT]

    def to_frame(self) -> pd.DataFrame:
        """One row a coefficient: ``term, estimate, se, ci_low, ci_high, stat, df, p``."""
        names = self.design.names
        inference = self._linear.combination(np.eye(len(names)))
        low, high = inference.interval()
        return pd.DataFrame(
            {
                "term": list(names),
                "estimate": inference.estimate,
                "se": inference.se,
                "ci_low": low,
                "ci_high": high,
                "stat": inference.stat,
                "df": inference.df,
                "p": inference.p,
            }
        )


def predicted(linear: Linear, x: Array, heterogeneity: Array | float, table: pd.DataFrame) -> pd.DataFrame:
    """The table, and ``estimate, se, ci_low, ci_high, pi_low, pi_high`` for the rows of the design ``x``.

    Columns of the table with one of these names get ``moderator`` before it.
    """
    inference = linear.combination(x)
    ci, pi = inference.interval(), inference.prediction(heterogeneity)
    numbers = {"estimate": inference.estimate, "se": inference.se}
    numbers |= {"ci_low": ci[0], "ci_high": ci[1], "pi_low": pi[0], "pi_high": pi[1]}
    return table.rename(columns={name: f"moderator {name}" for name in numbers}).assign(**numbers)


def coefficient_row(row: dict[Any, Any]) -> tuple[str, str, str]:
    """Term, estimate and interval of a row of the table, for a card."""
    digits = decimals(row["se"])
    return row["term"], number(row["estimate"], digits), interval(row["ci_low"], row["ci_high"], digits)


def in_words(row: dict[Any, Any], level: float) -> str:
    """Estimate and interval of a row of the table, for a sentence."""
    estimate, low, high = (
        number(row[name], decimals(row["se"])) for name in ("estimate", "ci_low", "ci_high")
    )
    return f"{estimate} ({level_text(level)} CI {low} to {high})"
