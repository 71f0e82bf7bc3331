"""Build the sdist and the wheel into ``dist/``, and try them as someone does who has no checkout.

``make dist`` runs it. It stops at the first thing that is wrong, and says what.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
CONSTRAINTS = ROOT / "constraints.txt"


def main() -> None:
    """Build, compare, install and try."""
    tracked = tracked_files()
    shutil.rmtree(DIST, ignore_errors=True)
    say("building the sdist and the wheel from the checkout")
    build(ROOT, DIST, "--sdist", "--wheel", "--no-isolation")
    sdist, wheel = only(DIST, "*.tar.gz"), only(DIST, "*.whl")
    with tempfile.TemporaryDirectory(prefix="ketameta-dist-") as scratch:
        away = Path(scratch)
        source = unpack(sdist, away)
        if tracked:
            same("the sdist and the files that git tracks", files_of(source) - {"PKG-INFO"}, tracked)
        say("building the wheel again, from the sdist, with no tool but those that pyproject.toml asks for")
        build(source, away / "again", "--wheel")
        packed = contents(wheel)
        compare(packed, contents(only(away / "again", "*.whl")))
        if tracked:
            same("the wheel and the tracked package with its data", package_of(packed), package_in(tracked))
        version = metadata(packed, (source / "PKG-INFO").read_bytes())
        say("installing the wheel into a new environment")
        python = install(wheel, away / "venv")
        elsewhere = away / "elsewhere"
        elsewhere.mkdir()
        try_out(python, elsewhere, source, version)
    say(f"{sdist.name} and {wheel.name} are good: {DIST.relative_to(ROOT)}/")


def tracked_files() -> set[str]:
    """Files that git tracks; none, and a word of it, where this is no checkout that git reads."""
    asked = ("git", "-c", f"safe.directory={ROOT}", "ls-files")
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        say(f"git cannot list the files, so that nothing is held against them: {done.stderr.strip()}")
    return set(done.stdout.splitlines())


def build(source: Path, target: Path, *options: str) -> None:
    """Build with PyPA build."""
    run(
        sys.executable,
        *("-m", "build", *options, "--outdir", str(target), str(source)),
        env={"PIP_CONSTRAINT": str(CONSTRAINTS)},
    )


def unpack(sdist: Path, target: Path) -> Path:
    """Unpack an sdist; return its one folder."""
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and later
        archive.extractall(target)
    return target / sdist.name.removesuffix(".tar.gz")


def files_of(folder: Path) -> set[str]:
    """Files under a folder, relative to it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def contents(wheel: Path) -> dict[str, bytes]:
    """Each file of a wheel, with its bytes."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def package_of(packed: Mapping[str, bytes]) -> set[str]:
    """Files of a wheel apart from its metadata."""
    return {name for name in packed if not name.split("/")[0].endswith(".dist-info")}


def package_in(tracked: set[str]) -> set[str]:
    """Where the tracked files of the package and the data stand in a wheel."""
    code = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    return code | {f"ketameta/{name}" for name in tracked if name.startswith("data/")}


def compare(first: Mapping[str, bytes], second: Mapping[str, bytes]) -> None:
    """The wheel from the checkout and the one from the sdist are the same, byte by byte."""
    same("the wheel from the checkout and the one from the sdist", set(first), set(second))
    different = sorted(name for name in first if first[name] != second[name])
    if different:
        stop(f"the wheel from the sdist has other bytes in {different}")


def metadata(packed: Mapping[str, bytes], information: bytes) -> str:
    """Metadata that are valid and the same in both; return the version."""
    (name,) = (name for name in packed if name.endswith(".dist-info/METADATA"))
    if packed[name] != information:
        stop("the metadata of the wheel and of the sdist differ")
    try:
        said = Metadata.from_email(information, validate=True)
    except ExceptionGroup as group:
        stop(f"the metadata are not valid: {'; '.join(str(error) for error in group.exceptions)}")
    if said.description_content_type != "text/markdown" or not said.description:
        stop("the README is not in the metadata, or is not marked as Markdown")
    absent = [f for f in said.license_files or () if name.replace("METADATA", f"licenses/{f}") not in packed]
    if absent or not said.license_files:
        stop(f"licence files that the wheel lacks: {absent or 'all'}")
    return str(said.version)


def install(wheel: Path, folder: Path) -> Path:
    """Install the wheel alone into a new environment, in pinned versions; return its python."""
    run(sys.executable, "-m", "venv", str(folder))
    python = folder / "bin" / "python"
    run(
        str(python),
        *("-m", "pip", "install", "--quiet", "--no-compile", str(wheel)),
        env={"PIP_CONSTRAINT": str(CONSTRAINTS)},
    )
    run(str(python), "-m", "pip", "check")
    return python


def try_out(python: Path, folder: Path, source: Path, version: str) -> None:
    """Import, command line, packaged data, the pools and figures of the README, and an example."""
    say("import")
    code = "import ketameta; print(ketameta.__version__); print(ketameta.__file__)"
    said, file = run(str(python), "-I", "-c", code, cwd=folder).splitlines()
    home = Path(file).parent
    if said != version or not home.is_relative_to(python.parents[1]):
        stop(f"expected version {version} of the new environment, found {said} in {home}")
    say("command line")
    ketameta = (str(python), "-I", "-m", "ketameta")
    if "check" not in run(*ketameta, "--help", cwd=folder):
        stop("python -m ketameta --help does not name its commands")
    said = run(str(python.parent / "ketameta"), "--version", cwd=folder).strip()
    if said != f"ketameta {version}":
        stop(f"ketameta --version said {said!r}")
    say("check of the packaged data")
    said = run(*ketameta, "check", str(home / "data" / "trials.csv"), cwd=folder, statuses=(0, 1))
    if "no errors" not in said:
        stop(f"the packaged data have errors:\n{said}")
    say("the README, line by line: pool, curve, figures, citation")
    options = ("-o", "NORMALIZE_WHITESPACE", "-o", "ELLIPSIS")
    run(str(python), "-I", "-m", "doctest", *options, str(source / "README.md"), cwd=folder)
    say("a forest plot, by the first example")
    run(str(python), "-I", str(source / "examples" / "01_pooled_estimate.py"), cwd=folder)
    if (folder / "out" / "example_forest.png").stat().st_size < 5000:
        stop("the forest plot is empty")


def run(
    *command: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None, statuses: Sequence[int] = (0,)
) -> str:
    """Run a command that sees neither the checkout nor a display; return what it prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, "MPLBACKEND": "Agg", **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode not in statuses:
        stop(f"{' '.join(command)}\nended with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def same(what: str, first: set[str], second: set[str]) -> None:
    """Stop where two lists of files differ."""
    if first != second:
        stop(
            f"{what} differ; only in the first: {sorted(first - second)}; only in the second: {sorted(second - first)}"
        )


def only(folder: Path, pattern: str) -> Path:
    """The one file of a folder that matches."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        stop(f"{folder} should hold one {pattern}, and holds {[path.name for path in found]}")
    return found[0]


def say(words: str) -> None:
    """One line of progress."""
    print(f"dist: {words}", flush=True)


def stop(words: str) -> None:
    """End with a message."""
    sys.exit(f"dist: WRONG: {words}")


if __name__ == "__main__":
    main()
