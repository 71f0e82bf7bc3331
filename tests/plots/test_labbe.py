from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

import ketameta as km
from ketameta.effects import arcsine, log_or, log_rr, rd
from ketameta.errors import FigureError
from ketameta.plots import FigureOptions, describe
from ketameta.plots.labbe import labbe
from ketameta.plots.style import DARK

from .room import assert_apart, assert_inside, texts_of

REFERENCE = Path(__file__).parents[1] / "reference"
BCG = pd.read_csv(REFERENCE / "labbe_points.csv")
EFFECTS = {"OR": log_or, "RR": log_rr, "RD": rd, "AS": arcsine}


def bcg(measure: str) -> pd.DataFrame:
    """The BCG trials with an effect."""
    effect = EFFECTS[measure](BCG["events_t"], BCG["total_t"], BCG["events_c"], BCG["total_c"])
    return BCG.assign(yi=effect.yi, vi=effect.vi, measure=measure, label=[f"Trial {i}" for i in BCG.index])


def dots(ax: Any) -> Any:
    (found,) = (x for x in ax.collections if x.get_label() == "_study")
    return found


def line(ax: Any, label: str) -> tuple[Any, Any]:
    (found,) = (x for x in ax.lines if x.get_label() == label)
    return found.get_data()


def test_dots_are_those_of_metafor() -> None:
    ax = labbe(km.pool(bcg("OR")), highest=40)
    wanted = 100 * BCG[["comparator", "treated"]].to_numpy()
    found = np.asarray(dots(ax).get_offsets())
    np.testing.assert_allclose(np.sort(found, axis=0), np.sort(wanted, axis=0), rtol=1e-12)


@pytest.mark.parametrize("measure", EFFECTS)
def test_curve_is_that_of_metafor(measure: str) -> None:
    fit = km.pool(bcg(measure))
    x, y = line(labbe(fit), "_estimate")
    wanted = pd.read_csv(REFERENCE / "labbe.csv").query("measure == @measure")
    assert fit.estimate == pytest.approx(wanted["effect"].iloc[0], rel=1e-6)
    inside = np.isfinite(y)
    wanted = wanted[(100 * wanted["comparator"]).between(x[inside].min(), x[inside].max())]
    assert len(wanted) > 20
    drawn = np.interp(100 * wanted["comparator"], x[inside], y[inside])
    np.testing.assert_allclose(drawn, 100 * wanted["treated"], atol=0.005)


@pytest.mark.parametrize("measure", EFFECTS)
def test_band_has_the_ends_of_the_interval(measure: str) -> None:
    fit = km.pool(bcg(measure))
    ax = labbe(fit)
    edges = [found.get_data() for found in ax.lines if found.get_label() == "_edge"]
    for (x, y), end in zip(edges, (fit.ci_low, fit.ci_high), strict=True):
        inside = np.isfinite(y) & (x > 5) & (x < 90)
        back = EFFECTS[measure](y[inside] * 1e4, 1e6, x[inside] * 1e4, 1e6).yi
        np.testing.assert_allclose(back, end, rtol=1e-7)
        assert inside.sum() > 100


def test_a_curve_ends_where_no_risk_is_left(make: SimpleNamespace) -> None:
    rows = make.counts(5).assign(measure="RR", yi=np.log(4.0))
    x, y = line(labbe(make.pooled(rows)), "_estimate")
    assert np.isnan(y[x > 25.1]).all()
    np.testing.assert_allclose(y[x < 24.9], 4 * x[x < 24.9])


def test_areas_are_proportional_to_weights(make: SimpleNamespace) -> None:
    fit = make.pooled(make.counts(6))
    found = dots(labbe(fit))
    areas = np.asarray(found.get_sizes())
    assert (np.diff(areas) <= 0).all()
    np.testing.assert_allclose(areas / areas.max(), np.sort(fit.weights)[::-1] / fit.weights.max())


@pytest.mark.parametrize(("method", "by"), [("MH", "weight"), ("CM.EL", "participants")])
def test_counts_and_what_areas_mean(make: SimpleNamespace, method: str, by: str) -> None:
    rows = make.counts(5)
    fit = km.counts(rows["events_t"], rows["total_t"], rows["events_c"], rows["total_c"], method=method)
    ax = labbe(fit)
    assert ax.get_legend().get_texts()[0].get_text().replace("\n", " ") == f"Study, area by {by}"
    size = fit.n1 + fit.n2 if by == "participants" else fit.weights
    areas = np.asarray(dots(ax).get_sizes())
    np.testing.assert_allclose(areas / areas.max(), np.sort(size)[::-1] / size.max())


def test_axes_say_what_they_show(make: SimpleNamespace) -> None:
    rows = make.counts(4).assign(comparator="midazolam", outcome="suicidal_response")
    ax = labbe(make.pooled(rows), options=FigureOptions(width_mm=180))
    assert ax.get_xlabel() == "Suicidal response with midazolam (%)"
    assert ax.get_ylabel() == "Suicidal response with ketamine (%)"
    assert ax.get_xlim() == ax.get_ylim() == (-5, 105)
    box = ax.get_position().transformed(ax.figure.transFigure)
    assert box.width == pytest.approx(box.height, rel=1e-6)
    assert [ends.tolist() for ends in map(np.asarray, line(ax, "_null"))] == [[0, 100], [0, 100]]
    assert any("Over the dotted line: favours ketamine" in text for text, _ in texts_of(ax))


def test_rows_without_counts_are_told(make: SimpleNamespace) -> None:
    rows = make.counts(6).astype({"events_c": "Int64"})
    rows.loc[2, "events_c"] = pd.NA
    ax = labbe(make.pooled(rows))
    assert len(dots(ax).get_offsets()) == 5
    assert any("1 study has no counts and no dot." in text for text, _ in texts_of(ax))


@pytest.mark.parametrize("width", [85, 180, 254])
@pytest.mark.parametrize("k", [1, 2, 60])
def test_texts_stay_apart_and_inside(make: SimpleNamespace, k: int, width: float) -> None:
    ax = labbe(make.pooled(make.counts(k)), title="Response", options=FigureOptions(width_mm=width))
    assert_apart(ax.figure)
    assert_inside(ax.figure)


def test_hostile_rows(make: SimpleNamespace) -> None:
    rows = make.counts(8).assign(outcome="$re<b>\x07 " + "x" * 60, comparator="$p$\n<i>")
    rows["label"] = [f"A trial of $ketamine$ <b>\n\x07{'x' * 50}{i}" for i in range(8)]
    rows["yi"] = np.linspace(np.log(1e-3), np.log(1e3), 8)
    ax = labbe(make.pooled(rows), title="$x^2$", options=FigureOptions(width_mm=85))
    assert_apart(ax.figure)
    assert_inside(ax.figure)


def test_dark_paper(make: SimpleNamespace) -> None:
    figure, ax = plt.subplots(figsize=(6, 5), facecolor=DARK.paper)
    assert labbe(make.pooled(make.counts(6)), ax=ax) is ax
    assert dots(ax).get_facecolor()[0][:3] == pytest.approx(to_rgba(DARK.study)[:3])
    assert_inside(figure)


def test_in_words(make: SimpleNamespace) -> None:
    fit = make.pooled(make.counts(7))
    words = describe(labbe(fit))
    assert words.startswith("L'Abbé plot of 7 studies. Horizontal axis: Response with comparator (%);")
    assert f"Pooled OR {np.exp(fit.estimate):.2f}, 95% CI {np.exp(fit.ci_low):.2f} to" in words
    middle = float(np.median(fit.rows["events_c"] / fit.rows["total_c"]))
    odds = middle / (1 - middle) * np.exp(fit.estimate)
    implied = 100 * odds / (1 + odds)
    assert f"At the median share with the comparator, {100 * middle:.0f}%, it implies {implied:.0f}%" in words
    more = int(
        np.sum(fit.rows["events_t"] / fit.rows["total_t"] > fit.rows["events_c"] / fit.rows["total_c"])
    )
    assert f"{more} over" in words


def test_refusals(make: SimpleNamespace) -> None:
    with pytest.raises(FigureError, match="not SMD"):
        labbe(make.pooled(make.arms(4)))
    with pytest.raises(FigureError, match="unknown measure"):
        labbe(km.pool(yi=[0.1, 0.2, 0.4], vi=[0.1, 0.1, 0.1]))
    with pytest.raises(FigureError, match="Subgroups"):
        labbe(make.grouped(make.counts(4).assign(group=list("aabb")), "group"))
    rows = make.counts(4)
    with pytest.raises(FigureError, match="no events_c, total_c"):
        labbe(make.pooled(rows.drop(columns=["events_c", "total_c"])))
    with pytest.raises(FigureError, match="no row has all four"):
        labbe(make.pooled(rows.assign(events_c=np.nan)))
    with pytest.raises(FigureError, match="between 0 and the size of the arm: Author1 2010"):
        labbe(make.pooled(rows.assign(events_t=[1000, *rows["events_t"][1:]])))
    with pytest.raises(FigureError, match="give a higher end"):
        labbe(make.pooled(rows), highest=5)
    for highest in (0, 101, float("nan"), "all"):
        with pytest.raises(FigureError, match="highest="):
            labbe(make.pooled(rows), highest=highest)
