"""docs/reference.md names every public function."""

import importlib
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "reference.md").read_text(encoding="utf-8")
DIRECTIVE = re.compile(
    r"^\.\. auto(?P<kind>function|class|module):: (?P<name>\S+)\n(?P<options>(?:   :.*\n?)*)", re.M
)


def documented(package: str) -> set[str]:
    """Names of a package that the directives of the page bring."""
    names = set()
    for found in DIRECTIVE.finditer(PAGE):
        if found["kind"] == "module" and found["name"] == package and ":members:" in found["options"]:
            left_out = re.search(r":exclude-members: (.*)", found["options"])
            members = set(importlib.import_module(package).__all__)
            names |= members - set(re.split(r",\s*", left_out[1]) if left_out else ())
        elif found["name"].startswith(f"{package}."):
            names.add(found["name"].removeprefix(f"{package}."))
    return names


@pytest.mark.parametrize("package", ["ketameta", "ketameta.effects"])
def test_every_public_name_stands_in_the_reference(package):
    top = documented("ketameta")
    wanted = set(importlib.import_module(package).__all__) - {"__version__"}
    assert wanted <= documented(package) | top
