"""Log densities of one study's counts, with first and second derivatives.

Both densities take linear predictors of shape (k, m, c): ``c = 2`` holds the log odds ratio and the mean of
the two log odds, ``c = 1`` the log odds ratio alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ketameta._typing import Array
from ketameta.models.quadrature import concave_modes

__all__ = ["Conditional", "Unconditional"]

_CELLS_AT_ONCE = 2_000_000
_FARTHEST = 600.0

IntArray = NDArray[np.int64]


class Unconditional:
    """Two independent binomials a study; ``a`` of ``n1`` and ``c`` of ``n2``, each of shape (k,).

    Log densities are kept relative to those at risks next to the observed ones, so that large groups cost no digits.
    """

    def __init__(self, a: Array, n1: Array, c: Array, n2: Array) -> None:
        self.arms = _Arm(a, n1, 0.5), _Arm(c, n2, -0.5)

    def constant(self) -> float:
        """Log density of the counts at the risks that the log densities are relative to."""
        return sum(arm.constant() for arm in self.arms)

    def peaks(self) -> tuple[Array, Array, Array]:
        """Largest log density of each study, its log odds ratio there, and the information on it."""
        one, two = self.arms
        with np.errstate(divide="ignore"):
            effect = np.log(one.events) - np.log(one.others) - np.log(two.events) + np.log(two.others)
            cells = (one.events, one.others, two.events, two.others)
            information = 1.0 / np.sum([1.0 / cell for cell in cells], axis=0)
        return one.peak() + two.peak(), effect, information

    def evaluate(self, predictors: Array) -> tuple[Array, Array, Array]:
        """Log densities (k, m), gradients (k, m, 2) and second derivatives (k, m, 2, 2)."""
        effect, level = predictors[..., 0], predictors[..., 1]
        value, slopes, bends = zip(
            *(arm.evaluate(level + arm.sign * effect) for arm in self.arms), strict=True
        )
        slope = np.stack([(slopes[0] - slopes[1]) / 2.0, slopes[0] + slopes[1]], axis=-1)
        bend = np.empty((*effect.shape, 2, 2))
        bend[..., 0, 0] = (bends[0] + bends[1]) / 4.0
        bend[..., 0, 1] = bend[..., 1, 0] = (bends[0] - bends[1]) / 2.0
        bend[..., 1, 1] = bends[0] + bends[1]
        return value[0] + value[1], slope, bend


class _Arm:
    """One group of each study: ``events`` of ``size``, its log odds ``level + sign * effect``.

    Values are worked out from the rarer of events and non-events, which loses no digits in large groups.
    """

    def __init__(self, events: Array, size: Array, sign: float) -> None:
        self.events, self.size, self.others, self.sign = events, size, size - events, sign
        self._turn = np.where(events <= self.others, 1.0, -1.0)[:, None]
        self._rare, self._common = np.minimum(events, self.others), np.maximum(events, self.others)
        self._logit = np.log(self._rare + 0.5) - np.log(self._common + 0.5)

    def constant(self) -> float:
        """Sum of the log densities that the values are relative to."""
        n, k, m = self.size, self._rare, self._common
        choose = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(m + 1)
        return float(np.sum(choose + k * np.log((k + 0.5) / (n + 1)) + m * np.log((m + 0.5) / (n + 1))))

    def peak(self) -> Array:
        """Largest value of each study."""
        n, cells = self.size, (self._rare, self._common)
        result: Array = np.sum([special.xlog1py(x, (x - n / 2) / (n * (x + 0.5))) for x in cells], axis=0)
        return result

    def evaluate(self, logit: Array) -> tuple[Array, Array, Array]:
        """Values at log odds (k, m), with slope and second derivative."""
        rare, common, n = self._rare[:, None], self._common[:, None], self.size[:, None]
        away = self._turn * logit - self._logit[:, None]
        share = (rare + 0.5) / (n + 1)
        capped = np.minimum(away, _FARTHEST)
        growth = np.log1p(share * np.expm1(capped)) + (away - capped)
        risk, safe = special.expit(self._turn * logit), special.expit(-self._turn * logit)
        return rare * away - n * growth, self._turn * (rare * safe - common * risk), -n * risk * safe


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
