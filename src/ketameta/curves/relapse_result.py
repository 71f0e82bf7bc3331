"""Implied relapse-free curves as a result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtri

from ketameta._render import Card, Shown, interval, number, plural
from ketameta._typing import Array, ArrayLike
from ketameta.curves.pointwise import read_times, require_inside
from ketameta.curves.readout import ReadOut, plain
from ketameta.curves.relapse_comparator import Comparator
from ketameta.curves.relapse_region import combined_offsets, difference_range, relapse_free
from ketameta.curves.responding_contrasts import needed_to_treat, nnt_text, nnt_words
from ketameta.curves.words import clock, level_text
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.provenance import Provenance

__all__ = ["RelapseCurves"]

_LOG_LOG2 = math.log(math.log(2))
_STANDARD_WEEKS = (4.0, 12.0, 26.0, 52.0, 104.0)
_WEEK = 168.0
_YEARS_100 = 100 * 24 * 365.25
_LOG_TIMES = np.linspace(-690.0, 690.0, 24001)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RelapseCurves(Shown):
    """Relapse-free curves implied by a hazard ratio. Made by :func:`ketameta.curves.relapse`.

    Attributes
    ----------
    pooled : Pooled
        The pooled log hazard ratio.
    comparator : Comparator
        The comparator's curve.
    last_hours : float
        Time up to which the curves are read without extrapolation.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    pooled: Pooled
    comparator: Comparator
    last_hours: float
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def level(self) -> float:
        """Level of all intervals, that of the pooled hazard ratio."""
        return self.pooled.level

    @property
    def hr(self) -> tuple[float, float, float]:
        """Hazard ratio with its interval."""
        with np.errstate(over="ignore"):
            value, low, high = np.exp(self._log_hr()).tolist()
        return value, low, high

    @property
    def shape(self) -> float:
        """Weibull shape of both curves; 1 for the exponential."""
        return self.comparator.shape

    def at(
        self, *, hours: ArrayLike | None = None, days: ArrayLike | None = None, extrapolate: bool = False
    ) -> pd.DataFrame:
        """Shares free of relapse at chosen times.

        Parameters
        ----------
        hours, days : array_like
            Times since randomisation, one of both.
        extrapolate : bool
            Allow times after ``last_hours``.

        Returns
        -------
        pandas.DataFrame
            ``time_hours``; ``relapse_free_t`` (ketamine) and ``relapse_free_c`` with ``ci_low_`` and ``ci_high_``;
            ``rd`` (difference of both) and ``nnt`` (its reciprocal) with ``_ci_low`` and ``_ci_high``. Where
            ``nnt_ci_high`` is negative the interval runs over infinity to that number needed to harm.

        Raises
        ------
        ModelError
            If a time is not usable, or after ``last_hours`` and ``extrapolate`` is False.
        """
        times = read_times(hours, days)
        require_inside(
            times, (0.0, self.last_hours), extrapolate=extrapolate, what="what the printed numbers cover"
        )
        control, treated = self._arms(times)
        b, b_low, b_high = self._log_hr()
        rd = relapse_free(treated[0]) - relapse_free(control[0])
        rd_low, rd_high = difference_range(*control, b, b_low, b_high)
        nnt, nnt_low, nnt_high = needed_to_treat(rd, rd_low, rd_high)
        table: dict[str, Array] = {"time_hours": times}
        for suffix, (value, low, high) in (("t", treated), ("c", control)):
            table[f"relapse_free_{suffix}"] = relapse_free(value)
            table[f"ci_low_{suffix}"], table[f"ci_high_{suffix}"] = relapse_free(high), relapse_free(low)
        return pd.DataFrame(
            {
                **table,
                "rd": rd,
                "rd_ci_low": rd_low,
                "rd_ci_high": rd_high,
                "nnt": nnt,
                "nnt_ci_low": nnt_low,
                "nnt_ci_high": nnt_high,
            }
        )

    def median(self, arm: str = "ketamine") -> ReadOut:
        """Median time to relapse, implied by the curve of an arm.

        Parameters
        ----------
        arm : {"ketamine", "comparator"}
            Which arm.

        Returns
        -------
        ReadOut
            Hours; the bounds are the times until which the lower bound of the curve lies above one half, and from
            which its upper bound does not; 0 or infinite where there is no such time.

        Raises
        ------
        ModelError
            If there is no such arm.
        """
        if arm not in ("ketamine", "comparator"):
            raise ModelError(f"arm={arm!r} is unknown; choose ketamine or comparator.")
        value, late, early = (self._half(arm == "ketamine", part) for part in range(3))
        note = "implied by the curve, not observed"
        if value > self.last_hours * (1 + 1e-9):
            note += f"; it lies after {clock(self.last_hours)}, so it is an extrapolation"
        return ReadOut(
            name=f"median time to relapse, {arm}",
            value=value if math.isfinite(value) else None,
            unit="hours",
            ci_low=early,
            ci_high=late,
            level=self.level,
            status="reached" if math.isfinite(value) else "not reached",
            method="intervals of HR and of the comparator's curve combined",
            note=note,
        )

    def rates(self) -> pd.DataFrame:
        """Relapses per 100 person-years of both arms.

        Returns
        -------
        pandas.DataFrame
            ``arm, rate, ci_low, ci_high``.

        Raises
        ------
        ModelError
            If the curves are not exponential: their rate changes with time.
        """
        if self.shape != 1:
            raise ModelError(
                f"a Weibull of shape {self.shape:.3g} has no constant rate of relapse; read shares from at()."
            )
        control, treated = self._arms(np.array([1.0]))
        rows = [
            (name, *(float(np.exp(part[0])) * _YEARS_100 for part in parts))
            for name, parts in (("ketamine", treated), ("comparator", control))
        ]
        return pd.DataFrame(rows, columns=["arm", "rate", "ci_low", "ci_high"])

    def to_frame(self) -> pd.DataFrame:
        """:meth:`at` 4, 12, 26, 52 and 104 weeks as far as covered, and at ``last_hours``."""
        standard = np.array(_STANDARD_WEEKS) * _WEEK
        return self.at(hours=np.append(standard[standard < self.last_hours], self.last_hours))

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready values."""
        value, low, high = self.hr
        return {
            "hr": value,
            "hr_ci_low": plain(low),
            "hr_ci_high": plain(high),
            "level": self.level,
            "k": self.pooled.k,
            "shape": self.shape,
            "comparator": self.comparator.describe(),
            "last_hours": self.last_hours,
            "estimates": [
                {str(name): plain(cell) for name, cell in row.items()}
                for row in self.to_frame().to_dict("records")
            ],
            "medians": [self.median(arm).to_dict() for arm in ("ketamine", "comparator")],
            "notes": list(self.notes),
        }

    def sentence(self) -> str:
        """The curves in words, at ``last_hours``."""
        row = self.at(hours=[self.last_hours]).iloc[0]
        value, low, high = self.hr
        level = level_text(self.level)
        return (
            f"With a hazard ratio of relapse of {number(value)} ({level} CI {number(low)} to {number(high)}; "
            f"{plural(self.pooled.k, 'trial')}), {_percent(row['relapse_free_c'])} on the comparator and "
            f"{_percent(row['relapse_free_t'])} on ketamine ({level} CI {_percent(row['ci_low_t'])} to "
            f"{_percent(row['ci_high_t'])}) would be free of relapse at {clock(self.last_hours)}; NNT "
            f"{nnt_words(row['nnt'], row['nnt_ci_low'], row['nnt_ci_high'], self.level)}."
        )

    def method_line(self) -> str:
        """How the curves were made, in one line."""
        return (
            f"Method: {self.comparator.describe()}; ketamine by proportional hazards, S_t = S_c^HR; hazard ratio and "
            "comparator taken as independent, intervals over their joint region"
        )

    def _half(self, ketamine: bool, part: int) -> float:
        """Time at which the curve (part 0), its upper (1) or its lower bound (2) passes one half for good.

        A bound that turns back, as of a Weibull of uncertain shape, passes first from above (1) or last (2), as no
        curve rises again. Zero or infinite where it does not in any time a number can hold.
        """

        def above(log_times: Array) -> Array:
            return self._arms(np.exp(log_times))[ketamine][part] - _LOG_LOG2

        past = above(_LOG_TIMES) >= 0
        if part == 2:
            past = np.logical_and.accumulate(past[::-1])[::-1]
        if not past.any():
            return math.inf
        j = int(np.argmax(past))
        if j == 0:
            return 0.0
        left, right = _LOG_TIMES[j - 1], _LOG_TIMES[j]
        return math.exp(brentq(lambda x: float(above(np.array([x]))[0]), left, right, xtol=1e-13))

    def _log_hr(self) -> tuple[float, float, float]:
        return self.pooled.estimate, self.pooled.ci_low, self.pooled.ci_high

    def _arms(self, hours: Array) -> tuple[tuple[Array, Array, Array], tuple[Array, Array, Array]]:
        """Log cumulative hazards with bounds: comparator, ketamine."""
        b, b_low, b_high = self._log_hr()
        z, z_low, z_high = self.comparator.log_hazard(hours, -float(ndtri((1 - self.level) / 2)))
        down = combined_offsets(z - z_low, np.full(z.size, b - b_low))
        up = combined_offsets(z_high - z, np.full(z.size, b_high - b))
        return (z, z_low, z_high), (z + b, z + b - down, z + b + up)

    def _card(self) -> Card:
        level = level_text(self.level)
        rows = tuple(
            (
                clock(row["time_hours"]),
                _percent(row["relapse_free_t"]),
                f"{_percent(row['ci_low_t'])} to {_percent(row['ci_high_t'])}",
                _percent(row["relapse_free_c"]),
                f"{_percent(row['ci_low_c'])} to {_percent(row['ci_high_c'])}",
                nnt_text(row["nnt"], row["nnt_ci_low"], row["nnt_ci_high"]),
            )
            for row in self.to_frame().to_dict("records")
        )
        value, low, high = self.hr
        return Card(
            title=f"Free of relapse, implied by a hazard ratio of {number(value)} {interval(low, high)}",
            columns=("time", "ketamine", f"{level} CI", "comparator", f"{level} CI", f"NNT [{level} CI]"),
            rows=rows,
            notes=(*(self.median(arm).sentence()[:-1] for arm in ("ketamine", "comparator")), *self.notes),
            footer=(self.method_line(), self.provenance.line()),
        )


def _percent(share: float) -> str:
    return f"{number(100 * share, 0)}%"
