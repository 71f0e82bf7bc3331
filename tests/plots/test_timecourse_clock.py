from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketameta.plots._clock import Tick, TimeScale, tally, tick_label, time_scale, time_ticks


def test_ticks_of_time_prefer_measured_times_where_room_is_short() -> None:
    ticks = time_ticks(TimeScale(1, 800), measured=[4, 336], units="auto", room=60, width=lambda label: 20)
    assert {"4 h", "14 d"} <= {tick.label for tick in ticks}
    places = [math.log(tick.hours) / math.log(800) * 60 for tick in ticks]
    assert min(np.diff(places)) >= 20


def test_ticks_of_time_fall_back_to_the_ends() -> None:
    look = {"units": "auto", "room": 100, "width": lambda label: 20}
    assert [tick.label for tick in time_ticks(TimeScale(5, 7), measured=[5.5], **look)] == ["5 h", "7 h"]
    near = time_ticks(TimeScale(640, 710), measured=[648, 700], **look)
    assert [tick.label for tick in near] == ["27 d", "28 d", "29.2 d"]


@pytest.mark.parametrize(
    ("hours", "units", "label"),
    [
        (2 / 3, "auto", "40 min"),
        (4, "auto", "4 h"),
        (24, "auto", "1 d"),
        (336, "auto", "14 d"),
        (672, "auto", "28 d"),
        (1344, "auto", "8 wk"),
        (17472, "auto", "104 wk"),
        (672, "hours", "672 h"),
        (2016, "days", "84 d"),
        (12, "days", "0.5 d"),
        (168, "weeks", "1 wk"),
        (72, "weeks", "3 d"),
        (4, "weeks", "4 h"),
        (0, "weeks", "0"),
    ],
)
def test_times_in_words(hours: float, units: str, label: str) -> None:
    assert tick_label(hours, units) == label


@pytest.mark.parametrize(
    ("last", "units", "labels"),
    [
        (4.0, "auto", ["0", "1 h", "2 h", "3 h", "4 h"]),
        (1.5, "auto", ["0", "30 min", "60 min", "90 min"]),
        (72.0, "auto", ["0", "1 d", "2 d", "3 d"]),
        (336.0, "auto", ["0", "3 d", "6 d", "9 d", "12 d"]),
        (672.0, "weeks", ["0", "1 wk", "2 wk", "3 wk", "4 wk"]),
        (672.0, "hours", ["0", "168 h", "336 h", "504 h", "672 h"]),
        (17472.0, "auto", ["0", "26 wk", "52 wk", "78 wk", "104 wk"]),
    ],
)
def test_linear_ticks_stand_at_even_steps(last: float, units: str, labels: list[str]) -> None:
    ticks = time_ticks(
        TimeScale(0, last, linear=True), measured=[last], units=units, room=100, width=lambda label: 19
    )
    found = [tick.label for tick in ticks]
    assert found == labels
    assert len(set(np.round(np.diff([tick.hours for tick in ticks]), 9))) == 1


@given(
    first=st.floats(0.2, 2000),
    ratio=st.floats(1.05, 5000),
    linear=st.booleans(),
    units=st.sampled_from(["auto", "hours", "days", "weeks"]),
    room=st.floats(60, 400),
)
@settings(max_examples=200, deadline=None)
def test_ticks_lie_on_the_axis_apart_and_in_order(
    first: float, ratio: float, linear: bool, units: str, room: float
) -> None:
    axis = time_scale(first, first * ratio, linear=linear)
    ticks = time_ticks(axis, measured=[first, first * ratio], units=units, room=room, width=lambda label: 20)
    places = axis.share([tick.hours for tick in ticks])
    assert len(ticks) >= 2
    assert np.all((places >= -1e-9) & (places <= 1 + 1e-9))
    assert np.all(np.diff(places) * room >= 20 - 1e-9)


def test_an_axis_holds_what_was_measured_with_a_margin() -> None:
    log = time_scale(4, 400, linear=False)
    assert log.first < 4 < 400 < log.last
    np.testing.assert_allclose(log.share([4, 40, 400]), [0.04 / 1.08, 0.5, 1.04 / 1.08])
    assert time_scale(4, 400, linear=True).first == 0
    late = time_scale(300, 400, linear=True)
    assert 0 < late.first < 300
    np.testing.assert_allclose(late.share([350]), [0.5], rtol=0.01)


def test_a_trial_counts_once_at_a_tick_with_its_largest_number() -> None:
    ticks = [Tick(4, "4 h"), Tick(24, "1 d"), Tick(168, "7 d")]
    hours, trials = [4, 4, 20, 30, 24], [0, 1, 0, 0, 2]
    found = tally(hours, trials, [20, math.nan, 18, 19, 50], ticks)
    assert found[0][0] == 2
    assert math.isnan(found[0][1])
    assert found[1:] == ((2, 69.0), (0, 0.0))


def test_the_nearest_tick_is_the_nearest_on_the_axis() -> None:
    ticks = [Tick(4, "4 h"), Tick(24, "1 d")]
    assert tally([12], [0], [10], ticks) == ((0, 0.0), (1, 10.0))
    assert tally([12], [0], [10], ticks, linear=True) == ((1, 10.0), (0, 0.0))
