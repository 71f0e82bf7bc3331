"""Binomial-normal models of two-by-two tables: log odds ratios that vary between studies, counts as they are.

Group 1 is ketamine, group 2 the comparator; ``a`` of ``n1`` and ``c`` of ``n2`` had the event.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from ketameta._typing import Array, BoolArray
from ketameta.errors import ModelError
from ketameta.models._climbing import Climber, Top
from ketameta.models._densities import Conditional, Unconditional
from ketameta.models._marginal import TAU, THETA, Likelihood, Point
from ketameta.models._saturated import wald, with_random_levels

__all__ = ["MODELS", "BinomialNormal", "fit_glmm", "informative"]

MODELS = ("UM.FS", "UM.RS", "CM.EL")
_FEWEST = 15
_MOST = {1: 240, 2: 60}
_STABLE = 1e-9
_FARTHEST = 60.0
_LARGEST_SUPPORT = 5_000_000


@dataclass(frozen=True, slots=True, eq=False)
class BinomialNormal:
    """A fitted binomial-normal model.

    Attributes
    ----------
    estimate, se : float
        Mean log odds ratio and its standard error, from the inverse of the observed information of all parameters.
    tau2 : float
        Between-study variance of the log odds ratio; NaN for one study.
    sigma2 : float
        Between-study variance of the level (mean of the two log odds); NaN unless the model is UM.RS.
    loglik, loglik_common : float
        Log-likelihood, and that of the same model with tau2 = 0.
    nodes : int
        Quadrature nodes along each axis.
    drift : float
        Largest change of a parameter by a Newton step with twice as many nodes.
    modes : int
        Local maxima over tau.
    wald, wald_df : float, int
        Wald statistic of equal odds ratios and its degrees of freedom, over the tables without a zero cell (CM.EL:
        not at the edge of their support; UM.RS: where no group has nothing but events and the other none).
    lrt : float
        Likelihood-ratio statistic of equal odds ratios, ``k - 1`` degrees of freedom, against the same model with an odds
        ratio for each study; NaN where the variance of the levels of UM.RS is then infinite, and for one study.
    null : float
        Likelihood-ratio statistic of an odds ratio of 1; NaN unless asked for.
    ci : tuple of float
        Profile-likelihood interval of the estimate; NaN unless asked for.
    tau2_ci : tuple of float
        Profile-likelihood interval of tau2; NaN unless asked for.
    """

    estimate: float
    se: float
    tau2: float
    sigma2: float
    loglik: float
    loglik_common: float
    nodes: int
    drift: float
    modes: int
    wald: float
    wald_df: int
    lrt: float
    null: float
    ci: tuple[float, float]
    tau2_ci: tuple[float, float]


def informative(a: Array, n1: Array, c: Array, n2: Array) -> BoolArray:
    """Tables that say something about an odds ratio: not everybody alike in both groups."""
    events = a + c
    result: BoolArray = (events > 0) & (events < n1 + n2)
    return result


def fit_glmm(
    a: Array,
    n1: Array,
    c: Array,
    n2: Array,
    *,
    model: str,
    common: bool = False,
    nodes: int | None = None,
    level: float = 0.95,
    profile: bool = False,
) -> BinomialNormal:
    """Fit a binomial-normal model by maximum likelihood.

    Parameters
    ----------
    a, n1, c, n2 : Array, shape (k,)
        Events and sizes of groups 1 and 2, whole numbers; for UM.FS and CM.EL informative tables only.
    model : {"UM.FS", "UM.RS", "CM.EL"}
        Unconditional with a fixed level for each study; with random levels; conditional on both margins.
    common : bool
        Hold tau2 at 0. It is so for one study.
    nodes : int, optional
        Quadrature nodes along each axis. By default as many as make twice as many change nothing by 1e-9.
    level : float
        Level of the profile-likelihood intervals.
    profile : bool
        Whether the profile-likelihood interval of the estimate is wanted.

    Returns
    -------
    BinomialNormal

    Raises
    ------
    ModelError
        If the maximum-likelihood odds ratio is 0 or infinite, or tau2 has no finite estimate.

    Notes
    -----
    Log odds are ``level_i + (theta + u_i) / 2`` in group 1 and ``level_i - (theta + u_i) / 2`` in group 2, with ``u_i``
    normal, variance tau2: groups are treated alike. Turner et al. (2000), Stat Med 19:3417-3432; Stijnen, Hamza and
    Ozdemir (2010), Stat Med 29:3046-3067; Jackson et al. (2018), Stat Med 37:1059-1085.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.models.glmm import fit_glmm
    >>> a, n1, c, n2 = (np.array(x, float) for x in ([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220]))
    >>> found = fit_glmm(a, n1, c, n2, model="CM.EL")
    >>> round(found.estimate, 4), round(found.se, 4), found.tau2
    (-1.4164, 0.316, 0.0)
    """
    _refuse_infinite(a, n1, c, n2, model)
    k = len(a)
    common = common or k == 1
    density = Conditional(a, n1, c, n2) if model == "CM.EL" else Unconditional(a, n1, c, n2)
    count = _FEWEST if nodes is None else nodes
    climber = Climber(Likelihood(density, model, count), k)
    start = _start(a, n1, c, n2, model)
    top = climber.ridge(0.0, start) if common else climber.highest(start)
    while True:
        held = (TAU,) if top.point.shared[TAU] == 0 else ()
        best_here = climber.polish(top.point, held)
        top = Top(best_here.point, best_here.surface, top.modes)
        drift = _drift(climber, top)
        if nodes is not None or drift <= _STABLE or 2 * count > _MOST[climber.likelihood.dimensions]:
            break
        count *= 2
        climber = Climber(climber.likelihood.finer(count), k)
    flat = climber.ridge(0.0, top.point)
    tau = abs(float(top.point.shared[TAU]))
    constant = density.constant()
    saturated, wald_stat, wald_df = math.nan, math.nan, 0
    if model != "UM.RS":
        best, effects, information = density.peaks()
        saturated = float(best.sum())
        wald_stat, wald_df = _wald(effects, information)
    elif k > 1:
        saturated, wald_stat, wald_df = with_random_levels(a, n1, c, n2, count)
    sides = _Sides(climber, top, common, level)
    return BinomialNormal(
        estimate=float(top.point.shared[THETA]),
        se=_standard_error(top),
        tau2=math.nan if k == 1 else tau * tau,
        sigma2=math.nan if model != "UM.RS" else float(top.point.shared[3] ** 2) if 3 in _free(top) else 0.0,
        loglik=top.surface.value + constant,
        loglik_common=flat.surface.value + constant,
        nodes=count,
        drift=drift,
        modes=top.modes,
        wald=wald_stat,
        wald_df=wald_df,
        lrt=np.maximum(0.0, 2.0 * (saturated - flat.surface.value)).item(),
        null=sides.deviance(0.0) if profile else math.nan,
        ci=sides.effect(_standard_error(top)) if profile else (math.nan, math.nan),
        tau2_ci=(math.nan, math.nan) if common else sides.tau2(),
    )


def _refuse_infinite(a: Array, n1: Array, c: Array, n2: Array, model: str) -> None:
    """Name the case in which the likelihood rises as the odds ratio goes to 0 or infinity."""
    if model == "UM.RS":
        up = a.sum() == n1.sum() or c.sum() == 0
        down = a.sum() == 0 or c.sum() == n2.sum()
    else:
        up, down = bool(((a == n1) | (c == 0)).all()), bool(((a == 0) | (c == n2)).all())
    if up or down:
        raise ModelError(
            f"the maximum-likelihood odds ratio is {'infinite' if up else '0'}: every table has a zero cell on the same "
            "side (separation); method='Peto' gives a finite estimate, measure='RD' a difference"
        )
    support = np.minimum(n1, a + c) - np.maximum(0, a + c - n2)
    if model == "CM.EL" and support.sum() > _LARGEST_SUPPORT:
        raise ModelError(
            f"method='CM.EL' would sum over {support.sum():.0f} tables; method='UM.FS' takes groups of "
            "any size, and differs little where they are large"
        )


def _start(a: Array, n1: Array, c: Array, n2: Array, model: str) -> Point:
    logits = [np.log(x + 0.5) - np.log(n - x + 0.5) for x, n in ((a, n1), (c, n2))]
    weights = 1.0 / sum(1.0 / (x + 0.5) for x in (a, n1 - a, c, n2 - c))
    effect = float(np.sum(weights * (logits[0] - logits[1])) / np.sum(weights))
    levels = (logits[0] + logits[1]) / 2.0
    if model == "CM.EL":
        return Point(np.array([effect, 0.0]), np.empty(0))
    if model == "UM.FS":
        return Point(np.array([effect, 0.0]), levels)
    return Point(np.array([effect, 0.0, levels.mean(), max(0.3, float(levels.std()))]), np.empty(0))


def _drift(climber: Climber, top: Top) -> float:
    """How far a Newton step with twice as many nodes would go."""
    finer = Climber(climber.likelihood.finer(2 * climber.likelihood.nodes), climber.k).at(top.point)
    slope, bend = finer.reduced()
    free = _free(top)
    step = np.linalg.lstsq(bend[np.ix_(free, free)], slope[free], rcond=None)[0]
    return float(np.abs(step).max())


def _free(top: Top) -> list[int]:
    """Shared parameters that are not at the edge of their range."""
    shared = top.point.shared
    return [i for i in range(len(shared)) if i % 2 == 0 or abs(shared[i]) > 1e-6]


def _standard_error(top: Top) -> float:
    free = _free(top)
    information = -top.surface.reduced()[1][np.ix_(free, free)]
    return math.sqrt(float(np.linalg.inv(information)[0, 0]))


def _wald(effects: Array, information: Array) -> tuple[float, int]:
    """Wald test of equal log odds ratios over the tables that have one."""
    used = np.isfinite(effects) & (information > 0)
    if not used.any():
        return math.nan, 0
    return wald(effects[used], np.diag(information[used])), int(used.sum()) - 1


class _Sides:
    """Profile-likelihood intervals about a maximum."""

    def __init__(self, climber: Climber, top: Top, common: bool, level: float) -> None:
        self.climber, self.top, self.common = climber, top, common
        self.critical = float(special.chdtri(1.0, 1.0 - level))

    def deviance(self, theta: float) -> float:
        """Twice the fall of the log-likelihood at a given effect, all else at its best."""
        start = self.top.point
        shared = start.shared.copy()
        shared[THETA] = theta
        value = self.climber.ridge(0.0, Point(shared, start.own), (THETA,)).surface.value
        if not self.common:
            shared[TAU] = max(shared[TAU], 0.1, abs(theta - self.top.point.shared[THETA]) / 3.0)
            value = max(value, self.climber.climb(Point(shared, start.own), (THETA,)).surface.value)
        return 2.0 * (self.top.surface.value - value)

    def effect(self, se: float) -> tuple[float, float]:
        """Interval of the effect; infinite where the likelihood does not fall far enough."""
        centre = float(self.top.point.shared[THETA])
        low, high = (
            self._cross(self.deviance, centre, centre + side * 2.0 * se, _FARTHEST) for side in (-1.0, 1.0)
        )
        return low, high

    def tau2(self) -> tuple[float, float]:
        """Interval of tau2; 0 or infinite where the likelihood does not fall far enough."""
        peak = float(self.top.point.shared[TAU])

        def fall(tau: float) -> float:
            return 2.0 * (self.top.surface.value - self.climber.ridge(tau, self.top.point).surface.value)

        low = 0.0 if fall(0.0) <= self.critical else self._root(fall, peak, 0.0)
        return low**2, self._cross(fall, peak, max(1.5 * peak, 0.1), _FARTHEST) ** 2

    def _cross(self, fall: Callable[[float], float], centre: float, outer: float, farthest: float) -> float:
        while fall(outer) < self.critical:
            outer = centre + 1.6 * (outer - centre)
            if abs(outer - centre) > farthest:
                return math.copysign(math.inf, outer - centre)
        return self._root(fall, centre, outer)

    def _root(self, fall: Callable[[float], float], inner: float, outer: float) -> float:
        return float(
            optimize.brentq(
                lambda x: -self.critical if x == inner else fall(x) - self.critical, inner, outer, xtol=1e-10
            )
        )
