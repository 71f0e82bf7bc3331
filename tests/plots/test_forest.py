from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from statistics import NormalDist
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

import ketameta as km
from ketameta.errors import FigureError
from ketameta.plots import ForestOptions, forest

Z = NormalDist().inv_cdf(0.975)


def labelled(ax: Axes, label: str) -> list:
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def row_of(ax: Axes, start: str) -> float:
    """Height of the row whose label starts so."""
    found = [
        place
        for place, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
        if plain(label).strip().startswith(start)
    ]
    assert len(found) == 1
    return float(found[0])


def cells(ax: Axes, y: float) -> list[str]:
    """Texts beside the panel in a row, from the left."""
    found = [
        text for text in ax.texts if text.get_position()[1] == y and text.get_transform() is not ax.transData
    ]
    return [text.get_text() for text in sorted(found, key=lambda text: text.get_position()[0])]


def printed(ax: Axes) -> list:
    """Every text that is printed."""
    texts = [*ax.texts, *ax.get_yticklabels(), *ax.get_xticklabels(), ax.xaxis.label]
    return [text for text in texts if text.get_text().strip()]


def plain(text: Text) -> str:
    return text.get_text().replace("\N{NO-BREAK SPACE}", " ")


def words(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in printed(ax))


def test_rows_stand_in_the_order_of_the_result(make: SimpleNamespace) -> None:
    rows = make.arms(5)
    ax = forest(make.pooled(rows))
    labels = [plain(label).strip() for label in ax.get_yticklabels()][::-1]
    assert labels[:7] == ["Study", *rows["label"], "Random effects (k = 5)"]
    assert labels[7] == "95% prediction interval"
    heights = ax.get_yticks().tolist()
    assert heights == list(range(len(labels)))


@pytest.mark.parametrize("kind", ["arms", "counts"])
def test_marks_have_the_numbers_of_the_fit(make: SimpleNamespace, kind: str) -> None:
    fit = make.pooled(getattr(make, kind)(8))
    shown = np.exp if kind == "counts" else np.asarray
    ax = forest(fit)
    y = row_of(ax, "Random effects")

    (diamond,) = labelled(ax, "_pooled")
    left, top, right, bottom = diamond.get_xy()[:4]
    np.testing.assert_allclose([left[0], right[0]], shown([fit.ci_low, fit.ci_high]), rtol=1e-12)
    np.testing.assert_allclose([top[0], bottom[0]], shown([fit.estimate] * 2), rtol=1e-12)
    assert left[1] == right[1] == y
    assert top[1] - y == pytest.approx(y - bottom[1])

    (bar,) = labelled(ax, "_prediction")
    np.testing.assert_allclose(bar.get_xdata(), shown([fit.pi_low, fit.pi_high]), rtol=1e-12)
    assert set(bar.get_ydata()) == {row_of(ax, "95% prediction")}

    (lines,) = ax.containers[0].lines[2]
    segments = {seg[0, 1]: seg[:, 0] for seg in lines.get_segments() if seg.size}
    half = Z * np.sqrt(fit.vi)
    for i, label in enumerate(fit.rows["label"]):
        bounds = shown([fit.yi[i] - half[i], fit.yi[i] + half[i]])
        np.testing.assert_allclose(segments[row_of(ax, label)], bounds, rtol=1e-9)


def test_areas_of_squares_are_proportional_to_weights(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(9))
    ax = forest(fit)
    squares = ax.collections[-1]
    places = squares.get_offsets()
    areas = {int(y): area for (x, y), area in zip(places, squares.get_sizes(), strict=True) if np.isfinite(x)}
    in_order = np.array([areas[int(row_of(ax, label))] for label in fit.rows["label"]])
    np.testing.assert_allclose(in_order / in_order.sum(), fit.weights, rtol=1e-12)
    by_place = {int(y): x for x, y in places if np.isfinite(x)}
    np.testing.assert_allclose([by_place[int(row_of(ax, x))] for x in fit.rows["label"]], fit.yi, rtol=1e-12)


def test_columns_say_what_the_trials_reported(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    fit = make.pooled(rows)
    ax = forest(fit)
    first = rows.iloc[0]
    half = Z * np.sqrt(first["vi"])
    numbers = [f"{first[x]:.0f}" if x[0] == "n" else f"{first[x]:.1f}" for x in ("n_t", "mean_t", "sd_t")]
    numbers += [f"{first[x]:.0f}" if x[0] == "n" else f"{first[x]:.1f}" for x in ("n_c", "mean_c", "sd_c")]
    effect = f"{first['yi']:.2f} [{first['yi'] - half:.2f}, {first['yi'] + half:.2f}]"
    expected = [*numbers, effect, f"{100 * fit.weights[0]:.1f}%"]
    assert cells(ax, row_of(ax, "Author1 ")) == [text.replace("-", "−") for text in expected]
    total = cells(ax, row_of(ax, "Random effects"))
    assert total[:2] == [str(rows["n_t"].sum()), str(rows["n_c"].sum())]
    assert total[-1] == "100.0%"
    assert cells(ax, row_of(ax, "Study")) == ["n", "Mean", "SD", "n", "Mean", "SD", "SMD [95% CI]", "Weight"]
    assert cells(ax, row_of(ax, "Study") + 1) == ["Ketamine", "Midazolam"]


def test_counts_are_printed_as_events_of_totals(make: SimpleNamespace) -> None:
    rows = make.counts(4)
    ax = forest(make.pooled(rows))
    first = rows.iloc[0]
    shown = cells(ax, row_of(ax, "Author1 "))
    assert shown[:2] == [f"{first['events_t']}/{first['total_t']}", f"{first['events_c']}/{first['total_c']}"]
    assert shown[2].startswith(f"{np.exp(first['yi']):.2f} [")
    assert cells(ax, row_of(ax, "Random effects"))[0] == f"{rows['events_t'].sum()}/{rows['total_t'].sum()}"


def test_a_total_is_left_out_where_a_number_is_missing(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    rows["n_t"] = rows["n_t"].astype(float)
    rows.loc[2, "n_t"] = np.nan
    ax = forest(make.pooled(rows))
    assert cells(ax, row_of(ax, "Random effects"))[0] == str(rows["n_c"].sum())


@pytest.mark.parametrize(
    ("kind", "changes", "favours", "expected"),
    [
        ("arms", {}, None, ("← Favours ketamine", "Favours midazolam →")),
        ("arms", {"higher_is_worse": False}, None, ("← Favours midazolam", "Favours ketamine →")),
        ("arms", {"higher_is_worse": None}, None, ("← Lower with ketamine", "Higher with ketamine →")),
        ("arms", {"drug": "esketamine"}, None, ("← Favours esketamine", "Favours midazolam →")),
        ("counts", {}, None, ("← Favours comparator", "Favours ketamine →")),
        ("counts", {"outcome": "relapse"}, None, ("← Favours ketamine", "Favours comparator →")),
        ("counts", {"higher_is_worse": True}, None, ("← Lower with ketamine", "Higher with ketamine →")),
        ("counts", {}, ("saline", "drug"), ("← Favours saline", "Favours drug →")),
    ],
)
def test_sides_say_whom_they_favour(
    make: SimpleNamespace, kind: str, changes: dict, favours: tuple | None, expected: tuple
) -> None:
    ax = forest(make.pooled(getattr(make, kind)(5).assign(**changes)), favours=favours)
    left, right = (next(text for text in ax.texts if plain(text) == words) for words in expected)
    null = ax.transData.transform((1.0 if kind == "counts" else 0.0, 0))[0]
    assert left.get_window_extent().x1 <= null <= right.get_window_extent().x0


def test_rows_that_disagree_favour_nobody(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    rows["higher_is_worse"] = [True, True, False, True]
    assert "Favours" not in words(forest(make.pooled(rows)))


@pytest.mark.parametrize(("kind", "null", "scale"), [("arms", 0.0, "linear"), ("counts", 1.0, "log")])
def test_the_null_line_stands_at_no_difference(
    make: SimpleNamespace, kind: str, null: float, scale: str
) -> None:
    ax = forest(make.pooled(getattr(make, kind)(6)))
    (line,) = labelled(ax, "_null")
    assert list(line.get_xdata()) == [null, null]
    assert ax.get_xscale() == scale
    assert max(line.get_ydata()) < row_of(ax, "Study")
    assert any(label.get_text() == f"{null:g}" for label in ax.get_xticklabels())


def test_ratio_ticks_are_ratios_and_have_no_minor_ticks(make: SimpleNamespace) -> None:
    ax = forest(make.pooled(make.counts(6)))
    labels = [float(label.get_text()) for label in ax.get_xticklabels()]
    np.testing.assert_allclose(labels, ax.get_xticks())
    assert len(labels) >= 3
    assert list(ax.get_xticks(minor=True)) == []


def test_one_huge_interval_is_cut_with_arrows_and_leaves_room_for_the_rest(make: SimpleNamespace) -> None:
    rows = make.arms(6)
    rows.loc[3, ["yi", "vi"]] = [-1.0, 90.0]
    fit = make.pooled(rows)
    ax = forest(fit)
    low, high = ax.get_xlim()
    y = row_of(ax, "Author4 ")
    arrows = {
        (arrow.get_marker(), arrow.get_xdata()[0])
        for arrow in labelled(ax, "_cut")
        if arrow.get_ydata()[0] == y
    }
    assert arrows == {("<", low), (">", high)}
    assert high - low < 8
    half = Z * np.sqrt(90)
    assert f"[{-1 - half:.2f}, {-1 + half:.2f}]".replace("-", "−") in cells(ax, y)[-2]


def test_a_point_off_the_axis_has_no_square(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(5))
    far = float(np.sort(fit.yi)[1])
    ax = forest(fit, options=ForestOptions(limits=(far - 0.01, 1.0)))
    assert ax.get_xlim() == (far - 0.01, 1.0)
    squares = ax.collections[-1]
    drawn = [area for area in squares.get_sizes() if area > 0]
    assert len(drawn) == 4
    assert len(labelled(ax, "_estimate")) == 4


def test_limits_of_a_ratio_are_ratios(make: SimpleNamespace) -> None:
    fit = make.pooled(make.counts(5))
    np.testing.assert_allclose(forest(fit, options=ForestOptions(limits=(0.5, 20))).get_xlim(), (0.5, 20))
    with pytest.raises(FigureError, match="above 0"):
        forest(fit, options=ForestOptions(limits=(-1, 20)))


def test_a_ratio_beyond_all_bounds_still_has_an_axis() -> None:
    fit = km.pool(pd.DataFrame({"yi": [3.0], "vi": [1e7], "measure": ["OR"]}))
    ax = forest(fit)
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    assert 0 < low < 1 < high < np.inf
    assert {arrow.get_marker() for arrow in labelled(ax, "_cut")} == {"<", ">"}
    assert "<0.01, ∞]" in words(ax)


def test_one_study_has_no_prediction_interval_and_no_heterogeneity(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(1))
    ax = forest(fit)
    assert labelled(ax, "_prediction") == []
    assert "Heterogeneity" not in words(ax)
    (diamond,) = labelled(ax, "_pooled")
    np.testing.assert_allclose(diamond.get_xy()[[0, 2], 0], [fit.ci_low, fit.ci_high])
    assert diamond.get_xy()[0, 1] == row_of(ax, "One study")


def test_two_studies_show_their_whole_interval(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(2))
    ax = forest(fit)
    low, high = ax.get_xlim()
    assert low < fit.ci_low
    assert fit.ci_high < high


def test_subgroups_stand_in_order_with_a_diamond_each(make: SimpleNamespace) -> None:
    rows = make.arms(6)
    rows["comparator_class"] = ["inactive", "psychoactive", "inactive", "psychoactive", "inactive", "active"]
    result = make.grouped(rows, "comparator_class")
    ax = forest(result)
    labels = [plain(label).strip() for label in ax.get_yticklabels()][::-1]
    inactive, psychoactive, active = (labels.index(x) for x in ("inactive", "psychoactive", "active"))
    assert inactive < psychoactive < active
    assert labels[inactive + 1 : inactive + 5] == [
        "Author1 2000",
        "Author3 2002",
        "Author5 2004",
        "Random effects (k = 3)",
    ]
    assert labels[active + 1 : active + 3] == ["Author6 2005", "One study"]
    diamonds = sorted(labelled(ax, "_pooled"), key=lambda x: -x.get_xy()[0, 1])
    fits = [fit for _, fit in result.groups] + [result.overall]
    for diamond, fit in zip(diamonds, fits, strict=True):
        np.testing.assert_allclose(diamond.get_xy()[[0, 1, 2], 0], [fit.ci_low, fit.estimate, fit.ci_high])
    assert f"Q\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{result.q_between:.2f}" in words(ax)


def test_weights_of_subgroups_are_shares_in_the_overall_estimate(make: SimpleNamespace) -> None:
    rows = make.arms(6)
    result = make.grouped(rows, "comparator_class")
    ax = forest(result)
    for label, weight in zip(result.overall.rows["label"], result.overall.weights, strict=True):
        assert cells(ax, row_of(ax, label))[-1] == f"{100 * weight:.1f}%"
    whole = [place for place in ax.get_yticks() if cells(ax, float(place))[-1:] == ["100.0%"]]
    assert whole == [row_of(ax, "Random effects (k = 6)")]
    assert "shares in the overall estimate" in words(ax)


def test_recovered_and_provisional_rows_are_marked(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    rows.loc[1, "imputed"] = "sd_t = se_t * sqrt(n_t)"
    rows.loc[2, "source_kind"] = "secondary-text"
    ax = forest(make.pooled(rows))
    labels = [plain(label).strip() for label in ax.get_yticklabels()]
    assert "Author2 2001†" in labels
    assert "Author3 2002‡" in labels
    assert "Author1 2000" in labels
    assert "† Recovered: sd_t = se_t * sqrt(n_t)." in words(ax)
    assert "‡ Provisional" in words(ax)


def test_many_kinds_of_recovery_share_one_mark(make: SimpleNamespace) -> None:
    rows = make.arms(8)
    rows["imputed"] = [f"formula {i}" for i in range(8)]
    rows.loc[0, "source_kind"] = "secondary-text"
    ax = forest(make.pooled(rows))
    labels = [plain(label).strip() for label in ax.get_yticklabels()]
    assert "Author1 2000†‡" in labels
    assert "Author2 2001†" in labels
    assert words(ax).count("† A statistic was recovered") == 1


def test_footer_says_method_and_provenance(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(5))
    whole = words(forest(fit)).replace("\n", " ")
    for word in (*fit.method.split(), fit.provenance.rows_sha256[:12]):
        assert word in whole
    assert fit.provenance.rows_sha256[:12] not in words(forest(fit, options=ForestOptions(footer=False)))


def test_rows_of_one_name_stay_apart_and_dollars_are_not_mathematics(make: SimpleNamespace) -> None:
    rows = make.arms(4)
    rows["label"] = ["Same 2000", "Same 2000", r"Cost $5 or $\frac 2001", "Study"]
    ax = forest(make.pooled(rows))
    ax.figure.canvas.draw()
    labels = [plain(label).strip() for label in ax.get_yticklabels()][::-1]
    assert labels[:5] == ["Study", "Same 2000", "Same 2000", r"Cost \$5 or \$\frac 2001", "Study"]
    assert len(labelled(ax, "_estimate")) == 4


def huge(make: SimpleNamespace) -> object:
    rows = make.arms(7)
    rows.loc[2, ["yi", "vi"]] = [-3.0, 60.0]
    rows.loc[4, "label"] = "Collaborative group of a multicentre trial with a long name 2019"
    return make.pooled(rows)


def small_groups(make: SimpleNamespace) -> object:
    rows = make.arms(5)
    rows["comparator_class"] = ["an inactive comparator of any kind", "active", "third", "third", "third"]
    return make.grouped(rows, "comparator_class")


CASES = {
    "one": lambda make: make.pooled(make.arms(1)),
    "two": lambda make: make.pooled(make.arms(2)),
    "sixty": lambda make: make.pooled(make.arms(60)),
    "huge": huge,
    "groups": small_groups,
    "counts": lambda make: make.pooled(make.counts(6)),
    "bare": lambda make: km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.1, 0.05, 0.08]),
}


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("case", CASES)
def test_nothing_overlaps_and_nothing_leaves_the_page(make: SimpleNamespace, case: str, width: float) -> None:
    fit = CASES[case](make)
    ax = forest(
        fit, title="A title that says what the figure is about", options=ForestOptions(width_mm=width)
    )
    figure = ax.figure
    figure.canvas.draw()
    assert figure.get_size_inches()[0] == pytest.approx(width / 25.4)
    page, panel = figure.bbox, ax.get_window_extent()
    boxes = [(text.get_text(), text.get_window_extent()) for text in printed(ax)]
    for name, box in boxes:
        assert page.x0 - 1 <= box.x0, name
        assert box.x1 <= page.x1 + 1, name
        assert page.y0 <= box.y0, name
        assert box.y1 <= page.y1, name
        inside_rows = box.y0 > panel.y0 and box.y1 < panel.y1
        if inside_rows:
            assert box.x1 <= panel.x0 or box.x0 >= panel.x1, name
    for (one, a), (two, b) in combinations(boxes, 2):
        apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1.5 or b.y1 <= a.y0 + 1.5
        assert apart, (one, two)
    assert panel.width >= 0.2 * page.width


def test_narrow_figures_give_up_columns_but_never_the_effect(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(4))
    ax = forest(fit, options=ForestOptions(width_mm=85))
    head = cells(ax, row_of(ax, "Study"))
    assert "Mean" not in head
    assert "SMD [95% CI]" in head
    none = forest(fit, options=ForestOptions(columns="none", weight=False))
    assert cells(none, row_of(none, "Study")) == ["SMD [95% CI]"]
    only_n = forest(fit, options=ForestOptions(columns="n"))
    assert cells(only_n, row_of(only_n, "Study")) == ["n", "n", "SMD [95% CI]", "Weight"]


def test_height_follows_the_rows(make: SimpleNamespace) -> None:
    options = ForestOptions(columns="none", footer=False, font_size=7)
    heights = [
        forest(make.pooled(make.arms(k)), options=options).figure.get_size_inches()[1] for k in (20, 25, 30)
    ]
    assert heights[2] - heights[1] == pytest.approx(heights[1] - heights[0])
    assert heights[1] - heights[0] == pytest.approx(5 * 1.55 * 7 / 72)


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_given_axes_keep_to_their_box(make: SimpleNamespace, layout: str | None) -> None:
    figure = Figure(figsize=(9, 10), layout=layout)
    above, under = figure.subplots(2, 1)
    figure.draw_without_rendering()
    box = above.get_window_extent().frozen()
    before = plt.get_fignums()
    ax = forest(make.pooled(make.arms(6)), ax=above, title="Above")
    assert ax is above
    assert forest(make.pooled(make.counts(4)), ax=under) is under
    assert plt.get_fignums() == before
    figure.draw_without_rendering()
    for text in printed(above):
        extent = text.get_window_extent()
        assert extent.x0 >= box.x0 - 2
        assert extent.x1 <= box.x1 + 2
        assert extent.y0 >= box.y0 - 2
        assert extent.y1 <= box.y1 + 2


def test_axes_of_a_subfigure_stay_inside_it(make: SimpleNamespace) -> None:
    figure = Figure(figsize=(16, 5))
    left, right = figure.subfigures(1, 2)
    ax = forest(make.pooled(make.arms(4)), ax=right.subplots())
    figure.draw_without_rendering()
    assert min(text.get_window_extent().x0 for text in printed(ax)) > right.bbox.x0
    assert left.axes == []


def test_a_new_figure_is_one_figure_and_is_not_shown(
    make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("plt.show was called"))
    ax = forest(make.pooled(make.arms(3)))
    assert plt.get_fignums() == [ax.figure.number]
    assert ax.figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)


def test_text_is_legible_on_dark_paper(make: SimpleNamespace) -> None:
    figure = Figure(figsize=(9, 5), facecolor="black")
    ax = forest(make.pooled(make.arms(4)), ax=figure.subplots())
    for text in printed(ax):
        assert min(matplotlib.colors.to_rgb(text.get_color())) > 0.6
    assert forest(make.pooled(make.arms(4))).texts[0].get_color() == "#1a1a1a"


def test_settings_of_the_reader_do_not_break_the_figure(make: SimpleNamespace) -> None:
    with matplotlib.rc_context(
        {
            "axes.grid": True,
            "errorbar.capsize": 8,
            "savefig.bbox": "tight",
            "text.usetex": True,
            "font.family": "serif",
        }
    ):
        ax = forest(make.pooled(make.arms(3)))
        assert ax.get_yticklabels()[0].get_fontfamily() == ["serif"]
    assert not any(line.get_visible() for line in ax.get_xgridlines() + ax.get_ygridlines())
    assert ax.containers[0].lines[1] == ()
    assert not any(text.get_usetex() for text in printed(ax))


def test_the_rows_of_the_result_are_not_changed(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(4))
    before = fit.rows.copy(deep=True)
    forest(fit)
    assert fit.rows.equals(before)


def test_forestplot_draws_the_intervals(make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    import forestplot

    calls = []
    original = forestplot.forestplot
    monkeypatch.setattr(
        forestplot, "forestplot", lambda *args, **kw: calls.append(kw["ax"]) or original(*args, **kw)
    )
    assert forest(make.pooled(make.arms(3))) is calls[0]


def test_importing_forestplot_leaves_no_trace() -> None:
    script = """
import warnings, numpy, matplotlib
matplotlib.use("Agg")
import ketameta as km
fit = km.pool(yi=[-0.9, -0.4, -0.6], vi=[0.1, 0.05, 0.08])
import matplotlib.pyplot as plt, pandas
from ketameta.plots import forest
before = numpy.geterr(), list(warnings.filters), dict(matplotlib.rcParams)
forest(fit)
import sys
assert "forestplot" in sys.modules
assert before == (numpy.geterr(), list(warnings.filters), dict(matplotlib.rcParams))
assert plt.get_fignums() == [1]
from forestplot import graph_utils
assert graph_utils.plt is plt
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_is_no_result_is_refused(make: SimpleNamespace) -> None:
    with pytest.raises(FigureError, match="DataFrame; pool the effects first"):
        forest(make.arms(3))
    fit = make.pooled(make.arms(3))
    ax = Figure().subplots()
    ax.plot([1, 2])
    with pytest.raises(FigureError, match="already hold data"):
        forest(fit, ax=ax)
    with pytest.raises(FigureError, match="give matplotlib axes, not Figure"):
        forest(fit, ax=Figure())


def test_too_little_room_is_an_error_that_says_so(make: SimpleNamespace) -> None:
    with pytest.raises(FigureError, match=r"does not fit in \d+ mm wide and \d+ mm high"):
        forest(make.pooled(make.arms(8)), ax=Figure(figsize=(3, 1)).subplots())
    with pytest.raises(FigureError, match="does not fit in 58 mm wide"):
        forest(make.pooled(make.arms(3)), options=ForestOptions(width_mm=60, font_size=12))


@pytest.mark.parametrize(
    "wrong",
    [{"width_mm": 10}, {"font_size": 2}, {"columns": "all"}, {"digits": -1}, {"limits": (1, 0)}],
)
def test_options_are_checked(wrong: dict) -> None:
    with pytest.raises(FigureError, match=next(iter(wrong))):
        ForestOptions(**wrong)
