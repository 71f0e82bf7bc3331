from __future__ import annotations

from pathlib import Path

import pytest

from ketameta.errors import DataError
from ketameta.evidence import location
from ketameta.evidence.location import data_file, data_folder


def _package(monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    package = root / "src" / "ketameta"
    package.mkdir(parents=True)
    monkeypatch.setattr(location, "_PACKAGE", package)
    return package


def test_a_wheel_carries_its_data_inside_the_package(monkeypatch, tmp_path):
    package = _package(monkeypatch, tmp_path)
    for folder in (package / "data", tmp_path / "data"):
        folder.mkdir()
        (folder / "datapackage.json").write_text("{}")
    assert data_folder() == package / "data"


def test_a_checkout_has_its_data_beside_the_sources(monkeypatch, tmp_path):
    package = _package(monkeypatch, tmp_path)
    (package / "data").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "datapackage.json").write_text("{}")
    assert data_folder() == tmp_path / "data"


def test_without_data_the_error_names_both_places(monkeypatch, tmp_path):
    package = _package(monkeypatch, tmp_path)
    with pytest.raises(DataError, match="not found") as caught:
        data_folder()
    assert str(package / "data") in str(caught.value)
    assert str(tmp_path / "data") in str(caught.value)


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(DataError, match=r"no file 'nothing\.csv'"):
        data_file("nothing.csv")
