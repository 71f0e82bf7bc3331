"""One outcome of a summary of findings: numbers, and what was judged."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ketameta.effects.absolute import nnt
from ketameta.models.result import finite, shown
from ketameta.reporting.grade_absolute import Absolute, Limits, Points
from ketameta.reporting.grade_inputs import Inputs
from ketameta.reporting.grade_judgements import DOMAINS, BiasShares, Judged

__all__ = ["SummaryRow", "benefit_of"]


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One outcome.

    Attributes
    ----------
    outcome : str
        Name, as the user gave it.
    hours : tuple of float
        Earliest and latest time after dosing, not-a-number where not known.
    k, participants, unknown : int
        Trials; people in those whose size is known; how many are of unknown size.
    measure, ratio, level : str, bool, float
        Measure, whether it is a ratio, and level of the interval.
    effect : Limits
        Pooled effect, ratios as ratios.
    absolute, points : Absolute or None, Points or None
        Absolute effects, and points of a scale.
    why_not, no_points : str
        Why there are no absolute effects, and no points though these were asked for.
    lower_is_better : bool or None
        Whether values under that of no effect favour ketamine; None where the rows do not say.
    inputs : Inputs
        What certainty is judged on.
    bias : BiasShares or None
        Risk of bias by the user's judgements.
    judged : Judged
        The user's judgements of the outcome.
    notes, provenance : tuple of str, str
        Notes of the result, and the line of its provenance.
    """

    outcome: str
    hours: tuple[float, float]
    k: int
    participants: int
    unknown: int
    measure: str
    ratio: bool
    level: float
    effect: Limits
    absolute: Absolute | None
    points: Points | None
    why_not: str
    no_points: str
    lower_is_better: bool | None
    inputs: Inputs
    bias: BiasShares | None
    judged: Judged
    notes: tuple[str, ...]
    provenance: str

    def record(self) -> dict[str, Any]:
        """The outcome as one flat row; risks as shares, differences as ketamine less comparator."""
        low, high = self.hours
        row: dict[str, Any] = {
            "outcome": self.outcome,
            "hours_low": low,
            "hours_high": high,
            "k": self.k,
            "participants": self.participants,
            "trials_of_unknown_size": self.unknown,
            "measure": self.measure,
            **_triple("estimate", "ci", self.effect),
            "level": self.level,
        }
        row |= self._risks() | self._points() | self._inputs()
        row["certainty"] = self.judged.certainty or "not judged"
        for domain in DOMAINS:
            row |= {domain: self.judged.of(domain), f"{domain}_reason": self.judged.why(domain)}
        return row | {"reasons": self.judged.reasons, "why_no_absolute_effect": self.why_not}

    def plain(self) -> dict[str, Any]:
        """:meth:`record` with None for what is missing or infinite, and the shares behind it."""
        found = {name: finite(value) for name, value in self.record().items()}
        for name in ("comparators", "populations", "blinding"):
            found[name] = dict(getattr(self.inputs, name))
        found["bias"] = None if self.bias is None else dict(self.bias.levels)
        return found | {"shares_of": self.inputs.by, "notes": list(self.notes), "provenance": self.provenance}

    def _risks(self) -> dict[str, Any]:
        nothing, found = Limits(*[math.nan] * 3), self.absolute
        risk, difference = (nothing, nothing) if found is None else (found.risk, found.difference)
        benefit = benefit_of(found)
        row = {"risk_comparator": math.nan if found is None else found.comparator}
        row |= _triple("risk", "risk", risk) | _triple("difference", "difference", difference)
        row |= _triple("nnt", "nnt", map(_signed_nnt, benefit))
        chinn = nothing if found is None or found.chinn is None else found.chinn
        return row | _triple("difference_chinn", "difference_chinn", chinn)

    def _points(self) -> dict[str, Any]:
        if self.points is None:
            return {"scale": "", "scale_sd": math.nan, **_triple("points", "points", Limits(*[math.nan] * 3))}
        return {
            "scale": self.points.scale,
            "scale_sd": self.points.sd,
            **_triple("points", "points", self.points.difference),
        }

    def _inputs(self) -> dict[str, Any]:
        names = ("i2", "tau2", "pi_holds_null", "ci_holds_null", "mid", "ci_holds_mid")
        row = {name: getattr(self.inputs, name) for name in names}
        for name in ("pi_low", "pi_high"):
            row[name] = shown(getattr(self.inputs, name), self.ratio)
        row |= {
            name: getattr(self.inputs, name) for name in ("information_size", "psychoactive", "small_study_p")
        }
        bias = self.bias
        row["high_risk_of_bias"] = math.nan if bias is None else bias.high
        row["risk_of_bias_not_judged"] = math.nan if bias is None else bias.unjudged
        return row


def benefit_of(absolute: Absolute | None) -> Limits:
    """Difference in risk, above 0 where ketamine is the better; not-a-number where the direction is not known."""
    if absolute is None or absolute.good is None:
        return Limits(*[math.nan] * 3)
    sign = 1.0 if absolute.good else -1.0
    return absolute.difference.through(lambda d: 0.0 + sign * d)


def _signed_nnt(benefit: float) -> float:
    """Number needed to treat of one value or limit of the benefit, below 0 for one to harm."""
    return math.nan if math.isnan(benefit) else math.copysign(float(nnt(benefit)), benefit)


def _triple(name: str, ends: str, of: Iterable[float]) -> dict[str, float]:
    return dict(zip((name, f"{ends}_low", f"{ends}_high"), of, strict=True))
