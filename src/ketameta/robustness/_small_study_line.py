"""A straight line of effects on a measure of how small the trials are."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.models.intervals import Inference
from ketameta.models.kernel import fit as fit_kernel
from ketameta.models.linear import Linear

__all__ = ["MODELS", "Line", "draw_line", "model_words"]

MODELS = ("weighted", "mixed")

_SAME = 1e-9
_EXACT = 1e-22
_OF_REGRESSIONS = ("Wald", "HKSJ", "HKSJ-adhoc")


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line of effects.

    Attributes
    ----------
    slope, limit : Inference
        The slope, and the value of the line where the predictor is 0: a trial of endless size.
    tau2 : float
        Variance between trials about the line; NaN for the weighted regression, which has none.
    notes : tuple of str
        What a reader must know.
    """

    slope: Inference
    limit: Inference
    tau2: float
    notes: tuple[str, ...]


def draw_line(fit: Pooled, predictor: Array, what: str, *, model: str, vi: Array | None = None) -> Line:
    """Draw a line through the effects of a pool.

    Parameters
    ----------
    fit : Pooled
        Three or more studies.
    predictor : Array, shape (k,)
        What the effects are drawn on.
    what : str
        Its name in an error.
    model : str
        ``"weighted"``: least squares with weights 1 / vi, residual variance estimated, t with k - 2 degrees of
        freedom. ``"mixed"``: meta-regression with the estimator of tau2 and the interval of the pool.
    vi : Array, shape (k,), optional
        Variances instead of those of the pool.

    Raises
    ------
    ModelError
        Where the predictor is the same in all studies, or the numbers lie too far apart for double precision.
    """
    middle, spread = predictor.mean(), np.ptp(predictor)
    if not spread > _SAME * np.abs(predictor).max():
        raise ModelError(f"{what} is the same in all {fit.k} studies, so nothing can be drawn on it")
    v = fit.vi if vi is None else vi
    design = np.column_stack((np.ones(fit.k), (predictor - middle) / spread))
    basis = np.array([[1.0, -middle / spread], [0.0, 1.0 / spread]])
    fits = fit_kernel(fit.yi, v, design, tau2="EE" if model == "weighted" else fit.tau2_method, weights=False)
    linear = Linear.of(fits, _interval(fit, model), fit.level, basis)
    limit, slope = (_one(linear, row) for row in np.eye(2))
    if not all(math.isfinite(float(x)) for x in (limit.estimate, limit.se, slope.estimate, slope.se)):
        raise ModelError(f"{what}, effects or variances lie too far apart for double precision")
    notes: tuple[str, ...] = ()
    if _interval(fit, model) == "HKSJ" and _on_line(fit, v + float(fits.tau2), float(fits.hksj)):
        limit, slope = replace(limit, se=0.0), replace(slope, se=0.0)
        notes = ("the effects lie on one line but for rounding, so the test has no statistic",)
    return Line(slope, limit, np.nan if model == "weighted" else float(fits.tau2), notes)


def model_words(fit: Pooled, model: str, weights: str) -> str:
    """How a line was drawn, and what its tests are read from."""
    if model == "weighted":
        return f"weighted least squares with weights {weights}, residual variance estimated; t with {fit.k - 2} degrees of freedom"
    kind = "common-effect" if fit.tau2_method == "EE" else "mixed-effects"
    tau2 = "" if fit.tau2_method == "EE" else f", tau2 by {fit.tau2_method}"
    ci = _interval(fit, model)
    test = "normal distribution" if ci == "Wald" else f"{ci}, t with {fit.k - 2} degrees of freedom"
    return f"{kind} meta-regression{tau2}; {test}"


def _interval(fit: Pooled, model: str) -> str:
    """Interval of the line: that of the pool, HKSJ where the pool's has no form for a regression."""
    return fit.ci_method if model == "mixed" and fit.ci_method in _OF_REGRESSIONS else "HKSJ"


def _one(linear: Linear, row: Array) -> Inference:
    found = linear.combination(row[None, :])
    return Inference(
        float(np.asarray(found.estimate)[0]), float(np.asarray(found.se)[0]), found.df, found.level
    )


def _on_line(fit: Pooled, total: Array, factor: float) -> bool:
    return factor * (fit.k - 2) <= _EXACT * float((np.square(fit.yi) / total).sum())
