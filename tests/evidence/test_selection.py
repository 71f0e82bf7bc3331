from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketameta as km
from ketameta._table import Table
from ketameta.errors import DataError, SelectionError
from ketameta.evidence.location import data_file
from ketameta.provenance import ATTRS_KEY

CONTRAST = {"score_type": "contrast", "contrast_measure": "MD", "contrast_value": -5.0, "contrast_se": 2.0}


def cohort(name: str, **changes):
    return {"study_id": name, "cohort_id": name, "comparator_arm_id": f"{name}:saline", **changes}


def ids(selection) -> list[str]:
    return selection.rows["record_id"].tolist()


@pytest.fixture
def trials(table):
    frame = table(
        cohort("a"),
        cohort("b", indication="BD", population="BD"),
        cohort("c", outcome="response", instrument="HAM-D-17"),
        cohort("d", drug="esketamine", route="IN", dosing="repeated"),
        cohort("e", comparator="midazolam", comparator_class="psychoactive"),
        cohort("f", setting="ECT adjunct"),
        cohort("g", design="crossover", crossover_period="first"),
        cohort("h", status="apart", reason="pooled: sum of two trials"),
        cohort("i", source_kind="secondary-text"),
        cohort("j", time_hours=168.0),
        cohort("k", time_hours=None),
        cohort("a", score_type="baseline", time_hours=0.0),
    )
    frame.attrs[ATTRS_KEY] = {"dataset": "mine.csv", "version": "", "sha256": "ab"}
    return frame


KEPT_BY_DEFAULT = ["a", "b", "c", "d", "e", "g", "j", "k"]


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({}, KEPT_BY_DEFAULT),
        ({"setting": None}, ["a", "b", "c", "d", "e", "f", "g", "j", "k"]),
        ({"setting": "ECT adjunct"}, ["f"]),
        ({"provisional": True}, ["a", "b", "c", "d", "e", "g", "i", "j", "k"]),
        ({"indication": "BD"}, ["b"]),
        ({"indication": ["MDD", "BD"]}, KEPT_BY_DEFAULT),
        ({"outcome": ("response",)}, ["c"]),
        ({"instrument": "HAM-D-17"}, ["c"]),
        ({"drug": {"esketamine"}}, ["d"]),
        ({"route": "IN"}, ["d"]),
        ({"dosing": "repeated"}, ["d"]),
        ({"comparator": "psychoactive"}, ["e"]),
        ({"comparator": "midazolam"}, ["e"]),
        ({"comparator": ["midazolam", "inactive"]}, KEPT_BY_DEFAULT),
        ({"population": "BD"}, ["b"]),
        ({"design": "crossover"}, ["g"]),
        ({"hours": (24, 24)}, ["a", "b", "c", "d", "e", "g"]),
        ({"hours": (25, np.inf)}, ["j"]),
        ({"hours": [0, 168]}, ["a", "b", "c", "d", "e", "g", "j"]),
        (
            {"indication": "MDD", "outcome": "depression", "hours": (20, 36), "drug": "ketamine"},
            ["a", "e", "g"],
        ),
    ],
)
def test_each_filter_keeps_what_it_asks_for(trials, asked, kept):
    selection = km.select(trials, **asked)
    assert selection.rows["cohort_id"].tolist() == kept


def test_every_row_is_selected_or_left_out_with_step_and_reason(trials):
    selection = km.select(trials, indication="MDD", outcome="depression", hours=(20, 36))
    left_out = selection.left_out.set_index("record_id")
    assert sorted([*ids(selection), *left_out.index]) == trials["record_id"].tolist()
    assert left_out["step"].to_dict() == {
        "KM0002": "indication",
        "KM0003": "outcome",
        "KM0006": "setting",
        "KM0008": "status",
        "KM0009": "provisional",
        "KM0010": "hours",
        "KM0011": "hours",
        "KM0012": "baseline",
    }
    assert left_out["why"].to_dict() == {
        "KM0002": "indication: BD",
        "KM0003": "outcome: response",
        "KM0006": "setting: ECT adjunct",
        "KM0008": "apart: pooled: sum of two trials",
        "KM0009": "provisional: secondary text only",
        "KM0010": "hours: 168 h",
        "KM0011": "hours: no time",
        "KM0012": "baseline score",
    }


def test_rows_are_the_table_s_own_with_its_origin(trials):
    before = trials.copy(deep=True)
    selection = km.select(trials, indication="BD")
    pd.testing.assert_frame_equal(trials, before)
    pd.testing.assert_frame_equal(selection.rows, trials.iloc[[1]])
    origin, carried = trials.attrs[ATTRS_KEY], selection.rows.attrs[ATTRS_KEY]
    assert {**carried, "steps": None} == {**origin, "steps": None}
    assert [step["step"] for step in carried["steps"]] == ["select"]
    assert type(selection.rows) is type(selection.left_out) is Table
    assert selection.left_out.attrs == trials.attrs


def test_the_account_says_step_by_step_what_went(trials):
    text = km.select(trials, indication="MDD", outcome="depression", hours=(20, 36)).account
    assert text.splitlines() == [
        "12 rows in the table.",
        "  - 1 row (1 trial wholly): setting is not treatment",
        "  - 1 row (1 trial wholly): indication is not MDD",
        "  - 1 row (1 trial wholly): outcome is not depression",
        "  - 1 row: baseline scores",
        "  - 2 rows (2 trials wholly): time is not within 20 to 36 h",
        "  - 1 row (1 trial wholly): kept apart from pools",
        "  - 1 row (1 trial wholly): provisional: secondary text only (provisional=True keeps them)",
        "  = 4 rows of 4 trials: setting treatment, indication MDD, outcome depression, "
        "20 to 36 h, nearest to 28 h.",
        "",
        text.splitlines()[-1],
    ]
    assert "mine.csv; 4 rows, SHA-256" in text


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"indication": "mdd"}, "no row of the table has indication='mdd'. Did you mean 'MDD'?.* BD, MDD"),
        ({"indication": "TRD"}, "There is population='TRD'"),
        ({"outcome": "depresion"}, "Did you mean 'depression'"),
        ({"outcome": ["depression", "xyz"]}, "outcome='xyz'. Known values: depression, response"),
        ({"comparator": "placebo"}, "Known values: .*inactive, midazolam, psychoactive, saline"),
        ({"drug": 5}, "drug=5: a text or a list"),
        ({"drug": [5]}, "a text or a list"),
        ({"drug": []}, "a text or a list"),
        ({"drug": ""}, "no row of the table has drug=''"),
        ({"hours": 24}, r"hours=24: hours since the first dose as \(low, high\)"),
        ({"hours": (36, 20)}, "the lower first"),
        ({"hours": (-1, 20)}, "none below 0"),
        ({"hours": (np.nan, 20)}, "the lower first"),
        ({"hours": (np.inf, np.inf)}, "the lower first"),
        ({"hours": ("a", "b")}, "hours since the first dose"),
        ({"hours": (1, 2, 3)}, "hours since the first dose"),
        ({"at": 24}, "give hours"),
        ({"hours": (20, 36), "at": 40}, "lies outside"),
        ({"hours": (20, 36), "at": "noon"}, "a number of hours"),
        ({"hours": (20, 36), "at": np.nan}, "lies outside"),
        ({"duplicates": "ignore"}, "'resolve' or 'refuse'"),
    ],
)
def test_a_question_that_cannot_be_asked_is_explained(trials, asked, message):
    with pytest.raises(SelectionError, match=message):
        km.select(trials, **asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"indication": "BD", "hours": (100, 200)},
            r"the last 1 row went because time is not within 100 to 200 h. There is: hours: 24 h \(1 row\)",
        ),
        (
            {"drug": "esketamine", "comparator": "midazolam"},
            r"because comparator is not midazolam. There is: comparator: inactive \(1 row\)",
        ),
        (
            {"indication": "BD", "outcome": "response"},
            r"Left out before: setting is not treatment: 1 row; indication is not BD: 10 rows",
        ),
    ],
)
def test_an_empty_selection_says_which_filter_took_the_last_rows(trials, asked, message):
    with pytest.raises(SelectionError, match=message):
        km.select(trials, **asked)


def test_when_only_rows_kept_apart_match_their_reasons_are_given(table):
    with pytest.raises(SelectionError, match=r"kept apart from pools\. There is: apart: single-arm: x"):
        km.select(table({"status": "apart", "reason": "single-arm: x"}))


def test_long_reasons_are_cut_in_the_message(table):
    with pytest.raises(SelectionError) as caught:
        km.select(table({"status": "apart", "reason": "pooled: " + "x" * 500}))
    assert len(str(caught.value)) < 250


def test_a_table_without_rows_is_refused(table):
    with pytest.raises(SelectionError, match="no rows"):
        km.select(table())


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ([1], "not list"),
        (pd.DataFrame({"record_id": ["KM0001"]}), "study_id, cohort_id, outcome, score_type, status"),
    ],
)
def test_what_is_no_table_of_trials_is_refused(frame, message):
    with pytest.raises(DataError, match=message):
        km.select(frame)


def test_cells_of_the_wrong_type_are_refused(table):
    with pytest.raises(DataError, match=r"line 3, column 'time_hours': '1,5'.* and 1 more"):
        km.select(table({}, {"time_hours": "1,5"}, {"time_hours": "x"}))


def test_a_small_table_of_one_s_own_needs_few_columns():
    frame = pd.DataFrame(
        {
            "record_id": ["KM0001", "KM0002"],
            "study_id": ["a", "b"],
            "cohort_id": ["a", "b"],
            "outcome": ["depression", "ptsd"],
            "score_type": ["endpoint", "endpoint"],
            "status": ["include", "include"],
        }
    )
    assert ids(km.select(frame)) == ["KM0001", "KM0002"]
    assert ids(km.select(frame, outcome="ptsd")) == ["KM0002"]
    with pytest.raises(SelectionError, match="no column 'drug'"):
        km.select(frame, drug="ketamine")


def test_any_pandas_dtype_will_do(trials):
    expected = ids(km.select(trials, hours=(20, 36)))
    assert ids(km.select(trials.convert_dtypes(), hours=(20, 36))) == expected
    assert ids(km.select(trials.astype(object), hours=(20, 36))) == expected


def test_overlaps_can_be_refused(table):
    frame = table(cohort("a"), cohort("a", instrument="HAM-D-17"))
    with pytest.raises(SelectionError, match=r"a, depression: KM0001 \(MADRS endpoint, 24 h\), not KM0002"):
        km.select(frame, duplicates="refuse")
    assert len(km.select(frame, instrument="MADRS", duplicates="refuse").rows) == 1


class TestResult:
    @pytest.fixture
    def selection(self, table):
        return km.select(
            table(
                cohort("<a>"),
                cohort("<a>", instrument="HAM-D-17"),
                cohort("b"),
                cohort("c", drug="esketamine"),
            ),
            drug="ketamine",
        )

    def test_text_and_html(self, selection):
        text = str(selection)
        assert text == selection.account
        assert "<a>, depression: KM0001 (MADRS endpoint, 24 h), not KM0002 (instrument: MADRS" in text
        html = selection._repr_html_()
        assert "&lt;a&gt;, depression" in html
        assert "<a>" not in html

    def test_sentence(self, selection):
        assert selection.sentence() == (
            "2 rows of 2 trials selected (setting treatment, drug ketamine); 2 rows left out."
        )

    def test_dict_and_frame(self, selection):
        content = selection.to_dict()
        assert content["record_ids"] == ["KM0001", "KM0003"]
        assert [step["rows"] for step in content["steps"]] == [0, 1, 0, 0, 0, 1]
        assert content["provenance"]["n_rows"] == 2
        frame = selection.to_frame()
        frame["mine"] = 1
        assert "mine" not in selection.rows

    def test_it_is_frozen(self, selection):
        with pytest.raises(FrozenInstanceError):
            selection.asked = ""


@pytest.mark.parametrize(
    ("indication", "hours"),
    [(name, hours) for name in ("MDD", "PTSD", None) for hours in ((20, 36), (120, 216), None)]
    + [("SI", None), ("BD", None)],
)
def test_on_the_packaged_table_nobody_counts_twice_and_nothing_is_lost(indication, hours):
    trials = km.load_trials()
    selection = km.select(trials, indication=indication, hours=hours)
    rows = selection.rows
    assert sorted([*rows["record_id"], *selection.left_out["record_id"]]) == sorted(trials["record_id"])
    assert (rows["status"] == "include").all()
    assert not rows["score_type"].eq("baseline").any()
    assert not rows["source_kind"].eq("secondary-text").any()
    rows = rows[~rows["score_type"].eq("survival") & ~rows["outcome"].eq("other")]
    place = ["cohort_id", "outcome"] + (["time_hours"] if hours is None else [])
    for _, block in rows.groupby(place, dropna=False):
        assert block["comparator_arm_id"].nunique() == 1
        assert block["study_id"].is_unique
        assert (
            block[["instrument", "score_type", "analysis_set", "time_hours"]].drop_duplicates().shape[0] == 1
        )


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([None, (0, 48), (100, 800)]))
def test_the_order_of_the_rows_does_not_matter(random, hours):
    trials = pd.DataFrame(km.read_trials(data_file("trials.csv")))
    order = list(range(len(trials)))
    random.shuffle(order)
    straight = km.select(trials, hours=hours)
    shuffled = km.select(trials.iloc[order], hours=hours)
    assert sorted(ids(straight)) == sorted(ids(shuffled))
    assert set(zip(straight.left_out["record_id"], straight.left_out["step"], strict=True)) == set(
        zip(shuffled.left_out["record_id"], shuffled.left_out["step"], strict=True)
    )
