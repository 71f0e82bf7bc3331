"""Coverage and width of the intervals of a pool, by simulation.

python benchmarks/interval_coverage.py [--replications 10000] [--bootstrap 100] [--jobs -1] [--out FOLDER]

Writes coverage.csv and coverage.png. Effects are normal with known sampling variances, so that nothing but the
number of studies and the estimate of tau2 stands between an interval and its level. Each block of replications
has random numbers of its own: the table is the same with any number of workers, and with any joblib backend
(``with joblib.parallel_config(backend="dask"): simulate(...)``).
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import special

from ketameta._typing import Array
from ketameta.models.intervals import Inference, kenward_roger
from ketameta.models.kernel import fit
from ketameta.models.prediction import bootstrap
from ketameta.models.profile import profile_mean

HERE = Path(__file__).resolve().parent
SEED, LEVEL, MEAN = 20240229, 0.95, -0.5
BLOCK, BOOTSTRAP_BLOCK, DRAWS = 1000, 50, 2000
KS, TAU2S, SIZES = (3, 5, 10, 20), (0.0, 0.03, 0.3), ("equal", "unequal")
BOOTSTRAPPED = [(k, tau2, "unequal") for k in (3, 10) for tau2 in (0.03, 0.3)]

OF_MEAN = ("Wald", "HKSJ", "HKSJ-adhoc", "KR", "profile")
OF_NEW_TRIAL = ("t(k-1)", "t(k-2)", "bootstrap")

Limits = dict[str, tuple[Array, Array]]


@dataclass(frozen=True, slots=True)
class Cell:
    """Number of studies, between-study variance, and whether the studies are of one size."""

    k: int
    tau2: float
    sizes: str

    @property
    def v(self) -> Array:
        """Sampling variances of an SMD with 40 people a study, or 13 to 126 at equal ratios: 4 / n."""
        spread = 0.5 if self.sizes == "unequal" else 0.0
        return 4.0 / (40.0 * 10.0 ** np.linspace(-spread, spread, self.k))


CELLS = [Cell(*values) for values in product(KS, TAU2S, SIZES)]


def generator(cell: Cell, block: int, *, seed: int = SEED, stream: int = 0) -> np.random.Generator:
    """Random numbers of one block of one cell."""
    key = (CELLS.index(cell), stream, block)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def samples(cell: Cell, n: int, rng: np.random.Generator) -> Array:
    """Effects of n meta-analyses, shape (n, k)."""
    return rng.normal(MEAN, np.sqrt(cell.v + cell.tau2), (n, cell.k))


def limits(y: Array, v: Array) -> tuple[Limits, Limits]:
    """Intervals of the mean, and of a new trial's effect, of a batch: tau2 by REML, profile by ML."""
    fits = fit(y, v, tau2="REML", weights=False)
    estimate, wald = fits.beta[:, 0], fits.cov[:, 0, 0]
    variance, df = kenward_roger(v, fits.tau2)

    def inference(square: Array, df: Any) -> Inference:
        return Inference(estimate, np.sqrt(square), df, LEVEL)

    hksj = inference(wald * fits.hksj, fits.df)
    mean = {
        "Wald": inference(wald, math.inf).interval(),
        "HKSJ": hksj.interval(),
        "HKSJ-adhoc": inference(wald * np.maximum(fits.hksj, 1.0), fits.df).interval(),
        "KR": inference(variance, df).interval(),
        "profile": profile_mean(y, v, level=LEVEL),
    }
    new = {
        "t(k-1)": hksj.prediction(fits.tau2),
        "t(k-2)": inference(wald, fits.df - 1.0).prediction(fits.tau2),
    }
    return mean, new


def held(low: Array, high: Array, tau2: float) -> Array:
    """Probability that a new trial's true effect lies between the limits; 0 or 1 for the mean (tau2 = 0)."""
    if tau2 == 0:
        return ((low <= MEAN) & (high >= MEAN)).astype(np.float64)
    tau = math.sqrt(tau2)
    result: Array = special.ndtr((high - MEAN) / tau) - special.ndtr((low - MEAN) / tau)
    return result


def block(cell: Cell, number: int, n: int, *, seed: int = SEED) -> dict[str, Array]:
    """One block of replications: share held and width of every interval, each of shape (2, n)."""
    mean, new = limits(samples(cell, n, generator(cell, number, seed=seed)), cell.v)
    found = {name: np.stack([held(*pair, 0.0), pair[1] - pair[0]]) for name, pair in mean.items()}
    return found | {name: np.stack([held(*pair, cell.tau2), pair[1] - pair[0]]) for name, pair in new.items()}


def bootstrap_block(cell: Cell, number: int, n: int, *, seed: int = SEED) -> dict[str, Array]:
    """The same for the bootstrap prediction interval, which takes one sample at a time."""
    rng = generator(cell, number, seed=seed, stream=1)
    found = [
        bootstrap(y, cell.v, level=LEVEL, draws=DRAWS, rng=rng).interval() for y in samples(cell, n, rng)
    ]
    low, high = np.array(found).T
    return {"bootstrap": np.stack([held(low, high, cell.tau2), high - low])}


def jobs(replications: int, bootstraps: int) -> Iterator[tuple[Any, Cell, int, int]]:
    """Function, cell, block and size of everything there is to do, the slow parts first."""
    parts = ((bootstrap_block, bootstraps, BOOTSTRAP_BLOCK), (block, replications, BLOCK))
    for function, total, size in parts:
        for cell in reversed(CELLS):
            if function is bootstrap_block and (cell.k, cell.tau2, cell.sizes) not in BOOTSTRAPPED:
                continue
            for number, start in enumerate(range(0, total, size)):
                yield function, cell, number, min(size, total - start)


def parallel() -> Any:
    """The module joblib, or a word on where it comes from."""
    if importlib.util.find_spec("joblib") is None:
        raise SystemExit('this script needs joblib: python -m pip install "ketameta[benchmark]"')
    import joblib

    return joblib


def simulate(replications: int, bootstraps: int, *, seed: int = SEED) -> pd.DataFrame:
    """Run all cells through joblib, on the backend that is set, and sum them up in a table."""
    joblib = parallel()
    work = list(jobs(replications, bootstraps))
    calls = [joblib.delayed(function)(cell, number, n, seed=seed) for function, cell, number, n in work]
    found: dict[tuple[Cell, str], list[Array]] = {}
    backend, _ = joblib.parallel.get_active_backend()
    stream = backend.supports_return_generator
    results = joblib.Parallel(return_as="generator" if stream else "list", verbose=0 if stream else 5)(calls)
    for (_, cell, _, _), result in zip(work, with_progress(results, len(work)), strict=True):
        for name, values in result.items():
            found.setdefault((cell, name), []).append(values)
    order = [(cell, name) for cell in CELLS for name in OF_MEAN + OF_NEW_TRIAL if (cell, name) in found]
    return pd.DataFrame([row(*key, np.concatenate(found[key], axis=1)) for key in order])


def row(cell: Cell, interval: str, values: Array) -> dict[str, Any]:
    """Coverage, its Monte Carlo standard error and widths of one interval in one cell."""
    covered, width = values
    return {
        "k": cell.k,
        "tau2": cell.tau2,
        "sizes": cell.sizes,
        "of": "mean" if interval in OF_MEAN else "new trial",
        "interval": interval,
        "coverage": covered.mean(),
        "coverage_se": covered.std() / math.sqrt(covered.size),
        "mean_width": width.mean(),
        "median_width": np.median(width),
        "replications": covered.size,
    }


def with_progress(results: Iterable[Any], total: int) -> Iterator[Any]:
    """Pass results on and draw a bar on the error stream."""
    start = time.perf_counter()
    for done, result in enumerate(results, 1):
        bar = "#" * (40 * done // total)
        print(
            f"\r[{bar:40}] {done}/{total} {time.perf_counter() - start:.0f} s",
            end="\n" if done == total else "",
            file=sys.stderr,
            flush=True,
        )
        yield result


STYLES = {
    "Wald": ("#D55E00", "o", "-"),
    "HKSJ": ("#0072B2", "s", "-"),
    "HKSJ-adhoc": ("#56B4E9", "^", "--"),
    "KR": ("#009E73", "D", ":"),
    "profile": ("#CC79A7", "v", "-."),
    "t(k-1)": ("#0072B2", "s", "-"),
    "t(k-2)": ("#D55E00", "o", "--"),
    "bootstrap": ("#000000", "*", "none"),
}


def draw(table: pd.DataFrame) -> Figure:
    """Coverage by number of studies, a panel for each tau2 and each kind of sizes, 180 mm wide."""
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(180 / 25.4, 215 / 25.4), layout="constrained")
        halves: Any = figure.subfigures(2, 1)
        parts = zip(halves, ("mean", "new trial"), (OF_MEAN, OF_NEW_TRIAL), strict=True)
        for letter, (half, of, names) in zip("AB", parts, strict=True):
            axes = half.subplots(len(SIZES), len(TAU2S), sharex=True, sharey=True)
            for (i, sizes), (j, tau2) in product(enumerate(SIZES), enumerate(TAU2S)):
                rows = table[(table["of"] == of) & (table["sizes"] == sizes) & (table["tau2"] == tau2)]
                _panel(axes[i, j], rows, names)
                axes[i, j].set_title(f"τ² = {tau2:g}, {sizes} sizes", fontsize=8)
            for axis in axes[-1]:
                axis.set_xlabel("Studies")
            for axis in axes[:, 0]:
                axis.set_ylabel("Coverage, %")
            title = "95% interval of the mean" if of == "mean" else "95% prediction interval"
            half.suptitle(f"{letter}  {title}", x=0.01, ha="left", fontweight="bold", fontsize=9)
            handles, labels = axes[-1, -1].get_legend_handles_labels()
            half.legend(handles, labels, loc="outside lower center", ncols=len(names), frameon=False)
    return figure


def _panel(axis: Any, rows: pd.DataFrame, names: tuple[str, ...]) -> None:
    axis.axhline(100 * LEVEL, color="0.35", linewidth=0.8)
    for position, name in enumerate(names):
        some = rows[rows["interval"] == name]
        place = np.array([KS.index(k) for k in some["k"]]) + 0.07 * (position - (len(names) - 1) / 2)
        draw_line(axis, place, some["coverage"], STYLES[name], name)
    axis.set_xticks(range(len(KS)), [str(k) for k in KS])


def draw_line(axis: Any, place: Array, coverage: pd.Series, style: tuple[str, str, str], label: str) -> None:
    """Coverage of one interval, in percent; ``style`` is colour, marker and kind of line."""
    colour, marker, line = style
    axis.plot(
        place,
        100 * coverage,
        color=colour,
        marker=marker,
        linestyle=line,
        markersize=4.5 if marker != "*" else 7,
        linewidth=1.0,
        markerfacecolor="white" if marker in "^Dv" else colour,
        label=label,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage and width of the intervals of a pool")
    parser.add_argument("--replications", type=int, default=10_000, help="in each cell (default 10,000)")
    parser.add_argument(
        "--bootstrap",
        type=int,
        default=100,
        help="bootstrap prediction intervals in each of 4 cells (default 100)",
    )
    parser.add_argument("--jobs", type=int, default=-1, help="processes (default: all cores)")
    parser.add_argument("--out", type=Path, help="folder; beside this script and in docs/_static by default")
    given = parser.parse_args()
    with parallel().parallel_config(n_jobs=given.jobs):
        table = simulate(given.replications, given.bootstrap)
    table.to_csv((given.out or HERE) / "coverage.csv", index=False, float_format="%.6g", lineterminator="\n")
    draw(table).savefig((given.out or HERE.parent / "docs" / "_static") / "coverage.png", dpi=200)


if __name__ == "__main__":
    main()
