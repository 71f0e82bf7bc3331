from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

import ketameta as km
from ketameta.errors import FigureError
from ketameta.plots import FigureOptions, describe
from ketameta.plots._specificationdraw import strip
from ketameta.plots.specification import specification_curve
from ketameta.plots.style import DARK, save
from ketameta.robustness import Multiverse, multiverse

from .artists import labelled
from .room import assert_apart, assert_inside, texts_of

WINDOW = {"indication": "MDD", "outcome": "depression", "hours": (18, 36), "at": 24}
CHOICES: dict[str, Any] = {
    "drug": (None, "esketamine"),
    "comparator": (("inactive", "psychoactive"), "inactive", "psychoactive"),
    "provisional": (False, True),
    "tau2": ("REML", "DL", "EE"),
    "ci": ("HKSJ", "Wald"),
}


@pytest.fixture(scope="module")
def small() -> Multiverse:
    return multiverse(km.load_trials(), WINDOW, CHOICES, progress=False)


@pytest.fixture(scope="module")
def large() -> Multiverse:
    return multiverse(km.load_trials(), {"indication": "MDD", "outcome": "depression"}, progress=False)


def test_every_universe_stands_in_its_rank(small: Multiverse) -> None:
    ax = specification_curve(small)
    (line,) = labelled(ax, "_estimate")
    expected = np.sort(small.estimate[small.possible])
    np.testing.assert_array_equal(line.get_ydata(), expected)
    np.testing.assert_array_equal(line.get_xdata(), np.arange(small.n_possible) + 1)
    excluding = labelled(ax, "_excludes")[0].get_segments()
    including = labelled(ax, "_includes")[0].get_segments()
    assert len(excluding) + len(including) == small.n_possible
    assert len(excluding) == (small.ci_high[small.possible] < 0).sum()
    low, high = ax.get_ylim()
    for segment in excluding:
        rank = round(float(segment[0, 0]))
        assert segment[0, 1] <= expected[rank - 1] <= segment[1, 1]
        assert low <= segment[0, 1]
        assert segment[1, 1] <= high


def test_the_main_analysis_is_marked(small: Multiverse) -> None:
    ax = specification_curve(small)
    (mark,) = labelled(ax, "_main")
    assert mark.get_ydata()[0] == small.estimate[0]
    rank = int(mark.get_xdata()[0])
    assert np.sort(small.estimate[small.possible])[rank - 1] == small.estimate[0]
    (inset,) = ax.child_axes
    assert inset.get_lines()[-1].get_xdata()[0] == rank


def test_strips_show_who_has_an_option(small: Multiverse) -> None:
    ax = specification_curve(small)
    (inset,) = ax.child_axes
    strips = [image.get_array()[0, :, 3] for image in inset.get_images()]
    assert len(strips) == 2 + 3 + 3 + 2
    here = np.flatnonzero(small.possible)
    order = here[np.lexsort((here, small.ci_low[here], small.estimate[here]))]
    drug = small.codes[order, small.names.index("drug")]
    np.testing.assert_array_equal(strips[0], drug == 0)
    np.testing.assert_allclose(np.sum(strips[:2], axis=0), 1)
    assert not any(text == "provisional" for text, _ in texts_of(ax))
    assert any("not drawn: provisional" in text for text, _ in texts_of(ax))


def test_strip_counts() -> None:
    chosen = np.arange(10) % 3 == 0
    shares = strip(chosen, np.array([0, 3, 10]))
    np.testing.assert_allclose(shares, [1 / 3, 3 / 7])


def test_medians_by_option(small: Multiverse) -> None:
    frame = small.to_frame().dropna(subset="estimate")
    median = frame.groupby("comparator", observed=True)["estimate"].median()
    texts = [text for text, _ in texts_of(specification_curve(small))]
    for value in median:
        assert f"{value:.2f}".replace("-", "−") in texts


def test_thousands_are_thinned_and_said(large: Multiverse) -> None:
    ax = specification_curve(large)
    (line,) = labelled(ax, "_estimate")
    assert len(line.get_xdata()) == 1200
    assert line.get_xdata()[0] == 1
    assert line.get_xdata()[-1] == large.n_possible
    assert labelled(ax, "_excludes")[0].get_rasterized()
    assert any(f"of {large.n_possible:,} universes are drawn" in text for text, _ in texts_of(ax))


@pytest.mark.parametrize("width", [85, 180])
def test_texts_stay_apart_and_inside(small: Multiverse, large: Multiverse, width: float) -> None:
    for result in (small, large):
        ax = specification_curve(result, title="Depression, day 1", options=FigureOptions(width_mm=width))
        assert_apart(ax.figure)
        assert_inside(ax.figure)
        assert ax.figure.get_size_inches()[1] * 25.4 < 297


def test_ratios_stand_on_a_log_axis() -> None:
    asked = {**WINDOW, "outcome": "response", "measure": "OR"}
    result = multiverse(
        km.load_trials(), asked, {"drug": (None, "ketamine"), "tau2": ("REML", "DL")}, progress=False
    )
    ax = specification_curve(result, favours=("placebo", "$ketamine$"))
    assert ax.get_yscale() == "log"
    (line,) = labelled(ax, "_estimate")
    np.testing.assert_allclose(line.get_ydata(), np.exp(np.sort(result.estimate[result.possible])))
    assert labelled(ax, "_mid") == []
    assert_apart(ax.figure)


def test_axes_of_ones_own_on_dark_paper(small: Multiverse) -> None:
    figure, ax = plt.subplots(figsize=(7, 8), facecolor=DARK.paper)
    assert specification_curve(small, ax=ax) is ax
    assert to_rgba(labelled(ax, "_estimate")[0].get_color()) == to_rgba(DARK.pooled)
    assert_inside(figure)
    assert_apart(figure)


def test_in_words_and_in_files(small: Multiverse, tmp_path: Path) -> None:
    ax = specification_curve(small, title="$x$ & <b>")
    words = describe(ax)
    assert words.startswith(f"Specification curve of {small.n_possible} universes")
    assert f"{small.estimate[0]:.2f}".replace("-", "−") in words
    (file,) = save(ax, tmp_path / "curve", formats=("svg",))
    assert words in ElementTree.parse(file).getroot().itertext()


def test_an_option_of_two_lines_stays_in_its_row(small: Multiverse) -> None:
    name = small.names[0]
    options = {**small.options, name: ("one\ntwo", *small.options[name][1:])}
    ax = specification_curve(replace(small, options=options))
    assert "one two" in [text for text, _ in texts_of(ax)]
    assert_apart(ax.figure)


def test_one_universe_in_words() -> None:
    asked = {**WINDOW, "outcome": "depression"}
    one = multiverse(km.load_trials(), asked, {"tau2": ("REML",)}, progress=False)
    words = describe(specification_curve(one))
    assert words.startswith("Specification curve of 1 universe with 1 distinct set of effects")
    assert " 100% of the estimates and 100% of the 95% intervals lie below 0" in words


def test_refusals(small: Multiverse, make: SimpleNamespace) -> None:
    with pytest.raises(FigureError, match="result of multiverse"):
        specification_curve(make.pooled(make.arms(4)))
    _, ax = plt.subplots(figsize=(3, 1))
    with pytest.raises(FigureError, match="does not fit"):
        specification_curve(small, ax=ax)
    _, ax = plt.subplots()
    ax.plot([0, 1])
    with pytest.raises(FigureError, match="already hold data"):
        specification_curve(small, ax=ax)


def test_one_universe_alone() -> None:
    one = multiverse(km.load_trials(), WINDOW, {"tau2": ("REML",)}, progress=False)
    ax = specification_curve(one)
    assert labelled(ax, "_estimate")[0].get_xdata().tolist() == [1]
    assert_inside(ax.figure)


def test_a_main_analysis_that_is_impossible_is_not_drawn() -> None:
    found = multiverse(
        km.load_trials(), WINDOW, {"tau2": ("DL", "REML"), "ci": ("KR", "HKSJ")}, progress=False
    )
    ax = specification_curve(found)
    assert labelled(ax, "_main") == []
    assert not any("Main analysis" in text for text, _ in texts_of(ax))
