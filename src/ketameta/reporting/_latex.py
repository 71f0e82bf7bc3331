r"""Text as it stands in a BibTeX value, and back; and in the prose of a paper."""

from __future__ import annotations

import re
import unicodedata

from ketameta._render import plain

__all__ = ["from_latex", "to_latex", "to_prose"]

_ACCENTS = {
    "`": "\u0300",
    "'": "\u0301",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    ".": "\u0307",
    '"': "\u0308",
    "r": "\u030a",
    "H": "\u030b",
    "v": "\u030c",
    "c": "\u0327",
    "k": "\u0328",
    "u": "\u0306",
}
_MARKS = {mark: command for command, mark in _ACCENTS.items()}
_NAMED = {
    "\\": r"\textbackslash",
    "{": r"\textbraceleft",
    "}": r"\textbraceright",
    "~": r"\textasciitilde",
    "^": r"\textasciicircum",
    "\u2013": r"\textendash",
    "\u2014": r"\textemdash",
    "\u2018": r"\textquoteleft",
    "\u2019": r"\textquoteright",
    "\u201c": r"\textquotedblleft",
    "\u201d": r"\textquotedblright",
    "ł": r"\l",
    "Ł": r"\L",
    "ø": r"\o",
    "Ø": r"\O",
    "ß": r"\ss",
    "æ": r"\ae",
    "Æ": r"\AE",
    "œ": r"\oe",
    "Œ": r"\OE",
}
_GREEK = "alpha beta gamma delta epsilon kappa lambda mu pi rho sigma tau phi chi Delta Omega"
_MATHS = {
    "\u2212": "$-$",
    "∞": r"$\infty$",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "≈": r"$\approx$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≠": r"$\neq$",
    "→": r"$\to$",
    "…": r"\ldots{}",
    **{letter: rf"$\{name}$" for letter, name in zip("αβγδεκλμπρστφχΔΩ", _GREEK.split(), strict=True)},
}
_ESCAPED = frozenset("&%$#_")
_COMMANDS = {command: text for text, command in _NAMED.items()}
_LONGEST_FIRST = sorted(_COMMANDS, key=len, reverse=True)
_READ = re.compile(
    r"(?P<named>" + "|".join(map(re.escape, _LONGEST_FIRST)) + r")"
    r"|\\(?P<plain>[&%$#_])"
    r"|\\(?P<accent>[`'^~=.\"]|[rHvcku](?=[ {]))\s*\{?(?P<letter>\\?[A-Za-z])\}?"
)


def to_latex(text: str) -> str:
    r"""Text with every character that LaTeX or BibTeX would read as a command written out.

    Braces are named and not escaped: BibTeX counts them even after a backslash. Letters without an accent known here stay
    as they are, in UTF-8; control characters become spaces.

    Examples
    --------
    >>> from ketameta.reporting._latex import to_latex
    >>> print(to_latex("50% of {Müller} & Łoś"))
    50\% of \textbraceleft{}M{\"u}ller\textbraceright{} \& {\L}o{\'s}
    """
    return "".join(map(_encoded, " ".join(text.split())))


def to_prose(text: str) -> str:
    r"""Text of a sentence or table in LaTeX: :func:`to_latex`, with mathematical signs and Greek letters as mathematics.

    Examples
    --------
    >>> from ketameta.reporting._latex import to_prose
    >>> print(to_prose("\u22120.5 < 1 | study"))
    $-$0.5 $<$ 1 $|$ study
    """
    return "".join(_MATHS.get(c, c) for c in to_latex(plain(text)))


def _encoded(character: str) -> str:
    if character in _ESCAPED:
        return f"\\{character}"
    if character in _NAMED:
        command = _NAMED[character]
        return f"{{{command}}}" if character.isalpha() else f"{command}{{}}"
    if character.isascii():
        return character if character.isprintable() else " "
    parts = unicodedata.normalize("NFD", character)
    if len(parts) == 2 and parts[0].isascii() and parts[1] in _MARKS:
        command = _MARKS[parts[1]]
        space = " " if command.isalpha() else ""
        return f"{{\\{command}{space}{parts[0]}}}"
    return character


def from_latex(text: str) -> str:
    r"""Text of a BibTeX value whose grouping braces were taken away.

    Examples
    --------
    >>> from ketameta.reporting._latex import from_latex
    >>> from_latex(r"Pawe\l and G\'alvez: Child \& Adolescent")
    'Paweł and Gálvez: Child & Adolescent'
    """
    return _READ.sub(_decoded, text)


def _decoded(found: re.Match[str]) -> str:
    if found["named"]:
        return _COMMANDS[found["named"]]
    if found["plain"]:
        return found["plain"]
    return unicodedata.normalize("NFC", found["letter"].lstrip("\\") + _ACCENTS[found["accent"]])
