"""Cluster-robust covariance of weighted least squares, with small-sample corrections and tests.

The bias-reduced estimator CR2 is that of Bell and McCaffrey (2002, Survey Methodology 28:169), in the form that
Pustejovsky and Tipton (2018, J Bus Econ Stat 36:672) give it for any weights and any working covariance; tests of one
coefficient use Satterthwaite degrees of freedom, tests of several the approximate Hotelling distribution of Tipton and
Pustejovsky (2015, J Educ Behav Stat 40:604).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np

from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models._cluster_blocks import Clusters, cholesky, read_array, read_blocks
from ketameta.models.intervals import Inference
from ketameta.models.linear import Joint

__all__ = ["ClusterRobust", "Kind", "cluster_robust"]

Kind: TypeAlias = Literal["CR0", "CR1", "CR2"]

_KINDS = ("CR0", "CR1", "CR2")
_COLLINEAR = 1e-10
_NO_VARIANCE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class ClusterRobust:
    """Cluster-robust covariance of coefficients, with what its tests need.

    Attributes
    ----------
    vcov : Array, shape (p, p)
        Covariance of the coefficients.
    kind : str
        ``"CR0"``, ``"CR1"`` or ``"CR2"``.
    n_clusters : int
        Number of clusters, m.
    basis : Array, shape (p, p)
        With Z = ``x @ basis``, Z' W Z is the identity.
    informed : Array, shape (p, p)
        Expected value of CR0 on this basis under the working covariance.
    within : Array, shape (m, p, p)
        For each cluster Q' Phi Q on this basis: Phi the working covariance, Q what its residuals are multiplied with.
    across : Array, shape (m, 2 p, p)
        What, with ``kernel``, gives the covariances between clusters that estimating the coefficients brings.
    kernel : Array, shape (2 p, 2 p)
        See ``across``; its first p rows and columns are the model covariance of the coefficients on this basis.
    """

    vcov: Array
    kind: Kind
    n_clusters: int
    basis: Array
    informed: Array
    within: Array
    across: Array
    kernel: Array

    def df(self, weights: ArrayLike | None = None) -> Array:
        """Satterthwaite degrees of freedom of combinations of coefficients, under the working covariance.

        Parameters
        ----------
        weights : array_like, shape (q, p), optional
            One combination a row; by default each coefficient.

        Returns
        -------
        Array, shape (q,)
            NaN where the residuals say nothing about a combination, as when it rests on a single cluster: CR0 is
            0 then whatever the effects are. CR2 need not be, but is no estimate of its variance.

        Raises
        ------
        ModelError
            For weights of another shape or not finite.
        """
        return np.array([self._freedom(row[None]) for row in self._weights(weights)])

    def combination(
        self,
        beta: ArrayLike,
        weights: ArrayLike | None = None,
        value: ArrayLike | float = 0.0,
        level: float = 0.95,
    ) -> Inference:
        """Inference by t with :meth:`df` degrees of freedom on ``weights @ beta - value``, each row alone.

        Standard error, interval and P value are NaN where :meth:`df` is.

        Parameters
        ----------
        beta : array_like, shape (p,)
            Coefficients.
        weights : array_like, shape (q, p), optional
            One combination a row; by default each coefficient.
        value : array_like, shape (q,) or float
            What is taken off.
        level : float
            Level of intervals.

        Raises
        ------
        ModelError
            For inputs of another shape or not finite, or a level outside 0 to 1.
        """
        if isinstance(level, bool) or not isinstance(level, Real) or not 0.0 < float(level) < 1.0:
            raise ModelError(f"level={level!r} must lie between 0 and 1, such as 0.95")
        rows = self._weights(weights)
        away = rows @ read_array(beta, "beta", (self.vcov.shape[0],)) - _values(value, len(rows))
        df = self.df(rows)
        variance = np.maximum(np.einsum("qi,ij,qj->q", rows, self.vcov, rows), 0.0)
        return Inference(away, np.where(np.isnan(df), np.nan, np.sqrt(variance)), df, float(level))

    def joint(self, beta: ArrayLike, weights: ArrayLike, value: ArrayLike | float = 0.0) -> Joint:
        """Test that ``weights @ beta`` equals ``value`` in all q rows, as approximate Hotelling T2 (HTZ).

        Parameters
        ----------
        beta : array_like, shape (p,)
            Coefficients.
        weights : array_like, shape (q, p)
            One combination a row.
        value : array_like, shape (q,) or float
            Values under the hypothesis.

        Returns
        -------
        Joint
            F with q and eta - q + 1 degrees of freedom, (eta - q + 1) / (eta q) times the Wald statistic; all NaN where
            eta, the degrees of freedom of the covariance, does not exceed q - 1.

        Raises
        ------
        ModelError
            For inputs of another shape or not finite, or combinations that have no covariance of full rank: one
            follows from others, or there are too few clusters for so many.
        """
        rows = self._weights(weights)
        q = len(rows)
        away = rows @ read_array(beta, "beta", (self.vcov.shape[0],)) - _values(value, q)
        cov = rows @ self.vcov @ rows.T
        eta = self._freedom(rows)
        scale = np.sqrt(np.maximum(np.diag(cov), 0.0))
        unit = np.where(scale > 0, scale, 1.0)
        scaled = cov / np.outer(unit, unit)
        if np.isnan(eta) or np.linalg.eigvalsh(scaled)[0] <= _NO_VARIANCE:
            raise ModelError(
                f"{q} combinations cannot be tested together with {self.n_clusters} clusters: their robust covariance is "
                "singular; one follows from others, rests on a single cluster, or there are too many"
            )
        wald = float(away / scale @ np.linalg.solve(scaled, away / scale))
        left = eta - q + 1.0
        if not left > 0:
            return Joint(np.asarray(np.nan), q, np.nan)
        return Joint(np.asarray(wald * left / (eta * q)), q, left)

    def _weights(self, weights: ArrayLike | None) -> Array:
        p = self.vcov.shape[0]
        rows = np.eye(p) if weights is None else read_array(weights, "weights", (None, p))
        if not len(rows) or not (rows != 0).any(axis=1).all():
            raise ModelError("weights has no rows, or a row of zeros; a combination needs a coefficient")
        return rows

    def _freedom(self, rows: Array) -> float:
        """Degrees of freedom of the covariance of all rows together; NaN where the residuals do not inform it.

        The covariance is scaled to expectation 1 by its expected value under the working covariance. With P_st the
        (m, m) matrix of covariances between what the clusters contribute to combinations s and t, the variance of its
        element (s, t) is tr(P_ss P_tt) + tr(P_st P_st), and eta = q (q + 1) / their sum. P is a diagonal plus a product
        of thin matrices, and is never formed.
        """
        c = rows @ self.basis
        model = self.kernel[: len(self.vcov), : len(self.vcov)]
        c = c / np.sqrt(np.einsum("si,ij,sj->s", c, model, c))[:, None]
        informed = float(np.linalg.eigvalsh(c @ self.informed @ c.T)[0])
        if not informed > _NO_VARIANCE:
            return np.nan
        diagonal, _, off = self._contributions(c)
        values, vectors = np.linalg.eigh((diagonal + off).sum(axis=0))
        q = len(c)
        diagonal, thin, off = self._contributions((vectors / np.sqrt(values)).T @ c)
        flat = thin.reshape(len(thin), -1)
        gram = (flat.T @ flat).reshape(q, -1, q, thin.shape[2])
        product = np.einsum("ab,sbtc->stac", self.kernel, gram)
        same, same_off = (np.einsum("mss->m", part) for part in (diagonal, off))
        variance = (diagonal * (diagonal + 2.0 * off)).sum() + np.einsum("stab,stba->", product, product)
        variance += same @ (same + 2.0 * same_off) + np.einsum("stab,tsba->", product, product)
        return q * (q + 1.0) / float(variance)

    def _contributions(self, c: Array) -> tuple[Array, Array, Array]:
        """Diagonals of P_st, (m, q, q), in two parts, and between them the thin matrices of the second."""
        thin = _transposed(self.across @ c.T)
        return c @ self.within @ c.T, thin, thin @ self.kernel @ _transposed(thin)


def _values(value: ArrayLike | float, q: int) -> Array:
    return read_array(np.broadcast_to(value, (q,)) if np.ndim(value) == 0 else value, "value", (q,))


def cluster_robust(
    x: ArrayLike,
    residuals: ArrayLike,
    covariance: ArrayLike | Sequence[ArrayLike],
    clusters: ArrayLike,
    *,
    weights: ArrayLike | Sequence[ArrayLike] | None = None,
    kind: Kind = "CR2",
) -> ClusterRobust:
    """Cluster-robust covariance of the coefficients of a weighted least-squares fit.

    The coefficients are beta = (X' W X)^-1 X' W y, and the covariance is their sandwich
    (X' W X)^-1 (sum over clusters of X' W A e e' A W X) (X' W X)^-1 with residuals e = y - X beta. A is 1 for CR0 and
    sqrt(m / (m - 1)) for CR1. For CR2, A = L B^-1/2 L' with B = L' S L, where Phi = L L' is the working covariance
    of a cluster and S what its residuals have for a covariance when Phi is true, and the inverse is a generalised one
    where B is singular (Pustejovsky and Tipton 2018); it makes the estimator unbiased under Phi where B is not. In a
    multilevel meta-analysis Phi is the marginal covariance of the effects, and the weights its inverse. Work grows
    with the sum of the cubed cluster sizes; no matrix of all rows is formed.

    Parameters
    ----------
    x : array_like, shape (n, p)
        Design.
    residuals : array_like, shape (n,)
        ``y - x @ beta``.
    covariance : array_like, shape (n,), or sequence of array_like, each of shape (b, b)
        Working covariance Phi: variances, or the blocks of a block-diagonal matrix in the order of the rows of ``x``.
    clusters : array_like, shape (n,)
        Label of each row's cluster, in any order. A cluster may hold several blocks, and must hold whole ones.
    weights : as covariance, optional
        Weight matrix W; the inverse of ``covariance`` by default.
    kind : {"CR0", "CR1", "CR2"}
        Estimator.

    Returns
    -------
    ClusterRobust
        The covariance; its methods give degrees of freedom, intervals and tests.

    Raises
    ------
    ModelError
        For inputs of another shape or not finite, a single cluster, no more rows than coefficients, columns of ``x``
        that follow from one another, blocks that are not positive definite, and blocks that cross clusters.

    Examples
    --------
    Six effects of three trials, two in each, correlated by 0.5:

    >>> import numpy as np
    >>> from ketameta.models.cluster_robust import cluster_robust
    >>> y = np.array([-0.9, -0.7, -0.4, -0.5, -0.6, -0.2])
    >>> blocks = [np.array([[0.10, 0.05], [0.05, 0.10]])] * 3
    >>> mean = y.mean()
    >>> found = cluster_robust(np.ones((6, 1)), y - mean, blocks, ["a", "a", "b", "b", "c", "c"])
    >>> found.vcov.round(4).tolist(), found.df().round(3).tolist()
    ([[0.0158]], [2.0])
    """
    if kind not in _KINDS:
        raise ModelError(f"kind {kind!r} is unknown; it is one of {', '.join(_KINDS)}")
    design = read_array(x, "x", (None, None))
    n, p = design.shape
    if p == 0 or n <= p:
        raise ModelError(
            f"x has {n} rows and {p} columns; residuals need more rows than coefficients, and one or more"
        )
    e = read_array(residuals, "residuals", (n,))
    groups = Clusters.read(clusters, n)
    phi = groups.stacks(read_blocks(covariance, "covariance", n), "covariance")
    lower = [cholesky(stack, rows, "covariance") for stack, rows in zip(phi, groups.rows, strict=True)]
    if weights is None:
        root = [_transposed(np.linalg.inv(part)) for part in lower]
    else:
        given = groups.stacks(read_blocks(weights, "weights", n), "weights")
        root = [cholesky(stack, rows, "weights") for stack, rows in zip(given, groups.rows, strict=True)]
    white = [_transposed(half) @ design[rows] for half, rows in zip(root, groups.rows, strict=True)]
    basis = _orthonormal(np.concatenate([part.reshape(-1, p) for part in white]))
    parts = [design[rows] @ basis for rows in groups.rows]
    weighted = [half @ (part @ basis) for half, part in zip(root, white, strict=True)]
    turned = parts if weights is None else [stack @ part for stack, part in zip(phi, weighted, strict=True)]
    inner = np.sum([np.einsum("msi,msj->ij", a, b) for a, b in zip(weighted, turned, strict=True)], axis=0)
    m = len(groups.labels)
    informed = np.zeros((p, p))
    scores, within, across = [], [], []
    for i, rows in enumerate(groups.rows):
        used = weighted[i]
        residual = _residual_covariance(phi[i], parts[i], turned[i], inner)
        informed += (_transposed(used) @ residual @ used).sum(axis=0)
        if kind == "CR1":
            used = used * np.sqrt(m / (m - 1.0))
        if kind == "CR2":
            used = _adjusted(used, lower[i], residual)
        scores.append((_transposed(used) @ e[rows][..., None])[..., 0])
        within.append(_transposed(used) @ phi[i] @ used)
        across.append(np.concatenate([_transposed(part[i]) @ used for part in (parts, turned)], axis=1))
    score = np.concatenate(scores) @ basis.T
    kernel = np.block([[inner, -np.eye(p)], [-np.eye(p), np.zeros((p, p))]])
    vcov = score.T @ score
    return ClusterRobust(
        vcov, kind, m, basis, informed, np.concatenate(within), np.concatenate(across), kernel
    )


def _transposed(stack: Any) -> Array:
    result: Array = np.swapaxes(stack, 1, 2)
    return result


def _orthonormal(white: Array) -> Array:
    """The (p, p) matrix that makes the columns of ``white`` orthonormal."""
    length = np.sqrt((white * white).sum(axis=0))
    if not (length > 0).all():
        raise ModelError(
            f"column {int(np.argmin(length))} of x is 0 in every row, or as good as 0; leave it out"
        )
    upper = np.linalg.qr(white / length, mode="r")
    spread = np.linalg.svd(upper, compute_uv=False)
    if spread[-1] <= _COLLINEAR * spread[0]:
        loading = np.abs(np.linalg.svd(upper)[2][-1])
        names = ", ".join(str(j) for j in np.flatnonzero(loading > 1e-6))
        raise ModelError(f"columns {names} of x follow from one another; leave one of them out")
    result: Array = np.linalg.solve(upper, np.eye(len(upper))) / length[:, None]
    return result


def _residual_covariance(phi: Array, x: Array, turned: Array, inner: Array) -> Array:
    """Covariance of each cluster's residuals under the working covariance, (m, s, s); x on the orthonormal basis."""
    side = turned @ _transposed(x)
    result: Array = phi - side - _transposed(side) + x @ inner @ _transposed(x)
    return result


def _adjusted(weighted: Array, lower: Array, residual: Array) -> Array:
    """A W X of CR2, (m, s, p). The rank of B is read from L^-1 S L^-T, which has no scale."""
    half: Any = np.linalg.solve(lower, residual)
    unscaled = np.linalg.solve(lower, _transposed(half))
    rank = (np.linalg.eigvalsh(unscaled) > _NO_VARIANCE).sum(axis=1)
    values, vectors = np.linalg.eigh(_transposed(lower) @ residual @ lower)
    kept = np.arange(values.shape[1]) >= values.shape[1] - rank[:, None]
    power = np.where(kept, 1.0 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    side = lower @ vectors
    result: Array = (side * power[:, None, :]) @ (_transposed(side) @ weighted)
    return result
