"""Means and standard deviations that were estimated from quantiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown, number
from ketameta._typing import Array, BoolArray
from ketameta.provenance import trace

__all__ = ["MeanSd"]

_SHOWN = 10


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MeanSd(Shown):
    """Means and standard deviations estimated from quantiles, one element per group.

    Attributes
    ----------
    mean, sd : Array
        Estimates, in the unit of the quantiles.
    statistic, critical : Array
        Skewness statistic of the quantiles as given, and its critical value at the 5% level.
    skewed : BoolArray
        ``statistic >= critical``: the values are not nearly normal.
    power : Array
        Box-Cox power; 1 where the quantiles were used as they are.
    method : str
        ``"Luo"`` or ``"Box-Cox"``.
    given : str
        The quantiles that were used.

    Examples
    --------
    >>> from ketameta.effects import mean_sd_from_quantiles
    >>> mean_sd_from_quantiles(20, low=2, median=6, high=14).sentence()
    'The mean is 6.59 and the SD 3.21, estimated from low, median, high and n (Luo); the quantiles are not detectably skewed.'
    """

    mean: Array
    sd: Array
    statistic: Array
    critical: Array
    skewed: BoolArray
    power: Array
    method: str
    given: str

    def to_frame(self) -> pd.DataFrame:
        """One row per group."""
        return pd.DataFrame(
            {
                "mean": self.mean.ravel(),
                "sd": self.sd.ravel(),
                "statistic": self.statistic.ravel(),
                "critical": self.critical.ravel(),
                "skewed": self.skewed.ravel(),
                "power": self.power.ravel(),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the arrays as nested lists, with method and quantiles."""
        return {
            "mean": self.mean.tolist(),
            "sd": self.sd.tolist(),
            "statistic": self.statistic.tolist(),
            "critical": self.critical.tolist(),
            "skewed": self.skewed.tolist(),
            "power": self.power.tolist(),
            "method": self.method,
            "given": self.given,
        }

    def sentence(self) -> str:
        """Say in words what was estimated, from what and how."""
        how = f"estimated from {self.given} and n ({self.method})"
        if self.mean.size > 1:
            skewed = int(self.skewed.sum())
            return f"{self.mean.size} means and SDs, {how}; {skewed} of the groups are skewed."
        mean, sd = number(float(self.mean.item())), number(float(self.sd.item()))
        shape = "skewed" if self.skewed.item() else "not detectably skewed"
        return f"The mean is {mean} and the SD {sd}, {how}; the quantiles are {shape}."

    def _card(self) -> Card:
        frame = self.to_frame()
        rows = tuple(
            (
                str(i + 1),
                *(number(float(x), 3) for x in (mean, sd, statistic, critical)),
                "yes" if skewed else "no",
            )
            for i, (mean, sd, statistic, critical, skewed, _) in enumerate(
                frame.head(_SHOWN).itertuples(index=False, name=None)
            )
        )
        hidden = len(frame) - len(rows)
        notes = (f"{hidden} further groups are not shown",) if hidden else ()
        columns = ("#", "mean", "SD", "skewness statistic", "5% critical value", "skewed")
        footer = (f"From {self.given} and n; method {self.method}", trace(frame).line())
        return Card("Means and SDs from quantiles", columns, rows, notes, footer)
