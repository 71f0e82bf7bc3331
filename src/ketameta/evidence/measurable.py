"""Which rows hold the kind of statistic that an effect measure is computed from."""

from __future__ import annotations

import numpy as np

from ketameta._typing import BoolArray
from ketameta.evidence.sheet import Sheet

__all__ = ["MEASURES", "gives"]

MEASURES = ("SMD", "MD", "ROM", "OR", "RR", "RD", "AS", "PETO", "HR")
_CONTRASTS = {
    "SMD": ("SMD",),
    "MD": ("MD", "LSMD"),
    "ROM": (),
    "OR": ("OR",),
    "RR": ("RR",),
    "RD": ("RD",),
    "AS": (),
    "PETO": (),
    "HR": ("HR",),
}


def gives(data: Sheet, measure: str) -> BoolArray:
    """Whether each row can give an effect of the measure.

    Arm means with a spread give MD, SMD and ROM; counts give OR, RR, RD, AS and PETO; a contrast gives its own measure, and
    a mean difference with the SDs of both arms gives an SMD as well. Nothing is said here of whether the numbers
    are sound: :func:`ketameta.effect_sizes` says it.

    Parameters
    ----------
    data : Sheet
        Rows with the columns of arm statistics, counts and contrasts.
    measure : {"SMD", "MD", "ROM", "OR", "RR", "RD", "AS", "PETO", "HR"}
        The effect measure.

    Returns
    -------
    ndarray of bool, one for each row
    """
    contrast = data.is_one_of("contrast_measure", _CONTRASTS[measure]) & _given(data, "contrast_value")
    if measure in ("OR", "RR", "RD", "AS", "PETO"):
        return contrast | _given(data, "events_t", "total_t", "events_c", "total_c")
    if measure == "HR":
        return contrast
    spread = np.ones(len(data), dtype=bool)
    for arm in "tc":
        interval = _given(data, f"ci_low_{arm}", f"ci_high_{arm}")
        spread &= _given(data, f"sd_{arm}") | _given(data, f"se_{arm}") | interval
    arms = spread & _given(data, "mean_t", "mean_c", "n_t", "n_c")
    if measure in ("MD", "ROM"):
        return contrast | arms
    difference = data.is_one_of("contrast_measure", _CONTRASTS["MD"]) & _given(
        data, "contrast_value", "sd_t", "sd_c"
    )
    return contrast | arms | difference


def _given(data: Sheet, *names: str) -> BoolArray:
    given = np.ones(len(data), dtype=np.bool_)
    for name in names:
        given &= ~np.isnan(data.number(name))
    return given
