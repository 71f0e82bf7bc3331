"""Methods in words: effect measure, its variance, and what was done to the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ketameta._render import plural
from ketameta.errors import DataError
from ketameta.reporting.citing import rows_behind
from ketameta.reporting.methods_data import arguments_of, provenance_of
from ketameta.reporting.phrases import Sentence, said
from ketameta.reporting.recoveries import recoveries

__all__ = ["effect_sentences", "measure_sentences", "preparation_sentences", "rows_of"]

_MEASURES = {
    "SMD": "standardised mean difference",
    "MD": "mean difference",
    "ROM": "ratio of means",
    "OR": "odds ratio",
    "RR": "risk ratio",
    "RD": "risk difference",
    "AS": "difference of arcsine-transformed risks",
    "PETO": "odds ratio by Peto's one-step method",
    "HR": "hazard ratio",
}
_LOGS = frozenset({"ROM", "OR", "RR", "PETO", "HR"})
_VARIANCES = {
    "LS": "the large-sample formula 1/n1 + 1/n2 + g^2 / (2 (n1 + n2))",
    "UB": "the unbiased estimator",
}
_PRINTED = "standardised difference as printed"
_STATED = "stated for"
_AS_PARALLEL = "both periods of a crossover as if parallel groups"
_NOTES = (
    ("adjusted contrast", "in {} an adjusted difference was taken as printed"),
    (
        "from the SE of an adjusted difference",
        "in {} the SD came from the standard error of an adjusted difference and is too small",
    ),
    (
        "a mean that may be adjusted",
        "in {} an SD came from the standard error of a mean that may be adjusted",
    ),
    (
        _AS_PARALLEL,
        "{} counted both periods of a crossover as if they were parallel groups, which overstates the variance",
    ),
    ("crossover, period not stated", "{} of a crossover of unstated period counted as parallel groups"),
)


def effect_sentences(result: Any) -> Iterator[Sentence]:
    """Measure and variance, then what was done to the rows."""
    yield from measure_sentences(result)
    yield from preparation_sentences(result)


def measure_sentences(result: Any) -> Iterator[Sentence]:
    """Effect measure, its unit, correction and variance; nothing for a result without provenance."""
    provenance = provenance_of(result)
    if provenance is None:
        return
    asked = arguments_of(provenance, "effect_sizes")
    if asked is not None:
        yield _named_measure(asked["measure"])
        yield from _computed(asked, rows_of(result))
    elif arguments_of(provenance, "counts") is not None:
        yield _named_measure(result.measure)
    elif arguments_of(provenance, "responding") is not None:
        yield said("The measure was the share of people responding")
    else:
        measure = getattr(result, "measure", "")
        which = f" ({measure})" if measure in _MEASURES else ""
        yield said(f"Effects{which} and their sampling variances were given and not computed by ketameta")


def preparation_sentences(result: Any) -> Iterator[Sentence]:
    """Recovered numbers, shared comparators, crossovers, rows left out; nothing where no rows are kept."""
    if (rows := rows_of(result)) is None:
        return
    yield from _recovered(rows)
    yield from _shared(arguments_of(provenance_of(result), "effect_sizes"), rows)
    yield from _noted(rows)
    yield from _left_out(result)


def rows_of(result: Any) -> pd.DataFrame | None:
    """The rows behind a result; None for one that keeps none, as tests do."""
    try:
        return rows_behind(result)
    except DataError:
        return None


def _named_measure(measure: str) -> Sentence:
    scale = ", analysed as its natural logarithm" if measure in _LOGS else ""
    keys = ("yusuf1985",) if measure == "PETO" else ()
    return said(
        f"The effect measure was the {_MEASURES[measure]} ({measure}) of ketamine against the comparator{scale}",
        *keys,
    )


def _computed(asked: Mapping[str, Any], rows: pd.DataFrame | None) -> Iterator[Sentence]:
    measure = asked["measure"]
    if measure == "SMD" and rows is not None:
        yield from _standardised(asked, rows)
    elif measure in ("MD", "ROM") and rows is not None and _two_groups(rows).any():
        yield said(f"Variances of the {measure} of two groups came from the SDs and sizes of the arms")


def _standardised(asked: Mapping[str, Any], rows: pd.DataFrame) -> Iterator[Sentence]:
    units = rows["standardiser"].value_counts(sort=False)
    yield said(
        f"Units of the SMDs, with the number of rows: {'; '.join(f'{unit} ({n})' for unit, n in units.items())}"
    )
    printed, stated = _holding(rows, "effect_notes", _PRINTED), _holding(rows, "imputed", _STATED)
    if printed.any():
        yield said(
            f"{_as_subject(int(printed.sum()), 'SMD')} taken as printed; whether with a small-sample correction is not known"
        )
    if stated.any():
        yield said(
            f"{_as_subject(int(stated.sum()), 'SMD')} in units of a stated SD and had no small-sample correction"
        )
    if not (printed | stated).all():
        which = "The other SMDs" if (printed | stated).any() else "The SMDs"
        yield said(f"{which} had the exact small-sample correction of Hedges", "hedges1981")
    if asked["standardiser"] == "pooled" and _two_groups(rows).any():
        variance = (asked["options"] or {}).get("EffectOptions", {}).get("variance", "LS")
        yield said(f"Sampling variances of SMDs of two groups followed {_VARIANCES[variance]}")


def _as_subject(n: int, unit: str) -> str:
    return f"{plural(n, unit)} {'was' if n == 1 else 'were'}"


def _two_groups(rows: pd.DataFrame) -> Any:
    """Rows that were read as the means of two groups."""
    if not {"mean_t", "mean_c"} <= set(rows.columns):
        return pd.Series(False, index=rows.index)
    paired = _holding(rows, "crossover_period", "paired")
    return rows[["mean_t", "mean_c"]].notna().all(axis=1) & ~paired


def _holding(rows: pd.DataFrame, column: str, words: str) -> Any:
    if column not in rows.columns:
        return pd.Series(False, index=rows.index)
    return rows[column].astype(str).str.contains(words, regex=False)


def _recovered(rows: pd.DataFrame) -> Iterator[Sentence]:
    found = recoveries(rows)
    if found:
        begun = f"Recovered or assumed were (of {plural(len(rows), 'row')}, how many)"
        for papers in dict.fromkeys(papers for _, papers in found.values()):
            what = "; ".join(f"{words} ({n})" for words, (n, cited) in found.items() if cited == papers)
            yield said(f"{begun}: {what}", *papers)
            begun = "Also recovered or assumed"
    corrected: dict[str, int] = {}
    for cell in rows["effect_notes"].astype(str) if "effect_notes" in rows.columns else ():
        if match := re.search(r"([\d.e-]+) added to each cell, ([^;]+)", cell):
            words = f"{match[1]} was added to each cell of a two-by-two table ({match[2]}"
            corrected[words] = corrected.get(words, 0) + 1
    for words, n in corrected.items():
        yield said(f"{words}; {plural(n, 'row')})")


def _shared(asked: Mapping[str, Any] | None, rows: pd.DataFrame) -> Iterator[Sentence]:
    how = rows["shared"].astype(str) if "shared" in rows.columns else pd.Series("", index=rows.index)
    combined, split = how.str.startswith("combined").sum(), how.str.startswith("control split").sum()
    if combined:
        yield said(
            f"Treatment arms that shared a comparator arm were combined into one comparison ({plural(int(combined), 'comparison')})",
            "higgins2019",
        )
    if split:
        yield said(
            f"A comparator arm that several treatment arms shared was split between them ({plural(int(split), 'row')})"
        )
    if asked is not None and asked["shared"] == "keep":
        yield said("Any comparisons that shared a comparator arm stayed apart")


def _noted(rows: pd.DataFrame) -> Iterator[Sentence]:
    if n := int(
        (_holding(rows, "crossover_period", "paired") & ~_holding(rows, "effect_notes", _AS_PARALLEL)).sum()
    ):
        yield said(f"{_as_subject(n, 'row')} of a crossover, compared within persons")
    for words, phrase in _NOTES:
        if n := int(_holding(rows, "effect_notes", words).sum()):
            sentence = phrase.format(plural(n, "row"))
            yield said(sentence[0].upper() + sentence[1:])


def _left_out(result: Any) -> Iterator[Sentence]:
    parts = (
        getattr(result, "overall", None),
        getattr(result, "pooled", None),
        *getattr(result, "curves", ())[:1],
    )
    holder = next((part for part in parts if part is not None), result)
    if isinstance(left_out := getattr(holder, "left_out", None), pd.DataFrame) and (n := len(left_out)):
        yield said(
            f"{_as_subject(n, 'row')} left out for want of an effect size, or of a value that the model needs"
        )
