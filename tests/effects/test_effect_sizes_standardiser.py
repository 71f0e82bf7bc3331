"""In units of which SD an SMD is, by arms and by contrasts, and the warning of mixtures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta import effects
from ketameta.effects import attach_baseline
from ketameta.errors import DataError, EffectError, KetametaWarning

ARMS = {
    "n_t": 20,
    "mean_t": 14.0,
    "sd_t": 6.0,
    "n_c": 22,
    "mean_c": 18.0,
    "sd_c": 7.0,
    "score_type": "endpoint",
}
BASELINE = {"baseline_sd_t": 4.0, "baseline_sd_c": 5.0}
POOLED_BASELINE = np.sqrt((19 * 16 + 21 * 25) / 40)


@pytest.mark.parametrize(
    ("name", "expected", "words"),
    [
        ("pooled", effects.smd(14.0, 6.0, 20, 18.0, 7.0, 22), "pooled SD of endpoint scores"),
        (
            "average",
            effects.smdh(14.0, 6.0, 20, 18.0, 7.0, 22),
            "root mean square of both SDs of endpoint scores",
        ),
        ("control", effects.glass(14.0, 6.0, 20, 18.0, 7.0, 22), "comparator SD of endpoint scores"),
        (
            "baseline",
            effects.smd_stated(14.0, 6.0, 20, 18.0, 7.0, 22, POOLED_BASELINE, 40),
            "pooled SD at baseline",
        ),
    ],
)
def test_arms(name: Any, expected: effects.EffectSize, words: str) -> None:
    row = km.effect_sizes(pd.DataFrame([{**ARMS, **BASELINE}]), standardiser=name).iloc[0]
    assert (row["yi"], row["vi"]) == pytest.approx((float(expected.yi), float(expected.vi)), rel=1e-13)
    assert row["standardiser"] == words


@pytest.mark.parametrize(
    ("name", "sd", "df", "people"),
    [
        ("pooled", np.sqrt((19 * 36 + 21 * 49) / 40), 40, 42),
        ("average", np.sqrt((36 + 49) / 2), 40, 42),
        ("control", 7.0, 21, 22),
        ("baseline", POOLED_BASELINE, 40, 42),
    ],
)
def test_contrasts(name: Any, sd: float, df: int, people: int) -> None:
    cells = {
        **{key: value for key, value in ARMS.items() if not key.startswith("mean")},
        **BASELINE,
        "score_type": "contrast",
        "contrast_measure": "MD",
        "contrast_value": -4.0,
        "contrast_se": 1.8,
        "adjusted": True,
    }
    row = km.effect_sizes(pd.DataFrame([cells]), standardiser=name).iloc[0]
    from math import exp, lgamma, sqrt

    j = exp(lgamma(df / 2) - lgamma((df - 1) / 2)) / sqrt(df / 2)
    g = j * -4.0 / sd
    assert row["yi"] == pytest.approx(g, rel=1e-12)
    assert row["vi"] == pytest.approx((j * 1.8 / sd) ** 2 + g**2 / (2 * people), rel=1e-12)
    del cells["contrast_se"]
    row = km.effect_sizes(pd.DataFrame([cells]), standardiser=name).iloc[0]
    assert row["vi"] == pytest.approx(1 / 20 + 1 / 22 + g**2 / (2 * people), rel=1e-12)


def test_baseline_sds_are_asked_for() -> None:
    row = km.effect_sizes(pd.DataFrame([ARMS]), standardiser="baseline").iloc[0]
    assert row["reason"].startswith('standardiser="baseline" needs baseline_sd_t and baseline_sd_c')
    bad = km.effect_sizes(pd.DataFrame([{**ARMS, **BASELINE, "baseline_sd_c": 0.0}]), standardiser="baseline")
    assert bad["reason"].iloc[0] == "baseline_sd_c = 0: a standard deviation must be positive"
    with pytest.raises(EffectError, match="did you mean 'baseline'"):
        km.effect_sizes(pd.DataFrame([ARMS]), standardiser="basline")  # type: ignore[arg-type]


def test_combined_arms_have_a_combined_baseline() -> None:
    arm = {**ARMS, **BASELINE, "comparator_arm_id": "x:c"}
    rows = [
        {**arm, "study_id": "x1990_1mg"},
        {**arm, "study_id": "x1990_2mg", "baseline_sd_t": 6.0, "n_t": 30},
    ]
    row = km.effect_sizes(pd.DataFrame(rows), standardiser="baseline").iloc[0]
    both = effects.combine_arms([20, 30], [14.0, 14.0], [6.0, 6.0])
    treated = np.sqrt((19 * 16 + 29 * 36) / 48)
    unit = np.sqrt((49 * treated**2 + 21 * 25) / 70)
    expected = effects.smd_stated(both.mean, both.sd, both.n, 18.0, 7.0, 22, unit, 70)
    assert (row["yi"], row["vi"]) == pytest.approx((float(expected.yi), float(expected.vi)), rel=1e-12)


def test_the_baseline_sd_of_a_simulated_trial_standardises_with_the_right_variance() -> None:
    rng = np.random.default_rng(20)
    trials, n, r, delta = 40_000, 15, 0.6, 0.8
    first, noise = rng.normal(size=(2, trials, 2, n))
    last = r * first + np.sqrt(1 - r**2) * noise + np.array([delta, 0.0])[:, None]
    sd = np.sqrt(first.var(axis=2, ddof=1).mean(axis=1))
    means, sds = last.mean(axis=2), last.std(axis=2, ddof=1)
    found = effects.smd_stated(means[:, 0], sds[:, 0], n, means[:, 1], sds[:, 1], n, sd, 2 * n - 2)
    assert found.yi.mean() == pytest.approx(delta, abs=4 * found.yi.std() / np.sqrt(trials))
    assert found.vi.mean() == pytest.approx(found.yi.var(), rel=0.05)


def test_a_mixture_warns_and_names_the_rows() -> None:
    rows = pd.DataFrame(
        [
            {**ARMS, "record_id": "R1"},
            {**ARMS, "record_id": "R2", "score_type": "change"},
            {**ARMS, "record_id": "R3", "score_type": "change", "sd_t": None},
        ]
    )
    with pytest.warns(KetametaWarning, match=r"of changes \(R2\) .* endpoint scores \(R1\)") as caught:
        km.effect_sizes(rows)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    km.effect_sizes(rows.iloc[:1])
    km.effect_sizes(rows, measure="MD")
    km.effect_sizes(rows.assign(**BASELINE), standardiser="baseline")


def test_a_pool_of_a_mixture_says_so() -> None:
    rows = pd.DataFrame(
        [
            {**ARMS, "study_id": "a1990"},
            {**ARMS, "study_id": "b1990", "score_type": "change"},
            {**ARMS, "study_id": "c1990", "mean_t": 12.0},
        ]
    )
    with pytest.warns(KetametaWarning):
        es = km.effect_sizes(rows)
    fit = km.pool(es)
    said = [note for note in fit.notes if "different SDs" in note]
    assert said == [
        "SMDs in units of different SDs are pooled: pooled SD of change scores (1), pooled SD of endpoint scores (2)"
    ]
    assert not [note for note in km.pool(es.iloc[[0, 2]], ci="Wald").notes if "different SDs" in note]


def trials() -> pd.DataFrame:
    row = {"cohort_id": "a", "study_id": "a", "instrument": "MADRS"}
    return pd.DataFrame(
        [
            {**row, "score_type": "baseline", "sd_t": 4.0, "sd_c": 5.0},
            {**row, "score_type": "endpoint", "sd_t": 8.0, "sd_c": 9.0},
            {**row, "instrument": "BDI", "score_type": "baseline", "sd_t": 4.0, "sd_c": None},
            {**row, "study_id": "b", "score_type": "baseline", "sd_t": 4.0, "sd_c": 5.0},
            {**row, "study_id": "b", "score_type": "baseline", "sd_t": 4.5, "sd_c": 5.0},
            {**row, "study_id": "b", "score_type": "endpoint", "sd_t": 4.5, "sd_c": 5.0},
            {**row, "instrument": "BDI", "score_type": "endpoint", "sd_t": 4.0, "sd_c": 5.0},
        ]
    )


def test_attach_baseline() -> None:
    table = trials()
    rows = table[table["score_type"] == "endpoint"]
    before = rows.copy()
    found = attach_baseline(rows, table)
    pd.testing.assert_frame_equal(rows, before)
    assert found.index.equals(rows.index)
    assert found["baseline_sd_t"].iloc[0] == 4.0
    assert found["baseline_sd_c"].iloc[0] == 5.0
    assert found["baseline_sd_t"].iloc[1:].isna().all()


def test_attach_baseline_refuses() -> None:
    table = trials()
    with pytest.raises(DataError, match="already have baseline_sd_t"):
        attach_baseline(table.assign(baseline_sd_t=1.0), table)
    with pytest.raises(DataError, match="trials has no column instrument"):
        attach_baseline(table, table.drop(columns="instrument"))
    with pytest.raises(EffectError, match="rows is a list"):
        attach_baseline([], table)  # type: ignore[arg-type]


def test_attach_baseline_passes_over_retracted_rows_and_nameless_ones() -> None:
    table = trials().iloc[:2]
    rows = table.iloc[1:]
    for mark in ({"status": "apart"}, {"reason": "retracted: 2020"}, {"study_id": ""}):
        found = attach_baseline(
            rows.assign(**{k: v for k, v in mark.items() if k == "study_id"}), table.assign(**mark)
        )
        assert found["baseline_sd_t"].isna().all()
    assert attach_baseline(rows.drop(columns="cohort_id"), table)["baseline_sd_t"].tolist() == [4.0]
    with pytest.raises(DataError, match="more than once"):
        attach_baseline(rows, pd.concat([table, table["study_id"]], axis=1))


def test_one_control_has_one_baseline() -> None:
    arm = {**ARMS, **BASELINE, "comparator_arm_id": "x:c"}
    rows = [{**arm, "study_id": "x1990_1mg"}, {**arm, "study_id": "x1990_2mg", "baseline_sd_c": 7.0}]
    found = km.effect_sizes(pd.DataFrame(rows), standardiser="baseline")
    assert found["reason"].str.contains("different values of baseline_sd_c").all()


def test_printed_and_stated_differences_need_no_baseline() -> None:
    contrast = {"score_type": "contrast", "contrast_value": -0.5, "n_t": 20, "n_c": 22, "instrument": "MADRS"}
    rows = pd.DataFrame(
        [{**contrast, "contrast_measure": "SMD"}, {**contrast, "contrast_measure": "MD", "contrast_se": 1.0}]
    )
    options = effects.EffectOptions(reference_sd={"madrs": 10.0})
    found = km.effect_sizes(rows, standardiser="baseline", options=options)
    assert found["yi"].tolist() == [-0.5, -0.05]


def test_combined_rows_can_be_computed_again() -> None:
    arm = {**ARMS, **BASELINE, "comparator_arm_id": "x:c"}
    arm = {key: value for key, value in arm.items() if key != "sd_t"} | {"se_t": 1.3}
    rows = pd.DataFrame([{**arm, "study_id": "x1990_1mg"}, {**arm, "study_id": "x1990_2mg", "mean_t": 12.0}])
    for name in ("pooled", "baseline"):
        once = km.effect_sizes(rows, standardiser=name)  # type: ignore[arg-type]
        again = km.effect_sizes(once, standardiser=name)  # type: ignore[arg-type]
        np.testing.assert_allclose(again["yi"], once["yi"], rtol=1e-13)
        np.testing.assert_allclose(again["vi"], once["vi"], rtol=1e-13)


def test_odd_cells_beside_the_numbers_do_not_stop_a_combination() -> None:
    arm = {**ARMS, "comparator_arm_id": "x:c"}
    rows = pd.DataFrame([{**arm, "study_id": "x1990_1mg"}, {**arm, "study_id": "x1990_2mg"}])
    rows["complex"] = [1j, 2j]
    rows["array"] = [np.arange(3), np.arange(2)]
    rows["span"] = pd.arrays.IntervalArray.from_tuples([(0, 1), (1, 2)])
    rows["day"] = pd.to_datetime(["2020-01-01", "2021-01-01"])
    assert len(km.effect_sizes(rows)) == 1
