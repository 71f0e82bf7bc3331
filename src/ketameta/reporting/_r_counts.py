"""Pooled counts as calls of ``metafor::rma.mh``, ``rma.peto`` and ``rma.glmm``."""

from __future__ import annotations

import math

import numpy as np

from ketameta.errors import ModelError
from ketameta.models import PooledCounts
from ketameta.models._studies import text_column
from ketameta.models.glmm import informative
from ketameta.reporting._rscript import RAnalysis, r_frame, r_level

__all__ = ["of_counts"]

_TOLERANCE = 1e-6
_TOLERANCE_GLMM = 1e-2
_CELLS = "ai = a, n1i = n1, ci = c, n2i = n2, data = d, slab = label"
_WEIGHTED = {
    "MH": 'rma.mh({cells}, measure = "{measure}", level = {level})',
    "Peto": "rma.peto({cells}, level = {level})",
}
_NODES = {"UM.FS": ", nAGQ = 25", "CM.EL": ""}
_OPTIMISER = (
    "rma.glmm() stops its search a little early, and takes the standard error from numerical derivatives; with few "
    "events it may end with an error."
)
_EDGE = (
    "tau2 is 0, the edge of its range, where the standard error of rma.glmm() is not that of the common-effect model: "
    "standard error, interval and P value are not compared."
)
_PROFILE = "metafor has no profile-likelihood interval here: interval and P value are not compared."
_NO_RANDOM = (
    "tau2='DL' about the Mantel-Haenszel or Peto estimate is a method of Review Manager; metafor has no call for it: "
    "pool effect_sizes() by pool(tau2='DL') for an inverse-variance pool that metafor has"
)
_NO_LEVELS = (
    "UM.RS: rma.glmm() has the Laplace approximation only, which differs from the likelihood that ketameta integrates; "
    "method='UM.FS' and method='CM.EL' can be written"
)


def of_counts(fit: PooledCounts) -> RAnalysis:
    """The script of pooled counts.

    Raises
    ------
    ModelError
        For models that metafor does not have.
    """
    if fit.tau2_method == "DL":
        raise ModelError(f"there is no R script of this: {_NO_RANDOM}")
    if fit.pooling == "UM.RS":
        raise ModelError(f"there is no R script of this: {_NO_LEVELS}")
    fitted = fit.pooling not in _WEIGHTED
    used = informative(fit.a, fit.n1, fit.c, fit.n2) if fitted else np.ones(len(fit.a), dtype=np.bool_)
    cells = {name: getattr(fit, name)[used] for name in ("a", "n1", "c", "n2")}
    labels = [label for label, kept in zip(text_column(fit.rows, "label"), used, strict=True) if kept]
    found = {"estimate": "fit$beta[[1]]"}
    level = r_level(fit.level)
    if fitted:
        method, test = ("EE" if fit.tau2_method == "EE" else "ML"), ("t" if fit.ci_method == "t" else "z")
        code = (
            f'fit <- rma.glmm({_CELLS}, measure = "OR", model = "{fit.pooling}", method = "{method}", test = "{test}", '
            f"level = {level}, drop00 = FALSE{_NODES[fit.pooling]})"
        )
        found["tau2"] = "fit$tau2"
    else:
        code = f"fit <- {_WEIGHTED[fit.pooling].format(cells=_CELLS, measure=fit.measure, level=level)}"
        found |= {"q": "fit$QE", "q_p": "fit$QEp", "i2": "fit$I2"}
    left_out = _missing(fit) if fitted else ()
    if _EDGE not in left_out:
        found["se"] = "fit$se"
    if not {_EDGE, _PROFILE} & set(left_out):
        found |= {"ci_low": "fit$ci.lb", "ci_high": "fit$ci.ub", "p": "fit$pval"}
        if math.isfinite(fit.pi_low):
            code += f"\nnew <- predict(fit, level = {level})"
            found |= {"pi_low": "new$pi.lb", "pi_high": "new$pi.ub"}
    expected = {name: float(getattr(fit, name)) for name in found}
    scale = ("Ratios stand as natural logs.",) if fit.ratio else ()
    about = (f"ketameta: {fit.method}", *scale, f"Data: {fit.provenance.line()}")
    data = r_frame({"label": labels, **cells})
    return RAnalysis(about, data, code, found, expected, _TOLERANCE_GLMM if fitted else _TOLERANCE, left_out)


def _missing(fit: PooledCounts) -> tuple[str, ...]:
    """What rma.glmm() cannot be asked."""
    edge = (_EDGE,) if fit.boundary else ()
    profile = (_PROFILE,) if fit.ci_method == "profile" else ()
    return (_OPTIMISER, *edge, *profile)
