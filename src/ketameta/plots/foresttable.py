"""The rows behind a forest plot as data."""

from __future__ import annotations

import math

import pandas as pd

from ketameta.errors import FigureError
from ketameta.models import Pooled, Subgroups
from ketameta.plots._asked import of_class
from ketameta.plots._forestoptions import ForestOptions
from ketameta.plots._forestrows import Line
from ketameta.plots._robtools import Level
from ketameta.plots._table import Table, build

__all__ = ["forest_table", "require_result"]


def forest_table(fit: Pooled | Subgroups, *, options: ForestOptions | None = None) -> pd.DataFrame:
    """Table of the rows of :func:`forest`, in the order in which they are drawn.

    Parameters
    ----------
    fit : Pooled or Subgroups
        Result of :func:`ketameta.pool` or :func:`ketameta.subgroups`.
    options : ForestOptions, optional
        The options of the figure: columns that they ask for are in the table. A figure with
        ``columns="auto"`` leaves out those that it has no room for; the table never does.

    Returns
    -------
    DataFrame
        One row a printed row: ``kind`` (``study``, ``group``, ``pooled``, ``prediction``, ``note``), ``group``
        (subgroup, empty for the whole), ``label``, ``estimate``, ``ci_low``, ``ci_high``, ``pi_low``, ``pi_high``
        as shown (ratios as ratios), ``weight`` (share in the overall estimate), then the statistics of arms
        (sums in pooled rows), the extra columns as printed, judgements as ``rob_D1``, ..., and ``notes`` on
        the row. ``attrs["notes"]`` holds the lines under the axis.

    Raises
    ------
    FigureError
        `fit` is not a result, or it has no such column.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.plots import forest_table
    >>> fit = km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.10, 0.05, 0.08], tau2="DL", ci="Wald")
    >>> forest_table(fit)[["kind", "label", "estimate", "weight"]].head(4).round(2)
         kind                   label  estimate  weight
    0   study                 Study 1     -0.90    0.24
    1   study                 Study 2     -0.40    0.47
    2   study                 Study 3     -0.60    0.29
    3  pooled  Random effects (k = 3)     -0.58    1.00
    """
    require_result(fit, "forest_table")
    table = build(fit, of_class(options, ForestOptions()))
    keys = list(dict.fromkeys(key for column in (*table.left, *table.right) for key in column.keys))
    frame = pd.DataFrame([_record(table, line, keys) for line in table.lines if line.kind != "gap"])
    frame.attrs["notes"] = [*table.notes, *table.footer]
    return frame


def require_result(fit: object, caller: str) -> None:
    """Refuse what is no result of pooling.

    Raises
    ------
    FigureError
        With what to do instead.
    """
    if not isinstance(fit, Pooled | Subgroups):
        raise FigureError(
            f"{caller}() takes the result of pool() or subgroups(), not {type(fit).__name__}; pool the effects first."
        )


def _record(table: Table, line: Line, keys: list[str]) -> dict[str, object]:
    estimate, low, high = table.scale.shown([line.estimate, line.low, line.high]).tolist()
    new = line.kind == "prediction"
    return {
        "kind": line.kind,
        "group": line.group,
        "label": line.label,
        "estimate": math.nan if new else estimate,
        "ci_low": math.nan if new else low,
        "ci_high": math.nan if new else high,
        "pi_low": low if new else math.nan,
        "pi_high": high if new else math.nan,
        "weight": line.weight,
        **{key: _plain(line.values.get(key)) for key in keys},
        "notes": " ".join(line.remarks),
    }


def _plain(value: object) -> object:
    return value.name if isinstance(value, Level) else value
