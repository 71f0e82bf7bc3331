from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, ndtri

import ketameta as km
from ketameta.curves import CurveOptions, responding
from ketameta.curves.responding_contrasts import contrasts, needed_to_treat, nnt_text
from ketameta.curves.responding_fit import fit_arms
from ketameta.curves.responding_inputs import read_arms
from ketameta.errors import ModelError

REFERENCE = Path(__file__).parents[1] / "reference"
KNOTS = (2, 24, 336)
TIMES = np.array([2.0, 24.0, 72.0, 168.0, 336.0])
PINNED_SIZE = (7, 38)
PINNED_SHARES = [[0.48, 0.19], [0.4, 0.23]]


def trials() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "responding_trials.csv")


def small(**cells: object) -> pd.DataFrame:
    base = {
        "study_id": ["a", "a", "b", "b", "c", "c"],
        "time_hours": [24, 168] * 3,
        "events_t": [8, 5, 9, 4, 7, 5],
        "total_t": 20,
        "events_c": [3, 3, 2, 4, 1, 3],
        "total_c": 20,
    }
    return pd.DataFrame({**base, **cells})


@pytest.fixture(scope="module")
def fitted():
    return fit_arms(read_arms(trials(), "both")[0], KNOTS, rho=0.0, correlation="log-time", reml=False)


def numbers(fit) -> dict[str, float]:
    logits, cov = fit.logits(TIMES)
    found = {}
    for arm, suffix in enumerate("tc"):
        for row, hours in enumerate(TIMES):
            found[f"logit_{suffix}_{hours:g}"] = logits[row, arm]
            found[f"se_{suffix}_{hours:g}"] = math.sqrt(cov[row, arm, arm])
    spread = {"tau2_t": fit.spread[0, 0], "cov": fit.spread[0, 1], "tau2_c": fit.spread[1, 1]}
    return {**found, **spread, "omega2": fit.omega2}


def test_penalised_quasi_likelihood_agrees_with_glmmpql(fitted):
    table = pd.read_csv(REFERENCE / "responding.csv")
    expected = table[table["case"] == "glmmPQL"].set_index("quantity")["value"]
    for quantity, value in numbers(fitted).items():
        assert value == pytest.approx(expected[quantity], rel=3e-4, abs=1e-5), quantity


def test_the_laplace_likelihood_is_near(fitted):
    table = pd.read_csv(REFERENCE / "responding.csv")
    expected = table[table["case"] == "glmer"].set_index("quantity")["value"]
    for quantity, value in numbers(fitted).items():
        if quantity.startswith("logit"):
            assert abs(value - expected[quantity]) < 0.04, quantity
        else:
            assert value == pytest.approx(expected[quantity], rel=0.05), quantity


def test_without_heterogeneity_and_correlation_it_is_a_logistic_regression():
    data = read_arms(small().iloc[:2], "both")[0]
    logits, cov = fit_arms(data, (24, 168), rho=0.0, correlation="log-time").logits(np.array([24.0, 168.0]))
    share = np.array([[8, 3], [5, 3]]) / 20
    assert logits == pytest.approx(logit(share), abs=1e-7)
    assert np.diagonal(cov, axis1=1, axis2=2) == pytest.approx(1 / (20 * share * (1 - share)), rel=1e-7)


def test_working_covariance_is_that_of_the_same_people():
    data = read_arms(small(total_t=[20, 16] * 3).iloc[:2], "both")[0]
    share = np.array([0.4, 0.3, 0.2, 0.2])
    (v,) = data.covariances(share, rho=0.5, correlation="log-time")
    sd = 1 / np.sqrt(np.array([20, 16, 20, 20]) * share * (1 - share))
    assert np.sqrt(np.diag(v)) == pytest.approx(sd, rel=1e-12)
    assert v[0, 1] == pytest.approx(0.5 * math.sqrt(16 / 20) * sd[0] * sd[1], rel=1e-12)
    assert np.count_nonzero(v[:2, 2:]) == 0
    (capped,) = data.covariances(np.array([0.9, 0.1, 0.2, 0.2]), rho=0.9, correlation="log-time")
    phi = capped[0, 1] / math.sqrt(capped[0, 0] * capped[1, 1]) / math.sqrt(16 / 20)
    assert phi == pytest.approx(math.sqrt((0.1 / 0.9) / (0.9 / 0.1)), rel=1e-12)


def test_a_fit_is_the_maximum_of_a_dense_restricted_likelihood():
    data = read_arms(trials(), "both")[0]
    fit = fit_arms(data, KNOTS, rho=0.6, correlation="log-time")
    basis = fit.shape.basis(data.hours)
    x = np.hstack([basis * data.ketamine[:, None], basis * ~data.ketamine[:, None]])
    z = np.column_stack([data.ketamine, ~data.ketamine]).astype(float)
    same = np.equal.outer(data.trial, data.trial)

    def dense(spread, omega2, share, y):
        v = np.zeros(same.shape)
        v[same] = np.concatenate(
            [m.ravel() for m in data.covariances(share, rho=0.6, correlation="log-time")]
        )
        m = v + omega2 * np.eye(y.size) + (z @ spread @ z.T) * same
        inverse = np.linalg.inv(m)
        beta = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ y)
        r = y - x @ beta
        height = -0.5 * (np.linalg.slogdet(m)[1] + np.linalg.slogdet(x.T @ inverse @ x)[1] + r @ inverse @ r)
        blup = (z @ spread @ z.T) * same + omega2 * np.eye(y.size)
        return height, beta, x @ beta + blup @ inverse @ r

    eta = np.log((data.events + 0.5) / (data.totals - data.events + 0.5))
    for _ in range(60):
        share = expit(eta)
        y = eta + (data.events / data.totals - share) / (share * (1 - share))
        best, beta, eta = dense(fit.spread, fit.omega2, share, y)
    assert beta == pytest.approx(fit.beta, abs=1e-6)
    for i, j in ((0, 0), (0, 1), (1, 1)):
        step = np.zeros((2, 2))
        step[i, j] = step[j, i] = 0.01
        for sign in (-1, 1):
            assert dense(fit.spread + sign * step, fit.omega2, share, y)[0] < best
    for change in (-0.01, 0.01):
        assert dense(fit.spread, fit.omega2 + change, share, y)[0] < best


def test_contrasts_are_within_what_shares_allow_and_hold_the_estimate():
    rng = np.random.default_rng(1)
    root = rng.standard_normal((50, 2, 2))
    cov = root @ np.swapaxes(root, 1, 2) + 0.01 * np.eye(2)
    found = contrasts(3 * rng.standard_normal((50, 2)), cov, 1.96)
    for name in ("rd", "rr", "or"):
        assert (found[f"{name}_ci_low"] <= found[name]).all()
        assert (found[name] <= found[f"{name}_ci_high"]).all()
    assert (found["rd_ci_low"] >= -1).all()
    assert (found["rd_ci_high"] <= 1).all()
    assert found["nnt"] == pytest.approx(1 / found["rd"])


def test_common_trial_effects_make_contrasts_sharper():
    logits = np.array([[0.3, -1.0]])
    apart, together = (np.array([[[0.09, c], [c, 0.16]]]) for c in (0.0, 0.08))
    width = [
        found["rd_ci_high"] - found["rd_ci_low"]
        for found in (contrasts(logits, v, 1.96) for v in (apart, together))
    ]
    assert width[1] < width[0]


def test_read_outs_meet_their_definitions():
    curve = responding(trials(), knots=KNOTS)
    reading = curve.time_to(0.4)
    assert curve.at(hours=[reading.value])["response_t"].iloc[0] == pytest.approx(0.4, abs=1e-4)
    assert reading.bound_hours < reading.value
    assert curve.at(hours=[reading.bound_hours])["ci_low_t"].iloc[0] == pytest.approx(0.4, abs=1e-4)
    assert reading.ci_low <= reading.value <= reading.ci_high
    peak = curve.at(hours=np.geomspace(2, 336, 400))["response_t"].max()
    half = curve.half_life()
    assert (half.value is None) == (curve.at(hours=[336])["response_t"].iloc[0] > peak / 2)
    assert curve.half_life(arm="comparator").value is None


def test_a_fast_decay_has_a_half_life():
    rows = small(study_id=["a"] * 6, time_hours=[2, 6, 24, 72, 168, 336], events_t=[16, 14, 10, 6, 3, 2])
    curve = responding(rows)
    half = curve.half_life()
    times = np.geomspace(2, 336, 2000)
    line = curve.at(hours=times)["response_t"].to_numpy()
    top = int(line.argmax())
    assert half.value == pytest.approx(times[top:][line[top:] < line[top] / 2][0] - times[top], rel=0.01)


def test_a_shared_comparator_arm_counts_once():
    shared = pd.concat(
        [small(cohort_id="x", comparator_arm_id="x:c", study_id=f"x{dose}").iloc[:2] for dose in (1, 2)]
    )
    data = read_arms(shared, "both")[0]
    assert (data.ketamine.sum(), (~data.ketamine).sum()) == (4, 2)
    assert len(data.trials) == 1


def test_the_order_of_rows_and_the_name_of_trials_do_not_matter():
    first = responding(small()).to_frame()
    other = responding(
        small(study_id=["z", "z", "y", "y", "q", "q"]).sample(frac=1, random_state=1)
    ).to_frame()
    pd.testing.assert_frame_equal(first, other, rtol=1e-6)


def test_swapping_response_and_its_absence_mirrors_the_curve():
    rows = small()
    turned = rows.assign(events_t=20 - rows["events_t"], events_c=20 - rows["events_c"])
    first, second = responding(rows).to_frame(), responding(turned).to_frame()
    assert second["response_t"].to_numpy() == pytest.approx(1 - first["response_t"].to_numpy(), abs=1e-6)
    assert second["rd_ci_low"].to_numpy() == pytest.approx(-first["rd_ci_high"].to_numpy(), abs=1e-5)


def test_zero_cells_need_no_correction_until_a_share_runs_away():
    assert responding(small(events_c=[0, 3, 2, 4, 1, 3])).at(hours=[24])["response_c"].iloc[
        0
    ] == pytest.approx(0.05, abs=0.01)
    with pytest.raises(ModelError, match="no responder near 24 h"):
        responding(small(events_c=[0, 3, 0, 4, 0, 3]))
    with pytest.raises(ModelError, match="nobody responds at any time in any comparator arm"):
        responding(small(events_c=0))
    with pytest.raises(ModelError, match="everybody responds"):
        responding(small(events_t=20))
    alone = responding(small(events_c=0), arms="ketamine")
    assert "response_c" not in alone.to_frame()
    assert "comparator" not in alone.sentence()


def test_single_arm_rows_enter_only_when_asked_and_are_named():
    rows = small(events_c=[np.nan, np.nan, 2, 4, 1, 3])
    both = responding(rows)
    assert both.k_trials == 2
    assert both.left_out["reason"].tolist() == ["no counts of a comparator arm"] * 2
    every = responding(rows, arms="any")
    assert every.k_trials == 3
    assert "without a comparator arm, in the curve of ketamine alone: a" in every.notes


def test_few_trials_are_told():
    assert "a single trial (a)" in responding(small().iloc[:2]).notes[0]
    assert any("shift alike" in note for note in responding(small().iloc[:4]).notes)


def test_sensitivity_refits_with_the_same_knots():
    curve = responding(small())
    table = curve.sensitivity([0.2, 0.6])
    assert table["response_t_24h"].iloc[1] == pytest.approx(
        curve.at(hours=[24])["response_t"].iloc[0], rel=1e-9
    )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (small(events_c=-1), "events_c and total_c must be whole numbers"),
        (small(events_c=1.5), "events_c and total_c must be whole numbers"),
        (small(events_c=np.inf), "events_c and total_c must be whole numbers"),
        (small(events_t="x"), "events_t and total_t must be whole numbers"),
        (small(events_t=30), "events_t and total_t must be whole numbers"),
        (small(time_hours=[0, 168] * 3), "above zero"),
        (small(time_hours=np.nan), "no time is given"),
        (small().drop(columns="events_t"), "lacks events_t"),
        (small().drop(columns="study_id"), "cohort_id"),
        (small(study_id=""), "must be named"),
        (small().iloc[:0], "no rows"),
        (small().iloc[[0, 2, 4]], "no curve over time"),
        (pd.concat([small(), small()]), "several rows share trial, arm and time"),
        (small(dosing=["single", "repeated"] * 3), "mixes repeated"),
        (small(outcome=["response", "remission"] * 3), "mixes remission"),
        (small(status="apart"), "status is apart"),
        (pd.concat([small(), small()[["events_t"]]], axis=1), "events_t stands more than once"),
        ([1, 2], "not list"),
    ],
)
def test_rows_that_cannot_be_used_are_named(rows, message):
    with pytest.raises(ModelError, match=message):
        responding(rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arms": "x"}, "arms="),
        ({"rho": 1}, "rho"),
        ({"level": 2}, "level"),
        ({"ci": "z"}, "ci="),
        ({"knots": (24, 30, 168)}, "do not determine"),
        ({"knots": (24,)}, "at least two"),
        ({"options": 3}, "CurveOptions"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ModelError, match=message):
        responding(small(), **arguments)


def test_questions_to_a_curve_are_checked():
    curve = responding(small(), options=CurveOptions(method="ML", correlation="constant"))
    for ask, message in (
        (lambda: curve.at(days=[20]), "outside the measured times"),
        (lambda: curve.at(days=[-1]), "above zero"),
        (lambda: curve.at(days=["a"]), "numbers"),
        (lambda: curve.at(), "either"),
        (lambda: curve.time_to(2), "between 0 and 1"),
        (lambda: curve.time_to(0.3, arm="x"), "arm="),
        (lambda: curve.time_to(0.3, rng="x"), "rng="),
        (lambda: curve.sensitivity("a"), "list of correlations"),
        (lambda: curve.sensitivity([]), "must hold correlations"),
        (lambda: curve.sensitivity([1.2]), "must hold correlations"),
    ):
        with pytest.raises(ModelError, match=message):
            ask()
    assert not curve.at(days=[20], extrapolate=True)["supported"].iloc[0]


def test_response_after_a_single_dose_in_the_trials_of_the_data_set():
    table = km.load_trials()
    rows = table[
        (table["indication"] == "MDD")
        & (table["outcome"] == "response")
        & (table["dosing"] == "single")
        & (table["instrument"] == "MADRS")
        & (table["status"] == "include")
        & table["time_hours"].between(2, 336)
        & table["comparator_class"].isin(["inactive", "psychoactive"])
    ]
    curve = responding(rows)
    assert (curve.k_trials, curve.n_shares) == PINNED_SIZE
    found = curve.at(days=[1, 7])[["response_t", "response_c"]].round(2).to_numpy().tolist()
    assert found == PINNED_SHARES
    assert curve.half_life().status == "not reached"
    assert json.loads(json.dumps(curve.to_dict(), allow_nan=False))["k_trials"] == curve.k_trials
    assert "Share responding over time" in str(curve)
    assert "<table" in curve._repr_html_()


def test_a_selection_goes_in_as_it_is():
    found = km.select(
        km.load_trials(),
        indication="MDD",
        outcome="response",
        dosing="single",
        comparator=["inactive", "psychoactive"],
        population=["MDD", "TRD"],
    )
    assert responding(found).to_dict() == responding(found.rows).to_dict()


def test_a_share_that_is_never_reached_has_no_time():
    curve = responding(trials(), knots=KNOTS)
    reading = curve.time_to(0.95, arm="comparator")
    assert (reading.value, reading.bound_hours, reading.status) == (None, None, "undefined")
    assert reading.ci_low == 0
    assert "never reaches 95%" in reading.note


def test_known_shares_are_recovered():
    rng = np.random.default_rng(20260921)
    grid, inside, errors = np.array([24.0, 72.0, 168.0, 336.0]), 0, []
    root = {
        m: np.linalg.cholesky(
            0.8 ** (np.abs(np.subtract.outer(np.log(grid[:m]), np.log(grid[:m]))) / np.log(7))
        )
        for m in (2, 3, 4)
    }
    for _ in range(12):
        rows = []
        for i in range(8):
            m = int(rng.integers(2, 5))
            counts = []
            for level in (-0.1 + 0.6 * rng.standard_normal(), -1.5 + 0.5 * rng.standard_normal()):
                eta = level - 0.3 * np.log(grid[:m] / 24) * (level > -0.8)
                normal = rng.standard_normal((40, m)) @ root[m].T
                counts.append((normal < ndtri(expit(eta))).sum(axis=0))
            rows += [(f"t{i}", h, a, 40, c, 40) for h, a, c in zip(grid, *counts, strict=False)]
        columns = ["study_id", "time_hours", "events_t", "total_t", "events_c", "total_c"]
        row = responding(pd.DataFrame(rows, columns=columns), knots=(24, 336)).at(hours=[24]).iloc[0]
        inside += row["ci_low_t"] <= expit(-0.1) <= row["ci_high_t"]
        errors.append(logit(row["response_t"]) + 0.1)
    assert inside >= 10
    assert abs(np.mean(errors)) < 0.2


def test_rare_responses_in_large_trials_do_not_count_as_none():
    rare = small(events_t=[3, 5, 4, 6, 2, 4], total_t=100_000)
    shares = responding(rare).at(hours=[24, 168])["response_t"]
    assert shares.to_numpy() == pytest.approx([3e-5, 5e-5], rel=0.05)
    rare["events_t"] = [3, 0, 4, 0, 2, 0]
    with pytest.raises(ModelError, match="no responder near 168 h"):
        responding(rare)


def test_trials_without_a_comparator_do_not_make_its_intervals_sharper():
    alone = pd.concat([small(study_id=list(names), events_c=np.nan) for names in ("ddeeff", "gghhii")])
    two = small().iloc[:4]
    curve = responding(pd.concat([two, alone]), arms="any")
    assert curve.k_trials == 8
    assert curve.df == responding(two).df == 1
    assert any("both arms of a trial shift alike" in note for note in curve.notes)
    assert any(note.startswith("2 trials for") for note in curve.notes)


def test_people_who_cannot_correlate_as_assumed_are_told():
    times = np.concatenate([np.linspace(first, first + 1, 20) for first in (2, 24, 168)])
    rows = pd.DataFrame({"study_id": np.repeat(["a", "b", "c"], 60), "time_hours": np.tile(times, 3)})
    rows["events_t"] = np.tile(np.repeat([210, 220, 230], 20), 3)
    rows = rows.assign(events_c=rows["events_t"] - 110, total_t=400, total_c=400)
    with pytest.raises(ModelError, match=r"cannot correlate by 0\.95"):
        responding(rows, rho=0.95, options=CurveOptions(correlation="constant"))


@pytest.mark.parametrize("level", [1e-9, 1 - 1e-12, np.nextafter(1.0, 0.0)])
@pytest.mark.parametrize("ci", ["t", "Wald"])
def test_extreme_levels_give_intervals(level, ci):
    curve = responding(small(), level=level, ci=ci)
    table = curve.at(hours=[24])
    assert 0 <= table["ci_low_t"].iloc[0] < table["response_t"].iloc[0] < table["ci_high_t"].iloc[0] <= 1
    assert not table.isna().any(axis=None)
    assert "CI" in str(curve)
    assert curve.time_to(0.3).ci_low is not None


def test_an_interval_of_harm_that_reaches_no_difference_ends_at_infinity():
    found = [float(part[0]) for part in needed_to_treat(*(np.array([v]) for v in (-0.25, -0.5, 0.0)))]
    assert found == [-4, -math.inf, -2]
    assert nnt_text(*found) == "harm 4.0 [harm 2.0, ∞]"
    assert nnt_text(4.0, 2.0, math.inf) == "4.0 [2.0, ∞]"
