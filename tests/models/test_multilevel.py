"""multilevel: derivatives, dense likelihoods, invariances, boundaries, what is refused."""

import json
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

import ketameta as km
from ketameta.effects import covariance
from ketameta.models._ml_likelihood import evaluate, slopes

STRUCTURES = ("CS", "HCS", "UN", "AR", "HAR", "CAR", "ID", "DIAG")


def longitudinal(k, m=4, seed=1, kept=0.85):
    """k trials with up to m times, correlated sampling errors and effects; its V as blocks."""
    rng = np.random.default_rng(seed)
    time = np.array([1.0, 2.0, 7.0, 14.0, 28.0, 42.0])[:m]
    apart = np.abs(time[:, None] - time)
    rows, blocks = [], []
    for trial in range(k):
        use = rng.random(m) < kept
        use[rng.integers(m)] = True
        sd = rng.uniform(0.15, 0.4, use.sum())
        v = 0.6 ** (apart[np.ix_(use, use)] / 7) * np.outer(sd, sd)
        g = 0.15 * 0.95 ** apart[np.ix_(use, use)]
        y = rng.multivariate_normal(-0.5 + 0.01 * time[use], v + g)
        blocks.append(v)
        rows += [
            {
                "trial": f"t{trial}",
                "time": t,
                "es": f"t{trial}-{t:g}",
                "site": f"s{trial % 3}",
                "yi": a,
                "vi": b,
            }
            for t, a, b in zip(time[use], y, np.diag(v), strict=True)
        ]
    return pd.DataFrame(rows), blocks


TABLE, BLOCKS = longitudinal(14)
SMALL = pd.DataFrame(
    {
        "study_id": list("aabbccdd"),
        "es": range(8),
        "time": [1, 2] * 4,
        "yi": [0.1, 0.2, 0.5, 0.6, -0.1, 0.3, 0.2, 0.9],
        "vi": [0.1, 0.05, 0.1, 0.1, 0.2, 0.1, 0.05, 0.1],
    }
)


def fit(**choices):
    return km.multilevel(TABLE, V=BLOCKS, **({"random": "time | trial"} | choices))


def dense(table, blocks):
    n = len(table)
    full, start = np.zeros((n, n)), 0
    for block in blocks:
        end = start + len(block)
        full[start:end, start:end] = block
        start = end
    return full


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
    y, v = TABLE["yi"].to_numpy(), dense(TABLE, BLOCKS)
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
    full = dense(TABLE, BLOCKS)
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
    full = dense(TABLE, BLOCKS)
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
    y, v = TABLE["yi"].to_numpy(), dense(TABLE, BLOCKS)
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


def test_rows_that_lack_something_are_left_out_and_named():
    table = SMALL.assign(
        time=[1, 2, 1, np.nan, 1, 2, 1, 2], study_id=["a", "a", "b", "b", None, "c", "d", "d"]
    )
    found = km.multilevel(table, moderators="time", V=np.diag(SMALL["vi"]))
    assert found.left_out["reason"].tolist() == ["no value of 'time'", "no value of 'study_id'"]
    np.testing.assert_array_equal(found.vi, SMALL["vi"].drop([3, 4]))
    assert sum("left out" in note for note in found.notes) == 2


def test_edges_of_the_range_are_said():
    alike = km.multilevel(SMALL.assign(yi=0.3), random="1 | study_id/es")
    assert alike.components["boundary"].all()
    assert "edge of the range" in alike.notes[0]
    flat = km.multilevel(SMALL.assign(yi=0.3), random="time | study_id", structure="AR")
    assert np.isnan(flat.components["estimate"][1])
    profile = alike.profile("tau2(study_id)")
    assert (profile.low, profile.low_open) == (0.0, True)
    assert profile.high > 0


def test_a_correlation_that_no_pair_tells_about():
    apart = SMALL.assign(arm=["x", "x", "y", "y", "z", "x", "y", "z"], study_id=list("aabbcdef"))
    found = km.multilevel(apart, random="arm | study_id", structure="UN")
    rho = found.components.iloc[3:]
    assert rho["estimate"].isna().all()
    assert any("no group has both levels" in note for note in found.notes)
    steps = km.multilevel(TABLE, V=BLOCKS, random="time | trial", structure="AR")
    assert any("CAR goes by distance" in note for note in steps.notes)


def test_singular_v_may_stand_where_effects_vary():
    v = np.diag(SMALL["vi"].to_numpy())
    v[0, 1] = v[1, 0] = np.sqrt(v[0, 0] * v[1, 1])
    spread = SMALL.assign(yi=5 * SMALL["yi"])
    found = km.multilevel(spread, V=v, random="1 | study_id/es")
    assert found.components["estimate"][1] > 0.1
    assert np.isnan(found.qe)
    assert any("singular" in note for note in found.notes)
    with pytest.raises(km.errors.ModelError, match="positive definite"):
        km.multilevel(spread, V=v, random=[])


@pytest.mark.parametrize("vi", [1e-1, 1e-3, 1e-5, 1e-6, 1e-7, 1e-9, 1e-12])
def test_small_sampling_variances_are_fitted_well_or_refused(vi):
    """Balanced, so that tau2 is the variance of the means less vi / m; V alone must explain what they leave."""
    means = np.repeat(3 * np.random.default_rng(2).normal(size=6), 3)
    table = pd.DataFrame({"study_id": np.repeat(range(6), 3), "vi": vi})
    table["yi"] = np.random.default_rng(1).normal(size=18) + means
    expected = table.groupby("study_id")["yi"].mean().var() - vi / 3
    try:
        found = km.multilevel(table).components["estimate"][0]
    except km.errors.ModelError:
        found = expected if vi < 1e-5 else np.nan
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_stack_of_blocks_is_a_list_of_blocks():
    blocks = [np.array([[0.1, 0.03], [0.03, 0.2]]) + 0.01 * i * np.eye(2) for i in range(4)]
    table = SMALL.drop(columns="vi")
    stacked, listed = km.multilevel(table, V=np.stack(blocks)), km.multilevel(table, V=blocks)
    assert stacked.to_dict() == listed.to_dict()


def test_clusters_that_cut_dependent_effects_are_refused_with_their_rows():
    """The rows named are those of the table, whatever the order of the blocks."""
    table = pd.DataFrame({"study_id": list("aaabc"), "half": list("xxyzw"), "label": list("abcde")})
    table = table.assign(yi=[0.1, 0.5, 0.3, -0.2, 0.6], vi=0.1)
    with pytest.raises(km.errors.ModelError, match=r"row 1 .*row 2 .*row 3 .*depend on one another.*half"):
        km.multilevel(table).robust("half")
    with pytest.raises(km.errors.ModelError, match="one label for each of the 5"):
        km.multilevel(table).robust(5)


def test_levels_of_any_real_type():
    found = km.multilevel(SMALL, random="1 | study_id/es")
    name = found.components["component"][0]
    assert found.profile(name, level=np.float32(0.5)).high == found.profile(name, level=0.5).high


@pytest.mark.parametrize("vi", [1e-30, 1e-12, 1e12, 1e300])
def test_variances_of_any_size(vi):
    found = km.multilevel(SMALL.assign(vi=vi), random="1 | study_id/es")
    assert np.isfinite(found.loglik)
    assert found.components["boundary"].all() == (vi > 1)


def negative():
    v = np.diag(SMALL["vi"].to_numpy())
    v[0, 1] = v[1, 0] = 0.5
    return v


REFUSED = {
    "one study": (SMALL[:2], {}, "every effect has the same"),
    "one row": (SMALL[:1], {}, "cannot carry"),
    "two effects": (SMALL[1:3], {"random": "1 | study_id/es"}, "cannot be told apart"),
    "moderator of studies": (SMALL, {"moderators": "study_id"}, "tell nothing about"),
    "V negative": (SMALL, {"V": negative()}, "negative eigenvalue"),
    "V asymmetric": (SMALL, {"V": np.triu(np.full((8, 8), 0.01)) + np.diag(SMALL["vi"])}, "not symmetric"),
    "V too small": (SMALL, {"V": np.eye(5)}, "about 5 effects"),
    "V not finite": (SMALL, {"V": np.full((8, 8), np.nan)}, "must be finite"),
    "V of other rows": (SMALL, {"V": np.diag(SMALL["vi"][::-1])}, "order of the rows"),
    "V text": (SMALL, {"V": "CS"}, "V must be"),
    "V vector": (SMALL, {"V": SMALL["vi"].to_numpy()}, "V must be"),
    "V ragged": (SMALL, {"V": [[1, 2], [3]]}, "ragged"),
    "V empty": (SMALL, {"V": []}, "V must be"),
    "V truth": (SMALL, {"V": True}, "V must be"),
    "V all minus one": (SMALL.drop(columns="vi"), {"V": -np.eye(8)}, "must be positive"),
    "V without rows": (SMALL, {"V": np.zeros((0, 0))}, "V must be"),
    "V of text": (SMALL, {"V": pd.DataFrame(np.diag(SMALL["vi"])).astype(str)}, "must hold numbers"),
    "V in another order": (
        SMALL.drop(columns="vi"),
        {"V": pd.DataFrame(np.diag(SMALL["vi"])).iloc[::-1, ::-1]},
        "in another order",
    ),
    "V in two orders": (
        SMALL.drop(columns="vi"),
        {"V": pd.DataFrame(np.diag(SMALL["vi"])).iloc[::-1]},
        "different orders",
    ),
    "effects beyond arithmetic": (SMALL.assign(yi=1e150 * SMALL["yi"]), {}, "too far apart"),
    "variances beyond arithmetic": (SMALL.assign(vi=1e-300), {}, "too far apart"),
    "structure without inner levels": (SMALL, {"structure": "UN"}, 'as in "time . study_id"'),
    "moderators none": (SMALL, {"moderators": None}, '"1" for the mean alone'),
    "default column absent": (
        SMALL.drop(columns="study_id"),
        {},
        "random='1 . study_id': the table has no column",
    ),
    "rho too high": (SMALL, {"V": 1.0}, "between -1 and 1"),
    "rho nan": (SMALL, {"V": float("nan")}, "between -1 and 1"),
    "rho without cluster": (SMALL, {"V": 0.5, "random": ["1 | study_id", "1 | es"]}, "name their column"),
    "CAR text": (SMALL.assign(time="x"), {"random": "time | study_id", "structure": "CAR"}, "as a number"),
    "CAR infinite": (SMALL.assign(time=np.inf), {"random": "time | study_id", "structure": "CAR"}, "finite"),
    "AR text": (
        SMALL.assign(time=list("xyxyxyxy")),
        {"random": "time | study_id", "structure": "AR"},
        "order",
    ),
    "many levels": (
        pd.DataFrame({"study_id": np.repeat(range(20), 2), "es": range(40), "yi": 0.1, "vi": 0.1}),
        {"random": "es | study_id", "structure": "UN"},
        "at most 15",
    ),
    "same grouping": (SMALL.assign(o=SMALL["study_id"]), {"random": ["1 | study_id", "1 | o"]}, "told apart"),
    "twice": (SMALL, {"random": ["1 | study_id", "1 | study_id"]}, "twice"),
    "yi missing": (SMALL.assign(yi=np.nan), {}, "missing without a reason"),
    "yi infinite": (SMALL.assign(yi=np.inf), {}, "must be finite"),
    "vi zero": (SMALL.assign(vi=0.0), {}, "must be positive"),
    "empty": (SMALL[:0], {}, "no effect size"),
    "no bar": (SMALL, {"random": "study_id"}, "before its grouping"),
    "nothing after the bar": (SMALL, {"random": "1 |"}, "cannot be read"),
    "misspelt": (SMALL, {"random": "1 | study"}, "did you mean 'study_id'"),
    "slope": (SMALL, {"random": "0 | study_id"}, "random slopes"),
    "nested outer": (SMALL, {"random": "time | study_id/es"}, "two texts"),
    "random number": (SMALL, {"random": 5}, "must be text"),
    "structure": (SMALL, {"structure": "cs"}, "did you mean 'CS'"),
    "structures": (SMALL, {"structure": ["CS", "UN"]}, "one for each"),
    "method": (SMALL, {"method": "DL"}, "REML, ML"),
    "options": (SMALL, {"options": {}}, "MultilevelOptions"),
    "yi as moderator": (SMALL, {"moderators": "yi"}, "the effect itself"),
    "collinear": (SMALL.assign(twice=2 * SMALL["time"]), {"moderators": "time + twice"}, "told apart"),
    "fixed unknown": (SMALL, {"options": km.MultilevelOptions(fixed={"x": 1})}, "the components are"),
    "fixed negative": (
        SMALL,
        {"options": km.MultilevelOptions(fixed={"tau2(study_id)": -1})},
        r"tau2\(study_id\)' = -1 lies outside its range, which goes from 0$",
    ),
    "cluster": (SMALL, {"V": 0.5, "options": km.MultilevelOptions(cluster="nope")}, "no column 'nope'"),
    "not a table": (SMALL["yi"], {}, "must be a DataFrame"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    table, choices, message = REFUSED[name]
    with pytest.raises(km.errors.ModelError, match=message):
        km.multilevel(table, **choices)


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": 1.0},
        {"test": "F"},
        {"df": "KR"},
        {"fixed": 3},
        {"fixed": {"a": "b"}},
        {"cluster": 1},
        {"reference": 1},
    ],
)
def test_options_are_checked(wrong):
    with pytest.raises(km.errors.ModelError):
        km.MultilevelOptions(**wrong)


def test_refusals_of_the_result():
    found = km.multilevel(SMALL)
    for call, message in (
        (lambda: found.profile("x"), "no component"),
        (lambda: found.profile("tau2(study_id)", level=2), "between 0 and 1"),
        (lambda: found.residuals("x"), "unknown"),
        (lambda: found.robust("nope"), "no column 'nope'"),
        (lambda: found.robust("es"), "row 1 .* row 2 .* depend on one another in the model, and es"),
        (lambda: found.robust([1, 2]), "one label for each"),
        (lambda: found.predict({"a": 1}), "DataFrame"),
        (lambda: found.predict(pd.DataFrame()), "no rows"),
        (lambda: km.multilevel(SMALL, random=[]).robust(), "what the clusters are"),
    ):
        with pytest.raises(km.errors.ModelError, match=message):
            call()
    labelled = found.robust([1, 1, 2, 2, 3, 3, 4, 4])
    np.testing.assert_array_equal(labelled.cov, found.robust().cov)


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
