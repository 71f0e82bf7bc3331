from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

DATA = Path(__file__).parent / "data"
REFERENCE = Path(__file__).parents[1] / "reference" / "durability.csv"


def read_set(name: str) -> pd.DataFrame:
    if name == "example":
        return pd.DataFrame(
            {
                "cohort_id": ["a", "a", "a", "b", "b", "c", "c", "d", "d", "d"],
                "time_hours": [4, 24, 168, 24, 72, 24, 168, 4, 72, 168],
                "yi": [-0.9, -0.8, -0.3, -0.6, -0.5, -1.0, -0.4, -0.7, -0.6, -0.2],
                "vi": [0.08, 0.08, 0.09, 0.05, 0.05, 0.12, 0.11, 0.10, 0.09, 0.10],
            }
        )
    table = pd.read_csv(DATA / f"{name}.csv")
    if name == "sypres_psilodep":
        table["time_hours"] = table["time_days"] * 24
        table["vi"] = table["sei"] ** 2
        table["measure"] = "SMD"
    return table


@pytest.fixture(scope="session")
def data_set():
    return read_set


@pytest.fixture(scope="session")
def reference() -> dict[str, dict[str, float]]:
    table = pd.read_csv(REFERENCE)
    return {
        str(case): dict(zip(rows["quantity"], rows["value"], strict=True))
        for case, rows in table.groupby("case")
    }


@pytest.fixture(scope="session")
def simulate():
    """Trials of a known curve, with trial and within-trial heterogeneity and correlated sampling errors."""

    def make(rng, curve, *, trials, hours, tau=0.0, omega=0.0, n=40, rho=0.6) -> pd.DataFrame:
        rows = []
        for i in range(trials):
            count = int(rng.integers(3, len(hours) + 1))
            t = np.sort(rng.choice(hours, count, replace=False)).astype(float)
            v = np.full(count, 2 / n)
            r = rho ** (np.abs(np.subtract.outer(np.log(t), np.log(t))) / np.log(7))
            error = np.linalg.cholesky(r * np.sqrt(np.outer(v, v))) @ rng.standard_normal(count)
            y = curve(t) + tau * rng.standard_normal() + omega * rng.standard_normal(count) + error
            rows += [(f"trial {i}", *cells) for cells in zip(t, y, v, strict=True)]
        return pd.DataFrame(rows, columns=["cohort_id", "time_hours", "yi", "vi"])

    return make
