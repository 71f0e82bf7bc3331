"""effect_sizes of events: counts from percentages, and cells of zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta import effects
from ketameta.effects import EffectOptions
from ketameta.errors import EffectError

from .single_rows import one


def test_percentages_give_counts_where_one_whole_number_does() -> None:
    cells = {"total_t": 79, "total_c": 80, "percent_c": "10.0%", "events_t": 20, "events_c": None}
    row = one("RR", **cells)
    assert row["yi"] == pytest.approx(np.log((20 / 79) / (8 / 80)))
    assert "events_c = 8, the only whole number that is 10.0% of 80" in row["imputed"]
    refused = one("RR", **{**cells, "events_t": None, "percent_t": "9.0"})["reason"]
    assert refused.startswith("percent_t: 9.0% of 79: 7/79")
    assert "7/79" in refused
    assert "8/79" in refused
    table = pd.DataFrame({"percent_t": ["25%"], "total_t": [20], "percent_c": ["50%"], "total_c": [20]})
    assert km.effect_sizes(table, measure="OR")["yi"].iloc[0] == pytest.approx(np.log(5 / 15))


@pytest.mark.parametrize("to", ["only0", "all", "if0all", "none"])
@pytest.mark.parametrize("measure", ["OR", "RR", "RD", "AS", "PETO"])
def test_zero_cells_as_the_array_functions_treat_them(measure: str, to: Any) -> None:
    table = pd.DataFrame(
        {"events_t": [0, 3, 5], "total_t": [10, 12, 30], "events_c": [5, 4, 30], "total_c": [12, 12, 30]}
    )
    functions = {
        "OR": effects.log_or,
        "RR": effects.log_rr,
        "RD": effects.rd,
        "AS": effects.arcsine,
        "PETO": effects.peto,
    }
    for correction in (0.5, 1.0):
        options = EffectOptions(correction=correction, to=to)
        found = km.effect_sizes(table, measure=measure, options=options)  # type: ignore[arg-type]
        for row in range(3):
            a, n, c, m = (float(x) for x in table.iloc[row])
            usable = "all" if to == "if0all" else to
            try:
                expected = functions[measure](a, n, c, m, correction, usable)
            except EffectError:
                assert found["reason"].iloc[row] != ""
                continue
            assert found["yi"].iloc[row] == pytest.approx(float(expected.yi), rel=1e-12, abs=1e-14)
            assert found["vi"].iloc[row] == pytest.approx(float(expected.vi), rel=1e-12)


def test_percentages_and_events_that_differ_are_noted() -> None:
    row = one("RR", events_t=5, total_t=20, percent_t="60%", events_c=5, total_c=20, percent_c="25%")
    assert row["effect_notes"] == "percent_t = 60% is not that of events_t, which is 25%"


def test_percentages_as_numbers() -> None:
    table = pd.DataFrame(
        {"percent_t": [9.0, 44.4], "total_t": [79, 27], "events_c": [5, 5], "total_c": [20, 20]}
    )
    found = km.effect_sizes(table, measure="RR")
    assert "lost the zeros at its end" in found["reason"].iloc[0]
    assert "events_t = 12" in found["imputed"].iloc[1]
    single = km.effect_sizes(table.astype({"percent_t": "float32"}), measure="RR")
    assert single["reason"].iloc[1] == ""
    assert "not a whole number" in km.effect_sizes(table.assign(total_c=20.5), measure="RR")["reason"].iloc[1]
