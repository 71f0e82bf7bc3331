from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from ketameta.curves import RespondingCurve, responding
from ketameta.errors import FigureError
from ketameta.plots import TimecourseOptions, describe, timecourse

from .artists import labelled
from .room import assert_apart, assert_inside


def words(ax: Axes) -> str:
    texts = [*ax.texts, *ax.get_legend().get_texts()]
    return " ".join(text.get_text().replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ") for text in texts)


def trials() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    rows = []
    for trial in range(6):
        for hours, high, low in ((4, 0.5, 0.2), (24, 0.6, 0.2), (72, 0.5, 0.2), (336, 0.25, 0.2)):
            row = {"study_id": f"trial{trial}", "time_hours": float(hours), "total_t": 40.0, "total_c": 30.0}
            rows.append({**row, "events_t": rng.binomial(40, high), "events_c": rng.binomial(30, low)})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def shares() -> RespondingCurve:
    return responding(trials())


def test_each_arm_is_a_curve_in_per_cent(shares: RespondingCurve) -> None:
    ax = timecourse(shares)
    assert ax.get_ylim() == (0, 100)
    assert [label.get_text() for label in ax.get_yticklabels()][-1] == "100%"
    for line, band, end in zip(labelled(ax, "_curve"), labelled(ax, "_ci"), "tc", strict=True):
        hours, values = (np.asarray(x, dtype=float) for x in line.get_data())
        seen = np.isfinite(values)
        expected = shares.at(hours=hours[seen])
        np.testing.assert_allclose(values[seen], 100 * expected[f"response_{end}"], rtol=1e-12)
        corners = np.concatenate([path.vertices for path in band.get_paths()])
        first = corners[np.isclose(corners[:, 0], hours[0])]
        assert first[:, 1].min() == pytest.approx(100 * expected[f"ci_low_{end}"].iloc[0])
        assert first[:, 1].max() == pytest.approx(100 * expected[f"ci_high_{end}"].iloc[0])
    assert [text.get_text() for text in ax.get_legend().get_texts()][:2] == ["Ketamine", "Comparator"]
    assert "Favours" not in words(ax)


def test_dots_are_the_shares_of_the_arms(shares: RespondingCurve) -> None:
    rows = trials()
    for dots, end in zip(labelled(timecourse(shares), "_dots"), "tc", strict=True):
        expected = sorted(
            zip(rows["time_hours"], 100 * rows[f"events_{end}"] / rows[f"total_{end}"], strict=True)
        )
        np.testing.assert_allclose(sorted(map(tuple, dots.get_offsets())), expected)


def test_numbers_are_those_of_each_arm(shares: RespondingCurve) -> None:
    said = [text.get_text() for text in timecourse(shares).texts]
    assert "240" in said
    assert "180" in said
    assert "420" not in said


def test_two_ketamine_arms_of_a_trial_are_two_lines_and_all_their_people() -> None:
    second = trials().query("study_id == 'trial0'").assign(study_id="trial0b", cohort_id="trial0")
    rows = pd.concat([trials().assign(cohort_id=lambda x: x["study_id"]), second.assign(events_t=9)])
    rows["comparator_arm_id"] = rows["cohort_id"]
    ax = timecourse(responding(rows))
    assert len(labelled(ax, "_trial")) == 7 + 6
    said = [text.get_text() for text in ax.texts]
    assert "280" in said


def test_a_threshold_is_a_per_cent(shares: RespondingCurve) -> None:
    ax = timecourse(shares, options=TimecourseOptions(threshold=40, threshold_name="Wanted"))
    out = shares.time_to(0.4)
    (mark,) = labelled(ax, "_crossing")
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == pytest.approx((out.value_hours, 40), rel=2e-2)
    assert "Wanted 40%" in words(ax)
    with pytest.raises(FigureError, match="between 0 and 100"):
        timecourse(shares, options=TimecourseOptions(threshold=-0.24))


def test_names_of_arms(shares: RespondingCurve) -> None:
    assert "Esketamine" in words(timecourse(shares, labels=["Esketamine", "Placebo"]))
    for labels in (["a"], ["a", "a"], "ab", ["a", ""]):
        with pytest.raises(FigureError, match="one name for each arm"):
            timecourse(shares, labels=labels)
    alone = timecourse(responding(trials(), arms="ketamine"))
    assert len(labelled(alone, "_curve")) == 1


@pytest.mark.parametrize("width", [85, 180, 254])
def test_nothing_overlaps(shares: RespondingCurve, width: float) -> None:
    options = TimecourseOptions(width_mm=width, threshold=30, threshold_name="Share in practice")
    ax = timecourse(shares, title="Response", options=options)
    assert_inside(ax)
    assert_apart(ax)


def test_shares_in_words(shares: RespondingCurve) -> None:
    text = describe(timecourse(shares))
    assert text.startswith(
        "Share of people responding over time since dosing in the ketamine and comparator arms of 6"
    )
    assert shares.sentence() in text
    assert "no trial measured there: 8 h to 12 h, 6 d to 7 d" in text
