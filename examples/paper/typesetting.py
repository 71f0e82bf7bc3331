"""From the template to a page: placeholders, a little Markdown, numbers of figures, tables and references.

The template is Markdown of headings, paragraphs, ``*emphasis*``, ``**strong**`` and ``[@key; @key]``. Beyond that:

- ``{{name}}`` is a value, ``{{figure.name}}`` and ``{{table.name}}`` the number of an exhibit, with a link;
- ``{{if name: words}}`` is a claim in words, printed as long as it holds;
- ``::: figure name`` ... ``:::`` (or ``table``, ``supplement``) places an exhibit with its caption, ``::: abstract`` ... ``:::`` sets off a part.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PaperError", "Sources", "typeset_page"]

_PLACEHOLDER = re.compile(r"\{\{\s*(?:if\s+(?P<claim>[\w.]+):\s*(?P<words>[^{}]+?)|(?P<name>[\w.]+))\s*\}\}")
_CITED = re.compile(r"(?P<space>\s*)\[(?P<keys>@[\w:.-]+(?:; @[\w:.-]+)*)\](?P<stop>[.,;:]?)")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]<>@#|~^$])")
_STRONG, _EMPHASIS = re.compile(r"\*\*(.+?)\*\*", re.S), re.compile(r"(?<!\*)\*(?!\*)(.+?)\*", re.S)
_CODE = re.compile(r"`([^`]+)`")
_BLOCK = re.compile(r"^::: (?P<kind>\w+)(?: (?P<name>\w+))?\n(?P<body>.*?)^:::$", re.M | re.S)
_KINDS = {"figure": "Figure ", "table": "Table ", "supplement": "Table S"}


class PaperError(Exception):
    """The manuscript and its results do not fit together."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a template may name: values, claims, exhibits (by kind and name, HTML) and references (HTML)."""

    values: Mapping[str, str]
    claims: Mapping[str, bool]
    exhibits: Mapping[tuple[str, str], str]
    references: Mapping[str, str]


def typeset_page(template: str, sources: Sources) -> str:
    """Body of the page.

    Raises
    ------
    PaperError
        When a name is unknown, a value, claim or exhibit is not used, or a claim no longer holds.
    """
    labels = _labels(template, sources)
    filled = _fill(template, sources, labels)
    parts, end = [], 0
    for block in _BLOCK.finditer(filled):
        parts += [_paragraphs(filled[end : block.start()]), _block(block, sources, labels)]
        end = block.end()
    parts.append(_paragraphs(filled[end:]))
    return _cite("\n".join(filter(None, parts)), sources.references)


def _fill(template: str, sources: Sources, labels: Mapping[str, str]) -> str:
    used: set[str] = set()

    def one(found: re.Match[str]) -> str:
        claim, name = found["claim"], found["name"]
        used.add(name or f"if {claim}")
        if claim:
            if claim not in sources.claims:
                raise PaperError(f"{{{{if {claim}: ...}}}}: there is no such claim")
            if not sources.claims[claim]:
                raise PaperError(f"the claim {claim} no longer holds: {' '.join(found['words'].split())!r}")
            return str(found["words"])
        if name in labels:
            return f"<a href='#{name.replace('.', '-')}'>{labels[name]}</a>"
        if name not in sources.values:
            raise PaperError(f"{{{{{name}}}}}: there is no such value")
        return sources.values[name]

    filled = _PLACEHOLDER.sub(one, template)
    if "{{" in filled or "}}" in filled:
        raise PaperError(
            f"a placeholder is written wrongly, near {filled[max(0, filled.find('{{') - 20) :][:60]!r}"
        )
    wanted = {*sources.values, *(f"if {name}" for name in sources.claims), *labels}
    if unused := sorted(wanted - used):
        raise PaperError(f"not used in the text: {', '.join(unused)}")
    named = list(
        dict.fromkeys(name for found in _PLACEHOLDER.finditer(template) if (name := found["name"]) in labels)
    )
    for kind in _KINDS:
        order = [labels[name] for name in named if name.startswith(f"{kind}.")]
        if order != sorted(order):
            raise PaperError(f"named in the text in another order than they are numbered: {', '.join(order)}")
    return filled


def _labels(template: str, sources: Sources) -> dict[str, str]:
    """Label of each exhibit, such as ``Table S1``, numbered as they are placed."""
    placed = [
        (found["kind"], found["name"]) for found in _BLOCK.finditer(template) if found["kind"] in _KINDS
    ]
    if len(set(placed)) != len(placed):
        raise PaperError("a figure or table is placed twice")
    if lost := sorted(set(placed) ^ set(sources.exhibits)):
        raise PaperError(f"placed without being made, or made without being placed: {lost}")
    found = {}
    for kind in _KINDS:
        for i, (_, name) in enumerate((each for each in placed if each[0] == kind), 1):
            found[f"{kind}.{name}"] = f"{_KINDS[kind]}{i}"
    return found


def _block(block: re.Match[str], sources: Sources, labels: Mapping[str, str]) -> str:
    kind, name, body = block["kind"], block["name"], block["body"]
    if kind not in _KINDS:
        return f"<div class='{kind}'>\n{_paragraphs(body)}\n</div>"
    label = labels[f"{kind}.{name}"]
    caption = f"<figcaption>{_paragraphs(f'**{label}.** {body}')}</figcaption>"
    exhibit = f"<div class='exhibit'>{sources.exhibits[kind, name]}</div>"
    inside = exhibit + caption if kind == "figure" else caption + exhibit
    return f"<figure class='{kind}' id='{kind}-{name}'>{inside}</figure>"


def _paragraphs(text: str) -> str:
    """Headings and paragraphs, apart by empty lines."""
    made = []
    for part in filter(None, (each.strip() for each in re.split(r"\n\s*\n", text))):
        heading = re.fullmatch(r"(#{1,4}) (.+)", part, re.S)
        tag = f"h{len(heading[1])}" if heading else "p"
        anchor = f" id='{heading[2].lower().replace(' ', '-')}'" if tag == "h2" else ""
        made.append(f"<{tag}{anchor}>{_inline(heading[2] if heading else part)}</{tag}>")
    return "\n".join(made)


def _inline(text: str) -> str:
    """Emphasis, code and escapes; links to exhibits stay as they are."""
    kept: list[str] = []

    def keep(made: str) -> str:
        kept.append(made)
        return f"\x00{len(kept) - 1}\x00"

    text = re.sub(r"<a href='#[\w-]+'>[\w ]+</a>", lambda link: keep(link[0]), text)
    text = _CODE.sub(lambda code: keep(f"<code>{html.escape(code[1])}</code>"), text)
    text = _ESCAPED.sub(lambda mark: keep(html.escape(mark[1])), text)
    text = html.escape(text, quote=False)
    text = _EMPHASIS.sub(r"<em>\1</em>", _STRONG.sub(r"<strong>\1</strong>", text))
    return re.sub("\x00(\\d+)\x00", lambda mark: kept[int(mark[1])], text)


def _cite(page: str, references: Mapping[str, str]) -> str:
    """Number citations as they appear, behind the stop that follows them, and list what they name."""
    order: dict[str, int] = {}

    def one(found: re.Match[str]) -> str:
        keys = [key.removeprefix("@") for key in found["keys"].split("; ")]
        for key in keys:
            if key not in references:
                raise PaperError(f"[@{key}]: there is no such reference")
            order.setdefault(key, len(order) + 1)
        return f"{found['stop']}<sup>{_runs(sorted({order[key] for key in keys}))}</sup>"

    text = _CITED.sub(one, page)
    if "[@" in text:
        raise PaperError(f"a citation is written wrongly, near {text[text.find('[@') :][:40]!r}")
    items = "\n".join(f"<li id='reference-{number}'>{references[key]}</li>" for key, number in order.items())
    return text.replace("<p>REFERENCES</p>", f"<ol class='references'>\n{items}\n</ol>")


def _runs(numbers: list[int]) -> str:
    """Numbers with links, three or more in a row as first and last."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = []
    for run in runs:
        if len(run) > 2:
            told.append(f"{_link(run[0])}–{_link(run[-1])}")
        else:
            told += map(_link, run)
    return ",".join(told)


def _link(number: int) -> str:
    return f"<a href='#reference-{number}'>{number}</a>"
