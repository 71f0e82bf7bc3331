"""The data travel in the wheel, and load from it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    target = folder / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_data_files_are_in_the_wheel(unpacked):
    packed = {path.name for path in (unpacked / "ketameta" / "data").iterdir()}
    assert packed >= {path.name for path in (ROOT / "data").iterdir() if path.is_file()}
    assert (unpacked / "ketameta" / "py.typed").exists()


def test_trials_load_from_the_wheel_and_are_the_same(unpacked):
    code = (
        f"import sys; sys.path.insert(0, {str(unpacked)!r}); import ketameta; "
        "print(ketameta.__file__); print(ketameta.load_trials().attrs['ketameta']['sha256'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=unpacked
    )
    file, digest = done.stdout.split()
    assert file.startswith(str(unpacked))
    import ketameta

    assert digest == ketameta.load_trials().attrs["ketameta"]["sha256"]
