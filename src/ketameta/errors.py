"""Errors and warnings: what was wrong, where, and what to do about it."""

from __future__ import annotations

__all__ = [
    "DataError",
    "EffectError",
    "FigureError",
    "KetametaError",
    "KetametaWarning",
    "ModelError",
    "SelectionError",
]


class KetametaError(ValueError):
    """Base of every error that ketameta raises on purpose.

    Examples
    --------
    >>> from ketameta.errors import KetametaError
    >>> issubclass(KetametaError, ValueError)
    True
    """


class DataError(KetametaError):
    """A table could not be read, or breaks a rule of the data dictionary."""


class SelectionError(KetametaError):
    """A selection is empty, ambiguous, or asks for something that does not exist."""


class EffectError(KetametaError):
    """An effect size cannot be computed from what was given."""


class ModelError(KetametaError):
    """A model cannot be fitted to what was given."""


class FigureError(KetametaError):
    """A figure cannot be drawn from what was given."""


class KetametaWarning(UserWarning):
    """The result stands, and there is something a reader must know about it."""
