"""Pools, subgroups and meta-regressions as calls of ``metafor::rma``."""

from __future__ import annotations

import math

import numpy as np

from ketameta._typing import Array
from ketameta.models import Pooled, Regression, Subgroups
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

__all__ = ["of_pool", "of_regression", "of_subgroups"]

_TOLERANCE = 1e-6
_TESTS = {"Wald": "z", "HKSJ": "knha", "HKSJ-adhoc": "adhoc"}
_SCORED = ("ML", "REML", "EB")
_IN_STEPS = {"DL2": "DL", "HE2": "HE"}
_NO_INTERVAL = {
    "KR": "metafor has no Kenward-Roger interval of the mean: its standard error, interval and P value are not compared.",
    "profile": "metafor has no profile-likelihood interval of the mean: interval and P value are not compared.",
}
_TOTAL = "(mean(d$vi) + var(d$yi))"
_PREDICTED = ("z", "t(k-1)")


def of_pool(fit: Pooled) -> RAnalysis:
    """The script of a pool."""
    alone = fit.k == 1
    method = "EE" if alone else fit.tau2_method
    found, expected, left_out = {}, {}, []

    def compare(name: str, code: str, value: float) -> None:
        found[name], expected[name] = code, value

    compare("estimate", "fit$beta[[1]]", fit.estimate)
    if fit.ci_method in _NO_INTERVAL:
        left_out.append(_NO_INTERVAL[fit.ci_method])
    else:
        compare("ci_low", "fit$ci.lb", fit.ci_low)
        compare("ci_high", "fit$ci.ub", fit.ci_high)
        compare("p", "fit$pval", fit.p)
    if fit.ci_method != "KR":
        compare("se", "fit$se", fit.se)
    compare("q", "fit$QE", fit.q)
    compare("q_p", "fit$QEp", fit.q_p)
    if method != "EE":
        compare("tau2", "fit$tau2", fit.tau2)
        compare("i2", "fit$I2", fit.i2)
        compare("h2", "fit$H2", fit.h2)
    code = [_fit("yi, vi, data = d, slab = label", method, fit.ci_method, fit.level)]
    if not math.isnan(fit.tau2_ci[0]):
        if fit.tau2_interval == "Q-profile":
            code.append(_q_profile(fit.tau2_method, fit.tau2_ci[1], fit.level, fit.vi))
            compare("tau2_low", "spread[[1]]", fit.tau2_ci[0])
            compare("tau2_high", "spread[[2]]", fit.tau2_ci[1])
        else:
            left_out.append(f"The interval of tau2 ({fit.tau2_interval}) is not compared.")
    if fit.prediction_method in _PREDICTED:
        code.append(f"new <- predict(fit, level = {r_level(fit.level)})")
        compare("pi_low", "new$pi.lb", fit.pi_low)
        compare("pi_high", "new$pi.ub", fit.pi_high)
    elif fit.prediction_method == "t(k-2)":
        code.append(_wald_prediction(fit.level))
        compare("pi_low", "new[1]", fit.pi_low)
        compare("pi_high", "new[2]", fit.pi_high)
    elif fit.prediction_method != "none":
        left_out.append(
            f"The prediction interval ({fit.prediction_method}) is not in metafor and not compared."
        )
    about = (f"ketameta: {fit.method}", *_scale(fit.ratio), f"Data: {fit.provenance.line()}")
    labels = text_column(fit.rows, "label")
    data = r_frame({"label": labels, "yi": fit.yi, "vi": fit.vi})
    return RAnalysis(
        about, data, "\n".join(code), found, expected, _TOLERANCE, tuple(left_out), _unit(fit.vi)
    )


def of_subgroups(result: Subgroups) -> RAnalysis:
    """The script of subgroups: a fit of each, and the test that they differ."""
    fits = [fit for _, fit in result.groups]
    first = fits[0]
    names = [name for name, fit in result.groups for _ in range(fit.k)]
    vi = np.concatenate([fit.vi for fit in fits])
    data = r_frame(
        {
            "label": [label for fit in fits for label in text_column(fit.rows, "label")],
            "group": names,
            "yi": np.concatenate([fit.yi for fit in fits]),
            "vi": vi,
        }
    )
    method, ci = result.overall.tau2_method, result.overall.ci_method
    levels = f"d$group <- factor(d$group, levels = {r_vector([name for name, _ in result.groups])})"
    if result.common_tau2:
        code = _common_groups(method, ci, first.level)
    else:
        code = _separate_groups(method, ci, first.level)
    found = {"q_between": "fit$QE", "p": "fit$QEp"}
    expected = {"q_between": result.q_between, "p": result.p}
    shown = ("estimate", "ci_low", "ci_high") if ci not in _NO_INTERVAL else ("estimate",)
    for i, (name, fit) in enumerate(result.groups, 1):
        for quantity in (*shown, *(("tau2",) if method != "EE" and fit.k > 1 else ())):
            found[f"{quantity}, {name}"] = f"groups[[{i}]]${quantity}"
            expected[f"{quantity}, {name}"] = getattr(fit, quantity)
    about = (
        f"ketameta: {result.method}",
        f"Groups: {first.method}",
        *_scale(first.ratio),
        f"Data: {result.provenance.line()}",
    )
    left_out = (_NO_INTERVAL[ci],) if ci in _NO_INTERVAL else ()
    return RAnalysis(about, f"{data}\n{levels}", code, found, expected, _TOLERANCE, left_out, _unit(vi))


def of_regression(fit: Regression) -> RAnalysis:
    """The script of a meta-regression, with the columns of its design matrix."""
    data = r_frame({"label": text_column(fit.rows, "label"), "yi": fit.yi, "vi": fit.vi})
    require_rank(fit.design.x)
    matrix = r_matrix("X", fit.design.x, fit.design.names)
    call = "yi, vi, mods = X, intercept = FALSE, data = d, slab = label"
    code = [_fit(call, fit.tau2_method, fit.ci_method, fit.level, mods=True)]
    found, expected = r_coefficients(fit.to_frame())
    found |= {"qm": "fit$QM", "qm_p": "fit$QMp", "qe": "fit$QE", "qe_p": "fit$QEp"}
    expected |= {"qm": fit.qm, "qm_p": fit.qm_p, "qe": fit.qe, "qe_p": fit.qe_p}
    left_out: tuple[str, ...] = ()
    if fit.tau2_method != "EE":
        found |= {"tau2": "fit$tau2", "i2": "fit$I2", "h2": "fit$H2"}
        expected |= {"tau2": fit.tau2, "i2": fit.i2, "h2": fit.h2}
        if fit.tau2_interval == "Q-profile":
            code.append(_q_profile(fit.tau2_method, fit.tau2_ci[1], fit.level, fit.vi, mods=True))
            found |= {"tau2_low": "spread[[1]]", "tau2_high": "spread[[2]]"}
            expected |= {"tau2_low": fit.tau2_ci[0], "tau2_high": fit.tau2_ci[1]}
        else:
            left_out = (f"The interval of tau2 ({fit.tau2_interval}) is not compared.",)
    about = (
        f"ketameta: {fit.method}",
        f"Moderators: {fit.formula}",
        *_scale(fit.ratio),
        f"Data: {fit.provenance.line()}",
    )
    return RAnalysis(
        about, f"{data}\n{matrix}", "\n".join(code), found, expected, _TOLERANCE, left_out, _unit(fit.vi)
    )


def _fit(call: str, method: str, ci: str, level: float, *, mods: bool = False, name: str = "fit") -> str:
    """Code of one fit; estimators that rma() knows only as weights of the generalised Q statistic come in two calls."""
    test = f'test = "{_TESTS.get(ci, "z")}", level = {r_level(level)}'
    options = _control(method)
    if method in ("GENQ", *_IN_STEPS):
        given = _given(mods)
        weights, before = "1 / sqrt(d$vi)", ""
        if method in _IN_STEPS:
            before = f'first <- rma({given}, method = "{_IN_STEPS[method]}")\n'
            weights = "1 / (d$vi + first$tau2)"
        moment = f'moment <- rma({given}, method = "GENQ", weights = {weights})\n'
        return f"{before}{moment}{name} <- rma({call}, tau2 = moment$tau2, {test})"
    return f'{name} <- rma({call}, method = "{method}", {test}{options})'


def _given(mods: bool) -> str:
    return "yi, vi, mods = X, intercept = FALSE, data = d" if mods else "yi, vi, data = d"


def _control(method: str) -> str:
    """Stopping rules in proportion to the data: those of rma() are absolute."""
    if method in _SCORED:
        return f", control = list(threshold = 1e-13 * {_TOTAL}, maxiter = 100000)"
    if method == "PM":
        return f", control = list(tol = 1e-13 * {_TOTAL}, tau2.max = nrow(d) * {_TOTAL}, maxiter = 100000)"
    return ""


def _q_profile(method: str, upper: float, level: float, vi: Array, *, mods: bool = False) -> str:
    """Code of the Q-profile interval, which confint() has not for a fit with a tau2 that was handed over."""
    fit = f'rma({_given(mods)}, method = "DL")' if method in ("GENQ", *_IN_STEPS) else "fit"
    limits = (
        f"tol = {1e-13 * float(np.min(vi)):.2g}, tau2.max = {max(100.0, 2.0 * upper):.4g}, maxiter = 100000"
    )
    return f'spread <- confint({fit}, level = {r_level(level)}, control = list({limits}))$random["tau^2", c("ci.lb", "ci.ub")]'


def _wald_prediction(level: float) -> str:
    reach = f"qt({r_number(0.5 + 0.5 * level)}, nrow(d) - 2)"
    return (
        "wald <- rma(yi, vi, data = d, tau2 = fit$tau2)\n"
        f"new <- fit$beta[[1]] + c(-1, 1) * {reach} * sqrt(fit$tau2 + wald$se^2)"
    )


_SHOW = """\
show <- function(f, i = 1) list(estimate = f$beta[[i]], ci_low = f$ci.lb[[i]], ci_high = f$ci.ub[[i]], tau2 = f$tau2)"""


def _common_groups(method: str, ci: str, level: float) -> str:
    call = _given(mods=True)
    return "\n".join(
        (
            "X <- model.matrix(~ 0 + group, d)",
            _fit(call, method, ci, level, mods=True, name="all"),
            _fit(call, method, "Wald", level, mods=True, name="wald"),
            _SHOW,
            "groups <- lapply(seq_len(nlevels(d$group)), function(i) show(all, i))",
            'fit <- rma(c(wald$beta), sei = wald$se, method = "EE", slab = levels(d$group))',
        )
    )


def _separate_groups(method: str, ci: str, level: float) -> str:
    alone = f'if (nrow(d) == 1) return(rma(yi, vi, data = d, method = "EE", level = {r_level(level)}))'

    def body(interval: str) -> str:
        code = _fit("yi, vi, data = d", method, interval, level)
        return f"function(d) {{\n  {alone}\n  " + code.replace("\n", "\n  ") + "\n  fit\n}"

    return "\n".join(
        (
            f"one <- {body(ci)}",
            f"plain <- {body('Wald')}",
            "parts <- split(d, d$group)",
            _SHOW,
            "groups <- lapply(parts, function(part) show(one(part)))",
            "wald <- lapply(parts, plain)",
            "estimate <- sapply(wald, function(f) f$beta[[1]])",
            'fit <- rma(estimate, sei = sapply(wald, function(f) f$se), method = "EE", slab = levels(d$group))',
        )
    )


def _unit(vi: Array) -> float:
    return float(np.sqrt(np.mean(vi)))


def _scale(ratio: bool) -> tuple[str, ...]:
    return ("Ratios stand as natural logs.",) if ratio else ()
