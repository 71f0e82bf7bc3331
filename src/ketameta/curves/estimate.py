"""The public entrance: from effect sizes at several times to a curve over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ketameta._render import plural
from ketameta.curves.inputs import TrialTimes, read_rows
from ketameta.curves.linear_shapes import Piecewise
from ketameta.curves.model import CurveFit, fit_curve
from ketameta.curves.moderation import complete_rows
from ketameta.curves.options import CurveOptions
from ketameta.curves.readouts import half_life, peak
from ketameta.curves.result import DurabilityCurve
from ketameta.curves.shapes import Spline
from ketameta.curves.spec import CurveSpec, check_spec
from ketameta.curves.support import coverage, gaps, lone_ends
from ketameta.curves.words import clock
from ketameta.provenance import trace

__all__ = ["durability"]

_DEFAULTS = CurveOptions()


def durability(
    es: pd.DataFrame,
    *,
    curve: str = "spline",
    knots: Sequence[float] | None = None,
    moderators: str | None = None,
    rho: float = 0.6,
    ci: str = "t",
    level: float = 0.95,
    options: CurveOptions = _DEFAULTS,
) -> DurabilityCurve:
    """Effect as a function of time since dosing, from trials measured at several times.

    Parameters
    ----------
    es : pandas.DataFrame
        One row an effect: ``yi``, ``vi`` (sampling variance), ``time_hours`` (since dosing, above zero) and
        ``cohort_id`` (rows of the same participants; ``study_id`` where it is empty). ``measure`` with arm sizes,
        SDs or counts gives the exact sampling covariance (:func:`ketameta.effects.covariance`). Rows with a
        ``reason`` are left out and listed.
    curve : str
        ``"spline"`` (natural, cubic), ``"piecewise"`` (straight lines between knots) or ``"polynomial"``, all three
        in log time; ``"steps"``, one effect for each window of time; ``"exponential"``, decay from the first
        measured time on; ``"bateman"``, onset and decay; ``"emax"``, hyperbolic onset with exponential decay;
        ``"weibull"``, decay from dosing on, faster or slower with time.
    knots : sequence of float, optional
        Knots of spline and straight lines in hours; by default see
        :func:`ketameta.curves.shapes.default_knots`.
    moderators : str, optional
        Formula of what moves the level of the curve, such as ``"route + comparator"``; see
        :func:`ketameta.regress`. The curve is then that of the average trial, and ``.given(route="iv")`` that of
        others. What moves its change over time goes in as ``options.decay_moderators``. Rows without a value are
        left out and listed.
    rho : float
        Assumed correlation of a participant's outcome between 24 hours and 7 days; for counts the phi
        coefficient, no larger than the two proportions allow. Instruments are taken as one outcome.
    ci : {"t", "Wald"}
        Intervals from t with as many degrees of freedom as trials less coefficients (at least one), or normal
        ones. Where no heterogeneity can be estimated (a single trial, say) they are normal.
    level : float
        Level of all intervals.
    options : CurveOptions
        Likelihood, kind of correlation over time, degree, windows; see
        :class:`ketameta.curves.CurveOptions`. Rates of decay are always those of ML.

    Returns
    -------
    DurabilityCurve
        ``.at(days=[...])``, ``.peak``, ``.half_life``, ``.time_to(threshold)``, ``.retention``,
        ``.sensitivity()``, ``.coverage``.

    Raises
    ------
    ModelError
        If an effect, variance or time is not usable, a trial counts twice at a time, single and repeated
        dosing (or several measures, or outcomes) are mixed, all effects stand at one time, or the times do
        not determine the curve. The message names rows and remedy.

    Notes
    -----
    ``y_ij = f(t_ij) + u_i + w_ij + e_ij`` for trial i at time j, with ``u ~ N(0, tau2)``,
    ``w ~ N(0, omega2)`` and ``e_i ~ N(0, V_i)``, ``V_i`` the sampling covariance over the times of the trial
    (Ishak et al. 2007; Trikalinos & Olkin 2012; Musekiwa et al. 2016; for standardised mean differences
    Gleser & Olkin 2009). The spline is linear in its coefficients, which are the effects at its knots. The
    exponential ``A exp(-rate (t - t_1))``, ``rate >= 0``, and the other shapes that rise and fall
    (:mod:`ketameta.curves.decay_shapes`) are fitted by maximum likelihood, their half-life of decay with a
    profile-likelihood interval, which may be open; under REML amplitude, heterogeneity variances and standard
    errors are then those of the model linearised at the parameters of time. These shapes know no lasting
    remainder: they drive the effect to zero, and late intervals with it.

    With ``random="level+decay"`` a trial has ``u_i + s_i z_ij`` in place of ``u_i``, level and slope correlated,
    ``z`` the doublings of time or the derivative by the log rate of decay (first-order method, Sheiner & Beal
    1980). Moderators of decay multiply the same.

    What it leaves out: intervals take the heterogeneity variances, and ``rho``, as known;
    true effects of one trial at two times correlate alike whatever lies between them, but for a random decay; trials that share a
    control arm count as independent; and trials measured late may differ from those measured early.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.curves import durability
    >>> es = pd.DataFrame({
    ...     "cohort_id": ["a", "a", "a", "b", "b", "c", "c", "d", "d", "d"],
    ...     "time_hours": [4, 24, 168, 24, 72, 24, 168, 4, 72, 168],
    ...     "yi": [-0.9, -0.8, -0.3, -0.6, -0.5, -1.0, -0.4, -0.7, -0.6, -0.2],
    ...     "vi": [0.08, 0.08, 0.09, 0.05, 0.05, 0.12, 0.11, 0.10, 0.09, 0.10],
    ... })
    >>> fitted = durability(es)
    >>> fitted.at(days=[1, 7])[["time_hours", "estimate", "supported"]].round(2)
       time_hours  estimate  supported
    0        24.0     -0.65       True
    1       168.0     -0.36       True
    >>> fitted.half_life.value_days < 7
    True
    """
    spec = check_spec(curve, knots=knots, moderators=moderators, rho=rho, ci=ci, level=level, options=options)
    data, used, left_out = read_rows(es)
    complete, lacking = complete_rows(used, spec)
    if len(lacking):
        data, used, _ = read_rows(complete)
        left_out = pd.concat([left_out, lacking]) if len(left_out) else lacking
    fit = fit_curve(data, spec)
    shape = {"curve": curve, "knots": knots, "moderators": moderators}
    asked = ("durability", {**shape, "rho": rho, "ci": ci, "level": level, "options": options})
    first, last = float(data.hours.min()), float(data.hours.max())
    empty = gaps(data.hours)
    return DurabilityCurve(
        curve=spec.curve,
        measure=data.measure or "effect",
        coefficients=tuple(float(value) for value in fit.coefficients.values),
        coefficient_names=fit.coefficients.names,
        vcov=fit.coefficients.vcov,
        tau2=fit.tau2,
        omega2=fit.omega2,
        rho=spec.rho,
        correlation=spec.options.correlation,
        method=spec.options.method,
        ci=spec.ci,
        level=spec.level,
        df=fit.df,
        loglik=fit.loglik,
        aicc=fit.aicc,
        k_trials=len(data.trials),
        k_effects=data.yi.size,
        n_participants=data.participants(),
        rows=used,
        left_out=left_out,
        knots_hours=fit.shape.knots_hours if isinstance(fit.shape, Spline | Piecewise) else (),
        time_range=(first, last),
        gaps=empty,
        coverage=coverage(data),
        peak=peak(fit, first, last, spec.level),
        half_life=half_life(fit, first, last, spec.level),
        notes=_notes(fit, spec, data, used, left_out, empty),
        provenance=trace(used, asked),
        spec=spec,
        fit=fit,
    )


def _notes(
    fit: CurveFit,
    spec: CurveSpec,
    data: TrialTimes,
    used: pd.DataFrame,
    left_out: pd.DataFrame,
    empty: tuple[tuple[float, float], ...],
) -> tuple[str, ...]:
    notes = list(fit.notes)
    if np.bincount(data.trial).max() > 1:
        notes.append(
            f"the correlation {spec.rho:g} is assumed, not estimated; sensitivity() shows what rests on it"
        )
    if empty:
        ranges = ", ".join(f"{clock(low)} and {clock(high)}" for low, high in empty)
        notes.append(
            f"no trial measured within a factor of two of times between {ranges}: the curve only bridges them"
        )
    notes += [f"{side} {clock(time)} only one trial measured: {name}" for time, side, name in lone_ends(data)]
    shared = _shared_comparators(data, used)
    if shared:
        notes.append(f"trials that share a control arm count as independent: {', '.join(shared)}")
    if data.measure == "MD" and "instrument" in used.columns and used["instrument"].nunique() > 1:
        kinds = ", ".join(sorted(str(kind) for kind in used["instrument"].dropna().unique()))
        notes.append(f"mean differences on different instruments do not share a unit: {kinds}")
    if "imputed" in used.columns:
        count = int(used["imputed"].fillna("").astype(str).str.strip().ne("").sum())
        if count:
            notes.append(f"{count} of {len(used)} effects rest on a recovered statistic (column imputed)")
    if len(left_out):
        notes.append(
            f"left out for want of an effect, and listed in left_out: {plural(len(left_out), 'row')}"
        )
    return tuple(notes)


def _shared_comparators(data: TrialTimes, used: pd.DataFrame) -> list[str]:
    """Control arms that several trials share, though trials count as independent."""
    if "comparator_arm_id" not in used.columns:
        return []
    arms = used["comparator_arm_id"].fillna("").astype(str).to_numpy()
    return [str(arm) for arm in sorted(set(arms) - {""}) if np.unique(data.trial[arms == arm]).size > 1]
