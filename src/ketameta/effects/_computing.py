"""From usable numbers to yi and vi, by measure and kind of statistic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.effects._reading import refuse_uninformative_tables
from ketameta.effects._result import EffectSize
from ketameta.effects._sheet import Sheet
from ketameta.effects._standardisers import Standardiser, pooled_baseline
from ketameta.effects.binary import arcsine, log_or, log_rr, peto, rd
from ketameta.effects.continuous import glass, md, rom, smd, smd_stated, smdh
from ketameta.effects.options import EffectOptions
from ketameta.effects.paired import paired_md, smcr, smcrph

__all__ = ["compute"]

_ARMS = ("mean_t", "sd_t", "n_t", "mean_c", "sd_c", "n_c")
_COUNTS = ("events_t", "total_t", "events_c", "total_c")
_FROM_COUNTS: dict[str, Callable[..., EffectSize]] = {
    "OR": log_or,
    "RR": log_rr,
    "RD": rd,
    "AS": arcsine,
    "PETO": peto,
}
_NEED_NO_CORRECTION = ("AS", "PETO")
_Call: TypeAlias = Callable[[Any], EffectSize]


def compute(sheet: Sheet, measure: str, standardiser: Standardiser, options: EffectOptions) -> None:
    """Compute the effect of every usable row that is not a contrast."""
    alive = sheet.alive
    kinds: dict[str, _Call] = {}
    if measure in _FROM_COUNTS:
        refuse_uninformative_tables(sheet, alive, measure)
        kinds["counts"] = _count_formula(sheet, measure, options)
    elif measure != "HR":
        kinds["arms"] = _arm_formula(sheet, measure, standardiser, options)
        kinds["paired"] = _pair_formula(sheet, measure, standardiser)
    for kind, formula in kinds.items():
        rows = np.asarray(sheet.alive & (sheet.kind == kind), dtype=np.bool_)
        sheet.attempt(rows, lambda i, f=formula: _as_stats(f(i)))  # type: ignore[misc]
        if kind == "paired":
            _say_assumed(sheet, rows & sheet.alive, formula, options)
    yi, vi = sheet.usable("yi"), sheet.usable("vi")
    unusable = ~(np.isfinite(yi) & np.isfinite(vi) & (vi > 0))
    sheet.refuse(unusable, lambda i: f"yi = {yi[i]:g}, vi = {vi[i]:g}: too large or too small to use")


def _as_stats(effect: EffectSize) -> dict[str, Array]:
    return {"yi": effect.yi, "vi": effect.vi}


def _arm_formula(sheet: Sheet, measure: str, standardiser: Standardiser, options: EffectOptions) -> _Call:
    m1, s1, n1, m2, s2, n2 = (sheet.usable(name) for name in _ARMS)
    if measure == "SMD" and standardiser == "baseline":
        unit, df = pooled_baseline(sheet, n1, n2), n1 + n2 - 2
        return lambda i: smd_stated(m1[i], s1[i], n1[i], m2[i], s2[i], n2[i], unit[i], df[i])
    if measure == "SMD" and standardiser == "pooled":
        return lambda i: smd(m1[i], s1[i], n1[i], m2[i], s2[i], n2[i], options.variance)
    function = {"MD": md, "ROM": rom, "SMD": glass if standardiser == "control" else smdh}[measure]
    return lambda i: function(m1[i], s1[i], n1[i], m2[i], s2[i], n2[i])


def _pair_formula(sheet: Sheet, measure: str, standardiser: Standardiser) -> _Call:
    m1, s1, n, m2, s2, _ = (sheet.usable(name) for name in _ARMS)
    r = sheet.usable("r")
    if measure == "MD":
        return lambda i: paired_md(m1[i], s1[i], m2[i], s2[i], n[i], r[i])
    if standardiser == "control":

        def control(i: Any) -> EffectSize:
            effect = smcr(m2[i], s2[i], m1[i], s1[i], n[i], r[i])
            return EffectSize(-effect.yi, effect.vi)

        return control
    return lambda i: smcrph(m1[i], s1[i], m2[i], s2[i], n[i], r[i])


def _count_formula(sheet: Sheet, measure: str, options: EffectOptions) -> _Call:
    a, n1, c, n2 = (sheet.usable(name) for name in _COUNTS)
    rows = np.asarray(sheet.alive & (sheet.kind == "counts"), dtype=np.bool_)
    zero = rows & ((a == 0) | (c == 0) | (a == n1) | (c == n2))
    amount = options.correction
    if amount is None:
        amount = 0.0 if measure in _NEED_NO_CORRECTION else 0.5
    if amount == 0 or options.to == "none":
        if measure in ("OR", "RR"):
            empty = zero if measure == "OR" else rows & ((a == 0) | (c == 0))
            sheet.refuse(empty, f"a cell is zero, and no correction was asked for: no {measure}")
        return lambda i: _FROM_COUNTS[measure](a[i], n1[i], c[i], n2[i], 0.0, "none")
    corrected = {"only0": zero, "all": rows, "if0all": rows if zero.any() else zero}[options.to]
    why = {"only0": "because one is zero", "all": "of every table", "if0all": "because a table has a zero"}
    sheet.note(corrected, f"{amount:g} added to each cell, {why[options.to]}")
    add = np.where(corrected, amount, 0.0)

    def formula(i: Any) -> EffectSize:
        return _FROM_COUNTS[measure](
            a[i] + add[i], n1[i] + 2 * add[i], c[i] + add[i], n2[i] + 2 * add[i], 0.0, "none"
        )

    return formula


def _say_assumed(sheet: Sheet, rows: BoolArray, formula: _Call, options: EffectOptions) -> None:
    assumed = rows & (sheet.usable("assumed_r") == 1)
    index = np.flatnonzero(assumed)
    if not index.size:
        return
    r = sheet.stat["r"]
    kept = r[index].copy()
    errors = {}
    for bound in options.r_range:
        r[index] = bound
        errors[bound] = formula(index).sei
    r[index] = kept
    for position, row in enumerate(index.tolist()):
        shown = " and ".join(f"{error[position]:.3g} at r = {bound:g}" for bound, error in errors.items())
        one = np.zeros(len(sheet), dtype=np.bool_)
        one[row] = True
        sheet.flag(one, f"r = {options.r_crossover:g} assumed (r_crossover); sei would be {shown}")
