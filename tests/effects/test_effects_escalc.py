"""Every array function against metafor's escalc (script and pinned output in tests/reference)."""

from __future__ import annotations

from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta import effects

REFERENCE = Path(__file__).parents[1] / "reference"
TOLERANCE = 1e-12
TWO = ["m1", "sd1", "n1", "m2", "sd2", "n2"]
PAIRED = ["m1", "sd1", "m2", "sd2", "pairs", "r"]


@pytest.fixture(scope="module")
def continuous() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "effects_continuous.csv", dtype=str).astype(float)


@pytest.fixture(scope="module")
def binary() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "effects_binary.csv", dtype=str).astype(float)


def assert_agrees(effect: effects.EffectSize, reference: pd.DataFrame, name: str) -> None:
    np.testing.assert_allclose(effect.yi, reference[f"yi_{name}"], rtol=TOLERANCE, atol=0)
    np.testing.assert_allclose(effect.vi, reference[f"vi_{name}"], rtol=TOLERANCE, atol=0)


def test_the_data_sets_are_as_varied_as_promised(continuous: pd.DataFrame, binary: pd.DataFrame) -> None:
    assert len(continuous) == len(binary) == 60
    assert continuous["n1"].min() == 3
    assert (continuous["n1"] != continuous["n2"]).sum() > 50
    assert continuous["r"].min() == pytest.approx(-0.3)
    assert continuous["r"].max() == pytest.approx(0.95)
    cells = np.column_stack([binary.a, binary.n1 - binary.a, binary.c, binary.n2 - binary.c])
    assert (cells == 0).any(axis=0).all()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("MD", effects.md),
        ("SMD", effects.smd),
        ("SMDH", effects.smdh),
        ("SMD1", effects.glass),
        ("ROM", effects.rom),
    ],
)
def test_two_groups(continuous: pd.DataFrame, name: str, function: object) -> None:
    assert_agrees(function(*(continuous[column] for column in TWO)), continuous, name)  # type: ignore[operator]


def test_smd_of_change_scores(continuous: pd.DataFrame) -> None:
    change = continuous.assign(m1=-continuous.m1 / 4, m2=-continuous.m2 / 4)
    assert_agrees(effects.smd(*(change[column] for column in TWO)), continuous, "SMD_change")


@pytest.mark.parametrize(
    ("name", "function"), [("MC", effects.paired_md), ("SMCC", effects.smcc), ("SMCR", effects.smcr)]
)
def test_paired(continuous: pd.DataFrame, name: str, function: object) -> None:
    assert_agrees(function(*(continuous[column] for column in PAIRED)), continuous, name)  # type: ignore[operator]


def exact_correction_squared(m: int) -> Decimal:
    """J(m)^2 to 50 digits, from J(2)^2 = 1/pi and r(m+1) = (m-1) / (2 r(m)), r a ratio of gammas."""
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
    ratio_squared = 1 / pi
    for k in range(2, m):
        ratio_squared = (Decimal(k - 1) / 2) ** 2 / ratio_squared
    return ratio_squared / (Decimal(m) / 2)


def test_unbiased_variance(continuous: pd.DataFrame) -> None:
    """1 - (m-2)/(m J^2) cancels and escalc's J has 13 digits: escalc to 1e-10, the exact J to 1e-12."""
    effect = effects.smd(*(continuous[column] for column in TWO), variance="UB")
    np.testing.assert_allclose(effect.yi, continuous["yi_SMD_UB"], rtol=TOLERANCE, atol=0)
    np.testing.assert_allclose(effect.vi, continuous["vi_SMD_UB"], rtol=1e-10, atol=0)
    getcontext().prec = 50
    for i, row in enumerate(continuous.itertuples()):
        m = int(row.n1 + row.n2 - 2)
        inflation = 1 - Decimal(m - 2) / (m * exact_correction_squared(m))
        exact = (
            1 / Decimal(int(row.n1))
            + 1 / Decimal(int(row.n2))
            + inflation * Decimal(float(effect.yi[i])) ** 2
        )
        assert float(effect.vi[i]) == pytest.approx(float(exact), rel=TOLERANCE, abs=0)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("OR", effects.log_or),
        ("RR", effects.log_rr),
        ("RD", effects.rd),
        ("AS", effects.arcsine),
        ("PETO", effects.peto),
    ],
)
@pytest.mark.parametrize(("to", "correction"), [("only0", 0.5), ("all", 0.25), ("if0all", 0.5)])
def test_counts(binary: pd.DataFrame, name: str, function: object, to: str, correction: float) -> None:
    effect = function(binary.a, binary.n1, binary.c, binary.n2, correction, to)  # type: ignore[operator]
    assert_agrees(effect, binary, f"{name}_{to}")


@pytest.mark.parametrize(("name", "function"), [("AS", effects.arcsine), ("PETO", effects.peto)])
def test_counts_without_correction(binary: pd.DataFrame, name: str, function: object) -> None:
    defined = binary[binary[f"yi_{name}_none"].notna()]
    assert len(defined) >= 58
    by_default = function(defined.a, defined.n1, defined.c, defined.n2)  # type: ignore[operator]
    assert_agrees(by_default, defined, f"{name}_none")


def test_without_zero_cells_no_rule_changes_anything(binary: pd.DataFrame) -> None:
    inner = binary[(binary.a % binary.n1 > 0) & (binary.c % binary.n2 > 0)]
    args = (inner.a, inner.n1, inner.c, inner.n2)
    plain = effects.log_or(*args, to="none")
    for to in ("only0", "if0all"):
        np.testing.assert_array_equal(effects.log_or(*args, to=to).yi, plain.yi)
    assert (effects.log_or(*args, to="all").yi != plain.yi).any()


def test_recovered_sds_against_r_quantiles(continuous: pd.DataFrame) -> None:
    n1, n2, pairs = continuous.n1, continuous.n2, continuous.pairs
    for name, values in {
        "sd_ci_t": effects.sd_from_ci(10, 13, n1),
        "sd_ci_z90": effects.sd_from_ci(10, 13, n1, 0.9, "z"),
        "sd_p": effects.sd_from_p(-3, 0.027, n1, n2),
        "sd_p_paired": effects.sd_from_p(3, 0.027, pairs),
        "sd_iqr": effects.sd_from_iqr(10, 13, n1),
        "sd_range": effects.sd_from_range(10, 13, n1),
    }.items():
        np.testing.assert_allclose(values, continuous[name], rtol=TOLERANCE, atol=0, err_msg=name)
