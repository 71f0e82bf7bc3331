"""Rules within one row: can these numbers be true together, and is the statistic complete?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ketameta._typing import BoolArray
from ketameta.evidence.scales import Scales
from ketameta.evidence.sheet import ERROR, NUMBERS, WARNING, Finding, Sheet

__all__ = ["row_findings"]

_HARMS = ["blood_pressure", "dissociation", "sedation"]
_ARMS = (("t", "ketamine"), ("c", "comparator"))
_MEANS = ("baseline", "endpoint", "change")
_RATIOS = ("OR", "RR", "HR")
_DIFFERENCES = ("MD", "LSMD", "MedianD")


def row_findings(data: Sheet, scales: Scales) -> Iterator[Finding]:
    """Every contradiction or gap inside single rows."""
    yield from _status(data)
    yield from _completeness(data)
    yield from _intervals(data)
    yield from _counts(data)
    yield from _contrasts(data)
    yield from _times(data)
    yield from _scale_ranges(data, scales)
    yield from _directions(data)


def _found(rows: BoolArray, column: str, rule: str, severity: str, hint: str) -> Iterator[Finding]:
    if rows.any():
        yield Finding(np.flatnonzero(rows), column, rule, severity, hint)


def _empty(data: Sheet, name: str) -> BoolArray:
    return np.array([value.strip() == "" for value in data.text(name)], dtype=bool)


def _missing(data: Sheet, name: str) -> BoolArray:
    return np.isnan(data.number(name)) & ~data.misread(name)


def _status(data: Sheet) -> Iterator[Finding]:
    included = data.included()
    hint = "a row that stands apart says why: a slug, a colon, and text"
    yield from _found(
        data.is_one_of("status", ["apart"]) & _empty(data, "reason"), "reason", "reason", ERROR, hint
    )
    for name in ("comparator_arm_id", "comparator_class", "design", "dosing"):
        hint = "a row for pools needs it; a row without a comparator stands apart"
        yield from _found(included & _empty(data, name), name, "required-in-pools", ERROR, hint)
    crossover = data.is_one_of("design", ["crossover"])
    period = ~_empty(data, "crossover_period")
    hint = "say which period the numbers come from: first, both paired, or both as parallel"
    yield from _found(included & crossover & ~period, "crossover_period", "crossover-period", WARNING, hint)
    yield from _found(
        ~crossover & period, "crossover_period", "crossover-period", WARNING, "the design is not crossover"
    )


def _completeness(data: Sheet) -> Iterator[Finding]:
    included = data.included()
    for s, name in _ARMS:
        means = included & data.is_one_of("score_type", ["endpoint", "change"])
        hint = f"an endpoint or change row for pools needs the mean of the {name} arm; or is it a contrast?"
        quantiles = data.filled(f"q1_{s}", f"q3_{s}") | data.filled(f"min_{s}", f"max_{s}")
        no_mean = _missing(data, f"mean_{s}") & ~(quantiles & data.filled(f"median_{s}"))
        yield from _found(means & no_mean, f"mean_{s}", "score-type", ERROR, hint)
        hint = f"without n of the {name} arm there is no effect size"
        yield from _found(means & _missing(data, f"n_{s}"), f"n_{s}", "score-type", WARNING, hint)
        no_interval = _missing(data, f"ci_low_{s}") | _missing(data, f"ci_high_{s}")
        no_spread = _missing(data, f"sd_{s}") & _missing(data, f"se_{s}") & no_interval
        no_spread &= (
            _missing(data, "contrast_se") & _missing(data, "contrast_ci_low") & _empty(data, "contrast_p")
        )
        no_spread &= ~(quantiles | (data.filled("contrast_stat") & data.false("adjusted")))
        before_and_after = data.filled(f"baseline_sd_{s}", f"endpoint_sd_{s}", "correlation")
        no_spread &= ~(before_and_after & data.is_one_of("score_type", ["change"]))
        hint = "no SD, SE or interval in the row: the effect size can only borrow one"
        yield from _found(means & no_spread, f"sd_{s}", "no-spread", WARNING, hint)
        baseline = data.is_one_of("score_type", ["baseline"])
        hint = f"a baseline row without the mean of the {name} arm"
        yield from _found(
            included & baseline & _missing(data, f"mean_{s}"), f"mean_{s}", "score-type", WARNING, hint
        )
        counts = included & data.is_one_of("score_type", ["counts"])
        for part in ("events", "total"):
            hint = f"a counts row for pools needs {part} of the {name} arm"
            column = f"{part}_{s}"
            lacking = _missing(data, column)
            if part == "events":
                lacking &= ~data.filled(f"percent_{s}")
            yield from _found(counts & lacking, column, "score-type", ERROR, hint)
        stray = data.is_one_of("score_type", _MEANS) & ~_missing(data, f"events_{s}")
        hint = "events in a row of means: counts stand in a row of their own"
        yield from _found(stray, f"events_{s}", "score-type", ERROR, hint)
        stray = data.is_one_of("score_type", ["counts"]) & ~_missing(data, f"mean_{s}")
        hint = "a mean in a row of counts: means stand in a row of their own"
        yield from _found(stray, f"mean_{s}", "score-type", ERROR, hint)
    contrast = included & data.is_one_of("score_type", ["contrast"])
    no_value = _missing(data, "contrast_value")
    hint = "a contrast row for pools needs its value"
    yield from _found(contrast & no_value, "contrast_value", "score-type", ERROR, hint)
    hint = "name the measure of the contrast"
    yield from _found(
        ~no_value & _empty(data, "contrast_measure"), "contrast_measure", "score-type", ERROR, hint
    )
    no_error = (
        _missing(data, "contrast_se") & _missing(data, "contrast_ci_low") & _missing(data, "contrast_ci_high")
    )
    no_error &= _empty(data, "contrast_p") & _empty(data, "contrast_stat")
    no_error &= contrast & ~no_value
    by_arms = data.is_one_of("contrast_measure", ["SMD"]) | data.filled("sd_t", "sd_c")
    by_arms &= data.filled("n_t", "n_c")
    for rows, rest in (
        (no_error & by_arms, "the variance can only come from the arms"),
        (no_error & ~by_arms, "no variance can be had from this row"),
    ):
        hint = f"neither SE, interval, test statistic nor p: {rest}"
        yield from _found(rows, "contrast_se", "no-spread", WARNING, hint)
    survival = included & data.is_one_of("score_type", ["survival"])
    nothing = no_value & (_missing(data, "events_t") | _missing(data, "events_c"))
    hint = "a survival row for pools needs a hazard ratio or events"
    yield from _found(survival & nothing, "contrast_value", "score-type", ERROR, hint)


def _intervals(data: Sheet) -> Iterator[Finding]:
    for s, name in _ARMS:
        low, high, mean = data.number(f"ci_low_{s}"), data.number(f"ci_high_{s}"), data.number(f"mean_{s}")
        hint = f"the interval of the {name} arm is upside down"
        yield from _found(low > high, f"ci_low_{s}", "interval", NUMBERS, hint)
        outside = (low <= high) & ((mean < low) | (mean > high))
        hint = f"the mean of the {name} arm lies outside its interval"
        yield from _found(outside, f"mean_{s}", "interval", NUMBERS, hint)
        sd, se, n = data.number(f"sd_{s}"), data.number(f"se_{s}"), data.number(f"n_{s}")
        for column, values in ((f"sd_{s}", sd), (f"se_{s}", se)):
            hint = "must be greater than 0; leave it empty where the source prints none"
            yield from _found(values == 0, column, "positive", NUMBERS, hint)
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.abs(se * np.sqrt(n) / sd - 1) > 0.1
        hint = f"SE of the {name} arm is not SD / sqrt(n), by more than a tenth"
        yield from _found(off & (sd > 0) & (se > 0), f"se_{s}", "sd-se", WARNING, hint)


def _counts(data: Sheet) -> Iterator[Finding]:
    for s, name in _ARMS:
        hint = f"more events than participants in the {name} arm"
        above = data.number(f"events_{s}") > data.number(f"total_{s}")
        yield from _found(above, f"events_{s}", "events", NUMBERS, hint)
    randomised = data.number("n_randomised")
    parallel = ~data.is_one_of("design", ["crossover"])
    for part in ("n", "total"):
        both = np.nan_to_num(data.number(f"{part}_t")) + np.nan_to_num(data.number(f"{part}_c"))
        hint = "the two arms hold more participants than were randomised"
        yield from _found(parallel & (both > randomised), f"{part}_t", "n-randomised", WARNING, hint)


def _contrasts(data: Sheet) -> Iterator[Finding]:
    value, low, high = (data.number(f"contrast_{part}") for part in ("value", "ci_low", "ci_high"))
    yield from _found(low > high, "contrast_ci_low", "interval", NUMBERS, "the interval is upside down")
    outside = ~(low > high) & ((value < low) | (value > high))
    hint = "the contrast lies outside its interval: look at the signs"
    yield from _found(outside, "contrast_value", "interval", NUMBERS, hint)
    yield from _found(
        data.number("contrast_se") == 0, "contrast_se", "positive", NUMBERS, "must be greater than 0"
    )
    bounds = ~np.isnan(low) | ~np.isnan(high)
    hint = "give the level of the interval, in percent"
    yield from _found(
        bounds & _missing(data, "contrast_ci_level"), "contrast_ci_level", "level", WARNING, hint
    )
    ratio = data.is_one_of("contrast_measure", _RATIOS)
    hint = "a ratio is greater than 0 (ratios stand as printed, not as logs)"
    yield from _found(ratio & (value <= 0), "contrast_value", "ratio", NUMBERS, hint)
    yield from _found(ratio & (low < 0), "contrast_ci_low", "ratio", NUMBERS, hint)
    points = data.is_one_of("contrast_measure", ["RD"]) & (np.abs(value) > 100)
    hint = "a risk difference in percentage points is at most 100"
    yield from _found(points, "contrast_value", "range", NUMBERS, hint)


def _times(data: Sheet) -> Iterator[Finding]:
    time, since = data.number("time_hours"), data.number("hours_since_last_dose")
    baseline = data.is_one_of("score_type", ["baseline"])
    yield from _found(
        baseline & (time > 0), "time_hours", "baseline-time", ERROR, "a baseline row has time 0"
    )
    hint = "time 0 is the baseline: after the first dose a time is greater than 0"
    yield from _found(~baseline & (time == 0), "time_hours", "baseline-time", WARNING, hint)
    hint = "more hours since the last dose than since the first"
    yield from _found(since > time, "hours_since_last_dose", "dose-time", NUMBERS, hint)
    doses = data.number("n_doses")
    yield from _found(
        baseline & (doses > 0), "n_doses", "doses", WARNING, "no dose has been given at baseline"
    )
    single = data.is_one_of("dosing", ["single"])
    yield from _found(single & (doses > 1), "n_doses", "doses", NUMBERS, "dosing is single")
    symptoms = data.is_one_of("outcome", ["depression", "ptsd", "suicidal_ideation", "response", "remission"])
    hint = "a row for pools without a time enters no time window and no curve"
    yield from _found(
        data.included() & symptoms & ~baseline & np.isnan(time), "time_hours", "no-time", WARNING, hint
    )


def _scale_ranges(data: Sheet, scales: Scales) -> Iterator[Finding]:
    instrument = data.text("instrument")
    low, high = scales.bounds(instrument)
    scores = data.is_one_of("score_type", ["baseline", "endpoint"])
    change = data.is_one_of("score_type", ["change"])
    width = high - low
    for s, _ in _ARMS:
        mean = data.number(f"mean_{s}")
        hint = "the mean lies outside the range of the instrument"
        outside = (mean < low) | (mean > high)
        yield from _found(scores & outside, f"mean_{s}", "scale-range", NUMBERS, hint)
        hint = "the change is larger than the range of the instrument"
        yield from _found(change & (np.abs(mean) > width), f"mean_{s}", "scale-range", NUMBERS, hint)
    difference = data.is_one_of("contrast_measure", _DIFFERENCES)
    symptoms = data.is_one_of("score_type", [*_MEANS, "contrast"])
    hint = "the difference is larger than the range of the instrument"
    wide = np.abs(data.number("contrast_value")) > width
    yield from _found(symptoms & difference & wide, "contrast_value", "scale-range", NUMBERS, hint)
    unlisted = np.array([name != "" and name not in scales.known for name in instrument], dtype=bool)
    hint = "not in scales.csv: its range, and so its scores, cannot be checked"
    yield from _found((scores | change) & unlisted, "instrument", "unknown-scale", WARNING, hint)


def _directions(data: Sheet) -> Iterator[Finding]:
    change = data.is_one_of("score_type", ["change"])
    change &= ~data.is_one_of("design", ["relapse-prevention"]) & ~data.is_one_of("outcome", _HARMS)
    for s, name in _ARMS:
        mean = data.number(f"mean_{s}")
        hint = f"the {name} arm got worse? An improvement on a symptom scale is entered as a negative change"
        worse = change & data.true("higher_is_worse") & (mean > 0)
        yield from _found(worse, f"mean_{s}", "change-sign", WARNING, hint)
        hint = f"the {name} arm got worse? A higher score is better on this instrument"
        worse = change & data.false("higher_is_worse") & (mean < 0)
        yield from _found(worse, f"mean_{s}", "change-sign", WARNING, hint)
