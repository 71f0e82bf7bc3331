"""Hypotheses on coefficients of a meta-regression, and the result of testing them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value
from ketameta._spelling import did_you_mean
from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models.linear import Linear
from ketameta.models.result import finite, level_text, plain_rows

__all__ = ["Hypothesis", "LinearTest", "decimals", "read_hypothesis", "statistic"]

_RANK_TOLERANCE = 1e-10
_FARTHEST = 1e100
_HOW = (
    'give the name of a coefficient or of a term, "name = number", "name = other name", a list of these, a dict '
    "of names and weights, or a matrix with a column for each coefficient"
)


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """Linear combinations of coefficients and the values that they are held against.

    Attributes
    ----------
    labels : tuple of str
        One text a combination.
    weights : Array, shape (m, p)
        Combinations.
    value : Array, shape (m,)
        Values under the hypothesis.
    """

    labels: tuple[str, ...]
    weights: Array
    value: Array


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LinearTest(Shown):
    """Test of one or several linear combinations of coefficients.

    Attributes
    ----------
    combinations : DataFrame
        ``combination, value, estimate, se, ci_low, ci_high, p``, one row a combination; ``value`` is what the
        hypothesis says, and ``p`` tests that combination alone.
    stat, df1, df2, p : float, int, float, float
        Joint test: F, or chi-square where ``df2`` is infinite.
    level : float
        Level of the intervals.
    """

    combinations: pd.DataFrame
    stat: float
    df1: int
    df2: float
    p: float
    level: float

    def to_frame(self) -> pd.DataFrame:
        """One row a combination."""
        return self.combinations.copy()

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        rows = plain_rows(self.combinations)
        joint = {name: finite(getattr(self, name)) for name in ("stat", "df1", "df2", "p", "level")}
        return {"combinations": rows, **joint}

    def sentence(self) -> str:
        """The test as a sentence of a results section."""
        said = " and ".join(
            f"{name} = {value:g}"
            for name, value in zip(self.combinations["combination"], self.combinations["value"], strict=True)
        )
        return f"Test that {said}: {statistic(self.stat, self.df1, self.df2, self.p)}."

    def _card(self) -> Card:
        rows = []
        for row in self.combinations.to_dict(orient="records"):
            digits = decimals(row["se"])
            rows.append(
                (
                    row["combination"],
                    f"{row['value']:g}",
                    number(row["estimate"], digits),
                    interval(row["ci_low"], row["ci_high"], digits),
                    p_value(row["p"]),
                )
            )
        columns = ("Combination", "Tested value", "Estimate", f"{level_text(self.level)} interval", "P")
        footer = (f"Joint test: {statistic(self.stat, self.df1, self.df2, self.p)}",)
        return Card("Linear combinations of coefficients", columns, tuple(rows), (), footer)

    @staticmethod
    def made(linear: Linear, hypothesis: Hypothesis) -> LinearTest:
        """Test a hypothesis on the coefficients of a single fit."""
        inference = linear.combination(hypothesis.weights)
        low, high = inference.interval()
        away = linear.combination(hypothesis.weights, hypothesis.value)
        joint = linear.joint(hypothesis.weights, hypothesis.value)
        table = pd.DataFrame(
            {
                "combination": list(hypothesis.labels),
                "value": hypothesis.value,
                "estimate": inference.estimate,
                "se": inference.se,
                "ci_low": low,
                "ci_high": high,
                "p": away.p,
            }
        )
        return LinearTest(table, float(joint.stat), joint.df1, joint.df2, float(joint.p), linear.level)


def statistic(stat: float, df1: int, df2: float, p: float) -> str:
    """A joint test in print.

    Examples
    --------
    >>> from ketameta.models.hypotheses import statistic
    >>> statistic(4.2, 2, 17.0, 0.033), statistic(9.1, 2, float("inf"), 0.0106)
    ('F(2, 17) = 4.20, P = 0.03', 'chi2(2) = 9.10, P = 0.01')
    """
    text = p_value(p)
    text = f"P {text.replace('<', '< ')}" if text.startswith("<") else f"P = {text}"
    name = f"chi2({df1})" if math.isinf(df2) else f"F({df1}, {df2:g})"
    return f"{name} = {number(stat)}, {text}"


def decimals(se: float) -> int:
    """How many decimals show two digits of a standard error, from 2 to 8."""
    if not math.isfinite(se) or se <= 0:
        return 2
    return min(max(2, 1 - math.floor(math.log10(se))), 8)


def read_hypothesis(
    what: Any,
    value: ArrayLike | None,
    names: Sequence[str],
    terms: Sequence[tuple[str, tuple[int, ...]]],
) -> Hypothesis:
    """Read what is to be tested.

    Parameters
    ----------
    what : str, sequence of str, mapping, or array_like of shape (p,) or (m, p)
        Names of coefficients or terms, equations, weights by name, or a matrix.
    value : array_like, optional
        Values for a mapping or a matrix; 0 when left out.
    names : sequence of str
        Coefficients.
    terms : sequence of (str, tuple of int)
        Terms and the positions of their coefficients.

    Raises
    ------
    ModelError
        For names that do not exist, shapes that do not fit, numbers that are not finite, and combinations
        that follow from one another.
    """
    if isinstance(what, str):
        found = _equations([what], value, names, terms)
    elif isinstance(what, Mapping):
        weights = np.zeros(len(names))
        for name, weight in what.items():
            weights[_one(name, names, terms)] = _finite(weight, f"the weight of {name!r}")
        found = Hypothesis((_label(what.values(), what),), weights[None, :], _values(value, 1))
    elif isinstance(what, Sequence) and what and all(isinstance(part, str) for part in what):
        found = _equations(what, value, names, terms)
    else:
        found = _matrix(what, value, names)
    largest = np.abs(found.weights).max(axis=1, keepdims=True)
    if not largest.all():
        raise ModelError("a combination has weight 0 for every coefficient; there is nothing to test")
    if not ((largest > 1.0 / _FARTHEST) & (largest < _FARTHEST)).all():
        raise ModelError("the weights of a combination lie too far from 1 to compute with; scale them")
    unit = np.sqrt((found.weights**2).sum(axis=1, keepdims=True))
    singular = np.linalg.svd(found.weights / unit, compute_uv=False)
    if len(found.weights) > len(names) or singular[-1] < _RANK_TOLERANCE * singular[0]:
        raise ModelError(
            f"the {len(found.weights)} combinations follow from one another; leave those out that say nothing new"
        )
    return found


def _equations(
    what: Sequence[str],
    value: ArrayLike | None,
    names: Sequence[str],
    terms: Sequence[tuple[str, tuple[int, ...]]],
) -> Hypothesis:
    if value is not None:
        raise ModelError(
            'write the value into the text, as in "year = 0.1"; value= goes with a dict or a matrix'
        )
    labels, rows, values = [], [], []
    for text in what:
        positions = _positions(text.strip(), names, terms)
        if positions is not None:
            labels += [names[i] for i in positions]
            rows += [np.eye(len(names))[i] for i in positions]
            values += [0.0] * len(positions)
            continue
        left, sign, right = (part.strip() for part in text.rpartition("="))
        if not sign:
            raise _unknown(text, names, terms)
        row = np.eye(len(names))[_one(left, names, terms)]
        try:
            number_right = float(right)
        except ValueError:
            row = row - np.eye(len(names))[_one(right, names, terms)]
            labels.append(f"{left} − {right}")
            values.append(0.0)
        else:
            labels.append(left)
            values.append(_finite(number_right, f"the value of {left!r}"))
        rows.append(row)
    return Hypothesis(tuple(labels), np.array(rows), np.array(values))


def _positions(
    name: str, names: Sequence[str], terms: Sequence[tuple[str, tuple[int, ...]]]
) -> tuple[int, ...] | None:
    if name in names:
        return (list(names).index(name),)
    return dict(terms).get(name)


def _one(name: Any, names: Sequence[str], terms: Sequence[tuple[str, tuple[int, ...]]]) -> int:
    positions = _positions(name, names, terms) if isinstance(name, str) else None
    if positions is None:
        raise _unknown(name, names, terms)
    if len(positions) > 1:
        raise ModelError(
            f"the term {name!r} has {len(positions)} coefficients ({', '.join(names[i] for i in positions)}); "
            "name one of them"
        )
    return positions[0]


def _unknown(name: Any, names: Sequence[str], terms: Sequence[tuple[str, tuple[int, ...]]]) -> ModelError:
    known = list(dict.fromkeys([*names, *(term for term, _ in terms)]))
    hint = did_you_mean(name, known, f"; there are {', '.join(known)}")
    return ModelError(f"{name!r} is neither a coefficient nor a term{hint}")


def _matrix(what: Any, value: ArrayLike | None, names: Sequence[str]) -> Hypothesis:
    try:
        weights = np.asarray(what, dtype=np.float64)
    except (TypeError, ValueError):
        raise ModelError(f"{what!r} cannot be tested; {_HOW}") from None
    weights = weights[None, :] if weights.ndim == 1 else weights
    if weights.ndim != 2 or weights.shape[1] != len(names) or len(weights) == 0:
        raise ModelError(
            f"the matrix has shape {weights.shape}; it needs {len(names)} columns ({', '.join(names)}). Otherwise, {_HOW}"
        )
    if not np.isfinite(weights).all():
        raise ModelError("the matrix of combinations has values that are not finite")
    labels = tuple(_label(row, names) for row in weights)
    return Hypothesis(labels, weights, _values(value, len(weights)))


def _label(weights: Iterable[float], names: Iterable[str]) -> str:
    """A combination in print.

    Examples
    --------
    >>> from ketameta.models.hypotheses import _label
    >>> _label([1, -0.5, 0], ["year", "dose", "age"])
    'year − 0.5 × dose'
    """
    text = ""
    for weight, name in zip(weights, names, strict=True):
        if weight:
            sign = " − " if weight < 0 else " + "
            text += sign if text else sign.strip(" +")
            text += name if abs(weight) == 1 else f"{abs(float(weight)):g} × {name}"
    return text


def _values(value: ArrayLike | None, m: int) -> Array:
    try:
        values = np.asarray(0.0 if value is None else value, dtype=np.float64)
        values = np.broadcast_to(values, (m,)).copy()
    except (TypeError, ValueError):
        raise ModelError(f"value={value!r} must be a number, or one for each of {m} combinations") from None
    if not np.isfinite(values).all():
        raise ModelError(f"value={value!r} must be finite")
    return values


def _finite(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ModelError(f"{what} is {value!r}; it must be a finite number")
    return float(value)
