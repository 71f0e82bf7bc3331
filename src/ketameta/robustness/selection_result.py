"""A pooled effect under selection by P value as a result: fields, table, sentence, card."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value
from ketameta._typing import Array, ArrayLike
from ketameta.errors import ModelError
from ketameta.models.result import RATIO_MEASURES, finite, level_text, plain_rows, shown, small
from ketameta.provenance import Provenance
from ketameta.robustness._selection_weights import scheme

__all__ = ["FAMILY_NAMES", "SelectionModel"]

FAMILY_NAMES = {
    "step": "step function (Vevea and Hedges 1995)",
    "beta": "beta weights (Citkowicz and Vevea 2017)",
    "negexp": "negative exponential weights (Preston et al. 2004)",
    "halfnorm": "half-normal weights (Preston et al. 2004)",
}
_SIDES = {
    "less": "one-sided P for effects below 0",
    "greater": "one-sided P for effects above 0",
    "two-sided": "two-sided P",
}
_INTERVALS = {"profile": "profile likelihood", "Wald": "Wald"}
_SKIP = ("yi", "vi", "pi", "table", "notes", "provenance")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SelectionModel(Shown):
    """A random-effects model in which studies are seen with a probability that depends on their P value.

    Effects are on the scale of the analysis: ratios (OR, RR, HR, ROM) as natural logs. The card and the sentence
    show ratios.

    Attributes
    ----------
    measure : str
        Effect measure, empty when unknown.
    weights : str
        ``"step"``, ``"beta"``, ``"negexp"`` or ``"halfnorm"``.
    steps : tuple of float
        Where P is cut; empty for other weights than steps.
    alternative : str
        Which test P belongs to: ``"less"``, ``"greater"`` or ``"two-sided"``.
    assumed : bool
        Whether the weights were stated, not estimated.
    common : bool
        Whether tau2 is held at 0, as in a common-effect model.
    intervals : str
        ``"profile"`` or ``"Wald"``.
    level : float
        Level of all intervals.
    k : int
        Number of studies.
    estimate, se, ci_low, ci_high, stat, p : float
        Mean effect of all studies, seen or not; ``se`` by the observed information. ``stat`` is the signed root
        of the likelihood ratio beside profile intervals, else estimate / se.
    wald_ci : tuple of float
        The Wald interval of the mean.
    tau2, tau2_se : float
        Between-study variance; its standard error is missing at 0.
    tau2_ci : tuple of float
        Its interval.
    table : DataFrame
        The weight function: ``term, p_low, p_high, k, delta, se, ci_low, ci_high``. For steps one row an
        interval of P, with the number of studies in it and its weight relative to the first; for other weights one
        row a parameter.
    unadjusted, unadjusted_se, unadjusted_tau2 : float
        The same model without selection, by maximum likelihood.
    unadjusted_ci : tuple of float
        The Wald interval of its mean.
    loglik, loglik_none : float
        Log-likelihoods with and without selection.
    lrt, lrt_df, lrt_p : float, int, float
        Likelihood-ratio test of selection; missing where the weights were stated.
    converged, identified : bool
        Whether a maximum was found, and whether it lies inside the range that was searched.
    yi, vi, pi : Array, shape (k,)
        Effects, sampling variances, and the P values that selection acts on.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    weights: str
    steps: tuple[float, ...]
    alternative: str
    assumed: bool
    common: bool
    intervals: str
    level: float
    k: int
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    stat: float
    p: float
    wald_ci: tuple[float, float]
    tau2: float
    tau2_se: float
    tau2_ci: tuple[float, float]
    table: pd.DataFrame
    unadjusted: float
    unadjusted_se: float
    unadjusted_ci: tuple[float, float]
    unadjusted_tau2: float
    loglik: float
    loglik_none: float
    lrt: float
    lrt_df: int
    lrt_p: float
    converged: bool
    identified: bool
    yi: Array
    vi: Array
    pi: Array
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        model = "Common-effect" if self.common else "Random-effects"
        state = "stated" if self.assumed else "estimated"
        cuts = f" cut at {', '.join(f'{step:g}' for step in self.steps)}" if self.steps else ""
        return (
            f"{model} selection model, {FAMILY_NAMES[self.weights]}, weights {state}; {_SIDES[self.alternative]}"
            f"{cuts}; maximum likelihood; {level_text(self.level)} {_INTERVALS[self.intervals]} intervals"
        )

    def weight_at(self, p: ArrayLike) -> Array:
        """Relative probability that a study with this P value is seen.

        Parameters
        ----------
        p : array_like
            P values from 0 to 1, of the test that ``alternative`` names.

        Returns
        -------
        Array
            Of the shape of ``p``. For steps relative to the first interval; beta weights are as their formula
            gives them, and so are defined up to a factor.

        Raises
        ------
        ModelError
            For values that are not between 0 and 1.

        Examples
        --------
        >>> import ketameta as km
        >>> fit = km.pool(yi=[-0.9, -0.5, -0.62, -0.15, -0.05, -1.2], vi=[0.09, 0.05, 0.04, 0.02, 0.03, 0.16])
        >>> km.robustness.selection_model(fit, delta=(1, 0.5)).weight_at([0.01, 0.3]).tolist()
        [1.0, 0.5]
        """
        at = np.asarray(p, dtype=np.float64)
        if not ((at >= 0) & (at <= 1)).all():
            raise ModelError("p must be between 0 and 1")
        kind = scheme(self.weights, self.steps, two_sided=self.alternative == "two-sided")
        delta = self.table["delta"].to_numpy(dtype=np.float64)[int(self.weights == "step") :]
        result: Array = np.exp(kind.of_p(at) @ kind.theta(delta))
        return result

    def to_frame(self) -> pd.DataFrame:
        """One row for the mean without selection, one under selection."""
        rows = (
            (
                False,
                self.unadjusted,
                self.unadjusted_se,
                *self.unadjusted_ci,
                self.unadjusted_tau2,
                self.loglik_none,
            ),
            (True, self.estimate, self.se, self.ci_low, self.ci_high, self.tau2, self.loglik),
        )
        names = ["selection", "estimate", "se", "ci_low", "ci_high", "tau2", "loglik"]
        frame = pd.DataFrame(rows, columns=names)
        frame.insert(1, "k", self.k)
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        result = {name: finite(getattr(self, name)) for name in self.__slots__ if name not in _SKIP}
        result["scale"] = "log" if self.ratio else "identity"
        result["method"] = self.method
        result["weight_function"] = plain_rows(self.table)
        result["studies"] = [
            {"yi": y, "vi": v, "p": p}
            for y, v, p in zip(self.yi.tolist(), self.vi.tolist(), self.pi.tolist(), strict=True)
        ]
        result["notes"] = list(self.notes)
        result["provenance"] = self.provenance.to_dict()
        return result

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        name = self.measure or "effect"
        estimate, low, high, plain = (
            number(shown(value, self.ratio))
            for value in (self.estimate, self.ci_low, self.ci_high, self.unadjusted)
        )
        model = "under the stated selection" if self.assumed else "in a selection model"
        text = (
            f"The pooled {name} {model} ({self.weights} weights) was {estimate} "
            f"({level_text(self.level)} CI {low} to {high}; k = {self.k}, tau2 = {small(self.tau2)}), "
            f"against {plain} by the same model without selection"
        )
        if self.assumed or math.isnan(self.lrt):
            return f"{text}."
        p = p_value(self.lrt_p)
        p = p.replace("<", "< ") if p.startswith("<") else f"= {p}"
        return f"{text} (likelihood-ratio test of selection: chi2 = {number(self.lrt)}, df = {self.lrt_df}, P {p})."

    def _card(self) -> Card:
        level, name = level_text(self.level), self.measure or "effect"

        def pair(low: float, high: float) -> str:
            return interval(shown(low, self.ratio), shown(high, self.ratio))

        rows = [
            (
                f"{name}, no selection",
                number(shown(self.unadjusted, self.ratio)),
                pair(*self.unadjusted_ci),
                "",
                str(self.k),
            ),
            (
                f"{name}, selection",
                number(shown(self.estimate, self.ratio)),
                pair(self.ci_low, self.ci_high),
                p_value(self.p),
                str(self.k),
            ),
        ]
        if not self.common:
            bounds = (
                "" if math.isnan(self.tau2_ci[0]) else f"[{small(self.tau2_ci[0])}, {small(self.tau2_ci[1])}]"
            )
            rows.append(("tau2, selection", small(self.tau2), bounds, "", ""))
        for row in self.table.to_dict(orient="records"):
            known = not math.isnan(row["ci_low"])
            rows.append(
                (
                    row["term"],
                    small(row["delta"]),
                    f"[{small(row['ci_low'])}, {small(row['ci_high'])}]" if known else "",
                    "",
                    str(row["k"]) if self.weights == "step" else "",
                )
            )
        if not math.isnan(self.lrt):
            test = f"test of selection (chi2, df = {self.lrt_df})"
            rows.append((test, number(self.lrt), "", p_value(self.lrt_p), ""))
        footer = [self.method, "Intervals without selection are Wald intervals"]
        if self.ratio:
            footer.append(f"{name} shown as ratio; analysed, and stored in the fields, as its natural log")
        footer.append(self.provenance.line())
        columns = ("", "Estimate", f"{level} interval", "P", "k")
        return Card(
            f"Selection model of {name}, k = {self.k}", columns, tuple(rows), self.notes, tuple(footer)
        )
