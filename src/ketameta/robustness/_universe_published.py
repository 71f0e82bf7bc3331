"""Published pooled results beside the universes that come nearest to them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray, Array
from ketameta.errors import ModelError
from ketameta.models.result import RATIO_MEASURES

__all__ = ["nearest_universes"]

_MEASURES = {
    "SMD": "SMD",
    "Hedges g": "SMD",
    "Cohen d": "SMD",
    "RR": "RR",
    "OR": "OR",
    "HR": "HR",
    "RD": "RD",
}
_POINTS = re.compile(r"W?MD \((\S+) points\)")
_DRUGS = ("ketamine", "esketamine", "arketamine")
_NEEDED = (
    *("pub_id", "outcome", "indication", "comparison", "time_hours", "measure"),
    *("estimate", "ci_low", "ci_high", "favours"),
)
_NUMBERS = ("estimate", "ci_low", "ci_high", "time_hours")
_DEPRESSED = re.compile(r"MDD|TRD|depress|mood", re.IGNORECASE)
_COLUMNS = (
    *("pub_id", "comparison", "time_hours", "published", "published_low", "published_high", "published_k"),
    *("matched", "candidates", "universe", "estimate", "ci_low", "ci_high", "k", "distance"),
)


def nearest_universes(
    published: pd.DataFrame,
    options: Mapping[str, tuple[Any, ...]],
    codes: AnyArray,
    names: tuple[str, ...],
    found: Mapping[str, Array],
) -> pd.DataFrame:
    """For each published result the universe that comes nearest, among those that answer its question.

    Parameters
    ----------
    published : DataFrame
        In the form of :func:`ketameta.evidence.load_published`.
    options : mapping
        Options of all choices, fixed ones included.
    codes : AnyArray, shape (universes, choices)
        Options of the universes, of the choices ``names``.
    found : mapping of str to Array
        ``estimate``, ``ci_low``, ``ci_high`` and ``k`` of the universes.
    """
    if not isinstance(published, pd.DataFrame):
        raise ModelError(
            f"published: a table such as that of load_published() is wanted, not {type(published).__name__}"
        )
    absent = [name for name in _NEEDED if name not in published.columns]
    if absent:
        raise ModelError(f"published: the table has no column {', '.join(absent)}; see load_published()")
    try:
        published = published.astype(dict.fromkeys(_NUMBERS, float))
    except (TypeError, ValueError):
        raise ModelError(f"published: {', '.join(_NUMBERS)} must hold numbers, or NaN for none") from None
    rows = []
    for row in published.to_dict("records"):
        values = _values(row, options)
        if values is None:
            continue
        kept, matched = _candidates(row, options, codes, names)
        kept &= np.isfinite(found["estimate"])
        if not kept.any():
            continue
        away = [
            np.square(found[name] - value)
            for name, value in zip(("estimate", "ci_low", "ci_high"), values, strict=True)
        ]
        distance = np.where(kept, np.sqrt(np.mean(away, axis=0)), np.inf)
        best = int(distance.argmin())
        rows.append(
            {
                "pub_id": row["pub_id"],
                "comparison": row["comparison"],
                "time_hours": row["time_hours"],
                **dict(zip(("published", "published_low", "published_high"), values, strict=True)),
                "published_k": row.get("k", math.nan),
                "matched": matched,
                "candidates": int(kept.sum()),
                "universe": best,
                **{name: found[name][best] for name in ("estimate", "ci_low", "ci_high", "k")},
                "distance": float(distance[best]),
            }
        )
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _values(
    row: Mapping[Any, Any], options: Mapping[str, tuple[Any, ...]]
) -> tuple[float, float, float] | None:
    """Estimate and bounds on the scale of the multiverse, or None where the result answers another question."""
    if not _same_measure(str(row["measure"]), options) or not _same_people(row, options):
        return None
    numbers = [float(row[name]) for name in ("estimate", "ci_low", "ci_high")]
    if not all(map(math.isfinite, numbers)):
        return None
    if options["measure"][0] in RATIO_MEASURES:
        if min(numbers) <= 0:
            return None
        numbers = [math.log(value) for value in numbers]
    estimate, low, high = numbers
    return (
        (-estimate, -high, -low) if row["favours"] == "positive favours ketamine" else (estimate, low, high)
    )


def _same_measure(measure: str, options: Mapping[str, tuple[Any, ...]]) -> bool:
    points = _POINTS.fullmatch(measure)
    if points:
        return "MD" in options["measure"] and options.get("instrument") == (points[1],)
    return _MEASURES.get(measure) in options["measure"]


def _same_people(row: Mapping[Any, Any], options: Mapping[str, tuple[Any, ...]]) -> bool:
    """Whether outcome and indication are those of the question; comparisons with ECT are another one."""
    if str(row["outcome"]) not in _texts(options.get("outcome", ())):
        return False
    comparison = str(row["comparison"])
    if " v " not in comparison or re.search(r"\bECT\b", comparison):
        return False
    wanted, text = _texts(options.get("indication", ())), str(row["indication"])
    if not wanted:
        return True
    return any(re.search(rf"\b{re.escape(name)}\b", text) for name in wanted) or (
        "MDD" in wanted and bool(_DEPRESSED.search(text))
    )


def _texts(values: tuple[Any, ...]) -> set[str]:
    found: set[str] = set()
    for value in values:
        found |= {value} if isinstance(value, str) else set(value or ())
    return found


def _candidates(
    row: Mapping[Any, Any], options: Mapping[str, tuple[Any, ...]], codes: AnyArray, names: tuple[str, ...]
) -> tuple[Any, str]:
    """Universes whose choices are those that the review's words tell, and which of them could be matched.

    A choice that no option matches leaves all universes in, except the time, without which none is left.
    """
    kept, matched = np.ones(len(codes), dtype=np.bool_), []
    for name, fits in _tests(row).items():
        good = np.array([fits(value) for value in options.get(name, ())], dtype=np.bool_)
        if good.any():
            matched.append(name)
            if name in names:
                kept &= good[codes[:, names.index(name)]]
        elif name == "window" and good.size:
            kept[:] = False
    return kept, ", ".join(matched)


def _tests(row: Mapping[Any, Any]) -> dict[str, Callable[[Any], bool]]:
    """By choice, whether an option is what the review says."""
    treatment, _, comparator = str(row["comparison"]).lower().partition(" v ")
    time = float(row["time_hours"])
    drugs = [drug for drug in _DRUGS if re.search(rf"\b{drug}\b", treatment)]
    drug = drugs[0] if len(drugs) == 1 and "ketamine" not in drugs else None
    if "racemic" in treatment and "esketamine" not in drugs:
        drug = "ketamine"
    classes = _classes(comparator)
    tests: dict[str, Callable[[Any], bool]] = {
        "window": lambda value: value is not None and value[0] <= time <= value[1],
        "drug": lambda value: value == drug,
        "comparator": lambda value: _texts((value,)) == classes,
    }
    said = [word for word in ("single", "repeated") if re.search(rf"\b{word}\b", treatment)]
    if said:
        tests["dosing"] = lambda value: value in said
    return tests


def _classes(comparator: str) -> set[str]:
    inactive = any(word in comparator for word in ("placebo", "saline", "passive"))
    psychoactive = any(word in comparator for word in ("midazolam", "active control", "pseudo"))
    if inactive != psychoactive:
        return {"inactive"} if inactive else {"psychoactive"}
    return {"inactive", "psychoactive"}
