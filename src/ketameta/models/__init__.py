"""Pooled models: one numerical kernel, and the analyses that stand on it."""

from ketameta.models.grouping import Subgroups, subgroups
from ketameta.models.pooling import pool
from ketameta.models.result import Pooled

__all__ = ["Pooled", "Subgroups", "pool", "subgroups"]
