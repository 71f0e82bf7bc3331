"""What check_trials finds: in a published table with known errors, in the packaged trials, and of made errors.

python benchmarks/checks.py [rows corrupted for each kind of error]
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ketameta as km

CASES = Path(__file__).resolve().parents[1] / "tests" / "evidence" / "data"
SEED = 20261121
GAPS = {
    "required-in-pools",
    "no-time",
    "no-spread",
    "level",
    "score-type",
    "unknown-scale",
    "washout-unknown",
    "study-facts",
}
"""Rules about what a row leaves out, not about what it says."""
SCALES = {"HRSD": "HAM-D", "HAM-D": "HAM-D", "Anxiety CAST Subscale": "CAST anxiety"}
"""Names of the published tables; the length of their Hamilton scales is not printed, so no range is known."""


def published(name: str) -> pd.DataFrame:
    """A published table as a table of trials: every row an endpoint, as it was pooled."""
    table = pd.read_csv(CASES / f"{name}.csv")
    author = table["Author"].str.replace(r"\W+", "", regex=True)
    instrument = table["Depre" if "Depre" in table else "Outcome"]
    facts = {
        "record_id": [f"KM{i:04d}" for i in range(1, len(table) + 1)],
        "study_id": author,
        "cohort_id": author,
        "report": "marchi2022",
        "indication": "MDD",
        "setting": "treatment",
        "drug": "ketamine",
        "outcome": "depression" if "Depre" in table else "anxiety",
        "instrument": instrument.map(lambda name: SCALES.get(name, name)),
        "higher_is_worse": True,
        "score_type": "endpoint",
        "source_kind": "review-table",
        "source_url": "https://doi.org/10.3389/fnins.2022.1011103",
        "source_locator": "R code",
        "confidence": "low",
        "status": "include",
    }
    numbers = {f"{ours}_{s}": table[f"{theirs}{s}"] for ours, theirs in PARTS for s in "tc"}
    return pd.DataFrame(facts | numbers)


PARTS = (("n", "N"), ("mean", "M"), ("sd", "SD"))


def doubts(table: pd.DataFrame) -> pd.DataFrame:
    """Problems that concern what the rows say."""
    problems = km.check_trials(table).problems
    return problems[~problems["rule"].isin(GAPS)]


@dataclass(frozen=True, slots=True)
class Error:
    """A kind of mistake: rows in which it can be made, and the cells that it changes."""

    can: Callable[[pd.Series[Any]], bool]
    make: Callable[[pd.Series[Any]], dict[str, Any]]


def _filled(*names: str) -> Callable[[pd.Series[Any]], bool]:
    return lambda row: all(pd.notna(row[name]) and row[name] != "" for name in names)


def _transposed(value: float) -> float:
    """The number with its first two different neighbouring digits swapped; NaN where there are none."""
    text = f"{value:.15g}"
    for i in range(len(text) - 1):
        if text[i].isdigit() and text[i + 1].isdigit() and text[i] != text[i + 1]:
            return float(text[:i] + text[i + 1] + text[i] + text[i + 2 :])
    return float("nan")


def _can_transpose(name: str) -> Callable[[pd.Series[Any]], bool]:
    return lambda row: pd.notna(row[name]) and not np.isnan(_transposed(row[name]))


def _other_p(row: pd.Series[Any]) -> dict[str, Any]:
    p = row["contrast_p"]
    shifted = re.sub(r"\.0", ".", p, count=1)
    return {"contrast_p": shifted if shifted != p else re.sub(r"\.", ".0", p, count=1)}


def _plain_p(row: pd.Series[Any]) -> bool:
    p = row["contrast_p"]
    if not re.fullmatch(r"0?\.\d+", p):
        return False
    error = pd.notna(row["contrast_se"]) or (
        pd.notna(row["contrast_ci_low"]) and pd.notna(row["contrast_value"])
    )
    arms = (
        pd.notna(row["sd_t"])
        and pd.notna(row["sd_c"])
        and pd.notna(row["n_t"])
        and row["contrast_measure"] == ""
    )
    return bool(error or arms)


ERRORS: dict[str, Error] = {
    "SE entered as SD, both arms": Error(
        _filled("sd_t", "sd_c", "n_t", "n_c"),
        lambda row: {f"sd_{s}": round(row[f"sd_{s}"] / np.sqrt(row[f"n_{s}"]), 2) for s in "tc"},
    ),
    "SD multiplied by sqrt(n), both arms": Error(
        _filled("sd_t", "sd_c", "n_t", "n_c"),
        lambda row: {f"sd_{s}": round(row[f"sd_{s}"] * np.sqrt(row[f"n_{s}"]), 2) for s in "tc"},
    ),
    "SDs of the arms swapped": Error(
        lambda row: _filled("sd_t", "sd_c")(row) and row["sd_t"] != row["sd_c"],
        lambda row: {"sd_t": row["sd_c"], "sd_c": row["sd_t"]},
    ),
    "one arm copied to the other": Error(
        _filled("mean_t", "sd_t", "mean_c", "sd_c"),
        lambda row: {"mean_c": row["mean_t"], "sd_c": row["sd_t"]},
    ),
    "sign of the contrast turned": Error(
        lambda row: pd.notna(row["contrast_value"]) and row["contrast_measure"] in ("MD", "LSMD"),
        lambda row: {"contrast_value": -row["contrast_value"]},
    ),
    "sign of the contrast and its interval turned": Error(
        lambda row: (
            _filled("contrast_value", "contrast_ci_low", "contrast_ci_high", "mean_t", "mean_c")(row)
            and row["contrast_measure"] in ("MD", "LSMD")
        ),
        lambda row: {
            "contrast_value": -row["contrast_value"],
            "contrast_ci_low": -row["contrast_ci_high"],
            "contrast_ci_high": -row["contrast_ci_low"],
        },
    ),
    "sign of a change lost": Error(
        lambda row: row["score_type"] == "change" and row["mean_t"] < 0,
        lambda row: {"mean_t": -row["mean_t"]},
    ),
    "digits of a mean transposed": Error(
        _can_transpose("mean_t"), lambda row: {"mean_t": _transposed(row["mean_t"])}
    ),
    "decimal point of a mean lost": Error(
        lambda row: pd.notna(row["mean_t"]) and row["mean_t"] != round(row["mean_t"]),
        lambda row: {"mean_t": float(f"{row['mean_t']:.15g}".replace(".", ""))},
    ),
    "digits of a bound transposed": Error(
        lambda row: _can_transpose("contrast_ci_low")(row) and pd.notna(row["contrast_value"]),
        lambda row: {"contrast_ci_low": _transposed(row["contrast_ci_low"])},
    ),
    "level of the interval wrong (90 for 95)": Error(
        lambda row: row["contrast_ci_level"] == 95 and pd.notna(row["contrast_se"]),
        lambda row: {"contrast_ci_level": 90.0},
    ),
    "ratio entered as a log": Error(
        lambda row: (
            row["contrast_measure"] in ("OR", "RR", "HR")
            and _filled("contrast_value", "contrast_ci_low")(row)
        ),
        lambda row: {"contrast_value": round(float(np.log(row["contrast_value"])), 2)},
    ),
    "P off by a factor of ten": Error(_plain_p, _other_p),
    "n ten times as large": Error(
        lambda row: pd.notna(row["n_t"]) and pd.notna(row["n_randomised"]),
        lambda row: {"n_t": row["n_t"] * 10},
    ),
    "events above the total": Error(
        _filled("events_t", "total_t"), lambda row: {"events_t": row["total_t"] + 1}
    ),
}


def inject(name: str, most: int) -> tuple[int, Counter[str], int]:
    """Make one kind of error in sound rows of the packaged trials, and count the rows found, by rule.

    Returns
    -------
    made, rules, found : int, Counter, int
        Rows corrupted; how often each rule found one; rows in which any rule did.
    """
    trials = km.load_trials()
    error = ERRORS[name]
    known = set(zip(*(doubts(trials)[part] for part in ("record_id", "rule")), strict=True))
    sound = trials[
        (trials["status"] == "include") & ~trials["record_id"].isin({record for record, _ in known})
    ]
    rows = [index for index, row in sound.iterrows() if error.can(row)]
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(rows, size=min(most, len(rows)), replace=False)
    table = trials.astype(object).where(trials.notna(), None)
    for index in chosen:
        for column, value in error.make(trials.loc[index]).items():
            table.loc[index, column] = value
    made = set(trials.loc[chosen, "record_id"])
    new = doubts(table)
    new = new[new["record_id"].isin(made)]
    rules = Counter(rule for _, rule in set(zip(new["record_id"], new["rule"], strict=True)))
    return len(made), rules, new["record_id"].nunique()


def main(most: int) -> None:
    for name in ("marchi2022_depression", "marchi2022_anxiety"):
        table = published(name)
        problems = doubts(table)
        flagged = table["study_id"][table["record_id"].isin(problems["record_id"])]
        print(f"{name}: {len(table)} rows, {len(flagged)} flagged: {', '.join(flagged)}")
    trials = km.load_trials()
    start = time.perf_counter()
    report = km.check_trials(trials)
    seconds = time.perf_counter() - start
    print(f"\npackaged trials: {report.sentence()} {seconds:.2f} s")
    for rule, count in Counter(report.problems["rule"]).most_common():
        print(f"  {rule:<18}{count:4d}")
    print("\nerrors made in sound rows of the packaged trials")
    for name in ERRORS:
        made, rules, found = inject(name, most)
        by = ", ".join(f"{rule} {count}" for rule, count in rules.most_common())
        print(f"  {name:<46}{found:3d} of {made:3d}   {by}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
