from __future__ import annotations

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
from ketameta.models.leave_one_out import contributions
from ketameta.plots import FigureOptions, describe
from ketameta.plots.baujat import baujat
from ketameta.plots.style import DARK, save

from .room import assert_apart, assert_inside, texts_of


def dots(ax: Any) -> np.ndarray[Any, Any]:
    (found,) = (x for x in ax.collections if x.get_label() == "_study")
    return np.asarray(found.get_offsets())


def test_a_dot_for_every_study(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(9))
    ax = baujat(fit)
    found = contributions(fit.yi, fit.vi, tau2="REML")
    np.testing.assert_array_equal(dots(ax), np.column_stack((found.heterogeneity, found.influence)))
    assert ax.get_xlabel() == "Contribution to heterogeneity"
    assert ax.get_xlim()[0] < 0 < found.heterogeneity.max() < ax.get_xlim()[1]
    assert ax.get_ylim()[0] < 0 < found.influence.max() < ax.get_ylim()[1]
    assert min(*ax.get_xticks(), *ax.get_yticks()) == 0


def test_the_estimator_is_that_of_the_fit(make: SimpleNamespace) -> None:
    rows = make.arms(9)
    common = km.pool(rows, tau2="EE", ci="Wald")
    ax = baujat(common)
    assert dots(ax)[:, 0].sum() == pytest.approx(common.q)
    assert any(f"together Q = {common.q:.2f}" in text for text, _ in texts_of(ax))


def test_the_farthest_study_is_named(make: SimpleNamespace) -> None:
    rows = make.arms(60)
    rows.loc[17, ["yi", "vi"]] = 3.0, 0.01
    ax = baujat(make.pooled(rows))
    names = [text for text, _ in texts_of(ax) if text.startswith("Author")]
    assert rows["label"][17] in names
    assert len(names) < 60
    none = baujat(make.pooled(rows), options=FigureOptions(names="none"))
    assert not [text for text, _ in texts_of(none) if text.startswith("Author")]


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("k", [2, 3, 60])
def test_texts_stay_apart_and_inside(make: SimpleNamespace, k: int, width: float) -> None:
    ax = baujat(
        make.pooled(make.arms(k)), title="Which studies differ", options=FigureOptions(width_mm=width)
    )
    assert_apart(ax.figure)
    assert_inside(ax.figure)


def test_hostile_names_and_ratios(make: SimpleNamespace, tmp_path: Path) -> None:
    rows = make.counts(8)
    rows["label"] = [f"A trial of $ketamine$ <b>\n\x07{'x' * 50}{i}" for i in range(8)]
    rows["yi"] = np.linspace(np.log(1e-3), np.log(1e3), 8)
    ax = baujat(make.pooled(rows), title="$x^2$ & <title>", options=FigureOptions(width_mm=85))
    assert_apart(ax.figure)
    assert_inside(ax.figure)
    (file,) = save(ax, tmp_path / "hostile", formats=("svg",))
    assert describe(ax) in ElementTree.parse(file).getroot().itertext()


def test_equal_effects_are_drawn_in_the_corner(make: SimpleNamespace) -> None:
    ax = baujat(make.pooled(make.arms(5).assign(yi=-0.5)))
    assert np.abs(dots(ax)).max() < 1e-20
    assert ax.get_xlim()[1] > 1e-3


def test_dark_paper(make: SimpleNamespace) -> None:
    figure, ax = plt.subplots(figsize=(6, 5), facecolor=DARK.paper)
    drawn = baujat(make.pooled(make.arms(6)), ax=ax)
    assert drawn is ax
    assert ax.collections[0].get_facecolor()[0] == pytest.approx(to_rgba(DARK.study))
    assert_inside(figure)


def test_few_studies_are_told(make: SimpleNamespace) -> None:
    two = [
        text for text, _ in texts_of(baujat(make.pooled(make.arms(2)), options=FigureOptions(width_mm=254)))
    ]
    assert any("tau2 is not known" in text for text in two)
    three = [text for text, _ in texts_of(baujat(make.pooled(make.arms(3))))]
    assert any("rests on 2 studies" in text for text in three)


def test_in_words(make: SimpleNamespace) -> None:
    rows = make.arms(7)
    rows.loc[4, ["yi", "vi"]] = 3.0, 0.01
    fit = make.pooled(rows)
    words = describe(baujat(fit))
    found = contributions(fit.yi, fit.vi, tau2="REML")
    assert words.startswith("Baujat plot of 7 studies.")
    assert f"{rows['label'][4]} contributes most to heterogeneity ({found.heterogeneity[4]:.2f})" in words


def test_refusals(make: SimpleNamespace) -> None:
    with pytest.raises(FigureError, match="result of pool"):
        baujat(make.grouped(make.arms(6), "comparator_class"))
    with pytest.raises(FigureError, match="one study"):
        baujat(make.pooled(make.arms(1)))
    _, ax = plt.subplots()
    ax.plot([0, 1])
    with pytest.raises(FigureError, match="already hold data"):
        baujat(make.pooled(make.arms(4)), ax=ax)
