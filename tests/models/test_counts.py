"""counts(): arguments, edge cases, and what must hold whatever the counts."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketameta as km
from ketameta.errors import KetametaError, ModelError

A, N1, C, N2 = [4, 6, 3, 12], [123, 306, 231, 140], [11, 29, 11, 9], [139, 303, 220, 141]
METHODS = ("MH", "Peto", "UM.FS", "UM.RS", "CM.EL")


@pytest.mark.parametrize("method", METHODS)
def test_result_has_what_a_pool_has(method):
    fit = km.counts(A, N1, C, N2, method=method)
    assert fit.ci_low < fit.estimate < fit.ci_high
    assert fit.k == 4
    assert len(fit.to_frame()) == 1
    assert json.loads(json.dumps(fit.to_dict()))["measure"] == "OR"
    assert "pooled OR" in fit.sentence()
    assert fit.method in str(fit)
    assert "<table>" in fit._repr_html_()
    assert repr(fit).startswith("<PooledCounts")
    assert fit.provenance.n_rows == 4
    with pytest.raises(ValueError, match="read-only"):
        fit.a[0] = 1


@pytest.mark.parametrize("method", METHODS)
def test_swapped_groups_turn_the_sign(method):
    one, other = km.counts(A, N1, C, N2, method=method), km.counts(C, N2, A, N1, method=method)
    assert other.estimate == pytest.approx(-one.estimate, abs=1e-9)
    assert other.se == pytest.approx(one.se, rel=1e-8)
    assert other.loglik == pytest.approx(one.loglik, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("method", METHODS)
def test_non_events_turn_the_sign(method):
    left = [n - x for n, x in zip(N1, A, strict=True)], [n - x for n, x in zip(N2, C, strict=True)]
    one, other = km.counts(A, N1, C, N2, method=method), km.counts(left[0], N1, left[1], N2, method=method)
    assert other.estimate == pytest.approx(-one.estimate, abs=1e-9)
    assert other.tau2 == pytest.approx(one.tau2, abs=1e-8, nan_ok=True)


@pytest.mark.parametrize("method", METHODS)
def test_order_of_studies_does_not_matter(method):
    one = km.counts(A, N1, C, N2, method=method)
    other = km.counts(A[::-1], N1[::-1], C[::-1], N2[::-1], method=method)
    assert other.estimate == pytest.approx(one.estimate, abs=1e-9)


@pytest.mark.parametrize("method", ["MH", "Peto", "UM.FS", "CM.EL"])
def test_studies_that_say_nothing_change_nothing_and_are_named(method):
    one = km.counts(A, N1, C, N2, method=method)
    other = km.counts([*A, 0, 7], [*N1, 30, 7], [*C, 0, 8], [*N2, 31, 8], method=method)
    assert (other.estimate, other.k) == (pytest.approx(one.estimate, abs=1e-12), 4)
    assert any("Study 5, Study 6" in note for note in other.notes)


def test_one_study_is_itself():
    for method in ("MH", "UM.FS"):
        fit = km.counts(4, 20, 9, 22, method=method)
        assert fit.estimate == pytest.approx(math.log(4 * 13 / (16 * 9)), abs=1e-9)
        assert fit.se == pytest.approx(math.sqrt(1 / 4 + 1 / 16 + 1 / 9 + 1 / 13), rel=1e-9)
        assert math.isnan(fit.tau2)
        assert "only study" in fit.sentence()


def test_boundary_is_said_and_the_se_is_that_of_the_common_effect():
    fit = km.counts([4, 4, 4], [20, 20, 20], [9, 9, 9], [20, 20, 20], method="UM.FS")
    common = km.counts([4, 4, 4], [20, 20, 20], [9, 9, 9], [20, 20, 20], method="UM.FS", tau2="EE")
    assert fit.boundary
    assert fit.tau2 == 0
    assert any("edge of its range" in note for note in fit.notes)
    assert fit.se == pytest.approx(common.se, rel=1e-12)
    assert fit.tests[-1].p == 1


@pytest.mark.parametrize("method", ["UM.FS", "UM.RS", "CM.EL", "MH"])
@pytest.mark.parametrize("cells", [([3, 4], [0, 0]), ([0, 0], [3, 4])])
def test_separation_has_a_name(method, cells):
    with pytest.raises(ModelError, match=r"infinite|is 0"):
        km.counts(cells[0], [10, 12], cells[1], [10, 12], method=method)


def test_tau2_without_a_finite_estimate_has_a_name():
    with pytest.raises(ModelError, match="no maximum-likelihood estimate"):
        km.counts([10, 0, 5, 0], [10, 12, 5, 9], [0, 12, 0, 9], [10, 12, 7, 9], method="UM.FS")


def test_zero_cells_in_one_arm_need_no_correction():
    fit = km.counts([0, 2, 1], [20, 30, 25], [3, 5, 0], [20, 30, 25])
    r, s = 2 * 25 / 60 + 1 * 25 / 50, 20 * 3 / 40 + 28 * 5 / 60
    assert fit.estimate == pytest.approx(math.log(r / s), abs=1e-12)


def test_huge_groups_agree_between_the_models():
    cells = [1000, 2500, 900], [1e6, 2e6, 9e5], [1100, 2400, 1150], [1e6, 2e6, 9e5]
    one, other = (km.counts(*cells, method=method) for method in ("UM.FS", "CM.EL"))
    assert one.estimate == pytest.approx(other.estimate, abs=2e-4)
    assert one.tau2 == pytest.approx(other.tau2, rel=5e-3)


def test_profile_interval_and_test_agree():
    fit = km.counts(A, N1, C, N2, method="CM.EL", ci="profile")
    at_p = km.counts(A, N1, C, N2, method="CM.EL", ci="profile", level=1 - fit.p)
    assert min(abs(at_p.ci_low), abs(at_p.ci_high)) < 1e-7
    assert math.isnan(fit.pi_low)


def test_t_interval_is_wider_and_feeds_the_prediction():
    wald, t = (km.counts(A, N1, C, N2, method="UM.FS", ci=ci) for ci in ("Wald", "t"))
    assert t.df == 3
    assert t.ci_high - t.ci_low > wald.ci_high - wald.ci_low
    assert t.pi_high - t.pi_low > wald.pi_high - wald.pi_low


def test_table_of_trials_combines_arms_and_keeps_provenance():
    found = km.select(km.load_trials(), indication="MDD", outcome="response", hours=(18, 36), measure="OR")
    fit = km.counts(found)
    assert fit.k < len(found.rows)
    assert fit.provenance.dataset.startswith("ketameta-trials")
    arrays = km.counts(*(fit.rows[name] for name in ("events_t", "total_t", "events_c", "total_c")))
    assert arrays.estimate == fit.estimate
    assert any("crossover" in note for note in fit.notes)


def test_a_cohort_twice_is_refused():
    rows = pd.DataFrame(
        {
            "study_id": ["one", "one again"],
            "cohort_id": ["one", "one"],
            "events_t": [3, 4],
            "total_t": [10, 10],
            "events_c": [2, 2],
            "total_c": [10, 10],
        }
    )
    with pytest.raises(ModelError, match="counted more than once"):
        km.counts(rows)


def test_rows_without_counts_are_left_out_and_listed():
    rows = pd.DataFrame(
        {
            "label": ["x", "y", "z"],
            "events_t": [3, 4, None],
            "total_t": [10, 12, 9],
            "events_c": [2, 2, 1],
            "total_c": [10, 12, 9],
        }
    )
    before = rows.copy()
    fit = km.counts(rows)
    assert (fit.k, len(fit.left_out)) == (2, 1)
    pd.testing.assert_frame_equal(rows, before)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"a": [1.5, 2]}, "whole number"),
        ({"a": [-1, 2]}, "at least 0"),
        ({"a": [11, 2]}, "exceeds total_t"),
        ({"n1": [0, 10]}, "at least 1"),
        ({"a": [math.nan, 2]}, "finite"),
        ({"a": [math.inf, 2]}, "finite"),
        ({"a": ["x", "y"]}, "numbers are needed"),
        ({"a": []}, "empty"),
        ({"a": [[1, 2], [3, 4]]}, "one-dimensional"),
        ({"a": [1, 2, 3]}, "do not fit"),
        ({"a": [True, False]}, "numbers are needed"),
        ({"n1": None}, "missing"),
        ({"a": None}, "missing"),
        ({"measure": "HR"}, "measure"),
        ({"method": "peto"}, "did you mean 'Peto'"),
        ({"method": "Peto", "measure": "RR"}, "odds ratio"),
        ({"tau2": "REML"}, "tau2"),
        ({"tau2": "ML"}, "does not go with"),
        ({"method": "UM.FS", "tau2": "DL"}, "does not go with"),
        ({"ci": "profile"}, "likelihood"),
        ({"ci": "t"}, "tau2='EE'"),
        ({"level": 95}, "between 0 and 1"),
        ({"level": math.nan}, "between 0 and 1"),
        ({"nodes": 9}, "no quadrature"),
        ({"method": "CM.EL", "nodes": 1}, "between 5 and 200"),
        ({"method": "CM.EL", "nodes": 7.5}, "whole number"),
        ({"a": pd.DataFrame({"events_t": [1]})}, "not both"),
        ({"a": [0, 0], "c": [0, 0]}, "nobody"),
    ],
)
def test_hostile_input_is_refused_with_a_reason(change, words):
    given_ = {"a": [1, 2], "n1": [10, 10], "c": [3, 4], "n2": [10, 10]} | change
    with pytest.raises(KetametaError, match=words):
        km.counts(**given_)


def test_a_misspelt_column_is_named():
    with pytest.raises(ModelError, match="did you mean 'event_t'"):
        km.counts(pd.DataFrame({"event_t": [1], "total_t": [5], "events_c": [1], "total_c": [5]}))


table = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)


@settings(max_examples=10, deadline=None)
@given(st.lists(table, min_size=1, max_size=5), st.sampled_from(METHODS))
def test_any_counts_give_numbers_or_a_named_error(tables, method):
    cells = [np.array(column) for column in zip(*tables, strict=True)]
    try:
        fit = km.counts(*cells, method=method)
    except KetametaError:
        return
    assert math.isfinite(fit.estimate)
    assert fit.se > 0
    assert math.isnan(fit.tau2) or fit.tau2 >= 0
    assert 0 <= fit.p <= 1


@pytest.mark.parametrize(
    ("method", "measure", "events"),
    [("MH", "OR", 12), ("MH", "RR", 32), ("MH", "RD", 32), ("Peto", "OR", 12), ("UM.RS", "OR", 32)],
)
def test_the_sentence_counts_the_events_of_the_studies_that_it_counts(method, measure, events):
    """The third study, in which everybody had the event, is one of k for some measures only."""
    fit = km.counts(
        [3, 4, 10, 0], [20, 20, 10, 9], [2, 3, 10, 0], [20, 20, 10, 9], method=method, measure=measure
    )
    assert fit.used.sum() == fit.k
    assert f"k = {fit.k}, {events} events" in fit.sentence()
