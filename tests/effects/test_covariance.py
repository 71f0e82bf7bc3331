"""V of a table of effects: which formula each trial has, and what is said about it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from ketameta.effects import counts_covariance, covariance, effect_sizes, md_covariance, smd_covariance

from .covariance_accounts import expected_correlations, told


def test_standardised_differences_of_doses_and_times_have_the_exact_formula(arms) -> None:
    es = effect_sizes(arms, shared="keep")
    v = covariance(es, rho=0.6)
    rows = es.iloc[:6]
    r_t, r_c = expected_correlations(rows["time_hours"], rows["study_id"], 0.6)
    want = smd_covariance(rows["yi"], rows["n_t"], rows["n_c"], r_t, r_c)
    np.testing.assert_allclose(v.blocks[0], want, rtol=1e-12)
    np.testing.assert_allclose(np.diag(v.matrix), es["vi"], rtol=0)
    assert (v.matrix[6, :6] == 0).all()
    assert v.trials == ("able2001", "baker2002")
    assert told(v) == (
        "2 times of the same people: rho = 0.6 between 24 h and 7 d, fading in log time (assumed); "
        "3 treatment arms share a comparator; exact formula of the SMD"
    )
    assert told(v, "baker2002") == "single row: nothing to do"
    assert v.account["smallest_eigenvalue"].iloc[0] == pytest.approx(
        np.linalg.eigvalsh(want / np.sqrt(np.outer(np.diag(want), np.diag(want))))[0]
    )


def test_mean_differences_use_the_sds_and_recover_them(arms) -> None:
    r_t, r_c = expected_correlations(arms["time_hours"][:6], arms["study_id"][:6], 0.6)
    want = md_covariance(*(arms[name][:6] for name in ("sd_t", "n_t", "sd_c", "n_c")), r_t, r_c)
    np.testing.assert_allclose(covariance(effect_sizes(arms, measure="MD", shared="keep")).blocks[0], want)
    arms["se_t"] = arms["sd_t"] / np.sqrt(arms["n_t"])
    arms.loc[2, "sd_t"] = math.nan
    v = covariance(effect_sizes(arms, measure="MD", shared="keep"))
    np.testing.assert_allclose(v.blocks[0], want)
    assert "exact formula of the MD" in told(v)


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_counts_have_the_exact_formula_with_their_zero_cells_corrected(counts, measure) -> None:
    es = effect_sizes(counts, measure=measure, shared="keep")
    v = covariance(es, rho=0.2)
    table = counts.iloc[:6].astype({"events_t": float, "events_c": float})
    zero = table["events_t"] == 0
    table.loc[zero, ["events_t", "events_c"]] += 0.5
    table.loc[zero, ["total_t", "total_c"]] += 1
    r_t, r_c = expected_correlations(table["time_hours"], table["study_id"], 0.2)
    cells = [table[name] for name in ("events_t", "total_t", "events_c", "total_c")]
    odds = cells[0] / (cells[1] - cells[0])
    largest = np.sqrt(np.minimum.outer(*[odds.to_numpy()] * 2) / np.maximum.outer(*[odds.to_numpy()] * 2))
    assert (r_t > largest).any() == ("rho exceeds" in told(v))
    want = counts_covariance(*cells, np.minimum(r_t, np.where(r_t > 0, largest, 0)), r_c, measure=measure)
    np.testing.assert_allclose(np.diag(want), es["vi"][:6], rtol=1e-12)
    np.testing.assert_allclose(v.blocks[0], want, rtol=1e-12)


def test_events_come_from_percentages_as_they_do_for_the_effects(counts) -> None:
    percent = counts.assign(percent_t=["40.0"] + [""] * 6)
    percent["events_t"] = percent["events_t"].astype(float)
    percent.loc[0, "events_t"] = math.nan
    v = covariance(effect_sizes(percent, measure="RR", shared="keep"))
    want = covariance(effect_sizes(counts, measure="RR", shared="keep"))
    np.testing.assert_allclose(v.matrix, want.matrix, rtol=1e-12)
    assert v.account["formula"].tolist() == ["RR", ""]
    unclear = effect_sizes(percent, measure="RR", shared="keep").assign(
        percent_t=["4", "", "", "", "", "", ""]
    )
    assert covariance(unclear).account["formula"].tolist() == ["sizes", ""]


def test_a_correlation_that_proportions_do_not_allow_is_lowered_and_said(counts) -> None:
    two = counts.iloc[[0, 3]].assign(events_t=[2, 28])
    v = covariance(effect_sizes(two, measure="RD"), rho=0.7)
    p = np.array([2, 28]) / 30
    odds = p / (1 - p)
    largest = math.sqrt(odds.min() / odds.max())
    assert largest < 0.1
    want = counts_covariance([2, 28], 30, [8, 10], [40, 36], largest, 0.7, measure="RD")
    np.testing.assert_allclose(v.blocks[0], want, rtol=1e-12)
    assert "rho exceeds what the proportions allow" in told(v)


def test_contrasts_without_arm_numbers_rest_on_sizes_or_on_nothing_and_say_so(arms) -> None:
    es = effect_sizes(arms, measure="MD", shared="keep").drop(columns=["sd_t", "sd_c"])
    v = covariance(es)
    one = np.ones(6)
    r_t, r_c = expected_correlations(es["time_hours"][:6], es["study_id"][:6], 0.6)
    plain = md_covariance(one, es["n_t"][:6], one, es["n_c"][:6], r_t, r_c)
    root, scale = np.sqrt(np.diag(plain)), np.sqrt(es["vi"][:6].to_numpy())
    np.testing.assert_allclose(v.blocks[0], plain / np.outer(root, root) * np.outer(scale, scale))
    assert "correlation from the arm sizes alone, one SD for all: not every row has arm SDs" in told(v)
    es.loc[0, "n_t"] = math.nan
    v = covariance(es)
    np.testing.assert_allclose(v.blocks[0], (r_t + r_c) / 2 * np.outer(scale, scale))
    assert "arms taken as equal in size" in told(v)
    assert v.account["formula"].tolist() == ["plain", ""]


def test_adjusted_variances_keep_the_correlation_of_the_formula_and_say_so(arms) -> None:
    es = effect_sizes(arms, shared="keep")
    es["vi"] *= np.linspace(0.5, 0.9, 7)
    v, plain = covariance(es), covariance(effect_sizes(arms, shared="keep"))
    ours, other = ((x.matrix / np.sqrt(np.outer(np.diag(x.matrix), np.diag(x.matrix)))) for x in (v, plain))
    np.testing.assert_allclose(ours, other, rtol=1e-12, atol=1e-15)
    assert "vi of 6 rows is not that of the formula" in told(v)


def test_words_and_exports(arms) -> None:
    v = covariance(effect_sizes(arms, shared="keep"))
    frame = v.to_frame()
    assert len(frame) == 6 * 7 // 2 + 1
    assert frame.loc[1, "covariance"] == v.matrix[frame.loc[1, "i"], frame.loc[1, "j"]]
    assert frame["correlation"].abs().max() == pytest.approx(1.0)
    assert json.loads(json.dumps(v.to_dict()))["trials"][0]["covariance"][0][0] == v.matrix[0, 0]
    assert v.sentence() == (
        "7 effects of 2 trials; those of 1 trial are correlated by sampling, with an assumed correlation of 0.6 "
        "between 24 h and 7 d (log-time) and 0.6 between outcomes."
    )
    assert repr(v).startswith("<SamplingCovariance 7 effects")
    assert "exact formula of the SMD" in str(v)
    assert "<table>" in v._repr_html_()
