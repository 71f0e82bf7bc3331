"""Records are computed again: what agrees, what changed, and that no change goes unseen."""

import copy
import io
import json
import random

import pytest

import ketameta as km
from ketameta.__main__ import main
from ketameta.errors import DataError
from ketameta.evidence import load_trials
from ketameta.reporting import analysis, findings, receipt, verifying
from ketameta.reporting.agreement import DIGITS, compare, significant
from ketameta.reporting.causes import versions_between
from ketameta.reporting.records import SEAL, as_json, digest, sealed

DROPPED = object()


@pytest.fixture(scope="module", autouse=True)
def few_questions():
    """Two analyses and one curve, so that a report is computed in a second or two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "ANALYSES", analysis.ANALYSES[:2])
        patch.setattr(analysis, "CURVES", analysis.CURVES[:1])
        yield


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A file of three cohorts: enough for pools and a curve, computed in seconds."""
    trials = load_trials()
    rows = trials[
        trials["cohort_id"].isin(["lii2023", "murrough2013", "chen2023"])
        & (trials["outcome"] == "depression")
        & (trials["status"] == "include")
    ]
    path = tmp_path_factory.mktemp("own") / "mine.csv"
    rows.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def found(few_questions, table):
    return findings.find(findings.trials_table(table), lambda _: None, packaged=False)


@pytest.fixture(scope="module")
def results(found):
    return json.loads(as_json(sealed(found.record())))


@pytest.fixture
def at_once(found, monkeypatch):
    """The recomputation, done once for many tampered copies of one record."""
    monkeypatch.setattr(verifying.findings, "find", lambda *_, **__: found)


@pytest.fixture(scope="module")
def fitted():
    trials = load_trials()
    day1 = km.select(
        trials, indication="MDD", outcome="depression", hours=(20, 36), dosing="single", measure="SMD"
    )
    return receipt(km.pool(km.effect_sizes(day1))).to_dict()


@pytest.fixture(scope="module")
def plain_pool():
    return receipt(km.pool(yi=[-0.6, -0.3, -0.9, -0.1], vi=[0.05, 0.04, 0.10, 0.08])).to_dict()


def leaves_of(tree, path=()):
    """Paths of all leaves."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    inner = [leaf for key, value in items for leaf in leaves_of(value, (*path, key))]
    return inner or [path]


def changed(record, path, value, *, reseal):
    """A copy with one leaf changed, with or without a new seal."""
    made = copy.deepcopy(record)
    place = made
    for key in path[:-1]:
        place = place[key]
    if value is DROPPED:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return {**made, SEAL: digest(made)} if reseal else made


def at(record, path):
    for key in path:
        record = record[key]
    return record


def other(value, chance):
    """Another value of the same kind, near to it, or of another kind, or none."""
    kinds = [DROPPED, [value], "x"]
    if isinstance(value, bool):
        kinds.append(not value)
    elif isinstance(value, int):
        kinds += [value + 1, -value - 1, 10**30]
    elif isinstance(value, float):
        kinds += [value * (1 + 1e-5) or 1e-9, -value or 1.0, None]
    elif isinstance(value, str):
        kinds += [value + " ", value[:-1] or "y"]
    elif value is None:
        kinds += [0, ""]
    return chance.choice(kinds)


def is_found(record, table=None):
    """Whether verification tells that something is wrong, by its verdict or by refusing the record."""
    try:
        checked = km.verify(record, trials=table, progress=False)
    except DataError:
        return True
    assert checked.agrees == (not checked.causes) or any(c.startswith("Software") for c in checked.causes)
    return bool(checked.causes)


def test_a_report_of_one_s_own_table_is_computed_again_in_whole(results, table, tmp_path, capsys):
    path = tmp_path / "results.json"
    path.write_text(as_json(results), encoding="utf-8")
    assert main(["verify", "--trials", str(table), str(path)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("results.json agrees: all ")
    assert "over time" in said.err
    assert main(["verify", "--quiet", str(path)]) == 1
    said = capsys.readouterr()
    assert "'mine.csv', SHA-256" in said.err
    assert "--trials" in said.err
    assert "over time" not in said.err


def test_the_command_says_so_when_a_number_was_changed(results, table, tmp_path, capsys, at_once):
    place = next(i for i, window in enumerate(results["windows"]) if window["pooled"])
    path = tmp_path / "results.json"
    value = results["windows"][place]["result"]["estimate"]
    tampered = changed(results, ("windows", place, "result", "estimate"), value * 1.01, reseal=True)
    path.write_text(as_json(tampered), encoding="utf-8")
    assert main(["verify", "--quiet", "--trials", str(table), str(path)]) == 1
    said = capsys.readouterr().out
    key = results["windows"][place]["key"]
    assert (
        f"windows[{key}].result.estimate: {value * 1.01} in the record, {value} computed again (2.0 digits)"
        in said
    )
    assert "Data, rows and software are the same, and 1 value is not what they give with the settings" in said
    with pytest.raises(SystemExit) as stop:
        main(["verify"])
    assert stop.value.code == 2


@pytest.mark.parametrize("seed", range(3))
def test_a_changed_leaf_of_results_is_found_though_the_seal_was_renewed(results, table, at_once, seed):
    chance = random.Random(seed)
    places = [path for path in leaves_of(results) if path[-1] not in (SEAL, "largest_difference")]
    for path in chance.sample(places, 20):
        tampered = changed(results, path, other(at(results, path), chance), reseal=True)
        assert is_found(tampered, table), path


def test_every_leaf_of_a_receipt_is_found_when_its_seal_is_not_renewed(plain_pool):
    chance = random.Random(5)
    for path in leaves_of(plain_pool):
        tampered = changed(plain_pool, path, other(at(plain_pool, path), chance), reseal=False)
        assert is_found(tampered), path


def test_every_leaf_but_the_steps_is_found_when_the_seal_is_renewed(plain_pool):
    chance = random.Random(6)
    for path in leaves_of(plain_pool):
        if path == (SEAL,) or path[0] == "steps":
            continue
        tampered = changed(plain_pool, path, other(at(plain_pool, path), chance), reseal=True)
        assert is_found(tampered), path


@pytest.mark.parametrize(
    ("step", "name", "value"),
    [
        (0, "hours", [2, 6]),
        (0, "indication", "PTSD"),
        (0, "measure", "MD"),
        (1, "options", {"EffectOptions": {"variance": "UB"}}),
        (0, "provisional", "no"),
        (0, "provisional", 0),
        (1, "shared", "keep"),
        (2, "tau2", "DL"),
        (2, "ci", "Wald"),
        (2, "level", 0.9),
        (2, "level", "0.95"),
        (2, "level", {}),
        (2, "options", {"PoolOptions": {"draws": 10**12}}),
        (2, "options", {"PoolOptions": {"power": 1}}),
        (2, "options", {"Path": {"x": 1}}),
        (2, "es", [1, 2]),
        (2, "unknown", 1),
        (2, "yi", [1.0, 2.0]),
    ],
)
def test_settings_that_the_numbers_do_not_follow_from_are_found(fitted, step, name, value):
    tampered = changed(fitted, ("steps", step, "arguments", name), value, reseal=True)
    checked = km.verify(tampered)
    assert not checked.agrees
    assert checked.intact
    assert checked.causes


def test_items_added_to_and_taken_from_lists_are_found(results, fitted, table, at_once):
    windows, studies = results["windows"], fitted["numbers"]["studies"]
    for record, path, value, given in (
        (results, ("windows",), windows[1:], table),
        (results, ("windows",), [*windows, windows[0]], table),
        (results, ("windows",), [windows[1], windows[0], *windows[2:]], table),
        (results, ("windows",), [{**window, "key": 5} for window in windows], table),
        (results, ("curves",), [], table),
        (fitted, ("numbers", "studies"), studies[1:], None),
        (fitted, ("numbers", "studies"), [*studies, {}], None),
        (fitted, ("numbers", "extra"), 1.0, None),
        (fitted, ("steps",), fitted["steps"][1:], None),
        (fitted, ("steps",), [*fitted["steps"], fitted["steps"][-1]], None),
    ):
        assert not km.verify(changed(record, path, value, reseal=True), trials=given, progress=False).agrees


def test_a_broken_seal_is_told_though_every_value_agrees(plain_pool):
    checked = km.verify({**plain_pool, SEAL: "0" * 64})
    assert not checked.agrees
    assert not checked.intact
    assert checked.differences == ()
    assert "was changed after it was written" in checked.causes[0]
    assert "was changed after it was written" in checked.sentence()


def test_an_older_version_of_the_data_is_recognised_and_explained(fitted):
    older = changed(fitted, ("dataset", "version"), "0.2.0", reseal=False)
    older["numbers"]["provenance"]["dataset"] = f"{fitted['dataset']['name']} 0.2.0"
    for place in (older["dataset"], older["numbers"]["provenance"]):
        place["sha256" if "sha256" in place else "dataset_sha256"] = "1" * 64
    checked = km.verify({**older, SEAL: digest(older)})
    assert not checked.agrees
    (cause,) = checked.causes
    version = fitted["dataset"]["version"]
    assert f"made from ketameta-trials 0.2.0; here is ketameta-trials {version}" in cause
    assert "0.3.0 (" in cause
    assert "median_hours_t" in cause
    assert "give that file as trials" in cause


def test_a_file_changed_without_a_new_version_is_told(fitted):
    tampered = changed(fitted, ("dataset", "sha256"), "1" * 64, reseal=True)
    assert "one was changed without a new version" in km.verify(tampered).causes[0]


def test_a_wrong_version_is_told(fitted):
    tampered = changed(fitted, ("dataset", "version"), "9.9.9", reseal=True)
    checked = km.verify(tampered)
    assert not checked.agrees
    assert "says ketameta-trials 9.9.9, but the SHA-256 in it is that of" in checked.causes[0]


def test_other_software_is_listed_and_is_no_disagreement_while_numbers_agree(fitted):
    tampered = changed(fitted, ("software", "numpy"), "1.0.0", reseal=True)
    checked = km.verify(tampered)
    assert checked.agrees
    (cause,) = checked.causes
    assert cause.startswith("Software: software.numpy: '1.0.0' in the record")
    estimate = changed(tampered, ("numbers", "estimate"), -0.1, reseal=True)
    checked = km.verify(estimate)
    assert not checked.agrees
    assert (
        "Whether that is the other software, or a change of values or settings by hand" in checked.causes[-1]
    )


def test_what_a_result_says_of_its_software_must_be_what_its_record_says(plain_pool):
    for path, value in (
        (("numbers", "provenance", "software"), "ketameta 9.9"),
        (("software", "ketameta"), "9.9"),
    ):
        checked = km.verify(changed(plain_pool, path, value, reseal=True))
        assert [leaf.what for leaf in checked.differences] == ["numbers.provenance.software"]


def test_the_table_of_a_report_must_be_the_one_it_was_made_from(results, table, tmp_path):
    rows = km.read_trials(table)
    rows.loc[rows["mean_t"].notna(), "mean_t"] += 0.5
    path = tmp_path / "mine.csv"
    rows.to_csv(path, index=False)
    checked = km.verify(results, trials=path, progress=False)
    assert not checked.agrees
    assert "one was changed without a new version" in checked.causes[0]
    assert any(leaf.what.endswith("result.estimate") for leaf in checked.differences)


def test_versions_between_are_those_of_the_change_log():
    assert [text.split(" ")[0] for text in versions_between("0.1.0", "0.3.0")] == ["0.3.0", "0.2.0"]
    assert versions_between("0.3.0", "0.3.0") == versions_between("new", "0.3.0") == []
    assert versions_between("9" * 5000, "0.3.0") == []


def test_digits_of_agreement():
    assert significant(0.0, 0.0) == float("inf")
    assert significant(1.0, 1.0 + 1e-9) == pytest.approx(9.0, abs=0.01)
    assert significant(0.0, 1e-300) == significant(1.0, -1.0) == significant(1e308, -1e308) == 0.0
    assert significant(10**400, 1.0) == 0.0
    (near,) = compare({"x": 1.0 + 1e-9}, {"x": 1.0})
    (far,) = compare({"x": 1.0 + 1e-7}, {"x": 1.0})
    assert (near.verdict, far.verdict) == ("agrees", "differs")
    assert near.digits > DIGITS > far.digits
    (whole,) = compare({"n": 100_000_000_001}, {"n": 100_000_000_000})
    assert whole.verdict == "differs"
    (flag,) = compare({"x": True}, {"x": 1})
    assert flag.verdict == "differs"
    (top,) = compare({}, {".software": 1})
    assert top.part == "numbers"
    twice = compare({"a": [{"key": "k", "x": 2}]}, {"a": [{"key": "k", "x": 1}, {"key": "k", "x": 2}]})
    assert not all(leaf.agrees for leaf in twice[:2])
    (peak,) = compare({"peak": {"value": 18.666591999927835}}, {"peak": {"value": 18.666591222551087}})
    assert peak.verdict == "agrees"


def test_a_terminal_without_the_characters_gets_question_marks(plain_pool, tmp_path, monkeypatch):
    path = tmp_path / "receipt.json"
    path.write_text(as_json(changed(plain_pool, ("numbers", "té…"), "τ²", reseal=True)), encoding="utf-8")
    with io.TextIOWrapper(io.BytesIO(), encoding="ascii") as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        assert main(["verify", str(path)]) == 1
        terminal.flush()
        assert b"t??: '??' in the record" in terminal.buffer.getvalue()


def test_a_verification_shows_itself(plain_pool):
    tampered = changed(plain_pool, ("numbers", "estimate"), -0.40001, reseal=True)
    checked = km.verify(tampered)
    assert "estimate: -0.40001 in the record" in str(checked)
    assert "<table" in checked._repr_html_()
    said = checked.to_dict()
    json.dumps(said, allow_nan=False)
    assert not said["agrees"]
    assert [each["what"] for each in said["differences"]] == ["numbers.estimate"]
    frame = checked.to_frame()
    row = frame[frame["verdict"] == "differs"].iloc[0]
    assert (row["what"], row["part"], row["stored"]) == ("numbers.estimate", "numbers", -0.40001)
