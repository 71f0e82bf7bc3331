"""What a forest plot says, row by row, before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal

import numpy as np
import pandas as pd

from ketameta._render import number
from ketameta.models import Pooled, Subgroups
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._words import arm_names, equals_p, level_text

__all__ = ["MARKS", "Arms", "Column", "Line", "Table", "build"]

Kind = Literal["study", "group", "pooled", "prediction", "note", "gap"]
Arms = Literal["full", "n", "none"]
MARKS = "†‡§¶#"
_EVENT_MEASURES = frozenset({"OR", "PETO", "RR", "RD", "AS"})
_PROVISIONAL = "Provisional: numbers from a secondary source."


@dataclass(frozen=True, slots=True)
class Column:
    """One column of arm statistics: its heading, and the arm that it stands under."""

    key: str
    head: str
    over: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the figure; estimate and bounds on the model's scale, NaN where there are none."""

    kind: Kind
    label: str
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    weight: float = math.nan
    level: int = 0
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """All rows and words of a forest plot."""

    scale: Scale
    level: float
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    overall: Pooled
    notes: tuple[str, ...]
    footer: tuple[str, ...]


def build(fit: Pooled | Subgroups, *, arms: Arms = "full", prediction: bool = True) -> Table:
    """Rows, columns and notes of the figure of a pooled result or of subgroups."""
    groups, overall = (fit.groups, fit.overall) if isinstance(fit, Subgroups) else ((), fit)
    parts = [part for _, part in groups] or [overall]
    marks, notes = _marks(parts)
    columns, cells = _arm_columns(overall.rows, overall.measure, arms)
    share = dict(zip(_keys(overall), np.asarray(overall.weights, dtype=float).tolist(), strict=True))
    lines: list[Line] = []
    for name, part in groups:
        lines.append(Line("group", name))
        lines += _study_lines(part, share, marks, columns, cells, level=1)
        lines.append(_pooled_line(part, share, columns, level=1))
        lines += [Line("note", text, level=1) for text in _heterogeneity(part)]
        lines.append(Line("gap", ""))
    if not groups:
        lines += _study_lines(overall, share, marks, columns, cells, level=0)
    lines.append(_pooled_line(overall, share, columns, level=0))
    if prediction and math.isfinite(overall.pi_low):
        lines.append(
            Line(
                "prediction",
                f"{level_text(overall.level)} prediction interval",
                overall.estimate,
                overall.pi_low,
                overall.pi_high,
            )
        )
    lines += [Line("note", text) for text in (*_heterogeneity(overall), *_tests(fit, overall))]
    if groups:
        notes.append("Weights and areas of squares are shares in the overall estimate.")
    notes += [f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in fit.notes]
    return Table(
        scale_of(overall.measure),
        overall.level,
        columns,
        tuple(lines),
        overall,
        tuple(notes),
        _footer(fit, overall),
    )


def _keys(part: Pooled) -> list[tuple[float, float]]:
    yi, vi = (np.asarray(x, dtype=float).tolist() for x in (part.yi, part.vi))
    return list(zip(yi, vi, strict=True))


def _study_lines(
    part: Pooled,
    share: Mapping[tuple[float, float], float],
    marks: Mapping[str, str],
    columns: Sequence[Column],
    cells: Callable[[pd.Series, str], str],
    *,
    level: int,
) -> list[Line]:
    z = NormalDist().inv_cdf(0.5 + part.level / 2)
    lines = []
    for (yi, vi), (_, row) in zip(_keys(part), part.rows.iterrows(), strict=True):
        label = str(row["label"]) + "".join(marks[text] for text in _remarks(row))
        half = z * math.sqrt(vi)
        texts = {column.key: cells(row, column.key) for column in columns}
        lines.append(Line("study", label, yi, yi - half, yi + half, share[(yi, vi)], level, texts))
    return lines


def _pooled_line(
    part: Pooled, share: Mapping[tuple[float, float], float], columns: Sequence[Column], *, level: int
) -> Line:
    if part.k == 1:
        label = "One study"
    else:
        model = "Common effect" if _common(part) else "Random effects"
        label = f"{model} {_held(f'(k = {part.k})')}"
    weight = math.fsum(share[key] for key in _keys(part))
    cells = {column.key: _total(part.rows, column.key) for column in columns}
    return Line("pooled", label, part.estimate, part.ci_low, part.ci_high, weight, level, cells)


def _heterogeneity(part: Pooled) -> list[str]:
    if part.k < 2:
        return []
    tau2 = f"τ² = {_variance(part.tau2)}"
    if not math.isnan(part.tau2_ci[0]):
        tau2 += f" [{_variance(part.tau2_ci[0])}, {_variance(part.tau2_ci[1])}]"
    pieces = [f"I² = {number(part.i2, 0)}%", f"Q = {number(part.q)} (df {part.q_df:g}), {equals_p(part.q_p)}"]
    if not _common(part):
        pieces.insert(0, tau2)
    return ["Heterogeneity: " + "; ".join(_held(piece) for piece in pieces)]


def _tests(fit: Pooled | Subgroups, overall: Pooled) -> list[str]:
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


def _common(part: Pooled) -> bool:
    """Whether the model assumes one common effect."""
    return part.tau2_method == "EE"


def _held(text: str) -> str:
    """A text that is not broken at its spaces, save after a comma."""
    return text.replace(" ", "\N{NO-BREAK SPACE}").replace(",\N{NO-BREAK SPACE}", ", ")


def _footer(fit: Pooled | Subgroups, overall: Pooled) -> tuple[str, ...]:
    """Methods and provenance."""
    methods = dict.fromkeys((overall.method, fit.method))
    return (*(f"{method}." for method in methods), f"{overall.provenance.line()}.")


def _remarks(row: pd.Series) -> list[str]:
    """Notes that one row needs."""
    remarks = []
    imputed = row.get("imputed", "")
    if isinstance(imputed, str) and imputed.strip():
        remarks.append(f"Recovered: {imputed.strip().rstrip('.')}.")
    if row.get("source_kind", "") == "secondary-text":
        remarks.append(_PROVISIONAL)
    return remarks


def _marks(parts: Sequence[Pooled]) -> tuple[dict[str, str], list[str]]:
    """A mark for each remark in the rows, and the footnotes."""
    found = [text for part in parts for _, row in part.rows.iterrows() for text in _remarks(row)]
    remarks = sorted(dict.fromkeys(found), key=lambda text: text == _PROVISIONAL)
    if len(remarks) <= len(MARKS):
        marks = dict(zip(remarks, MARKS, strict=False))
        return marks, [f"{mark} {text}" for text, mark in marks.items()]
    marks = {text: MARKS[1] if text == _PROVISIONAL else MARKS[0] for text in remarks}
    notes = [f"{MARKS[0]} A statistic was recovered or imputed; the rows say how."]
    return marks, notes + ([f"{MARKS[1]} {_PROVISIONAL}"] if _PROVISIONAL in marks else [])


def _arm_columns(
    rows: pd.DataFrame, measure: str, arms: Arms
) -> tuple[tuple[Column, ...], Callable[[pd.Series, str], str]]:
    """Columns of arm statistics that the rows can fill, and the text of a cell."""
    there = {name for name in rows.columns if rows[name].notna().any()}
    names = [name.capitalize() for name in arm_names(rows)]
    columns: list[Column] = []
    if arms == "none":
        return (), lambda row, key: ""
    for arm, name in zip("tc", names, strict=True):
        if measure.upper() in _EVENT_MEASURES and {f"events_{arm}", f"total_{arm}"} <= there:
            columns.append(Column(f"events_{arm}", "Events/n", name))
        elif f"n_{arm}" in there:
            columns.append(Column(f"n_{arm}", "n", name))
            if arms == "full" and {"mean_t", "mean_c"} <= there:
                columns.append(Column(f"mean_{arm}", "Mean", name))
            if arms == "full" and {"sd_t", "sd_c"} <= there:
                columns.append(Column(f"sd_{arm}", "SD", name))
    spreads = [abs(float(x)) for key in ("sd_t", "sd_c") if key in there for x in rows[key].dropna()]
    digits = 2 if spreads and min(spreads) < 1 else 1

    def cell(row: pd.Series, key: str) -> str:
        value = row[key]
        if pd.isna(value):
            return ""
        if key.startswith("events_"):
            total = row[f"total_{key[-1]}"]
            return "" if pd.isna(total) else f"{float(value):g}/{float(total):g}"
        return f"{float(value):g}" if key.startswith("n_") else number(float(value), digits)

    return tuple(columns), cell


def _total(rows: pd.DataFrame, key: str) -> str:
    """Sum of a column of counts, where every row has one."""
    names = [key, f"total_{key[-1]}"] if key.startswith("events_") else [key] if key.startswith("n_") else []
    if not names or rows[names].isna().any(axis=None):
        return ""
    return "/".join(f"{float(rows[name].astype(float).sum()):g}" for name in names)
