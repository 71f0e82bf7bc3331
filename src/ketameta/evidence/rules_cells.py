"""Rules for single cells: those of the dictionary, and what a spreadsheet would make of a text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

import numpy as np

from ketameta._typing import BoolArray
from ketameta.evidence.dictionary import Field, fields
from ketameta.evidence.sheet import ERROR, NUMBERS, WARNING, Finding, Sheet

__all__ = ["cell_findings"]

_FORMULA = re.compile(r"[=@]|[+-](?!\s*[\d.,]+\s*%?$)")
_FORMS = {
    "record_id": "write KM and four digits, such as KM0001",
    "study_id": "write letters, digits and the marks _ . + - without spaces, such as smith2024",
    "contrast_p": "write P as printed, such as 0.03 or <0.001; or ns",
}
"""What the patterns of the dictionary ask for."""


def cell_findings(data: Sheet) -> Iterator[Finding]:
    """Every breach of a rule that one cell alone can breach."""
    for name, cell in data.bad:
        yield Finding(np.array([cell.row]), name, "type", ERROR, cell.hint)
    for field in fields("trials"):
        yield from _dictionary_rules(data, field)
        if field.type == "string":
            yield from _text_rules(data, field.name)
    for name in data.extra:
        yield from _text_rules(data, name)


def _dictionary_rules(data: Sheet, field: Field) -> Iterator[Finding]:
    column = data.frame[field.name]
    if field.type == "string":
        filled = np.array([value.strip() != "" for value in column], dtype=bool)
    else:
        filled = column.notna().to_numpy()
    if field.required:
        yield from _found(
            ~filled & ~data.misread(field.name),
            field.name,
            "required",
            ERROR,
            f"fill it: {field.description}",
        )
    if field.unique:
        counts = Counter(column)
        again = np.array([counts[value] > 1 for value in column], dtype=bool)
        yield from _found(again & filled, field.name, "unique", ERROR, "another row has the same value")
    if field.enum:
        known = np.array([value in field.enum for value in column], dtype=bool)
        hint = f"write one of: {', '.join(field.enum)}"
        yield from _found(filled & ~known, field.name, "enum", ERROR, hint)
    if field.pattern:
        matches = np.array([re.fullmatch(field.pattern, value) is not None for value in column], dtype=bool)
        yield from _found(filled & ~matches, field.name, "pattern", ERROR, _FORMS[field.name])
    yield from _range_rules(data, field)


def _range_rules(data: Sheet, field: Field) -> Iterator[Finding]:
    unit = f" {field.unit}" if field.unit else ""
    if field.minimum is not None:
        hint = f"at least {field.minimum:g}{unit} is possible"
        below = data.number(field.name) < field.minimum
        yield from _found(below, field.name, "range", NUMBERS, hint)
    if field.maximum is not None:
        hint = f"at most {field.maximum:g}{unit} is possible"
        above = data.number(field.name) > field.maximum
        yield from _found(above, field.name, "range", NUMBERS, hint)


def _text_rules(data: Sheet, name: str) -> Iterator[Finding]:
    column = data.text(name)
    formula = np.array([_FORMULA.match(value) is not None for value in column], dtype=bool)
    hint = "would run as a formula in a spreadsheet: begin the text with a word"
    yield from _found(formula, name, "formula", WARNING, hint)
    hidden = np.array([_has_hidden(value) for value in column], dtype=bool)
    hint = "holds a control, invisible or replacement character: retype the text"
    yield from _found(hidden, name, "control-character", WARNING, hint)
    spaced = np.array([value != value.strip() != "" for value in column], dtype=bool)
    yield from _found(spaced & ~hidden, name, "space", WARNING, "begins or ends with a space")


def _has_hidden(value: str) -> bool:
    if value.isascii() and value.isprintable():
        return False
    return any(
        character == "\ufffd" or unicodedata.category(character) in {"Cc", "Cf"} for character in value
    )


def _found(rows: BoolArray, column: str, rule: str, severity: str, hint: str) -> Iterator[Finding]:
    if rows.any():
        yield Finding(np.flatnonzero(rows), column, rule, severity, hint)
