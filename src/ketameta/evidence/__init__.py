"""The trials: load, read, check and select them; the tables that stand beside them."""

from __future__ import annotations

from ketameta.evidence.check import CheckReport, check_trials
from ketameta.evidence.moderators import load_moderators, with_moderators
from ketameta.evidence.references import load_references
from ketameta.evidence.risk_of_bias import judgements, load_risk_of_bias
from ketameta.evidence.selection import Selection, select
from ketameta.evidence.tables import load_missing, load_published, load_scales, load_trials, read_trials
from ketameta.evidence.trials import Trials

__all__ = [
    "CheckReport",
    "Selection",
    "Trials",
    "check_trials",
    "judgements",
    "load_missing",
    "load_moderators",
    "load_published",
    "load_references",
    "load_risk_of_bias",
    "load_scales",
    "load_trials",
    "read_trials",
    "select",
    "with_moderators",
]


def __dir__() -> list[str]:
    return sorted(__all__)
