"""What a table of trials has to offer: topics, outcomes, measures, comparators and kinds of dosing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pandas as pd

from ketameta._typing import BoolArray, Measure
from ketameta.errors import SelectionError
from ketameta.evidence.measurable import gives
from ketameta.evidence.selection import REQUIRED
from ketameta.evidence.sheet import sheet
from ketameta.exploring.choices import Question
from ketameta.reporting.analysis import COMPARATORS
from ketameta.reporting.questions import ANALYSES, QUESTIONS, Window

__all__ = ["Menu", "Topic"]

_MEASURES: tuple[Measure, ...] = ("SMD", "MD", "RR", "OR", "RD", "HR")
_OF_ONE_SCALE = "MD"
_UNNAMED = ("", "other")
_USUAL_SETTING = "treatment"
_HEADLINES = {analysis.question: analysis.outcome for analysis in ANALYSES if analysis.headline}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Topic:
    """People whom a question is about.

    Attributes
    ----------
    key, label : str
        Name in choices, and in words.
    indications, settings : tuple of str
        Values of these columns that count.
    headline : str
        Outcome that comes first.
    population, outcome : str
        How the names of its populations, and of its outcomes, begin.
    """

    key: str
    label: str
    indications: tuple[str, ...]
    settings: tuple[str, ...] = (_USUAL_SETTING,)
    headline: str = ""
    population: str = ""
    outcome: str = ""


def _reported(key: str, question: str, label: str, population: str = "", outcome: str = "") -> Topic:
    """Topic about the people of a question of the evidence report."""
    found = next(each for each in QUESTIONS if each.key == question)
    return Topic(key, label, found.indications, found.settings, _HEADLINES[question], population, outcome)


_TOPICS = (
    _reported("MDD", "mdd", "Major depression, TRD included"),
    _reported("TRD", "mdd", "Treatment-resistant depression", population="TRD"),
    _reported("PTSD", "ptsd", "Post-traumatic stress disorder"),
    _reported("SI", "si", "Suicidal ideation, any diagnosis", outcome="suicidal"),
)


class Menu:
    """Choices for which a table holds trials.

    Parameters
    ----------
    trials : pandas.DataFrame
        Table of trials.

    Attributes
    ----------
    topics : dict of str to Topic
        Topics with trials, by key.

    Raises
    ------
    DataError
        When the table is none, or lacks columns.
    SelectionError
        When it holds no trial that may be pooled.
    """

    def __init__(self, trials: pd.DataFrame) -> None:
        data = sheet(trials, required=REQUIRED)
        rows = (
            data.included()
            & ~data.is_one_of("score_type", ["baseline"])
            & ~data.is_one_of("source_kind", ["secondary-text"])
            & ~data.is_one_of("outcome", _UNNAMED)
        )
        frame = data.frame.loc[rows]
        self._rows: pd.DataFrame = frame.assign(**{name: gives(data, name)[rows] for name in _MEASURES})
        self._has_setting = "setting" in trials.columns
        covered = {topic.key for topic in _TOPICS}
        others = (name for name in dict.fromkeys(self._rows["indication"]) if name and name not in covered)
        every = (*_TOPICS, *(Topic(name, name, (name,)) for name in others))
        self.topics = {topic.key: topic for topic in every if self._outcome_rows(topic)}
        if not self.topics:
            raise SelectionError(
                "the table holds no row to explore: an indication, an outcome, status 'include' and numbers that "
                "give an effect are needed; check_trials lists what is wrong with a table"
            )

    def outcomes(self, topic: str) -> tuple[str, ...]:
        """Outcomes of a topic, its headline first, then by number of rows."""
        found = self._outcome_rows(self.topics[topic])
        return tuple(
            sorted(found, key=lambda name: (name != self.topics[topic].headline, -found[name], name))
        )

    def measures(self, topic: str, outcome: str) -> tuple[tuple[Measure, str | None], ...]:
        """Measures that rows of an outcome give; mean differences once for each scale."""
        rows = self._of(self.topics[topic])
        rows = rows[rows["outcome"] == outcome]
        found: list[tuple[Measure, str | None]] = []
        for measure in _MEASURES:
            scales = Counter(rows.loc[rows[measure], "instrument"])
            if measure == _OF_ONE_SCALE:
                found += [(measure, scale) for scale, _ in scales.most_common() if scale]
            elif scales:
                found.append((measure, None))
        return tuple(found)

    def comparators(self, topic: str, outcome: str) -> tuple[tuple[str, ...], ...]:
        """Classes of comparator: those of the evidence report together, each alone, and all (empty)."""
        found = self._values("comparator_class", topic, outcome)
        usual = tuple(name for name in COMPARATORS if name in found)
        alone = [(name,) for name in (*usual, *(name for name in found if name not in usual))]
        return tuple(dict.fromkeys([*([usual] if usual else []), *alone, ()]))

    def dosings(self, topic: str, outcome: str) -> tuple[str | None, ...]:
        """Kinds of dosing, the single one first, and any (None)."""
        found = self._values("dosing", topic, outcome)
        return (*sorted(found, key=lambda name: (name != "single", name != "repeated", name)), None)

    def nearest(self, wanted: Question) -> Question:
        """The question that was wanted, with the first choice wherever the table does not offer it."""
        topic = wanted.topic if wanted.topic in self.topics else next(iter(self.topics))
        outcome = _kept(wanted.outcome, self.outcomes(topic))
        measure, instrument = _kept((wanted.measure, wanted.instrument), self.measures(topic, outcome))
        return Question(
            topic=topic,
            outcome=outcome,
            measure=measure,
            instrument=instrument,
            comparators=_kept(wanted.comparators, self.comparators(topic, outcome)),
            dosing=_kept(wanted.dosing, self.dosings(topic, outcome)),
        )

    def first(self) -> Question:
        """The question that is shown first."""
        topic = next(iter(self.topics))
        outcome = self.outcomes(topic)[0]
        measure, instrument = self.measures(topic, outcome)[0]
        comparators, dosing = self.comparators(topic, outcome)[0], self.dosings(topic, outcome)[0]
        return Question(topic, outcome, measure, instrument, comparators, dosing)

    def asked(self, question: Question, window: Window | None) -> dict[str, Any]:
        """Arguments of :func:`ketameta.select` for a question, in a window of time or at all times."""
        topic = self.topics[question.topic]
        found: dict[str, Any] = {
            "indication": _one_or_list(self._known("indication", topic.indications)),
            "outcome": question.outcome,
        }
        if window is not None:
            found |= {"hours": (window.low, window.high), "at": window.at}
        if question.dosing is not None:
            found["dosing"] = question.dosing
        if question.comparators:
            found["comparator"] = _one_or_list(question.comparators)
        populations = self._populations(topic)
        if populations is not None:
            found["population"] = _one_or_list(populations)
        if question.instrument is not None:
            found["instrument"] = question.instrument
        if self._has_setting and topic.settings != (_USUAL_SETTING,):
            found["setting"] = _one_or_list(self._known("setting", topic.settings))
        return found | {"measure": question.measure}

    def _outcome_rows(self, topic: Topic) -> Counter[str]:
        """How many rows with an effect a topic has of each outcome."""
        rows = self._of(topic)
        others = [name for name in _MEASURES if name != _OF_ONE_SCALE]
        usable = rows[others].any(axis=1) | (rows[_OF_ONE_SCALE] & (rows["instrument"] != ""))
        return Counter(rows.loc[usable, "outcome"])

    def _values(self, column: str, topic: str, outcome: str) -> list[str]:
        """What rows of an outcome hold in a text column."""
        rows = self._of(self.topics[topic])
        return sorted(set(rows.loc[rows["outcome"] == outcome, column]) - {""})

    def _of(self, topic: Topic) -> pd.DataFrame:
        rows = self._rows[self._people(topic)]
        populations = self._populations(topic)
        if populations is not None:
            rows = rows[rows["population"].isin(populations)]
        return rows[rows["outcome"].str.startswith(topic.outcome)]

    def _people(self, topic: Topic) -> BoolArray:
        rows = self._rows["indication"].isin(topic.indications)
        if self._has_setting:
            rows &= self._rows["setting"].isin(topic.settings)
        return rows.to_numpy(dtype=bool)

    def _populations(self, topic: Topic) -> tuple[str, ...] | None:
        """Adult populations of a topic; None where that is everybody."""
        every = sorted(set(self._rows.loc[self._people(topic), "population"]))
        kept = tuple(
            name
            for name in every
            if name and name.startswith(topic.population) and "adolescent" not in name.lower()
        )
        return kept if topic.population or _adolescents(every) else None

    def _known(self, column: str, names: Sequence[str]) -> tuple[str, ...]:
        """Those of the names that the table has."""
        there = set(self._rows[column])
        return tuple(name for name in names if name in there)


def _adolescents(names: Sequence[str]) -> bool:
    return any("adolescent" in name.lower() for name in names)


def _kept(wanted: _T, offered: Sequence[_T]) -> _T:
    return wanted if wanted in offered else offered[0]


def _one_or_list(names: Sequence[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)
