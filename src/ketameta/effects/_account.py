"""What was done and assumed for the covariance of each trial, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ketameta.effects._blocks import Assumed, Matrices
from ketameta.effects._samples import Samples

__all__ = ["account", "counted"]

_SHAPES = {"log-time": "fading in log time", "days": "fading in days", "constant": "constant"}
_FORMULAS = {
    "SMD": "exact formula of the SMD",
    "MD": "exact formula of the MD, from arm SDs and sizes",
    "OR": "exact formula of the log OR, from counts",
    "RR": "exact formula of the log RR, from counts",
    "RD": "exact formula of the RD, from counts",
    "AS": "exact formula of the arcsine difference, from sizes",
    "sizes": "correlation from the arm sizes alone, one SD for all: {missing}",
    "plain": "arms taken as equal in size, so that two effects of the same arms have covariance "
    "rho sqrt(v_i v_j): arm sizes are not known for every row",
}
_COUNTS = "not every row has counts"
_MISSING = {"MD": "not every row has arm SDs", "OR": _COUNTS, "RR": _COUNTS, "RD": _COUNTS, "AS": _COUNTS}


def account(samples: Samples, found: tuple[Matrices, ...], assumed: Assumed) -> pd.DataFrame:
    """One row a trial: ``trial``, ``rows``, ``formula``, ``smallest_eigenvalue``, ``account``."""
    records: list[tuple[Any, ...]] = [()] * len(samples.trials)
    for part in found:
        m = part.batch.rows.shape[1]
        for b, trial in enumerate(part.batch.trials.tolist()):
            formula = "" if m == 1 else part.batch.formula
            said = "single row: nothing to do" if m == 1 else _said(samples, part, b, assumed)
            records[trial] = (samples.trials[trial], m, formula, float(part.smallest[b]), said)
    return pd.DataFrame(records, columns=["trial", "rows", "formula", "smallest_eigenvalue", "account"])


def _said(samples: Samples, part: Matrices, b: int, assumed: Assumed) -> str:
    batch, rows = part.batch, part.batch.rows[b]
    upper = np.triu(np.ones((rows.size, rows.size), dtype=np.bool_), 1)
    t, c, study = batch.same_t[b] & upper, batch.same_c[b] & upper, batch.same_study[b] & upper
    shared, apart = t | c, ~batch.same_time[b]
    said = []
    if (shared & apart).any():
        times = _classes(batch.same_time[b])
        said.append(
            f"{times} times of the same people: rho = {assumed.rho:g} between 24 h and 7 d, "
            f"{_SHAPES[assumed.correlation]} (assumed)"
        )
    untimed = np.isnan(samples.number["hours"][rows])
    if (shared & apart & (untimed[:, None] | untimed[None, :])).any():
        said.append(f"{counted(int(untimed.sum()), 'row')} without time_hours: rho with every other time")
    if (shared & ~batch.same_outcome[b]).any():
        outcomes = _classes(batch.same_outcome[b])
        said.append(f"{outcomes} outcomes of the same people: correlation {assumed.between:g} (assumed)")
    if (c & ~t).any():
        said.append(f"{_classes(batch.same_t[b])} treatment arms share a comparator")
    if (t & ~c).any():
        said.append("one treatment arm against several comparators")
    if (t & ~study).any():
        said.append("combined arms and their parts: people in both taken as the smaller size")
    if samples.split[rows].any():
        said.append("parts of a split comparator count as independent")
    if (upper & ~shared).any():
        pairs = int((upper & ~shared).sum())
        said.append(
            f"{counted(pairs, 'pair')} of rows without an arm in common: independent (wrong if one is a subgroup of the "
            "other)"
        )
    if samples.both_periods[rows].any():
        said.append("both periods of a crossover: correlation between the two arms is not in the formula")
    if shared.any():
        missing = _MISSING.get(samples.measure, "no formula beyond it for this measure")
        said.append(_FORMULAS[batch.formula].format(missing=missing))
    if part.capped[b]:
        said.append("rho exceeds what the proportions allow, the largest possible correlation stands there")
    if part.own[b].any() and shared.any():
        said.append(
            f"vi of {counted(int(part.own[b].sum()), 'row')} is not that of the formula: its correlation is kept, times "
            "sqrt(v_i v_j)"
        )
    return "; ".join(said)


def _classes(same: np.ndarray) -> int:
    """Number of different kinds among rows, of which ``same`` says which are alike."""
    return int((np.tril(same, -1).sum(axis=1) == 0).sum())


def counted(count: int, noun: str) -> str:
    """Count and noun.

    Examples
    --------
    >>> from ketameta.effects._account import counted
    >>> counted(1, "trial"), counted(3, "trial")
    ('1 trial', '3 trials')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
