"""The choices of a multiverse: those by default, those that were asked for, and what every universe shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._spelling import unknown
from ketameta.errors import ModelError
from ketameta.robustness._universe_options import (
    ADULTS,
    CHOICES,
    EFFECT_WORDS,
    JUDGED,
    RESISTANT,
    TEXT_COLUMNS,
    checked,
    known,
    label,
    meant,
)

__all__ = ["Choices", "default_choices", "read_choices"]

_SAME_SCALE = (frozenset({"OR", "PETO"}),)
_STANDARD: dict[str, Any] = {
    "measure": "SMD",
    "provisional": False,
    "risk_of_bias": "any",
    "window": None,
    **{name: words[0] for name, words in EFFECT_WORDS.items()},
    "imputed": True,
    "tau2": "REML",
    "ci": "HKSJ",
}
_MOST_UNIVERSES = 3_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """What every universe shares, and where they part.

    Attributes
    ----------
    options : dict
        By name of a choice, in order, its options; a single one where the question fixes it.
    given : tuple of str
        Choices that were given more than one option, or were named as choices.
    """

    options: dict[str, tuple[Any, ...]]
    given: tuple[str, ...]

    @property
    def fixed(self) -> dict[str, Any]:
        """What every universe shares."""
        return {name: values[0] for name, values in self.options.items() if name not in self.given}

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Each choice with its options in words."""
        return {
            name: tuple(label(name, value) for value in self.options[name])
            for name in self.options
            if name in self.given
        }


def default_choices(trials: pd.DataFrame, question: Mapping[str, Any], measure: str) -> dict[str, Any]:
    """Choices that reviewers of ketamine trials have made differently; the report's own stand first.

    What the question fixes, and options that no row of the table has, are left out.
    """
    listed: dict[str, tuple[Any, ...]] = {
        "drug": (None, "ketamine", "esketamine"),
        "dosing": ("single", None),
        "comparator": (("inactive", "psychoactive"), "inactive", "psychoactive"),
        "population": (ADULTS, RESISTANT),
        "blinding": (None, "double-blind"),
        "score": (None, "endpoint", "change"),
        "window": ((18, 36, 24), (20, 28, 24), (24, 72, 24)),
        "provisional": (False, True),
        "risk_of_bias": JUDGED[:2],
        "crossover": ("paired", ("paired", 0.3), ("paired", 0.7), "first"),
        "imputed": (True, False),
        "tau2": ("REML", "DL", "PM"),
        "ci": ("HKSJ", "HKSJ-adhoc", "Wald"),
    }
    if measure == "SMD":
        listed["standardiser"] = ("pooled", "average", "control")
        listed["adjusted"] = ("exclude", "sd_from_se")
    result = {}
    for name, values in listed.items():
        if name in question:
            continue
        kept = dict.fromkeys(_present(trials, name, value) for value in values)
        kept.pop(_ABSENT, None)
        if kept and tuple(kept) != (None,):
            result[name] = tuple(kept)
    return result


_ABSENT = object()


def _present(trials: pd.DataFrame, name: str, value: Any) -> Any:
    """An option as far as a table has rows for it."""
    if name == "window":
        times = pd.to_numeric(trials.get("time_hours", pd.Series(dtype=float)), errors="coerce")
        return value if times.between(value[0], value[1]).any() else _ABSENT
    if name not in TEXT_COLUMNS or value is None:
        return value
    have = known(trials, name)
    if name == "population":
        return value if meant(value, have) else _ABSENT
    texts = (value,) if isinstance(value, str) else value
    found = tuple(text for text in texts if text in have)
    return (found if len(found) > 1 else found[0]) if found else _ABSENT


def read_choices(
    trials: pd.DataFrame, question: Mapping[str, Any], choices: Mapping[str, Any] | None
) -> Choices:
    """Check a question and its choices, and put them in order.

    Raises
    ------
    ModelError
        For a choice that is unknown, fixed by the question too, or without options; options that do not exist;
        measures whose effects are not on one scale; too many universes.
    SelectionError
        For a value that no row of the table has.
    """
    asked = _question(question)
    measures = [asked.get("measure", "SMD")]
    if choices is None:
        wanted = default_choices(trials, asked, str(measures[0]))
    elif isinstance(choices, Mapping):
        wanted = dict(choices)
    else:
        raise ModelError(f"choices must map names to options, not be a {type(choices).__name__}")
    for name, values in wanted.items():
        if name not in CHOICES:
            raise ModelError(unknown("choice", name, CHOICES))
        if name in asked:
            raise ModelError(f"{name} is fixed by the question and a choice too; leave it out of one of them")
        if not isinstance(values, list | tuple) or not values:
            raise ModelError(f"choices[{name!r}] = {values!r}: give a tuple of options")
    options: dict[str, tuple[Any, ...]] = {}
    for name in CHOICES:
        if name in wanted:
            values = wanted[name]
        elif name in asked:
            values = (asked[name],)
        elif name == "setting" and "treatment" in known(trials, "setting"):
            values = ("treatment",)
        elif name in _STANDARD:
            values = (_STANDARD[name],)
        else:
            continue
        options[name] = tuple(checked(trials, name, value) for value in values)
        if len({label(name, value) for value in options[name]}) < len(options[name]):
            raise ModelError(f"choices[{name!r}] names an option twice")
    _one_scale(options["measure"])
    _not_too_many(options)
    return Choices(options, tuple(name for name in options if name in wanted))


def _question(question: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(question, Mapping):
        raise ModelError(
            f'question must be a mapping such as {{"indication": "MDD"}}, not {type(question).__name__}'
        )
    asked = dict(question)
    hours, at = asked.pop("hours", None), asked.pop("at", None)
    if hours is not None:
        if "window" in asked:
            raise ModelError("the question has both hours and window; give one of them")
        asked["window"] = (*hours, at) if at is not None else hours
    elif at is not None:
        raise ModelError("the question has at without hours; give the window of time too")
    for name in asked:
        if name not in CHOICES:
            raise ModelError(unknown("question", name, (*CHOICES, "hours", "at")))
    return asked


def _one_scale(measures: tuple[str, ...]) -> None:
    if len(measures) > 1 and not any(set(measures) <= family for family in _SAME_SCALE):
        raise ModelError(
            f"effects as {', '.join(measures)} are not on one scale, so they cannot stand in one multiverse; "
            "make one for each measure (OR and PETO may stand together)"
        )


def _not_too_many(options: Mapping[str, tuple[Any, ...]]) -> None:
    count = 1
    for values in options.values():
        count *= len(values)
    if count > _MOST_UNIVERSES:
        raise ModelError(
            f"these choices make {count:,} universes, and at most {_MOST_UNIVERSES:,} are computed; drop options"
        )
