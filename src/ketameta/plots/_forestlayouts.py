"""Layouts of a forest plot, each a description of what stands where: nothing is drawn here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LAYOUTS", "ForestLayout"]


@dataclass(frozen=True, slots=True)
class ForestLayout:
    """Columns, words and marks of one look.

    Templates may hold ``{measure}``, ``{title}`` (its long name), ``{model}`` and ``{level}``, and those of
    pooled rows ``{effects}`` and ``{k}`` as well.

    Attributes
    ----------
    left, right : tuple of str
        Blocks of columns on the two sides of the panel, in order: ``extra``, ``arms``, ``effect``,
        ``weight``, ``bias``.
    scores, counts : tuple of (str, str)
        Pieces of an arm's statistics with their headings, for means and for events: ``n``, ``mean``, ``sd``,
        ``mean (sd)``, ``events``, ``total``, ``events/total``.
    study, weight, effect : str
        Headings of names, weights and effects.
    effect_over : str
        Heading over that of the effects.
    percent : str
        What follows a weight.
    interval : str
        Form of an interval, of ``{low}`` and ``{high}``.
    panel : tuple of str
        Headings over the panel.
    total, subtotal : str
        Names of pooled rows.
    above : bool
        Whether the words on who is favoured stand over the panel, rather than under the axis.
    favours : str
        How "favours" is spelt.
    extra : tuple of str
        Columns of the rows that are shown where the rows have them and there is room.
    diamond : str
        Colour of diamonds, by its name in the palette.
    reference : bool
        Whether a dashed line marks the pooled estimate.
    symmetric : bool
        Whether the axis reaches as far on both sides of the null.
    width_mm, font_size : float
        Usual width of a figure, and size of its type at that width in points.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    scores: tuple[tuple[str, str], ...] = (("n", "n"), ("mean", "Mean"), ("sd", "SD"))
    counts: tuple[tuple[str, str], ...] = (("events/total", "Events/n"),)
    study: str = "Study"
    weight: str = "Weight"
    effect: str = "{measure} [{level} CI]"
    effect_over: str = ""
    percent: str = "%"
    interval: str = "[{low}, {high}]"
    panel: tuple[str, ...] = ()
    total: str = "{effects} (k = {k})"
    subtotal: str = "{effects} (k = {k})"
    above: bool = False
    favours: str = "Favours"
    extra: tuple[str, ...] = ()
    diamond: str = "pooled"
    reference: bool = True
    symmetric: bool = False
    width_mm: float = 180.0
    font_size: float = 7.5


LAYOUTS = {
    "plain": ForestLayout(left=("extra", "arms"), right=("effect", "weight", "bias")),
    "revman": ForestLayout(
        left=("extra", "arms", "weight", "effect"),
        right=("bias",),
        scores=(("mean", "Mean"), ("sd", "SD"), ("n", "Total")),
        counts=(("events", "Events"), ("total", "Total")),
        study="Study or subgroup",
        effect="{model}, {level} CI",
        effect_over="{measure}",
        panel=("{title}", "{model}, {level} CI"),
        total="Total ({level} CI)",
        subtotal="Subtotal ({level} CI)",
        diamond="ink",
        reference=False,
        symmetric=True,
    ),
    "jama": ForestLayout(
        left=("extra", "arms", "effect"),
        right=("weight", "bias"),
        scores=(("n", "No."), ("mean (sd)", "Mean (SD)")),
        counts=(("events/total", "No./total"),),
        study="Source",
        weight="Weight, %",
        effect="{measure} ({level} CI)",
        percent="",
        interval="({low} to {high})",
        total="{effects} model",
        subtotal="Subtotal",
        above=True,
        favours="Favors",
    ),
    "bmj": ForestLayout(
        left=("extra", "arms"),
        right=("weight", "effect", "bias"),
        scores=(("mean (sd)", "Mean (SD)"), ("n", "No")),
        counts=(("events/total", "No/total"),),
        weight="Weight (%)",
        effect="{measure} ({level} CI)",
        percent="",
        interval="({low} to {high})",
        panel=("{title}", "({level} CI)"),
        total="Total ({level} CI)",
        subtotal="Subtotal",
    ),
    "wide": ForestLayout(
        left=("extra", "arms"),
        right=("effect", "weight", "bias"),
        extra=("dose", "time"),
        width_mm=254.0,
        font_size=8.5,
    ),
}
