"""Would the conclusion stand? Small studies, single trials, choices of method, unblinding, missing trials."""

from ketameta.robustness.bias_tests import Bias, bias
from ketameta.robustness.cumulation import Cumulative, cumulative
from ketameta.robustness.excess import ExcessSignificance, excess_significance
from ketameta.robustness.extrapolation import PetPeese, pet_peese
from ketameta.robustness.filling import TrimFill, trim_and_fill
from ketameta.robustness.gosh_result import Gosh
from ketameta.robustness.influencing import Influence, influence
from ketameta.robustness.leaving_out import LeaveOneOut, leave_one_out
from ketameta.robustness.limit import LimitMeta, limit_meta_analysis
from ketameta.robustness.missing import missing_evidence
from ketameta.robustness.missing_result import MissingEvidence
from ketameta.robustness.multiverse_result import FailedUniverses, Multiverse
from ketameta.robustness.rob_me_facts import rob_me
from ketameta.robustness.rob_me_result import RobMe
from ketameta.robustness.selection import selection_model
from ketameta.robustness.selection_result import SelectionModel
from ketameta.robustness.small_study import SmallStudyTest, begg, egger, peters, pustejovsky_rodgers
from ketameta.robustness.subsets import gosh
from ketameta.robustness.unblinded import unblinding
from ketameta.robustness.unblinding_result import Unblinding
from ketameta.robustness.universes import multiverse

__all__ = [
    "Bias",
    "Cumulative",
    "ExcessSignificance",
    "FailedUniverses",
    "Gosh",
    "Influence",
    "LeaveOneOut",
    "LimitMeta",
    "MissingEvidence",
    "Multiverse",
    "PetPeese",
    "RobMe",
    "SelectionModel",
    "SmallStudyTest",
    "TrimFill",
    "Unblinding",
    "begg",
    "bias",
    "cumulative",
    "egger",
    "excess_significance",
    "gosh",
    "influence",
    "leave_one_out",
    "limit_meta_analysis",
    "missing_evidence",
    "multiverse",
    "pet_peese",
    "peters",
    "pustejovsky_rodgers",
    "rob_me",
    "selection_model",
    "trim_and_fill",
    "unblinding",
]


def __dir__() -> list[str]:
    return sorted(__all__)
