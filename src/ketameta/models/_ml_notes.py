"""What a reader of a multilevel model must know, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ketameta.models._ml_problem import Fitted, Problem
from ketameta.models._ml_terms import Term
from ketameta.models.design import Design

__all__ = ["at_bound", "model_notes"]

_AT_BOUND = 1e-8


def at_bound(component: str, value: float, lowest: float, size: float) -> bool:
    """Whether a component is estimated at the edge of its range."""
    if math.isnan(value):
        return False
    if component.startswith("tau2"):
        return value <= 1e-10 * size
    return value >= 1 - _AT_BOUND or value <= lowest + _AT_BOUND


def model_notes(
    problem: Problem,
    fitted: Fitted,
    boundary: Sequence[str],
    fixed: Sequence[str],
    design: Design,
    dfs: object,
) -> tuple[str, ...]:
    """Notes on random effects and on degrees of freedom."""
    notes = [
        f"reference level of {name}: {known[0]}" for name, known in design.levels.items() if design.intercept
    ]
    edge = [name for name in boundary if name not in fixed]
    if edge:
        notes.append(
            f"{', '.join(edge)} {'is' if len(edge) == 1 else 'are'} estimated at the edge of the range; this does not show "
            "that the true value lies there"
        )
    for term, values in zip(problem.terms, fitted.components, strict=True):
        notes += _term_notes(term, values)
    if fitted.maximum.modes > 1:
        notes.append(
            f"the likelihood has {fitted.maximum.modes} local maxima in the variance components; the highest is taken"
        )
    if np.any(np.asarray(dfs) == 0):
        notes.append(
            "there are not more groups than coefficients: by containment no degrees of freedom are left for some tests and "
            'intervals; MultilevelOptions(df="residual") or robust() may have some'
        )
    return tuple(notes)


def _term_notes(term: Term, values: np.ndarray) -> list[str]:
    notes = []
    unknown = [name for name, gone in zip(term.components, term.unknown, strict=True) if gone]
    if unknown:
        notes.append(
            f"{', '.join(unknown)}: no group has both levels, so that these effects tell nothing about it"
            if len(unknown) < 4
            else f"{len(unknown)} correlations of {term.random.text!r} have no group with both levels, so that these effects "
            "tell nothing about them"
        )
    elif np.isnan(values).any():
        notes.append(f"the correlation of {term.random.text!r} is not defined where its variance is 0")
    kind = term.random.structure
    if kind in ("AR", "HAR"):
        try:
            steps = np.diff([float(name) for name in term.levels])
        except ValueError:
            steps = np.ones(1)
        if steps.size and steps.max() > steps.min() * (1 + 1e-9):
            notes.append(
                f"{kind} counts the steps between the levels of {term.random.inner!r}, which are not equally far apart; CAR "
                "goes by distance"
            )
    return notes
