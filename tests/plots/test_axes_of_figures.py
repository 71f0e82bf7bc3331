from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketameta.plots._engine import unique
from ketameta.plots._scale import scale_of, window
from ketameta.plots._words import arm_names, equals_p, level_text, sides


@pytest.mark.parametrize("measure", ["OR", "RR", "HR", "ROM", "PETO", "or"])
def test_ratios_are_shown_as_ratios(measure: str) -> None:
    scale = scale_of(measure)
    assert scale.ratio
    assert scale.null == 1
    assert scale.text(math.log(2)) == "2.00"
    assert scale.interval(math.log(0.5), math.log(25)) == "[0.50, 25.0]"


@pytest.mark.parametrize("measure", ["SMD", "MD", "RD", "", "effect", "beta"])
def test_differences_are_shown_as_they_are(measure: str) -> None:
    scale = scale_of(measure)
    assert not scale.ratio
    assert scale.null == 0
    assert scale.text(-0.504) == "−0.50"
    assert scale.title


def test_extreme_ratios_stay_short() -> None:
    scale = scale_of("OR")
    assert [scale.text(math.log(x)) for x in (0.001, 99.94, 457, 35_210)] == [
        "<0.01",
        "99.9",
        "457",
        "35,210",
    ]
    assert scale.text(math.log(4e9)) == "4e+09"
    assert scale.text(800.0) == "∞"


@given(
    low=st.floats(-50, 49),
    span=st.floats(0.01, 100),
    most=st.integers(3, 9),
    measure=st.sampled_from(["SMD", "OR"]),
)
@settings(max_examples=200, deadline=None)
def test_ticks_are_few_round_and_inside(low: float, span: float, most: int, measure: str) -> None:
    scale = scale_of(measure)
    low, high = (low / 10, (low + span) / 10) if measure == "OR" else (low, low + span)
    ticks = scale.ticks(low, high, most)
    first, last = scale.shown([low, high])
    assert len(ticks) <= most
    assert list(ticks) == sorted(set(ticks))
    assert all(first - 1e-6 * abs(first) - 1e-9 <= x <= last + 1e-6 * abs(last) + 1e-9 for x in ticks)
    labels = scale.tick_text(ticks)
    assert len(set(labels)) == len(ticks)
    np.testing.assert_allclose(
        [float(x.replace("−", "-").replace(",", "")) for x in labels], ticks, rtol=1e-9, atol=1e-12
    )


def test_the_window_holds_everything_when_nothing_is_extreme() -> None:
    low, high = window(
        [-1, -0.5, -0.2], [-1.5, -1, -0.6], [-0.5, 0.0, 0.2], weights=[1, 2, 1], others=[-0.9, -0.3]
    )
    assert low < -1.5
    assert high > 0.2


def test_the_window_always_holds_the_null() -> None:
    low, high = window([5.0, 5.1], [4.9, 5.0], [5.1, 5.2], weights=[1, 1])
    assert low < 0 < 5.2 < high


@given(
    y=st.lists(st.floats(-3, 3), min_size=1, max_size=20),
    seed=st.integers(0, 1000),
)
@settings(max_examples=100, deadline=None)
def test_most_points_stay_in_the_window(y: list[float], seed: int) -> None:
    se = np.random.default_rng(seed).uniform(0.05, 2, len(y))
    estimates = np.array(y)
    low, high = window(estimates, estimates - 2 * se, estimates + 2 * se, weights=1 / se**2)
    assert low < high
    assert ((estimates >= low) & (estimates <= high)).mean() >= 0.5


def test_nothing_finite_from_missing_pooled_bounds() -> None:
    low, high = window([-1.0], [-2.0], [0.0], weights=[1.0], others=[math.nan, math.inf])
    assert math.isfinite(low)
    assert math.isfinite(high)


def test_names_of_arms_are_those_that_all_rows_share() -> None:
    assert arm_names(pd.DataFrame({"yi": [1]})) == ("ketamine", "comparator")
    same = pd.DataFrame({"drug": ["esketamine"] * 2, "comparator": ["midazolam", None]})
    assert arm_names(same) == ("esketamine", "comparator")
    long = pd.DataFrame({"comparator": ["a comparator with a very long name"]})
    assert arm_names(long)[1] == "comparator"
    doses = pd.DataFrame({"drug": ["esketamine"], "comparator": ["esketamine"]})
    assert arm_names(doses) == ("esketamine", "comparator")


def test_words() -> None:
    assert sides(pd.DataFrame({"yi": [1.0]}), ("a", "b")) == ("Favours a", "Favours b")
    assert equals_p(0.2) == "p = 0.20"
    assert equals_p(1e-5) == "p < 0.001"
    assert level_text(0.95) == "95%"
    assert level_text(0.995) == "99.5%"


def test_labels_become_distinct_without_a_visible_change() -> None:
    labels = ["A", "A", "", "", "A "]
    found = unique(labels)
    assert len(set(found)) == 5
    assert [label.strip() for label in found] == ["A", "A", "", "", "A"]
