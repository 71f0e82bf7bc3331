"""The same analysis in R: a script for metafor, with the rows inside and the numbers that it must find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ketameta.curves import DurabilityCurve
from ketameta.errors import ModelError
from ketameta.models import Multilevel, Pooled, PooledCounts, Regression, Subgroups
from ketameta.reporting._r_counts import of_counts
from ketameta.reporting._r_multivariate import of_curve, of_multilevel
from ketameta.reporting._r_univariate import of_pool, of_regression, of_subgroups
from ketameta.reporting._rscript import RAnalysis

__all__ = ["to_r"]

_KINDS: dict[type, Callable[[Any], RAnalysis]] = {
    Pooled: of_pool,
    Subgroups: of_subgroups,
    Regression: of_regression,
    Multilevel: of_multilevel,
    DurabilityCurve: of_curve,
    PooledCounts: of_counts,
}


def to_r(result: Any) -> str:
    """Write the R script that does an analysis again with metafor.

    Parameters
    ----------
    result : Pooled, Subgroups, Regression, Multilevel, DurabilityCurve or PooledCounts
        What was analysed; a curve that is linear in its coefficients.

    Returns
    -------
    str
        ASCII text of a script that needs no other file: the rows with all their digits, the call, its print, each number
        beside that of ketameta, and an error where they differ. What metafor does not have is named in a comment.

    Raises
    ------
    ModelError
        When metafor has no such analysis; the message says why.

    Notes
    -----
    The script was tried with metafor 3.8 and 5.1. Differences are relative to the number, near zero to its usual size
    (a standard error, a sampling variance): 1e-6 for models with one variance, 1e-3 for ``rma.mv``, 1e-2 for ``rma.glmm``,
    whose searches stop earlier. Where a likelihood has several maxima, R may end at another than the highest, which
    ketameta takes, and with a component at the edge of its range or few events the search of R may fail; the script then
    stops.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.reporting import to_r
    >>> script = to_r(km.pool(yi=[-1.10, -0.35, -0.62, -0.18], vi=[0.09, 0.05, 0.04, 0.07], tau2="DL"))
    >>> print(*(line for line in script.splitlines() if line.startswith("fit")))
    fit <- rma(yi, vi, data = d, slab = label, method = "DL", test = "knha", level = 95)
    """
    for kind, analysis in _KINDS.items():
        if isinstance(result, kind):
            return analysis(result).text
    raise ModelError(
        f"there is no R script of a {type(result).__name__}; to_r() writes those of pool(), subgroups(), regress(), "
        "multilevel(), counts() and durability()"
    )
