"""docs/reference.md names every public function and class, once, and nothing that is not there."""

import importlib
import re
from functools import reduce
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "reference.md").read_text(encoding="utf-8")
LISTED = re.findall(r"^   (ketameta\.\S+)$", PAGE, flags=re.M)
PACKAGES = (
    "evidence",
    "effects",
    "effects.absolute",
    "models",
    "curves",
    "robustness",
    "plots",
    "reporting",
    "errors",
)


def target(name):
    """The object that a listed name means: attributes of the longest module in it."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[length:], module)
    raise AssertionError(name)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_stands_in_the_reference(package):
    module = importlib.import_module(f"ketameta.{package}")
    listed = {id(target(name)) for name in LISTED}
    assert [name for name in module.__all__ if id(getattr(module, name)) not in listed] == []


def test_public_names_of_the_top_stand_under_their_short_name():
    top = set(importlib.import_module("ketameta").__all__) - {"__version__"}
    assert {f"ketameta.{name}" for name in top} <= set(LISTED)


def test_nothing_stands_twice():
    objects = [id(target(name)) for name in LISTED]
    assert len(objects) == len(set(objects))
