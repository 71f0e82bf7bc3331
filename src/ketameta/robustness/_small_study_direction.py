"""Which way effects go in smaller trials, in words."""

from __future__ import annotations

import math

import pandas as pd

from ketameta.effects._direction import lower_is_better

__all__ = ["direction"]


def direction(slope: float, rows: pd.DataFrame) -> str:
    """What a slope of the effects on something that grows in smaller trials says; empty without a slope.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.robustness._small_study_direction import direction
    >>> direction(-1.2, pd.DataFrame({"outcome": ["depression"], "higher_is_worse": [True]}))
    'smaller trials show effects more in favour of ketamine'
    """
    if math.isnan(slope) or slope == 0:
        return ""
    lower = lower_is_better(rows)
    if lower is None:
        return f"smaller trials show {'lower' if slope < 0 else 'higher'} effects"
    more = "more" if lower == (slope < 0) else "less"
    return f"smaller trials show effects {more} in favour of ketamine"
