"""The rows behind a forest plot as data: what is drawn is what is in the table."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ketameta.errors import FigureError
from ketameta.plots import ForestOptions, forest, forest_table

from .artists import labelled
from .forest_texts import Z, cells, plain, words


def printed_rows(ax: object) -> list[str]:
    """Labels of the rows from the top, headings and empty rows left out."""
    labels = [plain(label).strip().rstrip("†‡") for label in ax.get_yticklabels()][-2::-1]
    return [label for label in labels if label]


@pytest.mark.parametrize("layout", ["plain", "revman", "jama", "bmj"])
@pytest.mark.parametrize("kind", ["arms", "counts"])
def test_what_is_drawn_is_in_the_table(make: SimpleNamespace, kind: str, layout: str) -> None:
    fit = make.pooled(getattr(make, kind)(6))
    options = ForestOptions(layout=layout)
    ax, table = forest(fit, options=options), forest_table(fit, options=options)
    assert " ".join(printed_rows(ax)) == " ".join(map(plain_text, table["label"]))
    (squares,) = (each for each in ax.collections if len(each.get_offsets()) == len(ax.get_yticks()))
    studies = table[table["kind"] == "study"]
    at = {y: x for x, y in squares.get_offsets() if np.isfinite(x)}
    np.testing.assert_allclose([at[y] for y in sorted(at, reverse=True)], studies["estimate"], rtol=1e-12)
    (lines,) = ax.containers[0].lines[2]
    ends = {seg[0, 1]: seg[:, 0] for seg in lines.get_segments() if seg.size}
    drawn = np.array([ends[y] for y in sorted(at, reverse=True)])
    low, high = ax.get_xlim()
    np.testing.assert_allclose(drawn, np.clip(studies[["ci_low", "ci_high"]], low, high), rtol=1e-9)
    (diamond,) = labelled(ax, "_pooled")
    total = table[table["kind"] == "pooled"].iloc[0]
    np.testing.assert_allclose(
        diamond.get_xy()[:3, 0], total[["ci_low", "estimate", "ci_high"]].astype(float)
    )
    (bar,) = labelled(ax, "_prediction")
    new = table[table["kind"] == "prediction"].iloc[0]
    np.testing.assert_allclose(bar.get_xdata(), np.clip([new["pi_low"], new["pi_high"]], low, high))
    for y, (_, row) in zip(sorted(at, reverse=True), studies.iterrows(), strict=True):
        texts = " ".join(cells(ax, y))
        assert f"{100 * row['weight']:.1f}" in texts
        for key in ("n_t", "n_c", "events_t", "total_c"):
            assert key not in row or f"{row[key]:g}" in texts


def plain_text(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_numbers_are_those_of_the_fit(make: SimpleNamespace) -> None:
    rows = make.counts(5)
    fit = make.pooled(rows)
    table = forest_table(fit)
    studies = table[table["kind"] == "study"]
    np.testing.assert_allclose(studies["estimate"], np.exp(fit.yi), rtol=1e-12)
    np.testing.assert_allclose(studies["ci_low"], np.exp(fit.yi - Z * np.sqrt(fit.vi)), rtol=1e-12)
    np.testing.assert_allclose(studies["weight"], fit.weights, rtol=1e-12)
    assert studies["events_t"].tolist() == rows["events_t"].tolist()
    total = table[table["kind"] == "pooled"].iloc[0]
    assert total["events_t"] == rows["events_t"].sum()
    assert total["weight"] == pytest.approx(1)
    assert table.attrs["notes"][-1] == f"{fit.provenance.line()}."
    assert table["kind"].tolist() == ["study"] * 5 + ["pooled", "prediction", "note", "note"]


def test_subgroups_extra_columns_and_judgements_are_in_the_table(make: SimpleNamespace) -> None:
    rows = make.arms(4).assign(time_hours=24.0, imputed=["", "sd from se", "", ""])
    judged = pd.DataFrame({"study": rows["label"][:3], "D1": ["low", "high", None], "overall": "low"})
    options = ForestOptions(extra=("time",), rob=judged)
    table = forest_table(make.grouped(rows, "comparator_class"), options=options)
    assert table["group"].unique().tolist() == ["inactive", "psychoactive", ""]
    studies = table[table["kind"] == "study"].set_index("label")
    assert studies["time"].tolist() == ["24 h"] * 4
    assert studies.loc["Author2 2001", "notes"] == "Recovered: sd from se."
    assert studies.loc["Author1 2000", "rob_D1"] == "low"
    assert studies.loc["Author2 2001", "rob_D1"] == "high"
    assert studies["rob_Overall"].isna().tolist() == [False, False, False, True]
    assert studies.loc["Author1 2000", "mean_t"] == rows["mean_t"][0]
    assert (table["kind"] == "pooled").sum() == 3


def test_a_narrow_figure_loses_columns_and_the_table_does_not(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(4))
    narrow = ForestOptions(width_mm=85)
    assert "Mean" not in words(forest(fit, options=narrow))
    assert forest_table(fit, options=narrow).equals(forest_table(fit))
    assert "mean_t" not in forest_table(fit, options=ForestOptions(columns="n"))
    assert "n_t" not in forest_table(fit, options=ForestOptions(columns="none"))


def test_only_results_have_a_table(make: SimpleNamespace) -> None:
    with pytest.raises(FigureError, match="DataFrame; pool the effects first"):
        forest_table(make.arms(3))
    assert forest_table(make.pooled(make.arms(1)))["kind"].tolist()[:2] == ["study", "pooled"]
