"""The questions that the evidence report answers, as data: what is selected, how it is measured, when."""

from __future__ import annotations

from dataclasses import dataclass

from ketameta._typing import Measure

__all__ = ["ANALYSES", "CURVES", "QUESTIONS", "WINDOWS", "Analysis", "CurveQuestion", "Question", "Window"]


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

CURVES = tuple(
    CurveQuestion(analysis, dosing)
    for analysis in ANALYSES
    if analysis.headline
    or (analysis.measure == "RR" and analysis.outcome in ("response", "suicidal_ideation_remission"))
    for dosing in ("single", "repeated")
)
