"""Curves of the share of people responding, one for each arm, on an axis of per cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._typing import Array, ArrayLike
from ketameta.curves import RespondingCurve
from ketameta.errors import FigureError
from ketameta.plots._scale import Scale
from ketameta.plots._timeoptions import TimecourseOptions
from ketameta.plots._timestrands import Dots, Mark, Strand, crossing_words, grid_of, mark, said

__all__ = ["PERCENT", "Percent", "share_strands"]

_ARMS = ("ketamine", "comparator")


@dataclass(frozen=True, slots=True)
class Percent(Scale):
    """Shares between 0 and 1, shown in per cent."""

    def shown(self, values: ArrayLike) -> Array:
        """Shares in per cent."""
        return 100 * np.asarray(values, dtype=np.float64)

    def logs(self, shown: ArrayLike) -> Array:
        """Per cent as shares."""
        return np.asarray(shown, dtype=np.float64) / 100

    def tick_text(self, ticks: Sequence[float]) -> tuple[str, ...]:
        """Labels of ticks, ``"20%"``."""
        return tuple(f"{tick:g}%" for tick in ticks)


PERCENT = Percent("share", "Share", "Share of people responding", ratio=False)


def share_strands(
    curve: RespondingCurve, labels: Sequence[str] | None, options: TimecourseOptions
) -> tuple[Strand, ...]:
    """Everything that is drawn of the share responding in each arm.

    Raises
    ------
    FigureError
        Names are not one for each arm, the threshold is no per cent between 0 and 100, or a simultaneous
        band is asked for.
    """
    arms = _ARMS[: curve.fit.arms]
    names = [arm.capitalize() for arm in arms] if labels is None else list(labels)
    good = all(isinstance(name, str) and name.strip() for name in names)
    if isinstance(labels, str) or len(set(names)) != len(arms) or not good:
        raise FigureError(f"labels={labels!r}: give one name for each arm ({', '.join(arms)}).")
    if options.simultaneous:
        raise FigureError("simultaneous=True: shares have bands for each time alone; leave it out.")
    if options.threshold is not None and not 0 < options.threshold < 100:
        raise FigureError(f"threshold={options.threshold!r}: give a per cent between 0 and 100.")
    return tuple(_arm(curve, arm, name, options) for arm, name in zip(arms, names, strict=True))


def _arm(curve: RespondingCurve, arm: str, name: str, options: TimecourseOptions) -> Strand:
    end = "t" if arm == "ketamine" else "c"
    table = curve.at(hours=grid_of(curve.time_range, curve.gaps))
    columns = {f"response_{end}": "estimate"}
    columns |= {f"{kind}_{side}_{end}": f"{kind}_{side}" for kind in ("ci", "pi") for side in ("low", "high")}
    line: pd.DataFrame = table[["time_hours", "supported", *columns]].rename(columns=columns)
    found, crossing = [said(curve.half_life(arm=arm))], Mark("", None)
    if options.threshold is not None:
        if line["estimate"].max() < options.threshold / 100:
            found.append(f"{options.threshold_name} {options.threshold:g}%: the estimate never reaches it")
        else:
            out = curve.time_to(options.threshold / 100, arm=arm)
            crossing = mark(
                out,
                out.value_hours,
                curve.time_range,
                lambda hours: float(curve.at(hours=[hours])[f"response_{end}"].iloc[0]),
            )
            found.append(crossing_words(out, PERCENT, curve.time_range[1], options))
    data, at = curve.data, curve.data.ketamine == (arm == "ketamine")
    totals = data.totals[at]
    rows = pd.DataFrame({"trial": data.trial[at], "hours": data.hours[at], "totals": totals})
    people = rows.groupby(["trial", "hours"])["totals"].transform("sum").to_numpy(dtype=np.float64)
    trials = Dots(
        trial=data.trial[at],
        arm=data.arm[at],
        hours=data.hours[at],
        yi=data.events[at] / totals,
        vi=1 / totals,
        people=people,
    )
    return Strand(
        name=name,
        scale=PERCENT,
        level=curve.level,
        time_range=curve.time_range,
        gaps=curve.gaps,
        line=line,
        trials=trials,
        participants=int(rows.assign(people=people).groupby("trial")["people"].max().sum()),
        half_life=Mark("", None),
        crossing=crossing,
        notes=(*found, *curve.notes, curve.method_line(), curve.provenance.line()),
        limits=(0.0, 1.0),
    )
