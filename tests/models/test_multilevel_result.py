"""multilevel: profiles, fixed components, random effects, residuals, predictions, and how results are shown."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import block_diag

import ketameta as km

from .multilevel_trials import BLOCKS, SMALL, TABLE, fit


@pytest.mark.parametrize("structure", ["CS", "CAR", "HCS", "UN", "DIAG"])
def test_profile_bounds_meet_their_definition(structure):
    found = fit(structure=structure)
    for name in found.components["component"].tolist()[-2:]:
        profile = found.profile(name, level=0.9)
        assert profile.low <= profile.estimate <= profile.high
        for bound, edge in ((profile.low, profile.low_open), (profile.high, profile.high_open)):
            if edge:
                continue
            held = fit(structure=structure, options=km.MultilevelOptions(fixed={name: bound}))
            assert found.loglik - held.loglik == pytest.approx(0.5 * 2.705543454095404, abs=1e-5)


def test_fixed_components():
    free = fit(structure="CAR")
    names = free.components["component"].tolist()
    at_estimate = dict(zip(names, free.components["estimate"], strict=True))
    held = fit(structure="CAR", options=km.MultilevelOptions(fixed=at_estimate))
    assert held.loglik == pytest.approx(free.loglik, abs=1e-10)
    assert held.parameters == free.parameters - 2
    assert held.components["fixed"].all()
    none = fit(random="1 | trial", options=km.MultilevelOptions(fixed={"tau2(trial)": 0.0}))
    assert none.loglik == pytest.approx(fit(random=[]).loglik, abs=1e-10)


def test_random_effects_and_residuals_against_the_whole_matrix():
    found = fit(random="1 | trial/es")
    y, v = TABLE["yi"].to_numpy(), block_diag(*BLOCKS)
    a, b = found.components["estimate"]
    same = np.equal.outer(TABLE["trial"].to_numpy(), TABLE["trial"].to_numpy()) * 1.0
    m = v + a * same + b * np.eye(len(y))
    x = np.ones((len(y), 1))
    w = np.linalg.inv(m)
    vcov = np.linalg.inv(x.T @ w @ x)
    p = w - w @ x @ vcov @ x.T @ w
    effects = found.random_effects()
    trials = effects[effects["term"] == "trial"]
    first = TABLE.drop_duplicates("trial").index.to_numpy()
    np.testing.assert_allclose(trials["estimate"], (a * same @ p @ y)[first], atol=1e-10)
    error = a * same - a * same @ p @ (a * same)
    np.testing.assert_allclose(trials["se"], np.sqrt(np.diag(error)[first]), atol=1e-10)
    raw = y - x @ vcov @ x.T @ w @ y
    np.testing.assert_allclose(found.residuals(), raw, atol=1e-10)
    np.testing.assert_allclose(
        found.residuals("standardised"), raw / np.sqrt(np.diag(m - x @ vcov @ x.T)), atol=1e-9
    )
    assert (found.residuals("cholesky") ** 2).sum() == pytest.approx(raw @ w @ raw)


def test_predictions_add_the_variances_of_new_effects():
    found = fit(structure="HCS", moderators="time")
    rows = found.predict(pd.DataFrame({"time": [2.0, 14.0]}))
    half = (rows["pi_high"] - rows["pi_low"]) / (rows["ci_high"] - rows["ci_low"])
    variance = found.components.set_index("component")["estimate"]
    own = np.array([variance["tau2(time = 2 | trial)"], variance["tau2(time = 14 | trial)"]])
    np.testing.assert_allclose(half, np.sqrt(1 + own / rows["se"] ** 2))
    with pytest.raises(km.errors.ModelError, match="no level of 'time'"):
        found.predict(pd.DataFrame({"time": [3.0]}))
    alone = fit(structure="HCS").predict(pd.DataFrame({"other": [1]}))
    assert alone["pi_low"].isna().all()
    assert not alone["ci_low"].isna().any()
    with pytest.warns(km.errors.KetametaWarning, match="extrapolation"):
        fit(moderators="time", random="1 | trial").predict(pd.DataFrame({"time": [99.0]}))


def test_results_render_and_survive_json():
    found = fit(structure="UN", moderators="time")
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert json.loads(text)["components"][0]["component"] == "tau2(time = 1 | trial)"
    assert "tau2(time = 1 | trial)" in str(found)
    assert found.sentence().startswith(f"Multilevel model of the effect, {len(TABLE)} effects (14 trial)")
    robust = found.robust()
    json.dumps(robust.to_dict(), allow_nan=False)
    assert "CR2" in robust.sentence()
    assert "Satterthwaite" in str(robust)
    assert robust.test("time").df2 == pytest.approx(robust.to_frame()["df"][1])
    assert found.test("time").stat == pytest.approx(found.qm)


def test_labels_are_text_and_nothing_else():
    table = SMALL.assign(
        **{"a | b": SMALL["study_id"].map({"a": "<script>", "b": "a/b", "c": "`", "d": "\x1b[31m"})}
    )
    found = km.multilevel(table, random="1 | `a | b`")
    assert found.groups == {"a | b": 4}
    assert "<script>" not in found._repr_html_()
    assert found.random_effects()["group"].tolist()[0] == "<script>"


def test_the_table_is_left_alone():
    table = TABLE.copy()
    before = table.copy()
    blocks = [block.copy() for block in BLOCKS]
    km.multilevel(table, V=blocks, random="time | trial")
    pd.testing.assert_frame_equal(table, before)
    assert all(np.array_equal(a, b) for a, b in zip(blocks, BLOCKS, strict=True))


def test_levels_of_any_real_type():
    found = km.multilevel(SMALL, random="1 | study_id/es")
    name = found.components["component"][0]
    assert found.profile(name, level=np.float32(0.5)).high == found.profile(name, level=0.5).high
