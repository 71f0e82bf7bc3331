"""Limit meta-analysis: the effect that is expected of a study without sampling error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value
from ketameta._typing import Array, ArrayLike
from ketameta.models import Pooled
from ketameta.models.intervals import Inference, chi2_sf
from ketameta.models.result import finite, level_text, plain_rows, shown, small
from ketameta.provenance import Provenance
from ketameta.robustness._asked import pool_of
from ketameta.robustness._cautions import few, heterogeneous, self_correlated
from ketameta.robustness._limiting import limit
from ketameta.robustness._small_study_result import equals_p

__all__ = ["LimitMeta", "limit_meta_analysis"]

_NAMES = {
    "pooled": "as pooled",
    "beta0": "limit (beta0)",
    "betalim": "limit, with a slope (betalim)",
    "mulim": "limit, without a slope (mulim)",
}
_EXTRAPOLATES = (
    "the adjusted effect is an extrapolation to a standard error of 0, and takes every dependence of effects on "
    "their standard errors for a small-study effect; it is a sensitivity analysis"
)
_TOLD = "a slope on the standard error is then hard to tell from heterogeneity"
_SCALARS = (
    *("measure", "level", "k", "tau2", "alpha", "alpha_se", "beta"),
    *("estimate", "se", "ci_low", "ci_high", "p"),
    *("q", "q_p", "q_small", "q_small_p", "q_resid", "q_resid_p", "g2"),
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LimitMeta(Shown):
    """A pool adjusted for small-study effects.

    Attributes
    ----------
    measure : str
        Effect measure, empty when unknown.
    level : float
        Level of the intervals.
    k : int
        Number of studies.
    tau2 : float
        Between-study variance, that of the pool.
    alpha, alpha_se : float
        Small-study effect, in standard errors: the shift expected of a study without any precision.
    beta : float
        Intercept of the model; the expected effect at a standard error s is
        ``beta + alpha sqrt(s^2 + tau2)``.
    estimate, se, ci_low, ci_high, p : float
        Adjusted effect beta0 = beta + alpha tau, that at s = 0, with a normal interval and test.
    q, q_p : float
        Cochran's Q and its test, with k - 1 degrees of freedom.
    q_small, q_small_p : float
        The part of Q that a slope on the standard errors explains: test of small-study effects, 1 degree of
        freedom.
    q_resid, q_resid_p : float
        The rest: test of heterogeneity beyond small-study effects, k - 2 degrees of freedom.
    g2 : float
        G2, in percent, 0 to 100: share of the variance of the radial plot of ``limit_yi`` that a line leaves;
        NaN where that variance is 0.
    limit_yi : Array, shape (k,)
        Effects of the studies in the limit, shrunken towards ``beta``, on the scale of the analysis.
    table : DataFrame
        ``variant, estimate, se, ci_low, ci_high, p``; variants pooled (not adjusted), beta0, betalim, mulim.
    unadjusted : Pooled
        The pool.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    level: float
    k: int
    tau2: float
    alpha: float
    alpha_se: float
    beta: float
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    p: float
    q: float
    q_p: float
    q_small: float
    q_small_p: float
    q_resid: float
    q_resid_p: float
    g2: float
    limit_yi: Array
    table: pd.DataFrame
    unadjusted: Pooled
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        tau2 = f"tau2 by {self.unadjusted.tau2_method}, taken as known"
        if self.unadjusted.tau2_method == "EE":
            tau2 = "tau2 taken as 0"
        return (
            "Limit meta-analysis (Rücker et al. 2011): effects on the square root of their variance plus tau2, "
            f"at a standard error of 0 (beta0); {tau2}; {level_text(self.level)} Wald interval (normal)"
        )

    def at(self, se: ArrayLike) -> Array:
        """Expected effect of studies with these standard errors, on the scale of the analysis; same shape.

        Examples
        --------
        >>> import ketameta as km
        >>> from ketameta.robustness import limit_meta_analysis
        >>> found = limit_meta_analysis(km.pool(yi=[-0.3, -0.2, -0.9], vi=[0.01, 0.02, 0.2]))
        >>> bool(abs(found.at(0.0) - found.estimate) < 1e-12)
        True
        """
        result: Array = self.beta + self.alpha * np.sqrt(np.square(np.asarray(se, dtype=float)) + self.tau2)
        return result

    def to_frame(self) -> pd.DataFrame:
        """One row a variant of the estimate, the first not adjusted, on the scale of the analysis."""
        return self.table.copy()

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        return {
            **{name: finite(getattr(self, name)) for name in _SCALARS},
            "limit_yi": self.limit_yi.tolist(),
            "variants": plain_rows(self.table),
            "method": self.method,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        ratio, level = self.unadjusted.ratio, level_text(self.level)
        raw = number(shown(self.unadjusted.estimate, ratio))
        estimate, low, high = (number(shown(x, ratio)) for x in (self.estimate, self.ci_low, self.ci_high))
        return (
            f"A limit meta-analysis moved the pooled {self.measure or 'effect'} from {raw} to {estimate} "
            f"({level} CI {low} to {high}; small-study effects: Q = {number(self.q_small)}, df = 1, "
            f"{equals_p(self.q_small_p)}; G2 = {number(self.g2, 0)}%)."
        )

    def _card(self) -> Card:
        ratio = self.unadjusted.ratio
        rows = []
        for row in self.table.to_dict(orient="records"):
            ends = interval(shown(row["ci_low"], ratio), shown(row["ci_high"], ratio))
            value = number(shown(row["estimate"], ratio))
            rows.append((_NAMES[row["variant"]], value, ends, p_value(row["p"])))
        rows += [
            ("small-study effect (alpha)", number(self.alpha), f"± {number(self.alpha_se)} (SE)", ""),
            ("tau2", small(self.tau2), "", ""),
            (f"Q (df = {self.k - 1})", number(self.q), "", p_value(self.q_p)),
            ("Q, small-study effects (df = 1)", number(self.q_small), "", p_value(self.q_small_p)),
            (f"Q, rest (df = {self.k - 2})", number(self.q_resid), "", p_value(self.q_resid_p)),
            ("G2 (%)", number(self.g2, 0), "", ""),
        ]
        title = f"Limit meta-analysis of the {self.measure or 'effect'}, k = {self.k}"
        columns = ("", "Estimate", f"{level_text(self.level)} interval", "P")
        return Card(title, columns, tuple(rows), self.notes, (self.method, self.provenance.line()))


def limit_meta_analysis(fit: Pooled) -> LimitMeta:
    """Adjust a pooled effect for small-study effects by the limit of infinite precision.

    Parameters
    ----------
    fit : Pooled
        Result of :func:`ketameta.pool` of three studies or more; its tau2 is used.

    Returns
    -------
    LimitMeta

    Raises
    ------
    ModelError
        ``fit`` is no pool or has fewer than three studies, or the standard errors are too much alike.

    Notes
    -----
    The model is y_i = beta + sqrt(v_i + tau2) (alpha + e_i) with standard normal e_i: the generalised radial
    plot, y_i / sqrt(v_i + tau2) against 1 / sqrt(v_i + tau2), has slope beta and intercept alpha, fitted by
    least squares with the variance of e_i kept at 1. A study without sampling error has the expectation

    - beta0 = beta + alpha tau, the estimate here, with the standard error of that sum of coefficients.

    In the limit, each study is made infinitely precise: y_i becomes
    beta + sqrt(tau2 / (v_i + tau2)) (y_i - beta), with v_i for weights still. Of these shrunken effects

    - betalim is the slope of their radial plot with an intercept,
    - mulim is the common-effect pooled estimate (no intercept).

    With tau2 = 0 all three are beta, and what differs are their standard errors; beta0 is then PET, with a
    normal interval. Q = Q_small + Q_resid, where Q_resid is the residual Q of a common-effect regression of
    y_i on sqrt(v_i). G2 is 1 - R2 of the radial plot of the shrunken effects with an intercept, hence 0 when
    tau2 = 0; as its R2 counts a slope as explained, it is smaller the further effects lie from 0. These are
    the definitions of the paper and of the R package metasens. Standard errors take tau2 as known, and tau2 is
    estimated without the small-study effect, which makes it large where there is one. The standard errors of
    betalim and mulim leave tau2 out: their intervals are too narrow where effects differ.

    References
    ----------
    Rücker G, Schwarzer G, Carpenter JR, Binder H, Schumacher M (2011). Treatment-effect estimates adjusted for
    small-study effects via a limit meta-analysis. Biostatistics 12:122-142. doi:10.1093/biostatistics/kxq046

    Rücker G, Carpenter JR, Schwarzer G (2011). Detecting and adjusting for small-study effects in
    meta-analysis. Biom J 53:351-368. doi:10.1002/bimj.201000151

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import limit_meta_analysis
    >>> fit = km.pool(yi=[-0.3, -0.2, -0.4, -0.9, -1.3, -1.6], vi=[0.01, 0.01, 0.02, 0.1, 0.2, 0.3])
    >>> found = limit_meta_analysis(fit)
    >>> round(found.unadjusted.estimate, 2), round(found.estimate, 2), round(found.at(0.3).item(), 2)
    (-0.58, -0.22, -0.76)
    """
    fit = pool_of(fit, "limit_meta_analysis", least=3)
    found = limit(fit.yi, fit.vi, tau2=fit.tau2, level=fit.level)
    found.limit_y.flags.writeable = False
    q_small = max(fit.q - found.q_resid, 0.0)
    alpha, beta0 = _numbers(found.alpha), _numbers(found.beta0)
    return LimitMeta(
        measure=fit.measure,
        level=fit.level,
        k=fit.k,
        tau2=fit.tau2,
        alpha=alpha["estimate"],
        alpha_se=alpha["se"],
        beta=found.beta,
        **beta0,
        q=fit.q,
        q_p=fit.q_p,
        q_small=q_small,
        q_small_p=float(chi2_sf(q_small, 1)),
        q_resid=found.q_resid,
        q_resid_p=float(chi2_sf(found.q_resid, fit.k - 2)),
        g2=found.g2,
        limit_yi=found.limit_y,
        table=_table(fit, beta0, _numbers(found.betalim), _numbers(found.mulim)),
        unadjusted=fit,
        notes=_notes(fit),
        provenance=fit.provenance.after(("limit_meta_analysis", {})),
    )


def _numbers(found: Inference) -> dict[str, float]:
    """One coefficient as plain numbers."""
    low, high = found.interval()
    parts = {"estimate": found.estimate, "se": found.se, "ci_low": low, "ci_high": high, "p": found.p}
    return {name: float(np.ravel(value)[0]) for name, value in parts.items()}


def _table(fit: Pooled, *found: dict[str, float]) -> pd.DataFrame:
    pooled = {name: getattr(fit, name) for name in found[0]}
    return pd.DataFrame(
        [{"variant": name, **row} for name, row in zip(_NAMES, (pooled, *found), strict=True)]
    )


def _notes(fit: Pooled) -> tuple[str, ...]:
    least = small(math.sqrt(float(fit.vi.min())))
    reach = f"the smallest standard error is {least}: nothing was observed between it and 0"
    return (_EXTRAPOLATES, reach, *few(fit), *heterogeneous(fit, _TOLD), *self_correlated(fit))
