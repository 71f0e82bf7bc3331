"""Standard deviations that rows borrow from other rows on the same instrument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ketameta.effects._sheet import Sheet
from ketameta.effects.options import EffectOptions

__all__ = ["Lenders", "Loan"]

_NAMED = 4


class Loan(NamedTuple):
    """A borrowed SD, and where it comes from."""

    sd: float
    words: str


class _Lender(NamedTuple):
    trial: str
    study: str
    arm: str
    hours: float
    sd: float
    place: str


@dataclass(frozen=True, slots=True, eq=False)
class Lenders:
    """SDs by instrument and kind of score, for the rows of one sheet.

    Within a trial the SD of the same arm at the nearest time is lent. Over trials it is the median, each
    trial counting once with the mean of its SDs.
    """

    sheet: Sheet
    by_scale: dict[tuple[str, str], list[_Lender]]
    over_trials: bool

    @classmethod
    def of(cls, sheet: Sheet, options: EffectOptions) -> Lenders | None:
        """Lenders as the options ask for them; None where nothing is to be borrowed."""
        if options.borrow_sd == "no":
            return None
        source = sheet if options.borrow_from is None else Sheet(options.borrow_from.reset_index(drop=True))
        return cls(sheet, _lenders(source), options.borrow_sd == "scale")

    def find(self, row: int, arm: str) -> Loan | None:
        """SD for one arm of a row; None where nobody has one."""
        trial, study, instrument, kind, hours = _identity(self.sheet, row)
        if not instrument:
            return None
        candidates = self.by_scale.get((instrument, kind), [])
        own = [
            lender
            for lender in candidates
            if lender.trial == trial and lender.arm == arm and (arm == "c" or lender.study == study)
        ]
        if own:
            near = min(own, key=lambda lender: (_distance(lender.hours, hours), lender.hours))
            return Loan(near.sd, f"same trial, arm and instrument, {near.place}")
        if not self.over_trials:
            return None
        trials: dict[str, list[float]] = {}
        for lender in candidates:
            if lender.trial != trial:
                trials.setdefault(lender.trial, []).append(lender.sd)
        if not trials:
            return None
        median = float(np.median([np.mean(sds) for sds in trials.values()]))
        names = ", ".join(list(trials)[:_NAMED]) + (", ..." if len(trials) > _NAMED else "")
        noun = "trial" if len(trials) == 1 else "trials"
        return Loan(median, f"median SD of {instrument} {kind} scores in {len(trials)} {noun} ({names})")


def _lenders(source: Sheet) -> dict[tuple[str, str], list[_Lender]]:
    found: dict[tuple[str, str], list[_Lender]] = {}
    for arm in ("t", "c"):
        printed, se, n = (source.number(f"{name}_{arm}") for name in ("sd", "se", "n"))
        with np.errstate(invalid="ignore"):
            sd = np.where(np.isnan(printed), se * np.sqrt(n), printed)
        for row in np.flatnonzero(np.isfinite(sd) & (sd > 0)):
            trial, study, instrument, kind, hours = _identity(source, int(row))
            if instrument:
                place = str(source.text("record_id")[row]) or (
                    f"{hours:g} h" if hours == hours else "time unknown"
                )
                lender = _Lender(trial, study, arm, hours, float(sd[row]), place)
                found.setdefault((instrument, kind), []).append(lender)
    return found


def _identity(sheet: Sheet, row: int) -> tuple[str, str, str, str, float]:
    cohort, study, instrument, kind = (
        str(sheet.text(name)[row]) for name in ("cohort_id", "study_id", "instrument", "score_type")
    )
    return cohort or study, study, instrument, kind, float(sheet.number("time_hours")[row])


def _distance(one: float, other: float) -> float:
    gap = abs(one - other)
    return gap if gap == gap else float("inf")
