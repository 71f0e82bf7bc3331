"""Outliers and influential studies: what the pool is without each of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, number, plural
from ketameta._typing import Array, BoolArray
from ketameta.models import Pooled
from ketameta.models.leave_one_out import Contributions, all_and_without_each
from ketameta.models.linear import variance_factor
from ketameta.models.result import finite, plain_rows, small
from ketameta.provenance import Provenance
from ketameta.robustness._asked import pool_of
from ketameta.robustness._cautions import ENOUGH
from ketameta.robustness._diagnostics import Limits, diagnostics

__all__ = ["Influence", "influence"]

_LEAST = 3
_RULES = ("DFFITS", "Cook's distance", "hat", "DFBETAS")
_NUMBERS = (
    *("rstudent", "dffits", "cook_d", "cov_ratio", "tau2_deleted", "q_deleted", "hat", "weight", "dfbetas"),
    *("heterogeneity", "change"),
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Influence(Shown):
    """Diagnostics of outliers and of influence, one a study, in the order of the rows.

    Attributes
    ----------
    labels : tuple of str
        The studies.
    rstudent : Array, shape (k,)
        Externally standardised residual: distance from the pooled effect of the others, in standard errors.
    dffits : Array, shape (k,)
        Change of the fitted value by the study, in standard errors.
    cook_d : Array, shape (k,)
        Cook's distance: squared change of the pooled effect, divided by its variance.
    cov_ratio : Array, shape (k,)
        Variance of the pooled effect without the study, divided by that with it; below 1 the study costs precision.
    tau2_deleted, q_deleted : Array, shape (k,)
        Between-study variance and Cochran's Q without the study.
    hat, weight : Array, shape (k,)
        Leverage, 0 to 1, and weight in percent.
    dfbetas : Array, shape (k,)
        Change of the pooled effect by the study, in standard errors at the tau2 without it.
    heterogeneity, change : Array, shape (k,)
        Coordinates of the Baujat plot: squared Pearson residual, and squared standardised change of the effect.
    limits : Limits
        Values beyond which a diagnostic is remarkable.
    tau2, q : float
        Of all studies.
    notes : tuple of str
        What a reader must know.
    method : str
        How the numbers were made.
    provenance : Provenance
        Data set, rows and software.
    """

    labels: tuple[str, ...]
    rstudent: Array
    dffits: Array
    cook_d: Array
    cov_ratio: Array
    tau2_deleted: Array
    q_deleted: Array
    hat: Array
    weight: Array
    dfbetas: Array
    heterogeneity: Array
    change: Array
    limits: Limits
    tau2: float
    q: float
    notes: tuple[str, ...]
    method: str
    provenance: Provenance

    def _beyond(self) -> BoolArray:
        """Which rule marks which study, shape (4, k)."""
        limits = self.limits
        return np.array(
            [
                np.abs(self.dffits) > limits.dffits,
                self.cook_d > limits.cook_d,
                self.hat > limits.hat,
                np.abs(self.dfbetas) > limits.dfbetas,
            ]
        )

    @property
    def influential(self) -> BoolArray:
        """Whether DFFITS, Cook's distance, hat or DFBETAS lies beyond its limit, shape (k,)."""
        return np.asarray(self._beyond().any(axis=0))

    @property
    def outlying(self) -> BoolArray:
        """Whether the standardised residual lies beyond its limit, shape (k,)."""
        return np.asarray(np.abs(self.rstudent) > self.limits.rstudent)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The diagnostics that mark each study, empty where none does."""
        return tuple(
            ", ".join(name for name, marks in zip(_RULES, column, strict=True) if marks)
            for column in self._beyond().T.tolist()
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a study."""
        table = pd.DataFrame({"label": list(self.labels)} | {name: getattr(self, name) for name in _NUMBERS})
        table["outlying"], table["influential"] = self.outlying, self.influential
        table["reasons"] = list(self.reasons)
        return table

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        return {
            "studies": plain_rows(self.to_frame()),
            "limits": {part.name: getattr(self.limits, part.name) for part in fields(self.limits)},
            "tau2": finite(self.tau2),
            "q": finite(self.q),
            "method": self.method,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """The result as a sentence of a results section."""
        named = [
            f"{label} by {reason}" for label, reason in zip(self.labels, self.reasons, strict=True) if reason
        ]
        far = [label for label, out in zip(self.labels, self.outlying, strict=True) if out]
        count = plural(len(self.labels), "study", "studies")
        influential = f"{len(named)} influential ({'; '.join(named)})" if named else "none influential"
        outlying = f"{len(far)} outlying ({', '.join(far)})" if far else "none outlying"
        return f"Of {count}, {influential} and {outlying}."

    def _card(self) -> Card:
        marks = zip(self.reasons, self.outlying.tolist(), strict=True)
        words = [", ".join(filter(None, (reason, "residual" if out else ""))) for reason, out in marks]
        rows = [
            (
                label,
                number(float(self.rstudent[i])),
                number(float(self.dffits[i])),
                number(float(self.cook_d[i])),
                number(float(self.cov_ratio[i])),
                small(float(self.tau2_deleted[i])),
                number(float(self.q_deleted[i])),
                number(float(self.weight[i]), 1),
                words[i],
            )
            for i, label in enumerate(self.labels)
        ]
        limits = self.limits
        rows.append(
            (
                "marked beyond (tau2, Q: all studies)",
                f"±{number(limits.rstudent)}",
                f"±{number(limits.dffits)}",
                number(limits.cook_d),
                "",
                small(self.tau2),
                number(self.q),
                number(100.0 * limits.hat, 1),
                "",
            )
        )
        columns = (
            *("Study", "Residual", "DFFITS", "Cook's distance", "Covariance ratio"),
            *("tau2 without", "Q without", "Weight (%)", "Beyond its limit"),
        )
        footer = (self.method, self.provenance.line())
        return Card("Outliers and influential studies", columns, tuple(rows), self.notes, footer)


def influence(fit: Pooled) -> Influence:
    """Outliers and influential studies of a pool, each by leaving it out.

    Parameters
    ----------
    fit : Pooled
        From :func:`ketameta.pool`, of three studies or more.

    Returns
    -------
    Influence

    Raises
    ------
    ModelError
        For another kind of result, and fewer than three studies.

    Notes
    -----
    With mu, tau2 from all k studies, w_i = 1 / (v_i + tau2), h_i = w_i / sum w, and mu_i, tau2_i without study i; s
    and s_i the Hartung-Knapp factors of the variance, all and without study i (1 beside other intervals), and
    var = s / sum w the variance of mu, var_i likewise that of mu_i:

    - rstudent = (y_i - mu_i) / sqrt(s_i (v_i + tau2_i) + var_i)
    - DFFITS = (mu - mu_i) / sqrt(s_i h_i (v_i + tau2_i))
    - Cook's distance = (mu - mu_i)^2 / var
    - covariance ratio = var_i / var
    - DFBETAS = (mu - mu_i) / sqrt(s_i / sum of 1 / (v_j + tau2_i) over all j)

    A study is marked as influential where abs(DFFITS) > 3 sqrt(1 / (k - 1)), Cook's distance exceeds the median of
    chi-square with one degree of freedom (0.45), h_i > 3 / k, or abs(DFBETAS) > 1; these are the rules of thumb of
    metafor. It is marked as outlying where abs(rstudent) > 1.96, as one of twenty is by chance. A mark asks for a
    look at the study, and is no reason to leave it out.

    References
    ----------
    Viechtbauer W, Cheung MWL (2010). Outlier and influence diagnostics for meta-analysis. Res Synth Methods
    1:112-125. doi:10.1002/jrsm.11

    Viechtbauer W (2021). Model checking in meta-analysis. In: Schmid CH, Stijnen T, White IR (eds). Handbook
    of Meta-Analysis, 219-254.

    Baujat B, Mahe C, Pignon JP, Hill C (2002). Stat Med 21:2641-2652. doi:10.1002/sim.1221

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.robustness import influence
    >>> pooled = km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.09, 0.05, 0.04, 0.07, 0.11])
    >>> found = influence(pooled)
    >>> found.rstudent.round(2).tolist(), found.influential.any().item()
    ([-1.93, 0.77, -0.11, 1.38, -0.54], False)
    """
    fit = pool_of(fit, "influence", least=_LEAST)
    y, v = fit.yi, fit.vi
    fits = all_and_without_each(y, v, tau2=fit.tau2_method)
    linear = fit.ci_method in ("HKSJ", "HKSJ-adhoc")
    factor = variance_factor(fits, fit.ci_method) if linear else np.ones_like(fits.hksj)
    numbers = diagnostics(fits, y, v, factor)
    baujat = Contributions.of(fits, y, v)
    return Influence(
        labels=tuple(map(str, fit.rows["label"])),
        **numbers,
        tau2_deleted=fits.tau2[1:],
        q_deleted=fits.q[1:],
        weight=100.0 * numbers["hat"],
        heterogeneity=baujat.heterogeneity,
        change=baujat.influence,
        limits=Limits.of(fit.k),
        tau2=float(fits.tau2[0]),
        q=float(fits.q[0]),
        notes=_notes(fit, numbers),
        method=_method(fit, linear),
        provenance=fit.provenance.after(("influence", {})),
    )


def _method(fit: Pooled, scaled: bool) -> str:
    kind = f"variances scaled as in the {fit.ci_method} interval" if scaled else "model-based variances"
    return f"Each study left out in turn; tau2 by {fit.tau2_method}, {kind}; marks by the rules of metafor"


def _notes(fit: Pooled, numbers: dict[str, Array]) -> tuple[str, ...]:
    found = []
    if fit.k < ENOUGH:
        found.append(f"each of {fit.k} studies weighs much, so that a mark says little of the study")
    if not np.isfinite(list(numbers.values())).all():
        found.append(
            "some diagnostics are missing: without a study the others are alike, or the numbers lie too far apart"
        )
    return tuple(found)
