"""The interactive view without a browser: choices, results, code, and what goes wrong."""

import itertools
import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import DataError, KetametaError, KetametaWarning, SelectionError
from ketameta.exploring import Choices, Method, Question, Workbench
from ketameta.exploring.choices import CI_CHOICES, DAY_ONE, TAU2_CHOICES, custom_window
from ketameta.models.pooling import CI_METHODS
from ketameta.reporting.analysis import analyse_window
from ketameta.reporting.questions import ANALYSES, WINDOWS

REPORTED = [analysis for analysis in ANALYSES if analysis.measure in ("SMD", "MD", "RR")]
TOPIC = {"mdd": "MDD", "ptsd": "PTSD", "si": "SI"}


@pytest.fixture(scope="module")
def trials():
    return km.load_trials()


@pytest.fixture(scope="module")
def bench(trials):
    return Workbench(trials)


def every_question(menu):
    for topic in menu.topics:
        for outcome in menu.outcomes(topic):
            parts = (menu.measures, menu.comparators, menu.dosings)
            for (measure, scale), comparators, dosing in itertools.product(
                *(f(topic, outcome) for f in parts)
            ):
                yield Question(topic, outcome, measure, scale, comparators, dosing)


def quietly(code, **names):
    """Names after code was run; its figures are closed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        exec(compile(code, "shown", "exec"), names)
    plt.close("all")
    return names


def test_every_choice_that_is_offered_gives_a_result_or_a_short_reason(bench):
    questions = list(every_question(bench.menu))
    assert len(questions) > 200
    drawn = np.random.default_rng(6).choice(len(questions), 24, replace=False)
    kinds = set()
    for at, window in zip(drawn, itertools.cycle(WINDOWS)):
        view = bench.view(Choices(questions[at], window))
        for answer in (view.pooled, view.course):
            assert (answer.result is None) == (answer.picture == "")
            assert (answer.result is None) == (answer.reason != "")
            assert "Traceback" not in answer.reason
            kinds.add((answer.result is None, answer.selection is None))
    assert {(False, False), (True, True)} <= kinds
    assert plt.get_fignums() == []


@pytest.mark.parametrize("analysis", REPORTED, ids=lambda each: each.key)
def test_the_pool_is_that_of_the_report(bench, trials, analysis):
    question = Question(
        TOPIC[analysis.question],
        analysis.outcome,
        analysis.measure,
        analysis.instrument,
        ("inactive", "psychoactive"),
        "single",
    )
    for window in (WINDOWS[1], WINDOWS[3]):
        reported = analyse_window(trials, analysis, "single", window).fit
        shown = bench.pooled(question, window, Method()).result
        assert (shown is None) == (reported is None)
        if reported is not None:
            assert (shown.k, shown.estimate, shown.ci_low) == (reported.k, reported.estimate, reported.ci_low)


@pytest.mark.parametrize(
    ("question", "window", "method"),
    [
        (
            Question("MDD", "depression", "SMD", None, ("inactive", "psychoactive"), "single"),
            DAY_ONE,
            Method(),
        ),
        (
            Question("TRD", "depression", "MD", "MADRS", (), "repeated"),
            WINDOWS[5],
            Method("PM", "HKSJ-adhoc"),
        ),
        (Question("MDD", "response", "RR", None, ("inactive",), "single"), DAY_ONE, Method("DL", "Wald")),
        (Question("PTSD", "ptsd", "SMD", None, (), "single"), custom_window(20, 200), Method("EE", "Wald")),
        (
            Question("SI", "suicidal_ideation_remission", "RR", None, (), "single"),
            WINDOWS[0],
            Method("SJ"),
        ),
    ],
)
def test_code_gives_the_numbers_that_are_shown(bench, question, window, method):
    view = bench.view(Choices(question, window, method))
    names = quietly(view.code)
    pooled, curve = view.pooled.result, view.course.result
    for name in ("k", "estimate", "ci_low", "ci_high", "tau2", "pi_low", "p"):
        np.testing.assert_equal(getattr(names["fit"], name), getattr(pooled, name))
    assert pooled.tau2_method == method.tau2
    assert names["curve"].coefficients == curve.coefficients
    assert names["selection"].account == view.pooled.selection.account


def test_code_of_choices_without_a_result_raises_the_reason_that_is_shown(bench):
    empty = Question("MDD", "depression", "MD", "PHQ-9", ("psychoactive",), "single")
    view = bench.view(Choices(empty))
    assert view.pooled.reason.startswith("nothing is left")
    with pytest.raises(SelectionError) as raised:
        quietly(view.code)
    assert str(raised.value) == view.pooled.reason


def test_pooling_both_kinds_of_dosing_warns_beside_the_pool_and_gives_no_curve(bench):
    question = Question("MDD", "depression", "SMD", None, ("inactive",), None)
    view = bench.view(Choices(question, WINDOWS[3]))
    assert any("mixes dosing" in text for text in view.pooled.said)
    assert view.course.result is None
    assert "dosing" in view.course.reason


def test_one_trial_is_shown_as_itself(bench):
    question = Question("MDD", "depression", "SMD", None, ("inactive",), "single")
    alone = bench.view(Choices(question, WINDOWS[0]))
    assert alone.pooled.result.k == 1
    assert "only study" in alone.pooled.result.sentence()
    assert alone.pooled.picture


def test_window_and_method_leave_the_curve_and_method_leaves_the_effects(trials):
    bench = Workbench(trials)
    first = Choices(bench.menu.first())
    before = bench.view(first)
    other = bench.view(Choices(first.question, WINDOWS[0], Method("DL", "Wald")))
    assert other.course is before.course
    again = bench.view(Choices(first.question, first.window, Method("DL", "Wald")))
    assert again.pooled.selection is before.pooled.selection
    assert again.pooled is not before.pooled
    assert bench.view(first).pooled is before.pooled


def test_methods_on_offer_are_those_of_pool():
    assert set(CI_CHOICES.values()) <= set(CI_METHODS)
    for tau2 in TAU2_CHOICES.values():
        assert km.pool(yi=[0.1, 0.5, 0.2], vi=[0.1, 0.2, 0.1], tau2=tau2, ci="Wald").tau2_method == tau2


def test_the_table_is_not_changed_and_later_changes_do_not_reach_the_view(trials):
    table = trials.copy()
    bench = Workbench(table)
    first = Choices(bench.menu.first())
    k = bench.view(first).pooled.result.k
    pd.testing.assert_frame_equal(pd.DataFrame(table), pd.DataFrame(trials))
    table["indication"] = "none"
    assert bench.view(Choices(first.question, WINDOWS[1], Method("DL"))).pooled.result.k == k


def test_code_names_the_packaged_trials_only_where_they_are_the_ones(trials):
    loads = "trials = km.load_trials()"
    whole, part = Workbench(km.load_trials()), Workbench(trials[trials["year"] > 2015])
    assert loads in Workbench().code(Choices(whole.menu.first()))
    assert loads in whole.code(Choices(whole.menu.first()))
    shown = part.code(Choices(part.menu.first()))
    assert loads not in shown
    assert "# trials: the table that was given" in shown
    fit = part.view(Choices(part.menu.first())).pooled.result
    assert quietly(shown, trials=trials[trials["year"] > 2015])["fit"].estimate == fit.estimate


HOSTILE = "a \"b\" 'c' $x$ <script>alert(1)</script>"


def test_hostile_names_of_an_own_table_reach_neither_page_nor_code_unquoted(trials, tmp_path):
    table = pd.DataFrame(trials)[(trials["indication"] == "MDD") & (trials["setting"] == "treatment")]
    table = table.assign(
        indication=HOSTILE,
        instrument=table["instrument"].where(table["instrument"] != "MADRS", HOSTILE),
        study_id=HOSTILE + table["study_id"],
    )
    bench = Workbench(table)
    assert list(bench.menu.topics) == [HOSTILE]
    question = bench.menu.first()
    view = bench.view(Choices(question))
    assert view.pooled.result.k > 2
    assert "<script" not in view.pooled.picture
    assert quietly(view.code, trials=table)["fit"].k == view.pooled.result.k
    assert (("MD", HOSTILE)) in bench.menu.measures(HOSTILE, "depression")


def test_a_csv_of_ones_own(trials, tmp_path):
    path = tmp_path / "mine.csv"
    rows = trials[(trials["outcome"] == "depression") & (trials["dosing"] == "single")]
    pd.DataFrame(rows).to_csv(path, index=False)
    table = km.read_trials(path)
    bench = Workbench(table)
    view = bench.view(Choices(bench.menu.first()))
    assert view.pooled.result.k == Workbench(trials).view(Choices(bench.menu.first())).pooled.result.k
    assert "load_trials" not in view.code


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ([1, 2], DataError, "a DataFrame of trials is wanted"),
        ("trials.csv", DataError, "a DataFrame of trials is wanted"),
        (pd.DataFrame({"a": [1]}), DataError, "cohort_id"),
    ],
)
def test_what_is_no_table_of_trials_is_refused(given, error, words):
    with pytest.raises(error, match=words):
        km.explore(given)


@pytest.mark.parametrize(
    "column", ["time_hours", "setting", "source_kind", "drug", "report", "indication", "population", "n_t"]
)
def test_a_table_that_select_takes_is_explored_or_refused_in_words(trials, column):
    rows = (trials["outcome"] == "depression") & (trials["dosing"] == "single")
    table = pd.DataFrame(trials)[rows].drop(columns=column)
    if column == "indication":
        with pytest.raises(SelectionError, match="an indication"):
            Workbench(table)
        return
    bench = Workbench(table)
    view = bench.view(Choices(bench.menu.first()))
    assert view.pooled.result is not None or view.pooled.reason
    assert view.course.result is not None or view.course.reason
    assert (view.course.reason.startswith("no row says when")) == (column == "time_hours")


def test_a_table_without_rows_to_pool_is_refused(trials):
    for rows in (trials.iloc[:0], trials[trials["status"] != "include"]):
        with pytest.raises(SelectionError, match="no row to explore"):
            km.explore(rows)


def test_without_ipywidgets_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(KetametaError, match=r'python -m pip install "\.\[notebook\]" in the checkout'):
        km.explore()
