"""Pooled models: one numerical kernel, and the analyses that stand on it."""

from ketameta.models._count_result import PooledCounts
from ketameta.models._ml_profile import ComponentProfile
from ketameta.models.bayesian import bayes
from ketameta.models.counting import counts
from ketameta.models.grouping import Subgroups, subgroups
from ketameta.models.log_priors import LogNormal, LogStudentT
from ketameta.models.marginals import Marginal
from ketameta.models.multilevel_fit import multilevel
from ketameta.models.multilevel_options import MultilevelOptions
from ketameta.models.multilevel_result import Multilevel
from ketameta.models.multilevel_robust import RobustMultilevel
from ketameta.models.options import PoolOptions
from ketameta.models.permuting import PermutationTest, permutation
from ketameta.models.pooling import pool
from ketameta.models.posterior import Posterior
from ketameta.models.priors import (
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfT,
    Normal,
    Uniform,
)
from ketameta.models.published_priors import rhodes2015, turner2015
from ketameta.models.regression import regress
from ketameta.models.regression_result import Regression
from ketameta.models.result import Pooled

__all__ = [
    "ComponentProfile",
    "Exponential",
    "HalfCauchy",
    "HalfNormal",
    "HalfT",
    "LogNormal",
    "LogStudentT",
    "Marginal",
    "Multilevel",
    "MultilevelOptions",
    "Normal",
    "PermutationTest",
    "PoolOptions",
    "Pooled",
    "PooledCounts",
    "Posterior",
    "Regression",
    "RobustMultilevel",
    "Subgroups",
    "Uniform",
    "bayes",
    "counts",
    "multilevel",
    "permutation",
    "pool",
    "regress",
    "rhodes2015",
    "subgroups",
    "turner2015",
]


def __dir__() -> list[str]:
    return sorted(__all__)
