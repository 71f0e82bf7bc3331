"""The interactive view in a notebook: controls on top, results under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ketameta.curves import DurabilityCurve
from ketameta.errors import KetametaError
from ketameta.exploring import page
from ketameta.exploring.choices import CI_CHOICES, TAU2_CHOICES, Choices, Method, Question, custom_window
from ketameta.exploring.view import Answer, Workbench
from ketameta.models import Pooled
from ketameta.reporting.questions import WINDOWS, Window

if TYPE_CHECKING:
    from ketameta.evidence.selection import Selection

__all__ = ["Explorer", "explore"]

_OTHER_WINDOW = "other"


def explore(trials: pd.DataFrame | None = None) -> Explorer:
    """Interactive view of the trials in a notebook: choose, and see pool, forest plot and curve over time.

    Every change of a control selects, pools and draws anew. The view says what was left out and why, and
    shows the Python that gives the same numbers.

    Parameters
    ----------
    trials : pandas.DataFrame, optional
        From :func:`ketameta.load_trials` or :func:`ketameta.read_trials`, copied; the packaged trials by
        default.

    Returns
    -------
    Explorer
        Shown as the last line of a cell. Its ``fit``, ``curve``, ``selection`` and ``code`` are those of the
        choices as they stand, for going on in the next cell.

    Raises
    ------
    KetametaError
        ipywidgets is not installed.
    DataError
        The argument is not a table of trials, or lacks columns.
    SelectionError
        The table holds nothing that can be pooled.

    Notes
    -----
    The pool is that of :func:`ketameta.pool` in a window of time, each cohort once; the curve that of
    :func:`ketameta.durability` with its defaults over all times. The windows, the classes of comparator that
    are chosen first, and who belongs to a question are those of :func:`ketameta.report`: adults, in the
    settings that the report takes. What a table does not hold is not offered.

    Examples
    --------
    >>> import ketameta as km
    >>> view = km.explore()
    >>> view.choices.question.outcome, view.choices.window.name
    ('depression', '24 h')
    >>> view.fit.measure
    'SMD'
    >>> print(view.code.splitlines()[0])
    import ketameta as km
    """
    return Explorer(trials)


class Explorer:
    """Controls, and the results of what they say. Made by :func:`ketameta.explore`.

    Attributes
    ----------
    controls : dict of str to widget
        Controls by name: ``topic, outcome, measure, window, low, high, comparators, dosing, tau2, ci``.
    box : ipywidgets.VBox
        Everything that is shown.
    """

    def __init__(self, trials: pd.DataFrame | None = None) -> None:
        self._widgets = _ipywidgets()
        self._bench = Workbench(trials)
        self._busy = False
        self.controls: dict[str, Any] = self._controls()
        self._shown = {name: self._widgets.HTML() for name in ("pooled", "forest", "words", "course")}
        self._folded = {name: self._widgets.HTML() for name in ("account", "code")}
        self.box: Any = self._layout()
        self._choices = Choices(self._bench.menu.first())
        self._offer(self._choices.question)
        self._show()
        for control in self.controls.values():
            control.observe(self._changed, names="value")

    @property
    def choices(self) -> Choices:
        """What is chosen."""
        return self._choices

    @property
    def selection(self) -> Selection | None:
        """Rows in the window of time; None where nothing was left."""
        return self._pooled().selection

    @property
    def fit(self) -> Pooled | None:
        """The pool; None where there is none."""
        return self._pooled().result

    @property
    def curve(self) -> DurabilityCurve | None:
        """The curve over time; None where there is none."""
        return self._bench.course(self._choices.question).result

    @property
    def code(self) -> str:
        """Python that gives both again."""
        return self._bench.code(self._choices)

    def __repr__(self) -> str:
        """The pool in a sentence."""
        answer = self._pooled()
        words = answer.reason if answer.result is None else answer.result.sentence()
        return f"<Explorer {words}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = self.box._repr_mimebundle_(**kwargs)
        return {**bundle, "text/plain": repr(self)}

    def _pooled(self) -> Answer[Pooled]:
        return self._bench.pooled(self._choices.question, self._choices.window, self._choices.method)

    def _controls(self) -> dict[str, Any]:
        menu, first = self._bench.menu, Choices(self._bench.menu.first())
        windows: list[tuple[str, Window | str]] = [(_window_words(each), each) for each in WINDOWS]
        return {
            "topic": self._dropdown("Question", [(each.label, key) for key, each in menu.topics.items()]),
            "outcome": self._dropdown("Outcome", []),
            "measure": self._dropdown("Measure", []),
            "window": self._dropdown("Time", [*windows, ("Other hours …", _OTHER_WINDOW)], first.window),
            "low": self._hours("From, hours", first.window.low),
            "high": self._hours("To, hours", first.window.high),
            "comparators": self._dropdown("Comparator", []),
            "dosing": self._dropdown("Dosing", []),
            "tau2": self._dropdown("Heterogeneity", list(TAU2_CHOICES.items()), first.method.tau2),
            "ci": self._dropdown("Interval", list(CI_CHOICES.items()), first.method.ci),
        }

    def _dropdown(self, label: str, options: Sequence[tuple[str, Any]], value: Any = None) -> Any:
        look = {"style": {"description_width": "7.5em"}, "layout": {"width": "27em", "max_width": "100%"}}
        chosen = {"value": value} if value is not None else {}
        return self._widgets.Dropdown(description=label, options=options, **chosen, **look)

    def _hours(self, label: str, value: float) -> Any:
        look = {"style": {"description_width": "7.5em"}, "layout": {"width": "27em", "display": "none"}}
        return self._widgets.BoundedFloatText(
            description=label, value=value, min=0.0, max=1e6, step=1.0, **look
        )

    def _layout(self) -> Any:
        wide = self._widgets.Layout(width="auto", margin="2px 1em 2px 2px")
        panel = self._widgets.Box(
            list(self.controls.values()), layout={"flex_flow": "row wrap", "margin": "0 0 .6em 0"}
        )
        folds = self._widgets.Accordion(
            list(self._folded.values()), titles=("What was selected, and what was left out", "Code")
        )
        folds.selected_index = 1
        for each in (*self._shown.values(), *self._folded.values(), folds):
            each.layout = wide
        return self._widgets.VBox([panel, *self._shown.values(), folds])

    def _offer(self, question: Question) -> None:
        """Fill the controls of the question with what the table offers, and set them to it."""
        menu, topic = self._bench.menu, question.topic
        measures = menu.measures(topic, question.outcome)
        options: dict[str, tuple[Any, list[tuple[str, Any]]]] = {
            "outcome": (question.outcome, [(_words(name), name) for name in menu.outcomes(topic)]),
            "measure": (
                (question.measure, question.instrument),
                [(name if scale is None else f"{name}, {scale}", (name, scale)) for name, scale in measures],
            ),
            "comparators": (
                question.comparators,
                [
                    (_words(" or ".join(names)) or "All", names)
                    for names in menu.comparators(topic, question.outcome)
                ],
            ),
            "dosing": (
                question.dosing,
                [
                    ("Any" if name is None else _words(name), name)
                    for name in menu.dosings(topic, question.outcome)
                ],
            ),
        }
        self.controls["topic"].value = topic
        for name, (value, offered) in options.items():
            control = self.controls[name]
            if [value for _, value in control.options] != [value for _, value in offered]:
                control.options = offered
            control.value = value

    def _changed(self, _: Any) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            self._choices = self._chosen()
            self._offer(self._choices.question)
            self._show()
        except Exception as error:
            for each in (*self._shown.values(), *self._folded.values()):
                each.value = ""
            self._shown["pooled"].value = page.failure(error)
            raise
        finally:
            self._busy = False

    def _chosen(self) -> Choices:
        """Choices as the controls say, mended where one does not go with another."""
        value = {name: control.value for name, control in self.controls.items()}
        other = value["window"] == _OTHER_WINDOW
        for name in ("low", "high"):
            self.controls[name].layout.display = None if other else "none"
        measure, instrument = value["measure"]
        wanted = Question(
            topic=value["topic"],
            outcome=value["outcome"],
            measure=measure,
            instrument=instrument,
            comparators=value["comparators"],
            dosing=value["dosing"],
        )
        return Choices(
            question=self._bench.menu.nearest(wanted),
            window=custom_window(value["low"], value["high"]) if other else value["window"],
            method=Method(tau2=value["tau2"], ci=value["ci"]),
        )

    def _show(self) -> None:
        """Show the results, each as soon as it is there."""
        pooled = self._pooled()
        self._shown["pooled"].value = page.pooled_card(pooled)
        self._shown["forest"].value = pooled.picture
        self._folded["account"].value = page.account(pooled)
        self._folded["code"].value = page.code_block(self.code)
        course = self._bench.course(self._choices.question)
        self._shown["words"].value = page.course_words(course)
        self._shown["course"].value = course.picture


def _ipywidgets() -> Any:
    try:
        import ipywidgets
    except ImportError:
        raise KetametaError(
            'explore() needs ipywidgets, which is not installed: run python -m pip install ".[notebook]" in the '
            "checkout of ketameta, then restart the notebook"
        ) from None
    return ipywidgets


def _words(name: str) -> str:
    """Name from the table as words, the first letter large."""
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _window_words(window: Window) -> str:
    return f"{window.name} ({window.low:g} to {window.high:g} h)"
