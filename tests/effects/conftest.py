from __future__ import annotations

import pandas as pd
import pytest


@pytest.fixture
def arms() -> pd.DataFrame:
    """Three doses and one placebo arm at two times, and a trial of one row."""
    rows = [
        (
            f"able2001_{dose}mg",
            "able2001",
            "able2001:placebo",
            "depression",
            "MADRS",
            hours,
            n,
            mean,
            sd,
            n_c,
            20.0,
            8.0,
        )
        for hours, n_c in ((24.0, 40), (168.0, 36))
        for dose, n, mean, sd in ((28, 30, 15.0, 7.0), (56, 34, 13.0, 9.0), (84, 25, 12.0, 8.0))
    ]
    rows.append(
        (
            "baker2002",
            "baker2002",
            "baker2002:placebo",
            "depression",
            "MADRS",
            24.0,
            20,
            14.0,
            7.0,
            21,
            18.0,
            6.0,
        )
    )
    names = (
        "study_id cohort_id comparator_arm_id outcome instrument time_hours n_t mean_t sd_t n_c mean_c sd_c"
    )
    table = pd.DataFrame(rows, columns=names.split())
    table.insert(0, "record_id", [f"KM{i:04d}" for i in range(len(table))])
    return table


@pytest.fixture
def counts(arms) -> pd.DataFrame:
    events = {"events_t": [12, 15, 0, 10, 14, 3, 9], "events_c": [8, 8, 8, 10, 10, 10, 5]}
    table = arms.rename(columns={"n_t": "total_t", "n_c": "total_c"}).drop(
        columns=["mean_t", "sd_t", "mean_c", "sd_c"]
    )
    return table.assign(**events)
