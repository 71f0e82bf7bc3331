"""Which trials stand behind a curve, and what becomes of it without them or under other assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import Array, ArrayLike
from ketameta.curves import carriers, leave_out
from ketameta.curves.readings import Readings
from ketameta.curves.sensitivity import RHO_GRID, over_rho
from ketameta.curves.shapes import LinearShape
from ketameta.curves.support import standard_times
from ketameta.errors import ModelError

__all__ = ["Foundations"]


class Foundations(Readings):
    """The part of a curve's result that says what it rests on."""

    __slots__ = ()

    k_trials: int
    k_effects: int
    _memo: dict[str, Any]

    def at_risk(self, *, hours: ArrayLike | None = None, days: ArrayLike | None = None) -> pd.DataFrame:
        """Trials and participants along time, as survival plots print numbers at risk.

        Parameters
        ----------
        hours, days : array_like, optional
            Times, one of both; those of :meth:`to_frame` when neither is given.

        Returns
        -------
        pandas.DataFrame
            ``time_hours``; ``k`` and ``trials`` measured at that time or later; ``n``, their participants, for
            each trial the largest number analysed at that time or later (missing where one does not say);
            ``k_near, n_near, trials_near``, the same for measurements within a factor of two of the time;
            ``supported``.

        Examples
        --------
        >>> import pandas as pd
        >>> from ketameta.curves import durability
        >>> es = pd.DataFrame({"cohort_id": list("aabbcc"), "time_hours": [24, 168, 24, 168, 24, 72],
        ...                    "yi": [-0.8, -0.4, -0.6, -0.2, -1.0, -0.7], "vi": 0.05})
        >>> curve = durability(es)
        >>> curve.at_risk(days=[1, 3, 7])[["k", "k_near", "trials"]].to_numpy().tolist()
        [[3, 3, 'a, b, c'], [3, 1, 'a, b, c'], [2, 2, 'a, b']]
        """
        return carriers.at_risk(self._data(), self._chosen(hours, days, extrapolate=True))

    def weights(self, *, hours: ArrayLike | None = None, days: ArrayLike | None = None) -> pd.DataFrame:
        """Share of each trial in the estimate along time.

        Parameters
        ----------
        hours, days : array_like, optional
            Times, one of both; those of :meth:`to_frame` when neither is given.

        Returns
        -------
        pandas.DataFrame
            One row a trial and time: ``time_hours, trial``; ``weight``, the part of the precision of the estimate
            that comes from the trial, which adds up to 1 over trials (Riley et al. 2018); ``pull``, how far the
            estimate moves when all effects of the trial move by 1, which adds up to 1 for curves that can be
            shifted as a whole, and may be negative; ``supported``.

        Raises
        ------
        ModelError
            For times outside the measured ones, or a curve with moderators.

        Examples
        --------
        >>> import pandas as pd
        >>> from ketameta.curves import durability
        >>> es = pd.DataFrame({"cohort_id": list("aabbcc"), "time_hours": [24, 168, 24, 168, 24, 72],
        ...                    "yi": [-0.8, -0.4, -0.6, -0.2, -1.0, -0.7], "vi": 0.05})
        >>> curve = durability(es)
        >>> curve.weights(days=7)["weight"].round(3).tolist()
        [0.38, 0.38, 0.241]
        """
        times = self._chosen(hours, days, extrapolate=False)
        return carriers.trial_weights(self._data(), self._respec(), self.fit, times)

    def leave_one_out(
        self, *, hours: ArrayLike | None = None, days: ArrayLike | None = None
    ) -> leave_out.LeftOut:
        """The curve without each trial in turn, with the same knots.

        Parameters
        ----------
        hours, days : array_like, optional
            Times to compare at, one of both; those of :meth:`to_frame` when neither is given.

        Returns
        -------
        LeftOut
            Estimates and half-life without each trial, and which trial moves the curve most.

        Raises
        ------
        ModelError
            If there is one trial only, or for times as in :meth:`at`.

        Examples
        --------
        >>> import pandas as pd
        >>> from ketameta.curves import durability
        >>> es = pd.DataFrame({"cohort_id": list("aabbcc"), "time_hours": [24, 168, 24, 168, 24, 72],
        ...                    "yi": [-0.8, -0.4, -0.6, -0.2, -1.0, -0.7], "vi": 0.05})
        >>> curve = durability(es)
        >>> print(curve.leave_one_out().sentence())
        The curve moves most without c: at 24 h from −0.80 to −0.70.
        """
        times = self._chosen(hours, days, extrapolate=False)
        return leave_out.leave_one_out(self._data(), self._respec(), self.fit, times)

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
        return over_rho(self._data(), self._respec(), rho)

    def rho_grid(self) -> pd.DataFrame | None:
        """:meth:`sensitivity` over its grid, kept once it is computed, for cards and dictionaries.

        Returns
        -------
        pandas.DataFrame or None
            None where no trial was measured twice, and for shapes that rise and fall, whose refits take seconds:
            ask :meth:`sensitivity`.
        """
        if self.k_effects == self.k_trials or not isinstance(self.fit.shape, LinearShape):
            return None
        if "rho_grid" not in self._memo:
            self._memo["rho_grid"] = self.sensitivity()
        grid: pd.DataFrame = self._memo["rho_grid"]
        return grid

    def _chosen(self, hours: ArrayLike | None, days: ArrayLike | None, *, extrapolate: bool) -> Array:
        """Times in hours; the standard ones when none are given."""
        if hours is None and days is None:
            return standard_times(self._observed(), self.time_range)
        return self._times(hours, days, extrapolate=extrapolate)
