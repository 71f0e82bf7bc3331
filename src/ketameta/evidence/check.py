"""Check a table of trials against the dictionary and against itself, all problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ketameta._render import Card, Shown
from ketameta._spelling import nearest
from ketameta.errors import DataError
from ketameta.evidence.dictionary import ADDED, fields
from ketameta.evidence.location import data_file, data_sha256
from ketameta.evidence.reading import read_table
from ketameta.evidence.references import load_references
from ketameta.evidence.rules_cells import cell_findings
from ketameta.evidence.rules_changes import change_findings
from ketameta.evidence.rules_counts import count_findings, percent_texts
from ketameta.evidence.rules_crossover import crossover_findings
from ketameta.evidence.rules_differences import difference_findings
from ketameta.evidence.rules_intervals import interval_findings
from ketameta.evidence.rules_rows import row_findings
from ketameta.evidence.rules_spread import spread_findings
from ketameta.evidence.rules_statistics import statistic_findings
from ketameta.evidence.rules_table import table_findings
from ketameta.evidence.scales import Scales
from ketameta.evidence.sheet import ERROR, NUMBERS, WARNING, Finding, Sheet, sheet
from ketameta.provenance import ATTRS_KEY, Provenance, trace

__all__ = ["CheckReport", "check_trials"]

_COLUMNS = ("line", "record_id", "column", "value", "rule", "severity", "hint")
_CLOSE = 0.8
_MISSPELT = "unknown-column"
"""Shown first: a misspelt name explains the empty cells that other problems lament."""
_GAPS = ("required", "required-in-pools")
_SHOWN = 25
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CheckReport(Shown):
    """What is wrong, or odd, in a table of trials.

    Attributes
    ----------
    problems : pandas.DataFrame
        One row a problem: ``line`` of the file, ``record_id``, ``column``, ``value`` as text, ``rule``,
        ``severity`` (``error`` or ``warning``), ``hint``.
    n_rows : int
        Rows checked.
    provenance : Provenance
        The table that was checked.
    """

    problems: pd.DataFrame
    n_rows: int
    provenance: Provenance

    @property
    def ok(self) -> bool:
        """True when there is no error; warnings are for a reader to judge."""
        return self.n_errors == 0

    @property
    def n_errors(self) -> int:
        """Number of errors."""
        return int((self.problems["severity"] == ERROR).sum())

    @property
    def n_warnings(self) -> int:
        """Number of warnings."""
        return int((self.problems["severity"] == WARNING).sum())

    def raise_if_any(self) -> None:
        """Raise when there is an error; warnings alone pass.

        Raises
        ------
        DataError
            With the first errors, by line, column and value.
        """
        if self.ok:
            return
        errors = self.problems[self.problems["severity"] == ERROR]
        lines = [
            f"line {line} ({record or 'no record_id'}), {column}: {_shown(value)}: {hint}"
            for line, record, column, value, _, _, hint in _texts(errors.head(_SHOWN))
        ]
        more = f"\n  and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
        raise DataError(f"{self.sentence()}\n  " + "\n  ".join(lines) + more)

    def to_frame(self) -> pd.DataFrame:
        """Return the problems as a DataFrame of its own."""
        return self.problems.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return counts, problems and provenance as plain Python values."""
        return {
            "ok": self.ok,
            "n_rows": self.n_rows,
            "n_errors": self.n_errors,
            "n_warnings": self.n_warnings,
            "problems": self.problems.to_dict(orient="records"),
            "provenance": self.provenance.to_dict(),
        }

    def sentence(self) -> str:
        """Say in one sentence what the check found."""
        rows = "1 row was" if self.n_rows == 1 else f"{self.n_rows} rows were"
        errors = "1 error" if self.n_errors == 1 else f"{self.n_errors or 'no'} errors"
        warnings = "1 warning" if self.n_warnings == 1 else f"{self.n_warnings or 'no'} warnings"
        return f"{rows} checked: {errors} and {warnings}."

    def _card(self) -> Card:
        order = np.lexsort((self.problems["severity"], self.problems["rule"] != _MISSPELT))
        shown = self.problems.iloc[order].head(_SHOWN)
        rest = len(self.problems) - len(shown)
        return Card(
            title=self.sentence(),
            columns=("severity", "line", "record", "column", "value", "rule", "hint") if len(shown) else (),
            rows=tuple(
                (severity, line, record, column, _shown(value), rule, hint)
                for line, record, column, value, rule, severity, hint in _texts(shown)
            ),
            notes=(f"{rest} more stand in .problems.",) if rest else (),
            footer=(self.provenance.line(),),
        )


def check_trials(table: pd.DataFrame, *, strict: bool = False) -> CheckReport:
    """Check a table of trials: types, ranges, categories, and whether its numbers can be true together.

    Errors are what cannot be: a value outside the dictionary, more events than participants, an estimate
    outside its interval, a mean outside its scale. Warnings are what is odd: an SD that looks like a standard
    error, a P value that means, SDs and n contradict, an interval lopsided on its scale, a change that is not
    endpoint minus baseline, a crossover with a short washout. In rows that stand ``apart`` as printed,
    contradictions between numbers are warnings. The packaged table is also checked against
    ``references.bib``.

    Parameters
    ----------
    table : pandas.DataFrame
        Trials in columns of the dictionary, as from :func:`read_trials`; it is not changed. A table with some
        of the columns will do: what they do not say is not checked. Columns ``percent_t`` and ``percent_c``
        beside them may hold percentages as printed, which are held against whole people.
    strict : bool
        Count warnings as errors.

    Returns
    -------
    CheckReport
        Every problem at once.

    Raises
    ------
    DataError
        When the table is not a DataFrame, its columns are doubled or misspelt, or none is of the dictionary.

    Examples
    --------
    >>> import ketameta as km
    >>> report = km.check_trials(km.load_trials())
    >>> report.ok
    True
    """
    data = sheet(table, required=())
    absent = _absent(table)
    scales = Scales.of(read_table(data_file("scales.csv"), "scales"))
    # Rules meet numbers that cannot be, such as a negative n: what they give is NaN, which no rule flags.
    with np.errstate(all="ignore"):
        findings = [
            *cell_findings(data),
            *row_findings(data, scales),
            *spread_findings(data, scales),
            *interval_findings(data),
            *statistic_findings(data),
            *difference_findings(data),
            *change_findings(data, scales),
            *count_findings(data, percent_texts(table)),
            *crossover_findings(data),
            *table_findings(data, _citation_keys(table)),
        ]
    findings = [one for one in findings if not (one.rule in _GAPS and one.column in absent)]
    findings += [*_missing_columns(data, absent), *_misspelt_columns(data)]
    return CheckReport(_problems(data, findings, strict=strict), len(data), trace(table))


def _absent(table: pd.DataFrame) -> list[str]:
    """Columns of the dictionary that the table lacks; all of them is no table of trials."""
    names = {str(name) for name in table.columns}
    absent = [field.name for field in fields("trials") if field.name not in names]
    if len(absent) == len(fields("trials")):
        raise DataError(
            "no column of the table is one of the dictionary; name them as in datapackage.json: n_t, mean_t, ..."
        )
    return absent


def _missing_columns(data: Sheet, absent: Sequence[str]) -> list[Finding]:
    """One warning, on the first row, that names the required columns which are not there."""
    required = [field.name for field in fields("trials") if field.required and field.name in absent]
    if not required or len(data) == 0:
        return []
    hint = f"the table has no column {', '.join(required)}: what needs them was not checked"
    return [Finding(np.array([0]), required[0], "missing-columns", WARNING, hint)]


def _misspelt_columns(data: Sheet) -> list[Finding]:
    """A warning, on the first row, for each unknown column that is spelt much like a known one without cells."""
    unknown = [name for name in data.extra if name not in ADDED]
    if not unknown or len(data) == 0:
        return []
    known = [*(field.name for field in fields("trials")), *ADDED]
    unused = [name for name in known if not (data.filled(name) | data.misread(name)).any()]
    meant = {name: near for name in unknown if (near := nearest(name, unused, _CLOSE))}
    said = "column {!r} is not in the dictionary; did you mean {!r}?"
    first = np.array([0])
    return [Finding(first, name, _MISSPELT, WARNING, said.format(name, near)) for name, near in meant.items()]


def _citation_keys(table: pd.DataFrame) -> frozenset[str] | None:
    """Keys that a report may cite; None for a table that is not the packaged one."""
    digest = data_sha256("trials.csv")
    if table.attrs.get(ATTRS_KEY, {}).get("sha256") != digest:
        return None
    return frozenset(load_references()["key"])


def _problems(data: Sheet, findings: Iterable[Finding], *, strict: bool) -> pd.DataFrame:
    order = {field.name: i for i, field in enumerate(fields("trials"))}
    apart = data.is_one_of("status", ["apart"])
    misread = {(cell.row, name): cell.value for name, cell in data.bad}
    record = data.text("record_id")
    rows = []
    for finding in findings:
        for i in finding.rows:
            severity = finding.severity
            if severity == NUMBERS:
                severity = WARNING if apart[i] else ERROR
            if strict:
                severity = ERROR
            cell = misread.get((i, finding.column))
            value = _cell_text(data.frame[finding.column].iloc[i]) if cell is None else cell
            place = (int(data.lines[i]), order.get(finding.column, len(order)))
            rows.append((place, record[i], finding.column, value, finding.rule, severity, finding.hint))
    rows.sort(key=lambda row: row[0])
    table = [(line, *rest) for (line, _), *rest in rows]
    frame = pd.DataFrame(table, columns=list(_COLUMNS)).astype(object)
    return frame.astype({"line": "int64"})


def _texts(problems: pd.DataFrame) -> list[tuple[str, ...]]:
    """Rows of a table of problems as text, in the order of its columns."""
    columns = [[str(value) for value in problems[name]] for name in _COLUMNS]
    return list(zip(*columns, strict=True))


def _cell_text(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)


def _shown(value: str) -> str:
    return repr(value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "…")
