from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketameta as km
from ketameta.errors import ModelError
from ketameta.robustness import begg, egger, peters, pustejovsky_rodgers
from ketameta.robustness._small_study_rank import EXACT_AT_MOST, kendall
from ketameta.robustness.small_study import SmallStudyTest

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
POOLS = pd.read_csv(REFERENCE / "bias_tests_inputs.csv")
WANTED = (
    pd.read_csv(REFERENCE / "bias_tests.csv")
    .set_index(["dataset", "test", "model", "part"])["value"]
    .to_dict()
)
PARTS = ("estimate", "se", "stat", "p", "ci_low", "ci_high", "limit", "limit_ci_low", "limit_ci_high")
SETTINGS = {
    "weighted": {"tau2": "REML", "ci": "HKSJ"},
    "REML HKSJ": {"tau2": "REML", "ci": "HKSJ"},
    "DL Wald": {"tau2": "DL", "ci": "Wald"},
}


def cases(test: str) -> list[tuple[str, str]]:
    names = [(name[0], name[2]) for name in WANTED if name[1] == test]
    return [*dict.fromkeys(names)]


def classic(name: str, **options: str) -> km.models.Pooled:
    rows = INPUTS[INPUTS["dataset"] == name]
    return km.pool(yi=rows["yi"].to_numpy(), vi=rows["vi"].to_numpy(), **options)


def with_sizes(name: str, **options: str) -> km.models.Pooled:
    return km.pool(POOLS[POOLS["dataset"] == name].reset_index(drop=True), **options)


def agrees(found: SmallStudyTest, dataset: str, test: str, model: str, rtol: float) -> None:
    wanted = {name: WANTED[dataset, test, model, name] for name in PARTS}
    scale = {name: abs(wanted["se"]) if name.startswith(("estimate", "ci")) else 0.0 for name in PARTS}
    for name in PARTS:
        slack = rtol * max(scale[name], 1e-6)
        assert getattr(found, name) == pytest.approx(wanted[name], rel=rtol, abs=slack), name


@pytest.mark.parametrize(("dataset", "model"), cases("egger"))
def test_egger_is_that_of_metafor(dataset: str, model: str) -> None:
    """Closed forms to 1e-9; the REML of metafor stops where tau2 moves by less than its threshold."""
    fit = classic(dataset, **SETTINGS[model])
    found = egger(fit, model="weighted" if model == "weighted" else "mixed")
    agrees(found, dataset, "egger", model, 1e-6 if model == "REML HKSJ" else 1e-9)
    if model != "weighted":
        assert found.tau2 == pytest.approx(WANTED[dataset, "egger", model, "tau2"], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("dataset", "model"), cases("peters"))
def test_peters_is_that_of_weighted_least_squares(dataset: str, model: str) -> None:
    found = peters(with_sizes(dataset), model="weighted" if model == "weighted" else "mixed")
    agrees(found, dataset, "peters", model, 1e-9 if model == "weighted" else 1e-6)


@pytest.mark.parametrize(("dataset", "form"), cases("pustejovsky"))
def test_pustejovsky_rodgers_is_that_of_weighted_least_squares(dataset: str, form: str) -> None:
    model, weights = form.split()
    found = pustejovsky_rodgers(with_sizes(dataset), model=model, weights=weights)
    agrees(found, dataset, "pustejovsky", form, 1e-9 if model == "weighted" else 1e-6)


@pytest.mark.parametrize(("dataset", "model"), cases("begg"))
def test_begg_is_that_of_metafor(dataset: str, model: str) -> None:
    found = begg(classic(dataset))
    assert found.estimate == pytest.approx(WANTED[dataset, "begg", model, "estimate"], rel=1e-12)
    assert found.p == pytest.approx(WANTED[dataset, "begg", model, "p"], rel=1e-9)


def test_egger_is_the_intercept_of_the_radial_regression() -> None:
    fit = classic("bcg_or")
    precision, score = 1 / np.sqrt(fit.vi), fit.yi / np.sqrt(fit.vi)
    (slope, intercept), residual, *_ = np.polyfit(precision, score, 1, full=True)
    found = egger(fit)
    assert found.estimate == pytest.approx(intercept, rel=1e-10)
    assert found.limit == pytest.approx(slope, rel=1e-10)
    spread = np.square(precision - precision.mean()).sum()
    se = math.sqrt(residual[0] / (fit.k - 2) * (1 / fit.k + precision.mean() ** 2 / spread))
    assert found.se == pytest.approx(se, rel=1e-10)


def test_mixed_form_is_a_meta_regression() -> None:
    fit = classic("bcg_rr")
    other = km.regress(moderators=pd.DataFrame({"se": np.sqrt(fit.vi)}), yi=fit.yi, vi=fit.vi).to_frame()
    found = egger(fit, model="mixed")
    assert [found.limit, found.estimate] == pytest.approx(other["estimate"].tolist(), rel=1e-9)
    assert found.p == pytest.approx(other["p"].iloc[1], rel=1e-9)


def test_size_test_is_that_of_the_summary_of_findings() -> None:
    table = pd.read_csv(REFERENCE / "small_study.csv").assign(measure="SMD")
    found = pustejovsky_rodgers(km.pool(table), model="mixed", weights="variance")
    assert found.p == pytest.approx(table["p_sizes"].iloc[0], rel=1e-6)


def test_kendall_by_all_orders() -> None:
    """Exact P values against every order of five and six values."""
    for n in (3, 5, 6):
        x = np.arange(float(n))
        taus = np.array([kendall(x, np.array(order)).tau for order in itertools.permutations(x)])
        for order in itertools.islice(itertools.permutations(x), 0, None, 7):
            found = kendall(x, np.array(order))
            assert found.exact
            share = (np.abs(taus) >= abs(found.tau) - 1e-9).mean()
            assert found.p == pytest.approx(share, rel=1e-9)


def test_kendall_is_that_of_scipy_with_and_without_ties() -> None:
    from scipy import stats

    rng = np.random.default_rng(4)
    for n in (7, 40, EXACT_AT_MOST + 1):
        for tied in (False, True):
            x, y = rng.normal(size=(2, n))
            if tied:
                x, y = np.round(x), np.round(y, 1)
            found = kendall(x, y)
            assert found.exact is (not tied and n <= EXACT_AT_MOST)
            other = stats.kendalltau(x, y, method="exact" if found.exact else "asymptotic")
            assert found.tau == pytest.approx(other.statistic, rel=1e-12)
            assert found.p == pytest.approx(other.pvalue, rel=1e-9)


def test_wider_errors_of_large_smds_mislead_egger_more() -> None:
    """Without any small-study effect, at a true SMD of -1, Egger's test rejects far too often."""
    rng = np.random.default_rng(20)
    count = np.zeros(2)
    for _ in range(200):
        n = rng.integers(8, 40, size=25)
        g = -1.0 + rng.normal(size=25) * np.sqrt(2 / n)
        g = g * (1 - 3 / (4 * (2 * n - 2) - 1)) / np.sqrt(rng.chisquare(2 * n - 2) / (2 * n - 2))
        table = pd.DataFrame({"yi": g, "vi": 2 / n + g**2 / (4 * n), "n_t": n, "n_c": n, "measure": "SMD"})
        fit = km.pool(table, tau2="EE", ci="Wald")
        count += [egger(fit).p < 0.05, pustejovsky_rodgers(fit).p < 0.05]
    assert count[0] / 200 > 0.12
    assert 0.02 < count[1] / 200 < 0.09


samples = st.lists(
    st.tuples(st.floats(-2, 2), st.floats(0.01, 1.0)),
    min_size=4,
    max_size=12,
    unique_by=lambda one: round(one[1], 3),
)


@settings(max_examples=30, deadline=None)
@given(samples, st.floats(-3, 3), st.sampled_from([0.2, 3.0, 40.0]))
def test_shift_scale_sign_and_order(sample: list[tuple[float, float]], shift: float, scale: float) -> None:
    y, v = np.array(sample).T
    if np.ptp(y) < 0.05:
        y = y + np.arange(y.size) ** 2 * 0.1
    base = egger(km.pool(yi=y, vi=v))
    if not base.se > 1e-6:
        return
    moved = egger(km.pool(yi=y + shift, vi=v))
    assert moved.stat == pytest.approx(base.stat, rel=1e-6, abs=1e-6)
    assert moved.limit == pytest.approx(base.limit + shift, rel=1e-6, abs=1e-6)
    larger = egger(km.pool(yi=scale * y, vi=scale**2 * v))
    assert larger.estimate == pytest.approx(base.estimate, rel=1e-6, abs=1e-6)
    assert larger.limit == pytest.approx(scale * base.limit, rel=1e-6, abs=1e-6)
    turned = egger(km.pool(yi=-y, vi=v))
    assert (turned.estimate, turned.p) == pytest.approx((-base.estimate, base.p), rel=1e-9, abs=1e-12)
    order = np.argsort(y)
    assert egger(km.pool(yi=y[order], vi=v[order])).p == pytest.approx(base.p, rel=1e-6, abs=1e-9)
    assert begg(km.pool(yi=-y, vi=v)).estimate == pytest.approx(
        -begg(km.pool(yi=y, vi=v)).estimate, abs=1e-12
    )


Y, V = [-1.1, -0.4, -0.6, -0.2], [0.2, 0.05, 0.1, 0.02]


@pytest.mark.parametrize("test", [egger, begg])
def test_refuses_what_cannot_be_tested(test: object) -> None:
    with pytest.raises(ModelError, match="needs 3 studies"):
        test(km.pool(yi=Y[:2], vi=V[:2], ci="Wald"))
    with pytest.raises(ModelError, match="takes the result of pool"):
        test(pd.DataFrame({"yi": Y, "vi": V}))
    with pytest.raises(ModelError, match="same in all 4 studies"):
        test(km.pool(yi=Y, vi=[0.1] * 4))


def test_refuses_unknown_options_and_measures() -> None:
    fit = km.pool(yi=Y, vi=V)
    with pytest.raises(ModelError, match="weighted"):
        egger(fit, model="weigthed")
    with pytest.raises(ModelError, match="ratios of counts"):
        peters(fit)
    with pytest.raises(ModelError, match="is for SMDs"):
        pustejovsky_rodgers(fit)


def test_names_rows_without_sizes_or_events() -> None:
    smd = pd.DataFrame(
        {"yi": Y, "vi": V, "measure": "SMD", "n_t": [10, 40, 20, np.nan], "n_c": [9, 40, 20, 99]}
    )
    smd["label"] = ["A", "B", "C", "Nobody 2020"]
    with pytest.raises(ModelError, match="Nobody 2020"):
        pustejovsky_rodgers(km.pool(smd))
    odds = POOLS[POOLS["dataset"] == "bcg_or_counts"].reset_index(drop=True)
    odds["label"] = [f"Trial {i}" for i in range(len(odds))]
    with pytest.raises(ModelError, match="Trial 3"):
        peters(km.pool(odds.assign(events_c=odds["events_c"].where(odds.index != 3))))
    nobody = odds.assign(
        events_t=odds["events_t"].where(odds.index != 5, 0),
        events_c=odds["events_c"].where(odds.index != 5, 0),
    )
    with pytest.raises(ModelError, match=r"without an event.*Trial 5"):
        peters(km.pool(nobody))


def test_a_split_comparator_counts_by_its_part() -> None:
    table = pd.DataFrame(
        {"yi": Y, "vi": V, "measure": "SMD", "n_t": [10, 40, 20, 99], "n_c": [10, 40, 20, 99]}
    )
    halves = table.assign(n_c=[20, 40, 20, 99], shared=["control split in 2", "", "", ""])
    assert pustejovsky_rodgers(km.pool(halves)).p == pustejovsky_rodgers(km.pool(table)).p


def test_identical_effects_and_effects_on_a_line() -> None:
    with pytest.warns(km.errors.KetametaWarning, match="identical"):
        level = km.pool(yi=[-0.3] * 4, vi=V)
    found = egger(level)
    assert math.isnan(found.p)
    assert any("on one line" in note for note in found.notes)
    assert math.isnan(begg(level).p)
    json.dumps(begg(level).to_dict(), allow_nan=False)
    sloped = egger(km.pool(yi=[-0.1 - 2 * math.sqrt(v) for v in V], vi=V))
    assert (sloped.estimate, sloped.limit) == pytest.approx((-2.0, -0.1), rel=1e-9)
    assert math.isnan(sloped.stat)
    wald = egger(km.pool(yi=[-0.3] * 4, vi=V, ci="Wald"), model="mixed")
    assert wald.p == pytest.approx(1.0)


@pytest.mark.parametrize("vi", [[1e-12, 1e-3, 1.0, 1e9], [1e-9, 2e-9, 3e-9, 9e-9], [1e8, 2e8, 4e8, 9e8]])
def test_tiny_and_huge_variances_give_numbers(vi: list[float]) -> None:
    fit = km.pool(yi=[-0.5, -0.1, 0.2, 0.4], vi=vi)
    assert 0 <= egger(fit).p <= 1
    assert 0 <= egger(fit, model="mixed").p <= 1
    assert 0 <= begg(fit).p <= 1


def test_three_studies() -> None:
    found = egger(km.pool(yi=Y[:3], vi=V[:3]))
    assert found.df == 1
    assert math.isfinite(found.p)


def test_notes_say_when_not_to_rely_on_it() -> None:
    smd = with_sizes("ketamine_smd")
    assert any("8 studies" in note for note in egger(smd).notes)
    assert any("grows with the SMD" in note for note in egger(smd).notes)
    assert not any("grows with the SMD" in note for note in pustejovsky_rodgers(smd).notes)
    odds = with_sizes("bcg_or_counts")
    assert any("depends on the OR" in note for note in egger(odds).notes)
    assert not any("depends on the OR" in note for note in peters(odds).notes)
    assert any("I2" in note for note in egger(odds).notes)
    assert any(
        "3.0 times the smallest" in note for note in egger(km.pool(yi=Y, vi=[0.1, 0.2, 0.15, 0.3])).notes
    )
    crossed = POOLS[POOLS["dataset"] == "ketamine_smd"].assign(design=["crossover", *["parallel"] * 7])
    assert any("1 crossover trial" in note for note in pustejovsky_rodgers(km.pool(crossed)).notes)
    assert not any(
        "crossover" in note for note in pustejovsky_rodgers(km.pool(crossed), weights="variance").notes
    )


def test_direction_follows_what_the_rows_say() -> None:
    table = pd.DataFrame({"yi": Y, "vi": V, "outcome": "depression", "higher_is_worse": True})
    assert egger(km.pool(table)).direction == "smaller trials show effects more in favour of ketamine"
    assert egger(km.pool(table.assign(higher_is_worse=False))).direction.startswith(
        "smaller trials show effects less"
    )
    assert egger(km.pool(yi=Y, vi=V)).direction == "smaller trials show lower effects"
    assert egger(km.pool(yi=np.negative(Y), vi=V)).direction == "smaller trials show higher effects"


def test_intervals_of_a_pool_without_a_regression_form_become_hksj() -> None:
    rows = INPUTS[INPUTS["dataset"] == "bcg_rr"]
    arrays = {"yi": rows["yi"].to_numpy(), "vi": rows["vi"].to_numpy()}
    found = egger(km.pool(**arrays, ci="KR"), model="mixed")
    assert found.p == egger(km.pool(**arrays), model="mixed").p
    assert "HKSJ" in found.method


def test_shows_itself() -> None:
    found = peters(with_sizes("bcg_or_counts"))
    assert found.sentence().startswith("Peters' test on 1/n (k = 13): slope")
    assert "a trial of endless size" in str(found)
    assert "P" in found._repr_html_()
    frame = found.to_frame()
    assert frame.loc[0, ["test", "k", "p"]].tolist() == ["Peters' test", 13, found.p]
    plain = found.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False))["scale"] == "log"
    assert found.provenance.steps[-1] == {"step": "peters", "arguments": {"model": "weighted"}}
    mean = math.exp(found.limit)
    assert f"OR {mean:.2f}" in found.sentence()
    assert "Kendall's tau" in begg(km.pool(yi=Y, vi=V)).sentence()


def test_cautions_know_an_smd_in_any_case() -> None:
    found = egger(km.pool(pd.DataFrame({"yi": Y, "vi": V, "measure": "smd"})))
    assert any("grows with the SMD" in note for note in found.notes)


@pytest.mark.parametrize("events", [-1.0, 1e4])
def test_names_rows_with_impossible_counts(events: float) -> None:
    odds = POOLS[POOLS["dataset"] == "bcg_or_counts"].reset_index(drop=True)
    odds["label"] = [f"Trial {i}" for i in range(len(odds))]
    odds["events_t"] = odds["events_t"].astype(float)
    odds.loc[4, "events_t"] = events
    odds.loc[4, ["total_t", "total_c"]] = [5e3, 5e4]  # both arms together have more people than events
    fit = km.pool(odds)
    with pytest.raises(ModelError, match=r"no more events than people.*row 5 .Trial 4."):
        peters(fit)
