from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.models.leave_one_out import contributions
from ketameta.robustness import Influence, influence

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.concat(pd.read_csv(REFERENCE / f"{name}_inputs.csv") for name in ("pooling", "influence"))
METAFOR = pd.read_csv(REFERENCE / "influence.csv")
CASES = [*dict.fromkeys(zip(METAFOR["dataset"], METAFOR["method"], METAFOR["test"], strict=True))]
CI = {"z": "Wald", "knha": "HKSJ", "adhoc": "HKSJ-adhoc"}
DIAGNOSTICS = (
    *("rstudent", "dffits", "cook_d", "cov_ratio", "tau2_deleted", "q_deleted", "hat", "weight", "dfbetas"),
)


def pooled(yi: object, vi: object, **settings: str) -> Pooled:
    return km.pool(yi=np.asarray(yi, float), vi=np.asarray(vi, float), **settings)


def classic(name: str = "bcg_rr", **settings: str) -> Pooled:
    rows = INPUTS[INPUTS["dataset"] == name]
    return pooled(rows["yi"], rows["vi"], **settings)


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
@pytest.mark.parametrize(("dataset", "method", "test"), CASES)
def test_equals_metafor(dataset: str, method: str, test: str) -> None:
    wanted = METAFOR.query("dataset == @dataset and method == @method and test == @test")
    found = influence(classic(dataset, tau2=method, ci=CI[test]))
    assert len(wanted) == len(found.labels)
    for name in DIAGNOSTICS:
        np.testing.assert_allclose(getattr(found, name), wanted[name], rtol=1e-8, atol=1e-11, err_msg=name)
    assert found.influential.tolist() == wanted["influential"].astype(bool).tolist()


def test_the_reference_covers_enough() -> None:
    assert METAFOR["dataset"].nunique() >= 8
    assert {"z", "knha", "adhoc"} == set(METAFOR["test"])
    assert METAFOR["influential"].any()


def by_hand(fit: Pooled, i: int) -> dict[str, float]:
    """The diagnostics of one study, from pools that are fitted one by one."""
    keep = np.arange(fit.k) != i
    without = pooled(fit.yi[keep], fit.vi[keep], tau2=fit.tau2_method, ci=fit.ci_method)
    shift = fit.estimate - without.estimate
    return {
        "rstudent": (fit.yi[i] - without.estimate) / math.sqrt(fit.vi[i] + without.tau2 + without.se**2),
        "cook_d": (shift / fit.se) ** 2,
        "cov_ratio": (without.se / fit.se) ** 2,
        "tau2_deleted": without.tau2,
        "q_deleted": without.q,
        "dffits": shift / math.sqrt(fit.weights[i] * (fit.vi[i] + without.tau2)),
        "dfbetas": shift * math.sqrt((1 / (fit.vi + without.tau2)).sum()),
    }


@pytest.mark.parametrize("method", ["EE", "DL", "PM", "SJ", "HE", "REML"])
def test_equals_pools_one_by_one(method: str) -> None:
    fit = classic(tau2=method, ci="Wald")
    found = influence(fit)
    for i in (0, 5, fit.k - 1):
        for name, value in by_hand(fit, i).items():
            assert getattr(found, name)[i] == pytest.approx(value, rel=1e-10), name


@pytest.mark.parametrize(("method", "ci"), [("REML", "KR"), ("ML", "profile")])
def test_other_intervals_have_model_based_diagnostics(method: str, ci: str) -> None:
    found, wald = influence(classic(tau2=method, ci=ci)), influence(classic(tau2=method, ci="Wald"))
    for name in DIAGNOSTICS:
        np.testing.assert_array_equal(getattr(found, name), getattr(wald, name))
    assert "model-based variances" in found.method


def test_baujat_coordinates_are_those_of_the_figure() -> None:
    fit = classic()
    found, wanted = influence(fit), contributions(fit.yi, fit.vi, tau2="REML")
    np.testing.assert_array_equal(found.heterogeneity, wanted.heterogeneity)
    np.testing.assert_array_equal(found.change, wanted.influence)


@pytest.mark.parametrize(("shift", "scale"), [(3.0, 1.0), (0.0, 1e3), (0.0, -1.0), (-2.0, 1e-3)])
def test_shift_scale_and_sign(shift: float, scale: float) -> None:
    fit = classic()
    one = influence(fit)
    other = influence(pooled(shift + scale * fit.yi, scale**2 * fit.vi))
    sign = math.copysign(1.0, scale)
    for name in ("rstudent", "dffits", "dfbetas"):
        np.testing.assert_allclose(getattr(other, name), sign * getattr(one, name), rtol=1e-6)
    for name in ("cook_d", "cov_ratio", "hat", "q_deleted"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-6)
    np.testing.assert_allclose(other.tau2_deleted, scale**2 * one.tau2_deleted, rtol=1e-6)
    assert other.reasons == one.reasons


def test_order_of_the_studies_does_not_matter() -> None:
    fit = classic()
    order = np.random.default_rng(1).permutation(fit.k)
    one, other = influence(fit), influence(pooled(fit.yi[order], fit.vi[order]))
    np.testing.assert_allclose(other.rstudent, one.rstudent[order], rtol=1e-9)
    np.testing.assert_allclose(other.cook_d, one.cook_d[order], rtol=1e-7)


def test_a_planted_outlier_is_marked_and_named() -> None:
    rng = np.random.default_rng(4)
    yi, vi = rng.normal(-0.5, 0.15, 12), np.full(12, 0.03)
    yi[4] = 2.0
    found = influence(pooled(yi, vi))
    assert found.outlying.tolist() == [i == 4 for i in range(12)]
    assert found.influential[4]
    assert "DFFITS" in found.reasons[4]
    assert "Study 5 by " in found.sentence()
    assert "outlying (Study 5)" in found.sentence()
    assert "residual" in str(found)


def test_residuals_of_a_true_model_are_standard_normal() -> None:
    rng = np.random.default_rng(7)
    residuals = []
    for _ in range(60):
        vi = rng.uniform(0.02, 0.2, 20)
        residuals.append(influence(pooled(rng.normal(0.3, np.sqrt(vi + 0.05)), vi, ci="Wald")).rstudent)
    every = np.concatenate(residuals)
    assert abs(every.mean()) < 0.08
    assert 0.93 < every.std() < 1.1
    assert 0.03 < (np.abs(every) > 1.96).mean() < 0.08


def test_alike_effects_are_said_to_have_no_diagnostics_under_hartung_knapp() -> None:
    found = influence(pooled([0.3] * 5, [0.1, 0.2, 0.3, 0.4, 0.5], ci="Wald"))
    assert found.rstudent.tolist() == pytest.approx([0.0] * 5, abs=1e-12)
    assert not found.notes[1:]
    with pytest.warns(km.errors.KetametaWarning, match="identical"):
        alike = pooled([0.3] * 5, [0.1, 0.2, 0.3, 0.4, 0.5])
    alike_found = influence(alike)
    assert np.isnan(alike_found.rstudent).all()
    assert any("missing" in note for note in alike_found.notes)
    assert alike_found.to_dict()["studies"][0]["rstudent"] is None


@pytest.mark.parametrize(
    "vi", [[1e-12, 1e-12, 1e-12, 1e12], [1e-20, 1.0, 1e8, 1e20], [1e-3, 1e-3, 1e-3, 1e-3]]
)
def test_huge_and_tiny_variances_give_numbers_or_a_note(vi: list[float]) -> None:
    found = influence(pooled([0.1, 0.4, -0.3, 0.2], vi, ci="Wald"))
    whole = np.isfinite([getattr(found, name) for name in DIAGNOSTICS if "deleted" not in name]).all()
    assert whole or any("missing" in note for note in found.notes)


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
def test_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ModelError, match=r"needs 3 studies or more; this pool has 2"):
        influence(pooled([0.1, 0.2], [0.1, 0.1]))
    with pytest.raises(ModelError, match="takes the result of pool"):
        influence(pd.DataFrame())  # type: ignore[arg-type]


def test_what_the_result_says() -> None:
    fit = classic(tau2="DL", ci="Wald")
    found = influence(fit)
    assert isinstance(found, Influence)
    frame = found.to_frame()
    assert frame["weight"].sum() == pytest.approx(100.0)
    assert frame["hat"].sum() == pytest.approx(1.0)
    assert frame["reasons"].astype(bool).tolist() == found.influential.tolist()
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(record["studies"]) == fit.k
    assert record["limits"]["hat"] == pytest.approx(3 / 13)
    assert found.provenance.steps[-1] == {"step": "influence", "arguments": {}}
    assert found.sentence().startswith("Of 13 studies, ")
    assert "marked beyond" in str(found)
    assert found._repr_html_().count("<tr>") == fit.k + 2
