"""The nearest known name to one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest", "unknown"]


def nearest(word: object, candidates: Iterable[object], closeness: float = 0.6) -> str:
    """Candidate that is spelt most like ``word`` whatever its case, or an empty string.

    Examples
    --------
    >>> from ketameta._spelling import nearest
    >>> nearest("indicaton", ["indication", "instrument"]), nearest("xyz", ["indication"])
    ('indication', '')
    """
    folded = {str(candidate).casefold(): str(candidate) for candidate in candidates}
    match = difflib.get_close_matches(str(word).casefold(), folded, n=1, cutoff=closeness)
    return folded[match[0]] if match else ""


def did_you_mean(word: object, candidates: Iterable[object], otherwise: str = "") -> str:
    """End of a sentence that suggests the nearest candidate, or ``otherwise`` where none is near.

    Examples
    --------
    >>> from ketameta._spelling import did_you_mean
    >>> print("no column 'yeer'" + did_you_mean("yeer", ["label", "year"]))
    no column 'yeer'; did you mean 'year'?
    """
    near = nearest(word, candidates)
    return f"; did you mean {near!r}?" if near else otherwise


def unknown(name: str, value: object, choices: Iterable[object]) -> str:
    """What to say of a choice that does not exist: the nearest one, and all.

    Examples
    --------
    >>> from ketameta._spelling import unknown
    >>> print(unknown("tau2", "RELM", ["REML", "DL"]))
    tau2='RELM' is unknown; did you mean 'REML'? Choose one of REML, DL.
    >>> print(unknown("tau2", "x", ["REML", "DL"]))
    tau2='x' is unknown; choose one of REML, DL.
    """
    known = list(choices)
    near = nearest(value, known)
    advice = f"did you mean {near!r}? Choose" if near else "choose"
    return f"{name}={value!r} is unknown; {advice} one of {', '.join(map(str, known))}."
