"""Columns of a forest plot: statistics of arms, effects, weights, and other columns of the rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from ketameta._render import number
from ketameta._spelling import did_you_mean
from ketameta.curves.words import clock
from ketameta.errors import FigureError
from ketameta.evidence.dictionary import fields
from ketameta.models import Pooled
from ketameta.plots._forestlayouts import ForestLayout
from ketameta.plots._forestrows import Column, Line, one_line
from ketameta.plots._scale import Scale
from ketameta.plots._words import arm_names, level_text

__all__ = [
    "Arms",
    "arm_columns",
    "arm_totals",
    "arm_values",
    "cell_text",
    "effect_column",
    "extra_columns",
    "extra_values",
    "heading_words",
    "known_extras",
    "require_column",
    "weight_column",
]

Arms = Literal["full", "n", "none"]
_EVENT_MEASURES = frozenset({"OR", "PETO", "RR", "RD", "AS"})
_SUMMED = ("n", "events", "total")
_PIECES = {
    "n": ("n",),
    "mean": ("mean",),
    "sd": ("sd",),
    "mean (sd)": ("mean", "sd"),
    "events": ("events",),
    "total": ("total",),
    "events/total": ("events", "total"),
}
_SOURCES = {"dose": ("dose", "dose_mg_per_kg"), "time": ("time_hours", "time_label")}


def arm_columns(rows: pd.DataFrame, measure: str, layout: ForestLayout, arms: Arms) -> tuple[Column, ...]:
    """Columns of arm statistics that the rows can fill: all of them, numbers of people only, or none."""
    there = set(rows.columns[rows.notna().any()])
    names = [name.capitalize() for name in arm_names(rows)]
    spreads = [abs(float(x)) for key in ("sd_t", "sd_c") if key in there for x in rows[key].dropna()]
    digits = 2 if spreads and min(spreads) < 1 else 1
    columns = []
    for arm, name in zip("tc", names, strict=True):
        counted = measure.upper() in _EVENT_MEASURES and {f"events_{arm}", f"total_{arm}"} <= there
        if not counted and f"n_{arm}" not in there:
            continue
        for piece, head in layout.counts if counted else layout.scores:
            parts = _PIECES[piece]
            wanted = {
                f"{part}_{side}" for part in parts for side in ("tc" if part in {"mean", "sd"} else arm)
            }
            if wanted <= there and arms != "none" and (arms == "full" or parts[0] in _SUMMED):
                columns.append(_arm_column(tuple(f"{part}_{arm}" for part in parts), head, name, digits))
    return tuple(columns)


def _arm_column(keys: tuple[str, ...], head: str, over: str, digits: int) -> Column:
    def write(line: Line) -> str:
        values = [float(line.values.get(key, math.nan)) for key in keys]  # type: ignore[arg-type]
        if any(map(math.isnan, values)):
            return ""
        texts = [
            number(x, digits) if key.startswith(("mean", "sd")) else f"{x:.15g}"
            for key, x in zip(keys, values, strict=True)
        ]
        return f"{texts[0]} ({texts[1]})" if keys[-1].startswith("sd_") and len(keys) > 1 else "/".join(texts)

    return Column(keys, head, write, over)


def arm_values(row: pd.Series, columns: Iterable[Column]) -> dict[str, object]:
    """Statistics of arms in one row."""
    return {key: float(row[key]) for column in columns for key in column.keys if pd.notna(row[key])}


def arm_totals(rows: pd.DataFrame, columns: Iterable[Column]) -> dict[str, object]:
    """Sums of counts, where every row has one."""
    keys = [key for column in columns for key in column.keys if key[:-2] in _SUMMED]
    return {key: float(rows[key].astype(float).sum()) for key in keys if rows[key].notna().all()}


def known_extras(rows: pd.DataFrame, names: Iterable[str]) -> tuple[str, ...]:
    """Those of some columns that the rows have values in."""
    return tuple(name for name in names if any(cell_text(row, name) for _, row in rows.iterrows()))


def extra_columns(rows: pd.DataFrame, names: Sequence[str]) -> tuple[Column, ...]:
    """Columns of the rows, by name; ``dose`` comes with its unit, and ``time`` in hours or days.

    Raises
    ------
    FigureError
        The rows have no such column.
    """
    titles = {"time": "Time", **{field.name: field.title for field in fields("trials")}}
    columns = []
    for name in names:
        require_column("extra", name, rows)
        head = titles.get(name, one_line(name).replace("_", " ").capitalize())
        numeric = name in rows.columns and pd.api.types.is_numeric_dtype(rows[name].dtype)
        columns.append(_extra_column(name, head, right=name == "time" or numeric))
    return tuple(columns)


def require_column(option: str, name: str, rows: pd.DataFrame) -> None:
    """Refuse a column that the rows do not have.

    Raises
    ------
    FigureError
        With the name that was probably meant.
    """
    if not any(source in rows.columns for source in _SOURCES.get(name, (name,))):
        known = (*_SOURCES, *rows.columns)
        hint = did_you_mean(name, known, "; the columns of fit.rows can be shown.")
        raise FigureError(f"{option}: the rows have no column {name!r}{hint}")


def _extra_column(name: str, head: str, *, right: bool) -> Column:
    def write(line: Line) -> str:
        return str(line.values.get(name, ""))

    return Column((name,), head, write, align="right" if right else "left", wraps=True)


def extra_values(row: pd.Series, columns: Iterable[Column]) -> dict[str, object]:
    """Texts of a row in columns of its own."""
    return {column.keys[0]: cell_text(row, column.keys[0]) for column in columns}


def cell_text(row: pd.Series, name: str) -> str:
    """What a row says in one column, as printed.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.plots._forestcolumns import cell_text
    >>> row = pd.Series({"dose": "0.5", "dose_unit": "mg/kg", "time_hours": 168.0, "n_doses": 2.0})
    >>> cell_text(row, "dose"), cell_text(row, "time"), cell_text(row, "n_doses"), cell_text(row, "route")
    ('0.5 mg/kg', '7 d', '2', '')
    """
    source = next((key for key in _SOURCES.get(name, (name,)) if _said(row.get(key))), "")
    text = _said(row.get(source)) if source else ""
    if name == "time" and source == "time_hours":
        return clock(float(row[source]))
    if name == "dose" and text:
        return f"{text} {'mg/kg' if source == 'dose_mg_per_kg' else _said(row.get('dose_unit'))}".strip()
    return text


def _said(value: Any) -> str:
    """A value in words, empty where it is missing."""
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return ""
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if pd.api.types.is_number(value):
        return f"{value:.6g}".replace("-", "\N{MINUS SIGN}")
    return one_line(value)


def heading_words(overall: Pooled, scale: Scale) -> Mapping[str, str]:
    """Words for the templates of headings and of pooled rows."""
    common = overall.tau2_method == "EE"
    return {
        "measure": scale.short,
        "title": scale.title.split(" (")[0],
        "model": "IV, common" if common else "IV, random",
        "level": level_text(overall.level),
        "effects": "Common effect" if common else "Random effects",
    }


def effect_column(scale: Scale, layout: ForestLayout, words: Mapping[str, str], digits: int) -> Column:
    """Column of effects with their intervals."""

    def write(line: Line) -> str:
        between = scale.interval(line.low, line.high, digits, layout.interval)
        if line.kind in {"study", "pooled"}:
            return f"{scale.text(line.estimate, digits)} {between}"
        return between if line.kind == "prediction" else ""

    return Column((), layout.effect.format(**words), write, layout.effect_over.format(**words))


def weight_column(layout: ForestLayout) -> Column:
    """Column of weights in per cent."""

    def write(line: Line) -> str:
        return f"{100 * line.weight:.1f}{layout.percent}" if math.isfinite(line.weight) else ""

    return Column((), layout.weight, write)
