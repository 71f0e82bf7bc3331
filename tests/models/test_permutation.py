"""Permutation tests: brute force, random draws, extremes, options."""

import itertools
import json
import math
import tracemalloc

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta import _progress
from ketameta.errors import ModelError
from ketameta.models import permuting

Y = np.array([-0.9, -0.2, -0.7, 0.1, -0.5, -0.4])
V = np.array([0.05, 0.11, 0.08, 0.06, 0.15, 0.09])
X = np.array([1.0, 3.0, 2.0, 5.0, 2.0, 4.0])


@pytest.mark.parametrize("ci", ["Wald", "HKSJ", "HKSJ-adhoc"])
@pytest.mark.parametrize("tau2", ["DL", "REML"])
def test_sign_flips_by_brute_force(tau2, ci):
    fit = km.pool(yi=Y, vi=V, tau2=tau2, ci=ci)
    stats = [
        abs(km.pool(yi=np.array(signs) * Y, vi=V, tau2=tau2, ci=ci).stat)
        for signs in itertools.product([-1, 1], repeat=6)
    ]
    expected = np.mean(np.array(stats) >= abs(fit.stat) * (1 - 1e-9))
    found = km.models.permutation(fit)
    assert (found.n, found.exact) == (64, True)
    assert found.table["p"][0] == pytest.approx(expected, abs=1e-12)
    assert found.table["p_model"][0] == fit.p
    assert found.table["stat"][0] == pytest.approx(fit.stat)


@pytest.mark.parametrize("ci", ["Wald", "HKSJ"])
@pytest.mark.parametrize("second", [[0.0, 1.0, 1.0, 0.0, 1.0], None])
def test_orders_of_rows_by_brute_force(ci, second):
    y, v = Y[:5], V[:5]
    x = {"x": X[:5]} if second is None else {"x": X[:5], "z": np.array(second)}
    fit = km.regress(yi=y, vi=v, moderators=x, ci=ci, tau2="DL")
    observed = [*fit.to_frame()["stat"][1:].abs(), fit.qm]
    found = []
    for order in itertools.permutations(range(5)):
        other = km.regress(
            yi=y, vi=v, moderators={name: values[list(order)] for name, values in x.items()}, ci=ci, tau2="DL"
        )
        found.append([*other.to_frame()["stat"][1:].abs(), other.qm])
    expected = (np.array(found) >= np.array(observed) * (1 - 1e-9)).mean(axis=0)
    test = km.models.permutation(fit)
    assert test.n == len(set(itertools.permutations(zip(*x.values(), strict=True))))
    np.testing.assert_allclose(test.table["p"], expected, atol=1e-12)
    assert test.table["term"].tolist() == [*x, "all moderators"]
    assert math.isnan(test.table["estimate"].iloc[-1])


def test_orders_of_things_alike_are_all_there_once():
    for counts in ([1, 1, 1, 1], [2, 1, 2], [3, 2], [5], [1, 4]):
        total = permuting._orders(counts)
        orders = permuting._arranged(np.arange(total), counts, total)
        things = [group for group, count in enumerate(counts) for _ in range(count)]
        assert {tuple(order) for order in orders.tolist()} == set(itertools.permutations(things))
        assert len(orders) == len({tuple(order) for order in orders.tolist()})


@pytest.mark.parametrize("kind", ["pool", "regress"])
def test_random_draws_come_near_the_exact_p(kind):
    fit = (
        km.pool(yi=Y, vi=V, tau2="DL")
        if kind == "pool"
        else km.regress(yi=Y, vi=V, moderators={"x": X}, tau2="DL")
    )
    exact = km.models.permutation(fit).table["p"][0]
    drawn = km.models.permutation(fit, exact=False, iterations=20_000, rng=5)
    assert not drawn.exact
    error = math.sqrt(exact * (1 - exact) / 20_000)
    assert abs(drawn.table["p"][0] - exact) < 4 * error + 1 / 20_001
    again = km.models.permutation(fit, exact=False, iterations=20_000, rng=np.random.default_rng(5))
    assert again.table.equals(drawn.table)
    assert any("standard error" in note for note in drawn.notes)


def test_random_p_is_never_zero():
    fit = km.pool(yi=np.full(30, -2.0) + np.linspace(-0.1, 0.1, 30), vi=np.full(30, 0.01))
    test = km.models.permutation(fit, iterations=99, rng=1)
    assert (test.n, test.exact) == (99, False)
    assert test.table["p"][0] == 0.01


def test_chunks_do_not_change_the_draws(monkeypatch):
    fit = km.regress(yi=Y, vi=V, moderators={"x": X}, tau2="DL")
    whole = km.models.permutation(fit, exact=False, iterations=300, rng=2)
    monkeypatch.setattr(permuting, "_CHUNK", 7)
    parts = km.models.permutation(fit, exact=False, iterations=300, rng=2)
    assert whole.table.equals(parts.table)
    assert km.models.permutation(fit).table["p"].tolist() == km.models.permutation(fit).table["p"].tolist()


def test_p_values_are_uniform_when_nothing_is_there():
    """Skewed effects with unequal variances: rejection at 0.1 stays near 0.1 over 300 samples."""
    rng = np.random.default_rng(8)
    ps = []
    for _ in range(300):
        vi = rng.uniform(0.02, 0.3, 7)
        yi = rng.normal(0, np.sqrt(vi)) + rng.normal(0, 0.3, 7)
        ps.append(km.models.permutation(km.pool(yi=yi, vi=vi, tau2="DL")).table["p"][0])
    rejected = np.mean(np.array(ps) <= 0.1)
    assert abs(rejected - 6 / 64) < 4 * math.sqrt(0.09 / 300)


def test_identical_effects():
    """All effects alike: the HKSJ standard error is 0; only no flip and the flip of all are as extreme."""
    with pytest.warns(km.errors.KetametaWarning, match="identical"):
        fit = km.pool(yi=[-1.0] * 5, vi=[0.1] * 5)
    assert km.models.permutation(fit).table["p"][0] == 2 / 32


def test_a_model_without_an_intercept_is_refused():
    """The mean of a group stays as far from 0 as it was, to whichever studies its label goes."""
    es = pd.DataFrame({"yi": Y - 5.0, "vi": V, "g": ["a", "b"] * 3})
    with pytest.raises(ModelError, match="without an intercept"):
        km.models.permutation(km.regress(es, "0 + g", tau2="DL"))


def test_memory_does_not_grow_with_draws(monkeypatch):
    monkeypatch.setattr(permuting, "_CHUNK_NUMBERS", 2**17, raising=False)
    rng = np.random.default_rng(4)
    yi, x = rng.normal(size=(2, 300))
    fit = km.regress(yi=yi, vi=np.full(300, 0.1), moderators={"x": x}, tau2="DL")
    peaks = []
    for draws in (500, 2000):
        tracemalloc.start()
        km.models.permutation(fit, iterations=draws, rng=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_progress_is_told_only_for_long_work(capsys, monkeypatch):
    fit = km.pool(yi=Y, vi=V, tau2="DL")
    km.models.permutation(fit)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_progress, "_QUIET_SECONDS", 0.0)
    monkeypatch.setattr(_progress, "_PAUSE", 0.0)
    km.models.permutation(fit)
    assert "permutation test [" in capsys.readouterr().err
    km.models.permutation(fit, progress=False)
    assert capsys.readouterr().err == ""


def test_the_result_shows_itself():
    fit = km.regress(yi=Y, vi=V, moderators={"x": X, "z": X**2}, tau2="DL")
    test = km.models.permutation(fit)
    assert "Exact permutation test: 360 orders" in str(test)
    assert "all moderators P = " in test.sentence()
    assert "<table>" in test._repr_html_()
    assert "PermutationTest" in repr(test)
    assert test.to_frame().equals(test.table)
    json.dumps(test.to_dict(), allow_nan=False)
    assert any("none of them matters" in note for note in test.notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iterations": 0}, "iterations"),
        ({"iterations": 10.5}, "iterations"),
        ({"iterations": True}, "iterations"),
        ({"exact": "yes"}, "exact"),
        ({"exact": 1}, "exact"),
        ({"exact": None}, "exact"),
        ({"rng": "seed", "exact": False}, "rng"),
        ({"rng": -1}, "rng"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ModelError, match=message):
        km.models.permutation(km.pool(yi=Y, vi=V), **options)


def test_too_many_arrangements_and_too_few_studies():
    rng = np.random.default_rng(0)
    many = km.pool(yi=rng.normal(size=40), vi=np.full(40, 0.1))
    with pytest.raises(ModelError, match="at most 16777216"):
        km.models.permutation(many, exact=True)
    with pytest.raises(ModelError, match="two studies"):
        km.models.permutation(km.pool(yi=[1.0], vi=[0.1]))
    for wrong in (None, 3, pd.DataFrame()):
        with pytest.raises(ModelError, match="pool\\(\\) or regress\\(\\)"):
            km.models.permutation(wrong)
