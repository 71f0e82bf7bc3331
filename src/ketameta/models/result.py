"""A pooled effect as a result: fields, table, sentence, card."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value
from ketameta._typing import Array
from ketameta.models._source import Source
from ketameta.models._studies import text_column
from ketameta.models.prediction import MeanInference, NewTrial, Probability
from ketameta.provenance import Provenance

__all__ = [
    "RATIO_MEASURES",
    "Pooled",
    "finite",
    "left_out_records",
    "level_text",
    "plain_rows",
    "shown",
    "small",
]

RATIO_MEASURES = frozenset({"OR", "RR", "HR", "ROM", "PETO"})

_FRAME = (
    *("measure", "k", "estimate", "se", "ci_low", "ci_high", "stat", "df", "p", "pi_low", "pi_high"),
    *("tau2", "i2", "h2", "q", "q_df", "q_p"),
)
_CI_NAMES = {
    "Wald": "Wald interval (normal)",
    "HKSJ": "Hartung-Knapp-Sidik-Jonkman interval",
    "HKSJ-adhoc": "Hartung-Knapp-Sidik-Jonkman interval with the variance factor kept at 1 or more",
    "KR": "Kenward-Roger interval",
    "profile": "profile likelihood interval",
}
_PREDICTION_NAMES = {
    "t(k-1)": "prediction interval by t with k - 1 degrees of freedom",
    "t(k-2)": "prediction interval by t with k - 2 degrees of freedom and the Wald standard error",
    "z": "prediction interval by the normal distribution",
    "t(KR)": "prediction interval by t with the Kenward-Roger degrees of freedom",
    "profile": "prediction interval by the profile likelihood, distances added as squares",
    "bootstrap": "prediction interval by a parametric bootstrap from the confidence distribution of tau2",
    "t(k-p)": "prediction interval by t with k - p degrees of freedom, p groups",
}
TAU2_INTERVAL_NAMES = {
    "Q-profile": "Q-profile",
    "profile": "profile likelihood",
    "GENQ": "the generalised Q statistic with weights 1 / sqrt(vi)",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pooled(Shown):
    """A pooled effect with its uncertainty and its heterogeneity.

    Numbers are on the scale of the analysis: ratios (OR, RR, HR, ROM) as natural logs. The card and the
    sentence show ratios.

    Attributes
    ----------
    measure : str
        Effect measure, empty when unknown.
    tau2_method, ci_method, prediction_method : str
        Methods used; ``ci_method`` is Wald for a single study, ``prediction_method`` is ``z`` beside a Wald,
        ``t(KR)`` beside a Kenward-Roger and ``profile`` beside a profile likelihood interval, and ``none``
        where there is no prediction interval.
    tau2_interval : str
        Method of the intervals of tau2, I2 and H2.
    level : float
        Level of all intervals.
    k : int
        Number of studies.
    estimate, se, ci_low, ci_high, stat, df, p : float
        Pooled effect, its standard error, interval and test; ``df`` is infinite for the normal. Beside a
        profile likelihood interval ``se`` is the Wald standard error, and ``stat`` the signed root of the
        likelihood ratio.
    pi_low, pi_high : float
        Prediction interval for the true effect of a new study.
    tau2, i2, h2 : float
        Between-study variance; I2 in percent, 0 to 100; H2.
    tau2_ci, i2_ci, h2_ci : tuple of float
        Their intervals.
    boundary : bool
        True where tau2 was estimated as 0, the edge of its range.
    q, q_df, q_p : float, int, float
        Cochran's Q and its test.
    loglik : float
        Restricted log-likelihood for REML, else the log-likelihood.
    weights, yi, vi : Array, shape (k,)
        Weights (sum 1), effects and sampling variances used.
    notes : tuple of str
        What a reader must know.
    inference : MeanInference
        What interval, test and probability of the mean are read from.
    new_trial : NewTrial
        What prediction interval and probability of a new trial's effect are read from.
    """

    measure: str
    tau2_method: str
    ci_method: str
    prediction_method: str
    tau2_interval: str
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
    i2: float
    i2_ci: tuple[float, float]
    h2: float
    h2_ci: tuple[float, float]
    boundary: bool
    q: float
    q_df: int
    q_p: float
    loglik: float
    weights: Array
    yi: Array
    vi: Array
    notes: tuple[str, ...]
    inference: MeanInference
    new_trial: NewTrial
    source: Source

    @property
    def rows(self) -> pd.DataFrame:
        """The rows used, in order."""
        return self.source.rows()

    @property
    def left_out(self) -> pd.DataFrame:
        """The rows without an effect size."""
        return self.source.left_out()

    @property
    def provenance(self) -> Provenance:
        """Data set, rows and software."""
        return self.source.provenance()

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def _alone(self) -> bool:
        return self.k == 1 and math.isnan(self.tau2)

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        level = level_text(self.level)
        if self._alone:
            return f"Single study; {level} {_CI_NAMES[self.ci_method]}"
        if self.tau2_method == "EE":
            model = "Common-effect model, inverse-variance weights"
        else:
            model = f"Random-effects model, tau2 by {self.tau2_method}, inverse-variance weights"
        df = "" if math.isinf(self.df) else f", t with {self.df:g} degrees of freedom"
        parts = [model, f"{level} {_CI_NAMES[self.ci_method]}{df}"]
        if self.prediction_method in _PREDICTION_NAMES:
            parts.append(_PREDICTION_NAMES[self.prediction_method])
        if not math.isnan(self.tau2_ci[0]):
            parts.append(f"intervals of tau2, I2 and H2 by {TAU2_INTERVAL_NAMES[self.tau2_interval]}")
        return "; ".join(parts)

    def probability(self, *, below: float | None = None, above: float | None = None) -> Probability:
        """How probable an effect beyond a value is, for a new trial and for the mean.

        Parameters
        ----------
        below, above : float
            One of them: the value, on the scale of the analysis (ratios as natural logs). 0 asks whether a
            treatment is favoured at all; a minimal important difference, whether it is by enough.

        Returns
        -------
        Probability

        Raises
        ------
        ModelError
            When both or neither are given, or the value is not a finite number.

        Notes
        -----
        Read off the object that gave the prediction interval, so that half of 1 - level lies beyond each of
        its limits; likewise for the mean, where it is a confidence, not a posterior probability.

        Examples
        --------
        >>> import ketameta as km
        >>> fit = km.pool(yi=[-1.10, -0.35, -0.62, -0.18, -0.80], vi=[0.09, 0.05, 0.04, 0.07, 0.11])
        >>> print(fit.probability(below=-0.24))
        A new trial has a true effect below −0.24 with probability 0.87; the mean lies there with confidence 0.95.
        """
        said = {"measure": self.measure, "ratio": self.ratio}
        return Probability.of(self.inference, self.new_trial, below, above, **said)

    def to_frame(self) -> pd.DataFrame:
        """One row with the columns of the project's result tables, on the scale of the analysis."""
        row: dict[str, Any] = {name: getattr(self, name) for name in _FRAME}
        for name in ("tau2", "i2", "h2"):
            row[f"{name}_low"], row[f"{name}_high"] = getattr(self, f"{name}_ci")
        row["scale"] = "log" if self.ratio else "identity"
        return pd.DataFrame([row])

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        skip = {"weights", "yi", "vi", "notes", "inference", "new_trial", "source"}
        rows, left_out = self.source.studies.rows, self.source.studies.left_out
        result = {name: finite(getattr(self, name)) for name in self.__slots__ if name not in skip}
        result["scale"] = "log" if self.ratio else "identity"
        result["method"] = self.method
        columns = zip(
            text_column(rows, "record_id"),
            text_column(rows, "label"),
            self.yi.tolist(),
            self.vi.tolist(),
            self.weights.tolist(),
            strict=True,
        )
        result["studies"] = [
            {"record_id": record or None, "label": label, "yi": y, "vi": v, "weight": w}
            for record, label, y, v, w in columns
        ]
        result["left_out"] = left_out_records(left_out)
        result["notes"] = list(self.notes)
        result["provenance"] = self.provenance.to_dict()
        return result

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        level, name = level_text(self.level), self.measure or "effect"
        estimate, low, high, pi_low, pi_high = (
            number(shown(value, self.ratio))
            for value in (self.estimate, self.ci_low, self.ci_high, self.pi_low, self.pi_high)
        )
        if self._alone:
            return (
                f"The {name} of the only study was {estimate} ({level} CI {low} to {high}); "
                "heterogeneity cannot be estimated from one study."
            )
        parts = [f"{level} CI {low} to {high}"]
        if not math.isnan(self.pi_low):
            parts.append(f"{level} prediction interval {pi_low} to {pi_high}")
        parts.append(f"k = {self.k}")
        spread = [] if self.tau2_method == "EE" else [f"tau2 = {small(self.tau2)}"]
        spread += [] if math.isnan(self.i2) else [f"I2 = {number(self.i2, 0)}%"]
        parts += [", ".join(spread)] if spread else []
        model = " under a common-effect model" if self.tau2_method == "EE" else ""
        return f"The pooled {name}{model} was {estimate} ({'; '.join(parts)})."

    def _card(self) -> Card:
        level, name = level_text(self.level), self.measure or "effect"

        def pair(low: float, high: float) -> str:
            return interval(shown(low, self.ratio), shown(high, self.ratio))

        title = f"{name} of one study" if self._alone else f"Pooled {name}, k = {self.k}"
        rows = [
            (
                name,
                number(shown(self.estimate, self.ratio)),
                pair(self.ci_low, self.ci_high),
                p_value(self.p),
            )
        ]
        if not math.isnan(self.pi_low):
            rows.append(("new study (prediction)", "", pair(self.pi_low, self.pi_high), ""))
        if not self._alone:
            if self.tau2_method != "EE":
                rows.append(("tau2", small(self.tau2), _pair(self.tau2_ci, small), ""))
            if not math.isnan(self.i2):
                rows.append(("I2 (%)", number(self.i2, 0), _pair(self.i2_ci, lambda x: number(x, 0)), ""))
                rows.append(("H2", number(self.h2), _pair(self.h2_ci, number), ""))
                rows.append((f"Q (df = {self.q_df})", number(self.q), "", p_value(self.q_p)))
        footer = [self.method]
        if self.ratio:
            footer.append(f"{name} shown as ratio; analysed, and stored in the fields, as its natural log")
        footer.append(self.provenance.line())
        return Card(title, ("", "Estimate", f"{level} interval", "P"), tuple(rows), self.notes, tuple(footer))


def level_text(level: float) -> str:
    """A level as percent.

    Examples
    --------
    >>> from ketameta.models.result import level_text
    >>> level_text(0.95), level_text(0.999)
    ('95%', '99.9%')
    """
    return f"{100.0 * level:.10g}%"


def shown(value: float, ratio: bool) -> float:
    """A value as it is shown: a log ratio as the ratio."""
    if not ratio or math.isnan(value):
        return value
    return math.exp(value) if value < 700.0 else math.inf


def small(value: float) -> str:
    """Two decimals, or two significant digits for a value that they would hide.

    Examples
    --------
    >>> from ketameta.models.result import small
    >>> small(0.0), small(0.00123), small(0.0812), small(12.345)
    ('0', '0.0012', '0.08', '12.35')
    """
    if value == 0:
        return "0"
    return f"{value:.2g}" if 0 < value < 0.01 else number(value)


def left_out_records(left_out: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows left out, each with what names it and why."""
    return [
        {"record_id": record or None, "label": label, "reason": reason}
        for record, label, reason in zip(
            *(text_column(left_out, name) for name in ("record_id", "label", "reason")), strict=True
        )
    ]


def finite(value: Any) -> Any:
    """The value, or None where it is a float that is not finite; tuples become lists."""
    if isinstance(value, tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as plain values; None stands for a missing or infinite number."""
    return [
        {str(name): finite(value) for name, value in row.items()} for row in table.to_dict(orient="records")
    ]


def _pair(bounds: tuple[float, float], text: Any) -> str:
    low, high = bounds
    return "" if math.isnan(low) else f"[{text(low)}, {text(high)}]"
