"""When a method of this room should not be leaned on, in words that stand in its result."""

from __future__ import annotations

from ketameta._render import number, plural
from ketameta.models import Pooled

__all__ = ["ENOUGH", "LARGE_I2", "few", "heterogeneous", "self_correlated"]

ENOUGH = 10
LARGE_I2 = 50.0


def few(fit: Pooled, *, least: int = ENOUGH) -> tuple[str, ...]:
    """That there are too few studies to tell asymmetry from chance (Sterne et al. 2011, BMJ 343:d4002)."""
    if fit.k >= least:
        return ()
    return (
        f"not to be relied on with {plural(fit.k, 'study', 'studies')}: chance cannot be told from bias "
        f"with fewer than {least}",
    )


def heterogeneous(fit: Pooled, why: str) -> tuple[str, ...]:
    """That heterogeneity is too large for a method; ``why`` says what it does then."""
    if not fit.i2 > LARGE_I2:
        return ()
    return (f"not to be relied on where effects differ this much (I2 = {number(fit.i2, 0)}%): {why}",)


def self_correlated(fit: Pooled) -> tuple[str, ...]:
    """That the variance of an SMD grows with the SMD, so that a slope on its standard error is found without bias."""
    if fit.measure.upper() != "SMD":
        return ()
    return (
        "the standard error of an SMD grows with the SMD itself, so a slope on it comes about without any bias "
        "(Pustejovsky and Rodgers 2019); prefer the test on sqrt(1/n1 + 1/n2)",
    )
