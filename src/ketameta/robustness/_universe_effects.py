"""Effects of every set of rows under every choice about effects, each computed once."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ketameta._progress import Bar
from ketameta._typing import AnyArray, Array, BoolArray
from ketameta.effects import EffectOptions, effect_sizes
from ketameta.effects.people import people
from ketameta.errors import KetametaError, KetametaWarning, ModelError
from ketameta.models import pool
from ketameta.robustness._running import run
from ketameta.robustness._universe_choices import Choices
from ketameta.robustness._universe_options import EFFECT_CHOICES

__all__ = ["UnitEffects", "unit_effects"]

_ARGUMENTS = ("standardiser", "shared", "adjusted")


@dataclass(frozen=True, slots=True, eq=False)
class UnitEffects:
    """Effects of the units under one choice about effects; w is the largest number of effects of a unit.

    Attributes
    ----------
    yi, vi : Array, shape (units + 1, w)
        Effects and variances, NaN where there is none; the last row stands for a sample that does not enter.
    imputed : BoolArray, shape (units + 1, w)
        Whether an effect rests on recovered numbers.
    n : Array, shape (units + 1, w)
        Participants.
    instrument : AnyArray, shape (units + 1, w)
        Number of the instrument where effects of several cannot be pooled, else 0.
    twice : BoolArray, shape (units + 1,)
        Whether a unit counts participants twice.
    error : str
        Why there are no effects at all.
    """

    yi: Array
    vi: Array
    imputed: BoolArray
    n: Array
    instrument: AnyArray
    twice: BoolArray
    error: str = ""


def unit_effects(
    trials: pd.DataFrame,
    units: Sequence[tuple[int, ...]],
    choices: Choices,
    *,
    workers: int,
    bar: Bar,
) -> list[UnitEffects]:
    """Effects of all units for each measure and each combination of the choices about effects, in that order.

    Units become the rows of one table. A comparator arm that several units share gets a name in each of
    them, so that only arms of one unit are combined; everything else about an effect rests on its own row.
    """
    names = ["measure", *(name for name in EFFECT_CHOICES if name in choices.options)]
    combinations = [
        dict(zip(names, values, strict=True))
        for values in itertools.product(*(choices.options[name] for name in names))
    ]
    owner = np.repeat(np.arange(len(units)), [len(rows) for rows in units])
    flat = [row for rows in units for row in rows]
    table = pd.DataFrame(trials).iloc[flat].reset_index(drop=True)
    table.attrs = {}
    if "comparator_arm_id" in table:
        arm = table["comparator_arm_id"].fillna("").astype(str)
        table["comparator_arm_id"] = np.where(arm == "", "", arm + [f" (set {unit})" for unit in owner])
    compute = partial(_computed, table, owner, len(units))
    return run(compute, combinations, workers=workers, bar=bar)


def _computed(table: pd.DataFrame, owner: AnyArray, n_units: int, chosen: Mapping[str, Any]) -> UnitEffects:
    if not len(table):
        return _nothing(n_units, "")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", KetametaWarning)
            found = _effects(table, chosen)
    except KetametaError as error:
        return _nothing(n_units, str(error))
    usable = (found["yi"].notna() & found["vi"].gt(0) & np.isfinite(found["vi"])).to_numpy(dtype=np.bool_)
    found = found.loc[usable]
    unit = owner[found.index.to_numpy()]
    slot = pd.Series(unit).groupby(unit).cumcount().to_numpy()
    place = (unit, slot)
    result = _nothing(n_units, "", int(slot.max(initial=0)) + 1)
    result.yi[place] = found["yi"]
    result.vi[place] = found["vi"]
    result.imputed[place] = found["imputed"] != ""
    if len(found):
        result.n[place] = people(pd.DataFrame(found))
    if chosen["measure"] == "MD" and "instrument" in found:
        result.instrument[place] = pd.factorize(found["instrument"])[0]
    for number in np.unique(unit[slot > 0]):
        result.twice[number] = _counted_twice(found.loc[unit == number])
    return result


def _effects(table: pd.DataFrame, chosen: Mapping[str, Any]) -> pd.DataFrame:
    crossover = chosen["crossover"]
    options = {name: chosen[name] for name in ("variance", "quantiles", "to")}
    options |= {name: chosen[name] for name in ("r_change", "correction") if name in chosen}
    if not isinstance(crossover, str):
        crossover, options["r_crossover"] = crossover
    return effect_sizes(
        table,
        measure=chosen["measure"],
        **{name: chosen[name] for name in _ARGUMENTS},
        crossover=crossover,
        options=EffectOptions(**options),
    )


def _counted_twice(rows: pd.DataFrame) -> bool:
    """Whether several effects of one unit must not be pooled, by what :func:`ketameta.pool` says of them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", KetametaWarning)
            pool(rows)
    except ModelError:
        return True
    return False


def _nothing(n_units: int, error: str, width: int = 1) -> UnitEffects:
    shape = (n_units + 1, width)
    return UnitEffects(
        yi=np.full(shape, np.nan),
        vi=np.full(shape, np.nan),
        imputed=np.zeros(shape, dtype=np.bool_),
        n=np.zeros(shape),
        instrument=np.zeros(shape, dtype=np.int64),
        twice=np.zeros(n_units + 1, dtype=np.bool_),
        error=error,
    )
