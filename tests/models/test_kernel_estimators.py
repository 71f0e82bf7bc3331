"""Estimators of tau2 against metafor 5 (reference/estimators.R), closed forms and each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketameta._typing import Array
from ketameta.errors import ModelError
from ketameta.models.kernel import METHODS, fit

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv")
ESTIMATORS = pd.read_csv(REFERENCE / "estimators.csv")
RELATIVE = 1e-8
# rma() stops its scoring at a tau2 of 3.9e-16 where the maximum lies at 0 itself.
NEARLY_ZERO = {("lee2004", "ML")}
# rma() stops at tau2 = 0, a local maximum; the likelihood is higher by 0.24 at the other one.
LOWER_MAXIMUM = {("egger2001", "ML")}


def study_data(dataset: str, moderator: int) -> tuple[Array, Array, Array | None]:
    rows = INPUTS[INPUTS["dataset"] == dataset]
    y, v = rows["yi"].to_numpy(), rows["vi"].to_numpy()
    return y, v, np.column_stack([np.ones(y.size), np.arange(y.size)]) if moderator else None


@pytest.mark.parametrize(
    ("method", "moderator"),
    sorted(set(ESTIMATORS[["method", "moderator"]].itertuples(index=False, name=None))),
)
def test_against_metafor(method: str, moderator: int) -> None:
    rows = ESTIMATORS[(ESTIMATORS["method"] == method) & (ESTIMATORS["moderator"] == moderator)]
    assert len(rows) >= 33
    for dataset, expected in zip(rows["dataset"], rows["tau2"], strict=True):
        y, v, x = study_data(dataset, moderator)
        weights = np.arange(1.0, y.size + 1.0) if method == "GENQ_position" else None
        found = fit(y, v, x, tau2=method.split("_")[0], q_weights=weights)
        assert found.converged
        if (dataset, method) in LOWER_MAXIMUM and moderator:
            assert expected == 0 < found.tau2
            assert found.modes == 2
        elif (dataset, method) in NEARLY_ZERO and moderator:
            assert found.tau2 == 0 < expected < 1e-12 * v.min()
        else:
            assert float(found.tau2) == pytest.approx(expected, rel=RELATIVE, abs=0.0), dataset


def test_the_maximum_that_scoring_misses_is_higher() -> None:
    """The likelihood of the egger2001 meta-regression written out, at 0 and at the estimate."""
    y, v, x = study_data("egger2001", 1)
    assert x is not None

    def loglik(t: float) -> float:
        w = 1.0 / (v + t)
        residual = y - x @ np.linalg.solve(x.T @ (w[:, None] * x), x.T @ (w * y))
        return float(-0.5 * (np.log(2.0 * np.pi * (v + t)) + w * residual**2).sum())

    found = fit(y, v, x, tau2="ML")
    assert loglik(float(found.tau2)) == pytest.approx(float(found.loglik), rel=1e-12)
    assert loglik(float(found.tau2)) > loglik(0.0) + 0.24


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 12), st.booleans())
def test_closed_forms_and_relations(seed: int, k: int, moderator: bool) -> None:
    """Moment estimators from the projection matrix itself."""
    rng = np.random.default_rng(seed)
    k += 2
    v = np.exp(rng.normal(-1.0, 1.0, k))
    y = rng.normal(0.0, np.sqrt(v + 1.0))
    x = np.column_stack([np.ones(k), rng.normal(size=k)]) if moderator else np.ones((k, 1))

    def moment(weights: Array) -> float:
        w = np.diag(weights)
        p = w - w @ x @ np.linalg.inv(x.T @ w @ x) @ x.T @ w
        return max(0.0, float((y @ p @ y - np.trace(p @ np.diag(v))) / np.trace(p)))

    weights = rng.uniform(0.5, 2.0, k)
    dl, he = moment(1.0 / v), moment(np.ones(k))
    w = np.diag(1.0 / v)
    q = y @ (w - w @ x @ np.linalg.inv(x.T @ w @ x) @ x.T @ w) @ y
    expected = {
        "DL": dl,
        "HE": he,
        "DL2": moment(1.0 / (v + dl)),
        "HE2": moment(1.0 / (v + he)),
        "GENQ": moment(1.0 / np.sqrt(v)),
        "HSk": max(0.0, (q * k / (k - x.shape[1]) - k) / (1.0 / v).sum()),
    }
    design = x if moderator else None
    for method, tau2 in expected.items():
        found = float(fit(y, v, design, tau2=method).tau2)
        assert found == pytest.approx(tau2, rel=1e-10, abs=1e-12 * v.max()), method
    for given_weights, tau2 in ((weights, moment(weights)), (1.0 / v, dl), (np.full(k, 3.0), he)):
        found = float(fit(y, v, design, tau2="GENQ", q_weights=given_weights).tau2)
        assert found == pytest.approx(tau2, rel=1e-10, abs=1e-12 * v.max())


def test_more_steps_tend_to_paule_mandel() -> None:
    """The moment estimator with weights 1 / (v + tau2) again and again (van Aert & Jackson 2018)."""
    y, v, _ = study_data("bcg_rr", 0)
    tau2 = float(fit(y, v, tau2="DL").tau2)
    second = float(fit(y, v, tau2="GENQ", q_weights=1.0 / (v + tau2)).tau2)
    assert second == pytest.approx(float(fit(y, v, tau2="DL2").tau2), rel=1e-13)
    for _ in range(60):
        tau2 = float(fit(y, v, tau2="GENQ", q_weights=1.0 / (v + tau2)).tau2)
    assert tau2 == pytest.approx(float(fit(y, v, tau2="PM").tau2), rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("moderator", [False, True])
def test_units_and_shifts_do_not_matter(method: str, moderator: bool) -> None:
    """Effects times 1e4 and 1e-4, and plus 1e6 (on a grid of 2^-20, so that the sum is exact)."""
    rng = np.random.default_rng(4)
    v = np.exp(rng.normal(-1.0, 1.5, (200, 9)))
    y = np.round(rng.normal(-0.5, np.sqrt(v + 0.2)) * 2.0**20) / 2.0**20
    x = np.column_stack([np.ones(9), rng.normal(size=9)]) if moderator else None
    one = fit(y, v, x, tau2=method)
    again = [fit(y * unit, v * unit**2, x, tau2=method) for unit in (1e4, 1e-4)] + [
        fit(y + 1e6, v, x, tau2=method)
    ]
    for two, unit, shift in zip(again, (1e4, 1e-4, 1.0), (0.0, 0.0, 1e6), strict=True):
        assert two.converged.all()
        np.testing.assert_allclose(two.tau2 / unit**2, one.tau2, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(two.cov / unit**2, one.cov, rtol=1e-9)
        np.testing.assert_allclose(two.beta[:, 0] / unit - shift, one.beta[:, 0], rtol=1e-9, atol=2e-9)
        np.testing.assert_allclose(two.weights, one.weights, rtol=1e-9)
        assert np.array_equal(two.boundary, one.boundary)
        assert np.array_equal(two.modes, one.modes)


@pytest.mark.parametrize("method", METHODS)
def test_many_studies(method: str) -> None:
    """100,000 studies, against sums written out; memory stays that of a few arrays of studies."""
    import tracemalloc

    rng = np.random.default_rng(6)
    k = 100_000
    v = rng.uniform(0.02, 0.5, k)
    x = np.column_stack([np.ones(k), rng.normal(size=k)])
    y = 3.0 + 0.2 * x[:, 1] + rng.normal(0.0, np.sqrt(v + 0.1))
    for design in (None, x):
        tracemalloc.start()
        found = fit(y, v, design, tau2=method)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 60 * 8 * k
        w = 1.0 / (v + float(found.tau2))
        own = np.ones((k, 1)) if design is None else design
        beta = np.linalg.solve(own.T @ (w[:, None] * own), own.T @ (w * y))
        assert found.beta == pytest.approx(beta, rel=1e-10)
        if method == "SJ":
            start = ((y - y.mean()) ** 2).mean()
            w = 1.0 / (v + start)
            residual = y - own @ np.linalg.solve(own.T @ (w[:, None] * own), own.T @ (w * y))
            assert float(found.tau2) == pytest.approx(start * (w * residual**2).sum() / found.df, rel=1e-10)
        elif method != "EE":
            assert float(found.tau2) == pytest.approx(0.1 if design is not None else 0.14, rel=0.05)


def test_weights_of_q_are_checked() -> None:
    y, v = [0.1, 0.4, -0.2], [0.1, 0.2, 0.3]
    for bad in ([1.0, 0.0, 1.0], [1.0, -1.0, 1.0], [1.0, np.nan, 1.0], [1.0, np.inf, 1.0]):
        with pytest.raises(ModelError, match=r"position \(1,\)"):
            fit(y, v, tau2="GENQ", q_weights=bad)
    with pytest.raises(ModelError, match="do not fit"):
        fit(y, v, tau2="GENQ", q_weights=[1.0, 2.0])
    with pytest.raises(ModelError, match='are for tau2="GENQ"'):
        fit(y, v, tau2="DL", q_weights=[1.0, 2.0, 3.0])


def test_weights_of_q_follow_the_mask() -> None:
    y, v, a = (
        np.array([0.1, 0.9, -0.7, 9.0]),
        np.array([0.1, 0.2, 0.3, 0.1]),
        np.array([1.0, 2.0, 3.0, np.nan]),
    )
    mask = np.array([True, True, True, False])
    one = fit(y, v, tau2="GENQ", q_weights=a, mask=mask)
    assert float(one.tau2) == pytest.approx(
        float(fit(y[:3], v[:3], tau2="GENQ", q_weights=a[:3]).tau2), rel=1e-13
    )
