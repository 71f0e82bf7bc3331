"""What goes into a multilevel model: effects with every column that it names, design, V and random effects."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ketameta.errors import ModelError
from ketameta.models._formula import column_error, read_formula
from ketameta.models._ml_formula import RandomTerm, read_random
from ketameta.models._ml_sampling import Triplets, check_variances, diagonal, read_sampling, within_clusters
from ketameta.models._ml_terms import Term, numbered_groups, term_of
from ketameta.models._moderators import moderator
from ketameta.models._rank import check_rank
from ketameta.models._regression_input import complete_studies
from ketameta.models._studies import Studies, read_studies
from ketameta.models.design import Design, formula_design, matrix_design
from ketameta.models.multilevel_options import MultilevelOptions

__all__ = ["MultilevelInput", "outermost", "read_multilevel"]


@dataclass(frozen=True, slots=True, eq=False)
class MultilevelInput:
    """Effects that enter a model, and all that goes with them.

    Attributes
    ----------
    studies : Studies
        Effects and rows.
    left_out : DataFrame
        Rows left out, with their ``reason``.
    design : Design
        Moderators.
    v : Triplets
        Sampling covariance.
    terms : tuple of Term
        Random effects.
    sampling : str
        Where V comes from, in words.
    """

    studies: Studies
    left_out: pd.DataFrame
    design: Design
    v: Triplets
    terms: tuple[Term, ...]
    sampling: str


def read_multilevel(
    data: Any, V: Any, moderators: Any, random: Any, structure: Any, options: MultilevelOptions
) -> MultilevelInput:
    """Read and check the input of :func:`ketameta.multilevel`."""
    if not isinstance(data, pd.DataFrame):
        raise ModelError(
            f"data must be a DataFrame with columns yi and vi, as effect_sizes() gives, not {type(data).__name__}"
        )
    table = data.set_axis(pd.RangeIndex(len(data)), axis=0)
    columns = [name for name in data.columns if isinstance(name, str)]
    if not isinstance(moderators, str):
        raise ModelError(
            f'moderators={moderators!r} must be text such as "time + route", or "1" for the mean alone'
        )
    randoms = read_random(random, structure, columns)
    constant = isinstance(V, Real) and not isinstance(V, bool)
    cluster = _cluster(options.cluster, randoms, columns, needed=constant)
    found: Triplets | None = None
    if V is not None and not constant:
        effect = _with_effect(table)
        found = read_sampling(V, data, effect)
        if "vi" not in columns:
            table = table.assign(vi=found.diagonal(len(table)))
            table.attrs = dict(data.attrs)
    studies = read_studies(table, dependent=True)
    if found is not None and "vi" in columns:
        positions = studies.rows.index.to_numpy()
        check_variances(found.take(positions, len(table)), studies.vi, studies.rows)
    read = None if _constant_only(moderators) else read_formula(moderators, columns)
    missing: dict[str, Any] = {}
    for name in () if read is None else read.columns:
        if name == "yi":
            raise ModelError("yi is the effect itself and cannot be a moderator")
        missing[name] = moderator(studies.rows, name, as_levels=name in read.as_levels)[1] if read else None
    grouping = {name for term in randoms for name in (*term.outer, *((term.inner,) if term.inner else ()))}
    for name in sorted(grouping | ({cluster} if constant and cluster else set())):
        missing.setdefault(name, moderator(studies.rows, name, as_levels=True)[1])
    studies, left_out = complete_studies(studies, missing)
    kept = studies.rows.index.to_numpy()
    rows = studies.rows
    if read is None:
        design = matrix_design(pd.DataFrame(index=pd.RangeIndex(len(rows))))
    else:
        design = formula_design(rows, read, dict(options.reference))
    check_rank(design)
    if found is not None:
        v, sampling = found.take(kept, len(table)), "known sampling covariance V"
    elif constant:
        group, _ = numbered_groups(rows, (cluster,))
        v = within_clusters(studies.vi, group, _correlation(float(V), group))
        sampling = f"sampling errors correlated {float(V):g} within {cluster}"
    else:
        v, sampling = diagonal(studies.vi), "independent sampling errors"
    terms = tuple(term_of(one, rows) for one in randoms)
    labels = data.index[kept]
    rows.index = labels
    left_out = left_out.set_axis(data.index[left_out.index], axis=0)
    return MultilevelInput(studies, left_out, design, v, terms, sampling)


def outermost(terms: tuple[RandomTerm, ...]) -> str | None:
    """The column that all random effects are grouped by first, if they agree."""
    first = {term.outer[0] for term in terms}
    return first.pop() if len(first) == 1 else None


def _cluster(named: str | None, terms: tuple[RandomTerm, ...], columns: list[str], *, needed: bool) -> str:
    if named is not None:
        if named not in columns:
            raise column_error(named, columns)
        return named
    found = outermost(terms)
    if found is None and needed:
        raise ModelError(
            "V is a correlation within clusters, and random does not say which they are; name their column, as in "
            'options=MultilevelOptions(cluster="study_id")'
        )
    return found or ""


def _correlation(rho: float, group: Any) -> float:
    most = int(np.bincount(group).max())
    low = -1.0 / (most - 1) if most > 1 else -1.0
    if not low < rho < 1:
        raise ModelError(
            f"V={rho:g} as a constant correlation must lie between {low:.3g} and 1 (up to {most} effects a cluster)"
        )
    return rho


def _with_effect(table: pd.DataFrame) -> Any:
    """Rows that have an effect: those that V may be about."""
    numbers = [name for name in ("yi", "vi") if name in table.columns]
    if "yi" not in numbers:
        raise ModelError("the table has no column yi; effect_sizes() makes it")
    return ~table[numbers].isna().any(axis=1).to_numpy()


def _constant_only(moderators: str) -> bool:
    return moderators.strip().removeprefix("~").strip() == "1"
