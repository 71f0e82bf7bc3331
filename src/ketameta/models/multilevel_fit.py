"""Multilevel and multivariate models: effects that depend on one another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ketameta._spelling import unknown
from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models import _notes
from ketameta.models._ml_formula import RandomTerm
from ketameta.models._ml_inference import LinearByCoefficient, containment_df
from ketameta.models._ml_input import MultilevelInput, outermost, read_multilevel
from ketameta.models._ml_likelihood import evaluate
from ketameta.models._ml_notes import at_bound, model_notes
from ketameta.models._ml_problem import Fitted, Problem
from ketameta.models._ml_sampling import as_arrays
from ketameta.models._studies import text_column
from ketameta.models.intervals import chi2_sf
from ketameta.models.multilevel_options import MultilevelOptions
from ketameta.models.multilevel_result import Multilevel
from ketameta.provenance import trace

__all__ = ["multilevel"]

_METHODS = ("REML", "ML")
_DEFAULTS = MultilevelOptions()


def multilevel(
    data: pd.DataFrame,
    *,
    V: Any = None,
    moderators: str = "1",
    random: str | Sequence[str] = "1 | study_id",
    structure: str | Sequence[str] = "CS",
    method: str = "REML",
    options: MultilevelOptions = _DEFAULTS,
) -> Multilevel:
    """Pool or regress effects that depend on one another, by sampling or by coming from one study.

    Parameters
    ----------
    data : DataFrame, n rows
        Table from :func:`ketameta.effect_sizes`, or any table with columns ``yi`` and ``vi`` (``vi`` may be
        left out beside a full V).
    V : optional
        Known sampling covariance: a matrix (n, n), or a list of its square blocks, in the order of the rows;
        an array (B, m, m) is B blocks; a DataFrame labelled with the rows of ``data`` must be in their order;
        what :func:`ketameta.effects.covariance` gives; a number, the constant correlation of the sampling
        errors within a cluster (correlated and hierarchical effects, Pustejovsky and Tipton 2022). Left out:
        independent errors with variances ``vi``. A singular V may stand, one with a negative eigenvalue may not.
    moderators : str
        Formula as in :func:`ketameta.regress`; ``"1"`` for the mean alone, ``"0 + outcome"`` for one mean an
        outcome.
    random : str or sequence of str
        ``"1 | study_id"``: a random effect for each study. ``"1 | study_id/es_id"``: one for each study, and one
        for each effect within it. ``"time_hours | study_id"``: correlated effects of the inner levels of each
        group, by ``structure``. Several texts may name crossed groupings; an empty list stands for none.
    structure : str or sequence of str
        Covariance of inner levels, one for all texts or one for each: ``"CS"`` one variance, one correlation;
        ``"HCS"`` a variance for each level, one correlation; ``"UN"`` unstructured; ``"AR"`` one variance,
        correlation ``rho ** steps`` between levels in their order; ``"HAR"`` the same with a variance for each
        level; ``"CAR"`` correlation ``rho ** distance`` of a number such as time; ``"ID"`` one variance;
        ``"DIAG"`` a variance for each level; the last two without correlation.
    method : {"REML", "ML"}
        Restricted or full likelihood.
    options : MultilevelOptions
        Level, tests, degrees of freedom, fixed components, clusters, reference levels.

    Returns
    -------
    Multilevel
        ``coefficients``, ``components``, ``loglik``, ``qe``; ``test()``, ``predict()``, ``robust()``,
        ``profile()``, ``residuals()``, ``random_effects()``.

    Raises
    ------
    ModelError
        When a column does not exist, values are missing without a reason, V is no covariance matrix or about
        other rows, nothing can be told about a random effect, or two cannot be told apart; names rows or terms.

    Notes
    -----
    The effects are normal with mean ``X beta`` and covariance ``M = V + sum of Z G Z'``, which falls into blocks
    that share nothing; the work grows with their number. The likelihood is maximised by Newton's method within
    bounds (a variance may be 0, a correlation at the end of its range, and notes say so) from the local maxima
    of a grid. The restricted log-likelihood has the term log det(X'X) / 2 (Harville 1974). Coefficients:
    generalised least squares with covariance ``inv(X' inv(M) X)``. Information criteria count coefficients and
    free components; under REML the sample size in AICc and BIC is n - p.

    Correlations go no lower than lets every set of levels that occurs together have a covariance matrix
    (-1/(m - 1) for CS and HCS, m the most levels in a group; -1 for AR and HAR; 0 for CAR).

    References: Konstantopoulos (2011), Res Synth Methods 2:61-76 (nested); Berkey et al. (1998), Stat Med
    17:2537-2550 (multivariate); Ishak et al. (2007), Clin Trials 4:525-539 (repeated); Pustejovsky and Tipton
    (2022), Prev Sci 23:425-438.

    Examples
    --------
    Two outcomes of five trials, with known covariances within trials:

    >>> import numpy as np
    >>> import pandas as pd
    >>> import ketameta as km
    >>> es = pd.DataFrame({
    ...     "trial": ["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"], "outcome": ["AL", "PD"] * 5,
    ...     "yi": [-0.32, 0.47, -0.60, 0.20, -0.12, 0.40, -0.31, 0.26, -0.39, 0.56],
    ... })
    >>> V = [np.array([[v, c], [c, w]]) for v, c, w in (
    ...     (0.0077, 0.0030, 0.0075), (0.0008, 0.0009, 0.0057), (0.0014, 0.0007, 0.0021),
    ...     (0.0015, 0.0009, 0.0029), (0.0304, 0.0072, 0.0148))]
    >>> fit = km.multilevel(es, V=V, moderators="0 + outcome", random="outcome | trial", structure="UN")
    >>> fit.components["component"].tolist()
    ['tau2(outcome = AL | trial)', 'tau2(outcome = PD | trial)', 'rho(outcome = AL, PD | trial)']
    """
    if method not in _METHODS:
        raise ModelError(unknown("method", method, _METHODS))
    if not isinstance(options, MultilevelOptions):
        raise ModelError(
            f'options={options!r} must be a MultilevelOptions, such as MultilevelOptions(test="z")'
        )
    given = read_multilevel(data, V, moderators, random, structure, options)
    asked = {"V": as_arrays(V), "moderators": moderators, "random": random, "structure": structure}
    given.studies.asked = ("multilevel", {**asked, "method": method, "options": options})
    basis = given.design.basis
    with np.errstate(all="ignore"):
        problem = Problem.of(
            given.studies.yi,
            given.design.x @ basis,
            given.v,
            given.terms,
            given.studies.rows,
            reml=method == "REML",
        )
        _check_fixed(problem, options)
        fitted = problem.fit(options.fixed)
        return _result(given, problem, fitted, basis, moderators, method, options)


def _check_fixed(problem: Problem, options: MultilevelOptions) -> None:
    for name in options.fixed:
        if name not in problem.names:
            raise ModelError(f"fixed names {name!r}; the components are {', '.join(problem.names) or 'none'}")


def _result(
    given: MultilevelInput,
    problem: Problem,
    fitted: Fitted,
    basis: Array,
    moderators: str,
    method: str,
    options: MultilevelOptions,
) -> Multilevel:
    studies, design = given.studies, given.design
    n, p = design.x.shape
    beta, cov = problem.coefficients(fitted.point)
    dfs = _degrees(given, options)
    linear = LinearByCoefficient(
        beta, cov, np.array(1.0), math.inf, options.level, basis, np.where(dfs > 0, dfs, np.nan)
    )
    tested = np.eye(p)[1:] if design.intercept and p > 1 else np.eye(p)
    omnibus = linear.joint(tested)
    components = _components(given.terms, problem, fitted, options)
    parameters = p + int(fitted.maximum.free.sum())
    size = n - p if method == "REML" else n
    deviance = -2 * fitted.loglik
    spread = max(size, parameters + 2)
    qe, alone = _fixed_effects(problem)
    edge = components.loc[components["boundary"], "component"].tolist()
    notes = (
        *_left_out_notes(given.left_out),
        *studies.alerts,
        *_notes.standardisers([str(name) for name in text_column(studies.rows, "standardiser")]),
        *model_notes(problem, fitted, edge, tuple(options.fixed), design, dfs),
        *(() if alone else ("V is singular: residual Q is not defined",)),
    )
    whole_beta, whole_cov = linear.coefficients()
    return Multilevel(
        measure=studies.measure,
        moderators=moderators.strip(),
        random=tuple((term.random.text, term.random.structure) for term in given.terms),
        sampling=given.sampling,
        method=method,
        test_method=options.test,
        df_method=options.df,
        level=float(options.level),
        k=n,
        groups={term.random.group: len(term.groups) for term in given.terms},
        qm=float(omnibus.stat),
        qm_df1=omnibus.df1,
        qm_df2=omnibus.df2,
        qm_p=float(omnibus.p),
        qe=qe,
        qe_df=n - p,
        qe_p=float(chi2_sf(qe, n - p)) if alone else math.nan,
        loglik=fitted.loglik,
        parameters=parameters,
        aic=deviance + 2 * parameters,
        aicc=deviance + 2 * parameters * spread / (spread - parameters - 1),
        bic=deviance + parameters * math.log(size),
        components=components,
        beta=_frozen(whole_beta),
        cov=_frozen(whole_cov),
        yi=_frozen(studies.yi),
        vi=_frozen(given.v.diagonal(n)),
        design=design,
        rows=studies.rows,
        left_out=given.left_out,
        notes=notes,
        provenance=trace(studies.rows, studies.asked),
        cluster=options.cluster or outermost(tuple(term.random for term in given.terms)),
        _linear=linear,
        _problem=problem,
        _fitted=fitted,
        _fixed=dict(options.fixed),
    )


def _degrees(given: MultilevelInput, options: MultilevelOptions) -> Array:
    n, p = given.design.x.shape
    if options.test == "z":
        return np.full(p, np.inf)
    if options.df == "residual":
        return np.full(p, float(n - p))
    groupings = [grouping for term in given.terms for grouping in (term.group, term.effects)]
    return containment_df(given.design.x, groupings)


def _components(
    terms: Sequence[Any], problem: Problem, fitted: Fitted, options: MultilevelOptions
) -> pd.DataFrame:
    records = []
    for term, values in zip(terms, fitted.components, strict=True):
        random: RandomTerm = term.random
        low = float(term.structure.lower[-1]) if random.structure != "UN" else -1.0
        for name, value in zip(term.components, values.tolist(), strict=True):
            fixed = name in options.fixed
            variance = name.startswith("tau2")
            records.append(
                {
                    "component": name,
                    "term": random.text,
                    "structure": random.structure,
                    "estimate": value,
                    "sqrt": math.sqrt(value) if variance else math.nan,
                    "fixed": fixed,
                    "boundary": not fixed and at_bound(name, value, low, problem.unit**2),
                    "groups": len(term.groups),
                    "levels": len(term.levels) if random.inner else len(term.groups),
                }
            )
    columns = ["component", "term", "structure", "estimate", "sqrt", "fixed", "boundary", "groups", "levels"]
    return pd.DataFrame(records, columns=columns).astype({"fixed": bool, "boundary": bool})


def _fixed_effects(problem: Problem) -> tuple[float, bool]:
    """Q of residuals about a model without random effects, and whether V allows it."""
    stacks = [replace(stack, codes=()) for stack in problem.model.stacks]
    point = evaluate(replace(problem.model, stacks=stacks, structures=()), np.zeros(0))
    if point is None:
        return math.nan, False
    return float(sum((part**2).sum() for part in point.residual)), True


def _left_out_notes(left_out: pd.DataFrame) -> tuple[str, ...]:
    reasons = text_column(left_out, "reason")
    counts = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
    return tuple(
        f"{count} {'row is' if count == 1 else 'rows are'} left out: {reason}"
        for reason, count in counts.items()
    )


def _frozen(array: Array) -> Array:
    copy = np.array(array, dtype=np.float64)
    copy.flags.writeable = False
    return copy
