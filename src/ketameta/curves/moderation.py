"""Moderators of the level and of the decay of a curve, through the formulas of the models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.curves.inputs import TrialTimes
from ketameta.curves.spec import CurveSpec
from ketameta.errors import ModelError
from ketameta.models._formula import read_formula
from ketameta.models._moderators import moderator
from ketameta.models.design import Design, formula_design

__all__ = ["Part", "complete_rows", "level_and_decay"]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Moderators of one side of a curve, its level or its decay.

    Attributes
    ----------
    x : numpy.ndarray, shape (n, r)
        Columns, each less its mean over trials, so that a curve without them is that of the average trial.
    names : tuple of str
        What each column is.
    centre : numpy.ndarray, shape (r,)
        Those means.
    design : Design or None
        The formula behind them; None where there are no moderators.
    """

    x: Array
    names: tuple[str, ...]
    centre: Array
    design: Design | None

    def at(self, values: Mapping[str, Any]) -> Array:
        """The columns at stated values of the moderators, shape (r,)."""
        if self.design is None:
            return np.zeros(0)
        return np.asarray(self.design.rows(pd.DataFrame([dict(values)]))[0, 1:] - self.centre)

    @property
    def columns(self) -> tuple[str, ...]:
        """Moderators, as columns of the table."""
        return () if self.design is None else self.design.columns


def level_and_decay(data: TrialTimes, spec: CurveSpec) -> tuple[Part, Part]:
    """Moderators of level and of decay, read from the rows of the trials.

    Raises
    ------
    ModelError
        For a formula that cannot be read or has no intercept, or a moderator that cannot explain anything.
    """
    return _part(data, spec, spec.moderators), _part(data, spec, spec.options.decay_moderators)


def complete_rows(rows: pd.DataFrame, spec: CurveSpec) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with a value of every moderator, and the others with their reason.

    Raises
    ------
    ModelError
        If no row has them all.
    """
    lacking = np.full(len(rows), "", dtype=object)
    for text in (spec.moderators, spec.options.decay_moderators):
        if text is not None:
            formula = read_formula(text, [str(name) for name in rows.columns])
            for name in formula.columns:
                missing = moderator(rows, name, as_levels=name in formula.as_levels)[1]
                lacking[missing & (lacking == "")] = f"no value of {name!r}"
    gone = lacking != ""
    if gone.all() and len(rows):
        raise ModelError(f"no row has a value of each moderator: {lacking[0]} in the first one.")
    return rows.loc[~gone], rows.loc[gone].assign(reason=lacking[gone])


def _part(data: TrialTimes, spec: CurveSpec, text: str | None) -> Part:
    n = data.yi.size
    if text is None:
        return Part(np.empty((n, 0)), (), np.empty(0), None)
    formula = read_formula(text, [str(name) for name in data.rows.columns])
    used = {name: level for name, level in (spec.options.reference or {}).items() if name in formula.columns}
    design = formula_design(data.rows, formula, used)
    if not design.intercept:
        raise ModelError(
            f"the formula {text!r} leaves out the intercept, which the curve itself is; drop the 0."
        )
    x = design.x[:, 1:]
    counts = np.bincount(data.trial)
    by_trial = np.stack([np.bincount(data.trial, column) / counts for column in x.T], axis=1)
    centre = by_trial.mean(axis=0)
    return Part(x - centre, design.names[1:], centre, design)
