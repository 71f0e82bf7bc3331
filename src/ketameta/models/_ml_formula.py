"""Reading which random effects a model has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ketameta._spelling import did_you_mean
from ketameta.errors import ModelError
from ketameta.models._formula import column_error

__all__ = ["STRUCTURES", "RandomTerm", "read_random"]

STRUCTURES = ("CS", "HCS", "UN", "AR", "HAR", "CAR", "ID", "DIAG")

_HOW = (
    'write "1 | study_id", "1 | study_id/es_id" for effects within studies, or "time | study_id" for an inner and '
    "an outer grouping, and crossed groupings as a list of texts; names with spaces or signs stand in `backticks`"
)
_PART = re.compile(r"\s*(?:`([^`]+)`|([^`|/+:~]+?))\s*(?=$|[|/+:~])")


@dataclass(frozen=True, slots=True)
class RandomTerm:
    """Random effects of one grouping.

    Attributes
    ----------
    inner : str
        Column of the inner levels; empty for one effect a group.
    outer : tuple of str
        Columns whose combinations are the groups.
    structure : str
        Covariance of the inner levels of a group; empty without them.
    """

    inner: str
    outer: tuple[str, ...]
    structure: str

    @property
    def group(self) -> str:
        """The grouping in words, ``study_id/es_id``."""
        return "/".join(self.outer)

    @property
    def text(self) -> str:
        """The term in words."""
        return f"{self.inner} | {self.group}" if self.inner else self.group


def read_random(random: Any, structure: Any, columns: Sequence[str]) -> tuple[RandomTerm, ...]:
    """Random effects of the texts ``random``, nested groupings written out.

    Parameters
    ----------
    random : str or sequence of str
        ``"1 | a"``, ``"1 | a/b"`` (groups a, and groups b within a), ``"inner | a"``.
    structure : str or sequence of str
        Structure of the inner levels, one for all texts or one for each.
    columns : sequence of str
        Columns of the table.

    Raises
    ------
    ModelError
        When a text cannot be read, names a column that does not exist, or stands there twice.

    Examples
    --------
    >>> from ketameta.models._ml_formula import read_random
    >>> [term.text for term in read_random("1 | district/school", "CS", ["district", "school"])]
    ['district', 'district/school']
    """
    texts = [random] if isinstance(random, str) else random
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise ModelError(f"random={random!r} must be text or a list of texts; {_HOW}")
    kinds = [structure] * len(texts) if isinstance(structure, str) else structure
    if not isinstance(kinds, Sequence) or len(kinds) != len(texts):
        raise ModelError(
            f"structure={structure!r} must be one name ({', '.join(STRUCTURES)}), or one for each of the {len(texts)} "
            "texts of random"
        )
    terms: list[RandomTerm] = []
    for text, kind in zip(texts, kinds, strict=True):
        if kind not in STRUCTURES:
            hint = did_you_mean(kind, STRUCTURES, f"; choose from {', '.join(STRUCTURES)}")
            raise ModelError(f"structure {kind!r} is unknown{hint}")
        terms += _terms(text, kind, columns)
    idle = sorted({*kinds} - {"CS"})
    if terms and idle and not any(term.inner for term in terms):
        raise ModelError(
            f"structure={structure!r} is about inner levels, and random={random!r} names none; write them before the bar, as "
            f'in "time | {terms[0].group}", or leave structure out'
        )
    for i, term in enumerate(terms):
        if term in terms[:i]:
            raise ModelError(f"the random effect {term.text!r} stands in the model twice; leave one out")
    return tuple(terms)


def _terms(text: str, kind: str, columns: Sequence[str]) -> list[RandomTerm]:
    inner, bar, outer = _split(text.strip().removeprefix("~"), text)
    if not bar:
        raise ModelError(f"random={text!r} has no | before its grouping; {_HOW}")
    if len(inner) != 1 or inner[0] in ("0", ""):
        raise ModelError(
            f"random={text!r}: before | stands 1 or one column of inner levels; random slopes are not among the structures"
        )
    names = [name for name, _ in outer]
    nested = [sign for _, sign in outer[1:]]
    for name in (*names, *(() if inner == ["1"] else inner)):
        if name not in columns:
            raise ModelError(f"random={text!r}: {column_error(name, columns)}")
    if len({*names, *inner}) < len(names) + 1:
        raise ModelError(f"random={text!r} names one column twice")
    if inner != ["1"]:
        if "/" in nested:
            raise ModelError(
                f"random={text!r}: an inner and nested outer groupings go in as two texts, "
                f'"{inner[0]} | {names[0]}" and "{inner[0]} | {":".join(names)}"'
            )
        return [RandomTerm(inner[0], tuple(names), kind)]
    if "/" in nested and ":" in nested:
        raise ModelError(f"random={text!r}: / and : do not go together; give two texts")
    if ":" in nested:
        return [RandomTerm("", tuple(names), "")]
    return [RandomTerm("", tuple(names[: i + 1]), "") for i in range(len(names))]


def _split(rest: str, text: str) -> tuple[list[str], bool, list[tuple[str, str]]]:
    """Names before the bar, whether there is one, and names after it, each with the sign before it."""
    before: list[str] = []
    after: list[tuple[str, str]] = []
    bar, sign, position = False, "", 0
    while position < len(rest) or sign:
        found = _PART.match(rest, position)
        if found is None:
            raise ModelError(f"random={text!r} cannot be read; {_HOW}")
        name = found[1] or found[2]
        if bar:
            after.append((name, sign))
        else:
            before.append(name)
        position = found.end()
        sign = rest[position : position + 1]
        position += 1
        if sign and sign not in ("/:" if bar else "|"):
            raise ModelError(f"random={text!r}: {sign!r} may not stand there; {_HOW}")
        if sign == "|":
            bar = True
    return before, bar, after
