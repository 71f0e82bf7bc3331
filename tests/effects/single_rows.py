"""Rows of one trial with arm statistics, and the effects that effect_sizes gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import ketameta as km
from ketameta import effects
from ketameta.effects import EffectOptions

ARMS = {"n_t": 20, "mean_t": 14.0, "sd_t": 6.0, "n_c": 22, "mean_c": 18.0, "sd_c": 7.0}
NO_SD = {**ARMS, "sd_t": None, "sd_c": None}


def one(measure: str = "SMD", options: EffectOptions | None = None, **cells: Any) -> pd.Series:
    """Only row of the effects of one row."""
    table = km.effect_sizes(pd.DataFrame([cells]), measure=measure, options=options)  # type: ignore[arg-type]
    row = table.iloc[0]
    assert (row["reason"] == "") == np.isfinite(row["yi"])
    return row


def smd(sd_t: float, sd_c: float) -> tuple[float, float]:
    effect = effects.smd(14.0, sd_t, 20, 18.0, sd_c, 22)
    return float(effect.yi), float(effect.vi)
