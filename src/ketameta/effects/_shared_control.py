"""Rows that share one comparator arm: find them, then combine or split."""

from __future__ import annotations

import numpy as np

from ketameta.effects._sheet import Sheet
from ketameta.effects.combining import combine_arms, combine_contrasts
from ketameta.errors import EffectError

__all__ = ["combine_contrast_rows", "combine_reported_rows", "shared_sets", "split_controls"]

_SAME_CONTROL = "comparator_arm_id"
_SAME_OUTCOME = ("outcome", "instrument", "definition", "time_hours", "score_type", "analysis_set", "status")
_TREATMENT_ARM = ("study_id", "drug", "dose", "dose_unit", "route")
_CONTROL_STATISTICS = {
    "arms": ("n_c", "mean_c", "sd_c"),
    "counts": ("events_c", "total_c"),
    "contrast": ("n_c",),
}
_TOLERANCE = 1e-9
_FEWEST = 1


def shared_sets(sheet: Sheet) -> list[list[int]]:
    """Sets of usable rows that share a comparator arm, each checked to be combinable.

    Rows share an arm if they name the same comparator arm, outcome, instrument, definition, time,
    score type, analysis set and status; where a treatment arm stands twice in such a set, the label of the
    time tells apart what belongs together. Sets that still hold one treatment arm twice, different
    kinds of statistics, or different numbers for the one comparator arm are refused, row by row.
    """
    named = np.flatnonzero(sheet.alive & sheet.given(_SAME_CONTROL)).tolist()
    sets: list[list[int]] = []
    for rows in _grouped(sheet, named, (_SAME_CONTROL, *_SAME_OUTCOME)):
        sets += _grouped(sheet, rows, ("time_label",)) if _arm_twice(sheet, rows) else [rows]
    sound = []
    for rows in sets:
        if len(rows) < 2:
            continue
        why = _why_not(sheet, rows)
        if why:
            sheet.refuse_each(rows, f"rows {_records(sheet, rows, ', ')} share a comparator arm: {why}")
        else:
            sound.append(rows)
    return sound


def _grouped(sheet: Sheet, rows: list[int], names: tuple[str, ...]) -> list[list[int]]:
    groups: dict[tuple[str, ...], list[int]] = {}
    columns = [sheet.text(name) for name in names]
    for row in rows:
        groups.setdefault(tuple(str(column[row]) for column in columns), []).append(row)
    return list(groups.values())


def _arm_twice(sheet: Sheet, rows: list[int]) -> bool:
    known = tuple(name for name in _TREATMENT_ARM if any(sheet.text(name)[rows]))
    return bool(known) and len(_grouped(sheet, rows, known)) < len(rows)


def _why_not(sheet: Sheet, rows: list[int]) -> str:
    if _arm_twice(sheet, rows):
        return "one treatment arm stands there twice; keep one of its rows"
    kinds = {str(kind) for kind in sheet.kind[rows]}
    if len(kinds) > 1:
        return f"they report different kinds of statistics ({', '.join(sorted(kinds))})"
    (kind,) = kinds
    if kind == "paired" or any(
        str(period).casefold() == "both paired" for period in sheet.text("crossover_period")[rows]
    ):
        return "the same people under several conditions are neither combined nor split; keep one row, or keep all"
    baseline = ("baseline_sd_c",) if kind == "arms" and "baseline_sd_c" in sheet.stat else ()
    for name in (*_CONTROL_STATISTICS[kind], *baseline):
        values = sheet.usable(name)[rows]
        if np.isnan(values).any():
            return f"{name} is missing, so their covariance is unknown"
        if np.ptp(values) > _TOLERANCE * np.abs(values).max():
            said = ", ".join(f"{value:g}" for value in values)
            return f"it has different values of {name} ({said})"
    if kind == "contrast" and np.isnan(sheet.usable("n_t")[rows]).any():
        return "n_t is missing, so their covariance is unknown"
    return ""


def combine_reported_rows(sheet: Sheet, sets: list[list[int]]) -> None:
    """Combine treatment arms (means and SDs, or counts) into the first row of each set."""
    for rows in sets:
        first, kind = rows[0], sheet.kind[rows[0]]
        if kind == "arms":
            n = sheet.stat["n_t"][rows]
            if "baseline_sd_t" in sheet.stat:
                squares = sheet.stat["baseline_sd_t"][rows] ** 2
                sheet.stat["baseline_sd_t"][first] = np.sqrt(((n - 1) * squares).sum() / (n - 1).sum())
            arm = combine_arms(n, sheet.stat["mean_t"][rows], sheet.stat["sd_t"][rows])
            for name, value in zip(("n_t", "mean_t", "sd_t"), arm, strict=True):
                sheet.stat[name][first] = value
        elif kind == "counts":
            for name in ("events_t", "total_t"):
                sheet.stat[name][first] = sheet.stat[name][rows].sum()
        else:
            continue
        _merge(sheet, rows, "treatment arms combined (Cochrane Handbook 6.5.2.10)")


def combine_contrast_rows(sheet: Sheet, sets: list[list[int]]) -> None:
    """Combine contrasts into the first row of each set by generalised least squares."""
    for rows in sets:
        first = rows[0]
        if sheet.kind[first] != "contrast":
            continue
        n_t, n_c = sheet.stat["n_t"][rows], float(sheet.stat["n_c"][first])
        try:
            effect = combine_contrasts(sheet.stat["yi"][rows], sheet.stat["vi"][rows], n_t, n_c)
        except EffectError as error:
            sheet.refuse_each(rows, str(error))
            continue
        sheet.stat["yi"][first], sheet.stat["vi"][first] = float(effect.yi), float(effect.vi)
        sheet.stat["n_t"][first] = n_t.sum()
        _merge(sheet, rows, "contrasts combined by generalised least squares, covariance from the arm sizes")


def split_controls(sheet: Sheet, sets: list[list[int]]) -> None:
    """Give each row an equal part of the shared comparator arm."""
    for rows in sets:
        parts, kind = len(rows), sheet.kind[rows[0]]
        for row in rows:
            if kind == "arms":
                sheet.stat["n_c"][row] /= parts
            elif kind == "counts":
                sheet.stat["events_c"][row] /= parts
                sheet.stat["total_c"][row] /= parts
            else:
                n_t, n_c = sheet.stat["n_t"][row], sheet.stat["n_c"][row]
                sheet.stat["vi"][row] *= (1 / n_t + parts / n_c) / (1 / n_t + 1 / n_c)
        for row in rows:
            sheet.shared[row] = f"control split in {parts}"
        if kind == "contrast":
            sheet.note_each(rows, "variance raised to that of a split comparator arm")
        left = sheet.stat["n_c"][rows[0]] if kind == "arms" else np.inf
        if not left > _FEWEST:
            sheet.refuse_each(
                rows,
                f"n_c = {left * parts:g} split in {parts} leaves {left:g} people: too few; combine the arms",
            )


def _merge(sheet: Sheet, rows: list[int], how: str) -> None:
    first = rows[0]
    sheet.merged[first] = rows
    sheet.shared[first] = f"combined {len(rows)} arms"
    for target in (sheet.imputed, sheet.notes):
        target[first] = "; ".join(dict.fromkeys(str(target[row]) for row in rows if target[row]))
    units = [str(sheet.standardiser[row]) for row in rows if sheet.standardiser[row]]
    sheet.standardiser[first] = " + ".join(dict.fromkeys(units))
    sheet.note_each([first], f"{_records(sheet, rows, ' + ')}: {how}")


def _records(sheet: Sheet, rows: list[int], separator: str) -> str:
    records = sheet.text("record_id")
    return separator.join(str(records[row]) or f"#{row + 1}" for row in rows)
