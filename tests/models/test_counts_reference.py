"""counts() against R: metafor, and likelihoods on a dense grid (tests/reference/counts.R)."""

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.models.glmm import fit_glmm, informative

HERE = Path(__file__).resolve().parents[1] / "reference"
INPUTS = pd.read_csv(HERE / "counts_inputs.csv")
WEIGHTED = pd.read_csv(HERE / "counts_weighted.csv", skipinitialspace=True, na_values="NA")
GLMM = pd.read_csv(HERE / "counts_glmm.csv", skipinitialspace=True, na_values="NA")


def cells(name):
    return [INPUTS.loc[INPUTS["set"] == name, x].to_numpy(float) for x in ("a", "n1", "c", "n2")]


@lru_cache
def fitted(name, model):
    tables = cells(name)
    if model != "UM.RS":
        told = informative(*tables)
        tables = [x[told] for x in tables]
    return fit_glmm(*tables, model=model)


@pytest.mark.parametrize("row", list(WEIGHTED.itertuples()), ids=lambda r: f"{r.set}-{r.measure}")
def test_mantel_haenszel_and_peto_agree_with_metafor(row):
    method, measure = ("Peto", "OR") if row.measure == "PETO" else ("MH", row.measure)
    fit = km.counts(*cells(row.set), measure=measure, method=method)
    random = km.counts(*cells(row.set), measure=measure, method=method, tau2="DL")
    tests = {test.name: test.stat for test in fit.tests}
    got = {
        name: getattr(fit, name) for name in ("estimate", "se", "ci_low", "ci_high", "p", "q", "q_p", "i2")
    }
    got |= {"dl_tau2": random.tau2, "dl_estimate": random.estimate, "dl_se": random.se}
    if row.measure == "OR":
        got |= {"bd": tests["Breslow-Day"], "ta": tests["Tarone"]}
    for name, value in got.items():
        assert value == pytest.approx(getattr(row, name), rel=1e-10, abs=1e-10), name
    assert fit.q_df == row.q_df


@pytest.mark.parametrize(
    "row", list(GLMM[GLMM["source"] == "grid"].itertuples()), ids=lambda r: f"{r.set}-{r.model}"
)
def test_models_agree_with_the_likelihood_on_a_dense_grid(row):
    fit = fitted(row.set, row.model)
    for name in ("estimate", "se", "tau2", "sigma2", "loglik", "lrt", "wald"):
        wanted = getattr(row, name)
        if not math.isnan(wanted):
            assert getattr(fit, name) == pytest.approx(wanted, rel=1e-6, abs=1e-6), name


@pytest.mark.parametrize(
    "row", list(GLMM[GLMM["source"] == "metafor"].itertuples()), ids=lambda r: f"{r.set}-{r.model}"
)
def test_models_agree_with_metafor_as_far_as_its_optimiser_goes(row):
    """The reasons for the tolerances stand in tests/reference/counts.md."""
    fit = fitted(row.set, row.model)
    laplace = row.model == "UM.RS"
    assert fit.estimate == pytest.approx(row.estimate, abs=3e-3 if laplace else 1e-3)
    assert fit.tau2 == pytest.approx(row.tau2, abs=2e-2 if laplace else 3e-3)
    if fit.tau2 > 0:
        assert fit.se == pytest.approx(row.se, abs=1e-2 if laplace else 2e-3)
    if row.model == "CM.EL":
        assert fit.loglik >= row.loglik - 1e-6


def test_there_are_enough_sets():
    assert GLMM.loc[GLMM["source"] == "grid", "set"].nunique() >= 8
    assert WEIGHTED["set"].nunique() >= 14
    assert np.isfinite(WEIGHTED["estimate"]).all()
