"""Doing the steps of a receipt again: the named public functions with the arguments that were recorded.

A receipt may come from anyone. Only functions of this list are called, only with arguments that they have, and only
options and priors of this list are made; formulas pass the check that all formulas pass.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta.curves import (
    CurveComparison,
    CurveOptions,
    DurabilityCurve,
    RelapseCurves,
    RespondingCurve,
    compare,
    durability,
    relapse,
    responding,
)
from ketameta.effects import EffectOptions, SamplingCovariance, covariance, effect_sizes
from ketameta.errors import DataError, KetametaError, KetametaWarning
from ketameta.evidence import Selection, select, with_moderators
from ketameta.models import (
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfT,
    LogNormal,
    LogStudentT,
    Multilevel,
    MultilevelOptions,
    Normal,
    PermutationTest,
    Pooled,
    PooledCounts,
    PoolOptions,
    Posterior,
    Regression,
    RobustMultilevel,
    Subgroups,
    Uniform,
    bayes,
    counts,
    multilevel,
    permutation,
    pool,
    regress,
    subgroups,
)
from ketameta.provenance import NOT_RECORDED
from ketameta.robustness import (
    Bias,
    Cumulative,
    ExcessSignificance,
    Gosh,
    Influence,
    LeaveOneOut,
    LimitMeta,
    MissingEvidence,
    Multiverse,
    PetPeese,
    RobMe,
    SelectionModel,
    SmallStudyTest,
    TrimFill,
    Unblinding,
    begg,
    bias,
    cumulative,
    egger,
    excess_significance,
    gosh,
    influence,
    leave_one_out,
    limit_meta_analysis,
    missing_evidence,
    multiverse,
    pet_peese,
    peters,
    pustejovsky_rodgers,
    rob_me,
    selection_model,
    trim_and_fill,
    unblinding,
)

__all__ = ["MAKES", "Unrepeatable", "needs_table", "replay"]

MAKES: dict[str, type[Any]] = {
    "bayes": Posterior,
    "begg": SmallStudyTest,
    "bias": Bias,
    "compare": CurveComparison,
    "counts": PooledCounts,
    "covariance": SamplingCovariance,
    "cumulative": Cumulative,
    "durability": DurabilityCurve,
    "egger": SmallStudyTest,
    "excess_significance": ExcessSignificance,
    "given": DurabilityCurve,
    "gosh": Gosh,
    "influence": Influence,
    "leave_one_out": LeaveOneOut,
    "limit_meta_analysis": LimitMeta,
    "missing_evidence": MissingEvidence,
    "multilevel": Multilevel,
    "multiverse": Multiverse,
    "permutation": PermutationTest,
    "pet_peese": PetPeese,
    "peters": SmallStudyTest,
    "pool": Pooled,
    "pustejovsky_rodgers": SmallStudyTest,
    "regress": Regression,
    "relapse": RelapseCurves,
    "responding": RespondingCurve,
    "rob_me": RobMe,
    "robust": RobustMultilevel,
    "selection_model": SelectionModel,
    "subgroups": Subgroups,
    "trim_and_fill": TrimFill,
    "unblinding": Unblinding,
}
"""Functions whose results have receipts, and what they make."""


def _given(curve: DurabilityCurve, values: Mapping[str, Any]) -> DurabilityCurve:
    return curve.given(**values)


def _with_moderators(rows: pd.DataFrame, items: Sequence[str]) -> pd.DataFrame:
    return with_moderators(rows, *items)


def _robust(model: Multilevel, cluster: Any, kind: Any) -> RobustMultilevel:
    return model.robust(cluster, kind=kind)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "given": _given,
    "robust": _robust,
    "with_moderators": _with_moderators,
    **{
        function.__name__: function
        for function in (
            *(bayes, compare, counts, covariance, durability, effect_sizes, multilevel),
            *(permutation, pool, regress, relapse, responding, select, subgroups),
            *(begg, bias, cumulative, egger, excess_significance, gosh, influence, leave_one_out),
            *(limit_meta_analysis, missing_evidence, multiverse, pet_peese, peters, pustejovsky_rodgers),
            *(rob_me, selection_model, trim_and_fill, unblinding),
        )
    },
}
_PRIORS = (Exponential, HalfCauchy, HalfNormal, HalfT, LogNormal, LogStudentT, Normal, Uniform)
_CLASSES: dict[str, type] = {
    cls.__name__: cls for cls in (CurveOptions, EffectOptions, MultilevelOptions, PoolOptions, *_PRIORS)
}
_ARRAYS = ("yi", "a")
_MOST_STEPS = 100
_MOST_DRAWS = 10_000_000
_INFINITE = {"Infinity": math.inf, "-Infinity": -math.inf}


class Unrepeatable(KetametaError):
    """A step cannot be done again: its arguments are not recorded, or do not fit the function or the data."""


@dataclass(frozen=True, slots=True)
class _Call:
    place: int
    name: str
    arguments: Mapping[str, Any]

    @property
    def words(self) -> str:
        return f"step {self.place}, {self.name}()"


def needs_table(steps: Any) -> bool:
    """Whether the first step worked on a table, not on arrays that stand among its arguments."""
    first = _calls(steps)[0]
    return all(first.arguments.get(name) is None for name in _ARRAYS)


def replay(steps: Any, table: pd.DataFrame | None) -> Any:
    """Do recorded steps again, beginning with a table, or with arrays that the first step holds.

    Raises
    ------
    DataError
        When the steps are not the steps of a receipt.
    Unrepeatable
        When one of them cannot be done again.
    """
    value: Any = table
    for call in _calls(steps):
        arguments = _arguments(call)
        given = () if value is None else (value,)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", KetametaWarning)
                value = _FUNCTIONS[call.name](*given, **arguments)
        except KetametaError as error:
            raise Unrepeatable(f"{call.words}: {error}") from None
        except Exception as error:  # arguments that anyone may have written, of any type
            raise Unrepeatable(f"{call.words} fails with these arguments: {type(error).__name__}.") from None
        value = value.rows if isinstance(value, Selection) else value
    return value


def _calls(steps: Any) -> list[_Call]:
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
        raise DataError("the record has no list of steps; nothing can be computed again.")
    if len(steps) > _MOST_STEPS:
        raise DataError(f"the record has {len(steps):,} steps; at most {_MOST_STEPS} are done again.")
    return [_call(place, step) for place, step in enumerate(steps, start=1)]


def _call(place: int, step: Any) -> _Call:
    name = step.get("step") if isinstance(step, Mapping) else None
    arguments = step.get("arguments") if isinstance(step, Mapping) else None
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        raise DataError(f"step {place} of the record has no name and arguments.")
    if name not in _FUNCTIONS:
        known = ", ".join(_FUNCTIONS)
        raise DataError(f"step {place} of the record, {name[:40]!r}, is none of: {known}.")
    return _Call(place, name, arguments)


def _arguments(call: _Call) -> dict[str, Any]:
    known = inspect.signature(_FUNCTIONS[call.name]).parameters
    strange = [name for name in call.arguments if name not in known]
    if strange:
        raise Unrepeatable(f"{call.words} has no argument {str(strange[0])[:40]!r}.")
    for name, value in call.arguments.items():
        if isinstance(known[name].default, bool) and not isinstance(value, bool):
            raise Unrepeatable(f"{call.words}: {name} must be true or false.")
    silent = {"progress": False} if "progress" in known else {}
    try:
        return {name: _restored(value) for name, value in call.arguments.items()} | silent
    except KetametaError as error:
        raise Unrepeatable(f"{call.words}: {error}") from None
    except Exception as error:  # values that anyone may have written, of any type
        raise Unrepeatable(f"{call.words}, an argument is not usable: {type(error).__name__}.") from None


def _restored(value: Any) -> Any:
    if isinstance(value, str):
        return _INFINITE.get(value, value)
    if isinstance(value, list | tuple):
        return [_restored(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if NOT_RECORDED in value:
        raise Unrepeatable(f"an argument was a {str(value[NOT_RECORDED])[:40]}, which no record holds.")
    name, content = next(iter(value.items()), ("", None))
    if name in _CLASSES and isinstance(content, Mapping) and len(value) == 1:
        parts = {str(key): _restored(item) for key, item in content.items()}
        if isinstance(draws := parts.get("draws", 0), int | float) and draws > _MOST_DRAWS:
            raise Unrepeatable(f"{draws} draws are more than are made again ({_MOST_DRAWS:,}).")
        return _CLASSES[name](**{k: tuple(v) if isinstance(v, list) else v for k, v in parts.items()})
    return {str(key): _restored(item) for key, item in value.items()}
