"""Methods in words: which data, which rows, which software."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ketameta._render import plural
from ketameta.evidence.dictionary import identity
from ketameta.evidence.filters import COLUMNS, time_asked
from ketameta.provenance import NOT_RECORDED, Provenance, software_versions
from ketameta.reporting.phrases import Sentence, listed, said

__all__ = ["arguments_of", "data_sentences", "provenance_of", "software_sentences"]

_SHOWN = 12
_NUMERICS = ("numpy", "scipy", "pandas")


def provenance_of(result: Any) -> Provenance | None:
    """Provenance of a result or of the pool or the best curve that it rests on; None where it keeps none."""
    for holder in (result, getattr(result, "pooled", None), *getattr(result, "curves", ())[:1]):
        found = getattr(holder, "provenance", None)
        if isinstance(found, Provenance):
            return found
    return None


def arguments_of(provenance: Provenance | None, step: str) -> Mapping[str, Any] | None:
    """Arguments of the last step of a name; None where there was no such step."""
    steps = () if provenance is None else provenance.steps
    return next((one["arguments"] for one in reversed(steps) if one["step"] == step), None)


def data_sentences(result: Any) -> Iterator[Sentence]:
    """Data set with version and checksum, selection, number of rows."""
    provenance = provenance_of(result)
    if provenance is None:
        return
    yield _dataset(provenance)
    asked = [one["arguments"] for one in provenance.steps if one["step"] == "select"]
    if not asked:
        yield said("How the rows were chosen is not recorded")
    for arguments in asked:
        yield from _selection(arguments)
    yield said(
        f"{plural(provenance.n_rows, 'row')} entered the analysis (SHA-256 {provenance.rows_sha256[:_SHOWN]}…)"
    )


def software_sentences(result: Any) -> Iterator[Sentence]:
    """Software with versions."""
    provenance = provenance_of(result)
    if provenance is None:
        return
    versions = software_versions()
    others = [f"{name} {versions[name]}" for name in _NUMERICS]
    yield said(
        f"The analysis was made with {provenance.software} on Python {versions['python']} with {listed(others)}",
        "ketameta",
    )


def _dataset(provenance: Provenance) -> Sentence:
    checksum = f"file with SHA-256 {provenance.dataset_sha256[:_SHOWN]}…"
    name, version = identity()
    if provenance.dataset_sha256 == "":
        return said("The data were given as arrays or as a table that was not read from a file by ketameta")
    if provenance.dataset == f"{name} {version}":
        return said(f"The data were the {name} data set, version {version} ({checksum})", "ketameta_data")
    return said(f"The data were read from the file {provenance.dataset} ({checksum})")


def _selection(asked: Mapping[str, Any]) -> Iterator[Sentence]:
    chosen = [
        f"{name.replace('_', ' ')} {_values(asked[name])}" for name in COLUMNS if asked.get(name) is not None
    ]
    if asked["measure"] is not None:
        chosen.append(f"statistics that give the {asked['measure']}")
    which = f"Rows were selected by {listed(chosen)}" if chosen else "Rows of every kind were selected"
    yield said(f"{which}, without baseline scores and rows that the data set keeps apart from pools")
    if asked["hours"] is None:
        yield said("Every time of measurement was used")
    else:
        low, high = map(float, asked["hours"])
        best = time_asked(asked["at"], (low, high))
        between = f"from {low:g} h on" if math.isinf(high) else f"from {low:g} to {high:g} h"
        yield said(
            f"Of each cohort the time nearest to {best:g} h was taken among those {between} after the first dose"
        )
    kept = "included" if asked["provisional"] else "left out"
    yield said(f"Rows known from secondary text alone were {kept}")
    if asked["duplicates"] == "resolve":
        yield said("Where several rows answered the question for the same participants, one of them was kept")
    else:
        yield said("No two rows that answered the question were about the same participants")


def _values(wanted: Any) -> str:
    if isinstance(wanted, Mapping):
        return f"(values not recorded: {wanted[NOT_RECORDED]})"
    values = [wanted] if isinstance(wanted, str) else wanted
    return listed([str(value).replace("_", " ") for value in values], "or")
