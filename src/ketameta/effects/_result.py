"""The pair of arrays that every effect size function returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, number
from ketameta._typing import Array
from ketameta.effects._checks import first_index
from ketameta.errors import EffectError
from ketameta.provenance import trace

__all__ = ["EffectSize", "make_effect"]

_SHOWN = 10


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class EffectSize(Shown):
    """Effect sizes and their sampling variances.

    Attributes
    ----------
    yi : Array
        Effects, any shape; ratios are natural logarithms.
    vi : Array
        Sampling variances, same shape, each finite and positive.

    Examples
    --------
    >>> from ketameta.effects import md
    >>> effect = md([10.0, 12.0], 4.0, 20, 14.0, 5.0, [20, 25])
    >>> effect.yi.tolist(), effect.vi.round(2).tolist()
    ([-4.0, -2.0], [2.05, 1.8])
    """

    yi: Array
    vi: Array

    @property
    def sei(self) -> Array:
        """Standard errors, the square roots of ``vi``."""
        return np.asarray(np.sqrt(self.vi), dtype=np.float64)

    def to_frame(self) -> pd.DataFrame:
        """One row per effect with columns ``yi``, ``vi`` and ``sei``."""
        return pd.DataFrame({"yi": self.yi.ravel(), "vi": self.vi.ravel(), "sei": self.sei.ravel()})

    def to_dict(self) -> dict[str, Any]:
        """Return the arrays as nested lists of Python floats."""
        return {"yi": self.yi.tolist(), "vi": self.vi.tolist()}

    def sentence(self) -> str:
        """Say in words what the arrays hold."""
        if self.yi.size == 1:
            return (
                f"The effect is {number(float(self.yi.item()), 3)} (SE {number(float(self.sei.item()), 3)})."
            )
        low, high = float(self.yi.min()), float(self.yi.max())
        return f"{self.yi.size} effects between {number(low, 3)} and {number(high, 3)}."

    def _card(self) -> Card:
        frame = self.to_frame()
        rows = tuple(
            (str(i + 1), *(number(float(x), 4) for x in row))
            for i, row in enumerate(frame.head(_SHOWN).itertuples(index=False, name=None))
        )
        hidden = len(frame) - len(rows)
        notes = (f"{hidden} further effects are not shown",) if hidden else ()
        method = "yi is an effect in its own unit (a ratio as its logarithm), vi its sampling variance"
        return Card("Effect sizes", ("#", "yi", "vi", "sei"), rows, notes, (method, trace(frame).line()))


def make_effect(yi: Array, vi: Array, why: str) -> EffectSize:
    """Build an :class:`EffectSize`, or say where an effect or its variance cannot be used.

    Parameters
    ----------
    yi, vi : Array
        Effects and variances of one shape.
    why : str
        What brings about an unusable value in the calling function.

    Raises
    ------
    EffectError
        If an effect is not finite, or a variance is not finite and positive.
    """
    effects, variances = np.asarray(yi, dtype=np.float64), np.asarray(vi, dtype=np.float64)
    usable = np.isfinite(effects) & np.isfinite(variances) & (variances > 0)
    if not usable.all():
        place, flat = first_index(~usable)
        raise EffectError(
            f"effect{place}: yi = {effects.ravel()[flat]:g}, vi = {variances.ravel()[flat]:g} "
            f"cannot be used; {why}"
        )
    return EffectSize(effects, variances)
