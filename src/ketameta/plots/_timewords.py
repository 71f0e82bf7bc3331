"""A figure of effect over time in words."""

from __future__ import annotations

from collections.abc import Sequence

from ketameta._render import plural
from ketameta.curves import DurabilityCurve, RespondingCurve
from ketameta.curves.words import clock
from ketameta.plots._scale import scale_of
from ketameta.plots.alt import axis_words, sentences

__all__ = ["curve_words", "share_words"]


def curve_words(curves: Sequence[tuple[str, DurabilityCurve]], under_over: tuple[str, str]) -> str:
    """Describe the figure of named curves of effect over time."""
    scale = scale_of(curves[0][1].measure)
    counts = [
        f"{plural(curve.k_trials, 'trial')} with {plural(curve.k_effects, 'effect')}" for _, curve in curves
    ]
    if len(curves) == 1:
        parts = [f"Curve of the effect over time since dosing, from {counts[0]}"]
    else:
        named = (f"{name}, from {count}" for (name, _), count in zip(curves, counts, strict=True))
        parts = [f"{len(curves)} curves of the effect over time since dosing: {'; '.join(named)}"]
    parts.append(axis_words(scale, *under_over))
    for name, curve in curves:
        lead = f"{name}: " if len(curves) > 1 else ""
        parts.append(f"{lead}{curve.sentence().rstrip('.')}")
        parts += [f"{lead}{text}" for text in _gaps(curve)]
    return sentences(parts)


def share_words(curve: RespondingCurve) -> str:
    """Describe the figure of the share of people responding over time."""
    arms = "ketamine and comparator arms" if curve.fit.arms > 1 else "ketamine arms"
    parts = [
        f"Share of people responding over time since dosing in the {arms} of {plural(curve.k_trials, 'trial')}"
    ]
    parts += ["Axis: 0% to 100%", curve.sentence().rstrip("."), *_gaps(curve)]
    return sentences(parts)


def _gaps(curve: DurabilityCurve | RespondingCurve) -> list[str]:
    """Ranges without trials, if there are any."""
    gaps = ", ".join(f"{clock(low)} to {clock(high)}" for low, high in curve.gaps)
    return [f"Grey, since no trial measured there: {gaps}"] if gaps else []
