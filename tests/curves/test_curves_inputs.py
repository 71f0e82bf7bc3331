from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ketameta.curves import CurveOptions, durability
from ketameta.curves.inputs import read_rows
from ketameta.errors import ModelError


@pytest.fixture
def es() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "record_id": ["KM0001", "KM0002", "KM0003", "KM0004", "KM0005"],
            "study_id": ["a", "a", "b", "b", "c"],
            "cohort_id": ["a", "a", "b", "b", "c"],
            "comparator_arm_id": ["a:placebo", "a:placebo", "b:placebo", "b:placebo", "c:placebo"],
            "outcome": "depression",
            "instrument": "MADRS",
            "dosing": "single",
            "time_hours": [168.0, 24.0, 24.0, 72.0, 24.0],
            "measure": "SMD",
            "yi": [-0.4, -0.8, -0.7, -0.6, -0.9],
            "vi": [0.1, 0.1, 0.08, 0.09, 0.2],
            "n_t": [20, 21, 25, 25, 10],
            "n_c": [20, 20, 26, 24, 10],
            "reason": "",
        },
        index=[10, 11, 12, 13, 14],
    )


@pytest.mark.parametrize(
    ("column", "value", "match"),
    [
        ("yi", math.nan, "yi must be a finite number"),
        ("yi", math.inf, "yi must be a finite number"),
        ("vi", 0.0, "vi must be a finite number above zero"),
        ("vi", -0.1, "vi must be a finite number above zero"),
        ("vi", math.nan, "vi must be a finite number above zero"),
        ("vi", math.inf, "vi must be a finite number above zero"),
        ("time_hours", 0.0, "a baseline has no place here"),
        ("time_hours", -24.0, "time_hours must be"),
        ("time_hours", math.inf, "time_hours must be"),
    ],
)
def test_bad_cells_are_refused_with_the_name_of_their_row(es, column, value, match) -> None:
    es.loc[12, column] = value
    with pytest.raises(ModelError, match=match) as error:
        durability(es)
    assert "row 12 (record_id KM0003, cohort_id b" in str(error.value)
    assert "KM0001" not in str(error.value)


def test_a_row_without_a_time_is_left_out_and_says_so(es) -> None:
    es.loc[12, "time_hours"] = math.nan
    curve = durability(es)
    assert 12 not in curve.rows.index
    assert curve.left_out.loc[12, "reason"] == "no time is given"
    assert any("left out" in note for note in curve.notes)


def test_nothing_but_rows_without_a_time(es) -> None:
    with pytest.raises(ModelError, match="state no time"):
        durability(es.assign(time_hours=math.nan))


def test_long_lists_of_bad_rows_are_cut() -> None:
    es = pd.DataFrame({"cohort_id": "a", "time_hours": range(1, 11), "yi": math.nan, "vi": 1.0})
    with pytest.raises(ModelError, match="and 4 more"):
        durability(es)


def test_text_where_numbers_belong_is_refused(es) -> None:
    es["yi"] = ["a", "b", "c", "d", "e"]
    with pytest.raises(ModelError, match="column 'yi' must hold numbers"):
        durability(es)


def test_a_trial_counts_once_at_a_time(es) -> None:
    es.loc[11, "time_hours"] = 168.0
    es.loc[11, "instrument"] = "QIDS-SR"
    with pytest.raises(ModelError, match="counts once at a time") as error:
        durability(es)
    for name in ("KM0001", "KM0002", "MADRS", "QIDS-SR"):
        assert name in str(error.value)
    assert "KM0003" not in str(error.value)


@pytest.mark.parametrize(
    ("column", "value", "match"),
    [
        ("dosing", "repeated", r"'dosing' mixes repeated \(1 row\), single \(4 rows\).*select one"),
        ("measure", "MD", "'measure' mixes MD"),
        ("outcome", "anxiety", "'outcome' mixes anxiety"),
    ],
)
def test_what_does_not_share_a_curve_is_refused(es, column, value, match) -> None:
    es.loc[13, column] = value
    with pytest.raises(ModelError, match=match):
        durability(es)


def test_follow_up_off_the_drug_stands_alone(es) -> None:
    repeated = es.assign(dosing="repeated", hours_since_last_dose=[72.0, 24.0, np.nan, 336.0, 24.0])
    assert durability(repeated).k_effects == 5
    repeated.loc[13, "hours_since_last_dose"] = 1416.0
    with pytest.raises(ModelError, match="follow-up off the drug") as error:
        durability(repeated)
    assert "KM0004" in str(error.value)
    assert "KM0003" not in str(error.value)
    assert durability(repeated.assign(hours_since_last_dose=1416.0)).k_effects == 5
    assert durability(repeated.assign(dosing="single")).k_effects == 5
    assert durability(repeated.drop(columns="dosing")).k_effects == 5


def test_missing_columns_are_named(es) -> None:
    with pytest.raises(ModelError, match=r"lacks vi, cohort_id \(or study_id\)"):
        durability(es[["yi", "time_hours"]])


def test_wrong_types_and_empty_tables_are_refused(es) -> None:
    with pytest.raises(ModelError, match="not list"):
        durability([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="no rows"):
        durability(es.iloc[:0])
    with pytest.raises(ModelError, match="every one carries a reason"):
        durability(es.assign(reason="no SD"))


def test_one_time_belongs_to_pool(es) -> None:
    with pytest.raises(ModelError, match=r"all effects were measured at 24 h.*pool\(\)"):
        durability(es[es["time_hours"] == 24])


def test_rows_with_a_reason_are_left_out_and_listed(es) -> None:
    es.loc[14, "reason"] = "no SD"
    es.loc[14, "yi"] = math.nan
    curve = durability(es)
    assert curve.left_out.index.tolist() == [14]
    assert curve.k_effects == 4
    assert any("listed in left_out: 1 row" in note for note in curve.notes)


def test_missing_reasons_and_names_are_read_as_empty(es) -> None:
    es["reason"] = [None, math.nan, "", pd.NA, " "]
    es["cohort_id"] = [None, "", math.nan, "b", pd.NA]
    data, used, left_out = read_rows(es)
    assert data.trials == ("a", "b", "c")
    assert (len(used), len(left_out)) == (5, 0)


def test_a_trial_without_a_name_is_refused(es) -> None:
    es.loc[12, ["cohort_id", "study_id"]] = ""
    with pytest.raises(ModelError, match=r"trial must be named.*KM0003"):
        durability(es)


def test_cohorts_join_the_rows_of_the_same_people(es) -> None:
    es.loc[14, "cohort_id"] = "b"
    es.loc[14, "time_hours"] = 168.0
    assert durability(es).k_trials == 2


def test_arm_sizes_may_stand_in_totals(es) -> None:
    renamed = es.rename(columns={"n_t": "total_t", "n_c": "total_c"})
    np.testing.assert_array_equal(read_rows(renamed)[0].people, read_rows(es)[0].people)
    assert durability(es).n_participants == 41 + 51 + 20


def test_unknown_arm_sizes_are_said_and_replaced_by_the_plain_correlation(es) -> None:
    es.loc[11, "n_t"] = math.nan
    data = read_rows(es)[0]
    v = data.covariances(rho=0.6, correlation="log-time")
    assert v[0][0, 1] == pytest.approx(0.06)
    assert v[1][0, 1] < 0.6 ** (math.log(3) / math.log(7)) * math.sqrt(0.08 * 0.09)
    curve = durability(es)
    assert any(
        note.startswith("a: not every row has arm sizes, so the covariance is rho(s, t)")
        for note in curve.notes
    )
    assert curve.n_participants == 40 + 51 + 20
    assert durability(es.drop(columns=["n_t"])).n_participants is None


def test_a_covariance_that_fails_names_its_trial(es) -> None:
    with pytest.raises(ModelError, match=r"trial 'a' is not positive definite.*KM0002.*KM0001"):
        durability(es.drop(columns="n_t"), rho=1 - 1e-13, options=CurveOptions(correlation="constant"))


def test_ratios_have_the_exact_covariance_where_the_counts_stand_in_the_rows(es) -> None:
    counted = es.assign(measure="RR", events_t=[8, 12, 10, 9, 5], events_c=[5, 6, 7, 4, 2])
    counted = counted.rename(columns={"n_t": "total_t", "n_c": "total_c"})
    v = read_rows(counted)[0].covariances(rho=0.6, correlation="log-time")[0]
    first, second = (12 / 21, 6 / 20), (8 / 20, 5 / 20)
    phi = [
        min(0.6, math.sqrt(min(p * (1 - q), q * (1 - p)) / max(p * (1 - q), q * (1 - p))))
        for p, q in zip(first, second, strict=True)
    ]
    terms = [
        r / n * math.sqrt((1 - p) * (1 - q) / (p * q))
        for r, n, p, q in zip(phi, (21, 20), first, second, strict=True)
    ]
    formula = [1 / 12 - 1 / 21 + 1 / 6 - 1 / 20, 1 / 8 - 1 / 20 + 1 / 5 - 1 / 20]
    assert v[0, 1] == pytest.approx(sum(terms) / math.sqrt(math.prod(formula)) * 0.1, rel=1e-12)
    assert not any("arm sizes" in note for note in durability(counted).notes)


def test_ratios_without_counts_rest_on_the_arm_sizes_and_say_so(es) -> None:
    es["measure"] = "RR"
    v = read_rows(es)[0].covariances(rho=0.6, correlation="log-time")[0]
    sizes = math.sqrt((1 / 21 + 1 / 20) * (1 / 20 + 1 / 20))
    assert v[0, 1] == pytest.approx(0.6 * (1 / 21 + 1 / 20) / sizes * 0.1, rel=1e-12)
    assert any("correlations rest on arm sizes" in note for note in durability(es).notes)


def test_shared_control_arms_units_and_recovered_statistics_are_said(es) -> None:
    es["imputed"] = ["", "SD from SE", "", None, ""]
    es.loc[14, "comparator_arm_id"] = "a:placebo"
    es["measure"] = "MD"
    es.loc[14, "instrument"] = "HAM-D-17"
    notes = " | ".join(durability(es).notes)
    assert "share a control arm count as independent: a:placebo" in notes
    assert "do not share a unit: HAM-D-17, MADRS" in notes
    assert "1 of 5 effects rest on a recovered statistic" in notes


def test_the_table_is_not_changed(es) -> None:
    before = es.copy(deep=True)
    durability(es).sensitivity([0.5])
    pd.testing.assert_frame_equal(es, before)


@pytest.mark.parametrize(
    "cohorts",
    [[2.0, 2.0, "2", 10.0, "10"], [2.0, 2.0, 10.0, 10.0, float("nan")], [10, "10", 2, "2", "2.0"]],
)
def test_trials_and_their_covariances_are_named_alike(es, cohorts) -> None:
    kind = "float64" if all(isinstance(one, float) for one in cohorts) else "object"
    rows = es.assign(
        cohort_id=pd.Series(cohorts, index=es.index, dtype=kind), time_hours=[24, 72, 168, 336, 672]
    )
    data = read_rows(rows)[0]
    assert data.trials == data.samples.trials
    blocks = data.covariances(rho=0.6, correlation="log-time")
    for trial, block in enumerate(blocks):
        np.testing.assert_array_equal(np.diag(block), data.vi[data.trial == trial])


def test_times_that_are_no_numbers_are_refused(es) -> None:
    with pytest.raises(ModelError, match="column 'time_hours' must hold numbers"):
        durability(es.assign(time_hours=["24 h", "72 h", "24 h", "72 h", "24 h"]))


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        (
            {"curve": "linear"},
            "curve='linear' is unknown; did you mean 'spline'. Choose one of spline, piecewise, polynomial, steps, exponential",
        ),
        ({"ci": "HKSJ"}, "ci='HKSJ'"),
        ({"rho": 1.0}, "0 <= rho < 1"),
        ({"level": 95}, "level=95 must lie between 0 and 1"),
        ({"knots": (24,)}, "at least two"),
        ({"knots": (24, 24)}, "must increase"),
        ({"knots": (-1, 24)}, "above zero"),
        ({"knots": "day"}, "must be times in hours"),
        ({"knots": 24}, "must be times in hours"),
        ({"knots": (24, 168), "curve": "exponential"}, "knots belong to curve='spline' or 'piecewise'"),
        ({"knots": (24, 40, 72, 168)}, "do not determine a spline with knots at 24, 40, 72, 168 h"),
        ({"knots": (300, 400, 500)}, "do not determine a spline"),
    ],
)
def test_bad_arguments_are_refused(es, kwargs, match) -> None:
    with pytest.raises(ModelError, match=match):
        durability(es, **kwargs)
