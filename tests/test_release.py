"""What a release promises: versions tested at both ends, and a changelog that says which numbers changed."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import ketameta

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
RUN_TIME = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["fast"]]


def pins(name: str) -> dict[str, str]:
    """Exact versions of a file of constraints."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in wanted}


def releases() -> list[tuple[str, date, str]]:
    """Version, date and text of each release, newest first."""
    parts = re.split(r"^## (\S+) \((\d{4}-\d{2}-\d{2})\)$", CHANGELOG, flags=re.M)[1:]
    versions, dates, texts = parts[::3], parts[1::3], parts[2::3]
    return [(v, date.fromisoformat(d), text) for v, d, text in zip(versions, dates, texts, strict=True)]


@pytest.mark.parametrize("wanted", RUN_TIME)
def test_the_lowest_version_that_is_allowed_is_the_lowest_tested(wanted):
    requirement = Requirement(wanted)
    (bound,) = requirement.specifier
    assert bound.operator == ">="
    tested = pins("constraints-lowest.txt")[canonicalize_name(requirement.name)]
    assert Version(tested) == Version(bound.version)


@pytest.mark.parametrize("wanted", RUN_TIME)
def test_the_pinned_version_is_allowed(wanted):
    requirement = Requirement(wanted)
    assert requirement.specifier.contains(pins("constraints.txt")[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-lowest.txt"])
def test_constraints_are_exact(name):
    found = pins(name)
    assert len(found) > 20
    assert all(re.fullmatch(r"[0-9][0-9a-z.]*", version) for version in found.values())


def test_the_version_is_written_once_and_read_from_there():
    assert PROJECT["dynamic"] == ["version"]
    assert "version" not in PROJECT
    written = [path.name for path in (ROOT / "src").rglob("*.py") if ketameta.__version__ in code_of(path)]
    assert written == ["__about__.py"]


def code_of(path: Path) -> str:
    """What a file says outside the examples of its docstrings."""
    return re.sub(r'"""(?:.|\n)*?"""', "", path.read_text(encoding="utf-8"))


def test_every_heading_of_the_changelog_is_a_release():
    assert len(releases()) == len(re.findall(r"^## ", CHANGELOG, flags=re.M))


def test_the_top_release_is_this_version():
    assert releases()[0][0] == ketameta.__version__


def test_releases_stand_in_order():
    versions = [Version(version) for version, _, _ in releases()]
    dates = [day for _, day, _ in releases()]
    assert versions == sorted(set(versions), reverse=True)
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("release", releases(), ids=lambda release: release[0])
def test_each_release_says_which_numbers_changed(release):
    _, _, text = release
    (said,) = re.findall(r"^### Numbers that changed\n\n(.+)", text, flags=re.M)
    assert re.match(r"- |None\b", said)
