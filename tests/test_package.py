"""The package as a whole: public names, light import, citation files that agree."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ketameta

ROOT = Path(__file__).resolve().parents[1]


def test_public_names_are_there_and_nothing_else():
    assert set(dir(ketameta)) == set(ketameta.__all__)
    for name in ketameta.__all__:
        assert getattr(ketameta, name) is not None


def test_public_functions_keep_their_names_when_packages_are_imported_first():
    for package in ("evidence", "effects", "models", "curves", "plots", "reporting", "exploring"):
        importlib.import_module(f"ketameta.{package}")
    assert all(callable(getattr(ketameta, name)) for name in ketameta.__all__ if name != "__version__")


def test_unknown_name():
    with pytest.raises(AttributeError, match="nonsense"):
        ketameta.nonsense  # noqa: B018


def test_import_is_light():
    code = "import sys, ketameta; heavy = {'matplotlib', 'forestplot', 'statsmodels', 'scipy'} & set(sys.modules); print(heavy)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_version_stands_in_one_place_and_the_citation_agrees():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    versions = re.findall(r"^\s*version: (\S+)$", citation, flags=re.M)
    package = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    assert versions == [ketameta.__version__, package["version"]]
    assert f"## {ketameta.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_dependency_is_pinned():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for group in project["optional-dependencies"].values():
        wanted += group
    names = {re.split(r"[<>=\[]", item)[0].lower().replace("_", "-") for item in wanted}
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    assert names <= pinned, names - pinned


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(AttributeError, match=r"no attribute 'selct'; did you mean 'select'\?$"):
        _ = ketameta.selct
