"""Pooled effect against an assumed bias from unblinding, beside the effects by kind of comparator."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta.errors import FigureError
from ketameta.models.result import level_text
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Frame, Words, open_frame
from ketameta.plots._looks import null_look
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._tippingcurve import Tip, draw_curve, effect_axis, handles, legend, threshold_look
from ketameta.plots.alt import remember, sentences
from ketameta.plots.style import Palette, quiet_rc
from ketameta.robustness.unblinding_result import Unblinding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["unblinding_plot"]

_STRIP = 0.18
_PLACES = {"inactive": 0.67, "psychoactive": 0.3}
_MARKERS = {"inactive": "s", "psychoactive": "D"}


def unblinding_plot(
    result: Unblinding,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Draw what is left of a pooled effect after an assumed bias from unblinding.

    Parameters
    ----------
    result : Unblinding
        Result of :func:`ketameta.robustness.unblinding`, with two assumed biases or more.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made.
    title : str, optional
        Title above the figure.
    options : FigureOptions, optional
        Width, type, notes. Studies are not named.

    Returns
    -------
    Axes
        Assumed bias against the pooled effect; ratios on log axes.

    Raises
    ------
    FigureError
        `result` is of another kind or has a single assumed bias; the axes are not empty, or there is too little room.

    Notes
    -----
    The bias grows to the right, whatever its sign. Left of the line at no bias stand the effects against inactive and
    against psychoactive comparators, with no bias taken off. Filled marks are biases at which the estimate reaches no
    difference or the threshold, open marks those at which its interval does.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots.unblinding_plot import unblinding_plot
    >>> from ketameta.robustness import unblinding
    >>> fit = km.pool(yi=[-1.0, -0.9, -0.8, -0.4, -0.5], vi=[0.09, 0.05, 0.04, 0.07, 0.06])
    >>> ax = unblinding_plot(unblinding(fit, classes=["inactive"] * 3 + ["psychoactive"] * 2))
    >>> ax.get_xlabel()
    'Assumed bias in trials with an inactive comparator'
    >>> plt.close(ax.figure)
    """
    if not isinstance(result, Unblinding):
        raise FigureError(f"unblinding_plot() draws the result of unblinding(), not {type(result).__name__}.")
    options = of_class(options, FigureOptions())
    scale, table = scale_of(result.measure), result.adjusted
    limits = [0.0] if result.threshold is None else [0.0, result.threshold]
    y = effect_axis(scale, table, [*limits, *result.classes[["ci_low", "ci_high"]].to_numpy().ravel()])
    names = tuple(
        f"{row['class'].capitalize()} comparator, k\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{row['k']}"
        for row in result.classes.to_dict("records")
    )
    with quiet_rc():
        ax, frame, palette = open_frame(
            ax,
            options,
            _bias_axis(result, scale),
            y,
            Words(title, (*names, *legend(result.level, len(limits) > 1)), method_lines(result)),
        )
        _keep_ticks(ax, frame)
        for limit, look in zip(limits, (null_look(palette), threshold_look(palette)), strict=False):
            ax.axhline(float(scale.shown(limit)), zorder=1.2, label="_limit", **look)
        ax.axvline(float(scale.shown(0.0)), color=palette.rule, linewidth=0.8, zorder=1, label="_no_bias")
        tips = [
            Tip(row["bias"], row["target"], row["what"] == "interval")
            for row in result.tipping.to_dict("records")
        ]
        draw_curve(ax, frame, table["bias"].to_numpy(), table, tips, palette)
        _draw_classes(ax, frame, result, palette)
        keys = [_class_key(str(name), frame, palette) for name in result.classes["class"]]
        frame.draw_legend(ax, [*keys, *handles(frame, len(limits) > 1, palette)], palette)
    remember(ax, _words(result, scale))
    return ax


def _bias_axis(result: Unblinding, scale: Scale) -> Axis:
    """Axis of the bias, growing to the right, with a strip for the classes before 0."""
    biases = result.adjusted["bias"].to_numpy()
    low, high = min(0.0, float(biases.min())), max(0.0, float(biases.max()))
    inverted = -low > high
    strip = _STRIP * (high - low) or 1.0
    ends = (low, high + strip) if inverted else (low - strip, high)
    return Axis("Assumed bias in trials with an inactive comparator", scale, *ends, inverted=inverted)


def _strip_edge(frame: Frame) -> float:
    """How wide the strip is, on the model's scale."""
    return _STRIP / (1 + _STRIP) * (frame.x.high - frame.x.low)


def _keep_ticks(ax: Axes, frame: Frame) -> None:
    """Take ticks out of the strip, where there is no bias."""
    start = float(
        frame.x.share(
            frame.x.high - _strip_edge(frame) if frame.x.inverted else frame.x.low + _strip_edge(frame)
        )
    )
    shares = frame.x.share(frame.x.scale.logs(frame.x_ticks))
    kept = [i for i, share in enumerate(shares) if share >= start - 1e-9]
    labels = ax.get_xticklabels()
    ax.set_xticks(
        [frame.x_ticks[i] for i in kept],
        [labels[i].get_text() for i in kept],
        fontsize=frame.size,
        color=labels[0].get_color(),
        fontfamily=labels[0].get_fontfamily(),
    )


def _draw_classes(ax: Axes, frame: Frame, result: Unblinding, palette: Palette) -> None:
    """Effects by kind of comparator, with their intervals, in the strip."""
    for row in result.classes.to_dict("records"):
        away = _PLACES[row["class"]] * _strip_edge(frame)
        place = (
            frame.x.high - _strip_edge(frame) + away
            if frame.x.inverted
            else frame.x.low + _strip_edge(frame) - away
        )
        x = float(frame.x.scale.shown(place))
        ends = np.clip([row["ci_low"], row["ci_high"]], -700, 700)
        look = _class_look(row["class"], frame, palette)
        if np.isfinite(ends).all():
            ax.plot(
                [x, x],
                frame.y.scale.shown(ends),
                color=look["color"],
                linewidth=1.2,
                zorder=3.5,
                label="_class_ci",
            )
        ax.plot(x, float(frame.y.scale.shown(row["estimate"])), zorder=4, label="_class", **look)


def _class_look(name: str, frame: Frame, palette: Palette) -> dict[str, Any]:
    return {
        "color": palette.ink,
        "linestyle": "none",
        "marker": _MARKERS[name],
        "markersize": 0.75 * frame.size,
        "markerfacecolor": palette.ink if name == "inactive" else palette.paper,
        "markeredgecolor": palette.ink,
    }


def _class_key(name: str, frame: Frame, palette: Palette) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], **_class_look(name, frame, palette))


def _words(result: Unblinding, scale: Scale) -> str:
    level = level_text(result.level)
    parts = [
        "Pooled effect after an assumed bias from unblinding is taken off trials with an inactive comparator"
    ]
    parts += [
        f"Against {row['class']} comparators (k = {row['k']}) the {scale.short} is {scale.text(row['estimate'])}, {level} CI "
        f"{scale.text(row['ci_low'])} to {scale.text(row['ci_high'])}"
        for row in result.classes.to_dict("records")
    ]
    for row in result.tipping.to_dict("records"):
        what = "estimate" if row["what"] == "estimate" else f"{level} CI"
        if math.isnan(row["bias"]):
            parts.append(f"No bias takes the {what} to {scale.text(row['target'])}")
        else:
            parts.append(
                f"A bias of {scale.text(row['bias'])} takes the {what} to {scale.text(row['target'])}"
            )
    return sentences(parts)
