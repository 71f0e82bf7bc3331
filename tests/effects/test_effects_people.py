"""People behind rows: nobody is counted twice, and nobody is invented."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ketameta.effects.people import people


def test_arms_totals_and_crossovers() -> None:
    rows = pd.DataFrame(
        {
            "n_t": [20, None, 7, 9, None, 0],
            "n_c": [19, None, 7, 10, 5, 4],
            "total_t": [None, 12, None, None, None, None],
            "total_c": [None, 13, None, None, None, None],
            "crossover_period": ["", "", "both paired", "both as parallel", "", ""],
        },
        index=list("abcdef"),
    )
    np.testing.assert_array_equal(people(rows), [39, 25, 7, 10, np.nan, np.nan])
    assert np.isnan(people(pd.DataFrame({"study_id": ["a"]}))).all()


def test_first_periods_are_groups() -> None:
    rows = pd.DataFrame({"n_t": [9], "n_c": [8], "crossover_period": ["first"], "design": ["crossover"]})
    assert people(rows).tolist() == [17]
