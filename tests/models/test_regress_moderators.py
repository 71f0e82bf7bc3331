"""regress: moderators as a matrix, and tables, columns and options that cannot be used."""

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError


def test_a_matrix_says_the_same_as_a_formula(es):
    formula = km.regress(es, "year + dose")
    shuffled = es.set_axis(list("tsrqponmlkjihgfedcba"), axis=0)
    for fit in (
        km.regress(es, es[["year", "dose"]]),
        km.regress(es, {"year": es["year"].tolist(), "dose": es["dose"].to_numpy()}),
        km.regress(es, {"year": es["year"], "dose": es["dose"]}),
        km.regress(shuffled, {"year": es["year"].tolist(), "dose": es["dose"].tolist()}),
        km.regress(yi=es["yi"], vi=es["vi"], moderators=es[["year", "dose"]]),
        km.regress(yi=es["yi"].tolist(), vi=es["vi"].tolist(), moderators=shuffled[["year", "dose"]]),
        km.regress(shuffled, shuffled[["year", "dose"]]),
        km.regress(es, es[["year", "dose"]].astype(object)),
    ):
        pd.testing.assert_frame_equal(fit.coefficients, formula.coefficients)
        at = pd.DataFrame({"dose": [0.5], "year": [2015]})
        np.testing.assert_allclose(fit.predict(at)["pi_low"], formula.predict(at)["pi_low"], rtol=1e-10)
    assert km.regress(shuffled, shuffled["year"]).rows.index.tolist() == shuffled.index.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"moderators": {"a": np.ones(3)}}, "the moderators have 3 rows and there are 20 effects"),
        ({"moderators": {"a": np.ones(20)}}, "'a' is the same in every one of the 20 studies"),
        ({"moderators": {"a": np.zeros(20)}}, "is 0 in every study"),
        ({"moderators": {"a": np.arange(20) * 1e-300}}, "too far from 1 .* change its unit"),
        ({"moderators": {"a": np.arange(20) * 1e300}}, "beyond 1e.100"),
        ({"moderators": {"a": [10**400, *range(19)]}}, "beyond 1e.100 in row 1"),
        ({"moderators": {"a": 1e9 + 1e-3 * np.arange(20)}}, "by 0.019 only, beside a size of 1e.09"),
        ({"moderators": np.arange(20.0)}, "a ndarray, must be a formula .* or columns with names"),
        ({"moderators": [[1, 2], [3]]}, "columns with names"),
        ({"moderators": 3}, "columns with names"),
        ({"moderators": pd.Series(range(20))}, "a name of its own"),
        ({"moderators": pd.DataFrame(np.ones((20, 2)), columns=["a", "a"])}, "a name of its own"),
        ({"moderators": {"yi": range(20)}}, "a name of its own"),
        ({"moderators": {"intercept": range(20)}}, "cannot be called 'intercept'"),
        ({"moderators": {"a": ["u"] * 20}}, "must be numbers in a matrix; text goes in by a formula"),
        ({"moderators": {"a": [math.inf] * 20}}, "infinite"),
        ({"moderators": {"a": [1, 2], "b": [1]}}, "ragged"),
        ({"moderators": {"a": 1}}, "ragged"),
        ({"moderators": {"a": range(20)}, "reference": {"a": "1"}}, "goes with a formula"),
        ({"moderators": {}}, "a name of its own"),
        ({}, "a NoneType, must be a formula"),
    ],
)
def test_wrong_matrices(es, change, message):
    with pytest.raises(ModelError, match=message):
        km.regress(es, **change)


def test_a_matrix_with_another_index_is_refused(es):
    turned = es.sort_values("year", ascending=False)
    for moderators in (turned[["year"]], turned["year"], {"dose": turned["dose"]}):
        with pytest.raises(ModelError, match="another index"):
            km.regress(es, moderators)
        with pytest.raises(ModelError, match="another index"):
            km.regress(yi=es["yi"], vi=es["vi"], moderators=moderators)


@pytest.mark.parametrize(
    ("column", "values", "formula", "message"),
    [
        ("yera", None, "yeer", "did you mean 'year'"),
        ("flat", [3.0] * 20, "flat", r"'flat' is the same in every one of the 20 studies used \(3\)"),
        ("one", ["a"] * 20, "one", r"'one' has one level only \('a'\)"),
        ("twice", list(range(20)), "year + twice", "'twice' cannot be told apart from 'year'"),
        (
            "copy",
            ["u", "v", "w"] * 6 + ["u", "v"],
            "group + copy",
            "'copy: v vs u' cannot be told apart from 'group: inactive vs active'",
        ),
        ("inf", [math.inf] + [1.0] * 19, "inf", r"'inf' is infinite or beyond 1e.100 in row 1"),
        ("mix", ["a", 1] * 10, "mix", "mixes kinds of values"),
        ("some", [2001, 10**400] * 10, "some", r"'some' is infinite or beyond 1e.100 in row 2"),
        ("gone", ["a", "b", "nan", "b"] * 5, "gone", "'gone' is the text 'nan' in row 3"),
        ("gone", ["2001", "2002", "<NA>", "2004"] * 5, "gone", "'gone' is the text '<NA>' in row 3"),
        ("when", [pd.Timestamp("2020-01-01")] * 20, "when", "must hold numbers or text"),
        ("z", [1j] * 20, "z", "must hold numbers or text"),
        ("many", [[1]] * 20, "many", "must hold numbers or text"),
        ("text", [str(i) for i in range(20)], "text", "numbers written as text"),
        ("none", [None] * 20, "none", "no study has a value"),
        ("low", [-1.0] + [1.0, 2.0] * 9 + [1.0], "log(low)", "gives no finite number in row 1"),
        ("intercept", range(20), "intercept", "cannot be called 'intercept'"),
        ("log", range(1, 21), "log(log)", "both a function and a column"),
        ("levels", [f"l{i}" for i in range(20)], "levels", "20 studies cannot carry 20 coefficients"),
        ("levels", [f"l{i}" for i in range(20)], "levels + year", "and 13 more.* at most 19 of them"),
    ],
)
def test_moderators_that_cannot_be_used(es, column, values, formula, message):
    table = es if values is None else es.assign(**{column: list(values)})
    with pytest.raises(ModelError, match=message):
        km.regress(table, formula)


def test_too_few_studies(es):
    with pytest.raises(ModelError, match=r"2 studies cannot carry 2 coefficients \(intercept, year\)"):
        km.regress(es.head(2), "year")
    with pytest.raises(ModelError, match="1 study cannot carry"):
        km.regress(es.head(1), "year")


def test_levels_that_would_fill_the_memory_are_refused():
    table = pd.DataFrame({"yi": np.arange(200.0), "vi": 1.0, "a": [f"a{i}" for i in range(200)]})
    with pytest.raises(ModelError, match="200 studies cannot carry the 40000 coefficients or more of 'a"):
        km.regress(table.assign(b=table["a"]), "a * b")


def test_object_numbers_and_nullable_numbers_are_numbers(es):
    plain = km.regress(es, "year")
    for values in (
        es["year"].astype(object),
        es["year"].astype(int).astype("Int64"),
        [Decimal(int(year)) for year in es["year"]],
        es["year"].astype(int).astype(object),
    ):
        np.testing.assert_allclose(km.regress(es.assign(year=values), "year").beta, plain.beta, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": {"group": "inactve"}}, "did you mean 'inactive'"),
        ({"reference": {"group": 5}}, "is no level of 'group'"),
        ({"reference": {"year": "2001"}}, "which is a number"),
        ({"reference": {"dose": "a"}}, "is no moderator of the formula"),
        ({"reference": "inactive"}, "must be a mapping"),
        ({"options": {"tau2_interval": "GENQ"}}, "must be a PoolOptions"),
        ({"tau2": "RELM"}, "REML"),
        ({"ci": "knha"}, "unknown"),
        ({"level": 95}, "level"),
        ({"level": math.nan}, "level"),
    ],
)
def test_wrong_options(es, options, message):
    with pytest.raises(ModelError, match=message):
        km.regress(es, "year + group", **options)


def test_wrong_tables(es):
    for table in (None, 3, [1], es["yi"]):
        with pytest.raises(ModelError):
            km.regress(table, "year")
    with pytest.raises(ModelError, match="more than one column 'year'"):
        km.regress(pd.concat([es, es[["year"]]], axis=1), "year")
    with pytest.raises(ModelError, match="counted more than once"):
        km.regress(es.assign(cohort_id="c"), "year")
    for widest in (1e30, 1e120):
        with pytest.raises(ModelError, match=r"too far apart .* check their units"):
            km.regress(es.assign(vi=np.geomspace(0.1, 0.1 * widest, 20)), "year")
    with pytest.raises(ModelError, match="must be positive"):
        km.regress(es.assign(vi=0.0), "year")
