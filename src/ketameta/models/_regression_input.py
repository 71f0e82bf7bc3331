"""What goes into a meta-regression: studies that have every moderator, and the design matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import ArrayLike
from ketameta.errors import ModelError
from ketameta.models._formula import read_formula
from ketameta.models._moderators import moderator
from ketameta.models._studies import Studies, read_studies
from ketameta.models.design import Design, formula_design, matrix_design

__all__ = ["read_input"]

_RESERVED = ("yi", "vi", "label", "reason")


def read_input(
    es: pd.DataFrame | None,
    formula: str | None,
    x: Any,
    names: Sequence[str] | None,
    reference: Mapping[str, Any] | None,
    yi: ArrayLike | None,
    vi: ArrayLike | None,
) -> tuple[Studies, pd.DataFrame, Design]:
    """Studies that have every moderator, those left out with reasons, and the design."""
    if (formula is None) == (x is None):
        raise ModelError("give either a formula of columns of the table, or a matrix x, and not both")
    levels = {} if reference is None else reference
    if not isinstance(levels, Mapping):
        raise ModelError(
            f'reference={reference!r} must be a mapping such as {{"comparator_class": "inactive"}}'
        )
    if x is not None:
        if levels:
            raise ModelError("reference goes with a formula; columns of x are numbers")
        return _read_matrix(es, x, names, yi, vi)
    if es is None:
        raise ModelError("a formula needs a table; arrays yi and vi go with a matrix x")
    if names is not None:
        raise ModelError("names goes with a matrix x; a formula names its columns")
    studies = read_studies(es, yi=yi, vi=vi)
    read = read_formula(formula, [name for name in es.columns if isinstance(name, str)])
    if "yi" in read.columns:
        raise ModelError("yi is the effect itself and cannot be a moderator")
    missing = {
        name: moderator(studies.rows, name, as_levels=name in read.as_levels)[1] for name in read.columns
    }
    studies, left_out = _complete(studies, missing)
    return studies, left_out, formula_design(studies.rows, read, levels)


def _read_matrix(
    es: pd.DataFrame | None,
    x: Any,
    names: Sequence[str] | None,
    yi: ArrayLike | None,
    vi: ArrayLike | None,
) -> tuple[Studies, pd.DataFrame, Design]:
    table = es
    if isinstance(es, pd.DataFrame):
        table = es.copy(deep=False)
        table.index = pd.RangeIndex(len(es))
    studies = read_studies(table, yi=yi, vi=vi)
    matrix = _matrix(x, names)
    n = len(studies.rows) + len(studies.left_out)
    if len(matrix) != n:
        raise ModelError(f"x has {len(matrix)} rows and there are {n} effects; they must be as many")
    if isinstance(es, pd.DataFrame) and isinstance(x, pd.DataFrame) and not x.index.equals(es.index):
        raise ModelError(
            "x has another index than the table, so that it is not clear which rows belong together; give "
            "x.to_numpy() with names= if they go by position"
        )
    used = matrix.iloc[studies.rows.index].set_axis(studies.rows.index, axis=0)
    rows = studies.rows.assign(**{str(name): used[name] for name in used.columns})
    found = {str(name): moderator(rows, str(name)) for name in used.columns}
    studies = Studies(studies.yi, studies.vi, rows, studies.left_out, studies.measure, studies.alerts)
    complete, left_out = _complete(studies, {name: missing for name, (_, missing) in found.items()})
    keep = ~np.any([missing for _, missing in found.values()], axis=0)
    if isinstance(es, pd.DataFrame):
        complete.rows.index = es.index[complete.rows.index]
        left_out = left_out.set_axis(es.index[left_out.index], axis=0)
    return complete, left_out, matrix_design(pd.DataFrame({name: v[keep] for name, (v, _) in found.items()}))


def _matrix(x: Any, names: Sequence[str] | None) -> pd.DataFrame:
    """The matrix as a table with named columns."""
    if isinstance(x, pd.Series):
        x = x.to_frame()
    if isinstance(x, pd.DataFrame | Mapping):
        if names is not None:
            raise ModelError("names goes with an array; the columns of x have names already")
        try:
            table = pd.DataFrame(x)
        except ValueError as error:
            raise ModelError(f"x is ragged: {error}") from None
        columns = list(table.columns)
    else:
        try:
            array = np.asarray(x)
        except ValueError:
            raise ModelError("x is ragged; it must have a row for each effect") from None
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2:
            raise ModelError(
                f"x has shape {array.shape}; it must have a row for each effect and a column for each moderator"
            )
        if names is None or isinstance(names, str) or len(names) != array.shape[1]:
            raise ModelError(f'x has {array.shape[1]} columns; give as many names, as in names=["year"]')
        columns = list(names)
        table = pd.DataFrame(dict(enumerate(array.T)))
    bad = [name for name in columns if not isinstance(name, str) or not name.strip() or name in _RESERVED]
    if bad or len(set(columns)) < len(columns) or not columns:
        raise ModelError(
            f"the columns of x are called {columns}; each needs a name of its own, as text, other than {', '.join(_RESERVED)}"
        )
    return table.set_axis(columns, axis=1)


def _complete(studies: Studies, missing: Mapping[str, Any]) -> tuple[Studies, pd.DataFrame]:
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
