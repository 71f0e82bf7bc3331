"""Choices of a pool, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from ketameta._spelling import unknown
from ketameta.errors import ModelError
from ketameta.models.kernel import METHODS
from ketameta.models.options import PoolOptions

__all__ = ["CI_METHODS", "LINEAR_CI_METHODS", "PREDICTION_METHODS", "Settings"]

# Those that a model with several coefficients has too.
LINEAR_CI_METHODS = ("Wald", "HKSJ", "HKSJ-adhoc")
CI_METHODS = (*LINEAR_CI_METHODS, "KR", "profile")
PREDICTION_METHODS = ("t(k-1)", "t(k-2)", "bootstrap")
_DEFAULTS = PoolOptions()


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices of a pool, as in :func:`pool`."""

    tau2: str
    ci: str
    prediction: str
    level: float
    options: PoolOptions = _DEFAULTS

    @staticmethod
    def checked(
        *,
        tau2: Any,
        ci: Any,
        prediction: Any,
        level: Any,
        options: Any = None,
        choices: Sequence[str] = LINEAR_CI_METHODS,
    ) -> Settings:
        """Refuse unknown options, with a suggestion where one is near, and those that do not go together."""
        _choice("tau2", tau2, METHODS)
        _choice("ci", ci, choices)
        _choice("prediction", prediction, PREDICTION_METHODS)
        if isinstance(level, bool) or not isinstance(level, Real) or not 0.0 < float(level) < 1.0:
            raise ModelError(f"level={level!r} must lie between 0 and 1, such as 0.95")
        if options is not None and not isinstance(options, PoolOptions):
            raise ModelError(f"options={options!r} must be a PoolOptions, such as PoolOptions(draws=50000)")
        needed = {"KR": "REML", "profile": "ML"}.get(ci, tau2)
        if tau2 != needed:
            raise ModelError(
                f'ci="{ci}" is defined for tau2="{needed}", not tau2="{tau2}"; choose both alike'
            )
        options = options or _DEFAULTS
        if options.tau2_interval == "profile" and tau2 not in ("REML", "ML"):
            raise ModelError(f'tau2_interval="profile" needs tau2="REML" or tau2="ML", not tau2="{tau2}"')
        return Settings(tau2, ci, prediction, float(level), options)


def _choice(name: str, value: Any, options: Sequence[str]) -> None:
    if isinstance(value, str) and value in options:
        return
    raise ModelError(unknown(name, value, options))
