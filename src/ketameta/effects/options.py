"""Choices behind effect sizes that most analyses leave alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from ketameta.effects._checks import arrays, choice, correlation, more_than, not_less_than
from ketameta.effects.binary import CORRECTION_RULES, To
from ketameta.errors import EffectError

__all__ = ["EffectOptions"]


@dataclass(frozen=True, slots=True, eq=False)
class EffectOptions:
    """Choices behind effect sizes that most analyses leave alone.

    Attributes
    ----------
    variance : {"LS", "UB"}
        Variance of an SMD of two groups (see :func:`ketameta.effects.smd`).
    correction : float, optional
        Number added to the cells of two-by-two tables; by default 0.5 for OR, RR and RD, and 0 for AS
        and PETO, which need none.
    to : {"only0", "all", "if0all", "none"}
        Tables that are corrected (see :func:`ketameta.effects.log_or`).
    arm_ci : {"t", "z"}
        Distribution by which the confidence intervals of arm means were made.
    quantiles : {"Luo", "Box-Cox", "refuse"}
        How means and SDs come from medians, quartiles and extremes: for normal samples, refusing skewed
        ones; by a Box-Cox transformation; or not at all.
    r_change : float, optional
        Correlation between baseline and end, from which the SD of changes is recovered where a row has
        ``baseline_sd_t``, ``endpoint_sd_t`` (and ``_c``) and no ``correlation`` of its own. Without it
        nothing is recovered.
    borrow_sd : {"no", "trial", "scale"}
        Missing SDs: leave them missing; take that of the same trial, arm, instrument and kind of score at
        the nearest time; or, where the trial has none, the median over trials on the same instrument.
    borrow_from : DataFrame, optional
        Rows that lend SDs; by default the rows whose effects are computed.
    reference_sd : mapping of str to float
        By instrument (upper or lower case alike), the SD in whose units a reported difference without arm SDs is put.
    r_crossover : float
        Correlation between the periods of a crossover where none is printed and none can be recovered.
    r_range : tuple of float
        Correlations between which the standard error is shown wherever ``r_crossover`` was used.
    half_life_days : float, optional
        Half-life of the effect, against which washouts are held (see :func:`ketameta.effects.carry_over`).

    Raises
    ------
    EffectError
        If a value is not one of its choices or lies outside its range.

    Examples
    --------
    >>> from ketameta.effects import EffectOptions
    >>> EffectOptions(r_crossover=0.7).r_range
    (0.3, 0.7)
    """

    variance: Literal["LS", "UB"] = "LS"
    correction: float | None = None
    to: To = "only0"
    arm_ci: Literal["t", "z"] = "t"
    quantiles: Literal["Luo", "Box-Cox", "refuse"] = "Luo"
    r_change: float | None = None
    borrow_sd: Literal["no", "trial", "scale"] = "no"
    borrow_from: pd.DataFrame | None = None
    reference_sd: Mapping[str, float] = field(default_factory=dict)
    r_crossover: float = 0.5
    r_range: tuple[float, float] = (0.3, 0.7)
    half_life_days: float | None = None

    def __post_init__(self) -> None:
        choice("variance", self.variance, ("LS", "UB"))
        choice("to", self.to, CORRECTION_RULES)
        choice("arm_ci", self.arm_ci, ("t", "z"))
        choice("quantiles", self.quantiles, ("Luo", "Box-Cox", "refuse"))
        choice("borrow_sd", self.borrow_sd, ("no", "trial", "scale"))
        if self.correction is not None:
            not_less_than(0, "a correction", correction=_number("correction", self.correction))
        if self.r_change is not None:
            correlation(r_change=_number("r_change", self.r_change))
        if self.half_life_days is not None:
            more_than(0, "a half-life", half_life_days=_number("half_life_days", self.half_life_days))
        correlation(r_crossover=_number("r_crossover", self.r_crossover))
        if not isinstance(self.r_range, tuple) or len(self.r_range) != 2:
            raise EffectError(f"r_range = {self.r_range!r}: give two correlations, such as (0.3, 0.7)")
        for bound in self.r_range:
            correlation(r_range=_number("r_range", bound))
        if self.borrow_from is not None and not isinstance(self.borrow_from, pd.DataFrame):
            raise EffectError(f"borrow_from is a {type(self.borrow_from).__name__}: a DataFrame is needed")
        if self.borrow_from is not None and self.borrow_sd == "no":
            raise EffectError(
                "borrow_from is given, but borrow_sd='no' borrows nothing; choose 'trial' or 'scale'"
            )
        if self.borrow_from is not None and not self.borrow_from.columns.is_unique:
            raise EffectError("borrow_from has columns that stand more than once")
        if not isinstance(self.reference_sd, Mapping):
            raise EffectError(
                f"reference_sd = {self.reference_sd!r}: give SDs by instrument, as {{'MADRS': 9.0}}"
            )
        for instrument, sd in self.reference_sd.items():
            more_than(
                0, "a standard deviation", **{f"reference_sd[{instrument!r}]": _number("reference_sd", sd)}
            )


def _number(name: str, value: float) -> np.ndarray:
    (number,) = arrays(**{name: value})
    if number.ndim:
        raise EffectError(f"{name} has shape {number.shape}; give one number")
    return number
