"""Every analysis of the manuscript, from one table of trials."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import pandas as pd

import ketameta as km
from ketameta.curves import DurabilityCurve
from ketameta.errors import KetametaWarning
from ketameta.evidence import Selection, load_missing
from ketameta.models import Pooled, PooledCounts, Regression, Subgroups
from ketameta.reporting import SummaryOfFindings
from ketameta.reporting.questions import WINDOWS

NEXT_DAY, WEEK, FORTNIGHT = (
    next(window for window in WINDOWS if window.name == name) for name in ("24 h", "7 d", "14 d")
)
COMPARATORS = ["inactive", "psychoactive"]
DEPRESSION = {
    "indication": "MDD",
    "comparator": COMPARATORS,
    "population": ["MDD", "TRD", "MDD with suicidal ideation"],
}
IDEATION = {"indication": ["MDD", "BD", "PTSD", "SI"], "comparator": COMPARATORS}
PTSD = {
    "indication": "PTSD",
    "comparator": COMPARATORS,
    "setting": ["treatment", "psychotherapy adjunct"],
}
POINTS = "MADRS"


@dataclass(frozen=True, slots=True, eq=False)
class Analyses:
    """What the manuscript reports.

    ``careful`` holds pools again, with intervals that are never narrower than Wald's.

    ``without`` has the pool without each trial, ``half_lives`` those of the curve without each cohort, in hours.
    ``ptsd_day``, ``ptsd_course`` and ``ptsd_adjunct`` are single trials, shown as such.
    """

    trials: pd.DataFrame
    missing: pd.DataFrame
    chosen: Selection
    depression: Pooled
    by_comparator: Subgroups
    difference: Regression
    madrs: Pooled
    response: Pooled
    response_counts: PooledCounts
    remission: Pooled
    curve: DurabilityCurve
    ideation: Pooled
    ssi: Pooled
    ptsd_day: Pooled
    ptsd_course: Pooled
    ptsd_adjunct: Pooled
    careful: dict[str, Pooled]
    without: pd.DataFrame
    half_lives: pd.Series

    @property
    def findings(self) -> SummaryOfFindings:
        """Summary of findings; nobody has judged certainty."""
        return km.summary_of_findings(
            {
                "Depressive symptoms": self.depression,
                "Response": self.response,
                "Remission": self.remission,
                "Suicidal ideation": self.ideation,
                "PTSD symptoms, IES-R": self.ptsd_day,
            },
            points={"Depressive symptoms": POINTS},
        )

    @property
    def results(self) -> tuple[object, ...]:
        """The results that the text rests on."""
        return (
            *(
                self.depression,
                self.by_comparator,
                self.curve,
                self.madrs,
                self.response,
                self.response_counts,
            ),
            *(self.remission, self.ideation, self.ssi, self.ptsd_day, self.ptsd_course, self.ptsd_adjunct),
            self.difference,
        )

    def group(self, name: str) -> Pooled:
        """The pool of one class of comparator."""
        return dict(self.by_comparator.groups)[name]


def analyse(trials: pd.DataFrame) -> Analyses:
    """Run every analysis; what the package warns of stands in the notes of its results."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        return _analyse(trials)


def _analyse(trials: pd.DataFrame) -> Analyses:
    def effects(measure: Any, window: Any = None, **asked: Any) -> pd.DataFrame:
        asked = {"dosing": "single", **asked}
        times = {} if window is None else {"hours": (window.low, window.high), "at": window.at}
        return km.effect_sizes(km.select(trials, measure=measure, **times, **asked), measure=measure)

    depressed = {"outcome": "depression", **DEPRESSION}
    suicidal = {"outcome": "suicidal_ideation", **IDEATION}
    traumatised = {"outcome": "ptsd", **PTSD}
    day = effects("SMD", NEXT_DAY, **depressed)
    ssi = effects("MD", NEXT_DAY, instrument="SSI", **suicidal)
    responding = effects("RR", NEXT_DAY, **{**depressed, "outcome": "response"})
    midazolam = day[day["comparator_class"] == "psychoactive"]
    curve = km.durability(effects("SMD", **depressed))
    missing = load_missing()
    return Analyses(
        trials=trials,
        missing=missing[~missing["notes"].str.contains("within ECT")],
        chosen=km.select(
            trials,
            hours=(NEXT_DAY.low, NEXT_DAY.high),
            at=NEXT_DAY.at,
            dosing="single",
            measure="SMD",
            **depressed,
        ),
        depression=km.pool(day),
        by_comparator=km.subgroups(day, "comparator_class"),
        difference=km.regress(day, "comparator_class"),
        madrs=km.pool(effects("MD", NEXT_DAY, instrument=POINTS, **depressed)),
        response=km.pool(responding),
        response_counts=km.counts(responding, measure="OR", method="UM.FS"),
        remission=km.pool(effects("RR", NEXT_DAY, **{**depressed, "outcome": "remission"})),
        curve=curve,
        ideation=km.pool(effects("SMD", NEXT_DAY, **suicidal)),
        ssi=km.pool(ssi),
        ptsd_day=km.pool(effects("MD", NEXT_DAY, instrument="IES-R", **traumatised)),
        ptsd_course=km.pool(effects("SMD", FORTNIGHT, **{**traumatised, "dosing": "repeated"})),
        ptsd_adjunct=km.pool(effects("SMD", WEEK, **traumatised)),
        careful={
            name: km.pool(rows, ci="HKSJ-adhoc")
            for name, rows in {"depression": day, "midazolam": midazolam, "ssi": ssi}.items()
        },
        without=_without_each(day),
        half_lives=curve.leave_one_out().to_frame().set_index("trial")["half_life_hours"],
    )


def _without_each(effects: pd.DataFrame) -> pd.DataFrame:
    """The pool without each trial in turn."""
    fits = {row.label: km.pool(effects.drop(row.Index)) for row in effects.itertuples()}
    return pd.DataFrame(
        [(name, fit.estimate, fit.ci_low, fit.ci_high) for name, fit in fits.items()],
        columns=["label", "estimate", "ci_low", "ci_high"],
    )
