"""Single options of a choice: which there are, how they are checked, and how they are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from ketameta._spelling import unknown
from ketameta.effects import EffectOptions
from ketameta.errors import EffectError, ModelError, SelectionError
from ketameta.evidence.filters import COLUMNS, time_asked, window
from ketameta.evidence.measurable import MEASURES
from ketameta.models.kernel import METHODS

__all__ = [
    "ADULTS",
    "CHOICES",
    "EFFECT_CHOICES",
    "EFFECT_WORDS",
    "JUDGED",
    "RESISTANT",
    "ROW_CHOICES",
    "TEXT_COLUMNS",
    "checked",
    "known",
    "label",
    "meant",
]

TEXT_COLUMNS = {
    **COLUMNS,
    "blinding": ("blinding",),
    "score": ("score_type",),
    "analysis_set": ("analysis_set",),
    "source": ("source_kind",),
    "confidence": ("confidence",),
}
"""Choices that keep rows by a text, and the columns in which each looks."""

ADULTS, RESISTANT = "adults", "treatment-resistant"
JUDGED = ("any", "no high risk", "judged, no high risk")

ROW_CHOICES = (*TEXT_COLUMNS, "window", "provisional", "risk_of_bias", "measure")
EFFECT_WORDS = {
    "standardiser": ("pooled", "average", "control", "baseline"),
    "shared": ("combine", "split", "keep"),
    "adjusted": ("exclude", "sd_from_se"),
    "crossover": ("paired", "parallel", "first"),
    "variance": ("LS", "UB"),
    "quantiles": ("Luo", "Box-Cox", "refuse"),
    "to": ("only0", "all", "if0all", "none"),
}
_EFFECT_NUMBERS = ("r_change", "correction")
EFFECT_CHOICES = (*EFFECT_WORDS, *_EFFECT_NUMBERS)
_CI = ("HKSJ", "HKSJ-adhoc", "Wald", "KR")
_TAU2 = tuple(name for name in METHODS if name != "GENQ")
CHOICES = (*ROW_CHOICES, *EFFECT_CHOICES, "imputed", "tau2", "ci")
"""Every choice, in the order in which a universe makes them."""


def known(trials: pd.DataFrame, name: str) -> list[str]:
    """Texts that the columns of a choice hold."""
    columns = [column for column in TEXT_COLUMNS[name] if column in trials.columns]
    return sorted({str(value) for column in columns for value in trials[column].dropna()} - {""})


def meant(value: Any, have: list[str]) -> tuple[str, ...]:
    """The texts that an option keeps, of those that a table has; a word for populations may stand for none."""
    grown = [name for name in have if "adolescent" not in name.lower()]
    if value == ADULTS:
        return tuple(grown)
    if value == RESISTANT:
        return tuple(name for name in grown if "TRD" in name)
    return (value,) if isinstance(value, str) else tuple(value)


def checked(trials: pd.DataFrame, name: str, value: Any) -> Any:
    """An option as it is used: words as words, several values as a tuple."""
    if name in TEXT_COLUMNS:
        return _text(trials, name, value)
    if name in _READERS:
        return _READERS[name](name, value)
    return _number(name, value)


def _text(trials: pd.DataFrame, name: str, value: Any) -> Any:
    if value is None:
        return None
    have = known(trials, name)
    if not have:
        raise SelectionError(f"{name}={value!r}: the table has no {' or '.join(TEXT_COLUMNS[name])}")
    if name == "population" and isinstance(value, str) and value in (ADULTS, RESISTANT):
        if not meant(value, have):
            raise SelectionError(f"no row of the table has a population that is {value}")
        return value
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not values or not all(isinstance(x, str) for x in values):
        raise ModelError(f"{name}={value!r}: a text or several are wanted, or None for any")
    for text in values:
        if text not in have:
            raise SelectionError(unknown(name, text, have))
    return values[0] if len(values) == 1 else tuple(values)


def _window(name: str, value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) not in (2, 3):
        raise ModelError(
            f"{name}={value!r}: hours as (low, high), or (low, high, best), such as (18, 36, 24)"
        )
    low, high = window((value[0], value[1])) or (0.0, 0.0)
    best = time_asked(value[2] if len(value) == 3 else None, (low, high))
    return (low, high, best)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ModelError(f"{name}={value!r} must be True or False")
    return value


def _crossover(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        if len(value) != 2 or value[0] != "paired":
            raise ModelError(f'{name}={value!r}: a correlation goes with "paired", as in ("paired", 0.3)')
        try:
            EffectOptions(r_crossover=value[1])
        except EffectError as error:
            raise ModelError(f"{name}={value!r}: {error}") from None
        return ("paired", float(value[1]))
    return _word(EFFECT_WORDS["crossover"])(name, value)


def _number(name: str, value: Any) -> Any:
    if value is None:
        return None
    try:
        EffectOptions(**{name: value})
    except EffectError as error:
        raise ModelError(f"{name}={value!r}: {error}") from None
    return float(value)


def _word(words: tuple[str, ...]) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if not (isinstance(value, str) and value in words):
            raise ModelError(unknown(name, value, words))
        return value

    return read


_READERS: dict[str, Callable[[str, Any], Any]] = {
    **{name: _word(words) for name, words in EFFECT_WORDS.items()},
    "crossover": _crossover,
    "window": _window,
    "provisional": _flag,
    "imputed": _flag,
    "risk_of_bias": _word(JUDGED),
    "measure": _word(MEASURES),
    "tau2": _word(_TAU2),
    "ci": _word(_CI),
}


def label(name: str, value: Any) -> str:
    """An option in words.

    Examples
    --------
    >>> from ketameta.robustness._universe_options import label
    >>> label("window", (18.0, 36.0, 24.0)), label("drug", None), label("crossover", ("paired", 0.3))
    ('18 to 36 h', 'any', 'paired, r = 0.3')
    """
    if name == "window" and value is not None:
        low, high, best = value
        middle = "" if low <= 24 <= high and best == 24 else f", best {best:g}"
        return f"{low:g} to {high:g} h{middle}"
    if value is None:
        return "none" if name in _EFFECT_NUMBERS else "any"
    if isinstance(value, bool):
        return "in" if value else "out"
    if name == "crossover" and not isinstance(value, str):
        return f"paired, r = {value[1]:g}"
    if isinstance(value, tuple):
        return " or ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
