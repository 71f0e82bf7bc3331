"""Which effects of a table come from the same people, and the numbers that their covariance needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.effects._sheet import Sheet
from ketameta.effects.percentages import events_from_percent
from ketameta.effects.recovery import sd_from_ci, sd_from_se
from ketameta.errors import EffectError

__all__ = ["Batch", "Indices", "Samples", "describe", "read_samples"]

Indices = NDArray[np.intp]

_COUNTS = ("events_t", "total_t", "events_c", "total_c")
_SDS = ("sd_t", "sd_c")
_SIZES = ("n_t", "n_c")
_OUTCOME = ("outcome", "instrument", "definition")
_NEEDS = {"SMD": _SIZES, "MD": (*_SIZES, *_SDS), "OR": _COUNTS, "RR": _COUNTS, "RD": _COUNTS, "AS": _COUNTS}
_SPLIT = re.compile(r"control split in (\d+)")
_LISTED = 6


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Trials with equally many rows and one formula.

    Attributes
    ----------
    formula : str
        Measure whose exact formula applies, ``"sizes"`` (arm sizes only) or ``"plain"`` (nothing known).
    trials : numpy.ndarray of int, shape (b,)
        Trials, as positions in ``Samples.trials``.
    rows : numpy.ndarray of int, shape (b, m)
        Their rows.
    same_t, same_c : numpy.ndarray of bool, shape (b, m, m)
        Whether two rows share people in the treatment arm, in the comparator arm.
    same_study, same_time, same_outcome : numpy.ndarray of bool, shape (b, m, m)
        Whether two rows name the same comparison; the same time; the same outcome, instrument and definition.
    """

    formula: str
    trials: Indices
    rows: Indices
    same_t: BoolArray
    same_c: BoolArray
    same_study: BoolArray
    same_time: BoolArray
    same_outcome: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Rows with an effect, by trial.

    Attributes
    ----------
    frame : pandas.DataFrame
        The rows.
    trials : tuple of str
        Names of the trials, in order of appearance.
    measure : str
        Effect measure; empty when the table does not say.
    number : dict of str to numpy.ndarray, shape (n,)
        ``yi, vi, hours``, sizes, SDs and counts; not-a-number where a row has none.
    split : numpy.ndarray of bool, shape (n,)
        Rows that hold a part of a divided comparator arm.
    both_periods : numpy.ndarray of bool, shape (n,)
        Rows of a crossover that count the same people in both arms.
    batches : tuple of Batch
        The trials by number of rows and formula.
    """

    frame: pd.DataFrame
    trials: tuple[str, ...]
    measure: str
    number: dict[str, Array]
    split: BoolArray
    both_periods: BoolArray
    batches: tuple[Batch, ...]


def read_samples(rows: pd.DataFrame) -> Samples:
    """Read rows with effects.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows with usable ``yi`` and ``vi``, and the other columns of :func:`ketameta.effects.effect_sizes`.

    Returns
    -------
    Samples
        The rows by trial.

    Raises
    ------
    EffectError
        If a row names no trial, or the rows are of several measures.
    """
    sheet = Sheet(rows.reset_index(drop=True))
    study = sheet.text("study_id").astype(str)
    name = np.where(sheet.given("cohort_id"), sheet.text("cohort_id").astype(str), study)
    if (name == "").any():
        raise EffectError(
            f"the trial must be named in cohort_id or study_id; not so in {describe(rows, np.flatnonzero(name == ''))}"
        )
    measures = sorted({str(text) for text in sheet.text("measure")} - {""})
    if len(measures) > 1:
        raise EffectError(
            f"effects of {', '.join(measures)} have no common covariance; give rows of one measure"
        )
    trial, trials = pd.factorize(name)
    measure = measures[0] if measures else ""
    number, split = _numbers(sheet, measure)
    formula = _formulas(number, trial, len(trials), measure)
    period = sheet.text("crossover_period").astype(str)
    samples = Samples(
        frame=rows,
        trials=tuple(str(one) for one in trials),
        measure=measure,
        number=number,
        split=split,
        both_periods=np.char.startswith(np.char.lower(period), "both"),
        batches=_batches(sheet, trial, formula, number["hours"], study, split),
    )
    _refuse_same_measurement(samples)
    return samples


def _numbers(sheet: Sheet, measure: str) -> tuple[dict[str, Array], BoolArray]:
    number = {"yi": sheet.number("yi"), "vi": sheet.number("vi"), "hours": sheet.number("time_hours")}
    for arm in ("t", "c"):
        size, total = _positive(sheet.number(f"n_{arm}")), _positive(sheet.number(f"total_{arm}"))
        number[f"n_{arm}"] = np.where(np.isnan(size), total, size)
        number[f"events_{arm}"], number[f"total_{arm}"] = _events(sheet, arm, total), total
    number |= {f"sd_{arm}": _sd(sheet, arm, number[f"n_{arm}"]) for arm in ("t", "c")}
    parts = np.ones(len(sheet))
    for row, text in enumerate(sheet.text("shared")):
        match = _SPLIT.fullmatch(text) if text else None
        parts[row] = float(match[1]) if match else 1.0
    for name in ("n_c", "events_c", "total_c"):
        number[name] = number[name] / parts
    _correct_zero_cells(number, measure)
    return number, np.asarray(parts > 1, dtype=np.bool_)


def _events(sheet: Sheet, arm: str, total: Array) -> Array:
    """Events of an arm as printed, or from their percentage; not-a-number where neither tells."""
    events, percent = sheet.number(f"events_{arm}").copy(), sheet.text(f"percent_{arm}")
    for row in np.flatnonzero(np.isnan(events) & sheet.given(f"percent_{arm}") & np.isfinite(total)):
        try:
            events[row] = float(events_from_percent(percent[row], total[row]))
        except EffectError:
            continue
    return events


def _sd(sheet: Sheet, arm: str, n: Array) -> Array:
    """SD of an arm as printed, or from the SE or the 95% CI of its mean; not-a-number where there is none."""
    sd, se = (_positive(sheet.number(f"{name}_{arm}")) for name in ("sd", "se"))
    low, high = sheet.number(f"ci_low_{arm}"), sheet.number(f"ci_high_{arm}")
    from_se = np.isnan(sd) & np.isfinite(se) & (n > 1)
    if from_se.any():
        sd[from_se] = sd_from_se(se[from_se], n[from_se])
    from_ci = np.isnan(sd) & np.isfinite(low) & np.isfinite(high) & (low < high) & (n > 1)
    if from_ci.any():
        sd[from_ci] = sd_from_ci(low[from_ci], high[from_ci], n[from_ci])
    return sd


def _correct_zero_cells(number: dict[str, Array], measure: str) -> None:
    """Blank counts that are none, and add 0.5 to each cell of tables with a zero, as the effects did."""
    a, n, c, k = (number[name] for name in _COUNTS)
    sound = (a >= 0) & (a <= n) & (c >= 0) & (c <= k)
    zero = ((a == 0) | (a == n) | (c == 0) | (c == k)) & (measure != "AS")
    for name, added in zip(_COUNTS, (0.5, 1.0, 0.5, 1.0), strict=True):
        number[name] = np.where(sound, number[name] + added * zero, np.nan)


def _positive(values: Array) -> Array:
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _formulas(number: dict[str, Array], trial: Indices, count: int, measure: str) -> AnyArray:
    """What each trial's rows allow: the exact formula, arm sizes alone, or nothing."""

    def complete(names: tuple[str, ...]) -> BoolArray:
        missing = np.isnan(np.stack([number[name] for name in names])).any(axis=0)
        return np.asarray(np.bincount(trial, weights=missing, minlength=count) == 0, dtype=np.bool_)

    formula = np.where(complete(_SIZES), "sizes", "plain").astype(object)
    if measure in _NEEDS:
        formula[complete(_NEEDS[measure])] = measure
    return formula


def _batches(
    sheet: Sheet, trial: Indices, formula: AnyArray, hours: Array, study: AnyArray, split: BoolArray
) -> tuple[Batch, ...]:
    sizes = np.bincount(trial)
    order = np.argsort(trial, kind="stable")
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    codes = {
        "study": pd.factorize(study)[0],
        "control": pd.factorize(sheet.text("comparator_arm_id").astype(str))[0],
        "label": pd.factorize(sheet.text("time_label").astype(str))[0],
        "outcome": _joint(sheet, _OUTCOME),
    }
    named = sheet.given("comparator_arm_id")
    batches = []
    for m, kind in sorted({(int(size), str(kind)) for size, kind in zip(sizes, formula, strict=True)}):
        trials = np.flatnonzero((sizes == m) & (formula == kind))
        rows = order[first[trials][:, None] + np.arange(m)]
        same_study = _equal(codes["study"], rows)
        same_t = _overlapping(study, rows, same_study)
        both_named = named[rows][:, :, None] & named[rows][:, None, :]
        same_c = np.where(both_named, _equal(codes["control"], rows), same_t)
        parts = split[rows][:, :, None] | split[rows][:, None, :]
        none = np.isnan(hours[rows])
        untimed = none[:, :, None] & none[:, None, :] & _equal(codes["label"], rows)
        batches.append(
            Batch(
                formula=kind,
                trials=trials,
                rows=rows,
                same_t=same_t,
                same_c=np.asarray(same_c & (same_study | ~parts), dtype=np.bool_),
                same_study=same_study,
                same_time=_equal(hours, rows) | untimed,
                same_outcome=_equal(codes["outcome"], rows),
            )
        )
    return tuple(batches)


def _joint(sheet: Sheet, names: tuple[str, ...]) -> Indices:
    """One code for each combination of the columns."""
    code = np.zeros(len(sheet), dtype=np.intp)
    for name in names:
        part, values = pd.factorize(sheet.text(name).astype(str))
        code = pd.factorize(code * (len(values) + 1) + part)[0]
    return code


def _equal(values: NDArray[Any], rows: Indices) -> BoolArray:
    return np.asarray(values[rows][:, :, None] == values[rows][:, None, :], dtype=np.bool_)


def _overlapping(study: AnyArray, rows: Indices, same_study: BoolArray) -> BoolArray:
    """Whether two rows share a treatment arm; a combined row names several, joined by " + "."""
    same = same_study.copy()
    joined = np.char.find(study.astype(str), " + ") >= 0
    for b, i in np.argwhere(joined[rows]):
        arms = set(str(study[rows[b, i]]).split(" + "))
        for j, row in enumerate(rows[b]):
            if arms & set(str(study[row]).split(" + ")):
                same[b, i, j] = same[b, j, i] = True
    return same


def _refuse_same_measurement(samples: Samples) -> None:
    for batch in samples.batches:
        twice = batch.same_study & batch.same_t & batch.same_c & batch.same_time & batch.same_outcome
        pairs = np.argwhere(np.triu(twice, 1))
        if len(pairs):
            at = np.unique([batch.rows[b, k] for b, i, j in pairs for k in (i, j)])
            raise EffectError(
                "rows that are the same measurement twice (one comparison, outcome, instrument, definition and "
                f"time) have no covariance: {describe(samples.frame, at)}. Keep one row of each, as select() does"
            )


def describe(rows: pd.DataFrame, positions: Indices) -> str:
    """Name rows by index label and what identifies them.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from ketameta.effects._samples import describe
    >>> describe(pd.DataFrame({"study_id": ["a", "b"], "time_hours": [24, 168]}), np.array([1]))
    'row 1 (study_id b, time_hours 168)'
    """
    said = []
    for position in positions[:_LISTED].tolist():
        row = rows.iloc[position]
        names = ("record_id", "cohort_id", "study_id", "instrument", "definition", "time_hours")
        parts = [f"{name} {row[name]}" for name in names if name in rows.columns and not _empty(row[name])]
        said.append(f"row {rows.index[position]} ({', '.join(parts)})")
    more = len(positions) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more else "")


def _empty(cell: Any) -> bool:
    return bool(pd.isna(cell)) or cell == ""
