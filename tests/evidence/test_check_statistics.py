"""Numbers that check_trials recomputes: one fault each, against scipy, by simulation, with few columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

import ketameta as km
from ketameta.evidence.dictionary import fields

MD = {"score_type": "contrast", "contrast_measure": "MD", "contrast_value": -5.1, "contrast_ci_level": 95}
CI = MD | {"contrast_ci_low": -9.1, "contrast_ci_high": -1.1}
OR = {
    "score_type": "contrast",
    "outcome": "response",
    "contrast_measure": "OR",
    "contrast_value": 3.2,
    "contrast_ci_low": 1.28,
    "contrast_ci_high": 8.0,
    "contrast_ci_level": 95,
}
PLAIN = {"mean_t": 15.1, "mean_c": 22.1, "sd_t": 9.2, "sd_c": 10.1}
PLAIN |= {"contrast_measure": "MD", "contrast_value": -7.0, "adjusted": False}
BASELINE = {"score_type": "baseline", "time_hours": 0, "hours_since_last_dose": None, "n_doses": 0}
BASELINE |= {"mean_t": 32.3, "mean_c": 31.4}
ENDPOINT = {"mean_t": 15.2, "mean_c": 22.3}
CHANGE = {"score_type": "change", "mean_t": -17.1, "mean_c": -9.1}
CROSSOVER = {"design": "crossover", "crossover_period": "both paired", "n_randomised": 30, "washout_days": 14}
COUNTS = {"score_type": "counts", "outcome": "response", "higher_is_worse": False, "instrument": "MADRS"}
COUNTS |= {"events_t": 12, "total_t": 30, "events_c": 5, "total_c": 30}


def found(frame) -> set[tuple[str, str]]:
    problems = km.check_trials(frame).problems
    assert set(problems["severity"]) <= {"warning"}
    return set(zip(problems["rule"], problems["column"], strict=True))


@pytest.mark.parametrize(
    "row",
    [
        CI,
        CI | {"contrast_se": 2.04, "contrast_p": ".016"},
        CI | {"contrast_se": 2.04, "contrast_stat": "t(58)=-2.5", "contrast_p": ".015", "adjusted": True},
        CI | {"contrast_stat": "t = 2.45"},
        CI | {"contrast_ci_low": -9.4, "contrast_ci_high": -0.9},
        CI | {"contrast_ci_low": -8.4, "contrast_ci_high": -1.6, "contrast_ci_level": 90},
        CI | {"contrast_measure": "MedianD", "contrast_ci_high": -4.0},
        OR,
        OR | {"contrast_p": "0.013"},
        OR | {"contrast_p": "<0.05"},
        PLAIN,
        PLAIN | {"contrast_stat": "t(58)=2.85", "contrast_p": ".006"},
        PLAIN | {"contrast_stat": "F(1,58)=8.12"},
        PLAIN | {"contrast_stat": "F(2,58)=0.1"},
        PLAIN | {"contrast_value": -6.1, "adjusted": True},
        PLAIN | {"contrast_p": "ns", "adjusted": True},
        {"contrast_p": "<0.01"},
        {"contrast_p": ">.001"},
        {"contrast_stat": "chi2=0.1"},
        {"mean_t": 22.0, "sd_t": 9.9},
        COUNTS | {"contrast_measure": "RD", "contrast_value": 23.3},
        COUNTS | {"contrast_measure": "OR", "contrast_value": 3.33},
        CROSSOVER,
        CROSSOVER | {"crossover_period": "first", "washout_days": None},
        CROSSOVER | {"contrast_p": ".9"},
    ],
)
def test_numbers_that_agree_raise_no_doubt(table, row):
    assert found(table(row)) == set()


@pytest.mark.parametrize(
    ("row", "rule", "column"),
    [
        (CI | {"contrast_ci_low": -19.0}, "lopsided", "contrast_value"),
        (CI | {"contrast_ci_high": 1.9}, "lopsided", "contrast_value"),
        (OR | {"contrast_ci_high": 80.0}, "lopsided", "contrast_value"),
        (OR | {"contrast_ci_low": 0.2, "contrast_ci_high": 6.2}, "lopsided", "contrast_value"),
        ({"ci_low_t": 11.7, "ci_high_t": 20.5}, "lopsided", "mean_t"),
        ({"ci_low_c": 20.2, "ci_high_c": 23.8}, "sd-interval", "ci_low_c"),
        (CI | {"contrast_se": 2.9}, "se-interval", "contrast_se"),
        (CI | {"contrast_se": 2.04, "contrast_ci_level": 90}, "se-interval", "contrast_se"),
        (CI | {"contrast_p": "0.4"}, "p-interval", "contrast_p"),
        (CI | {"contrast_p": "ns"}, "p-interval", "contrast_p"),
        (
            CI | {"contrast_ci_high": 3.0, "contrast_value": -3.0, "contrast_p": "<0.01"},
            "p-interval",
            "contrast_p",
        ),
        (OR | {"contrast_p": ".2"}, "p-interval", "contrast_p"),
        (CI | {"contrast_p": "0.0001"}, "p-value", "contrast_p"),
        (CI | {"contrast_p": "<0.001"}, "p-value", "contrast_p"),
        (MD | {"contrast_se": 2.04, "contrast_p": "0.13"}, "p-value", "contrast_p"),
        (MD | {"contrast_se": 2.04, "contrast_p": ">.5"}, "p-value", "contrast_p"),
        (MD | {"contrast_se": 2.04, "contrast_stat": "t(58)=2.1"}, "statistic", "contrast_stat"),
        (MD | {"contrast_se": 2.04, "contrast_stat": "z = 3.1"}, "statistic", "contrast_stat"),
        (MD | {"contrast_stat": "t(40)=2.5", "contrast_p": "0.2"}, "p-value", "contrast_p"),
        (PLAIN | {"contrast_stat": "t(58)=3.8"}, "statistic", "contrast_stat"),
        (PLAIN | {"contrast_stat": "F(1,58)=4.1"}, "statistic", "contrast_stat"),
        (PLAIN | {"contrast_p": ".06"}, "p-value", "contrast_p"),
        (PLAIN | {"contrast_p": "<.0001"}, "p-value", "contrast_p"),
        ({"contrast_p": ".4"}, "p-value", "contrast_p"),
        ({"contrast_stat": "t=9.1"}, "statistic", "contrast_stat"),
        (PLAIN | {"contrast_value": -6.1}, "contrast-means", "contrast_value"),
        (PLAIN | {"contrast_value": 7.0}, "contrast-sign", "contrast_value"),
        (
            PLAIN | {"contrast_measure": "LSMD", "contrast_value": 6.5, "adjusted": True},
            "contrast-sign",
            "contrast_value",
        ),
        (COUNTS | {"contrast_measure": "RD", "contrast_value": 32.3}, "contrast-events", "contrast_value"),
        (COUNTS | {"contrast_measure": "OR", "contrast_value": 0.3}, "contrast-sign", "contrast_value"),
        ({"mean_c": 15.0, "sd_c": 9.0}, "same-arms", "mean_c"),
        (CROSSOVER | {"washout_days": 3}, "washout", "washout_days"),
        (CROSSOVER | {"washout_days": None}, "washout-unknown", "washout_days"),
        (CROSSOVER | {"n_randomised": 20}, "n-randomised", "n_t"),
        ({"washout_days": 14}, "crossover-period", "washout_days"),
    ],
)
def test_one_contradiction_gives_one_warning_where_it_is(table, row, rule, column):
    found_here = found(table(row))
    if rule == "n-randomised":
        assert found_here == {(rule, "n_t"), (rule, "n_c")}
    else:
        assert found_here == {(rule, column)}


def test_hints_say_what_the_other_numbers_give(table):
    def hint(row):
        return km.check_trials(table(row)).problems["hint"].iloc[0]

    assert "one-sided" in hint(
        MD | {"n_t": 99, "n_c": 99, "contrast_se": 2.04, "contrast_p": "0.006", "n_randomised": 200}
    )
    test = stats.ttest_ind_from_stats(15.1, 9.2, 30, 22.1, 10.1, 30, equal_var=False)
    said = hint(PLAIN | {"contrast_p": ".4"})
    assert float(said.split("P = ")[1].split()[0]) == pytest.approx(test.pvalue, rel=0.05)
    assert "symmetric as printed" in hint(OR | {"contrast_ci_low": 0.2, "contrast_ci_high": 6.2})
    logs = {"contrast_value": 4.0, "contrast_ci_low": 1.0, "contrast_ci_high": 16.0}
    assert "symmetric on the log scale" in hint(CI | logs)
    assert "2.05 SEs, where 1.64 to 1.81" in hint(CI | {"contrast_se": 1.95, "contrast_ci_level": 90})


def test_p_and_t_of_sound_arms_are_never_doubted(table):
    """Second road: scipy's tests of 400 simulated pairs of arms, printed to two decimals and three of P."""
    rng = np.random.default_rng(3)
    rows = []
    for i in range(400):
        n_t, n_c = (int(n) for n in rng.integers(4, 80, 2))
        arms = [np.round(rng.uniform(10, 30), 1) for _ in "tc"]
        sds = [np.round(rng.uniform(4, 9), 2) for _ in "tc"]
        test = stats.ttest_ind_from_stats(arms[0], sds[0], n_t, arms[1], sds[1], n_c, equal_var=bool(i % 2))
        p = f"{test.pvalue:.3f}" if test.pvalue >= 0.001 else "<0.001"
        rows.append(
            {
                "study_id": f"study{i}",
                "cohort_id": f"study{i}",
                "comparator_arm_id": f"study{i}:saline",
                "n_randomised": n_t + n_c,
                "n_t": n_t,
                "n_c": n_c,
                "mean_t": arms[0],
                "mean_c": arms[1],
                "sd_t": sds[0],
                "sd_c": sds[1],
                "contrast_stat": f"t({n_t + n_c - 2})={test.statistic:.2f}" if i % 2 else "",
                "contrast_p": p,
                "adjusted": False,
            }
        )
    problems = km.check_trials(table(*rows)).problems
    assert set(problems["rule"]) & {"p-value", "statistic", "p-interval"} == set()
    wrong = [
        row | {"contrast_p": "0.5" if row["contrast_p"] == "<0.001" else row["contrast_p"]} for row in rows
    ]
    changed = sum(a != b for a, b in zip(wrong, rows, strict=True))
    problems = km.check_trials(table(*wrong)).problems
    assert changed > 50
    assert (problems["rule"] == "p-value").sum() == changed


def test_intervals_of_sound_contrasts_are_never_doubted(table):
    """Exact t intervals of any level and df, printed to two decimals with their SE, P and t."""
    rng = np.random.default_rng(4)
    rows = []
    for i in range(300):
        n = int(rng.integers(6, 60))
        df, level = 2 * n - 2, float(rng.choice([90, 95, 99]))
        value, se = np.round(rng.normal(-4, 3), 2), np.round(rng.uniform(0.8, 3), 2)
        half = stats.t.ppf(0.5 + level / 200, df) * se
        p = 2 * stats.t.sf(abs(value / se), df)
        rows.append(
            MD
            | {
                "study_id": f"study{i}",
                "cohort_id": f"study{i}",
                "comparator_arm_id": f"study{i}:saline",
                "n_t": n,
                "n_c": n,
                "n_randomised": 2 * n,
                "contrast_value": value,
                "contrast_se": se,
                "contrast_ci_low": np.round(value - half, 2),
                "contrast_ci_high": np.round(value + half, 2),
                "contrast_ci_level": level,
                "contrast_stat": f"t({df})={value / se:.2f}",
                "contrast_p": f"{p:.3f}" if p >= 0.001 else "<0.001",
                "adjusted": True,
            }
        )
    assert found(table(*rows)) == set()


class TestChanges:
    ROWS = (BASELINE, ENDPOINT, CHANGE)

    def test_changes_that_follow_from_the_rows(self, table):
        assert found(table(*self.ROWS)) == set()
        assert found(table(*self.ROWS[::-1])) == set()
        assert found(table(BASELINE, ENDPOINT, CHANGE | {"mean_t": -16.1, "time_hours": 48.0})) == set()

    def test_a_change_that_does_not(self, table):
        rows = (*self.ROWS[:2], CHANGE | {"mean_t": -16.4})
        assert found(table(*rows)) == {("change-arithmetic", "mean_t")}
        least_squares = (*self.ROWS[:2], CHANGE | {"mean_t": -16.4, "sd_t": None, "se_t": 1.6})
        assert found(table(*least_squares)) == set()

    def test_drop_out_explains_a_difference_as_far_as_it_can(self, table):
        fewer = (BASELINE | {"n_t": 30}, ENDPOINT | {"n_t": 28}, CHANGE | {"n_t": 28})
        bound = 9.0 * np.sqrt(2 / 28) + 0.15
        assert found(table(*fewer[:2], fewer[2] | {"mean_t": round(-17.1 - bound + 0.1, 1)})) == set()
        assert found(table(*fewer[:2], fewer[2] | {"mean_t": round(-17.1 - bound - 0.1, 1)})) == {
            ("change-arithmetic", "mean_t")
        }

    def test_the_bound_for_drop_out_holds_in_any_sample(self):
        """The mean of k of n numbers lies within SD sqrt((n - k) / k) of the mean of all."""
        rng = np.random.default_rng(5)
        share = []
        for _ in range(2000):
            n = int(rng.integers(3, 30))
            k = int(rng.integers(1, n))
            scores = np.sort(rng.exponential(size=n) if rng.random() < 0.5 else rng.normal(size=n))
            shift = max(abs(scores[:k].mean() - scores.mean()), abs(scores[-k:].mean() - scores.mean()))
            share.append(shift / (scores.std() * np.sqrt((n - k) / k)))
        assert 0.99 < max(share) <= 1 + 1e-12

    def test_a_change_that_leaves_the_scale(self, table):
        rows = (BASELINE | {"mean_t": 12.0}, CHANGE)
        assert found(table(*rows)) == {("change-range", "mean_t")}


def test_all_arms_of_a_cohort_fit_its_trial(table):
    arm = {"study_id": "alpha2020_1", "comparator_arm_id": "alpha2020:other"}
    assert found(table({}, arm)) == {("arms-overlap", "n_t")}
    assert found(table({"n_randomised": 120}, arm | {"n_randomised": 120})) == set()


def test_an_sd_blown_up_by_sqrt_n(table):
    row = {"instrument": "HAM-D", "mean_t": 14.0, "sd_t": 33.0, "mean_c": 15.0, "sd_c": 30.0}
    peers = [
        {"instrument": "HAM-D", "sd_t": 6.0 + i, "sd_c": 5.5 + i, "time_hours": 24.0 + i} for i in range(4)
    ]
    for i, peer in enumerate(peers):
        peer |= dict.fromkeys(("study_id", "cohort_id", "comparator_arm_id"), f"other{i}")
    assert found(table(row, *peers)) == {("sd-inflated", "sd_t"), ("sd-inflated", "sd_c")}


class TestFewColumns:
    def test_numbers_alone_are_checked(self):
        frame = pd.DataFrame(
            {"instrument": "HAM-D-17", "score_type": "endpoint", "n_t": [30], "mean_t": 14.8, "sd_t": 0.256}
        )
        report = km.check_trials(frame)
        assert set(report.problems["rule"]) == {"missing-columns", "sd-looks-like-se"}
        assert "record_id, study_id" in report.problems["hint"].iloc[0]
        assert report.ok
        assert not km.check_trials(frame, strict=True).ok

    def test_rows_without_a_study_are_not_taken_for_one(self):
        rows = [
            BASELINE,
            {"score_type": "endpoint", "mean_t": 15.0},
            {"score_type": "change", "mean_t": -3.0},
        ]
        frame = pd.DataFrame(rows).assign(sd_t=9.0, n_t=30)[["score_type", "mean_t", "sd_t", "n_t"]]
        assert set(km.check_trials(frame).problems["rule"]) == {"missing-columns"}

    @pytest.mark.parametrize("column", ["contrast_stat", "contrast_p", "n_t", "sd_t", "contrast_ci_low"])
    @pytest.mark.parametrize("value", [None, np.nan, "", "abc", "t(=", "1e400", "\x00\x07", -1, True, np.inf])
    def test_any_cell_may_hold_anything(self, table, column, value):
        frame = table(PLAIN | CI).astype(object)
        frame[column] = [value]
        assert km.check_trials(frame).n_rows == 1

    @given(st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_numbers_that_cannot_be_raise_nothing(self, table, data):
        """Any mixture of sound and absurd numbers is reported on, without an exception or a NumPy warning."""
        numeric = [field.name for field in fields("trials") if field.type in ("number", "integer")]
        absurd = st.sampled_from([None, -3, 0, 1, 2, 30, 95, 1e-300, 1e15, -1e308, 1e308, 0.1 + 0.2])
        kinds = st.sampled_from(["baseline", "endpoint", "change", "contrast", "counts"])
        measures = st.sampled_from(["", "MD", "LSMD", "OR", "RD", "SMD"])
        rows = []
        for _ in range(3):
            row = {name: data.draw(absurd) for name in numeric}
            row |= {"score_type": data.draw(kinds), "contrast_measure": data.draw(measures)}
            row |= {"contrast_p": data.draw(st.sampled_from(["", "0", "1", ".05", "<0.001", "ns"]))}
            row |= {"contrast_stat": data.draw(st.sampled_from(["", "t(5)=0", "F(1,3)=0.0", "z=999999"]))}
            rows.append(row)
        frame = table(*rows).assign(percent_t="33.3")
        assert km.check_trials(frame).n_rows == 3
