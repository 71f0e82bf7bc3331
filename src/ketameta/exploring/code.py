"""The Python that gives the same numbers and figures as the interactive view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ketameta.exploring.choices import Choices

__all__ = ["LOADED", "code"]

LOADED = "trials = km.load_trials()"
_GIVEN = "# trials: the table that was given to km.explore(trials)"
_WIDEST = 88


def code(
    choices: Choices, in_window: Mapping[str, Any], at_all_times: Mapping[str, Any], packaged: bool
) -> str:
    """Python to run: the pool and its forest plot, then the curve and its figure.

    Parameters
    ----------
    choices : Choices
        What was chosen.
    in_window, at_all_times : mapping of str to value
        Arguments of :func:`ketameta.select` for the pool and for the curve.
    packaged : bool
        Whether the trials are those of the package; else their table is named in a comment.
    """
    measure, method = choices.question.measure, choices.method
    return "\n".join(
        [
            "import ketameta as km",
            "",
            LOADED if packaged else _GIVEN,
            "",
            _call("selection", "km.select", "trials", in_window),
            _call("effects", "km.effect_sizes", "selection.rows", {"measure": measure}),
            _call("fit", "km.pool", "effects", {"tau2": method.tau2, "ci": method.ci}),
            "km.forest(fit)",
            "",
            _call("over_time", "km.select", "trials", at_all_times),
            _call("effects_over_time", "km.effect_sizes", "over_time.rows", {"measure": measure}),
            'curve = km.durability(effects_over_time.dropna(subset="time_hours"))',
            "km.timecourse(curve)",
        ]
    )


def _call(name: str, function: str, first: str, arguments: Mapping[str, Any]) -> str:
    """One assignment, on one line where it is short."""
    parts = [first, *(f"{key}={_literal(value)}" for key, value in arguments.items())]
    line = f"{name} = {function}({', '.join(parts)})"
    if len(line) <= _WIDEST:
        return line
    parts = [first, *(f"{key}={_literal(value, broken=True)}" for key, value in arguments.items())]
    return "\n".join([f"{name} = {function}(", *(f"    {part}," for part in parts), ")"])


def _literal(value: Any, *, broken: bool = False) -> str:
    """Python for a text, a number, or a list or tuple of them; a long list has a line for each entry."""
    if isinstance(value, str):
        text = repr(value)
        return text if {"'", '"'} & set(value) else f'"{text[1:-1]}"'
    if isinstance(value, list):
        entries = [_literal(each) for each in value]
        line = f"[{', '.join(entries)}]"
        if not broken or len(line) <= _WIDEST - len("    population=,"):
            return line
        return "\n".join(["[", *(f"        {entry}," for entry in entries), "    ]"])
    return repr(value)
