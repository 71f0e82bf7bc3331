"""Random effects of a table: groups, inner levels, codes of covariances, names of components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ketameta._typing import AnyArray, Array
from ketameta.errors import ModelError
from ketameta.models._ml_blocks import stacked
from ketameta.models._ml_cholesky import Cholesky
from ketameta.models._ml_formula import RandomTerm
from ketameta.models._ml_structures import PerLevel, PerLevelVariance, SharedVariance, Structure
from ketameta.models._moderators import moderator, reads_as_number
from ketameta.models._studies import name_rows
from ketameta.models.design import ordered_levels

__all__ = ["Term", "numbered_groups", "term_of"]

_MOST_LEVELS = {"UN": 15, "HCS": 200, "HAR": 200, "DIAG": 200}
_EQUAL_TIMES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """Random effects of one grouping, for the rows of a table.

    Attributes
    ----------
    random : RandomTerm
        What was asked for.
    structure : Structure
        Covariances as a function of parameters.
    groups : tuple of str
        Names of the groups.
    group : numpy.ndarray of int, shape (n,)
        Group of each row.
    levels : tuple of str
        Names of the inner levels; one, empty, without them.
    level : numpy.ndarray of int, shape (n,)
        Inner level of each row.
    time : Array, shape (n,)
        For CAR, the inner column as numbers; else empty.
    distances : Array, shape (C,)
        For CAR, the distances that the codes stand for; else empty.
    components : tuple of str
        Names of the variances, then correlations.
    unknown : tuple of bool
        Which of them no pair of effects tells anything about.
    """

    random: RandomTerm
    structure: Structure
    groups: tuple[str, ...]
    group: AnyArray
    levels: tuple[str, ...]
    level: AnyArray
    time: Array
    distances: Array
    components: tuple[str, ...]
    unknown: tuple[bool, ...]

    def codes(self, rows: AnyArray) -> AnyArray:
        """Codes (B, m, m) of the pairs of ``rows`` (B, m); pairs without covariance have the last."""
        g, at = self.group[rows], self.level[rows]
        same = g[:, :, None] == g[:, None, :]
        first, second = (
            np.broadcast_to(at[:, :, None], same.shape),
            np.broadcast_to(at[:, None, :], same.shape),
        )
        count, kind = len(self.levels), self.random.structure
        if self.distances.size:
            t = self.time[rows]
            apart = _rounded(np.abs(t[:, :, None] - t[:, None, :]), float(self.distances[-1]))
            last, code = self.distances.size, np.searchsorted(self.distances, apart)
        elif isinstance(self.structure, PerLevelVariance) or kind == "ID":
            same &= first == second
            shared = kind == "ID"
            last, code = (1, np.zeros_like(first)) if shared else (count, first)
        elif isinstance(self.structure, SharedVariance):
            lag = np.abs(first - second)
            code = np.minimum(lag, 1) if kind == "CS" else lag
            last = self.structure.exponents.size
        else:
            last, code = count * count, first * count + second
        return np.where(same, code, last)

    @property
    def effects(self) -> AnyArray:
        """Number of the random effect of each row, shape (n,): a group, or an inner level of it."""
        return np.unique(self.group * len(self.levels) + self.level, return_inverse=True)[1]


def _rounded(distance: Array, longest: float) -> Array:
    """Distances that differ by rounding made equal."""
    return np.round(distance / longest, _EQUAL_TIMES) * longest if longest > 0 else distance


def numbered_groups(rows: pd.DataFrame, columns: tuple[str, ...]) -> tuple[AnyArray, tuple[str, ...]]:
    """Number of the group of each row, in order of appearance, and names of the groups."""
    cells = [moderator(rows, name, as_levels=True)[0].tolist() for name in columns]
    keys = list(zip(*cells, strict=True))
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys]), tuple("/".join(key) for key in number)


def term_of(random: RandomTerm, rows: pd.DataFrame) -> Term:
    """One random effect, for rows none of which lacks its columns.

    Raises
    ------
    ModelError
        When there is nothing to estimate it from: a single group, inner levels that are no numbers where
        they must be, too many levels.
    """
    group, groups = numbered_groups(rows, random.outer)
    if not random.inner:
        if len(groups) == 1:
            raise ModelError(
                f"every effect has the same {random.group!r} ({groups[0]!r}): a variance between its levels cannot be "
                "told from the mean; leave the term out of random"
            )
        nothing = np.zeros(0)
        none = np.zeros(len(rows), dtype=np.intp)
        shared = SharedVariance(np.zeros(1))
        return Term(
            random, shared, groups, group, ("",), none, nothing, nothing, (f"tau2({random.text})",), (False,)
        )
    time, distances = np.zeros(0), np.zeros(0)
    if random.structure == "CAR":
        time, distances = _times(random, rows, group)
    levels, level = _inner(random, rows)
    most = _together(group, level)
    structure = _structure(random.structure, len(levels), most, distances)
    components, unknown = _names(random, levels, structure, group, level, most)
    return Term(random, structure, groups, group, levels, level, time, distances, components, unknown)


def _inner(random: RandomTerm, rows: pd.DataFrame) -> tuple[tuple[str, ...], AnyArray]:
    kind, name = random.structure, random.inner
    cells = moderator(rows, name, as_levels=True)[0]
    levels = ordered_levels(rows[name], cells, None)
    ordered = isinstance(rows[name].dtype, pd.CategoricalDtype) or all(map(reads_as_number, levels))
    if kind in ("AR", "HAR") and not ordered:
        raise ModelError(
            f"{kind} needs an order of {name!r}: numbers, or a pandas Categorical with its categories in order"
        )
    most = _MOST_LEVELS.get(kind)
    if most is not None and len(levels) > most:
        raise ModelError(
            f"{name!r} has {len(levels)} levels, and {kind} has a variance for each; at most {most} are taken. "
            "Choose CS, AR, CAR or ID, or merge levels"
        )
    number = {text: i for i, text in enumerate(levels)}
    return levels, np.array([number[cell] for cell in cells])


def _times(random: RandomTerm, rows: pd.DataFrame, group: AnyArray) -> tuple[Array, Array]:
    """Times as numbers, and the distances between those of a group."""
    time, _ = moderator(rows, random.inner)
    if time.dtype == object:
        raise ModelError(
            f"CAR needs {random.inner!r} as a number, such as hours; it is {time[0]!r} in {name_rows(rows, [0])}"
        )
    parts = [np.abs(time[at][:, :, None] - time[at][:, None, :]).ravel() for at in stacked(group)]
    apart = np.unique(np.concatenate(parts))
    return time, np.unique(_rounded(apart, float(apart[-1])))


def _together(group: AnyArray, level: AnyArray) -> int:
    """Largest number of different inner levels in one group."""
    pairs = np.unique(np.column_stack([group, level]), axis=0)
    return int(np.bincount(pairs[:, 0]).max())


def _structure(kind: str, count: int, most: int, distances: Array) -> Structure:
    alone = most == 1
    steps = np.arange(count, dtype=np.float64)
    if kind == "ID" or (kind in ("CS", "AR", "CAR") and alone):
        sizes = {"ID": 1, "CS": 2, "AR": count, "CAR": distances.size}
        return SharedVariance(np.zeros(sizes[kind]))
    if kind == "CS":
        return SharedVariance(np.array([0.0, 1.0]), low=-1.0 / (most - 1))
    if kind == "AR":
        return SharedVariance(steps, low=-1.0)
    if kind == "CAR":
        unit = float(distances[1])
        return SharedVariance(np.where(distances > 0, np.maximum(distances / unit, 1.0), 0.0), unit=unit)
    if kind == "DIAG" or alone:
        return PerLevelVariance(count)
    if kind == "UN" and count > 2:
        return Cholesky.free(count)
    if kind == "HAR":
        return PerLevel(np.abs(steps[:, None] - steps), low=-1.0)
    return PerLevel(1.0 - np.eye(count), low=-1.0 if kind == "UN" else -1.0 / (most - 1))


def _names(
    random: RandomTerm,
    levels: tuple[str, ...],
    structure: Structure,
    group: AnyArray,
    level: AnyArray,
    most: int,
) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    inner, outer, kind = random.inner, random.group, random.structure
    if isinstance(structure, SharedVariance):
        names = [f"tau2({random.text})"]
    else:
        names = [f"tau2({inner} = {name} | {outer})" for name in levels]
    unknown = [False] * len(names)
    if kind == "UN":
        present = np.zeros((len(levels), int(group.max()) + 1))
        present[level, group] = 1
        joint = present @ present.T
        for i in range(len(levels)):
            for j in range(i + 1, len(levels)):
                names.append(f"rho({inner} = {levels[i]}, {levels[j]} | {outer})")
                unknown.append(bool(joint[i, j] == 0))
    elif kind in ("CS", "HCS", "AR", "HAR", "CAR"):
        names.append(f"rho({random.text})")
        unknown.append(most == 1)
    return tuple(names), tuple(unknown)
