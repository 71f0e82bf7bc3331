"""CITATION.cff, codemeta.json, pyproject.toml, the data package, the README and cite() say the same."""

import json
import re
import tomllib
from pathlib import Path

import pytest

import ketameta

ROOT = Path(__file__).resolve().parents[1]


def scalar(text: str, name: str) -> str:
    """A plain or quoted value of a top-level key of CITATION.cff."""
    return re.search(rf'^{name}: "?([^"\n]*)"?$', text, flags=re.M)[1]


@pytest.fixture(scope="module")
def cff():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    names = ("cff-version", "message", "title", "type", "version", "date-released", "license")
    folded = re.search(r"^abstract: >-\n((?:  .*\n)+)", text, flags=re.M)[1]
    data = text.split("references:\n")[1]
    return {
        **{name: scalar(text, name) for name in names},
        "abstract": " ".join(folded.split()),
        "keywords": re.search(r"^keywords: \[(.*)\]$", text, flags=re.M)[1].split(", "),
        "authors": re.search(r'^authors:\n  - name: "(.*)"$', text, flags=re.M)[1],
        "data": {
            name: re.search(rf'^ +(?:- )?{name}: "?([^"\n]*)"?$', data, flags=re.M)[1]
            for name in ("type", "title", "version", "license", "name")
        },
    }


@pytest.fixture(scope="module")
def codemeta():
    return json.loads((ROOT / "codemeta.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_citation_file_has_what_its_format_requires(cff):
    assert cff["cff-version"] == "1.2.0"
    assert cff["type"] == "software"
    assert all(cff[name] for name in ("message", "title", "authors"))
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", cff["date-released"])


def test_codemeta_names_its_context_and_type(codemeta):
    assert codemeta["@context"] == "https://w3id.org/codemeta/3.0"
    assert codemeta["@type"] == "SoftwareSourceCode"


def test_software_is_described_alike(cff, codemeta, project):
    assert codemeta["name"] == cff["title"]
    assert codemeta["version"] == cff["version"] == ketameta.__version__
    assert codemeta["datePublished"] == cff["date-released"]
    assert codemeta["description"] == cff["abstract"]
    assert cff["abstract"].startswith(f"{project['description']}. ")
    assert codemeta["keywords"] == cff["keywords"] == project["keywords"]
    assert codemeta["author"] == [{"@type": "Organization", "name": cff["authors"]}]
    assert project["authors"] == [{"name": cff["authors"]}]
    assert codemeta["programmingLanguage"]["version"] == project["requires-python"]


def test_licences_agree(cff, codemeta, project):
    both = [cff["license"], cff["data"]["license"]]
    assert " AND ".join(both) == project["license"]
    assert codemeta["license"] == [f"https://spdx.org/licenses/{name}" for name in both]


def test_data_set_is_described_alike(cff, codemeta):
    package = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    (part,) = codemeta["hasPart"]
    assert cff["data"]["type"] == "data"
    assert part["name"] == cff["data"]["title"]
    assert part["version"] == cff["data"]["version"] == package["version"]
    assert [cff["data"]["license"]] == [licence["name"] for licence in package["licenses"]]
    assert part["license"] == f"https://spdx.org/licenses/{cff['data']['license']}"
    assert part["creator"] == codemeta["author"]


def test_cite_says_what_the_files_say(cff):
    software, data = ketameta.cite().references
    assert software.title == cff["title"]
    assert (software.version, software.licence, software.date) == (
        cff["version"],
        cff["license"],
        cff["date-released"],
    )
    assert data.title == cff["data"]["title"]
    assert (data.version, data.licence) == (cff["data"]["version"], cff["data"]["license"])
    assert software.authors == data.authors == ((cff["authors"], ""),)


def test_readme_prints_the_citation():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f">>> print(km.cite().text)\n{ketameta.cite().text}\n" in readme
