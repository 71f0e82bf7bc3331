from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

import ketameta as km
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.robustness import TrimFill, trim_and_fill
from ketameta.robustness._trimming import missing_on_the_left, trim

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.concat([pd.read_csv(REFERENCE / name) for name in ("pooling_inputs.csv", "filling_ketamine.csv")])
FILLING = pd.read_csv(REFERENCE / "filling.csv", keep_default_na=True).fillna({"asked": ""})
STUDIES = pd.read_csv(REFERENCE / "filling_studies.csv").fillna({"asked": ""})
CASES = [*FILLING.itertuples(index=False)]
KEY = ["dataset", "tau2", "estimator", "asked"]


def pooled(dataset: str, tau2: str = "REML") -> Pooled:
    rows = INPUTS[INPUTS["dataset"] == dataset]
    ci = "Wald" if tau2 == "EE" else "HKSJ"
    return km.pool(yi=rows["yi"].to_numpy(), vi=rows["vi"].to_numpy(), tau2=tau2, ci=ci)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case[:4]))
def test_equals_metafor(case) -> None:
    """Closed forms to 1e-8; where REML fills in, Fisher scoring of R stops at 1e-13 of the mean variance."""
    fit = pooled(case.dataset, tau2=case.tau2)
    asked = case.asked or None
    if case.side == "stopped":
        with pytest.raises(ModelError, match="Q0 does not exist here"):
            trim_and_fill(fit, estimator="Q0", side=asked)
        return
    found = trim_and_fill(fit, estimator=case.estimator, side=asked)
    assert (found.side, found.k_filled) == (case.side, case.k0)
    assert found.k_filled_se == pytest.approx(case.se_k0, rel=1e-12, nan_ok=True)
    assert found.k_filled_p == pytest.approx(case.p_k0, rel=1e-12, nan_ok=True)
    names = ["estimate", "se", "ci_low", "ci_high", "p", "i2"]
    if case.tau2 != "EE":
        names += ["pi_low", "pi_high"]
    for name in names:
        assert getattr(found.adjusted, name) == pytest.approx(getattr(case, name), rel=1e-8, abs=1e-14), name
    assert found.adjusted.tau2 == pytest.approx(case.tau2_value, rel=1e-8, abs=1e-12)
    same = (STUDIES[KEY] == [case.dataset, case.tau2, case.estimator, case.asked]).all(axis=1)
    wanted = STUDIES[same]
    np.testing.assert_allclose(found.filled_yi, wanted["yi"], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found.filled_vi, wanted["vi"], rtol=1e-12)


def test_the_reference_has_what_it_should() -> None:
    assert FILLING["dataset"].nunique() >= 10
    assert (FILLING["k0"] > 0).sum() > 100
    assert set(FILLING["side"]) == {"left", "right", "stopped"}


Y = np.array([-0.30, -0.22, -0.41, -0.90, -1.33, -1.60, -0.55, -0.75, -0.10, -1.05, -0.62])
V = np.array([0.01, 0.01, 0.02, 0.10, 0.20, 0.30, 0.05, 0.09, 0.04, 0.15, 0.08])


def by_hand(y: np.ndarray, v: np.ndarray, estimator: str) -> tuple[int, float]:
    """Trim and fill of studies missing on the left under a common effect, written out from the papers."""
    order = np.argsort(y)
    y, v, k, count = y[order], v[order], len(y), 0
    for _ in range(100):
        kept = slice(0, k - count)
        centre = float(np.sum(y[kept] / v[kept]) / np.sum(1 / v[kept]))
        ranks = rankdata(np.abs(y - centre)) * np.sign(y - centre)
        total = ranks[ranks > 0].sum()
        value = {"L0": (4 * total - k * (k + 1)) / (2 * k - 1), "R0": k + ranks.min() - 1}[estimator]
        if max(0, round(value)) == count:
            break
        count = max(0, round(value))
    filled_y = np.concatenate((y, 2 * centre - y[k - count :]))
    filled_v = np.concatenate((v, v[k - count :]))
    return count, float(np.sum(filled_y / filled_v) / np.sum(1 / filled_v))


@pytest.mark.parametrize("estimator", ["L0", "R0"])
@pytest.mark.parametrize("seed", range(8))
def test_equals_the_formulas_written_out(estimator: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    v = rng.uniform(0.02, 0.4, 14)
    y = np.sqrt(v) * rng.standard_normal(14) + 0.8 * np.sqrt(v)
    count, estimate = by_hand(y, v, estimator)
    fit = km.pool(yi=y, vi=v, tau2="EE", ci="Wald")
    found = trim_and_fill(fit, estimator=estimator, side="left")
    assert found.k_filled == count
    assert found.adjusted.estimate == pytest.approx(estimate, rel=1e-10)


def test_q0_solves_its_equation() -> None:
    """With n studies missing, S has the expectation (k (k + 1) + n (2 k - 1) - n^2) / 4."""
    d = np.array([-0.5, -0.3, -0.1, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0])
    total = sum(rank for rank, value in zip(rankdata(np.abs(d)), d, strict=True) if value > 0)
    n = np.roots([-1.0, 2 * d.size - 1.0, d.size * (d.size + 1.0) - 4 * total]).min()
    assert n > 1
    assert missing_on_the_left(d, "Q0").count == round(n)


def test_r0_has_the_p_value_that_it_says() -> None:
    """Symmetric effects with a known centre, as the null distribution of R0 supposes."""
    rng = np.random.default_rng(2)
    counts = np.array(
        [missing_on_the_left(np.sort(rng.standard_normal(25)), "R0").count for _ in range(8000)]
    )
    for n in (1, 2, 3):
        assert np.mean(counts >= n) == pytest.approx(0.5 ** (n + 1), abs=0.02)


def test_suppressed_studies_are_counted() -> None:
    """Of 60 studies the 10 lowest, small ones as they are, are taken away: L0 finds about as many."""
    rng = np.random.default_rng(3)
    counts = []
    for _ in range(200):
        se = rng.uniform(0.05, 1.0, 60)
        y = se * rng.standard_normal(60)
        kept = np.argsort(y)[10:]
        found = trim(y[kept], se[kept] ** 2, tau2="EE", estimator="L0", side="left")
        counts.append(found.missing.count)
    assert np.mean(counts) == pytest.approx(10, abs=2)


@settings(max_examples=40, deadline=None)
@given(
    shift=st.floats(-5, 5),
    log_scale=st.floats(-3, 3),
    seed=st.integers(0, 99),
    estimator=st.sampled_from(["L0", "R0"]),
    side=st.sampled_from([None, "left", "right"]),
)
def test_moves_with_the_data(
    shift: float, log_scale: float, seed: int, estimator: str, side: str | None
) -> None:
    scale, order = 10**log_scale, np.random.default_rng(seed).permutation(Y.size)
    one = trim_and_fill(km.pool(yi=Y, vi=V, tau2="DL"), estimator=estimator, side=side)
    other = trim_and_fill(
        km.pool(yi=(Y[order] + shift) * scale, vi=V[order] * scale**2, tau2="DL"),
        estimator=estimator,
        side=side,
    )
    assert (other.side, other.k_filled) == (one.side, one.k_filled)
    assert other.adjusted.estimate / scale == pytest.approx(one.adjusted.estimate + shift, rel=1e-8, abs=1e-9)
    mirrored = trim_and_fill(
        km.pool(yi=-Y, vi=V, tau2="DL"),
        estimator=estimator,
        side={"left": "right", "right": "left", None: None}[side],
    )
    assert mirrored.side != one.side
    np.testing.assert_allclose(np.sort(-mirrored.filled_yi), np.sort(one.filled_yi), rtol=1e-12)


def test_filled_studies_mirror_the_most_extreme_ones() -> None:
    fit = km.pool(yi=Y, vi=V)
    found = trim_and_fill(fit)
    assert (found.side, found.side_given) == ("right", False)
    assert found.k_filled > 0
    extreme = np.sort(Y)[: found.k_filled]
    centre = km.pool(yi=np.sort(Y)[found.k_filled :], vi=V[np.argsort(Y)][found.k_filled :]).estimate
    np.testing.assert_allclose(np.sort(found.filled_yi), np.sort(2 * centre - extreme), rtol=1e-10)
    again = km.pool(yi=np.append(Y, found.filled_yi), vi=np.append(V, found.filled_vi))
    assert found.adjusted.estimate == pytest.approx(again.estimate, rel=1e-12)
    assert found.unadjusted is fit


@pytest.mark.parametrize(
    "how",
    [
        {"tau2": "PM", "ci": "HKSJ-adhoc"},
        {"tau2": "REML", "ci": "KR"},
        {"tau2": "ML", "ci": "profile"},
        {"tau2": "DL", "ci": "Wald", "level": 0.9},
        {"tau2": "SJ", "prediction": "t(k-2)"},
    ],
)
def test_the_filled_pool_is_made_as_the_first_was(how: dict) -> None:
    found = trim_and_fill(km.pool(yi=Y, vi=V, **how))
    again = km.pool(yi=np.append(Y, found.filled_yi), vi=np.append(V, found.filled_vi), **how)
    for name in ("estimate", "se", "ci_low", "ci_high", "p", "pi_low", "pi_high", "tau2"):
        assert getattr(found.adjusted, name) == pytest.approx(getattr(again, name), rel=1e-12), name
    assert found.adjusted.method == again.method


def test_a_symmetric_funnel_is_left_as_it_is() -> None:
    fit = km.pool(yi=[-0.5, -0.3, -0.1, -0.9, 0.3], vi=[0.1, 0.01, 0.1, 0.4, 0.4], tau2="DL")
    for estimator in ("L0", "R0", "Q0"):
        found = trim_and_fill(fit, estimator=estimator, side="right")
        assert found.k_filled == 0
        assert found.adjusted is fit
        assert found.filled_yi.shape == (0,)
        assert "filled in no study on the right" in found.sentence()


@pytest.mark.parametrize("estimator", ["L0", "R0", "Q0"])
def test_equal_effects_miss_nothing(estimator: str) -> None:
    fit = km.pool(yi=[-0.4] * 5, vi=[0.1, 0.2, 0.3, 0.4, 0.5], ci="Wald")
    found = trim_and_fill(fit, estimator=estimator)
    assert (found.k_filled, found.adjusted.estimate) == (0, fit.estimate)


def test_equal_standard_errors_have_no_side_of_their_own() -> None:
    fit = km.pool(yi=Y, vi=np.full(Y.size, 0.1))
    with pytest.raises(ModelError, match=r'too much alike.*give side="left"'):
        trim_and_fill(fit)
    assert trim_and_fill(fit, side="right").k_filled >= 0


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"estimator": "L1"}, "estimator"),
        ({"side": "both"}, "side"),
        ({"side": 1}, "side"),
        ({"estimator": None}, "estimator"),
    ],
)
def test_refuses_options_that_do_not_exist(asked: dict, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        trim_and_fill(km.pool(yi=Y, vi=V), **asked)


def test_refuses_other_things() -> None:
    with pytest.raises(ModelError, match=r"takes the result of pool\(\)"):
        trim_and_fill(Y)
    with pytest.raises(ModelError, match="needs 3 studies or more; this pool has 2"):
        trim_and_fill(km.pool(yi=[0.1, 0.2], vi=[0.1, 0.2], ci="Wald"))


@pytest.mark.parametrize("scale", [1e-60, 1e-8, 1e8, 1e60])
def test_units_of_any_size(scale: float) -> None:
    one, found = (trim_and_fill(km.pool(yi=Y * x, vi=V * x * x)) for x in (1.0, scale))
    assert found.k_filled == one.k_filled
    assert found.adjusted.estimate / scale == pytest.approx(one.adjusted.estimate, rel=1e-7)


def test_says_when_not_to_be_used() -> None:
    notes = trim_and_fill(km.pool(yi=Y[:6] * 4, vi=V[:6])).notes
    assert "filled studies are no data" in notes[0]
    joined = " ".join(notes)
    for words in ("6 studies", "I2 =", "Terrin"):
        assert words in joined
    rows = pd.DataFrame({"yi": Y, "vi": V, "measure": "SMD"})
    assert any("grows with the SMD" in note for note in trim_and_fill(km.pool(rows)).notes)
    even = km.pool(yi=[-0.5, -0.3, -0.1, -0.9, 0.3] * 2, vi=[0.1, 0.01, 0.1, 0.4, 0.4] * 2)
    calm = trim_and_fill(even).notes
    assert len(calm) == 1


def test_tells_itself() -> None:
    rows = pd.DataFrame({"yi": Y, "vi": V, "measure": "OR", "label": [f"Trial {i}" for i in range(Y.size)]})
    found: TrimFill = trim_and_fill(km.pool(rows), estimator="R0")
    assert found.sentence() == (
        f"Trim and fill (R0) filled in {found.k_filled} studies on the right, which moved the pooled OR from "
        f"{math.exp(found.unadjusted.estimate):.2f} (95% CI {math.exp(found.unadjusted.ci_low):.2f} to "
        f"{math.exp(found.unadjusted.ci_high):.2f}) to {math.exp(found.adjusted.estimate):.2f} (95% CI "
        f"{math.exp(found.adjusted.ci_low):.2f} to {math.exp(found.adjusted.ci_high):.2f})."
    )
    frame = found.to_frame()
    assert frame["analysis"].tolist() == ["observed", "filled"]
    assert frame["k"].tolist() == [Y.size, Y.size + found.k_filled]
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row["yi"] for row in said["filled"]] == found.filled_yi.tolist()
    assert said["k_filled_p"] == 0.5 ** (found.k_filled + 1)
    assert found.provenance.steps[-1] == {
        "step": "trim_and_fill",
        "arguments": {"estimator": "R0", "side": None},
    }
    assert found.adjusted.rows["label"].tolist()[-1] == f"Filled {found.k_filled}"
    assert "filled by trim and fill" in found.adjusted.provenance.line()
    text = str(found)
    for words in ("filled in on the right", "with studies filled in", "Trim and fill by R0 (Duval"):
        assert words in text
    assert "<table>" in found._repr_html_()
