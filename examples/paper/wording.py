"""The numbers of the manuscript as words, and what its prose claims without a number."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

import pandas as pd
from analyses import FORTNIGHT, NEXT_DAY, WEEK, Analyses

import ketameta as km
from ketameta._render import number
from ketameta.curves.words import clock
from ketameta.effects.people import people
from ketameta.evidence import load_published
from ketameta.evidence.grid import in_use
from ketameta.evidence.location import DESCRIPTOR, data_file
from ketameta.models import Pooled, PooledCounts
from ketameta.reporting.bias_figure import judged
from ketameta.reporting.phrases import Sentence, listed

_WORDS = [
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
]
_SYMBOLS = {"tau2": "τ²", "I2": "I²", "H2": "H²", "R2": "R²", r"g\\\^2": "g²", "n1": "n₁", "n2": "n₂"}
_LATE = (72.0, WEEK.at, FORTNIGHT.at)


def words(count: float) -> str:
    """A count as a word up to twelve, in figures beyond."""
    return _WORDS[round(count)] if 0 <= count < len(_WORDS) else f"{count:,.0f}"


def level(of: float) -> str:
    """Level of intervals in per cent."""
    return f"{100 * of:g}%"


def span(low: float, high: float, digits: int = 2) -> str:
    """Two numbers, ``"−0.70 to −0.24"``."""
    return f"{number(low, digits)} to {number(high, digits)}"


def shown(fit: Pooled | PooledCounts, *values: float) -> tuple[float, ...]:
    """Values as they are read: ratios, not their logarithms."""
    return tuple(math.exp(value) if fit.ratio else value for value in values)


def effect(fit: Pooled | PooledCounts) -> str:
    """Estimate and interval, ``"−0.47 (95% CI −0.70 to −0.24)"``."""
    value, low, high = shown(fit, fit.estimate, fit.ci_low, fit.ci_high)
    return f"{number(value)} ({level(fit.level)} CI {span(low, high)})"


def prediction(fit: Pooled | PooledCounts) -> str:
    """Prediction interval, ``"−0.87 to −0.06"``."""
    return span(*shown(fit, fit.pi_low, fit.pi_high))


def weight(fit: Pooled, **cells: str) -> float:
    """Share of the weight on rows with such cells."""
    chosen = pd.Series(True, index=fit.rows.index)
    for name, value in cells.items():
        chosen &= fit.rows[name] == value
    return float(fit.weights[chosen.to_numpy()].sum())


def percent(share: float) -> str:
    """A share in whole per cent."""
    return f"{100 * share:.0f}%"


def cited(*results: object) -> str:
    """Citation of the reports behind results."""
    keys = dict.fromkeys(work.key for result in results for work in km.cite(result).references)
    return f"[{'; '.join(f'@{key}' for key in keys)}]"


def published(key: str) -> pd.Series:
    """One pooled result of a published review."""
    table = load_published()
    return table.loc[table["pub_id"] == key].iloc[0]


def printed(key: str) -> str:
    """A published result, ``"−0.87 (95% CI −1.26 to −0.48)"``."""
    row = published(key)
    return f"{number(row['estimate'])} ({row['ci_level']:g}% CI {span(row['ci_low'], row['ci_high'])})"


def excludes(*fits: Pooled | PooledCounts) -> bool:
    """Whether every interval leaves out no difference."""
    return all(fit.ci_low * fit.ci_high > 0 for fit in fits)


def typeset(text: str) -> str:
    """Symbols of heterogeneity and powers as they are printed."""
    for plain, fine in _SYMBOLS.items():
        text = re.sub(rf"(?<![\w@]){plain}(?!\w)", fine, text)
    return text


def values(of: Analyses) -> dict[str, str]:
    """Every placeholder of the manuscript and its words; each must be used."""
    return {**_data(of), **_depression(of), **_course(of), **_others(of), **_methods(of)}


def _null(missing: pd.DataFrame) -> pd.Series:
    """Entries whose note calls the result null."""
    return missing["notes"].str.contains("null|no significant", case=False, na=False)


def _largest(missing: pd.DataFrame) -> pd.Series:
    """The largest trial in PTSD that is known to be missing."""
    return missing[missing["outcome"] == "ptsd"].sort_values("n_randomised", na_position="first").iloc[-1]


def _data(of: Analyses) -> dict[str, str]:
    included = of.trials[in_use(of.trials)]
    descriptor = json.loads(data_file(DESCRIPTOR).read_text(encoding="utf-8"))
    provisional = included[included["source_kind"] == "secondary-text"]
    return {
        "software.version": km.__version__,
        "data.version": str(descriptor["version"]),
        "data.rows": str(len(of.trials)),
        "data.cohorts": str(of.trials["cohort_id"].nunique()),
        "data.included": str(len(included)),
        "data.included_cohorts": str(included["cohort_id"].nunique()),
        "data.first_year": f"{included['year'].min():.0f}",
        "data.last_year": f"{included['year'].max():.0f}",
        "data.provisional": str(len(provisional)),
        "missing.entries": str(len(of.missing)),
        "missing.null": words(_null(of.missing).sum()),
        "day.at": f"{NEXT_DAY.at:g}",
        "day.low": f"{NEXT_DAY.low:g}",
        "day.high": f"{NEXT_DAY.high:g}",
        "week.days": words(WEEK.at / 24),
        "Week.days": words(WEEK.at / 24).capitalize(),
        "fortnight.days": words(FORTNIGHT.at / 24),
        "level": level(of.depression.level),
    }


def _depression(of: Analyses) -> dict[str, str]:
    fit, midazolam, inactive = of.depression, of.group("psychoactive"), of.group("inactive")
    contrast = of.difference.coefficients.iloc[1]
    fava = fit.rows.loc[fit.rows["report"] == "fava2020"].iloc[0]
    counts = of.response.rows
    ratios = shown(of.response, float(of.response.yi.min()), float(of.response.yi.max()))
    return {
        "depression.effect": effect(fit),
        "depression.prediction": prediction(fit),
        "depression.k": words(fit.k),
        "depression.people": f"{people(fit.rows).sum():,.0f}",
        "depression.i2": percent(fit.i2 / 100),
        "depression.i2_ci": f"{fit.i2_ci[0]:.0f}% to {fit.i2_ci[1]:.0f}%",
        "depression.cited": cited(fit),
        "depression.rows": str(len(of.chosen.rows)),
        "depression.without": span(of.without["estimate"].min(), of.without["estimate"].max()),
        "depression.careful": span(of.careful["depression"].ci_low, of.careful["depression"].ci_high),
        "madrs.effect": effect(of.madrs),
        "madrs.k": words(of.madrs.k),
        "madrs.prediction": prediction(of.madrs),
        "midazolam.effect": effect(midazolam),
        "midazolam.k": words(midazolam.k),
        "midazolam.people": f"{people(midazolam.rows).sum():.0f}",
        "midazolam.careful": span(of.careful["midazolam"].ci_low, of.careful["midazolam"].ci_high),
        "inactive.effect": effect(inactive),
        "inactive.k": words(inactive.k),
        "inactive.people": f"{people(inactive.rows).sum():.0f}",
        "inactive.weight": percent(weight(fit, comparator_class="inactive")),
        "inactive.nasal": percent(weight(inactive, drug="esketamine", route="IN")),
        "difference.effect": f"{number(contrast['estimate'])} ({level(of.difference.level)} CI "
        f"{span(contrast['ci_low'], contrast['ci_high'])})",
        "fava.dose": f"{fava['dose']} {fava['dose_unit']}",
        "response.effect": effect(of.response),
        "response.k": words(of.response.k),
        "response.people": f"{people(counts).sum():.0f}",
        "response.events": f"{counts['events_t'].sum():.0f} of {counts['total_t'].sum():.0f}",
        "response.events_comparator": f"{counts['events_c'].sum():.0f} of {counts['total_c'].sum():.0f}",
        "response.range": span(*ratios),
        "response.likelihood": effect(of.response_counts),
        "response.likelihood_prediction": prediction(of.response_counts),
        "remission.effect": effect(of.remission),
        "remission.k": words(of.remission.k),
    }


def _course(of: Analyses) -> dict[str, str]:
    curve = of.curve
    week = curve.at(hours=[WEEK.at]).iloc[0]
    day = curve.at(hours=[NEXT_DAY.at]).iloc[0]
    there = curve.at_risk(hours=list(_LATE)).set_index("time_hours")
    half = curve.half_life
    assumed = curve.sensitivity()
    return {
        "curve.k": words(curve.k_trials),
        "curve.effects": str(curve.k_effects),
        "curve.day": f"{number(day['estimate'])} ({level(curve.level)} CI {span(day['ci_low'], day['ci_high'])})",
        "curve.week": f"{number(week['estimate'])} ({level(curve.level)} CI {span(week['ci_low'], week['ci_high'])})",
        "curve.three_days": f"{words(_LATE[0] / 24)} days",
        "curve.three_days_k": words(there.loc[_LATE[0], "k"]),
        "curve.three_days_people": f"{there.loc[_LATE[0], 'n']:.0f}",
        "curve.week_k": words(there.loc[WEEK.at, "k"]),
        "curve.week_people": f"{there.loc[WEEK.at, 'n']:.0f}",
        "curve.half_life": f"{clock(half.value)} ({level(half.level)} CI {clock(half.ci_low)} to {clock(half.ci_high)})",
        "curve.open": percent(half.open_share),
        "curve.rho": f"{curve.rho:g}",
        "curve.rho_range": f"{assumed['rho'].min():g} to {assumed['rho'].max():g}",
        "curve.half_life_range": f"{clock(assumed['half_life_hours'].min())} to {clock(assumed['half_life_hours'].max())}",
        "curve.last": clock(curve.time_range[1]),
    }


def _others(of: Analyses) -> dict[str, str]:
    def lost(outcome: str) -> pd.DataFrame:
        return of.missing[of.missing["outcome"] == outcome]

    thoughts = lost("suicidal_ideation")
    largest = _largest(of.missing)
    randomised = of.ptsd_day.rows["n_randomised"].iloc[0]
    return {
        "ideation.effect": effect(of.ideation),
        "ideation.k": words(of.ideation.k),
        "ideation.people": f"{people(of.ideation.rows).sum():.0f}",
        "ideation.cited": cited(of.ideation),
        "ssi.effect": effect(of.ssi),
        "ssi.k": words(of.ssi.k),
        "ssi.careful": span(of.careful["ssi"].ci_low, of.careful["ssi"].ci_high, 1),
        "ssi.cited": cited(of.ssi),
        "ideation.missing": str(len(thoughts)),
        "ideation.null": words(_null(thoughts).sum()),
        "ptsd.day": effect(of.ptsd_day),
        "ptsd.day_people": f"{randomised:.0f}",
        "ptsd.day_cited": cited(of.ptsd_day),
        "ptsd.course": effect(of.ptsd_course),
        "ptsd.course_doses": words(of.ptsd_course.rows["n_doses"].iloc[0]),
        "ptsd.course_people": f"{people(of.ptsd_course.rows).sum():.0f}",
        "ptsd.course_cited": cited(of.ptsd_course),
        "ptsd.adjunct": effect(of.ptsd_adjunct),
        "ptsd.adjunct_people": f"{people(of.ptsd_adjunct.rows).sum():.0f}",
        "ptsd.adjunct_cited": cited(of.ptsd_adjunct),
        "ptsd.missing": words(len(lost("ptsd"))),
        "ptsd.missing_people": f"{largest['n_randomised']:.0f}",
        "ptsd.missing_cited": f"[@{largest['study_id']}]",
        "cochrane.placebo": printed("cochrane2021unipolar-01"),
        "cochrane.midazolam": printed("cochrane2021unipolar-04"),
        "witt.effect": printed("witt2020-02"),
        "borgogna.effect": printed("borgogna2024-01"),
        "borgogna.corrected": printed("borgogna2024-02"),
    }


def _methods(of: Analyses) -> dict[str, str]:
    primary = km.methods_text(of.depression, of.by_comparator, of.curve)
    contents, effects, synthesis = primary.paragraphs[0][0], primary.paragraphs[1], primary.paragraphs[2]
    others = {
        "the MADRS": of.madrs,
        "response": of.response,
        "response from counts": of.response_counts,
        "remission": of.remission,
        "suicidal ideation on any scale": of.ideation,
        f"the {of.ssi.rows['instrument'].iloc[0]}": of.ssi,
        "PTSD after one dose": of.ptsd_day,
        "PTSD after a course": of.ptsd_course,
        "PTSD with psychotherapy": of.ptsd_adjunct,
        "the two classes of comparator": of.difference,
    }
    told = km.methods_text(*others.values()).paragraphs
    named = [f"({i}) {name}" for i, name in enumerate(others, 1)]
    return {
        "methods.contents": typeset(contents.markdown),
        "methods.effects": typeset(_joined(effects)),
        "methods.synthesis": typeset(_joined(synthesis)),
        "methods.others_named": listed(named),
        "methods.others": typeset("\n\n".join(map(_joined, (told[0][1:], *told[1:])))),
    }


def _joined(sentences: Sequence[Sentence]) -> str:
    text = " ".join(sentence.markdown for sentence in sentences)
    return re.sub(r"Analys[ei]s [\d, and]+:", lambda found: f"*{found[0]}*", text)


def claims(of: Analyses) -> dict[str, bool]:
    """What the prose says without a number, and whether it holds; each must be used."""
    fit, midazolam, ideation = of.depression, of.group("psychoactive"), of.ideation
    late = of.curve.rows.loc[of.curve.rows["time_hours"] > _LATE[0], "cohort_id"]
    week = of.curve.at(hours=[WEEK.at]).iloc[0]
    anaesthetised = of.curve.rows.loc[of.curve.rows["cohort_id"] == "lii2023", "schedule"]
    trauma = (of.ptsd_day, of.ptsd_course, of.ptsd_adjunct)
    largest, notes = _largest(of.missing), " ".join([*fit.notes, *fit.rows["effect_notes"]])
    day = of.curve.at(hours=[NEXT_DAY.at]).iloc[0]
    fava = of.missing["study_id"].str.startswith("fava2020") & (of.missing["outcome"] == "depression")
    contrast = of.difference.coefficients.iloc[1]
    reviews = [published(f"cochrane2021unipolar-{part}")["estimate"] for part in ("01", "04")]
    corrected = published("borgogna2024-02")
    included = of.trials[in_use(of.trials)]
    return {
        "data.berman_first": included.loc[included["year"].idxmin(), "report"] == "berman2000",
        "depression.all_favour": bool((fit.yi < 0).all()),
        "depression.sure_of_sign": excludes(fit, of.careful["depression"]) and fit.pi_high < 0,
        "depression.near_zero": -0.1 < fit.pi_high < 0,
        "depression.without_holds": bool((of.without["ci_high"] < 0).all()),
        "depression.all_blind": weight(fit, blinding="double-blind") > 1 - 1e-9,
        "midazolam.racemic": weight(midazolam, drug="ketamine", route="IV", comparator="midazolam")
        > 1 - 1e-9,
        "midazolam.turns": excludes(midazolam) and not excludes(of.careful["midazolam"]),
        "difference.open": contrast["ci_low"] * contrast["ci_high"] < 0,
        "fava.missing": bool(fava.any()),
        "cochrane.reverse": abs(reviews[0]) > abs(reviews[1])
        and abs(of.group("inactive").estimate) < abs(midazolam.estimate),
        "response.all_above": bool((of.response.yi > 0).all()),
        "response.crossover": list(of.response.rows["crossover_period"]).count("both as parallel") == 1,
        "response.turns": not excludes(of.response) and excludes(of.response_counts),
        "remission.open": not excludes(of.remission),
        "curve.week_open": week["ci_low"] < -0.8 and week["ci_high"] > 0,
        "curve.fades": day["estimate"] < week["estimate"] < 0,
        "curve.endless": of.curve.half_life.ci_high == math.inf,
        "curve.one_trial_late": set(late) == {"lii2023"},
        "curve.half_life_hangs": of.half_lives["lii2023"] == math.inf,
        "curve.anaesthesia": bool(anaesthetised.str.contains("anaesthesia").all()),
        "ideation.open": not excludes(ideation),
        "ideation.midazolam": weight(ideation, comparator="midazolam") > 1 - 1e-9,
        "ideation.unadjusted": not ideation.rows["adjusted"].eq(True).any(),
        "ssi.turns": excludes(of.ssi) and not excludes(of.careful["ssi"]),
        "ssi.overlap": bool(set(of.ssi.rows["cohort_id"]) & set(ideation.rows["cohort_id"])),
        "ptsd.one_each": all(each.k == 1 for each in trauma),
        "ptsd.midazolam": all(set(each.rows["comparator"]) == {"midazolam"} for each in trauma),
        "ptsd.favour": all(bool((each.yi < 0).all()) for each in trauma),
        "ptsd.crossover": set(of.ptsd_day.rows["design"]) == {"crossover"},
        "ptsd.exposure": set(of.ptsd_adjunct.rows["setting"]) == {"psychotherapy adjunct"},
        "ptsd.larger_missing": largest["n_randomised"]
        > sum(each.rows["n_randomised"].sum() for each in trauma),
        "ptsd.missing_null": "no significant group-by-time interaction" in largest["notes"],
        "ptsd.adjunct_open": not excludes(of.ptsd_adjunct),
        "ptsd.corrected_open": corrected["ci_low"] * corrected["ci_high"] < 0,
        "witt.close": abs(published("witt2020-02")["estimate"] - ideation.estimate) < 0.1,
        "limits.units": "change scores" in notes and "endpoint scores" in notes,
        "limits.printed": "as printed, not stated (1)" in notes,
        "limits.recovered": "a mean that may be adjusted" in notes,
        "bias.few": 0 < len(judged(of.trials)) < 0.5 * of.trials["cohort_id"].nunique(),
    }
