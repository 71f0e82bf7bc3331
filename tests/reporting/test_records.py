"""Records from anyone: whatever a file holds, the answer is an error that says what and where."""

import json
import math

import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import DataError
from ketameta.reporting import receipt
from ketameta.reporting.records import SEAL, as_json, digest, plain, read_record, sealed


@pytest.fixture(scope="module")
def record():
    return receipt(km.pool(yi=[-0.6, -0.3, -0.9], vi=[0.05, 0.04, 0.10])).to_dict()


def answer(record):
    """What verification says of a record, or the error with which it refuses it."""
    try:
        return km.verify(record)
    except DataError as error:
        return error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: not JSON"),
        ("{", "line 1, column 2: not JSON"),
        ("[1, 2]", "holds a list, not a record"),
        ("5", "holds a int, not a record"),
        ("null", "not a record"),
        ("{}", "it has no format"),
        ('{"format": 5}', "it has no format"),
        ('{"format": "other/1"}', "it has no format"),
        ('{"format": "ketameta-results/1"}', "Make the report or receipt anew"),
        ('{"format": "ketameta-results/3"}', "has no dataset; it is damaged"),
        ('{"a": NaN}', "NaN is no number of JSON"),
        ('{"a": [-Infinity]}', "-Infinity is no number of JSON"),
        ('{"a": 1e999}', "the number 1e999 is beyond double precision"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands twice"),
        ('{"a": ' + "9" * 5000 + "}", "digits"),
        ("[" * 200_000, "nested deeper than any record"),
        ('{"a":' * 100 + "1" + "}" * 100, "nested deeper than any record"),
    ],
)
def test_text_that_is_no_record(text, message, tmp_path):
    path = tmp_path / "some.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        km.verify(path, progress=False)
    assert "some.json" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_files_that_cannot_be_read(tmp_path):
    binary, large = tmp_path / "binary.json", tmp_path / "large.json"
    binary.write_bytes(b'{"a": "\xff"}')
    with large.open("wb") as file:
        file.truncate(65 * 2**20)
    for path, message in (
        (binary, "byte 7: not UTF-8"),
        (large, "no record is larger"),
        (tmp_path, "cannot be read"),
        (tmp_path / "none.json", "cannot be read"),
        ("a\0b", "cannot be read"),
        ("x" * 5000, "cannot be read"),
        (5, "not int"),
        (None, "not NoneType"),
        (["a"], "not list"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            km.verify(path)
        assert len(str(caught.value)) < 400


def test_contents_that_are_no_json(record):
    round_about = dict(record)
    round_about["self"] = round_about
    for hostile in ({"a": math.nan}, {"a": {1, 2}}, {"a": object()}, {(1, 2): 3}, round_about):
        with pytest.raises(DataError, match="not plain JSON"):
            km.verify(hostile)


@pytest.mark.parametrize("key", ["format", "kind", "dataset", "rows", "software", "steps", "numbers", SEAL])
@pytest.mark.parametrize("value", [None, 5, "x" * 10_000_000, [], {}, True, [[]], {"\ud800": "\x1b[31m"}])
def test_a_key_of_another_kind(record, key, value):
    said = answer({**record, key: value})
    assert isinstance(said, DataError) or not said.agrees
    assert len(str(said)) < 20_000
    assert "\x1b" not in said._repr_html_()
    said._repr_html_().encode("utf-8")


@pytest.mark.parametrize("key", ["name", "version", "sha256", "packaged"])
@pytest.mark.parametrize("value", [None, 5, "y" * 1_000_000, [], "\x1b[31m\n<b>"])
def test_a_head_of_another_kind(record, key, value):
    said = answer({**record, "dataset": {**record["dataset"], key: value}})
    assert isinstance(said, DataError) or not said.agrees
    assert len(str(said)) < 20_000
    assert "\x1b" not in said._repr_html_()
    assert "<b>" not in said._repr_html_()


@pytest.mark.parametrize(
    "steps",
    [
        [5],
        [{"step": "pool"}],
        [{"step": "pool", "arguments": []}],
        [{"step": ["pool"], "arguments": {}}],
        [{"step": "__import__", "arguments": {"name": "os"}}],
        [{"step": "report", "arguments": {}}],
        [{"step": "pool", "arguments": {}}] * 101,
    ],
)
def test_steps_that_are_none(record, steps):
    with pytest.raises(DataError, match="step"):
        km.verify({**record, "steps": steps})


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"yi": "x", "vi": "y"},
        {"yi": [1, [2]], "vi": [1, 2]},
        {"yi": [1.0, 2.0], "vi": [0.1, 0.1], "level": 10**400},
        {"yi": [1.0, 2.0], "vi": [0.1, 0.1], "tau2": {"a": 1}},
        {"yi": [1.0, 2.0], "vi": [0.1, 0.1], "options": {"PoolOptions": {"rng": [-1]}}},
        {"yi": [1.0, 2.0], "vi": [0.1, 0.1], "options": {"CurveOptions": {}}},
        {"yi": [1.0, 2.0], "vi": [0.1, 0.1], "options": {"not recorded": "\x1b" * 500}},
    ],
)
def test_arguments_that_do_not_fit_are_a_cause(record, arguments):
    steps = [{"step": "pool", "arguments": arguments}]
    checked = km.verify({**record, "steps": steps, "dataset": {**record["dataset"], "packaged": True}})
    assert not checked.agrees
    assert "cannot be done again: step 1, pool()" in checked.causes[-1]


def test_a_record_without_numbers_whose_steps_cannot_be_done_does_not_agree(record):
    for steps in ([{"step": "pool", "arguments": {}}], [{"step": "given", "arguments": {"values": {}}}]):
        emptied = {
            **record,
            "numbers": {},
            "steps": steps,
            "dataset": {**record["dataset"], "packaged": True},
        }
        checked = km.verify({**emptied, SEAL: digest(emptied)})
        assert checked.intact
        assert not checked.agrees
        assert not checked.repeated
        assert "cannot be computed again" in checked.sentence()
        assert {leaf.part for leaf in checked.leaves} <= {"data", "software", "numbers", "texts"}


def test_steps_that_cannot_be_done_on_newer_data_are_explained_by_their_version():
    asked = {"indication": "MDD", "outcome": "depression", "hours": (20, 36), "dosing": "single"}
    made = receipt(km.pool(km.effect_sizes(km.select(km.load_trials(), **asked)))).to_dict()
    made["steps"][0]["arguments"]["population"] = "a population of version 0.2.0"
    made["dataset"] = {**made["dataset"], "version": "0.2.0", "sha256": "1" * 64}
    checked = km.verify({**made, SEAL: digest(made)})
    assert not checked.repeated
    assert "was made from ketameta-trials 0.2.0" in checked.causes[0]
    assert "cannot be done again: step 1, select()" in checked.causes[-1]


def test_formulas_in_a_record_run_nothing(tmp_path):
    table = pd.DataFrame({"yi": [1.0, 2.0, 4.0, 3.0], "vi": [0.1, 0.2, 0.1, 0.2], "x": [1.0, 2.0, 4.0, 5.0]})
    made = receipt(km.regress(table, "x")).to_dict()
    assert km.verify(made, trials=table).agrees
    target = tmp_path / "made"
    made["steps"][0]["arguments"]["moderators"] = f"__import__('pathlib').Path({str(target)!r}).touch()"
    checked = km.verify(made, trials=table)
    assert "a formula may hold column names" in checked.causes[-1]
    assert not target.exists()


def test_the_digest_rests_on_contents_and_not_on_their_order_or_spacing(record, tmp_path):
    path = tmp_path / "reordered.json"
    path.write_text(json.dumps(dict(reversed(record.items())), indent=4), encoding="utf-8-sig")
    assert km.verify(path).agrees
    assert digest({"a": 1.0}) != digest({"a": 1})
    assert digest({"a": "é\ud800"}) == digest({SEAL: 5, "a": "é\ud800"})


def test_plain_values_and_their_text(tmp_path):
    made = sealed({"a": math.nan, "b": -math.inf, "c": (1, 2)})
    assert {key: made[key] for key in "abc"} == {"a": None, "b": "-Infinity", "c": [1, 2]}
    path = tmp_path / "made.json"
    path.write_text(as_json(made), encoding="utf-8")
    name, again = read_record(path)
    assert (name, again) == ("made.json", made)
    assert again[SEAL] == digest(again)
    assert plain({1: 2}) == {"1": 2}


def test_halves_of_characters_survive_the_way_through_a_file(tmp_path):
    table = pd.DataFrame({"study_id": list("abc"), "label": ["\ud800é", "b", "c"]})
    table = table.assign(yi=[1.0, 2.0, 4.0], vi=[0.1, 0.2, 0.1])
    path = tmp_path / "made.json"
    path.write_text(receipt(km.pool(table)).to_json(), encoding="utf-8")
    assert km.verify(path, trials=table).agrees
    assert "é" in path.read_text(encoding="utf-8")
