"""Words that figures share: which side favours whom, counts, level."""

from __future__ import annotations

import pandas as pd

from ketameta._render import p_value
from ketameta.effects._direction import lower_is_better, only_value
from ketameta.plots._asked import pair

__all__ = ["arm_names", "equals_p", "level_text", "sides"]

_LONGEST_NAME = 18


def level_text(level: float) -> str:
    """A level in per cent, ``"95%"``."""
    return f"{100 * level:.6g}%"


def equals_p(p: float | None) -> str:
    """A P value with its sign, ``"p = 0.04"`` or ``"p < 0.001"``."""
    text = p_value(p)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def arm_names(rows: pd.DataFrame) -> tuple[str, str]:
    """Names of the two arms: the one drug and comparator that all rows share, else the general words.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.plots._words import arm_names
    >>> arm_names(pd.DataFrame({"drug": ["esketamine"] * 2, "comparator": ["placebo", "midazolam"]}))
    ('esketamine', 'comparator')
    """
    drug, other = (str(only_value(rows, column) or "").strip() for column in ("drug", "comparator"))
    known = 0 < len(other) <= _LONGEST_NAME and other != drug
    return drug if 0 < len(drug) <= _LONGEST_NAME else "ketamine", other if known else "comparator"


def sides(rows: pd.DataFrame, favours: tuple[str, str] | None = None) -> tuple[str, str]:
    """Labels of the half of the effect axis under the null, and of the half over it.

    Parameters
    ----------
    rows : DataFrame
        Rows behind the result; `outcome`, `higher_is_worse`, `drug`, `comparator` are read if there.
    favours : tuple of str, optional
        Who is favoured under and over the null, in place of what the rows say.

    Returns
    -------
    tuple of str
        ``("Favours ketamine", "Favours placebo")``; where the direction is not known,
        ``("Lower with ketamine", "Higher with ketamine")``.

    Raises
    ------
    FigureError
        `favours` is no pair of names.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.plots._words import sides
    >>> sides(pd.DataFrame({"outcome": ["response"]}))
    ('Favours comparator', 'Favours ketamine')
    """
    if favours is not None:
        under, over = pair("favours", favours)
        return f"Favours {under}", f"Favours {over}"
    drug, other = arm_names(rows)
    lower = lower_is_better(rows)
    if lower is None:
        return f"Lower with {drug}", f"Higher with {drug}"
    return (f"Favours {drug}", f"Favours {other}") if lower else (f"Favours {other}", f"Favours {drug}")
