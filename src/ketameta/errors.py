"""Errors and warnings: what was wrong, where, and what to do about it.

In a notebook an error of ketameta shows the user's own call and what was wrong, without the calls in between;
elsewhere Python prints its full traceback.
"""

from __future__ import annotations

import linecache
import os
import sysconfig
import textwrap
from itertools import islice
from pathlib import Path
from types import TracebackType

from ketameta._render import error_html, plain

__all__ = [
    "ColumnError",
    "DataError",
    "EffectError",
    "FigureError",
    "KetametaError",
    "KetametaWarning",
    "ModelError",
    "SelectionError",
]

_HERE = str(Path(__file__).parent) + os.sep
_STANDARD_LIBRARY = sysconfig.get_path("stdlib") + os.sep
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MOST_LINES = 12
_WIDEST = 4_000
_RED, _UNCOLOURED = "\x1b[31m", "\x1b[39m"


class KetametaError(ValueError):
    """Base of every error that ketameta raises on purpose.

    Examples
    --------
    >>> from ketameta.errors import KetametaError
    >>> issubclass(KetametaError, ValueError)
    True
    """

    def _render_traceback_(self) -> list[str]:
        """Lines that IPython shows in place of a traceback."""
        kind = f"{_RED}{type(self).__name__}{_UNCOLOURED}"
        said = "\n".join([str(self), *getattr(self, "__notes__", ())])
        what = [plain(line, _WIDEST) for line in said.split("\n")]
        return [*_users_call(self), f"{kind}: {what[0]}", *what[1:]]

    def _repr_html_(self) -> str:
        return error_html(type(self).__name__, str(self))


class DataError(KetametaError):
    """A table could not be read, or breaks a rule of the data dictionary."""


class ColumnError(DataError, KeyError, AttributeError):
    """A table has no such column; pandas would raise a KeyError or an AttributeError, and this is both."""

    def __str__(self) -> str:
        return Exception.__str__(self)


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


def _users_call(error: BaseException) -> list[str]:
    """The lines of the user's call, with the number of the first; empty where there is no source."""
    found: list[str] = []
    trace = error.__traceback__
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith(_HERE):
        found = _lines(trace) or found
        trace = trace.tb_next
    return found


def _lines(place: TracebackType) -> list[str]:
    """The lines of one call; empty where it stands in a library or has no source."""
    code, first = place.tb_frame.f_code, place.tb_lineno
    if code.co_filename.startswith(_STANDARD_LIBRARY) or _INSTALLED & set(Path(code.co_filename).parts):
        return []
    last = next(islice(code.co_positions(), place.tb_lasti // 2, None))[1] or first
    numbers = range(first, min(last + 1, first + _MOST_LINES))
    source = textwrap.dedent("".join(linecache.getline(code.co_filename, number) for number in numbers))
    lines = [plain(line) for line in source.rstrip().split("\n")]
    return [f"line {first}: {lines[0]}", *lines[1:], ""] if source else []


def __dir__() -> list[str]:
    return sorted(__all__)
