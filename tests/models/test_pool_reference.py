"""Agreement with metafor: every tau2 estimator, every interval, 38 samples (reference/pooling.R, pooling_more.R)."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import KetametaWarning
from ketameta.models.kernel import METHODS

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
TAU2 = pd.read_csv(REFERENCE / "pooling_tau2.csv").set_index(["dataset", "method"])
MEAN = pd.read_csv(REFERENCE / "pooling_mean.csv").set_index(["dataset", "method", "test"])
DATASETS = list(dict.fromkeys(INPUTS["dataset"]))
MORE = pd.read_csv(REFERENCE / "pooling_more.csv").set_index(["dataset", "method", "test"])
BASIC = list(dict.fromkeys(TAU2.index.get_level_values("method")))
FURTHER = list(dict.fromkeys(MORE.index.get_level_values("method")))
TESTS = {"z": "Wald", "knha": "HKSJ", "adhoc": "HKSJ-adhoc"}
RELATIVE = 1e-8
# rma() stops its scoring at a tau2 of 1.4e-14 (smallest vi 0.0025) where the maximum lies at 0 itself.
NEARLY_ZERO = {("lau1992", "ML")}


def pooled(dataset: str, **options: object) -> km.models.Pooled:
    rows = INPUTS[INPUTS["dataset"] == dataset]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        return km.pool(rows[["yi", "vi"]], **options)


def same(found: float, expected: float) -> bool:
    if math.isnan(expected):
        return math.isnan(found)
    return found == pytest.approx(expected, rel=RELATIVE, abs=0.0)


def test_reference_covers_what_it_claims() -> None:
    script = (REFERENCE / "pooling.R").read_text(encoding="utf-8")
    assert len(set(re.findall(r"\bdat\.\w+", script))) >= 30
    assert len(DATASETS) == 38
    assert set(BASIC) | set(FURTHER) == set(METHODS)
    assert len(TAU2) == len(DATASETS) * len(BASIC)
    assert len(MEAN) == len(TAU2) * len(TESTS)
    assert len(MORE) == len(DATASETS) * len(FURTHER) * len(TESTS)


@pytest.mark.parametrize("dataset", DATASETS)
def test_heterogeneity(dataset: str) -> None:
    for method in BASIC:
        fit, r = pooled(dataset, tau2=method), TAU2.loc[(dataset, method)]
        found = {
            "k": fit.k,
            "q": fit.q,
            "q_p": fit.q_p,
            "loglik": fit.loglik,
            "h2": fit.h2,
            "tau2_low": fit.tau2_ci[0],
            "tau2_high": fit.tau2_ci[1],
            "i2_low": fit.i2_ci[0],
            "i2_high": fit.i2_ci[1],
            "h2_low": fit.h2_ci[0],
            "h2_high": fit.h2_ci[1],
        }
        if (dataset, method) in NEARLY_ZERO:
            assert fit.tau2 == 0
            assert fit.boundary
            assert fit.i2 == 0
            assert 0 < r["tau2"] < 1e-11 * fit.vi.min()
        else:
            found |= {"tau2": fit.tau2, "i2": fit.i2}
        wrong = {name: (value, r[name]) for name, value in found.items() if not same(value, r[name])}
        assert not wrong, method


@pytest.mark.parametrize("dataset", DATASETS)
def test_mean(dataset: str) -> None:
    for method in BASIC:
        for test, ci in TESTS.items():
            r = MEAN.loc[(dataset, method, test)]
            fit = pooled(dataset, tau2=method, ci=ci)
            found = {
                "estimate": fit.estimate,
                "se": fit.se,
                "ci_low": fit.ci_low,
                "ci_high": fit.ci_high,
                "stat": fit.stat,
                "p": fit.p,
                "pi_low": fit.pi_low,
                "pi_high": fit.pi_high,
            }
            wrong = {name: (value, r[name]) for name, value in found.items() if not same(value, r[name])}
            assert not wrong, (method, ci)


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "bcg_first_two"])
def test_prediction_with_k_minus_2_degrees_of_freedom(dataset: str) -> None:
    """predict(rma(test="z"), pi.type="riley"): t with k - 2 degrees of freedom, Wald standard error."""
    for method in BASIC[1:]:
        r = MEAN.loc[(dataset, method, "z")]
        for ci in TESTS.values():
            fit = pooled(dataset, tau2=method, ci=ci, prediction="t(k-2)")
            assert same(fit.pi_low, r["riley_low"])
            assert same(fit.pi_high, r["riley_high"])
            assert fit.prediction_method == "t(k-2)"


@pytest.mark.parametrize("dataset", DATASETS)
def test_estimators_in_steps_and_with_chosen_weights(dataset: str) -> None:
    """HSk, DL2, HE2 and GENQ with weights 1 / sqrt(v), by metafor 5.1 (pooling_more.R)."""
    for method in FURTHER:
        for test, ci in TESTS.items():
            r = MORE.loc[(dataset, method, test)]
            fit = pooled(dataset, tau2=method, ci=ci)
            wrong = {n: (getattr(fit, n), r[n]) for n in MORE.columns if not same(getattr(fit, n), r[n])}
            assert not wrong, (method, ci)


def test_global_maximum_where_scoring_stops_at_a_lower_one() -> None:
    """rma() ends at tau2 = 0; the restricted likelihood is higher by 3.96 at another maximum."""
    r = pd.read_csv(REFERENCE / "pooling_modes.csv").iloc[0]
    y = [-1.9, -0.1, -3.5, -0.1, -4.9, -0.1]
    v = [15.93, 0.04, 20.6, 0.02, 1.08, 0.33]
    fit = km.pool(yi=y, vi=v)
    assert r["rma_tau2"] == 0
    assert r["best_loglik"] > r["rma_loglik"] + 3.9
    assert fit.loglik == pytest.approx(r["best_loglik"], rel=1e-12)
    assert fit.tau2 == pytest.approx(r["best_tau2"], rel=1e-6)
    assert any("2 local maxima" in note for note in fit.notes)


GROUP_INPUTS = pd.read_csv(REFERENCE / "pooling_groups_inputs.csv")
GROUPS = pd.read_csv(REFERENCE / "pooling_groups.csv")


@pytest.mark.parametrize("dataset", list(dict.fromkeys(GROUPS["dataset"])))
@pytest.mark.parametrize(("test", "ci"), list(TESTS.items()))
def test_subgroups(dataset: str, test: str, ci: str) -> None:
    rows = GROUP_INPUTS[GROUP_INPUTS["dataset"] == dataset]
    expected = GROUPS[(GROUPS["dataset"] == dataset) & (GROUPS["test"] == test)]
    assert len(expected) == 7 * rows["g"].nunique()
    for method, part in expected.groupby("method"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", KetametaWarning)
            separate = km.subgroups(rows, "g", tau2=str(method), ci=ci)
            common = km.subgroups(rows, "g", tau2=str(method), ci=ci, common_tau2=True)
        assert [name for name, _ in separate.groups] == list(part["group"])
        for (_, own), (_, shared), (_, r) in zip(
            separate.groups, common.groups, part.iterrows(), strict=True
        ):
            assert same(own.tau2, r["separate_tau2"])
            assert same(separate.q_between, r["separate_q"])
            assert same(separate.p, r["separate_p"])
            assert same(shared.tau2, r["common_tau2"])
            assert same(shared.estimate, r["common_estimate"])
            assert same(shared.se, r["common_se"])
            assert same(shared.ci_low, r["common_low"])
            assert same(shared.ci_high, r["common_high"])
            assert same(shared.p, r["common_p"])
            assert same(common.q_between, r["common_q"])


def test_inputs_are_what_the_published_counts_give() -> None:
    """The first row of the BCG sample: 4 of 123 against 11 of 139 (Colditz et al. 1994)."""
    first = INPUTS[INPUTS["dataset"] == "bcg_rr"].iloc[0]
    assert first["yi"] == pytest.approx(math.log((4 / 123) / (11 / 139)), rel=1e-14)
    assert first["vi"] == pytest.approx(1 / 4 - 1 / 123 + 1 / 11 - 1 / 139, rel=1e-14)
    assert np.isfinite(INPUTS[["yi", "vi"]].to_numpy()).all()
