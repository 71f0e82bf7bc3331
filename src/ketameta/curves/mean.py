"""The mean of a shape that rises and falls, trial by trial: amplitude and rate of decay with moderators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.curves.decay_shapes import DecayShape

__all__ = ["MUTE", "Mean", "told_apart"]

MUTE = 1e-10

_STEP = 1e-4
_DISTINCT = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Mean:
    """``(level @ alpha) relative(t)``, the rate of decay of a row multiplied by ``exp(rate @ delta)``.

    Attributes
    ----------
    shape : DecayShape
        Relative height over time.
    hours : numpy.ndarray, shape (n,)
        Times.
    level : numpy.ndarray, shape (n, r)
        Design of the amplitude, a column of ones first.
    rate : numpy.ndarray, shape (n, s)
        Design of the log rate of decay, without a constant.
    """

    shape: DecayShape
    hours: Array
    level: Array
    rate: Array

    @property
    def inner(self) -> int:
        """Number of parameters inside the relative height: log parameters of the shape and rate effects."""
        return len(self.shape.parameters) + int(self.rate.shape[1])

    def relative(self, psi: Array) -> tuple[Array, Array]:
        """Relative heights (B, n) and their derivatives (B, n, inner) at B parameter vectors."""
        count = len(self.shape.parameters)
        logs = np.repeat(psi[:, None, :count], self.hours.size, axis=1)
        logs[:, :, 0] -= psi[:, count:] @ self.rate.T
        height, slopes = self.shape.relative(logs, self.hours)
        return height, np.concatenate([slopes, -slopes[..., :1] * self.rate], axis=2)

    def tangent(self, alpha: Array, psi: Array) -> Array:
        """Derivatives of the effects by amplitudes and inner parameters: shape (B, n, r + inner)."""
        height, slopes = self.relative(psi)
        amplitude = alpha @ self.level.T
        return np.concatenate([self.level * height[..., None], amplitude[..., None] * slopes], axis=2)

    def bend(self, psi: Array) -> Array:
        """Second derivatives of the relative heights, (B, n, inner, inner), by central differences."""
        steps = _STEP * np.eye(psi.shape[1])
        columns = [
            (self.relative(psi + step)[1] - self.relative(psi - step)[1]) / (2 * _STEP) for step in steps
        ]
        bend = np.stack(columns, axis=3)
        return np.asarray((bend + np.swapaxes(bend, 2, 3)) / 2, dtype=np.float64)


def told_apart(design: Array, candidates: BoolArray) -> BoolArray:
    """Columns of a design (n, c) that do not follow from those before them, among the candidates."""
    kept = np.zeros(candidates.size, dtype=np.bool_)
    base = np.zeros((len(design), 0))
    largest = np.sqrt((design**2).sum(axis=0).max())
    for j in np.flatnonzero(candidates):
        length = float(np.linalg.norm(design[:, j]))
        if length <= MUTE * largest:
            continue
        unit = design[:, j] / length
        rest = unit - base @ (base.T @ unit)
        rest = rest - base @ (base.T @ rest)
        left = float(np.linalg.norm(rest))
        if left > _DISTINCT:
            kept[j] = True
            base = np.column_stack([base, rest / left])
    return kept
