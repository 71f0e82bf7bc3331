"""A receipt of one result: what is needed to compute it again, and what it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ketameta._render import Card, Shown
from ketameta.errors import DataError
from ketameta.evidence.dictionary import identity
from ketameta.provenance import Provenance, software_versions
from ketameta.reporting.records import as_json, sealed
from ketameta.reporting.replaying import MAKES

__all__ = ["FORMAT", "Receipt", "dataset_head", "receipt"]

FORMAT = "ketameta-receipt/1"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Receipt(Shown):
    """What is needed to compute a result again, and what it was. Made by :func:`receipt`.

    Attributes
    ----------
    kind : str
        Name of the class of the result.
    provenance : Provenance
        Data set, rows and steps.
    software : dict of str to str
        Versions of the packages and of Python.
    numbers : dict
        The result's ``to_dict()``.
    """

    kind: str
    provenance: Provenance
    software: dict[str, str]
    numbers: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The record as plain values, sealed with the SHA-256 of its contents."""
        made = self.provenance
        return sealed(
            {
                "format": FORMAT,
                "kind": self.kind,
                "dataset": dataset_head(made),
                "rows": {"n": made.n_rows, "rows_sha256": made.rows_sha256},
                "software": self.software,
                "steps": made.steps,
                "numbers": self.numbers,
            }
        )

    def to_json(self) -> str:
        """The record as JSON text, to be written to a file."""
        return as_json(self.to_dict())

    def sentence(self) -> str:
        """Say in one sentence what the receipt is of."""
        steps = ", ".join(f"{step['step']}()" for step in self.provenance.steps)
        return f"Receipt of a {self.kind} by {steps}; {self.provenance.line()}."

    def _card(self) -> Card:
        rows = [
            (
                step["step"],
                ", ".join(
                    f"{name}={value!r}" for name, value in step["arguments"].items() if value is not None
                ),
            )
            for step in self.provenance.steps
        ]
        return Card(
            title=f"Receipt of a {self.kind}",
            columns=("step", "arguments"),
            rows=tuple(rows),
            footer=(self.provenance.line(),),
        )


def dataset_head(made: Provenance) -> dict[str, Any]:
    """What a record says of the data set: name, version, SHA-256, and whether it is the packaged one."""
    packaged, _ = identity()
    name, _, version = made.dataset.rpartition(" ")
    known = name == packaged
    return {
        "name": name if known else made.dataset,
        "version": version if known else "",
        "sha256": made.dataset_sha256,
        "packaged": known,
    }


def receipt(result: Any) -> Receipt:
    """The receipt of a result: data set, rows, steps with their settings, software, numbers.

    Parameters
    ----------
    result : Pooled, Regression, Posterior, DurabilityCurve, RelapseCurves, PermutationTest or another whole result
        As the public functions return it.

    Returns
    -------
    Receipt
        Its ``to_json()`` is for a file, which :func:`ketameta.verify` takes.

    Raises
    ------
    DataError
        For anything else, such as a part of a result.

    Examples
    --------
    >>> import ketameta as km
    >>> from ketameta.reporting import receipt
    >>> fit = km.pool(yi=[-0.6, -0.3, -0.9], vi=[0.05, 0.04, 0.10])
    >>> receipt(fit).to_dict()["steps"][0]["arguments"]["tau2"]
    'REML'
    >>> km.verify(receipt(fit)).agrees
    True
    """
    provenance = getattr(result, "provenance", None)
    steps = provenance.steps if isinstance(provenance, Provenance) else ()
    made = MAKES.get(steps[-1]["step"]) if steps else None
    if not isinstance(provenance, Provenance) or made is None or not isinstance(result, made):
        kinds = ", ".join(dict.fromkeys(cls.__name__ for cls in MAKES.values()))
        raise DataError(
            f"a {type(result).__name__} has no receipt of its own. Whole results have: {kinds}, as the public "
            "functions return them."
        )
    return Receipt(made.__name__, provenance, software_versions(), result.to_dict())
