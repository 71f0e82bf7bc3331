"""An analysis of unblinding as a result: classes, tipping points, adjusted effects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value
from ketameta.models.result import RATIO_MEASURES, finite, level_text, plain_rows, shown
from ketameta.provenance import Provenance

__all__ = ["Unblinding"]

_NUMBERS = (
    *(
        "measure",
        "level",
        "tau2_method",
        "ci_method",
        "threshold",
        "share_active",
        "bias_sd",
        "k",
        "estimate",
    ),
    *("ci_low", "ci_high", "difference", "difference_se", "difference_ci", "p", "detectable", "class_tau2"),
    "class_ci_method",
)
_SHOWN_ROWS = 8


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Unblinding(Shown):
    """Effects by class of comparator, and the bias from unblinding that would undo the result.

    Ratios (OR, RR, HR, ROM) stand as natural logs in the fields, biases and differences between them too.

    Attributes
    ----------
    measure, tau2_method, ci_method : str
        As in the fit.
    level : float
        Level of all intervals.
    threshold : float or None
        The minimal important difference asked for.
    share_active, bias_sd : float
        Share of the bias in trials with a psychoactive comparator; standard deviation of the bias.
    k : int
        Trials with an inactive or a psychoactive comparator.
    estimate, ci_low, ci_high : float
        Their pooled effect with no bias taken off; with ``bias_sd``, the interval allows for a bias of 0 on average.
    classes : DataFrame
        ``class, k, n, estimate, se, ci_low, ci_high, p``, one row a class; ``n`` is NaN where sizes are unknown.
    difference, difference_se, difference_ci, p : float
        Psychoactive minus inactive, with its interval and test; NaN where a class is empty.
    detectable : float
        True difference that the test would find with a power of 80%.
    class_tau2, class_ci_method : float, str
        Residual between-study variance of that comparison, and its method of intervals.
    tipping : DataFrame
        ``what, target, bias``: the bias at which the estimate, or the end of its interval that faces 0, reaches the
        target; 0 where no bias is needed, NaN where none does.
    adjusted : DataFrame
        ``bias, estimate, se, ci_low, ci_high, tau2, i2``, one row for each assumed bias.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    level: float
    tau2_method: str
    ci_method: str
    threshold: float | None
    share_active: float
    bias_sd: float
    k: int
    estimate: float
    ci_low: float
    ci_high: float
    classes: pd.DataFrame
    difference: float
    difference_se: float
    difference_ci: tuple[float, float]
    p: float
    detectable: float
    class_tau2: float
    class_ci_method: str
    tipping: pd.DataFrame
    adjusted: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        where = "trials with an inactive comparator"
        if self.share_active:
            where += f", {self.share_active:.0%} of it from those with a psychoactive one"
        sd = f", SD of the bias {self.bias_sd:g}" if self.bias_sd else ""
        return (
            f"Classes of comparator: one mean each, common tau2 by {self.tau2_method}, {level_text(self.level)} "
            f"{self.class_ci_method} intervals; assumed bias taken off {where}{sd}, then pooled anew (tau2 by "
            f"{self.tau2_method}, {self.ci_method} interval)"
        )

    def tipping_bias(self, what: str, target: float) -> float:
        """The bias at which ``"estimate"`` or ``"interval"`` reaches 0 or the threshold; NaN where none does."""
        row = self.tipping[(self.tipping["what"] == what) & (self.tipping["target"] == target)]
        return float(row["bias"].iloc[0]) if len(row) else math.nan

    def to_frame(self) -> pd.DataFrame:
        """One row for each assumed bias, on the scale of the analysis."""
        return self.adjusted.copy()

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        result: dict[str, Any] = {name: finite(getattr(self, name)) for name in _NUMBERS}
        for name in ("classes", "tipping", "adjusted"):
            result[name] = plain_rows(getattr(self, name))
        return result | {
            "scale": "log" if self.ratio else "identity",
            "method": self.method,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        name, level = self.measure or "effect", level_text(self.level)
        parts = [
            f"{self._text(row['estimate'])} ({level} CI {self._text(row['ci_low'])} to {self._text(row['ci_high'])}; "
            f"k = {row['k']}) against {row['class']} comparators"
            for row in self.classes.to_dict(orient="records")
        ]
        text = f"The pooled {name} was {' and '.join(parts)}"
        if not math.isnan(self.difference):
            p = p_value(self.p)
            p = f"P {p.replace('<', '< ')}" if p.startswith("<") else f"P = {p}"
            low, high = (self._text(end) for end in self.difference_ci)
            kind = "ratio of the two" if self.ratio else "difference"
            text += f" ({kind} {self._text(self.difference)}, {level} CI {low} to {high}, {p})"
        estimate, bound = (self.tipping_bias(what, 0.0) for what in ("estimate", "interval"))
        there = (
            f"its {level} CI includes no effect without any"
            if bound == 0
            else f"one {self._needed(bound)} its {level} CI there"
        )
        return (
            f"{text}. A bias in the trials with an inactive comparator {self._needed(estimate)} the pooled {name} to no "
            f"effect, and {there}."
        )

    def _needed(self, bias: float) -> str:
        return "of no size would take" if math.isnan(bias) else f"of {self._text(bias)} would take"

    def _text(self, value: float) -> str:
        return number(shown(value, self.ratio))

    def _card(self) -> Card:
        def pair(low: float, high: float) -> str:
            return interval(shown(low, self.ratio), shown(high, self.ratio))

        name = self.measure or "effect"
        rows = [
            (
                f"{row['class']} comparator",
                str(row["k"]),
                self._text(row["estimate"]),
                pair(row["ci_low"], row["ci_high"]),
                p_value(row["p"]),
            )
            for row in self.classes.to_dict(orient="records")
        ]
        if not math.isnan(self.difference):
            kind = "ratio, psychoactive to inactive" if self.ratio else "difference, psychoactive - inactive"
            rows.append((kind, "", self._text(self.difference), pair(*self.difference_ci), p_value(self.p)))
        rows.append(
            (
                "both, bias 0 on average" if self.bias_sd else "both, no bias",
                str(self.k),
                self._text(self.estimate),
                pair(self.ci_low, self.ci_high),
                "",
            )
        )
        if len(self.adjusted) <= _SHOWN_ROWS:
            rows += [
                (
                    f"both, bias {self._text(row['bias'])}",
                    "",
                    self._text(row["estimate"]),
                    pair(row["ci_low"], row["ci_high"]),
                    "",
                )
                for row in self.adjusted.to_dict(orient="records")
            ]
        for row in self.tipping.to_dict(orient="records"):
            goal = f"{self._text(row['target'])}"
            what = "estimate" if row["what"] == "estimate" else f"{level_text(self.level)} interval"
            words = "none does" if math.isnan(row["bias"]) else "none needed" if row["bias"] == 0 else ""
            bias = words or self._text(row["bias"])
            rows.append((f"bias that takes the {what} to {goal}", "", bias, "", ""))
        footer = [self.method]
        if self.ratio:
            footer.append(f"{name}, biases and differences shown as ratios; stored as natural logs")
        columns = ("", "k", "Estimate", f"{level_text(self.level)} interval", "P")
        return Card(
            f"Unblinding: {name} by comparator, and after an assumed bias",
            columns,
            tuple(rows),
            self.notes,
            (*footer, self.provenance.line()),
        )
