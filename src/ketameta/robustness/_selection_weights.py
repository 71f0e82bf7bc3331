"""Weight functions of selection models: how likely a study is to be seen, by its P value.

Every weight here is the exponential of a linear function of its parameters, w(p) = exp(theta . f(p)), so that one
likelihood serves all of them. Effects are turned so that P falls as they rise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from ketameta._typing import Array
from ketameta.errors import ModelError

__all__ = ["FAMILIES", "P_MIN", "Scheme", "p_values", "read_steps", "scheme"]

FAMILIES = ("step", "beta", "negexp", "halfnorm")
P_MIN = 1e-5
_LARGEST_Z = 8.5
_PANELS = {"beta": 6, "negexp": 10, "halfnorm": 10}
_NODES = 16
_LOG_EDGE = math.log(1e10)
_LARGEST = 100.0
_SMALLEST = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Scheme:
    """A weight function with m parameters theta, and where the expectation of the weight is summed.

    Attributes
    ----------
    family : str
        One of ``FAMILIES``.
    two_sided : bool
        Whether P is that of a two-sided test.
    steps : tuple of float
        Upper ends of the intervals of P but for the last, which is 1; empty unless ``family`` is step.
    low, high : Array, shape (c,)
        Ranges of z = y / sqrt(v) over which the weight does not change.
    nodes, node_weights : Array, shape (q,)
        Nodes in z, and quadrature weights, for the range over which it does.
    features : Array, shape (c + q, m)
        f(p) of ranges and nodes.
    edges : tuple of two Array, shape (m,)
        Least and largest theta that is looked at.
    """

    family: str
    two_sided: bool
    steps: tuple[float, ...]
    low: Array
    high: Array
    nodes: Array
    node_weights: Array
    features: Array
    edges: tuple[Array, Array]

    @property
    def m(self) -> int:
        """Number of parameters."""
        return int(self.features.shape[1])

    def of_p(self, p: Array) -> Array:
        """f(p), shape (..., m)."""
        return _features(self.family, self.steps, p)

    def interval(self, p: Array) -> Any:
        """Number of the interval of P that each value lies in; an upper end belongs to its interval."""
        return np.searchsorted(self.steps, p, side="left")

    def delta(self, theta: Array) -> Array:
        """Parameters as they are published: weights, (a, b), or a rate."""
        if self.family == "step":
            return np.exp(theta)
        return theta + 1.0 if self.family == "beta" else theta + 0.0

    def theta(self, delta: Array) -> Array:
        """The inverse of :meth:`delta`."""
        if self.family == "step":
            return np.log(delta)
        return delta - 1.0 if self.family == "beta" else delta + 0.0

    def slope(self, theta: Array) -> Array:
        """Derivative of :meth:`delta`."""
        return np.exp(theta) if self.family == "step" else np.ones_like(theta)


def p_values(z: Array, *, two_sided: bool) -> Array:
    """P values of z: of a test against effects above 0, or two-sided.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.robustness._selection_weights import p_values
    >>> p_values(np.array([0.0, 1.959963984540054]), two_sided=True).round(6).tolist()
    [1.0, 0.05]
    """
    found: Array = 2.0 * ndtr(-np.abs(z)) if two_sided else ndtr(-z)
    return found


def read_steps(steps: Any) -> tuple[float, ...]:
    """Cut points between 0 and 1 in rising order; a 1 at the end may be given.

    Examples
    --------
    >>> from ketameta.robustness._selection_weights import read_steps
    >>> read_steps(0.025), read_steps([0.025, 0.5, 1])
    ((0.025,), (0.025, 0.5))
    """
    given = (steps,) if isinstance(steps, Real) else steps
    try:
        found = tuple(float(step) for step in given if not isinstance(step, bool | str | bytes))
        whole = len(found) == len(tuple(given))
    except (TypeError, ValueError):
        found, whole = (), False
    found = found[:-1] if found[-1:] == (1.0,) else found
    rising = all(a < b for a, b in zip((0.0, *found), (*found, 1.0), strict=True))
    if not whole or not found or not rising:
        raise ModelError(
            f"steps={steps!r} must be P values between 0 and 1 in rising order, such as (0.025, 0.5)"
        )
    return found


def scheme(family: str, steps: tuple[float, ...], *, two_sided: bool) -> Scheme:
    """The weight function of a family.

    Parameters
    ----------
    family : str
        One of ``FAMILIES``.
    steps : tuple of float
        For ``"step"``: where P is cut.
    two_sided : bool
        Whether P is two-sided; not for ``"beta"``.
    """
    none = np.zeros(0)
    if family == "step":
        ends = np.array([0.0, *steps, 1.0])
        z = -ndtri(ends / 2.0 if two_sided else ends)
        low, high = z[1:], z[:-1]
        if two_sided:
            low, high = np.concatenate([low, -high]), np.concatenate([high, -low])
        middle = 0.5 * (ends[1:] + ends[:-1])
        features = _features(family, steps, np.tile(middle, 2) if two_sided else middle)
        size = np.full(len(steps), _LOG_EDGE)
        return Scheme(family, two_sided, steps, low, high, none, none, features, (-size, size))
    far = -float(ndtri(P_MIN)) if family == "beta" else _LARGEST_Z
    x, w = np.polynomial.legendre.leggauss(_NODES)
    panels = _PANELS[family]
    cuts = np.linspace(-far, far, panels + 1)
    half = far / panels
    nodes = (0.5 * (cuts[1:] + cuts[:-1])[:, None] + half * x).ravel()
    low, high = np.array([-np.inf, far]), np.array([-far, np.inf])
    at = np.concatenate([[-far, far], nodes])
    features = _features(family, (), p_values(at, two_sided=two_sided))
    size = features.shape[1]
    least = np.full(size, -1.0 + _SMALLEST) if family == "beta" else np.zeros(size)
    edges = (least, np.full(size, _LARGEST - (family == "beta")))
    return Scheme(family, two_sided, (), low, high, nodes, np.tile(half * w, panels), features, edges)


def _features(family: str, steps: tuple[float, ...], p: Array) -> Array:
    if family == "step":
        at = np.searchsorted(steps, p, side="left")
        result: Array = (at[..., None] == np.arange(1, len(steps) + 1)).astype(np.float64)
        return result
    if family == "beta":
        inside = np.clip(p, P_MIN, 1.0 - P_MIN)
        return np.stack([np.log(inside), np.log1p(-inside)], axis=-1)
    return -(p if family == "negexp" else p * p)[..., None]
