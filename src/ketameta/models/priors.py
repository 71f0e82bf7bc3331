"""Priors of a Bayesian meta-analysis: of the standard deviation tau between studies, and of the mean mu.

Units are those of the effects. Every prior of tau knows its log density, its mass below a value and the inverse
of that, and how its density falls off far out, which decides whether a posterior and its moments exist.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from scipy import special

from ketameta._typing import Array
from ketameta.errors import ModelError

__all__ = [
    "Exponential",
    "HalfCauchy",
    "HalfNormal",
    "HalfT",
    "Normal",
    "TauPrior",
    "Uniform",
    "check_finite",
    "check_positive",
]


@runtime_checkable
class TauPrior(Protocol):
    """What the posterior needs of a prior of tau.

    Attributes
    ----------
    tail : float
        Power p of the far tail, density ~ tau^-p; infinite for a lighter tail or a bounded support.
    slow : bool
        True where the tail carries logarithms that make ``tau^-1`` integrable.
    upper : float
        End of the support.
    source, measure : str
        Publication, and effect measure that it speaks of; empty where there is none.
    """

    @property
    def tail(self) -> float:
        """Power of the far tail."""
        ...

    @property
    def slow(self) -> bool:
        """Whether logarithms help the tail."""
        ...

    @property
    def upper(self) -> float:
        """End of the support."""
        ...

    @property
    def source(self) -> str:
        """Publication."""
        ...

    @property
    def measure(self) -> str:
        """Effect measure that the publication speaks of."""
        ...

    def log_density(self, tau: Array) -> Array:
        """Log density; of an improper prior up to a constant."""
        ...

    def below(self, tau: Array) -> Array:
        """Mass below a value."""
        ...

    def quantile(self, mass: Array) -> Array:
        """Value below which there is this mass."""
        ...


def check_positive(prior: Any, *names: str) -> None:
    """Refuse parameters that are not positive finite numbers."""
    for name in names:
        value = getattr(prior, name)
        if isinstance(value, bool) or not isinstance(value, Real) or not 0.0 < float(value) < math.inf:
            raise ModelError(
                f"{type(prior).__name__}: {name}={value!r} must be a positive number, in the units of the effects"
            )


def check_finite(prior: Any, *names: str) -> None:
    """Refuse parameters that are not finite numbers."""
    for name in names:
        value = getattr(prior, name)
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(float(value)):
            raise ModelError(f"{type(prior).__name__}: {name}={value!r} must be a finite number")


class _Shown:
    """How a prior is written: its name and its parameters."""

    __slots__ = ()
    tail: ClassVar[float] = math.inf
    slow: ClassVar[bool] = False
    source: ClassVar[str] = ""
    measure: ClassVar[str] = ""

    @property
    def upper(self) -> float:
        """End of the support."""
        return math.inf

    def __str__(self) -> str:
        values = ", ".join(f"{getattr(self, part.name):g}" for part in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({values})"


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal prior of the mean effect.

    Examples
    --------
    >>> from ketameta.models.priors import Normal
    >>> print(Normal(0.0, 4.0))
    Normal(0, 4)
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        check_finite(self, "mean")
        check_positive(self, "sd")

    def __str__(self) -> str:
        return f"Normal({self.mean:g}, {self.sd:g})"


@dataclass(frozen=True, slots=True)
class HalfNormal(_Shown):
    """Half-normal prior of tau: the absolute value of a normal with mean 0 and this standard deviation.

    A scale of 0.5 keeps tau mostly at reasonable to fairly high values for log odds ratios and similar measures, such
    as log risk and hazard ratios (Roever 2020, J Stat Softw 93(6), sections 2.2 and 3, after Spiegelhalter et al.
    2004, section 5.7). Of SMDs that source does not speak; there it is a convention of this package, with a median of
    tau of 0.34 where ``rhodes2015("mental health", "placebo")`` has 0.22.

    Examples
    --------
    >>> from ketameta.models.priors import HalfNormal
    >>> round(float(HalfNormal(0.5).quantile(0.95)), 3)
    0.98
    """

    scale: float

    def __post_init__(self) -> None:
        check_positive(self, "scale")

    def log_density(self, tau: Array) -> Array:
        """Log density."""
        with np.errstate(over="ignore"):
            z = np.asarray(tau / self.scale)
            return np.asarray(0.5 * math.log(2.0 / math.pi) - math.log(self.scale) - 0.5 * z * z)

    def below(self, tau: Array) -> Array:
        """Mass below a value."""
        return np.asarray(special.erf(tau / (self.scale * math.sqrt(2.0))))

    def quantile(self, mass: Array) -> Array:
        """Value below which there is this mass."""
        return np.asarray(self.scale * math.sqrt(2.0) * special.erfinv(mass))


@dataclass(frozen=True, slots=True)
class HalfT(_Shown):
    """Half-Student-t prior of tau (Gelman 2006, Bayesian Anal 1:515-534).

    Examples
    --------
    >>> from ketameta.models.priors import HalfT
    >>> round(float(HalfT(4, 0.5).quantile(0.95)), 3)
    1.388
    """

    df: float
    scale: float

    def __post_init__(self) -> None:
        check_positive(self, "df", "scale")

    @property
    def tail(self) -> float:  # type: ignore[override]
        """Power of the tail."""
        return 1.0 + self.df

    def log_density(self, tau: Array) -> Array:
        """Log density."""
        half = 0.5 * (self.df + 1.0)
        constant = special.gammaln(half) - special.gammaln(0.5 * self.df) - 0.5 * math.log(self.df * math.pi)
        far = 2.0 * np.log(np.hypot(1.0, np.asarray(tau) / (self.scale * math.sqrt(self.df))))
        return np.asarray(math.log(2.0 / self.scale) + constant - half * far)

    def below(self, tau: Array) -> Array:
        """Mass below a value."""
        z = np.asarray(tau) / (self.scale * math.sqrt(self.df))
        part = z / np.hypot(1.0, z)
        return np.asarray(special.betainc(0.5, 0.5 * self.df, part * part))

    def quantile(self, mass: Array) -> Array:
        """Value below which there is this mass."""
        near = special.betaincinv(0.5, 0.5 * self.df, mass)
        far = special.betaincinv(0.5 * self.df, 0.5, 1.0 - np.asarray(mass))
        with np.errstate(divide="ignore", over="ignore"):
            odds = np.where(near < 0.5, near / (1.0 - near), (1.0 - far) / far)
        return np.asarray(self.scale * np.sqrt(self.df * odds))


@dataclass(frozen=True, slots=True)
class HalfCauchy(_Shown):
    """Half-Cauchy prior of tau (Polson and Scott 2012, Bayesian Anal 7:887-902).

    Examples
    --------
    >>> from ketameta.models.priors import HalfCauchy
    >>> round(float(HalfCauchy(0.5).quantile(0.5)), 12)
    0.5
    """

    scale: float
    tail: ClassVar[float] = 2.0

    def __post_init__(self) -> None:
        check_positive(self, "scale")

    def log_density(self, tau: Array) -> Array:
        """Log density."""
        far = 2.0 * np.log(np.hypot(1.0, np.asarray(tau) / self.scale))
        return np.asarray(math.log(2.0 / math.pi / self.scale) - far)

    def below(self, tau: Array) -> Array:
        """Mass below a value."""
        return np.asarray(2.0 / math.pi * np.arctan(np.asarray(tau) / self.scale))

    def quantile(self, mass: Array) -> Array:
        """Value below which there is this mass."""
        return np.asarray(self.scale * np.tan(0.5 * math.pi * np.asarray(mass)))


@dataclass(frozen=True, slots=True)
class Exponential(_Shown):
    """Exponential prior of tau with this mean.

    Examples
    --------
    >>> from ketameta.models.priors import Exponential
    >>> round(float(Exponential(0.5).quantile(0.5)), 4)
    0.3466
    """

    mean: float

    def __post_init__(self) -> None:
        check_positive(self, "mean")

    def log_density(self, tau: Array) -> Array:
        """Log density."""
        return np.asarray(-math.log(self.mean) - np.asarray(tau) / self.mean)

    def below(self, tau: Array) -> Array:
        """Mass below a value."""
        return np.asarray(-np.expm1(-np.asarray(tau) / self.mean))

    def quantile(self, mass: Array) -> Array:
        """Value below which there is this mass."""
        return np.asarray(-self.mean * np.log1p(-np.asarray(mass)))


@dataclass(frozen=True, slots=True)
class Uniform(_Shown):
    """Uniform prior of tau between 0 and a bound; an infinite bound makes it improper.

    An improper prior has no total mass: ``below`` is then the length of the interval.

    Examples
    --------
    >>> from ketameta.models.priors import Uniform
    >>> float(Uniform(2.0).below(0.5)), float(Uniform(float("inf")).below(0.5))
    (0.25, 0.5)
    """

    bound: float

    def __post_init__(self) -> None:
        if not (isinstance(self.bound, Real) and self.bound == math.inf):
            check_positive(self, "bound")

    @property
    def tail(self) -> float:  # type: ignore[override]
        """Power of the tail."""
        return math.inf if math.isfinite(self.bound) else 0.0

    @property
    def upper(self) -> float:
        """End of the support."""
        return float(self.bound)

    @property
    def _length(self) -> float:
        return float(self.bound) if math.isfinite(self.bound) else 1.0

    def log_density(self, tau: Array) -> Array:
        """Log density; 0 for an improper prior."""
        return np.asarray(np.where(np.asarray(tau) <= self.bound, -math.log(self._length), -math.inf))

    def below(self, tau: Array) -> Array:
        """Mass below a value."""
        return np.asarray(np.minimum(tau, self.bound) / self._length)

    def quantile(self, mass: Array) -> Array:
        """Value below which there is this mass."""
        return np.asarray(np.asarray(mass) * self._length)
