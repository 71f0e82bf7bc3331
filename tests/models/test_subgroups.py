"""subgroups(): what it takes, refuses, says and shows. metafor is met in test_pool_reference.py."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import KetametaWarning, ModelError


def table(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    base = {
        "yi": rng.normal(-0.5, 0.4, 9),
        "vi": rng.uniform(0.03, 0.2, 9),
        "comparator": ["inactive"] * 4 + ["psychoactive"] * 5,
    }
    return pd.DataFrame(base | columns)


def test_groups_are_the_pools_of_their_rows() -> None:
    es = table(label=list("ABCDEFGHI"))
    found = km.subgroups(es, "comparator", tau2="DL", ci="Wald")
    assert [name for name, _ in found.groups] == ["inactive", "psychoactive"]
    for name, fit in found.groups:
        alone = km.pool(es[es["comparator"] == name], tau2="DL", ci="Wald")
        assert fit.to_frame().equals(alone.to_frame())
        assert fit.provenance == alone.provenance
    assert found.overall.to_frame().equals(km.pool(es, tau2="DL", ci="Wald").to_frame())


def test_two_groups_test_is_the_squared_z() -> None:
    found = km.subgroups(table(), "comparator", ci="Wald")
    (_, one), (_, two) = found.groups
    z = (one.estimate - two.estimate) / math.hypot(one.se, two.se)
    assert found.q_between == pytest.approx(z * z, rel=1e-12)
    assert found.df == 1
    assert found.p == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), rel=1e-12)
    assert km.subgroups(table(), "comparator").q_between == found.q_between


def test_common_effect_partition() -> None:
    """Q total = Q within + Q between, an identity of the common-effect model."""
    found = km.subgroups(table(), "comparator", tau2="EE", ci="Wald")
    within = sum(fit.q for _, fit in found.groups)
    assert found.overall.q == pytest.approx(within + found.q_between, rel=1e-12)
    common = km.subgroups(table(), "comparator", tau2="EE", ci="Wald", common_tau2=True)
    assert common.q_between == pytest.approx(found.q_between, rel=1e-12)
    for (_, one), (_, two) in zip(found.groups, common.groups, strict=True):
        assert two.estimate == pytest.approx(one.estimate, rel=1e-12)
        assert two.i2 == pytest.approx(one.i2, rel=1e-12)
        assert math.isnan(two.pi_low)


def test_common_tau2_is_shared() -> None:
    found = km.subgroups(table(), "comparator", common_tau2=True)
    (_, one), (_, two) = found.groups
    assert one.tau2 == two.tau2
    assert one.tau2_ci == two.tau2_ci
    assert one.i2 != two.i2
    assert (one.df, two.df) == (7.0, 7.0)
    assert one.prediction_method == "t(k-p)"
    assert one.weights.sum() == pytest.approx(1.0, rel=1e-14)
    assert "one tau2 for all groups" in str(found)


def test_common_tau2_serves_a_group_of_one() -> None:
    es = table(comparator=["inactive"] * 8 + ["active"])
    found = km.subgroups(es, "comparator", common_tau2=True, ci="Wald")
    single = found.groups[1][1]
    assert single.k == 1
    assert single.se == pytest.approx(math.sqrt(es["vi"].iloc[8] + single.tau2), rel=1e-12)
    json.dumps(found.to_dict(), allow_nan=False)
    assert "tau2" in str(single)
    assert "prediction" in single.sentence()


def test_a_group_of_one_is_said() -> None:
    es = table(comparator=["inactive"] * 8 + ["active"])
    found = km.subgroups(es, "comparator")
    assert any(note.startswith("active: one study") for note in found.notes)
    assert "active: compared with the others by its sampling variance alone" in found.notes
    assert math.isnan(found.groups[1][1].tau2)


def test_two_studies_in_a_group_warn_by_name() -> None:
    es = table(comparator=["inactive"] * 7 + ["active"] * 2)
    with pytest.warns(KetametaWarning, match=r"^active: two studies leave one degree"):
        found = km.subgroups(es, "comparator")
    assert any("two studies" in note for note in found.notes)


def test_order_of_groups() -> None:
    es = table(comparator=["b"] * 4 + ["a"] * 5)
    assert [name for name, _ in km.subgroups(es, "comparator").groups] == ["b", "a"]
    es["comparator"] = pd.Categorical(es["comparator"], categories=["a", "b", "c"])
    assert [name for name, _ in km.subgroups(es, "comparator").groups] == ["a", "b"]
    es["year"] = [2010] * 3 + [2020] * 6
    assert [name for name, _ in km.subgroups(es, "year").groups] == ["2010", "2020"]
    es["year"] = es["year"].astype(float)
    assert [name for name, _ in km.subgroups(es, "year").groups] == ["2010", "2020"]
    es["year"] = pd.Categorical(es["year"], categories=[2020.0, 2010.0])
    assert [name for name, _ in km.subgroups(es, "year").groups] == ["2020", "2010"]


@pytest.mark.parametrize(
    ("change", "by", "message"),
    [
        ({}, "comparater", "no column 'comparater'; did you mean 'comparator'"),
        ({}, "zzz", "its columns are yi, vi, comparator"),
        ({"comparator": ["a"] * 8 + [None]}, "comparator", r"empty in row 9 \(Study 9\)"),
        ({"comparator": ["a"] * 9}, "comparator", "one group only"),
        ({"comparator": ["a"] * 4 + ["nan"] * 5}, "comparator", "the text 'nan' in row 5"),
        ({"comparator": ["a"] * 4 + ["overall"] * 5}, "comparator", "called 'overall', as all studies"),
        ({"comparator": ["a"] * 4 + [1] * 5}, "comparator", "mixes kinds of values"),
        ({"comparator": [{1: 1}] * 4 + [{}] * 5}, "comparator", "must hold numbers or text"),
        ({"comparator": pd.to_datetime(["2020"] * 4 + ["2021"] * 5)}, "comparator", "numbers or text"),
        ({"cohort_id": list("abcdefgha")}, "comparator", "cohort_id 'a'"),
        ({"measure": ["SMD"] * 4 + ["MD"] * 5}, "comparator", "different measures"),
    ],
)
def test_refusals(change: dict[str, Any], by: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        km.subgroups(table(**change), by)


def test_refused_options() -> None:
    with pytest.raises(ModelError, match="must be a DataFrame"):
        km.subgroups([1, 2], "comparator")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="True or False"):
        km.subgroups(table(), "comparator", common_tau2="yes")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="did you mean 'REML'"):
        km.subgroups(table(), "comparator", tau2="RELM")
    with pytest.raises(ModelError, match="at least two studies"):
        km.subgroups(table(comparator=list("abcdefghi")), "comparator", common_tau2=True)


def test_left_out_rows_need_no_group() -> None:
    es = table(reason=[""] * 8 + ["no sd"], comparator=["a"] * 4 + ["b"] * 4 + [None])
    es.loc[8, "yi"] = np.nan
    found = km.subgroups(es, "comparator")
    assert found.overall.k == 8
    assert len(found.overall.left_out) == 1
    assert any("1 row has no effect size" in note for note in found.notes)


def test_shown_and_exported() -> None:
    es = table(measure="RR")
    found = km.subgroups(es, "comparator")
    frame = found.to_frame()
    assert list(frame["group"]) == ["inactive", "psychoactive", "overall"]
    assert list(frame["k"]) == [4, 5, 9]
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["q_between"] == found.q_between
    assert [group["group"] for group in plain["groups"]] == ["inactive", "psychoactive"]
    first = found.groups[0][1]
    assert f"{math.exp(first.estimate):.2f} (95% CI {math.exp(first.ci_low):.2f}" in found.sentence()
    assert "df = 1" in found.sentence()
    text, html = str(found), found._repr_html_()
    for part in ("inactive", "psychoactive", "overall", "Q between (df = 1)", found.provenance.line()):
        assert part in text
        assert part in html
    assert repr(found).startswith("<Subgroups By comparator")


def test_input_stays() -> None:
    es = table()
    before = es.copy()
    km.subgroups(es, "comparator")
    pd.testing.assert_frame_equal(es, before)
