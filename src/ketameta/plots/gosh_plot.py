"""GOSH plot: pooled effect against heterogeneity in many subsets of studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ketameta._render import number, plain
from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.errors import FigureError, ModelError
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Frame, Words, open_frame
from ketameta.plots._looks import null_look
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._words import sides
from ketameta.plots.alt import axis_words, remember, sentences
from ketameta.plots.style import Palette, font, quiet_rc
from ketameta.robustness import Gosh

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["gosh_plot"]

_DOTS = 3000
_CELLS = (120, 90)
_BINS = 60
_BAND = 0.16
_I2 = (-3.0, 103.0)
_FAINTEST = 0.18


@dataclass(frozen=True, slots=True, eq=False)
class _Cloud:
    """What is drawn: subsets that could be fitted, and whether each holds the study that parts them."""

    x: Array
    y: Array
    held: BoolArray
    name: str
    low: float
    high: float

    @property
    def parts(self) -> tuple[BoolArray, ...]:
        """The subsets without the study and with it, or all of them."""
        return (~self.held, self.held) if self.name else (~self.held,)


def gosh_plot(
    result: Gosh,
    *,
    study: str | int | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Pooled effect of subsets of studies against their I2, with the distribution of each along the margins.

    Parameters
    ----------
    result : Gosh
        Result of :func:`ketameta.gosh`.
    study : str or int, optional
        Study, by label or position, whose subsets have a colour of their own. By default the one that splits the
        subsets; where none does, all have one colour.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made.
    title : str, optional
        Title above the figure.
    favours : tuple of str, optional
        Who is favoured under and over the null, in place of what the rows say.
    options : FigureOptions, optional
        Width, type, notes.

    Returns
    -------
    Axes
        Up to 3,000 subsets as dots; more as cells, the deeper the colour the more subsets (by the square root
        of their number), mixed of both colours where both kinds lie. The cross is the pool of all studies.

    Raises
    ------
    FigureError
        `result` is not the result of :func:`ketameta.gosh`, it has no such study, no subset could be fitted, the
        axes are not empty, or there is too little room.

    Notes
    -----
    Clouds that lie apart mean that the studies are not of one kind. Subsets share studies, so their spread is no
    confidence interval.

    References
    ----------
    Olkin I, Dahabreh IJ, Trikalinos TA (2012). GOSH - a graphical display of study heterogeneity. Res Synth
    Methods 3:214-223. doi:10.1002/jrsm.1053

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots.gosh_plot import gosh_plot
    >>> ax = gosh_plot(km.gosh(yi=[-0.9, -0.4, -0.6, 0.3], vi=[0.10, 0.05, 0.08, 0.06]))
    >>> ax.get_ylabel()
    'I2 (%)'
    >>> plt.close(ax.figure)
    """
    if not isinstance(result, Gosh):
        raise FigureError(f"gosh_plot() draws the result of gosh(), not {type(result).__name__}.")
    options = of_class(options, FigureOptions())
    cloud = _cloud(result, study)
    scale = scale_of(result.fit.measure)
    who = sides(result.fit.rows, favours)
    beyond = _BAND / (1 - _BAND)
    with quiet_rc():
        ax, frame, palette = open_frame(
            ax,
            options,
            Axis(scale.title, scale, cloud.low, cloud.high + beyond * (cloud.high - cloud.low), sides=who),
            Axis("I2 (%)", scale_of("effect"), _I2[0], _I2[1] + beyond * (_I2[1] - _I2[0])),
            Words(title, _legend(cloud), _foot(result)),
        )
        _end_axes(ax, frame, cloud, palette)
        if cloud.low < 0 < cloud.high:
            ax.plot([scale.null] * 2, _I2, zorder=0.5, label="_null", **null_look(palette))
        (_dots if cloud.x.size <= _DOTS else _cells)(ax, frame, cloud, palette)
        _margins(ax, frame, cloud, palette)
        ax.plot(scale.shown([result.estimate_all]), [result.i2_all], label="_all", **_cross(frame, palette))
        frame.draw_legend(ax, _handles(frame, cloud, palette), palette)
    remember(ax, _words(result, cloud, scale, who))
    return ax


def _cloud(result: Gosh, study: str | int | None) -> _Cloud:
    """The subsets to draw, and the ends of the effect axis."""
    try:
        at = result.splitting and result.splitting[0] if study is None else result.position(study)
    except ModelError as error:
        raise FigureError(f"{error}.") from None
    held = np.zeros(result.n_subsets, dtype=np.bool_) if at is None else result.holds(at)
    good = np.isfinite(result.estimate) & np.isfinite(result.i2)
    if not good.any():
        raise FigureError("gosh_plot(): no subset could be fitted; there is nothing to draw.")
    x = result.estimate[good]
    ends = min(float(x.min()), result.estimate_all), max(float(x.max()), result.estimate_all)
    margin = 0.04 * (ends[1] - ends[0]) or 1.0
    name = "" if at is None else plain(result.labels[at].replace("\n", " "))
    return _Cloud(x, result.i2[good], held[good], name, ends[0] - margin, ends[1] + margin)


def _colours(cloud: _Cloud, palette: Palette) -> tuple[str, ...]:
    return (palette.study, palette.accent) if cloud.name else (palette.study,)


def _end_axes(ax: Axes, frame: Frame, cloud: _Cloud, palette: Palette) -> None:
    """End ticks and spines where the margins begin."""
    look: dict[str, Any] = {"fontsize": frame.size, "color": palette.ink, "fontfamily": list(font())}
    logs = frame.x.scale.logs(frame.x_ticks)
    kept = [
        (tick, text)
        for tick, text, log in zip(frame.x_ticks, frame.x_labels.texts, logs, strict=True)
        if log <= cloud.high
    ]
    ax.set_xticks([tick for tick, _ in kept], [text.replace("$", r"\$") for _, text in kept], **look)
    heights = [tick for tick in frame.y_ticks if 0 <= tick <= 100]
    ax.set_yticks(heights, frame.y.scale.tick_text(heights), **look)
    low, high = frame.x.scale.shown([cloud.low, cloud.high]).tolist()
    ax.spines["bottom"].set_bounds(low, high)
    ax.spines["left"].set_bounds(*_I2)


def _dots(ax: Axes, frame: Frame, cloud: _Cloud, palette: Palette) -> None:
    """Each subset a dot, in an order in which neither kind hides the other."""
    from matplotlib.colors import to_rgba

    colours = np.array([to_rgba(colour) for colour in _colours(cloud, palette)])
    order = np.random.default_rng(0).permutation(cloud.x.size)
    alpha = float(np.clip(60 / cloud.x.size, 0.25, 0.9))
    ax.scatter(
        frame.x.scale.shown(cloud.x[order]),
        cloud.y[order],
        s=(0.45 * frame.size) ** 2,
        c=colours[cloud.held[order].astype(int)],
        alpha=alpha,
        linewidth=0,
        zorder=2,
        rasterized=cloud.x.size > _DOTS // 10,
        label="_subsets",
    )


def _cells(ax: Axes, frame: Frame, cloud: _Cloud, palette: Palette) -> None:
    """Subsets counted in cells: depth of colour by their number, mixed of the colours of both kinds."""
    from matplotlib.colors import to_rgb

    edges = np.linspace(cloud.low, cloud.high, _CELLS[0] + 1), np.linspace(*_I2, _CELLS[1] + 1)
    counts = np.array([np.histogram2d(cloud.x[part], cloud.y[part], bins=edges)[0].T for part in cloud.parts])
    total = counts.sum(axis=0)
    mixed = np.tensordot(
        counts, np.array([to_rgb(colour) for colour in _colours(cloud, palette)]), axes=(0, 0)
    )
    image = np.zeros((*total.shape, 4))
    image[..., :3] = np.divide(mixed, total[..., None], out=np.ones_like(mixed), where=total[..., None] > 0)
    depth = _FAINTEST + (1 - _FAINTEST) * np.sqrt(total / np.quantile(total[total > 0], 0.99)).clip(max=1.0)
    image[..., 3] = np.where(total > 0, depth, 0.0)
    ax.pcolormesh(frame.x.scale.shown(edges[0]), edges[1], image, zorder=2, rasterized=True, label="_subsets")


def _margins(ax: Axes, frame: Frame, cloud: _Cloud, palette: Palette) -> None:
    """Histograms over the panel and right of it; those of subsets with the study have an outline too."""
    top, right = frame.y.high - _I2[1], frame.x.high - cloud.high
    across, along = np.linspace(cloud.low, cloud.high, _BINS + 1), np.linspace(*_I2, _BINS + 1)
    rows = [np.histogram(cloud.x[part], across)[0] for part in cloud.parts]
    columns = [np.histogram(cloud.y[part], along)[0] for part in cloud.parts]
    for held, colour in enumerate(_colours(cloud, palette)):
        if not rows[held].any():
            continue
        first, last = _ends(rows[held])
        floor = _I2[1] + 0.12 * top
        heights = floor + 0.85 * top * rows[held][first:last] / np.max(rows)
        edges = frame.x.scale.shown(across[first : last + 1])
        _stairs(ax, heights, edges, floor, colour, held=held, orientation="vertical")
        first, last = _ends(columns[held])
        wall = cloud.high + 0.05 * right
        lengths = frame.x.scale.shown(wall + 0.92 * right * columns[held][first:last] / np.max(columns))
        base = float(frame.x.scale.shown(wall))
        _stairs(ax, lengths, along[first : last + 1], base, colour, held=held, orientation="horizontal")


def _ends(bins: AnyArray) -> tuple[int, int]:
    """First bin that holds something, and the one behind the last."""
    filled = np.flatnonzero(bins)
    return int(filled[0]), int(filled[-1]) + 1


def _stairs(
    ax: Axes, values: Array, edges: Array, base: float, colour: str, *, held: int, orientation: Any
) -> None:
    """One histogram: filled, and where subsets hold the study pale with an outline."""
    look: dict[str, Any] = {"color": colour, "baseline": base, "orientation": orientation}
    ax.stairs(values, edges, fill=True, alpha=0.35 if held else 0.8, linewidth=0, zorder=2 + held, **look)
    if held:
        ax.stairs(values, edges, linewidth=0.9, zorder=4, **look)


def _cross(frame: Frame, palette: Palette) -> dict[str, Any]:
    """The mark of the pool of all studies, dark with a rim of paper, so that it stands out on any cloud."""
    return {
        "marker": "P",
        "linestyle": "none",
        "color": palette.pooled,
        "markersize": 1.1 * frame.size,
        "markeredgecolor": palette.paper,
        "markeredgewidth": 0.8,
        "zorder": 5,
        "clip_on": False,
    }


def _legend(cloud: _Cloud) -> tuple[str, ...]:
    if not cloud.name:
        return "Subsets", "All studies"
    return f"Subsets without {cloud.name}", f"Subsets with {cloud.name}", "All studies"


def _handles(frame: Frame, cloud: _Cloud, palette: Palette) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    kinds: list[Any] = [
        Patch(facecolor=colour, edgecolor=palette.paper) for colour in _colours(cloud, palette)
    ]
    return [*kinds, Line2D([], [], **_cross(frame, palette))]


def _foot(result: Gosh) -> tuple[str, ...]:
    return (*(f"{note[0].upper()}{note[1:]}." for note in result.notes), *method_lines(result))


def _words(result: Gosh, cloud: _Cloud, scale: Scale, who: tuple[str, str]) -> str:
    low, high = (scale.text(float(value)) for value in (cloud.x.min(), cloud.x.max()))
    parts = [
        f"GOSH plot of {cloud.x.size:,} subset{'s' if cloud.x.size > 1 else ''} of {result.fit.k} studies",
        axis_words(scale, *who),
        f"Pooled effects of the subsets from {scale.short} {low} to {high}, "
        f"I2 from {number(cloud.y.min(), 0)}% to {number(cloud.y.max(), 0)}%",
        f"All studies: {scale.short} {scale.text(result.estimate_all)}, I2 {number(result.i2_all, 0)}%",
    ]
    if cloud.name and 0 < cloud.held.sum() < cloud.held.size:
        with_it, without = (scale.text(float(cloud.x[part].mean())) for part in cloud.parts[::-1])
        parts.append(f"With {cloud.name} the mean is {with_it}, without {without}")
    return sentences(parts)
