from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba

from ketameta.errors import FigureError
from ketameta.plots import FigureOptions, describe
from ketameta.plots.gosh_plot import gosh_plot
from ketameta.plots.style import DARK, LIGHT, save
from ketameta.robustness import Gosh, gosh

from .room import assert_apart, assert_inside, texts_of


@pytest.fixture(scope="module")
def apart(make: SimpleNamespace) -> Gosh:
    """Twelve studies, 4,083 subsets; the fifth lies far off."""
    rows = make.arms(12)
    rows.loc[4, ["yi", "vi"]] = 3.0, 0.05
    return gosh(make.pooled(rows))


@pytest.fixture(scope="module")
def small(make: SimpleNamespace) -> Gosh:
    return gosh(make.pooled(make.arms(6)))


def drawn(ax: Any, name: str) -> Any:
    (found,) = (x for x in ax.get_children() if x.get_label() == name)
    return found


def test_few_subsets_are_dots(small: Gosh) -> None:
    ax = gosh_plot(small, study=2)
    dots = drawn(ax, "_subsets")
    offsets = np.asarray(dots.get_offsets())
    order = np.lexsort(offsets.T)
    wanted = np.column_stack((small.estimate, small.i2))
    again = np.lexsort(wanted.T)
    np.testing.assert_array_equal(offsets[order], wanted[again])
    accent = np.all(np.isclose(dots.get_facecolors()[:, :3], to_rgb(LIGHT.accent)), axis=1)
    np.testing.assert_array_equal(accent[order], small.holds(2)[again])
    cross = drawn(ax, "_all")
    assert (*cross.get_xdata(), *cross.get_ydata()) == (small.estimate_all, small.i2_all)


def test_many_subsets_are_cells_of_mixed_colour(apart: Gosh) -> None:
    assert apart.splitter == apart.labels[4]
    ax = gosh_plot(apart)
    mesh = drawn(ax, "_subsets")
    image = np.asarray(mesh.get_array()).reshape(-1, 4)
    edges_x, edges_y = mesh.get_coordinates()[0, :, 0], mesh.get_coordinates()[:, 0, 1]
    counts = [
        np.histogram2d(apart.estimate[part], apart.i2[part], (edges_x, edges_y))[0].T.ravel()
        for part in (~apart.holds(4), apart.holds(4))
    ]
    assert sum(map(np.sum, counts)) == apart.n_subsets
    np.testing.assert_array_equal(image[:, 3] > 0, sum(counts) > 0)
    for part, other, colour in ((0, 1, LIGHT.study), (1, 0, LIGHT.accent)):
        alone = (counts[part] > 0) & (counts[other] == 0)
        assert alone.sum() > 10
        np.testing.assert_allclose(image[alone, :3], [to_rgb(colour)] * alone.sum())
    assert mesh.get_rasterized()


def test_margins_hold_every_subset(apart: Gosh) -> None:
    ax = gosh_plot(apart)
    filled = [patch for patch in ax.patches if patch.get_fill() and patch.orientation == "vertical"]
    shares = []
    for patch in filled:
        values, _, base = patch.get_data()
        assert base > 100
        shares.append(np.asarray(values) - base)
    held = apart.holds(4)
    without, with_it = (part.sum() for part in shares)
    assert without / with_it == pytest.approx((~held).sum() / held.sum(), rel=1e-9)
    assert ax.get_ylim()[1] > 110
    assert max(ax.get_yticks()) == 100
    assert ax.spines["left"].get_bounds()[1] < 105
    assert max(ax.get_xticks()) <= ax.spines["bottom"].get_bounds()[1]


def test_the_legend_names_the_study(apart: Gosh, small: Gosh) -> None:
    words = [text.get_text().replace("\n", " ") for text in gosh_plot(apart).get_legend().get_texts()]
    assert words == [f"Subsets without {apart.splitter}", f"Subsets with {apart.splitter}", "All studies"]
    words = [text.get_text() for text in gosh_plot(small).get_legend().get_texts()]
    assert words == ["Subsets", "All studies"]
    asked = gosh_plot(apart, study=apart.labels[1])
    assert apart.labels[1] in describe(asked)


@pytest.mark.parametrize("width", [85, 180, 254])
def test_texts_stay_apart_and_inside(apart: Gosh, small: Gosh, width: float) -> None:
    for result in (apart, small):
        ax = gosh_plot(result, title="Which study splits them", options=FigureOptions(width_mm=width))
        assert_apart(ax.figure)
        assert_inside(ax.figure)


def test_ratios_and_hostile_names(make: SimpleNamespace, tmp_path: Path) -> None:
    rows = make.counts(12)
    rows["label"] = [f"A trial of $ketamine$ <b>\n\x07{'x' * 40}{i}" for i in range(12)]
    rows.loc[3, ["yi", "vi"]] = np.log(1e3), 0.05
    found = gosh(make.pooled(rows))
    ax = gosh_plot(found, title="$x^2$ & <title>", options=FigureOptions(width_mm=85))
    assert_apart(ax.figure)
    assert_inside(ax.figure)
    assert ax.get_xscale() == "log"
    edges = drawn(ax, "_subsets").get_coordinates()[0, :, 0]
    assert edges[0] < np.exp(found.estimate.min()) < np.exp(found.estimate.max()) < edges[-1]
    (file,) = save(ax, tmp_path / "hostile", formats=("svg",))
    assert describe(ax) in ElementTree.parse(file).getroot().itertext()


def test_a_million_subsets_are_drawn_in_seconds_and_saved_small(apart: Gosh, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = rng.integers(0, apart.n_subsets, 1_000_000)
    many = replace(
        apart,
        packed=apart.packed[rows],
        k=apart.k[rows],
        tau2=apart.tau2[rows],
        estimate=apart.estimate[rows] + rng.normal(0, 0.05, rows.size),
        i2=(apart.i2[rows] + rng.normal(0, 1, rows.size)).clip(0, 100),
    )
    start = time.process_time()
    (file,) = save(gosh_plot(many), tmp_path / "many", formats=("pdf",))
    assert time.process_time() - start < 10
    assert file.stat().st_size < 200_000


def test_dark_paper(small: Gosh) -> None:
    figure, ax = plt.subplots(figsize=(6, 6), facecolor=DARK.paper)
    assert gosh_plot(small, ax=ax) is ax
    assert drawn(ax, "_subsets").get_facecolor()[0, :3] == pytest.approx(to_rgba(DARK.study)[:3])
    assert_inside(figure)


def test_degenerate_clouds(make: SimpleNamespace) -> None:
    one = gosh_plot(gosh(yi=[0.1, 0.5], vi=[0.1, 0.1]), study=0)
    assert_apart(one.figure)
    assert describe(one).startswith("GOSH plot of 1 subset of 2 studies.")
    same = gosh_plot(gosh(yi=[-0.3] * 13, vi=[0.1] * 13))
    assert_inside(same.figure)


def test_in_words(apart: Gosh) -> None:
    words = describe(gosh_plot(apart, favours=("ketamine", "placebo")))
    assert words.startswith("GOSH plot of 4,083 subsets of 12 studies.")
    assert "under 0 favours ketamine" in words
    held = apart.holds(4)
    means = apart.estimate[held].mean(), apart.estimate[~held].mean()
    said = [f"{mean:.2f}".replace("-", "\N{MINUS SIGN}") for mean in means]
    assert f"With {apart.splitter} the mean is {said[0]}, without {said[1]}" in words


def test_notes_stand_under_the_figure(small: Gosh) -> None:
    printed = " ".join(text for text, _ in texts_of(gosh_plot(small, options=FigureOptions(width_mm=254))))
    assert "Not to be relied on with 6 studies" in printed
    assert "tau2 by REML in each" in printed


def test_refusals(make: SimpleNamespace, apart: Gosh) -> None:
    with pytest.raises(FigureError, match="result of gosh"):
        gosh_plot(make.pooled(make.arms(4)))
    with pytest.raises(FigureError, match="study"):
        gosh_plot(apart, study="Nobody 1999")
    _, ax = plt.subplots()
    ax.plot([0, 1])
    with pytest.raises(FigureError, match="already hold data"):
        gosh_plot(apart, ax=ax)
    with pytest.raises(FigureError, match="no subset could be fitted"):
        gosh_plot(replace(apart, estimate=np.full(apart.n_subsets, np.nan)))
