"""The questions that the evidence report answers, as data: what is selected, how it is measured, when."""

from __future__ import annotations

from dataclasses import dataclass

from ketameta._typing import Measure

__all__ = [
    *("ANALYSES", "CURVES", "HARMS", "QUESTIONS", "WINDOWS"),
    *("Analysis", "CurveQuestion", "Question", "Window", "question_of", "windows_of"),
]


@dataclass(frozen=True, slots=True)
class Window:
    """A standard time after the first dose, and the hours that count as it.

    Attributes
    ----------
    name : str
        Such as ``"24 h"``.
    at : float
        Hours since the first dose; of several times of a trial the one nearest to it is taken.
    low, high : float
        Bounds in hours, both included.
    """

    name: str
    at: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Question:
    """A clinical question: its heading, the indications that it is about, and the settings that may answer it."""

    key: str
    heading: str
    indications: tuple[str, ...]
    settings: tuple[str, ...] = ("treatment",)


@dataclass(frozen=True, slots=True)
class Analysis:
    """One outcome of one question in one measure, single and repeated dosing apart."""

    question: str
    outcome: str
    measure: Measure
    title: str
    instrument: str | None = None
    headline: bool = False
    definition: tuple[str, ...] = ()

    @property
    def is_ratio(self) -> bool:
        """Whether effects are logs of ratios, shown as ratios."""
        return self.measure in ("OR", "RR", "HR")

    @property
    def key(self) -> str:
        """Short identifier used in file names and in ``results.json``."""
        parts = [self.question, self.outcome, self.measure]
        if self.instrument:
            parts.append(self.instrument)
        return "_".join(parts).lower().replace("-", "").replace(" ", "")


@dataclass(frozen=True, slots=True)
class CurveQuestion:
    """One durability curve: an analysis followed over time under one kind of dosing."""

    analysis: Analysis
    dosing: str


WINDOWS = (
    Window("4 h", 4, 2, 6),
    Window("24 h", 24, 18, 36),
    Window("72 h", 72, 48, 96),
    Window("7 d", 168, 120, 216),
    Window("14 d", 336, 288, 408),
    Window("28 d", 672, 576, 768),
)

QUESTIONS = (
    Question("mdd", "Major depression, treatment-resistant depression included", ("MDD",)),
    Question(
        "ptsd",
        "Post-traumatic stress disorder",
        ("PTSD",),
        ("treatment", "psychotherapy adjunct"),
    ),
    Question("si", "Suicidal ideation, whatever the diagnosis", ("MDD", "BD", "PTSD", "SI")),
)

ANALYSES = (
    Analysis("mdd", "depression", "SMD", "Depressive symptoms, any scale", headline=True),
    Analysis("mdd", "depression", "MD", "Depressive symptoms, points on the MADRS", "MADRS"),
    Analysis("mdd", "response", "RR", "Response of depression"),
    Analysis("mdd", "response", "OR", "Response of depression"),
    Analysis("mdd", "remission", "RR", "Remission of depression"),
    Analysis("mdd", "remission", "OR", "Remission of depression"),
    Analysis("ptsd", "ptsd", "SMD", "PTSD symptoms, any scale", headline=True),
    Analysis("ptsd", "ptsd", "MD", "PTSD symptoms, points on the IES-R", "IES-R"),
    Analysis("ptsd", "ptsd", "MD", "PTSD symptoms, points on the PCL-5", "PCL-5"),
    Analysis("ptsd", "ptsd_response", "RR", "Response of PTSD"),
    Analysis("si", "suicidal_ideation", "SMD", "Suicidal ideation, any scale", headline=True),
    Analysis("si", "suicidal_ideation", "MD", "Suicidal ideation, points on the SSI", "SSI"),
    Analysis("si", "suicidal_ideation_remission", "RR", "Remission of suicidal ideation"),
)

_REPORTED = ("adverse event reported",)
_DURING = Window("to 5 weeks", 840, 0, 840)
_HARM = Question("harms", "Harms", ("MDD", "BD", "PTSD", "SI"), ("treatment", "psychotherapy adjunct"))

HARMS = tuple(
    Analysis("harms", outcome, "RR", title, definition=definition)
    for outcome, title, definition in (
        ("dissociation", "Dissociation reported as an adverse event", _REPORTED),
        ("sedation", "Sedation reported as an adverse event", _REPORTED),
        ("somnolence", "Somnolence reported as an adverse event", _REPORTED),
        ("dizziness", "Dizziness reported as an adverse event", _REPORTED),
        ("nausea", "Nausea reported as an adverse event", _REPORTED),
        ("vomiting", "Vomiting reported as an adverse event", _REPORTED),
        ("headache", "Headache reported as an adverse event", _REPORTED),
        ("blood_pressure", "Raised blood pressure reported as an adverse event", _REPORTED),
        ("adverse_event", "Any adverse event", ()),
        ("serious_adverse_event", "Any serious adverse event", ()),
        ("dropout", "Leaving the trial for any reason", ("any reason",)),
        ("dropout_adverse_event", "Stopping because of an adverse event", ()),
    )
)
"""Harms, each counted once for each trial: the latest count in the first five weeks."""


def question_of(analysis: Analysis) -> Question:
    """The question that an analysis belongs to."""
    return next(question for question in (*QUESTIONS, _HARM) if question.key == analysis.question)


def windows_of(analysis: Analysis) -> tuple[Window, ...]:
    """The times at which an analysis is made."""
    return (_DURING,) if analysis in HARMS else WINDOWS


CURVES = tuple(
    CurveQuestion(analysis, dosing)
    for analysis in ANALYSES
    if analysis.headline
    or (analysis.measure == "RR" and analysis.outcome in ("response", "suicidal_ideation_remission"))
    for dosing in ("single", "repeated")
)
