"""Study labels such as "Fedgchin 2019 (56 mg)" from study ids such as ``fedgchin2019_56mg``."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["common_label", "tidy_label"]

_STUDY = re.compile(r"(?P<author>[A-Za-z][A-Za-z'-]*?)(?P<year>(?:19|20)\d{2}[a-z]?)(?:_(?P<rest>.+))?")
_LONGEST, _LONGEST_NAME = 200, 40
_NUMBER = re.compile(r"nct[0-9]{8}", re.IGNORECASE)
_SCOTS = re.compile(r"^Mc([a-z])")
_PERIOD = re.compile(r"p(\d)")
_DOSE = re.compile(r"(\d+(?:\.\d+)?)(mg|mcg|ug)")


@dataclass(frozen=True, slots=True)
class _Parts:
    stem: str
    tokens: tuple[str, ...]

    def label(self, dose: str = "", unit: str = "") -> str:
        if not self.tokens:
            return self.stem
        return f"{self.stem} ({_words(self.tokens, dose, unit)})"


def _parts(study_id: str, trial: str) -> _Parts | None:
    match = _STUDY.fullmatch(study_id) if len(study_id) <= _LONGEST else None
    if match is None:
        return _named(study_id, trial)
    author = match["author"]
    name = _SCOTS.sub(lambda found: f"Mc{found[1].upper()}", f"{author[0].upper()}{author[1:]}")
    stem = f"{name} {match['year']}"
    tokens = [token for token in (match["rest"] or "").split("_") if token]
    return _Parts(stem, tuple(_spelt(token, trial) for token in tokens))


def _named(study_id: str, trial: str) -> _Parts | None:
    """Name of the trial and the rest of an id that begins with it, as ``ket01_02_240`` of KET01-02."""
    name, tokens = re.sub(r"[\W_]", "", trial).casefold(), study_id.split("_")
    if len(trial) > _LONGEST_NAME or len(study_id) > _LONGEST:
        return None
    for many in range(len(tokens), 0, -1):
        start = "".join(tokens[:many]).casefold()
        if start and name.startswith(start):
            return _Parts(trial, tuple(filter(None, tokens[many:])))
    return None


def _spelt(token: str, trial: str) -> str:
    """A word of an id as the name of the trial spells it, ``panelB`` as ``panel B``."""
    if not token.isalpha():
        return token
    found = re.search(rf"\b{'[ -]?'.join(token)}\b", trial, re.IGNORECASE)
    return found[0] if found else token


def _words(tokens: tuple[str, ...], dose: str, unit: str) -> str:
    pieces: list[str] = []
    plain = False
    for token in tokens:
        period, amount = _PERIOD.fullmatch(token), _DOSE.fullmatch(token)
        if period:
            text = f"period {period[1]}"
        elif amount:
            text = f"{amount[1]} {amount[2]}"
        elif unit and token == dose:
            text = f"{token} {unit}"
        else:
            text = token
        if plain and text == token:
            pieces[-1] += f" {text}"
        else:
            pieces.append(text)
        plain = text == token
    return ", ".join(pieces)


def tidy_label(study_id: str, dose: str = "", dose_unit: str = "", trial: str = "") -> str:
    """Author, year and arm of a study id; an id of another form gives the name of its trial and the arm.

    A registry number gets its capitals. An id of another form that does not begin with the name of the
    trial is returned as it is.

    Parameters
    ----------
    study_id : str
        Id of the form ``author`` + ``year`` [+ ``_`` + arm].
    dose, dose_unit : str
        Dose of the row as printed: it gives a bare number in the id its unit.
    trial : str
        Name of the trial: words of the id are spelt as in it.

    Examples
    --------
    >>> from ketameta.effects._labels import tidy_label
    >>> tidy_label("murrough2013"), tidy_label("daly2018_p1_28mg")
    ('Murrough 2013', 'Daly 2018 (period 1, 28 mg)')
    >>> tidy_label("su2017_0.5", "0.5", "mg/kg"), tidy_label("transform12_pooled")
    ('Su 2017 (0.5 mg/kg)', 'transform12_pooled')
    >>> tidy_label("ket01_02_240", "240", "mg/day", "KET01-02")
    'KET01-02 (240 mg/day)'
    >>> tidy_label("nct04613453")
    'NCT04613453'
    """
    if _NUMBER.fullmatch(study_id):
        return study_id.upper()
    parts = _parts(study_id, trial)
    return study_id if parts is None else parts.label(dose, dose_unit)


def common_label(study_ids: list[str], labels: list[str], trial: str = "") -> str:
    """Label of a row that combines several arms of a trial: what their ids share.

    Examples
    --------
    >>> from ketameta.effects._labels import common_label
    >>> common_label(["daly2018_p1_28mg", "daly2018_p1_56mg"], ["a", "b"])
    'Daly 2018 (period 1)'
    >>> common_label(["x", "y"], ["X", "Y"])
    'X + Y'
    """
    parts = [_parts(study_id, trial) for study_id in study_ids]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts) and len({part.stem for part in known}) == 1:
        shared: list[str] = []
        for tokens in zip(*(part.tokens for part in known), strict=False):
            if len(set(tokens)) > 1:
                break
            shared.append(tokens[0])
        return _Parts(known[0].stem, tuple(shared)).label()
    return " + ".join(dict.fromkeys(labels))
