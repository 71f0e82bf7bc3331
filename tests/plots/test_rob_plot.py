"""Traffic light and summary of the risk of bias."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

import ketameta as km
from ketameta.errors import FigureError
from ketameta.plots import FigureOptions, describe
from ketameta.plots._robtools import TOOLS

from .room import assert_apart, assert_inside, texts_of

UGLY = (
    "A trial with a name of sixty characters and then some, 2019",
    "Unbrokennameofatrialthatgoesonandonandonwithoutanyspacesatall",
    "$x^2$ & <b>\x07\nnewline",
    "Feder 2014",
)


def judged(
    k: int, tool: str = "RoB 2", *, domains: int = 5, missing: float = 0.05, weight: bool = False
) -> pd.DataFrame:
    """Judgements of k studies at random."""
    rng = np.random.default_rng(k)
    words = [level.name for level in TOOLS[tool].levels]
    heads = [*(f"D{i + 1}" for i in range(domains)), "Overall"]
    cells = pd.DataFrame(rng.choice(words, (k, len(heads))), columns=heads)
    cells = cells.mask(rng.random(cells.shape) < missing)
    names = [UGLY[i] if k == len(UGLY) else f"Author{i + 1} {2000 + i % 26}" for i in range(k)]
    cells.insert(0, "study", names)
    return cells.assign(weight=rng.uniform(1, 9, k)) if weight else cells


def circles(ax: Axes) -> dict[tuple[float, float], str]:
    """Name of the judgement at each place, by the label of its circle."""
    found = {}
    for drawn in ax.collections:
        name = str(drawn.get_label())[1:]
        if name not in {"rules", "symbol"}:
            for x, y in np.asarray(drawn.get_offsets()).tolist():
                assert (round(x, 3), round(y, 3)) not in found
                found[round(x, 3), round(y, 3)] = name
    return found


@pytest.mark.parametrize("tool", TOOLS)
def test_every_judgement_stands_in_its_row_and_column(tool: str) -> None:
    table = judged(9, tool)
    ax = km.rob_plot(table, tool=tool)
    found = circles(ax)
    xs, ys = sorted({x for x, _ in found}), sorted({y for _, y in found})
    assert ax.yaxis_inverted()
    np.testing.assert_allclose(ys, ax.get_yticks(), atol=1e-3)
    assert [label.get_text() for label in ax.get_yticklabels()] == table["study"].tolist()
    for j, column in enumerate(table.columns[1:]):
        for i, word in enumerate(table[column]):
            assert found.get((xs[j], ys[i])) == (None if pd.isna(word) else word)
    assert len(found) == table.iloc[:, 1:].notna().to_numpy().sum()


def test_a_symbol_stands_in_the_middle_of_every_circle_but_the_open_one() -> None:
    ax = km.rob_plot(judged(12))
    open_ones = [place for place, name in circles(ax).items() if name == "no information"]
    symbols = [
        (round(x, 3), round(y, 3))
        for drawn in ax.collections
        if drawn.get_label() == "_symbol"
        for x, y in np.asarray(drawn.get_offsets()).tolist()
    ]
    assert open_ones
    assert sorted(symbols) == sorted(set(circles(ax)) - set(open_ones))
    (hollow,) = [drawn for drawn in ax.collections if drawn.get_label() == "_no information"]
    assert len(hollow.get_facecolor()) == 0
    for drawn in ax.collections:
        if drawn.get_label() == "_symbol":
            box = drawn.get_paths()[0].get_extents()
            np.testing.assert_allclose(box.min, -box.max)


def test_the_legend_names_the_levels_that_occur_in_order() -> None:
    ax = km.rob_plot(pd.DataFrame({"study": ["A", "B"], "D1": ["High", "Low"]}))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Low", "High"]


def test_names_of_domains_stand_under_headings_or_in_the_notes() -> None:
    for width in (85, 254):
        ax = km.rob_plot(judged(5), options=FigureOptions(width_mm=width))
        texts = [name for name, _ in texts_of(ax)]
        assert {"Study", "D1", "D5", "Overall"} <= set(texts)
        assert "Measurement of the outcome" in " ".join(texts).replace(" D5", "D5")
        assert any(text.startswith("D1, Randomisation process") for text in texts) == (width == 85)


def test_bars_are_shares() -> None:
    table = judged(10, missing=0.2)
    ax = km.rob_plot(table, kind="summary")
    assert ax.get_xlim() == (0, 100)
    assert ax.get_xlabel() == "Share of 10 studies"
    by_row: dict[float, list[tuple[str, float, float]]] = {}
    for bars in ax.containers:
        (bar,) = bars
        middle = round(bar.get_y() + bar.get_height() / 2, 3)
        by_row.setdefault(middle, []).append((bars.get_label()[1:], bar.get_x(), bar.get_width()))
    np.testing.assert_allclose(sorted(by_row), ax.get_yticks(), atol=1e-3)
    for column, (_, parts) in zip(table.columns[1:], sorted(by_row.items()), strict=True):
        counts = Counter(table[column].fillna("not judged"))
        assert {name: pytest.approx(width / 10) for name, _, width in parts} == counts
        ends = np.cumsum([width for _, _, width in parts])
        np.testing.assert_allclose([start for _, start, _ in parts], [0, *ends[:-1]], atol=1e-9)
        assert ends[-1] == pytest.approx(100)


def test_weights_weigh() -> None:
    table = pd.DataFrame({"study": ["A", "B"], "D1": ["low", "high"], "weight": [30, 10]})
    ax = km.rob_plot(table, kind="summary")
    assert [bars[0].get_width() for bars in ax.containers] == [75, 25]
    assert ax.get_xlabel() == "Share of the weight of 2 studies"
    assert {"+ 75%", "− 25%"} <= {name for name, _ in texts_of(ax)}
    assert "weight" in describe(ax)


@pytest.mark.parametrize("kind", ["traffic", "summary"])
@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize(("k", "tool", "domains"), [(2, "RoB 1", 7), (4, "ROBINS-I", 7), (12, "RoB 2", 5)])
def test_nothing_touches_or_leaves_the_figure(
    kind: str, width: float, k: int, tool: str, domains: int
) -> None:
    ax = km.rob_plot(
        judged(k, tool, domains=domains),
        kind=kind,
        tool=tool,
        title="Risk of bias, judged by two readers who never met, in trials of ketamine",
        options=FigureOptions(width_mm=width),
    )
    assert_apart(ax.figure)
    assert_inside(ax.figure)


@pytest.mark.parametrize("width", [85, 180])
def test_eighty_studies_fit_without_touching(width: float) -> None:
    ax = km.rob_plot(judged(80), options=FigureOptions(width_mm=width))
    assert_inside(ax.figure)
    boxes = [box for name, box in texts_of(ax) if name.startswith("Author")]
    assert len(boxes) == 80
    assert all(over.y0 >= under.y1 for over, under in pairwise(boxes))
    places = circles(ax)
    (first, *_) = [drawn for drawn in ax.collections if drawn.get_label() == "_low"]
    ys = sorted({y for _, y in places})
    assert np.sqrt(first.get_sizes()[0]) < min(np.diff(ys))


@pytest.mark.parametrize("kind", ["traffic", "summary"])
@pytest.mark.parametrize("paper", ["#ffffff", "#101317"])
def test_it_stays_in_axes_that_are_given(kind: str, paper: str) -> None:
    left, right = plt.figure(figsize=(10, 4), facecolor=paper).subplots(1, 2)
    box = right.get_window_extent().frozen()
    ax = km.rob_plot(judged(8), kind=kind, ax=right)
    assert ax is right
    assert_apart(ax)
    assert_inside(ax, box, slack=1.0)
    (study, *_) = ax.get_yticklabels()
    assert to_hex(study.get_color()) != paper
    assert not left.has_data()


def test_words_say_what_was_drawn() -> None:
    table = pd.DataFrame(
        {"study": ["A", "B", "C"], "D1": ["low", "high", None], "Rater": ["low"] * 3, "overall": ["high"] * 3}
    )
    words = describe(km.rob_plot(table))
    assert "3 studies, 2 domains" in words
    assert "Randomisation process: 1 low, 1 high, 1 not judged" in words
    assert "Rater: 3 low" in words
    assert "Overall: 3 high" in words


def test_missing_judgements_are_counted_and_the_footer_can_go() -> None:
    table = pd.DataFrame({"study": ["A", "B"], "D1": ["low", None]})
    ax = km.rob_plot(table)
    assert "1 judgement missing (empty cells)." in {name for name, _ in texts_of(ax)}
    bare = km.rob_plot(table, options=FigureOptions(width_mm=180, footer=False))
    assert not any("ketameta" in name or "missing" in name for name, _ in texts_of(bare))


def test_the_table_is_not_changed() -> None:
    table = judged(5, weight=True)
    kept = table.copy()
    km.rob_plot(table, kind="summary")
    pd.testing.assert_frame_equal(table, kept)


def test_what_cannot_be_drawn_is_said() -> None:
    table = judged(3)
    for given, message in (
        ({"kind": "bars"}, "kind='bars'"),
        ({"tool": "GRADE"}, "tool='GRADE'"),
        ({"ax": plt.figure()}, "give matplotlib axes"),
        ({"ax": plt.figure(figsize=(1, 1)).add_subplot()}, "does not fit"),
        ({"options": FigureOptions(width_mm=60, font_size=30)}, "does not fit"),
    ):
        with pytest.raises(FigureError, match=message):
            km.rob_plot(table, **given)
    with pytest.raises(FigureError, match="DataFrame"):
        km.rob_plot([["A", "low"]])


@pytest.mark.parametrize("kind", ["traffic", "summary"])
def test_settings_of_the_reader_do_not_break_it(kind: str) -> None:
    hostile = {
        "axes.grid": True,
        "xtick.minor.visible": True,
        "ytick.minor.visible": True,
        "ytick.right": True,
        "ytick.labelright": True,
        "xtick.labeltop": True,
        "axes.xmargin": 0.4,
        "markers.fillstyle": "none",
        "lines.markeredgewidth": 7.0,
        "font.family": "serif",
    }
    with plt.rc_context(hostile):
        ax = km.rob_plot(judged(6), kind=kind)
        assert_apart(ax.figure)
        assert_inside(ax.figure)
    assert len(ax.yaxis.get_minorticklocs()) == len(ax.xaxis.get_minorticklocs()) == 0
    assert not any(line.get_visible() for line in ax.get_ygridlines())
    if kind == "traffic":
        study, first = ax.get_yticklabels()[0], ax.texts[0]
        assert first.get_text() == "Study"
        assert study.get_window_extent().x0 == pytest.approx(first.get_window_extent().x0, abs=1)


def test_subfigures_with_a_layout_engine_hold_it() -> None:
    left, right = plt.figure(figsize=(9, 4), layout="constrained").subfigures(1, 2)
    km.rob_plot(judged(6), ax=left.subplots())
    km.rob_plot(judged(6), kind="summary", ax=right.subplots())
    for part in (left, right):
        assert_apart(part)
        assert_inside(part)
