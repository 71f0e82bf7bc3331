"""counts() where it is hard: huge groups, sparse tables, several modes, flat likelihoods, large tau2."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, special, stats

import ketameta as km
from ketameta.errors import ModelError
from ketameta.models._densities import Conditional, Unconditional
from ketameta.models._marginal import Likelihood
from ketameta.models.glmm import fit_glmm

HERE = Path(__file__).resolve().parents[1] / "reference"
INPUTS = pd.read_csv(HERE / "counts_inputs.csv")
EQUAL = pd.read_csv(HERE / "counts_equal.csv", skipinitialspace=True)
BILLIONS = [4e8, 5e8, 3e8], [1e9] * 3, [5e8, 4e8, 3.1e8], [1e9] * 3
SPARSE = (
    [0, 1, 0, 2, 0, 0, 1],
    [20, 30, 25, 50, 12, 44, 30],
    [1, 0, 0, 0, 1, 0, 2],
    [20, 30, 25, 50, 12, 44, 30],
)


def floats(*cells):
    return [np.array(x, float) for x in cells]


@pytest.mark.parametrize("method", ["UM.FS", "UM.RS"])
def test_groups_of_a_billion_are_the_normal_model(method):
    """Sampling variances are 1e-8 of tau2: the estimate is the mean of the log odds ratios, tau2 their variance."""
    a, n1, c, n2 = floats(*BILLIONS)
    y = special.logit(a / n1) - special.logit(c / n2)
    fit = km.counts(*BILLIONS, method=method, ci="profile")
    assert fit.estimate == pytest.approx(y.mean(), abs=1e-7)
    assert fit.tau2 == pytest.approx(y.var(), abs=1e-7)
    assert fit.ci_low < fit.estimate < fit.ci_high


@pytest.mark.parametrize("method", ["UM.FS", "UM.RS"])
def test_a_huge_study_beside_small_ones_has_the_say(method):
    cells = [4, 5, 3, 4e7], [10, 20, 30, 1e8], [5, 4, 3, 4.1e7], [15, 20, 30, 1e8]
    fit = km.counts(*cells, method=method)
    assert fit.estimate == pytest.approx(special.logit(0.4) - special.logit(0.41), abs=1e-6)


def test_log_density_loses_no_digits_in_groups_of_a_billion():
    """Against a sum of the exact series of log((1 - q) / (1 - p)), each next to the observed risk."""
    a, n = floats([3], [1e9])
    density = Unconditional(a, n, a, n)
    at = np.log(np.array([2e-9, 5e-9])) + np.array([2e-9, 5e-9])
    value = density.evaluate(np.stack([np.zeros(2), at], axis=-1)[None])[0][0]
    wanted = 2 * (3 * math.log(5 / 2) - 1e9 * (5e-9 - 2e-9))
    assert value[1] - value[0] == pytest.approx(wanted, abs=1e-7)


@pytest.mark.parametrize("method", ["UM.FS", "UM.RS"])
def test_sparse_tables_take_few_evaluations(method, monkeypatch):
    calls, at = [], Likelihood.at
    monkeypatch.setattr(Likelihood, "at", lambda *args: calls.append(1) or at(*args))
    km.counts([0, 1, 0, 0], [20, 30, 25, 50], [0, 0, 0, 1], [20, 30, 25, 50], method=method)
    assert len(calls) < 600


def test_the_edge_of_the_level_variance_is_exact_and_said():
    fit = km.counts(*SPARSE, method="UM.RS")
    assert fit.sigma2 == 0
    assert any("sigma2" in note and "edge" in note for note in fit.notes)


MODES = {
    "near zero": (
        [8000, 8000, 8000, 10, 15],
        [20000] * 3 + [10, 15],
        [7998, 8485, 8303, 8, 6],
        (0.0365662, 1.1297497),
    ),
    "far": (
        [8000, 8000, 8000, 12, 21],
        [20000] * 3 + [12, 21],
        [7894, 7817, 8045, 1, 12],
        (2.2701332, 0.018518),
    ),
}


def by_trapezoid(cells, theta, tau):
    """UM.FS at a given effect and tau: each study on a grid of its own log odds ratios, its level at the best."""
    total = 0.0
    for a, n1, c, n2 in zip(*cells, strict=True):
        y = math.log((a + 0.5) * (n2 - c + 0.5) / ((n1 - a + 0.5) * (c + 0.5)))
        se = math.sqrt(sum(1 / (x + 0.5) for x in (a, n1 - a, c, n2 - c)))
        ends = (y - 14 * se, y + 14 * se) if n1 > 1000 else (theta - 10 * tau, theta + 10 * tau)
        t = np.linspace(*ends, 2001)

        def fall(level, t=t, a=a, n1=n1, c=c, n2=n2):
            one, two = level + t / 2, level - t / 2
            logs = a * one - n1 * np.logaddexp(0, one) + c * two - n2 * np.logaddexp(0, two)
            logs += stats.norm.logpdf(t, theta, tau)
            return -special.logsumexp(logs) - math.log(t[1] - t[0])

        middle = (math.log((a + 0.5) / (n1 - a + 0.5)) + math.log((c + 0.5) / (n2 - c + 0.5))) / 2
        total -= optimize.minimize_scalar(
            fall, bounds=(middle - 8, middle + 8), method="bounded", options={"xatol": 1e-9}
        ).fun
    return total + sum(
        special.gammaln(n + 1) - special.gammaln(x + 1) - special.gammaln(n - x + 1)
        for x, n in zip(np.r_[cells[0], cells[2]], np.r_[cells[1], cells[3]], strict=True)
    )


@pytest.mark.parametrize("name", MODES)
def test_of_several_modes_the_highest_is_taken_and_said(name):
    a, n, c, (best, other) = MODES[name]
    cells = floats(a, n, c, n)
    fit = km.counts(*cells, method="UM.FS")
    assert any("2 local maxima" in note for note in fit.notes)
    assert math.sqrt(fit.tau2) == pytest.approx(best, rel=1e-4)
    assert by_trapezoid(cells, fit.estimate, math.sqrt(fit.tau2)) == pytest.approx(fit.loglik, abs=1e-6)

    def ridge(tau):
        start = (0.0, 2.0) if tau > 0.2 else (-1.0, 1.0)
        found = optimize.minimize_scalar(
            lambda theta: -by_trapezoid(cells, theta, tau),
            bounds=start,
            method="bounded",
            options={"xatol": 1e-3},
        )
        return -found.fun

    valley = min(ridge(tau) for tau in np.geomspace(best, other, 6)[1:-1])
    assert fit.loglik > ridge(other) > valley + 0.01


def test_a_likelihood_that_is_flat_in_tau_has_a_name():
    """One event in each of two tables, on either side: each has probability 1/2 whatever tau2 is."""
    cells = [0, 1], [50, 30], [1, 0], [50, 30]
    with pytest.raises(ModelError, match="say nothing of tau2"):
        km.counts(*cells, method="CM.EL")
    assert km.counts(*cells, method="CM.EL", tau2="EE").estimate == pytest.approx(0, abs=1e-9)


def test_large_tau_against_adaptive_integration():
    cells = floats([9, 1, 10, 2, 8], [10] * 5, [1, 9, 2, 10, 1], [10] * 5)
    fit = fit_glmm(*cells, model="CM.EL")
    tau, total = math.sqrt(fit.tau2), 0.0
    assert tau > 5
    for a, n1, c, n2 in zip(*cells, strict=True):
        x = np.arange(max(0, a + c - n2), min(n1, a + c) + 1)
        logs = np.log(special.comb(n1, x)) + np.log(special.comb(n2, a + c - x))

        def density(z, logs=logs, x=x, a=a):
            every = logs + x * (fit.estimate + tau * z)
            return math.exp(every[x == a][0] - special.logsumexp(every) - z * z / 2) / math.sqrt(2 * math.pi)

        total += math.log(integrate.quad(density, -12, 12, epsabs=0, epsrel=1e-12, limit=400, points=[0])[0])
    assert fit.loglik == pytest.approx(total, abs=1e-9)


@pytest.mark.parametrize("effect", [-0.7, 0.0, 1.9])
def test_conditional_density_of_groups_of_a_hundred_thousand(effect):
    a, n1, c, n2 = floats([30_100], [100_000], [29_800], [120_000])
    value, slope, _ = Conditional(a, n1, c, n2).evaluate(np.full((1, 1, 1), effect))
    x = np.arange(0.0, 59_901)
    logs = [-special.betaln(n - y + 1, y + 1) for n, y in ((n1, x), (n2, 59_900 - x))]
    every = logs[0] + logs[1] + x * effect
    assert value[0, 0] == pytest.approx(every[30_100] - special.logsumexp(every), rel=1e-9)
    mean = np.sum(x * np.exp(every - special.logsumexp(every)))
    assert slope[0, 0, 0] == pytest.approx(30_100 - mean, rel=1e-9)


@pytest.mark.parametrize("row", list(EQUAL.itertuples()), ids=lambda row: row.set)
def test_equal_odds_ratios_under_random_levels_agree_with_lme4(row):
    cells = INPUTS.loc[INPUTS["set"] == row.set, ["a", "n1", "c", "n2"]].to_numpy(float).T
    tests = {test.name: test for test in km.counts(*cells, method="UM.RS").tests}
    lrt, wald = tests["likelihood ratio, equal OR"], tests["Wald, equal OR"]
    assert (lrt.df, wald.df) == (row.df, row.df)
    assert lrt.stat == pytest.approx(row.lrt, abs=1e-6)
    assert wald.stat == pytest.approx(row.wald, rel=1e-7 if row.sigma2 == 0 else 0.08)


def test_a_table_that_separates_has_its_limit_in_the_test_of_equal_odds_ratios():
    """Its probability tends to 1: nearly what a table with 1e-6 of the other outcome would have."""
    cells = floats([8, 3, 5], [8, 10, 12], [0, 4, 2], [9, 11, 13])
    fit = fit_glmm(*cells, model="UM.RS")
    rest = fit_glmm(*(x[1:] for x in cells), model="UM.RS")
    assert fit.wald_df == 1
    assert fit.wald == pytest.approx(rest.wald, rel=1e-8)
    assert fit.loglik_common + fit.lrt / 2 == pytest.approx(rest.loglik_common + rest.lrt / 2, abs=1e-7)


def test_left_out_rows_say_why():
    arms = {
        "study_id": "A",
        "cohort_id": "c1",
        "arm_id": "t1",
        "comparator_arm_id": "p1",
        "outcome": "response",
    }
    arms |= {
        "instrument": "MADRS",
        "time_hours": 24.0,
        "events_t": 3,
        "total_t": 10,
        "events_c": 2,
        "total_c": 10,
    }
    other = arms | {"study_id": "B", "cohort_id": "c2", "arm_id": "t2", "comparator_arm_id": "p2"}
    rows = pd.DataFrame([arms, arms | {"events_t": 4}, other, other | {"cohort_id": "c3", "events_t": None}])
    rows.loc[3, "comparator_arm_id"] = "p3"
    fit = km.counts(rows)
    assert len(fit.left_out) == 3
    assert any(note.startswith("2 rows left out:") and "stands there twice" in note for note in fit.notes)
    assert any(note.startswith("1 row left out:") for note in fit.notes)


def test_labels_are_escaped_in_html():
    rows = pd.DataFrame({"label": ["<script>", "b", "c"], "events_t": [0, 4, 2], "total_t": [9, 9, 9]})
    page = km.counts(rows.assign(events_c=[0, 2, 5], total_c=9))._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
