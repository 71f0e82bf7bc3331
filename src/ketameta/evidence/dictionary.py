"""The data dictionary: ``datapackage.json`` read into fields with their rules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from ketameta.errors import DataError
from ketameta.evidence.location import DESCRIPTOR, data_file

__all__ = ["ADDED", "Field", "fields", "identity"]

ADDED = (
    *(
        f"{name}_{arm}"
        for arm in "tc"
        for name in ("min", "q1", "median", "q3", "max", "percent", "baseline_sd", "endpoint_sd")
    ),
    "ci_level",
    "correlation",
)
"""Columns with a meaning that a table of trials may hold beside those of the dictionary."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a table and what may stand in it (Table Schema v2).

    Attributes
    ----------
    name, type, title, description, unit : str
        ``type`` is ``string``, ``number``, ``integer`` or ``boolean``.
    required, unique : bool
        Whether a cell must be filled, and filled with a value that no other row has.
    minimum, maximum : float or None
        Bounds, inclusive.
    enum : tuple of str
        The values that may stand in the column; empty when any may.
    pattern : str
        Regular expression that the whole cell must match; empty when there is none.
    true_values, false_values : tuple of str
        How a boolean is written.
    """

    name: str
    type: str
    title: str
    description: str
    unit: str
    required: bool
    unique: bool
    minimum: float | None
    maximum: float | None
    enum: tuple[str, ...]
    pattern: str
    true_values: tuple[str, ...]
    false_values: tuple[str, ...]


@cache
def _descriptor() -> dict[str, Any]:
    path = data_file(DESCRIPTOR)
    try:
        descriptor: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON: {error}") from error
    return descriptor


@cache
def fields(resource: str) -> tuple[Field, ...]:
    """Fields of one table, in the order of its columns.

    Parameters
    ----------
    resource : str
        ``"trials"``, ``"missing"``, ``"moderators"``, ``"published"``, ``"risk_of_bias"`` or ``"scales"``.

    Raises
    ------
    DataError
        When the dictionary describes no such table.

    Examples
    --------
    >>> from ketameta.evidence.dictionary import fields
    >>> fields("trials")[0].name
    'record_id'
    """
    for entry in _descriptor()["resources"]:
        if entry["name"] == resource:
            return tuple(_field(field) for field in entry["schema"]["fields"])
    raise DataError(f"{DESCRIPTOR} describes no table {resource!r}")


def identity() -> tuple[str, str]:
    """Name and version of the data set."""
    return str(_descriptor()["name"]), str(_descriptor()["version"])


def _field(entry: dict[str, Any]) -> Field:
    rules = entry.get("constraints", {})
    return Field(
        name=entry["name"],
        type=entry["type"],
        title=entry["title"],
        description=entry["description"],
        unit=entry.get("unit", ""),
        required=rules.get("required", False),
        unique=rules.get("unique", False),
        minimum=rules.get("minimum"),
        maximum=rules.get("maximum"),
        enum=tuple(rules.get("enum", ())),
        pattern=rules.get("pattern", ""),
        true_values=tuple(entry.get("trueValues", ())),
        false_values=tuple(entry.get("falseValues", ())),
    )
