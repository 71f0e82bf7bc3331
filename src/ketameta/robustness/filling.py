"""Trim and fill: the pooled effect when an asymmetric funnel is made symmetric."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value, plural
from ketameta._typing import Array
from ketameta.models import Pooled, PoolOptions
from ketameta.models._studies import read_studies
from ketameta.models.pooling import PREDICTION_METHODS, Settings, pool_studies
from ketameta.models.result import finite, level_text, plain_rows, shown, small
from ketameta.provenance import ATTRS_KEY, Provenance
from ketameta.robustness._asked import choice, pool_of
from ketameta.robustness._cautions import few, heterogeneous, self_correlated
from ketameta.robustness._trimming import ESTIMATORS, SIDES, Trimmed, side_of_slope, trim

__all__ = ["TrimFill", "trim_and_fill"]

_COLUMNS = (
    *("measure", "k", "estimate", "se", "ci_low", "ci_high", "p", "pi_low", "pi_high"),
    *("tau2", "i2"),
)
_ASSUMES = (
    "assumes that the most extreme results on one side, and nothing else, are missing; filled studies are no data, "
    "and the result is a sensitivity analysis, not a better estimate"
)
_WIDE = "trim and fill then fills in studies where none is missing (Terrin et al. 2003; Peters et al. 2007)"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TrimFill(Shown):
    """A pool before and after the mirror images of its most extreme studies are filled in.

    Attributes
    ----------
    measure : str
        Effect measure, empty when unknown.
    level : float
        Level of the intervals.
    k : int
        Number of studies observed.
    side : str
        Side on which studies are filled in: ``"left"`` (lower effects) or ``"right"``.
    side_given : bool
        Whether the caller named the side; else it is opposite to where small studies lie.
    estimator : str
        L0, R0 or Q0.
    k_filled : int
        Number of studies filled in.
    k_filled_se : float
        Its standard error; NaN where its formula gives none, as when fewer than 0 studies would be missing.
    k_filled_p : float
        For R0, P value against none missing; else NaN.
    iterations : int
        Number of fits until the number settled.
    filled_yi, filled_vi : Array, shape (k_filled,)
        Effects and sampling variances filled in, on the scale of the analysis.
    unadjusted, adjusted : Pooled
        The pool of the studies observed, and of these with those filled in, by the same methods.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    level: float
    k: int
    side: str
    side_given: bool
    estimator: str
    k_filled: int
    k_filled_se: float
    k_filled_p: float
    iterations: int
    filled_yi: Array
    filled_vi: Array
    unadjusted: Pooled
    adjusted: Pooled
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        why = "as asked" if self.side_given else "by the slope of the effects on their standard errors"
        return (
            f"Trim and fill by {self.estimator} (Duval and Tweedie 2000) on the {self.side}, {why}; "
            f"{self.unadjusted.method}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Two rows, ``analysis`` observed and filled, on the scale of the analysis."""
        fits = (("observed", self.unadjusted), ("filled", self.adjusted))
        return pd.DataFrame(
            [{"analysis": name, **{c: getattr(one, c) for c in _COLUMNS}} for name, one in fits]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        plain = ("measure", "level", "k", "side", "side_given", "estimator")
        counted = ("k_filled", "k_filled_se", "k_filled_p", "iterations")
        return {
            **{name: finite(getattr(self, name)) for name in (*plain, *counted)},
            "filled": [
                {"yi": y, "vi": v}
                for y, v in zip(self.filled_yi.tolist(), self.filled_vi.tolist(), strict=True)
            ],
            "analyses": plain_rows(self.to_frame()),
            "method": self.method,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        name = self.measure or "effect"
        if not self.k_filled:
            return (
                f"Trim and fill ({self.estimator}) filled in no study on the {self.side}; "
                f"the pooled {name} stayed {self._range(self.unadjusted)}."
            )
        return (
            f"Trim and fill ({self.estimator}) filled in {plural(self.k_filled, 'study', 'studies')} on the "
            f"{self.side}, which moved the pooled {name} from {self._range(self.unadjusted)} to "
            f"{self._range(self.adjusted)}."
        )

    def _range(self, fit: Pooled) -> str:
        estimate, low, high = (
            number(shown(value, fit.ratio)) for value in (fit.estimate, fit.ci_low, fit.ci_high)
        )
        return f"{estimate} ({level_text(fit.level)} CI {low} to {high})"

    def _card(self) -> Card:
        rows = []
        for name, fit in (("as observed", self.unadjusted), ("with studies filled in", self.adjusted)):
            low, high = shown(fit.ci_low, fit.ratio), shown(fit.ci_high, fit.ratio)
            estimate = number(shown(fit.estimate, fit.ratio))
            rows.append((name, str(fit.k), estimate, interval(low, high), small(fit.tau2), p_value(fit.p)))
        filled = f"filled in on the {self.side}"
        error = "" if math.isnan(self.k_filled_se) else f"± {number(self.k_filled_se, 1)} (SE)"
        rows.append((filled, str(self.k_filled), "", error, "", p_value(self.k_filled_p)))
        title = f"Trim and fill of the pooled {self.measure or 'effect'}, k = {self.k}"
        columns = ("", "k", "Estimate", f"{level_text(self.level)} interval", "tau2", "P")
        return Card(title, columns, tuple(rows), self.notes, (self.method, self.provenance.line()))


def trim_and_fill(fit: Pooled, *, estimator: str = "L0", side: str | None = None) -> TrimFill:
    """Fill in the studies that would make the funnel symmetric, and pool again.

    Parameters
    ----------
    fit : Pooled
        Result of :func:`ketameta.pool` of three studies or more. Its methods trim and pool again.
    estimator : str
        Number of missing studies: ``"L0"`` (from the sum of the ranks of the distances), ``"R0"`` (from the
        run of the largest ones; it comes with a test) or ``"Q0"`` (quadratic in that sum).
    side : str, optional
        Where studies are thought to be missing: ``"left"`` (lower effects) or ``"right"``. By default opposite
        to where small studies lie: right where effects fall as standard errors grow, by a meta-regression with
        the same estimator of tau2 (Egger's test).

    Returns
    -------
    TrimFill

    Raises
    ------
    ModelError
        ``fit`` is no pool or has fewer than three studies, an option is not known, the side cannot be told, or
        the number of missing studies does not settle or, for Q0, exist.

    Notes
    -----
    The k effects are sorted and their distances from the pooled effect are ranked by size; S is the sum of the
    ranks of those on the crowded side, and r the largest rank on the other. The number missing is

    - L0 = (4 S - k (k + 1)) / (2 k - 1),
    - R0 = k - r - 1,
    - Q0 = k - 1/2 - sqrt(2 k^2 - 4 S + 1/4),

    rounded, and at least 0. That many of the most extreme studies of the crowded side are trimmed, the rest is
    pooled, and so on until the number settles; then the trimmed studies are put back with mirror images on the
    other side of the last centre, which have the same variances. Under none missing, R0 of n or more has the
    probability 0.5^(n + 1). A prediction interval by bootstrap is drawn anew with the default draws and seed.

    The method supposes that the most extreme results are suppressed whatever their P value. It fills in
    studies where effects differ for other reasons than bias (Terrin et al. 2003), and corrects too little
    where publication goes by P values.

    References
    ----------
    Duval S, Tweedie R (2000). Trim and fill: a simple funnel-plot-based method of testing and adjusting for
    publication bias in meta-analysis. Biometrics 56:455-463. doi:10.1111/j.0006-341X.2000.00455.x

    Duval S, Tweedie R (2000). A nonparametric "trim and fill" method of accounting for publication bias in
    meta-analysis. J Am Stat Assoc 95:89-98. doi:10.1080/01621459.2000.10473905

    Terrin N, Schmid CH, Lau J, Olkin I (2003). Adjusting for publication bias in the presence of
    heterogeneity. Stat Med 22:2113-2126. doi:10.1002/sim.1461

    Peters JL, Sutton AJ, Jones DR, Abrams KR, Rushton L (2007). Performance of the trim and fill method in the
    presence of publication bias and between-study heterogeneity. Stat Med 26:4544-4562. doi:10.1002/sim.2889

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import trim_and_fill
    >>> fit = km.pool(yi=[-0.3, -0.2, -0.4, -0.9, -1.3, -1.6], vi=[0.01, 0.01, 0.02, 0.1, 0.2, 0.3])
    >>> found = trim_and_fill(fit)
    >>> found.side, found.k_filled, found.filled_yi.round(2).tolist()
    ('right', 2, [0.69, 0.99])
    >>> round(found.unadjusted.estimate, 2), round(found.adjusted.estimate, 2)
    (-0.58, -0.38)
    """
    fit = pool_of(fit, "trim_and_fill", least=3)
    choice("estimator", estimator, ESTIMATORS)
    tau2 = fit.tau2_method
    where = side_of_slope(fit.yi, fit.vi, tau2=tau2) if side is None else choice("side", side, SIDES)
    found = trim(fit.yi, fit.vi, tau2=tau2, estimator=estimator, side=where)
    yi, vi = 2.0 * found.centre - fit.yi[found.trimmed], fit.vi[found.trimmed]
    for array in (yi, vi):
        array.flags.writeable = False
    count = found.missing.count
    return TrimFill(
        measure=fit.measure,
        level=fit.level,
        k=fit.k,
        side=where,
        side_given=side is not None,
        estimator=estimator,
        k_filled=count,
        k_filled_se=found.missing.se,
        k_filled_p=0.5 ** (count + 1) if estimator == "R0" else math.nan,
        iterations=found.iterations,
        filled_yi=yi,
        filled_vi=vi,
        unadjusted=fit,
        adjusted=_filled(fit, yi, vi) if count else fit,
        notes=_notes(fit, found),
        provenance=fit.provenance.after(("trim_and_fill", {"estimator": estimator, "side": side})),
    )


def _filled(fit: Pooled, yi: Array, vi: Array) -> Pooled:
    """The pool with the studies filled in, by the methods of the fit."""
    prediction = fit.prediction_method if fit.prediction_method in PREDICTION_METHODS else "t(k-1)"
    options = PoolOptions(tau2_interval=fit.tau2_interval)
    settings = Settings(fit.tau2_method, fit.ci_method, prediction, fit.level, options)
    table = pd.DataFrame(
        {
            "label": [*map(str, fit.rows["label"]), *(f"Filled {i + 1}" for i in range(yi.size))],
            "yi": np.concatenate((fit.yi, yi)),
            "vi": np.concatenate((fit.vi, vi)),
            "measure": fit.measure,
        }
    )
    table.attrs[ATTRS_KEY] = {"dataset": f"{fit.provenance.dataset}, {yi.size} filled by trim and fill"}
    return pool_studies(read_studies(table), settings)[0]


def _notes(fit: Pooled, found: Trimmed) -> tuple[str, ...]:
    most = fit.k // 2
    many = (
        (f"{found.missing.count} of {fit.k} studies are trimmed: little is left to find the centre from",)
        if found.missing.count >= most
        else ()
    )
    return (_ASSUMES, *many, *few(fit), *heterogeneous(fit, _WIDE), *self_correlated(fit))
