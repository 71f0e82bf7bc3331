"""Errors in a notebook: the user's own line and what was wrong, and nothing between them."""

import copy
import linecache
import pickle
import re
import subprocess
import sys

import pytest

import ketameta as km
from ketameta.errors import ColumnError, DataError, ModelError

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

START = """
import warnings; warnings.simplefilter("ignore")
import ketameta as km
import pandas as pd
trials = km.load_trials()
es = km.effect_sizes(km.select(trials, indication="MDD", outcome="depression", hours=(18, 36)).rows)
"""
TYPOS = {
    'km.select(trials, indication="MMD")': "SelectionError: .*Did you mean 'MDD'",
    'km.select(trials, measure="SDM")': "SelectionError: .*did you mean 'SMD'",
    'trials["indicaton"]': "ColumnError: no column 'indicaton'; did you mean 'indication'\\?",
    'trials[["outcome", "indicaton"]]': "ColumnError: no column 'indicaton'; did you mean 'indication'\\?",
    "trials.indicaton": "ColumnError: no column 'indicaton'; did you mean 'indication'\\?",
    'km.subgroups(es, "comparater_class")': "ModelError: .*no column 'comparater_class'; did you mean 'comparator_class'\\?",
    'km.regress(es, "yeer")': "ModelError: .*no column 'yeer'; did you mean 'year'\\?",
    'km.effect_sizes(es, measure="SDM")': "EffectError: measure='SDM' is unknown; did you mean 'SMD'\\?",
    'km.pool(es, tau2="RELM")': "ModelError: tau2='RELM' is unknown; did you mean 'REML'\\?",
    'km.durability(es, curve="splin")': "ModelError: curve='splin' is unknown; did you mean 'spline'\\?",
    'km.pool(es).probability("below")': "TypeError",
    'trials.loc[:, "yeer"]': "ColumnError: no column 'yeer'; did you mean 'year'\\?",
    "pd.Series([2]).map(lambda level: km.pool(es, level=level))": "ModelError: level=2 must lie",
    "pd.Series([es]).map(km.pool).map(km.pool)": "ModelError: .*not Pooled",
    'trials["outcome", "indicaton"]': "ColumnError: no column 'indicaton'; did you mean 'indication'\\?",
    'trials[trials["year"] > 2015]["yeer"]': "ColumnError: no column 'yeer'; did you mean 'year'\\?",
    'km.select(trials, indication="MDD").rows["yeer"]': "ColumnError: no column 'yeer'; did you mean 'year'\\?",
    'es["reasn"]': "ColumnError: no column 'reasn'; did you mean 'reason'\\?",
    "es.dropna().mesure": "ColumnError: no column 'mesure'; did you mean 'measure'\\?",
    'eval("km.pool(es, level=2)")': "ModelError: level=2 must lie",
}


@pytest.fixture(scope="module")
def errors():
    """What a kernel sends for each typo, the first line of each cell being another one."""
    cells = [START, *(f"before = 1\n{typo}" for typo in TYPOS)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=60, allow_errors=True, kernel_name="python3").execute()
    assert not notebook.cells[0].outputs
    return dict(zip(TYPOS, (cell.outputs[-1] for cell in notebook.cells[1:]), strict=True))


@pytest.mark.parametrize("typo", TYPOS)
def test_a_typo_is_answered_in_a_few_lines(errors, typo):
    shown = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(errors[typo].traceback))
    assert re.search(TYPOS[typo], shown)
    assert typo in shown
    assert len(shown.split("\n")) <= 8
    assert "site-packages" not in shown
    if "TypeError" not in shown:
        assert shown.startswith(f"line 2: {typo}\n")
        assert "src/ketameta" not in shown


def test_a_call_over_several_lines_is_shown_whole():
    source = "import ketameta as km\nfit = km.pool(\n    yi=[1, 2],\n    vi=[1, 1],\n    level=2,\n)\n"
    linecache.cache["cell"] = (len(source), None, source.splitlines(keepends=True), "cell")
    try:
        exec(compile(source, "cell", "exec"), {})
    except ModelError as error:
        caught = error
    shown = caught.with_traceback(caught.__traceback__.tb_next)._render_traceback_()
    assert shown[:5] == ["line 2: fit = km.pool(", "    yi=[1, 2],", "    vi=[1, 1],", "    level=2,", ")"]
    assert shown[-1].endswith("level=2 must lie between 0 and 1, such as 0.95")


def test_outside_a_notebook_python_shows_all_calls():
    code = "import ketameta as km\nkm.pool(yi=[1, 2], vi=[1, 1], level=2)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "pooling.py" in done.stderr
    assert "level=2 must lie between 0 and 1" in done.stderr.splitlines()[-1]


def test_python_adds_no_suggestion_of_its_own():
    code = "import ketameta as km\nkm.load_trials().indicaton"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].endswith("no column 'indicaton'; did you mean 'indication'?")


def test_an_error_that_was_caught_shows_itself_escaped():
    page = ModelError("k < 2\n<script>alert(1)</script>\x1b[31m")._repr_html_()
    assert "<strong>ModelError</strong>" in page
    assert "k &lt; 2<br>&lt;script&gt;" in page
    assert "<script>" not in page
    assert "\x1b" not in page


def test_an_error_that_was_not_raised_has_no_line():
    assert ModelError("a\nb")._render_traceback_() == ["\x1b[31mModelError\x1b[39m: a", "b"]


@pytest.fixture(scope="module")
def trials():
    return km.load_trials()


def test_a_note_that_was_added_is_shown():
    error = ModelError("a")
    error.add_note("file\x1b[31m 7\nof 9")
    assert error._render_traceback_() == ["\x1b[31mModelError\x1b[39m: a", r"file\x1b[31m 7", "of 9"]


def test_a_missing_column_is_what_pandas_says_too(trials):
    for ask in (lambda: trials["zzzz"], lambda: trials.zzzz):
        with pytest.raises(ColumnError, match=r"no column 'zzzz'; \.columns lists") as caught:
            ask()
        assert all(issubclass(caught.type, base) for base in (KeyError, AttributeError, DataError))


def test_pandas_works_as_before(trials):
    assert "indicaton" not in trials
    assert trials.get("indicaton") is None
    assert getattr(trials, "indicaton", 7) == 7
    assert not hasattr(trials, "_repr_nothing_")
    assert trials.groupby("indication").size().sum() == len(trials)
    assert type(pickle.loads(pickle.dumps(trials))) is type(trials)
    assert copy.deepcopy(trials).equals(trials)
    with pytest.raises(KeyError):
        trials[3]
    assert str(pickle.loads(pickle.dumps(ColumnError("no column 'x'")))) == "no column 'x'"


def test_a_misspelt_method_is_answered_too(trials):
    with pytest.raises(AttributeError, match="'haed'; did you mean 'head'"):
        trials.haed()
