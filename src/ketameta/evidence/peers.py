"""Standard deviations that other trials let one expect on the same instrument."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ketameta._typing import Array
from ketameta.evidence.location import data_file
from ketameta.evidence.reading import read_table
from ketameta.evidence.scales import Scales
from ketameta.evidence.sheet import Sheet, sheet

__all__ = ["MEANS", "PEERS", "expected_sds", "largest_sd"]

MEANS = ("baseline", "endpoint", "change")
PEERS = 3
"""SDs from other trials that a comparison needs."""


def largest_sd(data: Sheet, scales: Scales, s: str) -> Array:
    """Largest population SD that a bounded scale allows; NaN where the scale is not known.

    For scores between a and b with mean m the variance is at most (m - a)(b - m) (Bhatia and Davis 2000,
    Amer. Math. Monthly 107:353-357); for changes between -w and w it is at most (w + m)(w - m).
    """
    low, high = scales.bounds(data.text("instrument"))
    mean = data.number(f"mean_{s}")
    change = data.is_one_of("score_type", ["change"])
    bottom = np.where(change, low - high, low)
    top = np.where(change, high - low, high)
    product = (mean - bottom) * (top - mean)
    product[~data.is_one_of("score_type", MEANS) | (product < 0)] = np.nan
    return np.sqrt(product)


def expected_sds(data: Sheet, scales: Scales) -> dict[str, tuple[Array, Array]]:
    """SD that arms of other cohorts suggest for each arm, NaN where fewer than PEERS do, and their number.

    Scores of a bounded scale are compared by the share of the largest SD that their mean allows, so that
    means near an end of the scale, where everyone scores alike, do not look odd; changes, and scores of
    scales without a known range, by the SD itself. The median is taken on the same instrument and kind of
    score: in the table itself, or in the packaged trials where the table has too few.
    """
    unit, spread = _spreads(data, scales)
    cohort = _people(data)
    median, arms = np.full(len(data), np.nan), np.zeros(len(data))
    for key, rows in _by_scale(data).items():
        for name in set(cohort[rows]):
            own, others = rows[cohort[rows] == name], rows[cohort[rows] != name]
            found = spread[:, others]
            found = found[found > 0]
            if len(found) < PEERS:
                found = np.array(_packaged().get(key, ()))
            arms[own] = len(found)
            median[own] = np.median(found) if len(found) >= PEERS else np.nan
    return {s: (median * unit[i], arms) for i, s in enumerate("tc")}


def _spreads(data: Sheet, scales: Scales) -> tuple[Array, Array]:
    """Unit of comparison and SD in that unit, each of shape (2 arms, n)."""
    bounded = ~data.is_one_of("score_type", ["change"]) & ~np.isnan(scales.bounds(data.text("instrument"))[0])
    largest = np.stack([largest_sd(data, scales, s) for s in "tc"])
    unit = np.where(bounded, np.where(largest > 0, largest, np.nan), 1.0)
    sd = np.stack([data.number(f"sd_{s}") for s in "tc"])
    return unit, np.where(sd > 0, sd, np.nan) / unit


def _people(data: Sheet) -> NDArray[np.object_]:
    """One name for rows of the same people: the cohort, else the study, else each row by itself."""
    names = zip(data.text("cohort_id"), data.text("study_id"), range(len(data)), strict=True)
    return np.array([cohort or study or f"row {row}" for cohort, study, row in names], dtype=object)


def _by_scale(data: Sheet) -> dict[tuple[str, str], NDArray[np.intp]]:
    instrument, kind = data.text("instrument"), data.text("score_type")
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in np.flatnonzero((instrument != "") & data.is_one_of("score_type", MEANS)):
        groups[instrument[row], kind[row]].append(int(row))
    return {key: np.array(rows) for key, rows in groups.items()}


@cache
def _packaged() -> dict[tuple[str, str], tuple[float, ...]]:
    """Spreads of the included arms of the packaged trials, by instrument and kind of score."""
    trials = sheet(read_table(data_file("trials.csv"), "trials"))
    _, spread = _spreads(trials, Scales.of(read_table(data_file("scales.csv"), "scales")))
    spread[:, ~trials.included()] = np.nan
    found = {key: spread[:, rows] for key, rows in _by_scale(trials).items()}
    return {key: tuple(values[values > 0].tolist()) for key, values in found.items()}
