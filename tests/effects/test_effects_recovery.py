"""SDs, standard errors and SMDs from t, F, P and intervals: against metafor and R's quantiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ketameta import effects
from ketameta.effects.recovery import critical_value
from ketameta.errors import EffectError

REFERENCE = Path(__file__).parents[1] / "reference"
TOLERANCE = 1e-12


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "recovery_tests.csv", dtype=str).astype(float)


def test_the_cases_are_as_varied_as_promised(reference: pd.DataFrame) -> None:
    assert len(reference) == 72
    assert (reference.n1 != reference.n2).sum() > 60
    assert reference[["n1", "n2"]].min().tolist() == [2, 2]
    assert reference.p.min() == 1e-12
    assert reference.p.max() == 0.99
    assert set(np.sign(reference.t)) == {-1, 1}


def test_smd_against_escalc(reference: pd.DataFrame) -> None:
    sizes, sign = (reference.n1, reference.n2), np.sign(reference.t)
    for found, name in (
        (effects.smd_from_t(reference.t, *sizes), "t"),
        (effects.smd_from_f(reference.t**2, *sizes, sign), "t"),
        (effects.smd_from_p(reference.p, *sizes, sign), "p"),
    ):
        np.testing.assert_allclose(found.yi, reference[f"yi_{name}"], rtol=TOLERANCE)
        np.testing.assert_allclose(found.vi, reference[f"vi_{name}"], rtol=TOLERANCE)


def test_sds_and_standard_errors_against_r(reference: pd.DataFrame) -> None:
    value, p, f, level = reference.difference, reference.p, reference.t**2, reference.level
    sizes, df, half = (reference.n1, reference.n2), reference.n1 + reference.n2 - 2, np.abs(value) / 2
    for found, name in (
        (effects.sd_from_f(value, f, *sizes), "sd_f"),
        (effects.sd_from_f(value, f, reference.n1), "sd_f_paired"),
        (effects.sd_from_p(value, p, *sizes), "sd_p"),
        (effects.sd_from_p(value, p, reference.n1), "sd_p_paired"),
        (effects.se_from_p(value, p, df), "se_p"),
        (effects.se_from_p(value, p), "se_p_normal"),
        (effects.se_from_ci(-half, half, level, df), "se_ci"),
        (effects.se_from_ci(value - half, value + half, level), "se_ci_normal"),
    ):
        np.testing.assert_allclose(found, reference[name], rtol=TOLERANCE)


def test_handbook_standard_error_of_a_difference() -> None:
    """Handbook 5.1, section 7.7.3.3: MD 3.8, P = 0.008, 25 + 22 people: t = 2.78, SE = 1.37."""
    assert round(float(effects.se_from_t(3.8, 2.78)), 2) == 1.37
    assert round(float(effects.se_from_p(3.8, 0.008, 45)), 2) == 1.37
    t = float(3.8 / effects.se_from_p(3.8, 0.008, 45))
    assert round(t, 2) == 2.78
    through_f = effects.sd_from_f(3.8, t**2, 25, 22)
    assert float(through_f) == pytest.approx(float(effects.sd_from_p(3.8, 0.008, 25, 22)), rel=1e-14)


def test_the_test_statistics_of_raw_samples_lead_back_to_them() -> None:
    """t, F and P computed from simulated people give the SD, the SE and the SMD of those people."""
    rng = np.random.default_rng(5)
    first, second = rng.normal(12, 4, (40, 14)), rng.normal(15, 4, (40, 23))
    (m1, s1), (m2, s2) = ((g.mean(axis=1), g.std(axis=1, ddof=1)) for g in (first, second))
    pooled = np.sqrt((13 * s1**2 + 22 * s2**2) / 35)
    se = pooled * np.sqrt(1 / 14 + 1 / 23)
    t = (m1 - m2) / se
    between = 14 * 23 / 37 * (m1 - m2) ** 2
    f = between / pooled**2
    expected = effects.smd(m1, s1, 14, m2, s2, 23)
    for found in (effects.smd_from_t(t, 14, 23), effects.smd_from_f(f, 14, 23, np.sign(t))):
        np.testing.assert_allclose(found.yi, expected.yi, rtol=1e-12)
        np.testing.assert_allclose(found.vi, expected.vi, rtol=1e-12)
    np.testing.assert_allclose(effects.sd_from_f(m1 - m2, f, 14, 23), pooled, rtol=1e-12)
    np.testing.assert_allclose(effects.se_from_t(m1 - m2, t), se, rtol=1e-12)
    half = critical_value(0.9, 35) * se
    np.testing.assert_allclose(effects.se_from_ci(m1 - m2 - half, m1 - m2 + half, 0.9, 35), se, rtol=1e-12)


def test_normal_is_the_limit_of_t() -> None:
    np.testing.assert_allclose(effects.se_from_p(2.0, 0.03, 1e9), effects.se_from_p(2.0, 0.03), rtol=1e-8)
    np.testing.assert_allclose(effects.se_from_ci(1, 3, 0.9, 1e9), effects.se_from_ci(1, 3, 0.9), rtol=1e-8)


def test_sign_and_zero() -> None:
    up, down = (effects.smd_from_p(0.04, 12, 15, sign) for sign in (1, -1))
    assert float(up.yi) == -float(down.yi) > 0
    assert float(up.vi) == float(down.vi)
    assert float(effects.smd_from_f(0.0, 12, 15, -1).yi) == 0
    assert (
        effects.sd_from_f([-2.0, 2.0], 4.0, 10).tolist() == effects.sd_from_t(2.0, [2.0, -2.0], 10).tolist()
    )


FUNCTIONS: list[tuple[Callable[..., Any], dict[str, float]]] = [
    (effects.sd_from_f, {"difference": 2.0, "f": 5.0, "n1": 20, "n2": 25}),
    (effects.smd_from_t, {"t": 2.0, "n1": 20, "n2": 25}),
    (effects.smd_from_f, {"f": 2.0, "n1": 20, "n2": 25, "sign": 1}),
    (effects.smd_from_p, {"p": 0.02, "n1": 20, "n2": 25, "sign": -1}),
    (effects.se_from_ci, {"low": 1.0, "high": 2.0, "level": 0.95, "df": 20}),
    (effects.se_from_t, {"value": 2.0, "t": 3.0}),
    (effects.se_from_p, {"value": 2.0, "p": 0.03, "df": 20}),
]
CASES = [
    pytest.param(function, good, name, id=f"{function.__name__}-{name}")
    for function, good in FUNCTIONS
    for name in good
]


@pytest.mark.parametrize(("function", "good", "name"), CASES)
def test_bad_values(function: Callable[..., Any], good: dict[str, float], name: str) -> None:
    function(**good)
    for bad in (np.nan, np.inf, -np.inf, "ten", True, 1j, [], [[1.0], [1.0, 2.0]]):
        with pytest.raises(EffectError, match=name):
            function(**{**good, name: bad})


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (effects.sd_from_f, (2.0, 0.0, 20), "f = 0: an F statistic must be greater than 0"),
        (effects.sd_from_f, (2.0, -4.0, 20), "f = -4"),
        (effects.sd_from_f, (0.0, 4.0, 20), "absolute value"),
        (effects.sd_from_f, (2.0, 4.0, 1), "n1 = 1"),
        (effects.smd_from_t, (2.0, 1, 20), "n1 = 1: a group size"),
        (effects.smd_from_f, (-1.0, 20, 20, 1), "f = -1: an F statistic must be at least 0"),
        (effects.smd_from_f, (1.0, 20, 20, 0), "sign = 0: -1 or 1 is needed"),
        (effects.smd_from_f, (1.0, 20, 20, [1, 2]), r"sign\[1\] = 2"),
        (effects.smd_from_p, (0.0, 20, 20, 1), "p = 0"),
        (effects.smd_from_p, (1.0, 20, 20, 1), "p = 1"),
        (effects.smd_from_p, (0.5, 20, -3, 1), "n2 = -3"),
        (effects.smd_from_p, (0.5, 20, 20, -0.5), "sign = -0.5"),
        (effects.se_from_ci, (2.0, 1.0), "low = 2 is not below high = 1"),
        (effects.se_from_ci, (1.0, 2.0, 95), "level = 95"),
        (effects.se_from_ci, (1.0, 2.0, 0.95, 0), "df = 0"),
        (effects.se_from_t, (0.0, 2.0), r"\|value\| = 0"),
        (effects.se_from_t, (2.0, 0.0), "t. ?= 0"),
        (effects.se_from_p, (0.0, 0.5), "value = 0: the absolute value"),
        (effects.se_from_p, (1.0, 1.0), "p = 1"),
        (effects.se_from_p, (1.0, 0.5, -2), "df = -2"),
        (effects.se_from_t, ([1.0, 2.0], [1.0, 2.0, 3.0]), "shapes"),
    ],
)
def test_bad_input_by_meaning(function: Callable[..., Any], arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(EffectError, match=message):
        function(*arguments)
