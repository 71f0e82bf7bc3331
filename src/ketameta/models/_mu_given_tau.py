"""The normal-normal model given tau: its likelihood with mu integrated out, and mu as a normal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array
from ketameta.models.priors import Normal

__all__ = ["Model"]

_CHUNK = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Effects and variances with mu integrated out.

    Attributes
    ----------
    y, v : Array, shape (k,)
        Effects, counted from an origin near them, and sampling variances.
    prior : Normal or None
        Prior of mu from the same origin; None for the improper flat one, of density 1.
    """

    y: Array
    v: Array
    prior: Normal | None

    def given(self, tau: Array) -> tuple[Array, Array, Array]:
        """Log-likelihood of tau, and mean and standard deviation of mu given tau; shapes (n,)."""
        log_like, mean, sd = self._chunked(tau, self._given)
        return log_like, mean, sd

    def at(self, mu: float, tau: Array) -> Array:
        """Log-likelihood of tau when mu is known."""

        def known(part: Array) -> tuple[Array, ...]:
            total = self.v + np.square(part)[:, None]
            terms = np.log(2.0 * math.pi * total) + np.square(self.y - mu) / total
            return (-0.5 * terms.sum(axis=1),)

        return self._chunked(tau, known)[0]

    def _chunked(self, tau: Array, function: Callable[[Array], tuple[Array, ...]]) -> tuple[Array, ...]:
        step = max(1, _CHUNK // self.y.size)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            parts = [function(tau[i : i + step]) for i in range(0, max(tau.size, 1), step)]
        return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))

    def _given(self, tau: Array) -> tuple[Array, Array, Array]:
        total = self.v + np.square(tau)[:, None]
        w = 1.0 / total
        weight = w.sum(axis=1)
        mean = (w @ self.y) / weight
        log_like = -0.5 * (
            np.log(2.0 * math.pi * total).sum(axis=1) + (w * np.square(self.y - mean[:, None])).sum(axis=1)
        )
        if self.prior is None:
            return log_like + 0.5 * (math.log(2.0 * math.pi) - np.log(weight)), mean, 1.0 / np.sqrt(weight)
        known = 1.0 / self.prior.sd / self.prior.sd
        precision = weight + known
        gap = np.square(mean - self.prior.mean) / (self.prior.sd * self.prior.sd + 1.0 / weight)
        log_like = log_like - 0.5 * (np.log1p(weight / known) + gap)
        return log_like, (weight * mean + known * self.prior.mean) / precision, 1.0 / np.sqrt(precision)
