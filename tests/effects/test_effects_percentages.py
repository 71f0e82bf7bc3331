"""Numbers of people from printed percentages."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketameta.effects.percentages import events_from_percent
from ketameta.errors import EffectError
from ketameta.evidence.rounding import whole_numbers


def printed(count: int, n: int, decimals: int) -> set[int]:
    """What 100 count / n is printed as, in units of the last decimal: half to even and half up."""
    exact = Fraction(100 * count * 10**decimals, n)
    return {round(exact), (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)}


@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_every_percentage_of_every_group_up_to_300(decimals: int) -> None:
    """All counts and all percentages, against rounding in exact fractions."""
    percents = np.arange(100 * 10**decimals + 1)
    values = percents / 10.0**decimals
    for n in range(1, 301):
        fits: dict[int, list[int]] = defaultdict(list)
        for count in range(n + 1):
            for part in printed(count, n, decimals):
                fits[part].append(count)
        low, high = whole_numbers(percents, np.array(decimals), np.array(n))
        number = np.array([len(fits.get(part, ())) for part in percents.tolist()])
        assert (np.maximum(high - low + 1, 0) == number).all()
        assert all(low[part] == counts[0] and high[part] == counts[-1] for part, counts in fits.items())
        unique = percents[number == 1]
        if unique.size:
            found = events_from_percent(values[unique], n, decimals)
            assert found.tolist() == [fits[part][0] for part in unique.tolist()]


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(0, 6))
def test_text_and_numbers_agree_and_hold_the_count(n: int, count: int, decimals: int) -> None:
    count = min(count, n)
    for part in printed(count, n, decimals):
        whole, rest = divmod(part, 10**decimals)
        text = f"{whole}.{rest:0{decimals}d}%" if decimals else f"{whole}%"
        low, high = (int(x) for x in whole_numbers(np.array(part), np.array(decimals), np.array(n)))
        assert low <= count <= high
        if low == high:
            assert (
                events_from_percent(text, n) == events_from_percent(part / 10**decimals, n, decimals) == low
            )
        else:
            with pytest.raises(EffectError, match="whole numbers give it"):
                events_from_percent(text, n)


def test_half_units_round_both_ways() -> None:
    """1/8 is 12.5%: printed as 12 (half to even) or 13 (half up), as nothing else; 3/8 is 37.5: 38 alone."""
    assert events_from_percent(["12%", "13%", "38%"], 8).tolist() == [1, 1, 3]
    with pytest.raises(EffectError, match=r"37% of 8: 2/8 = 25%, 3/8 = 38%; no whole number"):
        events_from_percent("37%", 8)


def test_no_count_shows_the_arithmetic() -> None:
    with pytest.raises(EffectError) as error:
        events_from_percent("9.0%", 79)
    assert str(error.value).startswith("9.0% of 79: 7/79 = 8.9%, 8/79 = 10.1%; no whole number gives it. ")
    with pytest.raises(EffectError, match=r"^percent\[1\]: 9\.0% of 79: .* \(and 1 more\)$"):
        events_from_percent(["10.1%", "9.0%", "9.0%"], 79)


def test_several_counts_are_listed() -> None:
    with pytest.raises(EffectError) as error:
        events_from_percent("50%", 300)
    assert str(error.value).startswith(
        "50% of 300: 149/300 = 50%, 150/300 = 50%, 151/300 = 50%; 3 whole numbers give it. "
    )
    with pytest.raises(EffectError, match=r"\.\.\.; 10 whole numbers give it"):
        events_from_percent("50%", 1001)


def test_forms_of_text() -> None:
    forms = ["9%", "9", " 9 % ", "9.%", "9.1%", "9.1", "9\N{MIDDLE DOT}1%", "09.1"]
    assert events_from_percent(forms, 11).tolist() == [1] * 8
    assert float(events_from_percent("0%", 12)) == 0
    assert float(events_from_percent("100%", 12)) == 12
    series = pd.Series(["25%", "75.0%"])
    assert events_from_percent(series, np.array([4, 8])).tolist() == [1, 6]
    assert series.tolist() == ["25%", "75.0%"]


def test_shapes_broadcast() -> None:
    assert events_from_percent([["25%"], ["50%"]], [4, 8, 12]).tolist() == [[1, 2, 3], [2, 4, 6]]
    assert events_from_percent([25.0, 50.0], 4, 0).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((9.0, 79), r"numbers, which do not tell to how many decimals .*decimals="),
        ((9, 79), r"state decimals="),
        (("9%", 79, 0), r"leave out decimals="),
        ((9.05, 79, 1), r"percent = 9.05 has more than 1 decimals"),
        ((9.0, 79, 1.0), r"decimals = 1.0: one whole number"),
        ((9.0, 79, True), r"decimals = True"),
        ((9.0, 79, 7), r"from 0 to 6"),
        ((9.0, 79, -1), r"from 0 to 6"),
        ((-1.0, 79, 0), r"not between 0 and 100"),
        ((100.5, 79, 1), r"not between 0 and 100"),
        ((1e300, 79, 1), r"not between 0 and 100"),
        (("101%", 79), r"101% is not between 0 and 100"),
        (("100.1%", 79), r"100.1% is not between 0 and 100"),
        (("-5%", 79), r"not a printed percentage"),
        (("<5%", 79), r"not a printed percentage"),
        (("9,0%", 79), r"not a printed percentage"),
        (("", 79), r"not a printed percentage"),
        (("nan", 79), r"not a printed percentage"),
        (("9.0000000%", 79), r"at most 6 decimals"),
        ((["9%", "x"], 79), r"percent\[1\] = 'x'"),
        ((["9%", 9.0], 79), r"percent\[1\] = 9.0 stands among texts"),
        ((["9%", None], 79), r"stands among texts"),
        ((np.nan, 79, 0), r"finite"),
        ((np.inf, 79, 0), r"finite"),
        (([], 79), r"empty"),
        (([["9%"], ["9%", "8%"]], 79), r"ragged"),
        ((None, 79), r"number is needed"),
        ((True, 79, 0), r"number"),
        (("9%", 79.5), r"n = 79.5: a whole number of people"),
        (("9%", 0), r"n = 0: a group size must be greater than 0"),
        (("9%", -4), r"greater than 0"),
        (("9%", np.nan), r"finite"),
        (("9%", np.inf), r"finite"),
        (("9%", 1e12), r"at most 1000000000"),
        (("9%", "many"), r"number"),
        ((["9%", "8%"], [10, 20, 30]), r"shapes"),
    ],
)
def test_bad_input(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(EffectError, match=message):
        events_from_percent(*arguments)  # type: ignore[arg-type]
