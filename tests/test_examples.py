"""Every example runs as it stands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("[0-9]*.py"))
EXPECTED = {
    "01_pooled_estimate.py": ["Pooled SMD", "inactive", "example_forest.png"],
    "02_durability.py": ["Half-life", "example_timecourse.png"],
    "03_your_own_trials.py": ["Was a standard error entered as a standard deviation?", "Pooled SMD"],
    "04_effect_sizes_from_papers.py": [
        "Murrough 2013 [KM0026]: SMD",
        "(2 sd_t sd_c) = ",
        "no whole number gives it",
        "2 treatment arms share a comparator",
        "standardise all by",
    ],
    "05_how_long_does_it_last.py": [
        "The curve moves most without lii2023",
        "only 1 trial measured both early and late",
        "No curve: all effects were measured at 24 h",
        "the curve of this trial",
        "Median time to relapse, comparator: 273 d (95% CI 97 d to not reached)",
        "example_how_long.png",
    ],
    "06_would_it_stand.py": [
        "Pooled SMD without each study",
        "Small-study effects, k = 7",
        "bias that takes the 95% interval to 0.00",
        "what 88 missing trials would have to show",
        "Multiverse of 1,119,744 universes: 448,416 possible",
        "example_specification_curve.png",
    ],
    "07_published_meta_analysis.py": [
        "Every printed digit comes out.",
        "Zhong 2016: sd_t = 0.256, sd_c = 0.256",
        "These 7 of 17 trials carry 38% of the weight.",
        "example_published.png",
    ],
}


def test_there_are_examples():
    assert {script.name for script in SCRIPTS} == set(EXPECTED)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script(script, tmp_path):
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for words in EXPECTED[script.name]:
        assert words in done.stdout
    for name in EXPECTED[script.name]:
        if name.endswith(".png"):
            assert (tmp_path / "out" / name).stat().st_size > 5000


def test_notebook(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(EXAMPLES / "00_tour.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert (
        sum("<div class='ketameta'>" in output.get("data", {}).get("text/html", "") for output in outputs)
        >= 7
    )
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    assert "application/vnd.jupyter.widget-view+json" in outputs[-1]["data"]
    errors = [output for output in outputs if output.output_type == "error"]
    assert [error.ename for error in errors] == ["SelectionError", "ColumnError"]
    assert all(len("\n".join(error.traceback).split("\n")) == 3 for error in errors)
    assert "did you mean 'indication'?" in errors[-1].traceback[-1]


def test_examples_are_shown_without_output():
    import nbformat

    notebook = nbformat.read(EXAMPLES / "00_tour.ipynb", as_version=4)
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
