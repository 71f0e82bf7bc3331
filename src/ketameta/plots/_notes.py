"""Method and provenance under a figure."""

from __future__ import annotations

from typing import Protocol

from ketameta.provenance import Provenance

__all__ = ["method_lines"]


class _Result(Protocol):
    @property
    def method(self) -> str: ...

    @property
    def provenance(self) -> Provenance: ...


def method_lines(*results: _Result) -> tuple[str, ...]:
    """How results came about, each method once, and from which rows the first of them is.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.plots._notes import method_lines
    >>> method_lines(km.pool(yi=[-0.9, -0.4], vi=[0.10, 0.05], tau2="DL", ci="Wald"))[0].split(";")[0]
    'Random-effects model, tau2 by DL, inverse-variance weights'
    """
    methods = dict.fromkeys(result.method for result in results)
    return (*(f"{method}." for method in methods), f"{results[0].provenance.line()}.")
