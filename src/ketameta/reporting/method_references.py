"""The papers of the methods: ``methods.bib`` read in, and which of them a result rests on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ketameta.curves import CurveComparison, DurabilityCurve, RelapseCurves, RespondingCurve
from ketameta.curves.inputs import read_rows
from ketameta.errors import DataError
from ketameta.evidence.references import parse_bibtex
from ketameta.models import (
    Multilevel,
    PermutationTest,
    Pooled,
    PooledCounts,
    Posterior,
    Regression,
    Subgroups,
)
from ketameta.models.log_priors import LogNormal, LogStudentT
from ketameta.models.multilevel_robust import RobustMultilevel
from ketameta.reporting.grade_result import SummaryOfFindings
from ketameta.reporting.grade_row import benefit_of
from ketameta.reporting.recoveries import recoveries
from ketameta.reporting.references import Reference, references_of

__all__ = ["REFERENCES", "keys_of_choice", "references_for"]

_FILE = Path(__file__).with_name("methods.bib")

#: Every paper of a method, by key.
REFERENCES: dict[str, Reference] = references_of(parse_bibtex(_FILE.read_text(encoding="utf-8"), _FILE.name))

_TAU2 = {
    "EE": (),
    "DL": ("dersimonian1986",),
    "PM": ("viechtbauer2005", "paule1982"),
    "SJ": ("sidik2005",),
    "HSk": ("brannick2019",),
    "DL2": ("dersimonian2007",),
    "HE2": ("dersimonian2007",),
    "GENQ": ("dersimonian2007", "jackson2013"),
}
_OTHER_TAU2 = ("viechtbauer2005",)
_CI = {
    "HKSJ": ("hartung2001", "sidik2002"),
    "HKSJ-adhoc": ("hartung2001", "sidik2002", "jackson2017"),
    "KR": ("partlett2017",),
    "profile": ("hardy1996",),
}
_PREDICTION = {
    "t(k-1)": ("higgins2009",),
    "t(k-2)": ("higgins2009",),
    "t(k-p)": ("higgins2009",),
    "t(KR)": ("partlett2017",),
    "z": ("higgins2009",),
    "bootstrap": ("nagashima2019",),
    "profile": ("zou2008",),
}
_INTERVAL = {"Q-profile": ("viechtbauer2007",), "profile": ("hardy1996",), "GENQ": ("jackson2013",)}
_COUNTS = {
    "Peto": ("yusuf1985",),
    "UM.FS": ("turner2000", "jackson2018"),
    "UM.RS": ("turner2000", "jackson2018"),
    "CM.EL": ("stijnen2010", "jackson2018"),
}
_MANTEL_HAENSZEL = {"OR": "robins1986", "RR": "greenland1985", "RD": "sato1989"}
_CHOICES: dict[str, Mapping[str, tuple[str, ...]]] = {
    "tau2": _TAU2,
    "ci": _CI,
    "prediction": _PREDICTION,
    "tau2_interval": _INTERVAL,
}
_PRIORS = {"Turner et al. 2015": "turner2015", "Rhodes et al. 2015": "rhodes2015"}


def references_for(result: Any) -> tuple[str, ...]:
    """Keys of the papers of the methods that a result rests on, each once, in the order of the analysis.

    Parameters
    ----------
    result : DataFrame or result
        Effect sizes (the measure, and formulas of recovered numbers), or any result of ketameta.

    Raises
    ------
    DataError
        When it is neither.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.reporting.method_references import references_for
    >>> fit = km.pool(yi=[-1.10, -0.35, -0.62, -0.18], vi=[0.09, 0.05, 0.04, 0.07], tau2="PM", ci="Wald")
    >>> references_for(fit)
    ('viechtbauer2005', 'paule1982', 'viechtbauer2007', 'higgins2002', 'higgins2009')
    """
    for kind, keys in _KINDS.items():
        if isinstance(result, kind):
            return tuple(dict.fromkeys(keys(result)))
    raise DataError(
        f"no methods are known for a {type(result).__name__}; give effect sizes or a result, such as that of pool()"
    )


def keys_of_choice(choice: str, method: str) -> tuple[str, ...]:
    """Keys of the papers of one choice of an analysis.

    Parameters
    ----------
    choice : {"tau2", "ci", "prediction", "tau2_interval"}
        What was chosen.
    method : str
        The method, by the name that results have for it.

    Examples
    --------
    >>> from ketameta.reporting.method_references import keys_of_choice
    >>> keys_of_choice("tau2", "PM"), keys_of_choice("ci", "Wald")
    (('viechtbauer2005', 'paule1982'), ())
    """
    return tuple(_CHOICES[choice].get(method, _OTHER_TAU2 if choice == "tau2" else ()))


def _of_rows(rows: pd.DataFrame) -> Iterator[str]:
    if "measure" in rows.columns and (rows["measure"] == "SMD").any():
        yield "hedges1981"
    if "measure" in rows.columns and (rows["measure"] == "PETO").any():
        yield "yusuf1985"
    for _, keys in recoveries(rows).values():
        yield from keys
    if "shared" in rows.columns and rows["shared"].astype(str).str.startswith("combined").any():
        yield "higgins2019"


def _of_pool(fit: Pooled) -> Iterator[str]:
    yield from _of_rows(fit.rows)
    if fit.k == 1:
        return
    yield from keys_of_choice("tau2", fit.tau2_method)
    yield from _CI.get(fit.ci_method, ())
    yield from _of_spread(fit)
    yield from _PREDICTION.get(fit.prediction_method, ())


def _of_spread(fit: Pooled | Regression) -> Iterator[str]:
    if not math.isnan(fit.tau2_ci[0]):
        yield from _INTERVAL[fit.tau2_interval]
    if not math.isnan(fit.i2):
        yield "higgins2002"


def _of_subgroups(fit: Subgroups) -> Iterator[str]:
    yield from _of_pool(fit.overall)
    yield "borenstein2009"


def _of_regression(fit: Regression) -> Iterator[str]:
    yield from _of_rows(fit.rows)
    yield "berkey1995"
    yield from keys_of_choice("tau2", fit.tau2_method)
    if fit.ci_method != "Wald":
        yield "knapp2003"
    if fit.ci_method == "HKSJ-adhoc":
        yield "jackson2017"
    yield from (key if key != "jackson2013" else "jackson2014" for key in _of_spread(fit))
    if not math.isnan(fit.r2):
        yield "raudenbush2009"


def _of_multilevel(fit: Multilevel) -> Iterator[str]:
    yield from _of_rows(fit.rows)
    kinds = {kind for _, kind in fit.random}
    if kinds & {"AR", "HAR", "CAR"}:
        yield "ishak2007"
    if kinds & {"CS", "HCS", "UN", "DIAG"}:
        yield "berkey1998"
    if kinds & {"", "ID"}:
        yield "konstantopoulos2011"
    if fit.sampling.startswith("sampling errors correlated"):
        yield "pustejovsky2022"


def _of_robust(fit: RobustMultilevel) -> Iterator[str]:
    yield "pustejovsky2018"
    yield "tipton2015"


def _of_counts(fit: PooledCounts) -> Iterator[str]:
    yield from _of_rows(fit.rows)
    if fit.pooling == "MH":
        yield "mantel1959"
        yield _MANTEL_HAENSZEL[fit.measure]
    yield from _COUNTS.get(fit.pooling, ())
    if fit.tau2_method == "DL":
        yield "dersimonian1986"
    if fit.ci_method == "profile":
        yield "hardy1996"
    if not math.isnan(fit.i2):
        yield "higgins2002"
    if not math.isnan(fit.pi_low):
        yield "higgins2009"


def _of_posterior(fit: Posterior) -> Iterator[str]:
    yield from _of_rows(fit.rows)
    yield "rover2020"
    yield "rover2017"
    if isinstance(fit.tau_prior, LogNormal | LogStudentT):
        yield from (key for name, key in _PRIORS.items() if fit.tau_prior.source.startswith(name))


def _of_curve(curve: DurabilityCurve) -> Iterator[str]:
    yield from _of_rows(curve.rows)
    yield from ("ishak2007", "trikalinos2012", "musekiwa2016")
    if curve.measure == "SMD" and _exact_somewhere(curve):
        yield "gleser2009"
    yield "ruppert2003"


def _exact_somewhere(curve: DurabilityCurve) -> bool:
    """Whether a trial has the numbers that the exact covariance of its effects needs."""
    data, _, _ = read_rows(curve.rows)
    several = int((np.bincount(data.trial) > 1).sum())
    return several > len(data.approximate())


def _of_comparison(found: CurveComparison) -> Iterator[str]:
    yield from _of_curve(found.curves[0])
    yield "burnham2002"


def _of_shares(curve: RespondingCurve) -> Iterator[str]:
    yield from _of_rows(curve.rows)
    yield "breslow1993"
    yield "trikalinos2012"


def _of_relapse(curves: RelapseCurves) -> Iterator[str]:
    yield from _of_pool(curves.pooled)
    yield "zou2008"


def _of_permutation(test: PermutationTest) -> Iterator[str]:
    yield "follmann1999" if test.how.startswith("sign") else "higgins2004"


def _of_findings(found: SummaryOfFindings) -> Iterator[str]:
    for row in found.rows:
        if row.absolute is not None:
            yield from ("higgins2019",) if row.absolute.chinn is None else ("furukawa2011", "chinn2000")
        if not math.isnan(benefit_of(row.absolute).value):
            yield "altman1998"
        if not math.isnan(row.inputs.information_size):
            yield "guyatt2011"
        if row.measure.upper() == "SMD" and not math.isnan(row.inputs.small_study_p):
            yield "pustejovsky2019"


_KINDS: dict[type, Callable[[Any], Iterable[str]]] = {
    pd.DataFrame: _of_rows,
    Pooled: _of_pool,
    Subgroups: _of_subgroups,
    Regression: _of_regression,
    Multilevel: _of_multilevel,
    RobustMultilevel: _of_robust,
    PooledCounts: _of_counts,
    Posterior: _of_posterior,
    DurabilityCurve: _of_curve,
    CurveComparison: _of_comparison,
    RespondingCurve: _of_shares,
    RelapseCurves: _of_relapse,
    PermutationTest: _of_permutation,
    SummaryOfFindings: _of_findings,
}
