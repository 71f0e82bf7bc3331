"""Options of a summary of findings."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

from ketameta._render import Options
from ketameta.errors import DataError

__all__ = ["SummaryOptions"]


@dataclass(frozen=True, slots=True, repr=False)
class SummaryOptions(Options):
    """What the optimal information size is for, and the tool of the risk of bias.

    Attributes
    ----------
    alpha, power : float
        Two-sided level and power of the trial that the optimal information size is that of.
    relative : float
        Relative change of the risk with the comparator that it is to find: 0.25, as in GRADE guidelines 6.
    smd : float
        Standardised mean difference that it is to find where no minimal important difference is given: 0.2, small.
    tool : {"RoB 2", "ROBINS-I", "RoB 1"}
        Tool of the risk-of-bias judgements.

    Examples
    --------
    >>> from ketameta.reporting import SummaryOptions
    >>> SummaryOptions(power=0.9)
    SummaryOptions(power=0.9)
    """

    alpha: float = 0.05
    power: float = 0.8
    relative: float = 0.25
    smd: float = 0.2
    tool: str = "RoB 2"

    def __post_init__(self) -> None:
        for name in ("alpha", "power", "relative", "smd"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < 1:
                raise DataError(f"{name}={value!r}: give a number between 0 and 1")
