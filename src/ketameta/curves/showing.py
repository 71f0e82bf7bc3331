"""A curve in words, in a card and in a dictionary."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ketameta._render import Card, plural
from ketameta.curves.readout import ReadOut, plain, records
from ketameta.curves.sensitivity import ranges, ranges_text
from ketameta.curves.support import supported
from ketameta.curves.words import (
    clock,
    effect_interval,
    effect_range,
    effect_text,
    level_text,
    variance_text,
)
from ketameta.effects.correlation import DAY, WEEK

if TYPE_CHECKING:
    from ketameta.curves.result import DurabilityCurve

__all__ = ["as_card", "as_dict", "as_sentence", "method_line"]

_COLUMNS = ("time_hours", "estimate", "ci_low", "ci_high", "pi_low", "pi_high")
_AREAS_DAYS = (7.0, 14.0, 28.0)
_PLAIN = (
    "curve",
    "measure",
    "tau2",
    "omega2",
    "rho",
    "correlation",
    "method",
    "ci",
    "level",
    "df",
    "loglik",
    "aicc",
    "k_trials",
    "k_effects",
    "n_participants",
)


def as_dict(curve: DurabilityCurve) -> dict[str, Any]:
    """Everything but the tables of rows, as JSON-ready values."""
    grid = curve.rho_grid()
    return {
        **{name: plain(getattr(curve, name)) for name in _PLAIN},
        "coefficients": dict(zip(curve.coefficient_names, curve.coefficients, strict=True)),
        "vcov": curve.vcov.tolist(),
        "knots_hours": list(curve.knots_hours),
        "time_range": list(curve.time_range),
        "gaps": [list(gap) for gap in curve.gaps],
        "coverage": records(curve.coverage),
        "estimates": records(curve.to_frame()),
        "peak": curve.peak.to_dict(),
        "half_life": curve.half_life.to_dict(),
        "retention": curve.retention.to_dict(),
        "effect_days": [area.to_dict() for area in _areas(curve)],
        "sensitivity": None if grid is None else ranges(grid),
        "left_out": len(curve.left_out),
        "notes": list(curve.notes),
        "provenance": curve.provenance.to_dict(),
    }


def as_sentence(curve: DurabilityCurve) -> str:
    """The curve in words: effect with intervals at 24 h and 7 d (or first and last time), heterogeneity, half-life."""
    near = np.array([DAY, WEEK])
    near = near[supported(near, curve.coverage["time_hours"])]
    table = curve.at(hours=near if near.size else curve.time_range)
    readings = " and ".join(
        f"{effect_text(estimate, curve.measure)} ({_intervals(curve, *bounds)}) at {clock(time)}"
        for time, estimate, *bounds in _cells(table, *_COLUMNS)
    )
    return (
        f"Across {plural(curve.k_trials, 'trial')} with {plural(curve.k_effects, 'effect')} over time, the "
        f"{curve.measure}{_whose(curve)} was {readings}{_spread(curve)}. {curve.half_life.sentence()}"
    )


def _intervals(curve: DurabilityCurve, ci_low: float, ci_high: float, pi_low: float, pi_high: float) -> str:
    """Both intervals of one effect; only the first where heterogeneity could not be estimated."""
    level = level_text(curve.level)
    text = f"{level} CI {effect_range(ci_low, ci_high, curve.measure)}"
    if not any(curve.fit.free):
        return text
    return f"{text}; {level} prediction interval {effect_range(pi_low, pi_high, curve.measure)}"


def _whose(curve: DurabilityCurve) -> str:
    """Of which trials a curve with moderators is."""
    if curve.spec.values:
        stated = ", ".join(f"{name} = {value}" for name, value in curve.spec.values)
        return f" in trials with {stated}"
    moderated = curve.spec.moderators or curve.spec.options.decay_moderators
    return " in the average trial" if moderated else ""


def _spread(curve: DurabilityCurve) -> str:
    """The variances of true effects that were estimated."""
    between = "levels of trials" if len(curve.fit.spread) == 2 else "trials"
    named = (
        f"between {between} tau2 = {variance_text(curve.tau2)}",
        f"between times of a trial omega2 = {variance_text(curve.omega2)}",
    )
    said = [text for text, free in zip(named, curve.fit.free, strict=True) if free]
    return f"; variance {' and '.join(said)}" if said else ""


def method_line(curve: DurabilityCurve) -> str:
    """How the curve was made, in one line."""
    law = "normal" if math.isinf(curve.df) else f"t({curve.df:g})"
    effects = "level and decay of trial" if len(curve.fit.spread) == 2 else "trial"
    sides = (("level", curve.spec.moderators), ("decay", curve.spec.options.decay_moderators))
    moderators = "".join(f"; moderators of {side}: {formula}" for side, formula in sides if formula)
    return (
        f"Method: {curve.fit.shape.describe()}{moderators}; random effects of {effects} and of time within trial, "
        f"{curve.method}; correlation {curve.rho:g} between 24 h and 7 d ({curve.correlation}) assumed; {law} intervals"
    )


def as_card(curve: DurabilityCurve) -> Card:
    """Effects at the standard times, half-life, what rests on the assumed correlation, and notes."""
    level = level_text(curve.level)
    rows = tuple(
        (
            clock(time),
            effect_text(estimate, curve.measure),
            effect_interval(ci_low, ci_high, curve.measure),
            effect_interval(pi_low, pi_high, curve.measure),
        )
        for time, estimate, ci_low, ci_high, pi_low, pi_high in _cells(curve.to_frame(), *_COLUMNS)
    )
    grid = curve.rho_grid()
    title = f"Effect over time: {curve.measure}, {plural(curve.k_trials, 'trial')}"
    return Card(
        title=f"{title}, {plural(curve.k_effects, 'effect')}",
        columns=("time since dosing", "estimate", f"{level} CI", f"{level} PI"),
        rows=rows,
        notes=(
            f"{curve.half_life.sentence()[:-1]}: {curve.half_life.note}",
            *(() if grid is None else (ranges_text(grid, curve.measure),)),
            *curve.notes,
        ),
        footer=(
            method_line(curve),
            f"tau2 {variance_text(curve.tau2)}, omega2 {variance_text(curve.omega2)}",
            curve.provenance.line(),
        ),
    )


def _areas(curve: DurabilityCurve) -> list[ReadOut]:
    """Effect-days over the standard periods that the measured times hold."""
    first, last = curve.time_range
    return [curve.effect_days(days) for days in _AREAS_DAYS if first < days * DAY <= last]


def _cells(table: pd.DataFrame, *columns: str) -> list[list[float]]:
    """Rows of chosen columns as plain floats."""
    cells: list[list[float]] = table[list(columns)].to_numpy(dtype=np.float64).tolist()
    return cells
