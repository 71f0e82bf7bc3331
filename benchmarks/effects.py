"""Speed of a million standardised mean differences, beside statsmodels, in one run.

python benchmarks/effects.py [number of trials]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.meta_analysis import effectsize_smd

import ketameta as km
from ketameta import effects
from ketameta.effects import smd

ROUNDS = 5


def seconds(call: Callable[[], Any]) -> float:
    """Shortest of several timings."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main(trials: int) -> None:
    rng = np.random.default_rng(1)
    m1, m2 = rng.normal(15, 5, (2, trials))
    sd1, sd2 = rng.uniform(4, 12, (2, trials))
    n1, n2 = rng.integers(5, 300, (2, trials)).astype(float)
    ours = seconds(lambda: smd(m1, sd1, n1, m2, sd2, n2))
    theirs = seconds(lambda: effectsize_smd(m1, sd1, n1, m2, sd2, n2))
    difference = np.abs(
        smd(m1, sd1, n1, m2, sd2, n2).yi / effectsize_smd(m1, sd1, n1, m2, sd2, n2)[0] - 1
    ).max()
    print(f"{trials:,} SMDs, best of {ROUNDS}")
    print(f"  ketameta.effects.smd        {ours:8.4f} s   exact correction, every argument checked")
    print(f"  statsmodels effectsize_smd  {theirs:8.4f} s   approximate correction, no checks")
    print(f"  ratio ketameta / statsmodels {ours / theirs:.2f}; largest relative difference {difference:.1e}")
    for rows in (1_000, 10_000, 100_000):
        table = pd.DataFrame(
            {"n_t": n1, "mean_t": m1, "sd_t": sd1, "n_c": n2, "mean_c": m2, "sd_c": sd2}
        ).head(rows)
        if len(table) == rows:
            print(
                f"  effect_sizes of {rows:>7,} rows     {seconds(lambda t=table: km.effect_sizes(t)):8.4f} s"
            )
    times = effects.covariance(_time_course(2_000))
    taken = seconds(lambda: effects.covariance(_time_course(2_000)))
    print(f"  covariance of {len(times.blocks):,} trials at 6 times {taken:8.4f} s")


def _time_course(trials: int) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    hours = np.tile([4.0, 24.0, 72.0, 168.0, 336.0, 672.0], trials)
    rows = pd.DataFrame({"study_id": np.repeat([f"s{i}" for i in range(trials)], 6), "time_hours": hours})
    rows[["n_t", "n_c", "sd_t", "sd_c", "mean_c"]] = 30.0, 30.0, 9.0, 9.0, 0.0
    rows["mean_t"] = rng.normal(-4, 3, len(rows))
    return km.effect_sizes(rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
