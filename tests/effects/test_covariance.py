"""V of a table of effects: who shares people with whom, which formula, and what is said about it."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta.effects import (
    SamplingCovariance,
    combine_arms,
    counts_covariance,
    covariance,
    effect_sizes,
    md,
    md_covariance,
    smd_covariance,
    time_correlation,
)
from ketameta.errors import DataError, EffectError
from ketameta.evidence import load_trials

REFERENCE = Path(__file__).resolve().parents[1] / "reference"


@pytest.fixture
def arms() -> pd.DataFrame:
    """Three doses and one placebo arm at two times, and a trial of one row."""
    rows = [
        (
            f"able2001_{dose}mg",
            "able2001",
            "able2001:placebo",
            "depression",
            "MADRS",
            hours,
            n,
            mean,
            sd,
            n_c,
            20.0,
            8.0,
        )
        for hours, n_c in ((24.0, 40), (168.0, 36))
        for dose, n, mean, sd in ((28, 30, 15.0, 7.0), (56, 34, 13.0, 9.0), (84, 25, 12.0, 8.0))
    ]
    rows.append(
        (
            "baker2002",
            "baker2002",
            "baker2002:placebo",
            "depression",
            "MADRS",
            24.0,
            20,
            14.0,
            7.0,
            21,
            18.0,
            6.0,
        )
    )
    names = (
        "study_id cohort_id comparator_arm_id outcome instrument time_hours n_t mean_t sd_t n_c mean_c sd_c"
    )
    table = pd.DataFrame(rows, columns=names.split())
    table.insert(0, "record_id", [f"KM{i:04d}" for i in range(len(table))])
    return table


@pytest.fixture
def counts(arms) -> pd.DataFrame:
    events = {"events_t": [12, 15, 0, 10, 14, 3, 9], "events_c": [8, 8, 8, 10, 10, 10, 5]}
    table = arms.rename(columns={"n_t": "total_t", "n_c": "total_c"}).drop(
        columns=["mean_t", "sd_t", "mean_c", "sd_c"]
    )
    return table.assign(**events)


def told(v: SamplingCovariance, trial: str = "able2001") -> str:
    return str(v.account.set_index("trial").loc[trial, "account"])


def expected_correlations(hours, doses, rho: float) -> tuple[np.ndarray, np.ndarray]:
    r = time_correlation(hours, rho=rho)
    names = doses.to_numpy(dtype=str)
    return r * (names[:, None] == names), r


def test_standardised_differences_of_doses_and_times_have_the_exact_formula(arms) -> None:
    es = effect_sizes(arms, shared="keep")
    v = covariance(es, rho=0.6)
    rows = es.iloc[:6]
    r_t, r_c = expected_correlations(rows["time_hours"], rows["study_id"], 0.6)
    want = smd_covariance(rows["yi"], rows["n_t"], rows["n_c"], r_t, r_c)
    np.testing.assert_allclose(v.blocks[0], want, rtol=1e-12)
    np.testing.assert_allclose(np.diag(v.matrix), es["vi"], rtol=0)
    assert (v.matrix[6, :6] == 0).all()
    assert v.trials == ("able2001", "baker2002")
    assert told(v) == (
        "2 times of the same people: rho = 0.6 between 24 h and 7 d, fading in log time (assumed); "
        "3 treatment arms share a comparator; exact formula of the SMD"
    )
    assert told(v, "baker2002") == "single row: nothing to do"
    assert v.account["smallest_eigenvalue"].iloc[0] == pytest.approx(
        np.linalg.eigvalsh(want / np.sqrt(np.outer(np.diag(want), np.diag(want))))[0]
    )


def test_mean_differences_use_the_sds_and_recover_them(arms) -> None:
    r_t, r_c = expected_correlations(arms["time_hours"][:6], arms["study_id"][:6], 0.6)
    want = md_covariance(*(arms[name][:6] for name in ("sd_t", "n_t", "sd_c", "n_c")), r_t, r_c)
    np.testing.assert_allclose(covariance(effect_sizes(arms, measure="MD", shared="keep")).blocks[0], want)
    arms["se_t"] = arms["sd_t"] / np.sqrt(arms["n_t"])
    arms.loc[2, "sd_t"] = math.nan
    v = covariance(effect_sizes(arms, measure="MD", shared="keep"))
    np.testing.assert_allclose(v.blocks[0], want)
    assert "exact formula of the MD" in told(v)


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_counts_have_the_exact_formula_with_their_zero_cells_corrected(counts, measure) -> None:
    es = effect_sizes(counts, measure=measure, shared="keep")
    v = covariance(es, rho=0.2)
    table = counts.iloc[:6].astype({"events_t": float, "events_c": float})
    zero = table["events_t"] == 0
    table.loc[zero, ["events_t", "events_c"]] += 0.5
    table.loc[zero, ["total_t", "total_c"]] += 1
    r_t, r_c = expected_correlations(table["time_hours"], table["study_id"], 0.2)
    cells = [table[name] for name in ("events_t", "total_t", "events_c", "total_c")]
    odds = cells[0] / (cells[1] - cells[0])
    largest = np.sqrt(np.minimum.outer(*[odds.to_numpy()] * 2) / np.maximum.outer(*[odds.to_numpy()] * 2))
    assert (r_t > largest).any() == ("rho exceeds" in told(v))
    want = counts_covariance(*cells, np.minimum(r_t, np.where(r_t > 0, largest, 0)), r_c, measure=measure)
    np.testing.assert_allclose(np.diag(want), es["vi"][:6], rtol=1e-12)
    np.testing.assert_allclose(v.blocks[0], want, rtol=1e-12)


def test_events_come_from_percentages_as_they_do_for_the_effects(counts) -> None:
    percent = counts.assign(percent_t=["40.0"] + [""] * 6)
    percent["events_t"] = percent["events_t"].astype(float)
    percent.loc[0, "events_t"] = math.nan
    v = covariance(effect_sizes(percent, measure="RR", shared="keep"))
    want = covariance(effect_sizes(counts, measure="RR", shared="keep"))
    np.testing.assert_allclose(v.matrix, want.matrix, rtol=1e-12)
    assert v.account["formula"].tolist() == ["RR", ""]
    unclear = effect_sizes(percent, measure="RR", shared="keep").assign(
        percent_t=["4", "", "", "", "", "", ""]
    )
    assert covariance(unclear).account["formula"].tolist() == ["sizes", ""]


def test_a_correlation_that_proportions_do_not_allow_is_lowered_and_said(counts) -> None:
    two = counts.iloc[[0, 3]].assign(events_t=[2, 28])
    v = covariance(effect_sizes(two, measure="RD"), rho=0.7)
    p = np.array([2, 28]) / 30
    odds = p / (1 - p)
    largest = math.sqrt(odds.min() / odds.max())
    assert largest < 0.1
    want = counts_covariance([2, 28], 30, [8, 10], [40, 36], largest, 0.7, measure="RD")
    np.testing.assert_allclose(v.blocks[0], want, rtol=1e-12)
    assert "rho exceeds what the proportions allow" in told(v)


def test_contrasts_without_arm_numbers_rest_on_sizes_or_on_nothing_and_say_so(arms) -> None:
    es = effect_sizes(arms, measure="MD", shared="keep").drop(columns=["sd_t", "sd_c"])
    v = covariance(es)
    one = np.ones(6)
    r_t, r_c = expected_correlations(es["time_hours"][:6], es["study_id"][:6], 0.6)
    plain = md_covariance(one, es["n_t"][:6], one, es["n_c"][:6], r_t, r_c)
    root, scale = np.sqrt(np.diag(plain)), np.sqrt(es["vi"][:6].to_numpy())
    np.testing.assert_allclose(v.blocks[0], plain / np.outer(root, root) * np.outer(scale, scale))
    assert "correlation from the arm sizes alone, one SD for all: not every row has arm SDs" in told(v)
    es.loc[0, "n_t"] = math.nan
    v = covariance(es)
    np.testing.assert_allclose(v.blocks[0], (r_t + r_c) / 2 * np.outer(scale, scale))
    assert "arms taken as equal in size" in told(v)
    assert v.account["formula"].tolist() == ["plain", ""]


def test_adjusted_variances_keep_the_correlation_of_the_formula_and_say_so(arms) -> None:
    es = effect_sizes(arms, shared="keep")
    es["vi"] *= np.linspace(0.5, 0.9, 7)
    v, plain = covariance(es), covariance(effect_sizes(arms, shared="keep"))
    ours, other = ((x.matrix / np.sqrt(np.outer(np.diag(x.matrix), np.diag(x.matrix)))) for x in (v, plain))
    np.testing.assert_allclose(ours, other, rtol=1e-12, atol=1e-15)
    assert "vi of 6 rows is not that of the formula" in told(v)


def test_outcomes_of_the_same_people(arms) -> None:
    two = arms.iloc[[0, 3]].assign(instrument=["MADRS", "QIDS"])
    es = effect_sizes(two)
    r = 0.6 * 0.3
    v = covariance(es, between=0.3)
    np.testing.assert_allclose(v.blocks[0], smd_covariance(es["yi"], es["n_t"], es["n_c"], r, r))
    assert "2 outcomes of the same people: correlation 0.3 (assumed)" in told(v)
    same_time = effect_sizes(two.assign(time_hours=24.0, n_c=40))
    got = covariance(same_time, between=0.3).blocks[0]
    np.testing.assert_allclose(got, smd_covariance(same_time["yi"], same_time["n_t"], 40, 0.3, 0.3))


def test_two_comparators_of_one_treatment_arm(arms) -> None:
    two = arms.iloc[[0, 0]].assign(
        comparator_arm_id=["able2001:placebo", "able2001:midazolam"], n_c=[40, 25], record_id=["a", "b"]
    )
    two.index = [0, 1]
    es = effect_sizes(two, measure="MD")
    v = covariance(es)
    assert v.blocks[0][0, 1] == pytest.approx(49 / 30)
    assert "one treatment arm against several comparators" in told(v)


def test_rows_that_share_no_arm_are_independent_and_the_account_warns_of_subgroups(arms) -> None:
    two = arms.iloc[[0, 1]].assign(comparator_arm_id=["able2001:placebo", "able2001_men:placebo"])
    v = covariance(effect_sizes(two))
    assert v.blocks[0][0, 1] == 0
    assert v.dependent == 0
    assert "1 pair of rows without an arm in common: independent (wrong if one is a subgroup" in told(v)
    assert "no two effects come from the same people" in v.sentence()


def test_combined_arms_and_split_controls(arms) -> None:
    combined = effect_sizes(arms)
    v = covariance(combined)
    assert [len(block) for block in v.blocks] == [2, 1]
    first = combined.iloc[:2]
    np.testing.assert_allclose(v.blocks[0], smd_covariance(first["yi"], first["n_t"], first["n_c"], 0.6, 0.6))
    split = effect_sizes(arms, shared="split")
    v = covariance(split)
    part = split["n_c"][:6] / 3
    r_t, _ = expected_correlations(split["time_hours"][:6], split["study_id"][:6], 0.6)
    np.testing.assert_allclose(v.blocks[0], smd_covariance(split["yi"][:6], split["n_t"][:6], part, r_t, r_t))
    assert "parts of a split comparator count as independent" in told(v)


def test_a_combined_arm_overlaps_with_its_parts(arms) -> None:
    early, late = arms.iloc[:3], arms.iloc[[3]]
    es = pd.concat([effect_sizes(early), effect_sizes(late)], ignore_index=True)
    v = covariance(es)
    want = smd_covariance(es["yi"], es["n_t"], es["n_c"], 0.6, 0.6)
    np.testing.assert_allclose(v.blocks[0], want)
    assert "combined arms and their parts: people in both taken as the smaller size" in told(v)


def gls(y, v) -> tuple[float, float]:
    weight = np.linalg.solve(v, np.ones(len(y)))
    return float(weight @ y / weight.sum()), float(1 / weight.sum())


def test_combine_split_and_keep_agree_as_theory_says(arms) -> None:
    one_sd = arms.iloc[:3].assign(sd_t=8.0)
    kept = effect_sizes(one_sd, measure="MD", shared="keep")
    estimate, variance = gls(kept["yi"].to_numpy(), covariance(kept).matrix)
    combined = effect_sizes(one_sd, measure="MD").iloc[0]
    assert estimate == pytest.approx(combined["yi"], rel=1e-12)
    assert variance == pytest.approx(md(0, 8.0, one_sd["n_t"].sum(), 0, 8.0, 40).vi, rel=1e-12)
    pooled = combine_arms(one_sd["n_t"], one_sd["mean_t"], one_sd["sd_t"]).sd
    assert combined["vi"] == pytest.approx(pooled**2 / 89 + 64 / 40, rel=1e-12)
    split = effect_sizes(one_sd, measure="MD", shared="split")
    _, conservative = gls(split["yi"].to_numpy(), covariance(split).matrix)
    assert conservative > variance
    independent = 1 / (1 / kept["vi"]).sum()
    assert independent < variance


@pytest.mark.parametrize("case", ["log-time", "days"])
def test_times_and_outcomes_agree_with_metafor(case: str) -> None:
    rows = pd.read_csv(REFERENCE / "dependence_rows.csv").query("set == 'times'")
    es = rows.rename(columns={"trial": "cohort_id"}).assign(yi=0.1)
    v = covariance(es, rho=0.6, correlation=case, between=0.5)
    np.testing.assert_allclose(v.matrix, vcalc(case, len(es)), rtol=1e-12)


def test_constant_correlation_agrees_with_metafor() -> None:
    rows = pd.read_csv(REFERENCE / "dependence_rows.csv").query("set == 'times'")
    es = rows.drop_duplicates(["trial", "time_hours"]).rename(columns={"trial": "cohort_id"}).assign(yi=0.1)
    v = covariance(es, rho=0.6, correlation="constant", between=1.0)
    np.testing.assert_allclose(v.matrix, vcalc("constant", len(es)), rtol=1e-12)


def test_shared_controls_at_two_times_agree_with_metafor() -> None:
    rows = pd.read_csv(REFERENCE / "dependence_rows.csv").query("set == 'control'")
    es = rows.assign(
        cohort_id=rows["trial"], study_id=rows["trial"] + "_" + rows["arm"], yi=0.1, measure="HR"
    )
    es["comparator_arm_id"] = es["trial"]
    np.testing.assert_allclose(covariance(es).matrix, vcalc("shared control", len(es)), rtol=1e-12)


def vcalc(case: str, n: int) -> np.ndarray:
    entries = pd.read_csv(REFERENCE / "dependence_vcalc.csv").query("case == @case")
    v = np.zeros((n, n))
    v[entries["i"], entries["j"]] = v[entries["j"], entries["i"]] = entries["value"]
    return v


def test_the_same_measurement_twice_is_refused_by_name(arms) -> None:
    es = effect_sizes(arms, shared="keep")
    es.loc[3, ["time_hours", "study_id"]] = 24.0, "able2001_28mg"
    with pytest.raises(EffectError, match=r"same measurement twice.*KM0000.*KM0003.*Keep one row") as error:
        covariance(es)
    assert "KM0001" not in str(error.value)


def test_a_block_that_is_not_positive_definite_names_its_rows(arms) -> None:
    es = effect_sizes(arms.iloc[[0, 3, 6]]).drop(columns=["n_t", "n_c"])
    with pytest.raises(
        EffectError, match=r"'able2001' is not positive definite.*KM0000.*KM0003.*lower rho"
    ) as error:
        covariance(es, rho=1 - 1e-13)
    assert "KM0006" not in str(error.value)
    two = arms.iloc[[0, 3]].assign(time_hours=24.0, instrument=["MADRS", "QIDS"])
    with pytest.raises(EffectError, match="lower rho or between"):
        covariance(effect_sizes(two).drop(columns=["n_t", "n_c"]), between=1.0)


def test_rows_without_a_time(arms) -> None:
    es = effect_sizes(arms.iloc[[0, 3]])
    es.loc[3, "time_hours"] = math.nan
    v = covariance(es, rho=0.4)
    np.testing.assert_allclose(v.blocks[0], smd_covariance(es["yi"], es["n_t"], es["n_c"], 0.4, 0.4))
    assert "1 row without time_hours: rho with every other time" in told(v)
    es["time_hours"] = [0.0, 24.0]
    with pytest.raises(EffectError, match="above zero for correlations that fade in log time: row 0"):
        covariance(es)
    assert covariance(es, correlation="days").blocks[0].shape == (2, 2)


def test_rows_with_a_reason_have_no_place_and_are_listed(arms) -> None:
    es = effect_sizes(arms.assign(sd_t=[7, None, 8, 7, 9, 8, 7]), shared="keep")
    v = covariance(es)
    assert v.left_out.index.tolist() == [1]
    assert v.rows.index.tolist() == [0, 2, 3, 4, 5, 6]
    assert v.matrix.shape == (6, 6)
    assert v.positions[0].tolist() == [0, 1, 2, 3, 4]
    assert "listed in left_out: 1" in str(v)


def test_blocks_follow_the_order_of_the_rows(arms) -> None:
    es = effect_sizes(arms, shared="keep")
    shuffled = es.iloc[[6, 3, 0, 5, 1, 4, 2]]
    v, w = covariance(es).matrix, covariance(shuffled).matrix
    order = shuffled.index.to_numpy()
    np.testing.assert_allclose(w, v[np.ix_(order, order)], rtol=1e-12)


def test_words_and_exports(arms) -> None:
    v = covariance(effect_sizes(arms, shared="keep"))
    frame = v.to_frame()
    assert len(frame) == 6 * 7 // 2 + 1
    assert frame.loc[1, "covariance"] == v.matrix[frame.loc[1, "i"], frame.loc[1, "j"]]
    assert frame["correlation"].abs().max() == pytest.approx(1.0)
    assert json.loads(json.dumps(v.to_dict()))["trials"][0]["covariance"][0][0] == v.matrix[0, 0]
    assert v.sentence() == (
        "7 effects of 2 trials; those of 1 trial are correlated by sampling, with an assumed correlation of 0.6 "
        "between 24 h and 7 d (log-time) and 0.6 between outcomes."
    )
    assert repr(v).startswith("<SamplingCovariance 7 effects")
    assert "exact formula of the SMD" in str(v)
    assert "<table>" in v._repr_html_()


def test_the_table_is_not_changed(arms) -> None:
    es = effect_sizes(arms, shared="keep")
    before = es.copy(deep=True)
    covariance(es)
    pd.testing.assert_frame_equal(es, before)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"yi": math.nan}, "yi must be a finite number; not so in row 0"),
        ({"yi": math.inf}, "yi must be a finite number"),
        ({"vi": 0.0}, "vi must be a finite number above zero"),
        ({"vi": -1.0}, "vi must be a finite number above zero"),
        ({"vi": "a"}, "vi must be a finite number above zero"),
        (
            {"cohort_id": "", "study_id": None},
            "the trial must be named in cohort_id or study_id; not so in row 0",
        ),
        ({"measure": ["SMD"] * 6 + ["MD"]}, "effects of MD, SMD have no common covariance"),
        ({"reason": "no SD"}, "none of the 7 rows has an effect"),
    ],
)
def test_unusable_rows_are_refused(arms, change, match) -> None:
    with pytest.raises(EffectError, match=match):
        covariance(effect_sizes(arms, shared="keep").assign(**change))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"rho": 1.0}, "0 <= rho < 1"),
        ({"rho": math.nan}, "0 <= rho < 1"),
        ({"correlation": "AR"}, "'AR' is not one of"),
        ({"between": -0.1}, "from 0 to 1"),
        ({"between": "much"}, "from 0 to 1"),
        ({"between": math.nan}, "from 0 to 1"),
    ],
)
def test_arguments_out_of_range_are_refused(arms, arguments, match) -> None:
    with pytest.raises(EffectError, match=match):
        covariance(effect_sizes(arms, shared="keep"), **arguments)


def test_wrong_tables_are_refused(arms) -> None:
    es = effect_sizes(arms, shared="keep")
    with pytest.raises(EffectError, match="not list"):
        covariance([1, 2])  # type: ignore[arg-type]
    with pytest.raises(EffectError, match="none of the 0 rows"):
        covariance(es.iloc[:0])
    with pytest.raises(DataError, match=r"lacks vi, cohort_id \(or study_id\)"):
        covariance(es.drop(columns=["vi", "cohort_id", "study_id"]))
    with pytest.raises(DataError, match="vi stands more than once"):
        covariance(pd.concat([es, es[["vi"]]], axis=1))


def test_two_thousand_trials_take_little_time_and_a_dense_matrix_that_is_too_large_is_refused() -> None:
    rng = np.random.default_rng(0)
    k, m = 2000, 6
    n = rng.integers(15, 90, k * m)
    es = pd.DataFrame(
        {
            "cohort_id": np.repeat([f"trial{i}" for i in range(k)], m),
            "time_hours": np.tile([4.0, 24.0, 72.0, 168.0, 336.0, 672.0], k),
            "measure": "SMD",
            "yi": rng.normal(-0.5, 0.3, k * m),
            "n_t": n,
            "n_c": n,
        }
    )
    es["vi"] = 2 / n + es["yi"] ** 2 / (4 * n)
    start = time.perf_counter()
    v = covariance(es)
    assert time.perf_counter() - start < 4
    assert len(v.blocks) == k
    big = pd.concat([es, es.assign(cohort_id="x" + es["cohort_id"])], ignore_index=True)
    with pytest.raises(EffectError, match=r"24000 effects takes 4\.6 GB; work with blocks"):
        _ = covariance(big).matrix


@pytest.mark.parametrize("measure", ["SMD", "MD", "OR", "RR", "RD"])
def test_real_trials_have_a_positive_definite_covariance_or_name_their_doubles(measure) -> None:
    table = load_trials()
    rows = table[table["score_type"] == "change"] if measure == "SMD" else table
    es = effect_sizes(rows, measure=measure)
    with pytest.raises(EffectError, match="same measurement twice"):
        covariance(es)
    once = es[(es["reason"] == "") & (es["time_hours"].isna() | (es["time_hours"] > 0))].drop_duplicates(
        ["cohort_id", "study_id", "comparator_arm_id", "outcome", "instrument", "definition", "time_hours"]
    )
    v = covariance(once)
    assert (v.account["smallest_eigenvalue"] > 1e-6).all()
    assert all(np.linalg.eigvalsh(block)[0] > 0 for block in v.blocks)
    assert sum(len(at) for at in v.positions) == len(once)
    assert (v.account["account"] != "").all()
