"""Choices of a pool that few analyses need."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from ketameta._render import Options
from ketameta._spelling import unknown
from ketameta._typing import Rng
from ketameta.errors import ModelError

__all__ = ["TAU2_INTERVALS", "PoolOptions"]

TAU2_INTERVALS = ("Q-profile", "profile", "GENQ")
_FEWEST_DRAWS = 1000


@dataclass(frozen=True, slots=True, repr=False)
class PoolOptions(Options):
    """Choices of a pool that few analyses need.

    Attributes
    ----------
    tau2_interval : str
        Interval of tau2, which those of I2 and H2 follow: ``"Q-profile"`` (Viechtbauer 2007);
        ``"profile"``: (restricted) profile likelihood, with tau2 by REML or ML (Hardy and Thompson 1996);
        ``"GENQ"``: exact distribution of the generalised Q statistic with weights 1 / sqrt(vi)
        (Jackson 2013).
    draws : int
        Draws of the bootstrap prediction interval, 1000 or more.
    rng : Generator, int or None
        Source of their random numbers. A seed gives the same interval again; None does not.

    Raises
    ------
    ModelError
        For a choice that does not exist.

    Examples
    --------
    >>> import ketameta as km
    >>> yi, vi = [-1.10, -0.35, -0.62, -0.18, -0.80], [0.09, 0.05, 0.04, 0.07, 0.11]
    >>> fit = km.pool(yi=yi, vi=vi, options=km.PoolOptions(tau2_interval="profile"))
    >>> [round(bound, 3) for bound in fit.tau2_ci]
    [0.0, 0.66]
    """

    tau2_interval: str = "Q-profile"
    draws: int = 25000
    rng: Rng = 1

    def __post_init__(self) -> None:
        if self.tau2_interval not in TAU2_INTERVALS:
            raise ModelError(unknown("tau2_interval", self.tau2_interval, TAU2_INTERVALS))
        if not isinstance(self.draws, Integral) or isinstance(self.draws, bool) or self.draws < _FEWEST_DRAWS:
            raise ModelError(f"draws={self.draws!r} must be a whole number, {_FEWEST_DRAWS} or more")
        try:
            np.random.default_rng(self.rng)
        except (TypeError, ValueError):
            raise ModelError(f"rng={self.rng!r} must be a seed, a numpy Generator or None") from None
