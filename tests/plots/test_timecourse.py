from __future__ import annotations

from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import ketameta as km
from ketameta.curves import DurabilityCurve
from ketameta.curves.words import clock
from ketameta.errors import FigureError
from ketameta.plots import TimecourseOptions, timecourse

from .artists import labelled
from .room import assert_apart, assert_inside


def printed(ax: Axes) -> list:
    legend = ax.get_legend().get_texts()
    texts = [*ax.texts, *ax.get_yticklabels(), *ax.get_xticklabels(), ax.xaxis.label, ax.yaxis.label, *legend]
    return [text for text in texts if text.get_text().strip()]


def words(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in printed(ax))


def row_of_numbers(ax: Axes, heading: str) -> dict[str, str]:
    """Numbers under the ticks, by tick label."""
    ax.figure.draw_without_rendering()
    first = next(text for text in ax.texts if text.get_text() == heading).get_window_extent()
    labels = {label.get_text(): label.get_window_extent() for label in ax.get_xticklabels()}
    found = {}
    for text in ax.texts:
        box = text.get_window_extent()
        if text.get_text() != heading and abs(box.y0 - first.y0) < 3:
            nearest = min(
                labels, key=lambda name: abs((labels[name].x0 + labels[name].x1) - (box.x0 + box.x1))
            )
            found[nearest] = text.get_text()
    return found


@pytest.mark.parametrize("measure", ["SMD", "OR"])
def test_the_line_is_the_curve(make: SimpleNamespace, measure: str) -> None:
    curve = km.durability(make.over_time(measure=measure))
    shown = np.exp if measure == "OR" else np.asarray
    ax = timecourse(curve)
    (line,) = labelled(ax, "_curve")
    hours, values = (np.asarray(x, dtype=float) for x in line.get_data())
    seen = np.isfinite(values)
    np.testing.assert_allclose(values[seen], shown(curve.at(hours=hours[seen])["estimate"]), rtol=1e-12)
    assert hours[0] == curve.time_range[0]
    assert hours[-1] == curve.time_range[1]
    assert ax.get_xscale() == "log"
    assert ax.get_yscale() == ("log" if measure == "OR" else "linear")


def test_bands_are_the_intervals(curve: DurabilityCurve) -> None:
    ax = timecourse(curve)
    for name in ("ci", "pi"):
        (band,) = labelled(ax, f"_{name}")
        corners = np.concatenate([path.vertices for path in band.get_paths()])
        at = corners[np.isclose(corners[:, 0], curve.time_range[0])]
        first = curve.at(hours=[curve.time_range[0]]).iloc[0]
        assert at[:, 1].min() == pytest.approx(first[f"{name}_low"])
        assert at[:, 1].max() == pytest.approx(first[f"{name}_high"])


def test_dots_are_trials_with_areas_by_precision(curve: DurabilityCurve) -> None:
    ax = timecourse(curve)
    (dots,) = labelled(ax, "_dots")
    rows = curve.rows
    rows = rows.iloc[np.argsort(rows["vi"].to_numpy(), kind="stable")]
    np.testing.assert_allclose(dots.get_offsets(), rows[["time_hours", "yi"]].to_numpy())
    area, vi = dots.get_sizes(), rows["vi"].to_numpy()
    free = area > area.min()
    assert free.sum() > 3
    np.testing.assert_allclose((area * vi)[free], (area * vi)[free][0])
    assert np.all(np.diff(area[np.argsort(vi)]) <= 1e-12)


def test_lines_join_the_effects_of_one_trial(curve: DurabilityCurve) -> None:
    ax = timecourse(curve)
    lines = sorted((tuple(x.get_xdata()), tuple(x.get_ydata())) for x in labelled(ax, "_trial"))
    trials = curve.rows.groupby("cohort_id")
    expected = sorted((tuple(rows["time_hours"]), tuple(rows["yi"])) for _, rows in trials if len(rows) > 1)
    assert lines == expected


def test_times_without_trials_are_grey_named_and_dashed(gappy: DurabilityCurve) -> None:
    ax = timecourse(gappy)
    assert len(gappy.gaps) == 2
    spans = sorted((span.get_x(), span.get_x() + span.get_width()) for span in labelled(ax, "_gap"))
    np.testing.assert_allclose(spans, gappy.gaps)
    assert "No trial near (curve thin)" in words(ax)
    (solid,), (dashed,) = labelled(ax, "_curve"), labelled(ax, "_dashed")
    assert solid.get_linestyle() == "-"
    assert dashed.get_linestyle() == "--"
    assert dashed.get_linewidth() < solid.get_linewidth()
    for low, high in gappy.gaps:
        hours, values = (np.asarray(x, dtype=float) for x in solid.get_data())
        inside = (hours > low) & (hours < high)
        assert inside.sum() > 5
        assert np.isnan(values[inside]).all()
        drawn = np.isfinite(np.asarray(dashed.get_ydata(), dtype=float))
        assert drawn[(hours >= low) & (hours <= high)].all()
        for name in ("_ci", "_pi"):
            (band,) = labelled(ax, name)
            for path in band.get_paths():
                xs = path.vertices[:, 0]
                assert xs.max() <= low * 1.0001 or xs.min() >= high * 0.9999


def test_without_gaps_nothing_is_grey(make: SimpleNamespace) -> None:
    curve = km.durability(make.over_time((24, 48, 72, 168)))
    assert curve.gaps == ()
    ax = timecourse(curve)
    assert labelled(ax, "_gap") == []
    assert labelled(ax, "_dashed") == []
    assert "No trial" not in words(ax)


def test_numbers_under_the_axis_are_those_of_the_trials(make: SimpleNamespace) -> None:
    rows = make.over_time()
    ax = timecourse(km.durability(rows))
    trials, people = row_of_numbers(ax, "Trials"), row_of_numbers(ax, "Participants")
    for label, hours in (("4 h", 4), ("1 d", 24), ("7 d", 168), ("14 d", 336)):
        there = rows[rows["time_hours"] == hours]
        assert trials[label] == str(there["cohort_id"].nunique())
        assert people[label] == f"{(there['n_t'] + there['n_c']).sum():.0f}"
    assert trials["3 d"] == "0"


def test_unknown_sizes_are_a_dash(make: SimpleNamespace) -> None:
    rows = make.over_time().drop(columns=["n_t", "n_c"])
    assert row_of_numbers(timecourse(km.durability(rows)), "Participants")["1 d"] == "–"


def test_the_half_life_is_marked_on_the_curve(curve: DurabilityCurve) -> None:
    value = curve.half_life.value_hours
    assert value is not None
    (mark,) = labelled(timecourse(curve), "_half_life")
    height = float(curve.at(hours=[value])["estimate"].iloc[0])
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == pytest.approx((value, height))
    assert height == pytest.approx(curve.half_life.effect, rel=1e-3)


def test_the_half_life_of_a_decay_counts_from_the_first_time(make: SimpleNamespace) -> None:
    curve = km.durability(make.over_time(), curve="exponential")
    (mark,) = labelled(timecourse(curve), "_half_life")
    first = curve.time_range[0]
    assert mark.get_xdata()[0] == pytest.approx(first + curve.half_life.value_hours)
    start = float(curve.at(hours=[first])["estimate"].iloc[0])
    assert mark.get_ydata()[0] == pytest.approx(start / 2)


def test_a_half_life_that_is_not_reached_has_no_mark(make: SimpleNamespace) -> None:
    rows = make.over_time()
    rows["yi"] = -0.5
    curve = km.durability(rows)
    assert curve.half_life.value is None
    ax = timecourse(curve)
    assert labelled(ax, "_half_life") == []
    assert "Half-life: not reached" in words(ax)


@pytest.mark.parametrize(
    ("measure", "null", "under", "over"),
    [
        ("SMD", 0.0, "Favours ketamine", "Favours comparator"),
        ("OR", 1.0, "Favours comparator", "Favours ketamine"),
    ],
)
def test_sides_and_null(make: SimpleNamespace, measure: str, null: float, under: str, over: str) -> None:
    ax = timecourse(km.durability(make.over_time(measure=measure)))
    (line,) = labelled(ax, "_null")
    assert set(line.get_ydata()) == {null}
    ax.figure.draw_without_rendering()
    level = ax.transData.transform((24, null))[1]
    below, above = (
        next(x for x in ax.texts if x.get_text().replace("\n", " ").strip("←→ \N{NO-BREAK SPACE}") == text)
        for text in (under, over)
    )
    assert below.get_window_extent().y1 <= level <= above.get_window_extent().y0


@pytest.mark.parametrize(
    ("units", "label"), [("auto", "7 d"), ("hours", "168 h"), ("days", "7 d"), ("weeks", "1 wk")]
)
def test_units(curve: DurabilityCurve, units: str, label: str) -> None:
    labels = [
        x.get_text() for x in timecourse(curve, options=TimecourseOptions(units=units)).get_xticklabels()
    ]
    assert label in labels


def test_ticks_stand_at_their_times(curve: DurabilityCurve) -> None:
    ax = timecourse(curve)
    ticks = dict(zip((x.get_text() for x in ax.get_xticklabels()), ax.get_xticks(), strict=True))
    assert ticks == {"4 h": 4.0, "1 d": 24.0, "3 d": 72.0, "7 d": 168.0, "14 d": 336.0}
    assert list(ax.get_xticks(minor=True)) == []


def test_a_linear_axis_starts_at_dosing_and_greys_what_comes_before_the_first_trial(
    make: SimpleNamespace,
) -> None:
    curve = km.durability(make.over_time((24, 48, 72, 168)))
    ax = timecourse(curve, options=TimecourseOptions(scale="linear"))
    assert ax.get_xscale() == "linear"
    assert ax.get_xlim()[0] == 0
    (span,) = labelled(ax, "_gap")
    assert (span.get_x(), span.get_width()) == (0, 24)
    np.testing.assert_allclose(np.diff(ax.get_xticks(), 2), 0, atol=1e-9)
    (line,) = labelled(ax, "_curve")
    assert line.get_xdata()[0] == 24


def test_the_threshold_is_a_line_and_its_crossing_a_square(curve: DurabilityCurve) -> None:
    out = curve.time_to(-0.4)
    ax = timecourse(curve, options=TimecourseOptions(threshold=-0.4))
    (line,) = labelled(ax, "_threshold")
    assert set(line.get_ydata()) == {-0.4}
    (mark,) = labelled(ax, "_crossing")
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == pytest.approx((out.value_hours, -0.4), rel=1e-4)
    assert mark.get_marker() == "s"
    said = words(ax).replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")
    assert f"Minimal important difference −0.4, crossed at {clock(out.value_hours)}" in said
    assert f"first falls short of it at {clock(out.value_hours)} (95% CI " in said


def test_the_threshold_of_a_ratio_is_a_ratio(make: SimpleNamespace) -> None:
    curve = km.durability(make.over_time(measure="OR"))
    ax = timecourse(curve, options=TimecourseOptions(threshold=1.8, threshold_name="Worth it"))
    (line,), (mark,) = labelled(ax, "_threshold"), labelled(ax, "_crossing")
    assert set(line.get_ydata()) == {1.8}
    assert mark.get_ydata()[0] == pytest.approx(1.8, rel=1e-4)
    assert mark.get_xdata()[0] == pytest.approx(curve.time_to(np.log(1.8)).value_hours)
    assert "Worth it 1.8" in words(ax)
    with pytest.raises(FigureError, match="a ratio is above 0"):
        timecourse(curve, options=TimecourseOptions(threshold=-0.2))


@pytest.mark.parametrize(
    ("threshold", "said"), [(-5.0, "never reaches it"), (-0.001, "lies beyond it up to")]
)
def test_a_threshold_that_is_not_crossed_is_only_a_line(
    curve: DurabilityCurve, threshold: float, said: str
) -> None:
    ax = timecourse(curve, options=TimecourseOptions(threshold=threshold))
    assert len(labelled(ax, "_threshold")) == 1
    assert labelled(ax, "_crossing") == []
    low, high = ax.get_ylim()
    assert low < threshold < high
    assert said in words(ax).replace("\n", " ")


def test_the_prediction_band_has_dotted_edges(curve: DurabilityCurve) -> None:
    ax = timecourse(curve)
    edges = labelled(ax, "_pi_edge")
    assert len(edges) == 2
    assert all(edge.get_linestyle() not in {"-", "None"} for edge in edges)
    np.testing.assert_allclose(
        np.asarray(edges[0].get_ydata(), dtype=float)[-1],
        curve.at(hours=[curve.time_range[1]])["pi_low"].iloc[0],
    )
    assert labelled(ax, "_ci_edge") == []


def test_numbers_and_dots_are_left_out_apart(curve: DurabilityCurve) -> None:
    dots = timecourse(curve, options=TimecourseOptions(numbers=False))
    assert len(labelled(dots, "_dots")) == 1
    assert "Participants" not in words(dots)
    numbers = timecourse(curve, options=TimecourseOptions(trials=False))
    assert labelled(numbers, "_dots") == []
    assert "Participants" in words(numbers)


def test_dollars_are_dollars(make: SimpleNamespace) -> None:
    rows = make.over_time().replace({"cohort_id": {"trial0": "a $x_1$ b"}})
    ax = timecourse(
        km.durability(rows[rows["time_hours"] != 4]),
        labels=["all $y$"],
        title="$5 or $6",
        favours=("$a$", "$b$"),
        options=TimecourseOptions(time_name="Time $t$", threshold=-0.3, threshold_name="$z$"),
    )
    ax.figure.draw_without_rendering()
    for text in printed(ax):
        shown, mathematics = text._preprocess_math(text.get_text())
        assert not mathematics, shown
    assert "$5 or $6" in [text._preprocess_math(text.get_text())[0] for text in ax.texts]


def test_one_huge_interval_does_not_press_the_rest_together(make: SimpleNamespace) -> None:
    rows = make.over_time()
    usual = np.ptp(timecourse(km.durability(rows)).get_ylim())
    rows.loc[3, "vi"] = 400.0
    assert np.ptp(timecourse(km.durability(rows)).get_ylim()) < 2 * usual


def test_parts_can_be_left_out(curve: DurabilityCurve) -> None:
    ax = timecourse(
        curve, options=TimecourseOptions(trials=False, numbers=False, prediction=False, footer=False)
    )
    for label in ("_dots", "_trial", "_pi"):
        assert labelled(ax, label) == []
    half_life = clock(curve.half_life.value_hours)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "Mean effect",
        "95% CI",
        f"Half-life {half_life}".replace(" d", "\N{NO-BREAK SPACE}d"),
        "No trial near (curve thin)",
    ]
    assert "Trials" not in words(ax)
    assert curve.provenance.rows_sha256[:12] not in words(ax)


def test_effects_off_the_axis_become_arrows(curve: DurabilityCurve) -> None:
    ax = timecourse(curve, options=TimecourseOptions(limits=(-0.7, 0.0)))
    assert ax.get_ylim() == (-0.7, 0.0)
    outside = curve.rows[(curve.rows["yi"] < -0.7) | (curve.rows["yi"] > 0)]
    arrows = sorted((x.get_xdata()[0], x.get_ydata()[0], x.get_marker()) for x in labelled(ax, "_cut"))
    expected = sorted(
        (row.time_hours, -0.7 if row.yi < -0.7 else 0.0, "v" if row.yi < -0.7 else "^")
        for row in outside.itertuples()
    )
    assert arrows == expected
    (dots,) = labelled(ax, "_dots")
    assert len(dots.get_offsets()) == len(curve.rows) - len(outside)


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("case", ["gaps", "ratio", "long", "two", "many", "tiny"])
def test_nothing_overlaps_and_nothing_leaves_the_page(make: SimpleNamespace, case: str, width: float) -> None:
    rows = {
        "gaps": lambda: make.over_time((2, 24, 336, 672)),
        "ratio": lambda: make.over_time(measure="OR"),
        "long": lambda: make.over_time((0.67, 2, 4, 24, 48, 72, 168, 336, 672, 1344, 8736, 17472), k=12),
        "two": lambda: make.over_time((24, 72, 168), k=2),
        "many": lambda: make.over_time((4, 24, 72, 168), k=40),
        "tiny": lambda: make.over_time().assign(
            yi=lambda x: x["yi"] / 1e3, vi=lambda x: x["vi"] / 1e6, measure="MD"
        ),
    }[case]()
    for scale in ("log", "linear"):
        options = TimecourseOptions(
            width_mm=width, scale=scale, threshold=1.2 if case == "ratio" else -0.0004
        )
        ax = timecourse(km.durability(rows), title="How long the effect lasts", options=options)
        for dpi in (100, 300):
            ax.figure.set_dpi(dpi)
            assert_inside(ax)
            assert_apart(ax)


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_given_axes_keep_to_their_box(curve: DurabilityCurve, layout: str | None) -> None:
    figure = Figure(figsize=(9, 10), layout=layout)
    above, _ = figure.subplots(2, 1)
    figure.draw_without_rendering()
    box = above.get_window_extent().frozen()
    assert timecourse(curve, ax=above, title="Above") is above
    assert plt.get_fignums() == []
    assert_inside(above, box, slack=2)


def test_text_is_legible_on_dark_paper(curve: DurabilityCurve) -> None:
    ax = timecourse(curve, ax=Figure(figsize=(9, 7), facecolor="black").subplots())
    for text in printed(ax):
        assert max(matplotlib.colors.to_rgb(text.get_color())) > 0.6


def test_the_rows_of_the_curve_are_not_changed(curve: DurabilityCurve) -> None:
    before = curve.rows.copy(deep=True)
    timecourse(curve)
    assert curve.rows.equals(before)


def test_what_cannot_be_drawn_is_refused(make: SimpleNamespace, curve: DurabilityCurve) -> None:
    with pytest.raises(FigureError, match="result of durability"):
        timecourse(make.over_time())
    with pytest.raises(FigureError, match="does not fit in"):
        timecourse(curve, ax=Figure(figsize=(2, 2)).subplots())
    ax = Figure().subplots()
    ax.plot([1, 2])
    with pytest.raises(FigureError, match="already hold data"):
        timecourse(curve, ax=ax)
    ratio = km.durability(make.over_time(measure="OR"))
    with pytest.raises(FigureError, match="above 0"):
        timecourse(ratio, options=TimecourseOptions(limits=(0, 2)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"width_mm": 10},
        {"font_size": 2},
        {"units": "years"},
        {"limits": (1, 0)},
        {"scale": "sqrt"},
        {"threshold": float("nan")},
        {"threshold": "-0.24"},
    ],
)
def test_options_are_checked(wrong: dict) -> None:
    with pytest.raises(FigureError, match=next(iter(wrong))):
        TimecourseOptions(**wrong)
