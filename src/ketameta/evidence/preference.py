"""Which of several rows about the same participants answers a question best: the order of preference.

The criteria, in order, when one cohort has several candidate sets of rows (a set is one instrument, kind
of statistic, analysis set and time, with all dose arms held against one comparator arm):

1. statistic: both arms complete, before a contrast with its error, before arms without a spread, before
   a bare contrast. Arm statistics give any effect measure; an adjusted contrast gives one.
2. period: a parallel comparison or the first period of a crossover, before both periods.
3. time: nearest to the time asked for; without a time window, the series with the most times.
4. instrument: ``INSTRUMENTS``; clinician-rated before self-rated, whole scales before single items.
5. arms: more dose arms.
6. score: endpoint before change.
7. analysis: ``ANALYSES``; everybody randomised before completers, and observed scores before scores
   carried forward, which understate what is not known.
8. definition: dropout for any reason before dropout for one.
9. source: ``SOURCES``; then the confidence of the reading, then the lower record number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ketameta._typing import Array, BoolArray
from ketameta.evidence.sheet import Sheet

__all__ = ["ANALYSES", "INSTRUMENTS", "SOURCES", "Merit", "merits"]

INSTRUMENTS = (
    *(
        "MADRS",
        "HAM-D-17",
        "HAM-D-21",
        "HAM-D-24",
        "HAM-D-25",
        "HAM-D",
        "HAM-D-6",
        "QIDS-C",
        "QIDS-SR",
        "QIDS",
    ),
    *("PHQ-9", "PHQ", "BDI-II", "BDI", "HADS-D", "CDRS-R", "GDS-15", "POMS depression"),
    *("CAPS-5", "CAPS", "PCL-5", "PCL-C", "IES-R"),
    *(
        "SSI",
        "BSS",
        "CGI-SS-r",
        "CGI-SS",
        "MADRS-item10",
        "C-SSRS ideation",
        "QIDS-SI",
        "HAM-D-item3",
        "BDI-item9",
    ),
)
ANALYSES = ("ITT", "modified ITT", "", "observed cases", "LOCF", "completers", "safety set")
SOURCES = (
    *("registry", "primary-fulltext", "repository-csv", "regulator", "review-table", "forest-plot-numbers"),
    *("primary-abstract", "secondary-text"),
)
_STATISTICS = ("both arms complete", "a contrast with its error", "arms without a spread", "a bare contrast")
_PERIODS = ("first", "", "both paired", "both as parallel")
_SCORES = ("endpoint", "change", "counts", "survival", "contrast")
_CONFIDENCE = ("high", "medium", "low")
_ANY_REASON = "any reason"


class Merit(NamedTuple):
    """Ranks of one row, 0 the best, in the criteria that belong to single rows."""

    statistic: int
    period: int
    instrument: int
    score: int
    analysis: int
    definition: int
    source: int
    confidence: int
    record: str


def merits(data: Sheet) -> list[Merit]:
    """Merits of every row."""
    columns = (
        [int(value) for value in _statistic(data)],
        [max(_place(_PERIODS, value) - 1, 0) for value in data.text("crossover_period")],
        [_place(INSTRUMENTS, value) for value in data.text("instrument")],
        [_place(_SCORES, value) for value in data.text("score_type")],
        [_place(ANALYSES, value) for value in data.text("analysis_set")],
        [int(value != _ANY_REASON) for value in data.text("definition")],
        [_place(SOURCES, value) for value in data.text("source_kind")],
        [_place(_CONFIDENCE, value) for value in data.text("confidence")],
        [str(value) for value in data.text("record_id")],
    )
    return [Merit(*row) for row in zip(*columns, strict=True)]


def statistic_name(rank: int) -> str:
    """Words for a rank of the criterion ``statistic``."""
    return _STATISTICS[rank]


def _place(order: tuple[str, ...], value: str) -> int:
    return order.index(value) if value in order else len(order)


def _statistic(data: Sheet) -> NDArray[np.int64]:
    complete = np.ones(len(data), dtype=bool)
    means = np.ones(len(data), dtype=bool)
    counted = np.ones(len(data), dtype=bool)
    for s in "tc":
        mean = _given(data.number(f"mean_{s}"))
        interval = _given(data.number(f"ci_low_{s}")) & _given(data.number(f"ci_high_{s}"))
        spread = _given(data.number(f"sd_{s}")) | _given(data.number(f"se_{s}")) | interval
        means &= mean
        complete &= mean & spread & _given(data.number(f"n_{s}"))
        counted &= _given(data.number(f"events_{s}")) & _given(data.number(f"total_{s}"))
    interval = _given(data.number("contrast_ci_low")) & _given(data.number("contrast_ci_high"))
    error = _given(data.number("contrast_se")) | interval
    contrast = _given(data.number("contrast_value"))
    return np.select([complete | counted, contrast & error, means], [0, 1, 2], default=3)


def _given(values: Array) -> BoolArray:
    return ~np.isnan(values)
