"""Every row of the packaged data that a headline result rests on was read a second time."""

from __future__ import annotations

import pandas as pd
import pytest

from ketameta.evidence import load_trials
from ketameta.reporting.analysis import analyse_curve, analyse_window
from ketameta.reporting.questions import ANALYSES, CURVES, WINDOWS


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return load_trials()


def unread(trials: pd.DataFrame, rows: pd.DataFrame) -> set[str]:
    """Ids of rows, and of their baselines, without a second reading."""
    ids = {one for cell in rows["record_id"] for one in str(cell).replace("+", " ").replace(",", " ").split()}
    own = trials[trials["record_id"].isin(ids)]
    assert len(own) == len(ids) > 0
    return set(own.loc[own["checked"] == "", "record_id"])


@pytest.mark.parametrize("analysis", [each for each in ANALYSES if each.headline], ids=lambda each: each.key)
def test_rows_of_headline_pools_were_read_twice(trials: pd.DataFrame, analysis) -> None:
    found = [
        result.fit
        for dosing in ("single", "repeated")
        for window in WINDOWS
        if (result := analyse_window(trials, analysis, dosing, window)).fit is not None
    ]
    assert found
    assert set().union(*(unread(trials, fit.rows) for fit in found)) == set()


@pytest.mark.parametrize("question", CURVES, ids=lambda each: f"{each.analysis.key}-{each.dosing}")
def test_rows_of_curves_were_read_twice(trials: pd.DataFrame, question) -> None:
    for curve in analyse_curve(trials, question).curves:
        assert unread(trials, curve.rows) == set()
