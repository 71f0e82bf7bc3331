"""Words under the rows of a forest plot: heterogeneity, tests and marks of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from ketameta._render import number
from ketameta.models import Pooled, Subgroups
from ketameta.plots._words import equals_p

__all__ = ["heterogeneity", "lines_on_tests", "marks", "remarks"]

_MARKS = "†‡§¶#"
_PROVISIONAL = "Provisional: numbers from a secondary source."


def heterogeneity(part: Pooled) -> list[str]:
    """Line on heterogeneity, where there is more than one study."""
    if part.k < 2:
        return []
    tau2 = f"τ² = {_variance(part.tau2)}"
    if not math.isnan(part.tau2_ci[0]):
        tau2 += f" [{_variance(part.tau2_ci[0])}, {_variance(part.tau2_ci[1])}]"
    pieces = [f"I² = {number(part.i2, 0)}%", f"Q = {number(part.q)} (df {part.q_df:g}), {equals_p(part.q_p)}"]
    if part.tau2_method != "EE":
        pieces.insert(0, tau2)
    return ["Heterogeneity: " + "; ".join(_held(piece) for piece in pieces)]


def lines_on_tests(fit: Pooled | Subgroups, overall: Pooled) -> list[str]:
    """Lines on the tests of the effect and of a difference between subgroups."""
    lines = []
    if math.isfinite(overall.stat):
        name = f"t({overall.df:g})" if math.isfinite(overall.df) else "z"
        lines.append("Test of effect: " + _held(f"{name} = {number(overall.stat)}, {equals_p(overall.p)}"))
    if isinstance(fit, Subgroups):
        test = f"Q = {number(fit.q_between)} (df {fit.df:g}), {equals_p(fit.p)}"
        lines.append(f"Difference between subgroups: {_held(test)}")
    return lines


def _variance(value: float) -> str:
    """A variance with as many decimals as its size asks for."""
    return number(value, 3 if value < 1 else 2 if value < 10 else 0 if value >= 100 else 1)


def _held(text: str) -> str:
    """A text that is not broken at its spaces, save after a comma."""
    return text.replace(" ", "\N{NO-BREAK SPACE}").replace(",\N{NO-BREAK SPACE}", ", ")


def remarks(row: pd.Series) -> tuple[str, ...]:
    """Notes that one row needs."""
    found = []
    imputed = row.get("imputed", "")
    if isinstance(imputed, str) and imputed.strip():
        found.append(f"Recovered: {imputed.strip().rstrip('.')}.")
    if row.get("source_kind", "") == "secondary-text":
        found.append(_PROVISIONAL)
    return tuple(found)


def marks(parts: Sequence[Pooled]) -> tuple[dict[str, str], list[str]]:
    """A mark for each remark in the rows, and the footnotes."""
    found = [text for part in parts for _, row in part.rows.iterrows() for text in remarks(row)]
    unique = sorted(dict.fromkeys(found), key=lambda text: text == _PROVISIONAL)
    if len(unique) <= len(_MARKS):
        chosen = dict(zip(unique, _MARKS, strict=False))
        return chosen, [f"{mark} {text}" for text, mark in chosen.items()]
    chosen = {text: _MARKS[1] if text == _PROVISIONAL else _MARKS[0] for text in unique}
    notes = [f"{_MARKS[0]} A statistic was recovered or imputed; the rows say how."]
    return chosen, notes + ([f"{_MARKS[1]} {_PROVISIONAL}"] if _PROVISIONAL in chosen else [])
