"""Small-sample correction of a standardised mean difference."""

from __future__ import annotations

import numpy as np
from scipy.special import gamma

from ketameta._typing import Array

__all__ = ["hedges_correction"]

_SERIES_FROM = 20.0


def hedges_correction(m: Array) -> Array:
    r"""Exact factor that removes the bias of Cohen's d (Hedges 1981).

    Parameters
    ----------
    m : Array
        Degrees of freedom of the standard deviation, at least 2.

    Returns
    -------
    Array
        :math:`J(m) = \Gamma(m/2) / (\sqrt{m/2}\,\Gamma((m-1)/2))`.

    Notes
    -----
    With z = (m-1)/2 the factor is :math:`\Gamma(z+1/2)/\Gamma(z)/\sqrt{z+1/2}`. Up to z = 20 the
    gamma functions are evaluated directly; above, the Bernoulli series of their log ratio
    (DLMF 5.11.8) is used to z^-7, whose next term is below 1e-14. A difference of log gamma
    functions would lose digits as m grows.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.effects._hedges import hedges_correction
    >>> hedges_correction(np.array([2.0, 10.0, 98.0])).round(6).tolist()
    [0.56419, 0.922746, 0.992324]
    """
    z = (np.atleast_1d(np.asarray(m, dtype=np.float64)) - 1) / 2
    j = np.empty_like(z)
    small = z <= _SERIES_FROM
    j[small] = gamma(z[small] + 0.5) / gamma(z[small]) / np.sqrt(z[small] + 0.5)
    inverse = 1 / z[~small]
    square = inverse * inverse
    log_ratio = inverse * (-1 / 8 + square * (1 / 192 + square * (-1 / 640 + square * 17 / 14336)))
    j[~small] = np.exp(log_ratio - 0.5 * np.log1p(0.5 * inverse))
    return j.reshape(np.shape(m))
