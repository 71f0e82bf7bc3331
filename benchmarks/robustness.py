"""Subsets, influence, a selection model and a bootstrap interval: processor time and peak memory, beside R.

python benchmarks/robustness.py [--quick] [task ...]

Every pair of a program and a task runs in a process of its own on one core. Seconds are of the processor, the
best of several calls in a few seconds, without the start of the program and, for ketameta, after one small call
that loads what it needs. ~ marks a time scaled to the whole task from as many subsets as were fitted. What is
not installed is skipped and named: metafor, and pimeta (on the path of R_LIBS). MB: peak memory beyond that of
the program before the task; for R that of the whole process, of which some 215 MB are R and metafor. The last
column compares one number of both: the mean estimate of the subsets, the largest Cook's distance, the adjusted
estimate, the lower prediction limit. Both draw the latter at random: with 25,000 draws it moves by some 0.02 from
seed to seed, in either program.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ketameta as km
from ketameta.models import Pooled
from ketameta.robustness import gosh, influence, selection_model

PATIENCE, LIMIT = 5.0, 400.0
"""Seconds of calls; seconds after which a program is stopped."""
ONE_CORE = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
START = "suppressMessages(library({package})); d <- read.csv(commandArgs(TRUE)[1])\n"
TIMED = """
times <- c()
repeat {
  t0 <- sum(proc.time()[1:2]); value <- call(); times <- c(times, sum(proc.time()[1:2]) - t0)
  if (sum(times) > as.numeric(commandArgs(TRUE)[2])) break
}
cat(sprintf("%.17g", c(min(times), value)))
"""


@dataclass(frozen=True)
class Task:
    """Studies, our call, and the call of an R package on the same numbers.

    ``scale``: how many times more ours does than the R code.
    """

    k: int
    ours: Callable[[Pooled], float]
    package: str
    r: str
    scale: float = 1.0


def cook(fit: Pooled) -> float:
    return float(influence(fit).to_frame()["cook_d"].max())


def adjusted(fit: Pooled) -> float:
    return float(selection_model(fit, steps=(0.025,)).estimate)


def bootstrap(fit: Pooled) -> float:
    options = km.PoolOptions(draws=25_000, rng=1)
    return km.pool(yi=fit.yi, vi=fit.vi, prediction="bootstrap", options=options).pi_low


def all_subsets(fit: Pooled) -> float:
    return float(np.mean(gosh(fit, progress=False).estimate))


R_GOSH = """
f <- rma(yi, vi, data = d)
call <- function() { g <- gosh(f, progbar = FALSE%s); mean(g$res$estimate[rowSums(g$incl) > 1], na.rm = TRUE) }
"""
TASKS: dict[str, Task] = {
    "all subsets of 10": Task(10, all_subsets, "metafor", R_GOSH % ""),
    "all subsets of 12": Task(12, all_subsets, "metafor", R_GOSH % ""),
    "a million subsets of 30": Task(
        30,
        lambda fit: float(np.mean(gosh(fit, rng=1, progress=False).estimate)),
        "metafor",
        R_GOSH % ", subsets = 1000",
        1000.0,
    ),
    "influence of 10": Task(
        10,
        cook,
        "metafor",
        "f <- rma(yi, vi, data = d)\ncall <- function() max(influence(f)$inf$cook.d)\n",
    ),
    "influence of 100": Task(
        100,
        cook,
        "metafor",
        "f <- rma(yi, vi, data = d)\ncall <- function() max(influence(f)$inf$cook.d)\n",
    ),
    "selection model of 30": Task(
        30,
        adjusted,
        "metafor",
        'f <- rma(yi, vi, data = d, method = "ML")\n'
        'call <- function() as.numeric(selmodel(f, type = "stepfun", alternative = "less", steps = 0.025)$beta)\n',
    ),
    "bootstrap interval of 10": Task(
        10,
        bootstrap,
        "pimeta",
        'call <- function() pima(d$yi, v = d$vi, method = "boot", B = 25000, seed = 1)$lpi\n',
    ),
}
QUICK = [name for name in TASKS if name not in ("all subsets of 12", "a million subsets of 30")]


def trials(k: int, *, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Effects and variances as of trials with 8 to 200 people, tau2 = 0.1."""
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.02, 0.5, k)
    return rng.normal(-0.5, np.sqrt(v + 0.1)), v


def ours(task: Task) -> tuple[float, float, float]:
    """Seconds, MB and the number that is compared."""
    warnings.simplefilter("ignore")
    task.ours(km.pool(yi=trials(5)[0], vi=trials(5)[1]))
    yi, vi = trials(task.k)
    fit = km.pool(yi=yi, vi=vi, ci="Wald")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times: list[float] = []
    while sum(times) < PATIENCE and len(times) < 200:
        start = time.process_time()
        value = task.ours(fit)
        times.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return min(times), peak / 1024, value


def theirs(task: Task) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "studies.csv", Path(folder) / "run.R"
        script.write_text(START.format(package=task.package) + task.r + TIMED)
        np.savetxt(
            table,
            np.column_stack(trials(task.k)),
            delimiter=",",
            fmt="%.17g",
            header="yi,vi",
            comments="",
        )
        done = subprocess.run(
            ["Rscript", script, table, str(PATIENCE)], capture_output=True, text=True, check=True
        )
    seconds, value = map(float, done.stdout.split()[-2:])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return seconds * task.scale, peak, value


def installed(package: str) -> str:
    """Version of an R package, empty where it or R is absent."""
    if shutil.which("Rscript") is None:
        return ""
    asked = f'cat(as.character(packageVersion("{package}")))'
    done = subprocess.run(["Rscript", "-e", asked], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def run(program: str, task: str) -> tuple[float, float, float] | None:
    """One program and task in a process of its own; None, with words, where it does not end."""
    command = [sys.executable, "-P", __file__, "--one", program, task]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=ONE_CORE)
    except subprocess.TimeoutExpired:
        print(f"  {program:9} stopped after {LIMIT:.0f} s", flush=True)
        return None
    if done.returncode:
        print(f"  {program:9} failed: {done.stderr.strip().splitlines()[-1][:100]}", flush=True)
        return None
    seconds, peak, value = json.loads(done.stdout)
    return seconds, peak, value


def main(tasks: list[str]) -> None:
    versions = {package: installed(package) for package in ("metafor", "pimeta")}
    print(f"{platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}, ", end="")
    print(", ".join(f"{name} {version or 'not installed'}" for name, version in versions.items()), "\n")
    for name in tasks:
        task = TASKS[name]
        print(f"{name}\n  {'':9} {'seconds':>12} {'ratio':>9} {'MB':>6}  compared", flush=True)
        base = None
        for program in ("ketameta", task.package):
            if program != "ketameta" and not versions[program]:
                print(f"  {program:9} not installed", flush=True)
                continue
            found = run(program, name)
            if found is None:
                continue
            seconds, peak, value = found
            base = seconds if base is None else base
            scaled = "~" if program != "ketameta" and task.scale > 1 else " "
            print(
                f"  {program:9} {scaled}{seconds:11.4f} {seconds / base:9.3g} {peak:6.0f}  {value:.6f}",
                flush=True,
            )
        print(flush=True)


if __name__ == "__main__":
    if "--one" in sys.argv:
        who, what = sys.argv[-2:]
        print(json.dumps((ours if who == "ketameta" else theirs)(TASKS[what])))
    else:
        named = [argument for argument in sys.argv[1:] if argument in TASKS]
        main(named or (QUICK if "--quick" in sys.argv else list(TASKS)))
