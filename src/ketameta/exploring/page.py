"""Pieces of HTML of the interactive view, legible on light and dark pages."""

from __future__ import annotations

import html

from ketameta._render import plain
from ketameta.curves import DurabilityCurve
from ketameta.exploring.view import Answer
from ketameta.models import Pooled

__all__ = ["account", "code_block", "course_words", "failure", "pooled_card"]

_SOFT = "background:rgba(127,127,127,.13);border-radius:6px;padding:.6em .9em;line-height:1.4"
_SMALL = "margin:.25em 0;font-size:90%;line-height:1.4"


def pooled_card(answer: Answer[Pooled]) -> str:
    """The pooled result, or why there is none."""
    if answer.result is None:
        return _reason("No pooled result", answer.reason)
    chosen = "" if answer.selection is None else _paragraph(answer.selection.sentence(), _SMALL)
    shown = chosen + answer.result._repr_html_() + _said(answer, answer.result.notes)
    return shown + (_reason("No forest plot", answer.reason) if answer.reason else "")


def course_words(answer: Answer[DurabilityCurve]) -> str:
    """The curve over time in words, or why there is none."""
    if answer.result is None:
        return _reason("No curve over time", answer.reason)
    curve = answer.result
    shown = _paragraph(curve.sentence()) + _said(answer, curve.notes)
    shown += _paragraph(curve.method_line(), f"{_SMALL};opacity:.75")
    return shown + (_reason("No figure", answer.reason) if answer.reason else "")


def account(answer: Answer[Pooled]) -> str:
    """What was selected for the pool, and what was left out and why."""
    return "" if answer.selection is None else answer.selection._repr_html_()


def code_block(code: str) -> str:
    """Code to be copied."""
    return (
        f"<pre aria-label='Code that gives these results' "
        f"style='{_SOFT};margin:0;overflow-x:auto;line-height:1.4;color:inherit'>{html.escape(code)}</pre>"
    )


def failure(error: Exception) -> str:
    """A fault of the program, told in one line."""
    return _reason("This could not be computed", f"{type(error).__name__}: {error}")


def _said(answer: Answer[Pooled] | Answer[DurabilityCurve], notes: tuple[str, ...]) -> str:
    """Warnings that do not stand in the notes of the result."""
    return "".join(_paragraph(f"Note: {text}", _SMALL) for text in answer.said if text not in notes)


def _reason(title: str, reason: str) -> str:
    return f"<div style='{_SOFT}'><strong>{_text(title)}.</strong> {_text(reason)}</div>"


def _paragraph(text: str, look: str = "margin:.3em 0;line-height:1.4") -> str:
    return f"<p style='{look}'>{_text(text)}</p>"


def _text(text: str) -> str:
    return html.escape(plain(text))
