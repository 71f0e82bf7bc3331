"""The pages of the documentation: their code runs, here as doctests or when the site is built."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for path in (ROOT / "docs").rglob("*.md")
    if path.relative_to(ROOT / "docs").parts[0] not in {"data", "reference", "_build"}
)
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.M | re.S)
SHOWN_ONLY = {"explore.md"}
TESTED_ELSEWHERE = {"papers.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_code_of_a_page_is_run(page):
    """By the doctests of this suite, or as cells that the build of the site executes and stops at."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
    text, place = page.read_text(encoding="utf-8"), page.relative_to(ROOT).as_posix()
    blocks = BLOCK.findall(text)
    if page.name in SHOWN_ONLY | TESTED_ELSEWHERE:
        return
    assert all(block.startswith(">>>") for block in blocks), "write a doctest or a {code-cell}"
    if blocks:
        collected = [where for where in settings["ini_options"]["testpaths"] if place.startswith(where)]
        globs = [
            Path(place).match(glob)
            for glob in re.findall(r"--doctest-glob=(\S+)", settings["ini_options"]["addopts"])
        ]
        assert collected
        assert any(globs)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_a_page_with_cells_is_a_notebook(page):
    text = page.read_text(encoding="utf-8")
    assert ("```{code-cell}" in text) == text.startswith("---\nfile_format: mystnb\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_links_to_other_pages_lead_somewhere(page):
    made = ("data/", "reference/")
    for target in re.findall(r"\]\((?!https?:|#|<)([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert target.startswith(made) or (page.parent / target).exists(), target
