from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ketameta as km
from ketameta.errors import ModelError
from ketameta.models import Pooled
from ketameta.robustness import LeaveOneOut, leave_one_out

REFERENCE = Path(__file__).parents[1] / "reference"
INPUTS = pd.concat(pd.read_csv(REFERENCE / f"{name}_inputs.csv") for name in ("pooling", "influence"))
METAFOR = pd.read_csv(REFERENCE / "influence.csv")
CASES = [*dict.fromkeys(zip(METAFOR["dataset"], METAFOR["method"], METAFOR["test"], strict=True))]
CI = {"z": "Wald", "knha": "HKSJ", "adhoc": "HKSJ-adhoc"}
FIELDS = ("estimate", "se", "ci_low", "ci_high", "p", "pi_low", "pi_high", "tau2", "i2", "q")
SETTINGS = [
    {"tau2": "EE", "ci": "Wald"},
    {"tau2": "DL", "ci": "HKSJ-adhoc"},
    {"tau2": "REML", "ci": "HKSJ", "prediction": "t(k-2)"},
    {"tau2": "REML", "ci": "KR", "level": 0.9},
    {"tau2": "ML", "ci": "profile"},
    {"tau2": "PM", "ci": "Wald", "level": 0.99},
]


def pooled(yi: Any, vi: Any, **settings: Any) -> Pooled:
    return km.pool(yi=np.asarray(yi, float), vi=np.asarray(vi, float), **settings)


def classic(name: str = "bcg_rr", **settings: Any) -> Pooled:
    rows = INPUTS[INPUTS["dataset"] == name]
    return pooled(rows["yi"], rows["vi"], **settings)


def table(k: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "label": [f"Trial {i}" for i in range(k)],
            "yi": rng.normal(-0.5, 0.3, k),
            "vi": rng.uniform(0.02, 0.1, k),
            "site": [("north", "south", "west")[i % 3] for i in range(k)],
            "year": [2010 + i for i in range(k)],
        }
    )


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
@pytest.mark.parametrize(("dataset", "method", "test"), CASES)
def test_equals_metafor(dataset: str, method: str, test: str) -> None:
    wanted = METAFOR.query("dataset == @dataset and method == @method and test == @test")
    found = leave_one_out(classic(dataset, tau2=method, ci=CI[test]))
    for name in ("estimate", "se", "ci_low", "ci_high", "p", "q", "tau2", "i2"):
        near = 1e-8 if name == "i2" else 1e-11  # R's optimiser ends beside a tau2 of 0
        np.testing.assert_allclose(
            getattr(found, name), wanted[f"left_{name}"], rtol=1e-8, atol=near, err_msg=name
        )


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: f"{s['tau2']}-{s['ci']}")
def test_equals_pools_one_by_one(settings: dict[str, Any]) -> None:
    fit = classic("hine1989_rd", **settings)
    found = leave_one_out(fit)
    for i in range(fit.k):
        keep = np.arange(fit.k) != i
        one = pooled(fit.yi[keep], fit.vi[keep], **settings)
        assert found.k[i] == one.k
        for name in FIELDS:
            assert getattr(found, name)[i] == pytest.approx(
                getattr(one, name), rel=1e-9, abs=1e-12, nan_ok=True
            )


def test_groups_are_left_out_together() -> None:
    rows = table()
    fit = km.pool(rows)
    found = leave_one_out(fit, by="site")
    assert found.labels == ("north", "south", "west")
    assert found.k.tolist() == [5, 5, 6]
    for label, estimate in zip(found.labels, found.estimate, strict=True):
        assert estimate == pytest.approx(km.pool(rows[rows["site"] != label]).estimate, rel=1e-10)
    assert found.by == "site"
    assert "values of site" in found.sentence()


def test_a_number_makes_groups_too() -> None:
    found = leave_one_out(km.pool(table()), by="year")
    assert len(found.labels) == 8
    np.testing.assert_array_equal(found.estimate, leave_one_out(km.pool(table())).estimate)


def test_the_study_that_decides_is_named() -> None:
    yi, vi = [-2.0, -0.1, -0.12, 0.05, -0.05], [0.02, 0.05, 0.05, 0.06, 0.04]
    fit = pooled(yi, vi, tau2="EE", ci="Wald")
    found = leave_one_out(fit)
    assert fit.ci_high < 0
    assert found.decisive == ("Study 1",)
    assert found.changes.tolist() == [True, False, False, False, False]
    assert "changed without Study 1." in found.sentence()
    assert found.excludes_null().tolist() == [False, True, True, True, True]
    mirrored = leave_one_out(pooled(-np.array(yi), vi, tau2="EE", ci="Wald"))
    assert mirrored.decisive == found.decisive
    assert mirrored.sides().tolist() == [0, 1, 1, 1, 1]


def test_an_effect_that_turns_round_changes_the_conclusion() -> None:
    fit = pooled([-1.0, 0.5, 0.5], [0.0001, 0.01, 0.01], tau2="EE", ci="Wald")
    found = leave_one_out(fit)
    assert found.sides().tolist() == [1, -1, -1]
    assert found.decisive == ("Study 1",)


def test_shift_scale_and_order() -> None:
    fit = classic()
    one = leave_one_out(fit)
    other = leave_one_out(pooled(2.0 - 3.0 * fit.yi[::-1], 9.0 * fit.vi[::-1]))
    np.testing.assert_allclose(other.estimate[::-1], 2.0 - 3.0 * one.estimate, rtol=1e-7)
    np.testing.assert_allclose(other.ci_low[::-1], 2.0 - 3.0 * one.ci_high, rtol=1e-7)
    np.testing.assert_allclose(other.tau2[::-1], 9.0 * one.tau2, rtol=1e-6)


def multilevel_table() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    trial = np.repeat(np.arange(7), [1, 2, 3, 2, 1, 2, 3])
    yi = -0.5 + rng.normal(0, 0.3, 7)[trial] + rng.normal(0, 0.2, trial.size)
    return pd.DataFrame(
        {
            "label": [f"t{t} row {i}" for i, t in enumerate(trial)],
            "study_id": [f"t{t}" for t in trial],
            "effect": [f"e{i}" for i in range(trial.size)],
            "yi": yi,
            "vi": rng.uniform(0.01, 0.05, trial.size),
        }
    )


@pytest.mark.parametrize("V", [None, 0.6])
def test_clusters_of_a_multilevel_model(V: float | None) -> None:
    rows = multilevel_table()
    settings: dict[str, Any] = {
        "V": V,
        "random": "1 | study_id / effect",
        "options": km.models.MultilevelOptions(test="z", level=0.9),
    }
    fit = km.multilevel(rows, **settings)
    found = leave_one_out(fit)
    assert found.by == "study_id"
    assert found.labels == tuple(f"t{t}" for t in range(7))
    assert found.whole.level == 0.9
    for i, label in enumerate(found.labels):
        one = km.multilevel(rows[rows["study_id"] != label], **settings)
        row = one.to_frame().iloc[0]
        assert found.k[i] == one.k
        for name in ("estimate", "se", "ci_low", "ci_high", "p"):
            assert getattr(found, name)[i] == pytest.approx(row[name], rel=1e-6, abs=1e-12)
        assert found.tau2[i] == pytest.approx(one.components["estimate"].sum(), rel=1e-5, abs=1e-12)
        assert found.pi_low[i] == pytest.approx(one.predict()["pi_low"].iloc[0], rel=1e-6)
        assert found.q[i] == pytest.approx(one.qe, rel=1e-8)
    assert np.isnan(found.i2).all()
    assert found.provenance.steps[-1] == {"step": "leave_one_out", "arguments": {"by": None}}
    assert "without each study_id" in str(found)


def test_a_full_covariance_of_a_multilevel_model_is_cut_with_its_rows() -> None:
    rows = multilevel_table()
    same = rows["study_id"].to_numpy()[:, None] == rows["study_id"].to_numpy()[None, :]
    spread = np.sqrt(np.outer(rows["vi"], rows["vi"]))
    V = np.where(same, 0.4, 0.0) * spread
    np.fill_diagonal(V, rows["vi"])
    found = leave_one_out(km.multilevel(rows, V=V, random="1 | study_id"), by="study_id")
    keep = (rows["study_id"] != "t2").to_numpy()
    one = km.multilevel(rows[keep], V=V[np.ix_(keep, keep)], random="1 | study_id")
    assert found.estimate[2] == pytest.approx(float(one.beta[0]), rel=1e-7)


def test_a_multilevel_model_that_cannot_be_fitted_again_says_so() -> None:
    rows = multilevel_table()
    rows["side"] = ["a"] * 12 + ["b", "c"]
    fit = km.multilevel(rows, random="1 | side / effect")
    found = leave_one_out(fit, by="side")
    lost = np.flatnonzero(np.isnan(found.estimate))
    assert len(found.notes) == lost.size == 1
    assert found.notes[0].startswith("without a the model cannot be fitted: ")
    assert not found.changes[lost].any()
    assert found.sentence().endswith("not every pool could be computed.")


def test_moderators_of_a_multilevel_model_are_refused() -> None:
    rows = multilevel_table().assign(dose=np.arange(14.0))
    with pytest.raises(ModelError, match="this one has moderators: dose"):
        leave_one_out(km.multilevel(rows, moderators="dose"))


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
def test_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ModelError, match="needs 3 studies or more; this pool has 2"):
        leave_one_out(pooled([0.1, 0.2], [0.1, 0.1]))
    with pytest.raises(ModelError, match="takes the result of pool"):
        leave_one_out([1, 2, 3])  # type: ignore[arg-type]
    rows = table()
    with pytest.raises(ModelError, match=r"no column 'sit'.*'site'"):
        leave_one_out(km.pool(rows), by="sit")
    with pytest.raises(ModelError, match="no column '3'"):
        leave_one_out(km.pool(rows), by=3)  # type: ignore[arg-type]
    two = rows.assign(site=["north", "south"] * 4)
    with pytest.raises(ModelError, match=r"needs 3 values of 'site' or more; there are 2: north, south"):
        leave_one_out(km.pool(two), by="site")
    with pytest.raises(ModelError, match=r"'site' is missing in row 2 \(Trial 1\)"):
        leave_one_out(km.pool(rows.assign(site=["a", None, *"bcdefg"])), by="site")


@pytest.mark.filterwarnings("ignore::ketameta.errors.KetametaWarning")
def test_three_studies_and_alike_effects() -> None:
    three = leave_one_out(pooled([-1.0, -0.4, -0.1], [0.04, 0.09, 0.05]))
    assert three.k.tolist() == [2, 2, 2]
    assert any("a pool of 2 studies says little" in note for note in three.notes)
    alike = leave_one_out(pooled([0.3] * 4, [0.1, 0.2, 0.3, 0.4]))
    assert alike.se.tolist() == [0.0] * 4
    assert np.isnan(alike.p).all()
    assert alike.to_dict()["steps"][0]["p"] is None


def test_huge_and_tiny_variances() -> None:
    found = leave_one_out(pooled([0.1, 0.4, -0.3, 0.2], [1e-12, 1.0, 1e6, 1e12], ci="Wald"))
    assert np.isfinite(found.estimate).all()


def test_bootstrap_prediction_is_not_drawn_anew() -> None:
    options = km.PoolOptions(draws=1000, rng=1)
    found = leave_one_out(classic(prediction="bootstrap", options=options))
    assert np.isnan(found.pi_low).all()
    assert any("bootstrap" in note for note in found.notes)


def test_what_the_result_says() -> None:
    rows = table().assign(measure="RR")
    found = leave_one_out(km.pool(rows))
    assert isinstance(found, LeaveOneOut)
    frame = found.to_frame()
    assert frame["k"].tolist() == [7] * 8
    np.testing.assert_allclose(frame["shift"], found.estimate - found.whole.estimate)
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert record["scale"] == "log"
    assert record["decisive"] == list(found.decisive)
    assert len(record["steps"]) == 8
    least = np.exp(found.estimate.min())
    assert f"lay between {least:.2f} (without " in found.sentence()
    assert "excludes 1" in found.sentence()
    assert "shown as ratio" in str(found)
    assert found._repr_html_().count("<tr>") == 10
    assert found.provenance.steps[-1] == {"step": "leave_one_out", "arguments": {"by": None}}
