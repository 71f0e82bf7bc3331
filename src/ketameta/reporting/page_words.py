"""Words of the page: names of trials for their ids, signs for the names of statistics, no advice to programmers."""

from __future__ import annotations

import re

import pandas as pd

from ketameta._render import interval, number
from ketameta.effects._labels import tidy_label

__all__ = [
    "SOURCES",
    "account_of",
    "cohort_names",
    "effect_text",
    "interval_text",
    "outcome_name",
    "plainly",
    "review_name",
    "spaced",
    "study_name",
    "with_signs",
]

SOURCES = {
    "registry": "registry",
    "primary-fulltext": "full text",
    "primary-abstract": "abstract",
    "repository-csv": "authors' repository",
    "review-table": "table of a review",
    "forest-plot-numbers": "forest plot of a review",
    "regulator": "regulator's review",
    "secondary-text": "secondary text",
}
"""Where numbers were read, in words."""

_SIGNS = {"tau": "τ", "omega": "ω", "chi": "χ", "I": "I"}
_OUTCOMES = {
    "depression": "depressive symptoms",
    "ptsd": "PTSD symptoms",
    "suicidal_ideation": "suicidal ideation",
    "response": "response",
    "remission": "remission",
    "suicidal_ideation_remission": "remission of suicidal ideation",
    "ptsd_response": "response of PTSD",
    "dropout": "leaving the trial",
    "dropout_adverse_event": "stopping because of an adverse event",
    "adverse_event": "any adverse event",
    "serious_adverse_event": "any serious adverse event",
}
_LISTED = 120
_PLAIN = (
    (r": pool mean differences, take one score_type, or standardise all by standardiser=\S+", ""),
    (r"; sensitivity\(\) shows what rests on it", "; other correlations give other curves"),
    (r" \(column imputed\)", ""),
    (r", and listed in left_out: ", ": "),
    (r"; ci='Wald' gives normal ones, which are too narrow with so few trials", ""),
    (r" \(provisional=True keeps them\)", ""),
    (r"\bHKSJ\b", "Hartung-Knapp"),
    (r"\b1 time\(s\)", "1 time"),
    (r"\btime\(s\)", "times"),
    (r"\b([a-z]{2,}(?:19|20)\d{2})\b", lambda found: tidy_label(found[1])),
)


def study_name(row: pd.Series) -> str:
    """A trial or its arm as figures name it, from a row of a table with ``study_id``."""
    text = {name: str(row.get(name, "")).strip() for name in ("study_id", "dose", "dose_unit", "trial_name")}
    return tidy_label(text["study_id"], text["dose"], text["dose_unit"], text["trial_name"])


def cohort_names(trials: pd.DataFrame) -> dict[str, str]:
    """Cohort to the name of its trial: of its one study where it has one, else of the id of the cohort."""
    names: dict[str, str] = {}
    for cohort, rows in trials.groupby("cohort_id", sort=False):
        row = rows.iloc[0]
        if rows["study_id"].nunique() > 1:
            row = pd.Series({"study_id": cohort, "trial_name": row.get("trial_name", "")})
        names[str(cohort)] = study_name(row)
    return names


def review_name(key: str) -> str:
    """A review as authors and year, from the key of its published results.

    Examples
    --------
    >>> from ketameta.reporting.page_words import review_name
    >>> review_name("mcintyre2020-01"), review_name("cochrane2021unipolar-05"), review_name("esketamine_ipd-12")
    ('McIntyre 2020', 'Cochrane 2021 (unipolar)', 'Esketamine IPD')
    """
    name = re.sub(r"(\d{4})(?=[a-z]{2,}$)", r"\1_", key.rsplit("-", 1)[0])
    if re.search(r"\d{4}", name):
        return tidy_label(name)
    words = spaced(name)
    return words[:1].upper() + words[1:]


def outcome_name(code: str) -> str:
    """An outcome in words."""
    return _OUTCOMES.get(code, spaced(code))


def spaced(code: str) -> str:
    """A code of the table as words: hyphens and underscores become spaces, abbreviations their capitals."""
    words = re.sub(r"[-_]", " ", code).strip()
    return re.sub(r"\b(ptsd|ipd|si)\b", lambda found: found[0].upper(), words)


def with_signs(text: str) -> str:
    """τ², ω², χ² and I² for their names.

    Examples
    --------
    >>> from ketameta.reporting.page_words import with_signs
    >>> with_signs("tau2 = 0.02, I2 = 38%, chi2 = 3.01")
    'τ² = 0.02, I² = 38%, χ² = 3.01'
    """
    return re.sub(r"\b(tau|omega|chi|I)2\b", lambda found: f"{_SIGNS[found[1]]}²", text)


def plainly(note: str) -> str:
    """A note of a result for readers of a page: without the names of columns, arguments and functions.

    Examples
    --------
    >>> from ketameta.reporting.page_words import plainly
    >>> plainly("4 of 14 effects rest on a recovered statistic (column imputed)")
    '4 of 14 effects rest on a recovered statistic'
    >>> plainly("before 24 h only one trial measured: daly2018")
    'before 24 h only one trial measured: Daly 2018'
    """
    for pattern, words in _PLAIN:
        note = re.sub(pattern, words, note)
    return with_signs(note)


def account_of(text: str) -> str:
    """An account of a selection with its long lists of populations said in words.

    Examples
    --------
    >>> from ketameta.reporting.page_words import account_of
    >>> account_of("  - 4 rows: population is not " + " or ".join(["MDD"] * 40))
    '  - 4 rows: population is named as adolescent'
    """
    populations = re.compile(
        rf"population (?:is not )?(?=[^\n]{{{_LISTED}}})[^\n]*?(?=: \d+ rows?[;.]|, instrument |, [\d.]+ to "
        r"[\d.]+ h,|\.$|$)",
        re.MULTILINE,
    )
    said = populations.sub(
        lambda found: (
            "population is named as adolescent"
            if found[0].startswith("population is not")
            else "population not named as adolescent"
        ),
        text,
    )
    return plainly(said)


def _ratio(value: float) -> str:
    if 0 <= value < 0.01:
        return "<0.01"
    return ">1000" if value > 1000 else number(value)


def interval_text(low: float, high: float, *, ratio: bool) -> str:
    """An interval; limits of a ratio beyond what two decimals or four digits show are said to lie beyond.

    Examples
    --------
    >>> from ketameta.reporting.page_words import interval_text
    >>> interval_text(0.001, 3563248.4, ratio=True), interval_text(-0.7, 0.001, ratio=False)
    ('[<0.01, >1000]', '[−0.70, 0.00]')
    """
    return f"[{_ratio(low)}, {_ratio(high)}]" if ratio else interval(low, high)


def effect_text(value: float, low: float, high: float, *, ratio: bool) -> str:
    """An effect and its interval."""
    return f"{_ratio(value) if ratio else number(value)} {interval_text(low, high, ratio=ratio)}"
