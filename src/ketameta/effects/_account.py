"""What was done and assumed for the covariance of each trial, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import plural
from ketameta.effects._blocks import Assumed, Matrices
from ketameta.effects._decisions import opposite_roles
from ketameta.effects._samples import Samples

__all__ = ["account"]

_SHAPES = {"log-time": "fading in log time", "days": "fading in days", "constant": "constant"}
_UNITS = {
    "control": "in units of the comparator SD",
    "average": "in units of the root mean square of both SDs",
}
_FORMULAS = {
    "SMD": "exact formula of the SMD",
    "SMD baseline": "exact formula of the SMD in units of the pooled SD at baseline, the SD shared with its arms",
    "SMD stated": "exact formula of the difference in units of a stated SD, from arm SDs and sizes",
    "MD": "exact formula of the MD, from arm SDs and sizes",
    "OR": "exact formula of the log OR, from counts",
    "RR": "exact formula of the log RR, from counts",
    "RD": "exact formula of the RD, from counts",
    "AS": "exact formula of the arcsine difference, from sizes",
    "sizes": "correlation from the arm sizes alone, one SD for all: {why}",
    "plain": "arms taken as equal in size, so that two effects of the same arms have covariance "
    "rho sqrt(v_i v_j): arm sizes are not known for every row",
}


def account(samples: Samples, found: tuple[Matrices, ...], assumed: Assumed) -> pd.DataFrame:
    """One row a trial: ``trial``, ``rows``, ``formula``, ``smallest_eigenvalue``, ``account``."""
    records: list[tuple[Any, ...]] = [()] * len(samples.trials)
    for part in found:
        m = part.batch.rows.shape[1]
        for b, trial in enumerate(part.batch.trials.tolist()):
            formula = "" if m == 1 else part.batch.formula
            said = ["single row: nothing to do"] if m == 1 else _said(samples, part, b, assumed)
            text = "; ".join([*said, *samples.decided.get(trial, [])])
            records[trial] = (samples.trials[trial], m, formula, float(part.smallest[b]), text)
    return pd.DataFrame(records, columns=["trial", "rows", "formula", "smallest_eigenvalue", "account"])


def _said(samples: Samples, part: Matrices, b: int, assumed: Assumed) -> list[str]:
    batch, rows = part.batch, part.batch.rows[b]
    upper = np.triu(np.ones((rows.size, rows.size), dtype=np.bool_), 1)
    t, c = batch.same_t[b] & upper, batch.same_c[b] & upper
    shared = t | c
    same_time, same_outcome = batch.same_time[b], batch.same_outcome[b]
    said = []
    apart = shared & ~same_time
    if apart.any():
        said.append(
            f"{_classes(same_time, apart)} times of the same people: rho = {assumed.rho:g} between 24 h and 7 d, "
            f"{_SHAPES[assumed.correlation]} (assumed)"
        )
    said += _untimed(samples, rows, shared, same_time)
    other = shared & ~same_outcome
    if other.any():
        said.append(
            f"{_classes(same_outcome, other)} outcomes of the same people: correlation {assumed.between:g} (assumed)"
        )
    said += _arms(samples, part, b, t, c)
    said += _independent(samples, rows, upper & ~shared)
    if samples.both_periods[rows].any():
        said.append("both periods of a crossover: correlation between the two arms is not in the formula")
    if shared.any():
        said += _formula(samples, part, b)
    return said


def _untimed(samples: Samples, rows: np.ndarray, shared: np.ndarray, same_time: np.ndarray) -> list[str]:
    none = np.isnan(samples.number["hours"][rows])
    involved = none[:, None] | none[None, :]
    said = []
    if (shared & ~same_time & involved).any():
        said.append(f"{plural(int(none.sum()), 'row')} without time_hours: rho with every other time")
    if (shared & same_time & involved).any():
        said.append("rows without time_hours and with one time_label taken as one time")
    return said


def _arms(samples: Samples, part: Matrices, b: int, t: np.ndarray, c: np.ndarray) -> list[str]:
    batch, rows = part.batch, part.batch.rows[b]
    said = []
    control = c & ~t
    if control.any():
        held = {arm for row in rows[_involved(control)].tolist() for arm in samples.arms.of(row)}
        said.append(f"{len(held)} treatment arms share a comparator")
    if (t & ~c & ~_both_split(samples, rows)).any():
        said.append("one treatment arm against several comparators")
    if (t & ~batch.same_arms[b]).any():
        said.append("combined arms and their parts: people in both taken as the smaller size")
    if (np.broadcast_to(batch.common, batch.same_t.shape)[b] < 1).any():
        said.append("combined arms that overlap: people in both from the rows of the common part")
    if batch.overlapping[b]:
        said.append(
            "combined arms that overlap: the size of the common part is not known, taken as the smaller arm"
        )
    if samples.split[rows].any():
        said.append("parts of a split comparator count as independent")
    return said


def _both_split(samples: Samples, rows: np.ndarray) -> np.ndarray:
    """Pairs of rows that hold parts of one divided comparator arm."""
    split = samples.split[rows]
    if not split.any():
        return np.zeros((rows.size, rows.size), dtype=np.bool_)
    control = samples.text["comparator_arm_id"][rows]
    alike = (control[:, None] == control[None, :]) & (control != "")[:, None]
    return np.asarray(alike & split[:, None] & split[None, :], dtype=np.bool_)


def _independent(samples: Samples, rows: np.ndarray, apart: np.ndarray) -> list[str]:
    apart = apart & ~_both_split(samples, rows)
    if not apart.any():
        return []
    said = []
    columns = ("drug", "comparator", "comparator_arm_id", "study_id")
    pairs = opposite_roles(*([str(cell) for cell in samples.text[name][rows]] for name in columns))
    opposite = [pair for pair in pairs if apart[pair]]
    if opposite:
        for pair in opposite:
            apart[pair] = False
        said.append(
            f"{plural(len(opposite), 'pair')} of rows in which the comparator of one may be the treatment arm of the other: "
            "taken as independent, though such effects are negatively correlated"
        )
    if apart.any():
        said.append(
            f"{plural(int(apart.sum()), 'pair')} of rows without an arm in common: independent (wrong if one is a "
            "subgroup of the other)"
        )
    return said


def _formula(samples: Samples, part: Matrices, b: int) -> list[str]:
    batch, rows = part.batch, part.batch.rows[b]
    said = _FORMULAS[batch.formula].format(why=samples.why[int(batch.trials[b])])
    units = [words for kind, words in _UNITS.items() if (samples.unit[rows] == kind).any()]
    if batch.formula == "SMD" and units:
        said += " " + " and ".join(units)
    if samples.measure == "SMD" and batch.formula == "SMD" and not samples.named[rows].all():
        said += ", in units of the pooled SD where no standardiser is named"
    found = [said]
    if part.capped[b]:
        zero = samples.measure == "AS" and samples.corrected[rows].any()
        found.append(
            "rho exceeds what the proportions allow, the largest possible correlation stands there"
            + (" (0.5 added to the cells of tables with a zero)" if zero else "")
        )
    if part.limited[b]:
        found.append(
            "the variances disagree with the arm sizes: what effects with one arm in common share was lowered, so that "
            "no covariance exceeds a variance"
        )
    own = int(part.own[b].sum())
    if own:
        found.append(
            f"vi of {plural(own, 'row')} is not that of the formula: its correlation is kept, times sqrt(v_i v_j)"
        )
    return found


def _involved(pairs: np.ndarray) -> np.ndarray:
    """Rows that stand in any of the pairs."""
    return np.asarray(pairs.any(axis=0) | pairs.any(axis=1))


def _classes(same: np.ndarray, pairs: np.ndarray) -> int:
    """Number of different kinds among the rows of the pairs, of which ``same`` says which are alike."""
    at = _involved(pairs)
    return int((np.tril(same[np.ix_(at, at)], -1).sum(axis=1) == 0).sum())
