"""What goes into a meta-regression: studies that have every moderator, and the design matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import ArrayLike
from ketameta.errors import ModelError
from ketameta.models._formula import read_formula
from ketameta.models._moderators import moderator
from ketameta.models._studies import Studies, read_studies
from ketameta.models.design import Design, formula_design, matrix_design

__all__ = ["complete_studies", "read_input"]

_RESERVED = ("yi", "vi", "label", "reason")


def read_input(
    es: pd.DataFrame | None,
    moderators: Any,
    reference: Mapping[str, Any] | None,
    yi: ArrayLike | None,
    vi: ArrayLike | None,
) -> tuple[Studies, pd.DataFrame, Design]:
    """Studies that have every moderator, those left out with reasons, and the design."""
    levels = {} if reference is None else reference
    if not isinstance(levels, Mapping):
        raise ModelError(
            f'reference={reference!r} must be a mapping such as {{"comparator_class": "inactive"}}'
        )
    if isinstance(moderators, pd.DataFrame | pd.Series | Mapping):
        if levels:
            raise ModelError("reference goes with a formula; columns of a matrix are numbers")
        return _read_matrix(es, moderators, yi, vi)
    if not isinstance(moderators, str):
        raise ModelError(
            f'moderators, a {type(moderators).__name__}, must be a formula such as "year + comparator_class", or columns '
            'with names, such as {"year": [2010, 2014, 2019]} or a DataFrame'
        )
    if es is None:
        raise ModelError(
            'a formula needs a table; beside arrays yi and vi, moderators are columns such as {"year": years}'
        )
    studies = read_studies(es, yi=yi, vi=vi)
    read = read_formula(moderators, [name for name in es.columns if isinstance(name, str)])
    if "yi" in read.columns:
        raise ModelError("yi is the effect itself and cannot be a moderator")
    missing = {
        name: moderator(studies.rows, name, as_levels=name in read.as_levels)[1] for name in read.columns
    }
    studies, left_out = complete_studies(studies, missing)
    return studies, left_out, formula_design(studies.rows, read, levels)


def _read_matrix(
    es: pd.DataFrame | None,
    moderators: pd.DataFrame | pd.Series | Mapping[str, Any],
    yi: ArrayLike | None,
    vi: ArrayLike | None,
) -> tuple[Studies, pd.DataFrame, Design]:
    matrix = _matrix(moderators)
    labelled = not isinstance(moderators, Mapping) or any(
        isinstance(column, pd.Series) for column in moderators.values()
    )
    table = es
    if isinstance(es, pd.DataFrame):
        table = es.copy(deep=False)
        table.index = pd.RangeIndex(len(es))
    studies = read_studies(table, yi=yi, vi=vi)
    n = len(studies.rows) + len(studies.left_out)
    if len(matrix) != n:
        raise ModelError(
            f"the moderators have {len(matrix)} rows and there are {n} effects; they must be as many"
        )
    owner = es if isinstance(es, pd.DataFrame) else yi
    if labelled and isinstance(owner, pd.DataFrame | pd.Series) and not matrix.index.equals(owner.index):
        raise ModelError(
            "the moderators have another index than the effects, so that it is not clear which rows belong "
            "together; give lists or arrays if they go by position"
        )
    used = matrix.iloc[studies.rows.index].set_axis(studies.rows.index, axis=0)
    rows = studies.rows.assign(**{str(name): used[name] for name in used.columns})
    found = {str(name): moderator(rows, str(name)) for name in used.columns}
    studies = Studies(studies.yi, studies.vi, rows, studies.left_out, studies.measure, studies.alerts)
    complete, left_out = complete_studies(studies, {name: missing for name, (_, missing) in found.items()})
    keep = ~np.any([missing for _, missing in found.values()], axis=0)
    if isinstance(es, pd.DataFrame):
        complete.rows.index = es.index[complete.rows.index]
        left_out = left_out.set_axis(es.index[left_out.index], axis=0)
    return complete, left_out, matrix_design(pd.DataFrame({name: v[keep] for name, (v, _) in found.items()}))


def _matrix(moderators: pd.DataFrame | pd.Series | Mapping[str, Any]) -> pd.DataFrame:
    """Columns of numbers as a table, each with a name of its own."""
    if isinstance(moderators, pd.Series):
        moderators = moderators.to_frame()
    try:
        table = pd.DataFrame(moderators)
    except ValueError:
        raise ModelError("the moderators are ragged; each column must have a value for each effect") from None
    columns = list(table.columns)
    bad = [name for name in columns if not isinstance(name, str) or not name.strip() or name in _RESERVED]
    if bad or len(set(columns)) < len(columns) or not columns:
        raise ModelError(
            f"the moderators are called {columns}; each needs a name of its own, as text, other than "
            f"{', '.join(_RESERVED)}"
        )
    return table


def complete_studies(studies: Studies, missing: Mapping[str, Any]) -> tuple[Studies, pd.DataFrame]:
    """The studies that have every moderator, and all rows left out, with reasons."""
    lacking = [[name for name, absent in missing.items() if absent[i]] for i in range(studies.yi.size)]
    gone = [i for i, absent in enumerate(lacking) if absent]
    if not gone:
        return studies, studies.left_out
    if len(gone) == len(lacking):
        raise ModelError(
            f"no study has a value of each moderator: {'; '.join(_counts(missing))}. Leave a moderator out or fill it in"
        )
    dropped = studies.rows.iloc[gone].copy()
    dropped["reason"] = [f"no value of {', '.join(map(repr, lacking[i]))}" for i in gone]
    left_out = dropped if studies.left_out.empty else pd.concat([studies.left_out, dropped])
    return studies.take([i for i, absent in enumerate(lacking) if not absent]), left_out


def _counts(missing: Mapping[str, Any]) -> list[str]:
    return [f"{name!r} is missing in {int(absent.sum())}" for name, absent in missing.items() if absent.any()]
