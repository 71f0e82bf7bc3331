"""Draw the pictures of the pages: each shows what ``ax`` is at that point of the page's code.

Run it as ``python docs/pictures.py``.
"""

from __future__ import annotations

import doctest
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "_static"
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "figures.md",
    ROOT / "docs" / "published.md",
    ROOT / "docs" / "would_it_stand.md",
)
_PICTURE = re.compile(r"^!\[.*\]\((?:docs/)?_static/(\w+)\.png\)$", flags=re.MULTILINE)


def drawn(page: Path) -> Iterator[tuple[str, Any]]:
    """Name of each picture of a page, and the axes that its code has drawn there."""
    text, names, start = page.read_text(encoding="utf-8"), {}, 0
    for picture in _PICTURE.finditer(text):
        for example in doctest.DocTestParser().get_examples(text[start : picture.start()]):
            exec(compile(example.source, str(page), "single"), names)
        start = picture.end()
        yield picture[1], names["ax"]


def main() -> None:
    """Write all pictures."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.pyplot import close

    from ketameta.plots import save

    warnings.simplefilter("ignore")
    for page in PAGES:
        for name, ax in drawn(page):
            print(*save(ax, FOLDER / name, formats=("png",), dpi=200))
            close("all")


if __name__ == "__main__":
    main()
