from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.robustness import excess_significance
from ketameta.robustness._small_study_power import at_least, power_of

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
WANTED = (
    pd.read_csv(REFERENCE / "bias_tests.csv")
    .set_index(["dataset", "test", "model", "part"])["value"]
    .to_dict()
)
CASES = [*dict.fromkeys((name[0], name[2]) for name in WANTED if name[1] == "excess")]
TESTS = {"chi2": "chi2", "binom": "binomial", "exact": "exact"}
Y, V = [-1.1, -0.4, -0.6, -0.2], [0.2, 0.05, 0.1, 0.02]


def classic(name: str) -> km.models.Pooled:
    rows = INPUTS[INPUTS["dataset"] == name]
    return km.pool(yi=rows["yi"].to_numpy(), vi=rows["vi"].to_numpy())


@pytest.mark.parametrize(("dataset", "form"), CASES)
def test_is_that_of_metafor(dataset: str, form: str) -> None:
    """To 1e-9 with a common effect; metafor integrates over 5 tau on each side only, which leaves out 6e-7."""
    effect, *side, test = form.split()
    found = excess_significance(
        classic(dataset), effect=effect, side="below" if side else "two-sided", test=TESTS[test]
    )
    rtol = 1e-9 if effect == "common" else 1e-5
    assert found.expected == pytest.approx(WANTED[dataset, "excess", form, "expected"], rel=rtol)
    assert found.p == pytest.approx(WANTED[dataset, "excess", form, "p"], rel=10 * rtol, abs=1e-12)
    if effect == "common":
        assert found.observed == WANTED[dataset, "excess", form, "observed"]


@pytest.mark.parametrize("dataset", [name for name, form in CASES if form == "common chi2"])
def test_limit_is_that_of_metafor(dataset: str) -> None:
    """Its root finder stops at 1e-4."""
    found = excess_significance(classic(dataset), effect="common", test="chi2")
    wanted = WANTED[dataset, "excess", "common chi2", "limit"]
    if math.isnan(wanted):
        assert math.isnan(found.limit)
    else:
        assert found.limit == pytest.approx(wanted, abs=3e-4)


@pytest.mark.parametrize("test", list(TESTS.values()))
def test_limit_is_where_p_reaches_a_tenth(test: str) -> None:
    fit = km.pool(yi=[-1.1, -0.9, -0.8, -0.75, -0.2], vi=[0.2, 0.19, 0.16, 0.13, 0.02], tau2="EE", ci="Wald")
    found = excess_significance(fit, test=test)
    power = power_of(found.limit, 0.0, np.sqrt(fit.vi), 1.959963984540054, "two-sided")
    if test == "chi2":
        mean = power.mean()
        z = (found.observed - power.sum()) / math.sqrt(5 * mean * (1 - mean))
        assert z == pytest.approx(1.2815515655446004, rel=1e-8)
    else:
        chances = power if test == "exact" else np.full(5, power.mean())
        assert at_least(found.observed, chances) == pytest.approx(0.1, rel=1e-8)
    assert found.limit < 0


def test_power_is_that_of_a_simulation() -> None:
    rng = np.random.default_rng(3)
    se = np.sqrt(V)
    draws = rng.normal(-0.4, 0.3, size=(200_000, 1)) + rng.normal(size=(200_000, 4)) * se
    for side, hit in (
        ("two-sided", np.abs(draws / se) >= 1.96),
        ("below", draws / se <= -1.96),
        ("above", draws / se >= 1.96),
    ):
        assert power_of(-0.4, 0.09, se, 1.96, side) == pytest.approx(hit.mean(axis=0), abs=0.004)


def test_exact_distribution_by_every_outcome() -> None:
    chances = np.array([0.1, 0.35, 0.8, 0.02, 0.6])
    for count in range(6):
        total = sum(
            np.prod(np.where(outcome, chances, 1 - chances))
            for outcome in itertools.product([True, False], repeat=5)
            if sum(outcome) >= count
        )
        assert at_least(count, chances) == pytest.approx(total, rel=1e-12)


def test_sides_mirror_each_other() -> None:
    fit, mirror = km.pool(yi=Y, vi=V), km.pool(yi=np.negative(Y), vi=V)
    below, above = excess_significance(fit, side="below"), excess_significance(mirror, side="above")
    assert (below.observed, below.expected, below.p) == pytest.approx(
        (above.observed, above.expected, above.p)
    )
    assert excess_significance(fit).p == pytest.approx(excess_significance(mirror).p)
    assert excess_significance(fit, side="above").observed == 0
    assert excess_significance(fit, side="above").p == 1.0


def test_the_largest_trial_as_the_truth() -> None:
    found = excess_significance(km.pool(yi=Y, vi=V), effect="largest")
    assert (found.effect, found.tau2) == (-0.2, 0.0)


def test_tess_counts_from_five_percent() -> None:
    found = excess_significance(km.pool(yi=Y, vi=V))
    share = (found.observed - found.expected) / 4
    assert found.tess == pytest.approx((share - 0.05) / math.sqrt(0.05 * 0.95 / 4), rel=1e-12)
    assert found.observed == int(found.significant.sum())


@pytest.mark.parametrize("test", list(TESTS.values()))
def test_certain_power_and_equal_effects(test: str) -> None:
    sure = excess_significance(km.pool(yi=[-5.0] * 4, vi=[1e-4, 2e-4, 3e-4, 4e-4], ci="Wald"), test=test)
    assert (sure.observed, sure.expected, sure.p) == (4, 4.0, 1.0)
    none = excess_significance(km.pool(yi=[0.0] * 3, vi=V[:3], ci="Wald"), test=test)
    assert none.observed == 0
    assert math.isnan(none.limit)
    json.dumps(none.to_dict(), allow_nan=False)


def test_refuses() -> None:
    fit = km.pool(yi=Y, vi=V)
    for options in ({"test": "chi"}, {"side": "left"}, {"effect": "true"}, {"alpha": 0}):
        with pytest.raises(ModelError):
            excess_significance(fit, **options)
    with pytest.raises(ModelError, match="needs 2 studies"):
        excess_significance(km.pool(yi=[0.1], vi=[0.1]))


def test_shows_itself() -> None:
    found = excess_significance(km.pool(pd.DataFrame({"yi": Y, "vi": V, "measure": "SMD"})), test="chi2")
    assert f"Of 4 trials {found.observed}" in found.sentence()
    assert "more than 5% in excess" in str(found)
    assert "chi-square" in found._repr_html_()
    assert found.to_frame().loc[0, "expected"] == found.expected
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["power"] == found.power.tolist()
    assert found.provenance.steps[-1]["step"] == "excess_significance"
    assert any("4 studies" in note for note in found.notes)


def test_arrays_are_read_only() -> None:
    found = excess_significance(km.pool(yi=Y, vi=V))
    for array in (found.power, found.significant):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_limit_of_one_side_lies_on_that_side() -> None:
    fit = km.pool(yi=[-0.02, 0.9, 0.8, 0.75, 1.1], vi=[1e-4, 0.17, 0.14, 0.13, 0.2], tau2="EE", ci="Wald")
    assert fit.estimate < 0
    assert excess_significance(fit, side="above").limit > 0
