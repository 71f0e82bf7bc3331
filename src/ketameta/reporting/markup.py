"""Pieces of HTML that the sections of the report are made of; every text is escaped here."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ketameta._render import wide_html
from ketameta.reporting.inline_svg import inline_svg

__all__ = [
    "bullets",
    "details",
    "figure",
    "frame",
    "heading",
    "link",
    "on_scale",
    "paragraph",
    "preformatted",
    "section",
    "table",
]


def paragraph(text: str, cls: str = "") -> str:
    """A paragraph, with a class of the style sheet."""
    return f"<p{f' class={cls!r}' if cls else ''}>{html.escape(text)}</p>"


def preformatted(text: str) -> str:
    """A text whose lines stay as they are."""
    return f"<pre>{html.escape(text)}</pre>"


def heading(level: int, text: str, key: str = "") -> str:
    """A heading of a level, with an anchor of its own where ``key`` is given."""
    anchor = f" id='{html.escape(key, quote=True)}'" if key else ""
    return f"<h{level}{anchor}>{html.escape(text)}</h{level}>"


def section(key: str, title: str, *parts: str) -> str:
    """A section of the page under a heading of the second level, which names it."""
    name = html.escape(key, quote=True)
    return (
        f"<section id='{name}' aria-labelledby='{name}-heading'>\n<h2 id='{name}-heading'>{html.escape(title)}</h2>\n"
        f"{''.join(parts)}</section>\n"
    )


def bullets(items: Iterable[str]) -> str:
    """A list of plain texts; nothing where there are none."""
    body = "".join(f"<li>{html.escape(item)}</li>" for item in items)
    return f"<ul>{body}</ul>" if body else ""


def details(summary: str, body: str, cls: str = "") -> str:
    """Something that opens on request; ``body`` is markup, and nothing is written where it is empty."""
    if not body:
        return ""
    named = f" class={cls!r}" if cls else ""
    return f"<details{named}><summary>{html.escape(summary)}</summary>{body}</details>"


def link(address: str, text: str) -> str:
    """A link to a part of the page or to the web; the text alone where the address is neither."""
    if not address.startswith(("#", "https://", "http://")):
        return html.escape(text)
    return f"<a href='{html.escape(address, quote=True)}'>{html.escape(text)}</a>"


def on_scale(value: float, *, ratio: bool) -> float:
    """A value on the scale that readers see: the ratio of a log, else the value itself."""
    return math.exp(value) if ratio and not math.isnan(value) else value


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls sideways in a box that a keyboard reaches under the name of its caption."""
    return wide_html(list(columns), list(rows), caption)


def frame(caption: str, data: pd.DataFrame) -> str:
    """A DataFrame as a table of text; missing cells are empty."""
    cells = [
        ["" if pd.isna(cell) else _cell(cell) for cell in row]
        for row in data.itertuples(index=False, name=None)
    ]
    return table(caption, [str(column) for column in data.columns], cells)


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def figure(figures: Mapping[str, tuple[Path, str]], key: str, title: str) -> str:
    """The figure of a result in a box that a keyboard reaches, with its title and description; empty where none is."""
    if key not in figures:
        return ""
    path, description = figures[key]
    drawn = inline_svg(
        path.read_text(encoding="utf-8"), prefix=f"fig-{key}", title=title, description=description
    )
    return f"<figure tabindex='0' aria-labelledby='fig-{key}-title'>{drawn}</figure>\n"
