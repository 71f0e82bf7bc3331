"""The section that doubts: would each pool stand without a trial, without bias, with what is missing, chosen otherwise?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from ketameta._render import Shown, number, p_value, plural
from ketameta.reporting.contents import Contents
from ketameta.reporting.markup import (
    bullets,
    details,
    figure,
    frame,
    heading,
    on_scale,
    paragraph,
    section,
    table,
)
from ketameta.reporting.page_pools import effect
from ketameta.reporting.page_words import outcome_name, plainly, spaced, study_name, with_signs
from ketameta.reporting.questions import QUESTIONS, Question
from ketameta.reporting.standing import LEAST, Standing, Universes, name_of
from ketameta.reporting.standing_figures import KINDS
from ketameta.robustness._cautions import ENOUGH

__all__ = ["KEY", "TITLE", "standing_section"]

KEY, TITLE = "standing", "Would the conclusions stand?"
_POOL = ("Outcome", "Time, dosing", "Trials", "Effect [95% CI]")
_TRIALS = (
    *_POOL,
    "Without one trial",
    "Decided by",
    "Small-study tests with P < 0.1",
    "Adjusted for small studies",
)
_UNSEEN = (
    *_POOL,
    "Against inactive comparators",
    "Against psychoactive comparators",
    "P of the difference",
    "Bias that takes the interval to no effect",
    "Missing trials",
    "Effect in them that takes the interval to no effect",
)


def _reading(contents: Contents) -> tuple[str, ...]:
    most = max((each.bias.k for each in contents.standings), default=0)
    few = f", and no pool here has more than {most}" if 0 < most < ENOUGH else ""
    return (
        "Without one trial: lowest and highest pooled effect when each trial is left out in turn; decided by: trials "
        "without which the interval lies otherwise to no difference.",
        f"Small-study effects: with fewer than {ENOUGH} trials none of these tests and adjustments can tell bias from "
        f"chance{few}. They are shown because their range shows how little is known.",
        "Bias from unblinding: what would have to be taken off the effect of each trial with an inactive comparator, in "
        "the unit of the effect, for a ratio as a ratio. How large that bias is in trials of ketamine is not known.",
        "Missing trials: the effect that all trials known to be missing would have to show together, those of unknown size "
        "taken to be of median size.",
    )


def standing_section(contents: Contents) -> str:
    """Everything that the page says to a reader who doubts the pools."""
    return section(
        KEY,
        TITLE,
        paragraph(
            f"Each pool of {LEAST} trials or more above, asked what a doubter asks: is it one trial, small studies, "
            "unblinding, trials that are missing, or a choice of method?"
        ),
        bullets(_reading(contents)),
        *(_question(contents, question) for question in QUESTIONS),
    )


def _question(contents: Contents, question: Question) -> str:
    mine = [each for each in contents.standings if each.window.analysis.question == question.key]
    universes = [each for each in contents.universes if each.window.analysis.question == question.key]
    parts = [heading(3, question.heading, f"{KEY}-{question.key}")]
    if mine:
        name = question.heading
        parts.append(table(f"{name}: one trial, small studies", _TRIALS, map(_of_trials, mine)))
        parts.append(table(f"{name}: unblinding, missing trials", _UNSEEN, map(_unseen, mine)))
        parts += [_figures(contents, each) for each in mine]
        parts += [_details(each) for each in mine]
    else:
        parts.append(
            paragraph(
                f"No pool of this question has {LEAST} trials: what one trial less or one trial more would do cannot be "
                "asked of any."
            )
        )
    parts += [_universes(contents, each) for each in universes]
    parts.append(_available(contents, question))
    return "".join(parts)


def _pool(each: Standing) -> tuple[str, ...]:
    window = each.window
    return (
        f"{window.analysis.title} ({window.analysis.measure})",
        f"{window.window.name}, {window.dosing}",
        str(each.bias.k),
        effect(window),
    )


def _of_trials(each: Standing) -> tuple[str, ...]:
    return (
        *_pool(each),
        _span(each, each.left_out.estimate.tolist()),
        ", ".join(each.left_out.decisive) or "none",
        _tests(each),
        _adjusted(each),
    )


def _unseen(each: Standing) -> tuple[str, ...]:
    masked, missing = each.unblinding, each.missing
    return (
        *_pool(each),
        _class(each, "inactive"),
        _class(each, "psychoactive"),
        "–" if masked is None else p_value(masked.p),
        "–" if masked is None else _tip(each, masked.tipping_bias("interval", 0.0)),
        "–" if missing is None else str(missing.m),
        "–" if missing is None else _tip(each, missing.effect_interval),
    )


def _tip(each: Standing, value: float) -> str:
    """A tipping point; where the interval holds no effect as it stands, nothing need be assumed."""
    if each.bias.ci_low <= 0 <= each.bias.ci_high:
        return "it holds it already"
    return "none does" if math.isnan(value) else _value(each, value)


def _value(each: Standing, value: float) -> str:
    return number(on_scale(value, ratio=each.window.analysis.is_ratio))


def _span(each: Standing, values: Sequence[float]) -> str:
    known = [value for value in values if math.isfinite(value)]
    return f"{_value(each, min(known))} to {_value(each, max(known))}" if known else "–"


def _tests(each: Standing) -> str:
    tests = each.bias.table.loc[each.bias.table["what"] == "test", "p"].dropna()
    return f"{int((tests < 0.1).sum())} of {len(tests)}" if len(tests) else "–"


def _adjusted(each: Standing) -> str:
    methods = each.bias.table
    return _span(each, methods.loc[methods["what"] == "adjusted", "estimate"].tolist())


def _class(each: Standing, name: str) -> str:
    if each.unblinding is None:
        return "–"
    found = each.unblinding.classes
    row = found.loc[found["class"] == name]
    if row.empty or not row["k"].iloc[0]:
        return "no trial"
    return f"{_value(each, float(row['estimate'].iloc[0]))} ({plural(int(row['k'].iloc[0]), 'trial')})"


def _figures(contents: Contents, each: Standing) -> str:
    drawn = "".join(
        figure(contents.figures, f"{each.key}_{kind}", f"{name_of(each.window)}: {title}")
        for kind, title in KINDS.items()
    )
    return details(f"Figures: {name_of(each.window)}", drawn)


def _details(each: Standing) -> str:
    results = (each.left_out, each.influence, each.bias, each.gosh, each.unblinding, each.missing)
    reasons = bullets(map(plainly, each.reasons))
    return details(f"Tables: {name_of(each.window)}", "".join(map(_card, filter(None, results))) + reasons)


def _card(result: Shown) -> str:
    """The table and the notes of a result as the page shows them."""
    made = result._card()
    return (
        paragraph(with_signs(result.sentence()))
        + table(
            plainly(made.title),
            list(map(plainly, made.columns)),
            [list(map(plainly, row)) for row in made.rows],
        )
        + bullets(map(plainly, made.notes))
    )


def _available(contents: Contents, question: Question) -> str:
    found = contents.available.get(question.key)
    if found is None:
        return ""
    names = {"study": "Trial", "n": "People"} | {each: outcome_name(each) for each in found.outcomes}
    matrix = found.matrix().rename(columns=names)
    matrix["Trial"] = [study_name(pd.Series({"study_id": name})) for name in matrix["Trial"]]
    title = f"{question.heading}: trials with and without results, at any time and dosing"
    return (
        heading(4, "Which results are missing")
        + paragraph(
            f"{found.sentence()} Whether they are missing because of what they showed is the judgement of ROB-ME; it is "
            "for a person to make, and none is made here."
        )
        + details(
            "Results available and missing, by trial",
            frame(title, matrix) + bullets(map(plainly, found.notes)),
        )
    )


def _universes(contents: Contents, each: Universes) -> str:
    title = f"Chosen otherwise: {name_of(each.window)}"
    if each.found is None:
        return heading(4, title) + paragraph(f"Not possible: {plainly(each.reason)}")
    failed = pd.DataFrame(
        [
            {"why": one.reason, "universes": f"{one.count:,}", "such as": _choices(one.example)}
            for one in each.found.failed
        ]
    )
    return (
        heading(4, title)
        + paragraph(with_signs(each.found.sentence()))
        + figure(contents.figures, each.key, title)
        + details("Shares, choices, and what cannot be combined", _card(each.found))
        + (
            details("Universes that are impossible", frame("Impossible universes, by reason", failed))
            if len(failed)
            else ""
        )
    )


def _choices(example: dict[str, str]) -> str:
    return plainly("; ".join(f"{spaced(name)} {value}" for name, value in example.items()))
