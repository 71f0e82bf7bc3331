"""What the fit of one family hands over: coefficients, variances, and how to move to other moderators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketameta._typing import Array
from ketameta.curves.decay import Decay
from ketameta.curves.decay_profile import DecayProfile
from ketameta.curves.fit import VarianceFit
from ketameta.curves.moderation import Part
from ketameta.curves.shapes import Shape

__all__ = ["Coefficients", "Fitted"]


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """All coefficients of a fit: those of the shape, then level and decay effects of moderators.

    Attributes
    ----------
    names : tuple of str
        What each is.
    values, vcov : numpy.ndarray, shapes (m,) and (m, m)
        Estimates and their covariance.
    level, decay : Part
        The moderators.
    level_direction, decay_direction : numpy.ndarray, shape (p,)
        What a unit of level effect, and of decay effect, adds to the p coefficients of the shape.
    """

    names: tuple[str, ...]
    values: Array
    vcov: Array
    level: Part
    decay: Part
    level_direction: Array
    decay_direction: Array

    def turn(self, values: Mapping[str, Any]) -> Array:
        """Matrix from all coefficients to those of the shape at stated moderators, shape (p, m).

        Without values it is the average trial's.
        """
        level = self.level.at(values) if values else np.zeros(len(self.level.names))
        decay = self.decay.at(values) if values else np.zeros(len(self.decay.names))
        return np.concatenate(
            [
                np.eye(self.level_direction.size),
                np.outer(self.level_direction, level),
                np.outer(self.decay_direction, decay),
            ],
            axis=1,
        )

    def shape_at(self, values: Mapping[str, Any]) -> tuple[Array, Array]:
        """Coefficients of the shape, and their covariance, at stated moderators."""
        turn = self.turn(values)
        return turn @ self.values, turn @ self.vcov @ turn.T


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """One family fitted to the data.

    Attributes
    ----------
    shape : Shape
        The family.
    coefficients : Coefficients
        Estimates.
    variances : VarianceFit
        Heterogeneity.
    centre_hours : float
        Time, in hours, at which a line in log time is zero.
    loglik, loglik_ml : float
        The likelihood that is shown, and the full one.
    decay : Decay or None
        Rate of the exponential.
    profile : DecayProfile or None
        Profile likelihood of the other shapes that fall.
    notes : tuple of str
        What a reader must know.
    """

    shape: Shape
    coefficients: Coefficients
    variances: VarianceFit
    centre_hours: float
    loglik: float
    loglik_ml: float
    decay: Decay | None
    profile: DecayProfile | None
    notes: tuple[str, ...]
