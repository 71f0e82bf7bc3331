"""Controls of the interactive view: what they offer, and that results follow them."""

import html

import pytest

import ketameta as km
from ketameta.exploring import explorer as module
from ketameta.exploring.choices import DAY_ONE
from ketameta.reporting.questions import WINDOWS

pytest.importorskip("ipywidgets", reason="needs ipywidgets: the extra notebook")


@pytest.fixture
def view():
    return km.explore()


def page_of(view):
    return "".join(each.value for each in (*view._shown.values(), *view._folded.values()))


def test_first_view(view):
    assert list(view.controls) == [
        *("topic", "outcome", "measure", "window", "low", "high", "comparators", "dosing", "tau2", "ci")
    ]
    assert view.choices.window is DAY_ONE
    assert view.fit.k > 2
    assert view.curve.k_trials > 2
    assert view.selection.n_trials >= view.fit.k
    page = page_of(view)
    assert f"k = {view.fit.k}" in page
    assert page.count("<img src='data:image/svg+xml;base64,") == 2
    assert page.count("alt='Forest plot of") == 1
    assert html.escape(view.code) in page
    assert html.escape(view.selection.sentence()) in page
    assert "<script" not in page


def test_the_cell_shows_the_widget_and_says_the_result_where_there_are_none(view):
    bundle = view._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == view.box.model_id
    assert bundle["text/plain"] == repr(view) == f"<Explorer {view.fit.sentence()}>"


@pytest.mark.parametrize(
    ("control", "value", "changes"),
    [
        ("topic", "PTSD", "fit curve code"),
        ("topic", "SI", "fit curve code"),
        ("outcome", "response", "fit curve code"),
        ("measure", ("MD", "MADRS"), "fit curve code"),
        ("window", WINDOWS[3], "fit code"),
        ("comparators", ("inactive",), "fit curve code"),
        ("dosing", "repeated", "fit curve code"),
        ("tau2", "PM", "fit code"),
        ("ci", "Wald", "fit code"),
    ],
)
def test_results_follow_each_control(view, control, value, changes):
    before = {name: getattr(view, name) for name in ("fit", "curve", "code")}
    page = page_of(view)
    view.controls[control].value = value
    assert {
        name for name, old in before.items() if getattr(view, name) is not old and getattr(view, name) != old
    } == set(changes.split())
    assert page_of(view) != page
    assert html.escape(view.code) in page_of(view)


def test_other_hours_are_asked_for_where_they_are_chosen(view):
    low, high = view.controls["low"], view.controls["high"]
    assert (low.layout.display, high.layout.display) == ("none", "none")
    k = view.fit.k
    view.controls["window"].value = "other"
    assert (low.layout.display, high.layout.display) == (None, None)
    assert view.fit.k == k
    low.value = 12
    assert "hours=(12.0, 36.0), " in view.code.replace("\n    ", " ")
    low.value = 100
    assert view.fit is None
    assert "hours=(100.0, 36.0)" in page_of(view)
    assert "<img src='data:image/svg+xml;base64," in view._shown["course"].value
    assert view._shown["forest"].value == ""


def test_what_does_not_go_together_is_mended_and_offered_anew(view):
    view.controls["outcome"].value = "response"
    assert view.controls["measure"].value[0] == "RR"
    assert all(
        name in ("RR", "OR", "RD") for name, _ in (value for _, value in view.controls["measure"].options)
    )
    view.controls["topic"].value = "PTSD"
    assert view.choices.question.outcome == "ptsd"
    assert view.controls["measure"].value == ("SMD", None)
    view.controls["topic"].value = "MDD"
    assert view.fit is not None


def test_an_empty_selection_is_told_in_place_of_the_result(view):
    view.controls["topic"].value = "PTSD"
    assert view.fit is None
    assert "No pooled result" in view._shown["pooled"].value
    assert "nothing is left" in view._shown["pooled"].value
    assert view._folded["account"].value == ""
    assert repr(view).startswith("<Explorer nothing is left")


def test_a_fault_leaves_no_old_numbers_beside_new_choices(view, monkeypatch):
    def broken(_):
        raise ZeroDivisionError("division <b>by</b> zero")

    monkeypatch.setattr(module.page, "pooled_card", broken)
    with pytest.raises(ZeroDivisionError):
        view.controls["window"].value = WINDOWS[0]
    assert "ZeroDivisionError: division &lt;b&gt;by&lt;/b&gt; zero" in view._shown["pooled"].value
    assert page_of(view) == view._shown["pooled"].value
    monkeypatch.undo()
    view.controls["window"].value = DAY_ONE
    assert f"k = {view.fit.k}" in page_of(view)


def test_a_change_is_answered_once(view, monkeypatch):
    shown = []
    monkeypatch.setattr(view, "_show", lambda: shown.append(view.choices))
    view.controls["topic"].value = "PTSD"
    assert len(shown) == 1
