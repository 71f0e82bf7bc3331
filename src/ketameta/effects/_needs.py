"""Which formula the rows of a trial allow, and why not a better one."""

from __future__ import annotations

import numpy as np

from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.effects._arms import Indices
from ketameta.effects._crossovers import paired_rows
from ketameta.effects._sheet import Sheet
from ketameta.effects._standardised import OWN_ARMS, kinds_of_unit

__all__ = ["COUNTS", "formulas", "units"]

COUNTS = ("events_t", "total_t", "events_c", "total_c")
_SIZES = ("n_t", "n_c")
_SDS = ("sd_t", "sd_c")
_BASELINE = ("baseline_sd_t", "baseline_sd_c")
_NO_SDS = "not every row has arm SDs"


def units(sheet: Sheet, measure: str) -> AnyArray:
    """Kind of unit of each row of SMDs ("within" where the same people stand in both arms); else empty."""
    if measure != "SMD":
        return np.full(len(sheet), "", dtype=object)
    return np.where(paired_rows(sheet), "within", kinds_of_unit(sheet.text("standardiser")))


def formulas(
    number: dict[str, Array], unit: AnyArray, broken: BoolArray, trial: Indices, count: int, measure: str
) -> tuple[AnyArray, AnyArray]:
    """Formula of each trial, and why not that of the measure.

    Parameters
    ----------
    number : dict of str to numpy.ndarray, shape (n,)
        Sizes, SDs and counts.
    unit : numpy.ndarray of str, shape (n,)
        Kind of the SD in whose units an SMD is.
    broken : numpy.ndarray of bool, shape (n,)
        Rows whose counts are impossible.
    trial : numpy.ndarray of int, shape (n,)
        Trial of each row, 0 to ``count - 1``.
    count : int
        Number of trials.
    measure : str
        Effect measure.

    Returns
    -------
    formula, why : numpy.ndarray of str, shape (count,)
        The measure, "SMD baseline", "SMD stated", "sizes" or "plain"; a reason beside the last two.
    """

    def every(good: BoolArray) -> BoolArray:
        return np.asarray(np.bincount(trial, weights=~good, minlength=count) == 0, dtype=np.bool_)

    def known(*names: str) -> BoolArray:
        return np.asarray(~np.isnan(np.stack([number[name] for name in names])).any(axis=0), dtype=np.bool_)

    sizes = every(known(*_SIZES))
    formula = np.where(sizes, "sizes", "plain").astype(object)
    why = np.full(count, "no formula beyond it for this measure", dtype=object)
    if measure == "MD":
        why[:] = _NO_SDS
        formula[sizes & every(known(*_SDS))] = "MD"
    elif measure in ("OR", "RR", "RD", "AS"):
        why[:] = "not every row has counts"
        why[~every(~broken)] = "counts are impossible"
        formula[every(known(*COUNTS))] = measure
    elif measure == "SMD":
        own, baseline, stated = np.isin(unit, OWN_ARMS), unit == "baseline", unit == "stated"
        sds = known(*_SDS)
        why[:] = "SDs of different kinds standardise its rows"
        why[~every(unit != "within")] = "the same people stand in both arms"
        why[~every(unit != "unknown")] = "the SD that standardises is not known"
        lasting = (number["n_t"] > 1) & (number["n_c"] > 1)
        for fits, name, needs, missing in (
            (own, "SMD", (sds & lasting) | (unit != "average"), _NO_SDS),
            (
                baseline,
                "SMD baseline",
                sds & lasting & known(*_BASELINE),
                "not every row has its SDs, at baseline and after",
            ),
            (stated, "SMD stated", sds, "the SD that standardises is stated"),
        ):
            why[every(fits)] = missing
            formula[sizes & every(fits) & every(np.asarray(needs | ~fits, dtype=np.bool_))] = name
    return formula, why
