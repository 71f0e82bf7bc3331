"""What a reader of pooled counts must know, in words."""

from __future__ import annotations

from collections import Counter

from ketameta._typing import BoolArray
from ketameta.models._count_tables import Tables
from ketameta.models._studies import text_column
from ketameta.models.glmm import BinomialNormal

__all__ = ["notes_on"]

_UNSTABLE = 1e-8


def notes_on(
    tables: Tables,
    used: BoolArray,
    *,
    measure: str,
    tau2_method: str,
    tau2: float,
    model: BinomialNormal | None,
) -> tuple[str, ...]:
    """Rows left out, tables that say nothing, heterogeneity, and how sure the numbers are."""
    reasons = Counter(text_column(tables.left_out, "reason"))
    notes = [f"{rows} row{'s'[: rows > 1]} left out: {reason}" for reason, rows in reasons.items()]
    notes += [*tables.alerts, *tables.notes]
    mute = [str(label) for label in tables.rows["label"].to_numpy()[~used]]
    if mute:
        kind = "no event" if measure == "RR" and tau2_method == "EE" else "no event, or only events,"
        notes.append(f"{kind} in both groups, left out of the pooled {measure}: {', '.join(mute)}")
    k = int(used.sum())
    if k == 1:
        notes.append("one study: heterogeneity cannot be estimated")
    elif tau2_method == "EE":
        notes.append("a common effect is assumed: tau2 is not estimated, and there is no prediction interval")
    elif tau2 == 0:
        notes.append(
            "tau2 is estimated as 0, the edge of its range; this does not show that the effects are alike"
        )
    if k == 2 and tau2_method != "EE":
        notes.append("heterogeneity is hardly estimable from two studies")
    if model is not None:
        notes += _numerical(model)
    return tuple(notes)


def _numerical(model: BinomialNormal) -> list[str]:
    notes = []
    if model.sigma2 == 0:
        notes.append(
            "the variance of the levels of studies (sigma2) is estimated as 0, the edge of its range"
        )
    if model.modes > 1:
        notes.append(f"the likelihood has {model.modes} local maxima in tau2; the highest is taken")
    if model.drift > _UNSTABLE:
        notes.append(
            f"with twice as many quadrature nodes a parameter would move by {model.drift:.1g}: give more nodes"
        )
    return notes
