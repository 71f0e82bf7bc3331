"""Bias of each effect and truth of its variance, by simulation of participants.

Run in this directory: ``python effects_simulation.py``. Writes effects_simulation.csv.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ketameta import effects
from ketameta.effects._hedges import hedges_correction

REPLICATIONS = 20_000
SIZES = (10, 40)
CORRELATIONS = (0.0, 0.5, 0.9)
DIFFERENCES = (0.0, 0.8, 1.5)


def simulate(seed: int, replications: int = REPLICATIONS) -> pd.DataFrame:
    """One row for each function and setting: truth, bias, variance of yi, mean of vi, coverage."""
    rng = np.random.default_rng(seed)
    rows = [
        row for n in SIZES for row in (*_independent(rng, n, replications), *_counts(rng, n, replications))
    ]
    for n in SIZES:
        for r in CORRELATIONS:
            for delta in DIFFERENCES:
                rows += _paired(rng, n, r, delta, replications)
            rows += _paired_unequal(rng, n, r, 0.8, 1.5, replications)
    return pd.DataFrame(rows)


def _row(function, setting, n, r, truth, yi, vi):
    variance = yi.var(ddof=1)
    return {
        "function": function,
        "setting": setting,
        "n": n,
        "r": r,
        "truth": truth,
        "bias": yi.mean() - truth,
        "bias_se": np.sqrt(variance / yi.size),
        "var_yi": variance,
        "mean_vi": vi.mean(),
        "ratio": vi.mean() / variance,
        "coverage": (np.abs(yi - truth) <= 1.959964 * np.sqrt(vi)).mean(),
    }


def _summary(values):
    return values.mean(axis=1), values.std(axis=1, ddof=1), values.shape[1]


def _independent(rng, n, replications):
    nan = np.nan
    for delta in DIFFERENCES:
        first = _summary(rng.normal(delta, 1, (replications, n)))
        second = _summary(rng.normal(0, 1, (replications, n)))
        setting = f"difference {delta:g} SD"
        for name, effect in {
            "smd": effects.smd(*first, *second),
            "smd UB": effects.smd(*first, *second, variance="UB"),
            "smdh": effects.smdh(*first, *second),
            "glass": effects.glass(*first, *second),
        }.items():
            yield _row(name, setting, n, nan, delta, effect.yi, effect.vi)
    first = _summary(rng.normal(0.8, 2, (replications, n)))
    second = _summary(rng.normal(0, 1, (replications, n)))
    for name, effect, truth in (
        ("smd", effects.smd(*first, *second), 0.8 / np.sqrt(2.5)),
        ("smdh", effects.smdh(*first, *second), 0.8 / np.sqrt(2.5)),
        ("glass", effects.glass(*first, *second), 0.8),
    ):
        yield _row(name, "SDs 2 and 1", n, nan, truth, effect.yi, effect.vi)
    ratio = effects.rom(
        *_summary(rng.normal(20, 6, (replications, n))), *_summary(rng.normal(25, 6, (replications, n)))
    )
    yield _row("rom", "means 20 and 25, SD 6", n, nan, np.log(20 / 25), ratio.yi, ratio.vi)


def _counts(rng, n, replications):
    for one, two in ((0.5, 0.25), (0.2, 0.1)):
        effect = effects.log_or(rng.binomial(n, one, replications), n, rng.binomial(n, two, replications), n)
        truth = np.log(one / (1 - one)) - np.log(two / (1 - two))
        yield _row("log_or", f"risks {one:g} and {two:g}", n, np.nan, truth, effect.yi, effect.vi)


def _paired(rng, n, r, delta, replications):
    """Two conditions of SD 1; the correlation is known to the analyst, as an assumed one would be."""
    base = rng.standard_normal((replications, n))
    other = delta + r * base + np.sqrt(1 - r**2) * rng.standard_normal((replications, n))
    (m1, sd1, _), (m2, sd2, _) = _summary(other), _summary(base)
    setting = f"difference {delta:g} SD"
    args = (m1, sd1, m2, sd2, n, r)
    handbook, pooled = effects.paired_smd(*args), effects.smcrp(*args)
    yield _row("paired_smd", setting, n, r, delta, handbook.yi, handbook.vi)
    yield _row("smcrp", setting, n, r, delta, pooled.yi, pooled.vi)
    df = 2 * (n - 1) / (1 + r**2)
    inflation = 1 - (df - 2) / (df * hedges_correction(np.array(df)) ** 2)
    yield _row("smcrp UB", setting, n, r, delta, pooled.yi, 2 * (1 - r) / n + inflation * pooled.yi**2)
    changed = effects.smcr(*args)
    yield _row("smcr", setting, n, r, delta, changed.yi, changed.vi)
    sampled = (_centred(other) * _centred(base)).sum(axis=1) / ((n - 1) * sd1 * sd2)
    within = effects.smcc(m1, sd1, m2, sd2, n, sampled)
    yield _row("smcc", setting, n, r, delta / np.sqrt(2 - 2 * r), within.yi, within.vi)
    moved = effects.to_between_persons(within.yi, within.vi, r)
    yield _row("to_between_persons", setting, n, r, delta, moved.yi, moved.vi)
    difference = effects.paired_md(m1, sd1, m2, sd2, n, sampled)
    yield _row("paired_md", setting, n, r, delta, difference.yi, difference.vi)


def _paired_unequal(rng, n, r, delta, ratio, replications):
    """SDs of ``ratio`` and 1; delta in units of the root of the average variance."""
    base = rng.standard_normal((replications, n))
    other = r * base + np.sqrt(1 - r**2) * rng.standard_normal((replications, n))
    other = ratio * other + delta * np.sqrt((ratio**2 + 1) / 2)
    (m1, sd1, _), (m2, sd2, _) = _summary(other), _summary(base)
    setting = f"difference {delta:g} SD, SDs {ratio:g} and 1"
    args = (m1, sd1, m2, sd2, n, r)
    handbook, pooled = effects.paired_smd(*args), effects.smcrp(*args)
    yield _row("paired_smd", setting, n, r, delta, handbook.yi, handbook.vi)
    yield _row("smcrp", setting, n, r, delta, pooled.yi, pooled.vi)
    average = (sd1**2 + sd2**2) / 2
    means = (sd1**2 + sd2**2 - 2 * r * sd1 * sd2) / (n * average)
    spread = (sd1**4 + sd2**4 + 2 * r**2 * sd1**2 * sd2**2) / (8 * n * average**2)
    yield _row("smcrp, SDs apart", setting, n, r, delta, pooled.yi, means + pooled.yi**2 * spread)


def _centred(values):
    return values - values.mean(axis=1, keepdims=True)


if __name__ == "__main__":
    simulate(20240611).round(6).to_csv(Path(__file__).with_suffix(".csv"), index=False)
