"""Priors of tau that are stated for the logarithm of tau2, as the published empirical ones are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import special

from ketameta._typing import Array
from ketameta.models.priors import check_finite, check_positive

__all__ = ["LogNormal", "LogStudentT"]


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Log-normal prior of tau2: its natural log is normal with this location and scale.

    Examples
    --------
    >>> from ketameta.models.log_priors import LogNormal
    >>> round(float(LogNormal(-2.14, 1.74).quantile(0.5)) ** 2, 4)
    0.1177
    """

    location: float
    scale: float
    source: str = ""
    measure: str = ""
    tail: ClassVar[float] = math.inf
    slow: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_finite(self, "location")
        check_positive(self, "scale")

    @property
    def upper(self) -> float:
        """End of the support."""
        return math.inf

    def log_density(self, tau: Array) -> Array:
        """Log density of tau."""
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.log(np.asarray(tau, dtype=np.float64))
            z = (2.0 * x - self.location) / self.scale
            constant = math.log(2.0 / self.scale) - 0.5 * math.log(2.0 * math.pi)
            return np.asarray(np.where(np.isneginf(x), -math.inf, constant - 0.5 * z * z - x))

    def below(self, tau: Array) -> Array:
        """Mass below a value of tau."""
        with np.errstate(divide="ignore"):
            return np.asarray(special.ndtr((2.0 * np.log(tau) - self.location) / self.scale))

    def quantile(self, mass: Array) -> Array:
        """Value of tau below which there is this mass."""
        return np.asarray(np.exp(0.5 * (self.location + self.scale * special.ndtri(mass))))

    def __str__(self) -> str:
        text = f"LogNormal({self.location:g}, {self.scale:g}) of tau2"
        return f"{text}, {self.source}" if self.source else text


@dataclass(frozen=True, slots=True)
class LogStudentT:
    """Log-Student-t prior of tau2: its natural log is t with this location, scale and degrees of freedom.

    The density of tau is not bounded at 0, and no moment of it exists.

    Examples
    --------
    >>> from ketameta.models.log_priors import LogStudentT
    >>> round(float(LogStudentT(-3.44, 2.59, 5).quantile(0.5)) ** 2, 4)
    0.0321
    """

    location: float
    scale: float
    df: float
    source: str = ""
    measure: str = ""
    tail: ClassVar[float] = 1.0
    slow: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_finite(self, "location")
        check_positive(self, "scale", "df")

    @property
    def upper(self) -> float:
        """End of the support."""
        return math.inf

    def log_density(self, tau: Array) -> Array:
        """Log density of tau, infinite at 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.log(np.asarray(tau, dtype=np.float64))
            z = (2.0 * x - self.location) / self.scale
            half = 0.5 * (self.df + 1.0)
            constant = (
                special.gammaln(half) - special.gammaln(0.5 * self.df) - 0.5 * math.log(self.df * math.pi)
            )
            value = math.log(2.0 / self.scale) + constant - half * np.log1p(z * z / self.df) - x
            return np.asarray(np.where(np.isneginf(x), math.inf, value))

    def below(self, tau: Array) -> Array:
        """Mass below a value of tau."""
        with np.errstate(divide="ignore"):
            return np.asarray(special.stdtr(self.df, (2.0 * np.log(tau) - self.location) / self.scale))

    def quantile(self, mass: Array) -> Array:
        """Value of tau below which there is this mass."""
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(0.5 * (self.location + self.scale * special.stdtrit(self.df, mass))))

    def __str__(self) -> str:
        text = f"LogStudentT({self.location:g}, {self.scale:g}, df = {self.df:g}) of tau2"
        return f"{text}, {self.source}" if self.source else text
