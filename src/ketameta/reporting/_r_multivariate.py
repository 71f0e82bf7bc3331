"""Multilevel models and linear durability curves as calls of ``metafor::rma.mv``."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ketameta._typing import Array
from ketameta.curves import DurabilityCurve
from ketameta.curves.linear_fit import linear_design
from ketameta.curves.shapes import LinearShape
from ketameta.errors import ModelError
from ketameta.models import Multilevel
from ketameta.models._ml_problem import Problem
from ketameta.models._ml_terms import Term
from ketameta.models._studies import text_column
from ketameta.reporting._rscript import (
    RAnalysis,
    r_coefficients,
    r_frame,
    r_level,
    r_matrix,
    r_number,
    r_vector,
    require_rank,
)

__all__ = ["of_curve", "of_multilevel"]

_TOLERANCE = 1e-3
_SEARCH = (
    "rma.mv() searches the variances by values of the likelihood alone, which fixes them to fewer digits; where a "
    "component lies at the edge of its range, the search may end with an error."
)
_CONTROL = 'optimizer = "nlminb", rel.tol = 1e-10, iter.max = 5000, eval.max = 5000'
_MOST_STRUCTURED = 2


def of_multilevel(fit: Multilevel) -> RAnalysis:
    """The script of a multilevel model, with the columns of its design matrix and V.

    Raises
    ------
    ModelError
        For models that ``rma.mv`` does not have.
    """
    terms = fit._problem.terms
    structured = [term for term in terms if term.random.inner]
    if len(structured) > _MOST_STRUCTURED:
        raise ModelError("there is no R script of this: rma.mv() takes two terms with inner levels at most")
    if fit._fixed:
        raise ModelError("there is no R script of this: components that are held fixed are not written")
    columns: dict[str, list[float] | list[str]] = {}
    random = [_term(term, i, columns) for i, term in enumerate(terms, 1)]
    structures = [term.random.structure for term in structured]
    v = _sampling(fit._problem)
    data = _data(fit.rows, fit.yi, columns, fit.design.x, fit.design.names, v)
    if fit.test_method == "t":
        test = f'test = "t", dfs = "{"contain" if fit.df_method == "containment" else "residual"}"'
    else:
        test = 'test = "z"'
    listed = (
        f"random = list({', '.join(random)}), struct = {r_vector(structures or ['CS'])}, " if random else ""
    )
    code = _call(f"{listed}{test}", fit.method, fit.level, _starts(structured))
    found, expected = r_coefficients(fit.to_frame())
    plain = [term for term in terms if not term.random.inner]
    for i, term in enumerate(plain, 1):
        found[term.components[0]] = f"fit$sigma2[{i}]"
    for letters, term in zip((("tau2", "rho"), ("gamma2", "phi")), structured, strict=False):
        for j, name in enumerate(_of_kind(term, "tau2"), 1):
            found[name] = f"fit${letters[0]}[{j}]"
        for j, name in enumerate(_of_kind(term, "rho"), 1):
            found[name] = f"fit${letters[1]}[{j}]"
    values = dict(zip(fit.components["component"], fit.components["estimate"], strict=True))
    expected |= {name: float(values[name]) for name in found if name in values}
    found |= {"qm": "fit$QM", "qm_p": "fit$QMp", "qe": "fit$QE", "loglik": "as.numeric(logLik(fit))"}
    expected |= {"qm": fit.qm, "qm_p": fit.qm_p, "qe": fit.qe, "loglik": fit.loglik}
    scale = ("Ratios stand as natural logs.",) if fit.ratio else ()
    about = (f"ketameta: {fit.method_line}", *scale, f"Data: {fit.provenance.line()}")
    return RAnalysis(
        about, data, code, found, expected, _TOLERANCE, (_SEARCH,), math.sqrt(np.mean(np.diag(v)))
    )


def of_curve(curve: DurabilityCurve) -> RAnalysis:
    """The script of a durability curve that is linear in its coefficients, with the columns of its basis and V.

    Raises
    ------
    ModelError
        For curves that ``rma.mv`` does not have.
    """
    shape, spec = curve.fit.shape, curve.spec
    if not isinstance(shape, LinearShape):
        raise ModelError(
            f"there is no R script of this: curve={curve.curve!r} is not linear in its coefficients, and metafor fits linear "
            "models; 'spline', 'piecewise', 'polynomial' and 'steps' can be written"
        )
    if len(curve.fit.spread) > 1:
        raise ModelError('there is no R script of this: random="level+decay" is not written; "level" is')
    read = curve._data()
    coefficients = curve.fit.coefficients
    x = linear_design(shape, read.hours, (coefficients.level, coefficients.decay), curve.fit.centre_hours)
    v = np.zeros((read.yi.size, read.yi.size))
    for trial, block in enumerate(read.covariances(rho=spec.rho, correlation=spec.options.correlation)):
        at = np.flatnonzero(read.trial == trial)
        v[np.ix_(at, at)] = block
    columns: dict[str, list[float] | list[str]] = {
        "hours": read.hours.tolist(),
        "trial": [read.trials[i] for i in read.trial],
        "effect": [float(i + 1) for i in range(read.yi.size)],
    }
    data = _data(read.rows, read.yi, columns, x, coefficients.names, v)
    free = [r_number(0.0) if not estimated else "NA" for estimated in curve.fit.free]
    parts = f"random = ~ 1 | trial/effect, sigma2 = c({', '.join(free)})"
    code = _call(parts, curve.method, curve.level)
    found: dict[str, str] = {}
    expected: dict[str, float] = {}
    se = np.sqrt(np.diag(coefficients.vcov))
    for i, name in enumerate(coefficients.names, 1):
        found |= {f"estimate, {name}": f"fit$beta[[{i}]]", f"se, {name}": f"fit$se[[{i}]]"}
        expected |= {f"estimate, {name}": float(coefficients.values[i - 1]), f"se, {name}": float(se[i - 1])}
    found |= {"tau2": "fit$sigma2[1]", "omega2": "fit$sigma2[2]", "loglik": "as.numeric(logLik(fit))"}
    expected |= {"tau2": curve.tau2, "omega2": curve.omega2, "loglik": curve.loglik}
    about = (
        f"ketameta: {curve.method_line()}",
        "X holds the basis of the curve at the measured times; each coefficient is named as in ketameta.",
        f"Data: {curve.provenance.line()}",
    )
    return RAnalysis(
        about, data, code, found, expected, _TOLERANCE, (_SEARCH,), math.sqrt(np.mean(np.diag(v)))
    )


def _call(rest: str, method: str, level: float, starts: str = "") -> str:
    return (
        f"fit <- rma.mv(yi, V, mods = X, intercept = FALSE, data = d, {rest},\n"
        f'  method = "{method}", level = {r_level(level)}, control = list({starts}{_CONTROL}))'
    )


def _starts(structured: list[Term]) -> str:
    """Where the search for a CAR correlation begins: half at the longest distance, whatever the unit of time."""
    found = ""
    for name, term in zip(("rho", "phi"), structured, strict=False):
        if term.random.structure == "CAR" and term.distances[-1] > 0:
            found += f"{name}.init = {0.5 ** (1.0 / float(term.distances[-1])):.6g}, "
    return found


def _data(
    rows: pd.DataFrame,
    yi: Array,
    columns: dict[str, list[float] | list[str]],
    x: Array,
    names: tuple[str, ...],
    v: Array,
) -> str:
    """Code of the rows, the design matrix X and the sampling covariance V."""
    require_rank(x)
    frame = r_frame({"label": text_column(rows, "label"), "yi": yi, **columns})
    i, j = np.nonzero(np.triu(v, 1))
    lines = [frame, r_matrix("X", x, names), f"V <- diag({r_vector(np.diag(v).tolist())}, nrow(d))"]
    if i.size:
        at = f"at <- cbind({r_vector((i + 1).tolist())},\n  {r_vector((j + 1).tolist())})"
        lines += [at, f"V[at] <- {r_vector(v[i, j].tolist())}", "V[at[, 2:1, drop = FALSE]] <- V[at]"]
    return "\n".join(lines)


def _sampling(problem: Problem) -> Array:
    """V of a multilevel model, shape (n, n), in the units of the data."""
    v = np.zeros((problem.model.n, problem.model.n))
    for stack in problem.model.stacks:
        for at, block in zip(stack.rows, stack.v, strict=True):
            v[np.ix_(at, at)] = block * problem.unit**2
    return v


def _term(term: Term, number: int, columns: dict[str, list[float] | list[str]]) -> str:
    """Formula of one random effect; its columns are added."""
    outer = f"group{number}"
    columns[outer] = [term.groups[i] for i in term.group]
    if not term.random.inner:
        return f"~ 1 | {outer}"
    inner = f"inner{number}"
    if term.random.structure == "CAR":
        columns[inner] = term.time.tolist()
        return f"~ {inner} | {outer}"
    columns[inner] = [float(i + 1) for i in term.level]
    return f"~ factor({inner}) | {outer}"


def _of_kind(term: Term, kind: str) -> list[str]:
    return [name for name in term.components if name.startswith(f"{kind}(")]
