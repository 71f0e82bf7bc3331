"""Profile likelihood of one variance component."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scipy import optimize, special

from ketameta._render import Card, Shown
from ketameta.errors import ModelError
from ketameta.models._ml_problem import Fitted, Problem
from ketameta.models.result import level_text, small

__all__ = ["ComponentProfile", "profile_component"]

_WIDEST = 1e8
_CLOSE = 1e-10


@dataclass(frozen=True, slots=True, repr=False)
class ComponentProfile(Shown):
    """Profile-likelihood interval of a variance component.

    Attributes
    ----------
    component : str
        Its name.
    estimate, low, high : float
        Estimate and bounds: all values at which the (restricted) log-likelihood, the other parameters at their
        best, falls by no more than half the quantile of chi-square with one degree of freedom. A bound at the
        edge of the range (0, infinity, the largest or smallest correlation) was not reached.
    level : float
        Level of the interval.
    low_open, high_open : bool
        Whether the bound is the edge of the range.
    """

    component: str
    estimate: float
    low: float
    high: float
    level: float
    low_open: bool
    high_open: bool

    def sentence(self) -> str:
        """The interval as a sentence."""
        return (
            f"{self.component} is {small(self.estimate)} ({level_text(self.level)} profile-likelihood interval "
            f"{small(self.low)} to {small(self.high)})."
        )

    def _card(self) -> Card:
        ends = (("lower", self.low_open), ("upper", self.high_open))
        return Card(
            title="Profile likelihood of a variance component",
            columns=("component", "estimate", f"{level_text(self.level)} interval"),
            rows=((self.component, small(self.estimate), f"[{small(self.low)}, {small(self.high)}]"),),
            notes=tuple(
                f"the {end} bound is the edge of the range: it was not reached"
                for end, is_open in ends
                if is_open
            ),
        )


def profile_component(
    problem: Problem, fitted: Fitted, fixed: Mapping[str, float], component: str, level: float
) -> ComponentProfile:
    """Bounds of a component, from a fit with the components ``fixed`` held.

    Raises
    ------
    ModelError
        When the component does not exist, is fixed, or nothing is known of it.
    """
    if component not in problem.names:
        raise ModelError(f"{component!r} is no component of the model; there are {', '.join(problem.names)}")
    estimate = float(
        dict(zip(problem.names, [v for part in fitted.components for v in part], strict=True))[component]
    )
    if component in fixed:
        raise ModelError(f"{component!r} is fixed at {fixed[component]:g}; it has no interval")
    if math.isnan(estimate):
        raise ModelError(f"these effects tell nothing about {component!r}; it has no interval")
    z = float(special.ndtri((1.0 - level) / 2.0))
    allowed = 0.5 * z * z
    last = fitted

    def excess(value: float) -> float:
        nonlocal last
        held = dict(fixed) | {component: value}
        tried = [problem.fit(held, start) for start in ((fitted,) if last is fitted else (fitted, last))]
        last = max(tried, key=lambda one: one.loglik)
        return fitted.loglik - last.loglik - allowed

    lowest, highest = _range(problem, component)
    low, low_open = _bound(excess, estimate, lowest)
    last = fitted
    if math.isinf(highest):
        high, high_open = _upwards(excess, estimate, problem.unit**2)
    else:
        high, high_open = _bound(excess, estimate, highest)
    return ComponentProfile(component, estimate, low, high, level, low_open, high_open)


def _range(problem: Problem, component: str) -> tuple[float, float]:
    if component.startswith("tau2"):
        return 0.0, math.inf
    term = next(term for term in problem.terms if component in term.components)
    return (-1.0 if term.random.structure == "UN" else float(term.structure.lower[-1])), 1.0


def _bound(excess: Callable[[float], float], estimate: float, edge: float) -> tuple[float, bool]:
    if abs(estimate - edge) <= _CLOSE * max(1.0, abs(edge)) or excess(edge) <= 0:
        return edge, True
    return float(optimize.brentq(excess, edge, estimate, xtol=1e-14, rtol=1e-10)), False


def _upwards(excess: Callable[[float], float], estimate: float, size: float) -> tuple[float, bool]:
    inner, outer = estimate, max(2.0 * estimate, 0.01 * size)
    while excess(outer) <= 0:
        inner, outer = outer, 2.5 * outer
        if outer > _WIDEST * max(size, estimate):
            return math.inf, True
    return float(optimize.brentq(excess, inner, outer, xtol=1e-300, rtol=1e-10)), False
