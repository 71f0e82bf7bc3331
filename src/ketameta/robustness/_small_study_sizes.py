"""Sizes and events of the trials of a pool, as the tests on the size of trials need them."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.effects._numbers import parts_of_control, read_numbers
from ketameta.effects._sheet import Sheet
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.models._studies import name_rows, text_column

__all__ = ["arm_sizes", "crossovers", "event_counts"]


def arm_sizes(fit: Pooled, who: str) -> tuple[Array, Array]:
    """People of the ketamine and of the comparator arm behind each effect, shape (k,); a control arm that was split counts by its part.

    Raises
    ------
    ModelError
        Where a row does not say them; names the rows.
    """
    number = _numbers(fit)
    n_t, n_c = number["n_t"], number["n_c"]
    _require(fit, np.isfinite(n_t) & np.isfinite(n_c), who, "the size of both arms (n_t, n_c)")
    return n_t, n_c


def event_counts(fit: Pooled, who: str) -> tuple[Array, Array]:
    """People with and without an event in each trial, both arms together, shape (k,).

    Raises
    ------
    ModelError
        Where a row does not say them, or says fewer than none or more than there are people, or where nobody or
        everybody of a trial has an event; names the rows.
    """
    number = _numbers(fit)
    arms = [(number[f"events_{arm}"], number[f"total_{arm}"]) for arm in ("t", "c")]
    possible = np.logical_and(
        *((events >= 0) & (events <= total) & np.isfinite(total) for events, total in arms)
    )
    needed = "the events and people of both arms (events_t, total_t, events_c, total_c; no more events than people)"
    _require(fit, possible, who, needed)
    events, total = (one + other for one, other in zip(*arms, strict=True))
    others = total - events
    _require(fit, (events > 0) & (others > 0), who, "people with and people without an event")
    return events, others


def crossovers(fit: Pooled) -> int:
    """How many rows come from crossover trials, whose two arms are the same people."""
    return sum(word == "crossover" for word in text_column(fit.rows, "design"))


def _numbers(fit: Pooled) -> dict[str, Array]:
    sheet = Sheet(fit.rows.reset_index(drop=True))
    return read_numbers(sheet, parts_of_control(sheet, sheet.frame))


def _require(fit: Pooled, there: BoolArray, who: str, what: str) -> None:
    missing = np.flatnonzero(~there).tolist()
    if missing:
        raise ModelError(
            f"{who}() needs {what}, which are missing in {name_rows(fit.rows, missing)}; fill them in, or pool "
            "without these rows: a test on fewer trials answers another question"
        )
