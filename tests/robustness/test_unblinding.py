from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketameta as km
from ketameta.errors import KetametaWarning, ModelError
from ketameta.robustness import Unblinding, unblinding

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
KETAMINE = pd.read_csv(REFERENCE / "unblinding_ketamine.csv")
WANTED = {
    case: dict(zip(rows["what"], rows["value"], strict=True))
    for case, rows in pd.read_csv(REFERENCE / "unblinding.csv").groupby(["dataset", "method"])
}
CASES = list(WANTED)
YI = [-1.0, -0.9, -0.8, -0.4, -0.5]
VI = [0.09, 0.05, 0.04, 0.07, 0.06]
CLASSES = ["inactive"] * 3 + ["psychoactive"] * 2


def five(**options: Any) -> Unblinding:
    settings = {"tau2": "REML", "ci": "HKSJ"} | {
        key: options.pop(key) for key in ("tau2", "ci") if key in options
    }
    return unblinding(km.pool(yi=YI, vi=VI, **settings), **({"classes": CLASSES} | options))


def studies(dataset: str) -> tuple[Any, Any, list[str]]:
    if dataset == "ketamine":
        return KETAMINE["yi"].to_numpy(), KETAMINE["vi"].to_numpy(), KETAMINE["comparator_class"].tolist()
    rows = INPUTS[INPUTS["dataset"] == dataset]
    classes = ["inactive" if i % 2 == 0 else "psychoactive" for i in range(len(rows))]
    return rows["yi"].to_numpy(), rows["vi"].to_numpy(), classes


@pytest.mark.parametrize(("dataset", "method"), CASES)
def test_classes_equal_metafor(dataset: str, method: str) -> None:
    yi, vi, classes = studies(dataset)
    found = unblinding(km.pool(yi=yi, vi=vi, tau2=method), classes=classes)
    wanted = WANTED[dataset, method]
    close = {"rtol": 1e-8, "atol": 1e-12}
    for i, row in enumerate(found.classes.itertuples(), start=1):
        np.testing.assert_allclose(row.estimate, wanted[f"class_estimate{i}"], **close)
        np.testing.assert_allclose(row.ci_low, wanted[f"class_low{i}"], **close)
    np.testing.assert_allclose(found.difference, wanted["difference"], **close)
    np.testing.assert_allclose(found.difference_se, wanted["difference_se"], **close)
    np.testing.assert_allclose(found.difference_ci[1], wanted["difference_high"], **close)
    np.testing.assert_allclose(found.p, wanted["difference_p"], **close)
    np.testing.assert_allclose(found.class_tau2, wanted["class_tau2"], **close)


@pytest.mark.parametrize(("dataset", "method"), CASES)
def test_tipping_biases_equal_roots_of_metafor_fits(dataset: str, method: str) -> None:
    yi, vi, classes = studies(dataset)
    fit = km.pool(yi=yi, vi=vi, tau2=method)
    found = unblinding(fit, classes=classes)
    half = unblinding(fit, classes=classes, share_active=0.5)
    wanted = WANTED[dataset, method]
    close = {"rtol": 1e-8, "atol": 1e-12}
    np.testing.assert_allclose(found.tipping_bias("estimate", 0.0), wanted["bias_estimate"], **close)
    np.testing.assert_allclose(found.tipping_bias("interval", 0.0), wanted["bias_interval"], **close)
    np.testing.assert_allclose(half.tipping_bias("estimate", 0.0), wanted["bias_half_estimate"], **close)


def test_classes_are_those_of_a_meta_regression_and_of_subgroups() -> None:
    es = pd.DataFrame({"yi": YI, "vi": VI, "comparator_class": CLASSES})
    found = unblinding(km.pool(es))
    line = km.regress(es, "comparator_class", reference={"comparator_class": "inactive"}).coefficients.iloc[1]
    assert found.difference == pytest.approx(line["estimate"], rel=1e-12)
    assert (found.difference_se, found.p) == pytest.approx((line["se"], line["p"]), rel=1e-9)
    groups = km.subgroups(es, "comparator_class", common_tau2=True).groups
    assert found.classes["ci_low"].tolist() == pytest.approx([fit.ci_low for _, fit in groups], rel=1e-9)
    assert found.classes["k"].tolist() == [3, 2]


@pytest.mark.parametrize("ci", ["Wald", "HKSJ", "HKSJ-adhoc", "KR", "profile"])
def test_adjusted_effects_are_pools_of_moved_effects(ci: str) -> None:
    method = "ML" if ci == "profile" else "REML"
    found = five(assumed=[0.0, -0.3], share_active=0.25, tau2=method, ci=ci)
    moved = np.array(YI) + 0.3 * np.array([1, 1, 1, 0.25, 0.25])
    again = km.pool(yi=moved, vi=VI, tau2=method, ci=ci)
    row = found.to_frame().iloc[1]
    assert row[["estimate", "ci_low", "ci_high", "tau2"]].tolist() == pytest.approx(
        [again.estimate, again.ci_low, again.ci_high, again.tau2], rel=1e-9, abs=1e-12
    )


def test_a_tipping_point_is_where_a_fine_grid_turns() -> None:
    found = five(threshold=-0.24)
    for row in found.tipping.to_dict("records"):
        name = "estimate" if row["what"] == "estimate" else "ci_high"
        before, after = five(assumed=[row["bias"] + 1e-6, row["bias"] - 1e-6]).adjusted[name]
        assert before < row["target"] < after
        grid = five(assumed=np.linspace(0, row["bias"] + 1e-6, 500).tolist()).adjusted[name]
        assert (grid < row["target"]).all()


def test_no_bias_is_needed_where_the_interval_holds_zero_already() -> None:
    fit = km.pool(yi=[-0.5, 0.3, -0.4, 0.2], vi=[0.1] * 4)
    found = unblinding(fit, classes=["inactive", "psychoactive"] * 2)
    assert found.tipping_bias("interval", 0.0) == 0.0
    assert found.tipping_bias("estimate", 0.0) < 0.0


def test_no_bias_undoes_trials_with_psychoactive_comparators_alone() -> None:
    found = five(classes=["psychoactive"] * 5)
    assert found.tipping["bias"].isna().all()
    assert math.isnan(found.difference)
    assert any("cannot be compared" in note for note in found.notes)
    assert any("no bias is taken off anywhere" in note for note in found.notes)
    assert "of no size would take" in found.sentence()
    assert len(found.adjusted) == 61


def test_inactive_comparators_alone_shift_as_one() -> None:
    fit = km.pool(yi=YI, vi=VI)
    found = unblinding(fit, classes=["inactive"] * 5)
    assert found.tipping_bias("estimate", 0.0) == pytest.approx(fit.estimate, rel=1e-9)
    assert found.tipping_bias("interval", 0.0) == pytest.approx(fit.ci_high, rel=1e-9)
    shared = unblinding(fit, classes=CLASSES, share_active=1.0)
    assert shared.tipping_bias("estimate", 0.0) == pytest.approx(fit.estimate, rel=1e-9)


def test_a_common_uncertainty_of_the_bias_does_not_average_out() -> None:
    fit = km.pool(yi=YI, vi=VI, tau2="EE", ci="Wald")
    found = unblinding(fit, classes=["inactive"] * 5, assumed=-0.2, bias_sd=0.3)
    assert found.adjusted["se"][0] == pytest.approx(math.hypot(fit.se, 0.3), rel=1e-12)
    w = 1 / np.array(VI)
    part = unblinding(fit, classes=CLASSES, assumed=-0.2, bias_sd=0.3, share_active=0.5)
    share = (w * [1, 1, 1, 0.5, 0.5]).sum() / w.sum()
    assert part.adjusted["se"][0] == pytest.approx(math.hypot(fit.se, 0.3 * share), rel=1e-12)


def test_common_bias_by_simulation() -> None:
    rng = np.random.default_rng(4)
    w = 1 / np.array(VI)
    errors = rng.normal(0, np.sqrt(VI), (200_000, 5)) - rng.normal(0, 0.3, (200_000, 1)) * [1, 1, 1, 0, 0]
    spread = (errors @ w / w.sum()).std()
    found = five(tau2="EE", ci="Wald", assumed=0.0, bias_sd=0.3)
    assert found.adjusted["se"][0] == pytest.approx(spread, rel=0.01)


def test_other_comparators_are_left_out_and_named() -> None:
    es = pd.DataFrame(
        {
            "yi": [*YI, 0.8],
            "vi": [*VI, 0.05],
            "comparator_class": [*CLASSES, "active treatment"],
            "label": list("abcdeF"),
        }
    )
    found = unblinding(km.pool(es))
    assert found.k == 5
    assert found.estimate == pytest.approx(five().estimate, rel=1e-12)
    assert any("F (active treatment)" in note for note in found.notes)


def test_few_trials_in_a_class_are_told_with_what_could_be_found() -> None:
    found = five(tau2="EE", ci="Wald")
    w = 1 / np.array(VI)
    se = math.sqrt(1 / w[:3].sum() + 1 / w[3:].sum())
    assert found.detectable == pytest.approx((1.959963984540054 + 0.8416212335729143) * se, rel=1e-12)
    assert any(
        "2 trials with a psychoactive comparator" in note and "80% power" in note for note in found.notes
    )


def test_the_size_that_is_said_to_be_found_is_found_in_80_of_100() -> None:
    found = five(tau2="EE", ci="Wald")
    rng = np.random.default_rng(8)
    draws = rng.normal(np.array([0, 0, 0, 1, 1]) * found.detectable, np.sqrt(VI), (100_000, 5))
    w = 1 / np.array(VI)
    away = draws[:, 3:] @ w[3:] / w[3:].sum() - draws[:, :3] @ w[:3] / w[:3].sum()
    assert (away / found.difference_se > 1.959963984540054).mean() == pytest.approx(0.8, abs=0.01)


def test_one_trial_in_each_class_rests_on_sampling_variances() -> None:
    fit = km.pool(yi=[-1.0, -0.2], vi=[0.1, 0.2], ci="Wald")
    found = unblinding(fit, classes=["inactive", "psychoactive"])
    assert found.difference_se == pytest.approx(math.sqrt(0.3), rel=1e-12)
    assert math.isnan(found.class_tau2)
    hksj = km.pool(yi=[-1.0, -0.2, 0.4], vi=[0.1, 0.2, 0.3])
    two = unblinding(hksj, classes=["inactive", "psychoactive", "other"])
    assert two.class_ci_method == "Wald"
    assert any("sampling variances alone" in note for note in two.notes)


def test_identical_effects_within_classes() -> None:
    found = unblinding(
        km.pool(yi=[-1.0] * 3 + [-0.5] * 3, vi=[0.1] * 6), classes=["inactive"] * 3 + ["psychoactive"] * 3
    )
    assert found.difference == pytest.approx(0.5)
    assert any("identical" in note for note in found.notes) == (found.classes["se"].min() == 0)
    assert str(found)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 100.0), st.integers(0, 1000))
def test_scale_sign_and_order(scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    order = rng.permutation(5)
    plain = five(tau2="DL")
    yi, vi = scale * np.array(YI)[order], scale**2 * np.array(VI)[order]
    turned = unblinding(km.pool(yi=-yi, vi=vi, tau2="DL"), classes=[CLASSES[i] for i in order])
    np.testing.assert_allclose(turned.tipping["bias"], -scale * plain.tipping["bias"], rtol=1e-7)
    assert turned.difference == pytest.approx(-scale * plain.difference, rel=1e-9)
    assert turned.p == pytest.approx(plain.p, rel=1e-7)


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_huge_and_tiny_numbers(scale: float) -> None:
    found = unblinding(km.pool(yi=scale * np.array(YI), vi=scale**2 * np.array(VI)), classes=CLASSES)
    plain = five()
    np.testing.assert_allclose(found.tipping["bias"], scale * plain.tipping["bias"], rtol=1e-7)


def test_a_ratio_is_shown_as_a_ratio() -> None:
    es = pd.DataFrame({"yi": [0.9, 0.8, 0.7, 0.3], "vi": [0.05] * 4, "measure": "RR"})
    found = unblinding(km.pool(es), classes=["inactive"] * 3 + ["psychoactive"], threshold=math.log(1.25))
    low = math.exp(found.tipping_bias("estimate", math.log(1.25)))
    assert f"{low:.2f}" in str(found)
    assert found.to_dict()["scale"] == "log"
    assert "to 1.25" in str(found)


def test_dict_is_json_and_the_arguments_replay() -> None:
    found = five(threshold=-0.24, assumed=(-0.1, -0.2), share_active=0.3, bias_sd=0.1)
    json.dumps(found.to_dict(), allow_nan=False)
    step = found.provenance.steps[-1]
    assert step["step"] == "unblinding"
    again = unblinding(km.pool(yi=YI, vi=VI), **json.loads(json.dumps(step["arguments"])))
    assert again.to_dict() == found.to_dict()
    assert "bias −0.20" in str(found)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": None}, "no column comparator_class"),
        ({"classes": ["inactive"] * 4}, "4 words for 5 studies"),
        ({"classes": "inactive"}, "one word for each study"),
        ({"classes": ["x"] * 4 + ["inactive"]}, "two trials or more"),
        ({"threshold": 0.24}, "other side of 0"),
        ({"threshold": math.nan}, "threshold"),
        ({"assumed": []}, "assumed"),
        ({"assumed": "much"}, "assumed"),
        ({"assumed": [math.nan]}, "assumed"),
        ({"share_active": 1.5}, "share_active"),
        ({"bias_sd": -1.0}, "bias_sd"),
        ({"bias_sd": 0.1, "tau2": "ML", "ci": "profile"}, "profile likelihood"),
    ],
)
def test_refusals(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        five(**options)


def test_refuses_what_is_no_pool() -> None:
    with pytest.raises(ModelError, match="result of pool"):
        unblinding([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="2 studies or more"):
        unblinding(km.pool(yi=[-1.0], vi=[0.1]), classes=["inactive"])


def test_where_no_bias_is_needed_it_is_said() -> None:
    wide = unblinding(
        km.pool(yi=[-0.5, 0.3, -0.4], vi=[0.1] * 3), classes=["inactive", "inactive", "psychoactive"]
    )
    assert wide.tipping_bias("interval", 0.0) == 0
    assert "its 95% CI includes no effect without any" in wide.sentence()
    assert "none needed" in str(wide)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": 5}, "one word for each study"),
        ({"classes": ["Inactive"] * 3}, "the classes found are 'Inactive'"),
        ({"share_active": -1e-13}, "from 0 to 1"),
        ({"bias_sd": 1e200}, "bias_sd"),
    ],
)
def test_options_out_of_range_are_named(options: dict[str, Any], words: str) -> None:
    fit = km.pool(yi=[-0.5, -0.3, -0.4], vi=[0.1] * 3)
    with pytest.raises(ModelError, match=words):
        unblinding(fit, **({"classes": ["inactive"] * 3} | options))


def test_an_infinite_interval_needs_no_bias() -> None:
    with pytest.warns(KetametaWarning, match="degrees of freedom"):
        far = km.pool(yi=[-0.5] * 3, vi=[1e-12, 1.0, 1e12], ci="KR")
    found = unblinding(far, classes=["inactive"] * 3)
    assert found.tipping_bias("interval", 0.0) == 0
    assert found.tipping_bias("estimate", 0.0) == pytest.approx(-0.5)
