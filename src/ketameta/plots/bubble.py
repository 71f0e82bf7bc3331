"""Bubble plot: effects of trials against a moderator, with the fitted meta-regression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._render import MINUS, plural
from ketameta._typing import Array
from ketameta.errors import FigureError
from ketameta.evidence.dictionary import fields
from ketameta.models import Regression
from ketameta.models.bubble import Bubble
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Frame, Words, open_frame
from ketameta.plots._looks import null_look
from ketameta.plots._names import draw_names, place_names
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._words import level_text, sides
from ketameta.plots.alt import axis_words, remember, sentences
from ketameta.plots.style import Palette, quiet_rc, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bubble"]

_PLAIN = scale_of("effect")
_BEYOND = 0.4
_MARGIN = 0.11
_COLUMN = 0.36
_LARGEST, _SMALLEST = 1.1, 0.2


def bubble(
    fit: Regression,
    *,
    moderator: str | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Bubble plot of a meta-regression: effects against a moderator, areas by weight, and the fitted line.

    Parameters
    ----------
    fit : Regression
        Result of :func:`ketameta.regress`.
    moderator : str, optional
        Moderator on the horizontal axis, a column such as ``"year"``; needed where the model has several.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made.
    title : str, optional
        Title above the figure.
    favours : tuple of str, optional
        Who is favoured under and over the null, in place of what the rows say.
    options : FigureOptions, optional
        Width, type, names of studies, notes. The studies farthest from the line, in standard errors, are named
        first.

    Returns
    -------
    Axes
        The moderator against the effect as shown (ratios on a log axis); levels of a categorical moderator are
        columns at 0, 1, ...

    Raises
    ------
    FigureError
        `fit` is not the result of :func:`ketameta.regress`, `moderator` is not one of its moderators, or not
        given where there are several; the axes are not empty, or there is too little room.

    Notes
    -----
    Area is proportional to the weight 1 / (vi + tau2), down to a dot that can still be seen. The line is the mean
    of the predictions for all studies with this moderator set to x and the others as they are. The band is the
    pointwise confidence interval of the mean effect; dashed edges are the prediction interval of a new trial's
    true effect. Both may leave the panel, the points never do.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> import pandas as pd
    >>> from ketameta.plots import bubble
    >>> es = pd.DataFrame({
    ...     "yi": [-1.1, -0.9, -0.7, -0.2, -0.3, 0.1], "vi": [0.09, 0.05, 0.04, 0.07, 0.11, 0.06],
    ...     "year": [2000, 2006, 2010, 2013, 2018, 2021],
    ... })
    >>> ax = bubble(km.regress(es, "year"))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('Year', 'Effect')
    >>> plt.close(ax.figure)
    """
    if not isinstance(fit, Regression):
        raise FigureError(f"bubble() draws the result of regress(), not {type(fit).__name__}.")
    options = of_class(options, FigureOptions())
    term = _term(fit, moderator)
    data, scale, who = fit.bubble(term), scale_of(fit.measure), sides(fit.rows, favours)
    effect = _effect_axis(data, scale)
    with quiet_rc():
        ax, frame, palette = open_frame(
            ax,
            options,
            _moderator_axis(data),
            effect,
            Words(title, _legend(fit, data), _foot(fit, data, effect)),
        )
        _draw_line(ax, frame, data, palette)
        ax.axhline(scale.null, zorder=1.2, label="_null", **null_look(palette))
        _draw_studies(ax, frame, fit, data, who, palette, options.names)
        frame.draw_legend(ax, _handles(frame, data, palette), palette)
    remember(ax, _words(fit, data, scale, who))
    return ax


def _term(fit: Regression, moderator: str | None) -> str:
    """The moderator to draw."""
    columns = fit.design.columns
    if moderator is None and len(columns) == 1:
        return str(columns[0])
    if not isinstance(moderator, str) or moderator not in columns:
        known = ", ".join(map(repr, columns)) or "none: the model has an intercept only"
        raise FigureError(f"moderator={moderator!r}: give one of the moderators of the model ({known}).")
    return moderator


def _name(term: str) -> str:
    """Name of a moderator, with its unit, as the data dictionary has it."""
    field = next((field for field in fields("trials") if field.name == term), None)
    if field is None:
        return term
    return f"{field.title} ({field.unit})" if field.unit else field.title


def _moderator_axis(data: Bubble) -> Axis:
    """Axis of the moderator: columns of its levels, or its range."""
    if data.levels:
        return Axis(_name(data.term), _PLAIN, -0.5, len(data.levels) - 0.5, levels=data.levels)
    x = data.points["x"].to_numpy()
    low, high = float(x.min()), float(x.max())
    margin = 0.06 * (high - low)
    whole = bool(np.all(x == np.round(x))) and high - low >= 2
    return Axis(_name(data.term), _PLAIN, low - margin, high + margin, whole=whole)


def _effect_axis(data: Bubble, scale: Scale) -> Axis:
    """Axis of the effect: all points, the line and the null, and the bands as far as they do not press these."""
    kept = [0.0, *data.points["yi"], *data.line["estimate"]]
    low, high = min(kept), max(kept)
    room = _BEYOND * (high - low) or 1.0
    lows, highs = (data.line[[f"ci_{end}", f"pi_{end}"]].to_numpy() for end in ("low", "high"))
    low = min(low, max(float(np.nanmin(lows)), low - room))
    high = max(high, min(float(np.nanmax(highs)), high + room))
    margin = _MARGIN * (high - low)
    return Axis(scale.title, scale, low - margin, high + margin)


def _spans(data: Bubble) -> list[tuple[Array, dict[str, Array]]]:
    """Stretches of the line: one over the range of a number, or one in the column of each level."""
    columns = {name: data.line[name].to_numpy(dtype=float) for name in data.line.columns}
    if not data.levels:
        return [(columns["x"], columns)]
    across = np.linspace(-_COLUMN, _COLUMN, 25)
    return [
        (columns["x"][i] + across, {name: np.full(25, values[i]) for name, values in columns.items()})
        for i in range(len(data.levels))
    ]


def _draw_line(ax: Axes, frame: Frame, data: Bubble, palette: Palette) -> None:
    """Fitted effect with its confidence band and the edges of the prediction interval."""
    scale = frame.y.scale
    for x, values in _spans(data):
        shown = {name: scale.shown(np.clip(part, -700, 700)) for name, part in values.items() if name != "x"}
        ax.fill_between(
            x,
            shown["ci_low"],
            shown["ci_high"],
            color=palette.study,
            alpha=0.25,
            linewidth=0,
            zorder=0.8,
            label="_ci",
        )
        for name in ("pi_low", "pi_high"):
            if np.isfinite(shown[name]).all():
                ax.plot(x, shown[name], zorder=1, label="_pi", **_prediction_look(palette))
        ax.plot(x, shown["estimate"], zorder=2, label="_line", **_line_look(palette))


def _draw_studies(
    ax: Axes,
    frame: Frame,
    fit: Regression,
    data: Bubble,
    who: tuple[str, str],
    palette: Palette,
    choice: str,
) -> None:
    """Studies, their names, and who is favoured in the two corners on the right."""
    points, scale, size = data.points, frame.y.scale, frame.size
    largest = min(_LARGEST * size, 0.16 * frame.panel_width / np.sqrt(len(points)))
    radius = np.maximum(largest * points["size"].to_numpy(), _SMALLEST * size)
    x, yi = points["x"].to_numpy(), points["yi"].to_numpy()
    order = np.argsort(-radius, kind="stable")
    ax.scatter(
        x[order],
        scale.shown(yi)[order],
        s=(2 * radius[order]) ** 2,
        facecolor=[(palette.study, 0.75)],
        edgecolor=palette.paper,
        linewidth=0.6,
        zorder=4,
        label="_study",
    )
    corners = _draw_sides(ax, frame, who, palette)
    fitted = np.interp(x, data.line["x"], data.line["estimate"])
    far = np.abs(yi - fitted) * np.sqrt(points["weight"].to_numpy())
    drawn = [
        frame.places(ends, values[name])
        for ends, values in _spans(data)
        for name in ("estimate", "pi_low", "pi_high")
    ]
    names = place_names(
        frame,
        np.vstack([frame.places(x, yi), corners]),
        [str(label) for label in points["label"]] + [""] * len(corners),
        radius=np.append(radius, np.full(len(corners), 0.7 * size)),
        notable=np.append(far, np.full(len(corners), np.nan)),
        choice=choice,
        lines=np.vstack(drawn),
    )
    draw_names(ax, frame, names, x, scale.shown(yi), palette.ink)


def _draw_sides(ax: Axes, frame: Frame, who: tuple[str, str], palette: Palette) -> Array:
    """Who is favoured, in the right corners; returns points along these words, in points."""
    size, along = frame.size, []
    for text, height in ((f"{who[0]} ↓", 0.8 * size), (f"{who[1]} ↑", frame.panel_height - 0.8 * size)):
        ax.text(
            1,
            height / frame.panel_height,
            text.replace("$", r"\$"),
            transform=ax.transAxes,
            ha="right",
            va="center",
            fontsize=size,
            color=palette.ink,
            zorder=5,
        )
        width = text_width(text, size, screen=True)
        along += [(frame.panel_width - step, height) for step in np.arange(0.0, width + size, size)]
    return np.array(along)


def _line_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.pooled, "linewidth": 1.4}


def _prediction_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.muted, "linewidth": 1.0, "linestyle": (0, (4, 2))}


def _predicts(data: Bubble) -> bool:
    """Whether there is a prediction interval."""
    return bool(np.isfinite(data.line[["pi_low", "pi_high"]]).all(axis=None))


def _legend(fit: Regression, data: Bubble) -> tuple[str, ...]:
    level = level_text(fit.level)
    texts = ["Study, area by weight", "Fitted effect", f"{level} confidence interval"]
    texts += [f"{level} prediction interval"] if _predicts(data) else []
    return (*texts, "No difference")


def _handles(frame: Frame, data: Bubble, palette: Palette) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    dot: dict[str, Any] = {"markersize": 0.9 * frame.size, "markeredgecolor": palette.paper}
    found: list[Any] = [
        Line2D([], [], linestyle="none", marker="o", markerfacecolor=(palette.study, 0.75), **dot),
        Line2D([], [], **_line_look(palette)),
        Patch(facecolor=(palette.study, 0.25), linewidth=0),
    ]
    found += [Line2D([], [], **_prediction_look(palette))] if _predicts(data) else []
    return [*found, Line2D([], [], **null_look(palette))]


def _foot(fit: Regression, data: Bubble, effect: Axis) -> tuple[str, ...]:
    notes = []
    others = ", ".join(_name(name) for name in fit.design.columns if name != data.term)
    if others:
        notes.append(
            f"Fitted effect: mean of the predictions for all studies, each with its own values of: {others}."
        )
    bands = data.line[["ci_low", "ci_high", "pi_low", "pi_high"]].to_numpy()
    if np.nanmin(bands) < effect.low or np.nanmax(bands) > effect.high:
        notes.append("Intervals go on beyond the edge of the panel.")
    return (*notes, *method_lines(fit))


def _words(fit: Regression, data: Bubble, scale: Scale, who: tuple[str, str]) -> str:
    level = level_text(fit.level)
    parts = [
        f"Bubble plot of {plural(fit.k, 'study', 'studies')} against {_name(data.term)}",
        axis_words(scale, *who),
    ]
    rows = data.line if data.levels else data.line.iloc[[0, -1]]
    names = data.levels or tuple(f"{x:.4g}".replace("-", MINUS) for x in rows["x"])
    for name, row in zip(names, rows.to_dict("records"), strict=True):
        interval = f"{scale.text(row['ci_low'])} to {scale.text(row['ci_high'])}"
        parts.append(f"Fitted {scale.short} at {name}: {scale.text(row['estimate'])}, {level} CI {interval}")
    return sentences([*parts, fit.sentence().rstrip(".")])
