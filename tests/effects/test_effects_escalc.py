"""Every array function against metafor's escalc (script and pinned output in tests/reference)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta import effects
from ketameta.effects._hedges import hedges_correction
from ketameta.errors import EffectError

REFERENCE = Path(__file__).parents[1] / "reference"
TOLERANCE = 1e-12
QUANTILES = 1e-10  # quantiles of t are that exact in the lowest scipy that is allowed
TWO = ["m1", "sd1", "n1", "m2", "sd2", "n2"]
PAIRED = ["m1", "sd1", "m2", "sd2", "pairs", "r"]
COUNTS = ["a", "n1", "c", "n2"]

Measure = Callable[..., effects.EffectSize]

TWO_GROUPS = {"MD": effects.md, "SMD": effects.smd, "SMDH": effects.smdh, "SMD1": effects.glass}
ONE_GROUP = {"MC": effects.paired_md, "SMCC": effects.smcc, "SMCR": effects.smcr}
BINARY = {
    "OR": effects.log_or,
    "RR": effects.log_rr,
    "RD": effects.rd,
    "AS": effects.arcsine,
    "PETO": effects.peto,
}


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / name, dtype=str).astype(float)


@pytest.fixture(scope="module")
def continuous() -> pd.DataFrame:
    return _read("effects_continuous.csv")


@pytest.fixture(scope="module")
def binary() -> pd.DataFrame:
    return _read("effects_binary.csv")


@pytest.fixture(scope="module")
def ratios() -> pd.DataFrame:
    return _read("effects_ratios.csv")


def defined(reference: pd.DataFrame, name: str) -> pd.Series:
    """Rows in which escalc has an effect with a positive variance."""
    yi, vi = reference[f"yi_{name}"], reference[f"vi_{name}"]
    return pd.Series(np.isfinite(yi) & np.isfinite(vi) & (vi > 0))


def assert_agrees(
    effect: effects.EffectSize, reference: pd.DataFrame, name: str, rtol: float = TOLERANCE
) -> None:
    np.testing.assert_allclose(effect.yi, reference[f"yi_{name}"], rtol=rtol, atol=0)
    np.testing.assert_allclose(effect.vi, reference[f"vi_{name}"], rtol=rtol, atol=0)


def test_the_groups_are_as_varied_as_promised(continuous: pd.DataFrame) -> None:
    assert len(continuous) == 120
    assert (continuous[["n1", "n2", "pairs"]].min() == 2).all()
    assert (continuous["n1"] == 3).any()
    assert (continuous["n1"] != continuous["n2"]).sum() > 110
    assert continuous["r"].min() == pytest.approx(-0.3)
    assert continuous["r"].max() == pytest.approx(0.95)
    assert (continuous["sd1"] / continuous["sd2"]).min() < 0.1
    assert (continuous["sd1"] / continuous["sd2"]).max() > 10
    assert continuous["sd1"].min() < 1e-3
    assert continuous["sd1"].max() > 1e4
    signs = np.sign(continuous[["change1", "change2"]])
    assert len(signs.drop_duplicates()) == 4


def test_the_tables_are_as_varied_as_promised(binary: pd.DataFrame) -> None:
    assert len(binary) == 120
    cells = np.column_stack([binary.a, binary.n1 - binary.a, binary.c, binary.n2 - binary.c])
    assert (cells == 0).any(axis=0).all()
    assert ((binary.a == 0) & (binary.c == 0)).any()
    assert ((binary.a == binary.n1) & (binary.c == binary.n2)).any()
    assert binary[["n1", "n2"]].to_numpy().min() == 2
    assert binary[["n1", "n2"]].to_numpy().max() > 1e5
    assert (cells > 0).all(axis=1).sum() >= 60


@pytest.mark.parametrize("name", TWO_GROUPS)
def test_two_groups(continuous: pd.DataFrame, name: str) -> None:
    rows = continuous[defined(continuous, name)]
    assert len(rows) == (118 if name == "SMD1" else 120)
    assert_agrees(TWO_GROUPS[name](*(rows[column] for column in TWO)), rows, name)


@pytest.mark.parametrize("name", TWO_GROUPS)
def test_two_groups_of_change_scores(continuous: pd.DataFrame, name: str) -> None:
    rows = continuous[defined(continuous, name)]
    rows = rows.assign(m1=rows.change1, m2=rows.change2)
    assert_agrees(TWO_GROUPS[name](*(rows[column] for column in TWO)), rows, f"{name}_change")


def test_ratio_of_means_of_either_sign(continuous: pd.DataFrame) -> None:
    assert_agrees(effects.rom(*(continuous[column] for column in TWO)), continuous, "ROM")
    negative = continuous.assign(m1=-continuous.m1, m2=-continuous.m2)
    assert_agrees(effects.rom(*(negative[column] for column in TWO)), continuous, "ROM_negative")


@pytest.mark.parametrize("name", ONE_GROUP)
def test_one_group(continuous: pd.DataFrame, name: str) -> None:
    rows = continuous[defined(continuous, name)]
    assert len(rows) == (120 if name == "MC" else 118)
    assert_agrees(ONE_GROUP[name](*(rows[column] for column in PAIRED)), rows, name)
    rows = rows.assign(m1=rows.change1, m2=rows.change2)
    assert_agrees(ONE_GROUP[name](*(rows[column] for column in PAIRED)), rows, f"{name}_change")


def test_one_group_by_the_average_variance(continuous: pd.DataFrame) -> None:
    """metafor 3.8 has no SMCRP: its formulas in R, from three pairs (with two, J may not exist)."""
    rows = continuous[continuous.pairs > 2]
    assert_agrees(effects.smcrp(*(rows[column] for column in PAIRED)), rows, "SMCRP")
    rows = rows.assign(m1=rows.change1, m2=rows.change2)
    assert_agrees(effects.smcrp(*(rows[column] for column in PAIRED)), rows, "SMCRP_change")


@pytest.mark.parametrize("name", ["SMD1", "SMCC", "SMCR"])
def test_what_escalc_leaves_out_for_want_of_people_is_an_error(continuous: pd.DataFrame, name: str) -> None:
    function: Measure = effects.glass if name == "SMD1" else ONE_GROUP[name]
    rows = continuous[~defined(continuous, name)]
    assert len(rows) == 2
    for _, row in rows.iterrows():
        with pytest.raises(EffectError, match="2"):
            function(*(row[column] for column in (TWO if name == "SMD1" else PAIRED)))


def exact_correction_squared(m: int) -> Decimal:
    """J(m)^2 to 50 digits, from J(2)^2 = 1/pi and r(m+1) = (m-1) / (2 r(m)), r a ratio of gammas."""
    pi = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
    ratio_squared = 1 / pi
    for k in range(2, m):
        ratio_squared = (Decimal(k - 1) / 2) ** 2 / ratio_squared
    return ratio_squared / (Decimal(m) / 2)


def test_unbiased_variance_is_exact(continuous: pd.DataFrame) -> None:
    """1 - (m-2)/(m J^2) cancels; against J in 50-digit arithmetic."""
    effect = effects.smd(*(continuous[column] for column in TWO), variance="UB")
    np.testing.assert_allclose(effect.yi, continuous["yi_SMD_UB"], rtol=TOLERANCE, atol=0)
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


def test_unbiased_variance_is_that_of_escalc_at_the_correction_of_escalc(continuous: pd.DataFrame) -> None:
    """All that parts the two is escalc's J, which has 13 digits and can be read from its yi."""
    effect = effects.smd(*(continuous[column] for column in TWO), variance="UB")
    m = (continuous.n1 + continuous.n2 - 2).to_numpy()
    j = hedges_correction(m) * continuous["yi_SMD_UB"].to_numpy() / effect.yi
    inflation = 1 - (m - 2) / (m * j**2)
    vi = 1 / continuous.n1 + 1 / continuous.n2 + inflation * continuous["yi_SMD_UB"] ** 2
    np.testing.assert_allclose(vi, continuous["vi_SMD_UB"], rtol=TOLERANCE, atol=0)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(("to", "correction"), [("only0", 0.5), ("all", 0.25), ("if0all", 0.5)])
def test_counts(binary: pd.DataFrame, name: str, to: str, correction: float) -> None:
    effect = BINARY[name](*(binary[column] for column in COUNTS), correction, to)
    assert_agrees(effect, binary, f"{name}_{to}")


@pytest.mark.parametrize(
    ("name", "at_least"), [("OR", 100), ("RR", 100), ("RD", 110), ("AS", 120), ("PETO", 114)]
)
def test_counts_without_correction(binary: pd.DataFrame, name: str, at_least: int) -> None:
    there = defined(binary, f"{name}_none")
    assert there.sum() >= at_least
    rows = binary[there]
    assert_agrees(BINARY[name](*(rows[column] for column in COUNTS), to="none"), rows, f"{name}_none")
    for _, row in binary[~there].iterrows():
        with pytest.raises(EffectError, match=r"zero|without events"):
            BINARY[name](*(row[column] for column in COUNTS), to="none")


@pytest.mark.parametrize("name", ["AS", "PETO"])
def test_arcsine_and_peto_correct_nothing_by_default(binary: pd.DataFrame, name: str) -> None:
    rows = binary[defined(binary, f"{name}_none")]
    assert_agrees(BINARY[name](*(rows[column] for column in COUNTS)), rows, f"{name}_none")


def test_without_zero_cells_no_rule_changes_anything(binary: pd.DataFrame) -> None:
    inner = binary[(binary.a % binary.n1 > 0) & (binary.c % binary.n2 > 0)]
    args = tuple(inner[column] for column in COUNTS)
    plain = effects.log_or(*args, to="none")
    for to in ("only0", "if0all"):
        np.testing.assert_array_equal(effects.log_or(*args, to=to).yi, plain.yi)
    assert (effects.log_or(*args, to="all").yi != plain.yi).any()


def test_hazard_ratios_and_differences_from_intervals(ratios: pd.DataFrame) -> None:
    hazard = effects.from_ci(ratios.value, ratios.low, ratios.high, ratios.level, log=True)
    assert_agrees(hazard, ratios, "HR")
    difference = effects.from_ci(ratios.value, ratios.low, ratios.high, ratios.level, df=ratios.df)
    assert_agrees(difference, ratios, "difference_t", QUANTILES)


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
        np.testing.assert_allclose(values, continuous[name], rtol=QUANTILES, atol=0, err_msg=name)
