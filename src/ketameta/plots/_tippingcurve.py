"""A pooled effect and its interval against something assumed, and where it falls short of a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.errors import FigureError
from ketameta.models.result import level_text
from ketameta.plots._axis import Axis
from ketameta.plots._frame import Frame
from ketameta.plots._looks import estimate_look, null_look
from ketameta.plots._scale import Scale
from ketameta.plots.style import Palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Tip", "draw_curve", "effect_axis", "handles", "legend", "threshold_look"]

_SPREAD = 3.0
_MARGIN = 0.06


@dataclass(frozen=True, slots=True)
class Tip:
    """A tipping point: where on the assumed axis, what it takes there (estimate or interval), and to which value."""

    x: float
    y: float
    interval: bool


def threshold_look(palette: Palette) -> dict[str, Any]:
    """The line of a minimal important difference."""
    return {"color": palette.accent, "linewidth": 1.0, "linestyle": (0, (4, 2))}


def effect_axis(scale: Scale, table: pd.DataFrame, others: Sequence[float]) -> Axis:
    """Axis of the pooled effect: line, 0 and other values, and the band as far as it does not press these together."""
    if len(table) < 2:
        raise FigureError("a curve needs two assumed values or more; leave assumed out for a whole curve.")
    kept = [0.0, *table["estimate"], *(value for value in others if np.isfinite(value))]
    low, high = min(kept), max(kept)
    room = _SPREAD * (high - low) or 1.0
    low = min(low, max(float(table["ci_low"].min()), low - room))
    high = max(high, min(float(table["ci_high"].max()), high + room))
    margin = _MARGIN * (high - low) or 1.0
    return Axis(scale.title, scale, low - margin, high + margin)


def draw_curve(
    ax: Axes, frame: Frame, x: Array, table: pd.DataFrame, tips: Sequence[Tip], palette: Palette
) -> None:
    """The band, the line over it, and marks at the tipping points."""
    order = np.argsort(x)
    across, scale = frame.x.scale.shown(x[order]), frame.y.scale
    low, middle, high = (
        scale.shown(np.clip(table[name].to_numpy()[order], -700, 700))
        for name in ("ci_low", "estimate", "ci_high")
    )
    ax.fill_between(across, low, high, color=palette.study, alpha=0.25, linewidth=0, zorder=0.8, label="_ci")
    ax.plot(across, middle, zorder=3, label="_estimate", **estimate_look(palette))
    for tip in tips:
        if np.isfinite(tip.x) and frame.x.low <= tip.x <= frame.x.high:
            place = (float(frame.x.scale.shown(tip.x)), float(scale.shown(tip.y)))
            ax.plot(
                *place, zorder=5, label="_tip", clip_on=False, **_tip_look(tip.interval, frame.size, palette)
            )


def _tip_look(interval: bool, size: float, palette: Palette) -> dict[str, Any]:
    return {
        "linestyle": "none",
        "marker": "o",
        "markersize": 0.75 * size,
        "markerfacecolor": palette.paper if interval else palette.pooled,
        "markeredgecolor": palette.pooled,
        "markeredgewidth": 1.2,
    }


def legend(level: float, threshold: bool) -> tuple[str, ...]:
    """Words of the legend."""
    interval = f"{level_text(level)} CI"
    lines = ("No difference", "Threshold") if threshold else ("No difference",)
    return ("Pooled effect", interval, "Estimate reaches a line", f"{interval} reaches a line", *lines)


def handles(frame: Frame, threshold: bool, palette: Palette) -> list[Any]:
    """Keys of the legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines = [Line2D([], [], **null_look(palette))]
    lines += [Line2D([], [], **threshold_look(palette))] if threshold else []
    return [
        Line2D([], [], **estimate_look(palette)),
        Patch(facecolor=(palette.study, 0.25), linewidth=0),
        *(Line2D([], [], **_tip_look(interval, frame.size, palette)) for interval in (False, True)),
        *lines,
    ]
