"""Permutation tests of a pooled effect and of a meta-regression."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from ketameta._progress import Bar
from ketameta._render import Card, Shown, number, p_value
from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models.kernel import fit as fit_kernel
from ketameta.models.linear import Linear
from ketameta.models.regression_result import Regression
from ketameta.models.result import Pooled, plain_rows
from ketameta.provenance import Provenance

__all__ = ["PermutationTest", "permutation"]

_EXACT_AT_MOST = 50_000
_EXACT_CEILING = 2**24
_CHUNK = 4096
_CHUNK_NUMBERS = 2**20
_SAME = 1e-8
_CI_METHODS = ("Wald", "HKSJ", "HKSJ-adhoc")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PermutationTest(Shown):
    """P values from arrangements of the data under the hypothesis of no effect.

    Attributes
    ----------
    table : DataFrame
        ``term, estimate, stat, p_model, p``, one row a tested coefficient, and for a meta-regression one for
        all moderators together (its ``estimate`` is missing): statistic, P value of the model, P value by
        permutation.
    n : int
        Number of arrangements: all of them where ``exact``, else those drawn.
    exact : bool
        Whether every arrangement was looked at.
    how : str
        What was permuted.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    table: pd.DataFrame
    n: int
    exact: bool
    how: str
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def method(self) -> str:
        """One line that says how the P values were made."""
        kind = "Exact permutation test" if self.exact else "Permutation test with random draws"
        return f"{kind}: {self.n} {self.how}; two-sided, on the absolute test statistic"

    def to_frame(self) -> pd.DataFrame:
        """One row a test."""
        return self.table.copy()

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        return {
            "tests": plain_rows(self.table),
            "n": self.n,
            "exact": self.exact,
            "method": self.method,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """The P values as a sentence of a results section."""
        parts = []
        for row in self.table.to_dict(orient="records"):
            p = p_value(row["p"])
            parts.append(f"{row['term']} P {p.replace('<', '< ') if p.startswith('<') else f'= {p}'}")
        kind = "exact permutation test" if self.exact else "permutation test"
        return f"By {kind} ({self.n} {self.how}): {'; '.join(parts)}."

    def _card(self) -> Card:
        rows = tuple(
            (row["term"], number(row["stat"]), p_value(row["p_model"]), p_value(row["p"]))
            for row in self.table.to_dict(orient="records")
        )
        footer = (self.method, self.provenance.line())
        columns = ("", "Statistic", "P of the model", "P by permutation")
        return Card("Permutation test", columns, rows, self.notes, footer)


def permutation(
    fit: Pooled | Regression,
    *,
    iterations: int = 1000,
    exact: bool | str = "auto",
    rng: Any = None,
    progress: bool = True,
) -> PermutationTest:
    """Test a pooled effect or moderators without relying on a distribution of the test statistic.

    Parameters
    ----------
    fit : Pooled or Regression
        From :func:`ketameta.pool` (signs of the effects are flipped) or :func:`ketameta.regress` (rows of the
        design matrix are dealt out anew to the studies).
    iterations : int
        How many random arrangements, where not all are looked at.
    exact : bool or ``"auto"``
        True: every arrangement (2 ** k sign flips, or the different orders of the rows, k! when no two rows
        are alike). ``"auto"``: every one where there are at most 50,000 (k <= 15 for a pool, k <= 8 with
        different rows), else random ones. False: random ones.
    rng : int, numpy.random.Generator or None
        Seed or generator of the random arrangements.
    progress : bool
        Whether to tell on standard error how far long work (beyond two seconds) has come.

    Returns
    -------
    PermutationTest

    Raises
    ------
    ModelError
        For a single study, a regression without an intercept, an unknown option, or more than 16,777,216
        arrangements with ``exact=True``.

    Notes
    -----
    Each arrangement is fitted anew, tau2 included, with the settings of ``fit``. Exact P values are the share
    of arrangements with a statistic at least as large as the observed one (up to a relative 1e-8, so that
    ties count); with n random ones it is (count + 1) / (n + 1). Follmann and Proschan (1999), Biometrics
    55:732-737; Higgins and Thompson (2004), Stat Med 23:1663-1682. Sign flips suppose that effects are
    symmetric around 0 under the hypothesis. Dealing out whole rows tests that no moderator matters; the
    P value of one of several moderators holds under that joint hypothesis, and the intercept has none. Without
    an intercept a coefficient such as the mean of a group keeps its size however the rows are dealt out.
    Memory does not grow with ``iterations``.

    Examples
    --------
    >>> import ketameta as km
    >>> pooled = km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.09, 0.05, 0.04, 0.07, 0.11])
    >>> test = km.models.permutation(pooled)
    >>> test.n, test.exact, test.table["p"].tolist()
    (32, True, [0.0625])
    """
    if not isinstance(fit, Pooled | Regression):
        raise ModelError(f"fit must come from pool() or regress(), not {type(fit).__name__}")
    if isinstance(iterations, bool) or not isinstance(iterations, Integral) or iterations < 1:
        raise ModelError(f"iterations={iterations!r} must be a whole number of 1 or more")
    if exact is not True and exact is not False and exact != "auto":
        raise ModelError(f'exact={exact!r} must be True, False or "auto"')
    if fit.ci_method not in _CI_METHODS:
        raise ModelError(
            f"ci={fit.ci_method!r} has no permutation test; fit with one of {', '.join(_CI_METHODS)}"
        )
    if fit.k < 2:
        raise ModelError("a permutation test needs at least two studies")
    if isinstance(fit, Regression) and not fit.design.intercept:
        raise ModelError(
            "dealing out the rows of a model without an intercept does not test whether its coefficients are 0; "
            "fit it with an intercept"
        )
    design = fit.design.x @ fit.design.basis if isinstance(fit, Regression) else None
    groups, counts = _groups(fit)
    total = 2**fit.k if design is None else _orders(counts)
    all_of_them = exact is True or (exact == "auto" and total <= _EXACT_AT_MOST)
    if all_of_them and total > _EXACT_CEILING:
        raise ModelError(
            f"there are {total:.3g} arrangements of {fit.k} studies, and at most {_EXACT_CEILING} are looked at; "
            'use exact="auto" or exact=False, and iterations'
        )
    try:
        generator = np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise ModelError(f"rng={rng!r} must be a seed, a numpy Generator or None") from None
    n = total if all_of_them else int(iterations)
    observed = _statistics(fit, fit.yi, design)[0]
    count = np.zeros(observed.size)
    looked_at = n // 2 if design is None and all_of_them else n
    shown = Bar("permutation test", looked_at, progress)
    for part in _chunks(looked_at, fit.k if design is None else design.size):
        if design is None:
            flips = _signs(part, fit.k) if all_of_them else _random_signs(part, fit.k, generator)
            found = _statistics(fit, flips * fit.yi, None)
        else:
            if all_of_them:
                rows = groups[_arranged(part, counts, total)]
            else:
                rows = np.argsort(generator.random((part.size, fit.k)), axis=-1)
            found = _statistics(fit, fit.yi, design[rows])
        count += (found >= observed * (1.0 - _SAME)).sum(axis=0)
        shown(part[-1] + 1)
    p = count / looked_at if all_of_them else (count + 1.0) / (n + 1.0)
    how = "sign flips" if design is None else "orders of the rows of the design matrix"
    asked = ("permutation", {"iterations": iterations, "exact": exact, "rng": rng})
    return PermutationTest(
        _table(fit, observed, p),
        n,
        all_of_them,
        how,
        _notes(fit, p, n, all_of_them),
        fit.provenance.after(asked),
    )


def _groups(fit: Pooled | Regression) -> tuple[Any, list[int]]:
    """A row of the design matrix for each kind of row, and how often each kind occurs."""
    if isinstance(fit, Pooled):
        return np.arange(fit.k), [1] * fit.k
    _, first, counts = np.unique(fit.design.x, axis=0, return_index=True, return_counts=True)
    return first, counts.tolist()


def _orders(counts: list[int]) -> int:
    """How many different orders there are of things that are alike in groups."""
    result = math.factorial(sum(counts))
    for count in counts:
        result //= math.factorial(count)
    return result


def _chunks(n: int, numbers: int) -> Iterator[Any]:
    """Positions of arrangements that are looked at together; each takes so many ``numbers``."""
    size = max(1, min(_CHUNK, _CHUNK_NUMBERS // numbers))
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))


def _signs(codes: Any, k: int) -> Array:
    """Signs by the binary digits of each code, shape (n, k).

    The last study keeps its sign: flipping all studies gives the same absolute statistic, so that half of the
    flips say everything.
    """
    signs: Array = 1.0 - 2.0 * ((codes[:, None] >> np.arange(k)) & 1)
    return signs


def _random_signs(part: Any, k: int, generator: np.random.Generator) -> Array:
    signs: Array = np.where(generator.random((part.size, k)) < 0.5, -1.0, 1.0)
    return signs


def _arranged(codes: Any, counts: list[int], total: int) -> Any:
    """The orders numbered ``codes`` of things that are alike in groups, as group numbers, shape (n, k)."""
    remaining = np.tile(np.array(counts, dtype=np.int64), (codes.size, 1))
    left, code = np.full(codes.size, total, dtype=np.int64), codes.astype(np.int64)
    k, at = sum(counts), np.arange(codes.size)
    result = np.empty((codes.size, k), dtype=np.int64)
    for place in range(k):
        share = left[:, None] * remaining // (k - place)
        upper = share.cumsum(axis=1)
        group = (code[:, None] >= upper).sum(axis=1)
        left = share[at, group]
        code = code - (upper[at, group] - left)
        remaining[at, group] -= 1
        result[:, place] = group
    return result


def _statistics(fit: Pooled | Regression, y: Array, x: Array | None) -> Array:
    """Absolute statistics of the tested coefficients, and of all together, shape (n, tests)."""
    fits = fit_kernel(np.atleast_2d(y), fit.vi, x, tau2=fit.tau2_method, weights=False)
    basis = fit.design.basis if isinstance(fit, Regression) else None
    linear = Linear.of(fits, fit.ci_method, fit.level, basis)
    p = fits.beta.shape[-1]
    tested = np.eye(p)[int(x is not None) :]
    inference = linear.combination(tested)
    size = np.abs(inference.estimate)
    found = np.divide(size, inference.se, out=np.where(size > 0, np.inf, 0.0), where=inference.se > 0)
    if x is None:
        return found
    joint = linear.joint(tested).stat
    return np.column_stack([found, np.where(np.isnan(joint), np.inf, joint)])


def _table(fit: Pooled | Regression, observed: Array, p: Array) -> pd.DataFrame:
    if isinstance(fit, Pooled):
        parts = [(fit.measure or "pooled effect", fit.estimate, fit.stat, fit.p)]
    else:
        frame = fit.to_frame().iloc[1:]
        parts = list(zip(frame["term"], frame["estimate"], frame["stat"], frame["p"], strict=True))
        parts.append(("all moderators", math.nan, fit.qm, fit.qm_p))
    table = pd.DataFrame(parts, columns=["term", "estimate", "stat", "p_model"])
    table["p"] = p
    return table


def _notes(fit: Pooled | Regression, p: Array, n: int, exact: bool) -> tuple[str, ...]:
    found = []
    if isinstance(fit, Regression) and len(p) > 2:
        found.append("P values of single moderators hold under the hypothesis that none of them matters")
    if exact and n < 40 and isinstance(fit, Pooled):
        found.append(f"with {fit.k} studies no P value below {2 / n:.2g} is possible")
    if not exact:
        error = float(np.sqrt(p * (1 - p) / n).max())
        found.append(f"random draws: standard error of the P values at most {error:.1g}")
    return tuple(found)
