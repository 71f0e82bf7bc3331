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
from ketameta.models import Pooled
from ketameta.plots import FigureOptions, describe
from ketameta.plots.influence_panel import influence_plot
from ketameta.plots.style import DARK, save
from ketameta.robustness import Influence, influence

from .room import assert_apart, assert_inside, texts_of

COLUMNS = 8


def points(ax: Any, label: str) -> list[np.ndarray[Any, Any]]:
    return [np.asarray(found.get_offsets()) for found in ax.collections if found.get_label() == label]


def planted(make: SimpleNamespace, k: int = 9) -> Influence:
    rows = make.arms(k)
    rows.loc[4, ["yi", "vi"]] = 3.0, 0.01
    return influence(make.pooled(rows))


@pytest.mark.parametrize("width", [85, 180])
def test_a_mark_for_every_study_and_diagnostic(make: SimpleNamespace, width: float) -> None:
    found = planted(make)
    ax = influence_plot(found, options=FigureOptions(width_mm=width))
    dots, marked = points(ax, "_study"), points(ax, "_marked")
    assert sum(map(len, dots)) + sum(map(len, marked)) == 9 * COLUMNS
    by_column = [found.outlying, np.abs(found.dffits) > found.limits.dffits, np.abs(found.dfbetas) > 1]
    by_column += [found.cook_d > found.limits.cook_d]
    assert [len(part) for part in marked[:4]] == [int(np.sum(part)) for part in by_column]
    assert sum(map(len, marked[:4])) > 0
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels.count("lines at") == (1 if width > 150 else 2)
    assert labels[: len(found.labels)] == list(found.labels)


def test_places_follow_the_values(make: SimpleNamespace) -> None:
    found = planted(make)
    ax = influence_plot(found)
    names = ("rstudent", "dffits", "dfbetas", "cook_d", "cov_ratio", "tau2_deleted", "q_deleted", "weight")
    for name, dots, marked in zip(names, points(ax, "_study"), points(ax, "_marked"), strict=True):
        every = np.vstack((dots, marked))
        x = every[np.argsort(every[:, 1]), 0]
        values = getattr(found, name)
        assert np.corrcoef(x, values)[0, 1] == pytest.approx(1.0), name


def test_limits_stand_between_marked_and_unmarked(make: SimpleNamespace) -> None:
    ax = influence_plot(planted(make))
    limits = [line.get_xdata()[0] for line in ax.lines if line.get_label() == "_limit"]
    assert len(limits) == 8
    dots, marked = points(ax, "_study")[3], points(ax, "_marked")[3]
    assert dots[:, 0].max() <= limits[6] < marked[:, 0].min()


@pytest.mark.parametrize("width", [85, 120, 180, 254])
@pytest.mark.parametrize("k", [3, 9, 40])
def test_texts_stay_apart_and_inside(make: SimpleNamespace, k: int, width: float) -> None:
    result = influence(make.pooled(make.arms(k)))
    ax = influence_plot(result, title="Which studies matter", options=FigureOptions(width_mm=width))
    assert_apart(ax.figure)
    assert_inside(ax.figure)


def test_hostile_names_and_ratios(make: SimpleNamespace, tmp_path: Path) -> None:
    rows = make.counts(8)
    rows["label"] = [f"A trial of $ketamine$ <b>\n\x07{'x' * 50}{i}" for i in range(8)]
    ax = influence_plot(
        influence(make.pooled(rows)), title="$x^2$ & <title>", options=FigureOptions(width_mm=85)
    )
    assert_apart(ax.figure)
    assert_inside(ax.figure)
    (file,) = save(ax, tmp_path / "hostile", formats=("svg",))
    assert describe(ax) in ElementTree.parse(file).getroot().itertext()


def alike() -> Pooled:
    with pytest.warns(km.errors.KetametaWarning, match="identical"):
        return km.pool(yi=[-0.5] * 4, vi=[0.1, 0.2, 0.3, 0.4])


def test_missing_diagnostics_are_dashes() -> None:
    ax = influence_plot(influence(alike()))
    assert [text for text, _ in texts_of(ax)].count("–") == 4 * 5
    assert_apart(ax.figure)


def test_dark_paper(make: SimpleNamespace) -> None:
    figure, ax = plt.subplots(figsize=(8, 6), facecolor=DARK.paper)
    drawn = influence_plot(influence(make.pooled(make.arms(6))), ax=ax)
    assert drawn is ax
    (first, *_) = (found for found in ax.collections if found.get_label() == "_study")
    assert first.get_facecolor()[0] == pytest.approx(to_rgba(DARK.study))
    assert_inside(figure)


def test_in_words(make: SimpleNamespace) -> None:
    found = planted(make)
    words = describe(influence_plot(found))
    assert words.startswith(
        "Influence plot of 9 studies. A row a study, a column a diagnostic: Residual, DFFITS"
    )
    assert found.sentence() in words
    foot = " ".join(text for text, _ in texts_of(influence_plot(found, options=FigureOptions(width_mm=254))))
    assert f"Influential: {found.labels[4]} (" in foot


def test_refusals(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(5))
    with pytest.raises(FigureError, match="draws the result of influence"):
        influence_plot(fit)
    _, ax = plt.subplots()
    ax.plot([0, 1])
    with pytest.raises(FigureError, match="already hold data"):
        influence_plot(influence(fit), ax=ax)
    _, tiny = plt.subplots(figsize=(1, 1))
    with pytest.raises(FigureError, match="does not fit"):
        influence_plot(influence(fit), ax=tiny)
