"""Which rows of a table stand for the same treatment arm, and what had to be decided about that."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ketameta._typing import AnyArray, BoolArray
from ketameta.effects._sheet import Sheet, parsed

__all__ = ["JOINED", "Arms", "Indices", "read_arms"]

Indices = NDArray[np.intp]
JOINED = " + "
_TREATMENT = ("drug", "dose", "dose_unit", "route")
_Treatment = tuple[str, ...]
_NOTHING: _Treatment = ("", "", "", "")


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """Treatment arms behind the rows of a table.

    Attributes
    ----------
    whole : numpy.ndarray of int, shape (n,)
        Code of the set of arms that a row is about; equal where two rows are about the same people.
    several : dict of int to frozenset of int
        Arms of the rows that are about more than one.
    single : dict of int to int
        The one arm of each row of these trials.
    notes : dict of int to list of str
        By trial, what was decided.
    """

    whole: Indices
    several: dict[int, frozenset[int]]
    single: dict[int, int]
    notes: dict[int, list[str]]

    def of(self, row: int) -> frozenset[int]:
        """Arms of a row."""
        return self.several.get(row) or frozenset([self.single.get(row, int(self.whole[row]))])


@dataclass(slots=True)
class _Arm:
    study: str
    treatment: _Treatment
    controls: set[str] = field(default_factory=set)


def read_arms(sheet: Sheet, trial: Indices, count: int) -> Arms:
    """Find the treatment arm, or arms, of each row.

    Within a trial, rows are about one arm if they have a ``study_id`` in common and no other drug, dose, unit or
    route; a combined row (ids joined by " + ") is about the arms of each id. Two ids of one comparator
    arm are two reports of one arm if drug, dose and route agree, the dose is given, and the ids do not begin
    alike (up to the first "_", as arms of one report do). An id with a part "pooled" holds the arms
    of the ids that begin alike and have its comparator.
    """
    study = sheet.text("study_id").astype(str)
    whole = trial.astype(np.intp).copy()
    arms = Arms(whole, {}, {}, {})
    code: dict[frozenset[int], int] = {}
    following = count
    order = np.argsort(trial, kind="stable")
    sizes = np.bincount(trial, minlength=count)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    treatments = _treatments(sheet)
    controls = sheet.text("comparator_arm_id")
    for one in np.flatnonzero(_unlike(sheet, study, trial, count)).tolist():
        rows = order[starts[one] : starts[one] + sizes[one]].tolist()
        found, used = _arms_of(
            [study[row] for row in rows],
            [treatments[row] for row in rows],
            [str(controls[row]) for row in rows],
        )
        notes = _notes(found)
        if notes:
            arms.notes[one] = notes
        for row, members in zip(rows, used, strict=True):
            named = frozenset(following + member for member in members)
            if named not in code:
                code[named] = count + len(trial) + len(code)
            whole[row] = code[named]
            if len(named) > 1:
                arms.several[row] = named
            else:
                arms.single[row] = next(iter(named))
        following += len(found.arms)
    return arms


@dataclass(slots=True)
class _Found:
    arms: list[_Arm]
    leader: list[int]
    reports: list[tuple[str, str]]
    unclear: list[tuple[str, str]]


def _unlike(sheet: Sheet, study: AnyArray, trial: Indices, count: int) -> BoolArray:
    """Trials in which study or treatment differ between rows."""
    first = np.zeros(count, dtype=np.intp)
    first[trial[::-1]] = np.arange(len(trial))[::-1]
    differs = np.char.find(study.astype(str), JOINED) >= 0 if len(study) else np.zeros(0, dtype=np.bool_)
    for column in (study, *(sheet.text(name) for name in _TREATMENT)):
        differs = differs | (column != column[first[trial]])
    return np.asarray(np.bincount(trial, weights=differs, minlength=count) > 0, dtype=np.bool_)


def _treatments(sheet: Sheet) -> list[_Treatment]:
    columns = [[_plain(str(cell)) for cell in sheet.text(name)] for name in _TREATMENT]
    return list(zip(*columns, strict=True))


def _plain(cell: str) -> str:
    """Text as it is compared: case folded, and 0.40 as 0.4."""
    if not cell:
        return ""
    value = parsed(cell)
    return cell.casefold() if np.isnan(value) else f"{value:g}"


def _arms_of(
    studies: list[str], treatments: list[_Treatment], controls: list[str]
) -> tuple[_Found, list[frozenset[int]]]:
    arms: list[_Arm] = []
    plain = sorted(
        {(s, t) for s, t in zip(studies, treatments, strict=True) if JOINED not in s},
        key=lambda pair: (-sum(map(bool, pair[1])), pair),
    )
    parts = [study.split(JOINED) for study in studies]
    for study, treatment in plain:
        if not any(arm.study == study and _agree(arm.treatment, treatment) for arm in arms):
            arms.append(_Arm(study, treatment))
    for study in sorted({part for several in parts for part in several}):
        if not any(arm.study == study for arm in arms):
            arms.append(_Arm(study, _NOTHING))
    members = []
    for row, names in enumerate(parts):
        treatment = treatments[row] if len(names) == 1 else _NOTHING
        mine = [k for k, arm in enumerate(arms) if arm.study in names and _agree(arm.treatment, treatment)]
        for k in mine:
            arms[k].controls.add(controls[row])
        members.append(mine)
    found = _joined(arms, [set(names) for names in parts])
    pooled = {k: _within(arms, k) for k in range(len(arms))}
    used = [frozenset(found.leader[a] for k in mine for a in (k, *pooled[k])) for mine in members]
    return found, used


def _agree(one: _Treatment, other: _Treatment) -> bool:
    return all(a == b or not a or not b for a, b in zip(one, other, strict=True))


def _joined(arms: list[_Arm], combined: list[set[str]]) -> _Found:
    """Arms of two reports of the same people made one, and pairs about which the table does not tell."""
    found = _Found(arms, list(range(len(arms))), [], [])
    for k, q in combinations(range(len(arms)), 2):
        one, other = arms[k], arms[q]
        if one.study == other.study or not (one.controls & other.controls) - {""}:
            continue
        if (
            any({one.study, other.study} <= names for names in combined)
            or q in _within(arms, k)
            or k in _within(arms, q)
        ):
            continue
        if not _agree(one.treatment, other.treatment):
            continue
        names = (one.study, other.study)
        if _stem(one.study) != _stem(other.study) and one.treatment[1] and other.treatment[1]:
            leader, old = found.leader[k], found.leader[q]
            found.leader = [leader if value == old else value for value in found.leader]
            found.reports.append(names)
        elif not _numbered(*names):
            found.unclear.append(names)
    return found


def _stem(study: str) -> str:
    return study.split("_", 1)[0]


def _numbered(one: str, other: str) -> bool:
    """Whether two ids begin alike and end in different doses or numbers."""
    ends = [name.partition("_")[2] for name in (one, other)]
    return _stem(one) == _stem(other) and all(any(map(str.isdigit, end)) for end in ends)


def _within(arms: list[_Arm], k: int) -> list[int]:
    """Arms that an arm called pooled holds."""
    arm = arms[k]
    if not any(part.startswith("pooled") for part in arm.study.split("_")[1:]):
        return []
    return [
        q
        for q, other in enumerate(arms)
        if q != k and _stem(other.study) == _stem(arm.study) and (other.controls & arm.controls) - {""}
    ]


def _notes(found: _Found) -> list[str]:
    notes = []
    studies = [arm.study for arm in found.arms]
    doubled = sorted({study for study in studies if study and studies.count(study) > 1})
    if doubled:
        notes.append(f"{', '.join(doubled)}: rows of different drug, dose or route taken as different arms")
    for said, pairs in (
        ("reports of one treatment arm (same comparator arm, drug, dose and route)", found.reports),
        ("different people: the table does not tell", found.unclear),
    ):
        if pairs:
            names = sorted({name for pair in pairs for name in pair})
            notes.append(f"{' and '.join(names)} taken as {said}")
    return notes
