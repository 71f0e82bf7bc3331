"""The simulation of interval coverage: its intervals are those of ``pool``, its table can be made again."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import ketameta as km

from ..scripts import BENCHMARKS, benchmark

POOLS = {
    "Wald": ("REML", "Wald"),
    "HKSJ": ("REML", "HKSJ"),
    "HKSJ-adhoc": ("REML", "HKSJ-adhoc"),
    "KR": ("REML", "KR"),
    "profile": ("ML", "profile"),
}
SOME = [(3, 0.3, "unequal"), (5, 0.0, "equal"), (10, 0.03, "unequal")]
N = 1500


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    with benchmark("interval_coverage") as module:
        yield module


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(BENCHMARKS / "coverage.csv").set_index(["k", "tau2", "sizes", "interval"])


def test_table_holds_every_cell_and_interval(script: ModuleType, table: pd.DataFrame) -> None:
    wanted = {
        (cell.k, cell.tau2, cell.sizes, name)
        for cell in script.CELLS
        for name in script.OF_MEAN + script.OF_NEW_TRIAL
        if name != "bootstrap" or (cell.k, cell.tau2, cell.sizes) in script.BOOTSTRAPPED
    }
    assert len(script.CELLS) == 24
    assert set(table.index) == wanted
    assert table.index.is_unique
    assert table["coverage"].between(0, 1).all()


@pytest.mark.filterwarnings("ignore:the Kenward-Roger interval has:ketameta.errors.KetametaWarning")
@pytest.mark.parametrize(("k", "tau2", "sizes"), SOME)
def test_intervals_are_those_of_pool(script: ModuleType, k: int, tau2: float, sizes: str) -> None:
    cell = script.Cell(k, tau2, sizes)
    y = script.samples(cell, 4, script.generator(cell, 0, seed=5))
    mean, new = script.limits(y, cell.v)
    for i, effects in enumerate(y):
        for name, (estimator, ci) in POOLS.items():
            found = km.pool(yi=effects, vi=cell.v, tau2=estimator, ci=ci)
            assert [mean[name][0][i], mean[name][1][i]] == pytest.approx(
                [found.ci_low, found.ci_high], rel=1e-6
            ), name
        for name in ("t(k-1)", "t(k-2)"):
            found = km.pool(yi=effects, vi=cell.v, prediction=name)
            assert [new[name][0][i], new[name][1][i]] == pytest.approx(
                [found.pi_low, found.pi_high], rel=1e-6
            ), name


@pytest.mark.parametrize(("k", "tau2", "sizes"), SOME)
def test_table_agrees_with_other_random_numbers(
    script: ModuleType, table: pd.DataFrame, k: int, tau2: float, sizes: str
) -> None:
    """Within four Monte Carlo errors; the error of the small run is taken from the spread in the table."""
    found = script.block(script.Cell(k, tau2, sizes), 0, N, seed=77)
    for name, (covered, width) in found.items():
        row = table.loc[(k, tau2, sizes, name)]
        spread = row["coverage_se"] * np.sqrt(row["replications"])
        error = spread * np.sqrt(1 / N + 1 / row["replications"])
        # Half a hit allows for intervals that hold the mean all but always.
        assert abs(covered.mean() - row["coverage"]) < 4 * error + 0.5 / N, name
        if name != "KR":
            error = width.std() * np.sqrt(1 / N + 1 / row["replications"])
            assert abs(width.mean() - row["mean_width"]) < 4 * error, name


def test_coverage_of_a_new_trial_is_a_share_of_trials(script: ModuleType) -> None:
    """The probability between the limits, beside the share of drawn effects that lie there."""
    low, high, tau2 = np.array([-1.2]), np.array([-0.1]), 0.3
    drawn = np.random.default_rng(6).normal(script.MEAN, np.sqrt(tau2), 40_000)
    share = ((drawn >= low) & (drawn <= high)).mean()
    p = float(script.held(low, high, tau2)[0])
    assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / drawn.size)


def test_hartung_knapp_is_exact_where_sizes_are_equal(table: pd.DataFrame) -> None:
    """It is then the t interval of a mean of normal values, whatever tau2."""
    rows = table.xs("HKSJ", level="interval").xs("equal", level="sizes")
    assert len(rows) == 12
    assert (abs(rows["coverage"] - 0.95) < 4 * np.sqrt(0.95 * 0.05 / rows["replications"])).all()


def test_same_seed_gives_the_same_numbers(script: ModuleType) -> None:
    cell = script.Cell(3, 0.03, "unequal")
    first, again = (script.block(cell, 2, 40) for _ in range(2))
    other, seeded = script.block(cell, 3, 40), script.block(cell, 2, 40, seed=8)
    for name, values in first.items():
        assert np.array_equal(values, again[name])
        assert not np.array_equal(values, other[name])
        assert not np.array_equal(values, seeded[name])
    draws = [script.bootstrap_block(cell, 0, 2)["bootstrap"] for _ in range(2)]
    assert np.array_equal(*draws)


def test_table_does_not_depend_on_workers(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    joblib = pytest.importorskip("joblib")
    monkeypatch.setattr(script, "CELLS", script.CELLS[:2])
    monkeypatch.setattr(script, "BLOCK", 20)
    alone = script.simulate(50, 0)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        together = script.simulate(50, 0)
    pd.testing.assert_frame_equal(alone, together, check_exact=True)
    assert set(alone["replications"]) == {50}


def test_without_joblib_it_says_what_to_install(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"pip install .ketameta\[benchmark\]"):
        script.simulate(10, 0)
