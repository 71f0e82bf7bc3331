"""Figures of the section that doubts, as files of the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ketameta.errors import KetametaError
from ketameta.reporting.figure_files import write_figure
from ketameta.reporting.standing import Standing, Universes
from ketameta.robustness import limit_meta_analysis, trim_and_fill

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ENOUGH", "KINDS", "drawn", "write_standings"]

ENOUGH = 5
"""Trials from which on a cloud of subsets or a funnel shows anything."""
KINDS = {
    "left_out": "without each trial",
    "influence": "influence of each trial",
    "funnel": "funnel, with trim and fill and the limit of small standard errors",
    "gosh": "all subsets of the trials",
    "unblinding": "by comparator, and after an assumed bias",
    "missing": "with the missing trials, by what they show",
}


def write_standings(
    folder: Path,
    standings: Sequence[Standing],
    universes: Sequence[Universes],
    report: Callable[[str], None],
) -> dict[str, tuple[Path, str]]:
    """Draw what the doubts say of the pools of symptom scores with five trials or more, and each specification curve."""
    from ketameta.plots import specification_curve

    written: dict[str, tuple[Path, str]] = {}
    for each in standings:
        if not drawn(each):
            continue
        report(f"would it stand? figures of {each.key}")
        for kind in KINDS:
            axes = _draw(each, kind)
            if axes is not None:
                written |= write_figure(folder, f"{each.key}_{kind}", axes)
    for one in universes:
        if one.found is not None:
            written |= write_figure(folder, one.key, specification_curve(one.found))
    return written


def drawn(each: Standing) -> bool:
    """Whether figures of a pool are drawn."""
    return each.bias.k >= ENOUGH and each.window.analysis.measure == "SMD"


def _draw(each: Standing, kind: str) -> Axes | None:
    from ketameta.plots import funnel, gosh_plot, influence_plot, missing_plot, stepwise_plot, unblinding_plot
    from ketameta.plots._words import sides

    fit = each.window.fit
    if fit is None:
        return None
    if kind == "left_out":
        return stepwise_plot(each.left_out, favours=sides(fit.rows, None))
    if kind == "influence":
        return influence_plot(each.influence)
    if kind == "gosh":
        return gosh_plot(each.gosh)
    if kind == "unblinding":
        return None if each.unblinding is None else unblinding_plot(each.unblinding)
    if kind == "missing":
        return None if each.missing is None else missing_plot(each.missing)
    try:
        return funnel(fit, contours=True, fill=trim_and_fill(fit), limit=limit_meta_analysis(fit))
    except KetametaError:
        return funnel(fit, contours=True)
