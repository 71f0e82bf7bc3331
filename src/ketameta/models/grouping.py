"""Subgroups: pool each, and test whether their effects differ."""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown, interval, number, p_value
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models import _notes
from ketameta.models._formula import column_error
from ketameta.models._moderators import moderator, text_of
from ketameta.models._settings import CI_METHODS, LINEAR_CI_METHODS, Settings
from ketameta.models._studies import Studies, name_rows, read_studies
from ketameta.models.intervals import chi2_sf, heterogeneity_intervals, q_profile
from ketameta.models.kernel import Fits, fit
from ketameta.models.pooling import Spread, assemble, coefficient, pool_studies, spread
from ketameta.models.prediction import LimitTrial, NoTrial
from ketameta.models.result import Pooled, finite, level_text, shown, small
from ketameta.provenance import Provenance

__all__ = ["Subgroups", "subgroups"]

_OVERALL = "overall"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Subgroups(Shown):
    """Pooled effects of subgroups and the test that they differ.

    Attributes
    ----------
    by : str
        Column that makes the groups.
    groups : tuple of (str, Pooled)
        Name and result of each group, in order of appearance (of categories, for a categorical column).
    overall : Pooled
        All studies together, with their own tau2.
    q_between, df, p : float, int, float
        Chi-square test of subgroup differences.
    common_tau2 : bool
        Whether the groups share one tau2.
    notes : tuple of str
        What a reader must know.
    """

    by: str
    groups: tuple[tuple[str, Pooled], ...]
    overall: Pooled
    q_between: float
    df: int
    p: float
    common_tau2: bool
    notes: tuple[str, ...]

    @property
    def provenance(self) -> Provenance:
        """Data set, rows and software."""
        return self.overall.provenance

    @property
    def method(self) -> str:
        """One line that says how the test was made."""
        shared = "one tau2 for all groups" if self.common_tau2 else "a tau2 for each group"
        return f"Subgroups by {self.by}, {shared}; differences by chi-square on the Wald standard errors"

    def to_frame(self) -> pd.DataFrame:
        """One row per group and one for all studies, on the scale of the analysis."""
        named = [*self.groups, (_OVERALL, self.overall)]
        table = pd.concat([result.to_frame() for _, result in named], ignore_index=True)
        table.insert(0, "group", [name for name, _ in named])
        return table

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values that JSON can hold; None stands for a missing or infinite number."""
        return {
            "by": self.by,
            "common_tau2": self.common_tau2,
            "q_between": finite(self.q_between),
            "df": self.df,
            "p": finite(self.p),
            "method": self.method,
            "groups": [{"group": name, **result.to_dict()} for name, result in self.groups],
            "overall": self.overall.to_dict(),
            "notes": list(self.notes),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """The result as a sentence of a results section; ratios as ratios."""
        parts = []
        for name, result in self.groups:
            estimate, low, high = (
                number(shown(value, result.ratio))
                for value in (result.estimate, result.ci_low, result.ci_high)
            )
            ci = f"{level_text(result.level)} CI {low} to {high}"
            parts.append(f"{estimate} ({ci}; k = {result.k}) for {name}")
        p = p_value(self.p)
        p = f"P {p.replace('<', '< ')}" if p.startswith("<") else f"P = {p}"
        return (
            f"By {self.by}, the pooled {self.overall.measure or 'effect'} was {', '.join(parts)} "
            f"(test of subgroup differences: chi2 = {number(self.q_between)}, df = {self.df}, {p})."
        )

    def _card(self) -> Card:
        rows = []
        for name, result in [*self.groups, (_OVERALL, self.overall)]:
            low, high = (shown(value, result.ratio) for value in (result.ci_low, result.ci_high))
            rows.append(
                (
                    name,
                    str(result.k),
                    number(shown(result.estimate, result.ratio)),
                    interval(low, high),
                    "–" if math.isnan(result.tau2) else small(result.tau2),
                    p_value(result.p),
                )
            )
        rows.append((f"Q between (df = {self.df})", "", number(self.q_between), "", "", p_value(self.p)))
        return Card(
            f"Pooled {self.overall.measure or 'effect'} by {self.by}",
            ("", "k", "Estimate", f"{level_text(self.overall.level)} interval", "tau2", "P"),
            tuple(rows),
            self.notes,
            (f"Overall: {self.overall.method}", self.method, self.provenance.line()),
        )


def subgroups(
    es: pd.DataFrame,
    by: str,
    *,
    tau2: str = "REML",
    ci: str = "HKSJ",
    common_tau2: bool = False,
    level: float = 0.95,
) -> Subgroups:
    """Pool each subgroup, and test whether the subgroup effects differ.

    Parameters
    ----------
    es : DataFrame
        Table from :func:`ketameta.effect_sizes`, or any table with columns ``yi``, ``vi`` and ``by``.
    by : str
        Column that makes the groups; no row with an effect may lack it.
    tau2, ci, level
        As for :func:`ketameta.pool`; with a common tau2, ``ci`` is Wald, HKSJ or HKSJ-adhoc.
    common_tau2 : bool
        False: each group has its own tau2. True: one tau2 is estimated from the differences within groups
        (a model with one coefficient per group), and HKSJ intervals use its residual sum of squares with
        k - p degrees of freedom, p groups. Worth choosing when groups are too small for a tau2 of their own.

    Returns
    -------
    Subgroups

    Raises
    ------
    ModelError
        As :func:`ketameta.pool`; and when the column does not exist, is empty for a row, holds anything but
        numbers or text, makes a single group or one called "overall", or no group has two studies for a common
        tau2.

    Notes
    -----
    The test is Q = sum of w (estimate - mean)^2 over groups, with w the inverse squared Wald standard error
    of each group's estimate, against chi-square with one degree of freedom less than there are groups
    (Borenstein et al. 2009, Introduction to Meta-Analysis, chapter 19; Cochrane Handbook 10.11.3.1), whatever
    the interval; with a common tau2, ``regress(es, by)`` gives the F test that goes with HKSJ. The chi-square
    is approximate when groups are small. A group of one study with a tau2 of its own enters with its sampling
    variance alone.

    Examples
    --------
    >>> import pandas as pd
    >>> import ketameta as km
    >>> es = pd.DataFrame({
    ...     "yi": [-1.1, -0.9, -0.7, -0.2, -0.3, 0.1],
    ...     "vi": [0.09, 0.05, 0.04, 0.07, 0.11, 0.06],
    ...     "comparator": ["inactive"] * 3 + ["psychoactive"] * 3,
    ... })
    >>> result = km.subgroups(es, "comparator")
    >>> [(name, round(fit.estimate, 2)) for name, fit in result.groups], round(result.p, 4)
    ([('inactive', -0.85), ('psychoactive', -0.1)], 0.0003)
    """
    choices = LINEAR_CI_METHODS if common_tau2 is True else CI_METHODS
    settings = Settings.checked(tau2=tau2, ci=ci, prediction="t(k-1)", level=level, choices=choices)
    if not isinstance(es, pd.DataFrame):
        raise ModelError(
            f"es must be a DataFrame with columns yi, vi and the groups, not {type(es).__name__}"
        )
    if not isinstance(common_tau2, bool):
        raise ModelError(f"common_tau2={common_tau2!r} must be True or False")
    _check_column(es, by)
    studies = read_studies(es)
    asked = {"by": by, "tau2": tau2, "ci": ci, "level": level, "common_tau2": common_tau2}
    studies.asked = ("subgroups", asked)
    members = _members(studies.rows, by)
    overall, alerts = pool_studies(studies, settings)
    fitted = _common(studies, members, settings) if common_tau2 else _separate(studies, members, settings)
    for alert in dict.fromkeys([*alerts, *fitted.alerts]):
        warnings.warn(alert, KetametaWarning, stacklevel=2)
    groups = fitted.groups
    q, df = _between([result for _, result in groups])
    return Subgroups(
        by=by,
        groups=groups,
        overall=overall,
        q_between=q,
        df=df,
        p=float(chi2_sf(q, df)),
        common_tau2=common_tau2,
        notes=tuple(
            dict.fromkeys([*(f"overall: {note}" for note in overall.notes), *fitted.alerts, *fitted.notes])
        ),
    )


def _check_column(es: pd.DataFrame, by: Hashable) -> None:
    if not isinstance(by, str):
        raise ModelError(f"by={by!r} must be the name of one column of the table")
    if by not in es.columns:
        raise column_error(by, [str(name) for name in es.columns])


def _members(rows: pd.DataFrame, by: str) -> dict[str, list[int]]:
    """Positions of the rows of each group, in order of appearance or of categories."""
    values, missing = moderator(rows, by, as_levels=True)
    if missing.any():
        where = name_rows(rows, np.flatnonzero(missing).tolist())
        raise ModelError(f"column {by!r} is empty in {where}; fill it in or drop the rows")
    names = list(dict.fromkeys(values.tolist()))
    if _OVERALL in names:
        raise ModelError(f"a group of {by!r} is called {_OVERALL!r}, as all studies together are; rename it")
    if isinstance(rows[by].dtype, pd.CategoricalDtype):
        names.sort(key=[text_of(category) for category in rows[by].cat.categories].index)
    if len(names) < 2:
        raise ModelError(f"column {by!r} makes one group only ({names[0]}); subgroups need at least two")
    return {name: [i for i, value in enumerate(values) if value == name] for name in names}


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    groups: tuple[tuple[str, Pooled], ...]
    alerts: tuple[str, ...]
    notes: tuple[str, ...]


def _separate(studies: Studies, members: dict[str, list[int]], settings: Settings) -> _Fitted:
    """Each group pooled by itself; alerts and notes name the groups that they are about."""
    groups = []
    alerts: dict[str, list[str]] = {}
    notes: dict[str, list[str]] = {}
    for name, positions in members.items():
        result, found = pool_studies(studies.take(positions), settings)
        groups.append((name, result))
        for alert in found:
            alerts.setdefault(alert, []).append(name)
        for note in result.notes:
            notes.setdefault(note, []).append(name)
    single = [name for name, result in groups if result.k == 1]
    if single:
        notes["compared with the others by its sampling variance alone"] = single
    return _Fitted(tuple(groups), _named(alerts), _named(notes))


def _named(about: dict[str, list[str]]) -> tuple[str, ...]:
    return tuple(f"{', '.join(names)}: {text}" for text, names in about.items())


def _common(studies: Studies, members: dict[str, list[int]], settings: Settings) -> _Fitted:
    """One model with a coefficient per group and one tau2."""
    design = np.zeros((studies.yi.size, len(members)))
    for j, positions in enumerate(members.values()):
        design[positions, j] = 1.0
    fits = fit(studies.yi, studies.vi, design, tau2=settings.tau2)
    if math.isnan(float(fits.tau2)):
        raise ModelError("a common tau2 needs a group with at least two studies; there is none")
    if settings.tau2 == "EE":
        tau2_ci = (math.nan, math.nan)
    else:
        low, high = q_profile(studies.yi, studies.vi, design, level=settings.level)
        tau2_ci = (float(low), float(high))
    beside = "z" if settings.ci == "Wald" else "t(k-p)"
    groups = []
    for j, (name, positions) in enumerate(members.items()):
        part = studies.take(positions)
        inference = coefficient(fits, settings, j)
        common = settings.tau2 == "EE"
        weights = fits.weights[positions]
        result = assemble(
            part,
            settings,
            inference,
            _group_spread(part, fits, tau2_ci),
            new_trial=NoTrial() if common else LimitTrial(beside, inference, float(fits.tau2)),
            weights=weights / weights.sum(),
            loglik=math.nan,
            notes=("tau2 is common to all groups",),
        )
        groups.append((name, result))
    alerts = _notes.alerts(fits, coefficient(fits, settings), tau2=settings.tau2, ci=settings.ci)
    notes = _notes.heterogeneity(fits, tau2_ci, tau2=settings.tau2, ci=settings.ci)
    return _Fitted(tuple(groups), alerts, tuple(f"common tau2: {note}" for note in notes))


def _group_spread(part: Studies, fits: Fits, tau2_ci: tuple[float, float]) -> Spread:
    """Heterogeneity of a group under a common tau2, against its own typical sampling variance and Q."""
    within = fit(part.yi, part.vi, tau2="EE")
    if math.isnan(tau2_ci[0]):
        return spread(within, tau2_ci)
    tau2 = float(fits.tau2)
    at_estimate = heterogeneity_intervals((fits.tau2, fits.tau2), within.typical_v)
    found = spread(within, tau2_ci)
    return replace(
        found,
        tau2=tau2,
        i2=float(at_estimate.i2[0]),
        h2=float(at_estimate.h2[0]),
        boundary=bool(fits.boundary),
    )


def _between(groups: list[Pooled]) -> tuple[float, int]:
    """Weighted sum of squares of the group estimates around their mean, and its degrees of freedom."""
    estimates = np.array([result.estimate for result in groups])
    variances = [
        1.0 / np.sum(1.0 / (result.vi + (0.0 if math.isnan(result.tau2) else result.tau2)))
        for result in groups
    ]
    fits = fit(estimates, np.array(variances), tau2="EE")
    return float(fits.q), len(groups) - 1
