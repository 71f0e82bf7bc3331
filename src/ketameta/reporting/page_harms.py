"""Harms: what several trials count in the same way as pools, and everything trial by trial."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ketameta._render import number, plural
from ketameta.reporting.analysis import WindowResult
from ketameta.reporting.contents import Contents
from ketameta.reporting.markup import bullets, details, figure, heading, paragraph, section, table
from ketameta.reporting.page_pools import effects_table
from ketameta.reporting.page_published import published_part
from ketameta.reporting.page_words import SOURCES, plainly, study_name
from ketameta.reporting.questions import HARMS

__all__ = ["harms_rows", "harms_section", "scores_rows"]

_COUNTED = {
    **{analysis.outcome: analysis.title for analysis in HARMS},
    "death": "Death from any cause",
    "suicidal_ideation_event": "Suicidal ideation or behaviour reported as an event",
}
_SCORED = {"dissociation": "Dissociation", "blood_pressure": "Blood pressure", "sedation": "Sedation"}
_COLUMNS = (
    *("Trial", "Counted as", "When", "Drug", "Comparator", "Ketamine arm", "Comparator arm"),
    *("Difference, per 100", "Read in, notes"),
)
_SCORE_COLUMNS = (
    *("Trial", "Scale", "What", "When", "Drug", "Comparator", "Ketamine arm", "Comparator arm"),
    "Read in",
)


def harms_rows(trials: pd.DataFrame, outcome: str) -> list[tuple[str, ...]]:
    """Counts of one harm, one row each, as the sources count them.

    Parameters
    ----------
    trials : DataFrame
        Table in the form of ``trials.csv``; rows with status ``include`` and totals of both arms count.
    outcome : str
        A value of the column ``outcome``.

    Returns
    -------
    list of tuple of str
        Cells in the order of the columns of the page; the difference is the plain difference of the two shares.
    """
    numbers = trials[["events_t", "total_t", "events_c", "total_c"]].apply(pd.to_numeric, errors="coerce")
    whole = numbers.notna().all(axis=1) & (numbers["total_t"] > 0) & (numbers["total_c"] > 0)
    used = (trials["status"] == "include") & (trials["outcome"] == outcome) & whole
    rows: list[tuple[str, ...]] = []
    for (_, row), counts in zip(trials[used].iterrows(), numbers[used].to_numpy(), strict=True):
        events_t, total_t, events_c, total_c = map(float, counts)
        rows.append(
            (
                study_name(row),
                str(row["definition"]),
                str(row["time_label"]),
                str(row["drug"]),
                str(row["comparator"]),
                _share(events_t, total_t),
                _share(events_c, total_c),
                number(100 * (events_t / total_t - events_c / total_c), 1),
                ". ".join(filter(None, (_source(row), str(row["notes"])))),
            )
        )
    return rows


def scores_rows(trials: pd.DataFrame, outcome: str) -> list[tuple[str, ...]]:
    """Means of one harm by arm, one row each, in the units of the scale.

    Parameters
    ----------
    trials : DataFrame
        Table in the form of ``trials.csv``; rows with status ``include`` and means of both arms count.
    outcome : str
        A value of the column ``outcome``.

    Returns
    -------
    list of tuple of str
        Cells in the order of the columns of the page.
    """
    means = trials[["mean_t", "mean_c"]].notna().all(axis=1)
    used = trials.loc[(trials["status"] == "include") & (trials["outcome"] == outcome) & means]
    return [
        (
            study_name(row),
            str(row["instrument"]),
            str(row["definition"]) or str(row["score_type"]),
            str(row["time_label"]),
            str(row["drug"]),
            str(row["comparator"]),
            _mean(row, "t"),
            _mean(row, "c"),
            _source(row),
        )
        for _, row in used.iterrows()
    ]


def _source(row: pd.Series) -> str:
    return SOURCES.get(row["source_kind"], str(row["source_kind"]))


def _share(events: float, total: float) -> str:
    return f"{events:.0f} of {total:.0f} ({100 * events / total:.0f}%)"


def _mean(row: pd.Series, arm: str) -> str:
    spread = "" if pd.isna(row[f"sd_{arm}"]) else f" (SD {number(row[f'sd_{arm}'], 1)})"
    people = "" if pd.isna(row[f"n_{arm}"]) else f", n {row[f'n_{arm}']:.0f}"
    return f"{number(row[f'mean_{arm}'], 1)}{spread}{people}"


def harms_section(contents: Contents) -> str:
    """The section on harms, with what the data set does not hold."""
    results = [r for r in contents.windows if r.analysis in HARMS]
    return section(
        "harms",
        "Harms",
        paragraph(
            "Risk ratios over 1 mean more harm with ketamine. Of each trial the latest count in the first five weeks "
            "enters, of all conditions together, against placebo or midazolam; counts without a time stand in the lists "
            "only. Trials ask for harms in different ways; long use is not covered. Arms of one trial that share a "
            "comparator are combined in a pool, and repeat its count in the lists."
        ),
        *(
            _pool(contents, analysis.title, [r for r in results if r.analysis == analysis])
            for analysis in HARMS
        )
        if any(r.fit is not None for r in results)
        else (paragraph("No harm was counted in both arms of a trial at a time that is given."),),
        heading(3, "How does it compare with published meta-analyses?"),
        published_part(contents, "harms", "Harms"),
        heading(3, "Trial by trial"),
        *(
            _listed(title, _COLUMNS, harms_rows(contents.trials, outcome))
            for outcome, title in _COUNTED.items()
        ),
        *(
            _listed(f"{title}, scores", _SCORE_COLUMNS, scores_rows(contents.trials, outcome))
            for outcome, title in _SCORED.items()
        ),
        heading(3, "What the data set does not hold"),
        bullets(
            (
                "Harms of long or repeated use: bladder, liver, memory, dependence, misuse after the trial.",
                "Suicide attempts in more than single trials.",
                "Blood pressure and dissociation during infusions of most trials of racemic ketamine.",
            )
        ),
        paragraph("That a harm is not listed here does not mean that it did not occur.", "thin"),
    )


def _pool(contents: Contents, title: str, results: Sequence[WindowResult]) -> str:
    shown = [r for r in results if r.fit is not None]
    if not shown:
        return ""
    notes = [f"{r.dosing} dosing: {plainly(note)}" for r in shown for note in r.notes]
    return "".join(
        (
            heading(3, title),
            effects_table(f"{title} (RR)", shown),
            *(figure(contents.figures, r.key, f"{title}, {r.dosing} dosing") for r in shown),
            details(f"Notes on these rows: {title}", bullets(notes)) if notes else "",
        )
    )


def _listed(title: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return paragraph(f"{title}: no row with numbers of both arms.", "quiet")
    return details(f"{title}: {plural(len(rows), 'row')}", table(f"{title}, by trial", columns, rows))
