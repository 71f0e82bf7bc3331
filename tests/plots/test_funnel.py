from __future__ import annotations

import math
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import ketameta as km
from ketameta.errors import FigureError
from ketameta.plots import FigureOptions, describe, funnel
from ketameta.plots.funnel import funnel_region
from ketameta.robustness import limit_meta_analysis, trim_and_fill

from .artists import labelled
from .room import assert_apart, assert_inside


def named(ax: Axes, names: pd.Series) -> set[str]:
    whole = {str(name) for name in names}
    return {text.get_text().replace("\n", " ") for text in ax.texts} & whole


def ugly(k: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    se = rng.uniform(0.05, 1.2, k)
    yi = -0.4 + rng.normal(size=k) * se
    yi[1], se[1] = math.log(1e3), 1.0
    yi[0], se[0] = math.log(1e-3), 30.0
    label = [f"A name of a trial that has sixty characters $ in all, <b> {i:03d}" for i in range(k)]
    return pd.DataFrame({"yi": yi, "vi": se**2, "measure": "OR", "label": label})


def test_studies_stand_at_their_effects_and_standard_errors(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(12))
    ax = funnel(fit)
    (dots,) = labelled(ax, "_study")
    np.testing.assert_allclose(dots.get_offsets(), np.column_stack((fit.yi, np.sqrt(fit.vi))))
    assert ax.yaxis_inverted()
    assert ax.get_ylim()[1] == 0
    assert ax.get_xlabel() == "Standardised mean difference (Hedges' g)"


def test_the_funnel_is_the_estimate_and_z_standard_errors(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(12))
    ax = funnel(fit)
    deepest = ax.get_ylim()[0]
    for line, sign in zip(labelled(ax, "_edge"), (-1, 1), strict=True):
        x, y = line.get_data()
        np.testing.assert_allclose(x, fit.estimate + sign * 1.959963984540054 * y, atol=1e-12)
        assert y.max() == pytest.approx(deepest)
    (centre,) = labelled(ax, "_estimate")
    assert set(centre.get_xdata()) == {fit.estimate}
    (null,) = labelled(ax, "_null")
    assert set(null.get_xdata()) == {0}


def test_ratios_stand_on_a_log_axis_with_a_bent_funnel(make: SimpleNamespace) -> None:
    fit = make.pooled(make.counts(12))
    ax = funnel(fit)
    assert ax.get_xscale() == "log"
    (dots,) = labelled(ax, "_study")
    np.testing.assert_allclose(dots.get_offsets()[:, 0], np.exp(fit.yi))
    left, right = labelled(ax, "_edge")
    np.testing.assert_allclose(
        np.log(right.get_xdata()) - fit.estimate, fit.estimate - np.log(left.get_xdata()), atol=1e-12
    )
    assert set(labelled(ax, "_null")[0].get_xdata()) == {1}


def test_contours_stand_around_no_difference(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(12))
    ax = funnel(fit, contours=True)
    edges = [line.get_xdata()[-1] / line.get_ydata()[-1] for line in labelled(ax, "_edge")]
    quantiles = [2.5758293035489004, 1.959963984540054, 1.6448536269514722]
    np.testing.assert_allclose(edges, [sign * z for z in quantiles for sign in (-1, 1)])
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words[-3:] == ["p > 0.10", "0.05 < p < 0.10", "0.01 < p < 0.05"]


def test_the_region_counts_who_is_outside() -> None:
    region = funnel_region([0.0, 1.95, 1.97, -1.97], np.ones(4), centre=0.0)
    assert region.outside.tolist() == [False, False, True, True]
    assert funnel_region([1.97], [1.0], centre=0.0, level=0.99).outside.tolist() == [False]


def test_every_study_is_in_sight() -> None:
    fit = km.pool(ugly())
    for contours in (False, True):
        ax = funnel(fit, contours=contours)
        (dots,) = labelled(ax, "_study")
        x, y = np.transpose(dots.get_offsets())
        assert ax.get_xlim()[0] < x.min() < x.max() < ax.get_xlim()[1]
        assert ax.get_ylim()[0] > y.max()


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("contours", [False, True])
@pytest.mark.parametrize("k", [1, 2, 12, 60])
def test_words_have_room(make: SimpleNamespace, width: float, contours: bool, k: int) -> None:
    for rows in (make.arms(k), ugly(k) if k > 1 else make.counts(1)):
        ax = funnel(
            make.pooled(rows), contours=contours, title="A title", options=FigureOptions(width_mm=width)
        )
        assert_apart(ax.figure)
        assert_inside(ax.figure)


def test_names_are_all_some_or_none(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(30))
    some = named(funnel(fit), fit.rows["label"])
    assert 5 <= len(some) <= 15
    assert named(funnel(fit, options=FigureOptions(names="none")), fit.rows["label"]) == set()
    few = make.pooled(make.arms(4))
    assert named(funnel(few, options=FigureOptions(names="all")), few.rows["label"]) == set(few.rows["label"])
    with pytest.raises(FigureError, match=r"no room for the name .*larger width_mm"):
        funnel(km.pool(ugly()), options=FigureOptions(names="all"))


def test_few_studies_and_smds_come_with_a_warning(make: SimpleNamespace) -> None:
    def foot(ax: Axes) -> str:
        return " ".join(text.get_text() for text in ax.texts)

    assert "With 9 studies chance cannot be told from asymmetry" in foot(funnel(make.pooled(make.arms(9))))
    enough = foot(funnel(make.pooled(make.arms(10))))
    assert "chance" not in enough
    assert "grows with the SMD" in enough
    assert "grows with" not in foot(funnel(make.pooled(make.counts(10))))


def test_in_words(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(12))
    outside = int(np.sum(np.abs(fit.yi - fit.estimate) > 1.959963984540054 * np.sqrt(fit.vi)))
    words = describe(funnel(fit, favours=("x", "y")))
    assert words.startswith(
        "Funnel plot of 12 studies. Axis: Standardised mean difference (Hedges' g); under 0"
    )
    assert "favours x" in words
    assert f"{outside} of 12 outside the 95% region around the pooled estimate" in words
    assert "around no difference" in describe(funnel(fit, contours=True))


def test_given_axes_keep_to_their_box(make: SimpleNamespace) -> None:
    _, (one, other) = plt.subplots(1, 2, figsize=(11, 5))
    box = other.bbox.frozen()
    assert funnel(make.pooled(make.arms(5)), ax=other) is other
    assert_inside(other, box, slack=1)
    assert not one.has_data()
    with pytest.raises(FigureError, match="already hold data"):
        funnel(make.pooled(make.arms(5)), ax=other)
    with pytest.raises(FigureError, match="does not fit in"):
        funnel(make.pooled(make.arms(5)), ax=plt.figure(figsize=(1.5, 1.5)).add_subplot())


def test_settings_of_the_reader_do_not_break_it(make: SimpleNamespace) -> None:
    hostile = {
        "axes.grid": True,
        "lines.marker": "x",
        "xtick.minor.visible": True,
        "axes.unicode_minus": False,
    }
    with plt.rc_context(hostile):
        ax = funnel(make.pooled(make.arms(6)))
        assert not any(line.get_visible() for line in ax.get_xgridlines())
        assert len(ax.xaxis.get_minorticklocs()) == 0
        assert all(line.get_marker() == "None" for line in ax.lines)


def test_other_things_are_refused(make: SimpleNamespace) -> None:
    for thing in (1.0, None, make.arms(3), make.grouped(make.arms(6), "comparator_class")):
        with pytest.raises(FigureError, match=r"draws the result of pool\(\)"):
            funnel(thing)
    for bad in ({"width_mm": 20}, {"font_size": 2}, {"names": "some"}):
        with pytest.raises(FigureError, match=next(iter(bad))):
            FigureOptions(**bad)


def leaning(k: int = 12, measure: str = "SMD") -> pd.DataFrame:
    """Effects that fall with the standard error."""
    se = np.linspace(0.1, 0.9, k)
    yi = -0.2 - 0.9 * se + 0.6 * se * np.sin(np.arange(k) * 2.3)
    return pd.DataFrame(
        {"yi": yi, "vi": se**2, "measure": measure, "label": [f"Author{i} {2000 + i}" for i in range(k)]}
    )


def test_filled_studies_are_open_dots_and_come_with_their_estimate() -> None:
    fit = km.pool(leaning())
    fill = trim_and_fill(fit)
    assert fill.k_filled > 0
    ax = funnel(fit, fill=fill)
    (dots,) = labelled(ax, "_filled")
    np.testing.assert_allclose(dots.get_offsets(), np.column_stack((fill.filled_yi, np.sqrt(fill.filled_vi))))
    assert not np.array_equal(dots.get_facecolor(), dots.get_edgecolor())
    (line,) = labelled(ax, "_filled_estimate")
    assert set(line.get_xdata()) == {fill.adjusted.estimate}
    (study,) = labelled(ax, "_study")
    assert len(study.get_offsets()) == fit.k
    assert ax.get_xlim()[0] < fill.filled_yi.min()
    assert fill.filled_yi.max() < ax.get_xlim()[1]
    words = [text.get_text().replace("\n", " ") for text in ax.get_legend().get_texts()]
    assert words == [
        *("Study", "Pooled estimate", "Filled (trim and fill)", "Estimate with filled studies"),
        *("No difference", "95% of studies expected"),
    ]
    told = f"Trim and fill (L0, right side): {fill.k_filled} studies filled in, estimate with them"
    assert told in describe(ax)
    assert told in " ".join(text.get_text() for text in ax.texts)


@pytest.mark.parametrize("measure", ["SMD", "OR"])
def test_the_limit_curve_ends_in_the_adjusted_effect(measure: str) -> None:
    fit = km.pool(leaning(measure=measure))
    limit = limit_meta_analysis(fit)
    ax = funnel(fit, limit=limit)
    (curve,) = labelled(ax, "_limit")
    shown, depth = curve.get_data()
    effect = np.log(shown) if measure == "OR" else shown
    np.testing.assert_allclose(effect, limit.beta + limit.alpha * np.sqrt(depth**2 + limit.tau2), atol=1e-12)
    assert depth[0] == 0
    assert depth[-1] == pytest.approx(ax.get_ylim()[0])
    (end,) = labelled(ax, "_limit_estimate")
    assert end.get_xdata()[0] == pytest.approx(shown[0], rel=1e-12)
    assert ax.get_xlim()[0] < shown.min() < shown.max() < ax.get_xlim()[1]
    words = [text.get_text().replace("\n", " ") for text in ax.get_legend().get_texts()]
    assert "Expected by limit meta-analysis" in words
    assert "Limit meta-analysis: adjusted effect, at a standard error of 0," in describe(ax)


@pytest.mark.parametrize("width", [85, 180])
@pytest.mark.parametrize("contours", [False, True])
@pytest.mark.parametrize("k", [3, 12, 60])
def test_words_have_room_beside_fill_and_limit(width: float, contours: bool, k: int) -> None:
    for measure in ("SMD", "OR"):
        fit = km.pool(leaning(k, measure))
        ax = funnel(
            fit,
            contours=contours,
            fill=trim_and_fill(fit),
            limit=limit_meta_analysis(fit),
            title="A title",
            options=FigureOptions(width_mm=width),
        )
        assert_apart(ax.figure)
        assert_inside(ax.figure)


def test_a_fill_without_studies_says_so() -> None:
    fit = km.pool(yi=[-0.5, -0.3, -0.1, -0.9, 0.3], vi=[0.1, 0.01, 0.1, 0.4, 0.4], tau2="DL")
    ax = funnel(fit, fill=trim_and_fill(fit))
    assert "no study filled in, the estimate stays" in describe(ax)
    assert len(labelled(ax, "_filled")[0].get_offsets()) == 0


def test_results_of_another_pool_are_refused() -> None:
    rows = leaning()
    fit, other = km.pool(rows), km.pool(rows.iloc[1:])
    again = km.pool(rows.copy())
    funnel(fit, fill=trim_and_fill(again), limit=limit_meta_analysis(again))
    for wrong in (other, km.pool(rows, tau2="DL"), km.pool(rows, level=0.9), km.pool(rows, ci="Wald")):
        with pytest.raises(
            FigureError, match=r"fill: this is the result of trim_and_fill\(\) on another pool"
        ):
            funnel(fit, fill=trim_and_fill(wrong))
        with pytest.raises(
            FigureError, match=r"limit: this is the result of limit_meta_analysis\(\) on another"
        ):
            funnel(fit, limit=limit_meta_analysis(wrong))
    with pytest.raises(FigureError, match=r"fill: give the result of trim_and_fill\(\) .* not LimitMeta"):
        funnel(fit, fill=limit_meta_analysis(fit))
    with pytest.raises(FigureError, match=r"limit: give the result of limit_meta_analysis\(\) .* not bool"):
        funnel(fit, limit=True)


def test_names_keep_clear_of_filled_dots() -> None:
    fit = km.pool(leaning(30))
    fill = trim_and_fill(fit)
    ax = funnel(fit, fill=fill)
    ax.figure.draw_without_rendering()
    dots = ax.transData.transform(np.column_stack((fill.filled_yi, np.sqrt(fill.filled_vi))))
    names = set(fit.rows["label"])
    boxes = [text.get_window_extent() for text in ax.texts if text.get_text().replace("\n", " ") in names]
    assert len(boxes) >= 5
    assert not any(box.contains(*dot) for box in boxes for dot in dots)


def test_notes_know_an_smd_in_any_case() -> None:
    ax = funnel(km.pool(leaning(measure="smd")))
    texts = [text.get_text().replace("\n", " ") for text in ax.figure.texts + ax.texts]
    assert any("grows with the SMD itself" in text for text in texts)
