"""Cluster-robust tests of a multilevel model, as a result."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, number, p_value
from ketameta._typing import AnyArray, Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models._coefficient_table import CoefficientTable, coefficient_row
from ketameta.models._ml_problem import Fitted, Problem
from ketameta.models._studies import name_rows
from ketameta.models.cluster_robust import ClusterRobust, Kind, cluster_robust
from ketameta.models.design import INTERCEPT, Design
from ketameta.models.hypotheses import LinearTest, decimals, read_hypothesis, statistic
from ketameta.models.intervals import Inference
from ketameta.models.linear import Joint, Linear
from ketameta.models.result import finite, level_text, plain_rows
from ketameta.provenance import Provenance

__all__ = ["RobustMultilevel", "robust_of"]

_FEW = 4.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RobustMultilevel(CoefficientTable, Shown):
    """Coefficients of a multilevel model with cluster-robust standard errors and Satterthwaite degrees of freedom.

    Attributes
    ----------
    kind : str
        ``"CR0"``, ``"CR1"`` or ``"CR2"``.
    cluster : str
        Column of the clusters; empty where they were given as labels.
    n_clusters : int
        Number of clusters.
    level : float
        Level of the intervals.
    cov : Array, shape (p, p)
        Robust covariance of the coefficients.
    qm, qm_df1, qm_df2, qm_p : float, int, float, float
        Omnibus test of the same coefficients as in the model, F as approximate Hotelling T2 (HTZ); NaN where the
        clusters are too few for it.
    design : Design
        Design of the model.
    rows : DataFrame
        The rows of the effects.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    kind: str
    cluster: str
    n_clusters: int
    level: float
    cov: Array
    qm: float
    qm_df1: int
    qm_df2: float
    qm_p: float
    design: Design
    rows: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Provenance
    _linear: _RobustLinear = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        names = ("kind", "cluster", "n_clusters", "level", "qm", "qm_df1", "qm_df2", "qm_p")
        result: dict[str, Any] = {name: finite(getattr(self, name)) for name in names}
        result["coefficients"] = plain_rows(self.to_frame())
        result |= {"cov": self.cov.tolist(), "notes": list(self.notes)}
        return result | {"provenance": self.provenance.to_dict()}

    def test(self, what: Any, *, value: ArrayLike | None = None) -> LinearTest:
        """Test linear combinations of coefficients: t with Satterthwaite df each alone, HTZ all together.

        Parameters are those of :meth:`Multilevel.test`.
        """
        hypothesis = read_hypothesis(what, value, self.design.names, self.design.terms)
        return LinearTest.made(self._linear, hypothesis)

    def sentence(self) -> str:
        """The result as a sentence of a results section."""
        rows = self.to_frame().to_dict(orient="records")
        parts = []
        for row in [row for row in rows if row["term"] != INTERCEPT] or rows:
            digits = decimals(row["se"])
            parts.append(
                f"{'mean' if row['term'] == INTERCEPT else row['term']} {number(row['estimate'], digits)} "
                f"({level_text(self.level)} CI {number(row['ci_low'], digits)} to {number(row['ci_high'], digits)}, "
                f"df = {number(row['df'], 1)})"
            )
        return f"Cluster-robust ({self.kind}, {self.n_clusters} clusters): {'; '.join(parts)}."

    def _card(self) -> Card:
        rows = []
        for row in self.to_frame().to_dict(orient="records"):
            rows.append((*coefficient_row(row), number(row["df"], 1), p_value(row["p"])))
        title = f"Cluster-robust coefficients, {self.kind}, {self.n_clusters} clusters"
        columns = ("", "Estimate", f"{level_text(self.level)} interval", "df", "P")
        footer = ["t tests with Satterthwaite degrees of freedom"]
        if not math.isnan(self.qm):
            footer.append(
                f"Joint test (HTZ): {statistic(self.qm, self.qm_df1, round(self.qm_df2, 2), self.qm_p)}"
            )
        return Card(title, columns, tuple(rows), self.notes, (*footer, self.provenance.line()))


@dataclass(frozen=True, slots=True, eq=False)
class _RobustLinear(Linear):
    """Coefficients whose tests take their degrees of freedom from the clusters."""

    found: ClusterRobust | None = None

    def combination(self, weights: Array, value: Array | float = 0.0) -> Inference:
        """Inference on ``weights @ beta - value``; weights (m, p), estimates (m,)."""
        return self._robust.combination(self.beta, self._on_basis(weights), value, self.level)

    def joint(self, weights: Array, value: Array | float = 0.0) -> Joint:
        """Test that ``weights @ beta`` equals ``value``; weights (m, p) of full row rank."""
        return self._robust.joint(self.beta, self._on_basis(weights), value)

    @property
    def _robust(self) -> ClusterRobust:
        if self.found is None:
            raise ModelError("a robust covariance is needed")
        return self.found


def robust_of(
    problem: Problem,
    fitted: Fitted,
    design: Design,
    labels: AnyArray,
    table: pd.DataFrame,
    *,
    cluster: str,
    kind: Kind,
    level: float,
    provenance: Provenance,
) -> RobustMultilevel:
    """Robust covariance of the coefficients, working covariance and weights as fitted.

    Parameters
    ----------
    labels : numpy.ndarray, shape (n,)
        Cluster of each effect.
    table : DataFrame
        Rows of the effects.
    """
    point, rows, residuals, blocks = fitted.point, [], [], []
    for stack, root, residual in zip(problem.model.stacks, point.inverse_root, point.residual, strict=True):
        factor = np.linalg.inv(root)
        rows.append(stack.rows.ravel())
        residuals.append((factor @ residual[:, :, None]).ravel())
        blocks += list(factor @ factor.swapaxes(1, 2))
        across = (labels[stack.rows] != labels[stack.rows[:, :1]]).any(axis=1)
        if across.any():
            apart = stack.rows[int(np.argmax(across))].tolist()
            raise ModelError(
                f"{name_rows(table, apart)} depend on one another in the model, and {cluster or 'cluster'} puts them in different "
                "clusters; take clusters that hold all effects that depend on one another, such as studies"
            )
    order = np.concatenate(rows)
    x = np.concatenate([stack.x.reshape(-1, problem.model.p) for stack in problem.model.stacks])
    found = cluster_robust(x, np.concatenate(residuals), blocks, labels[order], kind=kind)
    basis = problem.unit * design.basis * problem.turn
    linear = _RobustLinear(point.beta, found.vcov, np.array(1.0), math.nan, level, basis, found)
    p = len(point.beta)
    tested = np.eye(p)[1:] if design.intercept and p > 1 else np.eye(p)
    notes = []
    try:
        omnibus = linear.joint(tested)
    except ModelError as error:
        omnibus = Joint(np.asarray(math.nan), len(tested), math.nan)
        notes.append(str(error))
    df = linear.combination(np.eye(p)).df
    if np.any(~(np.asarray(df) >= _FEW)):
        notes.append(
            "with fewer than 4 degrees of freedom, tests and intervals reject too often (Tipton 2015, Psychol Methods 20:375)"
        )
    cov = basis @ found.vcov @ basis.T
    cov.flags.writeable = False
    return RobustMultilevel(
        kind=kind,
        cluster=cluster,
        n_clusters=found.n_clusters,
        level=level,
        cov=cov,
        qm=float(omnibus.stat),
        qm_df1=omnibus.df1,
        qm_df2=float(omnibus.df2),
        qm_p=float(omnibus.p),
        design=design,
        rows=table,
        notes=tuple(notes),
        provenance=provenance,
        _linear=linear,
    )
