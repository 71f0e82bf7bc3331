"""Properties that hold for any trial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketameta import effects
from ketameta.errors import EffectError

mean = st.floats(-60, 60).map(lambda x: round(x, 3))
sd = st.floats(0.5, 30)
size = st.integers(3, 400)
arms = st.tuples(mean, sd, size, mean, sd, size)
pairs = st.tuples(mean, sd, mean, sd, size, st.floats(-0.95, 0.95))
tables = st.tuples(size, size).flatmap(
    lambda n: st.tuples(st.integers(0, n[0]), st.just(n[0]), st.integers(0, n[1]), st.just(n[1]))
)
TOLERANCE: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-9}


def same(one: effects.EffectSize, other: effects.EffectSize, sign: float = 1.0) -> None:
    np.testing.assert_allclose(one.yi, sign * other.yi, **TOLERANCE)
    np.testing.assert_allclose(one.vi, other.vi, **TOLERANCE)


@given(arms)
def test_exchanging_the_arms_turns_the_sign(x: tuple[float, ...]) -> None:
    swapped = (*x[3:], *x[:3])
    for function in (effects.md, effects.smd, effects.smdh):
        same(function(*x), function(*swapped), -1.0)
    same(effects.smd(*x, variance="UB"), effects.smd(*swapped, variance="UB"), -1.0)


@given(arms, st.floats(0.01, 100), st.floats(-50, 50))
def test_smd_does_not_depend_on_the_scale(x: tuple[float, ...], scale: float, shift: float) -> None:
    m1, sd1, n1, m2, sd2, n2 = x
    moved = (m1 * scale + shift, sd1 * scale, n1, m2 * scale + shift, sd2 * scale, n2)
    for function in (effects.smd, effects.smdh, effects.glass):
        np.testing.assert_allclose(function(*moved).yi, function(*x).yi, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(function(*moved).vi, function(*x).vi, rtol=1e-7, atol=1e-7)


@given(arms, st.floats(0.01, 100), st.floats(-50, 50))
def test_md_moves_with_the_scale(x: tuple[float, ...], scale: float, shift: float) -> None:
    m1, sd1, n1, m2, sd2, n2 = x
    moved = effects.md(m1 * scale + shift, sd1 * scale, n1, m2 * scale + shift, sd2 * scale, n2)
    plain = effects.md(*x)
    np.testing.assert_allclose(moved.yi, scale * plain.yi, rtol=1e-9, atol=1e-9 * (1 + abs(shift)))
    np.testing.assert_allclose(moved.vi, scale**2 * plain.vi, **TOLERANCE)


@given(arms)
def test_smd_is_less_than_cohens_d_and_tends_to_it(x: tuple[float, ...]) -> None:
    m1, sd1, n1, m2, sd2, n2 = x
    pooled = np.sqrt(((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / (n1 + n2 - 2))
    d = (m1 - m2) / pooled
    g = float(effects.smd(*x).yi)
    assert abs(g) <= abs(d)
    assert abs(g - d * (1 - 3 / (4 * (n1 + n2 - 2) - 1))) <= 0.02 * abs(d)


@given(pairs)
def test_exchanging_the_periods_turns_the_sign(x: tuple[float, ...]) -> None:
    m1, sd1, m2, sd2, n, r = x
    for function in (effects.paired_md, effects.paired_smd, effects.smcc):
        same(function(*x), function(m2, sd2, m1, sd1, n, r), -1.0)


@given(pairs)
def test_a_higher_correlation_narrows_a_paired_difference(x: tuple[float, ...]) -> None:
    m1, sd1, m2, sd2, n, r = x
    low, high = sorted((r, 0.97 - abs(r) / 10))
    assert effects.paired_md(m1, sd1, m2, sd2, n, high).vi <= effects.paired_md(m1, sd1, m2, sd2, n, low).vi
    unpaired = effects.md(m1, sd1, n, m2, sd2, n)
    np.testing.assert_allclose(effects.paired_md(m1, sd1, m2, sd2, n, 0.0).vi, unpaired.vi, **TOLERANCE)


@given(tables)
@settings(max_examples=200)
def test_exchanging_the_groups_or_the_event_turns_the_sign(x: tuple[int, ...]) -> None:
    a, n1, c, n2 = x
    for function in (effects.log_or, effects.log_rr, effects.rd, effects.arcsine):
        same(function(c, n2, a, n1), function(*x), -1.0)
    for function in (effects.log_or, effects.rd):
        same(function(n1 - a, n1, n2 - c, n2), function(*x), -1.0)
    if 0 < a + c < n1 + n2:
        same(effects.peto(c, n2, a, n1), effects.peto(*x), -1.0)
        same(effects.peto(n1 - a, n1, n2 - c, n2), effects.peto(*x), -1.0)


@given(st.lists(arms, min_size=1, max_size=6))
def test_one_at_a_time_or_all_at_once(rows: list[tuple[float, ...]]) -> None:
    together = effects.smd(*(np.array(column) for column in zip(*rows, strict=True)))
    alone = [effects.smd(*row) for row in rows]
    np.testing.assert_allclose(together.yi, [float(effect.yi) for effect in alone], rtol=1e-14)
    np.testing.assert_allclose(together.vi, [float(effect.vi) for effect in alone], rtol=1e-14)


@given(st.lists(st.tuples(st.integers(2, 60), mean, sd), min_size=2, max_size=5))
def test_combining_arms_does_not_depend_on_order_or_steps(groups: list[tuple[float, ...]]) -> None:
    n, m, s = (np.array(column) for column in zip(*groups, strict=True))
    whole = effects.combine_arms(n, m, s)
    np.testing.assert_allclose(effects.combine_arms(n[::-1], m[::-1], s[::-1]), whole, **TOLERANCE)
    step = effects.combine_arms(n[:2], m[:2], s[:2])
    for i in range(2, len(n)):
        step = effects.combine_arms([step.n, n[i]], [step.mean, m[i]], [step.sd, s[i]])
    np.testing.assert_allclose(step, whole, rtol=1e-7, atol=1e-7)


def test_broadcasting_keeps_the_shape() -> None:
    effect = effects.smd(np.zeros((3, 1)), 1.0, 20, np.arange(4.0), 1.0, 20)
    assert effect.yi.shape == effect.vi.shape == (3, 4)
    scalar = effects.smd(0, 1, 20, 1, 1, 20)
    assert scalar.yi.shape == ()
    assert scalar.yi.dtype == np.float64


def test_dtype_of_the_input_does_not_matter() -> None:
    series = pd.Series([10, 12], dtype="Int64")
    for values in (series, series.astype(object), [10, 12], (10.0, 12.0)):
        np.testing.assert_array_equal(effects.md(values, 4, 20, 14, 5, 20).yi, [-4.0, -2.0])
    with pytest.raises(EffectError):
        effects.md(pd.Series([10, None], dtype="Int64"), 4, 20, 14, 5, 20)
