"""What a reader of an analysis of unblinding must know."""

from __future__ import annotations

import numpy as np

from ketameta._render import number, plural
from ketameta._typing import Array
from ketameta.models import Pooled
from ketameta.models._studies import text_column
from ketameta.models.result import shown
from ketameta.robustness._unblinding_classes import ACTIVE, INACTIVE, Classwise

__all__ = ["notes_of"]

_SMALL_CLASS = 5
_NAMED = 6


def notes_of(fit: Pooled, names: list[str], found: Classwise, moved: Array) -> tuple[str, ...]:
    """Notes, those that change the reading first."""
    notes = [*_one_class(found), *_power(fit, found), *_left_out(fit, names)]
    if len(found.table) == 2:
        notes.append(
            "the kind of comparator was not randomised: trials also differ in route, dose, year and size, and a "
            "psychoactive comparator masks in part only, or may have an effect of its own"
        )
    if found.ci_method != fit.ci_method:
        why = (
            "one trial in each class leaves tau2 unknown, so the comparison rests on sampling variances alone"
            if np.isnan(found.tau2)
            else f"{fit.ci_method} intervals are not defined for several means; classes are compared with HKSJ"
        )
        notes.append(why)
    if not (found.table["se"] > 0).all():
        notes.append(
            'effects within the classes are identical, so HKSJ standard errors are 0; take ci="HKSJ-adhoc"'
        )
    if not moved.any():
        notes.append(
            "no trial has an inactive comparator and share_active is 0, so no bias is taken off anywhere"
        )
    notes.append(
        "the size of the bias is assumed, not estimated: trials that did not test their masking cannot tell it"
    )
    return tuple(notes)


def _one_class(found: Classwise) -> list[str]:
    if len(found.table) == 2:
        return []
    absent = ACTIVE if found.table["class"][0] == INACTIVE else INACTIVE
    article = "an" if absent == INACTIVE else "a"
    return [f"no trial has {article} {absent} comparator, so the two cannot be compared"]


def _power(fit: Pooled, found: Classwise) -> list[str]:
    if len(found.table) < 2 or found.table["k"].min() >= _SMALL_CLASS:
        return []
    row = found.table.sort_values("k", kind="stable").to_dict(orient="records")[0]
    size = number(shown(found.detectable, fit.ratio))
    measure = f"ratio of {size} between the classes" if fit.ratio else f"difference of {size}"
    return [
        f"{plural(int(row['k']), 'trial')} with {'an' if row['class'] == INACTIVE else 'a'} {row['class']} comparator: "
        f"only a true {measure} or more would be found with 80% power, so no difference seen is not no "
        "difference"
    ]


def _left_out(fit: Pooled, names: list[str]) -> list[str]:
    out = [i for i, name in enumerate(names) if name not in (INACTIVE, ACTIVE)]
    if not out:
        return []
    labels = text_column(fit.rows, "label")
    listed = [f"{labels[i]} ({names[i] or 'not stated'})" for i in out[:_NAMED]]
    more = f" and {len(out) - _NAMED} more" if len(out) > _NAMED else ""
    return [
        f"{plural(len(out), 'trial')} with another kind of comparator left out, from the pooled effect here too: "
        f"{', '.join(listed)}{more}"
    ]
