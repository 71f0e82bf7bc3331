"""What missing trials would have to show, as a result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown, interval, number, plural
from ketameta.models.result import RATIO_MEASURES, finite, level_text, plain_rows, shown
from ketameta.provenance import Provenance
from ketameta.robustness._null_trials import MOST

__all__ = ["MissingEvidence"]

_NUMBERS = (
    *("measure", "level", "tau2_method", "ci_method", "threshold", "k", "estimate", "ci_low", "ci_high", "m"),
    *(
        "n_included",
        "n_missing",
        "n_missing_known",
        "share",
        "median_size",
        "effect_estimate",
        "effect_interval",
    ),
    *("null_trials_estimate", "null_trials_interval"),
)
_SHOWN_ROWS = 8


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MissingEvidence(Shown):
    """The effect that missing trials would have to show to take a pooled effect to a threshold.

    Ratios (OR, RR, HR, ROM) stand as natural logs in the fields.

    Attributes
    ----------
    measure, tau2_method, ci_method : str
        As in the fit, but HKSJ-adhoc for HKSJ.
    level, threshold : float
        Level of all intervals; the value to be reached.
    k : int
        Trials pooled.
    estimate, ci_low, ci_high : float
        Their pooled effect.
    m : int
        Missing trials.
    n_included, n_missing, n_missing_known : float
        Participants of the pooled trials; of the missing ones, with unknown sizes set to the median; of those with a
        known size. NaN where not known.
    median_size : float
        Median size of a pooled trial, NaN where unknown.
    effect_estimate, effect_interval : float
        Common effect of the missing trials at which the estimate, or the end of its interval that faces the threshold,
        reaches it; NaN where it lies there without them, or where no effect does it.
    null_trials_estimate, null_trials_interval : int or None
        Fewest trials of median size with effect 0 that do the same; None where 4,096 do not suffice.
    studies : DataFrame
        ``study, n, imputed, vi``, a row for each missing trial; ``vi`` at effect 0.
    added : DataFrame
        ``effect, estimate, se, ci_low, ci_high, tau2, i2``: pooled with the missing trials at each assumed effect.
    notes : tuple of str
        What a reader must know.
    provenance : Provenance
        Data set, rows and software.
    """

    measure: str
    level: float
    tau2_method: str
    ci_method: str
    threshold: float
    k: int
    estimate: float
    ci_low: float
    ci_high: float
    m: int
    n_included: float
    n_missing: float
    n_missing_known: float
    median_size: float
    effect_estimate: float
    effect_interval: float
    null_trials_estimate: int | None
    null_trials_interval: int | None
    studies: pd.DataFrame
    added: pd.DataFrame
    notes: tuple[str, ...]
    provenance: Provenance

    @property
    def ratio(self) -> bool:
        """True where the measure is a ratio, stored as its natural log."""
        return self.measure.upper() in RATIO_MEASURES

    @property
    def share(self) -> float:
        """Share of all participants whose results are missing, 0 to 1; NaN where sizes are unknown."""
        return self.n_missing / (self.n_missing + self.n_included)

    @property
    def method(self) -> str:
        """One line that says how the numbers were made."""
        return (
            f"{plural(self.m, 'missing trial')} added at one common effect and pooled anew with the {self.k} others (tau2 by "
            f"{self.tau2_method}, {level_text(self.level)} {self.ci_method} interval); null trials of median size"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row for each assumed effect of the missing trials, on the scale of the analysis."""
        return self.added.copy()

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        result: dict[str, Any] = {name: finite(getattr(self, name)) for name in _NUMBERS}
        for name in ("studies", "added"):
            result[name] = plain_rows(getattr(self, name))
        return result | {
            "scale": "log" if self.ratio else "identity",
            "method": self.method,
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        name, goal = self.measure or "effect", self._text(self.threshold)
        share = "" if math.isnan(self.share) else f", with {self.share:.0%} of all participants"
        text = f"Results of {plural(self.m, 'trial')} are missing{share}"
        parts = []
        for what, facing, tip in (
            ("the pooled estimate", self.estimate, self.effect_estimate),
            (f"its {level_text(self.level)} CI", self._facing, self.effect_interval),
        ):
            if self._reached(facing):
                parts.append(f"{what} reaches {goal} without them")
            elif math.isnan(tip):
                parts.append(f"no common effect of theirs would take {what} to {goal}")
            else:
                parts.append(f"a common {name} of {self._text(tip)} in them would take {what} to {goal}")
        return f"{text}; {' and '.join(parts)}."

    @property
    def _facing(self) -> float:
        return self.ci_low if self.estimate > self.threshold else self.ci_high

    def _reached(self, value: float) -> bool:
        return (value - self.threshold) * (1.0 if self.estimate > self.threshold else -1.0) <= 0

    def _text(self, value: float) -> str:
        return number(shown(value, self.ratio))

    def _card(self) -> Card:
        def pair(low: float, high: float) -> str:
            return interval(shown(low, self.ratio), shown(high, self.ratio))

        goal, level = self._text(self.threshold), level_text(self.level)
        rows = [
            (
                "pooled trials",
                str(self.k),
                _count(self.n_included),
                self._text(self.estimate),
                pair(self.ci_low, self.ci_high),
            )
        ]
        rows.append(("missing trials", str(self.m), _count(self.n_missing), "", ""))
        if len(self.added) <= _SHOWN_ROWS:
            rows += [
                (
                    f"all, missing at {self._text(row['effect'])}",
                    str(self.k + self.m),
                    "",
                    self._text(row["estimate"]),
                    pair(row["ci_low"], row["ci_high"]),
                )
                for row in self.added.to_dict(orient="records")
            ]
        for what, facing, tip, count in (
            ("estimate", self.estimate, self.effect_estimate, self.null_trials_estimate),
            (f"{level} interval", self._facing, self.effect_interval, self.null_trials_interval),
        ):
            there = (
                "there already" if self._reached(facing) else "none" if math.isnan(tip) else self._text(tip)
            )
            rows.append((f"missing effect that takes the {what} to {goal}", "", "", there, ""))
            many = f"none up to {MOST:,}" if count is None else str(count)
            rows.append((f"null trials that take the {what} to {goal}", many, "", "", ""))
        footer = [self.method]
        if self.ratio:
            footer.append(f"{self.measure} shown as ratio; stored in the fields as its natural log")
        columns = ("", "Trials", "Participants", "Estimate", f"{level} interval")
        title = f"Missing evidence: what {plural(self.m, 'missing trial')} would have to show"
        return Card(title, columns, tuple(rows), self.notes, (*footer, self.provenance.line()))


def _count(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:,.0f}"
