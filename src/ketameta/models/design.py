"""From moderators to a design matrix with names that a reader understands."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._spelling import did_you_mean
from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models._formula import Formula
from ketameta.models._moderators import moderator, reads_as_number, text_of
from ketameta.models._studies import name_rows

__all__ = ["INTERCEPT", "Design", "formula_design", "matrix_design", "ordered_levels"]

INTERCEPT = "intercept"

_LEVELS_SHOWN = 8
_MOST_TRIED = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A design matrix, and how to make the same columns for other values of the moderators.

    Attributes
    ----------
    formula : str
        The formula as written, or the names of the columns of a matrix joined by ``+``.
    x : Array, shape (k, p)
        Design matrix.
    names : tuple of str
        Name of each coefficient, ``intercept`` first where there is one.
    terms : tuple of (str, tuple of int)
        Terms of the formula and the positions of their coefficients.
    columns : tuple of str
        Moderators, the columns that other values must have.
    levels : dict of str to tuple of str
        Levels of the categorical moderators, the reference level first.
    data : DataFrame
        Moderators of the k studies, as used.
    spec : formulaic.ModelSpec, optional
        How formulaic made the columns; None for a matrix.
    """

    formula: str
    x: Array
    names: tuple[str, ...]
    terms: tuple[tuple[str, tuple[int, ...]], ...]
    columns: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    data: pd.DataFrame
    spec: Any

    @property
    def intercept(self) -> bool:
        """Whether the first coefficient is an intercept."""
        return self.names[0] == INTERCEPT

    @property
    def basis(self) -> Array:
        """Matrix (p, p) that makes the columns orthogonal, ``x @ basis``, centred where there is an intercept."""
        centring = np.eye(len(self.names))
        if self.intercept:
            centring[0, 1:] = -self.x[:, 1:].mean(axis=0)
        centred = self.x @ centring
        spread = np.sqrt((centred * centred).sum(axis=0))
        orthogonal: Array = centring / spread @ np.linalg.inv(np.linalg.qr(centred / spread, mode="r"))
        return orthogonal

    def rows(self, table: pd.DataFrame) -> Array:
        """Design matrix of other values of the moderators, shape (m, p)."""
        absent = [name for name in self.columns if name not in table.columns]
        if absent:
            raise ModelError(
                f"the table to predict for has no column {', '.join(map(repr, absent))}; it needs a value of "
                f"each moderator: {', '.join(self.columns)}"
            )
        ready = {}
        for name in self.columns:
            values, missing = moderator(table, name, as_levels=name in self.levels)
            if missing.any():
                raise ModelError(
                    f"{name!r} is missing in {name_rows(table, np.flatnonzero(missing).tolist())} of the table "
                    "to predict for"
                )
            if values.dtype == object and name not in self.levels:
                raise ModelError(
                    f"{name!r} is {values[0]!r} in the table to predict for; in the fit it is a number"
                )
            ready[name] = values
        return self.evaluated(pd.DataFrame(ready, columns=list(self.columns)))

    def evaluated(self, data: pd.DataFrame) -> Array:
        """Design matrix of values read already: floats, and text where the moderator is categorical."""
        if self.spec is None:
            return np.column_stack([np.ones(len(data)), data.to_numpy(dtype=np.float64)])
        return _evaluate(self.spec, self._coded(data))[0]

    def beyond(self, table: pd.DataFrame) -> tuple[str, ...]:
        """What lies outside the range of the studies in other values of the moderators, in words."""
        found = []
        for name in self.columns:
            if name not in self.levels:
                low, high = (float(bound) for bound in (self.data[name].min(), self.data[name].max()))
                values = table[name].to_numpy(dtype=np.float64)
                far = np.flatnonzero((values < low) | (values > high)).tolist()
                if far:
                    found.append(
                        f"{name!r} lies outside the range of the studies ({low:g} to {high:g}) in "
                        f"{name_rows(table, far)}: the prediction is an extrapolation"
                    )
        return tuple(found)

    def _coded(self, data: pd.DataFrame) -> pd.DataFrame:
        for name, known in self.levels.items():
            strange = sorted(set(data[name]) - set(known))
            if strange:
                raise ModelError(
                    f"{strange[0]!r} is no level of {name!r} in the fit; it knows {', '.join(map(repr, known))}"
                )
        return _code(data, self.levels)


def formula_design(rows: pd.DataFrame, formula: Formula, reference: Mapping[str, str]) -> Design:
    """Design of checked rows, none of which lacks a moderator.

    Parameters
    ----------
    rows : DataFrame
        Studies.
    formula : Formula
        From :func:`ketameta.models._formula.read_formula`.
    reference : mapping of str to str
        Reference level of categorical moderators; else the first category of a categorical column, or the
        first level in alphabetical (for numbers, numerical) order.
    """
    _check_names(formula.columns)
    data, levels = {}, {}
    for name in formula.columns:
        values, _ = moderator(rows, name, as_levels=name in formula.as_levels)
        data[name] = values
        if values.dtype == object:
            levels[name] = ordered_levels(rows[name], values, reference.get(name))
    for name in formula.as_numbers & set(levels):
        raise ModelError(
            f"{name!r} stands for levels and cannot be a number as well; make a copy of the column under another name"
            if name in formula.as_levels
            else f"{name!r} holds text, and the formula {formula.text!r} calculates with it"
        )
    for name in reference:
        if name not in levels:
            what = "is a number" if name in data else "is no moderator of the formula"
            raise ModelError(f"reference names {name!r}, which {what}; give categorical moderators only")
    single = [name for name, known in levels.items() if len(known) == 1]
    if single:
        raise ModelError(
            f"{single[0]!r} has one level only ({levels[single[0]][0]!r}) among the {len(rows)} studies used; it "
            "cannot explain differences between them"
        )
    fewest = sum(
        math.prod(len(levels.get(_source(factor.expr), "ab")) - 1 for factor in term.factors)
        for term in formula.parsed
    )
    if fewest >= max(len(rows), _MOST_TRIED):
        raise ModelError(
            f"{len(rows)} studies cannot carry the {fewest} coefficients or more of {formula.text!r}; leave moderators "
            "out or merge levels"
        )
    frame = pd.DataFrame(data, columns=list(formula.columns))
    x, spec = _evaluate(formula.parsed, _code(frame, levels))
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1)).tolist()
    if bad:
        raise ModelError(f"the formula {formula.text!r} gives no finite number in {name_rows(rows, bad)}")
    names, terms = _names(spec, levels)
    return Design(formula.text, x, names, terms, formula.columns, levels, frame, spec)


def ordered_levels(column: pd.Series, values: Any, reference: str | None) -> tuple[str, ...]:
    """Levels that occur, the reference first."""
    found = set(values.tolist())
    if isinstance(column.dtype, pd.CategoricalDtype):
        ordered = [text for text in dict.fromkeys(map(text_of, column.cat.categories)) if text in found]
    elif all(map(reads_as_number, found)):
        ordered = sorted(found, key=lambda text: (float(text), text))
    else:
        ordered = sorted(found)
    if reference is None:
        return tuple(ordered)
    wanted = text_of(reference)
    if wanted not in found:
        hint = did_you_mean(wanted, ordered, f"; it has {', '.join(ordered[:_LEVELS_SHOWN])}")
        raise ModelError(f"{reference!r} is no level of {column.name!r} among the studies used{hint}")
    return (wanted, *(text for text in ordered if text != wanted))


def _code(data: pd.DataFrame, levels: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """Levels as L0, L1 and so on, so that no text of a cell gets into the names that formulaic makes."""
    coded = data.copy()
    for name, known in levels.items():
        codes = {text: f"L{i}" for i, text in enumerate(known)}
        coded[name] = pd.Categorical([codes[text] for text in data[name]], categories=list(codes.values()))
    return coded


def _evaluate(source: Any, data: pd.DataFrame) -> tuple[Array, Any]:
    """Design matrix by formulaic, from a checked formula or from the specification of a fitted one."""
    from formulaic.errors import FormulaicError

    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = source.get_model_matrix(
                data, context={"sqrt": np.sqrt}, output="pandas", na_action="ignore"
            )
    except (FormulaicError, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
        if "beyond upper and/or lower bounds" in str(error):
            raise ModelError(
                "bs() holds between the smallest and the largest value of the studies, or the bounds that it was "
                "given; a value lies outside"
            ) from None
        found = re.search(r"\[\w+: (.*)\]", str(error))
        reason = found[1] if found else str(error).strip().partition("\n")[0]
        raise ModelError(f"the formula cannot be computed: {reason}") from None
    return made.to_numpy(dtype=np.float64), made.model_spec


def _names(
    spec: Any, levels: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[int, ...]], ...]]:
    """Readable names of the columns, and the columns of each term."""
    names: list[str] = []
    terms = []
    for part in spec.structure:
        start = len(names)
        factors = [factor.expr for factor in part.term.factors]
        constant = factors == ["1"]
        names += [INTERCEPT] if constant else [_name(column, factors, levels) for column in part.columns]
        label = INTERCEPT if constant else ":".join(factors)
        terms.append((label, tuple(range(start, len(names)))))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ModelError(f"two coefficients are both called {twice!r}; rename a column or a level")
    return tuple(names), tuple(terms)


def _name(column: str, factors: Sequence[str], levels: Mapping[str, tuple[str, ...]]) -> str:
    """One column of formulaic, such as ``year:drug[T.L1]``, in words: ``year × drug: b vs a``.

    Factors come in the order of the term; one that is left out here stands for its intercept.
    """
    words, rest = [], column
    for expr in factors:
        match = re.match(re.escape(expr) + r"(?:\[(T\.)?(\w+)\])?(?::|$)", rest)
        if match is None:
            continue
        rest = rest[match.end() :]
        source = _source(expr)
        if source in levels and match[2]:
            known = levels[source]
            level = known[int(match[2][1:])]
            words.append(f"{source}: {level} vs {known[0]}" if match[1] else f"{source}: {level}")
        else:
            words.append(f"{expr}[{match[2]}]" if match[2] else expr)
    return " × ".join(words)


def _source(expr: str) -> str:
    """The column of a factor, without the ``C()`` around it."""
    inner = re.fullmatch(r"C\(`?(.*?)`?\)", expr)
    return inner[1] if inner else expr


def matrix_design(x: pd.DataFrame) -> Design:
    """Design of a table of numbers, one column a moderator; an intercept is put before them."""
    _check_numeric(x)
    names = tuple(str(name) for name in x.columns)
    _check_names(names)
    terms = tuple((name, (i,)) for i, name in enumerate((INTERCEPT, *names)))
    full = np.column_stack([np.ones(len(x)), x.to_numpy(dtype=np.float64)])
    return Design(
        " + ".join(names), full, (INTERCEPT, *names), terms, names, {}, x.reset_index(drop=True), None
    )


def _check_names(columns: Sequence[str]) -> None:
    if INTERCEPT in columns:
        raise ModelError(f"a moderator cannot be called {INTERCEPT!r}; rename the column")


def _check_numeric(x: pd.DataFrame) -> None:
    for name in x.columns:
        if not pd.api.types.is_numeric_dtype(x[name]):
            raise ModelError(f"{name!r} must be numbers in a matrix; text goes in by a formula")
