"""Trials with several effects each, models fitted to them, and V as blocks."""

import numpy as np
import pandas as pd

import ketameta as km


def longitudinal(k, m=4, seed=1, kept=0.85):
    """k trials with up to m times, correlated sampling errors and effects; its V as blocks."""
    rng = np.random.default_rng(seed)
    time = np.array([1.0, 2.0, 7.0, 14.0, 28.0, 42.0])[:m]
    apart = np.abs(time[:, None] - time)
    rows, blocks = [], []
    for trial in range(k):
        use = rng.random(m) < kept
        use[rng.integers(m)] = True
        sd = rng.uniform(0.15, 0.4, use.sum())
        v = 0.6 ** (apart[np.ix_(use, use)] / 7) * np.outer(sd, sd)
        g = 0.15 * 0.95 ** apart[np.ix_(use, use)]
        y = rng.multivariate_normal(-0.5 + 0.01 * time[use], v + g)
        blocks.append(v)
        rows += [
            {
                "trial": f"t{trial}",
                "time": t,
                "es": f"t{trial}-{t:g}",
                "site": f"s{trial % 3}",
                "yi": a,
                "vi": b,
            }
            for t, a, b in zip(time[use], y, np.diag(v), strict=True)
        ]
    return pd.DataFrame(rows), blocks


TABLE, BLOCKS = longitudinal(14)
SMALL = pd.DataFrame(
    {
        "study_id": list("aabbccdd"),
        "es": range(8),
        "time": [1, 2] * 4,
        "yi": [0.1, 0.2, 0.5, 0.6, -0.1, 0.3, 0.2, 0.9],
        "vi": [0.1, 0.05, 0.1, 0.1, 0.2, 0.1, 0.05, 0.1],
    }
)


def fit(**choices):
    return km.multilevel(TABLE, V=BLOCKS, **({"random": "time | trial"} | choices))
