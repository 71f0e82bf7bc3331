from __future__ import annotations

import warnings
from collections.abc import Iterator
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt

import ketameta as km
from ketameta.curves import DurabilityCurve
from ketameta.errors import KetametaWarning
from ketameta.models import Pooled, Subgroups


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(autouse=True)
def untouched_settings() -> Iterator[None]:
    settings, filters, errors = dict(matplotlib.rcParams), list(warnings.filters), np.geterr()
    yield
    assert dict(matplotlib.rcParams) == settings
    assert list(warnings.filters) == filters
    assert np.geterr() == errors


def arms(k: int, seed: int = 1) -> pd.DataFrame:
    """Effects of k trials with arm statistics, as effect_sizes() gives them."""
    rng = np.random.default_rng(seed)
    n_t, n_c = rng.integers(8, 120, k), rng.integers(8, 120, k)
    sd_t, sd_c, mean_c = rng.uniform(6, 13, k), rng.uniform(6, 13, k), rng.uniform(18, 26, k)
    yi = rng.normal(-0.6, 0.3, k)
    return pd.DataFrame(
        {
            "label": [f"Author{i + 1} {2000 + i}" for i in range(k)],
            "yi": yi,
            "vi": 1 / n_t + 1 / n_c + yi**2 / (2 * (n_t + n_c)),
            "measure": "SMD",
            "outcome": "depression",
            "higher_is_worse": True,
            "comparator": "midazolam",
            "comparator_class": [("inactive", "psychoactive")[i % 2] for i in range(k)],
            "n_t": n_t,
            "mean_t": mean_c + yi * sd_c,
            "sd_t": sd_t,
            "n_c": n_c,
            "mean_c": mean_c,
            "sd_c": sd_c,
            "imputed": "",
            "reason": "",
            "source_kind": "registry",
        }
    )


def counts(k: int, outcome: str = "response", seed: int = 2) -> pd.DataFrame:
    """Log odds ratios of k trials with counts."""
    rng = np.random.default_rng(seed)
    total_t, total_c = rng.integers(20, 150, k), rng.integers(20, 150, k)
    events_t, events_c = rng.binomial(total_t, 0.5), rng.binomial(total_c, 0.25)
    a, b, c, d = (x + 0.5 for x in (events_t, total_t - events_t, events_c, total_c - events_c))
    return pd.DataFrame(
        {
            "label": [f"Author{i + 1} {2010 + i}" for i in range(k)],
            "yi": np.log(a * d / (b * c)),
            "vi": 1 / a + 1 / b + 1 / c + 1 / d,
            "measure": "OR",
            "outcome": outcome,
            "events_t": events_t,
            "total_t": total_t,
            "events_c": events_c,
            "total_c": total_c,
        }
    )


def pooled(rows: pd.DataFrame) -> Pooled:
    """Pool rows; warnings of the model are not the concern of a figure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        return km.pool(rows)


def grouped(rows: pd.DataFrame, by: str) -> Subgroups:
    """Pool rows by a column, without the model's warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KetametaWarning)
        return km.subgroups(rows, by)


def over_time(
    times: tuple[float, ...] = (4, 24, 168, 336), *, k: int = 6, measure: str = "SMD"
) -> pd.DataFrame:
    """Effects of k trials along time: every trial at two neighbouring times or more."""
    rng = np.random.default_rng(3)
    rows = []
    for trial in range(k):
        start = trial % (len(times) - 1)
        for hours in times[start : start + 2 + trial % 2]:
            effect = -0.9 * np.exp(-hours / 250) + 0.1 * rng.normal()
            rows.append(
                {
                    "cohort_id": f"trial{trial}",
                    "time_hours": float(hours),
                    "yi": effect if measure == "SMD" else -1.5 * effect,
                    "vi": float(rng.uniform(0.02, 0.2)),
                    "n_t": 20.0 + trial,
                    "n_c": 20.0,
                    "measure": measure,
                    "outcome": "depression" if measure == "SMD" else "response",
                    "higher_is_worse": measure == "SMD",
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def curve() -> DurabilityCurve:
    return km.durability(over_time())


@pytest.fixture(scope="session")
def gappy() -> DurabilityCurve:
    return km.durability(over_time((2, 24, 336, 672)))


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Builders, for tests that need data of their own."""
    return SimpleNamespace(arms=arms, counts=counts, pooled=pooled, grouped=grouped, over_time=over_time)
