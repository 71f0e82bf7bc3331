"""Help texts as IPython shows them: one screen of signature, every parameter explained, an example."""

import importlib
import inspect
import re
import subprocess
import sys

import pytest

import ketameta as km

pytest.importorskip("IPython")

ROOMS = ("evidence", "effects", "models", "curves", "plots", "reporting")
FUNCTIONS = {
    name: value
    for room in ROOMS
    for name, value in vars(importlib.import_module(f"ketameta.{room}")).items()
    if inspect.isfunction(value) and not name.startswith("_")
}
PUBLIC = sorted(name for name in km.__all__ if inspect.isfunction(getattr(km, name)))
LEADING = {"regress": 2, "subgroups": 2, "counts": 4, "load_trials": 0, "multiverse": 3, "methods_text": 0}
"""Arguments by position of the functions that do not take exactly one; any number of results counts as none."""


def sections(function):
    return set(re.findall(r"^(\w+)\n-{3,}$", inspect.getdoc(function), flags=re.MULTILINE))


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_section_is_there(name):
    function = FUNCTIONS[name]
    wanted = {"Returns", "Examples"} | ({"Parameters"} if inspect.signature(function).parameters else set())
    if "raise " in inspect.getsource(function):
        wanted |= {"Raises"}
    assert wanted <= sections(function)
    assert len(inspect.getdoc(function).split("\n")[0]) <= 120


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_parameter_is_explained_and_typed(name):
    function = FUNCTIONS[name]
    text = inspect.getdoc(function).partition("Parameters\n")[2].partition("\nReturns\n")[0]
    said = {
        word for line in re.findall(r"^\S.*$", text, flags=re.MULTILINE) for word in re.findall(r"\w+", line)
    }
    signature = inspect.signature(function)
    assert set(signature.parameters) <= said
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        assert "Optional[" not in str(parameter.annotation)
        assert "Union[" not in str(parameter.annotation)
        assert parameter.kind is not inspect.Parameter.VAR_KEYWORD


@pytest.mark.parametrize("name", PUBLIC)
def test_all_but_the_first_argument_are_given_by_name(name):
    parameters = inspect.signature(getattr(km, name)).parameters.values()
    leading = [each for each in parameters if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert len(leading) == LEADING.get(name, 1)


@pytest.fixture(scope="module")
def shown():
    code = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("import ketameta as km")
for name in {PUBLIC}:
    print("\\f" + name + "\\n" + shell.object_inspect_mime("km." + name)["text/plain"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    pages = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).split("\f")[1:]
    return dict(page.split("\n", 1) for page in pages)


@pytest.mark.parametrize("name", PUBLIC)
def test_ipython_shows_signature_and_text(shown, name):
    signature, _, text = shown[name].partition("Docstring:")
    assert f"km.{name}(" in signature
    assert len(signature.split("\n")) <= 22
    assert max(map(len, signature.split("\n"))) <= 140
    assert text.strip().startswith(inspect.getdoc(getattr(km, name)).split("\n")[0])


def test_options_write_themselves_by_what_was_changed():
    assert repr(km.CurveOptions()) == "CurveOptions()"
    assert repr(km.CurveOptions(degree=3, windows=[0, 36])) == "CurveOptions(degree=3, windows=(0.0, 36.0))"
    assert repr(km.MultilevelOptions(fixed={"tau2": 0.1})) == "MultilevelOptions(fixed={'tau2': 0.1})"
    assert repr(km.PoolOptions(rng=7)) == "PoolOptions(rng=7)"
