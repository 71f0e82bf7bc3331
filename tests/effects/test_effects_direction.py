from __future__ import annotations

import pandas as pd
import pytest

from ketameta.effects._direction import lower_is_better


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"higher_is_worse": [True, True]}, True),
        ({"higher_is_worse": ["false", "false"]}, False),
        ({"higher_is_worse": [True, None]}, None),
        ({"higher_is_worse": [True, False]}, None),
        ({"outcome": ["sustained_remission"] * 2}, False),
        ({"outcome": ["relapse"] * 2}, True),
        ({"outcome": ["relapse", "response"]}, None),
        ({"outcome": ["depression"] * 2}, None),
    ],
)
def test_direction_comes_from_the_rows(columns: dict, expected: bool | None) -> None:
    assert lower_is_better(pd.DataFrame(columns)) is expected
