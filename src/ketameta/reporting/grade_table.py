"""The GRADE summary of findings of pooled results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ketameta._spelling import did_you_mean
from ketameta.effects._direction import lower_is_better
from ketameta.effects._sheet import Sheet
from ketameta.errors import DataError
from ketameta.models import Pooled, PooledCounts
from ketameta.models.result import shown
from ketameta.reporting.grade_absolute import Points, absolute_of, limits_of, other_scales, points_of
from ketameta.reporting.grade_inputs import inputs_of, participants_of, weights_of
from ketameta.reporting.grade_judgements import Judged, bias_shares, read_judged
from ketameta.reporting.grade_options import SummaryOptions
from ketameta.reporting.grade_result import SummaryOfFindings
from ketameta.reporting.grade_row import SummaryRow

__all__ = ["summary_of_findings"]

Table: TypeAlias = pd.DataFrame | str | Path
Scale: TypeAlias = str | tuple[str, float]


def summary_of_findings(
    results: Mapping[str, Pooled | PooledCounts],
    *,
    judgements: Table | None = None,
    baseline_risk: float | Mapping[str, float] | None = None,
    points: Scale | Mapping[str, Scale] | None = None,
    mid: Mapping[str, float] | None = None,
    rob: Table | Mapping[str, Table] | None = None,
    options: SummaryOptions | None = None,
) -> SummaryOfFindings:
    """Summary of findings in the form of GRADE, an outcome a row.

    Effects, absolute effects and what certainty is judged on are computed. Certainty itself is a judgement: it comes from
    a table of yours, or the cell says "not judged".

    Parameters
    ----------
    results : mapping of str to Pooled or PooledCounts
        Name of the outcome, and its result; of subgroups give ``.overall`` or the result of a group.
    judgements : DataFrame or path of a CSV file, optional
        A row an outcome: ``outcome``, ``certainty`` (high, moderate, low, very low) and, if wished, ``risk_of_bias``,
        ``inconsistency``, ``indirectness``, ``imprecision`` (not serious, serious, very serious, extremely serious) and
        ``publication_bias`` (undetected, strongly suspected), each with its ``..._reason``, and ``reasons``.
    baseline_risk : float or mapping of str to float, optional
        Risk with the comparator, 0 to 1, of all outcomes or by outcome; behind an SMD, the response rate. Without it,
        events take the median of the trials, and an SMD has no response probability.
    points : str, (str, float) or mapping of str to one of these, optional
        Scale that SMDs are told in, ``"MADRS"``, or scale and SD, ``("MADRS", 9.0)``; by outcome, or of all whose trials
        used it. Without an SD, that of the scale is the median of the trials.
    mid : mapping of str to float, optional
        Minimal important difference by outcome: its size as the effect is shown (a ratio for ratios), above 0.
    rob : DataFrame or path, or mapping of str to these, optional
        Judgements of risk of bias as ``rob_plot`` reads them, with a column ``overall``; of all outcomes or by outcome.
    options : SummaryOptions, optional
        What the optimal information size is for; tool of the risk of bias.

    Returns
    -------
    SummaryOfFindings
        ``to_frame()``, ``to_markdown()``, ``to_latex()``, ``to_html()``; the footnotes state each assumption.

    Raises
    ------
    DataError
        When a result is none that was pooled, a name is unknown, a value is out of range, or a table of judgements cannot
        be read.

    Notes
    -----
    Risks: Cochrane Handbook 15.4.4. Response behind an SMD: Furukawa and Leucht (2011), PLoS One 6:e19070; beside it
    Chinn (2000), Stat Med 19:3127. NNT: Altman (1998), BMJ 317:1309. Optimal information size: Guyatt et al. (2011), J
    Clin Epidemiol 64:1283. Small-study effects, from 10 trials on: Pustejovsky and Rodgers (2019), Res Synth Methods
    10:57.

    Examples
    --------
    >>> import ketameta as km
    >>> day1 = km.select(
    ...     km.load_trials(), indication="MDD", outcome="depression", hours=(20, 36), dosing="single", population="TRD"
    ... )
    >>> found = km.summary_of_findings(
    ...     {"Depression": km.pool(km.effect_sizes(day1))}, baseline_risk=0.15, points="MADRS"
    ... )
    >>> found.to_frame()["certainty"].tolist()
    ['not judged']
    """
    checked = _results(results)
    names = tuple(checked)
    chosen = SummaryOptions() if options is None else options
    if not isinstance(chosen, SummaryOptions):
        raise DataError(f"options: SummaryOptions are wanted, not {type(options).__name__}")
    judged = read_judged(judgements, names)
    risks = _by_outcome("baseline_risk", baseline_risk, names)
    scales = _by_outcome("points", points, names)
    tables = _by_outcome("rob", rob, names)
    mids = _by_outcome("mid", {} if mid is None else mid, names)
    rows = tuple(
        _row(
            name,
            result,
            risk=_risk(risks.get(name)),
            told=_points(name, result, scales.get(name), named=isinstance(points, Mapping)),
            mid=_mid(name, mids.get(name), result),
            rob=tables.get(name),
            judged=judged.get(name, Judged()),
            options=chosen,
        )
        for name, result in checked.items()
    )
    return SummaryOfFindings(rows, chosen)


def _row(
    name: str,
    result: Pooled | PooledCounts,
    *,
    risk: float | None,
    told: tuple[Points | None, str],
    mid: float | None,
    rob: Table | None,
    judged: Judged,
    options: SummaryOptions,
) -> SummaryRow:
    table = result.rows
    lower = lower_is_better(table)
    absolute, why_not = absolute_of(result, risk, lower)
    points, no_points = told
    size = participants_of(result)
    hours = Sheet(table.reset_index(drop=True)).number("time_hours")
    known = hours[np.isfinite(hours)]
    return SummaryRow(
        outcome=name,
        hours=(float(known.min()), float(known.max())) if known.size else (math.nan, math.nan),
        k=result.k,
        participants=round(float(np.nansum(size))),
        unknown=int(np.isnan(size).sum()),
        measure=result.measure,
        ratio=result.ratio,
        level=result.level,
        effect=limits_of(result).through(lambda x: shown(x, result.ratio)),
        absolute=absolute,
        points=points,
        why_not=why_not,
        no_points=no_points,
        lower_is_better=lower,
        inputs=inputs_of(result, absolute, mid, options),
        bias=None if rob is None else bias_shares(rob, options.tool, table, weights_of(result)[0]),
        judged=judged,
        notes=result.notes,
        provenance=result.provenance.line(),
    )


def _results(results: Any) -> dict[str, Pooled | PooledCounts]:
    if not isinstance(results, Mapping) or not results:
        raise DataError('results: a mapping is wanted, such as {"Depression, 24 h": km.pool(effects)}')
    for name, result in results.items():
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"results: {name!r} is no name of an outcome; give text")
        if not isinstance(result, Pooled | PooledCounts):
            more = "; of subgroups give .overall" if hasattr(result, "overall") else ""
            raise DataError(
                f"results: {name!r} is a {type(result).__name__}, not the result of pool() or counts(){more}"
            )
    for i, name in enumerate(results):
        if any(name.split() == other.split() for other in list(results)[:i]):
            raise DataError(f"results: {name!r} differs from another outcome in spaces only")
    return dict(results)


def _by_outcome(what: str, given: Any, names: Sequence[str]) -> dict[str, Any]:
    """What was given for each outcome: the same for all, or by its name."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        if what == "mid":
            raise DataError('mid: a mapping by outcome is wanted, such as {"Depression, 24 h": 0.24}')
        return dict.fromkeys(names, given)
    for name in given:
        if name not in names:
            raise DataError(
                f"{what}: {name!r} is no outcome of the results{did_you_mean(name, names, '.')} They are "
                f"{', '.join(map(repr, names))}."
            )
    return dict(given)


def _number(what: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(float(value)):
        raise DataError(f"{what} = {value!r}: a finite number is wanted")
    return float(value)


def _risk(value: Any) -> float | None:
    if value is None:
        return None
    risk = _number("baseline_risk", value)
    if not 0 <= risk <= 1:
        raise DataError(f"baseline_risk = {risk:g}: give a risk from 0 to 1, not per cent")
    return risk


def _mid(name: str, value: Any, result: Pooled | PooledCounts) -> float | None:
    if value is None:
        return None
    found = _number(f"mid of {name!r}", value)
    if found <= 0 or (result.ratio and found == 1):
        raise DataError(f"mid of {name!r} = {found:g}: give its size, above 0 (for a ratio, not 1)")
    return found


def _points(
    name: str, result: Pooled | PooledCounts, given: Any, *, named: bool
) -> tuple[Points | None, str]:
    """Points of the scale, or None and why there are none though they were asked for of all outcomes."""
    if given is None:
        return None, ""
    scale, sd = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    if not isinstance(scale, str) or not scale.strip():
        raise DataError(f'points: {given!r} is no scale; write "MADRS", or ("MADRS", 9.0) with its SD')
    if sd is not None and _number("points: the SD", sd) <= 0:
        raise DataError(f"points: the SD of {scale} is {sd!r}; it must be above 0")
    scale = scale.strip()
    if result.measure.upper() != "SMD":
        if named:
            raise DataError(f"points: {name!r} cannot be told in points of {scale}: it is no SMD")
        return None, ""
    if not named and other_scales(result, scale):
        return None, f"No points of {scale}: the trials used other scales; ask for them by outcome."
    found = points_of(result, scale, None if sd is None else float(sd))
    if found is None and named:
        raise DataError(
            f"points: {name!r} cannot be told in points of {scale}: no trial gives an SD of {scale}; give it, as in "
            f"({scale!r}, 9.0)"
        )
    return found, "" if found else f"No points of {scale}: no trial gives an SD of it."
