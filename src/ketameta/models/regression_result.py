"""A meta-regression as a result: coefficients, tests, predictions, bubble-plot data, card."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown
from ketameta._typing import Array, ArrayLike
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models._coefficient_table import CoefficientTable, predicted
from ketameta.models._regression_text import card, method, sentence
from ketameta.models._studies import text_column
from ketameta.models.bubble import Bubble, along, positions
from ketameta.models.design import Design
from ketameta.models.hypotheses import LinearTest, read_hypothesis
from ketameta.models.linear import Linear
from ketameta.models.result import RATIO_MEASURES, finite, left_out_records, plain_rows
from ketameta.provenance import Provenance

__all__ = ["Regression"]

_NUMBERS = (
    *("k", "qm", "qm_df1", "qm_df2", "qm_p", "qe", "qe_df", "qe_p", "tau2", "tau2_ci", "i2", "i2_ci"),
    *("h2", "h2_ci", "r2", "tau2_without", "boundary", "loglik"),
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Regression(CoefficientTable, Shown):
    """A meta-regression: coefficients, test of the moderators, heterogeneity that they leave.

    Ratios (OR, RR, HR, ROM) stand as natural logs everywhere.

    Attributes
    ----------
    measure, formula : str
        Effect measure, empty when unknown; the formula, or the names of a matrix joined by ``+``.
    tau2_method, ci_method, tau2_interval : str
        Methods used.
    level : float
        Level of all intervals.
    k : int
        Number of studies.
    qm, qm_df1, qm_df2, qm_p : float, int, float, float
        Omnibus test of all coefficients but the intercept (of all coefficients in a model without one): F, or
        chi-square with infinite ``qm_df2`` for Wald.
    qe, qe_df, qe_p : float, int, float
        Test of residual heterogeneity, chi-square.
    tau2, i2, h2 : float
        Residual between-study variance; I2 in percent; H2.
    tau2_ci, i2_ci, h2_ci : tuple of float
        Their intervals, by ``tau2_interval``.
    r2 : float
        Percent of the between-study variance that the moderators account for,
        100 max(0, 1 - tau2 / tau2_without); NaN where ``tau2_without`` is 0, for a common effect, and where
        the model does not contain the intercept-only model.
    tau2_without : float
        Between-study variance of the same studies without moderators, by the same estimator.
    boundary : bool
        True where tau2 was estimated as 0, the edge of its range.
    loglik : float
        Restricted log-likelihood for REML, else the log-likelihood.
    beta, cov : Array, shapes (p,) and (p, p)
        Coefficients and their covariance, the latter as the intervals use it.
    weights, yi, vi : Array, shape (k,)
        Weights 1 / (vi + tau2), made to sum to 1; effects and sampling variances used.
    design : Design
        Design matrix ``design.x`` (k, p), names of the coefficients and terms.
    rows, left_out : DataFrame
        The rows used, in order; rows without an effect size or without a moderator, with their ``reason``.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    formula: str
    tau2_method: str
    ci_method: str
    tau2_interval: str
    level: float
    k: int
    qm: float
    qm_df1: int
    qm_df2: float
    qm_p: float
    qe: float
    qe_df: int
    qe_p: float
    tau2: float
    tau2_ci: tuple[float, float]
    i2: float
    i2_ci: tuple[float, float]
    h2: float
    h2_ci: tuple[float, float]
    r2: float
    tau2_without: float
    boundary: bool
    loglik: float
    beta: Array
    cov: Array
    weights: Array
    yi: Array
    vi: Array
    design: Design
    rows: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Provenance
    _linear: Linear = field(repr=False)

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        return method(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        result: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("measure", "formula", "tau2_method", "ci_method", "tau2_interval", "level")
        }
        result |= {name: finite(getattr(self, name)) for name in _NUMBERS}
        result["scale"] = "log" if self.ratio else "identity"
        result["method"] = self.method
        result["coefficients"] = plain_rows(self.to_frame())
        result["cov"] = self.cov.tolist()
        result["levels"] = {name: list(known) for name, known in self.design.levels.items()}
        moderators = self.design.data.to_dict(orient="records")
        result["studies"] = [
            {"record_id": record or None, "label": label, "yi": y, "vi": v, "weight": w, "moderators": values}
            for record, label, y, v, w, values in zip(
                text_column(self.rows, "record_id"),
                text_column(self.rows, "label"),
                self.yi.tolist(),
                self.vi.tolist(),
                self.weights.tolist(),
                moderators,
                strict=True,
            )
        ]
        result["left_out"] = left_out_records(self.left_out)
        result["notes"] = list(self.notes)
        result["provenance"] = self.provenance.to_dict()
        return result

    def test(self, what: Any, *, value: ArrayLike | None = None) -> LinearTest:
        """Test linear combinations of coefficients, each alone and all together.

        Parameters
        ----------
        what : str, list of str, dict, or array_like of shape (p,) or (m, p)
            The name of a coefficient or of a term of the formula (all its coefficients), ``"name = number"`` or
            ``"name = other name"``; a list of these; a dict of names and weights, one combination; or a matrix
            with a row for each combination and a column for each coefficient.
        value : array_like, optional
            What the combinations of a dict or a matrix are held against; 0 when left out.

        Returns
        -------
        LinearTest
            F test beside HKSJ intervals, chi-square beside Wald.

        Raises
        ------
        ModelError
            For names that do not exist, shapes that do not fit, and combinations that follow from one another.

        Examples
        --------
        >>> import pandas as pd
        >>> import ketameta as km
        >>> es = pd.DataFrame({
        ...     "yi": [-1.1, -0.9, -0.7, -0.2, -0.3, 0.1], "vi": [0.09, 0.05, 0.04, 0.07, 0.11, 0.06],
        ...     "year": [2000, 2006, 2010, 2013, 2018, 2021],
        ... })
        >>> km.regress(es, "year").test("year = 0.1").sentence()
        'Test that year = 0.1: F(1, 4) = 18.39, P = 0.01.'
        """
        hypothesis = read_hypothesis(what, value, self.design.names, self.design.terms)
        return LinearTest.made(self._linear, hypothesis)

    def predict(self, moderators: pd.DataFrame | None = None) -> pd.DataFrame:
        """Mean effects at values of the moderators, and where a new study's true effect may lie.

        Parameters
        ----------
        moderators : DataFrame, optional
            One row a prediction, a column for each moderator; the studies themselves when left out.

        Returns
        -------
        DataFrame
            The moderators, and ``estimate, se, ci_low, ci_high, pi_low, pi_high``. The prediction interval uses
            the distribution of the confidence interval and tau2 + se^2; it is missing for a common effect.

        Raises
        ------
        ModelError
            When a column or a value is missing, not finite, or a level that the fit does not know.

        Warns
        -----
        KetametaWarning
            When a number lies outside the range of the studies.
        """
        if moderators is None:
            return self._predicted(self.design.data, self.design.x)
        if not isinstance(moderators, pd.DataFrame):
            raise ModelError(
                "predict() takes a DataFrame with a column for each moderator "
                f"({', '.join(self.design.columns)}), not {type(moderators).__name__}"
            )
        if moderators.empty:
            raise ModelError("the table to predict for has no rows")
        design = self.design.rows(moderators)
        if not np.isfinite(design).all():
            row = int(np.flatnonzero(~np.isfinite(design).all(axis=1))[0])
            raise ModelError(
                f"the formula gives no finite number in row {row + 1} of the table to predict for"
            )
        for alert in self.design.beyond(moderators):
            warnings.warn(alert, KetametaWarning, stacklevel=2)
        return self._predicted(moderators[list(self.design.columns)], design)

    def _predicted(self, moderators: pd.DataFrame, design: Array) -> pd.DataFrame:
        heterogeneity = math.nan if self.tau2_method == "EE" else self.tau2
        return predicted(self._linear, design, heterogeneity, moderators)

    def bubble(self, term: str) -> Bubble:
        """Points and fitted line of a bubble plot.

        Parameters
        ----------
        term : str
            A moderator (a column of the table, such as ``"year"``).

        Returns
        -------
        Bubble
            The line is the mean of the predictions for all studies with this moderator set to x and the others
            as they are; with one moderator that is the regression line. Of a categorical moderator it has a row
            for each level.

        Raises
        ------
        ModelError
            When ``term`` is no moderator of the model.
        """
        grid, design = along(self.design, term)
        line = self._predicted(pd.DataFrame({"x": grid}), design)
        points = pd.DataFrame(
            {
                "label": text_column(self.rows, "label"),
                "x": positions(self.design, term),
                "yi": self.yi,
                "vi": self.vi,
                "weight": self.weights,
                "size": np.sqrt(self.weights / self.weights.max()),
            }
        )
        return Bubble(term, points, line, self.design.levels.get(term, ()))

    def sentence(self) -> str:
        """The result as a sentence of a results section, on the scale of the analysis."""
        return sentence(self)

    def _card(self) -> Card:
        return card(self)
