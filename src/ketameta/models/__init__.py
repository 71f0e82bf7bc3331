"""Pooled models: one numerical kernel, and the analyses that stand on it."""

from ketameta.models.grouping import Subgroups, subgroups
from ketameta.models.permuting import PermutationTest, permutation
from ketameta.models.pooling import pool
from ketameta.models.regression import regress
from ketameta.models.regression_result import Regression
from ketameta.models.result import Pooled

__all__ = [
    "PermutationTest",
    "Pooled",
    "Regression",
    "Subgroups",
    "permutation",
    "pool",
    "regress",
    "subgroups",
]
