"""The share responding over time as a result, and what is read off it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from ketameta._render import Card, Shown, interval, number, plural
from ketameta._typing import Array, ArrayLike, Rng
from ketameta.curves.pointwise import read_times, require_inside
from ketameta.curves.readout import ReadOut, plain
from ketameta.curves.responding_contrasts import contrasts, nnt_text
from ketameta.curves.responding_fit import ArmFit, fit_arms
from ketameta.curves.responding_inputs import ArmTimes
from ketameta.curves.responding_reading import SEED, falling
from ketameta.curves.sensitivity import RHO_GRID
from ketameta.curves.support import supported
from ketameta.curves.words import clock, level_text, variance_text
from ketameta.effects.correlation import DAY, WEEK
from ketameta.errors import ModelError
from ketameta.provenance import Provenance

__all__ = ["RespondingCurve"]

_STANDARD_HOURS = (4.0, 24.0, 72.0, 168.0, 336.0, 672.0)
_SHOWN = ("arms", "rho", "correlation", "method", "ci", "level", "df", "omega2", "k_trials", "n_shares")
_ARM_NAMES = ("ketamine", "comparator")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RespondingCurve(Shown):
    """Share of people responding over time. Made by :func:`ketameta.curves.responding`.

    Attributes
    ----------
    arms : str
        Which arms were taken.
    knots_hours : tuple of float
        Knots of the spline in log time.
    rho, correlation : float, str
        Assumed phi coefficient of a person's response at 24 h and 7 d, and how it fades.
    method, ci, level, df, quantile
        Likelihood of the variances; interval kind, level, degrees of freedom and half-width in standard errors.
    tau2 : tuple of float
        Variance of the trials' logits, ketamine first.
    omega2 : float
        Variance of an arm's logit between times beyond curve and sampling.
    k_trials, n_shares : int
        Trials, and shares (arms times times) used.
    time_range, gaps
        First and last time in hours; ranges between that are far from any trial.
    rows, left_out : pandas.DataFrame
        Rows used; rows left out, with ``reason``.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    data, fit
        Arms and fitted logits, for functions of this package.
    """

    arms: str
    knots_hours: tuple[float, ...]
    rho: float
    correlation: str
    method: str
    ci: str
    level: float
    df: float
    quantile: float
    tau2: tuple[float, ...]
    omega2: float
    k_trials: int
    n_shares: int
    time_range: tuple[float, float]
    gaps: tuple[tuple[float, float], ...]
    rows: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Provenance
    data: ArmTimes
    fit: ArmFit

    def at(
        self, *, hours: ArrayLike | None = None, days: ArrayLike | None = None, extrapolate: bool = False
    ) -> pd.DataFrame:
        """Shares responding and their contrasts at chosen times.

        Parameters
        ----------
        hours, days : array_like
            Times since dosing, one of both.
        extrapolate : bool
            Allow times outside the measured ones.

        Returns
        -------
        pandas.DataFrame
            ``time_hours``; ``response_t`` with ``ci_low_t, ci_high_t`` and, for the share in a new trial,
            ``pi_low_t, pi_high_t``; the same with ``_c`` for the comparator; ``rd, rr, or, nnt`` with ``_ci_low``
            and ``_ci_high`` (shares between 0 and 1; see :func:`ketameta.curves.responding_contrasts.contrasts`);
            ``supported``, False far from any measured time. With ``arms="ketamine"`` the ketamine columns only.

        Raises
        ------
        ModelError
            If a time is not usable, or outside the measured range and ``extrapolate`` is False.
        """
        times = read_times(hours, days)
        require_inside(times, self.time_range, extrapolate=extrapolate)
        logits, cov = self.fit.logits(times)
        table = {"time_hours": times}
        for arm, suffix in zip(range(self.fit.arms), "tc", strict=False):
            half = self.quantile * np.sqrt(cov[:, arm, arm])
            reach = self.quantile * np.sqrt(cov[:, arm, arm] + self.fit.spread[arm, arm] + self.omega2)
            table[f"response_{suffix}"] = expit(logits[:, arm])
            for name, width in (("ci", half), ("pi", reach)):
                table[f"{name}_low_{suffix}"] = expit(logits[:, arm] - width)
                table[f"{name}_high_{suffix}"] = expit(logits[:, arm] + width)
        if self.fit.arms == 2:
            table |= contrasts(logits, cov, self.quantile)
        return pd.DataFrame({**table, "supported": supported(times, self.data.hours)})

    def time_to(self, share: float, *, arm: str = "ketamine", rng: Rng = SEED) -> ReadOut:
        """When the share responding first falls short of a stated share after its peak.

        Parameters
        ----------
        share : float
            Between 0 and 1, such as 0.3.
        arm : {"ketamine", "comparator"}
            Which arm.
        rng : Generator, int or None
            Source of the simulated curves behind the interval; the default is a fixed seed.

        Returns
        -------
        ReadOut
            Hours, with interval; ``bound_hours`` when the lower bound of the pointwise interval falls short.

        Raises
        ------
        ModelError
            If the share is not between 0 and 1, or there is no such arm.
        """
        if not isinstance(share, (int, float, np.number)) or isinstance(share, bool) or not 0 < share < 1:
            raise ModelError(f"share={share!r} must lie between 0 and 1, such as 0.3.")
        return falling(self.fit, self._arm(arm), self.time_range, self.df, self.level, rng, float(share))

    def half_life(self, *, arm: str = "ketamine", rng: Rng = SEED) -> ReadOut:
        """Time from the peak of the share responding until half of it remains.

        Parameters
        ----------
        arm, rng
            See :meth:`time_to`.

        Returns
        -------
        ReadOut
            Hours after the peak, with interval; not reached where more than half remains at the last time.
        """
        return falling(self.fit, self._arm(arm), self.time_range, self.df, self.level, rng, None)

    def sensitivity(self, rho: Sequence[float] = RHO_GRID) -> pd.DataFrame:
        """Refit over a grid of assumed correlations, with the same knots.

        Parameters
        ----------
        rho : sequence of float
            Correlations between 24 h and 7 d, each 0 <= rho < 1.

        Returns
        -------
        pandas.DataFrame
            One row a correlation: ``rho``, the arms' shares at 24 h and at 7 d and their standard errors as logits
            (missing outside the measured range), ``omega2``.

        Raises
        ------
        ModelError
            If ``rho`` is no list of correlations in [0, 1).
        """
        if isinstance(rho, str) or not isinstance(rho, Sequence | np.ndarray):
            raise ModelError(f"rho={rho!r} must be a list of correlations, such as [0.4, 0.6, 0.8].")
        good = all(isinstance(value, (int, float, np.number)) and 0 <= value < 1 for value in rho)
        if not good or len(rho) == 0:
            raise ModelError(f"rho={list(rho)!r} must hold correlations, each 0 <= rho < 1.")
        times = np.array([DAY, WEEK])
        inside = (times >= self.time_range[0]) & (times <= self.time_range[1])
        records = []
        for value in rho:
            fit = fit_arms(
                self.data,
                self.knots_hours,
                rho=float(value),
                correlation=self.correlation,
                reml=self.method == "REML",
            )
            logits, cov = fit.logits(times)
            record: dict[str, float] = {"rho": float(value)}
            for row, name in enumerate(("24h", "7d")):
                for arm, suffix in zip(range(fit.arms), "tc", strict=False):
                    share, se = float(expit(logits[row, arm])), math.sqrt(cov[row, arm, arm])
                    record[f"response_{suffix}_{name}"] = share if inside[row] else math.nan
                    record[f"se_logit_{suffix}_{name}"] = se if inside[row] else math.nan
            records.append({**record, "omega2": fit.omega2})
        return pd.DataFrame(records)

    def to_frame(self) -> pd.DataFrame:
        """:meth:`at` 4 h, 24 h, 72 h, 7, 14 and 28 d where supported, else at the first and last time."""
        return self.at(hours=self._near(_STANDARD_HOURS))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the tables of rows, as JSON-ready values."""
        table = self.to_frame().to_dict("records")
        return {
            **{name: plain(getattr(self, name)) for name in _SHOWN},
            "tau2": list(self.tau2),
            "knots_hours": list(self.knots_hours),
            "time_range": list(self.time_range),
            "gaps": [list(gap) for gap in self.gaps],
            "estimates": [{str(name): plain(cell) for name, cell in row.items()} for row in table],
            "half_life": self.half_life().to_dict(),
            "left_out": len(self.left_out),
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """Shares responding in words, at 24 h and 7 d (or first and last time)."""
        said = []
        for row in self.at(hours=self._near((DAY, WEEK))).to_dict("records"):
            text = f"{_percent(row['response_t'])} on ketamine ({level_text(self.level)} CI {_range(row, 'ci', 't')})"
            if self.fit.arms == 2:
                text += f" and {_percent(row['response_c'])} on the comparator ({_range(row, 'ci', 'c')})"
            said.append(f"{text} at {clock(row['time_hours'])}")
        return f"Across {plural(self.k_trials, 'trial')} the share responding was {'; '.join(said)}."

    def method_line(self) -> str:
        """How the curve was made, in one line."""
        law = "normal" if math.isinf(self.df) else f"t({self.df:g})"
        return (
            f"Method: binomial responses, logit {self.fit.shape.describe()} in each arm; random effects of the arms of a "
            f"trial and of time, penalised quasi-likelihood, {self.method}; phi {self.rho:g} between 24 h and 7 d "
            f"({self.correlation}) assumed; {law} intervals; the share is that of a typical trial"
        )

    def _arm(self, arm: str) -> int:
        known = _ARM_NAMES[: self.fit.arms]
        if arm not in known:
            raise ModelError(f"arm={arm!r} is not in this curve; choose one of {', '.join(known)}.")
        return known.index(arm)

    def _near(self, hours: Sequence[float]) -> Array:
        wanted = np.array(hours)
        wanted = wanted[supported(wanted, self.data.hours)]
        return wanted if wanted.size else np.array(self.time_range)

    def _card(self) -> Card:
        level = level_text(self.level)
        both = self.fit.arms == 2
        rows = []
        for row in self.to_frame().to_dict("records"):
            cells = [
                clock(row["time_hours"]),
                _percent(row["response_t"]),
                _range(row, "ci", "t"),
                _range(row, "pi", "t"),
            ]
            if both:
                cells += [
                    _percent(row["response_c"]),
                    _range(row, "ci", "c"),
                    f"{number(row['rr'])} {interval(row['rr_ci_low'], row['rr_ci_high'])}",
                    nnt_text(row["nnt"], row["nnt_ci_low"], row["nnt_ci_high"]),
                ]
            rows.append(tuple(cells))
        columns = ("time since dosing", "ketamine", f"{level} CI", f"{level} PI")
        return Card(
            title=f"Share responding over time: {plural(self.k_trials, 'trial')}, {self.n_shares} shares",
            columns=(*columns, "comparator", f"{level} CI", f"RR [{level} CI]", f"NNT [{level} CI]")
            if both
            else columns,
            rows=tuple(rows),
            notes=self.notes,
            footer=(
                self.method_line(),
                f"tau2 of logits {', '.join(map(variance_text, self.tau2))}; omega2 {variance_text(self.omega2)}",
                self.provenance.line(),
            ),
        )


def _percent(share: float) -> str:
    return f"{number(100 * share, 0)}%"


def _range(row: dict[Any, Any], kind: str, suffix: str) -> str:
    return f"{_percent(row[f'{kind}_low_{suffix}'])} to {_percent(row[f'{kind}_high_{suffix}'])}"
