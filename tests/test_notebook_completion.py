"""Completion by the Tab key in IPython: public names and nothing else."""

import importlib
import json
import subprocess
import sys

import pytest

import ketameta as km

pytest.importorskip("IPython")

ROOMS = ("evidence", "effects", "models", "curves", "plots", "reporting", "errors")
ASK = """
import json, sys, warnings
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.Completer.use_jedi = sys.argv[1] == "jedi"
shell.run_cell('''
import ketameta as km
import ketameta.evidence, ketameta.effects, ketameta.models, ketameta.curves, ketameta.plots, ketameta.reporting
fit = km.pool(yi=[-1.0, -0.5, -0.8], vi=[0.1, 0.1, 0.2])
provenance = fit.provenance
''')
found = {}
for text in json.loads(sys.argv[2]):
    with provisionalcompleter():
        found[text] = [each.text.lstrip(".") for each in shell.Completer.completions(text, len(text))]
print("\\n" + json.dumps(found))
"""


@pytest.fixture(scope="module", params=["jedi", "plain"])
def completed(request):
    asked = ["km.", "km.s", "fit.", "provenance.", *(f"km.{room}." for room in ROOMS)]
    done = subprocess.run(
        [sys.executable, "-c", ASK, request.param, json.dumps(asked)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_the_package_offers_its_public_names(completed):
    assert set(completed["km."]) == set(km.__all__) - {"__version__"}
    assert set(completed["km.s"]) == {name for name in km.__all__ if name.startswith("s")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_package_inside_offers_its_public_names(completed, room):
    assert set(completed[f"km.{room}."]) == set(importlib.import_module(f"ketameta.{room}").__all__)


def test_a_result_offers_fields_and_methods(completed):
    assert {"estimate", "ci_low", "to_frame", "sentence", "provenance"} <= set(completed["fit."])
    assert {"n_rows", "line"} <= set(completed["provenance."])
    assert not any(name.startswith("_") for name in completed["fit."] + completed["provenance."])
