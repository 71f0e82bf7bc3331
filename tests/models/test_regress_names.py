"""regress: names of coefficients, notes, and how the result shows itself."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import ketameta as km
from ketameta.errors import KetametaWarning


def test_contrasts_are_named_for_a_reader_and_the_reference_is_said(es):
    fit = km.regress(es, "year * group", reference={"group": "inactive"})
    assert fit.design.names == (
        "intercept",
        "year",
        "group: active vs inactive",
        "group: psychoactive vs inactive",
        "year × group: active vs inactive",
        "year × group: psychoactive vs inactive",
    )
    assert "reference level of group: inactive" in fit.notes
    slopes = km.regress(es, "year:group")
    assert slopes.design.names[1] == "year × group: active"
    assert not any(note.startswith("reference level") for note in slopes.notes)
    beside = km.regress(es.assign(flag=es["year"] > 2010), "0 + group + flag")
    assert [note for note in beside.notes if note.startswith("reference level")] == [
        "reference level of flag: False"
    ]
    default = km.regress(es, "group")
    assert default.design.names[1] == "group: inactive vs active"
    categories = pd.Categorical(es["group"], categories=["psychoactive", "unused", "inactive", "active"])
    ordered = km.regress(es.assign(group=categories), "group")
    assert ordered.design.names[1:] == ("group: inactive vs psychoactive", "group: active vs psychoactive")
    assert km.regress(es.assign(flag=es["year"] > 2010), "flag").design.names[1] == "flag: True vs False"
    numbers = km.regress(es.assign(n=[2, 10] * 10), "C(n)")
    assert numbers.design.names[1] == "n: 10 vs 2"


def test_hostile_levels_and_columns_keep_their_names(es):
    odd = es["group"].map({"active": "a]:b[T.c", "inactive": "=0 vs 1", "psychoactive": "× y:z"})
    fit = km.regress(es.assign(**{"my [T.L1] col": odd, "a:b": es["dose"]}), "`my [T.L1] col` * `a:b`")
    plain = km.regress(es.assign(g=odd), "g * dose")
    np.testing.assert_allclose(fit.beta, plain.beta, rtol=1e-9)
    swap = [name.replace("my [T.L1] col", "g").replace("a:b", "dose", 1) for name in fit.design.names[:2]]
    assert swap == list(plain.design.names[:2])


def test_no_intercept(es):
    fit = km.regress(es, "0 + year")
    assert fit.design.names == ("year",)
    assert math.isnan(fit.r2)
    assert any("no intercept" in note for note in fit.notes)
    through_origin = sm.WLS(es["yi"], es[["dose"]], weights=1 / es["vi"]).fit()
    assert km.regress(es, "0 + dose").qe == pytest.approx(through_origin.ssr, rel=1e-10)
    levels = km.regress(es, "0 + group", tau2="DL")
    assert levels.r2 == pytest.approx(km.regress(es, "group", tau2="DL").r2, rel=1e-9, nan_ok=True)


def test_rows_without_a_moderator_are_left_out_with_a_reason(es):
    table = es.assign(label=[f"T{i}" for i in range(20)], reason="")
    table.loc[3, "yi"] = np.nan
    table.loc[3, "reason"] = "no SD"
    table.loc[[5, 6], "year"] = np.nan
    table.loc[6, "group"] = "  "
    table.loc[7, "group"] = None
    before = table.copy(deep=True)
    fit = km.regress(table, "year + group")
    pd.testing.assert_frame_equal(table, before)
    assert fit.k == 16
    reasons = dict(zip(fit.left_out["label"], fit.left_out["reason"], strict=True))
    assert reasons == {
        "T3": "no SD",
        "T5": "no value of 'year'",
        "T6": "no value of 'year', 'group'",
        "T7": "no value of 'group'",
    }
    assert "1 row has no value of 'year' and is left out" in fit.notes
    complete = km.regress(es.drop([3, 5, 6, 7]), "year + group")
    np.testing.assert_allclose(fit.beta, complete.beta, rtol=1e-12)
    by_matrix = km.regress(table, table[["year", "dose"]])
    assert by_matrix.k == 17
    assert by_matrix.left_out["label"].tolist() == ["T3", "T5", "T6"]


def test_a_study_that_carries_a_coefficient_alone_is_told(es):
    fit = km.regress(es.assign(one=["x"] + ["y"] * 19), "one")
    assert any("1 study determines a coefficient alone" in note for note in fit.notes)


def test_mixed_dosing_warns_unless_it_is_a_moderator(es):
    table = es.assign(dosing=["single", "repeated"] * 10)
    with pytest.warns(KetametaWarning, match="mixes dosing"):
        km.regress(table, "year")
    assert not any("mixes" in note for note in km.regress(table, "dosing").notes)


def test_one_residual_degree_of_freedom_warns(es):
    with pytest.warns(KetametaWarning, match="one residual degree"):
        km.regress(es.head(3), "year")


def test_exact_fit_has_no_p_value(es):
    table = es.assign(yi=1.0 + 2.0 * (es["year"] - 2010.0))
    table = table.assign(yi=[1.0, 3.0] * 10, flag=[0.0, 1.0] * 10, vi=0.25)
    with pytest.warns(KetametaWarning, match="exactly on the fitted values"):
        fit = km.regress(table, "flag")
    assert math.isnan(fit.qm)
    assert math.isnan(fit.qm_p)


def test_the_result_shows_itself(es):
    fit = km.regress(es.assign(measure="OR"), "year + group")
    assert list(fit.coefficients.columns) == ["term", "estimate", "se", "ci_low", "ci_high", "p"]
    text = str(fit)
    for part in ("k = 20", "year + group", "Test of moderators, F (df = 3, 16)", "natural logs", "Hartung"):
        assert part in text
    json.dumps(fit.to_dict(), allow_nan=False)
    assert fit.to_dict()["levels"] == {"group": ["active", "inactive", "psychoactive"]}
    assert fit.sentence().startswith("Meta-regression of the OR (log scale) in 20 studies: year")
    assert "<table>" in fit._repr_html_()
    assert "Regression" in repr(fit)
    escaped = km.regress(es.assign(group=es["group"].replace("active", "<b>")), "group")
    assert "<b>" not in escaped._repr_html_()
    common = str(km.regress(es, "year", tau2="EE", ci="Wald"))
    assert "chi2 (df = 1)" in common
    assert "tau2" not in common.split("Note")[0]
