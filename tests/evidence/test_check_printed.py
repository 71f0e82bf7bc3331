"""Statistics and P values read from text as printed, and hostile text."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ketameta.evidence.printed import printed_p, printed_statistics
from ketameta.evidence.rounding import half_unit


class TestPrinted:
    @pytest.mark.parametrize(
        ("text", "low", "high", "df"),
        [
            ("t(45)=2.3", 2.25, 2.35, 45),
            ("t = 1.94", 1.935, 1.945, np.nan),
            ("t[32] = 2.02", 2.015, 2.025, 32),
            ("t=-2.4, df=127", 2.35, 2.45, 127),
            ("t=\N{MINUS SIGN}2.4", 2.35, 2.45, np.nan),
            ("F(1,70)=9.62", 9.615**0.5, 9.625**0.5, 70),
            ("F(1, 70) = 0", 0.0, 0.5**0.5, 70),
            ("z = 2.1", 2.05, 2.15, np.inf),
            ("standardized beta (group x time), t=-4.29, df=150", 4.285, 4.295, 150),
        ],
    )
    def test_statistics(self, text, low, high, df):
        read = printed_statistics(np.array([text], dtype=object))
        np.testing.assert_allclose([read.low[0], read.high[0], read.df[0]], [low, high, df], rtol=1e-14)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "chi2=4.6",
            "F = 4.58",
            "F(2,70)=9.62",
            "F(1,70)=-1e9",
            "t(0)=2",
            "t(1,2)=2",
            "t(45)=2.3, df=45",
            "z(4)=2",
            "t>2",
            "t=2.3 and p=.01",
            "SD of difference 15.08, df=15, effect size=0.78",
            "group-by-time interaction F = 4.58",
            "Cohen d, -0.29",
            "\u0665=t",
            "t=\u0665",
        ],
    )
    def test_what_does_not_parse_is_passed_over(self, text):
        read = printed_statistics(np.array([text], dtype=object))
        assert np.isnan([read.low[0], read.high[0]]).all()

    @pytest.mark.parametrize(
        ("text", "low", "high"),
        [
            (".020", 0.0195, 0.0205),
            ("0.02", 0.015, 0.025),
            ("<0.003", 0, 0.003),
            ("<= .05", 0, 0.05),
            (">.999", 0.999, 1),
            ("ns", 0.05, 1),
            ("1e-4", 0.5e-4, 1.5e-4),
            ("0", 0, 0.5),
            ("p=.03", np.nan, np.nan),
            ("1.5", np.nan, np.nan),
            ("", np.nan, np.nan),
        ],
    )
    def test_p_values(self, text, low, high):
        read = printed_p(np.array([text], dtype=object))
        np.testing.assert_allclose([read.low[0], read.high[0]], [low, high], rtol=1e-14)

    @pytest.mark.parametrize(
        "cell",
        [
            "t(" * 5_000_000,
            "a," * 5_000_000 + "t=2",
            " " * 10_000_000,
            "t=" + "9" * 10_000_000,
            "x" * 199 + "=",
            "," * 200,
            "\x00\x1b[31m\u202et(45)=2.3",
            "(" * 100 + "t" * 100,
        ],
    )
    def test_hostile_cells_take_no_time(self, cell):
        cells = np.array([cell] * 3, dtype=object)
        start = time.perf_counter()
        assert np.isnan(printed_statistics(cells).low).all()
        assert np.isnan(printed_p(cells).low).all()
        assert time.perf_counter() - start < 1

    def test_empty_columns(self):
        assert printed_statistics(np.array([], dtype=object)).low.shape == (0,)
        assert printed_p(np.array([], dtype=object)).high.shape == (0,)


def test_half_of_the_last_decimal():
    values = np.array([1.0, 0.25, -3.1, np.nan, 1 / 3, 1e300, 0.1 + 0.2])
    np.testing.assert_array_equal(half_unit(values)[[0, 1, 2, 4, 5]], [0.5, 0.005, 0.05, 0, 0.5])
    assert half_unit(np.array([5.0]), np.array([5.25])).tolist() == [0.005]
