"""Computing a record again, and saying what agrees, to which digit, and what changed if not."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from ketameta._render import Card, Shown
from ketameta.errors import DataError
from ketameta.evidence import load_trials, read_trials
from ketameta.evidence.dictionary import identity
from ketameta.evidence.location import data_sha256
from ketameta.provenance import software_versions, trace
from ketameta.reporting import findings, receipts
from ketameta.reporting.agreement import DIGITS, PEAK_DIGITS, Leaf, compare
from ketameta.reporting.causes import diagnose, worded
from ketameta.reporting.progress import Progress
from ketameta.reporting.receipts import Receipt
from ketameta.reporting.records import SEAL, digest, plain, read_record
from ketameta.reporting.replaying import Unrepeatable, needs_table, replay

__all__ = ["Verification", "verify"]

_PARTS = ("data", "rows", "settings", "numbers", "texts", "software")
_NEEDED: dict[str, dict[str, type]] = {
    findings.FORMAT: {
        "windows": list,
        "curves": list,
        "standing": list,
        "multiverses": list,
        "published": list,
        "settings": dict,
    },
    receipts.FORMAT: {"kind": str, "rows": dict, "steps": list, "numbers": dict},
}
_ALWAYS: dict[str, type] = {"dataset": dict, "software": dict, SEAL: str}
_DATASET: dict[str, type] = {"name": str, "version": str, "sha256": str, "packaged": bool}
_LISTED = 10


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Verification(Shown):
    """A record beside what was computed again. Made by :func:`ketameta.verify`.

    Attributes
    ----------
    record : str
        Name of the file, or ``"The record"``.
    intact : bool
        Whether the contents are those that the record was sealed with.
    causes : tuple of str
        What changed, in sentences; empty when nothing did.
    leaves : tuple of Leaf
        Every value; see :class:`ketameta.reporting.Leaf`. Rows and settings are not among them when ``repeated`` is
        False.
    repeated : bool
        Whether the steps of the record could be done again.
    """

    record: str
    intact: bool
    causes: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    repeated: bool

    @property
    def agrees(self) -> bool:
        """Whether the record is intact, and data, rows, settings, numbers and texts agree; software may differ."""
        return self.intact and self.repeated and not self.differences

    @property
    def differences(self) -> tuple[Leaf, ...]:
        """The values that do not agree, those of the software versions apart."""
        return tuple(leaf for leaf in self.leaves if not leaf.agrees and leaf.part != "software")

    def to_frame(self) -> pd.DataFrame:
        """One row a value: ``what, part, stored, recomputed, digits, verdict``."""
        names = list(Leaf.__dataclass_fields__)
        rows = [[getattr(leaf, name) for name in names] for leaf in self.leaves]
        return pd.DataFrame(rows, columns=names).astype({"stored": object, "recomputed": object})

    def to_dict(self) -> dict[str, Any]:
        """Verdict, causes and differences as plain values."""
        counts = {
            name: dict(zip(("compared", "agree"), _count(self._of(name)), strict=True)) for name in _PARTS
        }
        return {
            "record": self.record,
            "agrees": self.agrees,
            "intact": self.intact,
            "repeated": self.repeated,
            "causes": list(self.causes),
            "compared": counts,
            "fewest_digits": plain(_fewest(self._of("numbers"))),
            "differences": [plain(asdict(leaf)) for leaf in self.differences],
        }

    def sentence(self) -> str:
        """Say in one sentence whether the record agrees, and to which digit."""
        total, alike = _count(self._of("numbers"))
        if self.agrees:
            few = _fewest(self._of("numbers"))
            digits = "exactly" if math.isinf(few) else f"to {few:.1f} significant digits or more"
            return f"{self.record} agrees: all {total:,} numbers were computed again, {digits}."
        if not self.repeated:
            return f"{self.record} cannot be computed again: none of its {total:,} numbers is confirmed."
        if not self.differences:
            return f"{self.record} was changed after it was written, though every value in it agrees."
        off = total - alike
        numbers = (
            f"{off:,} of {total:,} numbers differ" if off else f"its {total:,} numbers do, other things not"
        )
        damaged = "" if self.intact else "; it was changed after it was written"
        return f"{self.record} does not agree: {numbers}{damaged}."

    def _of(self, part: str) -> list[Leaf]:
        return [leaf for leaf in self.leaves if leaf.part == part]

    def _card(self) -> Card:
        rows = []
        for name in _PARTS:
            leaves = self._of(name)
            total, alike = _count(leaves)
            few = _fewest(leaves)
            digits = "" if name != "numbers" or not alike else "all" if math.isinf(few) else f"{few:.1f}"
            rows.append((name, f"{total}", f"{alike}", f"{total - alike}", digits))
        told = ("numbers", "texts") if self.repeated else ()
        off = [leaf for part in told for leaf in self._of(part) if not leaf.agrees]
        shown, more = off[:_LISTED], len(off) - _LISTED
        return Card(
            title=self.sentence(),
            columns=("", "compared", "agree", "differ", "digits"),
            rows=tuple(rows),
            notes=(
                *self.causes,
                *map(worded, shown),
                *((f"and {more} more: see .to_frame()",) if more > 0 else ()),
            ),
            footer=(
                f"Numbers agree from {DIGITS:g} significant digits on, the place of a peak from {PEAK_DIGITS:g}, whole "
                "numbers and texts when they are the same; other software is listed and is no disagreement.",
            ),
        )


def verify(
    record: str | os.PathLike[str] | Mapping[str, Any] | Receipt,
    *,
    trials: pd.DataFrame | str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Verification:
    """Compute everything in a record again, and say what agrees, to which digit, and what changed if not.

    Parameters
    ----------
    record : path, dict or Receipt
        ``results.json`` of a report, or a receipt: its file, its contents, or the object.
    trials : DataFrame or path, optional
        The table that the first step worked on, where it was not the packaged data set; or an older file of the
        data set.
    progress : bool
        Whether to print the steps of a report to standard error.

    Returns
    -------
    Verification
        ``agrees``, ``causes``, and ``to_frame()`` with a row for each value.

    Raises
    ------
    DataError
        When the record cannot be read or is none, or rests on a table that is not given.

    Notes
    -----
    Numbers agree when their relative difference is below 1e-8, for the time of a peak 1e-6: far less than anybody
    reads, and more than another processor or linear algebra library makes. Whole numbers and texts must be the same. The SHA-256 over the record
    finds damage; whoever changes a record can compute it anew, and is found by the numbers.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.reporting import receipt
    >>> fit = km.pool(yi=[-0.6, -0.3, -0.9], vi=[0.05, 0.04, 0.10])
    >>> checked = km.verify(receipt(fit))
    >>> checked.agrees, checked.causes
    (True, ())
    """
    name, stored = read_record(record.to_dict() if isinstance(record, Receipt) else record)
    form = _checked(stored, name)
    if form == findings.FORMAT:
        recomputed, trouble = _report_again(stored, trials, progress), ""
    else:
        recomputed, trouble = _result_again(stored, trials)
    _take_names(stored, recomputed, own=trials is not None)
    compared = recomputed if trouble else [key for key in stored if key != SEAL]
    leaves = compare({key: stored[key] for key in compared}, recomputed)
    causes = diagnose(stored, recomputed, leaves, trouble)
    return Verification(name, digest(stored) == stored[SEAL], causes, leaves, repeated=not trouble)


def _checked(stored: Mapping[str, Any], name: str) -> str:
    """The format of a record, once what the recomputation rests on is there."""
    form = stored.get("format")
    if not isinstance(form, str) or not form.startswith("ketameta-"):
        raise DataError(f"{name} is no record of ketameta: it has no format. Give results.json or a receipt.")
    if form not in _NEEDED:
        raise DataError(
            f"{name} has the format {form[:40]!r}; this ketameta computes {' and '.join(_NEEDED)} again, and "
            "no others: older ones hold too little for it. Make the report or receipt anew."
        )
    _require(stored, {**_ALWAYS, **_NEEDED[form]}, name, "")
    _require(stored["dataset"], _DATASET, name, "dataset.")
    return form


def _require(part: Mapping[str, Any], needed: Mapping[str, type], name: str, where: str) -> None:
    for key, kind in needed.items():
        if key not in part:
            raise DataError(f"{name} has no {where}{key}; it is damaged or not a whole record.")
        if not isinstance(part[key], kind):
            raise DataError(
                f"{name}: {where}{key} is a {type(part[key]).__name__}, not a {kind.__name__}; the record is damaged."
            )


def _report_again(stored: Mapping[str, Any], trials: Any, progress: bool) -> dict[str, Any]:
    packaged = stored["dataset"]["packaged"]
    if trials is None and not packaged:
        raise _table_wanted(stored)
    step = Progress(findings.STEPS, progress)
    table = findings.trials_table(trials)
    return dict(plain(findings.find(table, step, packaged=packaged).record()))


def _result_again(stored: Mapping[str, Any], trials: Any) -> tuple[dict[str, Any], str]:
    table = _first_table(stored, trials)
    try:
        again = receipts.receipt(replay(stored["steps"], table)).to_dict()
    except Unrepeatable as error:
        origin = trace(pd.DataFrame() if table is None else table)
        head = receipts.dataset_head(origin)
        return {"dataset": head, "software": software_versions(), "numbers": {}}, str(error)
    return {key: value for key, value in again.items() if key != SEAL}, ""


def _first_table(stored: Mapping[str, Any], trials: Any) -> pd.DataFrame | None:
    if isinstance(trials, pd.DataFrame):
        return trials
    if trials is not None:
        return read_trials(trials)
    if not needs_table(stored["steps"]):
        return None
    if stored["dataset"]["packaged"]:
        return load_trials()
    raise _table_wanted(stored)


def _table_wanted(stored: Mapping[str, Any]) -> DataError:
    about = stored["dataset"]
    named = f"{about['name'][:60]!r}, SHA-256 {about['sha256'][:12]}" if about["sha256"] else "no file"
    return DataError(
        f"the record was made from a table of one's own ({named}): give it, as verify(..., trials=...) or --trials."
    )


def _take_names(stored: Mapping[str, Any], recomputed: dict[str, Any], *, own: bool) -> None:
    """Compare what each result says of data and software with the head of its record, which is compared once.

    A file that is given goes by its contents: where they are those of the record, its name may be another.
    """
    head = recomputed["dataset"]
    if own and head["sha256"] and head["sha256"] == stored["dataset"]["sha256"]:
        known = data_sha256("trials.csv") == head["sha256"]
        names = dict(zip(("name", "version"), identity(), strict=True)) if known else stored["dataset"]
        recomputed["dataset"] = head = {
            **head,
            **{key: names[key] for key in ("name", "version")},
            "packaged": stored["dataset"]["packaged"],
        }
    said = {
        "software": f"ketameta {stored['software'].get('ketameta')}",
        "dataset": f"{stored['dataset']['name']} {stored['dataset']['version']}".strip(),
        "dataset_sha256": stored["dataset"]["sha256"],
    }
    for provenance in _provenances(recomputed):
        provenance.update(said)


def _provenances(tree: Any) -> Iterable[dict[str, Any]]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key == "provenance" and isinstance(value, dict):
                yield value
            else:
                yield from _provenances(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _provenances(value)


def _count(leaves: list[Leaf]) -> tuple[int, int]:
    return len(leaves), sum(leaf.agrees for leaf in leaves)


def _fewest(leaves: list[Leaf]) -> float:
    """Fewest digits of the numbers that agree."""
    return min(
        (leaf.digits for leaf in leaves if leaf.agrees and leaf.digits == leaf.digits), default=math.inf
    )
