"""Several families on the same data: their weights, and the curve that averages over them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ketameta._render import Card, Shown, number
from ketameta._spelling import unknown
from ketameta._typing import Array, ArrayLike
from ketameta.curves.estimate import durability
from ketameta.curves.options import CurveOptions, check_options
from ketameta.curves.readout import plain
from ketameta.curves.result import DurabilityCurve
from ketameta.curves.spec import CURVES
from ketameta.errors import ModelError
from ketameta.provenance import Provenance, trace

__all__ = ["CurveComparison", "compare"]

_DEFAULTS = CurveOptions()
_WITHOUT_WINDOWS = tuple(curve for curve in CURVES if curve != "steps")
_KNOTS = ("spline", "piecewise")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CurveComparison(Shown):
    """Families fitted to the same effects. Made by :func:`ketameta.curves.compare`.

    Attributes
    ----------
    curves : tuple of DurabilityCurve
        The families that could be fitted and weighed, the best first.
    weights : numpy.ndarray, shape (m,)
        Their Akaike weights.
    not_weighed : tuple of (str, str)
        The other families, each with why.
    provenance : Provenance
        Data set, rows and software.
    """

    curves: tuple[DurabilityCurve, ...]
    weights: Array
    not_weighed: tuple[tuple[str, str], ...]
    provenance: Provenance

    def at(
        self, *, hours: ArrayLike | None = None, days: ArrayLike | None = None, extrapolate: bool = False
    ) -> pd.DataFrame:
        """The averaged curve at chosen times.

        Parameters
        ----------
        hours, days, extrapolate
            See :meth:`ketameta.curves.DurabilityCurve.at`.

        Returns
        -------
        pandas.DataFrame
            ``time_hours, estimate, se, ci_low, ci_high``.

        Raises
        ------
        ModelError
            As :meth:`ketameta.curves.DurabilityCurve.at` does.

        Notes
        -----
        Burnham & Anderson 2002, section 4.3: the estimate is the weighted mean of the families'; its unconditional
        standard error is the weighted mean of ``sqrt(variance + (estimate - average)^2)``. For the interval each
        variance is first multiplied by the square of the family's t quantile over the normal one.
        """
        tables = [curve.at(hours=hours, days=days, extrapolate=extrapolate) for curve in self.curves]
        estimates = np.stack([table["estimate"].to_numpy(dtype=np.float64) for table in tables])
        variances = np.stack([table["se"].to_numpy(dtype=np.float64) for table in tables]) ** 2
        mean = self.weights @ estimates
        apart = (estimates - mean) ** 2
        normal = float(ndtri((1 + self.curves[0].level) / 2))
        wider = np.array([(curve.fit.quantile / normal) ** 2 for curve in self.curves])[:, None]
        reach = normal * (self.weights @ np.sqrt(wider * variances + apart))
        return pd.DataFrame(
            {
                "time_hours": tables[0]["time_hours"],
                "estimate": mean,
                "se": self.weights @ np.sqrt(variances + apart),
                "ci_low": mean - reach,
                "ci_high": mean + reach,
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """Families with ``curve, loglik, parameters, aicc, delta, weight, why``, the best first.

        ``loglik`` is the full log-likelihood, ``delta`` the distance to the best AICc, and ``why`` says what stands
        against a family that is not weighed.
        """
        best = self.curves[0].aicc
        rows: list[dict[str, Any]] = [
            {
                "curve": curve.curve,
                "loglik": curve.fit.loglik_ml,
                "parameters": curve.fit.parameters,
                "aicc": curve.aicc,
                "delta": curve.aicc - best,
                "weight": float(weight),
                "why": "",
            }
            for curve, weight in zip(self.curves, self.weights, strict=True)
        ]
        rows += [
            {"curve": name, "loglik": math.nan, "parameters": None, "aicc": math.nan, "delta": math.nan}
            | {"weight": 0.0, "why": why}
            for name, why in self.not_weighed
        ]
        return pd.DataFrame(rows).astype({"parameters": "Int64"})

    def to_dict(self) -> dict[str, Any]:
        """The table of families as JSON-ready values, and where they come from."""
        records = self.to_frame().astype({"parameters": object}).to_dict("records")
        families = [
            {str(name): None if cell is pd.NA else plain(cell) for name, cell in row.items()}
            for row in records
        ]
        return {"families": families, "provenance": self.provenance.to_dict()}

    def sentence(self) -> str:
        """The weights in words."""
        named = ", ".join(
            f"{curve.curve} {number(float(weight))}"
            for curve, weight in zip(self.curves, self.weights, strict=True)
        )
        return f"Akaike weights of the families: {named}."

    def _card(self) -> Card:
        rows = tuple(
            (
                curve.curve,
                number(curve.fit.loglik_ml),
                str(curve.fit.parameters),
                number(curve.aicc),
                number(curve.aicc - self.curves[0].aicc),
                number(float(weight)),
            )
            for curve, weight in zip(self.curves, self.weights, strict=True)
        )
        return Card(
            title="Families of curves on the same effects",
            columns=("curve", "log-likelihood", "parameters", "AICc", "delta", "weight"),
            rows=rows,
            notes=tuple(f"{name} is not weighed: {why}" for name, why in self.not_weighed),
            footer=(
                "Full likelihoods; Akaike weights (Burnham & Anderson 2002)",
                self.provenance.line(),
            ),
        )


def compare(
    es: pd.DataFrame,
    *,
    curves: Sequence[str] | None = None,
    knots: Sequence[float] | None = None,
    moderators: str | None = None,
    rho: float = 0.6,
    ci: str = "t",
    level: float = 0.95,
    options: CurveOptions = _DEFAULTS,
) -> CurveComparison:
    """Fit several families to the same effects, weigh them by AICc, and average over them.

    Parameters
    ----------
    es, moderators, rho, ci, level, options
        See :func:`ketameta.durability`.
    curves : sequence of str, optional
        Families; by default all of them, ``"steps"`` only where ``options.windows`` are given.
    knots : sequence of float, optional
        Knots of spline and straight lines.

    Returns
    -------
    CurveComparison
        The families and their weights, ``.at(days=[...])`` of the averaged curve, and the families that could not
        be fitted, with why.

    Raises
    ------
    ModelError
        If ``curves`` is no list of families, or none of them can be fitted and weighed.

    Notes
    -----
    AICc rests on the full likelihood with the heterogeneity variances among the parameters, also under REML, since
    restricted likelihoods of different families are not comparable. Weights are ``exp(-delta / 2)`` over their sum
    (Burnham & Anderson 2002, section 2.9).

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.curves import compare
    >>> es = pd.DataFrame({
    ...     "cohort_id": ["a", "a", "a", "b", "b", "c", "c", "d", "d", "d"],
    ...     "time_hours": [4, 24, 168, 24, 72, 24, 168, 4, 72, 168],
    ...     "yi": [-0.9, -0.8, -0.3, -0.6, -0.5, -1.0, -0.4, -0.7, -0.6, -0.2],
    ...     "vi": [0.08, 0.08, 0.09, 0.05, 0.05, 0.12, 0.11, 0.10, 0.09, 0.10],
    ... })
    >>> families = compare(es, curves=["spline", "exponential"], knots=(4, 168))
    >>> families.to_frame()[["curve", "weight"]].round(2).values.tolist()
    [['exponential', 0.84], ['spline', 0.16]]
    """
    names = _names(curves, options)
    fitted: list[DurabilityCurve] = []
    failed: list[tuple[str, str]] = []
    for name in names:
        chosen = options if name == "steps" else dataclasses.replace(options, windows=None)
        try:
            curve = durability(
                es,
                curve=name,
                knots=knots if name in _KNOTS else None,
                moderators=moderators,
                rho=rho,
                ci=ci,
                level=level,
                options=chosen,
            )
        except ModelError as error:
            failed.append((name, str(error)))
            continue
        if math.isfinite(curve.aicc):
            fitted.append(curve)
        else:
            failed.append(
                (
                    name,
                    f"{curve.k_effects} effects are too few for AICc with {curve.fit.parameters} parameters",
                )
            )
    if not fitted:
        reasons = "; ".join(f"{name}: {why}" for name, why in failed)
        raise ModelError(f"none of the families can be fitted and weighed. {reasons}")
    fitted.sort(key=lambda curve: curve.aicc)
    weights = np.exp(-0.5 * np.array([curve.aicc - fitted[0].aicc for curve in fitted]))
    asked = (
        "compare",
        {
            "curves": curves,
            "knots": knots,
            "moderators": moderators,
            "rho": rho,
            "ci": ci,
            "level": level,
            "options": options,
        },
    )
    made = trace(fitted[0].rows, asked)
    return CurveComparison(tuple(fitted), weights / weights.sum(), tuple(failed), made)


def _names(curves: Sequence[str] | None, options: CurveOptions) -> tuple[str, ...]:
    check_options(options)
    if curves is None:
        return CURVES if options.windows is not None else _WITHOUT_WINDOWS
    if isinstance(curves, str) or not isinstance(curves, Sequence) or not curves:
        raise ModelError(f"curves={curves!r} must be a list of families, such as ['spline', 'exponential'].")
    others = [name for name in curves if not isinstance(name, str) or name not in CURVES]
    if others:
        raise ModelError(unknown("curve", others[0], CURVES))
    if len(set(curves)) < len(curves):
        raise ModelError(f"curves={list(curves)!r} names a family twice.")
    return tuple(curves)
