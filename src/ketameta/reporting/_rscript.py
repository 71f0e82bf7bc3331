"""An R script put together: data as R text, the fit, and a comparison with the numbers of ketameta."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._typing import Array

__all__ = ["RAnalysis", "r_coefficients", "r_frame", "r_matrix", "r_number", "r_string", "r_vector"]

_WIDTH = 100
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
    """

    about: tuple[str, ...]
    data: str
    fit: str
    found: Mapping[str, str]
    expected: Mapping[str, float]
    tolerance: float
    left_out: tuple[str, ...] = ()

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
            _CHECK.format(tolerance=f"{self.tolerance:g}"),
        )
        return "\n\n".join(parts) + "\n"


_CHECK = """\
cat(sprintf("%s %.17g %.17g\\n", names(found), found, ketameta), sep = "")
same <- mapply(function(ours, theirs) isTRUE(all.equal(ours, theirs, tolerance = {tolerance})), ketameta, found)
stopifnot("R and ketameta differ" = all(same))"""


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
