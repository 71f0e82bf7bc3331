"""Baujat plot: which studies make the effects differ, and which ones move the pooled effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ketameta._render import plural
from ketameta._typing import Array
from ketameta.errors import FigureError
from ketameta.models import Pooled
from ketameta.models.leave_one_out import Contributions, contributions
from ketameta.plots._asked import of_class
from ketameta.plots._figureoptions import FigureOptions
from ketameta.plots._frame import Axis, Words, open_frame
from ketameta.plots._looks import study_dots
from ketameta.plots._names import draw_names, place_names
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import scale_of
from ketameta.plots.alt import remember, sentences
from ketameta.plots.style import quiet_rc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["baujat"]

_CONTRIBUTION = (
    "squared distance of a study from the pooled effect, divided by its variance (squared Pearson residual)"
)
_INFLUENCE = "squared change of the pooled effect without the study, divided by the variance that it has then"
_FEW = 3


def baujat(
    fit: Pooled,
    *,
    ax: Axes | None = None,
    title: str | None = None,
    options: FigureOptions | None = None,
) -> Axes:
    """Contribution of each study to heterogeneity, against its influence on the pooled effect.

    Parameters
    ----------
    fit : Pooled
        Result of :func:`ketameta.pool` of two studies or more.
    ax : Axes, optional
        Empty axes to draw in; they shrink so that everything stays in their box. By default a new figure is made.
    title : str, optional
        Title above the figure.
    options : FigureOptions, optional
        Width, type, names of studies, notes. By default the studies farthest from the corner are named first.

    Returns
    -------
    Axes
        Squared Pearson residual against squared standardised change; one dot a study.

    Raises
    ------
    FigureError
        `fit` is not the result of :func:`ketameta.pool`, or of one study, or its numbers lie too far apart; the
        axes are not empty, or there is too little room.

    Notes
    -----
    Formulas in :func:`ketameta.models.leave_one_out.contributions`. The variance is that of the model, whatever
    the method of the interval, so that it does not hang on how alike the few studies left over happen to be.

    References
    ----------
    Baujat B, Mahe C, Pignon JP, Hill C (2002). A graphical method for exploring heterogeneity in
    meta-analyses: application to a meta-analysis of 65 trials. Stat Med 21:2641-2652. doi:10.1002/sim.1221

    Examples
    --------
    >>> import ketameta as km
    >>> import matplotlib.pyplot as plt
    >>> from ketameta.plots.baujat import baujat
    >>> ax = baujat(km.pool(yi=[-0.9, -0.4, -0.6, 0.2], vi=[0.10, 0.05, 0.08, 0.06]))
    >>> ax.get_xlabel()
    'Contribution to heterogeneity'
    >>> plt.close(ax.figure)
    """
    if not isinstance(fit, Pooled):
        raise FigureError(
            f"baujat() draws the result of pool(), not {type(fit).__name__}; pool the effects first."
        )
    if fit.k < 2:
        raise FigureError("baujat() leaves each study out in turn; one study alone cannot be left out.")
    options = of_class(options, FigureOptions())
    found = contributions(fit.yi, fit.vi, tau2=fit.tau2_method)
    x, y = found.heterogeneity, found.influence
    if not np.isfinite([x, y]).all():
        raise FigureError(
            "baujat(): without some of the studies the numbers lie too far apart to be pooled; check their units."
        )
    with quiet_rc():
        ax, frame, palette = open_frame(
            ax,
            options,
            _axis("Contribution to heterogeneity", x),
            _axis("Influence on the pooled effect", y),
            Words(title, (), _foot(fit)),
        )
        radius = 0.36 * frame.size
        study_dots(ax, x, y, radius, palette)
        names = place_names(
            frame,
            frame.places(x, y),
            [str(name) for name in fit.rows["label"]],
            radius=radius,
            notable=np.hypot(frame.x.share(x), frame.y.share(y)),
            choice=options.names,
        )
        draw_names(ax, frame, names, x, y, palette.ink)
    remember(ax, _words(fit, found))
    return ax


def _axis(name: str, values: Array) -> Axis:
    """Axis from 0 to the largest value; a little under 0, where dots would be cut."""
    reach = float(values.max()) or 1.0
    return Axis(name, scale_of("effect"), -0.03 * reach, 1.08 * reach)


def _foot(fit: Pooled) -> tuple[str, ...]:
    adds_up = f"; together Q = {fit.q:.2f}" if fit.tau2_method == "EE" else ""
    notes = [
        f"Contribution: {_CONTRIBUTION}{adds_up}.",
        f"Influence: {_INFLUENCE}.",
    ]
    if fit.k == 2 and fit.tau2_method != "EE":
        notes.append(
            "Without one of 2 studies tau2 is not known; the variance is that of the study left over."
        )
    elif fit.k <= _FEW:
        rest = plural(fit.k - 1, "study", "studies")
        notes.append(f"Without one of {fit.k} studies the pooled effect rests on {rest}.")
    return (*notes, *method_lines(fit))


def _words(fit: Pooled, found: Contributions) -> str:
    names = [str(name) for name in fit.rows["label"]]
    most, moves = int(found.heterogeneity.argmax()), int(found.influence.argmax())
    return sentences(
        [
            f"Baujat plot of {plural(fit.k, 'study', 'studies')}",
            f"Horizontal axis: contribution to heterogeneity, the {_CONTRIBUTION}",
            f"Vertical axis: influence, the {_INFLUENCE}",
            f"{names[most]} contributes most to heterogeneity ({found.heterogeneity[most]:.2f})",
            f"{names[moves]} has most influence ({found.influence[moves]:.2f})",
        ]
    )
