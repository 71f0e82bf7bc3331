"""Render the manuscript: python examples/paper/render.py [--out out/paper]"""

from __future__ import annotations

import argparse
import html
import json
from collections.abc import Sequence
from pathlib import Path

from analyses import Analyses, analyse
from browser import NAMES, find_browser, print_pdf
from exhibits import figures, supplements, tables
from typesetting import Sources, typeset_page
from wording import claims, values

import ketameta as km
from ketameta.evidence import load_references
from ketameta.reporting import references_bib
from ketameta.reporting.citing import software_and_data
from ketameta.reporting.markup import link
from ketameta.reporting.method_references import REFERENCES
from ketameta.reporting.references import Reference, references_of

FOLDER = Path(__file__).resolve().parent
TEMPLATE = FOLDER / "manuscript.md"


def sources(of: Analyses, folder: Path) -> Sources:
    """Everything that the template may name; figures are drawn into a folder."""
    drawn = {("figure", name): page for name, page in figures(of, folder).items()}
    drawn |= {("table", name): page for name, page in tables(of).items()}
    drawn |= {("supplement", name): page for name, page in supplements(of).items()}
    works = {work.key: work for work in software_and_data()} | REFERENCES | references_of(load_references())
    return Sources(values(of), claims(of), drawn, {key: _reference(work) for key, work in works.items()})


def _reference(work: Reference) -> str:
    if not work.doi:
        return html.escape(work.text)
    known = f"doi:{work.doi}"
    return html.escape(work.text).replace(html.escape(known), link(f"https://doi.org/{work.doi}", known))


def page(template: str, given: Sources) -> str:
    """The whole HTML file."""
    title = next(line.removeprefix("# ") for line in template.splitlines() if line.startswith("# "))
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"<title>{html.escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<article>\n"
        f"{typeset_page(template, given)}\n</article>\n</body>\n</html>\n"
    )


def render(out: Path, of: Analyses, template: str | None = None) -> Path:
    """Write paper.html, its figures, numbers.json and references.bib; return the path of the page."""
    given = sources(of, out / "figures")
    written = page(TEMPLATE.read_text(encoding="utf-8") if template is None else template, given)
    (out / "paper.html").write_text(written, encoding="utf-8")
    numbers = {
        "values": dict(given.values),
        "claims": {name: bool(holds) for name, holds in given.claims.items()},
    }
    (out / "numbers.json").write_text(
        json.dumps(numbers, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (out / "references.bib").write_text(references_bib(*of.results), encoding="utf-8")
    return out / "paper.html"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Render the manuscript to HTML and, with a browser, to PDF.")
    parser.add_argument("--out", type=Path, default=Path("out/paper"), help="folder to write into")
    out = parser.parse_args(arguments).out
    written = render(out, analyse(km.load_trials()))
    print("Written:", written)
    browser = find_browser()
    if browser is None:
        print(f"No PDF: none of {', '.join(NAMES)} is on the path.")
    elif print_pdf(written, out / "paper.pdf", browser):
        print("Written:", out / "paper.pdf")
    else:
        print(f"No PDF: {browser} did not print one.")


if __name__ == "__main__":
    main()
