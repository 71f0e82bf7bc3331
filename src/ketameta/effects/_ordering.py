"""Check that reported values stand in increasing order."""

from __future__ import annotations

from itertools import pairwise

from ketameta._typing import Array
from ketameta.effects._checks import first_index
from ketameta.errors import EffectError

__all__ = ["increasing"]


def increasing(*, ties: bool = False, **named: Array) -> None:
    """Each argument lies below the next one; equal values pass only with ``ties``.

    Raises
    ------
    EffectError
        If a value is out of order.
    """
    for lower, upper in pairwise(named):
        low, high = named[lower], named[upper]
        good = low <= high if ties else low < high
        if not good.all():
            place, flat = first_index(~good)
            relation = "is above" if ties else "is not below"
            raise EffectError(
                f"{lower}{place} = {low.ravel()[flat]:g} {relation} {upper} = {high.ravel()[flat]:g}; "
                "check the order and the source"
            )
