"""Where the data files are: inside an installed wheel, or beside the sources in a checkout."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ketameta.errors import DataError

__all__ = ["data_file", "data_folder", "data_sha256"]

DESCRIPTOR = "datapackage.json"
_PACKAGE = Path(__file__).resolve().parents[1]


def _candidates() -> tuple[Path, ...]:
    return (_PACKAGE / "data", _PACKAGE.parents[1] / "data")


def data_folder() -> Path:
    """Folder that holds ``datapackage.json`` and the CSV files.

    Returns
    -------
    pathlib.Path
        ``ketameta/data`` of an installed wheel, or ``data`` of a checkout.

    Raises
    ------
    DataError
        When neither is there.

    Examples
    --------
    >>> from ketameta.evidence.location import data_folder
    >>> (data_folder() / "datapackage.json").is_file()
    True
    """
    for folder in _candidates():
        if (folder / DESCRIPTOR).is_file():
            return folder
    looked = " and ".join(str(folder) for folder in _candidates())
    raise DataError(
        f"the data of ketameta were not found: there is no {DESCRIPTOR} in {looked}. "
        "Install the package from a wheel or in editable mode from a full checkout."
    )


def data_sha256(name: str) -> str:
    """SHA-256 of one data file, such as ``"trials.csv"``."""
    return hashlib.sha256(data_file(name).read_bytes()).hexdigest()


def data_file(name: str) -> Path:
    """Path of one data file, such as ``"trials.csv"``.

    Raises
    ------
    DataError
        When the folder has no file of that name.
    """
    path = data_folder() / name
    if not path.is_file():
        raise DataError(
            f"the data folder {path.parent} has no file {name!r}; the installation is not complete"
        )
    return path
