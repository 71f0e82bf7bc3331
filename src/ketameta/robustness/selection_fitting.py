"""Selection models fitted to arrays of effects and variances."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models.kernel import fit as fit_kernel
from ketameta.robustness._asked import choice, flag
from ketameta.robustness._selection_likelihood import Likelihood
from ketameta.robustness._selection_search import Maximum, highest
from ketameta.robustness._selection_weights import FAMILIES, Scheme, read_steps, scheme

__all__ = ["ALTERNATIVES", "SelectionFit", "fit_selection"]

ALTERNATIVES = ("less", "greater", "two-sided")
_REACH = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class SelectionFit:
    """A selection model by maximum likelihood; m is the number of parameters of the weight function.

    Attributes
    ----------
    mu, mu_se : float
        Mean effect and its standard error by the observed information.
    tau2, tau2_se : float
        Between-study variance; its standard error is NaN at 0 and under a common effect.
    delta, delta_se : Array, shape (m,)
        Parameters of the weight function, the weight 1 of the first interval left out; standard errors are NaN
        where they were given.
    loglik : float
        Log-likelihood at the maximum.
    loglik_none, mu_none, mu_none_se, tau2_none : float
        The same model without selection, by maximum likelihood.
    p : Array, shape (k,)
        P values that selection acts on.
    counts : tuple of int
        Number of studies in each interval of P; for other weights than steps, all of them.
    converged, identified : bool
        Whether a maximum was found, and whether it lies inside the range that was searched.
    """

    mu: float
    mu_se: float
    tau2: float
    tau2_se: float
    delta: Array
    delta_se: Array
    loglik: float
    loglik_none: float
    mu_none: float
    mu_none_se: float
    tau2_none: float
    p: Array
    counts: tuple[int, ...]
    converged: bool
    identified: bool
    scheme: Scheme
    maximum: Maximum
    unit: float
    sign: int

    def mu_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Profile likelihood interval of the mean; infinite where there is no limit within what was searched."""
        low, high = self._bounds(0, level)
        edge = float(self.maximum.high[0])
        low, high = (-math.inf if low == -edge else low), (math.inf if high == edge else high)
        ends = sorted((self.sign * self.unit * low, self.sign * self.unit * high))
        return ends[0], ends[1]

    def tau2_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Profile likelihood interval of tau2; (NaN, NaN) under a common effect."""
        if not self.maximum.free[1]:
            return math.nan, math.nan
        low, high = self._bounds(1, level)
        high = math.inf if high == self.maximum.high[1] else high
        return self.unit**2 * math.expm1(low), self.unit**2 * math.expm1(high)

    def delta_interval(self, j: int, level: float = 0.95) -> tuple[float, float]:
        """Profile likelihood interval of parameter ``j`` of the weight function; (NaN, NaN) where it was given."""
        at = 2 + j
        if not self.maximum.free[at]:
            return math.nan, math.nan
        low, high = self._bounds(at, level)
        shown = self.scheme.delta(np.array([low, high]))
        first = 0.0 if low == self.maximum.low[at] else float(shown[0])
        return first, math.inf if high == self.maximum.high[at] else float(shown[1])

    def mean_deviance(self, mu: float) -> float:
        """Twice the log-likelihood ratio of the maximum to a given mean."""
        at, best = self.sign * mu / self.unit, self.maximum
        return max(2.0 * (best.value - best.profile(0, at).value), 0.0)

    def _bounds(self, j: int, level: float) -> tuple[float, float]:
        drop = 0.5 * float(chi2.ppf(level, 1))
        return self.maximum.bound(j, -1, drop), self.maximum.bound(j, 1, drop)


def fit_selection(
    y: ArrayLike,
    v: ArrayLike,
    *,
    weights: str = "step",
    steps: Any = (0.025,),
    alternative: str = "greater",
    delta: Any = None,
    common: bool = False,
) -> SelectionFit:
    """Fit a selection model to effects and variances.

    Parameters
    ----------
    y, v : array_like, shape (k,)
        Effects and sampling variances.
    weights, steps, delta
        As for :func:`ketameta.robustness.selection_model`.
    alternative : str
        ``"greater"``: studies are favoured for effects above 0; ``"less"``, below 0; ``"two-sided"``, for
        either.
    common : bool
        Whether tau2 is held at 0.

    Returns
    -------
    SelectionFit

    Raises
    ------
    ModelError
        For values, options or steps that do not fit, more parameters than studies, or an interval of P that
        holds no study while its weight is to be estimated.

    Examples
    --------
    >>> from ketameta.robustness.selection_fitting import fit_selection
    >>> y, v = [0.9, 0.5, 0.62, 0.15, 0.05, 1.2], [0.09, 0.05, 0.04, 0.02, 0.03, 0.16]
    >>> found = fit_selection(y, v, steps=(0.025,))
    >>> round(found.mu_none, 3), round(found.mu, 3), found.counts
    (0.464, 0.229, (4, 2))
    """
    family = choice("weights", weights, FAMILIES)
    side = choice("alternative", alternative, ALTERNATIVES)
    if family == "beta" and side == "two-sided":
        raise ModelError(
            'weights="beta" takes one-sided P values; choose alternative="less" or "greater", or weights="step"'
        )
    flag("common", common)
    cuts = read_steps(steps) if family == "step" else ()
    kind = scheme(family, cuts, two_sided=side == "two-sided")
    effects, variances = _read(y, v)
    sign = -1 if side == "less" else 1
    unit = math.ldexp(1.0, math.frexp(float(np.median(np.sqrt(variances))))[1])
    likelihood = Likelihood.of(sign * effects / unit, variances / unit / unit, kind)
    theta = None if delta is None else _given(delta, kind)
    counts = _counts(likelihood, theta is None)
    needed = 2 - common + (kind.m if theta is None else 0)
    if effects.size < needed:
        raise ModelError(
            f"a model with {needed} parameters needs {needed} studies or more, not {effects.size}"
        )
    none = fit_kernel(likelihood.y, likelihood.v, tau2="EE" if common else "ML", weights=False)
    mu0, tau20 = float(none.beta[0]), float(none.tau2)
    tau20 = 0.0 if common else tau20
    best = _search(likelihood, mu0, tau20, theta, common)
    log_unit = effects.size * math.log(unit)
    x, se = best.x, best.se()
    at_edge = best.free & ~best.inside
    at_edge[1] = best.x[1] >= best.high[1]
    if family in ("negexp", "halfnorm"):
        at_edge[2:] = best.free[2:] & (x[2:] >= best.high[2:])
    return SelectionFit(
        mu=sign * unit * float(x[0]),
        mu_se=unit * float(se[0]),
        tau2=unit**2 * math.expm1(x[1]),
        tau2_se=unit**2 * math.exp(x[1]) * float(se[1]),
        delta=kind.delta(x[2:]),
        delta_se=kind.slope(x[2:]) * se[2:],
        loglik=best.value - log_unit,
        loglik_none=float(none.loglik) - log_unit,
        mu_none=sign * unit * mu0,
        mu_none_se=unit * math.sqrt(float(none.cov[0, 0])),
        tau2_none=unit**2 * tau20,
        p=likelihood.p,
        counts=counts,
        converged=best.converged,
        identified=not at_edge.any() and math.isfinite(se[0]),
        scheme=kind,
        maximum=best,
        unit=unit,
        sign=sign,
    )


def _read(y: ArrayLike, v: ArrayLike) -> tuple[Array, Array]:
    try:
        effects, variances = np.asarray(y, dtype=np.float64), np.asarray(v, dtype=np.float64)
    except (TypeError, ValueError):
        raise ModelError("effects and variances must be numbers") from None
    if effects.ndim != 1 or effects.shape != variances.shape or effects.size == 0:
        raise ModelError(
            f"effects {effects.shape} and variances {variances.shape} must be rows of one length"
        )
    if not (np.isfinite(effects).all() and np.isfinite(variances).all() and (variances > 0).all()):
        raise ModelError("effects must be finite, and variances finite and above 0")
    return effects, variances


def _given(delta: Any, kind: Scheme) -> Array:
    """Parameters theta for weights that are stated, not estimated."""
    size = kind.m + (kind.family == "step")
    try:
        found = np.atleast_1d(np.asarray(delta, dtype=np.float64))
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.shape != (size,) or not (np.isfinite(found) & (found > 0)).all():
        what = {
            "step": "one weight above 0 for each interval of P, the first of them 1, such as (1, 0.5)",
            "beta": "two numbers above 0, a and b",
        }.get(kind.family, "one number above 0")
        raise ModelError(f"delta={delta!r} must be {what}: {size} in all")
    if kind.family == "step":
        if found[0] != 1.0:
            raise ModelError(
                f"delta={delta!r}: weights are relative to the first interval, whose weight must be 1"
            )
        found = found[1:]
    theta = kind.theta(found)
    if not ((theta >= kind.edges[0]) & (theta <= kind.edges[1])).all():
        raise ModelError(f"delta={delta!r} lies beyond what can be computed")
    return theta


def _counts(likelihood: Likelihood, estimated: bool) -> tuple[int, ...]:
    """Studies in each interval; an empty one is refused where its weight is to be estimated."""
    steps = likelihood.scheme.steps
    if not steps:
        return (likelihood.y.size,)
    counts = np.bincount(likelihood.scheme.interval(likelihood.p), minlength=len(steps) + 1)
    if estimated and (counts == 0).any():
        ends = (0.0, *steps, 1.0)
        empty = [f"{ends[i]:g} to {ends[i + 1]:g}" for i in np.flatnonzero(counts == 0)]
        kept = _merged(steps, counts.tolist())
        advice = (
            f"merge intervals with steps={kept}"
            if kept
            else "all studies lie in one interval, so that selection cannot be estimated"
        )
        raise ModelError(
            f"no study has a P value from {', nor from '.join(empty)}, so the weight there cannot be estimated; "
            f"{advice}, or state the weights with delta="
        )
    return tuple(int(count) for count in counts)


def _merged(steps: tuple[float, ...], counts: list[int]) -> tuple[float, ...]:
    """Those of the steps that leave no interval empty."""
    kept, held = [], 0
    for i, step in enumerate(steps):
        held += counts[i]
        if held and sum(counts[i + 1 :]):
            kept.append(step)
            held = 0
    return tuple(kept)


def _search(likelihood: Likelihood, mu0: float, tau20: float, theta: Array | None, common: bool) -> Maximum:
    kind = likelihood.scheme
    reach = _REACH * float(np.abs(likelihood.y).max() + likelihood.sd.max())
    low = np.concatenate([[-reach, 0.0], kind.edges[0]])
    high = np.concatenate([[reach, 0.0 if common else 2.0 * math.log1p(reach)], kind.edges[1]])
    free = np.full(low.size, theta is None)
    free[:2] = True, not common
    best = highest(likelihood, _starts(likelihood, mu0, tau20, theta), low, high, free)
    if not math.isfinite(best.value):
        raise ModelError("effects and variances lie too far apart for a selection model in double precision")
    return best


def _starts(likelihood: Likelihood, mu0: float, tau20: float, theta: Array | None) -> Iterator[Array]:
    """Points to search from: the model without selection, and weaker effects under stronger selection."""
    m, spread = likelihood.scheme.m, tau20 + float(np.median(likelihood.v))
    far, none = 3.0 * math.sqrt(spread), np.zeros(m)
    family = likelihood.scheme.family
    lean = np.linspace(1.0, 2.0, m) * {"step": -1.0, "beta": -0.4}.get(family, 1.0)
    points = [
        (mu0, tau20, none),
        (mu0, spread, lean),
        (0.5 * mu0, tau20, lean),
        (1.3 * mu0, tau20, -0.5 * lean),
    ]
    if family == "beta":
        points += [(-far, spread, np.array([-0.9, 1.0])), (far, spread, np.array([1.0, -0.9]))]
        points += [
            (2.0 * far, 4.0 * spread, np.array([4.0, -0.7])),
            (-2.0 * far, 4.0 * spread, np.array([-0.7, 4.0])),
        ]
    else:
        points.append((0.0, spread, 2.0 * lean))
    for mu, tau2, at in points:
        yield np.concatenate([[mu, math.log1p(tau2)], at if theta is None else theta])
