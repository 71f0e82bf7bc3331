"""regress: tests of coefficients, predictions and bubbles."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import ketameta as km
from ketameta.errors import KetametaWarning, ModelError
from ketameta.models import bubble


def test_linear_tests(es):
    fit = km.regress(es, "year + group")
    year = fit.test("year")
    row = fit.to_frame().iloc[1]
    assert (year.stat, year.p) == pytest.approx((row["stat"] ** 2, row["p"]), rel=1e-9)
    joint = fit.test("group")
    assert joint.df1 == 2
    np.testing.assert_array_equal(joint.combinations["combination"], fit.design.names[2:])
    everything = fit.test(["year", "group"])
    assert (everything.stat, everything.p) == pytest.approx((fit.qm, fit.qm_p), rel=1e-9)
    assert fit.test(np.eye(4)[1:]).stat == pytest.approx(fit.qm, rel=1e-9)
    moved = fit.test("year = 0.1")
    assert moved.stat == pytest.approx(((row["estimate"] - 0.1) / row["se"]) ** 2, rel=1e-9)
    first, second = fit.design.names[2:]
    for difference in (
        fit.test(f"{first} = {second}"),
        fit.test({first: 1, second: -1}),
        fit.test([0, 0, 1, -1]),
    ):
        weights = np.array([0, 0, 1, -1])
        estimate, se = weights @ fit.beta, math.sqrt(weights @ fit.cov @ weights)
        assert difference.stat == pytest.approx((estimate / se) ** 2, rel=1e-8)
        assert difference.combinations["estimate"][0] == pytest.approx(estimate, rel=1e-9)
        other = km.regress(es, "year + group", reference={"group": "inactive"}).to_frame()
        other = other[other["term"] == "group: psychoactive vs inactive"].iloc[0]
        assert difference.p == pytest.approx(other["p"], rel=1e-8)
    json.dumps(joint.to_dict(), allow_nan=False)
    assert "F(2, 16)" in joint.sentence()
    assert "Joint test" in str(joint)
    assert "<table>" in joint._repr_html_()
    assert joint.to_frame().equals(joint.combinations)
    wald = km.regress(es, "year + group", ci="Wald").test("group")
    assert math.isinf(wald.df2)
    assert "chi2(2)" in wald.sentence()


@pytest.mark.parametrize(
    ("what", "value", "message"),
    [
        ("yaer", None, "did you mean 'year'"),
        ("yaer = 0", None, "did you mean 'year'"),
        ("year = dosee", None, "did you mean 'dose'|there are"),
        ("group = 0", None, "has 2 coefficients"),
        ("year = nan", None, "finite"),
        ("year", 0.1, "write the value into the text"),
        (["year", "year"], None, "follow from one another"),
        ({"year": 0.0}, None, "weight 0"),
        ({"year": "a"}, None, "finite number"),
        ({3: 1.0}, None, "neither a coefficient nor a term"),
        ([1, 2], None, "needs 5 columns"),
        ([[1, 2, 3, 4, math.inf]], None, "not finite"),
        (np.zeros((0, 5)), None, "needs 5 columns"),
        ([], None, "needs 5 columns"),
        (None, None, "cannot be tested|needs 5 columns"),
        ([1e308] * 5, None, "too far from 1"),
        ({"year": 1e200, "dose": 1.0}, None, "too far from 1"),
        ([0, 1e-200, 0, 0, 0], None, "too far from 1"),
        ([0, 1, 0, 0, 0], [1, 2], "one for each of 1 combinations"),
        ([0, 1, 0, 0, 0], math.nan, "must be finite"),
        (np.ones((6, 5)), None, "follow from one another"),
    ],
)
def test_wrong_hypotheses(es, what, value, message):
    with pytest.raises(ModelError, match=message):
        km.regress(es, "year + group + dose").test(what, value=value)


def test_predictions(es):
    fit = km.regress(es, "year + group")
    at = pd.DataFrame({"year": [2010.0, 2011.0], "group": ["active", "psychoactive"]})
    found = fit.predict(at)
    design = np.array([[1, 2010.0, 0, 0], [1, 2011.0, 0, 1]])
    np.testing.assert_allclose(found["estimate"], design @ fit.beta, rtol=1e-9)
    se = np.sqrt(np.einsum("ij,jk,ik->i", design, fit.cov, design))
    np.testing.assert_allclose(found["se"], se, rtol=1e-6)
    t = stats.t.ppf(0.975, 16)
    np.testing.assert_allclose(found["pi_high"], design @ fit.beta + t * np.sqrt(fit.tau2 + se**2), rtol=1e-6)
    assert found.columns.tolist() == [
        "year",
        "group",
        "estimate",
        "se",
        "ci_low",
        "ci_high",
        "pi_low",
        "pi_high",
    ]
    assert fit.predict(at.assign(extra=1))["estimate"].tolist() == found["estimate"].tolist()
    assert len(fit.predict()) == fit.k
    common = km.regress(es, "year", tau2="EE", ci="Wald").predict()
    assert common["pi_low"].isna().all()


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (pd.DataFrame({"year": [2000]}), "has no column 'group'"),
        (pd.DataFrame({"year": [np.nan], "group": ["active"]}), "'year' is missing in row 1"),
        (pd.DataFrame({"year": [math.inf], "group": ["active"]}), "infinite"),
        (pd.DataFrame({"year": [2000], "group": ["Active"]}), "'Active' is no level of 'group'"),
        (pd.DataFrame({"year": ["a"], "group": ["active"]}), "'year' is 'a' .* in the fit it is a number"),
        (pd.DataFrame({"year": [], "group": []}), "no rows"),
        ({"year": 2000}, "takes a DataFrame"),
    ],
)
def test_wrong_predictions(es, at, message):
    with pytest.raises(ModelError, match=message):
        km.regress(es, "year + group").predict(at)


def test_a_prediction_outside_the_range_of_the_studies_warns(es):
    fit = km.regress(es, "year + group")
    inside = pd.DataFrame({"year": [es["year"].min(), es["year"].max()], "group": "active"})
    fit.predict(inside)
    with pytest.warns(
        KetametaWarning, match=r"'year' lies outside .* \(2001 to 2020\) in row 2, row 3: .* extrap"
    ):
        found = fit.predict(pd.DataFrame({"year": [2010, 2021, 1999], "group": "active"}))
    np.testing.assert_allclose(found["estimate"], fit.beta[0] + fit.beta[1] * found["year"], rtol=1e-9)
    with pytest.raises(ModelError, match="a value lies outside"):
        km.regress(es, "bs(year, df=4)").predict(pd.DataFrame({"year": [2021]}))


def test_combinations_are_written_as_a_reader_would(es):
    fit = km.regress(es, "year + dose")
    labels = fit.test(
        [
            [
                0,
                1,
                -1,
            ],
            [1, 0, 0.5],
        ]
    )
    assert labels.combinations["combination"].tolist() == ["year − dose", "intercept + 0.5 × dose"]
    assert fit.test({"year": -2, "dose": 1}).combinations["combination"][0] == "−2 × year + dose"


def test_prediction_outside_the_domain_of_a_function(es):
    with pytest.raises(ModelError, match="no finite number in row 2"):
        km.regress(es, "log(dose)").predict(pd.DataFrame({"dose": [1.0, -1.0]}))


def test_bubble_of_one_moderator_is_the_regression_line(es):
    fit = km.regress(es, "year")
    bubble = fit.bubble("year")
    np.testing.assert_allclose(
        bubble.line["estimate"], fit.beta[0] + fit.beta[1] * bubble.line["x"], atol=1e-9
    )
    ends = fit.predict(pd.DataFrame({"year": [es["year"].min(), es["year"].max()]}))
    for column in ("ci_low", "pi_high"):
        np.testing.assert_allclose(bubble.line[column].iloc[[0, -1]], ends[column], rtol=1e-9)
    assert bubble.points["weight"].sum() == pytest.approx(1)
    np.testing.assert_allclose(bubble.points["size"] ** 2, fit.weights / fit.weights.max())
    np.testing.assert_array_equal(bubble.points[["x", "yi", "vi"]], es[["year", "yi", "vi"]])


def test_bubble_averages_over_the_other_moderators(es, monkeypatch):
    fit = km.regress(es, "year * group")
    line = fit.bubble("year").line
    at = line["x"][40]
    means = fit.predict(es[["group"]].assign(year=at))["estimate"]
    assert line["estimate"][40] == pytest.approx(means.mean(), rel=1e-9)
    matrix = km.regress(es, es[["year", "dose"]]).bubble("dose")
    assert len(matrix.line) == 101
    whole = line
    monkeypatch.setattr(bubble, "_ROWS", 50)
    pd.testing.assert_frame_equal(fit.bubble("year").line, whole)
    for term, message in (("yaer", "did you mean 'year'"), (3, "no moderator")):
        with pytest.raises(ModelError, match=message):
            fit.bubble(term)


def test_bubble_of_levels_averages_over_the_other_moderators(es):
    alone = km.regress(es, "group")
    found = alone.bubble("group")
    assert found.levels == alone.design.levels["group"]
    np.testing.assert_array_equal(
        np.array(found.levels)[found.points["x"].astype(int)], es["group"].astype(str)
    )
    expected = alone.predict(pd.DataFrame({"group": list(found.levels)}))
    for column in ("estimate", "se", "ci_low", "pi_high"):
        np.testing.assert_allclose(found.line[column], expected[column], rtol=1e-9)
    assert found.levels[-1] in str(found)
    fit = km.regress(es, "year * group")
    together = fit.bubble("group").line
    means = [fit.predict(es[["year"]].assign(group=level))["estimate"].mean() for level in found.levels]
    np.testing.assert_allclose(together["estimate"], means, rtol=1e-9)
    assert not fit.bubble("year").levels
