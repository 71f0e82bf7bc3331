"""V of tables as they come: rows without a time or an effect, doubles, any order, what is refused, many trials."""

from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest

from ketameta.effects import covariance, effect_sizes, smd_covariance
from ketameta.errors import DataError, EffectError
from ketameta.evidence import load_trials

from .covariance_accounts import told


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
        ({"correlation": "AR"}, "'AR' is unknown"),
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
    rare = measure in ("OR", "RR")
    if rare:
        # counts as rare as these cannot all be correlated at 0.6: two by two they could, 36 at once not
        with pytest.raises(
            EffectError, match=r"'fedgchin2019' is not positive definite.*lower rho or between"
        ):
            covariance(once)
    v = covariance(once, between=0.5) if rare else covariance(once)
    assert (v.account["smallest_eigenvalue"] > 1e-6).all()
    assert all(np.linalg.eigvalsh(block)[0] > 0 for block in v.blocks)
    assert sum(len(at) for at in v.positions) == len(once)
    assert (v.account["account"] != "").all()
