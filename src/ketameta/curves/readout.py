"""One number read off a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown, interval, number
from ketameta.curves.words import clock, clock_interval, level_text
from ketameta.effects.correlation import DAY

__all__ = ["ReadOut", "plain", "records"]


@dataclass(frozen=True, slots=True, repr=False)
class ReadOut(Shown):
    """One number read off a curve, with its interval.

    Attributes
    ----------
    name : str
        ``"peak"``, ``"half-life"``, ``"time to threshold"``, ``"retention"`` or ``"effect-days to 7 d"``.
    value : float or None
        The number; None where the curve does not give one, and ``note`` says why.
    unit : str
        ``"hours"``, ``"ratio"`` for retention, ``"effect-days"`` for an area.
    ci_low, ci_high : float or None
        Interval; an upper bound that is not reached is infinite.
    level : float
        Level of the interval.
    status : str
        ``"reached"``; ``"not reached"`` inside the observed times; or ``"undefined"``.
    method : str
        How the interval was made.
    note : str
        What the number is, and what to know about it.
    effect : float or None
        The effect at the peak; the threshold for a time to threshold; half the peak for a half-life.
    bound_hours : float or None
        For a time to threshold: when the bound of the pointwise interval that lies nearer zero crosses it.
        Infinite when it does not inside the observed times, None when it never lay beyond the threshold.
    prediction_hours : float or None
        The same for the bound of the prediction interval.
    open_share : float or None
        Share of the simulated curves that do not reach the value inside the observed times.

    Examples
    --------
    >>> from ketameta.curves import ReadOut
    >>> out = ReadOut(name="half-life", value=120.0, unit="hours", ci_low=60.0, ci_high=float("inf"),
    ...               level=0.95, status="reached", method="profile likelihood", note="")
    >>> out.value_hours, out.value_days
    (120.0, 5.0)
    >>> print(out.sentence())
    Half-life: 5 d (95% CI 60 h to not reached).
    """

    name: str
    value: float | None
    unit: str
    ci_low: float | None
    ci_high: float | None
    level: float
    status: str
    method: str
    note: str
    effect: float | None = None
    bound_hours: float | None = None
    prediction_hours: float | None = None
    open_share: float | None = None

    @property
    def value_hours(self) -> float | None:
        """The value in hours; None for a ratio."""
        return self.value if self.unit == "hours" else None

    @property
    def value_days(self) -> float | None:
        """The value in days; None for a ratio."""
        hours = self.value_hours
        return None if hours is None else hours / DAY

    def to_frame(self) -> pd.DataFrame:
        """One row: name, value, unit, ci_low, ci_high, status, effect, bound_hours, prediction_hours, note."""
        hidden = ("level", "method", "open_share")
        names = [name for name in self.__dataclass_fields__ if name not in hidden]
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON-ready values: an infinite bound becomes None, ``ci_high_open`` says so."""
        fields = {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}
        return {
            **fields,
            "ci_high_open": _infinite(self.ci_high),
            "bound_open": _infinite(self.bound_hours),
            "prediction_open": _infinite(self.prediction_hours),
        }

    def sentence(self) -> str:
        """The value and its interval in words."""
        head = self.name[:1].upper() + self.name[1:]
        if self.ci_low is None or self.ci_high is None:
            text = self._text(self.value)
        else:
            between = (
                clock_interval(self.ci_low, self.ci_high)
                if self.unit == "hours"
                else f"{number(self.ci_low)} to {number(self.ci_high)}"
            )
            text = f"{self._text(self.value)} ({level_text(self.level)} CI {between})"
        return (
            "; ".join([f"{head}: {text}", *(f"{name} beyond it {when}" for name, when in self._bounds())])
            + "."
        )

    def _bounds(self) -> list[tuple[str, str]]:
        """How long both intervals of a time to a threshold lie wholly beyond it."""
        if self.name != "time to threshold":
            return []
        pairs = (("CI", self.bound_hours), ("PI", self.prediction_hours))
        return [
            (name, "never" if at is None else "to the last time" if math.isinf(at) else f"until {clock(at)}")
            for name, at in pairs
        ]

    def _text(self, value: float | None) -> str:
        if value is None:
            return self.status
        return clock(value) if self.unit == "hours" else number(value)

    def _interval(self) -> str:
        if self.ci_low is None or self.ci_high is None:
            return "–"
        if self.unit == "hours":
            return clock_interval(self.ci_low, self.ci_high)
        return interval(self.ci_low, self.ci_high)

    def _card(self) -> Card:
        return Card(
            title=self.name[:1].upper() + self.name[1:],
            columns=("", "value", f"{level_text(self.level)} CI"),
            rows=(
                (self.name, self._text(self.value), self._interval()),
                *((f"{name} wholly beyond it", when, "") for name, when in self._bounds()),
            ),
            notes=(self.note,) if self.note else (),
            footer=(f"Interval: {self.method}",) if self.method else (),
        )


def _infinite(value: float | None) -> bool:
    return value is not None and math.isinf(value)


def plain(value: Any) -> Any:
    """A JSON-ready value: None for a number that is not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as JSON-ready values."""
    return [{str(name): plain(cell) for name, cell in row.items()} for row in table.to_dict("records")]
