"""Bias and coverage of shares responding over time, by simulation with correlated responses of the same people.

python benchmarks/responding_recovery.py [--sets 150]

Each set holds 8 trials of 8 to 39 people an arm at the first 2 to 5 of 24, 72, 168, 336 and 672 h. Logits of both arms are
straight lines in log time, shifted by trial and arm; a person responds where a normal variable, correlated over
time, lies low enough. Rows are read at 24 and 168 h; rho is taken as 0.55, which is near the phi coefficient of these responses.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri

from ketameta.curves import responding
from ketameta.errors import ModelError

HOURS = np.array([24.0, 72.0, 168.0, 336.0, 672.0])
READ = np.array([24.0, 168.0])
LEVELS = np.array([0.0, -1.8])
SLOPES = np.array([-0.2, 0.0])
SD = np.array([0.6, 0.5])
LATENT = 0.8
RHO = 0.55
TRIALS = 8


def lines(hours: np.ndarray) -> np.ndarray:
    """Logits of the typical trial, ketamine first, shape (m, 2)."""
    return LEVELS + SLOPES * np.log(hours / 24)[:, None]


def trials(rng: np.random.Generator) -> pd.DataFrame:
    """One set of trials."""
    rows = []
    for trial in range(TRIALS):
        hours = HOURS[: rng.integers(2, HOURS.size + 1)]
        apart = np.abs(np.subtract.outer(np.log(hours), np.log(hours))) / np.log(7)
        root = np.linalg.cholesky(LATENT**apart)
        shares = expit(lines(hours) + SD * rng.standard_normal(2))
        counts = []
        for arm in range(2):
            size = int(rng.integers(8, 40))
            normal = rng.standard_normal((size, hours.size)) @ root.T
            counts += [(normal < ndtri(shares[:, arm])).sum(axis=0), np.full(hours.size, size)]
        rows.append(pd.DataFrame([np.full(hours.size, f"t{trial}"), hours, *counts]).T)
    names = ["study_id", "time_hours", "events_t", "total_t", "events_c", "total_c"]
    return pd.concat(rows, ignore_index=True).set_axis(names, axis=1)


def simulate(sets: int, seed: int = 20260921) -> tuple[pd.DataFrame, int]:
    """Bias and coverage of each quantity, over times and sets, and the number of sets refused."""
    rng = np.random.default_rng(seed)
    truth = lines(READ)
    share = expit(truth)
    new = truth + SD * rng.standard_normal((sets, READ.size, 2))
    known = {
        "response_t": share[:, 0],
        "response_c": share[:, 1],
        "rd": share[:, 0] - share[:, 1],
        "rr": share[:, 0] / share[:, 1],
        "or": np.exp(truth[:, 0] - truth[:, 1]),
    }
    found, refused = [], 0
    for row in range(sets):
        try:
            table = responding(trials(rng), knots=(HOURS[0], HOURS[-1]), rho=RHO).at(hours=READ)
        except ModelError:
            refused += 1
            continue
        for name, value in known.items():
            head, _, arm = name.partition("_")
            low, high = (f"ci_low_{arm}", f"ci_high_{arm}") if arm else (f"{head}_ci_low", f"{head}_ci_high")
            moved = logit(table[name]) - logit(value) if arm else np.full(READ.size, np.nan)
            found.append(
                (name, float(np.mean(moved)), float(table[low].le(value).mul(table[high].ge(value)).mean()))
            )
        for arm, column in (("t", 0), ("c", 1)):
            value = expit(new[row, :, column])
            held = table[f"pi_low_{arm}"].le(value).mul(table[f"pi_high_{arm}"].ge(value))
            found.append((f"new trial, {arm}", np.nan, float(held.mean())))
    table = pd.DataFrame(found, columns=["quantity", "shift_of_logit", "coverage"])
    return table.groupby("quantity", sort=False).mean(), refused


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=int, default=150)
    sets = parser.parse_args().sets
    table, refused = simulate(sets)
    print(f"{sets} sets of {TRIALS} trials, {refused} refused; at {READ[0]:g} and {READ[1]:g} h together")
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
