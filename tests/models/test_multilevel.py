"""multilevel: derivatives, dense likelihoods, invariances, forms of V, recovery."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from scipy.linalg import block_diag

import ketameta as km
from ketameta.effects import covariance
from ketameta.models._ml_likelihood import evaluate, slopes

from .multilevel_trials import BLOCKS, SMALL, TABLE, fit, longitudinal

STRUCTURES = ("CS", "HCS", "UN", "AR", "HAR", "CAR", "ID", "DIAG")


def loglik_of(m, y, x, reml):
    """The likelihood from the whole matrix."""
    n, p = x.shape
    inverse = np.linalg.inv(m)
    information = x.T @ inverse @ x
    r = y - x @ np.linalg.solve(information, x.T @ inverse @ y)
    total = n * np.log(2 * np.pi) + np.linalg.slogdet(m)[1] + r @ inverse @ r
    if reml:
        total += np.linalg.slogdet(information)[1] - np.linalg.slogdet(x.T @ x)[1] - p * np.log(2 * np.pi)
    return -0.5 * total


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_score_and_information_are_the_derivatives(structure, method):
    model = fit(structure=structure, method=method, random=["1 | site", "time | trial"])._fitted.model
    theta = np.concatenate([part.start(0.4, 0.3) for part in model.structures])
    theta = theta + np.random.default_rng(3).uniform(0.02, 0.1, theta.size)
    here, step = slopes(model, evaluate(model, theta)), 1e-5
    for j in range(theta.size):
        up, down = theta.copy(), theta.copy()
        up[j] += step
        down[j] -= step
        up, down = evaluate(model, up), evaluate(model, down)
        np.testing.assert_allclose(
            here.score[j], (up.loglik - down.loglik) / (2 * step), rtol=1e-6, atol=1e-6
        )
        second = (slopes(model, up).score - slopes(model, down).score) / (2 * step)
        np.testing.assert_allclose(-here.observed[j], second, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_crossed_effects_against_the_whole_matrix(method):
    found = fit(random=["1 | trial/es", "1 | site"], method=method, moderators="time")
    y, v = TABLE["yi"].to_numpy(), block_diag(*BLOCKS)
    x = np.column_stack([np.ones(len(y)), TABLE["time"]])
    same = [
        np.equal.outer(TABLE[name].to_numpy(), TABLE[name].to_numpy()) * 1.0
        for name in ("trial", "es", "site")
    ]

    def height(theta):
        return -loglik_of(v + sum(t * s for t, s in zip(theta, same, strict=True)), y, x, method == "REML")

    best = min(
        (optimize.minimize(height, start, method="L-BFGS-B", bounds=[(0, None)] * 3, tol=1e-14)
         for start in ([0.1, 0.1, 0.1], [0.3, 0.01, 0.02], [0.02, 0.2, 0.01])),
        key=lambda one: one.fun,
    )  # fmt: skip
    estimates = found.components["estimate"].to_numpy()
    np.testing.assert_allclose(found.loglik, -height(estimates), rtol=1e-12)
    assert found.loglik >= -best.fun - 1e-10
    np.testing.assert_allclose(estimates, best.x, atol=1e-4)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_nothing_is_higher_than_the_maximum(structure):
    found = fit(structure=structure)
    model, best = found._fitted.model, found._fitted.point
    rng = np.random.default_rng(8)
    for size in (1e-3, 1e-1, 1.0):
        for _ in range(30):
            theta = np.clip(best.theta + size * rng.normal(size=best.theta.size), model.lower, model.upper)
            other = evaluate(model, theta)
            assert other is None or other.loglik <= best.loglik + 1e-9


def test_one_effect_a_study_is_the_pool():
    one = TABLE.drop_duplicates("trial")
    found, pooled = km.multilevel(one, random="1 | trial"), km.pool(one[["yi", "vi"]], ci="Wald")
    np.testing.assert_allclose(found.components["estimate"][0], pooled.tau2, rtol=1e-8)
    np.testing.assert_allclose([found.beta[0], found.qe], [pooled.estimate, pooled.q], rtol=1e-9)
    np.testing.assert_allclose(np.sqrt(found.cov[0, 0]), pooled.se, rtol=1e-9)


def test_forms_of_v_agree():
    full = block_diag(*BLOCKS)
    of_blocks, of_matrix = fit(), km.multilevel(TABLE, V=full, random="time | trial")
    assert of_blocks.loglik == pytest.approx(of_matrix.loglik, abs=1e-12)
    constant = km.multilevel(TABLE, V=0.6, random="1 | trial/es")
    root = np.sqrt(TABLE["vi"].to_numpy())
    same = np.equal.outer(TABLE["trial"].to_numpy(), TABLE["trial"].to_numpy())
    v = np.where(same, 0.6, 0.0) * np.outer(root, root)
    np.fill_diagonal(v, TABLE["vi"])
    by_hand = km.multilevel(TABLE, V=v, random="1 | trial/es")
    np.testing.assert_allclose(constant.beta, by_hand.beta, rtol=1e-10)
    without = km.multilevel(TABLE.drop(columns="vi"), V=full, random="time | trial")
    assert without.loglik == pytest.approx(of_matrix.loglik, abs=1e-12)


def test_v_of_the_account():
    es = pd.DataFrame(
        {
            "study_id": ["a", "a", "b", "b", "c", "d"],
            "time_hours": [24.0, 168.0, 24.0, 168.0, 24.0, 24.0],
            "measure": "SMD",
            "yi": [-0.8, -0.5, -0.4, -0.1, -0.9, np.nan],
            "vi": [0.08, 0.09, 0.05, 0.06, 0.1, np.nan],
            "reason": ["", "", "", "", "", "no SD"],
        }
    )
    v = covariance(es)
    found = km.multilevel(es, V=v)
    by_hand = km.multilevel(es.iloc[:5], V=v.matrix)
    assert found.loglik == by_hand.loglik
    assert found.k == 5
    assert any("no SD" in note for note in found.notes)
    with pytest.raises(km.errors.ModelError, match="other rows"):
        km.multilevel(es.iloc[:4], V=v)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_order_of_rows_does_not_matter(structure):
    order = np.random.default_rng(5).permutation(len(TABLE))
    full = block_diag(*BLOCKS)
    first = km.multilevel(TABLE, V=full, random="time | trial", structure=structure)
    second = km.multilevel(
        TABLE.iloc[order], V=full[np.ix_(order, order)], random="time | trial", structure=structure
    )
    assert first.loglik == pytest.approx(second.loglik, abs=1e-9)
    np.testing.assert_allclose(first.beta, second.beta, rtol=1e-7)
    np.testing.assert_allclose(
        first.residuals("standardised")[order], second.residuals("standardised"), atol=1e-6
    )


@pytest.mark.parametrize("unit", [1e4, 1e-4, 1e-8])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_units_do_not_matter(structure, unit):
    scaled = TABLE.assign(yi=TABLE["yi"] * unit, vi=TABLE["vi"] * unit**2)
    one = fit(structure=structure)
    other = km.multilevel(scaled, V=[b * unit**2 for b in BLOCKS], random="time | trial", structure=structure)
    np.testing.assert_allclose(other.beta / unit, one.beta, rtol=1e-7)
    variances = one.components["component"].str.startswith("tau2")
    a, b = (found.components.loc[variances, "estimate"].to_numpy() for found in (one, other))
    np.testing.assert_allclose(b / unit**2, a, rtol=1e-6, atol=1e-9)
    assert other.loglik + (other.k - 1) * np.log(unit) == pytest.approx(one.loglik, abs=1e-8)


def test_unit_of_time_does_not_matter():
    days = fit(structure="CAR")
    hours = km.multilevel(
        TABLE.assign(time=24 * TABLE["time"] - 100), V=BLOCKS, random="time | trial", structure="CAR"
    )
    assert hours.loglik == pytest.approx(days.loglik, abs=1e-9)
    assert hours.components["estimate"][1] ** 24 == pytest.approx(days.components["estimate"][1], rel=1e-6)


def test_a_stack_of_blocks_is_a_list_of_blocks():
    blocks = [np.array([[0.1, 0.03], [0.03, 0.2]]) + 0.01 * i * np.eye(2) for i in range(4)]
    table = SMALL.drop(columns="vi")
    stacked, listed = km.multilevel(table, V=np.stack(blocks)), km.multilevel(table, V=blocks)
    assert stacked.to_dict() == listed.to_dict()


def test_components_are_unbiased():
    """120 sets of 25 trials with 4 times: REML recovers what they were made with."""
    truth, rho = 0.15, 0.95
    found = []
    for seed in range(120):
        table, blocks = longitudinal(25, seed=1000 + seed)
        one = km.multilevel(table, V=blocks, random="time | trial", structure="CAR", moderators="time")
        found.append([*one.components["estimate"], *one.beta])
    mean, se = np.nanmean(found, axis=0), np.nanstd(found, axis=0) / np.sqrt(120)
    assert abs(mean[0] - truth) < 4 * se[0]
    assert abs(mean[1] - rho) < 0.015
    assert abs(mean[2] + 0.5) < 4 * se[2]
    assert abs(mean[3] - 0.01) < 4 * se[3]


def test_no_matrix_of_all_effects():
    table, blocks = longitudinal(1500, m=4, kept=1.0)
    tracemalloc.start()
    km.multilevel(table, V=blocks, random="time | trial", structure="CAR")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.2 * 8 * len(table) ** 2
