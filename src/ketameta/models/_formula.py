"""Reading a formula of moderators, which is Python to formulaic, without running what a stranger wrote.

Only names of columns, ``+ : * -``, 0 and 1, and calls of a short list of functions on columns and numbers
pass. Nothing is evaluated here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ketameta._spelling import did_you_mean
from ketameta.errors import ModelError

__all__ = ["FUNCTIONS", "Formula", "column_error", "read_formula"]

FUNCTIONS = ("C", "I", "bs", "center", "exp", "log", "log10", "log2", "poly", "scale", "sqrt")

_KEYWORDS = {
    "bs": {"df", "degree", "knots", "lower_bound", "upper_bound", "include_intercept"},
    "poly": {"degree", "raw"},
}
_OPERATORS = set("+-*:~")
_LONGEST = 500
_MOST_CROSSINGS = 6
_HIGHEST_POWER = 6
_MOST_BASIS = 20
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_ALLOWED = (
    "a formula may hold column names (with spaces: `in backticks`), + : * - 0 1, parentheses, and "
    f"{', '.join(f'{name}()' for name in FUNCTIONS)} on columns and numbers"
)


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A formula that is safe to evaluate.

    Attributes
    ----------
    text : str
        The formula as written.
    parsed : formulaic.Formula
        Its terms.
    columns : tuple of str
        Columns it uses, in order of appearance.
    as_levels : frozenset of str
        Columns inside ``C()``.
    as_numbers : frozenset of str
        Columns inside any other function.
    """

    text: str
    parsed: Any
    columns: tuple[str, ...]
    as_levels: frozenset[str]
    as_numbers: frozenset[str]


def read_formula(text: Any, columns: Sequence[str]) -> Formula:
    """Check a formula against what is allowed and against the columns of the table.

    Parameters
    ----------
    text : str
        Right-hand side of a formula, with or without a leading ``~``.
    columns : sequence of str
        Columns of the table.

    Raises
    ------
    ModelError
        When the formula cannot be read, has a left-hand side or no moderator, names a column that does not
        exist, or holds anything but what is allowed.

    Examples
    --------
    >>> from ketameta.models._formula import read_formula
    >>> read_formula("year + C(centre)", ["yi", "vi", "year", "centre"]).columns
    ('year', 'centre')
    """
    from formulaic import Formula as Parsed
    from formulaic import SimpleFormula
    from formulaic.errors import FormulaicError
    from formulaic.parser import DefaultFormulaParser

    if not isinstance(text, str):
        raise ModelError(
            f'formula={text!r} must be text such as "year + comparator"; a matrix of moderators goes in as x='
        )
    if not text.strip():
        raise ModelError('the formula is empty; name moderators, such as "year + comparator"')
    if len(text) > _LONGEST:
        raise ModelError(f"the formula has {len(text)} characters; at most {_LONGEST} are read")
    try:
        tokens = [(token.kind.value, token.token) for token in DefaultFormulaParser().get_tokens(text)]
        _check_tokens(text, tokens)
        parsed = Parsed(text)
        if not isinstance(parsed, SimpleFormula):
            raise ModelError(f"the formula {text!r} has more than one part; {_ALLOWED}")
        reader = _Reader(text, tuple(columns))
        for term in parsed:
            for factor in term.factors:
                reader.factor(factor.expr, factor.eval_method.value)
    except ModelError:
        raise
    except (FormulaicError, SyntaxError, ValueError, RecursionError) as error:
        raise ModelError(f"the formula {text!r} cannot be read ({_reason(error)}); {_ALLOWED}") from None
    if not reader.used:
        raise ModelError(
            f"the formula {text!r} names no moderator; pool() fits the model with the intercept alone"
        )
    shadowed = reader.functions & set(reader.used)
    if shadowed:
        name = sorted(shadowed)[0]
        raise ModelError(f"{name!r} is both a function and a column of the formula; rename the column")
    return Formula(
        text.strip(), parsed, tuple(reader.used), frozenset(reader.levels), frozenset(reader.numbers)
    )


def column_error(name: str, columns: Sequence[str]) -> ModelError:
    """The error for a column that does not exist, with the nearest name."""
    hint = did_you_mean(name, columns, f"; its columns are {', '.join(columns)}")
    return ModelError(f"the table has no column {name!r}{hint}")


def _reason(error: Exception) -> str:
    """First line of a message, without the marks that formulaic prints for terminals."""
    lines = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]", "", str(error)).strip().splitlines()
    text = lines[0].partition(" (<unknown>")[0].rstrip(".") if lines else ""
    return text or type(error).__name__


def _check_tokens(text: str, tokens: Sequence[tuple[str, str]]) -> None:
    operators = [token for kind, token in tokens if kind == "operator"]
    brackets = {token for kind, token in tokens if kind == "context"} - {"(", ")"}
    wrong = [token for token in operators if not set(token) <= _OPERATORS or "**" in token]
    if wrong or brackets:
        raise ModelError(f"{[*wrong, *sorted(brackets)][0]!r} is not allowed in a formula; {_ALLOWED}")
    if any("~" in token for token in operators) and not (
        text.lstrip().startswith("~") and sum(token.count("~") for token in operators) == 1
    ):
        raise ModelError(
            f"the formula {text!r} has a left-hand side; leave it out, the effects come from column yi"
        )
    if sum(token.count("*") for token in operators) > _MOST_CROSSINGS:
        raise ModelError(
            f"the formula {text!r} crosses too many terms; * may stand {_MOST_CROSSINGS} times at most"
        )


class _Reader:
    """Goes through the factors of a formula and notes what they use."""

    def __init__(self, text: str, columns: tuple[str, ...]) -> None:
        self.text, self.columns = text, columns
        self.used: dict[str, None] = {}
        self.levels: set[str] = set()
        self.numbers: set[str] = set()
        self.functions: set[str] = set()

    def factor(self, expr: str, method: str) -> None:
        if method == "lookup":
            self._column(expr)
        elif method == "python":
            quoted: dict[str, str] = {}

            def stand_in(match: re.Match[str]) -> str:
                quoted[f"quoted{len(quoted)}_"] = match[1]
                return f"quoted{len(quoted) - 1}_"

            tree = ast.parse(re.sub(r"`([^`]*)`", stand_in, expr), mode="eval").body
            if not isinstance(tree, ast.Call):
                raise self._refusal(tree, expr)
            self._call(tree, expr, quoted)
        elif expr not in ("0", "1"):
            raise ModelError(f"{expr} may not stand in the formula {self.text!r}; {_ALLOWED}")

    def _column(self, name: str) -> None:
        if name not in self.columns:
            raise column_error(name, self.columns)
        self.used[name] = None

    def _refusal(self, node: ast.AST, expr: str) -> ModelError:
        return ModelError(f"{ast.unparse(node)!r} in {expr!r} is not allowed in a formula; {_ALLOWED}")

    def _call(self, node: ast.Call, expr: str, quoted: dict[str, str]) -> None:
        if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS:
            raise self._refusal(node, expr)
        name = node.func.id
        self.functions.add(name)
        if name == "C":
            if len(node.args) != 1 or node.keywords or not isinstance(node.args[0], ast.Name):
                raise ModelError(
                    f'{expr!r}: C() takes one column; the reference level goes in as reference={{"column": "level"}}'
                )
            column = quoted.get(node.args[0].id, node.args[0].id)
            self._column(column)
            self.levels.add(column)
            return
        if not node.args or len(node.args) > (2 if name in _KEYWORDS else 1):
            raise self._refusal(node, expr)
        self._numeric(node.args[0], expr, quoted)
        second = "df" if name == "bs" else "degree"
        for keyword, value in [(second, extra) for extra in node.args[1:]] + [
            (keyword.arg, keyword.value) for keyword in node.keywords
        ]:
            if keyword not in _KEYWORDS.get(name, set()):
                raise self._refusal(node, expr)
            self._option(keyword, value, expr)

    def _numeric(self, node: ast.expr, expr: str, quoted: dict[str, str]) -> bool:
        """Check an expression of columns and numbers; tells whether it holds a column."""
        if isinstance(node, ast.Name):
            column = quoted.get(node.id, node.id)
            self._column(column)
            self.numbers.add(column)
            return True
        if isinstance(node, ast.Constant) and _is_number(node.value):
            return False
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return self._numeric(node.operand, expr, quoted)
        if isinstance(node, ast.BinOp) and isinstance(node.op, _ARITHMETIC):
            left = self._numeric(node.left, expr, quoted)
            right = self._numeric(node.right, expr, quoted)
            if isinstance(node.op, ast.Pow) and (not left or not _is_power(node.right)):
                raise self._refusal(node, expr)
            return left or right
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], _COMPARISONS):
            left = self._numeric(node.left, expr, quoted)
            return self._numeric(node.comparators[0], expr, quoted) or left
        if isinstance(node, ast.Call):
            known = set(self.levels)
            self._call(node, expr, quoted)
            if self.levels != known or (isinstance(node.func, ast.Name) and node.func.id in ("bs", "poly")):
                raise self._refusal(node, expr)
            return True
        raise self._refusal(node, expr)

    def _option(self, keyword: str, node: ast.expr, expr: str) -> None:
        """An option of poly() or bs(): a whole number, True or False, or places on the axis."""
        parts = [node]
        if keyword == "knots" and isinstance(node, ast.List | ast.Tuple) and len(node.elts) <= _MOST_BASIS:
            parts = node.elts
        for part in parts:
            place = keyword == "knots" or "bound" in keyword
            if place and isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub):
                part = part.operand
            value: Any = part.value if isinstance(part, ast.Constant) else None
            if keyword in ("raw", "include_intercept"):
                fine, what = isinstance(value, bool), "True or False"
            elif place:
                fine, what = (
                    _is_number(value),
                    "a number" if "bound" in keyword else f"up to {_MOST_BASIS} numbers",
                )
            else:
                fine = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST_BASIS
                what = f"a whole number from 1 to {_MOST_BASIS}"
            if not fine:
                raise ModelError(f"{keyword}={ast.unparse(node)} in {expr!r} must be {what}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e100


def _is_power(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    value: Any = node.value if isinstance(node, ast.Constant) else None
    return _is_number(value) and value <= _HIGHEST_POWER
