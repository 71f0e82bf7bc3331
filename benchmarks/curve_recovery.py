"""Bias and coverage of what is read off curves over time, by simulation from known curves.

python benchmarks/curve_recovery.py [--replications 1000] [--family NAME] [--jobs -1] [--out FOLDER]

Writes curve_recovery.csv and recovery.png. With --family only that family is fitted, and takes its rows in the
table that is there; literatures and effects are drawn before anything is fitted, so that these rows are those of
a whole run. A block is one literature (which trials measured when, and how large they are) with all its
replications; every block has random numbers of its own, so that the table is the same with any number of workers
and with any joblib backend (``with joblib.parallel_config(backend="dask"): simulate(...)``). The fits are in
curve_recovery_fits.py.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from curve_recovery_fits import LEVEL, READ, Found, Truth, fit_decays, fit_splines
from interval_coverage import draw_line, parallel, with_progress
from matplotlib.figure import Figure
from scipy.special import stdtrit

from ketameta._typing import Array
from ketameta.curves.decay_shapes import Bateman
from ketameta.curves.inputs import TrialTimes, read_rows
from ketameta.curves.shapes import Exponential, Spline
from ketameta.curves.spec import CurveSpec, check_spec
from ketameta.errors import ModelError

HERE = Path(__file__).resolve().parent
SEED, RHO = 20240401, 0.6
BLOCK = 50
HOURS = np.array([4.0, 24.0, 72.0, 168.0, 336.0, 672.0])
MEASURED = np.array([0.5, 0.95, 0.6, 0.7, 0.35, 0.2])
"""Share of trials that measure at each of these times."""
SMALLEST, LARGEST = 20, 200
"""Participants of a trial, log-uniform between these; the sampling variance of an SMD is 4 / n."""
KNOTS = (4.0, 24.0, 168.0, 672.0)
KS = (6, 10, 20, 30)
HETEROGENEITY = {"small": (0.02, 0.005), "large": (0.2, 0.05)}
"""tau2 (between trials) and omega2 (between the times of a trial)."""
TRUTHS = {
    "exponential": Truth(Exponential(4.0), (-0.9, math.log(2) / 120), 120.0),
    "bateman": Truth(Bateman(), (-0.9, math.log(150), math.log(6)), 150.0),
    "plateau": Truth(Exponential(4.0), (-0.6, 0.0), math.inf),
    "spline": Truth(Spline(KNOTS), (-0.5, -0.9, -0.5, -0.2), math.nan),
}
FITTED = {
    "exponential": (
        ("exponential", RHO),
        ("exponential", 0.2),
        ("exponential", 0.9),
        ("spline", RHO),
        ("spline", 0.2),
        ("spline", 0.9),
    ),
    "bateman": (("bateman", RHO), ("spline", RHO), ("exponential", RHO)),
    "plateau": (("exponential", RHO), ("spline", RHO)),
    "spline": (("spline", RHO), ("spline, true knots", RHO), ("exponential", RHO)),
}
"""Families fitted to each truth, each with the correlation that is assumed; the true one is 0.6."""


@dataclass(frozen=True, slots=True)
class Cell:
    """True curve, number of trials and size of the heterogeneity."""

    truth: str
    k: int
    heterogeneity: str


CELLS = [Cell(*values) for values in product(TRUTHS, KS, HETEROGENEITY)]


def literature(k: int, rng: np.random.Generator) -> TrialTimes:
    """k trials with their times and sizes, some trial measuring by 24 hours and some at 7 days or later."""
    while True:
        taken = rng.random((k, HOURS.size)) < MEASURED
        while (few := taken.sum(axis=1) < 2).any():
            taken[few] = rng.random((few.sum(), HOURS.size)) < MEASURED
        if taken[:, :2].any() and taken[:, 3:].any():
            break
    v = 4 / np.exp(rng.uniform(math.log(SMALLEST), math.log(LARGEST), k))
    trial, time = np.nonzero(taken)
    names = [f"trial {i:03d}" for i in trial]
    table = pd.DataFrame({"cohort_id": names, "time_hours": HOURS[time], "yi": 0.0, "vi": v[trial]})
    return read_rows(table)[0]


def effects(data: TrialTimes, cell: Cell, n: int, rng: np.random.Generator) -> Array:
    """Effects of n replications of a literature, shape (n, effects)."""
    tau2, omega2 = HETEROGENEITY[cell.heterogeneity]
    y = np.repeat(TRUTHS[cell.truth].value(data.hours)[None], n, axis=0)
    y += math.sqrt(tau2) * rng.standard_normal((n, len(data.trials)))[:, data.trial]
    y += math.sqrt(omega2) * rng.standard_normal(y.shape)
    for i, v in enumerate(data.covariances(rho=RHO, correlation="log-time")):
        y[:, data.trial == i] += rng.standard_normal((n, len(v))) @ np.linalg.cholesky(v).T
    return y


MEASURES = tuple(f"{name}_{at}" for at in READ for name in ("error", "se", "covered"))
MEASURES += ("half", "half_covered", "open_low", "open_high", "failed")


def measures(found: Found, truth: Truth) -> Array:
    """What is kept of each fit, shape (len(MEASURES), n)."""
    quantile = float(stdtrit(found.df, (1 + LEVEL) / 2))
    rows: list[Any] = []
    for j, hours in enumerate(READ.values()):
        error = found.estimate[:, j] - float(truth.value(np.array([hours]))[0])
        rows += [error, found.se[:, j], np.abs(error) <= quantile * found.se[:, j]]
    rows += [found.half, found.covered, found.open_low, found.open_high, found.failed]
    return np.array(rows, dtype=np.float64)


def specification(family: str, rho: float) -> CurveSpec:
    """The checked arguments of a fit."""
    if family == "spline, true knots":
        return check_spec("spline", knots=KNOTS, rho=rho)
    return check_spec(family, rho=rho)


def fitted(truth: str, only: str | None) -> list[tuple[str, float]]:
    """Families with their assumed correlations to fit to a truth: all, or those of one name."""
    return [(family, rho) for family, rho in FITTED[truth] if only in (None, family)]


def block(
    cell: Cell, number: int, n: int, *, seed: int = SEED, only: str | None = None
) -> dict[tuple[str, float], Array]:
    """One literature: what each family and assumed correlation makes of its n replications."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(CELLS.index(cell), number)))
    data = literature(cell.k, rng)
    y = effects(data, cell, n, rng)
    truth, results = TRUTHS[cell.truth], {}
    for family, rho in fitted(cell.truth, only):
        spec = specification(family, rho)
        fit = fit_splines if spec.curve == "spline" else fit_decays
        try:
            results[family, rho] = measures(fit(data, spec, y, truth), truth)
        except ModelError:
            nothing = np.full((len(MEASURES), n), np.nan)
            nothing[-1] = 1.0
            results[family, rho] = nothing
    return results


def jobs(replications: int, only: str | None) -> Iterator[tuple[Cell, int, int]]:
    """Cell, block and size of everything there is to do."""
    for number, start in enumerate(range(0, replications, BLOCK)):
        for cell in CELLS:
            if fitted(cell.truth, only):
                yield cell, number, min(BLOCK, replications - start)


def simulate(replications: int, *, seed: int = SEED, only: str | None = None) -> pd.DataFrame:
    """Run cells (of one family, or all) through joblib, on the backend that is set, and sum them up in a table."""
    joblib = parallel()
    work = list(jobs(replications, only))
    calls = [joblib.delayed(block)(*job, seed=seed, only=only) for job in work]
    backend, _ = joblib.parallel.get_active_backend()
    stream = backend.supports_return_generator
    results = joblib.Parallel(return_as="generator" if stream else "list", verbose=0 if stream else 5)(calls)
    found: dict[tuple[Cell, str, float], list[Array]] = {}
    for (cell, _, _), result in zip(work, with_progress(results, len(work)), strict=True):
        for (family, rho), values in result.items():
            found.setdefault((cell, family, rho), []).append(values)
    order = [(cell, *one) for cell in CELLS for one in fitted(cell.truth, only)]
    return pd.DataFrame([row(*key, found[key]) for key in order])


def merged(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The table with rows of the same settings in the place of its own."""
    keys = ["truth", "family", "rho", "k", "heterogeneity"]
    new = rows.set_index(keys)
    old = table.set_index(keys)
    return pd.concat([old.drop(new.index), new]).loc[old.index].reset_index()


def row(cell: Cell, family: str, rho: float, blocks: list[Array]) -> dict[str, Any]:
    """Bias, coverage and their Monte Carlo errors, by the spread between literatures, in one cell."""
    values = dict(zip(MEASURES, np.concatenate(blocks, axis=1), strict=True))
    failed = values["failed"] == 1
    kept = {name: part[~failed] for name, part in values.items()}
    owner = np.repeat(np.arange(len(blocks)), [part.shape[1] for part in blocks])[~failed]

    def mean(name: str) -> float:
        return float(kept[name].mean())

    def error(name: str) -> float:
        """Standard error of a mean over literatures of their own means."""
        sums = np.bincount(owner, kept[name] - mean(name))
        return float(np.sqrt((sums**2).sum()) / owner.size)

    true = TRUTHS[cell.truth]
    tau2, omega2 = HETEROGENEITY[cell.heterogeneity]
    record: dict[str, Any] = {
        "truth": cell.truth,
        "family": family,
        "rho": rho,
        "k": cell.k,
        "heterogeneity": cell.heterogeneity,
        "tau2": tau2,
        "omega2": omega2,
    }
    for at, hours in READ.items():
        record |= {
            f"true_{at}": float(true.value(np.array([hours]))[0]),
            f"bias_{at}": mean(f"error_{at}"),
            f"bias_se_{at}": error(f"error_{at}"),
            f"sd_{at}": kept[f"error_{at}"].std(),
            f"mean_se_{at}": mean(f"se_{at}"),
            f"coverage_{at}": mean(f"covered_{at}"),
            f"coverage_se_{at}": error(f"covered_{at}"),
        }
    defined = family.startswith("spline") or not math.isnan(true.half_life)
    finite = defined and cell.truth != "plateau"
    record |= {
        "half_life_ratio": float(np.median(kept["half"])) if finite else math.nan,
        "half_life_coverage": mean("half_covered") if defined else math.nan,
        "half_life_coverage_se": error("half_covered") if defined else math.nan,
        "half_life_none": float(np.isinf(kept["half"]).mean()),
        "open_above": mean("open_high"),
        "open_below": mean("open_low"),
        "failed": failed.mean(),
        "literatures": len(blocks),
        "replications": failed.size,
    }
    return record


LINES = {
    "The true family": {
        ("exponential", "exponential", RHO): ("exponential", "#0072B2", "s", "-"),
        ("bateman", "bateman", RHO): ("onset and decay", "#D55E00", "o", "-"),
        ("plateau", "exponential", RHO): ("plateau", "#009E73", "D", ":"),
        ("spline", "spline, true knots", RHO): ("spline, true knots", "#CC79A7", "v", "-."),
    },
    "Another family, or another ρ": {
        ("exponential", "exponential", 0.2): ("exponential, ρ 0.2", "#0072B2", "s", "--"),
        ("exponential", "exponential", 0.9): ("exponential, ρ 0.9", "#56B4E9", "^", "--"),
        ("exponential", "spline", RHO): ("exponential by spline", "#000000", "*", ":"),
        ("bateman", "exponential", RHO): ("onset and decay by exponential", "#D55E00", "o", "-"),
        ("bateman", "spline", RHO): ("onset and decay by spline", "#E69F00", "D", "-."),
        ("spline", "spline", RHO): ("spline, default knots", "#CC79A7", "v", "-."),
    },
}
WHAT = {"24h": "effect at 24 h", "7d": "effect at 7 d", "half_life": "half-life"}


def draw(table: pd.DataFrame) -> Figure:
    """Coverage by number of trials, a column for each size of heterogeneity, 180 mm wide."""
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(180 / 25.4, 225 / 25.4), layout="constrained")
        halves: Any = figure.subfigures(2, 1)
        for letter, half, (title, lines) in zip("AB", halves, LINES.items(), strict=True):
            axes = half.subplots(len(HETEROGENEITY), len(WHAT), sharex=True, sharey=True)
            for (i, size), (j, what) in product(enumerate(HETEROGENEITY), enumerate(WHAT)):
                _panel(axes[i, j], table[table["heterogeneity"] == size], lines, what)
                axes[i, j].set_title(f"{WHAT[what]}, {size} τ² and ω²", fontsize=8)
            for axis in axes[-1]:
                axis.set_xlabel("Trials")
            for axis in axes[:, 0]:
                axis.set_ylabel("Coverage, %")
            half.suptitle(f"{letter}  {title}", x=0.01, ha="left", fontweight="bold", fontsize=9)
            handles, labels = axes[0, 0].get_legend_handles_labels()
            half.legend(
                handles, labels, loc="outside lower center", ncols=4 if len(lines) == 4 else 3, frameon=False
            )
    return figure


def _panel(axis: Any, rows: pd.DataFrame, lines: dict[Any, tuple[str, str, str, str]], what: str) -> None:
    axis.axhspan(90, 98, color="0.92", linewidth=0)
    axis.axhline(100 * LEVEL, color="0.35", linewidth=0.8)
    name = f"{what}_coverage" if what == "half_life" else f"coverage_{what}"
    for position, ((truth, family, rho), (label, colour, marker, line)) in enumerate(lines.items()):
        some = rows[(rows["truth"] == truth) & (rows["family"] == family) & (rows["rho"] == rho)]
        place = np.array([KS.index(k) for k in some["k"]]) + 0.07 * (position - (len(lines) - 1) / 2)
        draw_line(axis, place, some[name], (colour, marker, line), label)
    axis.set_xticks(range(len(KS)), [str(k) for k in KS])


def main() -> None:
    parser = argparse.ArgumentParser(description="Bias and coverage of what is read off curves over time")
    parser.add_argument("--replications", type=int, default=1000, help="in each cell (default 1,000)")
    names = sorted({family for several in FITTED.values() for family, _ in several})
    parser.add_argument("--family", choices=names, help="fit this one only and take its rows in the table")
    parser.add_argument("--jobs", type=int, default=-1, help="processes (default: all cores)")
    parser.add_argument("--out", type=Path, help="folder; beside this script and in docs/_static by default")
    given = parser.parse_args()
    with parallel().parallel_config(n_jobs=given.jobs):
        table = simulate(given.replications, only=given.family)
    path = (given.out or HERE) / "curve_recovery.csv"
    if given.family:
        table = merged(pd.read_csv(path), table)
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    draw(table).savefig((given.out or HERE.parent / "docs" / "_static") / "recovery.png", dpi=300)


if __name__ == "__main__":
    main()
