"""Response behind an SMD, numbers needed to treat, information sizes: printed examples, and base R."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ketameta.effects.absolute import (
    information_size_means,
    information_size_risks,
    log_or_from_smd,
    nnt,
    response_from_smd,
    risk_from_log_hr,
    whole_nnt,
)
from ketameta.effects.risks import implied_risk
from ketameta.errors import EffectError

REFERENCE = pd.read_csv(Path(__file__).parents[1] / "reference" / "absolute.csv")


def reference(what):
    rows = REFERENCE.loc[REFERENCE["what"] == what]
    return rows["x"].to_numpy(), rows["y"].to_numpy(), rows["value"].to_numpy()


@pytest.mark.parametrize(
    ("effect", "measure", "fewer", "printed"),
    [
        (np.log(0.92), "RR", 24, 42),  # Cochrane Handbook 5.1, 12.5.4.2 (6.x: 15.4.4.2)
        (np.log(0.73), "OR", 62, 17),  # 12.5.4.3 (15.4.4.3)
    ],
)
def test_handbook_examples_at_a_comparator_risk_of_300_in_1000(effect, measure, fewer, printed):
    difference = implied_risk(0.3, effect, measure) - 0.3
    assert round(-1000 * float(difference)) == fewer
    assert whole_nnt(difference).tolist() == printed


def test_handbook_examples_of_risk_differences():
    assert whole_nnt([-0.12, -0.22]).tolist() == [9, 5]  # 12.5.4.1 (15.4.4.1)


def test_altmans_interval_of_differences_from_minus_5_to_25_per_cent():
    """Altman 1998, BMJ 317:1309: NNTB 10, from NNTB 4 through infinity to NNTH 20."""
    assert whole_nnt([0.10, 0.25, -0.05]).tolist() == [10, 4, 20]


def test_chinns_constant():
    assert float(log_or_from_smd(1.0, lower_is_better=False)) == pytest.approx(1.81, abs=0.005)


def test_the_example_of_jmps_manual():
    """Two proportions, 0.08 and 0.06, at power 0.8: 2554 in each arm (JMP 13 documentation, Two Sample Proportions)."""
    assert information_size_risks(0.08, 0.06) == 2 * 2554


def test_response_by_integration_in_r():
    d, p, expected = reference("response")
    np.testing.assert_allclose(response_from_smd(d, p, lower_is_better=True), expected, rtol=1e-9)
    np.testing.assert_allclose(response_from_smd(-d, p, lower_is_better=False), expected, rtol=1e-9)


def test_chinn_by_logistic_scores_in_r():
    d, p, expected = reference("chinn")
    log_or = log_or_from_smd(d, lower_is_better=True)
    np.testing.assert_allclose(implied_risk(p, log_or, "OR"), expected, rtol=1e-12)
    np.testing.assert_allclose(log_or_from_smd(-d, lower_is_better=False), log_or)


def test_risk_behind_a_hazard_ratio_by_integration_in_r():
    theta, p, expected = reference("hazards")
    np.testing.assert_allclose(risk_from_log_hr(theta, p), expected, rtol=1e-9)
    assert risk_from_log_hr([-1e300, 0.0, 1e300], 0.3).round(12).tolist() == [0.0, 0.3, 1.0]


@pytest.mark.parametrize("risk", [0.0, 1.0, 30, np.nan])
def test_a_risk_behind_a_hazard_ratio_is_between_0_and_1(risk):
    with pytest.raises(EffectError, match="risk"):
        risk_from_log_hr(-0.5, risk)


def test_information_sizes_in_r():
    p, q, expected = reference("risks")
    np.testing.assert_array_equal(information_size_risks(p, q), expected)
    d, _, expected = reference("means")
    np.testing.assert_array_equal(information_size_means(d), expected)
    np.testing.assert_array_equal(information_size_means(-d), expected)


def test_no_difference_needs_infinitely_many():
    assert nnt(0.0) == np.inf
    assert whole_nnt([0.0, -0.0]).tolist() == [np.inf, np.inf]
    assert information_size_means(0.0) == np.inf
    assert information_size_risks(0.3, 0.3) == np.inf
    assert nnt(5e-324) == np.inf


def test_response_stays_a_probability_far_out():
    assert response_from_smd([-1e300, 1e300], 0.3, lower_is_better=True).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("risk", [0.0, 1.0, -0.1, 30, np.nan])
def test_a_response_rate_is_between_0_and_1(risk):
    with pytest.raises(EffectError, match="risk"):
        response_from_smd(-0.5, risk, lower_is_better=True)


@pytest.mark.parametrize("bad", [np.nan, np.inf, "x", None, [], True])
def test_what_is_no_number_is_refused(bad):
    for action in (
        nnt,
        whole_nnt,
        information_size_means,
        lambda x: log_or_from_smd(x, lower_is_better=True),
        lambda x: risk_from_log_hr(x, 0.2),
        lambda x: information_size_risks(0.2, x),
    ):
        with pytest.raises(EffectError):
            action(bad)


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"alpha": 1.0}, {"power": 1.0}, {"power": float("nan")}])
def test_level_and_power_are_between_0_and_1(options):
    with pytest.raises(EffectError, match=next(iter(options))):
        information_size_means(0.5, **options)
    with pytest.raises(EffectError, match=next(iter(options))):
        information_size_risks(0.5, 0.3, **options)


@pytest.mark.parametrize(
    ("events", "total", "ratios", "printed"),
    [
        (318, 1295, (1.30, 1.47, 1.16), (13.6, 8.7, 25.5)),
        (41, 1006, (1.42, 0.71), (58.4, -84.6)),
        (25, 958, (2.44, 0.97), (26.6, -1277)),
    ],
)
def test_numbers_needed_to_treat_of_altman_and_deeks(events, total, ratios, printed):
    """Altman and Deeks 2002, BMC Med Res Methodol 2:3, table 2: risk ratios of quitting; below 0, to harm."""
    risk = events / total
    difference = implied_risk(risk, np.log(ratios), "RR") - risk
    found = np.sign(difference) * nnt(difference)
    np.testing.assert_allclose(found, printed, atol=0.051, rtol=3e-4)
