"""The evidence report as one HTML file: everything inside, nothing fetched, every cell escaped."""

from __future__ import annotations

import html

from ketameta._render import plural
from ketameta.reporting.contents import Contents
from ketameta.reporting.glossary import glossary_section
from ketameta.reporting.markup import link, paragraph
from ketameta.reporting.page_glance import glance_section, map_section
from ketameta.reporting.page_harms import harms_section
from ketameta.reporting.page_limits import doubt_section, limits_section, methods_section, references_section
from ketameta.reporting.page_protocols import protocols_section
from ketameta.reporting.page_questions import question_section
from ketameta.reporting.page_script import SCRIPT
from ketameta.reporting.page_standing import KEY, TITLE, standing_section
from ketameta.reporting.page_style import STYLE
from ketameta.reporting.questions import QUESTIONS

__all__ = ["Contents", "render_page"]

_PARTS = (
    ("glance", "At a glance"),
    ("map", "Evidence map"),
    *((question.key, question.heading) for question in QUESTIONS),
    ("protocols", "Protocols that the trials used"),
    ("harms", "Harms"),
    (KEY, TITLE),
    ("doubt", "Where the evidence is thin, missing, biased or unblinded"),
    ("methods", "Methods"),
    ("limits", "Limits"),
    ("glossary", "Glossary"),
    ("references", "Reports behind the numbers"),
)


def render_page(contents: Contents) -> str:
    """Return the whole page."""
    sections = (
        glance_section(contents),
        map_section(contents),
        *(question_section(contents, question) for question in QUESTIONS),
        protocols_section(contents.trials),
        harms_section(contents),
        standing_section(contents),
        doubt_section(contents),
        methods_section(contents),
        limits_section(contents),
        glossary_section(),
        references_section(contents),
    )
    listed = "".join(f"<li>{link(f'#{key}', title)}</li>" for key, title in _PARTS)
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"<title>{html.escape(contents.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<a class='skip' href='#content'>Skip to the content</a>\n{_header(contents)}"
        f"<nav aria-labelledby='contents'><h2 id='contents'>Contents</h2>\n<ol>{listed}</ol></nav>\n"
        f"<main id='content' tabindex='-1'>\n{''.join(sections)}</main>\n{_footer(contents)}"
        f"<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _header(contents: Contents) -> str:
    rows = plural(len(contents.trials), "row")
    origin = (
        f"a table of its user's own, {rows}"
        if contents.is_own
        else f"{contents.dataset}, {rows}{' of published trials' if contents.packaged else ''}"
    )
    made = f"Computed by ketameta {contents.versions['ketameta']} from {origin}."
    return (
        f"<header>\n<h1>{html.escape(contents.title)}</h1>{paragraph(made)}"
        f"{paragraph('It is for research. It gives no advice to patients.')}</header>\n"
    )


def _footer(contents: Contents) -> str:
    return (
        f"<footer>{paragraph(f'{contents.dataset}, SHA-256 {contents.dataset_sha256}.', 'quiet')}"
        f"{paragraph('This file is complete: it opens without a network and asks for nothing from one.', 'quiet')}"
        "</footer>\n"
    )
