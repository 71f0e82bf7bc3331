"""multilevel: boundaries, rows that lack something, variances of any size, and what is refused."""

import numpy as np
import pandas as pd
import pytest

import ketameta as km

from .multilevel_trials import BLOCKS, SMALL, TABLE


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


def test_clusters_that_cut_dependent_effects_are_refused_with_their_rows():
    """The rows named are those of the table, whatever the order of the blocks."""
    table = pd.DataFrame({"study_id": list("aaabc"), "half": list("xxyzw"), "label": list("abcde")})
    table = table.assign(yi=[0.1, 0.5, 0.3, -0.2, 0.6], vi=0.1)
    with pytest.raises(km.errors.ModelError, match=r"row 1 .*row 2 .*row 3 .*depend on one another.*half"):
        km.multilevel(table).robust("half")
    with pytest.raises(km.errors.ModelError, match="one label for each of the 5"):
        km.multilevel(table).robust(5)


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
