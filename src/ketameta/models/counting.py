"""Pool numbers of events without taking them for normal: Mantel-Haenszel, Peto, binomial-normal models."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import pandas as pd

from ketameta._typing import Array, ArrayLike, BoolArray
from ketameta.effects import log_or, log_rr, peto, rd
from ketameta.effects._checks import choice
from ketameta.effects._result import EffectSize
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models._count_notes import notes_on
from ketameta.models._count_result import ChiSquare, PooledCounts
from ketameta.models._count_tables import Tables, as_model_error, read_tables
from ketameta.models.glmm import MODELS, BinomialNormal, fit_glmm, informative
from ketameta.models.intervals import Inference, chi2_sf
from ketameta.models.mantel_haenszel import breslow_day, dersimonian_laird, mantel_haenszel, peto_pool
from ketameta.provenance import Asked, trace

__all__ = ["counts"]

_METHODS = ("MH", "Peto", *MODELS)
_MEASURES = ("OR", "RR", "RD")
_EFFECTS = {"OR": log_or, "RR": log_rr, "RD": rd}
_NAN_PAIR = (math.nan, math.nan)
_FEWEST_NODES, _MOST_NODES = 5, 200


def counts(
    a: ArrayLike | pd.DataFrame | Any,
    n1: ArrayLike | None = None,
    c: ArrayLike | None = None,
    n2: ArrayLike | None = None,
    *,
    measure: Literal["OR", "RR", "RD"] = "OR",
    method: Literal["MH", "Peto", "UM.FS", "UM.RS", "CM.EL"] = "MH",
    tau2: Literal["EE", "DL", "ML"] | None = None,
    ci: Literal["Wald", "t", "profile"] = "Wald",
    level: float = 0.95,
    nodes: int | None = None,
) -> PooledCounts:
    """Pool numbers of events of independent studies, sparse ones included.

    Parameters
    ----------
    a : array_like of shape (k,), or DataFrame, or an object with a DataFrame ``rows``
        Events in group 1 (ketamine); or instead of all four arrays a table, such as a selection, with columns
        ``events_t``, ``total_t``, ``events_c`` and ``total_c``. Arms of a table that share a comparator arm are
        made one, as by :func:`ketameta.effect_sizes`.
    n1, c, n2 : array_like, shape (k,), optional
        Size of group 1; events and size of group 2 (comparator). Whole numbers.
    measure : {"OR", "RR", "RD"}
        Odds ratio, risk ratio (both analysed as natural logs), risk difference (a proportion).
    method : {"MH", "Peto", "UM.FS", "UM.RS", "CM.EL"}
        Mantel-Haenszel; Peto's one-step odds ratio; or a binomial-normal model of the odds ratio: unconditional with
        a fixed level for each study (UM.FS) or with random levels (UM.RS), or conditional on both margins with the
        exact non-central hypergeometric likelihood (CM.EL).
    tau2 : {"EE", "DL", "ML"}, optional
        Between-study variance: none (common effect), by DerSimonian and Laird (MH and Peto), by maximum likelihood
        (binomial-normal models). By default EE for MH and Peto, ML for the models.
    ci : {"Wald", "t", "profile"}
        Normal; t with k - 1 degrees of freedom (where tau2 is estimated); profile likelihood (binomial-normal models),
        whose test is the likelihood-ratio test.
    level : float
        Level of all intervals, between 0 and 1.
    nodes : int, optional
        Quadrature nodes along each axis, 5 to 200. By default as many, from 15 on, as make twice as many change no
        parameter by 1e-9, or as many as there is room for (a note says when that is not enough).

    Returns
    -------
    PooledCounts
        OR and RR are on the log scale in its fields and shown as ratios.

    Raises
    ------
    ModelError
        When there is nothing to pool; a count is missing, no whole number, negative or exceeds its group; the estimate
        is 0 or infinite; a cohort or comparator arm is counted twice; an option is unknown or does not go with another.

    Warns
    -----
    KetametaWarning
        When single and repeated dosing are pooled together.

    Notes
    -----
    Studies without an event, or with nothing but events, in both groups say nothing of an odds ratio; those without an
    event say nothing of a risk ratio. They are named in the notes and not counted in ``k``; UM.RS uses them.

    MH and Peto need no correction of zero cells and have none. Cochran's Q is about the pooled effect, over tables with
    an event and a non-event, effects of tables with a zero cell (MH only) after adding 0.5 to the cells. With
    ``tau2="DL"`` these effects are pooled by inverse variance with tau2 from that Q, as in Review Manager (Deeks and
    Higgins 2010, Statistical algorithms in Review Manager 5). Formulas and sources of MH and Peto:
    :mod:`ketameta.models.mantel_haenszel`; of the models: :mod:`ketameta.models.glmm`.

    The likelihood-ratio test of ``tau2 = 0`` halves the P value of chi-square with 1 degree of freedom, because 0 is
    the edge of the range (Self and Liang 1987, J Am Stat Assoc 82:605-610). A standard error at ``tau2 = 0`` is that of
    the common-effect model.

    Examples
    --------
    >>> import ketameta as km
    >>> fit = km.counts([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220])
    >>> fit.k, round(fit.estimate, 4), round(fit.se, 4)
    (3, -1.4135, 0.3155)

    Response 18 to 36 hours after the dose, a random effect of the trials, no normal approximation of counts:

    >>> trials = km.load_trials()
    >>> found = km.select(trials, indication="MDD", outcome="response", hours=(18, 36), measure="OR")
    >>> fit = km.counts(found, method="CM.EL", ci="profile")
    >>> print(fit.sentence())
    The pooled OR was 3.46 (95% CI 1.48 to 11.10; k = 5, 86 events; tau2 = 0.21).
    """
    settings = _Settings.checked(measure, method, tau2, ci, level, nodes)
    tables = read_tables(a, n1, c, n2)
    given = {} if n1 is None else {"a": tables.a, "n1": tables.n1, "c": tables.c, "n2": tables.n2}
    chosen = {"measure": measure, "method": method, "tau2": tau2, "ci": ci, "level": level, "nodes": nodes}
    result = _pooled(tables, settings, ("counts", {**given, **chosen}))
    for alert in tables.alerts:
        warnings.warn(alert, KetametaWarning, stacklevel=2)
    return result


@dataclass(frozen=True, slots=True)
class _Settings:
    measure: str
    method: str
    tau2: str
    ci: str
    level: float
    nodes: int | None

    @staticmethod
    def checked(measure: Any, method: Any, tau2: Any, ci: Any, level: Any, nodes: Any) -> _Settings:
        """Refuse unknown options, and options that do not go together."""
        with as_model_error():
            choice("measure", measure, _MEASURES)
            choice("method", method, _METHODS)
            fitted = method in MODELS
            chosen = ("ML" if fitted else "EE") if tau2 is None else tau2
            choice("tau2", chosen, ("EE", "DL", "ML"))
            choice("ci", ci, ("Wald", "t", "profile"))
        if measure != "OR" and method != "MH":
            raise ModelError(f"method={method!r} estimates an odds ratio; use measure='OR', or method='MH'")
        if chosen != "EE" and (chosen == "ML") != fitted:
            other = "'EE' or 'ML'" if fitted else "'EE' or 'DL'"
            raise ModelError(f"tau2={chosen!r} does not go with method={method!r}; use {other}")
        if ci == "profile" and not fitted:
            raise ModelError(f"ci='profile' needs a likelihood; use method={', '.join(map(repr, MODELS))}")
        if ci == "t" and chosen == "EE":
            raise ModelError("ci='t' is for models that estimate tau2; with tau2='EE' use ci='Wald'")
        if isinstance(level, bool) or not isinstance(level, Real) or not 0.0 < float(level) < 1.0:
            raise ModelError(f"level={level!r} must lie between 0 and 1, such as 0.95")
        if nodes is not None and (isinstance(nodes, bool) or not isinstance(nodes, Integral)):
            raise ModelError(f"nodes={nodes!r} must be a whole number")
        if nodes is not None and not _FEWEST_NODES <= int(nodes) <= _MOST_NODES:
            raise ModelError(f"nodes={nodes} must lie between {_FEWEST_NODES} and {_MOST_NODES}")
        if nodes is not None and not fitted:
            raise ModelError(f"nodes is for binomial-normal models; method={method!r} has no quadrature")
        return _Settings(measure, method, chosen, ci, float(level), None if nodes is None else int(nodes))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What a method found."""

    inference: Inference
    weights: Array
    tau2: float = math.nan
    tau2_ci: tuple[float, float] = _NAN_PAIR
    q: float = math.nan
    q_df: int = 0
    tests: tuple[ChiSquare, ...] = ()
    model: BinomialNormal | None = None


def _pooled(tables: Tables, settings: _Settings, asked: Asked) -> PooledCounts:
    used = _used(tables, settings)
    k = int(used.sum())
    if k == 0:
        raise ModelError(
            f"nobody, or everybody, had the event in every study; there is no {settings.measure} to estimate"
        )
    found = _model(tables, used, settings) if settings.method in MODELS else _weighted(tables, used, settings)
    inference, model = found.inference, found.model
    low, high = (float(bound) for bound in inference.interval())
    stat, p = float(inference.stat), float(inference.p)
    if settings.ci == "profile" and model is not None:
        low, high = model.ci
        stat = math.copysign(math.sqrt(max(0.0, model.null)), model.estimate)
        p = float(chi2_sf(stat * stat, 1))
    predicted = settings.tau2 != "EE" and settings.ci != "profile" and k > 1
    pi_low, pi_high = inference.prediction(found.tau2) if predicted else _NAN_PAIR
    ratio = found.q / found.q_df if found.q_df > 0 else math.nan
    return PooledCounts(
        measure=settings.measure,
        pooling=settings.method,
        tau2_method=settings.tau2,
        ci_method="Wald" if settings.ci == "t" and k == 1 else settings.ci,
        level=settings.level,
        k=k,
        estimate=float(inference.estimate),
        se=float(inference.se),
        ci_low=low,
        ci_high=high,
        stat=stat,
        df=float(inference.df),
        p=p,
        pi_low=float(pi_low),
        pi_high=float(pi_high),
        tau2=found.tau2,
        tau2_ci=found.tau2_ci,
        sigma2=math.nan if model is None else model.sigma2,
        boundary=found.tau2 == 0,
        q=found.q,
        q_df=found.q_df,
        q_p=float(chi2_sf(found.q, found.q_df)),
        i2=100.0 * max(0.0, 1.0 - 1.0 / ratio) if ratio > 0 else (0.0 if ratio == 0 else math.nan),
        h2=ratio,
        tests=found.tests,
        loglik=math.nan if model is None else model.loglik,
        nodes=0 if model is None else model.nodes,
        weights=_frozen(found.weights),
        a=_frozen(tables.a),
        n1=_frozen(tables.n1),
        c=_frozen(tables.c),
        n2=_frozen(tables.n2),
        used=used,
        rows=tables.rows,
        left_out=tables.left_out,
        notes=notes_on(
            tables, used, measure=settings.measure, tau2_method=settings.tau2, tau2=found.tau2, model=model
        ),
        provenance=trace(tables.rows, asked),
    )


def _used(tables: Tables, settings: _Settings) -> BoolArray:
    """Which tables say something of the effect."""
    told = informative(tables.a, tables.n1, tables.c, tables.n2)
    if settings.method == "UM.RS":
        return np.full(len(told), told.any())
    if settings.measure == "OR" or settings.tau2 == "DL":
        return told
    events = tables.a + tables.c
    return events > 0 if settings.measure == "RR" else np.ones(len(events), dtype=np.bool_)


def _weighted(tables: Tables, used: BoolArray, settings: _Settings) -> _Found:
    """Mantel-Haenszel and Peto, with a common or a random effect."""
    cells = tables.a, tables.n1, tables.c, tables.n2
    told = informative(*cells)
    a, n1, c, n2 = (x[told] for x in cells)
    effects: EffectSize | None = None
    if settings.method == "Peto":
        pool = peto_pool(*cells)
        effects = peto(a, n1, c, n2)
    else:
        pool = mantel_haenszel(*cells, measure=settings.measure)
        if told.any():
            effects = _EFFECTS[settings.measure](a, n1, c, n2)
    q, tau2, q_df = math.nan, math.nan, max(int(told.sum()) - 1, 0)
    if effects is not None and q_df > 0:
        q, tau2 = (float(x) for x in dersimonian_laird(effects.yi, effects.vi, pool.estimate))
    tests = [_test("Cochran's Q", q, q_df)] if q_df > 0 else []
    if settings.measure == "OR" and settings.method == "MH" and q_df > 0:
        plain, tarone, _ = breslow_day(*cells, pool.estimate)
        tests += [_test("Breslow-Day", float(plain), q_df), _test("Tarone", float(tarone), q_df)]
    inference = Inference(float(pool.estimate), float(pool.se), math.inf, settings.level)
    weights = pool.weights
    if settings.tau2 == "DL" and effects is not None and q_df > 0:
        w = 1.0 / (effects.vi + tau2)
        weights = np.zeros(len(told))
        weights[told] = w / w.sum()
        df = float(q_df) if settings.ci == "t" else math.inf
        mean = float(weights[told] @ effects.yi)
        inference = Inference(mean, 1.0 / math.sqrt(float(w.sum())), df, settings.level)
    return _Found(
        inference,
        weights,
        tau2=tau2 if settings.tau2 == "DL" else math.nan,
        q=q,
        q_df=q_df,
        tests=tuple(tests),
    )


def _model(tables: Tables, used: BoolArray, settings: _Settings) -> _Found:
    """A binomial-normal model."""
    model = fit_glmm(
        *(x[used] for x in (tables.a, tables.n1, tables.c, tables.n2)),
        model=settings.method,
        common=settings.tau2 == "EE",
        nodes=settings.nodes,
        level=settings.level,
        profile=settings.ci == "profile",
    )
    k = int(used.sum())
    tests = []
    if k > 1 and not math.isnan(model.lrt):
        tests.append(_test("likelihood ratio, equal OR", model.lrt, k - 1))
        if model.wald_df > 0:
            tests.append(_test("Wald, equal OR", model.wald, model.wald_df))
    if settings.tau2 == "ML" and k > 1:
        ratio = max(0.0, 2.0 * (model.loglik - model.loglik_common))
        p = float(chi2_sf(ratio, 1)) / 2.0 if ratio > 0 else 1.0
        tests.append(ChiSquare("likelihood ratio, tau2 = 0", ratio, 1, p))
    df = float(k - 1) if settings.ci == "t" and k > 1 else math.inf
    return _Found(
        Inference(model.estimate, model.se, df, settings.level),
        np.full(len(used), math.nan),
        tau2=math.nan if settings.tau2 == "EE" else model.tau2,
        tau2_ci=model.tau2_ci,
        tests=tuple(tests),
        model=model,
    )


def _test(name: str, stat: float, df: int) -> ChiSquare:
    return ChiSquare(name, stat, df, float(chi2_sf(stat, df)))


def _frozen(array: Array) -> Array:
    copy = np.array(array, dtype=np.float64)
    copy.flags.writeable = False
    return copy
