"""A forest plot in words."""

from __future__ import annotations

from ketameta._render import plural
from ketameta.models import Pooled, Subgroups
from ketameta.plots._scale import Scale
from ketameta.plots._table import Table
from ketameta.plots._words import level_text, sides
from ketameta.plots.alt import axis_words, sentences

__all__ = ["fit_words"]


def fit_words(fit: Pooled | Subgroups, table: Table, favours: tuple[str, str] | None) -> str:
    """Describe the forest plot of a result whose rows are in a table."""
    groups = fit.groups if isinstance(fit, Subgroups) else ()
    overall, scale = table.overall, table.scale
    studies = [line for line in table.lines if line.kind == "study"]
    title = f"Forest plot of {plural(overall.k, 'study', 'studies')}"
    parts = [f"{title} in {plural(len(groups), 'subgroup')}" if groups else title]
    parts.append(axis_words(scale, *sides(overall.rows, favours)))
    if overall.k > 1:
        least, most = min(studies, key=lambda x: x.estimate), max(studies, key=lambda x: x.estimate)
        parts.append(
            f"Study estimates range from {scale.text(least.estimate)} ({least.label}) "
            f"to {scale.text(most.estimate)} ({most.label})"
        )
    parts += [f"{name}: {_estimate(part, scale)}, k = {part.k}" for name, part in groups]
    parts.append(
        f"{'Overall' if groups else 'Pooled' if overall.k > 1 else 'Its effect'}: {_estimate(overall, scale)}"
    )
    if any(line.kind == "prediction" for line in table.lines):
        parts.append(
            f"{level_text(overall.level)} prediction interval {_range(scale, overall.pi_low, overall.pi_high)}"
        )
    parts += [line.label for line in table.lines if line.kind == "note" and line.level == 0]
    return sentences([*parts, table.bias] if table.bias else parts)


def _estimate(part: Pooled, scale: Scale) -> str:
    interval = _range(scale, part.ci_low, part.ci_high)
    return f"{scale.short} {scale.text(part.estimate)}, {level_text(part.level)} CI {interval}"


def _range(scale: Scale, low: float, high: float) -> str:
    return f"{scale.text(low)} to {scale.text(high)}"
