from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from ketameta.curves import DurabilityCurve
from ketameta.errors import FigureError
from ketameta.models import Pooled, Subgroups
from ketameta.plots import ForestOptions, describe, forest, save, timecourse


def forest_words(fit: Pooled | Subgroups) -> str:
    return describe(forest(fit))


def test_a_pooled_figure_in_words(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(5))
    text = forest_words(fit)
    assert text.startswith("Forest plot of 5 studies. Axis: Standardised mean difference (Hedges' g)")
    assert "under 0 favours ketamine, over 0 favours midazolam" in text
    pooled = f"SMD {fit.estimate:.2f}, 95% CI {fit.ci_low:.2f} to {fit.ci_high:.2f}".replace("-", "−")
    assert pooled in text
    assert f"prediction interval {fit.pi_low:.2f} to {fit.pi_high:.2f}".replace("-", "−") in text
    low, high = fit.yi.argmin(), fit.yi.argmax()
    assert fit.rows["label"].iloc[low] in text
    assert fit.rows["label"].iloc[high] in text


def test_words_are_of_what_was_drawn(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(5))
    ax = forest(fit, favours=("this", "that"), options=ForestOptions(prediction=False))
    assert "prediction" not in describe(ax)
    assert "under 0 favours this, over 0 favours that" in describe(ax)


def test_subgroups_and_single_studies_in_words(make: SimpleNamespace) -> None:
    groups = make.grouped(make.arms(6), "comparator_class")
    text = forest_words(groups)
    assert "in 2 subgroups" in text
    for name, fit in groups.groups:
        assert f"{name}: SMD {fit.estimate:.2f}".replace("-", "−") in text
    one = forest_words(make.pooled(make.arms(1)))
    assert one.startswith("Forest plot of 1 study.")
    assert "prediction" not in one


def test_a_curve_in_words(gappy: DurabilityCurve) -> None:
    text = describe(timecourse(gappy))
    assert gappy.sentence() in text
    assert "no trial measured there: 4 h to 12 h" in text


def test_marks_do_not_get_into_the_words(make: SimpleNamespace) -> None:
    rows = make.arms(3)
    rows["imputed"] = "sd_t = se_t * sqrt(n_t)"
    assert "†" not in forest_words(make.pooled(rows))


def test_a_figure_of_several_axes_is_described_whole(make: SimpleNamespace) -> None:
    figure, axes = plt.subplots(1, 3, figsize=(20, 6))
    for ax, k in zip(axes, (3, 4), strict=False):
        forest(make.pooled(make.arms(k)), ax=ax)
    assert describe(figure) == f"{describe(axes[0])} {describe(axes[1])}"
    assert "of 4 studies" in describe(axes[1])


def test_files_carry_the_words(make: SimpleNamespace, tmp_path: Path) -> None:
    ax = forest(make.pooled(make.arms(3)), favours=("a < b", "c & d"))
    png, svg, pdf = save(ax, tmp_path / "forest")
    with Image.open(png) as image:
        assert image.info["Description"] == describe(ax)
    assert describe(ax).replace("&", "&amp;").replace("<", "&lt;") in svg.read_text(encoding="utf-8")
    assert b"/Subject" in pdf.read_bytes()


def test_what_was_not_drawn_here_has_no_words() -> None:
    with pytest.raises(FigureError, match="not float"):
        describe(1.0)
    for target in (plt.figure(), plt.figure().add_subplot()):
        with pytest.raises(FigureError, match="has no words"):
            describe(target)
