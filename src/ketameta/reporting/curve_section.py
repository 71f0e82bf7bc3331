"""The section of the report on one durability question: figures, read-outs, and what rests on an assumption."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ketameta._render import number, p_value
from ketameta.curves import DurabilityCurve
from ketameta.reporting.analysis import CurveResult
from ketameta.reporting.markup import (
    bullets,
    details,
    figure,
    heading,
    on_scale,
    paragraph,
    preformatted,
    table,
)
from ketameta.reporting.page_words import account_of, effect_text, interval_text, plainly, with_signs

__all__ = ["curve_section"]

_SHAPES = {"spline": "Spline in log time", "exponential": "Exponential decay"}
_CURVE_HOURS = (4.0, 24.0, 72.0, 168.0, 336.0, 504.0, 672.0)


def curve_section(figures: Mapping[str, tuple[Path, str]], result: CurveResult) -> str:
    """Everything that the page says about one durability question."""
    analysis = result.question.analysis
    name = f"{analysis.title} ({analysis.measure}), {result.question.dosing} dosing"
    title = heading(4, f"{name}, over time")
    if not result.curves:
        return title + paragraph(plainly(result.reason), "thin") + _account(result, name)
    ratio = analysis.is_ratio
    parts = [title]
    for curve in result.curves:
        parts.append(figure(figures, f"{result.key}_{curve.curve}", f"{name}: {curve.curve}"))
        parts.append(paragraph(f"{_SHAPES[curve.curve]}. {with_signs(curve.sentence())}"))
        parts.append(_estimates(f"{name}: {curve.curve}", curve.at(hours=_times(curve)), ratio=ratio))
        if curve is result.curves[0] and result.sensitivity is not None:
            parts.append(_sensitivity(name, result.sensitivity, ratio=ratio))
    notes = list(dict.fromkeys([*result.notes, *(note for curve in result.curves for note in curve.notes)]))
    parts.append(details(f"Notes on these curves: {name}", bullets(map(_capital, map(plainly, notes)))))
    parts.append(_account(result, name))
    return "".join(parts)


def _account(result: CurveResult, name: str) -> str:
    return details(
        f"What was selected: {name}", preformatted(_capital(account_of(result.account))), "account"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text[:1].isascii() else text


def _hours(hours: float) -> str:
    if not math.isfinite(hours):
        return "not reached"
    return f"{hours:.3g} h" if hours < 72 else f"{hours / 24:.3g} d"


def _with_interval(row: Mapping[Any, Any], suffix: str, *, ratio: bool) -> str:
    value, low, high = (
        on_scale(row[f"{name}{suffix}"], ratio=ratio) for name in ("estimate", "ci_low", "ci_high")
    )
    return effect_text(value, low, high, ratio=ratio)


def _estimates(title: str, data: pd.DataFrame, *, ratio: bool) -> str:
    rows = [
        (
            _hours(row["time_hours"]),
            _with_interval(row, "", ratio=ratio),
            interval_text(
                on_scale(row["pi_low"], ratio=ratio), on_scale(row["pi_high"], ratio=ratio), ratio=ratio
            ),
            p_value(row["p"]),
            *(() if data["supported"].all() else ("yes" if row["supported"] else "none near",)),
        )
        for row in data.to_dict("records")
    ]
    support = () if data["supported"].all() else ("Trials",)
    return table(title, ("Time", "Effect [95% CI]", "95% prediction", "p", *support), rows)


def _times(curve: DurabilityCurve) -> list[float]:
    first, last = curve.time_range
    return sorted({time for time in _CURVE_HOURS if first <= time <= last} | {first, last})


def _sensitivity(name: str, data: pd.DataFrame, *, ratio: bool) -> str:
    if data["loglik"].nunique() == 1:
        return paragraph("No trial measured twice: the within-trial correlation plays no part.", "quiet")
    names = [name for name in data.columns if name.startswith("estimate") and data[name].notna().any()]
    suffixes = [name.removeprefix("estimate") for name in names]
    rows = [
        (
            number(row["rho"]),
            *(_with_interval(row, suffix, ratio=ratio) for suffix in suffixes),
            _hours(row["half_life_hours"]),
        )
        for row in data.to_dict("records")
    ]
    times = [suffix[1:].replace("24h", "24 h").replace("7d", "7 d") for suffix in suffixes]
    heads = [f"Effect at {time} [95% CI]" for time in times]
    introduction = paragraph(
        "The same curve under other within-trial correlations, which no trial prints:", "quiet"
    )
    title = f"{name}: other within-trial correlations"
    return introduction + table(title, ("Correlation", *heads, "Half-life"), rows)
