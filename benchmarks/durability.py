"""A curve over time with everything read off it, and its parametric bootstrap: seconds, memory, and beside metafor.

python benchmarks/durability.py [--quick]

Trials at five times with correlated sampling errors. Every line is a process of its own on one core, so that its
peak memory can be told; seconds are of the processor, which a busy machine disturbs least. rma.mv is given the
same design (the spline's basis), the same V and the same two random effects; its loop of refits is stopped after
some seconds and scaled (~). Where R has no metafor its lines are left out. --quick leaves out what takes minutes.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ketameta as km
from ketameta.curves.bootstrap import bootstrap
from ketameta.curves.inputs import TrialTimes, read_rows
from ketameta.curves.model import fit_curve
from ketameta.curves.spec import CurveSpec, check_spec
from ketameta.effects import time_correlation

HOURS = np.array([4.0, 24.0, 72.0, 168.0, 336.0])
SIZES = (60, 120, 300, 600)
RHO, TAU2, OMEGA2, DRAWS = 0.6, 0.05, 0.01, 1000
REPEATS, PATIENCE, LIMIT = 3, 20.0, 400.0
"""A fit is timed so often; seconds of looping in R; seconds after which a process is stopped."""
ONE_CORE = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
METAFOR = """
suppressMessages(library(metafor))
given <- commandArgs(TRUE); patience <- as.numeric(given[2]); sparse <- given[1] == "sparse"
d <- read.csv("effects.csv"); X <- as.matrix(read.csv("x.csv", header = FALSE))
v <- as.matrix(read.csv("v.csv", header = FALSE))
model <- function(y) rma.mv(y, V, mods = X, intercept = FALSE, random = list(~ 1 | trial, ~ 1 | effect), data = d,
                            sparse = sparse)
V <- if (sparse) Matrix::Matrix(v, sparse = TRUE) else v
cpu <- function() sum(proc.time()[1:2])
t0 <- cpu(); fit <- model(d$yi); one <- cpu() - t0
draws <- 0; total <- 0
if (patience > 0) {
  set.seed(1); y <- simulate(fit, nsim = 1000)
  while (total < patience && draws < 1000) {
    t0 <- cpu(); try(model(y[[draws + 1]]), silent = TRUE); total <- total + cpu() - t0; draws <- draws + 1
  }
}
cat(one, total / max(draws, 1), draws, sprintf("%.12g", c(logLik(fit), fit$sigma2)))
"""


def trials(k: int, *, seed: int = 1) -> pd.DataFrame:
    """Effects of k trials, decaying with a half-life of five days."""
    rng = np.random.default_rng(seed)
    v = 4 / np.exp(rng.uniform(np.log(20), np.log(200), (k, 1)))
    root = np.linalg.cholesky(time_correlation(HOURS, rho=RHO))
    y = -0.9 * 2 ** (-(HOURS - HOURS[0]) / 120) + np.sqrt(TAU2) * rng.standard_normal((k, 1))
    y = y + np.sqrt(OMEGA2) * rng.standard_normal(y.shape)
    y = y + np.sqrt(v) * rng.standard_normal(y.shape) @ root.T
    return pd.DataFrame(
        {
            "cohort_id": np.repeat([f"trial {i:04d}" for i in range(k)], HOURS.size),
            "time_hours": np.tile(HOURS, k),
            "yi": y.ravel(),
            "vi": np.repeat(v, HOURS.size),
        }
    )


def ours(task: str, curve: str, k: int) -> dict[str, Any]:
    """Seconds, peak MB beyond the data and log-likelihood of one task."""
    table, spec = trials(k), check_spec(curve)
    data = read_rows(table)[0]
    calls: dict[str, Callable[[], Any]] = {
        "durability": lambda: km.durability(table, curve=curve).loglik,
        "fit": lambda: fit_curve(data, spec).loglik,
        "bootstrap": lambda: _bootstrapped(data, spec),
    }
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    km.durability(trials(6), curve=curve)
    times = []
    for _ in range(1 if task == "bootstrap" else REPEATS):
        start = time.process_time()
        found = calls[task]()
        times.append(time.process_time() - start)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"seconds": min(times), "peak": peak, "loglik": found, "all": True}


def _bootstrapped(data: TrialTimes, spec: CurveSpec) -> float:
    """A fit and its bootstrap draws."""
    fit = fit_curve(data, spec)
    bootstrap(data, spec, fit, draws=DRAWS)
    return fit.loglik


def metafor(task: str, how: str, k: int) -> dict[str, Any]:
    """The same model by rma.mv, once or refitted in a loop."""
    data = read_rows(trials(k))[0]
    spec = check_spec("spline")
    fit = fit_curve(data, spec)
    v = np.zeros((data.yi.size, data.yi.size))
    for i, one in enumerate(data.covariances(rho=spec.rho, correlation=spec.options.correlation)):
        v[np.ix_(data.trial == i, data.trial == i)] = one
    effects = pd.DataFrame({"trial": data.trial, "effect": np.arange(data.yi.size), "yi": data.yi})
    with tempfile.TemporaryDirectory() as folder:
        effects.to_csv(Path(folder) / "effects.csv", index=False)
        for name, values in (("x", fit.shape.gradient(fit.beta, data.hours)), ("v", v)):
            np.savetxt(Path(folder) / f"{name}.csv", values, delimiter=",", fmt="%.17g")
        (Path(folder) / "fit.R").write_text(METAFOR, encoding="utf-8")
        command = ["Rscript", "fit.R", how, str(PATIENCE if task == "bootstrap" else 0)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    one, each, draws, loglik, tau2, omega2 = (float(text) for text in done.stdout.split())
    return {
        "seconds": one if task == "fit" else one + DRAWS * each,
        "peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "loglik": loglik,
        "all": task == "fit" or draws >= DRAWS,
        "apart": max(abs(tau2 - fit.tau2), abs(omega2 - fit.omega2)),
    }


PROGRAMS = {"ketameta": ours, "metafor": metafor}


def has_metafor() -> bool:
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(metafor)"], capture_output=True).returncode == 0


def lines(*, quick: bool, peers: bool) -> list[tuple[str, str, str, str, int]]:
    """Name, program, task, curve (or kind of matrix) and number of trials of every line."""
    found = [("durability, spline", "ketameta", "durability", "spline", SIZES[0])]
    found += [("fit, spline", "ketameta", "fit", "spline", SIZES[0])]
    if peers:
        found += [(f"fit by rma.mv, {how}", "metafor", "fit", how, SIZES[0]) for how in ("full", "sparse")]
    found += [(f"fit and {DRAWS} draws, spline", "ketameta", "bootstrap", "spline", SIZES[0])]
    if peers and not quick:
        found += [(f"fit and {DRAWS} refits by rma.mv", "metafor", "bootstrap", "sparse", SIZES[0])]
    for curve in ("exponential", "bateman"):
        found += [(f"durability, {curve}", "ketameta", "durability", curve, SIZES[0])]
        found += [(f"fit and {DRAWS} draws, {curve}", "ketameta", "bootstrap", curve, SIZES[0])]
    found += [("fit, spline", "ketameta", "fit", "spline", k) for k in SIZES[1:]]
    found += [("durability, spline", "ketameta", "durability", "spline", k) for k in SIZES[1:]]
    if peers and not quick:
        found += [("fit by rma.mv, sparse", "metafor", "fit", "sparse", k) for k in SIZES[1:]]
    return found


def main(*, quick: bool) -> None:
    print(
        f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, NumPy {np.__version__}"
    )
    peers = has_metafor()
    if not peers:
        print("R has no metafor: its lines are left out")
    print(
        "| task | trials | seconds | ms per trial | peak MB | log-likelihood |\n|---|---:|---:|---:|---:|---:|"
    )
    for name, program, task, curve, k in lines(quick=quick, peers=peers):
        command = [sys.executable, "-P", __file__, "--one", program, task, curve, str(k)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=ONE_CORE)
        except subprocess.TimeoutExpired:
            print(f"| {name} | {k} | > {LIMIT:.0f} | – | – | – |", flush=True)
            continue
        if done.returncode:
            print(f"| {name} | {k} | failed: {done.stderr.strip().splitlines()[-1][:80]} |", flush=True)
            continue
        found = json.loads(done.stdout)
        scaled = "" if found["all"] else "~ "
        apart = f" (variances {found['apart']:.0e} apart)" if "apart" in found else ""
        print(
            f"| {name} | {k} | {scaled}{found['seconds']:.3g} | {1e3 * found['seconds'] / k:.2g} | "
            f"{found['peak']:.0f} | {found['loglik']:.5f}{apart} |",
            flush=True,
        )


if __name__ == "__main__":
    if "--one" in sys.argv:
        one, task, curve, k = sys.argv[-4:]
        print(json.dumps(PROGRAMS[one](task, curve, int(k))))
    else:
        main(quick="--quick" in sys.argv)
