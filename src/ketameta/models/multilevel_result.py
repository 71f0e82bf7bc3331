"""A multilevel model as a result: coefficients, components, tests, predictions, residuals, card."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown
from ketameta._spelling import unknown
from ketameta._typing import Array, ArrayLike
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models._coefficient_table import CoefficientTable, predicted
from ketameta.models._ml_inference import LinearByCoefficient
from ketameta.models._ml_predictions import (
    clusters_of,
    design_of,
    heterogeneity_of,
    random_effects_of,
    residuals_of,
)
from ketameta.models._ml_problem import Fitted, Problem
from ketameta.models._ml_profile import ComponentProfile, profile_component
from ketameta.models._ml_text import card, method, sentence
from ketameta.models._studies import text_column
from ketameta.models.cluster_robust import Kind
from ketameta.models.design import Design
from ketameta.models.hypotheses import LinearTest, read_hypothesis
from ketameta.models.multilevel_robust import RobustMultilevel, robust_of
from ketameta.models.result import RATIO_MEASURES, finite, left_out_records, plain_rows
from ketameta.provenance import Provenance

__all__ = ["Multilevel"]

_NUMBERS = (
    *("k", "qm", "qm_df1", "qm_df2", "qm_p", "qe", "qe_df", "qe_p"),
    *("loglik", "parameters", "aic", "aicc", "bic"),
)
_TEXTS = ("measure", "moderators", "sampling", "method", "test_method", "df_method", "level")
_RESIDUALS = ("raw", "standardised", "cholesky")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Multilevel(CoefficientTable, Shown):
    """A model of effects that depend on one another.

    Ratios (OR, RR, HR, ROM) stand as natural logs everywhere.

    Attributes
    ----------
    measure, moderators, sampling : str
        Effect measure, empty when unknown; formula; where the sampling covariance comes from.
    random : tuple of (str, str)
        Random effects, nested ones written out, and their structures.
    method, test_method, df_method : str
        REML or ML; t or z; rule for degrees of freedom.
    level : float
        Level of all intervals.
    k : int
        Number of effects.
    groups : dict of str to int
        Number of groups of each grouping.
    qm, qm_df1, qm_df2, qm_p : float, int, float, float
        Omnibus test of all coefficients but the intercept (of all, where there is none or nothing else): F,
        or chi-square with infinite ``qm_df2``.
    qe, qe_df, qe_p : float, int, float
        Test of residual heterogeneity, chi-square: the weighted sum of squares about a model with V alone.
    loglik, aic, aicc, bic : float
        (Restricted) log-likelihood and information criteria.
    parameters : int
        Coefficients and free components.
    components : DataFrame
        One row a variance or correlation: ``component, term, structure, estimate, sqrt, fixed, boundary,
        groups, levels``. The correlation of CAR is that at distance 1 of its column.
    beta, cov : Array, shapes (p,) and (p, p)
        Coefficients and their covariance.
    yi, vi : Array, shape (k,)
        Effects and sampling variances used.
    design : Design
        Design matrix ``design.x`` (k, p), names of the coefficients and terms.
    rows, left_out : DataFrame
        The rows used, in order; rows without an effect or without a value that the model needs, with ``reason``.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    cluster : str or None
        Column that ``robust()`` takes for clusters.
    """

    measure: str
    moderators: str
    random: tuple[tuple[str, str], ...]
    sampling: str
    method: str
    test_method: str
    df_method: str
    level: float
    k: int
    groups: dict[str, int]
    qm: float
    qm_df1: int
    qm_df2: float
    qm_p: float
    qe: float
    qe_df: int
    qe_p: float
    loglik: float
    parameters: int
    aic: float
    aicc: float
    bic: float
    components: pd.DataFrame
    beta: Array
    cov: Array
    yi: Array
    vi: Array
    design: Design
    rows: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Provenance
    cluster: str | None
    _linear: LinearByCoefficient = field(repr=False)
    _problem: Problem = field(repr=False)
    _fitted: Fitted = field(repr=False)
    _fixed: dict[str, float] = field(repr=False)

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def method_line(self) -> str:
        """One line that says how the numbers were made."""
        return method(self)

    @property
    def fitted(self) -> Array:
        """Fitted means of the effects, shape (k,)."""
        return np.asarray(self.yi - self.residuals(), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        result: dict[str, Any] = {name: getattr(self, name) for name in _TEXTS}
        result |= {name: finite(getattr(self, name)) for name in _NUMBERS}
        result["scale"] = "log" if self.ratio else "identity"
        result["random"] = [{"term": term, "structure": kind} for term, kind in self.random]
        result["groups"] = dict(self.groups)
        result["method_line"] = self.method_line
        for name, table in (("coefficients", self.to_frame()), ("components", self.components)):
            result[name] = plain_rows(table)
        result["cov"] = self.cov.tolist()
        result["levels"] = {name: list(known) for name, known in self.design.levels.items()}
        result["effects"] = [
            {"record_id": record or None, "label": label, "yi": y, "vi": v, "fitted": mean}
            for record, label, y, v, mean in zip(
                text_column(self.rows, "record_id"),
                text_column(self.rows, "label"),
                self.yi.tolist(),
                self.vi.tolist(),
                self.fitted.tolist(),
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
            As in :meth:`ketameta.models.Regression.test`.
        value : array_like, optional
            What the combinations of a dict or a matrix are held against; 0 when left out.

        Returns
        -------
        LinearTest
            F test, chi-square beside ``test="z"``. Degrees of freedom: the smallest of the coefficients involved.
        """
        hypothesis = read_hypothesis(what, value, self.design.names, self.design.terms)
        return LinearTest.made(self._linear, hypothesis)

    def predict(self, moderators: pd.DataFrame | None = None) -> pd.DataFrame:
        """Mean effects at values of the moderators, and where a new true effect may lie.

        Parameters
        ----------
        moderators : DataFrame, optional
            One row a prediction, a column for each moderator, and one for the inner levels where these have
            variances of their own; the effects themselves when left out.

        Returns
        -------
        DataFrame
            The columns, and ``estimate, se, ci_low, ci_high, pi_low, pi_high``. The prediction interval is that of
            a new effect of a new group: it uses the distribution of the confidence interval, and the squared
            standard error with the variances of all random effects. It is missing where a variance depends on an
            inner level that the table does not name.

        Raises
        ------
        ModelError
            When a column or a value is missing, not finite, or a level that the fit does not know.

        Warns
        -----
        KetametaWarning
            When a number lies outside the range of the effects.
        """
        table, x = design_of(self.design, self.rows, self._problem.terms, moderators)
        for alert in () if moderators is None else self.design.beyond(table):
            warnings.warn(alert, KetametaWarning, stacklevel=2)
        heterogeneity = heterogeneity_of(self._problem.terms, self._fitted.components, table)
        return predicted(self._linear, x, heterogeneity, table)

    def residuals(self, kind: str = "raw") -> Array:
        """Residuals, shape (k,).

        Parameters
        ----------
        kind : {"raw", "standardised", "cholesky"}
            Effect less fitted mean; divided by its standard error, the root of the diagonal of
            ``M - X inv(X' inv(M) X) X'``; or made uncorrelated by the inverse Cholesky factor of each block of M, in
            the order of the rows.
        """
        if kind not in _RESIDUALS:
            raise ModelError(unknown("kind", kind, _RESIDUALS))
        return residuals_of(self._problem, self._fitted, kind)

    def robust(self, cluster: str | ArrayLike | None = None, *, kind: Kind = "CR2") -> RobustMultilevel:
        """Standard errors and tests that stay valid where V or the random effects are misspecified.

        Parameters
        ----------
        cluster : str or array_like, shape (k,), optional
            Column of the rows, or labels; the outermost grouping of the random effects when left out. Effects that
            depend on one another in the model must be of one cluster.
        kind : {"CR2", "CR1", "CR0"}
            Estimator: bias-reduced (Pustejovsky and Tipton 2018), or without that.

        Returns
        -------
        RobustMultilevel
            ``coefficients`` with Satterthwaite degrees of freedom; ``test()`` with HTZ tests.

        Raises
        ------
        ModelError
            When the clusters are not known, missing, a single one, or cut through dependent effects.
        """
        named = self.cluster if cluster is None else cluster
        if named is None:
            raise ModelError(
                'the random effects do not say what the clusters are; name their column, as in robust("study_id")'
            )
        return robust_of(
            self._problem,
            self._fitted,
            self.design,
            clusters_of(self.rows, named),
            self.rows,
            cluster=named if isinstance(named, str) else "",
            kind=kind,
            level=self.level,
            provenance=self.provenance.after(("robust", {"cluster": cluster, "kind": kind})),
        )

    def random_effects(self) -> pd.DataFrame:
        """Best linear unbiased predictions of the random effects.

        Returns
        -------
        DataFrame
            ``term, group, level, estimate, se``: one row for each group, or for each inner level in it. The
            standard error is that of the prediction (true less predicted effect), components taken as known.
        """
        return random_effects_of(self._problem, self._fitted)

    def profile(self, component: str, *, level: float | None = None) -> ComponentProfile:
        """Profile-likelihood interval of a variance or correlation.

        Parameters
        ----------
        component : str
            A name of ``components``.
        level : float, optional
            Level; that of the model when left out.

        Returns
        -------
        ComponentProfile
            ``low`` and ``high``; ``low_open``, ``high_open`` where the edge of the range is not excluded.

        Raises
        ------
        ModelError
            When the component does not exist, is fixed, or nothing is known of it.
        """
        wanted = self.level if level is None else level
        if isinstance(wanted, bool) or not isinstance(wanted, Real) or not 0.0 < wanted < 1.0:
            raise ModelError(f"level={level!r} must lie between 0 and 1, such as 0.95")
        with np.errstate(all="ignore"):
            return profile_component(self._problem, self._fitted, self._fixed, component, float(wanted))

    def sentence(self) -> str:
        """The result as a sentence of a results section, on the scale of the analysis."""
        return sentence(self)

    def _card(self) -> Card:
        return card(self)
