"""The public entrance: from a hazard ratio and the comparator's printed times to relapse-free curves."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np
import pandas as pd

from ketameta.curves.relapse_comparator import Comparator, from_median, from_points, from_rate, positive
from ketameta.curves.relapse_result import RelapseCurves
from ketameta.curves.words import clock
from ketameta.effects._sheet import Sheet
from ketameta.errors import ModelError
from ketameta.models import Pooled, pool
from ketameta.provenance import trace

__all__ = ["relapse"]


def relapse(
    hr: Pooled | pd.DataFrame,
    *,
    median_hours: float | None = None,
    median_ci: Sequence[float | None] | None = None,
    shape: float = 1.0,
    points: Sequence[Sequence[float]] | None = None,
    rate: tuple[int, float] | None = None,
    followup_hours: float | None = None,
) -> RelapseCurves:
    """Relapse-free curves that a hazard ratio implies, with intervals, medians, rates and NNT.

    Parameters
    ----------
    hr : Pooled or pandas.DataFrame
        Pooled log hazard ratio of ketamine against comparator (:func:`ketameta.pool`), or a table of
        :func:`ketameta.effect_sizes` with ``measure="HR"``, which is pooled with the defaults. When no curve of
        the comparator is given, and exactly one row of the table holds ``median_hours_c``, that median is taken.
    median_hours, median_ci : float, pair of float
        Comparator's median time to relapse in hours and its printed 95% interval; an upper bound of None was not
        reached.
    shape : float
        Weibull shape taken for granted with a median, between 0.01 and 100; 1 for the exponential.
    points : two of (hours, share) or (hours, share, low, high)
        Two printed points of the comparator's relapse-free curve with their 95% intervals; they fix a Weibull.
    rate : (int, float)
        Comparator's relapses and person-years; they fix an exponential.
    followup_hours : float, optional
        Longest follow-up. By default curves reach to the comparator's median or to the later point, which the
        report covers; with ``rate`` it must be given.

    Returns
    -------
    RelapseCurves
        ``.at(days=[...])``, ``.median(arm)``, ``.rates()``, ``.sentence()``.

    Raises
    ------
    ModelError
        If the effect is not a hazard ratio, or nothing fixes the comparator's curve: no median, a median that was
        not reached, or more than one description of it.

    Notes
    -----
    Under proportional hazards ``S_t = S_c^HR``. Exponential: ``S_c = 2^(-t / median)``, ``median_t = median_c / HR``.
    Weibull: ``log(-log S_c)`` is a line in log time, and ``median_t = median_c HR^(-1 / shape)``. Intervals: bounds of
    ``log(-log S)`` add as roots of summed squares (Zou & Donner 2008), which keeps uneven and open intervals; the
    difference in shares takes its range over the joint region of both. Hazard ratio and comparator's curve count as
    independent; from the same trial they are not, and the ketamine curve is then known somewhat better than said.

    Examples
    --------
    SUSTAIN-1, stable remission (Daly et al. 2019): the comparator's median is 273 days, 95% CI 97 to not reached.

    >>> import ketameta as km
    >>> from ketameta.curves import relapse
    >>> trials = km.load_trials()
    >>> es = km.effect_sizes(trials[trials["record_id"] == "KM0211"], measure="HR")
    >>> curves = relapse(es)
    >>> columns = ["relapse_free_t", "relapse_free_c", "ci_low_t", "ci_high_t", "nnt"]
    >>> curves.at(days=[84, 182])[columns].round(2)
       relapse_free_t  relapse_free_c  ci_low_t  ci_high_t    nnt
    0             0.9            0.81      0.72        1.0  10.77
    1             0.8            0.63      0.48        1.0   5.97
    """
    pooled = hr if isinstance(hr, Pooled) else _pooled(hr)
    if pooled.measure != "HR":
        raise ModelError(
            f"the effect is {pooled.measure or 'of unknown measure'}; relapse needs a hazard ratio (HR)."
        )
    given = [
        name
        for name, value in (("median_hours", median_hours), ("points", points), ("rate", rate))
        if value is not None
    ]
    if len(given) > 1:
        raise ModelError(f"{' and '.join(given)} each fix the comparator's curve; give one of them.")
    if median_ci is not None and median_hours is None:
        raise ModelError("median_ci belongs to a median: give median_hours, or leave median_ci out.")
    stated = not (isinstance(shape, Real) and shape == 1)
    if points is not None and stated:
        raise ModelError("two points fix the shape themselves; leave shape out.")
    comparator: Comparator
    if points is not None:
        comparator = from_points(points)
    elif rate is not None:
        comparator = _by_rate(rate, stated, followup_hours)
    elif median_hours is not None:
        comparator = from_median(median_hours, median_ci, shape)
    else:
        comparator = _by_rows(hr, shape)
    last = comparator.last_hours if followup_hours is None else positive("followup_hours", followup_hours)
    notes = [*comparator.notes(), "the curves are implied by a model with proportional hazards, not observed"]
    if last > comparator.last_hours * (1 + 1e-9):
        notes.append(
            f"after {clock(comparator.last_hours)} the comparator's curve is that of the model alone"
        )
    asked = (
        "relapse",
        {
            "median_hours": median_hours,
            "median_ci": median_ci,
            "shape": shape,
            "points": points,
            "rate": rate,
            "followup_hours": followup_hours,
        },
    )
    made = hr.provenance.after(asked) if isinstance(hr, Pooled) else trace(pooled.rows, asked)
    return RelapseCurves(pooled, comparator, last, tuple(notes), made)


def _pooled(es: pd.DataFrame) -> Pooled:
    if not isinstance(es, pd.DataFrame):
        raise ModelError(
            f"relapse needs a pooled hazard ratio or a table of effects, not {type(es).__name__}."
        )
    return pool(es)


def _by_rate(rate: tuple[int, float], stated: bool, followup_hours: float | None) -> Comparator:
    if followup_hours is None:
        raise ModelError("a rate says nothing of its follow-up: pass followup_hours.")
    if stated:
        raise ModelError("a rate fixes an exponential; leave shape out.")
    try:
        events, years = rate
    except (TypeError, ValueError):
        raise ModelError(f"rate={rate!r} must be relapses and person-years, such as (39, 42.5).") from None
    return from_rate(events, years, followup_hours)


def _by_rows(hr: Pooled | pd.DataFrame, shape: float) -> Comparator:
    """The comparator's curve from the one median that the table holds."""
    absent = "nothing fixes the comparator's curve: give median_hours, points or rate."
    if isinstance(hr, Pooled):
        raise ModelError(absent)
    sheet = Sheet(hr)
    rows = np.flatnonzero(sheet.given("median_hours_c"))
    if rows.size == 0:
        raise ModelError(f"{absent} No row of the table holds median_hours_c.")
    if rows.size > 1:
        names = ", ".join(sheet.name(int(row)) for row in rows)
        raise ModelError(
            f"several rows hold a median of the comparator ({names}); choose one in median_hours."
        )
    row = int(rows[0])
    low, high = (float(sheet.number(f"median_hours_{end}_c")[row]) for end in ("low", "high"))
    if np.isnan(low) and not np.isnan(high):
        raise ModelError(
            f"row {sheet.name(row)} holds an upper bound of the comparator's median and no lower one; fill in "
            "median_hours_low_c, or give the median alone in median_hours."
        )
    interval = None if np.isnan(low) else (low, None if np.isnan(high) else high)
    return from_median(
        float(sheet.number("median_hours_c")[row]), interval, shape, f"median ({sheet.name(row)})"
    )
