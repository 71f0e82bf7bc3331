"""What can be read off a curve: effects at times, bands, times of events, areas."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd

from ketameta._spelling import unknown
from ketameta._typing import Array, ArrayLike, Rng
from ketameta.curves import bands, pointwise, reading
from ketameta.curves.bootstrap import bootstrap
from ketameta.curves.draws import SEED, Draws, percentiles, refitted
from ketameta.curves.inputs import TrialTimes, read_rows
from ketameta.curves.model import CurveFit
from ketameta.curves.readout import ReadOut
from ketameta.curves.readouts import time_to
from ketameta.curves.spec import CurveSpec
from ketameta.errors import ModelError

__all__ = ["Readings"]


class Readings:
    """The part of a curve's result that reads numbers off the curve."""

    __slots__ = ()

    fit: CurveFit
    spec: CurveSpec
    level: float
    time_range: tuple[float, float]
    coverage: pd.DataFrame
    rows: pd.DataFrame
    knots_hours: tuple[float, ...]
    peak: ReadOut

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
        times = self._times(hours, days, extrapolate=extrapolate)
        return pointwise.effects_at(self.fit, times, self._observed())

    def share_beyond(
        self,
        threshold: float,
        *,
        hours: ArrayLike | None = None,
        days: ArrayLike | None = None,
        interval: str | None = None,
        extrapolate: bool = False,
        rng: Rng = SEED,
    ) -> pd.DataFrame:
        """Share of new trials whose true effect lies beyond a threshold.

        Parameters
        ----------
        threshold : float
            On the scale of the effect (the log of a ratio), with its sign: beyond -0.24 is below it, beyond 0.24
            above; beyond 0 is on the side of the largest estimate.
        hours, days, extrapolate
            As for :meth:`at`.
        interval : {"bootstrap"}, optional
            Adds ``share_low, share_high``: percentiles of the share of trials in the normal distribution of true
            effects of 1000 refitted curves, mean and heterogeneity both unknown.
        rng : Generator, int or None
            Source of random numbers of the bootstrap.

        Returns
        -------
        pandas.DataFrame
            ``time_hours, threshold, side, share`` (probability that the true effect of a new trial lies beyond
            the threshold, by the law of the prediction interval: (1 - level) / 2 at its nearer bound), ``mean``
            (the same for the mean of all trials) and ``supported``. A share without spread is missing.

        Raises
        ------
        ModelError
            If the threshold is not a finite number, there is no such interval, or for times as in :meth:`at`.

        Examples
        --------
        >>> import pandas as pd
        >>> from ketameta.curves import durability
        >>> es = pd.DataFrame({"cohort_id": list("aabbcc"), "time_hours": [24, 168, 24, 168, 24, 72],
        ...                    "yi": [-0.8, -0.4, -0.6, -0.2, -1.0, -0.7], "vi": 0.05})
        >>> curve = durability(es)
        >>> curve.share_beyond(-0.24, days=[1, 7])["share"].round(2).tolist()
        [0.93, 0.73]
        """
        value = pointwise.finite("threshold", threshold, "-0.24")
        times = self._times(hours, days, extrapolate=extrapolate)
        sign = math.copysign(1.0, value or self.peak.effect or -1.0)
        table = pointwise.new_trials(self.fit, times, self._observed(), value, sign)
        if interval is None:
            return table
        if interval != "bootstrap":
            raise ModelError(f"interval={interval!r} is unknown for a share; it is 'bootstrap' or None.")
        found = bootstrap(self._data(), self._respec(), self.fit, rng=rng)
        shares = pointwise.shares_of_draws(self.fit.shape, found, times, value, sign)
        low, high = zip(*(percentiles(share, self.level) for share in shares.T), strict=True)
        table.insert(4, "share_low", np.array(low))
        table.insert(5, "share_high", np.array(high))
        return table

    def bands(
        self,
        *,
        hours: ArrayLike | None = None,
        days: ArrayLike | None = None,
        kind: str = "simultaneous",
        extrapolate: bool = False,
    ) -> pd.DataFrame:
        """A band around the curve.

        Parameters
        ----------
        hours, days : array_like, optional
            Times; 201 from the first to the last measured one, even in log time, when neither is given.
        kind : {"simultaneous", "pointwise", "prediction"}
            A band that holds the whole curve wherever it is supported, with the probability ``level``
            (:func:`ketameta.curves.bands.simultaneous_quantile`); the interval at each time alone; the interval
            of the true effect of a new trial at each time alone.
        extrapolate : bool
            As for :meth:`at`.

        Returns
        -------
        pandas.DataFrame
            ``time_hours, estimate, low, high, quantile`` (half-width in standard errors), ``kind, supported``.

        Raises
        ------
        ModelError
            If there is no such band, or for times as in :meth:`at`.

        Examples
        --------
        >>> import pandas as pd
        >>> from ketameta.curves import durability
        >>> es = pd.DataFrame({"cohort_id": list("aabbcc"), "time_hours": [24, 168, 24, 168, 24, 72],
        ...                    "yi": [-0.8, -0.4, -0.6, -0.2, -1.0, -0.7], "vi": 0.05})
        >>> curve = durability(es)
        >>> curve.bands(days=7)[["low", "high"]].round(2).to_numpy().tolist()
        [[-2.76, 2.04]]
        """
        if kind not in bands.KINDS:
            raise ModelError(unknown("kind", kind, bands.KINDS))
        if hours is None and days is None:
            hours = bands.grid(self.time_range)
        times = self._times(hours, days, extrapolate=extrapolate)
        return bands.band(self.fit, times, self._observed(), level=self.level, kind=kind)

    def read_out(self, name: str, *, interval: str | None = None, rng: Rng = SEED) -> ReadOut:
        """One number read off the curve, with an interval of a chosen kind.

        Parameters
        ----------
        name : {"peak", "half-life", "half of peak", "half-life of decay", "retention"}
            Time of the peak; half-life; time since dosing until half of the peak is left; half-life of decay of
            shapes that have one; effect at 7 days over that at 24 hours.
        interval : {"delta", "profile", "simulation", "bootstrap"}, optional
            Delta method (of the logarithm, for a time); profile likelihood, which may be open (Fieller's for the
            ratio; for all times of curves linear in their coefficients, and for the half-lives of shapes that rise
            and fall, without a random decay and, but for that of decay, moderators of it); percentiles of 2000 curves simulated from the distribution of the estimate; percentiles of 1000 curves refitted to effects
            simulated from the fitted model, which alone takes the heterogeneity variances as unknown. The default
            is that of the attribute of the same name.
        rng : Generator, int or None
            Source of random numbers of a stated interval; the default is a fixed seed.

        Returns
        -------
        ReadOut
            The number. An interval that cannot be given is None, and the note says why.

        Raises
        ------
        ModelError
            For a read-out or an interval that does not exist.

        Examples
        --------
        >>> import pandas as pd
        >>> from ketameta.curves import durability
        >>> es = pd.DataFrame({"cohort_id": list("aabbcc"), "time_hours": [24, 168, 24, 168, 24, 72],
        ...                    "yi": [-0.8, -0.4, -0.6, -0.2, -1.0, -0.7], "vi": 0.05})
        >>> curve = durability(es)
        >>> print(curve.read_out("half-life", interval="profile").sentence())
        Half-life: 5.9 d (95% CI 24 h to not reached).
        """
        return reading.read(self, name, self._how(interval, rng))

    def time_to(self, threshold: float, *, interval: str = "simulation", rng: Rng = SEED) -> ReadOut:
        """When the effect, its interval, and its prediction interval first fall short of a threshold.

        Parameters
        ----------
        threshold : float
            On the scale of the effect (the log of a ratio), with its sign, such as -0.24.
        interval : {"simulation", "delta", "profile", "bootstrap"}
            Kind of interval; see :meth:`read_out`.
        rng : Generator, int or None
            Source of random numbers; the default is a fixed seed.

        Returns
        -------
        ReadOut
            ``value_hours`` with interval; ``bound_hours`` and ``prediction_hours``, when the bound nearer zero of
            the pointwise interval, and of the prediction interval, falls short of the threshold.

        Raises
        ------
        ModelError
            If the threshold is not a finite number, or there is no such interval.

        Examples
        --------
        >>> import pandas as pd
        >>> from ketameta.curves import durability
        >>> es = pd.DataFrame({"cohort_id": list("aabbcc"), "time_hours": [24, 168, 24, 168, 24, 72],
        ...                    "yi": [-0.8, -0.4, -0.6, -0.2, -1.0, -0.7], "vi": 0.05})
        >>> curve = durability(es)
        >>> print(curve.time_to(-0.4, interval="profile").sentence())
        Time to threshold: 5.9 d (95% CI 0 h to not reached); CI beyond it never; PI beyond it never.
        """
        value = pointwise.finite("threshold", threshold, "-0.24")
        return time_to(self.fit, value, *self.time_range, self.level, self._how(interval, rng))

    def effect_days(
        self,
        until: float = 7.0,
        *,
        before: str = "left out",
        interval: str = "delta",
        extrapolate: bool = False,
        rng: Rng = SEED,
    ) -> ReadOut:
        """Area under the curve over days since dosing: the effect times how long it lasts.

        Parameters
        ----------
        until : float
            Days since dosing.
        before : {"left out", "flat"}
            The time before the first measurement is not counted, or the effect at the first measured time is taken
            to hold from dosing on.
        interval : {"delta", "simulation", "bootstrap"}
            Kind of interval; see :meth:`read_out`. The delta method is exact for curves linear in their
            coefficients.
        extrapolate : bool
            Allow an end after the last measured time.
        rng : Generator, int or None
            Source of random numbers; the default is a fixed seed.

        Returns
        -------
        ReadOut
            Effect times days, and in ``effect`` the mean effect over the time that is counted.

        Raises
        ------
        ModelError
            If the end is not after the first measured time, or after the last one without ``extrapolate``.

        Examples
        --------
        >>> import pandas as pd
        >>> from ketameta.curves import durability
        >>> es = pd.DataFrame({"cohort_id": list("aabbcc"), "time_hours": [24, 168, 24, 168, 24, 72],
        ...                    "yi": [-0.8, -0.4, -0.6, -0.2, -1.0, -0.7], "vi": 0.05})
        >>> curve = durability(es)
        >>> print(curve.effect_days(7).sentence())
        Effect-days to 7 d: −3.07 (95% CI −12.25 to 6.10).
        """
        how = self._how(interval, rng)
        return reading.area(self, until, how, before=before, extrapolate=extrapolate)

    @property
    def retention(self) -> ReadOut:
        """Effect at 7 days divided by the effect at 24 hours; undefined unless both are supported."""
        return reading.retained(self)

    def _how(self, interval: str | None, rng: Rng) -> str | Draws | None:
        """Draws of curves, or the name of what needs none."""
        return reading.interval_source(self.fit, interval, rng, self._refitted)

    def _refitted(self, rng: Rng) -> Draws:
        """Curves of the parametric bootstrap."""
        return refitted(bootstrap(self._data(), self._respec(), self.fit, rng=rng))

    def _observed(self) -> Array:
        return self.coverage["time_hours"].to_numpy(dtype=np.float64)

    def _times(self, hours: ArrayLike | None, days: ArrayLike | None, *, extrapolate: bool) -> Array:
        times = pointwise.read_times(hours, days)
        pointwise.require_inside(times, self.time_range, extrapolate=extrapolate)
        return times

    def _data(self) -> TrialTimes:
        """The effects behind the curve."""
        return read_rows(self.rows)[0]

    def _respec(self) -> CurveSpec:
        """What to fit again: the same knots, chosen or not."""
        return dataclasses.replace(self.spec, knots=self.knots_hours or None)
