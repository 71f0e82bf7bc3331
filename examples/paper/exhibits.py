"""Figures and tables of the manuscript as HTML."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import NormalDist

import pandas as pd
from analyses import Analyses
from wording import effect, level, number, prediction, span, typeset

import ketameta as km
from ketameta._render import table_html
from ketameta.curves.words import clock
from ketameta.plots import describe, evidence_map, save
from ketameta.plots.evidence_map import FigureOptions
from ketameta.plots.forest import ForestOptions
from ketameta.plots.timecourse import TimecourseOptions
from ketameta.reporting.inline_svg import inline_svg

FORMATS = ("png", "svg", "pdf")
_WIDTH, _NARROW = 166.0, 140.0
_OUTCOMES = {
    "MDD": ("depression", "response", "remission", "suicidal_ideation"),
    "PTSD": ("ptsd",),
    "BD": ("suicidal_ideation",),
    "SI": ("suicidal_ideation",),
}
_ROUTES = {"IV": "intravenous", "IN": "intranasal"}


def figures(of: Analyses, folder: Path) -> dict[str, str]:
    """Draw each figure into a folder in each of FORMATS, and return it for use inside a page."""
    from matplotlib.pyplot import close

    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "map": (
            "Evidence map",
            evidence_map(_mapped(of.trials), options=FigureOptions(width_mm=_WIDTH, footer=False)),
        ),
        "forest": (
            "Forest plot of depressive symptoms one day after the first dose",
            km.forest(of.by_comparator, options=ForestOptions(width_mm=_WIDTH, footer=False)),
        ),
        "course": (
            "Effect of a single dose over time",
            km.timecourse(of.curve, options=TimecourseOptions(width_mm=_NARROW, footer=False)),
        ),
    }
    pages = {}
    for name, (title, axes) in drawn.items():
        save(axes, folder / name, formats=FORMATS)
        svg = (folder / f"{name}.svg").read_text(encoding="utf-8")
        figure = axes.get_figure(root=True)
        shown = inline_svg(svg, prefix=name, title=title, description=describe(axes))
        pages[name] = f"<div class='drawing' style='max-width: {figure.get_figwidth():.2f}in'>{shown}</div>"
        close(figure)
    return pages


def _mapped(trials: pd.DataFrame) -> pd.DataFrame:
    """Rows on the outcomes of the manuscript."""
    wanted = pd.Series(False, index=trials.index)
    for indication, outcomes in _OUTCOMES.items():
        wanted |= (trials["indication"] == indication) & trials["outcome"].isin(outcomes)
    return trials[wanted]


def tables(of: Analyses) -> dict[str, str]:
    """Each table of the manuscript."""
    return {
        "trials": _trials(of),
        "findings": _findings(of),
    }


def supplements(of: Analyses) -> dict[str, str]:
    """Each table of the supplement."""
    return {
        "without": _without(of),
        "certainty": typeset(of.findings.to_html().replace("<details>", "<details open>")),
    }


def _trials(of: Analyses) -> str:
    rows = []
    for row, yi, vi in zip(of.depression.rows.itertuples(), of.depression.yi, of.depression.vi, strict=True):
        reach = NormalDist().inv_cdf((1 + of.depression.level) / 2) * math.sqrt(vi)
        rows.append(
            (
                f"{row.label}[@{row.report}]",
                row.population.replace("MDD with suicidal ideation", "MDD, suicidal"),
                f"{_ROUTES[row.route]} {row.drug}, {_dose(row.dose, row.dose_unit)}",
                row.comparator,
                row.instrument.replace("-", "\N{NON-BREAKING HYPHEN}"),
                f"{row.n_t:.0f} / {row.n_c:.0f}",
                f"{number(yi)} ({span(yi - reach, yi + reach)})",
            )
        )
    heads = (
        "Trial",
        "Population",
        "Drug and dose",
        "Comparator",
        "Scale",
        "n",
        f"SMD ({level(of.depression.level)} CI)",
    )
    return table_html(heads, rows)


def _dose(dose: str, unit: str) -> str:
    """Dose with its unit, ``"56–84 mg, flexible"``."""
    size, *more = dose.replace("-", "–").split(" flexible")
    return f"{size} {unit}{', flexible' if more else ''}"


def _findings(of: Analyses) -> str:
    fits = (of.depression, of.response, of.remission, of.ideation, of.ptsd_day)
    rows = []
    for fit, (_, row) in zip(fits, of.findings.to_frame().iterrows(), strict=True):
        size = (
            f"{row['participants']:,}"
            if row["participants"]
            else f"{fit.rows['n_randomised'].iloc[0]:.0f} randomised"
        )
        rows.append(
            (
                str(row["outcome"]),
                str(row["k"]),
                size,
                fit.measure,
                effect(fit).replace(f"{level(fit.level)} CI ", ""),
                "–" if fit.k == 1 else prediction(fit),
                _absolute(row),
                str(row["certainty"]),
            )
        )
    heads = (
        "Outcome, next day",
        "Trials",
        "People",
        "Measure",
        f"Effect ({level(of.depression.level)} CI)",
        "Prediction interval",
        "In other words",
        "Certainty",
    )
    return table_html(heads, rows)


def _absolute(row: pd.Series) -> str:
    """Points of a scale, or events in a thousand people."""
    if row["scale"]:
        return f"{number(row['points'], 1)} points ({span(row['points_low'], row['points_high'], 1)}) on the {row['scale']}"
    if math.isnan(row["risk"]):
        return "–"
    return f"{1000 * row['risk']:.0f} v {1000 * row['risk_comparator']:.0f} in 1000 ({span(1000 * row['risk_low'], 1000 * row['risk_high'], 0)})"


def _without(of: Analyses) -> str:
    pooled = of.without.set_index(of.depression.rows["cohort_id"].to_numpy())
    labels = of.curve.rows.drop_duplicates("cohort_id").set_index("cohort_id")["label"]
    rows = []
    for cohort, hours in of.half_lives.items():
        others = "not in this pool"
        if cohort in pooled.index:
            value, low, high = pooled.loc[cohort, ["estimate", "ci_low", "ci_high"]]
            others = f"{number(value)} ({span(low, high)})"
        rows.append((labels[cohort], others, clock(hours)))
    heads = (
        "Left out",
        f"SMD of the others ({level(of.depression.level)} CI)",
        "Half-life on the curve of the others",
    )
    return table_html(heads, rows)
