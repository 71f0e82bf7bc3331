"""An arc on which slopes of rays from the origin are read: its limits, radius, ticks and labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.plots._scale import Scale
from ketameta.plots.style import text_width

__all__ = ["Arc", "Cloud", "Panel", "arc_limits", "arc_of"]

_STEEPEST = 0.65
_SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
_MOST_TICKS = 9
_END = 2.6


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """What stands under the arc.

    Attributes
    ----------
    x, z : ndarray, shape (k,)
        Points.
    low, high : float
        Ends of all that is drawn upright.
    effects : ndarray, shape (m,)
        Slopes that the arc shows where it can.
    needed : tuple of float
        The least and the largest of those that matter most.
    """

    x: Array
    z: Array
    low: float
    high: float
    effects: Array
    needed: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """Room in points.

    Attributes
    ----------
    width, height : float
        The panel.
    beside : float
        What the right end of the panel is needed for, other than arc and labels.
    size : float
        Size of the type.
    """

    width: float
    height: float
    beside: float
    size: float


@dataclass(frozen=True, slots=True, eq=False)
class Arc:
    """A circle around the origin as the eye sees it; lengths in points.

    Attributes
    ----------
    across, up : float
        Points for a unit of x, and of z.
    radius : float
        Radius of the circle.
    lowest, highest : float
        Least and largest slope on it that lie in the panel.
    ticks : tuple of float
        Slopes of the ticks, on the shown scale.
    labels : tuple of str
        Their labels.
    """

    across: float
    up: float
    radius: float
    lowest: float
    highest: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    def at(self, slopes: ArrayLike, further: float = 0.0) -> tuple[Array, Array]:
        """Where rays of slopes meet the circle, or one so many points further out, as x and z."""
        slope = np.asarray(slopes, dtype=float)
        angle = np.arctan2(self.up * slope, self.across)
        reach = self.radius + further
        return reach * np.cos(angle) / self.across, reach * np.sin(angle) / self.up


def arc_limits(cloud: Cloud, scale: Scale, panel: Panel) -> Array:
    """Ends of both axes, such that points, arc and labels have room in a panel.

    The arc lies outside all points. Where it can be, the upright axis is long enough for every effect to be
    read on the arc, or else those that matter most, up to twice as long as the points need.

    Parameters
    ----------
    cloud : Cloud
        What stands under the arc.
    scale : Scale
        How slopes are shown.
    panel : Panel
        Its room.

    Returns
    -------
    ndarray, shape (2, 2)
        Ends of the horizontal and of the upright axis.
    """
    tries = [_limits(cloud, scale, panel, share) for share in _SHARES]
    arcs = [arc_of(cloud, scale, ends, panel) for ends in tries]
    for low, high in ((float(cloud.effects.min()), float(cloud.effects.max())), cloud.needed):
        for ends, arc in zip(tries, arcs, strict=True):
            if arc.lowest <= low and high <= arc.highest:
                return ends
    return tries[0]


def arc_of(cloud: Cloud, scale: Scale, ends: Array, panel: Panel) -> Arc:
    """The arc of a panel whose axes have such ends."""
    size = panel.size
    across, up = panel.width / (ends[0, 1] - ends[0, 0]), panel.height / (ends[1, 1] - ends[1, 0])
    radius = float(np.max(np.hypot(across * cloud.x, up * cloud.z))) + size
    heights = np.array([_END * size, panel.height - _END * size]) + ends[1, 0] * up
    angles = np.arcsin(np.clip(heights / (radius + size), -0.999, 0.999))
    lowest, highest = (np.tan(angles) * across / up).tolist()
    low, high = max(lowest, float(cloud.effects.min())), min(highest, float(cloud.effects.max()))
    arc = Arc(across, up, radius, lowest, highest, (), ())
    for count in range(_MOST_TICKS, 1, -1):
        ticks = scale.ticks(low, high, count) if low < high else ()
        _, z = arc.at(scale.logs(ticks), size)
        if ticks and np.all(np.diff(z) * up >= 1.4 * size):
            return replace(arc, ticks=ticks, labels=tuple(scale.tick_text(ticks)))
    return arc


def _limits(cloud: Cloud, scale: Scale, panel: Panel, share: float) -> Array:
    """Ends of both axes with a share of the height that the points could have."""
    size = panel.size
    ticks = scale.ticks(float(cloud.effects.min()), float(cloud.effects.max()), _MOST_TICKS)
    labels = max(text_width(label, size, screen=True) for label in scale.tick_text(ticks))
    radius = panel.width - panel.beside - labels - 2.4 * size
    tallest = max(float(np.max(np.abs(cloud.z))), 1e-9)
    up = share * min(
        (panel.height - 2 * _END * size) / (cloud.high - cloud.low), _STEEPEST * radius / tallest
    )
    across = float(np.min(np.sqrt(radius**2 - (up * cloud.z) ** 2) / cloud.x))
    middle, half = (cloud.low + cloud.high) / 2, panel.height / up / 2
    return np.array([[0.0, panel.width / across], [middle - half, middle + half]])
