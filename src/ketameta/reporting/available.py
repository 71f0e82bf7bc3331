"""Which trials of each question have results, and which are known to lack them: what ROB-ME starts from."""

from __future__ import annotations

import pandas as pd

from ketameta.errors import KetametaError
from ketameta.reporting.questions import ANALYSES, QUESTIONS
from ketameta.robustness import RobMe, rob_me

__all__ = ["available"]


def available(trials: pd.DataFrame, missing: pd.DataFrame) -> dict[str, RobMe]:
    """For each question, by its key, the studies with and without results at any time and dosing.

    A question that neither table knows is left out, and so are all where no missing trial is listed.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.evidence import load_missing
    >>> from ketameta.reporting.available import available
    >>> found = available(km.load_trials(), load_missing())
    >>> list(found), found["ptsd"].outcomes
    (['mdd', 'ptsd', 'si'], ('ptsd', 'ptsd_response'))
    """
    found: dict[str, RobMe] = {}
    for question in QUESTIONS if len(missing) else ():
        outcomes = list(dict.fromkeys(each.outcome for each in ANALYSES if each.question == question.key))
        try:
            found[question.key] = rob_me(trials, missing, indication=question.indications, outcomes=outcomes)
        except KetametaError:
            continue
    return found
