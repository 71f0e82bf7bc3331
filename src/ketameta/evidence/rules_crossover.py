"""Crossover rows: time between the periods, and people counted once an arm."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ketameta.evidence.sheet import WARNING, Finding, Sheet

__all__ = ["SHORTEST_WASHOUT", "crossover_findings"]

SHORTEST_WASHOUT = 7.0
"""Days between the doses of two periods below which an effect of the first may reach into the second."""
_BOTH = ("both paired", "both as parallel")
_ARMS = (("t", "ketamine"), ("c", "comparator"))


def crossover_findings(data: Sheet) -> Iterator[Finding]:
    """Both periods analysed after a short or unknown washout, and arms larger than the trial."""
    crossover = data.is_one_of("design", ["crossover"])
    both = crossover & data.is_one_of("crossover_period", _BOTH)
    washout = data.number("washout_days")
    short = both & (washout < SHORTEST_WASHOUT)
    if short.any():
        hint = (
            f"under {SHORTEST_WASHOUT:g} days between the doses, about as long as an effect of one dose lasts: "
            "the first period may carry over; the first period alone is safer"
        )
        yield Finding(np.flatnonzero(short), "washout_days", "washout", WARNING, hint)
    unknown = both & data.included() & np.isnan(washout) & ~data.misread("washout_days")
    if unknown.any():
        hint = (
            "both periods are analysed: enter the days between their doses, so that carry-over can be judged"
        )
        yield Finding(np.flatnonzero(unknown), "washout_days", "washout-unknown", WARNING, hint)
    stray = ~crossover & ~np.isnan(washout)
    if stray.any():
        hint = "the design is not crossover"
        yield Finding(np.flatnonzero(stray), "washout_days", "crossover-period", WARNING, hint)
    randomised = data.number("n_randomised")
    for s, name in _ARMS:
        for part in ("n", "total"):
            above = crossover & (data.number(f"{part}_{s}") > randomised)
            if above.any():
                hint = f"the {name} arm holds more participants than were randomised"
                yield Finding(np.flatnonzero(above), f"{part}_{s}", "n-randomised", WARNING, hint)
