"""A drawing file as part of a page: identifiers of its own, a title and a description, no metadata."""

from __future__ import annotations

import html
import re

from ketameta.errors import FigureError

__all__ = ["inline_svg"]

_HEAD = re.compile(r"<svg\b[^>]*>")
_ASIDE = re.compile(r"<(metadata|title|desc|style)\b.*?</\1>\s*", re.DOTALL)
_VIEW = re.compile(r'\bviewBox="([^"]+)"')
_TAG = re.compile(r"<[^>]+>")
_MARK = re.compile(r'\b(id="|url\(#|href="#)')


def inline_svg(svg: str, *, prefix: str, title: str, description: str) -> str:
    """The drawing of an SVG file for use inside a page.

    Parameters
    ----------
    svg : str
        Text of a file that matplotlib wrote.
    prefix : str
        Stands before each identifier, so that those of several drawings on a page do not meet.
    title, description : str
        Plain text; read out in place of the drawing.

    Returns
    -------
    str
        An ``svg`` element without namespace prefixes, metadata, style sheet or fixed size; it scales with the page.

    Raises
    ------
    FigureError
        The text is no SVG drawing.

    Examples
    --------
    >>> from ketameta.reporting.inline_svg import inline_svg
    >>> drawn = inline_svg(
    ...     '<svg viewBox="0 0 9 9"><g id="a"/></svg>', prefix="f1", title="A & B", description="Empty."
    ... )
    >>> print(drawn)
    <svg viewBox="0 0 9 9" role="img" aria-labelledby="f1-title f1-desc"><title id="f1-title">A &amp; B</title><desc \
id="f1-desc">Empty.</desc><g id="f1-a"/></svg>
    """
    body = _ASIDE.sub("", svg)
    head = _HEAD.search(body)
    view = _VIEW.search(head.group()) if head else None
    if head is None or view is None:
        raise FigureError("inline_svg(): the text is no SVG drawing with a view box.")
    inside = _TAG.sub(
        lambda tag: _MARK.sub(rf"\g<1>{prefix}-", tag.group().replace("xlink:href", "href")),
        body[head.end() :],
    )
    return (
        f'<svg viewBox="{view.group(1)}" role="img" aria-labelledby="{prefix}-title {prefix}-desc">'
        f'<title id="{prefix}-title">{html.escape(title)}</title>'
        f'<desc id="{prefix}-desc">{html.escape(description)}</desc>{inside.rstrip()}'
    )
