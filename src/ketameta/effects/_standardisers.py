"""In units of which standard deviation a standardised difference is, and whether a table mixes them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.effects._sheet import Sheet
from ketameta.errors import KetametaWarning

__all__ = [
    "STANDARDISERS",
    "Standardiser",
    "name_standardisers",
    "pooled_baseline",
    "read_baseline",
    "warn_of_mixture",
]

Standardiser: TypeAlias = Literal["pooled", "average", "control", "baseline"]
STANDARDISERS: dict[str, str] = {
    "pooled": "pooled SD",
    "average": "root mean square of both SDs",
    "control": "comparator SD",
    "baseline": "pooled SD at baseline",
}
"""Names of the SDs in whose units a standardised difference can be."""

_NAMED = 12


def read_baseline(sheet: Sheet, rows: BoolArray) -> None:
    """Read the SD at baseline of both arms; rows without are refused."""
    columns = ("baseline_sd_t", "baseline_sd_c")
    sheet.refuse(
        rows & ~sheet.given(*columns),
        'standardiser="baseline" needs baseline_sd_t and baseline_sd_c; '
        "ketameta.effects.attach_baseline adds them from baseline rows",
    )
    sheet.require(rows, columns, "sd")
    for name in columns:
        sheet.keep(name, rows & sheet.alive, sheet.number(name))


def pooled_baseline(sheet: Sheet, n_t: Array, n_c: Array) -> Array:
    """SD at baseline pooled over both arms."""
    a, b = sheet.usable("baseline_sd_t"), sheet.usable("baseline_sd_c")
    return np.asarray(np.sqrt(((n_t - 1) * a**2 + (n_c - 1) * b**2) / (n_t + n_c - 2)), dtype=np.float64)


def name_standardisers(sheet: Sheet, standardiser: Standardiser) -> None:
    """Write in units of which SD the SMDs of arms and pairs are; contrasts have said so themselves."""
    kinds = sheet.text("score_type")
    for row in np.flatnonzero(sheet.alive & np.isin(sheet.kind.astype(str), ("arms", "paired"))):
        of = "" if standardiser == "baseline" or not kinds[row] else f" of {kinds[row]} scores"
        sheet.standardiser[row] = STANDARDISERS[standardiser] + of


def warn_of_mixture(sheet: Sheet) -> None:
    """Warn when some SMDs are in units of the SD of changes and others in that of endpoint scores."""
    sides = {
        kind: [
            i for i in np.flatnonzero(sheet.alive) if str(sheet.standardiser[i]).endswith(f"of {kind} scores")
        ]
        for kind in ("change", "endpoint")
    }
    if not all(sides.values()):
        return
    change, endpoint = (_named(sheet, rows) for rows in sides.values())
    warnings.warn(
        f"SMDs in units of the SD of changes ({change}) stand beside SMDs in units of the SD of endpoint scores "
        f"({endpoint}). The two SDs differ, so these SMDs are not on one scale (Cochrane Handbook 10.5.2): pool "
        'mean differences, take one score_type, or standardise all by standardiser="baseline"',
        KetametaWarning,
        stacklevel=3,
    )


def _named(sheet: Sheet, rows: Sequence[np.integer[Any]]) -> str:
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return ", ".join(sheet.name(int(row)) for row in rows[:_NAMED]) + more
