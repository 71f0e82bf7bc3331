"""The durability curves that users see, pinned: a change needs its reason in CHANGELOG.md."""

from pathlib import Path

import pandas as pd
import pytest

from ketameta.evidence import load_trials
from ketameta.reporting.analysis import run_curves

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
FIELDS = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")


def test_curves_are_the_pinned_ones() -> None:
    """Written by tests/reference/headline_curves.py; the fits themselves are held against metafor in tests/curves."""
    pinned = pd.read_csv(REFERENCE / "headline_curves.csv")
    found = {
        (result.key, curve.curve): curve
        for result in run_curves(load_trials(), lambda _: None)
        for curve in result.curves
    }
    assert set(zip(pinned["key"], pinned["curve"], strict=True)) == set(found)
    for (key, shape), rows in pinned.groupby(["key", "curve"]):
        at = found[key, shape].at(hours=rows["time_hours"].tolist())
        for field in FIELDS:
            assert at[field].to_numpy() == pytest.approx(rows[field].to_numpy(), rel=1e-5, abs=1e-7), (
                key,
                shape,
            )
