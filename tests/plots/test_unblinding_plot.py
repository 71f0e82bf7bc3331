from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

import ketameta as km
from ketameta.errors import FigureError
from ketameta.plots import FigureOptions, describe
from ketameta.plots.missing_plot import missing_plot
from ketameta.plots.style import DARK
from ketameta.plots.unblinding_plot import unblinding_plot
from ketameta.robustness import MissingEvidence, Unblinding, missing_evidence, unblinding

from .artists import labelled
from .room import assert_apart, assert_inside

YI, VI = [-1.0, -0.9, -0.8, -0.4, -0.5], [0.09, 0.05, 0.04, 0.07, 0.06]
CLASSES = ["inactive"] * 3 + ["psychoactive"] * 2


def bias(sign: float = 1.0, measure: str = "SMD", **options: object) -> Unblinding:
    es = pd.DataFrame({"yi": sign * np.array(YI), "vi": VI, "measure": measure, "comparator_class": CLASSES})
    return unblinding(km.pool(es), **options)  # type: ignore[arg-type]


def gaps(measure: str = "SMD", **options: float) -> MissingEvidence:
    return missing_evidence(
        km.pool(pd.DataFrame({"yi": YI, "vi": VI, "measure": measure})), [None] * 3, **options
    )


def test_line_band_and_tipping_points_are_those_of_the_result() -> None:
    found = bias(threshold=-0.24)
    ax = unblinding_plot(found)
    (line,) = labelled(ax, "_estimate")
    x, y = line.get_data()
    assert sorted(x) == pytest.approx(sorted(found.adjusted["bias"]))
    assert sorted(y) == pytest.approx(sorted(found.adjusted["estimate"]))
    tips = {(float(tip.get_xdata()[0]), float(tip.get_ydata()[0])) for tip in labelled(ax, "_tip")}
    assert tips == set(zip(found.tipping["bias"], found.tipping["target"], strict=True))
    (band,) = labelled(ax, "_ci")
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx(
        (found.adjusted["ci_low"].min(), found.adjusted["ci_high"].max())
    )
    assert [limit.get_ydata()[0] for limit in labelled(ax, "_limit")] == [0.0, -0.24]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_bias_grows_to_the_right_and_classes_stand_before_it(sign: float) -> None:
    found = bias(sign)
    ax = unblinding_plot(found)
    reach = found.adjusted["bias"].iloc[-1]
    assert np.sign(np.diff(ax.get_xlim())) == np.sign(reach)
    marks = labelled(ax, "_class")
    assert [float(mark.get_ydata()[0]) for mark in marks] == pytest.approx(found.classes["estimate"])
    assert all(float(mark.get_xdata()[0]) * reach < 0 for mark in marks)
    assert all(tick * reach >= 0 for tick in ax.get_xticks())
    assert 0.0 in ax.get_xticks()


def test_ratios_are_on_log_axes() -> None:
    found = bias(-1.0, "RR")
    ax = unblinding_plot(found)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    tips = sorted(float(tip.get_xdata()[0]) for tip in labelled(ax, "_tip"))
    assert tips == pytest.approx(sorted(np.exp(found.tipping["bias"])))
    assert min(ax.get_xticks()) >= 1.0


def test_the_effect_of_missing_trials_is_drawn() -> None:
    found = gaps(threshold=-0.2)
    ax = missing_plot(found)
    tips = [(float(tip.get_xdata()[0]), float(tip.get_ydata()[0])) for tip in labelled(ax, "_tip")]
    assert tips == [(found.effect_estimate, -0.2), (found.effect_interval, -0.2)]
    (line,) = labelled(ax, "_estimate")
    assert sorted(line.get_ydata()) == pytest.approx(sorted(found.added["estimate"]))
    assert ax.get_xlabel() == "Assumed effect in 3 missing trials"
    assert missing_plot(gaps("OR")).get_xscale() == "log"


@pytest.mark.parametrize("width", [85, 180])
def test_texts_stay_apart_and_inside(width: float) -> None:
    options = FigureOptions(width_mm=width)
    figures = [
        unblinding_plot(bias(threshold=-0.24), title="Unblinding", options=options),
        unblinding_plot(bias(-1.0, "OR"), options=options),
        missing_plot(gaps(threshold=-0.2), title="Missing trials", options=options),
    ]
    for ax in figures:
        assert_apart(ax.figure)
        assert_inside(ax.figure)


def test_one_class_and_no_tipping_point() -> None:
    es = pd.DataFrame({"yi": YI, "vi": VI})
    found = unblinding(km.pool(es), classes=["psychoactive"] * 5)
    ax = unblinding_plot(found)
    assert not labelled(ax, "_tip")
    assert len(labelled(ax, "_class")) == 1
    assert "No bias takes the estimate to 0.00" in describe(ax)


def test_in_words() -> None:
    found = bias(threshold=-0.24)
    words = describe(unblinding_plot(found))
    assert f"A bias of {found.tipping_bias('estimate', 0.0):.2f}".replace("-", "−") in words
    assert "Against psychoactive comparators (k = 2)" in words
    missing = gaps()
    assert f"have an effect of {missing.effect_interval:.2f}" in describe(missing_plot(missing)).replace(
        "−", "-"
    )


def test_dark_paper_and_axes_of_ones_own() -> None:
    figure, ax = plt.subplots(figsize=(6, 6), facecolor=DARK.paper)
    assert unblinding_plot(bias(), ax=ax) is ax
    (line,) = labelled(ax, "_estimate")
    assert to_rgba(line.get_color()) == pytest.approx(to_rgba(DARK.pooled))
    assert_inside(figure)


def test_refusals() -> None:
    with pytest.raises(FigureError, match="result of unblinding"):
        unblinding_plot(gaps())  # type: ignore[arg-type]
    with pytest.raises(FigureError, match="result of missing_evidence"):
        missing_plot(bias())  # type: ignore[arg-type]
    with pytest.raises(FigureError, match="two assumed values"):
        unblinding_plot(bias(assumed=-0.2))
    _, ax = plt.subplots()
    ax.plot([0, 1])
    with pytest.raises(FigureError, match="already hold data"):
        unblinding_plot(bias(), ax=ax)
