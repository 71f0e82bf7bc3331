"""Percentages against whole people, by enumeration; counts against each other."""

from __future__ import annotations

import numpy as np
import pytest

import ketameta as km

COUNTS = {"score_type": "counts", "outcome": "response", "higher_is_worse": False, "instrument": "MADRS"}
COUNTS |= {"events_t": 12, "total_t": 30, "events_c": 5, "total_c": 30}


def found(frame) -> set[tuple[str, str]]:
    problems = km.check_trials(frame).problems
    assert set(problems["severity"]) <= {"warning"}
    return set(zip(problems["rule"], problems["column"], strict=True))


class TestCounts:
    def test_percentages_of_whole_people(self, table):
        frame = table(COUNTS, COUNTS | {"time_hours": 48.0}, COUNTS | {"time_hours": 72.0}).assign(
            percent_t=["40%", "40.0", ""], percent_c=["16.7 %", "17", "16.67"]
        )
        assert found(frame) == set()

    @pytest.mark.parametrize(
        ("percent", "rule"),
        [
            ("41", "percent-total"),
            ("43.3", "percent-events"),
            ("a third", "percent-form"),
            ("130", "percent-form"),
            ("-4", "percent-form"),
            ("4" * 10_000_000, "percent-form"),
        ],
    )
    def test_percentages_that_are_not(self, table, percent, rule):
        assert found(table(COUNTS).assign(percent_t=percent)) == {(rule, "percent_t")}

    def test_nine_percent_of_79(self, table):
        row = COUNTS | {"total_t": 79, "events_t": None, "n_randomised": 109}
        frame = table(row | {"status": "apart", "reason": "doubtful: as printed"})
        assert found(frame.assign(percent_t="9.0")) == {("percent-total", "percent_t")}
        assert found(frame.assign(percent_t="9")) == set()
        assert found(frame.assign(percent_t=9.0)) == set()
        assert found(frame.assign(percent_t=np.nan)) == set()

    def test_against_every_number_of_people(self, table):
        """Enumeration: 100 e / N rounded half up and half down, for all e, against the rule."""
        rows, texts, possible = [], [], []
        for total in (7, 40, 79, 161):
            shown = {round(100 * e / total, 1) for e in range(total + 1)}
            shown |= {np.floor(1000 * e / total + 0.5) / 10 for e in range(total + 1)}
            for tenth in range(0, 1001, 7):
                rows.append(COUNTS | {"total_t": total, "events_t": None, "time_hours": 1.0 + len(rows)})
                texts.append(f"{tenth / 10:.1f}")
                possible.append(any(abs(tenth / 10 - value) < 1e-9 for value in shown))
        problems = km.check_trials(table(*rows).assign(percent_t=texts)).problems
        refused = problems["line"][problems["rule"] == "percent-total"] - 2
        assert set(refused) == set(np.flatnonzero(~np.array(possible)))
        assert 100 < len(refused) < len(rows)

    def test_more_remissions_than_responses(self, table):
        remission = COUNTS | {"outcome": "remission", "events_t": 14}
        assert found(table(COUNTS, remission)) == {("more-remissions", "events_t")}
        assert found(table(COUNTS, remission | {"total_t": 29})) == set()
        assert found(table(COUNTS, remission | {"time_hours": 48.0})) == set()
        assert found(table(COUNTS, remission | {"definition": "<=10"})) == set()
