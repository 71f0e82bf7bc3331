"""Shapes of the effect over time that rise and fall, or fall: an amplitude times a function of time.

All half-lives are in hours, and time is hours since dosing. Coefficients other than the amplitude are natural
logarithms, so that normal approximations keep them above zero.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array

__all__ = ["Bateman", "DecayShape", "Emax", "ExponentialDecay", "Weibull"]

_LN2 = math.log(2)
_SMALL = 1e-3
_FAR = 100.0
_FARTHEST = 1000.0


class DecayShape(ABC):
    """An amplitude times a relative height: coefficients ``(amplitude, log parameters)``.

    The first of the parameters is the half-life of the decay.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def parameters(self) -> tuple[str, ...]:
        """What each parameter is, before its logarithm is taken."""

    @property
    @abstractmethod
    def amplitude(self) -> str:
        """What the amplitude is."""

    @property
    def exchangeable(self) -> bool:
        """Whether the first two parameters may change places without a change of the curve."""
        return False

    @abstractmethod
    def bounds(self, times: Array) -> Array:
        """Lowest and highest logarithm of each parameter for distinct measured times: shape (q, 2)."""

    def top(self, logs: Array) -> Array:
        """Hours of the highest point for log parameters (..., q): shape (...); zero for a curve that only falls."""
        return np.zeros(logs.shape[:-1])

    @abstractmethod
    def relative(self, logs: Array, hours: Array) -> tuple[Array, Array]:
        """Relative height and its derivatives by the log parameters.

        Parameters
        ----------
        logs : numpy.ndarray, shape (..., q)
            Log parameters.
        hours : numpy.ndarray, broadcastable to (...)
            Times.

        Returns
        -------
        height, slopes : numpy.ndarray, shapes (...) and (..., q)
            The height, and its derivatives.
        """

    def value(self, beta: Array, hours: Array) -> Array:
        """Effect at m times for coefficients of shape (..., p): shape (..., m)."""
        height = self.relative(np.asarray(beta)[..., None, 1:], np.asarray(hours, dtype=np.float64))[0]
        return np.asarray(beta[..., :1] * height, dtype=np.float64)

    def gradient(self, beta: Array, hours: Array) -> Array:
        """Derivative of the effect by the p coefficients: shape (m, p)."""
        height, slopes = self.relative(beta[None, 1:], np.asarray(hours, dtype=np.float64))
        return np.column_stack([height, float(beta[0]) * slopes])

    def names(self) -> tuple[str, ...]:
        """What each coefficient is."""
        return (self.amplitude, *(f"log of {name}" for name in self.parameters))

    @abstractmethod
    def describe(self) -> str:
        """The shape in words."""


@dataclass(frozen=True, slots=True)
class ExponentialDecay(DecayShape):
    """``A 2^(-(t - origin) / half-life)``, from the first measured time on."""

    origin_hours: float

    @property
    def parameters(self) -> tuple[str, ...]:
        """What each parameter is."""
        return ("half-life of decay (h)",)

    @property
    def amplitude(self) -> str:
        """What the amplitude is."""
        return f"effect at {self.origin_hours:.4g} h"

    def bounds(self, times: Array) -> Array:
        """Lowest and highest logarithms of the parameters."""
        return np.log([[np.diff(times).min() / 10, _FARTHEST * (times[-1] - times[0])]])

    def relative(self, logs: Array, hours: Array) -> tuple[Array, Array]:
        """Relative height and its derivatives by the log parameters."""
        lives = (hours - self.origin_hours) / _positive(logs[..., 0])
        height = np.exp(-_LN2 * lives)
        return height, (_LN2 * lives * height)[..., None]

    def describe(self) -> str:
        """The shape in words."""
        return "exponential decay"


@dataclass(frozen=True, slots=True)
class Bateman(DecayShape):
    """Onset and decay: the difference of two exponentials, scaled so that the amplitude is its peak.

    ``A (exp(-ke t) - exp(-ka t)) / c`` with ``c`` the height of the bracket at its peak,
    ``t = ln(ka / ke) / (ka - ke)`` (Bateman 1910; one-compartment kinetics with first-order absorption,
    Gibaldi & Perrier 1982). Half-lives are ``ln 2 / ke`` of decay and ``ln 2 / ka`` of onset. Both may be
    exchanged without a change of the curve: the longer one counts as that of decay.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.decay_shapes import Bateman
    >>> shape, beta = Bateman(), np.array([-0.9, np.log(100.0), np.log(5.0)])
    >>> float(shape.value(beta, np.geomspace(1, 1000, 2001)).min().round(4))
    -0.9
    """

    @property
    def parameters(self) -> tuple[str, ...]:
        """What each parameter is."""
        return ("half-life of decay (h)", "half-life of onset (h)")

    @property
    def amplitude(self) -> str:
        """What the amplitude is."""
        return "effect at its peak"

    @property
    def exchangeable(self) -> bool:
        """Both half-lives may change places."""
        return True

    def bounds(self, times: Array) -> Array:
        """Lowest and highest logarithms of the parameters."""
        return np.log([[times[0] / 20, _FARTHEST * times[-1]]] * 2)

    def top(self, logs: Array) -> Array:
        """Hours of the peak."""
        ke, ka = (_LN2 * _positive(-part(logs[..., :2], axis=-1)) for part in (np.max, np.min))
        return np.asarray(_log1p_over((ka - ke) / ke) / ke, dtype=np.float64)

    def relative(self, logs: Array, hours: Array) -> tuple[Array, Array]:
        """Relative height and its derivatives by the log parameters."""
        rates = _LN2 * _positive(-logs)
        swapped = rates[..., 0] > rates[..., 1]
        ke, ka = np.minimum(rates[..., 0], rates[..., 1]), np.maximum(rates[..., 0], rates[..., 1])
        gap = ka - ke
        peak = _log1p_over(gap / ke) / ke
        height = np.exp(ke * (peak - hours)) * ka * hours * _expm1_over(gap * hours)
        by_ka = hours * _bend_of_expm1(gap * hours) - _bend_of_log1p(gap / ke) / ke
        of_decay = -height * ke * (peak - hours - by_ka)
        of_onset = -height * ka * by_ka
        slopes = np.stack(
            [np.where(swapped, of_onset, of_decay), np.where(swapped, of_decay, of_onset)], axis=-1
        )
        return height, slopes

    def describe(self) -> str:
        """The shape in words."""
        return "onset and decay (Bateman)"


@dataclass(frozen=True, slots=True)
class Emax(DecayShape):
    """Hyperbolic onset with exponential decay, ``A t / (t50 + t) 2^(-t / half-life)``.

    The amplitude is the effect that full onset would have without decay; it is not the peak (the Emax model of
    pharmacodynamics, Holford & Sheiner 1981, with time in place of dose).

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.decay_shapes import Emax
    >>> Emax().value(np.array([-1.0, np.log(1e9), np.log(24.0)]), np.array([24.0, 72.0])).round(3).tolist()
    [-0.5, -0.75]
    """

    @property
    def parameters(self) -> tuple[str, ...]:
        """What each parameter is."""
        return ("half-life of decay (h)", "time to half of the onset (h)")

    @property
    def amplitude(self) -> str:
        """What the amplitude is."""
        return "effect of full onset without decay"

    def bounds(self, times: Array) -> Array:
        """Lowest and highest logarithms of the parameters."""
        return np.log([[times[0] / 20, _FARTHEST * times[-1]], [times[0] / 100, 100 * times[-1]]])

    def top(self, logs: Array) -> Array:
        """Hours of the peak, where onset gains what decay takes: ``t (t + t50) = t50 half-life / ln 2``."""
        life, half = _positive(logs[..., 0]) / _LN2, _positive(logs[..., 1])
        return np.asarray(2 * life / (1 + np.sqrt(1 + 4 * life / half)), dtype=np.float64)

    def relative(self, logs: Array, hours: Array) -> tuple[Array, Array]:
        """Relative height and its derivatives by the log parameters."""
        lives, half = hours / _positive(logs[..., 0]), _positive(logs[..., 1])
        height = hours / (half + hours) * np.exp(-_LN2 * lives)
        return height, np.stack([_LN2 * lives * height, -height * half / (half + hours)], axis=-1)

    def describe(self) -> str:
        """The shape in words."""
        return "hyperbolic onset with exponential decay (Emax)"


@dataclass(frozen=True, slots=True)
class Weibull(DecayShape):
    """Weibull decay from dosing on, ``A 2^(-(t / half-life)^shape)``.

    The same as ``A exp(-(t / scale)^shape)`` with ``half-life = scale (ln 2)^(1 / shape)``. A shape below 1 falls
    fast first and slowly later, above 1 the other way round.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.curves.decay_shapes import Weibull
    >>> Weibull().value(np.array([-1.0, np.log(48.0), np.log(2.0)]), np.array([48.0, 96.0])).round(6).tolist()
    [-0.5, -0.0625]
    """

    @property
    def parameters(self) -> tuple[str, ...]:
        """What each parameter is."""
        return ("half-life of decay (h)", "Weibull shape")

    @property
    def amplitude(self) -> str:
        """What the amplitude is."""
        return "effect at dosing"

    def bounds(self, times: Array) -> Array:
        """Lowest and highest logarithms of the parameters."""
        return np.log([[times[0] / 20, _FARTHEST * times[-1]], [0.1, 10.0]])

    def relative(self, logs: Array, hours: Array) -> tuple[Array, Array]:
        """Relative height and its derivatives by the log parameters."""
        shape, distance = _positive(logs[..., 1]), np.log(hours) - np.clip(logs[..., 0], -_FAR, _FAR)
        power = _LN2 * np.exp(np.minimum(shape * distance, 50.0))
        height = np.exp(-power)
        steep = height * power * shape
        return height, np.stack([steep, -steep * distance], axis=-1)

    def describe(self) -> str:
        """The shape in words."""
        return "Weibull decay"


def _expm1_over(u: Array) -> Array:
    """(1 - exp(-u)) / u."""
    near, u = np.where(u < _SMALL, 1.0, u), np.minimum(u, _SMALL)
    return np.where(u < _SMALL, 1 - u / 2 + u**2 / 6 - u**3 / 24, -np.expm1(-near) / near)


def _log1p_over(v: Array) -> Array:
    """log(1 + v) / v."""
    near, v = np.where(v < _SMALL, 1.0, v), np.minimum(v, _SMALL)
    return np.where(v < _SMALL, 1 - v / 2 + v**2 / 3 - v**3 / 4, np.log1p(near) / near)


def _bend_of_expm1(u: Array) -> Array:
    """1 / (exp(u) - 1) - 1 / u."""
    near, u = np.where(u < _SMALL, 1.0, u), np.minimum(u, _SMALL)
    exact = np.exp(-near) / -np.expm1(-near) - 1 / near
    return np.where(u < _SMALL, -0.5 + u / 12 - u**3 / 720, exact)


def _bend_of_log1p(v: Array) -> Array:
    """(log(1 + v) / v - 1) / v."""
    near, v = np.where(v < _SMALL, 1.0, v), np.minimum(v, _SMALL)
    exact = (np.log1p(near) / near - 1) / near
    return np.where(v < _SMALL, -0.5 + v / 3 - v**2 / 4 + v**3 / 5, exact)


def _positive(logs: Array) -> Array:
    """Exponentials of logarithms, within what floats can multiply."""
    return np.exp(np.clip(logs, -_FAR, _FAR))
