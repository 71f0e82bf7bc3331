"""Standard deviations that rows borrow from other rows on the same instrument."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ketameta.effects._sheet import Sheet
from ketameta.effects.options import EffectOptions

__all__ = ["Lenders", "Loan", "lends"]

_NAMED = 4


class Loan(NamedTuple):
    """A borrowed SD, and where it comes from."""

    sd: float
    words: str


class _Lender(NamedTuple):
    arm: tuple[str, ...]
    hours: float
    sd: float
    place: str


class _Row(NamedTuple):
    trial: str
    study: str
    control: str
    scale: tuple[str, str]
    hours: float

    def arm(self, arm: str) -> tuple[str, ...]:
        return (arm, self.study) if arm == "t" else (arm, self.control)


def lends(sheet: Sheet, row: int) -> bool:
    """Whether the numbers of a row may serve another: not of rows that stand apart or are retracted."""
    reasons = (sheet.text("status_reason")[row], sheet.text("reason")[row])
    retracted = any(str(reason).casefold().startswith("retracted") for reason in reasons)
    return bool(sheet.text("status")[row] != "apart" and not retracted)


@dataclass(slots=True)
class Lenders:
    """SDs by instrument and kind of score, for the rows of one sheet.

    Within a trial the SD of the same arm at the nearest time is lent. Over trials it is the median, each
    trial counting once with the mean of its SDs. Rows that name no trial or no instrument lend nothing.
    """

    sheet: Sheet
    by_trial: dict[tuple[tuple[str, str], str], list[_Lender]]
    over_trials: bool
    _means: dict[tuple[str, str], dict[str, float]] = field(init=False)
    _medians: dict[tuple[tuple[str, str], str], Loan | None] = field(init=False)

    def __post_init__(self) -> None:
        self._means, self._medians = defaultdict(dict), {}
        for (scale, trial), lenders in self.by_trial.items():
            self._means[scale][trial] = float(np.mean([lender.sd for lender in lenders]))

    @classmethod
    def of(cls, sheet: Sheet, options: EffectOptions) -> Lenders | None:
        """Lenders as the options ask for them; None where nothing is to be borrowed."""
        if options.borrow_sd == "no":
            return None
        source = sheet if options.borrow_from is None else Sheet(options.borrow_from.reset_index(drop=True))
        return cls(sheet, _lenders(source), options.borrow_sd == "scale")

    def find(self, row: int, arm: str) -> Loan | None:
        """SD for one arm of a row; None where nobody has one."""
        borrower = _identity(self.sheet, row)
        if not borrower.scale[0]:
            return None
        own = [
            lender
            for lender in self.by_trial.get((borrower.scale, borrower.trial), [])
            if lender.arm == borrower.arm(arm)
        ]
        if own:
            near = min(own, key=lambda lender: (_distance(lender.hours, borrower.hours), lender.hours))
            return Loan(near.sd, f"same trial, arm and instrument, {near.place}")
        return self._median(borrower.scale, borrower.trial) if self.over_trials else None

    def _median(self, scale: tuple[str, str], trial: str) -> Loan | None:
        key = (scale, trial)
        if key not in self._medians:
            others = {name: mean for name, mean in self._means.get(scale, {}).items() if name != trial}
            self._medians[key] = _median_loan(scale, others)
        return self._medians[key]


def _median_loan(scale: tuple[str, str], means: dict[str, float]) -> Loan | None:
    if not means:
        return None
    names = ", ".join(list(means)[:_NAMED]) + (", ..." if len(means) > _NAMED else "")
    noun = "trial" if len(means) == 1 else "trials"
    words = f"median SD of {scale[0]} {scale[1]} scores in {len(means)} {noun} ({names})"
    return Loan(float(np.median(list(means.values()))), words)


def _lenders(source: Sheet) -> dict[tuple[tuple[str, str], str], list[_Lender]]:
    found: dict[tuple[tuple[str, str], str], list[_Lender]] = defaultdict(list)
    for arm in ("t", "c"):
        printed, se, n = (source.number(f"{name}_{arm}") for name in ("sd", "se", "n"))
        with np.errstate(invalid="ignore"):
            sd = np.where(np.isnan(printed), se * np.sqrt(n), printed)
        for row in np.flatnonzero(np.isfinite(sd) & (sd > 0)).tolist():
            lender = _identity(source, row)
            if lender.trial and lender.scale[0] and lends(source, row):
                hours = lender.hours
                place = str(source.text("record_id")[row]) or (
                    f"{hours:g} h" if hours == hours else "time unknown"
                )
                key = (lender.scale, lender.trial)
                found[key].append(_Lender(lender.arm(arm), hours, float(sd[row]), place))
    return found


def _identity(sheet: Sheet, row: int) -> _Row:
    names = ("cohort_id", "study_id", "comparator_arm_id", "instrument", "score_type")
    cohort, study, control, instrument, kind = (str(sheet.text(name)[row]) for name in names)
    return _Row(cohort or study, study, control, (instrument, kind), float(sheet.number("time_hours")[row]))


def _distance(one: float, other: float) -> float:
    gap = abs(one - other)
    return gap if gap == gap else float("inf")
