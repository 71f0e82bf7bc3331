"""Posterior distribution of one quantity: its summary, density, probabilities and quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

import numpy as np

from ketameta._render import Card, Shown, interval, number
from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models._mixture import Mixtures
from ketameta.models.result import level_text

__all__ = ["STATISTICS", "EffectLaw", "Marginal", "checked_level", "numbers", "probability"]

STATISTICS = ("mean", "sd", "median", "mode", "low", "high", "shortest_low", "shortest_high")
"""Columns that summarise a posterior."""


class Law(Protocol):
    """A distribution of one quantity."""

    def pdf(self, x: Array) -> Array:
        """Density."""
        ...

    def cdf(self, x: Array) -> Array:
        """Probability below."""
        ...

    def sf(self, x: Array) -> Array:
        """Probability above."""
        ...

    def quantile(self, p: Array) -> Array:
        """Value with this probability below."""
        ...

    def shortest(self, level: float) -> tuple[float, float]:
        """Shortest interval."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class EffectLaw:
    """One mixture of normals, counted from an origin."""

    mixture: Mixtures
    origin: float

    def pdf(self, x: Array) -> Array:
        """Density."""
        return np.asarray(self.mixture.pdf((x - self.origin)[None])[0], dtype=np.float64)

    def cdf(self, x: Array) -> Array:
        """Probability below."""
        return np.asarray(self.mixture.cdf((x - self.origin)[None])[0], dtype=np.float64)

    def sf(self, x: Array) -> Array:
        """Probability above."""
        return np.asarray(self.mixture.sf((x - self.origin)[None])[0], dtype=np.float64)

    def quantile(self, p: Array) -> Array:
        """Value with this probability below."""
        with np.errstate(invalid="ignore"):
            inside = self.mixture.quantile(np.where((p > 0.0) & (p < 1.0), p, 0.5))[0] + self.origin
        return np.asarray(np.where(p <= 0.0, -math.inf, np.where(p >= 1.0, math.inf, inside)))

    def shortest(self, level: float) -> tuple[float, float]:
        """Shortest interval."""
        low, high = self.mixture.shortest(level)[0] + self.origin
        return float(low), float(high)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Marginal(Shown):
    """Posterior distribution of one quantity, on the scale of the analysis.

    Attributes
    ----------
    mean, sd, median, mode : float
        ``mean`` and ``sd`` are infinite, or NaN, where the posterior is too heavy-tailed to have them.
    low, high : float
        Equal-tailed credible interval.
    shortest_low, shortest_high : float
        Shortest credible interval.
    level : float
        Level of both.
    """

    mean: float
    sd: float
    median: float
    mode: float
    low: float
    high: float
    shortest_low: float
    shortest_high: float
    level: float
    _law: Law

    def pdf(self, x: ArrayLike) -> Any:
        """Posterior density at ``x``."""
        return self._at("x", x, self._law.pdf)

    def cdf(self, x: ArrayLike) -> Any:
        """Posterior probability of a value below ``x``, as in P(mu < -0.3) or P(mu < -MID)."""
        return self._at("x", x, self._law.cdf)

    def sf(self, x: ArrayLike) -> Any:
        """Posterior probability of a value above ``x``, with its digits where it is tiny."""
        return self._at("x", x, self._law.sf)

    def quantile(self, p: ArrayLike) -> Any:
        """Value with posterior probability ``p`` below it."""
        values = numbers("p", p)
        if ((values < 0.0) | (values > 1.0)).any():
            raise ModelError(f"p={p!r} must lie between 0 and 1")
        return self._at("p", values, self._law.quantile)

    def interval(self, level: float, *, kind: str = "central") -> tuple[float, float]:
        """Credible interval of another level, ``"central"`` (equal tails) or ``"shortest"``."""
        level = checked_level(level)
        if kind == "shortest":
            return self._law.shortest(level)
        if kind != "central":
            raise ModelError(f"kind={kind!r} is unknown. Choose 'central' or 'shortest'.")
        low, high = self._law.quantile(np.array([0.5 * (1.0 - level), 0.5 * (1.0 + level)]))
        return float(low), float(high)

    def sentence(self) -> str:
        """The posterior as a sentence."""
        return (
            f"The posterior median is {number(self.median)} "
            f"({level_text(self.level)} credible interval {number(self.low)} to {number(self.high)})."
        )

    def _card(self) -> Card:
        level = level_text(self.level)
        return Card(
            title="Posterior distribution",
            columns=("", "value"),
            rows=(
                *((name, number(getattr(self, name), 3)) for name in ("mean", "sd", "median", "mode")),
                (f"{level} credible interval, equal tails", interval(self.low, self.high, 3)),
                (f"{level} credible interval, shortest", interval(self.shortest_low, self.shortest_high, 3)),
            ),
            footer=("On the scale of the analysis (ratios as natural logs)",),
        )

    @staticmethod
    def _at(name: str, x: ArrayLike, function: Any) -> Any:
        values = numbers(name, x)
        found = function(values.ravel()).reshape(values.shape)
        return float(found) if found.ndim == 0 else found


def checked_level(level: Any) -> float:
    """A level of intervals, refused unless it lies between 0 and 1."""
    if isinstance(level, bool) or not isinstance(level, Real) or not 0.5 < 0.5 * (1.0 + float(level)) < 1.0:
        raise ModelError(f"level={level!r} must lie between 0 and 1, such as 0.95")
    return float(level)


def numbers(name: str, x: ArrayLike) -> Array:
    """Numbers as an array, refused when missing or of another type."""
    try:
        values = np.asarray(x)
    except ValueError:
        raise ModelError(f"{name} is ragged; give numbers") from None
    if values.dtype.kind not in "iuf" or np.isnan(values).any():
        raise ModelError(f"{name}={x!r} must be numbers, none of them missing")
    return values.astype(np.float64)


def probability(found: Marginal) -> str:
    """Posterior probability of a value below 0, never rounded to 0 or 1."""
    p = found.cdf(0.0)
    if p < 0.001:
        return "<0.001"
    return ">0.999" if p > 0.999 else number(p, 3 if p < 0.01 or p > 0.99 else 2)
