"""The simulation of curves over time: its fits are those of ``durability``, its table can be made again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError

from ..scripts import BENCHMARKS, benchmark

KEYS = ["truth", "family", "rho", "k", "heterogeneity"]
N = 100


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    with benchmark("curve_recovery") as module:
        yield module


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(BENCHMARKS / "curve_recovery.csv").set_index(KEYS)


def test_table_holds_every_cell_and_fit(script: ModuleType, table: pd.DataFrame) -> None:
    wanted = {
        (cell.truth, family, rho, cell.k, cell.heterogeneity)
        for cell in script.CELLS
        for family, rho in script.FITTED[cell.truth]
    }
    assert len(script.CELLS) == 32
    assert set(table.index) == wanted
    assert table.index.is_unique
    assert (table["replications"] >= 1000).all()
    assert (
        table[["coverage_24h", "coverage_7d", "open_above", "open_below", "failed"]]
        .stack()
        .between(0, 1)
        .all()
    )


@pytest.mark.parametrize(
    ("truth", "family", "rho"),
    [
        ("exponential", "exponential", 0.6),
        ("exponential", "exponential", 0.9),
        ("plateau", "exponential", 0.6),
        ("bateman", "bateman", 0.6),
        ("bateman", "spline", 0.2),
        ("spline", "spline, true knots", 0.6),
        ("spline", "spline", 0.6),
    ],
)
def test_fits_are_those_of_durability(script: ModuleType, truth: str, family: str, rho: float) -> None:
    """Effects to 1e-5 of their size, 5e-4 where no decay is found: a half-life of 1000 times the range, not none."""
    cell, known = script.Cell(truth, 20, "small"), script.TRUTHS[truth]
    rng = np.random.default_rng(3)
    data = script.literature(cell.k, rng)
    y = script.effects(data, cell, 2, rng)
    spec = script.specification(family, rho)
    fit = script.fit_splines if spec.curve == "spline" else script.fit_decays
    found = fit(data, spec, y, known)
    first, last = float(data.hours.min()), float(data.hours.max())
    true = known.half_time(first, last) if spec.curve == "spline" else known.half_life
    for i, effects in enumerate(y):
        one = km.durability(data.rows.assign(yi=effects), curve=spec.curve, rho=rho, knots=spec.knots)
        at = one.at(hours=list(script.READ.values()))
        flat = 5e-4 if math.isinf(found.half[i]) else 1e-5
        np.testing.assert_allclose(found.estimate[i], at["estimate"], rtol=flat, atol=flat)
        np.testing.assert_allclose(found.se[i], at["se"], rtol=flat)
        assert one.df == found.df
        half = one.fit.half_life if spec.curve == "bateman" else one.half_life
        low, high = (half.low, half.high) if spec.curve == "bateman" else (half.ci_low, half.ci_high)
        assert found.covered[i] == (low <= true <= high)
        assert found.open_high[i] == math.isinf(high)
        ratio = found.half[i] * (true if math.isfinite(true) else 1.0)
        value = math.inf if half.value is None else half.value
        assert ratio == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(
    ("truth", "k", "heterogeneity"),
    [
        ("exponential", 10, "large"),
        ("bateman", 6, "small"),
        ("plateau", 20, "small"),
        ("spline", 10, "small"),
        ("spline", 30, "large"),
    ],
)
def test_table_agrees_with_other_random_numbers(
    script: ModuleType, table: pd.DataFrame, truth: str, k: int, heterogeneity: str
) -> None:
    """Within four Monte Carlo errors of a few literatures; that of one is taken from the spread in the table."""
    cell = script.Cell(truth, k, heterogeneity)
    blocks = [script.block(cell, number, N // 4, seed=77) for number in range(4)]
    for family, rho in script.FITTED[truth]:
        row = table.loc[(truth, family, rho, k, heterogeneity)]
        found = script.row(cell, family, rho, [one[family, rho] for one in blocks])
        for name in ("24h", "7d"):
            inside = math.sqrt(row[f"coverage_{name}"] * (1 - row[f"coverage_{name}"]) / N)
            between = row[f"coverage_se_{name}"] * math.sqrt(row["literatures"] / len(blocks))
            error = math.hypot(inside, between, row[f"coverage_se_{name}"])
            assert abs(found[f"coverage_{name}"] - row[f"coverage_{name}"]) < 4 * error + 1 / N
            error = math.hypot(
                row[f"sd_{name}"] / math.sqrt(N), row[f"bias_se_{name}"] * math.sqrt(row["literatures"] / 4)
            )
            assert abs(found[f"bias_{name}"] - row[f"bias_{name}"]) < 4 * error
        assert found["failed"] <= row["failed"] + 0.05


def test_effects_have_the_variance_that_is_asked_for(script: ModuleType) -> None:
    """Mean and covariance of many replications, against the truth, tau2, omega2 and the correlation over time."""
    cell, rng = script.Cell("exponential", 6, "large"), np.random.default_rng(2)
    data = script.literature(6, rng)
    y = script.effects(data, cell, 40_000, rng)
    truth = script.TRUTHS["exponential"].value(data.hours)
    tau2, omega2 = script.HETEROGENEITY["large"]
    first = data.trial == 0
    far = np.abs(np.subtract.outer(np.log(data.hours[first]), np.log(data.hours[first]))) / math.log(7)
    wanted = tau2 + omega2 * np.eye(first.sum()) + data.vi[first][0] * 0.6**far
    np.testing.assert_allclose(np.cov(y[:, first].T), wanted, atol=5 * wanted.max() * math.sqrt(2 / len(y)))
    np.testing.assert_allclose(y.mean(axis=0), truth, atol=5 * y.std() / math.sqrt(len(y)))


def test_literatures_can_answer(script: ModuleType) -> None:
    for seed in range(50):
        data = script.literature(6, np.random.default_rng(seed))
        count = np.bincount(data.trial)
        assert len(count) == 6
        assert count.min() >= 2
        assert count.max() <= 6
        assert data.hours.min() <= 24
        assert data.hours.max() >= 168


def test_half_time_of_a_known_curve(script: ModuleType) -> None:
    exponential, plateau = script.TRUTHS["exponential"], script.TRUTHS["plateau"]
    assert exponential.half_time(4.0, 672.0) == pytest.approx(124, rel=1e-4)
    assert exponential.half_time(24.0, 672.0) == pytest.approx(144, rel=1e-4)
    assert math.isinf(plateau.half_time(4.0, 672.0))


def test_same_seed_gives_the_same_numbers(script: ModuleType) -> None:
    cell = script.Cell("plateau", 6, "small")
    first, again = (script.block(cell, 2, 4) for _ in range(2))
    other, seeded = script.block(cell, 3, 4), script.block(cell, 2, 4, seed=8)
    for key, values in first.items():
        assert np.array_equal(values, again[key])
        assert not np.array_equal(values, other[key])
        assert not np.array_equal(values, seeded[key])


def test_table_does_not_depend_on_workers(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    joblib = pytest.importorskip("joblib")
    monkeypatch.setattr(
        script, "CELLS", [script.Cell("plateau", 6, "small"), script.Cell("plateau", 10, "large")]
    )
    monkeypatch.setattr(script, "BLOCK", 4)
    alone = script.simulate(10)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        together = script.simulate(10)
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
    assert set(alone["replications"]) == {10}
    assert set(alone["literatures"]) == {3}


def test_one_family_alone_takes_its_rows_in_the_table(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("joblib")
    monkeypatch.setattr(
        script, "CELLS", [script.Cell("plateau", 6, "small"), script.Cell("plateau", 10, "large")]
    )
    monkeypatch.setattr(script, "BLOCK", 4)
    whole = script.simulate(8)
    alone = script.simulate(8, only="spline")
    assert set(alone["family"]) == {"spline"}
    stale = whole.copy()
    stale.loc[stale["family"] == "spline", "coverage_24h"] = -1.0
    pd.testing.assert_frame_equal(script.merged(stale, alone), whole, check_exact=True)
    assert script.simulate(8, only="bateman").empty


def test_default_knots_let_a_spline_peak(table: pd.DataFrame) -> None:
    rows = table.loc[(["bateman", "spline"], "spline", 0.6, [10, 20, 30])]
    assert len(rows) == 12
    for name in ("coverage_24h", "coverage_7d", "half_life_coverage"):
        assert rows[name].between(0.92, 0.985).all()


def test_a_literature_that_cannot_be_fitted_counts_as_failed(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise ModelError("no")

    monkeypatch.setattr(script, "fit_decays", refuse)
    cell = script.Cell("plateau", 6, "small")
    blocks = [script.block(cell, number, 3) for number in range(2)]
    found = script.row(cell, "spline", 0.6, [one["spline", 0.6] for one in blocks])
    assert found["failed"] == 0
    assert all((one["exponential", 0.6][-1] == 1).all() for one in blocks)
    mixed = script.row(cell, "spline", 0.6, [blocks[0]["spline", 0.6], blocks[1]["exponential", 0.6]])
    assert mixed["failed"] == 0.5
