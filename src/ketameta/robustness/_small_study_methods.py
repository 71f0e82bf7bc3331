"""The methods that look for small-study effects, each as rows of one table, or why it does not apply."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ketameta.errors import KetametaError
from ketameta.models import Pooled
from ketameta.robustness._small_study_cautions import RATIOS_OF_COUNTS
from ketameta.robustness._small_study_result import SmallStudyTest
from ketameta.robustness.excess import excess_significance
from ketameta.robustness.extrapolation import pet_peese
from ketameta.robustness.filling import trim_and_fill
from ketameta.robustness.limit import limit_meta_analysis
from ketameta.robustness.selection import selection_model
from ketameta.robustness.small_study import begg, egger, peters, pustejovsky_rodgers

__all__ = ["ADJUSTED", "TEST", "Finding", "findings"]

TEST, ADJUSTED = "test", "adjusted"
_STEP = 0.025


@dataclass(frozen=True, slots=True)
class Finding:
    """What one method says: numbers by the columns of the table, and when not to rely on them."""

    method: str
    what: str
    numbers: dict[str, float]
    cautions: tuple[str, ...]


def findings(fit: Pooled) -> tuple[list[Finding], list[str]]:
    """What the methods say of a pool of three studies or more, and why some say nothing."""
    found: list[Finding] = []
    silent: list[str] = []
    for name, make in _METHODS:
        measures = _ONLY.get(name)
        if measures is not None and fit.measure.upper() not in measures:
            silent.append(f"{name} does not apply: it is for {', '.join(sorted(measures))}")
            continue
        try:
            found.extend(make(fit, name))
        except KetametaError as error:
            silent.append(f"{name} is not given: {error}")
    return sorted(found, key=lambda one: one.what, reverse=True), silent


def _test(test: SmallStudyTest, name: str) -> list[Finding]:
    return [Finding(name, TEST, _numbers(test, test.stat, test.p), test.notes)]


def _excess(fit: Pooled, name: str) -> list[Finding]:
    found = excess_significance(fit)
    numbers = {"estimate": found.observed - found.expected, "p": found.p}
    return [Finding(name, TEST, numbers, found.notes)]


def _pet_peese(fit: Pooled, name: str) -> list[Finding]:
    found = pet_peese(fit)
    chosen = found.pet if found.chosen == "PET" else found.peese
    label = f"{name}, {found.chosen} chosen"
    return [Finding(label, ADJUSTED, _numbers(chosen, chosen.stat, chosen.p), found.notes)]


def _trim_and_fill(fit: Pooled, name: str) -> list[Finding]:
    found = trim_and_fill(fit)
    pool = found.adjusted
    label = f"{name}, {found.k_filled} filled in"
    return [Finding(label, ADJUSTED, _numbers(pool, pool.stat, pool.p), found.notes)]


def _limit(fit: Pooled, name: str) -> list[Finding]:
    found = limit_meta_analysis(fit)
    return [Finding(name, ADJUSTED, _numbers(found, math.nan, found.p), found.notes)]


def _selection(fit: Pooled, name: str) -> list[Finding]:
    found = selection_model(fit, steps=(_STEP,))
    ratio = Finding(f"{name}, likelihood ratio", TEST, {"stat": found.lrt, "p": found.lrt_p}, found.notes)
    return [ratio, Finding(name, ADJUSTED, _numbers(found, found.stat, found.p), found.notes)]


def _numbers(result: Any, stat: float, p: float) -> dict[str, float]:
    plain = {name: float(getattr(result, name)) for name in ("estimate", "se", "ci_low", "ci_high")}
    return {**plain, "stat": stat, "p": p}


_METHODS: tuple[tuple[str, Callable[[Pooled, str], list[Finding]]], ...] = (
    ("Egger, weighted", lambda fit, name: _test(egger(fit), name)),
    ("Egger, mixed", lambda fit, name: _test(egger(fit, model="mixed"), name)),
    ("Peters", lambda fit, name: _test(peters(fit), name)),
    ("Pustejovsky-Rodgers", lambda fit, name: _test(pustejovsky_rodgers(fit), name)),
    ("Begg-Mazumdar", lambda fit, name: _test(begg(fit), name)),
    ("Excess significance", _excess),
    ("PET-PEESE", _pet_peese),
    ("Trim and fill", _trim_and_fill),
    ("Limit meta-analysis", _limit),
    ("Selection model", _selection),
)
_ONLY = {"Peters": RATIOS_OF_COUNTS, "Pustejovsky-Rodgers": frozenset({"SMD"})}
