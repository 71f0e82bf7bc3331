"""Pooled counts as a result: fields, table, sentence, card."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value
from ketameta._typing import Array, BoolArray
from ketameta.models._studies import text_column
from ketameta.models.result import RATIO_MEASURES, finite, left_out_records, level_text, shown, small
from ketameta.provenance import Provenance

__all__ = ["ChiSquare", "PooledCounts"]

_FRAME = (
    *("measure", "k", "estimate", "se", "ci_low", "ci_high", "stat", "df", "p", "pi_low", "pi_high"),
    *("tau2", "i2", "h2", "q", "q_df", "q_p"),
)
_MODEL = {
    "MH": "Mantel-Haenszel, no correction of zero cells",
    "Peto": "Peto's one-step method",
    "UM.FS": "binomial-normal model, unconditional, fixed level of each study (UM.FS)",
    "UM.RS": "binomial-normal model, unconditional, random levels of studies (UM.RS)",
    "CM.EL": "binomial-normal model, conditional on the margins, exact likelihood (CM.EL)",
}
_INTERVAL = {
    "Wald": "Wald interval (normal)",
    "t": "Wald interval by t",
    "profile": "profile-likelihood interval",
}


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """A test: its name, statistic, degrees of freedom and P value."""

    name: str
    stat: float
    df: int
    p: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PooledCounts(Shown):
    """A pooled effect of two-by-two tables with its uncertainty and its heterogeneity.

    Numbers are on the scale of the analysis: OR and RR as natural logs. The card and the sentence show ratios.

    Attributes
    ----------
    measure : str
        OR, RR or RD.
    pooling : str
        MH, Peto, UM.FS, UM.RS or CM.EL.
    tau2_method : str
        EE (common effect), DL or ML.
    ci_method : str
        Wald, t or profile.
    level : float
        Level of all intervals.
    k : int
        Number of studies that say something of the effect.
    estimate, se, ci_low, ci_high, stat, df, p : float
        Pooled effect, its standard error, interval and test; ``df`` is infinite for the normal. For a
        profile-likelihood interval the test is the likelihood-ratio test, ``stat`` its signed root.
    pi_low, pi_high : float
        Prediction interval for the true effect of a new study; NaN under a common effect or for a profile interval.
    tau2 : float
        Between-study variance; NaN under a common effect.
    tau2_ci : tuple of float
        Profile-likelihood interval of tau2 of a binomial-normal model, else NaN.
    sigma2 : float
        Between-study variance of the mean log odds under UM.RS, else NaN.
    boundary : bool
        True where tau2 was estimated as 0, the edge of its range.
    q, q_df, q_p : float, int, float
        Cochran's Q about the pooled effect and its test; NaN for binomial-normal models.
    i2, h2 : float
        I2 in percent and H2, from Q; NaN for binomial-normal models.
    tests : tuple of ChiSquare
        Tests of heterogeneity: Cochran Q, Breslow-Day and Tarone for odds ratios; likelihood-ratio and Wald tests
        for binomial-normal models.
    loglik : float
        Maximised log-likelihood of a binomial-normal model (CM.EL: conditional), else NaN.
    nodes : int
        Quadrature nodes along each axis; 0 where there is no quadrature.
    weights : Array, shape (n,)
        Weights of the rows (sum 1); NaN for binomial-normal models, which have none.
    a, n1, c, n2 : Array, shape (n,)
        The counts of the rows.
    used : BoolArray, shape (n,)
        The rows that say something of the effect; ``k`` counts them.
    rows, left_out : DataFrame
        The rows that were read, in order; the rows left out, each with its reason.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    pooling: str
    tau2_method: str
    ci_method: str
    level: float
    k: int
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    stat: float
    df: float
    p: float
    pi_low: float
    pi_high: float
    tau2: float
    tau2_ci: tuple[float, float]
    sigma2: float
    boundary: bool
    q: float
    q_df: int
    q_p: float
    i2: float
    h2: float
    tests: tuple[ChiSquare, ...]
    loglik: float
    nodes: int
    weights: Array
    a: Array
    n1: Array
    c: Array
    n2: Array
    used: BoolArray
    rows: pd.DataFrame
    left_out: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure in RATIO_MEASURES

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        model = _MODEL[self.pooling]
        if self.tau2_method == "DL":
            centre = "Mantel-Haenszel" if self.pooling == "MH" else "Peto"
            model = (
                f"Random-effects model, inverse-variance weights, tau2 by DerSimonian-Laird from Q about the {centre} "
                "estimate"
                + ("" if self.pooling == "Peto" else ", 0.5 added to the cells of tables with a zero")
            )
        elif self.tau2_method == "ML":
            model = f"{model[0].upper()}{model[1:]}, maximum likelihood by {self.nodes}-node adaptive Gauss-Hermite quadrature"
        else:
            model = f"Common-effect model, {model}"
        df = "" if math.isinf(self.df) else f" with {self.df:g} degrees of freedom"
        return f"{model}; {level_text(self.level)} {_INTERVAL[self.ci_method]}{df}"

    def to_frame(self) -> pd.DataFrame:
        """One row with the columns of the project's result tables, on the scale of the analysis."""
        row: dict[str, Any] = {name: getattr(self, name) for name in _FRAME}
        row["tau2_low"], row["tau2_high"] = self.tau2_ci
        row["scale"] = "log" if self.ratio else "identity"
        return pd.DataFrame([row])

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        skip = {"weights", "a", "n1", "c", "n2", "used", "rows", "left_out", "notes", "provenance", "tests"}
        result = {name: finite(getattr(self, name)) for name in self.__slots__ if name not in skip}
        result["scale"] = "log" if self.ratio else "identity"
        result["method"] = self.method
        result["tests"] = [
            {"name": test.name, "stat": finite(test.stat), "df": test.df, "p": finite(test.p)}
            for test in self.tests
        ]
        names = zip(text_column(self.rows, "record_id"), text_column(self.rows, "label"), strict=True)
        counts = zip(
            *(values.tolist() for values in (self.a, self.n1, self.c, self.n2, self.weights)), strict=True
        )
        result["studies"] = [
            {
                "record_id": record or None,
                "label": label,
                "a": int(a),
                "n1": int(n1),
                "c": int(c),
                "n2": int(n2),
            }
            | {"weight": finite(weight)}
            for (record, label), (a, n1, c, n2, weight) in zip(names, counts, strict=True)
        ]
        result["left_out"] = left_out_records(self.left_out)
        result["notes"] = list(self.notes)
        result["provenance"] = self.provenance.to_dict()
        return result

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        level = level_text(self.level)
        estimate, low, high, pi_low, pi_high = (
            number(shown(value, self.ratio))
            for value in (self.estimate, self.ci_low, self.ci_high, self.pi_low, self.pi_high)
        )
        if self.k == 1:
            return (
                f"The {self.measure} of the only study was {estimate} ({level} CI {low} to {high}); "
                "heterogeneity cannot be estimated from one study."
            )
        parts = [f"{level} CI {low} to {high}"]
        if not math.isnan(self.pi_low):
            parts.append(f"{level} prediction interval {pi_low} to {pi_high}")
        parts.append(f"k = {self.k}, {(self.a + self.c)[self.used].sum():.0f} events")
        if self.tau2_method != "EE":
            parts.append(f"tau2 = {small(self.tau2)}")
        if not math.isnan(self.i2):
            parts.append(f"I2 = {number(self.i2, 0)}%")
        model = " under a common-effect model" if self.tau2_method == "EE" else ""
        return f"The pooled {self.measure}{model} was {estimate} ({'; '.join(parts)})."

    def _card(self) -> Card:
        def pair(low: float, high: float) -> str:
            return interval(shown(low, self.ratio), shown(high, self.ratio))

        name = self.measure
        title = f"{name} of one study" if self.k == 1 else f"Pooled {name}, k = {self.k}"
        estimate = number(shown(self.estimate, self.ratio))
        rows = [(name, estimate, pair(self.ci_low, self.ci_high), p_value(self.p))]
        if not math.isnan(self.pi_low):
            rows.append(("new study (prediction)", "", pair(self.pi_low, self.pi_high), ""))
        if self.k > 1 and self.tau2_method != "EE":
            low, high = self.tau2_ci
            bounds = "" if math.isnan(low) else f"[{small(low)}, {small(high)}]"
            rows.append(("tau2", small(self.tau2), bounds, ""))
        if not math.isnan(self.i2):
            rows.append(("I2 (%)", number(self.i2, 0), "", ""))
        rows += [
            (f"{test.name} (df = {test.df})", number(test.stat), "", p_value(test.p)) for test in self.tests
        ]
        footer = [self.method]
        if self.ratio:
            footer.append(f"{name} shown as ratio; analysed, and stored in the fields, as its natural log")
        footer.append(self.provenance.line())
        header = ("", "Estimate", f"{level_text(self.level)} interval", "P")
        return Card(title, header, tuple(rows), self.notes, tuple(footer))
