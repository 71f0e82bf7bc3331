"""A multilevel model in words: method line, sentence, card."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ketameta._render import Card, number, p_value
from ketameta.models._coefficient_table import coefficient_row, in_words
from ketameta.models.design import INTERCEPT
from ketameta.models.hypotheses import statistic
from ketameta.models.result import level_text, small

if TYPE_CHECKING:
    from ketameta.models.multilevel_result import Multilevel

__all__ = ["card", "method", "sentence"]


def method(fit: Multilevel) -> str:
    """One line that says how the numbers were made."""
    kinds = [term if kind == "" else f"{term} ({kind})" for term, kind in fit.random]
    random = f"random effects {', '.join(kinds)} by {fit.method}" if kinds else "no random effects"
    df = {"containment": "by containment", "residual": "k - p"}[fit.df_method]
    tests = (
        f"t and F tests, degrees of freedom {df}" if fit.test_method == "t" else "normal and chi-square tests"
    )
    return f"Multilevel model, {fit.sampling}, {random}; {level_text(fit.level)} intervals, {tests}"


def sentence(fit: Multilevel) -> str:
    """The result as a sentence of a results section, on the scale of the analysis."""
    rows = fit.coefficients.to_dict(orient="records")
    shown = [row for row in rows if row["term"] != INTERCEPT] or rows
    parts = []
    for row in shown:
        term = "mean" if row["term"] == INTERCEPT else row["term"]
        parts.append(f"{term} {in_words(row, fit.level)}")
    scale = " (log scale)" if fit.ratio else ""
    counted = [f"{count} {name}" for name, count in fit.groups.items()]
    among = f" ({', '.join(counted)})" if counted else ""
    spread = [
        f"{row['component']} = {small(row['estimate']) if row['component'].startswith('tau2') else number(row['estimate'])}"
        for row in fit.components.to_dict(orient="records")
        if not math.isnan(row["estimate"])
    ]
    listed = f"; {', '.join(spread)}" if spread else ""
    tested = ""
    if len(rows) > len(shown) or len(rows) > 1:
        tested = f"; test of moderators {statistic(fit.qm, fit.qm_df1, fit.qm_df2, fit.qm_p)}"
    return (
        f"Multilevel model of the {fit.measure or 'effect'}{scale}, {fit.k} effects{among}: "
        f"{'; '.join(parts)}{tested}{listed}."
    )


def card(fit: Multilevel) -> Card:
    """What the result shows: coefficients, tests, components."""
    rows = []
    for row in fit.coefficients.to_dict(orient="records"):
        rows.append((*coefficient_row(row), p_value(row["p"])))
    if len(fit.beta) > 1 or not fit.design.intercept:
        name = "chi2" if math.isinf(fit.qm_df2) else "F"
        df = f"{fit.qm_df1}" if math.isinf(fit.qm_df2) else f"{fit.qm_df1}, {fit.qm_df2:g}"
        rows.append((f"Test of moderators, {name} (df = {df})", number(fit.qm), "", p_value(fit.qm_p)))
    rows.append((f"Residual Q (df = {fit.qe_df})", number(fit.qe), "", p_value(fit.qe_p)))
    for row in fit.components.to_dict(orient="records"):
        value = small(row["estimate"]) if row["component"].startswith("tau2") else number(row["estimate"], 3)
        rows.append((row["component"] + (", fixed" if row["fixed"] else ""), value, "", ""))
    rows.append(
        ("Log-likelihood" + (", restricted" if fit.method == "REML" else ""), number(fit.loglik), "", "")
    )
    rows.append(("AICc", number(fit.aicc), "", ""))
    footer = [fit.method_line]
    if fit.ratio:
        footer.append("Coefficients on the scale of natural logs")
    footer.append(fit.provenance.line())
    about = "" if fit.moderators.strip() == "1" else f": {fit.moderators}"
    title = f"Multilevel model of {fit.measure or 'effects'}, k = {fit.k}{about}"
    columns = ("", "Estimate", f"{level_text(fit.level)} interval", "P")
    return Card(title, columns, tuple(rows), fit.notes, tuple(footer))
