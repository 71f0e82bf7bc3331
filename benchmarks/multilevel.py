"""Multilevel fits: seconds and memory as the number of trials grows, and beside metafor where R has it.

python benchmarks/multilevel.py [--metafor]

Trials at six times with known, correlated sampling errors, random effects by time within trials (CAR, and HAR and
unstructured). Times are of the processor; the columns "per trial" should not grow with the number of trials, and
"full matrix" is what one matrix of all effects would take. metafor fits the first size only, with its defaults.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd

import ketameta as km
from ketameta._typing import Array

TRIALS = (200, 500, 1000, 2000)
TIMES = np.array([1.0, 2.0, 3.0, 7.0, 14.0, 28.0])
REPEATS = 5
METAFOR = """
suppressMessages(library(metafor))
d <- read.csv("effects.csv"); V <- as.matrix(read.csv("v.csv", header = FALSE))
for (struct in commandArgs(trailingOnly = TRUE)) {
  took <- system.time(fit <- rma.mv(yi, V, random = ~ time | trial, struct = struct, data = d))
  cat(struct, took[["user.self"]], sprintf("%.10f", c(logLik(fit))), "\\n")
}
"""


def trials(k: int, *, seed: int = 1) -> tuple[pd.DataFrame, list[Array]]:
    """Effects of k trials and the blocks of V."""
    rng = np.random.default_rng(seed)
    apart = np.abs(TIMES[:, None] - TIMES)
    sd = np.broadcast_to(rng.uniform(0.15, 0.5, (k, 1)), (k, TIMES.size))
    v = 0.6 ** (apart / 7) * sd[:, :, None] * sd[:, None, :]
    root = np.linalg.cholesky(v + 0.1 * 0.95**apart)
    y = -0.5 + (root @ rng.normal(size=(k, TIMES.size, 1)))[:, :, 0]
    table = pd.DataFrame(
        {
            "trial": np.repeat(np.arange(k), TIMES.size),
            "time": np.tile(TIMES, k),
            "yi": y.ravel(),
            "vi": np.diagonal(v, axis1=1, axis2=2).ravel(),
        }
    )
    return table, list(v)


def seconds(table: pd.DataFrame, blocks: list[Array], structure: str) -> tuple[float, float]:
    """Least processor time of a fit, and its log-likelihood."""
    best = np.inf
    for _ in range(REPEATS):
        start = time.process_time()
        fit = km.multilevel(table, V=blocks, random="time | trial", structure=structure)
        best = min(best, time.process_time() - start)
    return best, fit.loglik


def peak(table: pd.DataFrame, blocks: list[Array]) -> float:
    """Peak memory of a fit in MB."""
    tracemalloc.start()
    km.multilevel(table, V=blocks, random="time | trial", structure="CAR")
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found / 1e6


def growth() -> None:
    """Seconds and memory by number of trials."""
    print("| trials | effects | CAR, s | HAR, s | UN, s | CAR, ms per trial | peak MB | full matrix, MB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for k in TRIALS:
        table, blocks = trials(k)
        took = [seconds(table, blocks, structure)[0] for structure in ("CAR", "HAR", "UN")]
        cells = " | ".join(f"{one:.3f}" for one in took)
        full = 8 * len(table) ** 2 / 1e6
        print(
            f"| {k} | {len(table)} | {cells} | {1e3 * took[0] / k:.2f} | {peak(table, blocks):.0f} | {full:.0f} |"
        )


def beside_metafor() -> None:
    """The first size by rma.mv."""
    if shutil.which("Rscript") is None:
        print("R is not installed")
        return
    table, blocks = trials(TRIALS[0])
    full = np.zeros((len(table), len(table)))
    for i, block in enumerate(blocks):
        at = slice(i * TIMES.size, (i + 1) * TIMES.size)
        full[at, at] = block
    with tempfile.TemporaryDirectory() as folder:
        table.to_csv(Path(folder) / "effects.csv", index=False)
        np.savetxt(Path(folder) / "v.csv", full, delimiter=",", fmt="%.17g")
        (Path(folder) / "fit.R").write_text(METAFOR, encoding="utf-8")
        done = subprocess.run(
            ["Rscript", "fit.R", "CAR"], cwd=folder, capture_output=True, text=True, check=True
        )
    for line in done.stdout.splitlines():
        structure, took, loglik = line.split()
        own, ours = seconds(table, blocks, structure)
        print(
            f"{structure}: rma.mv {float(took):.1f} s, ketameta {own:.3f} s ({float(took) / own:.0f} times faster); "
            f"log-likelihood {ours - float(loglik):+.1e} higher"
        )


if __name__ == "__main__":
    growth()
    if "--metafor" in sys.argv:
        beside_metafor()
