"""The risk of one group that an effect implies beside the risk of the other."""

from __future__ import annotations

import numpy as np
from scipy import special

from ketameta._typing import Array, ArrayLike
from ketameta.effects._checks import arrays, choice
from ketameta.errors import EffectError

__all__ = ["RISK_MEASURES", "implied_risk"]

RISK_MEASURES = ("OR", "PETO", "RR", "RD", "AS")


def implied_risk(risk: ArrayLike, effect: ArrayLike, measure: str) -> Array:
    """Risk with ketamine that an effect implies where the risk with the comparator is known.

    Parameters
    ----------
    risk : array_like
        Risk with the comparator, 0 to 1.
    effect : array_like
        Effect as it is pooled: the log of an OR or RR, Peto's log odds ratio, a risk difference, an arcsine
        difference. Broadcast against `risk`.
    measure : {"OR", "PETO", "RR", "RD", "AS"}
        What the effect is.

    Returns
    -------
    Array
        0 where the effect asks for less than 0, 1 where it asks for more than 1; for odds ratios it never does.

    Raises
    ------
    EffectError
        If a value is not finite, a risk is outside 0 to 1, or the measure has no risks behind it.

    Notes
    -----
    The definitions of the measures solved for the risk p1: logit p1 = logit p2 + log OR, p1 = p2 RR,
    p1 = p2 + RD, asin(sqrt(p1)) = asin(sqrt(p2)) + AS.

    Examples
    --------
    >>> import numpy as np
    >>> from ketameta.effects.risks import implied_risk
    >>> implied_risk([0.2, 0.5], np.log(4.0), "OR").tolist()
    [0.5, 0.8]
    """
    choice("measure", measure, RISK_MEASURES)
    p, theta = arrays(risk=risk, effect=effect)
    if ((p < 0) | (p > 1)).any():
        raise EffectError("risk: give risks from 0 to 1, not per cent")
    if measure in ("OR", "PETO"):
        return np.asarray(special.expit(special.logit(p) + theta))
    if measure == "AS":
        return np.square(np.sin(np.clip(np.arcsin(np.sqrt(p)) + theta, 0.0, np.pi / 2)))
    with np.errstate(over="ignore"):
        asked = p * np.exp(np.minimum(theta, 700.0)) if measure == "RR" else p + theta
    return np.clip(asked, 0.0, 1.0)
