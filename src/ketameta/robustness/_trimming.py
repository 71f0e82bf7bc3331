"""Trim and fill on arrays: how many studies are missing on one side, and which ones would mirror them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ketameta._render import plural
from ketameta._typing import AnyArray, Array
from ketameta.errors import ModelError
from ketameta.models.kernel import fit

__all__ = ["ESTIMATORS", "SIDES", "Missing", "Trimmed", "missing_on_the_left", "side_of_slope", "trim"]

ESTIMATORS = ("L0", "R0", "Q0")
SIDES = ("left", "right")
_SAME = 12


@dataclass(frozen=True, slots=True)
class Missing:
    """Estimated number of missing studies: whole and not below 0; its standard error, NaN where it has none."""

    count: int
    se: float


@dataclass(frozen=True, slots=True, eq=False)
class Trimmed:
    """Result of the iteration.

    Attributes
    ----------
    missing : Missing
        Number of missing studies.
    centre : float
        Pooled effect without the studies trimmed.
    trimmed : ndarray of int, shape (missing.count,)
        Positions of the studies trimmed, the most extreme last.
    iterations : int
        Number of fits that it took.
    """

    missing: Missing
    centre: float
    trimmed: AnyArray
    iterations: int


def side_of_slope(y: Array, v: Array, *, tau2: str) -> str:
    """The side on which small studies seem to be missing: opposite to where they lie.

    Parameters
    ----------
    y, v : Array, shape (k,)
        Effects and sampling variances.
    tau2 : str
        Estimator of the residual between-study variance.

    Returns
    -------
    str
        ``"right"`` where effects fall with the standard error in a meta-regression (Egger's test), else
        ``"left"``.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.robustness._trimming import side_of_slope
    >>> side_of_slope(np.array([-0.2, -0.3, -0.9]), np.array([0.01, 0.04, 0.3]), tau2="DL")
    'right'
    """
    slope = float(fit(y, v, np.column_stack((np.ones(y.size), np.sqrt(v))), tau2=tau2).beta[1])
    if math.isnan(slope):
        raise ModelError(
            "trim_and_fill(): the standard errors are too much alike to tell on which side studies are missing; "
            'give side="left" or side="right"'
        )
    return "right" if slope < 0 else "left"


def trim(y: Array, v: Array, *, tau2: str, estimator: str, side: str) -> Trimmed:
    """Trim the most extreme studies opposite to ``side`` until the number missing settles.

    Parameters
    ----------
    y, v : Array, shape (k,)
        Effects and sampling variances.
    tau2 : str
        Estimator of the between-study variance, as for :func:`ketameta.models.kernel.fit`.
    estimator : str
        L0, R0 or Q0.
    side : str
        ``"left"`` or ``"right"``: where studies are thought to be missing.

    Raises
    ------
    ModelError
        The number does not settle, is that of all studies, or does not exist (Q0).

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.robustness._trimming import trim
    >>> y, v = np.array([-0.3, -0.2, -0.4, -0.9, -1.3, -1.6]), np.array([0.01, 0.01, 0.02, 0.1, 0.2, 0.3])
    >>> trim(y, v, tau2="EE", estimator="R0", side="right").missing.count
    2
    """
    sign = 1.0 if side == "left" else -1.0
    order = np.argsort(sign * y, kind="stable")
    ys, vs = sign * y[order], v[order]
    k, seen, count = y.size, [], 0
    while True:
        if count >= k:
            raise ModelError(
                f"trim_and_fill(): {estimator} finds as many studies missing as there are ({k}); there are too "
                "few for this method"
            )
        seen.append(count)
        centre = float(fit(ys[: k - count], vs[: k - count], tau2=tau2, weights=False).beta[0])
        missing = missing_on_the_left(ys - centre, estimator)
        if missing.count == count:
            break
        count = missing.count
        if count in seen:
            raise ModelError(
                f"trim_and_fill(): the number of missing studies does not settle ({', '.join(map(str, seen))}, "
                f"{count}, and so on); take another estimator than {estimator}"
            )
    return Trimmed(missing, sign * centre, order[k - count :], len(seen))


def missing_on_the_left(d: Array, estimator: str) -> Missing:
    """Number of studies missing below 0, by the ranks of the distances on both sides.

    Parameters
    ----------
    d : Array, shape (k,)
        Distances from the centre, in rising order.
    estimator : str
        L0, R0 or Q0.

    Notes
    -----
    Of equal distances the lower effect has the lower rank. Distances that differ by less than 1e-12 of the
    largest one are equal, so that ties do not hang on rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.robustness._trimming import missing_on_the_left
    >>> missing_on_the_left(np.array([-0.1, 0.05, 0.2, 0.4]), "R0").count
    1
    """
    k, reach = d.size, float(np.abs(d).max())
    far = np.round(np.abs(d) / reach, _SAME) if reach > 0 else np.zeros(k)
    rank = np.empty(k)
    rank[np.argsort(far, kind="stable")] = np.arange(1, k + 1)
    above, below = (d > 0) & (far > 0), (d < 0) & (far > 0)
    if estimator == "R0":
        run = k - float(rank[below].max()) if below.any() else float(above.sum())
        found = run - 1.0
        return _whole(found, 2.0 * max(found, 0.0) + 2.0, 1.0)
    sum_above = float(rank[above].sum())
    if estimator == "L0":
        found = (4.0 * sum_above - k * (k + 1)) / (2.0 * k - 1.0)
        return _whole(found, _variance(k, found), 4.0 / (2.0 * k - 1.0))
    inner = 2.0 * k**2 - 4.0 * sum_above + 0.25
    if not inner > 0:
        raise ModelError(
            f"trim_and_fill(): Q0 does not exist here, where nearly all of {plural(k, 'study', 'studies')} lie on "
            'one side; take estimator="L0"'
        )
    return _whole(
        k - 0.5 - math.sqrt(inner), _variance(k, k - 0.5 - math.sqrt(inner)), 2.0 / math.sqrt(inner)
    )


def _whole(found: float, variance: float, factor: float) -> Missing:
    """The number rounded (halves to the even one), and its standard error ``factor * sqrt(variance)``."""
    return Missing(max(0, round(found)), factor * math.sqrt(variance) if variance >= 0 else math.nan)


def _variance(k: int, n: float) -> float:
    """Variance of the sum of ranks above the centre when n of k + n studies are missing."""
    both = 10 * n**3 + 27 * n**2 + 17 * n - 18 * k * n**2 - 18 * k * n + 6 * k**2 * n
    return (k * (k + 1) * (2 * k + 1) + both) / 24.0
