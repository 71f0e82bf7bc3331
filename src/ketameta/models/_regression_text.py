"""A meta-regression in words: method line, sentence, card."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ketameta._render import Card, interval, number, p_value
from ketameta.models._coefficient_table import coefficient_row, in_words
from ketameta.models.design import INTERCEPT
from ketameta.models.hypotheses import statistic
from ketameta.models.result import TAU2_INTERVAL_NAMES, level_text, small

if TYPE_CHECKING:
    from ketameta.models.regression_result import Regression

__all__ = ["card", "method", "sentence"]


def method(fit: Regression) -> str:
    """One line that says how the numbers were made."""
    if fit.tau2_method == "EE":
        model = "Common-effect meta-regression, inverse-variance weights"
    else:
        model = f"Mixed-effects meta-regression, residual tau2 by {fit.tau2_method}, inverse-variance weights"
    names = {
        "Wald": "Wald intervals and chi-square tests",
        "HKSJ": "Hartung-Knapp-Sidik-Jonkman intervals, t and F tests",
        "HKSJ-adhoc": "Hartung-Knapp-Sidik-Jonkman intervals, t and F tests with the variance factor kept at 1 or more",
    }
    df = "" if math.isinf(fit.qm_df2) else f" with {fit.qm_df2:g} residual degrees of freedom"
    parts = [model, f"{level_text(fit.level)} {names[fit.ci_method]}{df}"]
    if not math.isnan(fit.tau2_ci[0]):
        parts.append(f"intervals of tau2, I2 and H2 by {TAU2_INTERVAL_NAMES[fit.tau2_interval]}")
    return "; ".join(parts)


def sentence(fit: Regression) -> str:
    """The result as a sentence of a results section, on the scale of the analysis."""
    parts = []
    for row in fit.coefficients.to_dict(orient="records"):
        if row["term"] != INTERCEPT:
            parts.append(f"{row['term']} {in_words(row, fit.level)}")
    scale = " (log scale)" if fit.ratio else ""
    spread = "" if fit.tau2_method == "EE" else f", residual tau2 = {small(fit.tau2)}"
    spread += "" if math.isnan(fit.r2) else f", R2 = {number(fit.r2, 0)}%"
    omnibus = statistic(fit.qm, fit.qm_df1, fit.qm_df2, fit.qm_p)
    return (
        f"Meta-regression of the {fit.measure or 'effect'}{scale} in {fit.k} studies: {'; '.join(parts)}; "
        f"test of moderators {omnibus}{spread}."
    )


def card(fit: Regression) -> Card:
    """What the result shows: coefficients, tests, heterogeneity."""
    rows = []
    for row in fit.coefficients.to_dict(orient="records"):
        rows.append((*coefficient_row(row), p_value(row["p"])))
    name = "chi2" if math.isinf(fit.qm_df2) else "F"
    df = f"{fit.qm_df1}" if math.isinf(fit.qm_df2) else f"{fit.qm_df1}, {fit.qm_df2:g}"
    rows.append((f"Test of moderators, {name} (df = {df})", number(fit.qm), "", p_value(fit.qm_p)))
    rows.append((f"Residual Q (df = {fit.qe_df})", number(fit.qe), "", p_value(fit.qe_p)))
    if fit.tau2_method != "EE":
        low, high = fit.tau2_ci
        rows.append(("Residual tau2", small(fit.tau2), f"[{small(low)}, {small(high)}]", ""))
        rows.append(("Residual I2 (%)", number(fit.i2, 0), interval(*fit.i2_ci, 0), ""))
    if not math.isnan(fit.r2):
        rows.append(("R2 (%)", number(fit.r2, 0), "", ""))
    footer = [fit.method]
    if fit.ratio:
        footer.append("Coefficients on the scale of natural logs")
    footer.append(fit.provenance.line())
    title = f"Meta-regression of {fit.measure or 'effects'}, k = {fit.k}: {fit.formula}"
    columns = ("", "Estimate", f"{level_text(fit.level)} interval", "P")
    return Card(title, columns, tuple(rows), fit.notes, tuple(footer))
