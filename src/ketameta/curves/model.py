"""One curve fitted to arrays: which shape, by which likelihood, with what left unsaid by the data."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from ketameta._typing import Array
from ketameta.curves.blocks import Blocks, rotate
from ketameta.curves.decay import Decay, fit_decay
from ketameta.curves.fit import VarianceFit, fit_variances, gls
from ketameta.curves.inputs import TrialTimes
from ketameta.curves.linear_shapes import Piecewise, Polynomial, step_shape
from ketameta.curves.shapes import Exponential, LinearShape, Shape, Spline, default_knots
from ketameta.curves.spec import CurveSpec
from ketameta.errors import ModelError

__all__ = ["CurveFit", "fit_curve"]

_RESTS_ON = {
    "sizes": "correlations rest on arm sizes",
    "plain": "the covariance is rho(s, t) sqrt(v_s v_t), as if arm sizes did not change",
}
_CONDITION = 1e8


@dataclass(frozen=True, slots=True, eq=False)
class CurveFit:
    """A fitted curve as numbers.

    Attributes
    ----------
    shape : Shape
        The family, with its knots, windows or origin.
    beta, vcov : numpy.ndarray, shapes (p,) and (p, p)
        Coefficients and their covariance.
    tau2, omega2 : float
        Heterogeneity between trials, and between the times of a trial.
    df : float
        Degrees of freedom of the intervals; infinite for normal ones.
    quantile : float
        Half-width of an interval in standard errors.
    loglik, aicc : float
        See :class:`ketameta.curves.DurabilityCurve`.
    decay : Decay or None
        Rate and its interval, for the exponential.
    notes : tuple of str
        What a reader must know.
    """

    shape: Shape
    beta: Array
    vcov: Array
    tau2: float
    omega2: float
    df: float
    quantile: float
    loglik: float
    aicc: float
    decay: Decay | None
    notes: tuple[str, ...]

    def value(self, hours: Array) -> Array:
        """Effect at m times."""
        return self.shape.value(self.beta, hours)

    def se(self, hours: Array) -> Array:
        """Standard error of the effect at m times (delta method for the exponential)."""
        gradient = self.shape.gradient(self.beta, hours)
        variance = np.einsum("ij,jk,ik->i", gradient, self.vcov, gradient)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)


def fit_curve(data: TrialTimes, spec: CurveSpec) -> CurveFit:
    """Fit one curve to trials measured at several times.

    Parameters
    ----------
    data : TrialTimes
        Checked effects, sorted by trial and time.
    spec : CurveSpec
        Checked arguments.

    Returns
    -------
    CurveFit
        The fit.

    Raises
    ------
    ModelError
        If all effects stand at one time, or the times do not determine the curve.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.curves.inputs import read_rows
    >>> from ketameta.curves.model import fit_curve
    >>> from ketameta.curves.spec import check_spec
    >>> es = pd.DataFrame({"cohort_id": ["a", "a"], "time_hours": [24, 168], "yi": [-0.8, -0.4],
    ...                    "vi": [0.04, 0.04]})
    >>> fit = fit_curve(read_rows(es)[0], check_spec("spline"))
    >>> fit.beta.round(3).tolist()
    [-0.8, -0.4]
    """
    times = np.unique(data.hours)
    if times.size == 1:
        raise ModelError(
            f"all effects were measured at {times[0]:g} h: there is no curve over time. "
            "Use pool() for one time."
        )
    blocks = rotate(data.covariances(rho=spec.rho, correlation=spec.options.correlation))
    shape: Shape
    if spec.curve == "exponential":
        shape = Exponential(float(times[0]))
        p = 2
    else:
        shape = _linear_shape(data, spec)
        p = len(shape.names())
    free, notes = _identified(data, p)
    if isinstance(shape, Exponential):
        fit, vcov, decay, loglik_ml = _exponential(data, blocks, spec, shape, free)
        beta, loglik = np.array([fit.beta[0], decay.rate]), loglik_ml
    else:
        fit, loglik_ml = _linear(data, blocks, spec, shape, free)
        beta, vcov, decay, loglik = fit.beta, fit.vcov, None, fit.loglik
    df = float(max(len(data.trials) - p, 1)) if spec.ci == "t" and any(free) else math.inf
    return CurveFit(
        shape=shape,
        beta=beta,
        vcov=vcov,
        tau2=fit.tau2,
        omega2=fit.omega2,
        df=df,
        quantile=_quantile(df, spec.level),
        loglik=loglik,
        aicc=_aicc(loglik_ml, p + sum(free), data.yi.size),
        decay=decay,
        notes=(*notes, *_fit_notes(data, fit, free, df, p)),
    )


def _identified(data: TrialTimes, p: int) -> tuple[tuple[bool, bool], list[str]]:
    """Which of ``(tau2, omega2)`` the data can speak of, and what to say of the others."""
    k, n = len(data.trials), data.yi.size
    if k == 1:
        return (False, False), [
            f"a single trial ({data.trials[0]}): the curve of this trial; heterogeneity cannot be estimated "
            "and is set to zero, intervals are normal and hold its sampling error only"
        ]
    if n <= p:
        return (False, False), [
            f"as many coefficients as effects ({n}): heterogeneity cannot be estimated and is set to zero, "
            "intervals are normal and hold sampling error only"
        ]
    if n == k:
        return (True, False), [
            "no trial was measured twice: omega2 cannot be told from tau2 and is set to zero"
        ]
    if n == p + 1:
        return (True, False), [
            "one effect more than coefficients: omega2 cannot be told from tau2 and is set to zero"
        ]
    return (True, True), []


def _linear_shape(data: TrialTimes, spec: CurveSpec) -> LinearShape:
    """The linear family that is asked for, with what the data must supply."""
    if spec.curve == "steps":
        return step_shape(spec.windows, data.hours)
    if spec.curve == "polynomial":
        return Polynomial(spec.options.degree, float(np.exp(np.log(data.hours).mean())))
    knots = spec.knots or default_knots(data.hours, len(data.trials))
    return Piecewise(knots) if spec.curve == "piecewise" else Spline(knots)


def _undetermined(shape: LinearShape, n: int) -> ModelError:
    head = f"the times of the {n} effects do not determine a"
    if isinstance(shape, Spline | Piecewise):
        knots = ", ".join(f"{knot:.4g}" for knot in shape.knots_hours)
        kind = "spline" if isinstance(shape, Spline) else "piecewise line"
        return ModelError(
            f"{head} {kind} with knots at {knots} h. Use fewer knots, or knots inside the observed times."
        )
    return ModelError(f"{head} {shape.describe()}. Use a lower degree.")


def _linear(
    data: TrialTimes, blocks: Blocks, spec: CurveSpec, shape: LinearShape, free: tuple[bool, bool]
) -> tuple[VarianceFit, float]:
    design = shape.basis(data.hours)
    if design.shape[0] < design.shape[1] or np.linalg.cond(design) > _CONDITION:
        raise _undetermined(shape, data.yi.size)
    x, y = blocks.turn(design), blocks.turn(data.yi)
    full = fit_variances(blocks, y, x, reml=False, free=free)
    chosen = full if spec.options.method == "ML" else fit_variances(blocks, y, x, reml=True, free=free)
    return _or_without_omega(blocks, y, x, spec, chosen), full.loglik


def _exponential(
    data: TrialTimes, blocks: Blocks, spec: CurveSpec, shape: Exponential, free: tuple[bool, bool]
) -> tuple[VarianceFit, Array, Decay, float]:
    """Rate by ML; amplitude, variances and standard errors by ``method``, linearised at that rate."""
    decay = fit_decay(blocks, data.yi, data.hours, free=free, level=spec.level)
    y = blocks.turn(data.yi)
    since = data.hours - shape.origin_hours
    falling = np.exp(-decay.rate * since)
    length = float(np.linalg.norm(since * falling))
    tangent = blocks.turn(np.column_stack([falling, -since * falling / length]))
    variances = decay.fit
    if spec.options.method == "REML":
        variances = fit_variances(blocks, y, tangent, reml=True, free=free)
    variances = _or_without_omega(blocks, y, tangent, spec, variances)
    fit = gls(blocks, y, tangent[:, :1], spread=variances.spread, omega2=variances.omega2)
    amplitude = float(fit.beta[0])
    if amplitude == 0:
        raise ModelError(
            "the effects give an amplitude of zero, which has no rate of decay; use curve='spline'."
        )
    unit = np.array([1.0, 1 / (length * amplitude)])
    vcov = gls(blocks, y, tangent, spread=fit.spread, omega2=fit.omega2).vcov * np.outer(unit, unit)
    return dataclasses.replace(fit, distinguishable=variances.distinguishable), vcov, decay, decay.fit.loglik


def _or_without_omega(blocks: Blocks, y: Array, x: Array, spec: CurveSpec, fit: VarianceFit) -> VarianceFit:
    """The fit, or the one with ``omega2 = 0`` where the likelihood cannot tell both variances apart."""
    if fit.distinguishable:
        return fit
    simpler = fit_variances(blocks, y, x, reml=spec.options.method == "REML", free=(True, False))
    return dataclasses.replace(simpler, distinguishable=False)


def _fit_notes(data: TrialTimes, fit: VarianceFit, free: tuple[bool, bool], df: float, p: int) -> list[str]:
    notes = []
    if not fit.distinguishable:
        notes.append("the data do not tell omega2 from tau2: omega2 is set to zero")
    zero = [
        name
        for name, value, estimated in (
            ("tau2", fit.tau2, free[0]),
            ("omega2", fit.omega2, free[1] and fit.distinguishable),
        )
        if estimated and value == 0
    ]
    if zero:
        notes.append(f"{' and '.join(zero)} estimated as zero, on the boundary of what it can be")
    if math.isfinite(df) and len(data.trials) - p <= 1:
        notes.append(
            f"{len(data.trials)} trials for {p} coefficients: intervals rest on t with 1 degree of "
            "freedom and are very wide; ci='Wald' gives normal ones, which are too narrow with so few trials"
        )
    approximate: dict[str, list[str]] = {}
    for name, formula, why in data.approximate() if data.measure else ():
        cause = "not every row has arm sizes" if formula == "plain" else why
        approximate.setdefault(f"{cause}, so {_RESTS_ON[formula]} there", []).append(name)
    notes += [f"{', '.join(names)}: {text}" for text, names in approximate.items()]
    return notes


def _quantile(df: float, level: float) -> float:
    upper = (1 + level) / 2
    return float(ndtri(upper)) if math.isinf(df) else float(stdtrit(df, upper))


def _aicc(loglik: float, parameters: int, n: int) -> float:
    """Corrected Akaike criterion; NaN where there are too few effects for the correction."""
    if n - parameters - 1 <= 0:
        return math.nan
    return -2 * loglik + 2 * parameters + 2 * parameters * (parameters + 1) / (n - parameters - 1)
