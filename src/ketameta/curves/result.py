"""The result of a durability analysis: a curve, and everything read off it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, stdtr

from ketameta._render import Card, card_html, card_text
from ketameta._typing import Array, ArrayLike, Rng
from ketameta.curves.coefficient_table import coefficient_table
from ketameta.curves.inputs import read_rows
from ketameta.curves.model import CurveFit
from ketameta.curves.readout import ReadOut, plain
from ketameta.curves.readouts import SEED, half_life, peak, retention, time_to
from ketameta.curves.sensitivity import RHO_GRID, over_rho
from ketameta.curves.spec import CurveSpec
from ketameta.curves.support import supported
from ketameta.curves.words import clock, count_of, effect_interval, effect_text, level_text
from ketameta.effects.correlation import DAY, WEEK
from ketameta.errors import ModelError
from ketameta.provenance import Provenance

__all__ = ["DurabilityCurve"]

_STANDARD_HOURS = (4.0, 24.0, 72.0, 168.0, 336.0, 672.0)
_SLACK = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class DurabilityCurve:
    """Effect as a function of time since dosing. Made by :func:`ketameta.curves.durability`.

    Attributes
    ----------
    curve : str
        The family; see :func:`ketameta.curves.durability`.
    measure : str
        Effect measure; ``"effect"`` when the rows do not say. Ratios are kept as logs.
    coefficients : tuple of float
        Spline and straight lines: effects at the knots. Exponential: effect at the first measured time, decay
        rate per hour. The others as ``coefficient_names`` say.
    coefficient_names : tuple of str
        What each coefficient is.
    vcov : numpy.ndarray, shape (p, p)
        Covariance of the coefficients, heterogeneity variances taken as known.
    tau2, omega2 : float
        Variance of true effects between trials (a shift of the whole curve), and between the times of one
        trial beyond the curve.
    rho, correlation : float, str
        Assumed correlation of a participant's outcome between 24 h and 7 d, and how it fades with time.
    method, ci, level, df
        Likelihood; interval kind, level and degrees of freedom (infinite for normal intervals).
    loglik : float
        Restricted log-likelihood under REML, else the full one; for the exponential always the full one.
    aicc : float
        Corrected Akaike criterion from the full likelihood, so that curves can be compared.
    k_trials, k_effects : int
        Trials and effects used.
    n_participants : int or None
        Largest number analysed in each trial, summed; None when a trial does not say.
    rows, left_out : pandas.DataFrame
        Rows used, sorted by trial and time; rows left out for their ``reason``.
    knots_hours : tuple of float
        Knots of spline or straight lines; empty for the other families.
    time_range : tuple of float
        First and last measured time in hours.
    gaps : tuple of (float, float)
        Ranges of hours inside ``time_range`` farther than a factor of two from any measured time.
    coverage : pandas.DataFrame
        Columns ``time_hours, k, n, trials``.
    peak, half_life : ReadOut
        See :class:`ketameta.curves.ReadOut`.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    spec, fit
        The checked arguments and the fitted curve, for functions of this package.
    """

    curve: str
    measure: str
    coefficients: tuple[float, ...]
    coefficient_names: tuple[str, ...]
    vcov: Array
    tau2: float
    omega2: float
    rho: float
    correlation: str
    method: str
    ci: str
    level: float
    df: float
    loglik: float
    aicc: float
    k_trials: int
    k_effects: int
    n_participants: int | None
    rows: pd.DataFrame
    left_out: pd.DataFrame
    knots_hours: tuple[float, ...]
    time_range: tuple[float, float]
    gaps: tuple[tuple[float, float], ...]
    coverage: pd.DataFrame
    peak: ReadOut
    half_life: ReadOut
    notes: tuple[str, ...]
    provenance: Provenance
    spec: CurveSpec
    fit: CurveFit

    def at(
        self,
        *,
        hours: ArrayLike | None = None,
        days: ArrayLike | None = None,
        extrapolate: bool = False,
    ) -> pd.DataFrame:
        """Effect at chosen times.

        Parameters
        ----------
        hours, days : array_like
            Times since dosing, one of both.
        extrapolate : bool
            Allow times outside the measured ones.

        Returns
        -------
        pandas.DataFrame
            ``time_hours, estimate, se, ci_low, ci_high, pi_low, pi_high, p, supported``. The interval
            ``pi_low, pi_high`` is for the true effect of a new trial at that time. ``supported`` is False
            outside the measured range and farther than a factor of two from any measured time.

        Raises
        ------
        ModelError
            If not exactly one of ``hours`` and ``days`` is given, a time is not above zero, or it lies
            outside the measured range and ``extrapolate`` is False.
        """
        times = _times(hours, days)
        first, last = self.time_range
        outside = (times < first * (1 - _SLACK)) | (times > last * (1 + _SLACK))
        if outside.any() and not extrapolate:
            raise ModelError(
                f"{', '.join(f'{time:g}' for time in times[outside])} h lies outside the measured times, "
                f"{first:g} to {last:g} h. Pass extrapolate=True to draw the curve where no trial measured."
            )
        estimate, se = self.fit.value(times), self.fit.se(times)
        half = self.fit.quantile * se
        reach = self.fit.quantile * np.sqrt(se**2 + self.fit.between_variance(times))
        return pd.DataFrame(
            {
                "time_hours": times,
                "estimate": estimate,
                "se": se,
                "ci_low": estimate - half,
                "ci_high": estimate + half,
                "pi_low": estimate - reach,
                "pi_high": estimate + reach,
                "p": self._p(estimate, se),
                "supported": supported(times, self._observed()),
            }
        )

    def coefficient_table(self) -> pd.DataFrame:
        """Coefficients of the shape and of moderators with intervals and tests.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, se, ci_low, ci_high, p``; half-lives and other positive parameters in hours, with the
            interval of their logarithm.
        """
        return coefficient_table(self.fit)

    def given(self, **values: Any) -> DurabilityCurve:
        """The curve of trials with stated values of all moderators.

        Parameters
        ----------
        **values
            A value of each moderator by name, such as ``route="iv"``.

        Returns
        -------
        DurabilityCurve
            The same fit read at these values.

        Raises
        ------
        ModelError
            If the curve has no moderators, one of them is not stated, or a value is not possible.
        """
        fit = self.fit.given(values)
        stated = ", ".join(f"{name} = {value}" for name, value in values.items())
        return dataclasses.replace(
            self,
            spec=dataclasses.replace(self.spec, values=tuple(values.items())),
            fit=fit,
            peak=peak(fit, *self.time_range, self.level),
            half_life=half_life(fit, *self.time_range, self.level),
            notes=(f"the curve of trials with {stated}", *self.notes),
        )

    def time_to(self, threshold: float, *, rng: Rng = SEED) -> ReadOut:
        """When the effect first falls short of a threshold after its peak.

        Parameters
        ----------
        threshold : float
            On the scale of the effect (the log of a ratio), with its sign, such as -0.24.
        rng : Generator, int or None
            Source of the 2000 simulated curves behind the interval; the default is a fixed seed.

        Returns
        -------
        ReadOut
            ``value_hours`` with interval, and ``bound_hours``, when the bound of the pointwise interval
            nearer zero falls short of it.

        Raises
        ------
        ModelError
            If the threshold is not a finite number.
        """
        try:
            source = np.random.default_rng(rng)
        except (TypeError, ValueError):
            raise ModelError(f"rng={rng!r} must be a seed, a Generator or None.") from None
        if not isinstance(threshold, (int, float, np.number)) or not math.isfinite(float(threshold)):
            raise ModelError(f"threshold={threshold!r} must be a finite number, such as -0.24.")
        return time_to(self.fit, float(threshold), *self.time_range, self.level, source)

    @property
    def retention(self) -> ReadOut:
        """Effect at 7 days divided by the effect at 24 hours; undefined unless both are supported."""
        if supported([DAY, WEEK], self._observed()).all():
            return retention(self.fit, self.level)
        return ReadOut(
            name="retention",
            value=None,
            unit="ratio",
            ci_low=None,
            ci_high=None,
            level=self.level,
            status="undefined",
            method="",
            note="no trial measured near 24 h, or none near 7 d",
        )

    def sensitivity(self, rho: Sequence[float] = RHO_GRID) -> pd.DataFrame:
        """Refit over a grid of assumed correlations, with the same knots.

        Parameters
        ----------
        rho : sequence of float
            Correlations between 24 h and 7 d, each 0 <= rho < 1.

        Returns
        -------
        pandas.DataFrame
            One row a correlation: ``rho``, ``estimate_24h, ci_low_24h, ci_high_24h``, the same for ``7d``
            (missing outside the measured range), ``half_life_hours`` (infinite where not reached), ``tau2``,
            ``omega2`` and ``loglik``, which says how well the data bear each correlation.

        Raises
        ------
        ModelError
            If a correlation is outside [0, 1).
        """
        if isinstance(rho, str) or not isinstance(rho, Sequence | np.ndarray):
            raise ModelError(f"rho={rho!r} must be a list of correlations, such as [0.4, 0.6, 0.8].")
        data, _, _ = read_rows(self.rows)
        return over_rho(data, dataclasses.replace(self.spec, knots=self.knots_hours or None), rho)

    def to_frame(self) -> pd.DataFrame:
        """Effect at 4 h, 24 h, 72 h, 7, 14 and 28 d where supported, else at the first and last time."""
        standard = np.array(_STANDARD_HOURS)
        times = standard[supported(standard, self._observed())]
        return self.at(hours=times if times.size else self.time_range)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the tables of rows, as JSON-ready values."""
        names = (
            "curve",
            "measure",
            "tau2",
            "omega2",
            "rho",
            "correlation",
            "method",
            "ci",
            "level",
            "df",
            "loglik",
            "aicc",
            "k_trials",
            "k_effects",
            "n_participants",
        )
        return {
            **{name: plain(getattr(self, name)) for name in names},
            "coefficients": dict(zip(self.coefficient_names, self.coefficients, strict=True)),
            "vcov": self.vcov.tolist(),
            "knots_hours": list(self.knots_hours),
            "time_range": list(self.time_range),
            "gaps": [list(gap) for gap in self.gaps],
            "coverage": _records(self.coverage),
            "estimates": _records(self.to_frame()),
            "peak": self.peak.to_dict(),
            "half_life": self.half_life.to_dict(),
            "retention": self.retention.to_dict(),
            "left_out": len(self.left_out),
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """The curve in words: effect at 24 h and 7 d (or first and last time), half-life."""
        near = np.array([DAY, WEEK])
        near = near[supported(near, self._observed())]
        table = self.at(hours=near if near.size else self.time_range)
        readings = " and ".join(
            f"{effect_text(estimate, self.measure)} ({level_text(self.level)} CI "
            f"{effect_interval(low, high, self.measure)}) at {clock(time)}"
            for time, estimate, low, high in _cells(table, "time_hours", "estimate", "ci_low", "ci_high")
        )
        return (
            f"Across {count_of(self.k_trials, 'trial')} with {count_of(self.k_effects, 'effect')} over time, the "
            f"{self.measure} was {readings}. {self.half_life.sentence()}"
        )

    def method_line(self) -> str:
        """How the curve was made, in one line."""
        law = "normal" if math.isinf(self.df) else f"t({self.df:g})"
        effects = "level and decay of trial" if len(self.fit.spread) == 2 else "trial"
        sides = (("level", self.spec.moderators), ("decay", self.spec.options.decay_moderators))
        moderators = "".join(f"; moderators of {side}: {formula}" for side, formula in sides if formula)
        return (
            f"Method: {self.fit.shape.describe()}{moderators}; random effects of {effects} and of time within trial, "
            f"{self.method}; correlation {self.rho:g} between 24 h and 7 d ({self.correlation}) assumed; {law} intervals"
        )

    def _observed(self) -> Array:
        return self.coverage["time_hours"].to_numpy(dtype=np.float64)

    def _p(self, estimate: Array, se: Array) -> Array:
        stat = -np.abs(np.divide(estimate, se, out=np.full(se.size, np.nan), where=se > 0))
        return np.asarray(2 * (ndtr(stat) if math.isinf(self.df) else stdtr(self.df, stat)), dtype=np.float64)

    def _card(self) -> Card:
        level = level_text(self.level)
        columns = ("time_hours", "estimate", "ci_low", "ci_high", "pi_low", "pi_high")
        rows = tuple(
            (
                clock(time),
                effect_text(estimate, self.measure),
                effect_interval(ci_low, ci_high, self.measure),
                effect_interval(pi_low, pi_high, self.measure),
            )
            for time, estimate, ci_low, ci_high, pi_low, pi_high in _cells(self.to_frame(), *columns)
        )
        title = f"Effect over time: {self.measure}, {count_of(self.k_trials, 'trial')}"
        return Card(
            title=f"{title}, {count_of(self.k_effects, 'effect')}",
            columns=("time since dosing", "estimate", f"{level} CI", f"{level} PI"),
            rows=rows,
            notes=(f"{self.half_life.sentence()[:-1]}: {self.half_life.note}", *self.notes),
            footer=(
                self.method_line(),
                f"tau2 {self.tau2:.4g}, omega2 {self.omega2:.4g}",
                self.provenance.line(),
            ),
        )

    def __str__(self) -> str:
        return card_text(self._card())

    def _repr_html_(self) -> str:
        return card_html(self._card())


def _times(hours: ArrayLike | None, days: ArrayLike | None) -> Array:
    if (hours is None) == (days is None):
        raise ModelError("give the times either as hours=[...] or as days=[...].")
    try:
        given = np.atleast_1d(np.asarray(hours if days is None else days, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise ModelError(f"times must be numbers: {error}") from error
    if given.ndim != 1 or given.size == 0 or not np.all(np.isfinite(given) & (given > 0)):
        raise ModelError(f"times must be finite numbers above zero, not {given.tolist()}.")
    return given if days is None else given * DAY


def _cells(table: pd.DataFrame, *columns: str) -> list[list[float]]:
    """Rows of chosen columns as plain floats."""
    cells: list[list[float]] = table[list(columns)].to_numpy(dtype=np.float64).tolist()
    return cells


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): plain(cell) for name, cell in row.items()} for row in table.to_dict("records")]
