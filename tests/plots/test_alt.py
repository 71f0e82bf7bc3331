from __future__ import annotations

from types import SimpleNamespace

import pytest

from ketameta.curves import DurabilityCurve
from ketameta.errors import FigureError
from ketameta.plots import alt_text


def test_a_pooled_figure_in_words(make: SimpleNamespace) -> None:
    fit = make.pooled(make.arms(5))
    text = alt_text(fit)
    assert text.startswith("Forest plot of 5 studies. Axis: Standardised mean difference (Hedges' g)")
    assert "under 0 favours ketamine, over 0 favours midazolam" in text
    pooled = f"SMD {fit.estimate:.2f}, 95% CI {fit.ci_low:.2f} to {fit.ci_high:.2f}".replace("-", "−")
    assert pooled in text
    assert f"prediction interval {fit.pi_low:.2f} to {fit.pi_high:.2f}".replace("-", "−") in text
    low, high = fit.yi.argmin(), fit.yi.argmax()
    assert fit.rows["label"].iloc[low] in text
    assert fit.rows["label"].iloc[high] in text


def test_subgroups_and_single_studies_in_words(make: SimpleNamespace) -> None:
    groups = make.grouped(make.arms(6), "comparator_class")
    text = alt_text(groups)
    assert "in 2 subgroups" in text
    for name, fit in groups.groups:
        assert f"{name}: SMD {fit.estimate:.2f}".replace("-", "−") in text
    one = alt_text(make.pooled(make.arms(1)))
    assert one.startswith("Forest plot of 1 study.")
    assert "prediction" not in one


def test_a_curve_in_words(gappy: DurabilityCurve) -> None:
    text = alt_text(gappy)
    assert gappy.sentence() in text
    assert "no trial measured there: 4 h to 12 h" in text


def test_marks_do_not_get_into_the_words(make: SimpleNamespace) -> None:
    rows = make.arms(3)
    rows["imputed"] = "sd_t = se_t * sqrt(n_t)"
    assert "†" not in alt_text(make.pooled(rows))


def test_other_things_have_no_words() -> None:
    with pytest.raises(FigureError, match="not float"):
        alt_text(1.0)
