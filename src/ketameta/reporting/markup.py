"""Pieces of HTML that the sections of the report are made of; every text is escaped here."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ketameta._render import table_html

__all__ = ["figure", "frame", "on_scale", "paragraph", "table"]


def paragraph(text: str, cls: str = "") -> str:
    """A paragraph, with a class of the style sheet."""
    return f"<p{f' class={cls!r}' if cls else ''}>{html.escape(text)}</p>"


def on_scale(value: float, *, ratio: bool) -> float:
    """A value on the scale that readers see: the ratio of a log, else the value itself."""
    return math.exp(value) if ratio and not math.isnan(value) else value


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, text: bool = False) -> str:
    """A table that scrolls sideways; ``text`` aligns its cells to the left."""
    return f"<div class='wide{' text' if text else ''}'>{table_html(list(columns), list(rows))}</div>"


def frame(data: pd.DataFrame) -> str:
    """A DataFrame as a table of text; missing cells are empty."""
    cells = [
        ["" if pd.isna(cell) else _cell(cell) for cell in row]
        for row in data.itertuples(index=False, name=None)
    ]
    return table([str(column) for column in data.columns], cells, text=True)


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def figure(figures: Mapping[str, tuple[Path, str]], key: str) -> str:
    """The figure of a result inside the page, with its description; empty where there is none."""
    if key not in figures:
        return ""
    path, alt = figures[key]
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f"<figure><img src='data:image/svg+xml;base64,{data}' alt='{html.escape(alt, quote=True)}'></figure>"
    )
