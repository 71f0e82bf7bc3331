from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import KetametaWarning, ModelError
from ketameta.evidence import load_missing
from ketameta.robustness import MissingEvidence, missing_evidence, rob_me
from ketameta.robustness._null_trials import null_trials

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
KETAMINE = pd.read_csv(REFERENCE / "unblinding_ketamine.csv").assign(dataset="ketamine")
SETS = pd.concat([INPUTS, KETAMINE[["dataset", "yi", "vi"]]])
WANTED = {
    case: dict(zip(rows["what"], rows["value"], strict=True))
    for case, rows in pd.read_csv(REFERENCE / "unblinding.csv").groupby(["dataset", "method"])
}
CASES = list(WANTED)
YI, VI = [-1.0, -0.6, -0.8, -0.4, -0.5], [0.09, 0.05, 0.04, 0.07, 0.06]


def table(**columns: Any) -> pd.DataFrame:
    n = np.array([20, 40, 50, 30, 33])
    base = {
        "yi": YI,
        "vi": VI,
        "n_t": n,
        "n_c": n,
        "measure": "SMD",
        "study_id": [f"t{i}2020" for i in range(5)],
    }
    return pd.DataFrame(base | columns)


def five(missing: Any = (None, None), **options: Any) -> MissingEvidence:
    return missing_evidence(km.pool(yi=YI, vi=VI), list(missing), **options)


@pytest.mark.parametrize(("dataset", "method"), CASES)
def test_equals_roots_of_metafor_fits(dataset: str, method: str) -> None:
    rows = SETS[SETS["dataset"] == dataset]
    fit = km.pool(yi=rows["yi"].to_numpy(), vi=rows["vi"].to_numpy(), tau2=method)
    found, wanted = missing_evidence(fit, [None, None]), WANTED[dataset, method]
    close = {"rtol": 1e-8}
    np.testing.assert_allclose(found.effect_estimate, wanted["effect_estimate"], **close)
    if "effect_interval" in wanted:
        np.testing.assert_allclose(found.effect_interval, wanted["effect_interval"], **close)
    else:
        assert math.isnan(found.effect_interval)
        assert found.null_trials_interval == 0
    if "null_interval" in wanted:
        assert found.null_trials_interval == wanted["null_interval"]
    elif "effect_interval" in wanted:
        assert found.null_trials_interval is None or found.null_trials_interval > 60


def test_the_tipping_effect_is_a_pool_on_the_threshold() -> None:
    found = five(threshold=-0.24)
    middle = float(np.median(VI))
    for effect, name in ((found.effect_estimate, "estimate"), (found.effect_interval, "ci_high")):
        again = km.pool(yi=[*YI, effect, effect], vi=[*VI, middle, middle], ci="HKSJ-adhoc")
        assert getattr(again, name) == pytest.approx(-0.24, abs=1e-9)


def test_common_effect_by_the_closed_form() -> None:
    fit = km.pool(yi=YI, vi=VI, tau2="EE", ci="Wald")
    w, m = 1 / np.array(VI), 1 / float(np.median(VI))
    found = missing_evidence(fit, [None, None, None], threshold=-0.1)
    assert found.effect_estimate == pytest.approx(
        (-0.1 * (w.sum() + 3 * m) - (w * YI).sum()) / (3 * m), rel=1e-9
    )
    count = ((w * YI).sum() / -0.1 - w.sum()) / m
    assert found.null_trials_estimate == math.ceil(count)
    z = 1.959963984540054
    total = ((w * YI).sum() / z) ** 2
    zero = missing_evidence(fit, [None])
    assert zero.null_trials_interval == math.ceil((total - w.sum()) / m)
    assert zero.null_trials_estimate is None


def test_many_null_trials_are_counted_like_few() -> None:
    z = 1.959963984540054
    large = km.pool(yi=[-1.0] * 20, vi=[0.02] * 20, tau2="EE", ci="Wald")
    assert math.ceil((20 / z) ** 2 / 0.02) - 20 > 4096
    assert null_trials(large, 0.02, 0.0, ci="Wald") == (None, None)
    small = km.pool(yi=[-0.5] * 10, vi=[0.03] * 10, tau2="EE", ci="Wald")
    count = null_trials(small, 0.03, 0.0, ci="Wald")[1]
    assert count == math.ceil((10 * 0.5 / z) ** 2 / 0.03) - 10
    assert count > 128


def test_identical_null_trials_do_not_narrow_the_interval() -> None:
    """With the plain HKSJ factor the t statistic would settle at a constant as null trials are added."""
    found = missing_evidence(km.pool(yi=[-0.5, -0.52, -0.48, -0.5, -0.51], vi=[0.02] * 5), [None])
    assert found.null_trials_interval is not None
    assert found.ci_method == "HKSJ-adhoc"
    assert any("HKSJ-adhoc" in note for note in found.notes)


def test_variances_come_from_sizes() -> None:
    found = missing_evidence(km.pool(table()), [50, None])
    assert found.median_size == 66
    assert found.studies["n"].tolist() == [50, 66]
    assert found.studies["imputed"].tolist() == [False, True]
    assert found.studies["vi"].tolist() == pytest.approx([4 / 50, 4 / 66])
    assert (found.n_included, found.n_missing, found.n_missing_known) == (346, 116, 50)
    assert found.share == pytest.approx(116 / 462)
    row = missing_evidence(km.pool(table()), [50], assumed=[-0.3, 0.3]).added.iloc[1]
    again = km.pool(yi=[*YI, 0.3], vi=[*VI, 4 / 50 + 0.09 / 100], ci="HKSJ-adhoc")
    assert row["estimate"] == pytest.approx(again.estimate, rel=1e-10)
    assert row["ci_low"] == pytest.approx(again.ci_low, rel=1e-10)


def test_variance_of_another_measure_is_that_of_the_pooled_trials_per_person() -> None:
    n = np.array([20, 40, 50, 30, 33])
    exact = table(measure="MD", vi=9.0 * 2 / n)
    assert missing_evidence(km.pool(exact), [80]).studies["vi"].tolist() == pytest.approx([9.0 * 4 / 80])


def test_rows_of_the_question_count_once() -> None:
    es = table(indication="MDD", outcome="depression", drug="ketamine", registry_id=["NCT1", "", "", "", ""])
    missing = pd.DataFrame(
        {
            "study_id": ["a2019", "a2019_2", "b2019", "c2019", "d2019", "t12020_0.5", "e2019"],
            "registry_id": ["NCT9; NCT8", "", "NCT8", "nct1", "", "", ""],
            "indication": ["MDD", "MDD", "MDD", "MDD", "PTSD", "MDD", "MDD"],
            "outcome": ["depression"] * 6 + ["response"],
            "drug": "ketamine",
            "n_randomised": [10, 30, np.nan, 99, 50, 60, 40],
        }
    )
    found = missing_evidence(km.pool(es), missing)
    assert found.studies["study"].tolist() == ["a2019"]
    assert found.studies["n"].tolist() == [30]
    assert any("c2019, t12020_0.5" in note for note in found.notes)
    assert any("2 rows" in note for note in found.notes)
    assert missing["study_id"].tolist()[0] == "a2019"
    with pytest.raises(ModelError, match="no missing trial belongs"):
        missing_evidence(km.pool(es), missing[missing["indication"] == "PTSD"])


def test_the_packaged_list_answers_a_packaged_question() -> None:
    day = km.select(
        km.load_trials(), indication="MDD", outcome="response", hours=(18, 36), at=24, dosing="single"
    )
    fit = km.pool(km.effect_sizes(day, measure="RR"))
    missing = load_missing().assign(outcome="response")
    with pytest.raises(ModelError, match="no missing trial belongs"):
        missing_evidence(fit, missing[missing["study_id"].isin(fit.rows["study_id"])])
    found = missing_evidence(fit, missing)
    assert 0 < found.share < 1
    assert not set(found.studies["study"]) & set(fit.rows["study_id"])


def test_where_the_threshold_is_reached_already() -> None:
    found = five(threshold=-2.0)
    assert found.effect_estimate < found.estimate
    wide = missing_evidence(km.pool(yi=[-0.5, 0.3, -0.4], vi=[0.1] * 3), [None])
    assert math.isnan(wide.effect_interval)
    assert wide.null_trials_interval == 0
    assert "reaches 0.00 without them" in wide.sentence()
    assert "there already" in str(wide)


def test_sign_and_scale() -> None:
    plain = five()
    turned = missing_evidence(km.pool(yi=-3.0 * np.array(YI), vi=9.0 * np.array(VI)), [None, None])
    assert turned.effect_interval == pytest.approx(-3.0 * plain.effect_interval, rel=1e-7)
    assert turned.effect_estimate == pytest.approx(-3.0 * plain.effect_estimate, rel=1e-7)
    assert turned.null_trials_interval == plain.null_trials_interval


def test_dict_is_json_and_the_arguments_replay() -> None:
    found = missing_evidence(
        km.pool(table()), pd.DataFrame({"study_id": ["x", "y"], "n_randomised": [40, np.nan]})
    )
    json.dumps(found.to_dict(), allow_nan=False)
    step = json.loads(json.dumps(found.provenance.steps[-1]))
    again = missing_evidence(km.pool(table()), **step["arguments"])
    assert again.effect_interval == found.effect_interval
    assert again.added.equals(found.added)


@pytest.mark.parametrize(
    ("missing", "options", "words"),
    [
        ([], {}, "no missing trial"),
        ("60", {}, "must be a table"),
        (5, {}, "must be a table"),
        ([1], {}, "no size"),
        (["many"], {}, "no size"),
        ([60], {}, "sizes of the pooled trials are unknown"),
        ([None], {"threshold": math.inf}, "threshold"),
        ([None], {"assumed": [math.nan]}, "assumed"),
        (pd.DataFrame({"n_randomised": [3]}), {}, "no column study_id"),
    ],
)
def test_refusals(missing: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        missing_evidence(km.pool(yi=YI, vi=VI), missing, **options)


def small_trials() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "study_id": ["a2020_28", "a2020_56", "b2021", "c2022", "d2019", "e2018", "a2020_28"],
            "cohort_id": ["a2020", "a2020", "b2021", "c2022", "d2019", "e2018", "a2020"],
            "registry_id": ["NCT1", "NCT1", "", "", "", "", "NCT1"],
            "indication": "MDD",
            "outcome": ["depression"] * 6 + ["response"],
            "status": ["include", "include", "include", "apart", "include", "include", "include"],
            "score_type": ["endpoint", "endpoint", "endpoint", "change", "baseline", "endpoint", "counts"],
            "time_hours": [24, 24, 168, 24, 0, 24, 24],
            "dosing": "single",
            "design": ["parallel"] * 5 + ["open-label-single-arm", "parallel"],
            "n_randomised": [60, 60, np.nan, 30, 20, 10, 60],
            "n_t": 12,
            "n_c": 13,
        }
    )


def small_missing() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "study_id": ["a2020_84", "f2017", "d2019"],
            "indication": "MDD",
            "outcome": ["depression", "depression", "response"],
            "what_is_missing": "scores",
            "why": ["x", "y", "z"],
            "n_randomised": [60, np.nan, np.nan],
        }
    )


def test_rob_me_tells_the_states_apart() -> None:
    found = rob_me(
        small_trials(),
        small_missing(),
        indication="MDD",
        outcomes=["depression", "response"],
        hours=(18, 36),
        dosing="single",
    )
    states = found.matrix().set_index("study")
    assert states["depression"].to_dict() == {
        "a2020": "available",
        "b2021": "other time or dosing",
        "c2022": "apart",
        "d2019": "no record",
        "f2017": "missing",
    }
    assert states["response"].to_dict()["a2020"] == "available"
    assert states["response"].to_dict()["d2019"] == "missing"
    assert states["n"].fillna(-1).to_dict() == {
        "a2020": 60,
        "b2021": 25,
        "c2022": 30,
        "d2019": 20,
        "f2017": -1,
    }
    part = found.to_frame().query("part_missing")
    assert part[["study", "outcome", "reason"]].to_numpy().tolist() == [["a2020", "depression", "scores: x"]]


def test_rob_me_counts_every_study_once_for_each_outcome() -> None:
    found = rob_me(small_trials(), small_missing(), indication="MDD", outcomes=["depression", "response"])
    counts = found.counts()
    assert counts.groupby("outcome")["k"].sum().to_dict() == {"depression": 5, "response": 5}
    missing = counts.query("outcome == 'depression' and state == 'missing'").iloc[0]
    assert (missing["k"], missing["n"], missing["k_unknown"]) == (1, 0.0, 1)
    assert "known to be missing from 1 (0 participants; size unknown for 1)" in found.sentence()
    json.dumps(found.to_dict(), allow_nan=False)
    assert "for a person to judge" in str(found)


def test_rob_me_of_the_packaged_tables() -> None:
    missing = load_missing()
    found = rob_me(km.load_trials(), missing, indication="PTSD", outcomes="ptsd")
    listed = missing[(missing["indication"] == "PTSD") & (missing["outcome"] == "ptsd")]
    named = found.to_frame().query("state == 'missing' or part_missing")
    assert 0 < len(named) <= len(listed)
    assert found.provenance.steps[-1]["step"] == "rob_me"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"indication": "XY"}, "'XY' occurs in neither"),
        ({"outcomes": "mood"}, "neither table"),
        ({"outcomes": []}, "give an indication and outcomes"),
        ({"hours": 24}, "pair"),
        ({"hours": (36, 18)}, "earliest"),
        ({"indication": [1]}, "word of the tables"),
    ],
)
def test_rob_me_refusals(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        rob_me(small_trials(), small_missing(), **({"indication": "MDD", "outcomes": "depression"} | options))
    with pytest.raises(ModelError, match="must be a table"):
        rob_me([1], small_missing(), indication="MDD", outcomes="depression")  # type: ignore[arg-type]


def listed() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "study_id": ["b2019", "a2019", "a2019_2", "t12020", None, None],
            "n_randomised": [40, np.nan, 30, 60, np.nan, 20],
        }
    )


def test_the_record_replays_to_the_same_result_with_its_names_and_notes() -> None:
    fit = km.pool(table())
    found = missing_evidence(fit, listed())
    step = json.loads(json.dumps(found.provenance.steps[-1], allow_nan=False, sort_keys=True))
    again = missing_evidence(fit, **step["arguments"])
    assert again.to_dict() == found.to_dict()
    assert again.studies["study"].tolist() == ["b2019", "a2019", "Missing trial 3", "Missing trial 4"]


def test_rob_me_replays_from_its_record() -> None:
    found = rob_me(small_trials(), small_missing(), indication="MDD", outcomes="depression", hours=(18, 36))
    step = json.loads(json.dumps(found.provenance.steps[-1], allow_nan=False))
    assert rob_me(small_trials(), **step["arguments"]).to_dict() == found.to_dict()


def test_rob_me_counts_a_repeated_outcome_once() -> None:
    twice = rob_me(small_trials(), small_missing(), indication="MDD", outcomes=["depression"] * 2)
    once = rob_me(small_trials(), small_missing(), indication="MDD", outcomes="depression")
    assert twice.counts().equals(once.counts())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dosing": "singel"}, "did you mean 'single'"),
        ({"indication": ["MDD", "XY"]}, "'XY' occurs in neither table"),
        ({"drug": "ketamine"}, "'ketamine' occurs in neither table"),
        ({"indication": 5}, "word of the tables"),
    ],
)
def test_rob_me_refuses_what_the_tables_do_not_know(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        rob_me(small_trials(), small_missing(), **({"indication": "MDD", "outcomes": "depression"} | options))


@pytest.mark.parametrize(("asked", "column"), [("hours", "time_hours"), ("dosing", "dosing")])
def test_rob_me_refuses_a_question_without_its_column(asked: str, column: str) -> None:
    value: Any = {"hours": (18, 36), "dosing": "single"}[asked]
    with pytest.raises(ModelError, match=f"no column {column}"):
        rob_me(
            small_trials().drop(columns=column),
            small_missing(),
            indication="MDD",
            outcomes="depression",
            **{asked: value},
        )


def test_two_columns_of_one_name_are_refused() -> None:
    twins = pd.concat([listed(), listed()[["n_randomised"]]], axis=1)
    with pytest.raises(ModelError, match="more than one column n_randomised"):
        missing_evidence(km.pool(table()), twins)


@pytest.mark.parametrize(
    ("missing", "options", "words"),
    [
        (np.array(50), {}, "must be a table"),
        (b"ab", {}, "must be a table"),
        ({"study_id": ["a"], "n_randomised": [40, 50]}, {}, "lists of one length"),
        ({"a2020": 50}, {}, "lists of one length"),
        ([None], {"threshold": 1e308}, "threshold"),
        ([None], {"assumed": [1e200]}, "assumed"),
        ([None], {"assumed": "0.1"}, "assumed"),
    ],
)
def test_more_refusals(missing: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        missing_evidence(km.pool(table()), missing, **options)


def test_sizes_in_different_columns_of_different_rows() -> None:
    """Each row's arms come from n_t and n_c, or from total_t and total_c, whichever it has."""
    first = pd.Series([True, False, False, False, False])
    split = table(measure="MD").drop(columns=["n_t", "n_c"])
    sizes = table()["n_t"]
    split["n_t"], split["n_c"] = sizes.where(first), np.nan
    split["total_t"], split["total_c"] = sizes.where(~first), sizes
    found = missing_evidence(km.pool(split), [80])
    whole = missing_evidence(km.pool(table(measure="MD")), [80])
    assert found.studies["vi"].tolist() == pytest.approx(whole.studies["vi"].tolist())


def test_an_infinite_interval_does_not_stretch_the_search() -> None:
    with pytest.warns(KetametaWarning, match="degrees of freedom"):
        far = km.pool(yi=[-0.5] * 3, vi=[1e-12, 1.0, 1e12], ci="KR")
    assert math.isinf(far.ci_high)
    found = missing_evidence(far, [None])
    assert math.isnan(found.effect_interval)
    assert found.null_trials_interval == 0
