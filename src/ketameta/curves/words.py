"""Times and effects in words, for cards and sentences of curves."""

from __future__ import annotations

import math

from ketameta._render import number
from ketameta.models.result import shown

__all__ = [
    "clock",
    "clock_interval",
    "effect_interval",
    "effect_range",
    "effect_text",
    "level_text",
    "variance_text",
]

_ZERO = 1e-12

RATIOS = frozenset({"OR", "PETO", "RR", "HR", "ROM"})


def clock(hours: float) -> str:
    """Time after dosing in hours below three days, in days from there on.

    Examples
    --------
    >>> from ketameta.curves.words import clock
    >>> clock(2 / 3), clock(24.0), clock(168.0), clock(100.0), clock(float("inf"))
    ('40 min', '24 h', '7 d', '4.2 d', 'not reached')
    """
    if math.isinf(hours):
        return "not reached"
    if 0 < hours < 1:
        return f"{hours * 60:.0f} min"
    if hours < 72:
        return f"{hours:.1f}".removesuffix(".0") + " h"
    return f"{hours / 24:.1f}".removesuffix(".0") + " d"


def clock_interval(low: float, high: float) -> str:
    """Interval between two times, ``"60 h to 12.5 d"``; ``"not reached"`` when both ends are infinite."""
    if math.isinf(low):
        return clock(low)
    return f"{clock(low)} to {clock(high)}"


def level_text(level: float) -> str:
    """Level in per cent, ``"95%"``."""
    return f"{100 * level:.6g}%"


def effect_text(value: float, measure: str) -> str:
    """An effect as printed: ratios, kept as logs, are shown as ratios.

    Examples
    --------
    >>> from ketameta.curves.words import effect_text
    >>> effect_text(-0.5, "SMD"), effect_text(0.0, "OR")
    ('−0.50', '1.00')
    """
    return number(shown(value, measure in RATIOS))


def effect_range(low: float, high: float, measure: str) -> str:
    """An interval of effects in a sentence, ``"−0.83 to 0.20"``."""
    return f"{effect_text(low, measure)} to {effect_text(high, measure)}"


def effect_interval(low: float, high: float, measure: str) -> str:
    """An interval of effects in a table, ``"[−0.83, 0.20]"``."""
    return f"[{effect_text(low, measure)}, {effect_text(high, measure)}]"


def variance_text(value: float) -> str:
    """A variance between trials with four digits; 0 where a search ended on its boundary.

    Examples
    --------
    >>> from ketameta.curves.words import variance_text
    >>> variance_text(0.021534), variance_text(1.3e-32)
    ('0.02153', '0')
    """
    return f"{value:.4g}" if value > _ZERO else "0"
