"""Selection models against metafor's selmodel()."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta.robustness.selection_fitting import SelectionFit, fit_selection

REFERENCE = Path(__file__).parents[1] / "reference"
POOLING = pd.read_csv(REFERENCE / "pooling_inputs.csv")
HEADLINE = pd.read_csv(REFERENCE / "headline_inputs.csv").rename(columns={"key": "dataset"})
INPUTS = pd.concat([POOLING, HEADLINE[["dataset", "yi", "vi"]]])
WANTED = pd.read_csv(REFERENCE / "selection.csv", dtype={"steps": str, "given": str}, keep_default_na=False)
CASES = {int(number): part for number, part in WANTED.groupby("case")}


def _numbers(text: str) -> tuple[float, ...] | None:
    return None if text == "NA" else tuple(float(part) for part in text.split())


def _fitted(number: int) -> tuple[SelectionFit, dict[str, float]]:
    part = CASES[number]
    one = part.iloc[0]
    rows = INPUTS[INPUTS["dataset"] == one["dataset"]]
    family = {"stepfun": "step"}.get(one["weights"], one["weights"])
    found = fit_selection(
        rows["yi"],
        rows["vi"],
        weights=family,
        steps=_numbers(one["steps"]) or (0.025,),
        alternative=one["alternative"].replace(".", "-"),
        delta=_numbers(one["given"]),
        common=one["method"] == "EE",
    )
    return found, dict(zip(part["what"], part["value"].astype(float), strict=True))


def test_there_is_something_of_everything() -> None:
    assert len(CASES) >= 30
    assert set(WANTED["weights"]) == {"stepfun", "beta", "negexp", "halfnorm"}
    assert set(WANTED["alternative"]) == {"greater", "less", "two.sided"}
    assert WANTED["dataset"].nunique() >= 15


@pytest.mark.parametrize("number", CASES)
def test_equals_metafor(number: int) -> None:
    """Steps: estimates to 2e-6, standard errors to 1e-5, as selmodel() searches and differentiates numerically.

    For other weights its integrals are numerical too: estimates to 3e-5 of their standard error, and these to 1e-4.
    Where a parameter ends at the edge of its range, metafor differentiates beyond it; standard errors are left out.
    """
    found, wanted = _fitted(number)
    smooth = found.scheme.family != "step"
    assert found.loglik == pytest.approx(wanted["loglik"], abs=1e-7 if smooth else 2e-8)
    assert found.loglik >= wanted["loglik"] - (1e-7 if smooth else 1e-9)
    pairs = [("mu", found.mu, found.mu_se), ("tau2", found.tau2, found.tau2_se)]
    if wanted.get("delta1") is not None:
        parts = zip(found.delta, found.delta_se, strict=True)
        pairs += [(f"delta{j + 1}", value, se) for j, (value, se) in enumerate(parts)]
    inside = bool((found.maximum.inside | ~found.maximum.free)[2:].all())
    for name, value, se in pairs:
        near = 3e-5 * se if smooth and np.isfinite(se) else 2e-6 * max(abs(value), found.mu_none_se)
        assert value == pytest.approx(wanted[name], abs=max(near, 2e-7 if name != "tau2" else 2e-6))
        column = name.replace("delta", "delta_se") if name.startswith("delta") else f"{name}_se"
        if column in wanted and inside:
            assert se == pytest.approx(wanted[column], rel=1e-4 if smooth else 1e-5)
    if "lrt" in wanted:
        assert 2 * (found.loglik - found.loglik_none) == pytest.approx(max(wanted["lrt"], 0.0), abs=2e-7)


PROFILED = [number for number, part in CASES.items() if part["what"].str.endswith("_high").any()]


@pytest.mark.parametrize("number", PROFILED)
def test_profile_intervals_equal_metafor(number: int) -> None:
    """Bounds to 1e-4: confint() maximises anew at each point it tries, each time to a tolerance of its own.

    It looks for the upper bound of a weight up to ten times the estimate; a bound printed there is none.
    """
    found, wanted = _fitted(number)
    if wanted["delta_high"] == pytest.approx(10.0 * wanted["delta1"], rel=1e-6):
        assert found.delta_interval(0)[1] > wanted.pop("delta_high")
    for what, (low, high) in (("tau2", found.tau2_interval()), ("delta", found.delta_interval(0))):
        for side, value in (("low", low), ("high", high)):
            if np.isfinite(wanted.get(f"{what}_{side}", np.nan)):
                assert value == pytest.approx(wanted[f"{what}_{side}"], rel=1e-4, abs=1e-6)
