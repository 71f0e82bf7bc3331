"""Effect sizes of a table of reported statistics: every row gives an effect or a reason."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray, BoolArray, Measure
from ketameta.effects._checks import choice, nearest
from ketameta.effects._contrasts import (
    read_difference_contrasts,
    read_ratio_contrasts,
    read_risk_contrasts,
    read_standardised_contrasts,
)
from ketameta.effects._merging import merged_frame, row_labels
from ketameta.effects._reading import (
    has_spread,
    paired_rows,
    read_arms,
    read_counts,
    refuse_uninformative_tables,
)
from ketameta.effects._result import EffectSize
from ketameta.effects._shared_control import (
    combine_contrast_rows,
    combine_reported_rows,
    shared_sets,
    split_controls,
)
from ketameta.effects._sheet import Sheet
from ketameta.effects.binary import log_or, log_rr, rd
from ketameta.effects.continuous import md, smd
from ketameta.errors import DataError, EffectError

__all__ = ["effect_sizes"]

_Formula: TypeAlias = tuple[Callable[..., EffectSize], tuple[str, ...]]
Shared = Literal["combine", "split", "keep"]
Adjusted = Literal["exclude", "sd_from_se"]

_MEASURES = ("SMD", "MD", "OR", "RR", "RD", "HR")
_ARM_COLUMNS = ("n_t", "mean_t", "n_c", "mean_c")
_COUNT_COLUMNS = ("events_t", "total_t", "events_c", "total_c")
_CONTRAST_COLUMNS = ("contrast_measure", "contrast_value")
_OUTPUT = ("label", "measure", "yi", "vi", "sei", "imputed", "reason", "shared", "effect_notes")
_ARM_STATISTICS = ("mean_t", "sd_t", "n_t", "mean_c", "sd_c", "n_c")
_FROM_ARMS: dict[str, _Formula] = {"SMD": (smd, _ARM_STATISTICS), "MD": (md, _ARM_STATISTICS)}
_FROM_COUNTS: dict[str, _Formula] = {
    "OR": (log_or, _COUNT_COLUMNS),
    "RR": (log_rr, _COUNT_COLUMNS),
    "RD": (rd, _COUNT_COLUMNS),
}
_SCORE_TYPES = ("baseline", "endpoint", "change", "contrast", "counts", "survival")


def effect_sizes(
    rows: pd.DataFrame | Any,
    *,
    measure: Measure = "SMD",
    shared: Shared = "combine",
    adjusted: Adjusted = "exclude",
) -> pd.DataFrame:
    """Effect size and variance of each row of reported statistics.

    Parameters
    ----------
    rows : DataFrame, or an object with a DataFrame ``rows``
        Reported statistics with the column names of ``trials.csv``; only the columns that the
        measure uses are needed. Ketamine is arm ``t``, the comparator arm ``c``.
    measure : {"SMD", "MD", "OR", "RR", "RD", "HR"}
        Hedges' g, mean difference, odds ratio, risk ratio, risk difference (a proportion), hazard
        ratio. Effects are ketamine minus comparator in the scale's own direction; ratios are logs.
    shared : {"combine", "split", "keep"}
        What to do with rows that share one comparator arm (same ``comparator_arm_id``, outcome,
        instrument, definition, time, score type, analysis set and status). ``"combine"`` makes them
        one row (treatment arms pooled, or contrasts averaged by generalised least squares);
        ``"split"`` gives each an equal part of the comparator arm; ``"keep"`` leaves them, dependent
        as they are. Sets in which that is impossible (the one comparator arm has different numbers,
        or a size is unknown) get a reason.
    adjusted : {"exclude", "sd_from_se"}
        For an SMD from an adjusted difference without arm SDs: give the row a reason, or take
        ``SE / sqrt(1/n_t + 1/n_c)`` for the SD, which is too small.

    Returns
    -------
    DataFrame
        The input rows with ``attrs`` and the columns ``label``, ``measure``, ``yi``, ``vi``,
        ``sei``; ``imputed`` (formulas of what was recovered); ``reason`` (why ``yi`` is missing,
        empty otherwise); ``shared``; ``effect_notes``. Rows are never dropped, except that
        ``shared="combine"`` writes one row for several, with their ``record_id`` joined by "+".
        A ``reason`` column of the input is kept as ``status_reason``; other columns of these names
        are replaced, except that a filled ``label`` stays.

    Raises
    ------
    DataError
        If the columns that the measure needs are missing.
    EffectError
        If ``rows`` is not a table or is empty, or an argument is not one of its choices.

    Notes
    -----
    A missing SD is recovered from the arm's SE or 95% interval; a missing SE of a contrast from
    its interval, or else from its exact P value (Cochrane Handbook 6.3.1, 6.5.2.2, 6.5.2.3).
    Two-sided intervals and P values of differences are read with t on ``n_t + n_c - 2`` degrees of
    freedom (``n_t - 1`` within persons) where the sizes are known, and with the normal otherwise;
    those of ratios and risk differences with the normal. Nothing is recovered from an inequality
    such as P < 0.001, nor from a one-sided bound.
    An SMD divides a reported difference by the pooled SD of the arms; its variance is
    ``J^2 (SE / SD)^2 + g^2 / (2 N)`` where the difference has an SE. A printed SMD is taken as it is.
    Counts: 0.5 is added to the cells of tables that hold a zero; tables without any event give a
    reason for OR and RR. Both periods of a crossover, reported arm by arm, are taken as parallel
    groups, which overstates the variance. Columns of a combined row that differ between the arms
    are joined by " + " (text) or left empty (numbers), except the combined statistics themselves.

    Examples
    --------
    >>> import pandas as pd
    >>> import ketameta as km
    >>> rows = pd.DataFrame(
    ...     {
    ...         "study_id": ["able2001", "baker2002_56mg", "baker2002_84mg", "crane2003"],
    ...         "comparator_arm_id": ["able2001:c", "baker2002:c", "baker2002:c", "crane2003:c"],
    ...         "n_t": [20, 15, 16, 30],
    ...         "mean_t": [14.0, 15.0, 13.0, 16.0],
    ...         "sd_t": [6.0, 7.0, 5.0, None],
    ...         "n_c": [21, 17, 17, 30],
    ...         "mean_c": [18.0, 19.0, 19.0, 17.5],
    ...         "sd_c": [7.0, 6.5, 6.5, 6.0],
    ...     }
    ... )
    >>> effects = km.effect_sizes(rows)
    >>> effects["label"].tolist(), effects["yi"].round(3).tolist()
    (['Able 2001', 'Baker 2002', 'Crane 2003'], [-0.601, -0.798, nan])
    >>> effects["shared"].tolist()
    ['', 'combined 2 arms', '']
    >>> effects["reason"].iloc[2]
    'sd_t is missing, with no se_t or CI to give it'
    """
    choice("measure", measure, _MEASURES)
    choice("shared", shared, ("combine", "split", "keep"))
    choice("adjusted", adjusted, ("exclude", "sd_from_se"))
    table = _table(rows)
    _require_columns(table, measure)
    sheet = Sheet(_input_part(table))
    with np.errstate(all="ignore"):
        _read(sheet, measure, adjusted)
        sets = shared_sets(sheet) if shared != "keep" else []
        if shared == "combine":
            combine_reported_rows(sheet, sets)
            combine_contrast_rows(sheet, sets)
        else:
            split_controls(sheet, sets)
        _compute(sheet, measure)
    return _output(sheet, table, measure)


def _table(rows: pd.DataFrame | Any) -> pd.DataFrame:
    table = rows if isinstance(rows, pd.DataFrame) else getattr(rows, "rows", None)
    if not isinstance(table, pd.DataFrame):
        raise EffectError(
            f"effect_sizes needs a DataFrame or a selection of trials, not {type(rows).__name__}; "
            "for bare numbers use the functions of ketameta.effects, such as smd(m1, sd1, n1, m2, sd2, n2)"
        )
    if table.empty:
        raise EffectError("the table has no rows: there is no effect to compute")
    twice = sorted({str(name) for name in table.columns[table.columns.duplicated()]})
    if twice:
        raise DataError(f"column {', '.join(twice)} stands more than once in the table")
    return table


def _require_columns(table: pd.DataFrame, measure: str) -> None:
    base = {"SMD": _ARM_COLUMNS, "MD": _ARM_COLUMNS, "HR": _CONTRAST_COLUMNS}.get(measure, _COUNT_COLUMNS)
    missing = [name for name in base if name not in table.columns]
    if measure in ("SMD", "MD"):
        missing += [
            f"sd_{arm}"
            for arm in ("t", "c")
            if not {f"sd_{arm}", f"se_{arm}", f"ci_low_{arm}"} & set(table.columns)
        ]
    if not missing or all(name in table.columns for name in _CONTRAST_COLUMNS):
        return
    known = {*_ARM_STATISTICS, *_COUNT_COLUMNS, *_CONTRAST_COLUMNS}
    names = [str(name) for name in table.columns if name not in known]
    near = {name: nearest(name, names) for name in missing}
    hints = [f"{name} (did you mean {near[name]!r}?)" if near[name] else name for name in missing]
    raise DataError(
        f"{measure} cannot be computed without {', '.join(hints)}; "
        f"rename your columns, or give contrasts ({', '.join(_CONTRAST_COLUMNS)})"
    )


def _input_part(table: pd.DataFrame) -> pd.DataFrame:
    frame = pd.DataFrame(table).reset_index(drop=True)
    own_output = "effect_notes" in frame.columns or "status_reason" in frame.columns
    if not own_output:
        frame = frame.rename(columns={"reason": "status_reason"})
    return frame.drop(columns=[name for name in _OUTPUT[1:] if name in frame.columns])


def _read(sheet: Sheet, measure: str, adjusted: str) -> None:
    everything = np.ones(len(sheet), dtype=np.bool_)
    score = sheet.text("score_type").astype(str)
    sheet.refuse(score == "baseline", "baseline row: not an effect")
    unknown = (score != "") & ~np.isin(score, _SCORE_TYPES)
    sheet.refuse(unknown, lambda i: f"score_type = {score[i]} is not one of {', '.join(_SCORE_TYPES)}")
    retracted = [text.casefold().startswith("retracted") for text in sheet.text("status_reason")]
    sheet.refuse(np.asarray(retracted, dtype=np.bool_), "retracted report: not to be used")
    apart = np.asarray(sheet.text("status") == "apart", dtype=np.bool_)
    sheet.note(apart, lambda i: f"row stands apart: {sheet.text('status_reason')[i] or 'no reason given'}")
    if measure == "HR":
        sheet.kind[:] = "contrast"
        read_ratio_contrasts(sheet, everything, measure)
    elif measure in ("SMD", "MD"):
        _read_means(sheet, measure, adjusted, score)
    else:
        _read_events(sheet, measure)


def _read_means(sheet: Sheet, measure: str, adjusted: str, score: AnyArray) -> None:
    other = np.isin(score, ("counts", "survival"))
    sheet.refuse(other, lambda i: f"score_type = {score[i]}: no means, so no {measure}")
    complete = sheet.given(*_ARM_COLUMNS) & has_spread(sheet)
    if measure == "MD":
        interval = sheet.given("contrast_ci_low", "contrast_ci_high")
        within = paired_rows(sheet) & sheet.given(*_CONTRAST_COLUMNS)
        complete &= ~(within & (interval | sheet.given("contrast_se")))
    arms, contrasts = _kinds(sheet, complete, "arms")
    read_arms(sheet, arms)
    if measure == "MD":
        read_difference_contrasts(sheet, contrasts)
    else:
        read_standardised_contrasts(sheet, contrasts, adjusted)


def _read_events(sheet: Sheet, measure: str) -> None:
    counts, contrasts = _kinds(sheet, sheet.given(*_COUNT_COLUMNS), "counts")
    read_counts(sheet, counts)
    if measure == "RD":
        read_risk_contrasts(sheet, contrasts)
    else:
        read_ratio_contrasts(sheet, contrasts, measure)


def _kinds(sheet: Sheet, complete: BoolArray, base: str) -> tuple[BoolArray, BoolArray]:
    contrast = sheet.text("score_type").astype(str) == "contrast"
    contrast |= ~complete & sheet.given("contrast_measure")
    sheet.kind[:] = np.where(contrast, "contrast", base)
    return ~contrast & sheet.alive, contrast & sheet.alive


def _compute(sheet: Sheet, measure: str) -> None:
    refuse_uninformative_tables(sheet, sheet.alive, measure)
    rows = sheet.alive & (sheet.kind != "contrast")
    if measure in _FROM_COUNTS and rows.any():
        a, n1, c, n2 = (sheet.stat[name] for name in _COUNT_COLUMNS)
        zero = rows & ((a == 0) | (c == 0) | (a == n1) | (c == n2))
        sheet.note(zero, "0.5 added to each cell, because one is zero")
    try:
        _apply(sheet, rows, measure)
    except EffectError:
        for row in np.flatnonzero(rows):
            alone = np.arange(len(sheet)) == row
            try:
                _apply(sheet, alone, measure)
            except EffectError as error:
                sheet.refuse(alone, str(error))
    yi, vi = sheet.usable("yi"), sheet.usable("vi")
    unusable = ~(np.isfinite(yi) & np.isfinite(vi) & (vi > 0))
    sheet.refuse(unusable, lambda i: f"yi = {yi[i]:g}, vi = {vi[i]:g}: too large or too small to use")


def _apply(sheet: Sheet, rows: BoolArray, measure: str) -> None:
    if not rows.any():
        return
    function, names = {**_FROM_ARMS, **_FROM_COUNTS}[measure]
    effect = function(*(sheet.stat[name][rows] for name in names))
    for name, values in (("yi", effect.yi), ("vi", effect.vi)):
        sheet.keep(name, rows, np.zeros(len(sheet)))
        sheet.stat[name][rows] = values


def _output(sheet: Sheet, table: pd.DataFrame, measure: str) -> pd.DataFrame:
    alive = sheet.alive
    yi, vi = (np.where(alive, sheet.usable(name), np.nan) for name in ("yi", "vi"))
    labels = row_labels(sheet)
    frame = merged_frame(sheet).drop(columns="label", errors="ignore")
    added = {
        "label": labels,
        "measure": np.full(len(sheet), measure, dtype=object),
        "yi": yi,
        "vi": vi,
        "sei": np.sqrt(vi),
        "imputed": np.where(alive, sheet.imputed, ""),
        "reason": sheet.reason,
        "shared": sheet.shared,
        "effect_notes": sheet.notes,
    }
    result = pd.concat([frame, pd.DataFrame(added)], axis=1)
    result.index = table.index
    stays = np.ones(len(sheet), dtype=np.bool_)
    stays[[row for rows in sheet.merged.values() for row in rows[1:]]] = False
    result = result.iloc[np.flatnonzero(stays)]
    result.attrs = copy.deepcopy(table.attrs)
    return result
