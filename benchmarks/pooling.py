"""Random-effects fits by REML: processor time, peak memory and distance from the maximum, beside others.

python benchmarks/pooling.py [--quick] [task ...]

Every pair of a program and a task runs in a process of its own on one core, so that its peak memory can be
told; seconds are of the processor, which a busy machine disturbs least. Programs that fit one sample at a time
are timed on as many samples as they manage in a few seconds, and the time is scaled to the whole task (marked
~). What is not installed is skipped and named. MB: peak memory beyond that of making the data. The last column:
largest distance in tau2 from the estimates of ketameta, in the first samples of the task.
"""

from __future__ import annotations

import importlib.util
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ketameta._typing import Array, BoolArray
from ketameta.models.kernel import fit

Samples = tuple[Array, Array, Array | None, BoolArray | None]
"""Effects, variances, design and mask; leading axes broadcast to the batch."""

PATIENCE, LIMIT = 5.0, 200.0
"""Seconds of looping over samples; seconds after which a program is stopped."""
ONE_CORE = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
COMPARED = 300
"""Estimates of tau2 that are compared."""
REPEATS, MOMENT = 5, 0.5
"""A batch is timed so often, and for so many seconds."""


def trials(k: int, sets: int | None = None, *, seed: int = 4) -> tuple[Array, Array]:
    """Effects and variances as of trials with 8 to 200 people, tau2 = 0.1."""
    rng = np.random.default_rng(seed)
    shape = (k,) if sets is None else (sets, k)
    v = rng.uniform(0.02, 0.5, shape)
    return rng.normal(-0.5, np.sqrt(v + 0.1)), v


def one(k: int) -> Samples:
    return (*trials(k), None, None)


def subsets(k: int) -> Samples:
    """All subsets of two and more of k studies."""
    masks = (np.arange(2**k)[:, None] >> np.arange(k)) & 1 == 1
    return (*trials(k), None, masks[masks.sum(axis=1) > 1])


def sets(n: int, k: int) -> Samples:
    return (*trials(k, n), None, None)


def permutations() -> Samples:
    """1,000 permutations of a moderator of 30 studies."""
    y, v = trials(30)
    rng = np.random.default_rng(2)
    moderator = rng.permuted(np.tile(rng.normal(size=30), (1000, 1)), axis=1)
    return y, v, np.stack([np.ones_like(moderator), moderator], axis=-1), None


def bootstraps() -> Samples:
    """1,000 bootstrap samples of 30 studies."""
    y, v = trials(30)
    rows = np.random.default_rng(3).integers(0, 30, (1000, 30))
    return y[rows], v[rows], None, None


TASKS: dict[str, Callable[[], Samples]] = {
    "one fit of 10": lambda: one(10),
    "one fit of 100": lambda: one(100),
    "one fit of 10,000": lambda: one(10_000),
    "one fit of 100,000": lambda: one(100_000),
    "all subsets of 15": lambda: subsets(15),
    "all subsets of 20": lambda: subsets(20),
    "100,000 sets of 20": lambda: sets(100_000, 20),
    "1,000 sets of 15": lambda: sets(1_000, 15),
    "1,000,000 sets of 15": lambda: sets(1_000_000, 15),
    "10,000,000 sets of 15": lambda: sets(10_000_000, 15),
    "1,000 permutations of 30": permutations,
    "1,000 bootstraps of 30": bootstraps,
}
QUICK = [name for name in TASKS if not name.endswith(("0,000", "of 20", "00,000 sets of 15"))]
HUGE = {"one fit of 100,000", "10,000,000 sets of 15"}
"""Tasks that only the engine is given: some others fail at a tenth of them, for time or memory."""


def each(samples: Samples) -> Iterator[tuple[Array, Array, Array | None]]:
    """Samples one by one, without the studies that do not count."""
    y, v, x, mask = samples
    size = count(samples)
    for i in range(size):
        rows = slice(None) if mask is None else mask[i]
        yield (
            (y[i] if y.ndim > 1 else y)[rows],
            (v[i] if v.ndim > 1 else v)[rows],
            None if x is None else (x[i] if x.ndim > 2 else x)[rows],
        )


def count(samples: Samples) -> int:
    y, _, x, mask = samples
    sizes = [y.shape[:-1], () if x is None else x.shape[:-2], () if mask is None else mask.shape[:-1]]
    return int(np.prod(np.broadcast_shapes(*sizes)))


@dataclass
class Timing:
    """Seconds for the whole task, samples that were fitted, and the first estimates of tau2."""

    seconds: float
    fitted: int
    tau2: list[float]


def batched(samples: Samples, call: Callable[[Samples], Array]) -> Timing:
    """Best of several calls on everything."""
    times: list[float] = []
    while (len(times) < REPEATS or sum(times) < MOMENT) and sum(times) < PATIENCE:
        start = time.process_time()
        tau2 = call(samples)
        times.append(time.process_time() - start)
    return Timing(min(times), count(samples), np.atleast_1d(tau2)[:COMPARED].tolist())


def looped(samples: Samples, call: Callable[[Array, Array, Array | None], float]) -> Timing:
    """One sample after the other; a single one again and again."""
    times, tau2 = [], []
    while sum(times) < PATIENCE and len(times) < 2000:
        done = 0
        for sample in each(samples):
            start = time.process_time()
            found = call(*sample)
            times.append(time.process_time() - start)
            tau2.append(found)
            done += 1
            if sum(times) > PATIENCE:
                break
        if count(samples) > 1:
            break
    best = min(times) if count(samples) == 1 else sum(times) / done * count(samples)
    return Timing(best, done, tau2[:COMPARED])


def ours(engine: str) -> Callable[[Samples], Timing]:
    def run(samples: Samples) -> Timing:
        fit([[0.1, 0.4, 0.3]], [[0.1, 0.2, 0.3]], engine=engine)

        def call(samples: Samples) -> Array:
            y, v, x, mask = samples
            return fit(y, v, x, mask=mask, weights=False, engine=engine).tau2

        return batched(samples, call)

    return run


def pool(samples: Samples) -> Timing:
    import ketameta as km

    return looped(samples, lambda y, v, x: km.pool(yi=y, vi=v).tau2)


def pymare(samples: Samples) -> Timing:
    from pymare.estimators import VarianceBasedLikelihoodEstimator as Estimator

    def call(samples: Samples) -> Array:
        y, v, _, _ = samples
        y, v = np.atleast_2d(y).T, np.atleast_2d(v).T
        return np.ravel(Estimator(method="REML").fit(y, v, np.ones((len(y), 1))).params_["tau2"])

    def single(y: Array, v: Array, x: Array | None) -> float:
        design = np.ones((y.size, 1)) if x is None else x
        found = Estimator(method="REML").fit(y[:, None], v[:, None], design)
        return float(np.ravel(found.params_["tau2"])[0])

    ragged = samples[2] is not None or samples[3] is not None
    return looped(samples, single) if ragged or count(samples) == 1 else batched(samples, call)


def pimeta(samples: Samples) -> Timing:
    import pimeta as package

    return looped(
        samples, lambda y, v, x: float(package.rma(y, v, mods=None if x is None else x[:, 1:]).tau2)
    )


def pymetaanalysis(samples: Samples) -> Timing:
    import meta_analyze as package

    def call(y: Array, v: Array, x: Array | None) -> float:
        names = list(range(y.size))
        if x is not None:
            return float(
                package.meta_regression(
                    effect=y, variance=v, moderators={"x": x[:, 1]}, study=names, tau2_method="REML"
                ).tau2
            )
        return float(
            package.meta_analysis(effect=y, variance=v, study=names, model="random", tau2_method="REML").tau2
        )

    return looped(samples, call)


def statsmodels(samples: Samples) -> Timing:
    """It has no REML: Paule-Mandel instead, and no moderators."""
    from statsmodels.stats.meta_analysis import combine_effects

    return looped(samples, lambda y, v, x: float(combine_effects(y, v, method_re="iterated").tau2))


METAFOR = """
suppressMessages(library(metafor))
d <- read.csv(commandArgs(TRUE)[1]); patience <- as.numeric(commandArgs(TRUE)[2]); single <- max(d$id) == 0
sets <- split(d, d$id); times <- c(); tau2 <- c()
repeat {
  for (s in sets) {
    t0 <- sum(proc.time()[1:2])
    reps <- if (single && nrow(s) < 1000) 20 else 1
    for (r in 1:reps) f <- suppressWarnings(try(
      if (is.null(s$x)) rma(yi, vi, data = s) else rma(yi, vi, mods = ~ x, data = s), silent = TRUE))
    times <- c(times, (sum(proc.time()[1:2]) - t0) / reps)
    tau2 <- c(tau2, if (inherits(f, "try-error")) NA else f$tau2)
    if (sum(times) > patience) break
  }
  if (!single || sum(times) * 20 > patience) break
}
cat(if (single) min(times) else mean(times), length(times), sprintf("%.17g", tau2))
"""


def metafor(samples: Samples) -> Timing:
    few = [sample for sample, _ in zip(each(samples), range(4000), strict=False)]
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "samples.csv", Path(folder) / "run.R"
        script.write_text(METAFOR)
        names = "id,yi,vi" + ("" if samples[2] is None else ",x")
        rows = [
            np.column_stack([np.full(y.size, i), y, v] + ([] if x is None else [x[:, 1]]))
            for i, (y, v, x) in enumerate(few)
        ]
        np.savetxt(table, np.concatenate(rows), delimiter=",", fmt="%.17g", header=names, comments="")
        out = subprocess.run(
            ["Rscript", script, table, str(PATIENCE)], capture_output=True, text=True, check=True
        ).stdout.split()
    tau2 = [float(text) if text != "NA" else float("nan") for text in out[2:]]
    return Timing(float(out[0]) * count(samples), int(out[1]), tau2[:COMPARED])


PROGRAMS: dict[str, tuple[str, Callable[[Samples], Timing]]] = {
    "ketameta, NumPy": ("ketameta", ours("numpy")),
    "ketameta, numba": ("numba", ours("numba")),
    "ketameta.pool": ("ketameta", pool),
    "metafor": ("Rscript", metafor),
    "PyMARE": ("pymare", pymare),
    "pimeta": ("pimeta", pimeta),
    "PyMetaAnalysis": ("meta_analyze", pymetaanalysis),
    "statsmodels (PM)": ("statsmodels", statsmodels),
}
WITHOUT_MODERATORS = {"ketameta.pool", "statsmodels (PM)"}
ENGINE = {"ketameta, NumPy", "ketameta, numba"}


def installed(needs: str) -> bool:
    if needs == "Rscript":
        if shutil.which("Rscript") is None:
            return False
        return subprocess.run(["Rscript", "-e", "library(metafor)"], capture_output=True).returncode == 0
    return importlib.util.find_spec(needs) is not None


def measure(program: str, task: str) -> None:
    """In a process of its own: print seconds, samples fitted, MB beyond the data, and agreement."""
    samples = TASKS[task]()
    who = resource.RUSAGE_CHILDREN if program == "metafor" else resource.RUSAGE_SELF
    before = 0 if program == "metafor" else resource.getrusage(who).ru_maxrss
    warnings.simplefilter("ignore")
    found = PROGRAMS[program][1](samples)
    peak = (resource.getrusage(who).ru_maxrss - before) / 1024
    y, v, x, mask = samples
    cut = slice(None, len(found.tau2))
    first = (
        y[cut] if y.ndim > 1 else y,
        v[cut] if v.ndim > 1 else v,
        None if x is None else x[cut],
    )
    best = fit(*first, mask=None if mask is None else mask[cut], engine="numpy").tau2
    off = np.abs(np.atleast_1d(best)[: len(found.tau2)] - found.tau2)
    print(json.dumps([found.seconds, found.fitted, count(samples), peak, float(np.nanmax(off))]))


def main(tasks: list[str]) -> None:
    print(
        f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, NumPy {np.__version__}"
    )
    present = {name: installed(needs) for name, (needs, _) in PROGRAMS.items()}
    absent = [name for name, there in present.items() if not there]
    print(f"not installed: {', '.join(absent) or 'nothing'}\n")
    for task in tasks:
        print(
            f"{task}\n  {'':17} {'seconds':>12} {'ratio':>9} {'MB':>7}  largest distance in tau2", flush=True
        )
        base = None
        for program in PROGRAMS:
            if not present[program] or (program in WITHOUT_MODERATORS and "permutations" in task):
                continue
            if task in HUGE and program not in ENGINE:
                continue
            command = [sys.executable, "-P", __file__, "--one", program, task]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=ONE_CORE)
            except subprocess.TimeoutExpired:
                print(f"  {program:17} stopped after {LIMIT:.0f} s", flush=True)
                continue
            if done.returncode:
                print(f"  {program:17} failed: {done.stderr.strip().splitlines()[-1][:90]}", flush=True)
                continue
            seconds, fitted, size, peak, off = json.loads(done.stdout)
            base = seconds if base is None else base
            scaled = "~" if fitted < size else " "
            print(
                f"  {program:17} {scaled}{seconds:11.5f} {seconds / base:9.3g} {peak:7.0f}  {off:.0e}",
                flush=True,
            )
        print(flush=True)


if __name__ == "__main__":
    if "--one" in sys.argv:
        measure(*sys.argv[-2:])
    else:
        named = [argument for argument in sys.argv[1:] if argument in TASKS]
        main(named or (QUICK if "--quick" in sys.argv else list(TASKS)))
