"""The pools that users see: pinned, and the same by metafor (``tests/reference/headline.R``)."""

from pathlib import Path

import pandas as pd
import pytest

from ketameta.evidence import load_trials
from ketameta.reporting.analysis import run_windows

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
FIELDS = ("estimate", "se", "ci_low", "ci_high", "p", "tau2", "i2", "pi_low", "pi_high")


@pytest.fixture(scope="module")
def pools():
    return {result.key: result.fit for result in run_windows(load_trials(), lambda _: None) if result.is_pool}


def test_effects_that_enter_are_the_pinned_ones(pools):
    pinned = pd.read_csv(REFERENCE / "headline_inputs.csv")
    assert list(pinned["key"].drop_duplicates()) == list(pools)
    for key, rows in pinned.groupby("key"):
        assert rows["label"].tolist() == pools[key].rows["label"].tolist(), key
        assert pools[key].yi == pytest.approx(rows["yi"].to_numpy(), rel=1e-12, abs=1e-14), key
        assert pools[key].vi == pytest.approx(rows["vi"].to_numpy(), rel=1e-12), key


def test_every_pool_agrees_with_metafor(pools):
    reference = pd.read_csv(REFERENCE / "headline.csv").set_index("key")
    assert set(reference.index) == set(pools)
    for key, fit in pools.items():
        assert fit.k == reference.loc[key, "k"]
        for field in FIELDS:
            expected = reference.loc[key, field]
            assert getattr(fit, field) == pytest.approx(expected, rel=1e-8, abs=1e-9), (key, field)
