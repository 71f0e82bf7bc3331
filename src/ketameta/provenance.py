"""Where a number comes from: data set, rows, software.

A table that ketameta has read carries ``attrs["ketameta"]``, a plain dictionary with the
name, version and SHA-256 of the file, and with the steps that made it from the file: functions and their
arguments. A result carries a :class:`Provenance`, which ends with the step that made the result.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ketameta.__about__ import __version__
from ketameta._render import Card, Shown

__all__ = [
    "ATTRS_KEY",
    "NOT_RECORDED",
    "Asked",
    "Provenance",
    "note",
    "package_versions",
    "recorded",
    "rows_sha256",
    "software_versions",
    "stamp",
    "trace",
]

Asked: TypeAlias = tuple[str, Mapping[str, Any]]
"""A public function that was called, and its arguments but the table."""

ATTRS_KEY = "ketameta"
NOT_RECORDED = "not recorded"
_PACKAGES = ("numpy", "scipy", "pandas", "formulaic", "statsmodels", "matplotlib", "forestplot")


@dataclass(frozen=True, slots=True, repr=False)
class Provenance(Shown):
    """Data set, rows and software behind one result.

    Attributes
    ----------
    software : str
        ``"ketameta 0.7.0"``.
    dataset : str
        Name and version of the data set, or ``"user data"``.
    dataset_sha256 : str
        SHA-256 of the file that the rows were read from; empty when they came from arrays.
    rows_sha256 : str
        SHA-256 of the rows used, in the order used.
    n_rows : int
        How many rows were used.
    steps : tuple of dict
        What was done, in order, from the table read to the result: ``step``, the name of a public function,
        and its ``arguments`` as plain values; see :func:`recorded`.
    """

    software: str
    dataset: str
    dataset_sha256: str
    rows_sha256: str
    n_rows: int
    steps: tuple[dict[str, Any], ...] = field(default=(), compare=False)

    def after(self, asked: Asked) -> Provenance:
        """The same, with one step more."""
        return replace(self, steps=(*self.steps, _step(asked)))

    def line(self) -> str:
        """One line for the foot of a table or figure."""
        unit = "row" if self.n_rows == 1 else "rows"
        return f"{self.software}; {self.dataset}; {self.n_rows} {unit}, SHA-256 {self.rows_sha256[:12]}"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain Python values, but for the steps, which stand once in a receipt."""
        return {name: value for name, value in asdict(self).items() if name != "steps"}

    def sentence(self) -> str:
        """Say in one sentence what the result rests on."""
        return f"{self.line()}."

    def _card(self) -> Card:
        return Card(
            title="Data and software behind the result",
            columns=("item", "value"),
            rows=(
                ("software", self.software),
                ("data set", self.dataset),
                ("SHA-256 of its file", self.dataset_sha256 or "not read from a file"),
                ("rows used", str(self.n_rows)),
                ("SHA-256 of the rows", self.rows_sha256),
            ),
        )


def rows_sha256(table: pd.DataFrame) -> str:
    """SHA-256 of a table's cells, independent of index and of column order.

    Numbers enter by their shortest exact representation, missing cells as empty.

    Examples
    --------
    >>> import pandas as pd
    >>> from ketameta.provenance import rows_sha256
    >>> table = pd.DataFrame({"yi": [0.5, None], "vi": [0.1, 0.2]})
    >>> rows_sha256(table) == rows_sha256(table[["vi", "yi"]])
    True
    """
    columns = sorted(str(name) for name in table.columns)
    frame = table.rename(columns=str)[columns]
    digest = hashlib.sha256()
    digest.update("\x1f".join(columns).encode())
    for row in frame.itertuples(index=False, name=None):
        digest.update(b"\x1e")
        digest.update(_row([_cell(value) for value in row]).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _row(cells: list[str]) -> str:
    """The cells of a row in one text, from which they could be told apart again, whatever they hold."""
    text = "\x1f".join(cells)
    if text.count("\x1f") < len(cells) and "\x1e" not in text:
        return text
    return json.dumps(cells) + "\x1f" * len(cells)


def _cell(value: Any) -> str:
    if type(value) is str:
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, float):
        return "" if value != value else repr(float(value))
    if isinstance(value, np.generic):
        return _cell(value.item())
    return str(value)


def stamp(table: pd.DataFrame, *, name: str, version: str, sha256: str) -> None:
    """Write the origin of a table that was just read into its ``attrs``."""
    table.attrs[ATTRS_KEY] = {"dataset": name, "version": version, "sha256": sha256}


class _Steps(tuple[dict[str, Any], ...]):
    """Steps that copies of a table share: pandas copies ``attrs`` in depth whenever a column is taken."""

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> _Steps:
        return self


def note(table: pd.DataFrame, asked: Asked) -> None:
    """Add a step to those that a table of one's own carries in ``attrs``."""
    origin = table.attrs.get(ATTRS_KEY, {})
    steps = _Steps((*origin.get("steps", ()), _step(asked)))
    table.attrs = {**table.attrs, ATTRS_KEY: {**origin, "steps": steps}}


def recorded(value: Any) -> Any:
    """An argument as plain values that JSON can hold.

    Infinities become text; options and priors, their class name with their fields. Of what no record holds,
    such as a table, a result or a random generator, the kind stands under ``"not recorded"``.

    Examples
    --------
    >>> from ketameta.effects import EffectOptions
    >>> from ketameta.provenance import recorded
    >>> recorded((20, float("inf"))), recorded(EffectOptions())["EffectOptions"]["variance"]
    ([20, 'Infinity'], 'LS')
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return (
            float(value)
            if math.isfinite(value)
            else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value)
        )
    if is_dataclass(value) and not isinstance(value, type | Shown):
        return {
            type(value).__name__: {f.name: recorded(getattr(value, f.name)) for f in fields(value) if f.init}
        }
    if isinstance(value, Mapping):
        return {str(key): recorded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [recorded(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((recorded(item) for item in value), key=str)
    if hasattr(value, "tolist") and not isinstance(value, pd.DataFrame):
        return recorded(value.tolist())
    return {NOT_RECORDED: type(value).__name__}


def _step(asked: Asked) -> dict[str, Any]:
    name, arguments = asked
    return {"step": name, "arguments": recorded(arguments)}


def trace(table: pd.DataFrame, asked: Asked | None = None) -> Provenance:
    """Provenance of the rows of a table, and of the result that a function made of them."""
    origin = table.attrs.get(ATTRS_KEY, {})
    name, version = origin.get("dataset", "user data"), origin.get("version", "")
    last = () if asked is None else (_step(asked),)
    return Provenance(
        software=f"ketameta {__version__}",
        dataset=f"{name} {version}".strip(),
        dataset_sha256=origin.get("sha256", ""),
        rows_sha256=rows_sha256(table),
        n_rows=len(table),
        steps=(*origin.get("steps", ()), *last),
    )


def package_versions() -> dict[str, str]:
    """Versions of ketameta and of the packages that its numbers and figures rest on."""
    versions = {"ketameta": __version__}
    for package in _PACKAGES:
        versions[package] = importlib.metadata.version(package)
    return versions


def software_versions() -> dict[str, str]:
    """Versions of the packages and of Python, and the SHA-256 of ketameta's own source, for a record."""
    return {
        **package_versions(),
        "python": platform.python_version(),
        "ketameta_source_sha256": _source_sha256(),
    }


@cache
def _source_sha256() -> str:
    """SHA-256 of the package's Python files: two states of one version differ in it."""
    folder, digest = Path(__file__).parent, hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\x00")
        digest.update(file.read_bytes().replace(b"\r\n", b"\n") + b"\x00")
    return digest.hexdigest()
