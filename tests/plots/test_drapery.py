from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba

import ketameta as km
from ketameta.errors import FigureError
from ketameta.plots import FigureOptions, describe
from ketameta.plots.drapery import drapery
from ketameta.plots.style import DARK

from .room import assert_apart, assert_inside, texts_of


def lines(ax: Any, label: str) -> list[Any]:
    return [found for found in ax.lines if found.get_label() == label]


def crossings(ax: Any, label: str, p: float) -> list[float]:
    (found,) = lines(ax, label)
    x, y = (np.asarray(part) for part in found.get_data())
    return x[np.isclose(y, p, rtol=1e-9)].tolist()


@pytest.mark.parametrize("level", [0.95, 0.9])
@pytest.mark.parametrize("ratio", [False, True])
def test_curves_cross_at_the_intervals(make: SimpleNamespace, ratio: bool, level: float) -> None:
    fit = km.pool(make.counts(8) if ratio else make.arms(8), level=level)
    ax = drapery(fit)
    shown = np.exp if ratio else np.asarray
    assert crossings(ax, "_pooled", 1 - level) == pytest.approx(shown([fit.ci_low, fit.ci_high]), rel=1e-9)
    assert crossings(ax, "_new", 1 - level) == pytest.approx(shown([fit.pi_low, fit.pi_high]), rel=1e-9)
    assert crossings(ax, "_pooled", 1.0) == pytest.approx([float(shown(fit.estimate))] * 2)
    assert ax.get_xscale() == ("log" if ratio else "linear")
    assert ax.get_yscale() == "log"
    assert lines(ax, "_pooled")[0].get_linewidth() > 2 * lines(ax, "_study")[0].get_linewidth()


def test_a_curve_for_every_study(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(7))
    found = lines(drapery(fit), "_study")
    peaks = [curve.get_xdata()[np.argmax(curve.get_ydata())] for curve in found]
    assert peaks == pytest.approx(fit.yi.tolist())
    for curve, yi, vi in zip(found, fit.yi, fit.vi, strict=True):
        x, p = curve.get_data()
        at = x[np.isclose(p, 0.05, rtol=1e-9)]
        assert at.tolist() == pytest.approx([yi - 1.959964 * vi**0.5, yi + 1.959964 * vi**0.5], abs=1e-5)


@pytest.mark.parametrize(
    ("level", "wanted"),
    [
        (0.95, {0.05: "95% CI", 0.01: "99% CI"}),
        (0.9, {0.1: "90% CI", 0.05: "95% CI", 0.01: "99% CI"}),
        (0.94, {0.06: "94% CI", 0.01: "99% CI"}),
        (0.999, {0.05: "95% CI", 0.01: "99% CI", 0.001: "99.9% CI"}),
    ],
)
def test_lines_are_named(make: SimpleNamespace, level: float, wanted: dict[float, str]) -> None:
    ax = drapery(km.pool(make.arms(6), level=level), options=FigureOptions(width_mm=85))
    assert sorted(line.get_ydata()[0] for line in lines(ax, "_level")) == pytest.approx(sorted(wanted))
    for p, text in wanted.items():
        (box,) = (box for name, box in texts_of(ax) if name == text)
        line = ax.transData.transform((1, p))[1]
        assert box.y0 < line < box.y1
        assert box.x0 > ax.bbox.x1
    assert_apart(ax.figure)
    assert_inside(ax.figure)


def test_favours_and_no_difference(make: SimpleNamespace) -> None:
    ax = drapery(make.pooled(make.counts(6)), favours=("placebo", "esketamine"))
    texts = [text.replace("\N{NO-BREAK SPACE}", " ") for text, _ in texts_of(ax)]
    assert "← Favours placebo" in texts
    assert "Favours esketamine →" in texts
    (null,) = lines(ax, "_null")
    assert list(null.get_xdata()) == [1, 1]


def test_without_prediction(make: SimpleNamespace) -> None:
    ax = drapery(km.pool(make.arms(6), tau2="EE", ci="Wald"))
    assert not lines(ax, "_new")
    assert "New study (prediction)" not in [text.get_text() for text in ax.get_legend().get_texts()]


def test_equal_effects_stand_upright(make: SimpleNamespace) -> None:
    (pooled,) = lines(drapery(make.pooled(make.arms(4).assign(yi=-0.5))), "_pooled")
    assert np.ptp(pooled.get_xdata()) < 1e-12
    assert np.isfinite(pooled.get_xdata()).all()


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("k", [1, 2, 60])
def test_texts_stay_apart_and_inside(make: SimpleNamespace, k: int, width: float) -> None:
    ax = drapery(make.pooled(make.counts(k)), title="Response", options=FigureOptions(width_mm=width))
    assert_apart(ax.figure)
    assert_inside(ax.figure)


def test_ugly_data(make: SimpleNamespace) -> None:
    rows = make.counts(9)
    rows["yi"] = np.linspace(np.log(1e-3), np.log(1e3), 9)
    rows.loc[3, "vi"] = 1e4
    ax = drapery(
        make.pooled(rows),
        title="$x$\x07" * 20,
        favours=("$a$\n<b>" + "y" * 60, "b"),
        options=FigureOptions(width_mm=85),
    )
    assert_apart(ax.figure)
    assert_inside(ax.figure)
    assert all(np.isfinite(curve.get_xdata()).all() for curve in ax.lines)


def test_dark_paper(make: SimpleNamespace) -> None:
    figure, ax = plt.subplots(figsize=(6, 5), facecolor=DARK.paper)
    assert drapery(make.pooled(make.arms(6)), ax=ax) is ax
    assert to_rgba(lines(ax, "_pooled")[0].get_color()) == pytest.approx(to_rgba(DARK.pooled))
    assert_inside(figure)


def test_in_words(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(7))
    words = describe(drapery(fit)).replace("\N{MINUS SIGN}", "-")
    assert words.startswith("Drapery plot of 7 studies")
    assert (
        f"peaks at {fit.estimate:.2f} and crosses P = 0.05 at {fit.ci_low:.2f} and {fit.ci_high:.2f}" in words
    )
    significant = int(np.sum(np.abs(fit.yi) > 1.959964 * np.sqrt(fit.vi)))
    assert f"Of the studies {significant} of 7 have P < 0.05" in words
    assert f"prediction interval for a new study {fit.pi_low:.2f} to {fit.pi_high:.2f}" in words


def test_refusals(make: SimpleNamespace) -> None:
    rows = make.counts(5)
    with pytest.raises(FigureError, match="result of pool"):
        drapery(km.counts(rows["events_t"], rows["total_t"], rows["events_c"], rows["total_c"]))
    with pytest.raises(FigureError, match="names no studies"):
        drapery(make.pooled(rows), options=FigureOptions(names="all"))
    _, ax = plt.subplots()
    ax.plot([0, 1])
    with pytest.raises(FigureError, match="already hold data"):
        drapery(make.pooled(rows), ax=ax)


def test_a_high_level_is_drawn_down_to_its_own_line(make: SimpleNamespace) -> None:
    fit = km.pool(make.arms(6), level=0.995)
    ax = drapery(fit)
    (curve,) = lines(ax, "_pooled")
    x, p = curve.get_data()
    at = x[np.isclose(p, 0.005, rtol=1e-9)]
    assert at.tolist() == pytest.approx([fit.ci_low, fit.ci_high], rel=1e-6)
    assert ax.get_ylim()[0] < 0.005
