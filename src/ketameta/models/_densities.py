"""Log densities of one study's counts, with first and second derivatives.

Both densities take linear predictors of shape (k, m, c): ``c = 2`` holds the log odds ratio and the mean of
the two log odds, ``c = 1`` the log odds ratio alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ketameta._typing import Array
from ketameta.models.quadrature import concave_modes

__all__ = ["Conditional", "Unconditional"]

_CELLS_AT_ONCE = 2_000_000

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Unconditional:
    """Two independent binomials a study; ``a`` of ``n1`` and ``c`` of ``n2``, each of shape (k,)."""

    a: Array
    n1: Array
    c: Array
    n2: Array

    def constant(self) -> float:
        """Sum of the logs of the binomial coefficients."""
        return float(np.sum(_log_choose(self.n1, self.a) + _log_choose(self.n2, self.c)))

    def peaks(self) -> tuple[Array, Array, Array]:
        """Largest log density of each study without the coefficients, its log odds ratio and information."""
        b, d = self.n1 - self.a, self.n2 - self.c
        with np.errstate(divide="ignore"):
            effect = np.log(self.a) + np.log(d) - np.log(b) - np.log(self.c)
            information = 1.0 / (1.0 / self.a + 1.0 / b + 1.0 / self.c + 1.0 / d)
        value = sum(
            special.xlogy(x, x / n)
            for x, n in ((self.a, self.n1), (b, self.n1), (self.c, self.n2), (d, self.n2))
        )
        return np.asarray(value), effect, information

    def evaluate(self, predictors: Array) -> tuple[Array, Array, Array]:
        """Log densities (k, m), gradients (k, m, 2) and second derivatives (k, m, 2, 2)."""
        effect, level = predictors[..., 0], predictors[..., 1]
        value = np.zeros(effect.shape)
        slopes, bends = [], []
        for events, size, sign in ((self.a, self.n1, 0.5), (self.c, self.n2, -0.5)):
            events, size = events[:, None], size[:, None]
            logit = level + sign * effect
            value -= events * _softplus(-logit) + (size - events) * _softplus(logit)
            risk, safe = special.expit(logit), special.expit(-logit)
            slopes.append(events * safe - (size - events) * risk)
            bends.append(-size * risk * safe)
        slope = np.stack([(slopes[0] - slopes[1]) / 2.0, slopes[0] + slopes[1]], axis=-1)
        bend = np.empty((*effect.shape, 2, 2))
        bend[..., 0, 0] = (bends[0] + bends[1]) / 4.0
        bend[..., 0, 1] = bend[..., 1, 0] = (bends[0] - bends[1]) / 2.0
        bend[..., 1, 1] = bends[0] + bends[1]
        return value, slope, bend


def _softplus(x: Array) -> Array:
    result: Array = np.logaddexp(0.0, x)
    return result


def _log_choose(n: Array, k: Array) -> Array:
    result: Array = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return result


class Conditional:
    """Non-central hypergeometric density of ``a`` given both margins; ``a, n1, c, n2`` of shape (k,).

    Weights of the support are kept relative to the observed table, so that large groups cost no digits, and
    sums run over a window around the mode that leaves out less than 1e-16 of the probability.
    """

    def __init__(self, a: Array, n1: Array, c: Array, n2: Array) -> None:
        self.a, self.n1, self.n2, self.events = a, n1, n2, a + c
        self.low = np.maximum(0.0, self.events - n2)
        self.high = np.minimum(n1, self.events)
        logs = [_relative_logs(*cells) for cells in zip(a, n1, self.events, n2, strict=True)]
        self._logs = np.concatenate(logs)
        self._offset = np.concatenate([[0], np.cumsum([len(part) for part in logs])[:-1]])

    def constant(self) -> float:
        """No constant: the density is whole."""
        return 0.0

    def peaks(self) -> tuple[Array, Array, Array]:
        """Largest log density of each study, the log odds ratio there, and the information on it.

        At an edge of the support the density tends to 1 as the odds ratio tends to 0 or infinity.
        """
        at_low, at_high = self.a == self.low, self.a == self.high
        effect = np.where(at_low, -np.inf, np.inf)
        value, information = np.zeros(len(self.a)), np.zeros(len(self.a))
        inner = np.flatnonzero(~at_low & ~at_high)
        if inner.size:
            a, n1, m, n2 = (x[inner] for x in (self.a, self.n1, self.events, self.n2))
            part = Conditional(a, n1, m - a, n2)

            def smooth(z: Array) -> tuple[Array, Array, Array]:
                found, slope, bend = part.evaluate(z[:, None, :])
                return found[:, 0], slope[:, 0], bend[:, 0]

            start = np.log(a) + np.log(n2 - m + a) - np.log(n1 - a) - np.log(m - a)
            modes, bend = concave_modes(smooth, start[:, None])
            value[inner], effect[inner], information[inner] = smooth(modes)[0], modes[:, 0], bend[:, 0, 0]
        return value, effect, information

    def evaluate(self, predictors: Array) -> tuple[Array, Array, Array]:
        """Log densities (k, m), gradients (k, m, 1) and second derivatives (k, m, 1, 1)."""
        effect = predictors[..., 0]
        mode = self._mode(effect)
        half = self._half_window(mode)
        width = np.minimum(2 * half + 1, self.high - self.low + 1).astype(np.int64)
        start = np.clip(mode - half[:, None], self.low[:, None], (self.high - width + 1)[:, None])
        value, mean, variance = (np.empty(effect.shape) for _ in range(3))
        order = np.argsort(width)
        cells = np.cumsum(width[order] * effect.shape[1]) // _CELLS_AT_ONCE
        for chunk in np.split(order, np.flatnonzero(np.diff(cells)) + 1):
            value[chunk], mean[chunk], variance[chunk] = self._window(
                chunk, effect[chunk], start[chunk], width[chunk]
            )
        return value, -mean[..., None], -variance[..., None, None]

    def _window(
        self, chunk: IntArray, effect: Array, start: Array, width: IntArray
    ) -> tuple[Array, Array, Array]:
        """Log density, and mean and variance of the events beyond those observed."""
        steps = np.arange(int(width.max()))
        first = (start - self.low[chunk, None]).astype(np.int64) + self._offset[chunk, None]
        inside = steps < width[:, None]
        place = first[..., None] + np.where(inside, steps, 0)[:, None, :]
        beyond = start[..., None] - self.a[chunk, None, None] + steps
        logs = np.where(inside[:, None, :], self._logs[place] + beyond * effect[..., None], -np.inf)
        top = logs.max(axis=-1)
        weights = np.exp(logs - top[..., None])
        total = weights.sum(axis=-1)
        mean = (weights * beyond).sum(axis=-1) / total
        variance = (weights * (beyond - mean[..., None]) ** 2).sum(axis=-1) / total
        return -(top + np.log(total)), mean, variance

    def _mode(self, effect: Array) -> Array:
        """Most probable number of events in group 1: where neighbours are equally probable."""
        n1, n2, m = self.n1[:, None], self.n2[:, None], self.events[:, None]
        up, down = special.expit(effect), special.expit(-effect)
        a, b, c = up - down, up * (n1 + m + 2) + down * (n2 - m), up * (n1 + 1) * (m + 1)
        root = np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))
        with np.errstate(all="ignore"):
            place = np.where(b > 0, 2 * c / (b + root), (b - root) / (2 * a))
        result: Array = np.clip(np.floor(place), self.low[:, None], self.high[:, None])
        return result

    def _half_window(self, mode: Array) -> Array:
        """Ten standard deviations and 25 events, by the normal approximation at the mode."""
        n1, n2, m = self.n1[:, None], self.n2[:, None], self.events[:, None]
        cells = (mode, n1 - mode, m - mode, n2 - m + mode)
        variance = 1.0 / np.sum([1.0 / (cell + 1.0) for cell in cells], axis=0)
        result: Array = np.ceil(10.0 * np.sqrt(variance.max(axis=1)) + 25.0)
        return result


def _relative_logs(a: float, n1: float, events: float, n2: float) -> Array:
    """Logs of the central hypergeometric probabilities of the support, relative to that of ``a``."""
    x = np.arange(max(0.0, events - n2), min(n1, events))
    steps = np.log(n1 - x) + np.log(events - x) - np.log(x + 1) - np.log(n2 - events + x + 1)
    split = int(a - max(0.0, events - n2))
    above = np.cumsum(steps[split:])
    below = -np.cumsum(steps[:split][::-1])[::-1]
    return np.concatenate([below, [0.0], above])
