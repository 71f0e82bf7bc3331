"""Forms of input of the cluster-robust covariance, and input that is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.linalg import block_diag

from ketameta.errors import ModelError
from ketameta.models.cluster_robust import cluster_robust

from .clusters import example


def test_forms_of_input_agree() -> None:
    x, y, blocks, clusters = example(2, sizes=(2, 2, 2, 2, 2))
    one = cluster_robust(x, y, blocks, clusters)
    weights = [np.linalg.inv(block) for block in blocks]
    others = [
        cluster_robust(x, y, np.stack(blocks), clusters),
        cluster_robust(
            x.tolist(), list(y), [block.tolist() for block in blocks], ["abcde"[i] for i in clusters]
        ),
        cluster_robust(x, y, blocks, clusters, weights=weights),
        cluster_robust(x, y, blocks, clusters, weights=np.stack(weights)),
    ]
    for other in others:
        assert other.vcov == pytest.approx(one.vcov, rel=1e-10)
        assert other.df() == pytest.approx(one.df(), rel=1e-9)
    variances = np.linspace(0.1, 1.0, 10)
    narrow = cluster_robust(x, y, variances, clusters)
    wide = cluster_robust(x, y, [np.diag(part) for part in variances.reshape(5, 2)], clusters)
    assert narrow.vcov == pytest.approx(wide.vcov, rel=1e-12)
    assert cluster_robust(x, y, variances.tolist(), clusters).vcov == pytest.approx(wide.vcov, rel=1e-12)


def test_clusters_may_hold_several_blocks_in_any_order() -> None:
    x, y, blocks, block = example(4, sizes=(2, 3, 1, 2, 4, 2, 3))
    clusters = np.array(["c", "a", "b", "a", "d", "b", "c"])[block]
    found = cluster_robust(x, y, blocks, clusters)
    phi = block_diag(*blocks)
    order = np.argsort(clusters, kind="stable")
    whole = [phi[np.ix_(rows, rows)] for rows in (np.flatnonzero(clusters == one) for one in "abcd")]
    sorted_rows = cluster_robust(x[order], y[order], whole, clusters[order])
    assert found.n_clusters == 4
    assert found.vcov == pytest.approx(sorted_rows.vcov, rel=1e-10)
    assert found.df() == pytest.approx(sorted_rows.df(), rel=1e-9)


X, Y, BLOCKS, CLUSTERS = example(6, sizes=(2, 2, 2))
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"clusters": ["a"] * 6}, "one cluster"),
    ({"clusters": ["a", "b"]}, "one label for each"),
    ({"clusters": ["a", "a", None, "b", "c", "c"]}, "no label at position 2"),
    ({"clusters": [1.0, 1.0, np.nan, 2.0, 3.0, 3.0]}, "no label at position 2"),
    (
        {"clusters": [1, 1, 2, 3, 3, 3]},
        r"rows 2 to 3 holds rows of the clusters .*2.* and .*3.*: a cluster must contain whole",
    ),
    ({"clusters": []}, "one label for each"),
    ({"clusters": [[1], [1, 2], 3, 4, 5, 6]}, "one label for each"),
    ({"x": X[:, 0]}, "x has shape"),
    ({"x": np.empty((0, 0)), "residuals": []}, "more rows than coefficients"),
    ({"x": np.eye(6)}, "6 rows and 6 columns"),
    ({"x": np.column_stack([X, X[:, 0] + X[:, 1]])}, "columns 0, 1, 2 of x follow from one another"),
    ({"x": np.column_stack([X, np.zeros(6)])}, "column 2 of x is 0"),
    ({"x": np.where(np.arange(12).reshape(6, 2) == 5, np.nan, X)}, r"x is nan at position \(2, 1\)"),
    ({"x": [["a", "b"]] * 6}, "x must be an array of numbers"),
    ({"x": [[1.0], [1.0, 2.0]]}, "x must be an array of numbers"),
    ({"residuals": Y[:5]}, "residuals has shape"),
    ({"residuals": np.where(np.arange(6) == 3, np.inf, Y)}, r"residuals is inf at position \(3,\)"),
    ({"covariance": BLOCKS[:2]}, "covariance has 4 rows in all, and x has 6"),
    ({"covariance": [np.ones((2, 3))] * 3}, "block 0 of covariance has shape"),
    ({"covariance": [*BLOCKS[:2], np.full((2, 2), np.nan)]}, "block 2 of covariance is nan"),
    (
        {"covariance": [*BLOCKS[:2], np.array([[1.0, 2.0], [2.0, 1.0]])]},
        "not positive definite in the block of rows 4 to 5",
    ),
    (
        {"covariance": [*BLOCKS[:2], np.array([[1.0, 0.5], [0.1, 1.0]])]},
        "not symmetric in the block of rows 4 to 5",
    ),
    (
        {"covariance": np.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])},
        "at most 0 in the block of row 2, too close to 0",
    ),
    ({"covariance": np.full(6, 1e-120)}, "too close to 0"),
    ({"covariance": np.full(6, 1e120)}, "too far from 1"),
    ({"x": X * 1e200}, "x has values of up to .* too far from 1"),
    ({"covariance": [1.0, 1.0, -1.0, 1.0, 1.0, 1.0]}, "not positive definite in the block of row 2"),
    ({"covariance": np.eye(6)}, "diagonal or a list of square blocks"),
    ({"covariance": 1.0}, "diagonal or a list of square blocks"),
    ({"covariance": "CR2"}, "diagonal or a list of square blocks"),
    ({"covariance": []}, "covariance has shape"),
    ({"weights": np.ones(5)}, "weights has 5 rows"),
    ({"weights": np.zeros(6)}, "weights has values of at most 0"),
    ({"kind": "CR3"}, "CR0, CR1, CR2"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_wrong_inputs_are_named(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"x": X, "residuals": Y, "covariance": BLOCKS, "clusters": CLUSTERS} | change
    with pytest.raises(ModelError, match=message):
        cluster_robust(**arguments)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[1.0]], "weights has shape"),
        ([1.0, 0.0], "weights has shape"),
        ([[0.0, 0.0]], "row of zeros"),
        (np.empty((0, 2)), "no rows"),
        ([[1.0, np.nan]], "weights is nan"),
        ([[1.0, 0.0], [2.0, 0.0]], "singular"),
    ],
)
def test_wrong_combinations_are_named(weights: Any, message: str) -> None:
    found = cluster_robust(X, Y, BLOCKS, CLUSTERS)
    with pytest.raises(ModelError, match=message):
        found.joint([0.1, 0.2], weights)


def test_wrong_coefficients_are_named() -> None:
    found = cluster_robust(X, Y, BLOCKS, CLUSTERS)
    with pytest.raises(ModelError, match="beta has shape"):
        found.combination([0.1])
    with pytest.raises(ModelError, match="value has shape"):
        found.combination([0.1, 0.2], value=[1.0])
    for level in (95, 0.0, math.nan, "0.95", True, None):
        with pytest.raises(ModelError, match="level="):
            found.combination([0.1, 0.2], level=level)  # type: ignore[arg-type]


def test_inputs_are_left_alone() -> None:
    before = [X.copy(), Y.copy(), *(block.copy() for block in BLOCKS)]
    cluster_robust(X, Y, BLOCKS, CLUSTERS, weights=BLOCKS)
    for kept, now in zip(before, [X, Y, *BLOCKS], strict=True):
        assert (kept == now).all()
