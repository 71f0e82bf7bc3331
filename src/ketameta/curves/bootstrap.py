"""Parametric bootstrap of a curve: simulate effects from the fitted model, refit everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from ketameta._typing import Array, Rng
from ketameta.curves.blocks import Blocks, rotate
from ketameta.curves.inputs import TrialTimes
from ketameta.curves.model import CurveFit
from ketameta.curves.refitting import refitting
from ketameta.curves.spec import CurveSpec
from ketameta.errors import ModelError

__all__ = ["Bootstrap", "bootstrap"]

_CELLS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Curves refitted to simulated effects.

    Attributes
    ----------
    beta : numpy.ndarray, shape (B, p)
        Coefficients of the shape, as in :class:`ketameta.curves.model.CurveFit`.
    tau2, omega2 : numpy.ndarray, shape (B,)
        Heterogeneity variances.
    spread : numpy.ndarray, shape (B, q, q)
        Covariance of the random effects of a trial.
    draws : int
        Number of simulated data sets.
    failed : int
        How many of them gave no fit; they are not among the B.
    """

    beta: Array
    tau2: Array
    omega2: Array
    spread: Array
    draws: int
    failed: int

    def note(self) -> str:
        """What a reader must know of failed draws; empty when there are none."""
        if not self.failed:
            return ""
        return f"{self.failed} of {self.draws} bootstrap draws gave no fit and are left out"


def bootstrap(
    data: TrialTimes,
    spec: CurveSpec,
    fit: CurveFit,
    draws: int = 1000,
    rng: Rng = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Bootstrap:
    """Simulate effects from a fitted curve, heterogeneity included, and refit curve and variances to each.

    Parameters
    ----------
    data : TrialTimes
        The effects that were fitted.
    spec : CurveSpec
        How.
    fit : CurveFit
        The fit.
    draws : int
        Number of simulated data sets.
    rng : Generator, int or None
        Source of random numbers; a seed gives the same draws again.
    progress : callable, optional
        Called with the number of finished and of all draws.

    Returns
    -------
    Bootstrap
        The refitted curves.

    Raises
    ------
    ModelError
        If ``draws`` or ``rng`` is not usable, or the shape rises and falls and has a random decay.

    Notes
    -----
    Efron & Tibshirani 1993, chapter 6: the parametric bootstrap. Sampling covariances stay as they are. The draws
    are refitted in step, some at a time, so that memory does not grow with their number.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.curves.bootstrap import bootstrap
    >>> from ketameta.curves.inputs import read_rows
    >>> from ketameta.curves.model import fit_curve
    >>> from ketameta.curves.spec import check_spec
    >>> es = pd.DataFrame({"cohort_id": list("aabbcc"), "time_hours": [24, 168] * 3,
    ...                    "yi": [-0.8, -0.4, -0.9, -0.3, -0.7, -0.5], "vi": 0.04})
    >>> data, spec = read_rows(es)[0], check_spec("spline")
    >>> bootstrap(data, spec, fit_curve(data, spec), draws=200).beta.mean(axis=0).round(1).tolist()
    [-0.8, -0.4]
    """
    if not isinstance(draws, Integral) or isinstance(draws, bool) or draws < 1:
        raise ModelError(f"draws={draws!r} must be a whole number above zero.")
    try:
        generator = np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ModelError(f"rng={rng!r} must be a seed, a Generator or None.") from None
    blocks = rotate(data.covariances(rho=spec.rho, correlation=spec.options.correlation))
    refit = refitting(data, spec, fit, blocks)
    size = max(1, _CELLS // (data.yi.size * (fit.coefficients.values.size + 2)))
    parts = []
    for start in range(0, int(draws), size):
        count = min(size, int(draws) - start)
        parts.append(refit.fitted(refit.centre + _noise(blocks, fit, refit.random, count, generator)))
        if progress is not None:
            progress(start + count, int(draws))
    kept = np.concatenate([part[3] & np.isfinite(part[0]).all(axis=1) for part in parts])
    beta, spread, omega2 = (np.concatenate([part[i] for part in parts])[kept] for i in range(3))
    return Bootstrap(
        beta=beta,
        tau2=spread[:, 0, 0],
        omega2=omega2,
        spread=spread,
        draws=int(draws),
        failed=int((~kept).sum()),
    )


def _noise(blocks: Blocks, fit: CurveFit, random: Array, count: int, rng: np.random.Generator) -> Array:
    """Random effects of trials and of times and sampling errors, rotated: shape (B, n)."""
    n, trials = blocks.spectrum.size, blocks.starts.size
    values, vectors = np.linalg.eigh(fit.spread)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    effects = rng.standard_normal((count, trials, len(root))) @ root.T
    error = np.sqrt(blocks.spectrum + fit.omega2) * rng.standard_normal((count, n))
    return np.asarray((effects[:, blocks.trial] * random).sum(axis=2) + error, dtype=np.float64)
