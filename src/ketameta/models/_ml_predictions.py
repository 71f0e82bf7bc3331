"""What a multilevel model predicts: means and spread for new effects, and the random effects themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray, Array
from ketameta.errors import ModelError
from ketameta.models._formula import column_error
from ketameta.models._ml_problem import Fitted, Problem
from ketameta.models._ml_structures import SharedVariance
from ketameta.models._ml_terms import Term
from ketameta.models._moderators import moderator
from ketameta.models._studies import name_rows
from ketameta.models.design import Design

__all__ = ["clusters_of", "design_of", "heterogeneity_of", "random_effects_of", "residuals_of"]

_EXACT = 1e-12


def design_of(
    design: Design, rows: pd.DataFrame, terms: Sequence[Term], moderators: Any
) -> tuple[pd.DataFrame, Array]:
    """Moderators, and inner levels where they matter, with the design matrix of the same rows."""
    inner = [name for name in _inner_columns(terms) if name not in design.columns]
    if moderators is None:
        levels = {name: rows[name].to_numpy() for name in inner}
        return design.data.assign(**levels), design.x
    if not isinstance(moderators, pd.DataFrame):
        raise ModelError(
            "predict() takes a DataFrame with a column for each moderator "
            f"({', '.join(design.columns) or 'none'}), not {type(moderators).__name__}"
        )
    if not len(moderators):
        raise ModelError("the table to predict for has no rows")
    x = design.rows(moderators) if design.columns else np.ones((len(moderators), 1))
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if bad.size:
        raise ModelError(
            f"the formula gives no finite number in row {int(bad[0]) + 1} of the table to predict for"
        )
    return moderators[[*design.columns, *(name for name in inner if name in moderators.columns)]].copy(), x


def _inner_columns(terms: Sequence[Term]) -> list[str]:
    """Columns of inner levels that have variances of their own."""
    return list(
        dict.fromkeys(
            term.random.inner
            for term in terms
            if term.random.inner and not isinstance(term.structure, SharedVariance)
        )
    )


def heterogeneity_of(terms: Sequence[Term], components: Sequence[Array], table: pd.DataFrame) -> Array:
    """Variance of the true effect of each row, NaN where its inner level is not known."""
    total = np.zeros(len(table))
    for term, values in zip(terms, components, strict=True):
        name = term.random.inner
        if isinstance(term.structure, SharedVariance):
            total = total + values[0]
        elif name not in table.columns:
            return np.full(len(table), np.nan)
        else:
            cells, missing = moderator(table, name, as_levels=True)
            if missing.any():
                raise ModelError(
                    f"{name!r} is missing in {name_rows(table, np.flatnonzero(missing).tolist())} of the table to "
                    "predict for"
                )
            strange = sorted(set(cells.tolist()) - set(term.levels))
            if strange:
                raise ModelError(
                    f"{strange[0]!r} is no level of {name!r} in the fit; it knows {', '.join(map(repr, term.levels))}"
                )
            number = {text: i for i, text in enumerate(term.levels)}
            total = total + values[[number[cell] for cell in cells]]
    return total


def random_effects_of(problem: Problem, fitted: Fitted) -> pd.DataFrame:
    """Predictions of the random effects and their standard errors.

    ``C inv(M) r`` with variance of the error ``C - C P C``, C the covariance of the term and P the inverse of M
    less what the coefficients take (Robinson 1991, Stat Sci 6:15-32).
    """
    model, point = fitted.model, fitted.point
    parts = []
    for number, (term, structure, theta) in enumerate(
        zip(problem.terms, model.structures, model.split(point.theta), strict=True)
    ):
        c = np.append(structure.covariances(theta)[0], 0.0)
        estimate, variance = np.empty(model.n), np.empty(model.n)
        for stack, root, residual, basis in zip(
            model.stacks, point.inverse_root, point.residual, point.basis, strict=True
        ):
            covariance = c[stack.codes[number]]
            turned = root @ covariance
            estimate[stack.rows] = (turned.swapaxes(1, 2) @ residual[:, :, None])[:, :, 0]
            spread = np.diagonal(covariance, axis1=1, axis2=2) - (turned * turned).sum(axis=1)
            taken = basis.swapaxes(1, 2) @ turned
            variance[stack.rows] = spread + (taken * taken).sum(axis=1)
        first = np.unique(np.column_stack([term.group, term.level]), axis=0, return_index=True)[1]
        first = np.sort(first)
        parts.append(
            pd.DataFrame(
                {
                    "term": term.random.text,
                    "group": [term.groups[i] for i in term.group[first]],
                    "level": [term.levels[i] for i in term.level[first]],
                    "estimate": problem.unit * estimate[first],
                    "se": problem.unit * np.sqrt(np.maximum(variance[first], 0.0)),
                }
            )
        )
    columns = ["term", "group", "level", "estimate", "se"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def clusters_of(rows: pd.DataFrame, cluster: Any) -> AnyArray:
    """Label of the cluster of each row, from a column or from labels."""
    table = rows
    name = cluster
    if not isinstance(cluster, str):
        try:
            if np.ndim(cluster) != 1:
                raise ValueError
            labels = pd.Series(np.asarray(cluster, dtype=object), index=rows.index)
        except ValueError:
            raise ModelError(
                f"cluster must be a column, or one label for each of the {len(rows)} effects used"
            ) from None
        name = "cluster"
        table = rows.assign(cluster=labels)
    elif cluster not in rows.columns:
        raise column_error(cluster, [text for text in rows.columns if isinstance(text, str)])
    found, missing = moderator(table, name, as_levels=True)
    if missing.any():
        raise ModelError(f"{name!r} is missing in {name_rows(table, np.flatnonzero(missing).tolist())}")
    return np.asarray(found)


def residuals_of(problem: Problem, fitted: Fitted, kind: str) -> Array:
    """Residuals: raw, standardised or made uncorrelated (cholesky), shape (n,)."""
    result, point = np.empty(fitted.model.n), fitted.point
    for stack, root, residual, basis in zip(
        fitted.model.stacks, point.inverse_root, point.residual, point.basis, strict=True
    ):
        if kind == "cholesky":
            result[stack.rows] = residual
            continue
        factor = np.linalg.inv(root)
        raw = (factor @ residual[:, :, None])[:, :, 0]
        total, taken = (factor**2).sum(axis=2), ((factor @ basis) ** 2).sum(axis=2)
        left = total - taken
        sound = left > _EXACT * total
        standardised = np.where(sound, raw, np.nan) / np.sqrt(np.where(sound, left, 1.0))
        result[stack.rows] = problem.unit * raw if kind == "raw" else standardised
    return result
