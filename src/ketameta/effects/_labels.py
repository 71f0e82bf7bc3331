"""Study labels such as "Fedgchin 2019 (56 mg)" from study ids such as ``fedgchin2019_56mg``."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["common_label", "tidy_label"]

_STUDY = re.compile(r"(?P<author>[A-Za-z][A-Za-z'-]*?)(?P<year>(?:19|20)\d{2}[a-z]?)(?:_(?P<rest>.+))?")
_LONGEST = 200
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


def _parts(study_id: str) -> _Parts | None:
    match = _STUDY.fullmatch(study_id) if len(study_id) <= _LONGEST else None
    if match is None:
        return None
    author = match["author"]
    stem = f"{author[0].upper()}{author[1:]} {match['year']}"
    return _Parts(stem, tuple(token for token in (match["rest"] or "").split("_") if token))


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


def tidy_label(study_id: str, dose: str = "", dose_unit: str = "") -> str:
    """Author, year and arm of a study id; an id of another form is returned as it is.

    Parameters
    ----------
    study_id : str
        Id of the form ``author`` + ``year`` [+ ``_`` + arm].
    dose, dose_unit : str
        Dose of the row as printed: it gives a bare number in the id its unit.

    Examples
    --------
    >>> from ketameta.effects._labels import tidy_label
    >>> tidy_label("murrough2013"), tidy_label("daly2018_p1_28mg")
    ('Murrough 2013', 'Daly 2018 (period 1, 28 mg)')
    >>> tidy_label("su2017_0.5", "0.5", "mg/kg"), tidy_label("transform12_pooled")
    ('Su 2017 (0.5 mg/kg)', 'transform12_pooled')
    """
    parts = _parts(study_id)
    return study_id if parts is None else parts.label(dose, dose_unit)


def common_label(study_ids: list[str], labels: list[str]) -> str:
    """Label of a row that combines several arms: what their ids share.

    Examples
    --------
    >>> from ketameta.effects._labels import common_label
    >>> common_label(["daly2018_p1_28mg", "daly2018_p1_56mg"], ["a", "b"])
    'Daly 2018 (period 1)'
    >>> common_label(["x", "y"], ["X", "Y"])
    'X + Y'
    """
    parts = [_parts(study_id) for study_id in study_ids]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts) and len({part.stem for part in known}) == 1:
        shared: list[str] = []
        for tokens in zip(*(part.tokens for part in known), strict=False):
            if len(set(tokens)) > 1:
                break
            shared.append(tokens[0])
        return _Parts(known[0].stem, tuple(shared)).label()
    return " + ".join(dict.fromkeys(labels))
