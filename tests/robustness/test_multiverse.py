from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.effects import EffectOptions
from ketameta.effects.people import people
from ketameta.errors import DataError, KetametaError, KetametaWarning, ModelError, SelectionError
from ketameta.evidence import load_risk_of_bias
from ketameta.robustness import multiverse
from ketameta.robustness.multiverse_result import Multiverse

DEPRESSION = {"indication": "MDD", "outcome": "depression"}
SMALL: dict[str, Any] = {
    "drug": (None, "esketamine"),
    "population": ("adults", "treatment-resistant"),
    "score": (None, "change"),
    "window": ((18, 36, 24), (2, 6, 4)),
    "standardiser": ("pooled", "control"),
    "crossover": ("paired", ("paired", 0.3), "first"),
    "imputed": (True, False),
    "tau2": ("REML", "DL", "EE"),
    "ci": ("HKSJ", "HKSJ-adhoc", "Wald", "KR"),
}
TOO_MANY: dict[str, Any] = {
    "drug": (None, "ketamine", "esketamine"),
    "standardiser": ("pooled", "average", "control"),
    "variance": ("LS", "UB"),
    "tau2": ("DL", "HE", "HS", "SJ", "ML", "REML", "EB", "PM"),
    "imputed": (True, False),
    "adjusted": ("exclude", "sd_from_se"),
    "ci": ("HKSJ", "HKSJ-adhoc", "Wald"),
}


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return km.load_trials()


@pytest.fixture(scope="module")
def small(trials: pd.DataFrame) -> Multiverse:
    return multiverse(trials, DEPRESSION, SMALL, progress=False)


def by_hand(trials: pd.DataFrame, question: dict[str, Any], chosen: dict[str, Any]) -> Any:
    """One universe by the public functions, one after the other; the reason as text where there is no pool."""
    chosen = {**question, **chosen}
    rows = trials
    if chosen.get("score") is not None:
        rows = rows.loc[rows["score_type"] == chosen["score"]]
    if chosen.get("blinding") is not None:
        rows = rows.loc[rows["blinding"] == chosen["blinding"]]
    if chosen.get("risk_of_bias") == "no high risk":
        judged = load_risk_of_bias()
        rows = rows.loc[~rows["cohort_id"].isin(judged.loc[judged["judgement"] == "High risk", "cohort_id"])]
    names = {str(name) for name in trials["population"]} - {""}
    grown = [name for name in names if "adolescent" not in name.lower()]
    words = {"adults": grown, "treatment-resistant": [name for name in grown if "TRD" in name]}
    population = words.get(chosen.get("population"), chosen.get("population"))
    if population is not None:
        population = [name for name in population if (rows["population"] == name).any()]
    low, high, best = chosen["window"]
    given = {
        name: chosen[name]
        for name in ("indication", "outcome", "drug", "dosing", "comparator", "instrument", "provisional")
        if name in chosen
    }
    measure = chosen.get("measure", "SMD")
    crossover = chosen.get("crossover", "paired")
    word, r = (crossover, 0.5) if isinstance(crossover, str) else crossover
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        try:
            picked = km.select(
                rows, hours=(low, high), at=best, population=population, measure=measure, **given
            )
            effects = km.effect_sizes(
                picked.rows,
                measure=measure,
                standardiser=chosen.get("standardiser", "pooled"),
                adjusted=chosen.get("adjusted", "exclude"),
                crossover=word,
                options=EffectOptions(r_crossover=r),
            )
            effects = effects.loc[effects["yi"].notna()]
            if not chosen.get("imputed", True):
                effects = effects.loc[effects["imputed"] == ""]
            if len(effects) < 2:
                return "fewer than two"
            return km.pool(effects, tau2=chosen["tau2"], ci=chosen["ci"])
        except KetametaError as error:
            return str(error)


def options_of(result: Multiverse, universe: int) -> dict[str, Any]:
    return {
        name: result.options[name][code]
        for name, code in zip(result.names, result.codes[universe], strict=True)
    }


def assert_same_as_by_hand(
    trials: pd.DataFrame, result: Multiverse, question: dict[str, Any], universes: Any
) -> int:
    possible = 0
    for universe in universes:
        fit = by_hand(trials, question, options_of(result, universe))
        if isinstance(fit, str):
            assert result.reason[universe] > 0, (universe, fit)
            assert np.isnan(result.estimate[universe])
            continue
        possible += 1
        assert result.reason[universe] == 0, options_of(result, universe)
        for name in ("k", "estimate", "se", "ci_low", "ci_high", "p", "tau2", "i2"):
            np.testing.assert_allclose(
                getattr(result, name)[universe], getattr(fit, name), rtol=1e-10, atol=1e-13, err_msg=name
            )
        np.testing.assert_array_equal(result.n[universe], people(fit.rows).sum())
    return possible


def test_each_universe_is_select_effect_sizes_and_pool_in_a_row(
    trials: pd.DataFrame, small: Multiverse
) -> None:
    assert small.n_universes == 2 * 2 * 2 * 2 * 2 * 3 * 2 * 3 * 4
    drawn = np.random.default_rng(1).choice(small.n_universes, 60, replace=False)
    possible = assert_same_as_by_hand(trials, small, DEPRESSION, drawn)
    assert 15 < possible < 60


def test_the_default_choices_begin_with_the_main_analysis(trials: pd.DataFrame) -> None:
    result = multiverse(trials, DEPRESSION, progress=False)
    assert result.n_universes >= 100_000
    main = options_of(result, 0)
    assert (main["tau2"], main["ci"], main["dosing"]) == ("REML", "HKSJ", "single")
    drawn = np.random.default_rng(2).choice(result.n_universes, 12, replace=False)
    assert assert_same_as_by_hand(trials, result, DEPRESSION, [0, *drawn]) > 3


def test_ratios_and_mean_differences(trials: pd.DataFrame) -> None:
    asked = {"indication": "MDD", "outcome": "response", "measure": "RR"}
    choices = {
        "window": ((18, 36, 24), (576, 768, 672)),
        "drug": (None, "esketamine"),
        "tau2": ("REML", "PM"),
    }
    ratios = multiverse(trials, asked, {**choices, "ci": ("HKSJ",)}, progress=False)
    assert assert_same_as_by_hand(trials, ratios, asked, range(8)) > 3
    assert ratios.ratio
    assert np.isnan(ratios.mid)
    assert "below 1" in ratios.sentence() or "above 1" in ratios.sentence()
    points = {**DEPRESSION, "measure": "MD", "instrument": "MADRS"}
    differences = multiverse(trials, points, {**choices, "ci": ("Wald", "HKSJ")}, progress=False)
    assert assert_same_as_by_hand(trials, differences, points, range(16)) > 4
    assert differences.mid == -3


def test_mean_differences_on_several_instruments_are_impossible(trials: pd.DataFrame) -> None:
    asked = {**DEPRESSION, "measure": "MD", "hours": (18, 36), "at": 24}
    with pytest.raises(ModelError, match=r"no universe is possible.*several instruments"):
        multiverse(trials, asked, {"tau2": ("REML", "DL")}, progress=False)


def test_or_and_peto_stand_together_and_others_do_not(trials: pd.DataFrame) -> None:
    asked = {"indication": "MDD", "outcome": "response", "hours": (18, 36), "at": 24}
    both = multiverse(trials, asked, {"measure": ("OR", "PETO"), "tau2": ("REML",)}, progress=False)
    for universe, measure in enumerate(("OR", "PETO")):
        rows = km.select(trials, **asked, measure=measure)
        fit = km.pool(km.effect_sizes(rows, measure=measure))
        assert both.estimate[universe] == pytest.approx(fit.estimate, rel=1e-12)
    with pytest.raises(ModelError, match="not on one scale"):
        multiverse(trials, asked, {"measure": ("OR", "RR")}, progress=False)


def test_impossible_universes_are_counted_by_reason(small: Multiverse) -> None:
    assert sum(each.count for each in small.failed) == small.n_universes - small.n_possible
    reasons = {each.reason: each for each in small.failed}
    assert "a Kenward-Roger interval goes with tau2 by REML" in reasons
    assert "a single trial: nothing is pooled" in reasons
    example = reasons["a Kenward-Roger interval goes with tau2 by REML"].example
    assert example["ci"] == "KR"
    assert example["tau2"] != "REML"
    frame = small.to_frame()
    assert len(frame) == small.n_universes
    assert (frame["reason"] != "").sum() == small.impossible["count"].sum()
    assert frame.loc[frame["reason"] != "", "estimate"].isna().all()
    assert frame.loc[frame["reason"] == "", ["estimate", "ci_low", "p", "tau2"]].notna().all(axis=None)


def test_shares_by_counting(small: Multiverse) -> None:
    frame = small.to_frame().dropna(subset="estimate")
    share = small.share(below=-0.4)
    assert share.estimate == pytest.approx((frame["estimate"] < -0.4).mean())
    assert share.ci == pytest.approx((frame["ci_high"] < -0.4).mean())
    once = frame.drop_duplicates(["distinct", "tau2_method", "ci_method"])
    assert (share.n, share.n_distinct) == (len(frame), len(once))
    assert share.ci_distinct == pytest.approx((once["ci_high"] < -0.4).mean())
    assert small.share(above=-0.4).estimate == pytest.approx((frame["estimate"] > -0.4).mean())
    assert small.quantiles()[0.5] == pytest.approx(frame["estimate"].median())
    assert small.n_distinct == frame["distinct"].nunique()


def test_equal_samples_have_equal_numbers(small: Multiverse) -> None:
    frame = small.to_frame().dropna(subset="estimate")
    spread = frame.groupby(["distinct", "tau2_method", "ci_method"], observed=True)[
        ["estimate", "ci_low"]
    ].nunique()
    assert (spread == 1).all(axis=None)
    assert frame.groupby("distinct")["k"].nunique().max() == 1


def test_sign_and_scale(trials: pd.DataFrame) -> None:
    choices = {"tau2": ("REML", "DL"), "ci": ("HKSJ", "Wald"), "drug": (None, "esketamine")}
    asked = {**DEPRESSION, "hours": (18, 36), "at": 24, "instrument": "MADRS", "measure": "MD"}
    plain = multiverse(trials, asked, choices, progress=False)
    doubled = trials.copy()
    number = [f"{name}_{arm}" for name in ("mean", "sd", "se", "ci_low", "ci_high") for arm in "tc"]
    number += ["contrast_value", "contrast_se", "contrast_ci_low", "contrast_ci_high"]
    doubled[number] = doubled[number] * 2
    wide = multiverse(doubled, asked, choices, progress=False)
    np.testing.assert_allclose(wide.estimate, 2 * plain.estimate, rtol=1e-9)
    np.testing.assert_allclose(wide.ci_low, 2 * plain.ci_low, rtol=1e-9)
    np.testing.assert_array_equal(wide.k, plain.k)


def test_order_of_rows_does_not_matter(trials: pd.DataFrame, small: Multiverse) -> None:
    mixed = trials.sample(frac=1, random_state=3)
    again = multiverse(mixed, DEPRESSION, SMALL, progress=False)
    np.testing.assert_allclose(again.estimate, small.estimate, rtol=1e-10)
    np.testing.assert_array_equal(again.k, small.k)


def test_workers_change_nothing(trials: pd.DataFrame) -> None:
    choices = {"standardiser": ("pooled", "control"), "tau2": ("REML",)}
    asked = {**DEPRESSION, "hours": (18, 36)}
    one = multiverse(trials, asked, choices, progress=False)
    two = multiverse(trials, asked, choices, progress=False, workers=2)
    np.testing.assert_array_equal(one.estimate, two.estimate)


def test_it_can_be_replayed(trials: pd.DataFrame, small: Multiverse) -> None:
    step = json.loads(json.dumps(small.provenance.steps[-1]))
    assert step["step"] == "multiverse"
    again = multiverse(trials, **step["arguments"], progress=False)
    np.testing.assert_array_equal(again.estimate, small.estimate)
    assert again.to_dict() == small.to_dict()
    json.dumps(small.to_dict(), allow_nan=False)


def test_identical_effects_leave_hartung_knapp_without_width() -> None:
    result = multiverse(table(4, means=[10.0] * 4), {}, {"ci": ("Wald", "HKSJ")}, progress=False)
    assert result.reason.tolist() == [0, 8]
    assert result.tau2[0] == 0
    assert np.isfinite(result.p[0])


def table(k: int, *, means: list[float] | None = None, n: int = 30) -> pd.DataFrame:
    """Trials in the form of trials.csv, one row each."""
    return pd.DataFrame(
        {
            "record_id": [f"R{i}" for i in range(k)],
            "study_id": [f"s{i}" for i in range(k)],
            "cohort_id": [f"s{i}" for i in range(k)],
            "comparator_arm_id": [f"s{i}:c" for i in range(k)],
            "outcome": "depression",
            "drug": ["ketamine", "esketamine"] * (k // 2) + ["ketamine"] * (k % 2),
            "time_hours": 24.0,
            "score_type": "endpoint",
            "status": "include",
            "n_t": n,
            "mean_t": means or [10.0 + i for i in range(k)],
            "sd_t": 8.0,
            "n_c": n,
            "mean_c": 14.0,
            "sd_c": 8.0,
        }
    )


def test_two_trials_and_one() -> None:
    two = multiverse(table(2), {}, {"drug": (None, "ketamine")}, progress=False)
    assert two.k.tolist()[0] == 2
    assert [each.reason for each in two.failed] == ["a single trial: nothing is pooled"]
    assert np.isnan(two.k[1])
    with pytest.raises(ModelError, match="no universe is possible: a single trial"):
        multiverse(table(1), {}, {"tau2": ("REML",)}, progress=False)


def test_arms_kept_apart_are_counted_twice() -> None:
    rows = table(3)
    rows.loc[1, ["cohort_id", "comparator_arm_id"]] = "s0", "s0:c"
    rows["mean_c"], rows["dose"] = 14.0, ["0.2", "0.5", "0.5"]
    rows["drug"] = "ketamine"
    result = multiverse(rows, {}, {"shared": ("combine", "split", "keep")}, progress=False)
    assert result.k[:2].tolist() == [2, 3]
    assert result.failed[0].reason == "the same participants would be counted more than once"
    split = km.pool(km.effect_sizes(km.select(rows).rows, shared="split"))
    assert result.estimate[1] == pytest.approx(split.estimate, rel=1e-12)


def test_idle_choices_are_named(trials: pd.DataFrame) -> None:
    result = multiverse(
        trials,
        {**DEPRESSION, "hours": (18, 36)},
        {"provisional": (False, True), "ci": ("HKSJ", "Wald")},
        progress=False,
    )
    assert result.idle == ("provisional",)
    assert any("change nothing here" in note and note.endswith(": provisional") for note in result.notes)


@pytest.mark.parametrize(
    ("question", "choices", "message"),
    [
        ({"indicaton": "MDD"}, None, "did you mean 'indication'"),
        (DEPRESSION, {"tau": ("REML",)}, "did you mean 'tau2'"),
        (DEPRESSION, {"tau2": ("RELM",)}, "did you mean 'REML'"),
        (DEPRESSION, {"tau2": "REML"}, "give a tuple of options"),
        (DEPRESSION, {"tau2": ()}, "give a tuple of options"),
        (DEPRESSION, {"tau2": ("DL", "DL")}, "names an option twice"),
        (DEPRESSION, {"indication": ("MDD",)}, "fixed by the question and a choice too"),
        (DEPRESSION, {"drug": ("esketamin",)}, "did you mean 'esketamine'"),
        (DEPRESSION, {"drug": (3,)}, "a text or several"),
        (DEPRESSION, {"window": ((36, 18),)}, "lower first"),
        (DEPRESSION, {"window": ("day 1",)}, "hours as"),
        (DEPRESSION, {"crossover": (("first", 0.5),)}, 'goes with "paired"'),
        (DEPRESSION, {"crossover": (("paired", 2.0),)}, "r_crossover"),
        (DEPRESSION, {"imputed": ("in",)}, "True or False"),
        (DEPRESSION, {"correction": (-1.0,)}, "correction"),
        (DEPRESSION, [("tau2", ("REML",))], "choices must map"),
        ("MDD", None, "question must be a mapping"),
        ({**DEPRESSION, "at": 24}, None, "at without hours"),
        ({**DEPRESSION, "hours": (18, 36), "window": (18, 36)}, None, "both hours and window"),
        (DEPRESSION, {"window": tuple((0, 10 + i) for i in range(2000)), **TOO_MANY}, "3,456,000 universes"),
    ],
)
def test_refusals(trials: pd.DataFrame, question: Any, choices: Any, message: str) -> None:
    with pytest.raises((ModelError, SelectionError), match=message):
        multiverse(trials, question, choices, progress=False)


def test_refusals_of_numbers_and_tables(trials: pd.DataFrame, small: Multiverse) -> None:
    with pytest.raises(ModelError, match="mid"):
        multiverse(trials, DEPRESSION, mid=float("nan"), progress=False)
    with pytest.raises(ModelError, match="level"):
        multiverse(trials, DEPRESSION, level=1.0, progress=False)
    with pytest.raises(DataError, match="DataFrame"):
        multiverse([1], DEPRESSION, progress=False)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="cohort_id is empty"):
        multiverse(table(3).assign(cohort_id=""), {}, progress=False)
    with pytest.raises(ModelError, match="either below or above"):
        small.share()
    with pytest.raises(ModelError, match="finite"):
        small.share(below=float("inf"))


def test_the_table_is_not_changed(trials: pd.DataFrame) -> None:
    before = trials.copy()
    multiverse(trials, {**DEPRESSION, "hours": (18, 36)}, {"tau2": ("REML",)}, progress=False)
    pd.testing.assert_frame_equal(pd.DataFrame(trials), pd.DataFrame(before))


def test_trials_of_high_risk_go_and_unjudged_ones_on_request(trials: pd.DataFrame) -> None:
    asked = {**DEPRESSION, "window": (24, 100, 72)}
    risks = ("any", "no high risk", "judged, no high risk")
    result = multiverse(
        trials, asked, {"risk_of_bias": risks, "score": (None, "change"), "tau2": ("DL",)}, progress=False
    )
    table = load_risk_of_bias()
    bad = set(table.loc[table["judgement"] == "High risk", "cohort_id"])
    frame = result.to_frame()
    for risk, gone in (("any", set()), ("no high risk", bad)):
        rows = trials.loc[~trials["cohort_id"].isin(gone)]
        picked = km.select(rows, **DEPRESSION, hours=(24, 100), at=72, measure="SMD")
        k = km.effect_sizes(picked.rows)["yi"].notna().sum()
        assert frame.loc[(frame["risk_of_bias"] == risk) & (frame["score"] == "any"), "k"].tolist() == [k]
    assert bad
    judged = set(table["cohort_id"])
    rows = trials.loc[trials["cohort_id"].isin(judged - bad)]
    picked = km.select(rows, **DEPRESSION, hours=(24, 100), at=72, measure="SMD")
    assert result.k[2] == km.effect_sizes(picked.rows)["yi"].notna().sum()


def test_the_main_analysis_may_be_impossible() -> None:
    result = multiverse(table(4), {}, {"tau2": ("DL", "REML"), "ci": ("KR", "HKSJ")}, progress=False)
    assert result.reason.tolist() == [7, 0, 0, 0]
    assert result.to_dict()["reference"]["estimate"] is None
    assert "a Kenward-Roger interval goes with tau2 by REML" in str(result)


def test_default_choices_are_those_that_a_table_can_make() -> None:
    result = multiverse(table(6), {"window": (18, 36, 24)}, progress=False)
    assert result.names[0] == "drug"
    assert not {"dosing", "comparator", "population", "blinding", "window"} & set(result.names)
    assert result.n_possible == result.n_universes
    assert set(result.k) == {3, 6}


def test_a_ratio_of_means_needs_no_common_instrument() -> None:
    rows = table(4).assign(instrument=["MADRS", "HDRS"] * 2)
    result = multiverse(rows, {"measure": "ROM"}, {"tau2": ("REML",)}, progress=False)
    fit = km.pool(km.effect_sizes(km.select(rows, measure="ROM").rows, measure="ROM"))
    assert result.k.tolist() == [4]
    assert result.estimate[0] == pytest.approx(fit.estimate, rel=1e-12)


def test_default_windows_without_rows_are_left_out() -> None:
    weeks = multiverse(table(4).assign(time_hours=672.0), {}, progress=False)
    assert "window" not in weeks.names
    assert set(weeks.k) == {2, 4}
    timeless = multiverse(table(4).drop(columns="time_hours"), {}, progress=False)
    assert timeless.k[0] == 4


@pytest.mark.parametrize("name", ["outcome", "indication", "blinding"])
def test_a_column_that_is_missing_is_named(name: str) -> None:
    rows = table(3).drop(columns=name, errors="ignore")
    with pytest.raises(SelectionError, match=f"the table has no {name}"):
        multiverse(rows, {name: "depression"}, {"tau2": ("REML",)}, progress=False)


def test_equal_effects_of_other_participants_keep_their_number() -> None:
    rows = pd.DataFrame(
        {
            **{name: [f"{name}{i // 2}" for i in range(4)] for name in ("study_id", "cohort_id")},
            **{
                "record_id": list("abcd"),
                "outcome": "depression",
                "status": "include",
                "score_type": "change",
            },
            **{"contrast_measure": "MD", "contrast_value": [-3.0, -3.0, -5.0, -5.0], "contrast_se": 1.0},
            **{"analysis_set": ["ITT", "completers"] * 2, "n_t": [40, 30] * 2, "n_c": [40, 30] * 2},
        }
    )
    result = multiverse(
        rows, {"measure": "MD"}, {"analysis_set": ("ITT", "completers"), "tau2": ("DL",)}, progress=False
    )
    assert result.estimate.tolist() == [-4.0, -4.0]
    assert result.n.tolist() == [160, 120]


def test_no_difference_is_no_minimal_difference(trials: pd.DataFrame) -> None:
    with pytest.raises(ModelError, match="mid=0 is no difference"):
        multiverse(trials, DEPRESSION, mid=0, progress=False)


def test_numbers_cannot_be_written_over(small: Multiverse) -> None:
    for array in (small.estimate, small.n, small.sample, small.reason):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_dosing_that_changes_nothing_is_not_said_to_be_pooled(trials: pd.DataFrame) -> None:
    day = multiverse(trials, {**DEPRESSION, "hours": (18, 36)}, {"dosing": ("single", None)}, progress=False)
    week = multiverse(
        trials, {**DEPRESSION, "hours": (100, 200)}, {"dosing": ("repeated", None)}, progress=False
    )
    assert "dosing" in day.idle
    assert not any("pooled together" in note for note in day.notes)
    assert week.k[0] < week.k[1]
    assert any("pooled together" in note for note in week.notes)


def test_codes_count_as_an_odometer(small: Multiverse) -> None:
    sizes = [len(small.options[name]) for name in small.names]
    every = np.array(np.unravel_index(np.arange(small.n_universes), sizes)).T
    np.testing.assert_array_equal(small.codes, every)
