"""The result of a durability analysis: a curve, and everything read off it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown
from ketameta._typing import Array
from ketameta.curves import showing
from ketameta.curves.coefficient_table import coefficient_table
from ketameta.curves.foundations import Foundations
from ketameta.curves.model import CurveFit
from ketameta.curves.readout import ReadOut
from ketameta.curves.readouts import half_life, peak
from ketameta.curves.same_trials import SameTrials, compare
from ketameta.curves.spec import CurveSpec
from ketameta.curves.support import standard_times
from ketameta.provenance import Provenance

__all__ = ["DurabilityCurve"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DurabilityCurve(Foundations, Shown):
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
    _memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

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
            provenance=self.provenance.after(("given", {"values": values})),
        )

    def same_trials(self, *, early: Sequence[float], late: Sequence[float]) -> SameTrials:
        """The curve of trials that were measured both early and late, beside that of all.

        A curve of all trials falls, or rises, also because other trials stand behind its late part. This one
        does not.

        Parameters
        ----------
        early, late : sequence of two floats
            First and last hour of each window, ends included, such as ``(20, 30)`` and ``(120, 240)``.

        Returns
        -------
        SameTrials
            Both curves, their difference with interval, and who is in.

        Raises
        ------
        ModelError
            If no trial was measured in both windows, the curve has moderators, or the trials that were do not
            determine a curve.

        Examples
        --------
        >>> import pandas as pd
        >>> from ketameta.curves import durability
        >>> es = pd.DataFrame({"cohort_id": list("aabbcc"), "time_hours": [24, 168, 24, 168, 24, 72],
        ...                    "yi": [-0.8, -0.4, -0.6, -0.2, -1.0, -0.7], "vi": 0.05})
        >>> curve = durability(es)
        >>> print(curve.same_trials(early=(20, 30), late=(120, 200)).sentence())
        2 trials of 3 measured both early and late; at 7 d these gave −0.30, all trials −0.36; half-life 5.5 d and 5.9 d.
        """
        return compare(self, self._data(), self._respec(), early, late)

    def to_frame(self) -> pd.DataFrame:
        """Effect at 4 h, 24 h, 72 h, 7, 14 and 28 d where supported, else at the first and last time."""
        return self.at(hours=standard_times(self._observed(), self.time_range))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the tables of rows, as JSON-ready values."""
        return showing.as_dict(self)

    def sentence(self) -> str:
        """The curve in words: effect at 24 h and 7 d (or first and last time), half-life."""
        return showing.as_sentence(self)

    def method_line(self) -> str:
        """How the curve was made, in one line."""
        return showing.method_line(self)

    def _card(self) -> Card:
        return showing.as_card(self)
