"""Choices of a multilevel model that few analyses need."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from ketameta._render import Options
from ketameta._spelling import unknown
from ketameta.errors import ModelError

__all__ = ["MultilevelOptions"]

_TESTS = ("t", "z")
_DF = ("containment", "residual")


@dataclass(frozen=True, slots=True, repr=False)
class MultilevelOptions(Options):
    """Choices of a multilevel model that few analyses need.

    Attributes
    ----------
    level : float
        Level of all intervals, between 0 and 1.
    test : str
        ``"t"`` (t and F) or ``"z"`` (normal and chi-square).
    df : str
        Degrees of freedom of t: ``"containment"``, for each coefficient the smallest number of groups (or of
        inner levels of groups) within which its column does not vary, less the number of coefficients; number
        of effects less coefficients where it varies within all. ``"residual"``: the latter for all.
    fixed : mapping of str to float
        Components held at a value, by the names that stand in ``components``, as in
        ``{"rho(time | study_id)": 0.8}``.
    cluster : str, optional
        Column of the clusters for a constant sampling correlation, and for ``robust()``; the outermost grouping
        of the random effects when left out.
    reference : mapping of str to str
        Reference levels of categorical moderators, as in :func:`ketameta.regress`.

    Raises
    ------
    ModelError
        For a choice that does not exist.

    Examples
    --------
    >>> from ketameta.models import MultilevelOptions
    >>> MultilevelOptions(test="z").df
    'containment'
    """

    level: float = 0.95
    test: str = "t"
    df: str = "containment"
    fixed: Mapping[str, float] = field(default_factory=dict)
    cluster: str | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.level, bool) or not isinstance(self.level, Real) or not 0.0 < self.level < 1.0:
            raise ModelError(f"level={self.level!r} must lie between 0 and 1, such as 0.95")
        for name, value, known in (("test", self.test, _TESTS), ("df", self.df, _DF)):
            if value not in known:
                raise ModelError(unknown(name, value, known))
        if not isinstance(self.fixed, Mapping):
            raise ModelError(f'fixed={self.fixed!r} must be a mapping such as {{"tau2(study_id)": 0.1}}')
        for component, value in self.fixed.items():
            if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
                raise ModelError(f"fixed: {component!r} is {value!r}; it must be a finite number")
        if self.cluster is not None and not isinstance(self.cluster, str):
            raise ModelError(f"cluster={self.cluster!r} must be the name of a column")
        if not isinstance(self.reference, Mapping):
            raise ModelError(f'reference={self.reference!r} must be a mapping such as {{"route": "iv"}}')
