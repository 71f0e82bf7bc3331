"""An R script put together: data as R text, the fit, and a comparison with the numbers of ketameta."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.errors import ModelError

__all__ = [
    "RAnalysis",
    "r_coefficients",
    "r_frame",
    "r_level",
    "r_matrix",
    "r_number",
    "r_string",
    "r_vector",
    "require_rank",
]

_WIDTH = 100
_EFFECTS = frozenset({"estimate", "ci_low", "ci_high", "pi_low", "pi_high"})
_VARIANCES = ("tau2", "omega2")
_SINGULAR = 1e-7
_LEAST_LEVEL = 0.01
_NAMED = {'"': '\\"', "\\": "\\\\"}


@dataclass(frozen=True, slots=True)
class RAnalysis:
    """What makes an R script.

    Attributes
    ----------
    about : tuple of str
        Comments at the top: methods and data.
    data, fit : str
        R code that makes ``d``, and ``fit``.
    found : mapping of str to str
        Name of a quantity, and the R expression that gives it.
    expected : mapping of str to float
        Values of ketameta; those that are missing or infinite are not compared.
    tolerance : float
        Largest relative difference.
    left_out : tuple of str
        What the script does not compute, and why.
    unit : float
        Usual size of a sampling error.
    """

    about: tuple[str, ...]
    data: str
    fit: str
    found: Mapping[str, str]
    expected: Mapping[str, float]
    tolerance: float
    left_out: tuple[str, ...] = ()
    unit: float = 1.0

    @property
    def text(self) -> str:
        """The script."""
        names = [name for name in self.found if math.isfinite(self.expected[name])]
        found = ",\n".join(f"  {r_string(name)} = {self.found[name]}" for name in names)
        ours = ",\n".join(f"  {r_string(name)} = {r_number(self.expected[name])}" for name in names)
        parts = (
            "\n".join(_comment(line) for line in (*self.about, *self.left_out)),
            "suppressMessages(library(metafor))",
            self.data,
            f"{self.fit}\nprint(fit)",
            f"found <- c(\n{found}\n)",
            f"# What ketameta found, with all digits.\nketameta <- c(\n{ours}\n)",
            _CHECK.format(tolerance=f"{self.tolerance:g}", sizes=", ".join(map(self._size, names))),
        )
        return "\n\n".join(parts) + "\n"

    def _size(self, name: str) -> str:
        """Usual size of a quantity: what a difference is measured by where the number is near 0."""
        kind, comma, term = name.partition(", ")
        if kind in _EFFECTS:
            error = self.expected.get(f"se{comma}{term}", math.nan)
            return f"{error if error > 0 else self.unit:.3g}"
        if kind == "se":
            return "0"
        return f"{self.unit**2:.3g}" if kind.startswith(_VARIANCES) else "1"


_CHECK = """\
# Differences count in proportion to the number, or to its usual size where the number is smaller.
size <- c({sizes})
cat(sprintf("%s %.17g %.17g\\n", names(found), found, ketameta), sep = "")
same <- abs(found - ketameta) <= {tolerance} * pmax(abs(ketameta), size)
stopifnot("R and ketameta differ" = isTRUE(all(same)))"""


def r_string(text: str) -> str:
    r"""Text as an R string of ASCII characters.

    Examples
    --------
    >>> from ketameta.reporting._rscript import r_string
    >>> print(r_string('a "b" \\ é'))
    "a \"b\" \\ \u00e9"
    """
    return '"' + _ascii(text, _NAMED) + '"'


def _comment(line: str) -> str:
    return f"# {_ascii(line, {})}"


def _ascii(text: str, named: Mapping[str, str]) -> str:
    return "".join(named.get(c) or (c if c.isascii() and c.isprintable() else _escape(ord(c))) for c in text)


def _escape(code: int) -> str:
    """A character as R reads it; R has no strings with NUL or half a surrogate pair."""
    if code == 0 or 0xD800 <= code <= 0xDFFF:
        code = 0xFFFD
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"


def r_number(value: float) -> str:
    """A number with all its digits, the shortest text that is read back as the same number.

    Examples
    --------
    >>> from ketameta.reporting._rscript import r_number
    >>> r_number(0.1), r_number(-2.0), r_number(float("inf")), r_number(float("nan"))
    ('0.1', '-2', 'Inf', 'NA')
    """
    number = float(value)
    if math.isnan(number):
        return "NA"
    if math.isinf(number):
        return "Inf" if number > 0 else "-Inf"
    return repr(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def r_vector(values: Iterable[float | str]) -> str:
    """A vector of numbers or strings, in lines of some width."""
    cells = [r_string(value) if isinstance(value, str) else r_number(value) for value in values]
    lines, line = [], ""
    for cell in cells:
        joined = f"{line}, {cell}" if line else cell
        if line and len(joined) > _WIDTH:
            lines.append(line)
            joined = cell
        line = joined
    return "c(" + ",\n    ".join([*lines, line]) + ")"


def r_frame(columns: Mapping[str, Sequence[float] | Sequence[str] | Array]) -> str:
    """Code that makes the data frame ``d``."""
    lines = ",\n".join(f"  {name} = {r_vector(list(values))}" for name, values in columns.items())
    return f"d <- data.frame(\n{lines},\n  stringsAsFactors = FALSE\n)"


def r_matrix(name: str, values: Array, names: Sequence[str]) -> str:
    """Code that makes a matrix with named columns."""
    columns = ",\n".join(
        f"  {r_vector(column)}" for column in np.asarray(values, dtype=np.float64).T.tolist()
    )
    return f"{name} <- matrix(c(\n{columns}\n), nrow = {len(values)})\ncolnames({name}) <- {r_vector(list(names))}"


def r_level(level: float) -> str:
    """A level in percent, as metafor takes it.

    Raises
    ------
    ModelError
        Below 1 percent, which metafor takes for something else.
    """
    if level < _LEAST_LEVEL:
        raise ModelError(
            f"there is no R script of this: metafor takes a level below 1 percent for another one; level is {level:g}"
        )
    return r_number(100.0 * level)


def require_rank(x: Array) -> None:
    """Refuse a design matrix that metafor takes for one that is not of full rank.

    Raises
    ------
    ModelError
        When the smallest eigenvalue of X'X is below 1e-7, or below the rounding error of the largest.
    """
    squares = np.linalg.svd(x, compute_uv=False) ** 2
    if squares[-1] <= max(_SINGULAR, np.finfo(np.float64).eps * len(x) * squares[0]):
        raise ModelError(
            "there is no R script of this: metafor takes the columns of this design for dependent, as moderators of very "
            "large or very small numbers make them; use scale(), or center() as in I(center(year)**2)"
        )


def r_coefficients(table: pd.DataFrame) -> tuple[dict[str, str], dict[str, float]]:
    """Where R keeps each number of a table of coefficients, and what it must be."""
    found: dict[str, str] = {}
    expected: dict[str, float] = {}
    for i, row in enumerate(table.to_dict(orient="records"), 1):
        for name, part in (
            ("estimate", "beta"),
            ("se", "se"),
            ("ci_low", "ci.lb"),
            ("ci_high", "ci.ub"),
            ("p", "pval"),
        ):
            found[f"{name}, {row['term']}"] = f"fit${part}[[{i}]]"
            expected[f"{name}, {row['term']}"] = row[name]
    return found, expected
