"""Inference on coefficients and their linear combinations: one place for every t, z, F and chi-square."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ketameta._typing import Array
from ketameta.models.intervals import Inference, chi2_sf
from ketameta.models.kernel import Fits

__all__ = ["Joint", "Linear", "variance_factor"]


def variance_factor(fits: Fits, ci: str) -> Array:
    """What multiplies the Wald covariance under ``ci``, one number a fit, shape (...)."""
    if ci == "Wald":
        return np.ones_like(fits.hksj)
    return np.maximum(fits.hksj, 1.0) if ci == "HKSJ-adhoc" else fits.hksj


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """A joint test: F with ``df1`` and ``df2`` degrees of freedom, or chi-square where ``df2`` is infinite.

    Attributes
    ----------
    stat : Array, shape (...)
        Statistic; NaN where the covariance is 0.
    df1, df2 : float
        Degrees of freedom.
    """

    stat: Array
    df1: int
    df2: float

    @property
    def p(self) -> Array:
        """P value."""
        if math.isinf(self.df2):
            return chi2_sf(self.stat, self.df1)
        result: Array = special.fdtrc(self.df1, self.df2, self.stat)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """Coefficients of a batch of fits, with what is needed for inference on them.

    Attributes
    ----------
    beta : Array, shape (..., p)
        Coefficients.
    cov : Array, shape (..., p, p)
        Wald covariance.
    factor : Array, shape (...)
        What the covariance is multiplied with: 1, or the Hartung-Knapp-Sidik-Jonkman factor.
    df : float
        Degrees of freedom of t; infinite for the normal.
    level : float
        Level of intervals.
    basis : Array, shape (p, p), optional
        The fits were made on the columns ``x @ basis``, and ``beta`` and ``cov`` are theirs; what goes in and
        comes out speaks of the columns of ``x``. Orthogonal columns keep predictions and tests exact where a
        moderator, such as a year, lies far from 0, and where two nearly coincide.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.linear import Linear
    >>> both = Linear(np.array([1.0, 2.0]), np.eye(2), np.array(1.0), float("inf"), 0.95)
    >>> float(both.joint(np.eye(2)).stat), float(both.combination(np.array([[1.0, -1.0]])).estimate[0])
    (5.0, -1.0)
    """

    beta: Array
    cov: Array
    factor: Array
    df: float
    level: float
    basis: Array | None = None

    @staticmethod
    def of(fits: Fits, ci: str, level: float, basis: Array | None = None) -> Linear:
        """Coefficients of fits that have the same number of studies."""
        df = math.inf if ci == "Wald" else float(np.ravel(fits.df)[0])
        return Linear(fits.beta, fits.cov, variance_factor(fits, ci), df, level, basis)

    def coefficients(self) -> tuple[Array, Array]:
        """Coefficients (..., p) of the columns of x, and their covariance (..., p, p), factor included."""
        cov = self.cov * np.asarray(self.factor)[..., None, None]
        if self.basis is None:
            return self.beta, cov
        return self.beta @ self.basis.T, self.basis @ cov @ self.basis.T

    def combination(self, weights: Array, value: Array | float = 0.0) -> Inference:
        """Inference on ``weights @ beta - value``; weights (m, p), estimates (..., m)."""
        weights = self._on_basis(weights)
        variance = np.einsum("mi,...ij,mj->...m", weights, self.cov, weights)
        se = np.sqrt(np.maximum(variance, 0.0) * np.asarray(self.factor)[..., None])
        return Inference(np.einsum("mi,...i->...m", weights, self.beta) - value, se, self.df, self.level)

    def joint(self, weights: Array, value: Array | float = 0.0) -> Joint:
        """Test that ``weights @ beta`` equals ``value``; weights (m, p) of full row rank.

        The statistic is the same for any combinations that span the same space; an orthogonal set is taken.
        """
        weights = self._on_basis(weights)
        m = weights.shape[0]
        length = np.sqrt((weights * weights).sum(axis=1))
        directions, triangle = np.linalg.qr((weights / length[:, None]).T)
        value = np.linalg.solve(triangle.T, np.broadcast_to(value, (m,)) / length)
        away = np.einsum("im,...i->...m", directions, self.beta) - value
        cov = np.einsum("im,...ij,jn->...mn", directions, self.cov, directions)
        scale = np.sqrt(np.diagonal(cov, axis1=-2, axis2=-1))
        away, cov = away / scale, cov / (scale[..., :, None] * scale[..., None, :])
        q = (away * np.linalg.solve(cov, away[..., None])[..., 0]).sum(axis=-1)
        factor = np.asarray(self.factor)
        scaled = np.divide(q, factor, out=np.full(q.shape, np.nan), where=factor > 0)
        return Joint(scaled / (1 if math.isinf(self.df) else m), m, self.df)

    def _on_basis(self, weights: Array) -> Array:
        return weights if self.basis is None else weights @ self.basis
