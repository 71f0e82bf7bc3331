"""What certainty is judged on, computed from a pooled result; nothing is judged here."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._typing import Array, BoolArray
from ketameta.effects._sheet import Sheet
from ketameta.effects.absolute import information_size_means, information_size_risks
from ketameta.effects.people import people
from ketameta.errors import KetametaError, KetametaWarning
from ketameta.models import Pooled, PooledCounts, regress
from ketameta.reporting.grade_absolute import Absolute
from ketameta.reporting.grade_options import SummaryOptions

__all__ = ["Inputs", "Share", "inputs_of", "participants_of", "weights_of"]

Share = tuple[str, float]
_TRIALS_FOR_A_TEST = 10


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the five domains of GRADE are judged on.

    Attributes
    ----------
    i2, tau2, pi_low, pi_high : float
        Heterogeneity, and the prediction interval on the scale of the analysis; not-a-number where there is none.
    pi_holds_null, ci_holds_null : bool or None
        Whether prediction and confidence interval hold the value of no effect; None where there is no interval.
    mid : float or None
        Minimal important difference as the user gave it.
    ci_holds_mid : bool or None
        Whether the confidence interval holds it, for benefit or for harm.
    information_size : float
        Optimal information size, people; not-a-number where none can be computed.
    size_found : float
        The difference that it is for: SMDs, or the risk with ketamine.
    comparators, populations, blinding : tuple of (str, float)
        Shares of weight, the largest first.
    psychoactive : float
        Share of weight against a psychoactive comparator; not-a-number where the rows do not say.
    small_study_p : float
        P value of the test for small-study effects; not-a-number below 10 trials.
    by : str
        What shares are of: weight, participants or trials.
    """

    i2: float
    tau2: float
    pi_low: float
    pi_high: float
    pi_holds_null: bool | None
    ci_holds_null: bool | None
    mid: float | None
    ci_holds_mid: bool | None
    information_size: float
    size_found: float
    comparators: tuple[Share, ...]
    populations: tuple[Share, ...]
    blinding: tuple[Share, ...]
    psychoactive: float
    small_study_p: float
    by: str


def participants_of(result: Pooled | PooledCounts) -> Array:
    """People behind each row, not-a-number where unknown, none behind one that says nothing of the effect."""
    found = people(result.rows)
    if isinstance(result, PooledCounts):
        return np.where(result.used, np.where(np.isnan(found), result.n1 + result.n2, found), 0.0)
    return np.where(np.isfinite(found), found, np.nan)


def weights_of(result: Pooled | PooledCounts) -> tuple[Array, str]:
    """Weights of the rows, sum 1, and what they are: of the model, or by people, or one a row."""
    if np.isfinite(result.weights).all():
        return result.weights, "weight"
    size = participants_of(result)
    if np.isfinite(size).all():
        return np.asarray(size / size.sum()), "participants"
    return np.full(size.size, 1.0 / size.size), "trials"


def inputs_of(
    result: Pooled | PooledCounts, absolute: Absolute | None, mid: float | None, options: SummaryOptions
) -> Inputs:
    """Everything of one outcome that its certainty is judged on."""
    rows = result.rows
    weights, by = weights_of(result)
    comparators = _shares(rows, "comparator_class", weights)
    size, found = _information_size(result, absolute, mid, options)
    return Inputs(
        i2=result.i2,
        tau2=result.tau2,
        pi_low=result.pi_low,
        pi_high=result.pi_high,
        pi_holds_null=_holds(0.0, result.pi_low, result.pi_high),
        ci_holds_null=_holds(0.0, result.ci_low, result.ci_high),
        mid=mid,
        ci_holds_mid=None if mid is None else _holds_mid(result, mid),
        information_size=size,
        size_found=found,
        comparators=comparators,
        populations=_shares(rows, "population", weights),
        blinding=_shares(rows, "blinding", weights),
        psychoactive=_psychoactive(comparators),
        small_study_p=_small_study(result),
        by=by,
    )


def _shares(rows: pd.DataFrame, column: str, weights: Array) -> tuple[Share, ...]:
    """Shares of weight of the words of a column, empty cells as "not stated"; none where no cell says anything."""
    words = Sheet(rows.reset_index(drop=True)).text(column)
    if not any(words):
        return ()
    named = [word or "not stated" for word in words]
    sums = pd.Series(weights).groupby(named, sort=False).sum()
    return tuple(
        sorted(((str(name), float(share)) for name, share in sums.items()), key=lambda part: -part[1])
    )


def _psychoactive(comparators: tuple[Share, ...]) -> float:
    if not comparators:
        return math.nan
    return sum((share for name, share in comparators if name.casefold() == "psychoactive"), 0.0)


def _holds(value: float, low: float, high: float) -> bool | None:
    return None if math.isnan(low) or math.isnan(high) else low <= value <= high


def _holds_mid(result: Pooled | PooledCounts, mid: float) -> bool | None:
    edge = abs(math.log(mid)) if result.ratio else mid
    ends = [_holds(each, result.ci_low, result.ci_high) for each in (-edge, edge)]
    return None if None in ends else any(ends)


def _information_size(
    result: Pooled | PooledCounts, absolute: Absolute | None, mid: float | None, options: SummaryOptions
) -> tuple[float, float]:
    test = {"alpha": options.alpha, "power": options.power}
    if result.measure.upper() == "SMD":
        d = options.smd if mid is None else mid
        return float(information_size_means(d, **test)), d
    if absolute is None or not 0 < absolute.comparator < 1:
        return math.nan, math.nan
    sign = 1.0 if absolute.good else -1.0
    other = absolute.comparator * (1.0 + sign * options.relative)
    if not 0 < other < 1:
        return math.nan, math.nan
    return float(information_size_risks(absolute.comparator, other, **test)), other


def _small_study(result: Pooled | PooledCounts) -> float:
    """P value of the slope of the effects on the root of 1/n_t + 1/n_c, or on the standard error where a size is unknown."""
    if isinstance(result, PooledCounts) or result.k < _TRIALS_FOR_A_TEST:
        return math.nan
    sheet = Sheet(result.rows.reset_index(drop=True))
    arms = [_known(sheet.number(f"n_{arm}"), sheet.number(f"total_{arm}")) for arm in ("t", "c")]
    sizes = np.sqrt(1.0 / arms[0] + 1.0 / arms[1])
    predictor = sizes if np.isfinite(sizes).all() else np.sqrt(result.vi)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        try:
            fit = regress(moderators=pd.DataFrame({"size": predictor}), yi=result.yi, vi=result.vi)
        except KetametaError:
            return math.nan
    return float(fit.to_frame()["p"].iloc[-1])


def _known(n: Array, total: Array) -> Array:
    usable: BoolArray = n > 0
    size = np.where(usable, n, total)
    return np.where(size > 0, size, np.nan)
