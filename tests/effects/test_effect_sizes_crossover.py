"""effect_sizes of crossovers: pairs, their correlation, the scale of parallel groups, and carry-over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta import effects
from ketameta.effects import EffectOptions
from ketameta.errors import EffectError, KetametaWarning

REFERENCE = Path(__file__).parents[1] / "reference"
PAIRS = {
    "design": "crossover",
    "crossover_period": "both paired",
    "score_type": "endpoint",
    "n_t": 10,
    "mean_t": 7.0,
    "sd_t": 2.38,
    "n_c": 10,
    "mean_c": 6.5,
    "sd_c": 2.21,
}


def one(
    measure: str = "SMD", crossover: Any = "paired", options: EffectOptions | None = None, **cells: Any
) -> pd.Series:
    """Only row of the effects of one row."""
    table = km.effect_sizes(pd.DataFrame([cells]), measure=measure, crossover=crossover, options=options)  # type: ignore[arg-type]
    row = table.iloc[0]
    assert (row["reason"] == "") == np.isfinite(row["yi"])
    return row


def test_the_handbook_crossover_through_the_table() -> None:
    """Cochrane Handbook, crossover example: 7.0 (2.38) v 6.5 (2.21), 10 people, r = 0.68, SE 0.583."""
    row = one("MD", **PAIRS, correlation=0.68)
    assert (row["yi"], round(row["sei"], 3)) == (0.5, 0.583)
    assert row["imputed"] == "r = 0.68 of the row"
    standardised = one(**PAIRS, correlation=0.68)
    expected = effects.smcrph(7.0, 2.38, 6.5, 2.21, 10, 0.68)
    assert (standardised["yi"], standardised["vi"]) == (float(expected.yi), float(expected.vi))
    printed = effects.paired_smd(7.0, 2.38, 6.5, 2.21, 10, 0.68)
    assert (round(float(printed.yi), 3), round(float(printed.sei), 3)) == (0.218, 0.256)
    assert standardised["sei"] == pytest.approx(0.256, abs=1e-3)
    assert standardised["standardiser"] == "pooled SD of endpoint scores"


@pytest.mark.parametrize("how", ["se", "ci", "t", "p"])
def test_the_correlation_is_recovered_from_the_difference(how: str) -> None:
    r = 0.68
    sd = np.sqrt(2.38**2 + 2.21**2 - 2 * r * 2.38 * 2.21)
    se = sd / np.sqrt(10)
    from scipy import stats

    half = stats.t.ppf(0.975, 9) * se
    cells: dict[str, Any] = {"contrast_measure": "MD", "contrast_value": 0.5}
    cells |= {
        "se": {"contrast_se": se},
        "ci": {"contrast_ci_low": 0.5 - half, "contrast_ci_high": 0.5 + half, "contrast_ci_level": 95},
        "t": {"contrast_stat": f"t(9) = {0.5 / se:.8f}"},
        "p": {"contrast_p": f"{2 * stats.t.sf(0.5 / se, 9):.15g}"},
    }[how]
    row = one(**PAIRS, **cells)
    assert "r = (sd_t^2 + sd_c^2 - n se^2) / (2 sd_t sd_c) = 0.68" in row["imputed"]
    expected = effects.smcrph(7.0, 2.38, 6.5, 2.21, 10, r)
    assert (row["yi"], row["vi"]) == pytest.approx((float(expected.yi), float(expected.vi)), rel=1e-6)
    difference = one("MD", **PAIRS, **cells)
    assert difference["sei"] == pytest.approx(se, rel=1e-6)


def test_a_difference_that_is_not_that_of_the_means_recovers_nothing() -> None:
    cells = {"contrast_measure": "MD", "contrast_value": 0.9, "contrast_se": 0.583}
    assert "assumed" in one(**PAIRS, **cells)["imputed"]
    cells = {"contrast_measure": "MD", "contrast_value": 0.5, "contrast_se": 0.583, "adjusted": True}
    assert "assumed" in one(**PAIRS, **cells)["imputed"]


def test_a_contradiction_is_a_reason() -> None:
    row = one(**PAIRS, contrast_measure="MD", contrast_value=0.5, contrast_se=5.0)
    assert row["reason"].startswith(
        "sd_t, sd_c and the SE of the difference contradict each other: r = (2.38^2"
    )
    assert "correlation must lie between" in one(**PAIRS, correlation=1.0)["reason"]


def test_the_assumed_correlation_is_named_with_its_range() -> None:
    row = one(**PAIRS)
    low, high = (float(effects.smcrph(7.0, 2.38, 6.5, 2.21, 10, r).sei) for r in (0.3, 0.7))
    assert row["imputed"] == (
        f"r = 0.5 assumed (r_crossover); sei would be {low:.3g} at r = 0.3 and {high:.3g} at r = 0.7"
    )
    assert row["vi"] == float(effects.smcrph(7.0, 2.38, 6.5, 2.21, 10, 0.5).vi)
    options = EffectOptions(r_crossover=0.2, r_range=(0.0, 0.9))
    other = one(options=options, **PAIRS)
    assert other["vi"] == float(effects.smcrph(7.0, 2.38, 6.5, 2.21, 10, 0.2).vi)
    assert "at r = 0 and " in other["imputed"]
    assert other["imputed"].endswith("at r = 0.9")


def test_parallel_is_conservative_and_says_so() -> None:
    row = one(crossover="parallel", **PAIRS)
    expected = effects.smd(7.0, 2.38, 10, 6.5, 2.21, 10)
    assert (row["yi"], row["vi"]) == (float(expected.yi), float(expected.vi))
    assert row["effect_notes"].startswith("both periods of a crossover as if parallel groups")
    printed = one(**{**PAIRS, "crossover_period": "both as parallel"})
    assert printed["vi"] == row["vi"]
    assert "parallel groups" in printed["effect_notes"]


def test_first_periods_only() -> None:
    assert one(crossover="first", **PAIRS)["reason"].startswith("both periods of a crossover")
    first = one(crossover="first", **{**PAIRS, "crossover_period": "first", "n_c": 9})
    assert first["vi"] == float(effects.smd(7.0, 2.38, 10, 6.5, 2.21, 9).vi)
    assert first["effect_notes"] == ""
    counts = {
        "events_t": 5,
        "total_t": 10,
        "events_c": 2,
        "total_c": 10,
        "crossover_period": "both as parallel",
    }
    assert one("OR", "first", **counts)["reason"].startswith("both periods")
    with pytest.raises(EffectError, match="did you mean 'paired'"):
        one("SMD", "pair", **PAIRS)


def test_an_unknown_period_is_a_reason() -> None:
    reason = one(**{**PAIRS, "crossover_period": "both"})["reason"]
    assert reason == "crossover_period = both is not one of first, both paired, both as parallel"


def test_unequal_pairs_are_refused() -> None:
    reason = one(**{**PAIRS, "n_c": 9})["reason"]
    assert "n_t = 10 and n_c = 9 differ" in reason
    assert one(crossover="parallel", **{**PAIRS, "n_c": 9})["reason"] == ""


def test_pairs_by_other_standardisers_and_measures() -> None:
    mirrored = effects.smcr(6.5, 2.21, 7.0, 2.38, 10, 0.5)
    row = km.effect_sizes(pd.DataFrame([PAIRS]), standardiser="control").iloc[0]
    assert (row["yi"], row["vi"]) == (-float(mirrored.yi), float(mirrored.vi))
    row = km.effect_sizes(pd.DataFrame([PAIRS]), standardiser="average").iloc[0]
    assert row["yi"] == float(effects.smcrph(7.0, 2.38, 6.5, 2.21, 10, 0.5).yi)
    row = one("ROM", **PAIRS)
    assert row["vi"] == float(effects.rom(7.0, 2.38, 10, 6.5, 2.21, 10).vi)
    assert "parallel groups" in row["effect_notes"]


def test_a_within_person_difference_with_its_correlation() -> None:
    cells = {
        "crossover_period": "both paired",
        "score_type": "contrast",
        "contrast_measure": "MD",
        "contrast_value": -7.6,
        "contrast_stat": "t=4.39",
        "n_t": 18,
        "n_c": 18,
    }
    assert "a column correlation gives it" in one(**cells)["reason"]
    row = one(**cells, correlation=0.6)
    sd = 7.6 / 4.39 * np.sqrt(18)
    change = effects.smcc(-7.6, sd, 0.0, sd, 18, 0.5)  # SD of differences: sqrt(2 (1 - 0.5)) sd = sd
    expected = effects.to_between_persons(change.yi, change.vi, 0.6)
    assert (row["yi"], row["vi"]) == pytest.approx((float(expected.yi), float(expected.vi)), rel=1e-12)
    assert row["standardiser"] == "SD over persons, from the SE of the difference and r"
    assert "r = 0.6 of the row" in row["imputed"]
    assert "correlation" in one(**cells, correlation=-1.0)["reason"]


def test_pairs_that_share_a_condition_are_not_combined() -> None:
    rows = pd.DataFrame(
        [
            {**PAIRS, "study_id": "x1990_1mg", "comparator_arm_id": "x:c"},
            {**PAIRS, "study_id": "x1990_2mg", "comparator_arm_id": "x:c", "mean_t": 5.0},
        ]
    )
    table = km.effect_sizes(rows)
    assert table["reason"].str.contains("neither combined nor split").all()
    assert km.effect_sizes(rows, shared="keep")["yi"].notna().all()


def test_pairs_against_escalc() -> None:
    """tests/reference/crossover.R: metafor's SMCRP and SMCRPH."""
    data = pd.read_csv(REFERENCE / "crossover.csv")
    assert len(data) >= 60
    pairs = [data[name].to_numpy() for name in ("m1", "sd1", "m2", "sd2", "n", "r")]
    for function in (effects.smcrp, effects.smcrph):
        found = function(*pairs)
        np.testing.assert_allclose(found.yi, data["yi"], rtol=1e-12)
        np.testing.assert_allclose(found.vi, data[f"vi_{function.__name__}"], rtol=1e-12)


def test_equal_sds_make_both_variances_one() -> None:
    args = ([7.0, -2.0], [2.3, 1e-80], [6.5, 1.0], [2.3, 1e-80], [10, 40], [0.68, -0.2])
    np.testing.assert_allclose(effects.smcrph(*args).vi, effects.smcrp(*args).vi, rtol=1e-13)


def test_unequal_sds_leave_the_variance_right() -> None:
    rng = np.random.default_rng(11)
    trials, n, r = 30_000, 30, 0.9
    first, noise = rng.normal(size=(2, trials, n))
    x, y = 1.5 * first + 1.0, r * first + np.sqrt(1 - r**2) * noise
    m, s = [v.mean(axis=1) for v in (x, y)], [v.std(axis=1, ddof=1) for v in (x, y)]
    found = effects.smcrph(m[0], s[0], m[1], s[1], n, r)
    assert found.vi.mean() == pytest.approx(found.yi.var(), rel=0.04)
    assert effects.smcrp(m[0], s[0], m[1], s[1], n, r).vi.mean() < 0.8 * found.yi.var()


def test_short_washouts_warn() -> None:
    cells = {**PAIRS, "record_id": "KX1", "washout_days": 4}
    with pytest.warns(KetametaWarning, match="KX1") as caught:
        row = one(**cells)
    assert len(caught) == 1
    assert "washout of 4 days, under 7: carry-over is likely" in row["effect_notes"]
    assert "washout" not in one(**{**cells, "washout_days": 7})["effect_notes"]
    assert "washout" not in one(**{**cells, "crossover_period": "first"})["effect_notes"]
    assert "washout" not in one(**{**cells, "washout_days": np.nan})["effect_notes"]
    for unusable in (-3, "two weeks", np.inf):
        said = one(**{**cells, "washout_days": unusable})["effect_notes"]
        assert said == f"washout_days = {unusable}: not a number of days, so carry-over is unchecked"


def test_washouts_against_the_half_life() -> None:
    cells = {**PAIRS, "washout_days": 14}
    with pytest.warns(KetametaWarning, match="carry-over"):
        row = one(options=EffectOptions(half_life_days=7.0), **cells)
    assert row["effect_notes"] == "washout of 14 days is 2 half-lives: 25% of the first effect may be left"
    row = one(options=EffectOptions(half_life_days=2.0), **cells)
    assert row["effect_notes"] == "washout of 14 days is 7 half-lives: 1% of the first effect may be left"


def test_crossover_and_parallel_trials_estimate_one_thing() -> None:
    """People measured in both periods, or split in two groups: one SMD, and each variance is right."""
    rng = np.random.default_rng(7)
    trials, n, r, delta = 20_000, 16, 0.7, -0.9
    one_period, noise = rng.normal(size=(2, trials, n))
    other = r * one_period + np.sqrt(1 - r**2) * noise + delta
    paired = effects.smcrph(
        other.mean(axis=1),
        other.std(axis=1, ddof=1),
        one_period.mean(axis=1),
        one_period.std(axis=1, ddof=1),
        n,
        r,
    )
    groups = rng.normal(size=(2, trials, n)) + np.array([delta, 0.0])[:, None, None]
    m, s = groups.mean(axis=2), groups.std(axis=2, ddof=1)
    parallel = effects.smd(m[0], s[0], n, m[1], s[1], n)
    assert paired.yi.mean() == pytest.approx(delta, abs=0.01)
    assert parallel.yi.mean() == pytest.approx(delta, abs=0.01)
    assert paired.vi.mean() == pytest.approx(paired.yi.var(), rel=0.06)
    assert paired.yi.var() < 0.5 * parallel.yi.var()


@pytest.mark.parametrize(("washout", "half_life"), [(-1, 7), (4, 0), (np.nan, 7), (4, np.inf), ("x", 7)])
def test_carry_over_checks(washout: Any, half_life: Any) -> None:
    with pytest.raises(EffectError):
        effects.carry_over(washout, half_life)


def test_carry_over_and_scale_of_persons() -> None:
    np.testing.assert_allclose(effects.carry_over([0, 7, 70], 7.0), [1, 0.5, 2.0**-10])
    same = effects.to_between_persons([0.3], [0.1], 0.5)
    assert (same.yi.item(), same.vi.item()) == pytest.approx((0.3, 0.1))
    for r in (1.0, -1.0, np.nan):
        with pytest.raises(EffectError):
            effects.to_between_persons([0.3], [0.1], r)
    with pytest.raises(EffectError, match="variance"):
        effects.to_between_persons([0.3], [0.0], 0.5)


def test_parallel_leaves_the_error_within_persons_aside() -> None:
    cells = {**PAIRS, "contrast_measure": "MD", "contrast_value": 0.5, "contrast_se": 0.583}
    assert one("MD", **cells)["sei"] == 0.583
    row = one("MD", "parallel", **cells)
    assert row["vi"] == float(effects.md(7.0, 2.38, 10, 6.5, 2.21, 10).vi)
    assert "parallel groups" in row["effect_notes"]


def test_contrasts_of_another_measure_leave_the_arms_alone() -> None:
    other = {
        "contrast_measure": "SMD_d",
        "contrast_value": 0.4,
        "contrast_ci_low": 0.1,
        "contrast_ci_high": 0.7,
    }
    row = one("MD", **PAIRS, **other, contrast_ci_level=95, correlation=0.68)
    assert round(row["sei"], 3) == 0.583
    unlevelled = {
        "contrast_measure": "MD",
        "contrast_value": 0.5,
        "contrast_ci_low": -0.6,
        "contrast_ci_high": 1.6,
    }
    assert round(one("MD", **PAIRS, **unlevelled, correlation=0.68)["sei"], 3) == 0.583


def test_a_difference_with_both_sds_and_no_error_is_a_pair() -> None:
    cells = {key: value for key, value in PAIRS.items() if not key.startswith("mean")}
    cells |= {"score_type": "contrast", "contrast_measure": "MD", "contrast_value": 0.5}
    expected = effects.smcrph(0.5, 2.38, 0.0, 2.21, 10, 0.68)
    row = one(**cells, correlation=0.68)
    assert (row["yi"], row["vi"]) == pytest.approx((float(expected.yi), float(expected.vi)), rel=1e-13)
    assert "r = 0.5 assumed" in one(**cells)["imputed"]
    assert round(one("MD", **cells, correlation=0.68)["sei"], 3) == 0.583
    parallel = one("SMD", "parallel", **cells)
    assert "parallel groups" in parallel["effect_notes"]
    assert "differ: a paired analysis" in one(**{**cells, "n_c": 9})["reason"]


def test_paired_contrasts_that_share_a_condition_are_not_combined() -> None:
    cells = {
        "crossover_period": "both paired",
        "score_type": "contrast",
        "contrast_measure": "MD",
        "contrast_se": 1.0,
    }
    rows = pd.DataFrame(
        [
            {
                **cells,
                "n_t": 20,
                "n_c": 20,
                "contrast_value": value,
                "study_id": study,
                "comparator_arm_id": "x:c",
            }
            for value, study in ((-4.0, "x1990_1mg"), (-5.0, "x1990_2mg"))
        ]
    )
    for shared in ("combine", "split"):
        found = km.effect_sizes(rows, measure="MD", shared=shared)  # type: ignore[arg-type]
        assert found["reason"].str.contains("neither combined nor split").all()


def test_the_correlation_of_a_pair_is_not_that_of_baseline_and_end() -> None:
    cells = {
        **PAIRS,
        "score_type": "change",
        "sd_t": None,
        "baseline_sd_t": 2.0,
        "endpoint_sd_t": 2.5,
        "correlation": 0.6,
    }
    assert one(**cells)["reason"].startswith("sd_t is missing")
    row = one(options=EffectOptions(r_change=0.3), **cells)
    assert "r = 0.3 assumed (r_change); r = 0.6 of the row" in row["imputed"]


def test_an_adjusted_difference_recovers_no_correlation() -> None:
    row = one(**PAIRS, contrast_measure="LSMD", contrast_value=0.5, contrast_se=0.5)
    assert "r = 0.5 assumed" in row["imputed"]
