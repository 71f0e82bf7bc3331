"""The part of the report that doubts: its numbers are those of the functions, whatever the table."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import pytest

import ketameta as km
from ketameta import robustness
from ketameta.errors import ModelError
from ketameta.evidence import load_missing
from ketameta.reporting import page_standing
from ketameta.reporting import standing as doubts
from ketameta.reporting.analysis import WindowResult, analyse_window
from ketameta.reporting.available import available
from ketameta.reporting.findings import _standing
from ketameta.reporting.questions import ANALYSES, WINDOWS
from ketameta.reporting.records import as_json
from ketameta.reporting.standing import Standing, name_of, run_standings, run_universes, standing

DAY = WINDOWS[1]


def window(key: str, dosing: str = "single") -> WindowResult:
    analysis = next(each for each in ANALYSES if each.key == key)
    return analyse_window(km.load_trials(), analysis, dosing, DAY)


@pytest.fixture(scope="module")
def scores() -> WindowResult:
    return window("mdd_depression_smd")


@pytest.fixture(scope="module")
def asked(scores: WindowResult) -> Standing:
    assert scores.fit is not None
    return standing(scores, scores.fit, load_missing())


def test_numbers_are_those_of_the_functions(scores: WindowResult, asked: Standing) -> None:
    fit = scores.fit
    assert asked.left_out.to_dict() == km.leave_one_out(fit).to_dict()
    assert asked.bias.to_dict() == km.bias(fit).to_dict()
    assert asked.influence.to_dict() == km.influence(fit).to_dict()
    assert asked.gosh.to_dict() == km.gosh(fit, progress=False).to_dict()
    assert asked.unblinding.to_dict() == robustness.unblinding(fit, threshold=-0.24).to_dict()
    assert asked.missing.to_dict() == robustness.missing_evidence(fit, load_missing()).to_dict()
    assert asked.reasons == ()
    assert asked.key == scores.key == "mdd_depression_smd_single_24h"
    assert name_of(scores) == "Depressive symptoms, any scale (SMD), 24 h, single dosing"


def test_a_threshold_on_the_other_side_of_the_effect_is_not_asked_for(
    scores: WindowResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "minimal_difference", lambda *given: (0.24, "turned"))
    assert scores.fit is not None
    assert standing(scores, scores.fit, load_missing().head(0)).unblinding.threshold is None


def test_what_cannot_be_asked_has_its_reason(scores: WindowResult, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*given: object, **named: object) -> None:
        raise ModelError("nobody knows")

    monkeypatch.setattr(doubts, "unblinding", refused)
    assert scores.fit is not None
    found = standing(scores, scores.fit, load_missing().head(0))
    assert (found.unblinding, found.missing, found.reasons) == (None, None, ("nobody knows",))
    assert '"unblinding": null' in as_json(_standing(found))


def test_tests_without_a_p_value_are_not_counted(asked: Standing) -> None:
    assert page_standing._tests(asked) == "4 of 6"
    table = asked.bias.table.copy()
    table.loc[table["method"] == "Begg-Mazumdar", "p"] = math.nan
    assert page_standing._tests(replace(asked, bias=replace(asked.bias, table=table))) == "4 of 5"


def test_pools_of_two_trials_are_not_asked(scores: WindowResult) -> None:
    ideation = window("si_suicidal_ideation_smd")
    assert ideation.fit is not None
    assert ideation.fit.k == 2
    heard: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(run_standings((scores, ideation), load_missing(), heard.append))
    assert [each.key for each in found] == [scores.key]
    assert len(heard) == 3


def test_choices_are_asked_of_the_largest_headline_pool_of_each_dosing(scores: WindowResult) -> None:
    again = replace(scores, window=WINDOWS[0])
    points = window("mdd_depression_md_madrs")
    single = window("ptsd_ptsd_smd")
    found = list(run_universes(km.load_trials(), (scores, again, points, single), lambda said: None))
    assert [each.key for each in found] == [f"multiverse_{scores.key}"]
    universes = found[0].found
    assert universes is not None
    assert scores.fit is not None
    assert universes.estimate[0] == pytest.approx(scores.fit.estimate, rel=1e-12)
    assert universes.k[0] == scores.fit.k


def test_results_available_are_told_where_trials_are_known_to_be_missing() -> None:
    trials = km.load_trials()
    found = available(trials, load_missing())
    assert {key: each.outcomes for key, each in found.items()} == {
        "mdd": ("depression", "response", "remission"),
        "ptsd": ("ptsd", "ptsd_response"),
        "si": ("suicidal_ideation", "suicidal_ideation_remission"),
    }
    counts = found["ptsd"].counts().set_index(["outcome", "state"])["k"]
    assert counts["ptsd", "missing"] > 0
    assert not math.isnan(counts["ptsd", "available"])
    assert available(trials, load_missing().head(0)) == {}
