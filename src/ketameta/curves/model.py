"""One curve fitted to arrays: which shape, by which likelihood, with what left unsaid by the data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

from ketameta._typing import Array
from ketameta.curves.blocks import rotate
from ketameta.curves.decay import Decay
from ketameta.curves.decay_fit import fit_decaying, fit_exponential
from ketameta.curves.decay_profile import DecayProfile, HalfLife, wald_half_life
from ketameta.curves.decay_shapes import DecayShape
from ketameta.curves.fit import VarianceFit
from ketameta.curves.fitted import Coefficients, Fitted
from ketameta.curves.inputs import TrialTimes
from ketameta.curves.linear_fit import fit_linear, linear_shape
from ketameta.curves.moderation import level_and_decay
from ketameta.curves.shapes import LinearShape, Shape
from ketameta.curves.spec import LINEAR, CurveSpec
from ketameta.errors import ModelError

__all__ = ["CurveFit", "fit_curve"]

_RESTS_ON = {
    "sizes": "correlations rest on arm sizes",
    "plain": "the covariance is rho(s, t) sqrt(v_s v_t), as if arm sizes did not change",
}


@dataclass(frozen=True, slots=True, eq=False)
class CurveFit:
    """A fitted curve as numbers.

    Attributes
    ----------
    shape : Shape
        The family, with its knots, windows or origin.
    beta, vcov : numpy.ndarray, shapes (p,) and (p, p)
        Coefficients of the shape and their covariance; with moderators those of the average trial.
    tau2, omega2 : float
        Heterogeneity of the level between trials, and between the times of a trial.
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
    spread : numpy.ndarray, shape (q, q)
        Covariance of the random effects of a trial: the variance of its level, or the covariance of its level and
        its change per doubling of time (log rate of decay, for shapes that rise and fall).
    centre_hours : float
        Where a line in log time is zero.
    profile : DecayProfile or None
        Profile likelihood of the half-lives of shapes that rise and fall; None with a random decay, or moderators
        of decay at stated values.
    coefficients : Coefficients
        All coefficients, those of moderators included.
    parameters : int
        Number of estimated coefficients and variances.
    loglik_ml : float
        Full log-likelihood, by which families are compared.
    free : tuple of bool
        Which of ``(tau2, omega2)`` were estimated.
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
    spread: Array
    centre_hours: float
    profile: DecayProfile | None
    coefficients: Coefficients
    parameters: int
    loglik_ml: float
    free: tuple[bool, bool]

    @property
    def half_life(self) -> HalfLife | None:
        """Half-life of decay by profile likelihood, else by the delta method; None for shapes without one."""
        profiled = self.profile if self.decay is None else self.decay
        if profiled is not None:
            return profiled.half_life
        if not isinstance(self.shape, DecayShape):
            return None
        return wald_half_life(float(self.beta[1]), math.sqrt(float(self.vcov[1, 1])), self.quantile)

    def value(self, hours: Array) -> Array:
        """Effect at m times."""
        return self.shape.value(self.beta, hours)

    def se(self, hours: Array) -> Array:
        """Standard error of the effect at m times (delta method for shapes that rise and fall)."""
        gradient = self.shape.gradient(self.beta, hours)
        variance = np.einsum("ij,jk,ik->i", gradient, self.vcov, gradient)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)

    def between_variance(self, hours: Array) -> Array:
        """Variance of true effects around the curve at m times: that of a new trial."""
        at = np.asarray(hours, dtype=np.float64)
        if len(self.spread) == 1:
            return np.full(at.shape, self.tau2 + self.omega2)
        if isinstance(self.shape, LinearShape):
            change = np.log2(at / self.centre_hours)
        else:
            change = -self.shape.gradient(self.beta, at)[:, 1]
        z = np.stack([np.ones(at.size), change], axis=1)
        return np.asarray(np.einsum("ij,jk,ik->i", z, self.spread, z) + self.omega2, dtype=np.float64)

    def given(self, values: Mapping[str, Any]) -> CurveFit:
        """The curve of trials with stated values of all moderators.

        Raises
        ------
        ModelError
            If the curve has no moderators, one of them is not stated, or a value is not possible.
        """
        decay = self.coefficients.decay.columns
        known = tuple(dict.fromkeys((*self.coefficients.level.columns, *decay)))
        if not known:
            raise ModelError("the curve has no moderators; give them as moderators='route', for example.")
        strange = [name for name in values if name not in known]
        if strange:
            raise ModelError(f"{strange[0]!r} is no moderator of the curve; it has {', '.join(known)}.")
        unstated = [name for name in known if name not in values]
        if unstated:
            raise ModelError(f"state a value of each moderator; {unstated[0]!r} has none.")
        beta, vcov = self.coefficients.shape_at(values)
        return dataclasses.replace(self, beta=beta, vcov=vcov, profile=None if decay else self.profile)


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
        If all effects stand at one time, or times and moderators do not determine the curve.

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
    parts = level_and_decay(data, spec)
    free, notes = _identified(data, _size(data, spec) + sum(len(part.names) for part in parts))
    plain = not any(part.names for part in parts) and spec.options.random == "level"
    if spec.curve in LINEAR:
        fitted = fit_linear(data, blocks, spec, parts, free)
    elif spec.curve == "exponential" and plain:
        fitted = fit_exponential(data, blocks, spec, parts, free)
    else:
        fitted = fit_decaying(data, blocks, spec, parts, free)
    fit = _assembled(data, spec, fitted, free, notes)
    return fit.given(dict(spec.values)) if spec.values else fit


def _size(data: TrialTimes, spec: CurveSpec) -> int:
    """Number of coefficients of the family."""
    if spec.curve in LINEAR:
        return len(linear_shape(data, spec).names())
    return 2 if spec.curve == "exponential" else 3


def _assembled(
    data: TrialTimes, spec: CurveSpec, fitted: Fitted, free: tuple[bool, bool], notes: list[str]
) -> CurveFit:
    """The fit with its degrees of freedom, criterion and notes."""
    p = fitted.coefficients.values.size
    variances = fitted.variances
    beta, vcov = fitted.coefficients.shape_at({})
    df = float(max(len(data.trials) - p, 1)) if spec.ci == "t" and any(free) else math.inf
    quantile = _quantile(df, spec.level)
    parameters = p + sum(free) + (2 if len(variances.spread) == 2 else 0)
    return CurveFit(
        shape=fitted.shape,
        beta=beta,
        vcov=vcov,
        tau2=variances.tau2,
        omega2=variances.omega2,
        df=df,
        quantile=quantile,
        loglik=fitted.loglik,
        aicc=_aicc(fitted.loglik_ml, parameters, data.yi.size),
        decay=fitted.decay,
        notes=(*notes, *fitted.notes, *_fit_notes(data, variances, free, df, p)),
        spread=variances.spread,
        centre_hours=fitted.centre_hours,
        profile=fitted.profile,
        coefficients=fitted.coefficients,
        parameters=parameters,
        loglik_ml=fitted.loglik_ml,
        free=free,
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
