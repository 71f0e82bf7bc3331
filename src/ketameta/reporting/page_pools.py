"""Tables of the pools of a question: effects by time, heterogeneity, and each trial left out in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ketameta._render import interval, number, p_value
from ketameta.models import Pooled
from ketameta.reporting.analysis import WindowResult
from ketameta.reporting.markup import on_scale, paragraph, table
from ketameta.reporting.page_words import effect_text, interval_text
from ketameta.robustness import LeaveOneOut, leave_one_out

__all__ = ["effect", "effects_table", "heterogeneity"]


def _shown(result: WindowResult, value: float) -> float:
    return on_scale(value, ratio=result.analysis.is_ratio)


def effect(result: WindowResult) -> str:
    """Estimate and interval on the scale that readers see; empty where there is none."""
    fit = result.fit
    if fit is None:
        return ""
    value, low, high = (_shown(result, each) for each in (fit.estimate, fit.ci_low, fit.ci_high))
    return effect_text(value, low, high, ratio=result.analysis.is_ratio)


def _prediction(result: WindowResult) -> str:
    fit = result.fit
    if fit is None or math.isnan(fit.pi_low):
        return "–"
    low, high = _shown(result, fit.pi_low), _shown(result, fit.pi_high)
    return interval_text(low, high, ratio=result.analysis.is_ratio)


def effects_table(title: str, results: Sequence[WindowResult]) -> str:
    """Effects of one analysis by time and dosing."""
    columns = ("Time", "Dosing", "Trials", "People", "Effect [95% CI]", "95% prediction", "p", "τ²", "I²")
    rows = [
        (
            r.window.name,
            r.dosing,
            str(r.fit.k) if r.is_pool else "1 (not pooled)",
            "–" if r.n_participants is None else str(r.n_participants),
            effect(r),
            _prediction(r),
            p_value(r.fit.p),
            number(r.fit.tau2, 3),
            _percent(r.fit.i2),
        )
        for r in results
        if r.fit is not None
    ]
    return table(title, columns, rows)


def heterogeneity(title: str, results: Sequence[WindowResult]) -> str:
    """How much the trials of each pool differ, and what each of them decides."""
    rows = [_row(r, r.fit) for r in results if r.fit is not None and r.is_pool]
    if not rows:
        return paragraph("There is no pool, so that nothing can be said of differences between trials.")
    columns = (
        "Outcome",
        "Time, dosing",
        "Trials",
        "I² [95% CI]",
        "τ² [95% CI]",
        "Q test, p",
        "Lowest and highest effect without one trial",
        "95% CI, and without each trial",
    )
    return table(title, columns, rows)


def _row(result: WindowResult, fit: Pooled) -> tuple[str, ...]:
    left = leave_one_out(fit) if fit.k >= 3 else None
    return (
        f"{result.analysis.title} ({result.analysis.measure})",
        f"{result.window.name}, {result.dosing}",
        str(fit.k),
        f"{_percent(fit.i2)} [{_percent(fit.i2_ci[0])}, {_percent(fit.i2_ci[1])}]",
        f"{number(fit.tau2, 3)} {interval(*fit.tau2_ci, 3)}",
        p_value(fit.q_p),
        _range(result, left),
        _verdict(fit.ci_low > 0 or fit.ci_high < 0, left, null="1" if result.analysis.is_ratio else "0"),
    )


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.0f}%"


def _range(result: WindowResult, left: LeaveOneOut | None) -> str:
    if left is None:
        return "–"
    least, most = int(np.argmin(left.estimate)), int(np.argmax(left.estimate))
    return "; ".join(
        f"{number(_shown(result, float(left.estimate[i])))} (without {left.labels[i]})" for i in (least, most)
    )


def _verdict(excludes: bool, left: LeaveOneOut | None, *, null: str) -> str:
    if left is None:
        return "two trials: without one of them nothing is left to pool"
    changed = [
        label
        for label, now in zip(left.labels, left.excludes_null().tolist(), strict=True)
        if now is not excludes
    ]
    stands, turned = ("excludes", "includes") if excludes else ("includes", "excludes")
    if not changed:
        return f"{stands} {null}, whichever trial is left out"
    return f"{stands} {null}; {turned} it without {' or without '.join(changed)}"
