"""The public entrance: from numbers of responders at several times to the share responding over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from ketameta._render import plural
from ketameta._typing import Array
from ketameta.curves.options import CurveOptions
from ketameta.curves.responding_fit import fit_arms
from ketameta.curves.responding_inputs import ArmTimes, read_arms
from ketameta.curves.responding_result import RespondingCurve
from ketameta.curves.shapes import default_knots
from ketameta.curves.spec import check_spec
from ketameta.curves.support import gaps
from ketameta.curves.words import clock
from ketameta.errors import ModelError
from ketameta.provenance import trace

__all__ = ["responding"]

_DEFAULTS = CurveOptions()


def responding(
    rows: pd.DataFrame | Any,
    *,
    arms: str = "both",
    knots: Sequence[float] | None = None,
    rho: float = 0.6,
    ci: str = "t",
    level: float = 0.95,
    options: CurveOptions = _DEFAULTS,
) -> RespondingCurve:
    """Share of people responding over time, in the ketamine and in the comparator arms.

    Parameters
    ----------
    rows : pandas.DataFrame, or an object with a DataFrame ``rows``
        A selection, or a table with one row a comparison and time: ``events_t, total_t, events_c, total_c`` (numbers of responders and of
        participants), ``time_hours`` (since dosing, above zero) and ``cohort_id`` (or ``study_id``). ``study_id``
        tells several ketamine arms of a trial apart, ``comparator_arm_id`` says that rows share a comparator arm,
        which then counts once. Rows of ``status`` apart are left out.
    arms : {"both", "any", "ketamine"}
        Trials with both arms; beside them trials of ketamine alone, which the notes name (without a comparator
        of their own they move the ketamine curve, and the contrast with it); or the ketamine arms only.
    knots : sequence of float, optional
        Knots in hours of the natural spline in log time, the same in both arms; see
        :func:`ketameta.curves.shapes.default_knots`, with the times of each trial as effects.
    rho : float
        Assumed phi coefficient of a person's response at 24 hours and at 7 days, no larger than two shares allow.
    ci : {"t", "Wald"}
        As in :func:`ketameta.durability`, with the coefficients of one arm and the trials of the arm that fewer
        trials have.
    level : float
        Level of all intervals.
    options : CurveOptions
        ``correlation`` and ``method``; the other choices are not used here.

    Returns
    -------
    RespondingCurve
        ``.at(days=[...])``, ``.time_to(share)``, ``.half_life()``, ``.sensitivity()``.

    Raises
    ------
    ModelError
        If counts or times are not usable, an arm counts twice at a time, single and repeated dosing or several
        outcomes are mixed, all rows stand at one time, or a share runs to 0% or 100%, where its logit has no
        finite estimate. The message names rows and remedy.

    Notes
    -----
    Numbers of responders are binomial with ``logit p = spline of the arm + u + w``: a pair ``u`` of correlated
    random effects for the two arms of each trial, and ``w`` for each arm and time. Responses of the same people
    at two times correlate. The fit is by penalised quasi-likelihood (Breslow & Clayton 1993) with the working
    covariance of binomial responses at the fitted shares, so that an arm without a responder needs no correction.
    The variances are those of (restricted) likelihood of the linearised model and a little too small where arms
    are small. The curve is that of a typical trial, ``u = w = 0``, not the average over trials.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.curves import responding
    >>> rows = pd.DataFrame({
    ...     "study_id": ["a", "a", "a", "b", "b", "c", "c", "d", "d"],
    ...     "time_hours": [24, 72, 168, 24, 168, 24, 168, 72, 168],
    ...     "events_t": [12, 9, 6, 15, 8, 7, 5, 11, 9], "total_t": [20, 20, 19, 27, 27, 15, 15, 24, 23],
    ...     "events_c": [3, 4, 4, 0, 3, 2, 3, 5, 4], "total_c": [20, 20, 20, 26, 26, 15, 14, 24, 24],
    ... })
    >>> curve = responding(rows)
    >>> curve.at(days=[1, 7])[["time_hours", "response_t", "response_c", "rd", "nnt"]].round(2)
       time_hours  response_t  response_c    rd   nnt
    0        24.0        0.56        0.11  0.45  2.21
    1       168.0        0.33        0.17  0.17  6.03
    """
    spec = check_spec("spline", knots=knots, rho=rho, ci=ci, level=level, options=options)
    data, used, left_out = read_arms(rows, arms)
    times = np.unique(data.hours)
    if times.size == 1:
        raise ModelError(
            f"all responses were counted at {times[0]:g} h: there is no curve over time. Use counts() for one time."
        )
    chosen = spec.knots or default_knots(_distinct(data), len(data.trials))
    fit = fit_arms(
        data, chosen, rho=spec.rho, correlation=spec.options.correlation, reml=spec.options.method == "REML"
    )
    df = float(max(data.fewest - len(chosen), 1)) if spec.ci == "t" and any(fit.estimated) else math.inf
    tail = (1 - spec.level) / 2
    empty = gaps(data.hours)
    asked = {"arms": arms, "knots": knots, "rho": rho, "ci": ci, "level": level, "options": options}
    notes = [*data.notes, *fit.notes]
    if math.isfinite(df) and data.fewest - len(chosen) <= 1:
        notes.append(
            f"{plural(data.fewest, 'trial')} for {len(chosen)} coefficients an arm: intervals rest on t with 1 degree of freedom and are "
            "very wide; ci='Wald' gives normal ones, which are too narrow with so few trials"
        )
    notes += [f"no trial measured within a factor of two of {clock(a)} to {clock(b)}" for a, b in empty]
    return RespondingCurve(
        arms=arms,
        knots_hours=chosen,
        rho=spec.rho,
        correlation=spec.options.correlation,
        method=spec.options.method,
        ci=spec.ci,
        level=spec.level,
        df=df,
        quantile=-float(ndtri(tail) if math.isinf(df) else stdtrit(df, tail)),
        tau2=tuple(float(value) for value in np.diag(fit.spread)),
        omega2=fit.omega2,
        k_trials=len(data.trials),
        n_shares=data.hours.size,
        time_range=(float(times[0]), float(times[-1])),
        gaps=empty,
        rows=used,
        left_out=left_out,
        notes=tuple(notes),
        provenance=trace(used, ("responding", asked)),
        data=data,
        fit=fit,
    )


def _distinct(data: ArmTimes) -> Array:
    """Times of the trials, each once a trial."""
    return np.unique(np.column_stack([data.trial, data.hours]), axis=0)[:, 1]
