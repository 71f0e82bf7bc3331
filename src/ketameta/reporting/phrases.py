"""Sentences that cite, and their text, Markdown and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ketameta._render import plain, plural
from ketameta.reporting._latex import to_prose
from ketameta.reporting.citing import software_and_data
from ketameta.reporting.method_references import REFERENCES
from ketameta.reporting.references import Reference

__all__ = ["Sentence", "degrees", "listed", "markdown_of", "named", "said"]

_MARKED = re.compile(r"([\\`*_{}\[\]<>@#|~^$])")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words without their full stop, and the keys of what they cite.

    Attributes
    ----------
    words : str
        Plain words.
    keys : tuple of str
        Works cited at the end.
    """

    words: str
    keys: tuple[str, ...] = ()

    def text(self, names: dict[str, str]) -> str:
        """The sentence with authors and years in parentheses, by key."""
        cited = f" ({'; '.join(names[key] for key in self.keys)})" if self.keys else ""
        return f"{plain(' '.join(self.words.split()))}{cited}."

    @property
    def markdown(self) -> str:
        """The sentence in Markdown, with citations as Pandoc reads them."""
        cited = f" [{'; '.join(f'@{key}' for key in self.keys)}]" if self.keys else ""
        return f"{markdown_of(self.words)}{cited}."

    @property
    def latex(self) -> str:
        r"""The sentence in LaTeX, with ``\citep`` of natbib."""
        cited = f" \\citep{{{','.join(self.keys)}}}" if self.keys else ""
        return f"{to_prose(' '.join(self.words.split()))}{cited}."


def said(words: str, *keys: str) -> Sentence:
    """A sentence and what it cites, each once."""
    return Sentence(words, tuple(dict.fromkeys(keys)))


def degrees(df: float) -> str:
    """Degrees of freedom in words, a broken number with two decimals.

    Examples
    --------
    >>> from ketameta.reporting.phrases import degrees
    >>> degrees(1.0), degrees(1499.0), degrees(3.3512)
    ('1 degree of freedom', '1499 degrees of freedom', '3.35 degrees of freedom')
    """
    if float(df).is_integer():
        return f"{plural(int(df), 'degree')} of freedom"
    return f"{df:.2f} degrees of freedom"


def listed(parts: Sequence[str], last: str = "and") -> str:
    """Parts as words.

    Examples
    --------
    >>> from ketameta.reporting.phrases import listed
    >>> listed(["a", "b", "c"]), listed(["a", "b"], "or"), listed(["a"])
    ('a, b and c', 'a or b', 'a')
    """
    *most, end = parts
    return f"{', '.join(most)} {last} {end}" if most else end


def markdown_of(text: str) -> str:
    r"""Text on one line with every character escaped that Markdown would read as a mark.

    Examples
    --------
    >>> from ketameta.reporting.phrases import markdown_of
    >>> print(markdown_of("1 | study_id"))
    1 \| study\_id
    """
    return _MARKED.sub(r"\\\1", plain(" ".join(text.split())))


def named(keys: Sequence[str]) -> dict[str, str]:
    """Authors and year of works, by key; a letter tells apart those that are alike."""
    known = {work.key: work for work in software_and_data()} | REFERENCES
    names = {key: _author_year(known[key]) for key in keys}
    alike: dict[str, list[str]] = {}
    for key, name in names.items():
        alike.setdefault(name, []).append(key)
    for name, same in alike.items():
        if len(same) > 1:
            names |= {key: f"{name}{letter}" for key, letter in zip(same, "abcdefghij", strict=False)}
    return names


def _author_year(work: Reference) -> str:
    families = [family for family, _ in work.authors]
    who = f"{families[0]} et al." if work.others or len(families) > 2 else " and ".join(families)
    return f"{who}, {work.year}"
