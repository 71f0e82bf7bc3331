from __future__ import annotations

import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import DataError
from ketameta.evidence import load_missing, load_published, load_references, load_scales, tables
from ketameta.evidence.dictionary import fields, identity


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (load_missing, "missing"),
        (load_published, "published"),
        (load_scales, "scales"),
        (km.load_trials, "trials"),
    ],
)
def test_each_table_has_its_columns_rows_and_origin(load, name):
    table = load()
    assert list(table.columns) == [field.name for field in fields(name)]
    assert len(table) > 20
    assert (table.attrs["ketameta"]["dataset"], table.attrs["ketameta"]["version"]) == identity()
    for field in fields(name):
        if field.required:
            assert not table[field.name].isna().any(), field.name
            assert not table[field.name].eq("").any(), field.name


def test_loading_refuses_trials_with_errors(monkeypatch, write):
    path = write({"sd_t": "0"})
    monkeypatch.setattr(tables, "data_file", lambda name: path)
    with pytest.raises(DataError, match="1 row was checked: 1 error and no warnings"):
        km.load_trials()


def test_every_load_is_a_table_of_its_own():
    first, second = km.load_trials(), km.load_trials()
    first.loc[first.index[0], "notes"] = "changed"
    assert second["notes"].iloc[0] != "changed"


def test_the_packaged_trials_are_sound():
    report = km.check_trials(km.load_trials())
    assert report.ok
    assert not report.problems["rule"].isin(["formula", "control-character", "unknown-scale"]).any()


def test_published_estimates_lie_in_their_intervals():
    published = load_published()
    with_interval = published.dropna(subset=["ci_low", "ci_high"])
    assert len(with_interval) > 20
    inside = with_interval["estimate"].between(with_interval["ci_low"], with_interval["ci_high"])
    assert inside.all(), with_interval.loc[~inside, "pub_id"].tolist()


def test_scales_have_a_range_with_its_source():
    scales = load_scales().set_index("instrument")
    assert (scales["max"] > scales["min"])[scales["max"].notna()].all()
    assert (scales.loc[scales["max"].notna(), "range_source"] != "").all()
    assert (scales.loc[scales["mid"].notna(), "mid_source"] != "").all()
    assert scales.loc["MADRS", ["min", "max"]].tolist() == [0, 60]


def test_every_report_that_a_row_cites_is_in_the_references():
    trials = pd.DataFrame(km.load_trials())
    assert set(trials["report"]) <= set(load_references()["key"])
