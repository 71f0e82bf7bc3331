"""What the array functions refuse, and how they say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketameta import effects
from ketameta.errors import EffectError

MEANS = {"m1": 10.0, "sd1": 4.0, "n1": 20, "m2": 14.0, "sd2": 5.0, "n2": 25}
PAIRS = {"m1": 10.0, "sd1": 4.0, "m2": 14.0, "sd2": 5.0, "n": 20, "r": 0.5}
COUNTS = {"a": 4, "n1": 20, "c": 7, "n2": 25}
FUNCTIONS: list[tuple[Callable[..., Any], dict[str, float]]] = [
    *((f, MEANS) for f in (effects.md, effects.smd, effects.smdh, effects.glass, effects.rom)),
    *((f, PAIRS) for f in (effects.paired_md, effects.paired_smd, effects.smcc, effects.smcr)),
    *((f, COUNTS) for f in (effects.log_or, effects.log_rr, effects.rd, effects.arcsine, effects.peto)),
    (effects.from_ci, {"value": 0.5, "low": 0.1, "high": 0.9}),
    (effects.sd_from_se, {"se": 0.5, "n": 20}),
    (effects.sd_from_ci, {"low": 0.1, "high": 0.9, "n": 20}),
    (effects.sd_from_t, {"difference": 2.0, "t": 2.5, "n1": 20, "n2": 25}),
    (effects.sd_from_p, {"difference": 2.0, "p": 0.02, "n1": 20, "n2": 25}),
    (effects.sd_from_iqr, {"q1": 1.0, "q3": 3.0, "n": 20}),
    (effects.sd_from_range, {"low": 1.0, "high": 9.0, "n": 20}),
    (effects.combine_arms, {"n": [20, 10], "mean": [1.0, 2.0], "sd": [1.0, 1.0]}),
]
CASES = [
    pytest.param(function, good, name, id=f"{function.__name__}-{name}")
    for function, good in FUNCTIONS
    for name in good
]


@pytest.mark.parametrize(("function", "good"), FUNCTIONS)
def test_good_values_pass(function: Callable[..., Any], good: dict[str, float]) -> None:
    function(**good)


@pytest.mark.parametrize(("function", "good", "name"), CASES)
def test_values_that_are_no_finite_numbers(
    function: Callable[..., Any], good: dict[str, float], name: str
) -> None:
    optional = function in (effects.sd_from_t, effects.sd_from_p) and name == "n2"
    for bad in (np.nan, np.inf, -np.inf, "ten", True, 1j, *([] if optional else [None])):
        with pytest.raises(EffectError, match=name):
            function(**{**good, name: bad})


@pytest.mark.parametrize(("function", "good", "name"), CASES)
def test_empty_arrays(function: Callable[..., Any], good: dict[str, float], name: str) -> None:
    with pytest.raises(EffectError, match=f"{name} is empty"):
        function(**{**good, name: []})


@pytest.mark.parametrize(
    ("function", "good", "name", "bad", "said"),
    [
        (effects.md, MEANS, "sd1", 0, "sd1 = 0: a standard deviation must be greater than 0"),
        (effects.smd, MEANS, "sd2", -5, "sd2 = -5"),
        (effects.smd, MEANS, "n1", -20, "n1 = -20: a group size"),
        (effects.smd, MEANS, "n2", 1, "n2 = 1: a group size must be greater than 1"),
        (effects.glass, MEANS, "n2", 2, "n2 = 2: the size of the group that standardises must be at least 3"),
        (effects.rom, MEANS, "m1", -10, "two means of one sign"),
        (effects.rom, MEANS, "m2", 0, "neither zero"),
        (effects.paired_md, PAIRS, "r", 1, "r = 1: a correlation must lie between -1 and 1"),
        (effects.smcc, PAIRS, "n", 2, "n = 2: the number of pairs must be at least 3"),
        (effects.log_or, COUNTS, "a", 21, "a = 21 events exceed the group size 20"),
        (effects.log_or, COUNTS, "c", -1, "c = -1: a number of events must be at least 0"),
        (effects.rd, COUNTS, "n1", 0, "n1 = 0: a group size"),
        (effects.from_ci, {"value": 0.5, "low": 0.1, "high": 0.9}, "value", 1.5, "lies outside its interval"),
        (effects.from_ci, {"value": 0.5, "low": 0.1, "high": 0.9}, "low", 2.0, "is not below high = 0.9"),
        (effects.sd_from_se, {"se": 0.5, "n": 20}, "se", 0, "a standard error must be greater than 0"),
        (effects.sd_from_p, {"difference": 2.0, "p": 0.02, "n1": 20}, "p", 1.0, "between 0 and 1"),
        (effects.sd_from_t, {"difference": 2.0, "t": 2.5, "n1": 20}, "t", 0, "t = 0: the absolute value"),
        (effects.sd_from_iqr, {"q1": 1.0, "q3": 3.0, "n": 20}, "q3", 1.0, "q1 = 1 is not below q3 = 1"),
    ],
)
def test_impossible_values(
    function: Callable[..., Any], good: dict[str, float], name: str, bad: float, said: str
) -> None:
    with pytest.raises(EffectError, match=said):
        function(**{**good, name: bad})


def test_the_place_of_a_bad_value_is_named() -> None:
    with pytest.raises(EffectError, match=r"sd1\[2\] = -1: .*\(and 1 more\)"):
        effects.smd(10, [4, 5, -1, 0], 20, 14, 5, 25)
    with pytest.raises(EffectError, match=r"a\[1, 0\] = 9 events exceed"):
        effects.log_or([[1], [9]], 8, 2, 8)


def test_arrays_of_text_are_refused_even_if_they_look_like_numbers() -> None:
    with pytest.raises(EffectError, match="m1 holds"):
        effects.md(np.array(["10", "11"]), 4, 20, 14, 5, 25)
    with pytest.raises(EffectError, match=r"m1\[1\] = 'x': a number is needed"):
        effects.md(pd.Series([10.0, "x"], dtype=object), 4, 20, 14, 5, 25)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(EffectError, match=r"do not fit together: m1 \(2,\).*n1 \(3,\)"):
        effects.smd([1, 2], 1, [20, 20, 20], 1, 1, 20)
    with pytest.raises(EffectError, match="do not fit"):
        effects.from_ci([0.5, 0.6], 0.1, 0.9, level=[0.9, 0.95, 0.99])


def test_choices_suggest_the_nearest() -> None:
    with pytest.raises(
        EffectError, match=r"variance='ub' is unknown; did you mean 'UB'\? Choose one of LS, UB"
    ):
        effects.smd(**MEANS, variance="ub")
    with pytest.raises(EffectError, match="did you mean 'only0'"):
        effects.log_or(**COUNTS, to="only")
    with pytest.raises(EffectError, match="distribution='normal'"):
        effects.sd_from_ci(0.0, 1.0, 20, distribution="normal")


def test_levels_in_percent_are_refused() -> None:
    with pytest.raises(EffectError, match="level = 95: a number between 0 and 1"):
        effects.from_ci(0.5, 0.1, 0.9, level=95)


def test_ratios_must_be_positive() -> None:
    with pytest.raises(EffectError, match="low = 0: a ratio must be greater than 0"):
        effects.from_ci(0.5, 0.0, 0.9, log=True)


@pytest.mark.parametrize("function", [effects.log_or, effects.log_rr])
def test_zero_cells_without_correction(function: Callable[..., Any]) -> None:
    for arguments in ({"to": "none"}, {"correction": 0.0}):
        with pytest.raises(EffectError, match=r"effect\[1\].*a cell is zero; use a correction"):
            function([3, 0], 10, [4, 5], 10, **arguments)


def test_corrections_that_are_none() -> None:
    with pytest.raises(EffectError, match="a correction must be at least 0"):
        effects.log_or(0, 10, 4, 10, correction=-0.5)
    with pytest.raises(EffectError, match="give one number"):
        effects.log_or(0, 10, 4, 10, correction=[0.5, 0.5])


@pytest.mark.parametrize(("a", "c"), [(0, 0), (10, 12)])
def test_peto_of_tables_that_say_nothing(a: int, c: int) -> None:
    with pytest.raises(EffectError, match="nothing to estimate"):
        effects.peto(a, 10, c, 12)


def test_overflow_is_an_error_not_a_warning() -> None:
    with pytest.raises(EffectError, match="too large or too small"):
        effects.md(1.0, 1e200, 20, 2.0, 1e200, 20)
    with pytest.raises(EffectError, match="too large or too small"):
        effects.smd(1.0, 1e-200, 20, 2.0, 1e-200, 20)


def test_combining_needs_one_dimension() -> None:
    with pytest.raises(EffectError, match="one value for each arm"):
        effects.combine_arms(20, 1.0, 2.0)
    with pytest.raises(EffectError, match="one value for each arm"):
        effects.combine_contrasts([[1.0]], [[1.0]], [[10]], 10)
    with pytest.raises(EffectError, match="too unequal"):
        effects.combine_contrasts([1.0, 2.0], [1.0, 1.0], [1e18, 1e18], 1)


def test_inputs_are_not_changed() -> None:
    a, n1 = np.array([0.0, 4.0]), np.array([10.0, 12.0])
    kept = a.copy(), n1.copy()
    effects.log_or(a, n1, 3, 10)
    np.testing.assert_array_equal(a, kept[0])
    np.testing.assert_array_equal(n1, kept[1])


def test_results_do_not_share_memory_with_inputs() -> None:
    value = np.array([0.5, 0.6])
    effect = effects.from_ci(value, value - 1, value + 1)
    assert not np.shares_memory(effect.yi, value)
    assert effect.yi.flags.writeable
