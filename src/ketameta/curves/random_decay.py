"""Random decay beside a random level, where the data can tell it."""

from __future__ import annotations

import numpy as np

from ketameta._typing import Array
from ketameta.curves.blocks import Blocks
from ketameta.curves.fit import VarianceFit, VarianceFits, fit_many

__all__ = ["random_decay", "singular_note", "too_few"]

_FEWEST = 3
_NONE = 1e-8


def too_few(blocks: Blocks, p: int) -> str:
    """Why a random decay cannot be asked of so few effects; empty where it can."""
    n = blocks.spectrum.size
    repeated = int((np.bincount(blocks.trial) > 1).sum())
    if repeated < _FEWEST:
        return _fallback(f"{repeated} trials were measured more than once, and {_FEWEST} are the least")
    if n < p + 4:
        return _fallback(f"{n} effects cannot carry {p} coefficients and four variances")
    return ""


def random_decay(
    blocks: Blocks, y: Array, x: Array, slope: Array, *, reml: bool
) -> tuple[VarianceFit | None, str]:
    """Fit with a random level and a random slope.

    Parameters
    ----------
    blocks : Blocks
        Rotated sampling covariance.
    y, x, slope : numpy.ndarray, shapes (n,), (n, p) and (n,)
        Effects, design and what the random slope multiplies, rotated.
    reml : bool
        Restricted likelihood, or full.

    Returns
    -------
    VarianceFit or None, str
        The fit, or None and the reason.
    """
    fits: VarianceFits = fit_many(blocks, y[None], x[None], reml=reml, slope=slope[None])
    if not fits.settled[0]:
        return None, _fallback("its likelihood did not settle")
    fit = fits.one(0)
    size = float(np.mean(slope**2))
    if fit.spread[1, 1] * size <= _NONE * (fit.tau2 + fit.omega2 + float(blocks.spectrum.mean())):
        return None, _fallback("its variance is estimated as zero")
    if not fit.distinguishable:
        return None, _fallback("the data do not tell its variance from the others")
    return fit, ""


def singular_note(fit: VarianceFit) -> tuple[str, ...]:
    """What to say of a random decay that goes with the level entirely."""
    spread = fit.spread
    if spread[0, 0] * spread[1, 1] - spread[0, 1] ** 2 > _NONE * spread[0, 0] * spread[1, 1]:
        return ()
    return (
        "level and decay of a trial are estimated as wholly correlated, on the boundary of what they can be",
    )


def _fallback(why: str) -> str:
    return f"a random decay was asked for, but {why}: the level alone is random"
