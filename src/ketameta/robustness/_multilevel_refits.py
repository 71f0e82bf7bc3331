"""A multilevel model of a mean fitted anew without some of its rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ketameta._typing import AnyArray, Array
from ketameta.errors import ModelError
from ketameta.models import Multilevel, MultilevelOptions, multilevel
from ketameta.models._ml_predictions import heterogeneity_of
from ketameta.robustness._refits import Refits
from ketameta.robustness._stepwise import NUMBERS

__all__ = ["refit_multilevel"]


def refit_multilevel(
    fit: Multilevel, labels: tuple[str, ...], mask: AnyArray
) -> tuple[Refits, tuple[str, ...]]:
    """Fit a model again to the rows that each row of ``mask`` keeps, shape (n, k).

    Returns
    -------
    Refits
        NaN where the rows that are left do not allow the model.
    tuple of str
        Why, for each of these.
    """
    asked = fit.provenance.steps[-1]["arguments"]
    options = MultilevelOptions(**asked["options"]["MultilevelOptions"])
    covariance = _covariance(fit)
    numbers = np.full((len(NUMBERS), len(labels)), np.nan)
    failures = []
    for i, (label, keep) in enumerate(zip(labels, mask, strict=True)):
        numbers[0, i] = keep.sum()
        try:
            part = multilevel(
                fit.rows[keep],
                V=covariance[np.ix_(keep, keep)],
                moderators=asked["moderators"],
                random=asked["random"],
                structure=asked["structure"],
                method=asked["method"],
                options=options,
            )
        except ModelError as error:
            failures.append(f"without {label} the model cannot be fitted: {error}")
        else:
            numbers[:, i] = _numbers(part)
    return Refits(**dict(zip(NUMBERS, numbers, strict=True))), tuple(failures)


def _numbers(part: Multilevel) -> tuple[Any, ...]:
    row, new = part.to_frame().iloc[0], part.predict().iloc[0]
    total = heterogeneity_of(part._problem.terms, part._fitted.components, part.rows)
    same = bool((total == total[0]).all())
    mean = (float(row[name]) for name in ("estimate", "se", "ci_low", "ci_high", "p"))
    return (
        part.k,
        *mean,
        float(new["pi_low"]) if same else math.nan,
        float(new["pi_high"]) if same else math.nan,
        float(total[0]) if same else math.nan,
        math.nan,
        part.qe,
    )


def _covariance(fit: Multilevel) -> Array:
    """Sampling covariance of the effects used, shape (k, k)."""
    result = np.zeros((fit.k, fit.k))
    for stack in fit._problem.model.stacks:
        result[stack.rows[:, :, None], stack.rows[:, None, :]] = stack.v
    return result * fit._problem.unit**2
