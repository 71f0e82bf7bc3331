"""Figures in words, for readers who do not see them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ketameta.curves import DurabilityCurve, RespondingCurve, SameTrials
from ketameta.curves.words import clock
from ketameta.errors import FigureError
from ketameta.models import Pooled, Subgroups
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._table import MARKS, build
from ketameta.plots._timestrands import named_curves, shared_sides
from ketameta.plots._words import level_text, plural, sides

__all__ = ["alt_text"]


def alt_text(
    result: Pooled
    | Subgroups
    | DurabilityCurve
    | Mapping[str, DurabilityCurve]
    | SameTrials
    | RespondingCurve,
) -> str:
    """Describe the figure of a result in words: what is drawn, and what it shows.

    Parameters
    ----------
    result : Pooled, Subgroups, DurabilityCurve, mapping from name to curve, SameTrials or RespondingCurve
        What :func:`ketameta.forest` or :func:`ketameta.timecourse` would draw.

    Returns
    -------
    str
        A few sentences; numbers as in the figure.

    Raises
    ------
    FigureError
        There is no figure of such a result.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.plots import alt_text
    >>> print(alt_text(km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08])).split(". ")[0])
    Forest plot of 3 studies
    """
    if isinstance(result, DurabilityCurve | Mapping | SameTrials):
        return _of_curves(named_curves(result))
    if isinstance(result, RespondingCurve):
        return _of_shares(result)
    if isinstance(result, Pooled | Subgroups):
        return _of_fit(result)
    raise FigureError(
        f"alt_text() describes results of pool(), subgroups() and durability(), not {type(result).__name__}."
    )


def _of_fit(fit: Pooled | Subgroups) -> str:
    groups = fit.groups if isinstance(fit, Subgroups) else ()
    table = build(fit)
    overall, scale = table.overall, table.scale
    studies = [line for line in table.lines if line.kind == "study"]
    title = f"Forest plot of {plural(overall.k, 'study', 'studies')}"
    parts = [f"{title} in {plural(len(groups), 'subgroup')}" if groups else title]
    parts.append(_axis(scale, *sides(overall.rows)))
    if overall.k > 1:
        least, most = min(studies, key=lambda x: x.estimate), max(studies, key=lambda x: x.estimate)
        parts.append(
            f"Study estimates range from {scale.text(least.estimate)} ({least.label.rstrip(MARKS)}) "
            f"to {scale.text(most.estimate)} ({most.label.rstrip(MARKS)})"
        )
    parts += [f"{name}: {_estimate(part, scale)}, k = {part.k}" for name, part in groups]
    parts.append(
        f"{'Overall' if groups else 'Pooled' if overall.k > 1 else 'Its effect'}: {_estimate(overall, scale)}"
    )
    if math.isfinite(overall.pi_low):
        parts.append(
            f"{level_text(overall.level)} prediction interval {_range(scale, overall.pi_low, overall.pi_high)}"
        )
    parts += [line.label for line in table.lines if line.kind == "note" and line.level == 0]
    return _sentences(parts)


def _of_curves(curves: Sequence[tuple[str, DurabilityCurve]]) -> str:
    scale = scale_of(curves[0][1].measure)
    counts = [
        f"{plural(curve.k_trials, 'trial')} with {plural(curve.k_effects, 'effect')}" for _, curve in curves
    ]
    if len(curves) == 1:
        parts = [f"Curve of the effect over time since dosing, from {counts[0]}"]
    else:
        named = (f"{name}, from {count}" for (name, _), count in zip(curves, counts, strict=True))
        parts = [f"{len(curves)} curves of the effect over time since dosing: {'; '.join(named)}"]
    parts.append(_axis(scale, *shared_sides(curves)))
    for name, curve in curves:
        lead = f"{name}: " if len(curves) > 1 else ""
        parts.append(f"{lead}{curve.sentence().rstrip('.')}")
        parts += [f"{lead}{text}" for text in _gaps(curve)]
    return _sentences(parts)


def _of_shares(curve: RespondingCurve) -> str:
    arms = "ketamine and comparator arms" if curve.fit.arms > 1 else "ketamine arms"
    parts = [
        f"Share of people responding over time since dosing in the {arms} of {plural(curve.k_trials, 'trial')}"
    ]
    parts += ["Axis: 0% to 100%", curve.sentence().rstrip("."), *_gaps(curve)]
    return _sentences(parts)


def _gaps(curve: DurabilityCurve | RespondingCurve) -> list[str]:
    """Ranges without trials, if there are any."""
    gaps = ", ".join(f"{clock(low)} to {clock(high)}" for low, high in curve.gaps)
    return [f"Grey, since no trial measured there: {gaps}"] if gaps else []


def _axis(scale: Scale, under: str, over: str) -> str:
    return f"Axis: {scale.title}; under {scale.null:g} {under.lower()}, over {scale.null:g} {over.lower()}"


def _estimate(part: Pooled, scale: Scale) -> str:
    interval = _range(scale, part.ci_low, part.ci_high)
    return f"{scale.short} {scale.text(part.estimate)}, {level_text(part.level)} CI {interval}"


def _range(scale: Scale, low: float, high: float) -> str:
    return f"{scale.text(low)} to {scale.text(high)}"


def _sentences(parts: list[str]) -> str:
    return " ".join(f"{part}." for part in parts)
