"""Random-effects fits per second: one batched call beside statsmodels in a loop, in one run.

python benchmarks/pooling.py [number of samples]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from statsmodels.stats.meta_analysis import combine_effects

import ketameta as km
from ketameta._typing import Array
from ketameta.models.kernel import fit

ROUNDS, STUDIES, LOOPED = 3, 15, 300


def seconds(call: Callable[[], Any]) -> float:
    """Shortest of several timings."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def beside_statsmodels(y: Array, v: Array, ours: str, theirs: str) -> None:
    """One batched call on all samples, and statsmodels in a loop over the first of them."""
    few = range(min(LOOPED, len(y)))
    batched = seconds(lambda: fit(y, v, tau2=ours)) / len(y)
    with np.errstate(invalid="ignore"):
        looped = seconds(lambda: [combine_effects(y[i], v[i], method_re=theirs) for i in few]) / len(few)
        other = [max(0.0, combine_effects(y[i], v[i], method_re=theirs).tau2) for i in few]
    difference = np.abs(fit(y[: len(few)], v[: len(few)], tau2=ours).tau2 - other).max()
    print(
        f"{ours}: {1 / batched:,.0f} fits a second, {looped / batched:,.0f} times statsmodels in a loop; "
        f"largest difference in tau2 {difference:.1e}"
    )


def main(samples: int) -> None:
    rng = np.random.default_rng(1)
    v = rng.uniform(0.02, 0.5, (samples, STUDIES))
    y = rng.normal(-0.5, np.sqrt(v + 0.1))
    print(f"{samples} samples of {STUDIES} studies; loops over the first {min(LOOPED, samples)}")
    beside_statsmodels(y, v, "DL", "dl")
    beside_statsmodels(y, v, "PM", "iterated")
    few = range(min(LOOPED, samples))
    reml = seconds(lambda: fit(y, v, tau2="REML")) / samples
    pools = seconds(lambda: [km.pool(yi=y[i], vi=v[i]) for i in few]) / len(few)
    print(f"REML: {1 / reml:,.0f} fits a second batched; pool(), every interval: {1 / pools:,.0f} a second")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
