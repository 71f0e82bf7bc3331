"""Pictures of the pages show what the code of the pages draws today."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from ketameta.plots import describe

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/figures.md", "docs/published.md", "docs/would_it_stand.md")


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pictures", ROOT / "docs" / "pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES)
def test_pictures_carry_the_words_of_what_is_drawn_now(pictures: ModuleType, page: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, ax in pictures.drawn(ROOT / page):
            with Image.open(pictures.FOLDER / f"{name}.png") as picture:
                assert picture.info["Description"] == describe(ax), f"{name}: run python docs/pictures.py"
            plt.close("all")


def test_every_page_with_such_pictures_is_known(pictures: ModuleType) -> None:
    assert {page.relative_to(ROOT).as_posix() for page in pictures.PAGES} == set(PAGES)
