"""Receipts: every kind of result is computed again from its record, through JSON."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.curves import compare, relapse, responding
from ketameta.effects import EffectOptions, covariance
from ketameta.errors import DataError
from ketameta.evidence.location import data_file
from ketameta.models import HalfNormal, Normal, permutation
from ketameta.provenance import NOT_RECORDED, note, recorded, rows_sha256, trace
from ketameta.reporting import receipt
from ketameta.reporting.records import digest

MADE = (
    *("pool", "bootstrap", "arrays", "subgroups", "regress", "regress_arrays", "counts", "counts_arrays"),
    *("bayes", "multilevel", "matrix", "frame", "blocks", "variances", "account", "account_by_time"),
    *("durability", "steps", "given", "responding", "compare", "relapse", "relapse_of_table"),
    *("permutation", "drawn", "robust", "robust_labels", "covariance"),
)


def own_table():
    return pd.DataFrame(
        {
            "study_id": list("aabbccdd"),
            "cohort_id": list("aabbccdd"),
            "outcome": "depression",
            "time_hours": [24.0, 168.0] * 4,
            "yi": [-0.9, -0.4, -0.6, -0.5, -1.0, -0.2, -0.7, -0.3],
            "vi": [0.08, 0.09, 0.05, 0.05, 0.12, 0.11, 0.10, 0.09],
        }
    )


@pytest.fixture(scope="module")
def tables():
    trials = km.load_trials()
    asked = {"indication": "MDD", "dosing": "single"}
    day1 = km.select(trials, **asked, outcome="depression", hours=(20, 36), measure="SMD")
    over_time = km.select(trials, **asked, outcome="depression", measure="SMD")
    response = km.select(trials, **asked, outcome="response", hours=(18, 36), measure="OR")
    shares = km.select(trials, **asked, outcome="response", measure="OR")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "day1": km.effect_sizes(day1, options=EffectOptions(variance="UB")),
            "over_time": km.effect_sizes(over_time),
            "grouped": own_table(),
            "mixed": own_table().sort_values("time_hours"),
            "response": response,
            "shares": shares,
            "relapse": km.effect_sizes(
                km.select(trials, outcome="relapse", dosing="maintenance", measure="HR"), measure="HR"
            ),
        }


def make(kind, tables):
    es, times = tables["day1"], tables["over_time"]
    known, timed, mixed = es[es["yi"].notna()], tables["grouped"], tables["mixed"]
    y, v = [-0.6, -0.3, -0.9, -0.1], np.array([0.05, 0.04, 0.10, 0.08])
    windows = km.CurveOptions(windows=(0, 36, 120, float("inf")))
    makers = {
        "pool": lambda: km.pool(es, ci="HKSJ-adhoc", level=0.9),
        "bootstrap": lambda: km.pool(es, prediction="bootstrap", options=km.PoolOptions(draws=2000, rng=7)),
        "arrays": lambda: km.pool(yi=y, vi=v, tau2="PM"),
        "subgroups": lambda: km.subgroups(es, "comparator_class"),
        "regress": lambda: km.regress(es, "comparator_class", reference={"comparator_class": "inactive"}),
        "regress_arrays": lambda: km.regress(yi=y, vi=v, moderators={"dose": np.array([0.2, 0.5, 1.0, 0.4])}),
        "counts": lambda: km.counts(tables["response"]),
        "counts_arrays": lambda: km.counts([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220]),
        "bayes": lambda: km.bayes(es, tau_prior=HalfNormal(0.3), mu_prior=Normal(0.0, 2.0)),
        "multilevel": lambda: km.multilevel(es, options=km.MultilevelOptions(test="z")),
        "matrix": lambda: km.multilevel(known, V=np.diag(known["vi"])),
        "frame": lambda: km.multilevel(known, V=pd.DataFrame(np.diag(known["vi"]))),
        "blocks": lambda: km.multilevel(known, V=[np.array([[v]]) for v in known["vi"]]),
        "variances": lambda: km.multilevel(known, V=list(known["vi"])),
        "account": lambda: km.multilevel(timed, V=covariance(timed), random="1 | cohort_id"),
        "account_by_time": lambda: km.multilevel(mixed, V=covariance(mixed), random="1 | cohort_id"),
        "durability": lambda: km.durability(times, knots=[24, 72, 168], rho=0.5),
        "steps": lambda: km.durability(times, curve="steps", options=windows),
        "given": lambda: km.durability(times, moderators="comparator_class").given(
            comparator_class="inactive"
        ),
        "responding": lambda: responding(tables["shares"], rho=0.4),
        "compare": lambda: compare(times, curves=["spline", "exponential"], options=km.CurveOptions()),
        "relapse": lambda: relapse(
            km.pool(tables["relapse"]), points=[(672, 0.8, 0.7, 0.9), (2016, 0.6, 0.5, 0.7)]
        ),
        "relapse_of_table": lambda: relapse(tables["relapse"], median_hours=6552, median_ci=(2328, None)),
        "permutation": lambda: permutation(km.pool(es), progress=False),
        "drawn": lambda: permutation(km.pool(es), exact=False, iterations=99, rng=3, progress=False),
        "robust": lambda: km.multilevel(timed, V=covariance(timed), random="1 | cohort_id").robust(),
        "robust_labels": lambda: km.multilevel(es).robust(np.arange(es["yi"].notna().sum()) // 2, kind="CR1"),
        "covariance": lambda: covariance(times, rho=0.5, between=0.3),
    }
    assert set(makers) == set(MADE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return makers[kind]()


@pytest.mark.parametrize("kind", MADE)
def test_every_kind_of_result_is_computed_again_from_the_text_of_its_receipt(kind, tables, tmp_path):
    result = make(kind, tables)
    made = receipt(result)
    path = tmp_path / "receipt.json"
    path.write_text(made.to_json(), encoding="utf-8")
    own = {"account": "grouped", "account_by_time": "mixed", "robust": "grouped"}.get(kind)
    checked = km.verify(path, trials=None if own is None else tables[own])
    assert checked.agrees, checked.causes
    assert checked.causes == ()
    table = checked.to_frame()
    assert set(table["verdict"]) <= {"same", "agrees"}
    assert (table["part"] == "numbers").sum() > 4
    assert table.loc[table["part"] == "numbers", "digits"].min() > 12


def test_a_receipt_names_data_rows_steps_and_software(tables):
    record = receipt(make("pool", tables)).to_dict()
    trials = km.load_trials()
    assert record["dataset"]["sha256"] == trials.attrs["ketameta"]["sha256"]
    assert record["dataset"]["version"] == trials.attrs["ketameta"]["version"]
    assert record["rows"]["n"] == record["numbers"]["k"]
    assert [step["step"] for step in record["steps"]] == ["select", "effect_sizes", "pool"]
    select, effects, pool = (step["arguments"] for step in record["steps"])
    assert (select["indication"], select["hours"], select["measure"]) == ("MDD", [20, 36], "SMD")
    assert effects["options"]["EffectOptions"]["variance"] == "UB"
    assert (pool["ci"], pool["level"], pool["options"]["PoolOptions"]["rng"]) == ("HKSJ-adhoc", 0.9, 1)
    assert {"ketameta", "numpy", "python"} <= set(record["software"])
    assert json.loads(receipt(make("pool", tables)).to_json()) == record


def test_cells_of_any_kind_have_a_digest_of_their_own():
    odd = [
        np.array([1, 2]),
        pd.Series([1, 2]),
        [1],
        {"a": 1},
        b"x",
        1 + 2j,
        np.int64(3),
        np.bool_(True),
        pd.NaT,
    ]
    tables = [pd.DataFrame({"x": pd.Series([cell, "y"], dtype=object)}) for cell in odd]
    assert len({rows_sha256(table) for table in tables}) == len(odd)
    cells = ["a", "b\x1fc", "a\x1fb", "c", "b", '["a", "b"]\x1f', '["a", "b"]', "", "a\x1eb"]
    pairs = [pd.DataFrame({"x": [first], "y": [second]}) for first in cells for second in cells]
    columns = [pd.DataFrame({"x": pd.Series(column)}) for column in (["a\x1eb"], ["a", "b"], ["a", "b", ""])]
    assert len({rows_sha256(table) for table in (*pairs, *columns)}) == len(pairs) + len(columns)


def test_a_part_of_a_result_has_no_receipt(tables):
    groups = make("subgroups", tables)
    fit = make("arrays", tables)
    for part in (groups.groups[0][1], groups.overall, fit.probability(below=0.0), 5, None, tables["day1"]):
        with pytest.raises(DataError, match="has no receipt of its own"):
            receipt(part)


def test_what_no_record_holds_is_named_when_it_is_verified(tables):
    es = tables["day1"]
    lent = km.effect_sizes(
        km.select(km.load_trials(), indication="MDD", outcome="depression", hours=(20, 36), dosing="single"),
        options=EffectOptions(borrow_sd="trial", borrow_from=pd.DataFrame(km.load_trials())),
    )
    for fit, name in (
        (km.pool(lent), "DataFrame"),
        (km.pool(es, options=km.PoolOptions(rng=np.random.default_rng(1))), "Generator"),
    ):
        checked = km.verify(receipt(fit))
        assert not checked.agrees
        assert not checked.repeated
        assert "cannot be computed again" in checked.sentence()
        assert any(f"an argument was a {name}, which no record holds" in cause for cause in checked.causes)


def test_rows_chosen_by_hand_are_found_and_can_be_given():
    trials = km.load_trials()
    mine = trials[trials["year"] < 2018]
    fit = km.pool(
        km.effect_sizes(
            km.select(mine, indication="MDD", outcome="depression", hours=(20, 36), dosing="single")
        )
    )
    record = receipt(fit).to_dict()
    checked = km.verify(record)
    assert not checked.agrees
    assert checked.causes[0].startswith("Rows: rows.n: ")
    assert "stands in no record" in checked.causes[0]
    assert km.verify(record, trials=mine).agrees


def test_a_table_of_one_s_own_is_asked_for(tmp_path):
    table = pd.DataFrame({"study_id": list("abc"), "yi": [-0.6, -0.3, -0.9], "vi": [0.05, 0.04, 0.10]})
    record = receipt(km.pool(table)).to_dict()
    assert record["dataset"] == {"name": "user data", "version": "", "sha256": "", "packaged": False}
    with pytest.raises(DataError, match="a table of one's own"):
        km.verify(record)
    assert km.verify(record, trials=table).agrees
    changed = km.verify(record, trials=table.assign(yi=[-0.6, -0.3, -0.8]))
    assert not changed.agrees
    assert changed.causes[0].startswith("Rows: rows.rows_sha256")


def test_a_receipt_of_many_selections_is_computed_again():
    rows = km.load_trials()
    for _ in range(12):
        rows = km.select(rows, indication="MDD", outcome="depression", hours=(20, 36), dosing="single").rows
    assert km.verify(receipt(km.pool(km.effect_sizes(rows)))).agrees


def test_another_table_than_that_of_the_record_is_named(tmp_path):
    asked = {"indication": "MDD", "outcome": "depression", "hours": (20, 36), "dosing": "single"}
    path, copied = tmp_path / "mine.csv", tmp_path / "copied.csv"
    trials = km.load_trials()
    trials.assign(year=trials["year"] + 1).to_csv(path, index=False)
    record = receipt(km.pool(km.effect_sizes(km.select(km.read_trials(path), **asked)))).to_dict()
    path.rename(copied)
    assert km.verify(record, trials=copied).agrees, "the contents count, not the name"
    version = trials.attrs["ketameta"]["version"]
    (cause,) = km.verify(record, trials=trials).causes[:1]
    assert f"was made from mine.csv; here is ketameta-trials {version}" in cause


def test_a_wrong_version_is_found_though_a_copy_of_the_file_is_given(tmp_path):
    asked = {"indication": "MDD", "outcome": "depression", "hours": (20, 36), "dosing": "single"}
    record = receipt(km.pool(km.effect_sizes(km.select(km.load_trials(), **asked)))).to_dict()
    copied = tmp_path / "copied.csv"
    copied.write_bytes(data_file("trials.csv").read_bytes())
    assert km.verify(record, trials=copied).agrees
    record["dataset"]["version"] = "9.9.9"
    record["numbers"]["provenance"]["dataset"] = "ketameta-trials 9.9.9"
    record["record_sha256"] = digest(record)
    for trials in (None, copied):
        checked = km.verify(record, trials=trials)
        assert checked.intact
        assert not checked.agrees
        assert "name or version in the record is wrong" in checked.causes[0]


def test_steps_are_kept_apart_from_the_table_that_was_given():
    trials = km.load_trials()
    before = dict(trials.attrs["ketameta"])
    selection = km.select(trials, indication="MDD", outcome="depression", hours=(20, 36), dosing="single")
    one, two = km.effect_sizes(selection), km.effect_sizes(selection, shared="split")
    assert trials.attrs["ketameta"] == before
    assert [len(table.attrs["ketameta"]["steps"]) for table in (selection.rows, one, two)] == [1, 2, 2]


def test_arguments_as_plain_values():
    assert recorded(
        {"a": np.float64(0.5), "b": np.int64(3), "c": {"y", "x"}, "d": np.array([1.0, np.inf])}
    ) == {"a": 0.5, "b": 3, "c": ["x", "y"], "d": [1.0, "Infinity"]}
    assert recorded([float("nan"), -float("inf"), True]) == [None, "-Infinity", True]
    assert recorded(pd.DataFrame()) == {NOT_RECORDED: "DataFrame"}
    table = pd.DataFrame({"x": [1.0]})
    note(table, ("select", {"hours": (1, 2)}))
    steps = trace(table, ("pool", {"level": 0.9})).steps
    assert [step["step"] for step in steps] == ["select", "pool"]
    json.dumps(steps, allow_nan=False)
    assert trace(table) == trace(table, ("pool", {})), "the same data and rows are the same provenance"
    assert "steps" not in trace(table).to_dict()
