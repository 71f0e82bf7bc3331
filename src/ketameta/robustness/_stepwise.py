"""What leaving studies out and adding them one by one have in common: a pool a step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Shown, interval, number, p_value
from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.models import Multilevel, Pooled
from ketameta.models.result import finite, level_text, plain_rows, shown, small
from ketameta.provenance import Provenance

__all__ = ["NUMBERS", "Stepwise", "Whole", "side_of"]

NUMBERS = ("k", "estimate", "se", "ci_low", "ci_high", "p", "pi_low", "pi_high", "tau2", "i2", "q")


@dataclass(frozen=True, slots=True)
class Whole:
    """The pool of all studies that steps are held against.

    Attributes
    ----------
    estimate, ci_low, ci_high : float
        Pooled effect and its interval, on the scale of the analysis.
    level : float
        Level of all intervals.
    measure : str
        Effect measure, empty when unknown.
    ratio : bool
        Whether the measure is a ratio, stored as its natural log.
    method : str
        How the numbers were made.
    """

    estimate: float
    ci_low: float
    ci_high: float
    level: float
    measure: str
    ratio: bool
    method: str

    @staticmethod
    def of(fit: Pooled | Multilevel) -> Whole:
        """What is needed of a pool, or of a multilevel model of a mean."""
        if isinstance(fit, Pooled):
            found = (fit.estimate, fit.ci_low, fit.ci_high)
        else:
            row = fit.to_frame().iloc[0]
            found = (float(row["estimate"]), float(row["ci_low"]), float(row["ci_high"]))
        method = fit.method if isinstance(fit, Pooled) else fit.method_line
        return Whole(*found, fit.level, fit.measure, fit.ratio, method)

    @property
    def null(self) -> str:
        """The value of no difference, as it is shown."""
        return "1" if self.ratio else "0"

    def text(self, value: float) -> str:
        """A value as it is shown."""
        return number(shown(value, self.ratio))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stepwise(Shown):
    """Pools of parts of the studies, on the scale of the analysis (logs for ratios).

    Attributes
    ----------
    labels : tuple of str
        What was left out or added, one a step.
    k : Array, shape (n,)
        Number of studies pooled.
    estimate, se, ci_low, ci_high, p : Array, shape (n,)
        Pooled effect, its standard error, interval and P value.
    pi_low, pi_high : Array, shape (n,)
        Prediction interval.
    tau2, i2, q : Array, shape (n,)
        Between-study variance, I2 in percent, Cochran's Q.
    whole : Whole
        The pool of all studies.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    labels: tuple[str, ...]
    k: Array
    estimate: Array
    se: Array
    ci_low: Array
    ci_high: Array
    p: Array
    pi_low: Array
    pi_high: Array
    tau2: Array
    i2: Array
    q: Array
    whole: Whole
    notes: tuple[str, ...]
    provenance: Provenance

    def excludes_null(self) -> BoolArray:
        """Whether each interval leaves out no difference, shape (n,)."""
        return np.asarray(self.sides() != 0)

    def sides(self) -> AnyArray:
        """Side of no difference on which each interval lies: -1 below, 1 above, 0 where it holds it, shape (n,)."""
        return side_of(self.ci_low, self.ci_high)

    def to_frame(self) -> pd.DataFrame:
        """One row a step."""
        table = pd.DataFrame({"label": list(self.labels)} | {name: getattr(self, name) for name in NUMBERS})
        return table.astype({"k": int})

    def _record(self, **extra: Any) -> dict[str, Any]:
        """The common part of ``to_dict()``, with what a result adds."""
        whole = {name: getattr(self.whole, name) for name in ("estimate", "ci_low", "ci_high")}
        return {
            "measure": self.whole.measure,
            "scale": "log" if self.whole.ratio else "identity",
            "level": self.whole.level,
            **extra,
            "whole": {name: finite(value) for name, value in whole.items()},
            "steps": plain_rows(self.to_frame()),
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def _cells(self, i: int) -> tuple[str, ...]:
        """Cells of one step: studies, effect, interval, P value, tau2, I2."""
        whole = self.whole
        low, high = (shown(float(bound[i]), whole.ratio) for bound in (self.ci_low, self.ci_high))
        tau2, i2 = float(self.tau2[i]), float(self.i2[i])
        return (
            str(int(self.k[i])),
            whole.text(float(self.estimate[i])),
            interval(low, high),
            p_value(float(self.p[i])),
            "–" if math.isnan(tau2) else small(tau2),
            number(i2, 0),
        )

    def _whole_cells(self) -> tuple[str, ...]:
        whole = self.whole
        bounds = interval(shown(whole.ci_low, whole.ratio), shown(whole.ci_high, whole.ratio))
        return "", whole.text(whole.estimate), bounds, "", "", ""

    def _columns(self, first: str) -> tuple[str, ...]:
        return (first, "k", "Estimate", f"{level_text(self.whole.level)} interval", "P", "tau2", "I2 (%)")

    def _footer(self, method: str) -> tuple[str, ...]:
        name = self.whole.measure
        ratio = f"{name} shown as ratio; analysed, and stored in the fields, as its natural log"
        return (
            method,
            f"All studies: {self.whole.method}",
            *((ratio,) if self.whole.ratio else ()),
            self.provenance.line(),
        )


def side_of(low: Any, high: Any) -> AnyArray:
    """Side of 0 on which intervals lie; 0 where they hold it or are not known."""
    return np.where(np.asarray(low) > 0, 1, np.where(np.asarray(high) < 0, -1, 0))
