"""L'Abbé plot: how many had the event in one arm, against how many in the other."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ketameta._render import number, plural
from ketameta._typing import Array
from ketameta.effects._direction import only_value
from ketameta.effects.risks import RISK_MEASURES, implied_risk
from ketameta.errors import FigureError
from ketameta.models import Pooled, PooledCounts
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Frame, Words, open_frame
from ketameta.plots._looks import null_look
from ketameta.plots._names import draw_names, place_names
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._words import arm_names, level_text, sides
from ketameta.plots.alt import remember, sentences
from ketameta.plots.style import Palette, quiet_rc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["labbe"]

_COUNTS = ("events_t", "total_t", "events_c", "total_c")
_MARGIN = 0.05
_LEAST_RADIUS = 0.22


@dataclass(frozen=True, slots=True, eq=False)
class _Studies:
    """Shares in per cent, sizes of marks (sum 1) and names of the studies that have counts."""

    comparator: Array
    treated: Array
    share: Array
    by: str
    names: tuple[str, ...]
    without: int


def labbe(
    fit: Pooled | PooledCounts,
    *,
    highest: float = 100.0,
    ax: Axes | None = None,
    title: str | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Share with the event under ketamine against the share under the comparator, study by study.

    Parameters
    ----------
    fit : Pooled or PooledCounts
        Result of :func:`ketameta.pool` of OR, PETO, RR, RD or AS whose rows hold `events_t`, `total_t`, `events_c`
        and `total_c`, or of :func:`ketameta.counts`.
    highest : float
        End of both axes in per cent; a smaller one spreads rare events.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made,
        whose panel is square.
    title : str, optional
        Title above the figure.
    options : FigureOptions, optional
        Width, type, names of studies, notes. By default the heaviest studies are named first.

    Returns
    -------
    Axes
        Both axes in per cent. Area of a dot is proportional to the weight of the study, or to its participants
        where the model has no weights; dots that could not be seen are drawn larger.

    Raises
    ------
    FigureError
        `fit` is of another kind or measure, no row has counts, counts are not possible, or a share lies above
        `highest`; the axes are not empty, or there is too little room.

    Notes
    -----
    The curve joins all pairs of shares that have the pooled effect
    (:func:`ketameta.effects.risks.implied_risk`), the band those within its confidence interval. Shares are
    as observed, without correction of zero cells. Rows without counts are not drawn, which the notes say.

    References
    ----------
    L'Abbe KA, Detsky AS, O'Rourke K (1987). Meta-analysis in clinical research. Ann Intern Med 107:224-233.

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots.labbe import labbe
    >>> ax = labbe(km.counts([18, 25, 9], [30, 42, 20], [8, 14, 5], [29, 44, 21]))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('Events with comparator (%)', 'Events with ketamine (%)')
    >>> plt.close(ax.figure)
    """
    studies = _read(fit, highest)
    options = of_class(options, FigureOptions())
    scale, percent = scale_of(fit.measure), scale_of("effect")
    x_name, y_name = _axis_names(fit.rows)
    low, high = -_MARGIN * highest, (1 + _MARGIN) * highest
    with quiet_rc():
        ax, frame, palette = open_frame(
            ax,
            options,
            Axis(x_name, percent, low, high),
            Axis(y_name, percent, low, high),
            Words(title, _legend(fit, scale, studies), _foot(fit, studies)),
            shape=1.0,
        )
        comparator = np.sin(np.linspace(1e-4, np.pi / 2 - 1e-4, 401)) ** 2
        curve = _draw_effect(ax, fit, palette, comparator)
        ax.plot([0, highest], [0, highest], zorder=1.5, label="_null", **null_look(palette))
        radius = _radii(studies.share, frame)
        order = np.argsort(-radius, kind="stable")
        ax.scatter(
            studies.comparator[order],
            studies.treated[order],
            s=(2 * radius[order]) ** 2,
            facecolor=palette.study,
            edgecolor=palette.paper,
            alpha=0.85,
            linewidth=0.6,
            zorder=4,
            label="_study",
        )
        frame.draw_legend(ax, _handles(frame, palette), palette)
        drawn = (
            np.vstack((np.column_stack((comparator, comparator)), np.column_stack((comparator, curve)))) * 100
        )
        names = place_names(
            frame,
            frame.places(studies.comparator, studies.treated),
            studies.names,
            radius=radius,
            notable=studies.share,
            choice=options.names,
            lines=frame.places(*drawn[np.isfinite(drawn).all(axis=1)].T),
        )
        draw_names(ax, frame, names, studies.comparator, studies.treated, palette.ink)
    remember(ax, _words(fit, studies, scale, (x_name, y_name)))
    return ax


def _read(fit: Pooled | PooledCounts, highest: float) -> _Studies:
    """The studies that have counts; everything that cannot be drawn is refused."""
    if not isinstance(fit, Pooled | PooledCounts):
        raise FigureError(f"labbe() draws the result of pool() or counts(), not {type(fit).__name__}.")
    if fit.measure.upper() not in RISK_MEASURES:
        raise FigureError(
            f"labbe() draws effects on events ({', '.join(RISK_MEASURES)}), not {fit.measure or 'an effect of unknown measure'}."
        )
    if not (isinstance(highest, Real) and 0 < highest <= 100):
        raise FigureError(f"highest={highest!r}: give the end of the axes in per cent, over 0 and up to 100.")
    rows = fit.rows
    if isinstance(fit, PooledCounts):
        counts = np.array([fit.a, fit.n1, fit.c, fit.n2])
    else:
        absent = [name for name in _COUNTS if name not in rows.columns]
        if absent:
            raise FigureError(
                f"labbe() needs the events and sizes of both arms; the rows have no {', '.join(absent)}."
            )
        counts = np.array(
            [pd.to_numeric(rows[name], errors="coerce").to_numpy(float, na_value=np.nan) for name in _COUNTS]
        )
    known = np.isfinite(counts).all(axis=0)
    if not known.any():
        raise FigureError("labbe() needs the events and sizes of both arms; no row has all four.")
    labels = np.array([str(name) for name in rows["label"]], dtype=object)[known]
    a, n1, c, n2 = counts[:, known]
    bad = (a < 0) | (c < 0) | (n1 <= 0) | (n2 <= 0) | (a > n1) | (c > n2)
    if bad.any():
        raise FigureError(f"events must lie between 0 and the size of the arm: {', '.join(labels[bad][:5])}.")
    treated, comparator = 100 * a / n1, 100 * c / n2
    over = np.maximum(treated, comparator) > highest
    if over.any():
        raise FigureError(
            f"highest={highest:g}: {', '.join(labels[over][:5])} had the event more often; give a higher end."
        )
    weights = np.asarray(fit.weights, dtype=float)[known]
    weighed = bool(np.isfinite(weights).all() and weights.sum() > 0)
    share = weights if weighed else n1 + n2
    return _Studies(
        comparator,
        treated,
        share / share.sum(),
        "weight" if weighed else "participants",
        tuple(labels.tolist()),
        int(np.sum(~known)),
    )


def _axis_names(rows: pd.DataFrame) -> tuple[str, str]:
    """Names of the two axes: the outcome that all rows share, with either arm."""
    outcome = str(only_value(rows, "outcome") or "").replace("_", " ").strip()
    event = f"{outcome[:1].upper()}{outcome[1:]}" or "Events"
    drug, other = arm_names(rows)
    return f"{event} with {other} (%)", f"{event} with {drug} (%)"


def _draw_effect(ax: Axes, fit: Pooled | PooledCounts, palette: Palette, comparator: Array) -> Array:
    """Curve of the pooled effect and the band of its interval; returns the shares along the curve."""
    low, middle, high = (
        implied_risk(comparator, effect, fit.measure.upper())
        for effect in (fit.ci_low, fit.estimate, fit.ci_high)
    )
    x = 100 * comparator
    ax.fill_between(x, 100 * low, 100 * high, color=palette.shade, linewidth=0, zorder=0.5, label="_ci")
    for edge in (low, high):
        ax.plot(x, 100 * _reached(edge), color=palette.rule, linewidth=0.6, zorder=1, label="_edge")
    curve = _reached(middle)
    ax.plot(x, 100 * curve, zorder=2, label="_estimate", **_curve_look(palette))
    return curve


def _reached(risk: Array) -> Array:
    """Risks that an effect reaches; NaN where it would ask for less than 0 or more than 1."""
    return np.where((risk > 0) & (risk < 1), risk, np.nan)


def _curve_look(palette: Palette) -> dict[str, Any]:
    return {"color": palette.pooled, "linewidth": 1.4}


def _radii(share: Array, frame: Frame) -> Array:
    """Radii in points whose squares are proportional to shares, down to a mark that can be seen."""
    largest = float(np.clip(2.2 * share.size**-0.5, 0.45, 1.1)) * frame.size
    radius: Array = np.maximum(largest * np.sqrt(share / share.max()), _LEAST_RADIUS * frame.size)
    return radius


def _legend(fit: Pooled | PooledCounts, scale: Scale, studies: _Studies) -> tuple[str, ...]:
    pooled = f"Pooled {scale.short} {scale.text(fit.estimate)}"
    band = f"{level_text(fit.level)} CI {scale.text(fit.ci_low)} to {scale.text(fit.ci_high)}"
    return f"Study, area by {studies.by}", "No difference", pooled, band


def _handles(frame: Frame, palette: Palette) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    dot: dict[str, Any] = {"marker": "o", "color": palette.study, "markersize": 0.8 * frame.size}
    return [
        Line2D([], [], linestyle="none", markeredgecolor=palette.paper, markeredgewidth=0.6, **dot),
        Line2D([], [], **null_look(palette)),
        Line2D([], [], **_curve_look(palette)),
        Patch(facecolor=palette.shade, edgecolor=palette.rule, linewidth=0.6),
    ]


def _foot(fit: Pooled | PooledCounts, studies: _Studies) -> tuple[str, ...]:
    under, over = sides(fit.rows)
    notes = [f"Over the dotted line: {over.lower()}; under it: {under.lower()}."]
    if studies.without:
        notes.append(f"{plural(studies.without, 'study has', 'studies have')} no counts and no dot.")
    return (*notes, *method_lines(fit))


def _words(fit: Pooled | PooledCounts, studies: _Studies, scale: Scale, names: tuple[str, str]) -> str:
    under, over = sides(fit.rows)
    more, less = (int(np.sum(sign * (studies.treated - studies.comparator) > 0)) for sign in (1, -1))
    middle = float(np.median(studies.comparator))
    low, implied, high = (
        100 * float(implied_risk(middle / 100, effect, fit.measure.upper()))
        for effect in (fit.ci_low, fit.estimate, fit.ci_high)
    )
    level = level_text(fit.level)

    def percent(share: float) -> str:
        return f"{number(share, 0 if share >= 10 else 1)}%"

    return sentences(
        [
            f"L'Abbé plot of {plural(len(studies.names), 'study', 'studies')}",
            f"Horizontal axis: {names[0]}; vertical axis: {names[1]}",
            f"Over the line of no difference {over.lower()}, under it {under.lower()}; {more} over, {less} under",
            f"Pooled {scale.short} {scale.text(fit.estimate)}, {level} CI {scale.text(fit.ci_low)} to "
            f"{scale.text(fit.ci_high)}",
            f"At the median share with the comparator, {percent(middle)}, it implies "
            f"{percent(implied)} ({level} CI {percent(low)} to {percent(high)})",
        ]
    )
