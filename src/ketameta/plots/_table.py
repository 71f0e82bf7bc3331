"""What a forest plot says, row by row, before anything is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from ketameta.models import Pooled, Subgroups
from ketameta.plots._forestbias import Bias, bias_of
from ketameta.plots._forestcolumns import (
    Arms,
    arm_columns,
    arm_totals,
    arm_values,
    effect_column,
    extra_columns,
    extra_values,
    heading_words,
    known_extras,
    weight_column,
)
from ketameta.plots._forestlayouts import ForestLayout
from ketameta.plots._forestnotes import heterogeneity, lines_on_tests, marks, remarks
from ketameta.plots._forestoptions import ForestOptions
from ketameta.plots._forestrows import Column, Line, one_line
from ketameta.plots._notes import method_lines
from ketameta.plots._scale import Scale, scale_of
from ketameta.plots._words import level_text

__all__ = ["Table", "build", "shapes"]


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, columns and words of a forest plot.

    Attributes
    ----------
    blocks : mapping
        Columns of each block of the layout.
    words : mapping
        Words for the templates of the layout.
    bias : str
        Judgements of risk of bias in a few words; empty without any.
    """

    layout: ForestLayout
    scale: Scale
    blocks: Mapping[str, tuple[Column, ...]]
    words: Mapping[str, str]
    lines: tuple[Line, ...]
    overall: Pooled
    notes: tuple[str, ...]
    footer: tuple[str, ...]
    bias: str

    @property
    def left(self) -> tuple[Column, ...]:
        """Columns left of the panel, in order."""
        return tuple(column for name in self.layout.left for column in self.blocks.get(name, ()))

    @property
    def right(self) -> tuple[Column, ...]:
        """Columns right of the panel, in order."""
        return tuple(column for name in self.layout.right for column in self.blocks.get(name, ()))


@dataclass(frozen=True, slots=True)
class _Writer:
    """What the rows of one table are written with."""

    layout: ForestLayout
    scale: Scale
    blocks: Mapping[str, tuple[Column, ...]]
    bias: Bias | None
    share: Mapping[tuple[float, float], float]
    marks: Mapping[str, str]

    def part(self, part: Pooled, group: str = "") -> list[Line]:
        """Studies of one pool with its diamond."""
        return [*self._studies(part, group), self._pooled(part, group)]

    def _studies(self, part: Pooled, group: str) -> list[Line]:
        z = NormalDist().inv_cdf(0.5 + part.level / 2)
        lines = []
        for (yi, vi), (_, row) in zip(_keys(part), part.rows.iterrows(), strict=True):
            half = z * math.sqrt(vi)
            values = arm_values(row, self.blocks["arms"]) | extra_values(row, self.blocks["extra"])
            lines.append(
                Line(
                    "study",
                    one_line(row["label"]),
                    yi,
                    yi - half,
                    yi + half,
                    weight=self.share[(yi, vi)],
                    group=group,
                    values=values | (self.bias.values(row) if self.bias else {}),
                    remarks=remarks(row),
                    marks="".join(self.marks[text] for text in remarks(row)),
                )
            )
        return lines

    def _pooled(self, part: Pooled, group: str) -> Line:
        name = self.layout.subtotal if group else self.layout.total
        return Line(
            "pooled",
            "One study" if part.k == 1 else name.format(**heading_words(part, self.scale), k=part.k),
            part.estimate,
            part.ci_low,
            part.ci_high,
            weight=math.fsum(self.share[key] for key in _keys(part)),
            group=group,
            values=arm_totals(part.rows, self.blocks["arms"]),
        )


def build(fit: Pooled | Subgroups, options: ForestOptions) -> Table:
    """Rows, columns and notes of the figure of a pooled result or of subgroups, with all that may be shown."""
    groups, overall = (fit.groups, fit.overall) if isinstance(fit, Subgroups) else ((), fit)
    parts = [part for _, part in groups] or [overall]
    layout, scale = options.look, scale_of(overall.measure)
    marked, notes = marks(parts)
    bias = bias_of(options.rob, options.rob_tool, overall.rows)
    blocks = _blocks(overall, layout, scale, options)
    if bias:
        blocks["bias"] = bias.columns()
    share = dict(zip(_keys(overall), np.asarray(overall.weights, dtype=float).tolist(), strict=True))
    writer = _Writer(layout, scale, blocks, bias, share, marked)
    lines: list[Line] = []
    for given, part in groups:
        name = one_line(given)
        lines += [Line("group", name, group=name), *writer.part(part, name)]
        lines += [Line("note", text, group=name) for text in heterogeneity(part)]
        lines.append(Line("gap", "", group=name))
    lines += writer.part(overall)[-1:] if groups else writer.part(overall)
    if options.prediction and math.isfinite(overall.pi_low):
        name = f"{level_text(overall.level)} prediction interval"
        lines.append(Line("prediction", name, overall.estimate, overall.pi_low, overall.pi_high))
    lines += [Line("note", text) for text in (*heterogeneity(overall), *lines_on_tests(fit, overall))]
    if groups:
        notes.append("Weights and areas of squares are shares in the overall estimate.")
    notes += [f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in fit.notes]
    if bias:
        notes += bias.notes(overall.rows)
    return Table(
        layout,
        scale,
        blocks,
        heading_words(overall, scale),
        tuple(lines),
        overall,
        tuple(map(one_line, notes)),
        method_lines(overall, fit) if options.footer else (),
        bias.words(overall.rows) if bias else "",
    )


def shapes(table: Table, options: ForestOptions) -> list[Table]:
    """The table with fewer and fewer columns; those that were asked for by name stay."""
    rows, blocks = table.overall.rows, dict(table.blocks)
    arms: tuple[Arms, ...] = ("full", "n", "none") if options.columns == "auto" else (options.columns,)
    found = [
        {**blocks, "arms": arm_columns(rows, table.overall.measure, table.layout, choice)} for choice in arms
    ]
    if options.extra is None and blocks["extra"]:
        found.append({**found[-1], "extra": ()})
    found.append({**found[-1], "weight": ()})
    return [replace(table, blocks=choice) for choice in found]


def _blocks(
    overall: Pooled, layout: ForestLayout, scale: Scale, options: ForestOptions
) -> dict[str, tuple[Column, ...]]:
    rows = overall.rows
    names = known_extras(rows, layout.extra) if options.extra is None else options.extra
    arms: Arms = "full" if options.columns == "auto" else options.columns
    return {
        "extra": extra_columns(rows, names),
        "arms": arm_columns(rows, overall.measure, layout, arms),
        "effect": (effect_column(scale, layout, heading_words(overall, scale), options.digits),),
        "weight": (weight_column(layout),) if options.weight else (),
    }


def _keys(part: Pooled) -> list[tuple[float, float]]:
    yi, vi = (np.asarray(x, dtype=float).tolist() for x in (part.yi, part.vi))
    return list(zip(yi, vi, strict=True))
