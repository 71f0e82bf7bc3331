from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

import ketameta as km
from ketameta.errors import FigureError
from ketameta.plots import FigureOptions, describe
from ketameta.plots.stepwise import stepwise_plot
from ketameta.plots.style import DARK, LIGHT, save
from ketameta.robustness import cumulative, leave_one_out

from .room import assert_apart, assert_inside, texts_of


def lines(ax: Any, label: str) -> list[Any]:
    return [line for line in ax.lines if line.get_label() == label]


def test_leave_one_out_has_a_row_a_study_and_one_for_all(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(6))
    found = leave_one_out(fit)
    ax = stepwise_plot(found, options=FigureOptions(width_mm=180))
    drawn = [line.get_xdata()[0] for line in lines(ax, "_estimate")]
    np.testing.assert_allclose(drawn, [*found.estimate, fit.estimate])
    ends = np.array([line.get_xdata() for line in lines(ax, "_interval")])
    np.testing.assert_allclose(
        ends, np.column_stack(([*found.ci_low, fit.ci_low], [*found.ci_high, fit.ci_high]))
    )
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [*(f"without {name}" for name in found.labels), "all studies"]
    (pooled,) = lines(ax, "_pooled")
    assert pooled.get_xdata()[0] == fit.estimate
    texts = [text for text, _ in texts_of(ax)]
    assert any(text.startswith(f"{found.estimate[0]:.2f} [".replace("-", "−")) for text in texts)


def test_cumulative_stands_in_its_order(make: SimpleNamespace) -> None:
    found = cumulative(make.pooled(make.arms(7)), by="precision")
    ax = stepwise_plot(found)
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"+ {name}" for name in found.labels]
    assert len(lines(ax, "_estimate")) == 7
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_open_marks_hold_no_difference() -> None:
    fit = km.pool(
        yi=[-2.0, -0.1, -0.12, 0.05, -0.05], vi=[0.02, 0.05, 0.05, 0.06, 0.04], tau2="EE", ci="Wald"
    )
    found = leave_one_out(fit)
    marks = lines(stepwise_plot(found), "_estimate")
    filled = [to_rgba(mark.get_markerfacecolor()) != to_rgba(LIGHT.paper) for mark in marks]
    assert filled == [*found.excludes_null().tolist(), True]
    assert filled[0] is False


def test_ratios_on_a_log_axis(make: SimpleNamespace) -> None:
    fit = make.pooled(make.counts(6))
    ax = stepwise_plot(leave_one_out(fit))
    assert ax.get_xscale() == "log"
    assert lines(ax, "_estimate")[-1].get_xdata()[0] == pytest.approx(np.exp(fit.estimate))
    assert lines(ax, "_null")[0].get_xdata()[0] == 1


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
def test_endless_intervals_end_in_arrows(make: SimpleNamespace) -> None:
    rows = make.arms(12)
    rows.loc[0, "yi"], rows.loc[1, "yi"] = 1.5, -2.0
    found = cumulative(make.pooled(rows.assign(year=range(12))))
    ax = stepwise_plot(found)
    low, high = ax.get_xlim()
    assert found.ci_low[1] < low
    assert found.ci_high[1] > high
    assert {"<", ">"} <= {line.get_marker() for line in ax.lines}
    for line in lines(ax, "_interval"):
        assert low <= min(line.get_xdata()) <= max(line.get_xdata()) <= high


@pytest.mark.parametrize("width", [85, 120, 180, 254])
@pytest.mark.parametrize("k", [3, 9, 40])
def test_texts_stay_apart_and_inside(make: SimpleNamespace, k: int, width: float) -> None:
    fit = make.pooled(make.arms(k))
    for result in (leave_one_out(fit), cumulative(fit, by="size")):
        ax = stepwise_plot(result, title="Would it stand", options=FigureOptions(width_mm=width))
        assert_apart(ax.figure)
        assert_inside(ax.figure)


def test_hostile_names(make: SimpleNamespace, tmp_path: Path) -> None:
    rows = make.counts(8)
    rows["label"] = [f"A trial of $ketamine$ <b>\n\x07{'x' * 50}{i}" for i in range(8)]
    ax = stepwise_plot(
        leave_one_out(make.pooled(rows)), title="$x^2$ & <title>", options=FigureOptions(width_mm=85)
    )
    assert_apart(ax.figure)
    assert_inside(ax.figure)
    (file,) = save(ax, tmp_path / "hostile", formats=("svg",))
    assert describe(ax) in ElementTree.parse(file).getroot().itertext()


def test_dark_paper_and_given_axes(make: SimpleNamespace) -> None:
    figure, ax = plt.subplots(figsize=(8, 6), facecolor=DARK.paper)
    drawn = stepwise_plot(leave_one_out(make.pooled(make.arms(6))), ax=ax, favours=("ketamine", "placebo"))
    assert drawn is ax
    assert to_rgba(lines(ax, "_interval")[0].get_color()) == to_rgba(DARK.study)
    assert_inside(figure)
    assert any("Favours ketamine" in text.replace("\n", " ") for text, _ in texts_of(ax))


def test_in_words(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(5))
    found, steps = leave_one_out(fit), cumulative(fit, by="size")
    assert describe(stepwise_plot(found)).startswith("Leave-one-out plot of 5 pools.")
    assert found.sentence() in describe(stepwise_plot(found))
    assert describe(stepwise_plot(steps)).startswith("Cumulative plot of 5 pools.")


def test_refusals(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(5))
    with pytest.raises(FigureError, match=r"result of leave_one_out\(\) or cumulative\(\), not Pooled"):
        stepwise_plot(fit)
    _, ax = plt.subplots()
    ax.plot([0, 1])
    with pytest.raises(FigureError, match="already hold data"):
        stepwise_plot(leave_one_out(fit), ax=ax)


def test_a_dollar_in_a_name_is_a_dollar() -> None:
    rows = pd.DataFrame({"yi": [-0.9, -0.4, -0.6], "vi": [0.1, 0.05, 0.08], "label": ["$a_b$", "c", "d"]})
    ax = stepwise_plot(leave_one_out(km.pool(rows)))
    assert ax.get_yticklabels()[0].get_text() == r"without \$a_b\$"
    plt.close(ax.figure)
