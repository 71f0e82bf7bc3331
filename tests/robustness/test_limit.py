from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import chi2, norm

import ketameta as km
from ketameta.errors import ModelError
from ketameta.robustness import LimitMeta, limit_meta_analysis
from ketameta.robustness._limiting import limit

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.concat(
    [
        pd.read_csv(REFERENCE / name)
        for name in ("pooling_inputs.csv", "filling_ketamine.csv", "limit_moore.csv")
    ]
)
LIMIT = pd.read_csv(REFERENCE / "limit.csv")
STUDIES = pd.read_csv(REFERENCE / "limit_studies.csv")
SE = np.array([0.08, 0.12, 0.2, 0.25, 0.31, 0.4, 0.55])
Y = np.array([-0.2, -0.35, -0.3, -0.7, -0.45, -1.1, -1.4])


def arrays(dataset: str) -> tuple[np.ndarray, np.ndarray]:
    rows = INPUTS[INPUTS["dataset"] == dataset]
    return rows["yi"].to_numpy(), rows["vi"].to_numpy()


def limited(y: np.ndarray = Y, v: np.ndarray = SE**2, **how: str) -> LimitMeta:
    return limit_meta_analysis(km.pool(yi=y, vi=v, **how))


@pytest.mark.parametrize("case", [*LIMIT.itertuples(index=False)], ids=lambda case: f"{case[0]}-{case[1]}")
def test_equals_metasens_at_its_tau2(case) -> None:
    """Closed forms, at the tau2 that R used, to 1e-8; what is 0 in R up to rounding, absolutely."""
    y, v = arrays(case.dataset)
    found = limit(y, v, tau2=case.tau2_value, level=0.95)
    scale = float(np.abs(y).max())
    assert found.beta == pytest.approx(case.beta, rel=1e-8)
    assert found.alpha.estimate[0] == pytest.approx(case.alpha, rel=1e-8)
    assert found.q_resid == pytest.approx(case.q_resid, rel=1e-8)
    assert found.g2 == pytest.approx(case.g2, rel=1e-8, abs=1e-10)
    for name in ("beta0", "betalim", "mulim"):
        one = getattr(found, name)
        low, high = one.interval()
        for part, value in (("estimate", one.estimate), ("se", one.se), ("ci_low", low), ("ci_high", high)):
            assert value[0] == pytest.approx(getattr(case, f"{name}_{part}"), rel=1e-8, abs=1e-12 * scale), (
                name
            )
        assert one.p[0] == pytest.approx(getattr(case, f"{name}_p"), rel=1e-7, abs=1e-14)
    wanted = STUDIES[(STUDIES["dataset"] == case.dataset) & (STUDIES["tau2"] == case.tau2)]
    np.testing.assert_allclose(found.limit_y, wanted["limit_yi"], rtol=1e-8, atol=1e-12 * scale)


@pytest.mark.parametrize("case", [*LIMIT.itertuples(index=False)], ids=lambda case: f"{case[0]}-{case[1]}")
def test_equals_metasens_from_the_data_on(case) -> None:
    """With tau2 of our own: 1e-6, as Fisher scoring of R stops short of the maximum."""
    found = limited(*arrays(case.dataset), tau2=case.tau2)
    assert found.tau2 == pytest.approx(case.tau2_value, rel=1e-6, abs=1e-12)
    for name in ("estimate", "se", "ci_low", "ci_high"):
        assert getattr(found, name) == pytest.approx(getattr(case, f"beta0_{name}"), rel=1e-6)
    assert found.q == pytest.approx(case.q, rel=1e-8)
    assert found.q_small == pytest.approx(case.q_small, rel=1e-7)
    assert found.q_resid_p == pytest.approx(chi2.sf(case.q_resid, found.k - 2), rel=1e-6)
    assert found.q_small_p == pytest.approx(chi2.sf(case.q_small, 1), rel=1e-6)
    table = found.to_frame().set_index("variant")
    for name in ("beta0", "betalim", "mulim"):
        assert table.loc[name, "estimate"] == pytest.approx(
            getattr(case, f"{name}_estimate"), rel=1e-6, abs=1e-9
        )
    assert table.loc["pooled", "estimate"] == found.unadjusted.estimate


def test_the_estimate_is_the_maximum_of_the_likelihood() -> None:
    found = limited()
    spread = np.sqrt(SE**2 + found.tau2)

    def deviance(at: np.ndarray) -> float:
        return -float(norm.logpdf(Y, at[0] + at[1] * spread, spread).sum())

    best = minimize(deviance, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-14})
    assert found.beta == pytest.approx(best.x[0], rel=1e-5)
    assert found.alpha == pytest.approx(best.x[1], rel=1e-5)
    assert found.estimate == pytest.approx(best.x[0] + best.x[1] * math.sqrt(found.tau2), rel=1e-5)


def test_standard_errors_are_those_of_simulated_effects() -> None:
    rng = np.random.default_rng(5)
    tau2, beta, alpha, n = 0.05, -0.2, -1.0, 400
    spread = np.sqrt(SE**2 + tau2)
    drawn = beta + spread * (alpha + rng.standard_normal((n, SE.size)))
    found = [limit(y, SE**2, tau2=tau2, level=0.95) for y in drawn]
    beta0 = np.array([one.beta0.estimate[0] for one in found])
    se = float(found[0].beta0.se[0])
    assert beta0.mean() == pytest.approx(beta + alpha * math.sqrt(tau2), abs=4 * se / math.sqrt(n))
    assert beta0.std() == pytest.approx(se, rel=0.12)


def test_the_curve_runs_from_the_adjusted_effect_through_the_model() -> None:
    found = limited()
    assert found.at(0.0) == pytest.approx(found.estimate, rel=1e-12)
    assert found.at([0.3, 0.4]).shape == (2,)
    np.testing.assert_allclose(
        found.at(SE), found.beta + found.alpha * np.sqrt(SE**2 + found.tau2), rtol=1e-12
    )


def test_a_line_without_scatter_is_found_exactly() -> None:
    found = limited(0.3 - 2.0 * SE, SE**2, tau2="EE", ci="Wald")
    assert (found.estimate, found.alpha) == pytest.approx((0.3, -2.0), rel=1e-10)
    assert found.g2 == 0
    assert found.q_resid == pytest.approx(0, abs=1e-20)
    assert found.q_small == pytest.approx(found.q, rel=1e-12)


def test_without_heterogeneity_all_variants_are_pet() -> None:
    found = limited(tau2="EE", ci="Wald")
    table = found.to_frame().set_index("variant")
    pet = km.regress(pd.DataFrame({"yi": Y, "vi": SE**2, "se": SE}), "se", tau2="EE", ci="Wald").to_frame()
    assert table.loc[["beta0", "betalim", "mulim"], "estimate"].tolist() == pytest.approx(
        [pet["estimate"][0]] * 3, rel=1e-10
    )
    assert found.se == pytest.approx(pet["se"][0], rel=1e-10)


@settings(max_examples=40, deadline=None)
@given(
    shift=st.floats(-5, 5),
    log_scale=st.floats(-3, 3),
    sign=st.sampled_from([-1.0, 1.0]),
    seed=st.integers(0, 99),
)
def test_moves_with_the_data(shift: float, log_scale: float, sign: float, seed: int) -> None:
    scale = 10**log_scale
    order = np.random.default_rng(seed).permutation(SE.size)
    one = limited(tau2="DL")
    other = limited((sign * scale * Y + shift * scale)[order], (scale * SE[order]) ** 2, tau2="DL")
    assert other.estimate / scale == pytest.approx(sign * one.estimate + shift, rel=1e-8, abs=1e-9)
    assert other.se / scale == pytest.approx(one.se, rel=1e-8)
    assert other.alpha == pytest.approx(sign * one.alpha, rel=1e-8)
    assert other.q_small == pytest.approx(one.q_small, rel=1e-7)
    np.testing.assert_allclose(other.limit_yi / scale, sign * one.limit_yi[order] + shift, atol=1e-8)


def test_g2_moves_with_the_null_as_the_paper_has_it() -> None:
    assert limited(Y + 3.0).g2 < 0.5 * limited().g2


def test_few_studies_heterogeneity_and_smds_are_told() -> None:
    notes = " ".join(limited(10 * Y).notes)
    for words in ("extrapolation", "smallest standard error is 0.08", "7 studies", "I2 ="):
        assert words in notes
    table = pd.DataFrame({"yi": np.tile(Y, 2), "vi": np.tile(SE, 2) ** 2, "measure": "SMD"})
    smd = " ".join(limit_meta_analysis(km.pool(table)).notes)
    assert "grows with the SMD" in smd
    assert "14 studies" not in smd


@pytest.mark.parametrize(
    ("vi", "words"),
    [
        ([0.1] * 4, "too much alike"),
        ([0.1, 0.2], "needs 3 studies or more"),
        ([0.1], "needs 3 studies or more"),
    ],
)
def test_refuses_what_has_no_slope(vi: list[float], words: str) -> None:
    fit = km.pool(yi=np.arange(len(vi)) / 10, vi=vi, ci="Wald")
    with pytest.raises(ModelError, match=words):
        limit_meta_analysis(fit)
    with pytest.raises(ModelError, match=r"takes the result of pool\(\)"):
        limit_meta_analysis(Y)


@pytest.mark.parametrize("scale", [1e-60, 1e-8, 1e8, 1e60])
def test_units_of_any_size(scale: float) -> None:
    found = limited(Y * scale, (SE * scale) ** 2)
    assert found.estimate / scale == pytest.approx(limited().estimate, rel=1e-7)
    assert found.g2 == pytest.approx(limited().g2, rel=1e-7)


def test_equal_effects_are_left_alone() -> None:
    found = limited(np.full(7, -0.4), SE**2, ci="Wald")
    assert found.estimate == pytest.approx(-0.4)
    assert found.alpha == pytest.approx(0, abs=1e-12)
    assert (found.g2, found.q_small) == (0, pytest.approx(0, abs=1e-12))
    assert limited(np.zeros(7), SE**2, ci="Wald").g2 == 0


def test_tells_itself() -> None:
    table = pd.DataFrame({"yi": Y, "vi": SE**2, "measure": "OR"})
    found = limit_meta_analysis(km.pool(table, level=0.9))
    assert found.sentence().startswith(
        f"A limit meta-analysis moved the pooled OR from {math.exp(found.unadjusted.estimate):.2f} to "
        f"{math.exp(found.estimate):.2f} (90% CI {math.exp(found.ci_low):.2f} to {math.exp(found.ci_high):.2f};"
    )
    low = norm.ppf(0.05, found.estimate, found.se)
    assert found.ci_low == pytest.approx(low, rel=1e-12)
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert said["estimate"] == found.estimate
    assert [row["variant"] for row in said["variants"]] == ["pooled", "beta0", "betalim", "mulim"]
    assert found.provenance.steps[-1] == {"step": "limit_meta_analysis", "arguments": {}}
    text = str(found)
    for words in ("limit (beta0)", "G2 (%)", "Q, rest (df = 5)", "tau2 by REML, taken as known", "90% Wald"):
        assert words in text
    assert "<table>" in found._repr_html_()
    assert "tau2 taken as 0" in limited(tau2="EE", ci="Wald").method
    with pytest.raises(ValueError, match="read-only"):
        found.limit_yi[0] = 1.0
