"""Effect as a function of time since dosing: curves, half-life, time to loss of benefit."""

from __future__ import annotations

from ketameta.curves.averaging import CurveComparison, compare
from ketameta.curves.estimate import durability
from ketameta.curves.leave_out import LeftOut
from ketameta.curves.options import CurveOptions
from ketameta.curves.readout import ReadOut
from ketameta.curves.relapse_curves import relapse
from ketameta.curves.relapse_result import RelapseCurves
from ketameta.curves.responding_result import RespondingCurve
from ketameta.curves.responding_shares import responding
from ketameta.curves.result import DurabilityCurve
from ketameta.curves.same_trials import SameTrials

__all__ = [
    "CurveComparison",
    "CurveOptions",
    "DurabilityCurve",
    "LeftOut",
    "ReadOut",
    "RelapseCurves",
    "RespondingCurve",
    "SameTrials",
    "compare",
    "durability",
    "relapse",
    "responding",
]


def __dir__() -> list[str]:
    return sorted(__all__)
